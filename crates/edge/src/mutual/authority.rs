//! The authority itself: its key, what it issues, and whom it has put out.

use super::{Admission, Badge, DOMAIN, Machine, MachineLine, Role, ledger::Ledger};
use crate::{
    Error, Leaf,
    authority::{expiry, name, parse},
    files::{self, Readers},
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
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const AUTHORITY_HOURS: i64 = 24 * 3650;
/// A certificate of a machine; revocation by epoch does not wait for its end.
pub(super) const LEAF_HOURS: i64 = 24;
/// A token that was not used.
const INVITATION_HOURS: i64 = 1;
/// Clocks of two machines differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// In front of a token's text.
pub(super) const TOKEN: &str = "stockade-join-";

/// The authority of an installation's machines.
pub struct MachineAuthority {
    directory: PathBuf,
    certificate: CertificateDer<'static>,
    key: KeyPair,
    installation: String,
    pub(super) ledger: Arc<RwLock<Ledger>>,
}

impl MachineAuthority {
    /// Opens the authority in `directory`, or makes one where there is none.
    ///
    /// It does not renew itself as a browser's authority does: every machine would have to come in
    /// again. After ten years it refuses to open, and says so.
    pub fn open_or_create(directory: &Path, now: Timestamp) -> Result<Self, Error> {
        files::make_directory(directory)?;
        let path = directory.join("machines-key.pem");
        let (key, certificate) = match files::read_private(&path)? {
            Some(text) => {
                let (key, certificate) =
                    parse(&text).ok_or(Error::Damaged { path: path.clone() })?;
                (KeyPair::try_from(&key)?, certificate)
            }
            None => create(directory, &path, now)?,
        };
        if expiry(&certificate).is_none_or(|end| end <= now) {
            return Err(Error::Expired { path });
        }
        let installation = installation(&key);
        let ledger = Ledger::open(&directory.join("machines"))?;
        let ledger = Arc::new(RwLock::new(ledger));
        Ok(Self { directory: directory.to_owned(), certificate, key, installation, ledger })
    }

    /// A token by which a machine comes in, once and within an hour. It holds the authority's
    /// fingerprint: who brings it knows whom to believe.
    pub fn invite(
        &self,
        machine: &Machine,
        secret: &[u8; 32],
        now: Timestamp,
    ) -> Result<String, Error> {
        let expires = now + HOUR * i32::try_from(INVITATION_HOURS).unwrap_or(1);
        self.write(|ledger| ledger.invite(hex(&sha256(secret)), machine, (now, expires)))?;
        Ok(format!("{TOKEN}{}-{}", hex(secret), hex(&sha256(&self.certificate))))
    }

    /// Uses a token up and issues a certificate for the key of the request. What else the request
    /// asks for is not looked at.
    pub fn enrol(
        &self,
        token: &str,
        request: &[u8],
        now: Timestamp,
    ) -> Result<Vec<CertificateDer<'static>>, Error> {
        let request = signed(request)?;
        let secret = token.strip_prefix(TOKEN).and_then(|rest| rest.split_once('-'));
        let secret = secret.and_then(|(secret, _)| unhex(secret)).ok_or(Error::Invitation)?;
        let badge = self.write(|ledger| ledger.redeem(&hex(&sha256(&secret)), now))?;
        self.issue(&badge, &request.public_key, now)
    }

    /// Another certificate for a machine that belongs, for the key of the request.
    pub fn renew(
        &self,
        badge: &Badge,
        request: &[u8],
        now: Timestamp,
    ) -> Result<Vec<CertificateDer<'static>>, Error> {
        let request = signed(request)?;
        if !self.read(|ledger| ledger.admits(badge)) {
            return Err(Error::PutOut { machine: badge.machine.to_string() });
        }
        self.issue(badge, &request.public_key, now)
    }

    /// Puts a machine out: its certificates are refused from the next handshake on. Whether it was in.
    pub fn revoke(&self, machine: &Machine) -> Result<bool, Error> {
        self.write(|ledger| ledger.revoke(machine))
    }

    /// The machines that ever belonged.
    #[must_use]
    pub fn machines(&self) -> Vec<MachineLine> {
        self.read(Ledger::lines)
    }

    /// Who may come in, for the server's side of TLS: machines of these roles.
    pub fn admission(&self, roles: &[Role]) -> Result<Arc<Admission>, Error> {
        Admission::new(&self.certificate, &self.installation, roles, Arc::clone(&self.ledger))
    }

    /// The server's own certificate, for the name that machines know it by.
    pub fn server(&self, now: Timestamp) -> Result<Leaf, Error> {
        let mut params = CertificateParams::new(vec![server_name(&self.installation)])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.distinguished_name = name("Stockade server");
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let leaf = self.sign(params, &key, now)?;
        let expires =
            expiry(&leaf).ok_or_else(|| Error::Damaged { path: self.directory.clone() })?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Leaf { chain: vec![leaf, self.certificate.clone()], key, expires })
    }

    fn issue(
        &self,
        badge: &Badge,
        key: &impl PublicKeyData,
        now: Timestamp,
    ) -> Result<Vec<CertificateDer<'static>>, Error> {
        let mut params = CertificateParams::new(vec![badge.dns(&self.installation)])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name = name(&badge.machine.to_string());
        Ok(vec![self.sign(params, key, now)?, self.certificate.clone()])
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

    fn read<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        change(&mut self.ledger.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn create(
    directory: &Path,
    path: &Path,
    now: Timestamp,
) -> Result<(KeyPair, CertificateDer<'static>), Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Stockade machines");
    set_validity(&mut params, now, AUTHORITY_HOURS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let own = format!("{}.{DOMAIN}", installation(&key));
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(own)],
        excluded_subtrees: Vec::new(),
    });
    let certificate = params.self_signed(&key)?;
    let both = format!("{}{}", key.serialize_pem(), certificate.pem());
    files::write_whole(path, &both, Readers::Owner)?;
    files::write_whole(&directory.join("machines.pem"), &certificate.pem(), Readers::Anyone)?;
    Ok((key, certificate.der().clone()))
}

/// A name that no other installation has: it comes from the authority's key.
fn installation(key: &KeyPair) -> String {
    hex(sha256(key.der_bytes()).get(..8).unwrap_or_default())
}

/// The name that machines know their server by.
pub(super) fn server_name(installation: &str) -> String {
    format!("{}.{installation}.{DOMAIN}", Role::Server.name())
}

/// A request whose signature shows that the key is its sender's.
fn signed(request: &[u8]) -> Result<CertificateSigningRequestParams, Error> {
    let request = CertificateSigningRequestDer::from(request.to_vec());
    Ok(CertificateSigningRequestParams::from_der(&request)?)
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
