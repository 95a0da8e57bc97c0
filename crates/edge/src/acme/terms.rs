//! What is asked of an ACME server, read from words.

use crate::{Error, Origin};
use std::path::PathBuf;

/// Names of one certificate: as many as the public authorities take.
const NAMES_MAX: usize = 100;
/// Addresses that an account may be written to at.
const CONTACTS_MAX: usize = 5;

/// What is asked for, and of whom.
#[derive(Debug, Clone)]
pub struct AcmeTerms {
    /// The directory's address.
    pub directory: String,
    /// The server that it is on.
    pub(super) origin: Origin,
    /// Whom the server may write to, as `mailto:` addresses.
    pub contact: Vec<String>,
    /// The names that the certificate is for, in lower case.
    pub names: Vec<String>,
    /// An authority (PEM) of the owner's own, which the server's TLS and what it issues may be signed by.
    pub authority: Option<PathBuf>,
    /// How it is proved that the names are ours.
    pub challenge: Challenge,
}

/// A way to prove that a name leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// By an answer on port 80 (RFC 8555 §8.3).
    Http,
    /// By a certificate on port 443 (RFC 8737).
    Tls,
}

impl Challenge {
    /// As ACME calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http-01",
            Self::Tls => "tls-alpn-01",
        }
    }
}

impl AcmeTerms {
    /// Reads the address of a directory, the names and the contacts, both lists with commas between.
    pub fn parse(directory: &str, names: &str, contact: &str) -> Result<Self, Error> {
        let refuse = |setting, text: &str, why| Error::AcmeTerm {
            setting,
            text: text.chars().take(80).collect(),
            why,
        };
        let uri: http::Uri = directory
            .parse()
            .map_err(|_| refuse("acme.directory", directory, "it is no address"))?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("https"));
        let authority = authority
            .ok_or_else(|| refuse("acme.directory", directory, "write https://HOST/PATH"))?;
        let origin: Origin = format!("https://{authority}").parse()?;
        let names = list(names).map(str::to_ascii_lowercase).collect::<Vec<_>>();
        if names.is_empty() || names.len() > NAMES_MAX {
            return Err(refuse("acme.names", &names.join(", "), "write 1 to 100 names"));
        }
        for name in &names {
            if !is_public_name(name) {
                let why = "write DNS names of the net: no address, no wildcard, nothing of this machine alone";
                return Err(refuse("acme.names", name, why));
            }
        }
        let contact = list(contact).map(|one| format!("mailto:{one}")).collect::<Vec<_>>();
        let letter = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '<' | '>' | '"' | '%');
        let written = |one: &&String| one.matches('@').count() != 1 || !one.chars().all(letter);
        if let Some(bad) = contact.iter().find(written) {
            return Err(refuse("acme.contact", bad, "write addresses of mail, as ops@example.org"));
        }
        if contact.len() > CONTACTS_MAX {
            return Err(refuse("acme.contact", "", "write at most five addresses"));
        }
        let (authority, challenge) = (None, Challenge::Http);
        let directory = directory.to_owned();
        Ok(Self { directory, origin, contact, names, authority, challenge })
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty())
}

/// A DNS name with a dot in it that is no address.
fn is_public_name(name: &str) -> bool {
    let read: Option<Origin> = name.parse().ok();
    let whole = read.is_some_and(|read| read.host() == name && read.port() == 443);
    whole
        && name.contains('.')
        && !name.contains('_')
        && !name.ends_with(".localhost")
        && name.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

    #[test]
    fn terms_are_read_from_words() {
        let terms =
            AcmeTerms::parse(DIRECTORY, "Trade.example.org, www.example.org", "a@b.example");
        let terms = terms.expect("good");
        assert_eq!(terms.names, ["trade.example.org", "www.example.org"]);
        assert_eq!(terms.contact, ["mailto:a@b.example"]);
        assert_eq!(terms.origin.to_string(), "https://acme-v02.api.letsencrypt.org");
        assert!(AcmeTerms::parse(DIRECTORY, "a.example", "").expect("good").contact.is_empty());
    }

    #[test]
    fn what_is_no_term_is_refused_with_its_setting() {
        let check = |directory: &str, names: &str, contact: &str, setting: &str| {
            let refused = AcmeTerms::parse(directory, names, contact).expect_err(names);
            assert!(refused.to_string().contains(setting), "{refused}");
        };
        check("http://acme.example/dir", "a.example", "", "acme.directory");
        check("acme.example", "a.example", "", "acme.directory");
        check("", "a.example", "", "acme.directory");
        for names in [
            "",
            "localhost",
            "a.localhost",
            "127.0.0.1",
            "[::1]",
            "*.example.org",
            "https://a.example",
            "a.example:444",
            "a_b.example",
            "example",
            "a b.example",
            &vec!["a.example"; 101].join(","),
        ] {
            check(DIRECTORY, names, "", "acme.names");
        }
        for contact in ["a", "a@b@c.example", "a@b.example?x", "a\n@b.example"] {
            check(DIRECTORY, "a.example", contact, "acme.contact");
        }
        check(DIRECTORY, "a.example", "a@b.c,a@b.c,a@b.c,a@b.c,a@b.c,a@b.c", "acme.contact");
    }
}
