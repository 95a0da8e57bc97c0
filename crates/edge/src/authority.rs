//! The local certificate authority, made at the first start, and the leaf that it issues.
//!
//! Its certificate carries name constraints (RFC 5280 §4.2.1.10): whoever trusts it trusts it
//! for this machine's own names and for nothing else, even if its key is stolen.

use crate::{
    Error,
    files::{self, Readers},
};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use std::path::{Path, PathBuf};

const AUTHORITY_DAYS: i64 = 3650;
const LEAF_DAYS: i64 = 90;
/// A leaf is replaced when a third of its life is left.
const LEAF_DAYS_LEFT_MIN: i64 = LEAF_DAYS / 3;
/// Also a leaf must not outlive its authority.
const AUTHORITY_DAYS_LEFT_MIN: i64 = LEAF_DAYS + 1;

/// A certificate authority for this machine's own names.
pub struct Authority {
    directory: PathBuf,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// A certificate for `localhost`, `127.0.0.1` and `::1`, with its key.
pub struct Leaf {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    /// When it expires.
    pub expires: Timestamp,
}

impl Authority {
    /// Opens the authority in `directory`, or makes one where there is none or it has run out.
    pub fn open_or_create(directory: &Path, now: Timestamp) -> Result<Self, Error> {
        files::make_directory(directory)?;
        let path = directory.join("authority-key.pem");
        let found = match files::read_private(&path)? {
            Some(text) => Some(parse(&text).ok_or(Error::Damaged { path: path.clone() })?),
            None => None,
        };
        let kept = found.filter(|(_, certificate)| {
            expiry(certificate).is_some_and(|end| days(now, end) > AUTHORITY_DAYS_LEFT_MIN)
        });
        if let Some((key, certificate)) = kept {
            let key = KeyPair::try_from(&key)?;
            return Ok(Self { directory: directory.to_owned(), certificate, key });
        }
        Self::create(directory, &path, now)
    }

    fn create(directory: &Path, path: &Path, now: Timestamp) -> Result<Self, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = authority_params(now).self_signed(&key)?;
        let both = format!("{}{}", key.serialize_pem(), certificate.pem());
        files::write_whole(path, &both, Readers::Owner)?;
        files::write_whole(&directory.join(PUBLIC), &certificate.pem(), Readers::Anyone)?;
        let certificate = certificate.der().clone();
        Ok(Self { directory: directory.to_owned(), certificate, key })
    }

    /// The leaf on disk if enough of its life is left and this authority issued it, else a new one.
    pub fn leaf(&self, now: Timestamp) -> Result<Leaf, Error> {
        let path = self.directory.join("server.pem");
        let found = files::read_private(&path)?.and_then(|text| {
            let (key, leaf) = parse(&text)?;
            self.has_issued(&leaf).then_some(())?;
            let expires = expiry(&leaf).filter(|end| days(now, *end) > LEAF_DAYS_LEFT_MIN)?;
            Some(self.assemble(key, leaf, expires))
        });
        match found {
            Some(leaf) => Ok(leaf),
            None => self.issue(&path, now),
        }
    }

    fn issue(&self, path: &Path, now: Timestamp) -> Result<Leaf, Error> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = name("Stockade on this machine");
        set_validity(&mut params, now, LEAF_DAYS);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &self.key)?;
        let certificate = params.signed_by(&key, &issuer)?;
        let both = format!("{}{}", key.serialize_pem(), certificate.pem());
        files::write_whole(path, &both, Readers::Owner)?;
        let expires =
            expiry(certificate.der()).ok_or_else(|| Error::Damaged { path: path.to_owned() })?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(self.assemble(key, certificate.der().clone(), expires))
    }

    fn assemble(
        &self,
        key: PrivateKeyDer<'static>,
        leaf: CertificateDer<'static>,
        expires: Timestamp,
    ) -> Leaf {
        Leaf { chain: vec![leaf, self.certificate.clone()], key, expires }
    }

    fn has_issued(&self, leaf: &CertificateDer<'_>) -> bool {
        let Ok((_, own)) = x509_parser::parse_x509_certificate(&self.certificate) else {
            return false;
        };
        x509_parser::parse_x509_certificate(leaf)
            .is_ok_and(|(_, leaf)| leaf.verify_signature(Some(own.public_key())).is_ok())
    }

    /// The authority's certificate in PEM, for a browser or `curl --cacert` to trust.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join(PUBLIC)
    }

    /// SHA-256 of the certificate, as browsers show it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = digest(&SHA256, &self.certificate);
        let bytes: Vec<String> = hash.as_ref().iter().map(|b| format!("{b:02X}")).collect();
        bytes.join(":")
    }
}

impl Leaf {
    /// The certificates, the leaf first, and its key, for a library that wants them apart.
    #[must_use]
    pub fn into_parts(self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain, self.key)
    }

    /// Base64 of the SHA-256 of the public key (RFC 7469), as Chromium's SPKI list takes it.
    #[must_use]
    pub fn spki_hash(&self) -> Option<String> {
        let (_, parsed) = x509_parser::parse_x509_certificate(self.chain.first()?).ok()?;
        Some(STANDARD.encode(digest(&SHA256, parsed.public_key().raw)))
    }
}

const PUBLIC: &str = "authority.pem";

fn authority_params(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Stockade local authority");
    set_validity(&mut params, now, AUTHORITY_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 1], [255; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6(
                std::net::Ipv6Addr::LOCALHOST.octets(),
                [255; 16],
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

pub(crate) fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// From the day before `now` (clocks differ) for so many days.
fn set_validity(params: &mut CertificateParams, now: Timestamp, days: i64) {
    let today = now.to_zoned(TimeZone::UTC).date();
    let ymd = |date: Date| {
        let month = u8::try_from(date.month()).expect("a month is 1 to 12");
        let day = u8::try_from(date.day()).expect("a day is 1 to 31");
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = ymd(today.saturating_sub(1.day()));
    params.not_after = ymd(today.saturating_add(days.days()));
}

/// Whole days from `now` to `end`.
fn days(now: Timestamp, end: Timestamp) -> i64 {
    end.duration_since(now).as_hours().div_euclid(24)
}

/// The private key and the certificate of one PEM text.
pub(crate) fn parse(text: &str) -> Option<(PrivateKeyDer<'static>, CertificateDer<'static>)> {
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()?;
    let certificate = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
    Some((key, certificate))
}

pub(crate) fn expiry(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
}

pub(crate) fn begin(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Timestamp::from_second(parsed.validity().not_before.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_second_start_finds_what_the_first_made() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = |now: &str| {
            let authority = Authority::open_or_create(directory.path(), at(now)).expect("opens");
            let leaf = authority.leaf(at(now)).expect("issues");
            (authority.fingerprint(), leaf.spki_hash().expect("a key"))
        };
        let first = open("2026-01-01T00:00:00Z");
        assert_eq!(first.0.len(), 95);
        assert_eq!(open("2026-01-20T00:00:00Z"), first);
        let later = open("2026-03-15T00:00:00Z");
        assert_eq!(later.0, first.0, "the authority stays");
        assert_ne!(later.1, first.1, "the leaf is renewed");
        assert_ne!(open("2035-12-01T00:00:00Z").0, first.0, "the authority has run out");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let now = at("2026-01-01T00:00:00Z");
        Authority::open_or_create(directory.path(), now).expect("makes");
        let path = directory.path().join("authority-key.pem");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("sets");
        let refused = Authority::open_or_create(directory.path(), now);
        assert!(matches!(refused, Err(Error::KeyExposed { mode: 0o640, .. })));
    }

    #[test]
    fn a_damaged_authority_is_named_and_a_damaged_leaf_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let now = at("2026-01-01T00:00:00Z");
        let authority = Authority::open_or_create(directory.path(), now).expect("makes");
        authority.leaf(now).expect("issues");
        std::fs::write(directory.path().join("server.pem"), "rubbish").expect("writes");
        authority.leaf(now).expect("issues again");
        std::fs::write(directory.path().join("authority-key.pem"), "rubbish").expect("writes");
        let refused = Authority::open_or_create(directory.path(), now);
        assert!(matches!(refused, Err(Error::Damaged { .. })));
    }
}
