//! What the HTTP library answers by itself to what is no request gets the header lines that all answers have.
//!
//! No service is asked then, so that no service can add them; they are put in on their way out.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose bare refusals are given these lines.
pub(crate) struct Refusing<I> {
    inner: I,
    /// Each ends with CR LF; the first one's name tells whether an answer has them already.
    lines: &'static str,
    pending: Vec<u8>,
    written: usize,
}

impl<I: AsyncWrite + Unpin> Refusing<I> {
    pub(crate) const fn new(inner: I, lines: &'static str) -> Self {
        Self { inner, lines, pending: Vec::new(), written: 0 }
    }

    /// The refusal with the lines, if this is one without them.
    fn completed(&self, head: &[u8]) -> Option<Vec<u8>> {
        let refuses = head.starts_with(b"HTTP/1.1 4") && head.ends_with(b"\r\n\r\n");
        let (name, _) = self.lines.split_once(':').filter(|_| refuses)?;
        let text = std::str::from_utf8(head).ok()?;
        let (first, rest) = text.split_once("\r\n")?;
        let has = |line: &str| line.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name));
        let bare = !rest.split("\r\n").any(has);
        bare.then(|| format!("{first}\r\n{}{rest}", self.lines).into_bytes())
    }

    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.written..).filter(|rest| !rest.is_empty()) {
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
        }
        self.pending.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Refusing<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Refusing<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.drain(cx))?;
        let Some(whole) = self.completed(bytes) else {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        };
        self.pending = whole;
        // What does not go out now goes out before whatever comes next.
        if let Poll::Ready(Err(error)) = self.drain(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.drain(cx))?;
        match pieces.iter().find(|piece| !piece.is_empty()) {
            Some(first) if self.completed(first).is_some() => self.poll_write(cx, first),
            _ => Pin::new(&mut self.inner).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LINES: &str = "x-frame-options: DENY\r\nx-content-type-options: nosniff\r\n";

    #[tokio::test]
    async fn a_bare_refusal_gets_its_lines_and_nothing_else_does() {
        for (said, want) in [
            (
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 400 Bad Request\r\nx-frame-options: DENY\r\nx-content-type-options: nosniff\r\ncontent-length: 0\r\n\r\n",
            ),
            (
                "HTTP/1.1 404 Not Found\r\nX-Frame-Options: DENY\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 404 Not Found\r\nX-Frame-Options: DENY\r\ncontent-length: 0\r\n\r\n",
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
            ("HTTP/1.1 4", "HTTP/1.1 4"),
            ("\u{16}\u{3}\u{3}", "\u{16}\u{3}\u{3}"),
        ] {
            // A pipe of three bytes, so that nothing goes out at once.
            let (one, mut other) = tokio::io::duplex(3);
            let mut stream = Refusing::new(one, LINES);
            let say = async {
                stream.write_all(said.as_bytes()).await.expect("writes");
                stream.shutdown().await.expect("ends");
            };
            let mut heard = String::new();
            let hear = async { other.read_to_string(&mut heard).await.expect("reads") };
            tokio::join!(say, hear);
            assert_eq!(heard, want);
        }
    }
}
