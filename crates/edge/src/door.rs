//! Where connections come in: TLS over TCP, and a Unix socket for this machine's own user.

use crate::{Error, Tls, acme::ACME_TLS};
use std::{
    fs::{self, Permissions},
    future::Future,
    io::{self, ErrorKind},
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use tokio_rustls::server::TlsStream;

/// Who is at the other end; every request carries one as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP address, as the kernel has it, never as a header claims it.
    Network(SocketAddr),
    /// Somebody who may open the Unix socket: this machine's own user.
    Local,
}

/// Who may be able to reach a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// This machine only.
    Loopback,
    /// Whoever the network lets through; a person has said so.
    Public,
}

/// What is spoken on a connection; settled before its first byte, which may never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A way in.
pub trait Door: Send + Sync + 'static {
    /// A connection as the kernel hands it over.
    type Raw: AsyncRead + Unpin + Send + 'static;
    /// A connection on which HTTP can be spoken.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Raw, Peer)>> + Send;

    /// Does what must be done before HTTP can be spoken; bounded by the caller.
    fn greet(&self, raw: Self::Raw) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// What was agreed on while greeting.
    fn protocol(stream: &Self::Stream) -> Protocol;
}

/// TLS over TCP.
pub struct TlsDoor {
    listener: TcpListener,
    tls: Tls,
}

impl TlsDoor {
    /// Listens on `address`; port 0 takes any free one.
    pub async fn bind(address: SocketAddr, exposure: Exposure, tls: Tls) -> Result<Self, Error> {
        if exposure == Exposure::Loopback && !address.ip().is_loopback() {
            return Err(Error::NotLoopback { address });
        }
        Ok(Self { listener: listen(address).await?, tls })
    }

    /// The address that is listened on, its port filled in.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => Error::PortTaken { address },
        _ => Error::Bind { address, source },
    })
}

impl Door for TlsDoor {
    type Raw = TcpStream;
    type Stream = TlsStream<TcpStream>;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = self.listener.accept().await?;
        Ok((stream, Peer::Network(address)))
    }

    async fn greet(&self, mut raw: TcpStream) -> io::Result<Self::Stream> {
        raw.set_nodelay(true)?;
        let mut first = [0];
        raw.peek(&mut first).await?;
        if first.iter().all(u8::is_ascii_uppercase) {
            raw.write_all(SPEAK_TLS).await?;
            raw.shutdown().await?;
            return Err(ErrorKind::InvalidData.into());
        }
        let stream = self.tls.acceptor().accept(raw).await?;
        if stream.get_ref().1.alpn_protocol() == Some(ACME_TLS) {
            // The certificate was all that was asked for.
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(stream)
    }

    /// By ALPN; who says nothing there speaks HTTP/1.1.
    fn protocol(stream: &Self::Stream) -> Protocol {
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        }
    }
}

/// What a client hears that speaks HTTP where TLS is spoken; the request is not read.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
content-length: 54\r\nconnection: close\r\n\r\nThis port speaks HTTPS: begin the address with https.\n";

/// `sun_path` holds 108 bytes with its end mark, and the temporary name is four bytes longer.
pub(crate) const SOCKET_PATH_BYTES_MAX: usize = 103;

/// A Unix socket that its owner may open, or its owner's group.
pub struct LocalDoor {
    listener: UnixListener,
    path: PathBuf,
}

impl LocalDoor {
    /// Listens on `path`, where only the owner may come in; a socket left behind by a dead process is replaced.
    pub async fn bind(path: &Path) -> Result<Self, Error> {
        Self::bind_for(path, 0o600).await
    }

    /// The same where the owner's group may come in too: a proxy that is in it.
    pub async fn bind_for_group(path: &Path) -> Result<Self, Error> {
        Self::bind_for(path, 0o660).await
    }

    async fn bind_for(path: &Path, mode: u32) -> Result<Self, Error> {
        if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            return Err(Error::SocketPath { path: path.to_owned() });
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(Error::SocketTaken { path: path.to_owned() });
        }
        // Under its final name the socket has its final mode from the first moment on.
        let temporary = path.with_extension("sock.tmp");
        let bind = || -> io::Result<UnixListener> {
            match fs::remove_file(&temporary) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&temporary)?;
            fs::set_permissions(&temporary, Permissions::from_mode(mode))?;
            fs::rename(&temporary, path)?;
            Ok(listener)
        };
        let failed = |source| Error::File { path: path.to_owned(), source };
        Ok(Self { listener: bind().map_err(failed)?, path: path.to_owned() })
    }
}

impl Drop for LocalDoor {
    fn drop(&mut self) {
        // A socket that stays behind is replaced at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

impl Door for LocalDoor {
    type Raw = UnixStream;
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, Peer::Local))
    }

    async fn greet(&self, raw: UnixStream) -> io::Result<UnixStream> {
        Ok(raw)
    }

    fn protocol(_stream: &UnixStream) -> Protocol {
        Protocol::Http1
    }
}
