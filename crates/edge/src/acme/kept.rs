//! The account's key and the certificate on disk, and what is believed of a certificate.

use super::{Acme, Certificate, Coverage, Unissued, challenges::short_name};
use crate::{
    Error, Served,
    authority::begin,
    client::Pinned,
    files::{self, Readers},
};
use instant_acme::AccountCredentials;
use jiff::{SignedDuration, Timestamp};
use rcgen::KeyPair;
use rustls::{
    client::danger::ServerCertVerifier,
    crypto::aws_lc_rs as provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};
use serde::{Deserialize, Serialize};
use std::{fs, io::ErrorKind, path::PathBuf, sync::Arc, time::Duration};

/// Certificates of a chain.
const CHAIN_MAX: usize = 8;
/// How far the clocks of two servers may differ: one that begins this soon has begun.
const LEEWAY: SignedDuration = SignedDuration::from_mins(5);

/// An account as it lies on disk, readable by its owner alone.
#[derive(Serialize, Deserialize)]
pub(super) struct Account {
    pub contact: Vec<String>,
    pub credentials: AccountCredentials,
}

impl Acme {
    /// The certificate that was kept, if browsers believe it for one of the names at least.
    pub fn kept(&self, now: Timestamp) -> Result<Option<Certificate>, Error> {
        let Some(text) = files::read_private(&self.certificate_path())? else { return Ok(None) };
        let read = || -> Result<Certificate, Unissued> {
            let damaged = || Unissued::Chain { limit: CHAIN_MAX };
            let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| damaged())?;
            self.judged(key, &text, now)
        };
        match read() {
            Ok(certificate) => Ok(Some(certificate)),
            Err(why) => {
                tracing::warn!(%why, "the certificate that was kept is not served");
                Ok(None)
            }
        }
    }

    /// Keeps what was issued, if browsers believe it for every name.
    pub(super) fn keep(
        &self,
        key: &KeyPair,
        chain: &str,
        now: Timestamp,
    ) -> Result<Certificate, Unissued> {
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let certificate = self.judged(der, chain, now)?;
        if certificate.coverage == Coverage::Part {
            let missing = |name: &&String| !certificate.names.contains(name);
            let name = self.terms.names.iter().find(missing).cloned().unwrap_or_default();
            let why = rustls::CertificateError::NotValidForName.into();
            return Err(Unissued::Untrusted { name, why });
        }
        let both = format!("{}{chain}", key.serialize_pem());
        files::write_whole(&self.certificate_path(), &both, Readers::Owner)?;
        Ok(certificate)
    }

    /// A chain and its key, for the configured names that it is believed for; there must be one.
    fn judged(
        &self,
        key: PrivateKeyDer<'static>,
        chain: &str,
        now: Timestamp,
    ) -> Result<Certificate, Unissued> {
        let chain = parse(chain).ok_or(Unissued::Chain { limit: CHAIN_MAX })?;
        let (leaf, above) = chain.split_first().ok_or(Unissued::Chain { limit: CHAIN_MAX })?;
        let begins = begin(leaf).ok_or(Unissued::Chain { limit: CHAIN_MAX })?;
        let facts = Served::of(leaf).ok_or(Unissued::Chain { limit: CHAIN_MAX })?;
        let now = if begins.duration_since(now) <= LEEWAY { now.max(begins) } else { now };
        let mut names = Vec::new();
        let mut refused = None;
        for name in &self.terms.names {
            match believed(&self.judge, (leaf, above), name, now) {
                Ok(()) => names.push(name.clone()),
                Err(why) => refused = Some((name.clone(), why)),
            }
        }
        let coverage = match refused {
            Some((name, why)) if names.is_empty() => return Err(Unissued::Untrusted { name, why }),
            Some(_) => Coverage::Part,
            None => Coverage::Whole,
        };
        let provider = provider::default_provider();
        let certified = Arc::new(CertifiedKey::from_der(chain.clone(), key, &provider)?);
        Ok(Certificate { certified, names, coverage, begins, facts })
    }

    /// The account that was kept for this directory; what cannot be read is no account, and another is made.
    pub(super) fn account_kept(&self) -> Result<Option<Account>, Error> {
        let path = self.account_path();
        let Some(text) = files::read_private(&path)? else { return Ok(None) };
        let read = serde_json::from_str(&text);
        if let Err(why) = &read {
            tracing::warn!(path = %path.display(), line = why.line(), "the ACME account is damaged");
        }
        Ok(read.ok())
    }

    pub(super) fn keep_account(&self, account: &Account) -> Result<(), Error> {
        let path = self.account_path();
        let text = serde_json::to_string(account);
        let text = text.map_err(|_| Error::Damaged { path: path.clone() })?;
        files::write_whole(&path, &text, Readers::Owner)
    }

    /// Lets go of an account that the server does not know any more.
    pub(super) fn forget_account(&self) -> Result<(), Error> {
        let path = self.account_path();
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                Err(Error::File { path, source })
            }
            _ => Ok(()),
        }
    }

    /// One for each directory: a certificate of a server for trying out is not taken for one of the other.
    fn certificate_path(&self) -> PathBuf {
        self.directory.join(format!("certificate-{}.pem", short_name(&self.terms.directory)))
    }

    fn account_path(&self) -> PathBuf {
        self.directory.join(format!("account-{}.json", short_name(&self.terms.directory)))
    }
}

/// The certificates of a PEM text: one at least, and no more than a browser would take.
fn parse(text: &str) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(text.as_bytes()).take(CHAIN_MAX + 1).collect();
    all.ok().filter(|all| (1..=CHAIN_MAX).contains(&all.len()))
}

/// Whether a browser that believes the same authorities would take this chain for `name` at `now`.
fn believed(
    judge: &Pinned,
    (leaf, above): (&CertificateDer<'_>, &[CertificateDer<'_>]),
    name: &str,
    now: Timestamp,
) -> Result<(), rustls::Error> {
    let unfit = |_| rustls::Error::from(rustls::CertificateError::NotValidForName);
    let name = ServerName::try_from(name).map_err(unfit)?;
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    judge.verify_server_cert(leaf, above, &name, &[], at).map(drop)
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
