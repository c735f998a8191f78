//! Memory for the data of deferred writes: a fixed number of buffers, reserved at the start. A
//! write that finds no free buffer is shortened. So the memory in use is bounded by the number
//! of waiting writes, not by their size.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of writes that can be deferred at full length at a time.
const BUFFERS: usize = 8;

/// Buffers for the data of requests of up to `request` bytes.
#[derive(Debug)]
pub(in super::super) struct BufferPool {
    request: usize,
    free: Mutex<Vec<Vec<u8>>>,
}

/// The data of a deferred write. Returns its buffer to the pool when dropped.
#[derive(Debug)]
pub(in super::super) struct DeferredData {
    bytes: Vec<u8>,
    pool: Option<Arc<BufferPool>>,
}

impl BufferPool {
    /// Reserves address space for buffers of `request` bytes. Memory is used only once written.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when there is no address space for them.
    pub(in super::super) fn new(request: usize) -> io::Result<Arc<BufferPool>> {
        let buffers = (0..BUFFERS).map(|_| reserved(request));
        let free = buffers.collect::<io::Result<Vec<_>>>()?;
        let free = Mutex::new(free);
        Ok(Arc::new(BufferPool { request, free }))
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies `data`, or its first `fallback_len` bytes when no buffer is free.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when there is no memory for those bytes either.
    pub(in super::super) fn copy(
        self: &Arc<BufferPool>,
        data: &[u8],
        fallback_len: usize,
    ) -> io::Result<DeferredData> {
        let is_long = data.len() > fallback_len && data.len() <= self.request;
        let buffer = is_long.then(|| self.free().pop()).flatten();
        let pool = buffer.is_some().then(|| self.clone());
        let data = match &pool {
            Some(_) => data,
            None => &data[..data.len().min(fallback_len)],
        };
        let mut bytes = buffer.map_or_else(|| reserved(data.len()), Ok)?;
        bytes.extend_from_slice(data);
        Ok(DeferredData { bytes, pool })
    }
}

impl DeferredData {
    /// The bytes to write.
    pub(in super::super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for DeferredData {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            self.bytes.clear();
            pool.free().push(mem::take(&mut self.bytes));
        }
    }
}

/// An empty buffer with reserved capacity for `len` bytes.
fn reserved(len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reserved = bytes.try_reserve_exact(len);
    reserved.map_err(|_| io::ErrorKind::OutOfMemory)?;
    Ok(bytes)
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn data_is_shortened_without_a_free_buffer_and_buffers_are_returned() {
        let data = vec![7; 100];
        let pool = BufferPool::new(100).unwrap();
        let copy = |data: &[u8]| pool.copy(data, 10).unwrap();
        // Short writes take no buffer from the pool.
        let short: Vec<_> = (0..2 * BUFFERS).map(|_| copy(&data[..10])).collect();
        let mut whole: Vec<_> = (0..BUFFERS).map(|_| copy(&data)).collect();
        assert!(
            whole
                .iter()
                .chain(&short)
                .all(|copied| data.starts_with(copied.bytes()))
        );
        assert!(whole.iter().all(|copied| copied.bytes().len() == 100));
        assert_eq!(copy(&data).bytes().len(), 10);
        assert_eq!(copy(&data[..5]).bytes().len(), 5);
        whole.pop();
        assert_eq!(copy(&data).bytes().len(), 100);
        drop(whole);
        assert_eq!(pool.free().len(), BUFFERS);
        // More than the request size is never copied at full length.
        assert_eq!(copy(&[1; 101]).bytes().len(), 10);
    }
}
