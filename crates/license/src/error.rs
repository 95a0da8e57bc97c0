//! Everything that makes a licence, a lease or the kept state invalid.
//!
//! That a service cannot be reached is not among it: see [`crate::Unreachable`].

use jiff::Timestamp;

/// Why a signed document is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than any such document.
    #[error("this document has {bytes} bytes; a licence has at most {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It does not begin as such a document does.
    #[error("the first line is not {magic}: it is another file, or of another version")]
    Foreword {
        /// What it should be.
        magic: &'static str,
    },
    /// A line is missing, misplaced or unknown.
    #[error("line {line} should be `{expected}: …`: take the file as it was issued, unedited")]
    Line {
        /// Which, from 1.
        line: usize,
        /// The field that belongs there.
        expected: &'static str,
    },
    /// A value that this field cannot have.
    #[error("{field} is not as it is written by an issuer: {rule}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Signed by nobody who is trusted here.
    #[error(
        "signed with the key {key}, which is not trusted here: add the issuer's public key to `license.issuer`, or ask for a file of a trusted issuer"
    )]
    UnknownIssuer {
        /// The key's short name.
        key: String,
    },
    /// The signature is not over these bytes.
    #[error(
        "the signature does not match: the file was changed after it was issued; take it as it was issued"
    )]
    Forged,
    /// A request of somebody else, or one that was changed.
    #[error(
        "the request is not signed by the key of the instance that it names: sign it with the key that was made at the activation, and send it unchanged"
    )]
    NotTheInstance,
    /// Issued for another instance.
    #[error("issued for another instance: activate this one, or move the instance's key here")]
    OtherInstance,
    /// A lease or revocation of another licence.
    #[error("it belongs to the licence {found}, not to {expected}")]
    OtherLicense {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// The answer to another question.
    #[error("the lease answers another challenge: it is old, or meant for someone else")]
    OtherChallenge,
    /// From before something that is known already.
    #[error("the lease is of revocation epoch {found}; epoch {seen} was seen already")]
    OldEpoch {
        /// Its epoch.
        found: u64,
        /// The highest seen.
        seen: u64,
    },
    /// From before the lease at hand.
    #[error("the lease was issued on {found}, before the one at hand ({held})")]
    OldLease {
        /// When it was issued.
        found: Timestamp,
        /// When the one at hand was.
        held: Timestamp,
    },
    /// The kept state was not written by this instance.
    #[error(
        "the kept licence state was not written by this instance: it is ignored, and begins anew"
    )]
    ForeignState,
    /// An issuer's public key that is not one.
    #[error(
        "{text:?} is no issuer's key: it is `ed25519:` and 64 hexadecimal digits, as `stockade license key` prints it"
    )]
    IssuerKey {
        /// As it was given.
        text: String,
    },
}
