//! A header that is read is that of an array whose own header says the same.

#![no_main]

use arrayfs::array::View;
use arrayfs::source::npy::{Header, same_meaning};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let needed = Header::size(&bytes[..bytes.len().min(12)]);
    let Ok(header) = Header::parse(bytes) else {
        return;
    };
    assert_eq!(needed, Ok(header.offset as usize));
    let text = &bytes[..header.offset as usize];
    assert!(same_meaning(text, text));

    let Some(written) = Header::write(&header.dtype, &header.shape, header.order) else {
        return;
    };
    let again = Header::parse(&written).unwrap();
    // NumPy does not read the descr of a float8, which is written as opaque bytes.
    assert!(header.dtype.is_stored_as(&again.dtype), "{header:?}, {again:?}");
    assert_eq!(again.shape, header.shape);
    assert_eq!(again.offset, written.len() as u64);
    // The order is written as C where both are the same.
    let dtype = again.dtype.clone();
    assert_eq!(array(&again), array(&Header { dtype, ..header.clone() }));
    if again.dtype == header.dtype {
        let twice = Header::write(&again.dtype, &again.shape, again.order);
        assert_eq!(twice, Some(written));
    }
});

/// The array that the header stands before, unless no file can hold it.
fn array(header: &Header) -> Option<View> {
    let Header {
        dtype,
        order,
        shape,
        ..
    } = header.clone();
    let array = View::contiguous(dtype, 0, shape, order).ok()?;
    Some(array.canonical())
}
