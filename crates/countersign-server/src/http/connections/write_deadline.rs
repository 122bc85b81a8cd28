use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::exchanges::Exchanges;

/// The most bytes that are copied in order to be written by one system call that takes one buffer. The call with a list of
/// buffers takes longer than to copy as many.
const SHORT: usize = 2048;

/// Returns the bytes of all slices in one, if they are few.
fn joined<'b>(slices: &[io::IoSlice<'_>], buffer: &'b mut [u8; SHORT]) -> Option<&'b [u8]> {
    let mut length = 0;
    for slice in slices {
        let end = length + slice.len();
        buffer.get_mut(length..end)?.copy_from_slice(slice);
        length = end;
    }
    buffer.get(..length)
}

/// A stream whose writes fail with [`io::ErrorKind::TimedOut`] once the peer has taken nothing for some time.
pub(super) struct WriteDeadline<S> {
    inner: S,
    limit: Duration,
    exchanges: Exchanges,
    /// Runs while the peer takes nothing.
    blocked: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteDeadline<S> {
    pub(super) const fn new(inner: S, limit: Duration, exchanges: Exchanges) -> Self {
        Self {
            inner,
            limit,
            exchanges,
            blocked: None,
        }
    }

    fn limit<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.blocked.take().is_some() {
                self.exchanges.set_blocked(false);
            }
            return written;
        }
        let (limit, exchanges) = (self.limit, &self.exchanges);
        let blocked = self.blocked.get_or_insert_with(|| {
            exchanges.set_blocked(true);
            Box::pin(sleep(limit))
        });
        let elapsed = blocked.as_mut().poll(cx);
        elapsed.map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.limit(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = [0; SHORT];
        let written = match joined(slices, &mut buffer) {
            Some(bytes) => Pin::new(&mut self.inner).poll_write(cx, bytes),
            None => Pin::new(&mut self.inner).poll_write_vectored(cx, slices),
        };
        self.limit(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.limit(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.limit(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_are_joined_in_their_order_and_many_are_not() {
        let joined = |parts: &[&[u8]]| {
            let slices: Vec<_> = parts.iter().map(|part| io::IoSlice::new(part)).collect();
            joined(&slices, &mut [0; SHORT]).map(<[u8]>::to_vec)
        };
        let whole = [b'x'; SHORT];
        let (half, rest) = whole.split_at(SHORT / 2);
        assert_eq!(joined(&[]), Some(Vec::new()));
        assert_eq!(joined(&[b"head", b"", b"body"]), Some(b"headbody".to_vec()));
        assert_eq!(joined(&[half, rest]), Some(whole.to_vec()));
        assert_eq!(joined(&[&whole, b"y"]), None);
        assert_eq!(joined(&[b"y", &whole]), None);
    }
}
