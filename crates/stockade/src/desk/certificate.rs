//! The certificate for the server's names, as its operator sees it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How it stands, and what is asked of whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateView {
    /// The names that it is to be for.
    pub names: Vec<String>,
    /// The ACME server that is asked.
    pub directory: String,
    /// Who signed the one that is served; nobody: there is none.
    pub issuer: Option<String>,
    /// Until when it holds.
    pub expires: Option<Timestamp>,
    /// Its SHA-256.
    pub fingerprint: Option<String>,
    /// When the next order is due, unless that is at once.
    pub next: Option<Timestamp>,
    /// Why the last order failed, if it did.
    pub failure: Option<String>,
}
