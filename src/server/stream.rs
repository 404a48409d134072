//! The stream of a connection while it speaks HTTP: it does not wait for ever for somebody who does not read
//! the answer.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

use super::framing::Framing;

/// Bytes that must go out within the time for writing.
const PROGRESS: usize = 16 * 1024;

/// A stream that breaks when what is written makes no progress for a while.
#[derive(Debug)]
pub struct HttpStream {
    stream: TcpStream,
    framing: Framing,
    patience: Duration,
    /// Runs while something waits to go out.
    deadline: Option<Pin<Box<Sleep>>>,
    /// What went out since then.
    sent: usize,
}

impl HttpStream {
    pub(super) fn new(stream: TcpStream, framing: Framing, patience: Duration) -> Self {
        Self { stream, framing, patience, deadline: None, sent: 0 }
    }

    /// The plain stream.
    #[must_use]
    pub fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn wrote(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => {
                self.sent += bytes;
                if self.sent >= PROGRESS {
                    (self.sent, self.deadline) = (0, None);
                }
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                let patience = self.patience;
                let deadline =
                    self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
                ready!(deadline.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.framing.read(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Only asked when everything was written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.sent, self.deadline) = (0, None);
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
