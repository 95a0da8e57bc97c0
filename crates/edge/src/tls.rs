//! The server's side of TLS: 1.2 with ECDHE and AEAD only, 1.3, X25519MLKEM768 first.

use crate::{Admission, Error, Leaf};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;

/// A TLS configuration whose certificate can be replaced while connections live.
#[derive(Clone)]
pub struct Tls {
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// Serves `leaf` to whoever connects, for HTTP/2 and HTTP/1.1.
    pub fn new(leaf: Leaf) -> Result<Self, Error> {
        Self::speaking(leaf, &[b"h2", b"http/1.1"])
    }

    /// Serves `leaf` for HTTP/1.1 alone: a connection of HTTP/2 cannot become a WebSocket.
    pub fn http1(leaf: Leaf) -> Result<Self, Error> {
        Self::speaking(leaf, &[b"http/1.1"])
    }

    /// Serves `leaf` to machines that `admission` lets in, by TLS 1.3 alone. No session is resumed: what
    /// was let in a while ago would come in again without its certificate being looked at.
    pub fn mutual(leaf: Leaf, admission: Arc<Admission>) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = Arc::new(Current(RwLock::new(certified(leaf)?)));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(admission)
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    fn speaking(leaf: Leaf, protocols: &[&[u8]]) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = Arc::new(Current(RwLock::new(certified(leaf)?)));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Self { current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Serves `leaf` from the next handshake on; connections that live keep theirs.
    pub fn replace(&self, leaf: Leaf) -> Result<(), Error> {
        let fresh = certified(leaf)?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// What does the handshake on a connection that was accepted.
    #[must_use]
    pub const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn certified(leaf: Leaf) -> Result<Arc<CertifiedKey>, Error> {
    let provider = aws_lc_rs::default_provider();
    Ok(Arc::new(CertifiedKey::from_der(leaf.chain, leaf.key, &provider)?))
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}
