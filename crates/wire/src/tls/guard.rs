//! A byte stream that ends by itself once something outside it says so.
//!
//! The guard is a future that is polled together with the stream: when it resolves, the next read
//! or write fails, and so the connection and every call on it end at once, even in mid-stream.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Why a live connection was cut.
pub(crate) type CutReason = Box<dyn std::error::Error + Send + Sync>;

type Cut = Pin<Box<dyn Future<Output = CutReason> + Send>>;

/// A stream with a guard beside it.
pub(crate) struct Guarded<S> {
    inner: S,
    /// `None` once it has resolved: from then on everything fails.
    cut: Option<Cut>,
}

impl<S> Guarded<S> {
    pub(crate) fn new(inner: S, cut: impl Future<Output = CutReason> + Send + 'static) -> Self {
        Self { inner, cut: Some(Box::pin(cut)) }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(cut) = &mut self.cut else {
            return Err(io::ErrorKind::ConnectionAborted.into());
        };
        match cut.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(reason) => {
                self.cut = None;
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, reason))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Not guarded: a connection may always be closed, unless it was cut already.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.is_none() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_read_that_waits_ends_when_the_guard_says_so_and_stays_ended() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let (cut, guard) = oneshot::channel::<()>();
        let mut stream = Guarded::new(ours, async move {
            let _ = guard.await;
            CutReason::from("revoked")
        });
        stream.write_all(b"still open").await.unwrap();
        let waiting = tokio::spawn(async move {
            let first = stream.read_u8().await;
            (first, stream)
        });
        cut.send(()).unwrap();
        let (first, mut stream) = waiting.await.unwrap();
        let error = first.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(error.to_string(), "revoked");
        assert!(stream.write_all(b"x").await.is_err());
        assert!(stream.read_u8().await.is_err());
    }
}
