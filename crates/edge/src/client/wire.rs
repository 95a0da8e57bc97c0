//! The bytes of one connection, counted where they meet the kernel.

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// What went through one connection; every clone looks at the same one.
///
/// Counting stands below TLS: as long as the kernel took nothing, the other side cannot have
/// anything, whatever TLS has in its own buffers.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    start: Instant,
    read_at_ns: AtomicU64,
    written: AtomicU64,
    written_at_ns: AtomicU64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Counts {
            start: Instant::now(),
            read_at_ns: AtomicU64::new(0),
            written: AtomicU64::new(0),
            written_at_ns: AtomicU64::new(0),
        }))
    }

    pub(crate) fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// When the kernel last took bytes.
    pub(crate) fn written_at(&self) -> Instant {
        self.0.start + Duration::from_nanos(self.0.written_at_ns.load(Ordering::Relaxed))
    }

    /// When bytes last came, or when the connection was made.
    pub(crate) fn read_at(&self) -> Instant {
        self.0.start + Duration::from_nanos(self.0.read_at_ns.load(Ordering::Relaxed))
    }

    fn note_read(&self) {
        self.0.read_at_ns.store(self.now_ns(), Ordering::Relaxed);
    }

    fn add_written(&self, bytes: usize) {
        self.0.written_at_ns.store(self.now_ns(), Ordering::Relaxed);
        self.0.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A stream with a meter on it.
pub(crate) struct Metered<T> {
    stream: T,
    meter: Meter,
}

impl<T> Metered<T> {
    pub(crate) fn new(stream: T, meter: Meter) -> Self {
        Self { stream, meter }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.meter.note_read();
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.meter.add_written(taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, pieces))?;
        self.meter.add_written(taken);
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A connection, whoever opened it.
pub(crate) enum Wire {
    Tls(Box<TlsStream<Metered<TcpStream>>>),
    Plain(Metered<TcpStream>),
    /// One that a client of ours opened and that is HTTP no longer.
    Upgraded(Metered<TokioIo<Upgraded>>),
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Upgraded(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Upgraded(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Upgraded(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Upgraded(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
