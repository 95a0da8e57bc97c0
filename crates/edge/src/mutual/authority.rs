//! The authority itself: its key, and what it issues. Who belongs is kept by whoever asks it.

use super::{Admission, Badge, DOMAIN, Role, Roll};
use crate::{
    Error, Leaf,
    authority::{expiry, name, parse},
};
use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use rustls::pki_types::{
    CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use std::{fmt, fmt::Write as _, sync::Arc, time::Duration};

const AUTHORITY_HOURS: i64 = 24 * 3650;
/// A certificate of a machine; revocation by epoch does not wait for its end.
pub(super) const LEAF_HOURS: i64 = 24;
/// Clocks of two machines differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// In front of a token's text.
pub(super) const TOKEN: &str = "stockade-join-";

/// The authority of an installation's machines.
pub struct MachineAuthority {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    installation: String,
}

/// A request for a certificate whose signature shows that the key is its sender's.
pub struct SignedRequest(CertificateSigningRequestParams);

impl SignedRequest {
    /// What else the request asks for is not looked at.
    pub fn read(der: &[u8]) -> Result<Self, Error> {
        let request = CertificateSigningRequestDer::from(der.to_vec());
        Ok(Self(CertificateSigningRequestParams::from_der(&request)?))
    }
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedRequest(..)")
    }
}

/// A machine's certificate as it was issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate, and the authority's behind it.
    pub chain: Vec<CertificateDer<'static>>,
    /// When it runs out.
    pub expires: Timestamp,
}

impl MachineAuthority {
    /// A new authority, and its key and certificate in PEM: whoever has that text is the authority.
    pub fn create(now: Timestamp) -> Result<(Self, String), Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let installation = installation(&key);
        let mut params = CertificateParams::default();
        params.distinguished_name = name("Stockade machines");
        set_validity(&mut params, now, AUTHORITY_HOURS);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(format!("{installation}.{DOMAIN}"))],
            excluded_subtrees: Vec::new(),
        });
        let certificate = params.self_signed(&key)?;
        let both = format!("{}{}", key.serialize_pem(), certificate.pem());
        Ok((Self { certificate: certificate.der().clone(), key, installation }, both))
    }

    /// The authority of a text that [`MachineAuthority::create`] gave.
    ///
    /// It does not renew itself as a browser's authority does: every machine would have to come in
    /// again. After ten years it is refused, and that is said.
    pub fn read(pem: &str, now: Timestamp) -> Result<Self, Error> {
        let (key, certificate) = parse(pem).ok_or(Error::NoAuthority)?;
        let key = KeyPair::try_from(&key)?;
        if expiry(&certificate).is_none_or(|end| end <= now) {
            return Err(Error::Expired);
        }
        let installation = installation(&key);
        Ok(Self { certificate, key, installation })
    }

    /// A token of this secret, by which a machine comes in. It holds the authority's fingerprint: who
    /// brings it knows whom to believe.
    #[must_use]
    pub fn token(&self, secret: &[u8; 32]) -> String {
        format!("{TOKEN}{}-{}", hex(secret), hex(&sha256(&self.certificate)))
    }

    /// A certificate for a machine, for the key of the request. Whether it belongs is for the caller to know.
    pub fn issue(
        &self,
        badge: &Badge,
        request: &SignedRequest,
        now: Timestamp,
    ) -> Result<Issued, Error> {
        let mut params = CertificateParams::new(vec![badge.dns(&self.installation)])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name = name(&badge.machine.to_string());
        let leaf = self.sign(params, &request.0.public_key, now)?;
        let expires = expiry(&leaf).ok_or(Error::NoAuthority)?;
        Ok(Issued { chain: vec![leaf, self.certificate.clone()], expires })
    }

    /// Who may come in, for the server's side of TLS: machines of these roles that are on the roll.
    pub fn admission(&self, roles: &[Role], roll: Roll) -> Result<Arc<Admission>, Error> {
        Admission::new(&self.certificate, &self.installation, roles, roll)
    }

    /// The authority's certificate.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The server's own certificate, for the name that machines know it by.
    pub fn server(&self, now: Timestamp) -> Result<Leaf, Error> {
        let mut params = CertificateParams::new(vec![server_name(&self.installation)])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.distinguished_name = name("Stockade server");
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let leaf = self.sign(params, &key, now)?;
        let expires = expiry(&leaf).ok_or(Error::NoAuthority)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Leaf { chain: vec![leaf, self.certificate.clone()], key, expires })
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        key: &impl PublicKeyData,
        now: Timestamp,
    ) -> Result<CertificateDer<'static>, Error> {
        set_validity(&mut params, now, LEAF_HOURS);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &self.key)?;
        Ok(params.signed_by(key, &issuer)?.der().clone())
    }
}

/// A name that no other installation has: it comes from the authority's key.
fn installation(key: &KeyPair) -> String {
    hex(sha256(key.der_bytes()).get(..8).unwrap_or_default())
}

/// The name that machines know their server by.
pub(super) fn server_name(installation: &str) -> String {
    format!("{}.{installation}.{DOMAIN}", Role::Server.name())
}

fn set_validity(params: &mut CertificateParams, now: Timestamp, hours: i64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let at =
        |time: Timestamp| epoch + Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0));
    params.not_before = at(now - SKEW);
    params.not_after = at(now + SignedDuration::from_hours(hours));
}

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
