//! What a machine has: its key, its certificate, and whom it believes.

use super::{
    Badge, JOINING, WORKING,
    authority::{LEAF_HOURS, TOKEN, hex, server_name, sha256, unhex},
};
use crate::{
    Error,
    authority::{expiry, parse},
    files::{self, Readers},
};
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{self, CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    version::TLS13,
};
use std::{path::Path, sync::Arc};
use tokio_rustls::TlsConnector;

/// A certificate is replaced when a third of its life is left.
const HOURS_LEFT_MIN: i64 = LEAF_HOURS / 3;

/// A machine's key and certificate, as they lie in one file of its own.
pub struct Kit {
    key: PrivateKeyDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    server: ServerName<'static>,
    /// Which machine it is.
    pub badge: Badge,
    /// When the certificate runs out.
    pub expires: Timestamp,
}

/// A new key, and the request that proves that it is its sender's.
pub struct Proof {
    key: KeyPair,
    /// The request, in DER.
    pub request: Vec<u8>,
}

impl Proof {
    /// A new key.
    pub fn new() -> Result<Self, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let request = CertificateParams::default().serialize_request(&key)?.der().to_vec();
        Ok(Self { key, request })
    }

    /// Keeps the key with the certificate that was issued for it.
    pub fn keep(self, pem: &str, path: &Path) -> Result<Kit, Error> {
        let both = format!("{}{pem}", self.key.serialize_pem());
        let kit = Kit::read(&both).ok_or_else(|| Error::Damaged { path: path.to_owned() })?;
        files::write_whole(path, &both, Readers::Owner)?;
        Ok(kit)
    }
}

impl Kit {
    /// The kit in a file, if there is one.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        let Some(text) = files::read_private(path)? else { return Ok(None) };
        let kit = Self::read(&text).ok_or_else(|| Error::Damaged { path: path.to_owned() })?;
        Ok(Some(kit))
    }

    fn read(text: &str) -> Option<Self> {
        let (key, leaf) = parse(text)?;
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().ok()?;
        let [_, authority] = chain.as_slice() else { return None };
        let installation = installation(authority)?;
        let badge = Badge::of(&leaf, &installation)?;
        let server = ServerName::try_from(server_name(&installation)).ok()?;
        Some(Self { key, expires: expiry(&leaf)?, chain, server, badge })
    }

    /// Whether it is time for another certificate.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.expires.duration_since(now) < SignedDuration::from_hours(HOURS_LEFT_MIN)
    }

    /// The name by which the server is known, for a connection.
    #[must_use]
    pub fn server(&self) -> ServerName<'static> {
        self.server.clone()
    }

    /// The client's side of TLS: believes this authority alone, and shows this certificate.
    pub fn connector(&self) -> Result<TlsConnector, Error> {
        self.speaking(WORKING)
    }

    pub(super) fn speaking(&self, protocol: &[u8]) -> Result<TlsConnector, Error> {
        let mut roots = RootCertStore::empty();
        for authority in self.chain.iter().skip(1) {
            roots.add(authority.clone())?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?;
        Ok(TlsConnector::from(Arc::new(bare(config, protocol))))
    }
}

/// No connection is resumed: each shows its certificate.
fn bare(mut config: ClientConfig, protocol: &[u8]) -> ClientConfig {
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = Resumption::disabled();
    config
}

/// The installation's name in its authority's certificate.
fn installation(authority: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(authority).ok()?;
    Some(hex(sha256(&parsed.public_key().subject_public_key.data).get(..8)?))
}

/// Whom the bearer of a token believes: the authority whose fingerprint is in it.
#[derive(Debug)]
pub(super) struct Invited {
    fingerprint: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl Invited {
    /// The client's side of TLS for who has a token and no certificate yet.
    pub(super) fn connector(token: &str) -> Result<TlsConnector, Error> {
        let parts = token.strip_prefix(TOKEN).and_then(|rest| rest.split_once('-'));
        let fingerprint = parts.and_then(|(_, fingerprint)| unhex(fingerprint));
        let fingerprint = fingerprint.filter(|bytes| bytes.len() == 32).ok_or(Error::Invitation)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(Self { fingerprint, provider: Arc::clone(&provider) });
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(bare(config, JOINING))))
    }
}

impl ServerCertVerifier for Invited {
    /// The chain must lead to that authority, and the certificate must be for its server.
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let unknown = || rustls::Error::from(CertificateError::UnknownIssuer);
        let is_known = |found: &&CertificateDer<'_>| sha256(found) == self.fingerprint;
        let authority = intermediates.iter().find(is_known).ok_or_else(unknown)?;
        let name = server_name(&installation(authority).ok_or_else(unknown)?);
        let name = ServerName::try_from(name).map_err(|_| unknown())?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let provider = Arc::clone(&self.provider);
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let chain = chain.map_err(|_| unknown())?;
        chain.verify_server_cert(leaf, intermediates, &name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
