//! Whose certificate is believed: the web's authorities, the owner's own, and pins on top.

use crate::Error;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    version::{TLS12, TLS13},
};
use std::{
    collections::BTreeMap,
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The largest file of roots that is read.
const ROOTS_BYTES_MAX: u64 = 1024 * 1024;
/// Pins of one host, backups included.
const PINS_MAX: usize = 16;

/// SHA-256 of a certificate's public key (RFC 7469).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Reads the base64 of the hash, with or without `sha256/` in front.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix("sha256/").unwrap_or(text);
        let bytes = STANDARD.decode(digits).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| Error::Pin { text: text.chars().take(80).collect() })
    }

    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        digest(&SHA256, parsed.public_key().raw).as_ref().try_into().ok().map(Self)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which certificates a client believes.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    own: Vec<CertificateDer<'static>>,
    pins: BTreeMap<String, Vec<Pin>>,
}

impl Trust {
    /// The authorities of the web, as Mozilla lists them.
    #[must_use]
    pub fn web() -> Self {
        Self::default()
    }

    /// Believes the authorities of a PEM file too, each for what its name constraints say.
    pub fn and_roots(mut self, path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut pem = Vec::new();
        let file = fs::File::open(path).map_err(failed)?;
        file.take(ROOTS_BYTES_MAX).read_to_end(&mut pem).map_err(failed)?;
        let none = || Error::NoRoots { path: PathBuf::from(path) };
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let found = found.ok().filter(|found| !found.is_empty()).ok_or_else(none)?;
        self.own.extend(found);
        Ok(self)
    }

    /// Demands one of `pins` in the certificate of `host`, besides everything else: the key in
    /// use and the keys that may come after it.
    #[must_use]
    pub fn and_pins(mut self, host: &str, pins: &[Pin]) -> Self {
        let kept = self.pins.entry(host.to_ascii_lowercase()).or_default();
        kept.extend(pins.iter().copied().take(PINS_MAX - kept.len().min(PINS_MAX)));
        self
    }

    /// TLS 1.2 with ECDHE and AEAD, or 1.3; HTTP/1.1 is what will be spoken.
    pub(crate) fn config(self) -> Result<Arc<ClientConfig>, Error> {
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let verifier = Arc::new(self.verifier()?);
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    pub(crate) fn verifier(self) -> Result<Pinned, Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for own in self.own {
            roots.add(own)?;
        }
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let web = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        Ok(Pinned { web, pins: self.pins })
    }
}

/// The web's verifier, and then the pins.
#[derive(Debug)]
pub(crate) struct Pinned {
    web: Arc<WebPkiServerVerifier>,
    pins: BTreeMap<String, Vec<Pin>>,
}

/// The certificate is good, and its key is not one that the owner named.
#[derive(Debug, thiserror::Error)]
#[error("its key {seen} is none of those pinned")]
pub(crate) struct WrongPin {
    pub(crate) seen: String,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let good = self.web.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        let Some(pins) = self.pins.get(server_name.to_str().as_ref()) else { return Ok(good) };
        // Only the leaf: a server may send any other certificate along, believed or not.
        let seen = Pin::of(end_entity);
        if seen.is_some_and(|seen| pins.contains(&seen)) {
            return Ok(good);
        }
        let seen = seen.map_or_else(|| "(unreadable)".to_owned(), |pin| pin.to_string());
        Err(CertificateError::Other(OtherError(Arc::new(WrongPin { seen }))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.web.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.web.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.web.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_the_base64_of_a_hash() {
        let check = |text: &str, good: bool| assert_eq!(Pin::parse(text).is_ok(), good, "{text}");
        let hash = STANDARD.encode([7; 32]);
        check(&hash, true);
        check(&format!("sha256/{hash}"), true);
        check(&format!("sha1/{hash}"), false);
        check(&STANDARD.encode([7; 31]), false);
        check("", false);
        assert_eq!(Pin::parse(&hash).expect("good").to_string(), format!("sha256/{hash}"));
    }

    /// Holds the claim that whoever trusts this machine's authority trusts it for no other name.
    #[test]
    fn the_authority_of_this_machine_vouches_for_no_other_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let now = jiff::Timestamp::now();
        let authority = crate::Authority::open_or_create(directory.path(), now).expect("makes");
        let secret = directory.path().join("authority-key.pem");
        let key = std::fs::read_to_string(secret).expect("reads");
        let key = rcgen::KeyPair::from_pem(&key).expect("a key");
        let root = CertificateDer::from_pem_file(authority.path()).expect("a root");
        let verifier = Trust::web().and_roots(&authority.path()).expect("a root");
        let verifier = verifier.verifier().expect("a verifier");
        let check = |name: &str, good: bool| {
            let params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
            let issuer = rcgen::Issuer::from_ca_cert_der(&root, &key).expect("an issuer");
            let leaf_key = rcgen::KeyPair::generate().expect("a key");
            let leaf = params.signed_by(&leaf_key, &issuer).expect("signs");
            let asked = ServerName::try_from(name).expect("a name");
            let shown = verifier.verify_server_cert(leaf.der(), &[], &asked, &[], UnixTime::now());
            assert_eq!(shown.is_ok(), good, "{name}: {shown:?}");
        };
        check("localhost", true);
        check("127.0.0.1", true);
        check("api.binance.com", false);
        check("127.0.0.2", false);
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("roots.pem");
        assert!(matches!(Trust::web().and_roots(&path), Err(Error::File { .. })));
        std::fs::write(&path, "no PEM").expect("writes");
        assert!(matches!(Trust::web().and_roots(&path), Err(Error::NoRoots { .. })));
    }
}
