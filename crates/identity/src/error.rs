//! What can be wrong, one variant per thing a caller can do something about.

use crate::{EndReason, PasskeyFault, Rule};
use jiff::{SignedDuration, Timestamp};

/// Everything that `identity` refuses or fails at.
///
/// [`Error::Credentials`], [`Error::Code`] and [`Error::Ticket`] say the same for every cause on
/// purpose: what exactly was wrong is for the audit log, never for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not an address that mail can be sent to.
    #[error("this is not an e-mail address: {problem}")]
    Email {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A display name is empty, too long or has control characters.
    #[error("a display name has 1 to 80 characters and none that control the terminal")]
    DisplayName,
    /// Not one of our identifiers.
    #[error("this is not an identifier")]
    Id,
    /// A role that does not exist.
    #[error("{text:?} is not a role: owner admin support auditor trader viewer")]
    Role {
        /// The text as it came, cut to 32 characters.
        text: String,
    },
    /// A new password breaks the policy.
    #[error("choose another password: {}", join(.problems))]
    Password {
        /// Every rule it breaks.
        problems: Vec<PasswordProblem>,
    },
    /// Argon2id cannot run with such parameters.
    #[error(
        "Argon2id cannot run with {memory_kib} KiB, {passes} passes, {lanes} lanes: \
         8 KiB per lane up to 1 GiB, 1 to 16 passes, 1 to 16 lanes"
    )]
    Cost {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// A hash in the database is not an Argon2id PHC string within bounds.
    #[error(
        "the stored hash is no Argon2id PHC string within bounds: restore the row from a backup"
    )]
    StoredHash,
    /// Wrong address or password: the same for every cause.
    #[error("wrong e-mail address or password")]
    Credentials,
    /// A wrong, used or outdated code: the same for every cause.
    #[error("wrong code: wait for the next one and try again")]
    Code,
    /// A set-up token, ticket or challenge is unknown, used or expired.
    #[error("this step is unknown, used or expired: start again")]
    Ticket,
    /// Too many attempts; the same for known and unknown accounts, right and wrong passwords.
    #[error("too many attempts: try again in {} s", .retry_after.as_secs())]
    Throttled {
        /// How long until the next attempt is looked at.
        retry_after: SignedDuration,
    },
    /// A device cookie, refresh token or set-up token that we never issued.
    #[error("this token was not issued here")]
    Forged,
    /// An access token is refused.
    #[error("the access token is refused: {0}")]
    Token(TokenFault),
    /// The session is over.
    #[error("the session has ended: sign in again")]
    Ended {
        /// Why.
        reason: EndReason,
    },
    /// The role does not allow it.
    #[error("your role does not allow this")]
    Permission,
    /// The last proof of who is there is too old, or too weak, for this act.
    #[error(
        "this needs a fresh proof of who is there: give password and second factor again and repeat it"
    )]
    Stale,
    /// A sealed field does not open.
    #[error("a sealed field of account data does not open: {0}")]
    Sealed(#[from] seal::Error),
    /// A sealed field opens, but does not hold what it should.
    #[error("the sealed {field} does not hold what it should: restore the row from a backup")]
    Content {
        /// Which field.
        field: &'static str,
    },
    /// The role asks for a second factor, and this account or session has none.
    #[error("your role asks for a second factor: enrol one, then sign in with it")]
    FactorNeeded,
    /// A passkey's answer is refused.
    #[error("the passkey is refused: {0}")]
    Passkey(#[from] PasskeyFault),
    /// Nobody can register by themselves here.
    #[error("registration is by invitation only here: ask an administrator for one")]
    Closed,
    /// Too much comes from this place: an answer to a puzzle is asked for.
    #[error("solve the puzzle of {bits} bits first and send its answer along")]
    WorkNeeded {
        /// Leading zero bits that the answer's digest must have.
        bits: u8,
    },
    /// A rule of how rights are given and taken forbids it.
    #[error("{0}")]
    Rule(#[from] Rule),
    /// A password hash of another system cannot be taken over.
    #[error("this hash cannot be imported: {problem}")]
    Import {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An API token or a bot asks for more than its owner may grant.
    #[error("a token can be given only what its owner's role allows, and for at most 365 days")]
    Scope,
    /// A lifetime is zero, negative or beyond its bound.
    #[error("{what} must be more than zero and at most {max_s} s")]
    Lifetime {
        /// Which lifetime.
        what: &'static str,
        /// Its bound in seconds.
        max_s: i64,
    },
}

/// One rule that a new password breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Too few characters, words that anyone would try not counted.
    #[error("it has {found} characters that count; {needed} are needed")]
    Short {
        /// Characters that count.
        found: usize,
        /// Characters needed.
        needed: usize,
    },
    /// Too many bytes.
    #[error("it is longer than {max} bytes")]
    Long {
        /// The bound in bytes of UTF-8.
        max: usize,
    },
    /// It contains a word that belongs to this account or product.
    #[error("it leans on the word {word:?}, which anyone would try first")]
    Context {
        /// The word.
        word: String,
    },
    /// Too easy to guess.
    #[error("it is among the first that would be guessed")]
    Guessable,
    /// Many people have it, or had it before it leaked.
    #[error("it stands in a list of common passwords, as it is or with a few signs behind it")]
    Common,
    /// It leaked somewhere.
    #[error("it stands in a list of passwords that leaked: wherever else it is used, change it")]
    Breached,
}

/// Why an access token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not three canonical base64url parts of JSON within the size bound.
    #[error("malformed")]
    Malformed,
    /// The header names another algorithm than the key's.
    #[error("wrong algorithm")]
    Algorithm,
    /// The header names another type.
    #[error("wrong type")]
    Type,
    /// The header demands an extension that we do not know.
    #[error("unknown critical extension")]
    Critical,
    /// No configured key has this id.
    #[error("unknown key")]
    Key,
    /// The signature does not match.
    #[error("wrong signature")]
    Signature,
    /// Another issuer.
    #[error("wrong issuer")]
    Issuer,
    /// Meant for someone else.
    #[error("wrong audience")]
    Audience,
    /// Over.
    #[error("expired on {0}")]
    Expired(Timestamp),
    /// Not begun yet.
    #[error("not valid before {0}")]
    Early(Timestamp),
    /// It claims to live longer than any token of ours.
    #[error("lifetime too long")]
    Lifetime,
    /// The account's rights changed after it was issued.
    #[error("overtaken by a change of the account")]
    Epoch,
    /// Its session was proved anew after it was issued.
    #[error("overtaken by a fresh proof")]
    Proof,
}

fn join(problems: &[PasswordProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
