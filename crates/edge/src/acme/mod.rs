//! Certificates from an ACME server (RFC 8555): what is asked for, what is kept, when the next is due.
//!
//! The server on the other side is not believed: it is asked at one host only, every answer is short and
//! comes soon, and what it issues takes the old certificate's place only if browsers would believe it.

mod carrier;
mod challenges;
mod fate;
mod kept;
mod order;
mod terms;

pub(crate) use challenges::ACME_TLS;
pub use challenges::{Challenges, Posted};
pub use fate::{Unissued, Words};
pub use terms::{AcmeTerms, Challenge};

use crate::{Allowed, Client, Error, Reach, Served, Terms, Trust, client::Pinned, files};
use carrier::Carrier;
use jiff::{SignedDuration, Timestamp};
use rustls::sign::CertifiedKey;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes of one answer of an ACME server.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// With less than this left, a renewal has failed for more than two weeks.
const LATE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The client of one ACME server, and what it keeps.
pub struct Acme {
    terms: AcmeTerms,
    directory: PathBuf,
    carrier: Carrier,
    /// Whether browsers would believe a certificate.
    judge: Pinned,
}

/// A certificate that an ACME server issued, with its key.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) certified: Arc<CertifiedKey>,
    /// The names, of those that are configured, for which browsers believe it.
    pub names: Vec<String>,
    /// Whether these are all of them.
    pub coverage: Coverage,
    /// From when it holds.
    pub begins: Timestamp,
    /// What people know of it.
    pub facts: Served,
}

/// How many of the configured names a certificate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All of them.
    Whole,
    /// Not all: another one is due.
    Part,
}

impl Acme {
    /// A client that keeps its account and its certificate in `directory`. Nothing is asked yet.
    pub fn open(directory: &Path, terms: AcmeTerms) -> Result<Self, Error> {
        files::make_directory(directory)?;
        let trust = match &terms.authority {
            Some(path) => Trust::web().and_roots(path)?,
            None => Trust::web(),
        };
        let mut allowed = Allowed::default();
        // Whoever names an authority of their own has the server on their own network.
        let reach = if terms.authority.is_some() { Reach::Private } else { Reach::Public };
        allowed.add(terms.origin.clone(), reach);
        let bounds = Terms { body_bytes: ANSWER_BYTES_MAX, ..Terms::default() };
        let client = Client::new(&allowed, trust.clone(), bounds)?;
        let carrier = Carrier { client, origin: terms.origin.clone() };
        Ok(Self { judge: trust.verifier()?, directory: directory.to_owned(), carrier, terms })
    }

    /// What was configured.
    #[must_use]
    pub fn terms(&self) -> &AcmeTerms {
        &self.terms
    }
}

impl Certificate {
    /// When the next one is to be asked for: when a third of its life is left, or at once where it lacks a
    /// name.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        if self.coverage == Coverage::Part {
            return Timestamp::MIN;
        }
        let third = SignedDuration::from_secs(self.life().as_secs() / 3);
        self.facts.expires.checked_sub(third).unwrap_or(Timestamp::MIN)
    }

    /// Whether so little of it is left that somebody must look: less than fourteen days, or half of the
    /// time in which it was to be renewed where that is less.
    #[must_use]
    pub fn is_late(&self, now: Timestamp) -> bool {
        let sixth = SignedDuration::from_secs(self.life().as_secs() / 6);
        self.facts.expires.duration_since(now) < LATE.min(sixth)
    }

    fn life(&self) -> SignedDuration {
        self.facts.expires.duration_since(self.begins)
    }
}
