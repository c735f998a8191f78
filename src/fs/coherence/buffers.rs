//! Memory for writes that are deferred: a few buffers that are there from the start. A
//! write that finds none is taken short, so that what many clients write at once is bounded
//! by what each of them waits for, not by what they write.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many writes are deferred as a whole at a time.
const BUFFERS: usize = 8;

/// Buffers for the data of requests of up to `request` bytes.
#[derive(Debug)]
pub(in super::super) struct BufferPool {
    request: usize,
    free: Mutex<Vec<Vec<u8>>>,
}

/// The data of a deferred write. A buffer of the pool goes back when this is dropped.
#[derive(Debug)]
pub(in super::super) struct DeferredData {
    bytes: Vec<u8>,
    pool: Option<Arc<BufferPool>>,
}

impl BufferPool {
    /// Buffers for requests of `request` bytes. Their memory counts once it is used.
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

    /// Keeps `data`, or the first `short` bytes of it if all buffers are in use.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when there is no memory for those either.
    pub(in super::super) fn keep(
        self: &Arc<BufferPool>,
        data: &[u8],
        short: usize,
    ) -> io::Result<DeferredData> {
        let is_long = data.len() > short && data.len() <= self.request;
        let buffer = is_long.then(|| self.free().pop()).flatten();
        let pool = buffer.is_some().then(|| self.clone());
        let data = match &pool {
            Some(_) => data,
            None => &data[..data.len().min(short)],
        };
        let mut bytes = buffer.map_or_else(|| reserved(data.len()), Ok)?;
        bytes.extend_from_slice(data);
        Ok(DeferredData { bytes, pool })
    }
}

impl DeferredData {
    /// The bytes that are written.
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

/// An empty buffer for `len` bytes, whose memory is the system's until it is used.
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
    fn what_does_not_fit_is_taken_short_and_buffers_come_back() {
        let data = vec![7; 100];
        let pool = BufferPool::new(100).unwrap();
        let keep = |data: &[u8]| pool.keep(data, 10).unwrap();
        // Short ones need no buffer.
        let short: Vec<_> = (0..2 * BUFFERS).map(|_| keep(&data[..10])).collect();
        let mut whole: Vec<_> = (0..BUFFERS).map(|_| keep(&data)).collect();
        assert!(
            whole
                .iter()
                .chain(&short)
                .all(|kept| data.starts_with(kept.bytes()))
        );
        assert!(whole.iter().all(|kept| kept.bytes().len() == 100));
        assert_eq!(keep(&data).bytes().len(), 10);
        assert_eq!(keep(&data[..5]).bytes().len(), 5);
        whole.pop();
        assert_eq!(keep(&data).bytes().len(), 100);
        drop(whole);
        assert_eq!(pool.free().len(), BUFFERS);
        // More than a request has is never kept as a whole.
        assert_eq!(keep(&[1; 101]).bytes().len(), 10);
    }
}
