//! Checks of what follows the magic bytes of a file. Numbers can begin like short magic
//! bytes, so a format with such bytes must also have the fields that its header requires.

use super::Sample;

/// Whether no reserved flag is set and the operating system is a known one.
pub(super) fn is_gzip(sample: &Sample) -> bool {
    let Some([0x1f, 0x8b, 0x08, flags, _, _, _, _, _, system]) = sample.number(0) else {
        return false;
    };
    // RFC 1952 numbers the systems up to 13, zlib up to 19. 255 is unknown.
    flags < 0x20 && (system <= 19 || system == 255)
}

/// Whether the first code, of nine bits, is that of a byte.
pub(super) fn is_compress(sample: &Sample) -> bool {
    let second = sample.first.get(4);
    sample.has(0, b"\x1f\x9d\x90") && second.is_none_or(|second| second & 1 == 0)
}

/// Whether the reserved bit of the frame header is zero.
pub(super) fn is_zstd(sample: &Sample) -> bool {
    let header = sample.first.get(4);
    sample.has(0, b"\x28\xb5\x2f\xfd") && header.is_some_and(|header| header & 8 == 0)
}

/// Whether the frame has version 1. The legacy format has no version.
pub(super) fn is_lz4(sample: &Sample) -> bool {
    let flags = sample.first.get(4);
    let is_frame = sample.has(0, b"\x04\x22\x4d\x18");
    let is_legacy = sample.has(0, b"\x02\x21\x4c\x18");
    is_legacy || is_frame && flags.is_some_and(|flags| flags & 0xc0 == 0x40)
}

/// Whether the magic number is followed by the digits of a header and by a name of the
/// stated length, which ends in a zero byte.
pub(super) fn is_cpio(sample: &Sample) -> bool {
    let (size, name_size, radix) = if sample.has(0, b"070701") || sample.has(0, b"070702") {
        (110, 94..102, 16)
    } else if sample.has(0, b"070707") {
        (76, 59..65, 8)
    } else {
        return false;
    };
    let is_digit = |&byte: &u8| char::from(byte).is_digit(radix);
    let end_of_name = || {
        let header = sample.first.get(..size)?;
        header.iter().all(is_digit).then_some(())?;
        let digits = str::from_utf8(header.get(name_size)?).ok()?;
        let length = usize::from_str_radix(digits, radix).ok()?;
        sample.first.get(size..)?.get(length.checked_sub(1)?)
    };
    end_of_name() == Some(&0)
}

/// Whether the start of the image is followed by a marker that can be there.
pub(super) fn is_jpeg(sample: &Sample) -> bool {
    let is_marker = |marker| {
        // 0xc8 is reserved. 0xd0 to 0xd9 are markers without a segment.
        matches!(marker, 0xc0..=0xc7 | 0xc9..=0xcf | 0xda..=0xdf | 0xe0..=0xef | 0xfe)
    };
    sample.has(0, b"\xff\xd8\xff") && sample.first.get(3).copied().is_some_and(is_marker)
}

/// Whether the first directory is within the file and after the header.
pub(super) fn is_tiff(sample: &Sample) -> bool {
    let short = |decode: fn([u8; 4]) -> u32| {
        let at = sample.number(4).map(decode);
        at.is_some_and(|at| (8..sample.size).contains(&at.into()))
    };
    let long = |decode: fn([u8; 8]) -> u64| {
        let at = sample.number(8).map(decode);
        at.is_some_and(|at| (16..sample.size).contains(&at))
    };
    // In a BigTIFF, the size of an offset precedes it.
    sample.has(0, b"II*\0") && short(u32::from_le_bytes)
        || sample.has(0, b"MM\0*") && short(u32::from_be_bytes)
        || sample.has(0, b"II+\0\x08\0\0\0") && long(u64::from_le_bytes)
        || sample.has(0, b"MM\0+\0\x08\0\0") && long(u64::from_be_bytes)
}

/// Whether the first segment, of the image size, has the length for one component.
pub(super) fn is_jpeg_2000_stream(sample: &Sample) -> bool {
    let length = sample.number(4).map(u16::from_be_bytes);
    sample.has(0, b"\xff\x4f\xff\x51") && length.is_some_and(|length| length >= 41)
}

/// Whether the version is 2 and only known flags are set.
pub(super) fn is_exr(sample: &Sample) -> bool {
    let fields = sample.number(4);
    let known = |[version, flags, rest @ ..]: [u8; 4]| {
        version == 2 && flags & !0b0001_1110 == 0 && rest == [0, 0]
    };
    sample.has(0, b"\x76\x2f\x31\x01") && fields.is_some_and(known)
}

/// Whether a binary greyscale or colour image has the size that its header states.
pub(super) fn is_netpbm(sample: &Sample) -> bool {
    let size = || {
        let channels = match sample.number(0)? {
            [b'P', b'5'] => 1,
            [b'P', b'6'] => 3,
            _ => return None,
        };
        let (width, at) = netpbm_number(sample, 2)?;
        let (height, at) = netpbm_number(sample, at)?;
        let (white, at) = netpbm_number(sample, at)?;
        let itemsize = match white {
            1..=0xff => 1,
            0x100..=0xffff => 2,
            _ => return None,
        };
        sample.first.get(at)?.is_ascii_whitespace().then_some(())?;
        let pixels = width.checked_mul(height).filter(|&pixels| pixels > 0)?;
        pixels
            .checked_mul(channels * itemsize)?
            .checked_add(at as u64 + 1)
    };
    size() == Some(sample.size)
}

/// The number of a Netpbm header after the blanks and comments at `at`, and its end.
fn netpbm_number(sample: &Sample, mut at: usize) -> Option<(u64, usize)> {
    let start = at;
    loop {
        let rest = sample.first.get(at..)?;
        match rest.first()? {
            b'#' => at += rest.iter().position(|&byte| byte == b'\n')?,
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => break,
        }
    }
    (at > start).then_some(())?;
    let rest = sample.first.get(at..)?;
    let length = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let digits = str::from_utf8(rest.get(..length)?).ok()?;
    Some((digits.parse().ok()?, at + length))
}

/// Whether the samples start after the header and within the file.
pub(super) fn is_au(sample: &Sample) -> bool {
    let start = sample.number(4).map(u32::from_be_bytes);
    let is_within = |start: u32| (24..=sample.size).contains(&start.into());
    sample.has(0, b".snd") && start.is_some_and(is_within)
}

/// Whether an ID3 tag has only defined flags, and a size in bytes of seven bits.
pub(super) fn is_tagged_mp3(sample: &Sample) -> bool {
    let Some([b'I', b'D', b'3', 2..=4, _, flags, size @ ..]) = sample.number::<10>(0) else {
        return false;
    };
    flags & 0x0f == 0 && size.iter().all(u8::is_ascii)
}

/// Whether the first box has room for a brand and lies within the file.
pub(super) fn is_ftyp(sample: &Sample) -> bool {
    let size = sample.number(0).map(u32::from_be_bytes);
    let is_within = |size: u32| (16..=sample.size).contains(&size.into());
    sample.has(4, b"ftyp") && size.is_some_and(is_within)
}

/// The signature of the superblock of an HDF5 file.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// The largest user block of an HDF5 file that is looked behind.
const MAX_USER_BLOCK: u64 = 1 << 26;

/// The version of the superblock of an HDF5 file. `None` if there is none. A user block can
/// precede it, of 512 bytes or a power of two of them. If the file ends after the signature, the
/// version is the highest.
pub(in crate::source) fn hdf5_version(sample: &Sample) -> Option<u8> {
    let doubled = |&at: &u64| at.checked_mul(2);
    let places = std::iter::successors(Some(512), doubled);
    let places = places.take_while(|&at| at <= MAX_USER_BLOCK && at < sample.size);
    [0].into_iter().chain(places).find_map(|at| {
        let start = sample.input.up_to(at, HDF5.len() + 1).ok()?;
        let rest = start.strip_prefix(HDF5)?;
        Some(rest.first().copied().unwrap_or(u8::MAX))
    })
}

/// Whether a superblock of HDF5 is at one of its places.
pub(super) fn is_hdf5(sample: &Sample) -> bool {
    hdf5_version(sample).is_some()
}

/// Whether `magic` is at both ends, and the length before the last one is that of a footer.
fn has_footer(sample: &Sample, magic: &[u8]) -> bool {
    let ends = sample.has(0, magic) && sample.last == magic;
    let length = || {
        let at = sample.size.checked_sub(8)?;
        let length = sample.input.up_to(at, 4).ok()?;
        Some(u32::from_le_bytes(length.try_into().ok()?))
    };
    let fits = |length: u32| length > 0 && u64::from(length) + 12 <= sample.size;
    ends && length().is_some_and(fits)
}

/// Whether the first page has a header, or the footer has its length.
pub(super) fn is_parquet(sample: &Sample) -> bool {
    // The header of a page begins with its type, in the encoding of Thrift.
    sample.has(0, b"PAR1\x15") || has_footer(sample, b"PAR1") || has_footer(sample, b"PARE")
}

/// Whether the footer has its length.
pub(super) fn is_feather(sample: &Sample) -> bool {
    has_footer(sample, b"FEA1")
}

/// Whether the magic bytes are followed by metadata with the schema.
pub(super) fn is_avro(sample: &Sample) -> bool {
    const SCHEMA: &[u8] = b"avro.schema";
    let mut windows = sample.first.windows(SCHEMA.len());
    sample.has(0, b"Obj\x01") && windows.any(|window| window == SCHEMA)
}

/// Whether the magic bytes are followed by a version of the storage, which are below 100 so far.
pub(super) fn is_duckdb(sample: &Sample) -> bool {
    let version = sample.number(12).map(u64::from_le_bytes);
    sample.has(8, b"DUCK") && version.is_some_and(|version| (1..0x1_0000).contains(&version))
}

/// Whether the first block has data descriptors, and the next one is within the file.
pub(super) fn is_hdf4(sample: &Sample) -> bool {
    let count = sample.number(4).map(u16::from_be_bytes);
    let next = sample.number(6).map(u32::from_be_bytes);
    let ends_within = |count: u16| 10 + 12 * u64::from(count) <= sample.size;
    sample.has(0, b"\x0e\x03\x13\x01")
        && count.is_some_and(|count| count > 0 && ends_within(count))
        && next.is_some_and(|next| next == 0 || u64::from(next) < sample.size)
}

/// Whether the edition of the format is a known one.
pub(super) fn is_grib(sample: &Sample) -> bool {
    sample.has(0, b"GRIB") && matches!(sample.first.get(7), Some(1..=2))
}

/// Whether the edition of the format is a known one.
pub(super) fn is_bufr(sample: &Sample) -> bool {
    sample.has(0, b"BUFR") && matches!(sample.first.get(7), Some(1..=4))
}

/// Whether the protocol is followed by a frame within the file, or by an operation that
/// can come first in a file that ends with the operation STOP.
pub(super) fn is_pickle(sample: &Sample) -> bool {
    /// Operations that push a value on the stack.
    const FIRST: &[u8] = b"()BCFGIJKLMNTUVX]c}\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x96";
    let Some([0x80, protocol @ 2..=5, operation]) = sample.number(0) else {
        return false;
    };
    if operation == 0x95 {
        let end = sample
            .number(3)
            .map(u64::from_le_bytes)
            .and_then(|length| length.checked_add(11));
        return protocol >= 4 && end.is_some_and(|end| end <= sample.size);
    }
    FIRST.contains(&operation) && sample.last.ends_with(b".")
}

/// Whether the class, the byte order and the version are defined.
pub(super) fn is_elf(sample: &Sample) -> bool {
    sample.has(0, b"\x7fELF") && matches!(sample.number(4), Some([1 | 2, 1 | 2, 1]))
}

/// Whether the path of the interpreter is on a line of text.
pub(super) fn is_script(sample: &Sample) -> bool {
    let is_text = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\r');
    let mut lines = sample.first.split(|&byte| byte == b'\n');
    let line = lines.next();
    let starts = sample.has(0, b"#!/") || sample.has(0, b"#! /");
    starts && line.is_some_and(|line| line.iter().all(is_text))
}

/// Whether `BM` is followed by the size of the file.
pub(super) fn is_bmp(sample: &Sample) -> bool {
    let size = sample.number(2).map(u32::from_le_bytes);
    sample.has(0, b"BM") && size.map(u64::from) == Some(sample.size)
}

/// Whether the item type and the big-endian lengths of the axes agree with the size of
/// the file. Zeros would agree with a file of only a header, so no axis is empty.
pub(super) fn is_idx(sample: &Sample) -> bool {
    let size = || {
        let [0, 0, kind, axes] = sample.number(0)? else {
            return None;
        };
        let itemsize: u64 = match kind {
            0x08 | 0x09 => 1,
            0x0b => 2,
            0x0c | 0x0d => 4,
            0x0e => 8,
            _ => return None,
        };
        let axes = usize::from(axes);
        let mut bytes = itemsize;
        for axis in 0..axes {
            let length = u32::from_be_bytes(sample.number(4 + 4 * axis)?);
            (length > 0).then_some(())?;
            bytes = bytes.checked_mul(length.into())?;
        }
        (axes > 0).then_some(())?;
        bytes.checked_add(4 + 4 * axes as u64)
    };
    size() == Some(sample.size)
}

/// Whether `ORC` is at the start and before the last byte, the length of the postscript, of
/// which it is a part.
pub(super) fn is_orc(sample: &Sample) -> bool {
    sample.has(0, b"ORC") && matches!(sample.last[..], [b'O', b'R', b'C', length] if length > 3)
}

/// Whether a DOS header points to a Windows header.
pub(super) fn is_windows_program(sample: &Sample) -> bool {
    let at = sample.number(60).map(u32::from_le_bytes);
    let is_at = |at: u32| usize::try_from(at).is_ok_and(|at| sample.has(at, b"PE\0\0"));
    sample.has(0, b"MZ") && at.is_some_and(is_at)
}
