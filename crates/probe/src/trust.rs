//! Whose certificate is believed: the web's authorities, or an authority that the visitor knows besides.

use crate::Error;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{self, CryptoProvider},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::{fs::File, io::Read, path::Path, sync::Arc};

/// The largest file of roots that is read.
const ROOTS_BYTES_MAX: u64 = 1 << 20;
/// Certificates of a chain that are looked at for a root by its fingerprint.
const CHAIN_MAX: usize = 8;

/// Whose word about a server's certificate is believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The authorities of the web, as Mozilla lists them.
    Web,
    /// Those, and these besides, each for what its name constraints say.
    Roots(Vec<CertificateDer<'static>>),
    /// The one authority whose certificate has this SHA-256; the server sends it along.
    Fingerprint([u8; 32]),
}

impl Trust {
    /// Reads what was given: the digits of a SHA-256, with or without colons, or else a PEM file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        if let Some(digest) = hex::decode(&digits).ok().and_then(|bytes| bytes.try_into().ok()) {
            return Ok(Self::Fingerprint(digest));
        }
        Self::file(Path::new(text))
    }

    fn file(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { doing: "read", path: path.to_owned(), source };
        let mut pem = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(ROOTS_BYTES_MAX).read_to_end(&mut pem).map_err(failed)?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let found = found.ok().filter(|found| !found.is_empty());
        found.map(Self::Roots).ok_or_else(|| Error::NoRoots { path: path.to_owned() })
    }

    /// TLS 1.2 and 1.3 as a browser of today speaks them, HTTP/1.1 inside.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let mut config = match self {
            Self::Fingerprint(digest) => {
                let named = Named { digest: *digest, provider };
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(named))
                    .with_no_client_auth()
            }
            Self::Web => builder.with_root_certificates(roots).with_no_client_auth(),
            Self::Roots(own) => {
                for root in own {
                    roots.add(root.clone())?;
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Believes the authority in the chain that has the fingerprint, and what it signed.
#[derive(Debug)]
struct Named {
    digest: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let mut few = others.iter().take(CHAIN_MAX);
        let root = few.find(|one| seal::equal(&seal::sha256(one), &self.digest));
        let mut roots = RootCertStore::empty();
        roots.add(root.ok_or(unknown)?.clone().into_owned())?;
        let provider = Arc::clone(&self.provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(leaf, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
