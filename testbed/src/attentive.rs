//! TLS that hears a refusal.
//!
//! In TLS 1.3 a client's handshake is over before the server has judged the
//! client's certificate, and BoringSSL says nothing until it has something to
//! send. So a refusal meets the request: the server's alert arrives, the
//! connection is reset, and whoever writes first learns of the reset only; and
//! what HTTP libraries make of an error of the stream's often loses its type.
//! So this stream looks for an alert itself when a write fails, and tells of it
//! beside the stream.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What TLS said when it failed, if it did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict(Arc<OnceLock<rustls::Error>>);

impl Verdict {
    pub(crate) fn told(&self) -> Option<String> {
        self.0.get().map(ToString::to_string)
    }
}

pub(crate) struct Attentive {
    stream: TlsStream<TcpStream>,
    verdict: Verdict,
}

impl Attentive {
    pub(crate) fn new(stream: TlsStream<TcpStream>, verdict: Verdict) -> Self {
        Self { stream, verdict }
    }

    fn stream(&mut self) -> Pin<&mut TlsStream<TcpStream>> {
        Pin::new(&mut self.stream)
    }

    fn note<T>(&self, outcome: &Poll<io::Result<T>>) {
        if let Poll::Ready(Err(error)) = outcome
            && let Some(failure) = error.get_ref().and_then(|inner| inner.downcast_ref())
        {
            // The first one counts.
            let _ = self.verdict.0.set(rustls::Error::clone(failure));
        }
    }

    /// Puts off the failure of a write until what the server sent before is
    /// read: the socket knows of the reset earlier than the runtime does of the
    /// alert.
    fn hear<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.note(&written);
        if !matches!(written, Poll::Ready(Err(_))) || self.verdict.0.get().is_some() {
            return written;
        }
        let mut space = [0];
        let read = self
            .stream()
            .poll_read(context, &mut ReadBuf::new(&mut space));
        self.note(&read);
        // Whoever waits writes again, fails again and is back here.
        if read.is_pending() {
            Poll::Pending
        } else {
            written
        }
    }
}

impl AsyncRead for Attentive {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.stream().poll_read(context, buffer);
        self.note(&read);
        read
    }
}

impl AsyncWrite for Attentive {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(context, bytes);
        self.hear(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream().poll_flush(context);
        self.hear(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = self.stream().poll_shutdown(context);
        self.hear(context, shut)
    }
}
