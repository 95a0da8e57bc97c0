//! Which server is looked at: a name, a port, and the address where it is.

use crate::Error;
use rustls::pki_types::ServerName;
use std::{
    fmt,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
};

const HTTPS: u16 = 443;

/// A server, by the name that its certificate must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    at: Option<SocketAddr>,
}

impl Target {
    /// Reads `https://HOST[:PORT]`; `at` is asked instead of whatever DNS says.
    pub fn parse(url: &str, at: Option<SocketAddr>) -> Result<Self, Error> {
        let wrong = |why| Error::Address { text: url.chars().take(80).collect(), why };
        let rest = url.strip_prefix("https://").ok_or_else(|| wrong("it does not begin so"))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(wrong("it has more than a host and a port"));
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']').ok_or_else(|| wrong("a bracket is open"))?,
            None => rest.find(':').map_or((rest, ""), |colon| rest.split_at(colon)),
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => HTTPS,
            None => return Err(wrong("something stands behind its address")),
            Some(port) => port.parse().map_err(|_| wrong("its port is no number to 65535"))?,
        };
        let host = host.to_ascii_lowercase();
        if ServerName::try_from(host.as_str()).is_err() {
            return Err(wrong("its host is neither a name nor an address"));
        }
        Ok(Self { host, port, at })
    }

    /// The host, as it stands in a certificate.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What a request says in `Host`, and a page in its own addresses.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.bracketed();
        if self.port == HTTPS { host } else { format!("{host}:{}", self.port) }
    }

    /// The host with its port, whichever it is.
    pub(crate) fn address_text(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// Whether it is at the port that nobody writes.
    #[must_use]
    pub const fn is_at_standard_port(&self) -> bool {
        self.port == HTTPS
    }

    /// Whether browsers keep what they are told of strict transport: not of addresses, and of
    /// `localhost` it would bind every other port of the machine.
    #[must_use]
    pub fn is_public_name(&self) -> bool {
        self.host != "localhost"
            && !self.host.ends_with(".localhost")
            && self.host.parse::<IpAddr>().is_err()
    }

    /// Where to connect for this port, or for another one of the same machine.
    pub(crate) fn address(&self, port: Option<u16>) -> Result<SocketAddr, Error> {
        if let Some(mut at) = self.at {
            if let Some(port) = port {
                at.set_port(port);
            }
            return Ok(at);
        }
        let unknown = |source| Error::Lookup { host: self.host.clone(), source };
        let found = (self.host.as_str(), port.unwrap_or(self.port)).to_socket_addrs();
        // A resolver may give the newer protocol first where nothing listens on it.
        let mut found: Vec<SocketAddr> = found.map_err(unknown)?.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        found.first().copied().ok_or_else(|| unknown(std::io::ErrorKind::NotFound.into()))
    }

    /// The name that a handshake asks for.
    pub(crate) fn name(&self) -> ServerName<'static> {
        let name = ServerName::try_from(self.host.clone());
        name.expect("the constructor has tried it")
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let check = |url: &str, want: Option<(&str, &str)>| {
            let read = Target::parse(url, None);
            let told = read.as_ref().ok().map(|read| (read.host(), read.to_string()));
            assert_eq!(told, want.map(|(host, text)| (host, text.to_owned())), "{url}");
        };
        check("https://a.example", Some(("a.example", "https://a.example")));
        check("https://A.example:443/", Some(("a.example", "https://a.example")));
        check("https://localhost:8443", Some(("localhost", "https://localhost:8443")));
        check("https://[::1]:8443", Some(("::1", "https://[::1]:8443")));
        check("https://127.0.0.1", Some(("127.0.0.1", "https://127.0.0.1")));
        for wrong in [
            "http://a.example",
            "a.example",
            "https://",
            "https://a.example/path",
            "https://me@a.example",
            "https://a.example:99999",
            "https://[::1",
            "https://[::1]x",
            "https://a b",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn strict_transport_is_for_names_of_the_net() {
        for (url, public) in [
            ("https://a.example", true),
            ("https://localhost", false),
            ("https://x.localhost", false),
            ("https://127.0.0.1", false),
            ("https://[::1]", false),
        ] {
            assert_eq!(Target::parse(url, None).expect("reads").is_public_name(), public, "{url}");
        }
    }
}
