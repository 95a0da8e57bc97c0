//! Why there is no new certificate.

use std::fmt;

/// Why an order ended without a certificate; whatever is served goes on being served.
#[derive(Debug, thiserror::Error)]
pub enum Unissued {
    /// The server refuses, in its own words.
    #[error("the ACME server refuses: {0}")]
    Refused(Words),
    /// The server refuses one fresh nonce after another, which is no answer to what was asked (RFC 8555 §6.5).
    #[error("the ACME server refuses: {0}")]
    Nonces(Words),
    /// The server cannot be reached, breaks off, or says what is no ACME.
    #[error("the ACME server does not answer as it should: {0}")]
    Away(Words),
    /// Its directory leads to another host than its own.
    #[error("the ACME server leads to another host, {0}, where this server does not go")]
    Elsewhere(Words),
    /// It offers other proofs than the configured one.
    #[error("the ACME server does not offer {kind} for {name}: choose another acme.challenge")]
    NoChallenge {
        /// Which proof.
        kind: &'static str,
        /// For which name.
        name: Words,
    },
    /// It did not come to believe that the names are ours.
    #[error("the ACME server did not find the proof: {0}")]
    NotProved(Words),
    /// It asks for more proofs than there are names.
    #[error("the ACME server asks for more proofs than there are names")]
    TooManyProofs,
    /// A token that is none, which is not put where it would be asked for.
    #[error("the ACME server sent a token that is none (RFC 8555 §8.1)")]
    Token,
    /// Too many proofs stand already.
    #[error("{limit} proofs stand already")]
    Crowded {
        /// How many may.
        limit: usize,
    },
    /// It took too long.
    #[error("the order was not done within {within_s} seconds")]
    Late {
        /// How long it may take.
        within_s: u64,
    },
    /// What came is no chain of certificates, or too long a one.
    #[error("what was issued is no chain of at most {limit} certificates")]
    Chain {
        /// How many there may be.
        limit: usize,
    },
    /// No browser would believe it: it would be worse than the old one.
    #[error(
        "what was issued is not believed for {name}: {why}; if the authority is your own, name it in acme.authority"
    )]
    Untrusted {
        /// For which name.
        name: String,
        /// Why not.
        why: rustls::Error,
    },
    /// It is for another key, or the key cannot be used.
    #[error("what was issued does not fit the key that it was asked for: {0}")]
    Key(#[from] rustls::Error),
    /// No key, or no request for a certificate, could be made.
    #[error("the request for a certificate could not be made: {0}")]
    Request(#[from] rcgen::Error),
    /// The account or the certificate cannot be kept.
    #[error("{0}")]
    File(Box<crate::Error>),
}

/// What another server said, made fit for a log: short, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(String);

/// Characters of it that are kept.
const WORDS_MAX: usize = 300;

impl Words {
    pub(super) fn of(said: impl fmt::Display) -> Self {
        let text = said.to_string();
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        Self(text.chars().map(plain).take(WORDS_MAX).collect())
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<crate::Error> for Unissued {
    fn from(error: crate::Error) -> Self {
        Self::File(Box::new(error))
    }
}

/// How a server says that it does not take a nonce (RFC 8555 §6.7).
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";

impl From<instant_acme::Error> for Unissued {
    fn from(error: instant_acme::Error) -> Self {
        use instant_acme::Error as E;
        match error {
            E::Api(problem) if problem.r#type.as_deref() == Some(BAD_NONCE) => {
                Self::Nonces(Words::of(problem))
            }
            E::Api(problem) => Self::Refused(Words::of(problem)),
            E::Other(inner) => match inner.downcast::<super::carrier::Strayed>() {
                Ok(strayed) => Self::Elsewhere(Words::of(strayed)),
                Err(other) => Self::Away(Words::of(other)),
            },
            other => Self::Away(Words::of(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_server_says_cannot_begin_another_line() {
        let said =
            Words::of(format!("no\r\n2026 ERROR \u{1b}[31m{}", "x".repeat(1000))).to_string();
        assert!(said.starts_with("no  2026 ERROR  [31mx") && said.chars().count() == WORDS_MAX);
    }
}
