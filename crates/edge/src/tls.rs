//! The server's side of TLS: 1.2 with ECDHE and AEAD only, 1.3, X25519MLKEM768 first.

use crate::{
    Admission, Certificate, Challenges, Error, Leaf,
    acme::ACME_TLS,
    mutual::{JOINING, RENEWING, WORKING},
};
use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs as provider,
    pki_types::CertificateDer,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};
use tokio_rustls::TlsAcceptor;
use x509_parser::extensions::GeneralName;

/// A TLS configuration whose certificate can be replaced while connections live.
#[derive(Clone)]
pub struct Tls {
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

/// What is shown to whom; a handshake reads it, and none waits for another.
#[derive(Debug)]
struct Current {
    shown: RwLock<Shown>,
    challenges: Challenges,
}

#[derive(Debug)]
struct Shown {
    /// To whoever means this machine, and to whoever names nobody.
    own: Arc<CertifiedKey>,
    /// To whoever asks for one of these names.
    named: Option<(Vec<String>, Arc<CertifiedKey>)>,
}

impl Current {
    fn new(leaf: Leaf, challenges: Challenges) -> Result<Arc<Self>, Error> {
        let shown = RwLock::new(Shown { own: certified(leaf)?, named: None });
        Ok(Arc::new(Self { shown, challenges }))
    }
}

impl Tls {
    /// Serves `leaf` to whoever connects, for HTTP/2 and HTTP/1.1.
    pub fn new(leaf: Leaf) -> Result<Self, Error> {
        Self::speaking(leaf, &[b"h2", b"http/1.1"])
    }

    /// The same, and whoever comes for a proof by TLS finds the `challenges` (RFC 8737).
    pub fn proving(leaf: Leaf, challenges: Challenges) -> Result<Self, Error> {
        Self::with(Current::new(leaf, challenges)?, &[b"h2", b"http/1.1", ACME_TLS])
    }

    /// Serves `leaf` for HTTP/1.1 alone: a connection of HTTP/2 cannot become a WebSocket.
    pub fn http1(leaf: Leaf) -> Result<Self, Error> {
        Self::speaking(leaf, &[b"http/1.1"])
    }

    /// Serves `leaf` to machines that `admission` lets in, by TLS 1.3 alone. No session is resumed: what
    /// was let in a while ago would come in again without its certificate being looked at.
    pub fn mutual(leaf: Leaf, admission: Arc<Admission>) -> Result<Self, Error> {
        let provider = Arc::new(provider::default_provider());
        let current = Current::new(leaf, Challenges::default())?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(admission)
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = [WORKING, RENEWING].map(<[u8]>::to_vec).into();
        Ok(Self { current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Serves `leaf` to who has a token and no certificate yet, by TLS 1.3 alone and for that alone.
    pub fn joining(leaf: Leaf) -> Result<Self, Error> {
        let provider = Arc::new(provider::default_provider());
        let current = Current::new(leaf, Challenges::default())?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![JOINING.to_vec()];
        config.send_tls13_tickets = 0;
        Ok(Self { current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    fn speaking(leaf: Leaf, protocols: &[&[u8]]) -> Result<Self, Error> {
        Self::with(Current::new(leaf, Challenges::default())?, protocols)
    }

    fn with(current: Arc<Current>, protocols: &[&[u8]]) -> Result<Self, Error> {
        let provider = Arc::new(provider::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // Whoever lists the shorter key first gets the longer one all the same.
        config.ignore_client_order = true;
        Ok(Self { current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Serves `leaf` from the next handshake on; connections that live keep theirs.
    pub fn replace(&self, leaf: Leaf) -> Result<(), Error> {
        let fresh = certified(leaf)?;
        self.current.shown.write().unwrap_or_else(PoisonError::into_inner).own = fresh;
        Ok(())
    }

    /// Serves `certificate` to whoever asks for one of its names, from the next handshake on.
    pub fn name(&self, certificate: &Certificate) {
        let named = Some((certificate.names.clone(), Arc::clone(&certificate.certified)));
        self.current.shown.write().unwrap_or_else(PoisonError::into_inner).named = named;
    }

    /// The certificate that the world sees from the next handshake on, which is the one for its names where
    /// there is one; [`None`] where it cannot be read.
    #[must_use]
    pub fn served(&self) -> Option<Served> {
        let shown = self.current.shown.read().unwrap_or_else(PoisonError::into_inner);
        let key = shown.named.as_ref().map_or(&shown.own, |(_, key)| key);
        Served::of(key.cert.first()?)
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(self.acceptor.config())
    }

    /// What does the handshake on a connection that was accepted.
    #[must_use]
    pub const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

/// A certificate as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// SHA-256 of the public key.
    pub spki_sha256: [u8; 32],
    /// SHA-256 of the whole.
    pub sha256: [u8; 32],
    /// Who signed it.
    pub issuer: String,
    /// Until when it holds.
    pub expires: Timestamp,
    /// The names and addresses that it is for.
    pub names: Vec<String>,
}

impl Served {
    pub(crate) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
        let hash = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().try_into().ok();
        let name = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match *bytes {
                [a, b, c, d] => Some(IpAddr::from([*a, *b, *c, *d]).to_string()),
                _ => <[u8; 16]>::try_from(*bytes).ok().map(|all| IpAddr::from(all).to_string()),
            },
            _ => None,
        };
        let names = parsed.subject_alternative_name().ok()?;
        let names = names.into_iter().flat_map(|names| &names.value.general_names);
        Some(Self {
            spki_sha256: hash(parsed.public_key().raw)?,
            sha256: hash(der)?,
            issuer: parsed.issuer().to_string(),
            expires: Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()?,
            names: names.filter_map(name).collect(),
        })
    }
}

fn certified(leaf: Leaf) -> Result<Arc<CertifiedKey>, Error> {
    let provider = provider::default_provider();
    Ok(Arc::new(CertifiedKey::from_der(leaf.chain, leaf.key, &provider)?))
}

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut protocols = hello.alpn().into_iter().flatten();
        // Whoever comes for a proof names that protocol and no other (RFC 8737 §3).
        if protocols.next() == Some(ACME_TLS) && protocols.next().is_none() {
            return self.challenges.certificate(hello.server_name()?);
        }
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let asked = hello.server_name().unwrap_or_default();
        let named = shown.named.as_ref();
        let named =
            named.filter(|(names, _)| names.iter().any(|name| name.eq_ignore_ascii_case(asked)));
        Some(Arc::clone(named.map_or(&shown.own, |(_, key)| key)))
    }
}
