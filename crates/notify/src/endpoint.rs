//! An address whose path may be a secret, as with most chat webhooks.

use crate::Error;
use http::Uri;
use seal::Secret;
use std::fmt;

/// The longest address.
const BYTES_MAX: usize = 2048;

/// An https address (plain http on this machine only). Prints its host and nothing else.
#[derive(Clone)]
pub struct Endpoint {
    url: Secret<String>,
    host: String,
    port: u16,
    /// Where the path begins in the address.
    path_at: usize,
}

impl Endpoint {
    /// Parses an address; `what` names the setting in an error.
    pub fn parse(what: &'static str, url: &Secret<String>) -> Result<Self, Error> {
        let bad = |why| Error::Address { what, why };
        let text = url.expose().trim();
        if text.len() > BYTES_MAX {
            return Err(bad("it is longer than 2048 bytes"));
        }
        if text.contains('#') {
            return Err(bad("it has a # in it"));
        }
        let uri: Uri = text.parse().map_err(|_| bad("it cannot be read"))?;
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it has a user name in it"));
        }
        let host = authority.host().to_ascii_lowercase();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if loopback(&host) => false,
            Some("http") => return Err(bad("http is open to everybody on the way; use https")),
            _ => return Err(bad("it does not begin with https://")),
        };
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        // `http` accepts a port that is no number; it is not one of ours.
        if authority.as_str().len() > authority.host().len() && authority.port_u16().is_none() {
            return Err(bad("its port is no number"));
        }
        let prefix = if secure { "https://" } else { "http://" };
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut url = format!("{prefix}{authority}");
        let path_at = url.len();
        url.push_str(path);
        Ok(Self { url: Secret::new(url), host, port, path_at })
    }

    /// The host, for a list of hosts that may be talked to.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The whole address, for the client that sends, and nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose()
    }

    /// The path and query.
    pub(crate) fn path(&self) -> &str {
        self.expose().get(self.path_at..).unwrap_or_default()
    }

    /// The same with more at the end of its path (which loses a slash at its end).
    pub(crate) fn join(&self, tail: &str) -> Self {
        let url = format!("{}{tail}", self.expose().trim_end_matches('/'));
        Self { url: Secret::new(url), ..self.clone() }
    }

    /// The text without this address or its path, wherever another library put them.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut out = text.replace(self.expose(), "(address)");
        if self.path().len() > 1 {
            out = out.replace(self.path(), "(path)");
        }
        let bare = self.path().split('?').next().unwrap_or_default();
        if bare.len() > 1 { out.replace(bare, "(path)") } else { out }
    }
}

/// Whether a host is this machine.
fn loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/…", self.host, self.port)
    }
}

/// Equal addresses lead to the same place.
impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        seal::equal(self.expose().as_bytes(), other.expose().as_bytes())
    }
}

impl Eq for Endpoint {}

/// One segment of a path, with every byte escaped that is not unreserved (RFC 3986).
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Endpoint, Error> {
        Endpoint::parse("hook", &Secret::new(text.to_owned()))
    }

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        let check = |text: &str, host: &str, port| {
            let endpoint = parse(text).expect("is an address");
            assert_eq!((endpoint.host(), endpoint.port()), (host, port), "{text}");
        };
        check("https://hooks.example.org/a?b=c", "hooks.example.org", 443);
        check("  https://Hooks.Example.org:8443 ", "hooks.example.org", 8443);
        check("http://127.0.0.1:9/x", "127.0.0.1", 9);
        check("http://[::1]:9/x", "[::1]", 9);
        check("http://localhost/x", "localhost", 80);

        let bad = |text: &str, want: &str| {
            let error = parse(text).expect_err("is refused").to_string();
            assert!(error.contains(want), "{text}: {error}");
            assert!(!error.contains("sesame"), "{error}");
        };
        bad("http://hooks.example.org/sesame", "use https");
        bad("http://127.0.0.1.example.org/sesame", "use https");
        bad("ftp://hooks.example.org/sesame", "https://");
        bad("hooks.example.org/sesame", "https://");
        bad("https:///sesame", "cannot be read");
        bad("https://a:b@hooks.example.org/sesame", "user name");
        bad("https://hooks.example.org/x#sesame", "#");
        bad("https://hooks.example.org:99999/sesame", "port");
        bad(&format!("https://h/{}", "sesame".repeat(1000)), "longer");
    }

    #[test]
    fn an_address_does_not_print() {
        let endpoint = parse("https://h.example/open/sesame?k=v").expect("is an address");
        assert_eq!(format!("{endpoint:?}"), "h.example:443/…");
        let foreign = "error sending to https://h.example/open/sesame?k=v (/open/sesame)";
        assert_eq!(endpoint.redact(foreign), "error sending to (address) ((path))");
    }

    #[test]
    fn a_segment_of_a_path_stays_one() {
        assert_eq!(segment("!room:example.org"), "%21room%3Aexample.org");
        assert_eq!(segment("a/../b?c#d é"), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
    }
}
