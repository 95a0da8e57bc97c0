//! The server's side of a handshake: whose certificate lets them in.

use super::{Badge, Role, Roll};
use crate::Error;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use std::sync::Arc;

/// Lets machines in that belong at this moment: issued here, not run out, of the right role, of the
/// present epoch.
#[derive(Debug)]
pub struct Admission {
    chain: Arc<dyn ClientCertVerifier>,
    installation: String,
    roles: Vec<Role>,
    roll: Roll,
}

impl Admission {
    pub(super) fn new(
        authority: &CertificateDer<'static>,
        installation: &str,
        roles: &[Role],
        roll: Roll,
    ) -> Result<Arc<Self>, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone())?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| Error::Tls(rustls::Error::General(error.to_string())))?;
        let installation = installation.to_owned();
        Ok(Arc::new(Self { chain, installation, roles: roles.to_vec(), roll }))
    }

    /// Whom a certificate names, if it is one that a handshake has verified.
    #[must_use]
    pub fn badge(&self, certificate: &CertificateDer<'_>) -> Option<Badge> {
        Badge::of(certificate, &self.installation)
    }

    /// Whether a machine that came in still belongs: to be asked for what it does later on a
    /// connection that lives.
    #[must_use]
    pub fn admits(&self, badge: &Badge) -> bool {
        self.roles.contains(&badge.machine.role) && self.roll.admits(badge)
    }

    /// Returns when a machine that came in does not belong any more.
    pub async fn gone(&self, badge: &Badge) {
        self.roll.gone(badge).await;
    }
}

impl ClientCertVerifier for Admission {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(certificate, intermediates, now)?;
        let unknown = CertificateError::ApplicationVerificationFailure;
        let badge = self.badge(certificate).ok_or(unknown.clone())?;
        if !self.roles.contains(&badge.machine.role) {
            return Err(unknown.into());
        }
        if !self.admits(&badge) {
            return Err(CertificateError::Revoked.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
