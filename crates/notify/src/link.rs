//! Links of letters: to one origin, and with what works once behind `#`.

use crate::Error;
use seal::Secret;
use std::fmt;

/// The longest path of a link.
const PATH_BYTES_MAX: usize = 100;
/// The longest one-time value.
const VALUE_BYTES_MAX: usize = 256;
/// The longest origin.
const ORIGIN_BYTES_MAX: usize = 200;

/// Where this installation is found in a browser; every link of every letter leads there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// From `https://stockade.example.org` or `https://stockade.example.org:8443`; `http` is taken for this
    /// machine alone.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |why| Error::Malformed { what: "mail.origin", why };
        let text = text.trim().trim_end_matches('/');
        let (scheme, rest) = text.split_once("://").unwrap_or(("", ""));
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
        if scheme != "https" && !(scheme == "http" && here) {
            return Err(refused("write it as https://stockade.example.org"));
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
            return Err(refused("the port is no number"));
        }
        let numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let host = if here || numeric { host.to_owned() } else { crate::mailbox::domain(host)? };
        if host.is_empty() || host.len() > ORIGIN_BYTES_MAX {
            return Err(refused("write a host of at most 200 bytes"));
        }
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}")))
    }

    /// The origin as it is written, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A link to one of its pages; `path` is the app's own, as `/account/security`.
    pub fn link(&self, path: &str) -> Result<Link, Error> {
        let taken = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/-".contains(&b);
        let proper = path.starts_with('/') && !path.contains("//") && path.bytes().all(taken);
        if !proper || path.len() > PATH_BYTES_MAX {
            let why = "a path has small letters, digits, hyphens and single slashes";
            return Err(Error::Malformed { what: "link", why });
        }
        Ok(Link(Secret::new(format!("{}{path}", self.0))))
    }

    /// A link that carries a value that works once, behind `#`: no server and no proxy sees it, and a scanner
    /// that opens the link does not use it up, since only the page's POST does.
    pub fn one_time(&self, path: &str, value: &Secret<String>) -> Result<Link, Error> {
        let value = value.expose();
        let taken = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        if value.is_empty() || value.len() > VALUE_BYTES_MAX || !value.bytes().all(taken) {
            let why = "a one-time value has 1 to 256 letters, digits, - and _";
            return Err(Error::Malformed { what: "link", why });
        }
        let page = self.link(path)?;
        Ok(Link(Secret::new(format!("{}#{value}", page.0.expose()))))
    }
}

/// A link of this installation; only [`Origin`] makes one.
#[derive(Clone)]
pub struct Link(Secret<String>);

impl Link {
    /// The link, for the letter alone: it may be somebody's way in.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let check = |text: &str, want: Option<&str>| {
            let found = Origin::parse(text).ok();
            assert_eq!(found.as_ref().map(Origin::as_str), want, "{text:?}");
        };
        check("https://stockade.example.org", Some("https://stockade.example.org"));
        check("https://Stockade.Example.org:8443/", Some("https://stockade.example.org:8443"));
        check("https://bücher.example", Some("https://xn--bcher-kva.example"));
        check("http://localhost:8443", Some("http://localhost:8443"));
        check("https://192.0.2.7:8443", Some("https://192.0.2.7:8443"));
        check("https://[::1]:8443", Some("https://[::1]:8443"));
        check("http://stockade.example.org", None);
        check("https://user@stockade.example.org", None);
        check("https://stockade.example.org/path", None);
        check("https://stockade.example.org?x", None);
        check("https://stockade.example.org#x", None);
        check("https://stockade.example.org:port", None);
        check("https://stockade.example.org:+1", None);
        check("javascript://stockade.example.org", None);
        check("https://", None);
        check("", None);
    }

    #[test]
    fn a_link_stays_at_its_origin_and_does_not_print() {
        let origin = Origin::parse("https://a.example").expect("an origin");
        let check = |path: &str, value: &str, want: Option<&str>| {
            let link = origin.one_time(path, &Secret::new(value.to_owned())).ok();
            assert_eq!(link.as_ref().map(Link::expose), want, "{path:?} {value:?}");
        };
        check("/reset", "abc-_9", Some("https://a.example/reset#abc-_9"));
        check("/a/b-c", "x", Some("https://a.example/a/b-c#x"));
        check("@evil.example", "x", None);
        check(".evil.example/", "x", None);
        check("//evil.example", "x", None);
        check("/a?b", "x", None);
        check("/a\r\nb", "x", None);
        check("/a", "x\r\n", None);
        check("/a", "x y", None);
        check("/a", "", None);
        assert_eq!(format!("{:?}", origin.link("/a").expect("a link")), "Link(..)");
    }
}
