//! What the audit log says of the certificate for the server's names.

use jiff::Timestamp;
use serde_json::{Value, json};

/// What becomes of the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateAct {
    /// An ACME server issued one, and it is served.
    Issued {
        /// For which names.
        names: Vec<String>,
        /// Who signed it.
        issuer: String,
        /// Until when it holds.
        expires: Timestamp,
        /// Its SHA-256.
        fingerprint: String,
    },
    /// It runs out soon, or there is none, and no order succeeds.
    Late {
        /// For which names it should be.
        names: Vec<String>,
        /// Until when the one that is served holds, if there is one.
        expires: Option<Timestamp>,
        /// Why the last order failed.
        why: String,
    },
}

/// Names that an entry lists; the certificate has all of them.
const NAMES_MAX: usize = 5;

impl CertificateAct {
    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        let subject = || "certificate".to_owned();
        match self {
            Self::Issued { names, issuer, expires, fingerprint } => {
                let detail = json!({
                    "names": listed(names),
                    "issuer": issuer.chars().take(200).collect::<String>(),
                    "expires": expires.to_string(),
                    "fingerprint": fingerprint,
                });
                ("certificate.issued", subject(), detail)
            }
            Self::Late { names, expires, why } => {
                let detail = json!({
                    "names": listed(names),
                    "expires": expires.map(|expires| expires.to_string()),
                    "why": why.chars().take(500).collect::<String>(),
                });
                ("certificate.late", subject(), detail)
            }
        }
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// One of each.
#[cfg(test)]
pub(super) fn samples() -> [CertificateAct; 2] {
    let names = || vec!["trade.example.org".to_owned()];
    let expires = Timestamp::UNIX_EPOCH;
    let (issuer, fingerprint) = ("i".to_owned(), "f".to_owned());
    [
        CertificateAct::Issued { names: names(), issuer, expires, fingerprint },
        CertificateAct::Late { names: names(), expires: Some(expires), why: "w".to_owned() },
    ]
}
