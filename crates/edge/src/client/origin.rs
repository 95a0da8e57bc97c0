//! Where the process may go: a short list of origins, and nothing else.

use crate::Error;
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
};

/// How bytes are protected on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// `https` and `wss`.
    Tls,
    /// `http` and `ws`: only to this machine, and only if the list says so.
    Plain,
}

/// Scheme, host and port of a server: all that the list of allowed places is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: Arc<str>,
    port: u16,
}

/// Longest text of an origin: a DNS name has 253 bytes.
const TEXT_BYTES_MAX: usize = 280;

impl Origin {
    /// How it is spoken to.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The name or address, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, filled in where the text had none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host as an address, if it is one.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether the name means this machine.
    pub(crate) fn is_this_machine(&self) -> bool {
        &*self.host == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// As a `Host` header has it: without the port that the scheme implies.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.to_string()
        };
        if self.port == self.scheme.port() { host } else { format!("{host}:{}", self.port) }
    }
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Self::Tls => 443,
            Self::Plain => 80,
        }
    }
}

impl FromStr for Origin {
    type Err = Error;

    /// Reads `api.example.com`, `https://api.example.com:8443`, `wss://…`, `http://127.0.0.1:9000`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::Origin { text: text.chars().take(80).collect(), why };
        if text.len() > TEXT_BYTES_MAX {
            return Err(refuse("it is too long"));
        }
        let (scheme, rest) = match text.split_once("://") {
            None => (Scheme::Tls, text),
            Some(("https" | "wss", rest)) => (Scheme::Tls, rest),
            Some(("http" | "ws", rest)) => (Scheme::Plain, rest),
            Some(_) => return Err(refuse("the scheme is not https, wss, http or ws")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split_port(rest).ok_or_else(|| refuse("the port is not a number"))?;
        let port = port.unwrap_or_else(|| scheme.port());
        if port == 0 {
            return Err(refuse("port 0 is nowhere"));
        }
        let host = normal(host).ok_or_else(|| {
            refuse("a host is a DNS name or an address, without a path, a user or a wildcard")
        })?;
        let origin = Self { scheme, host: host.into(), port };
        if scheme == Scheme::Plain && !origin.is_this_machine() {
            return Err(refuse("unencrypted traffic never leaves this machine: use https"));
        }
        Ok(origin)
    }
}

/// Host and port; brackets around an IPv6 address are taken off.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((text, None)),
    }
}

/// The host in the one spelling that is compared.
fn normal(host: &str) -> Option<String> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(ip.to_string());
    }
    let host = host.to_ascii_lowercase();
    let label = |label: &str| {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in a number is read as an IPv4 address by some resolvers: `127.1`, `0x7f000001`.
    let last = host.rsplit('.').next()?;
    let numeric = last.bytes().all(|c| c.is_ascii_digit()) || last.starts_with("0x");
    (host.len() <= 253 && !numeric && host.split('.').all(label)).then_some(host)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Tls => "https",
            Scheme::Plain => "http",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which addresses a name may turn out to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Addresses of the public Internet: a resolver that lies cannot point inside.
    Public,
    /// Any address: the owner's own server on the local network.
    Private,
}

/// The origins that may be asked; everything else is refused before its name is looked up.
#[derive(Debug, Clone, Default)]
pub struct Allowed(BTreeMap<Origin, Reach>);

impl Allowed {
    /// Adds one origin. An address, or `localhost`, says itself where it leads.
    pub fn add(&mut self, origin: Origin, reach: Reach) {
        self.0.insert(origin, reach);
    }

    /// Every origin on the list.
    pub fn origins(&self) -> impl Iterator<Item = (&Origin, Reach)> {
        self.0.iter().map(|(origin, reach)| (origin, *reach))
    }
}

impl FromIterator<Origin> for Allowed {
    fn from_iter<I: IntoIterator<Item = Origin>>(origins: I) -> Self {
        Self(origins.into_iter().map(|origin| (origin, Reach::Public)).collect())
    }
}

/// Whether an address is one of the public Internet (IANA's special-purpose registries).
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 224
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || shared
        || protocol
        || benchmark)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    // Only 2000::/3 is handed out. 6to4, Teredo and NAT64 carry an IPv4 address that nobody checked.
    let global = (0x2000..0x4000).contains(&first);
    let tunnel = first == 0x2002 || (first == 0x2001 && second == 0);
    let documentation = (first == 0x2001 && second == 0x0db8) || first == 0x3fff;
    global && !tunnel && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_is_read(text in "\\PC{0,40}|[a-z0-9.:/\\[\\]-]{0,40}") {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(origin.to_string().parse::<Origin>().expect("its own text"), origin);
            }
        }
    }

    #[test]
    fn an_origin_has_one_spelling() {
        let check = |text: &str, expected: &str| {
            let origin: Origin = text.parse().expect(text);
            assert_eq!(origin.to_string(), expected, "{text}");
            assert_eq!(origin.to_string().parse::<Origin>().expect("again"), origin);
        };
        check("api.example.com", "https://api.example.com");
        check("API.Example.com:443", "https://api.example.com");
        check("wss://stream.example.com:9443/", "https://stream.example.com:9443");
        check("https://[0:0::1]:8443", "https://[::1]:8443");
        check("ws://localhost:80", "http://localhost");
        check("http://127.0.0.1:9000", "http://127.0.0.1:9000");
    }

    #[test]
    fn what_is_no_origin_is_refused_with_the_reason() {
        let check = |text: &str, why: &str| {
            let error = text.parse::<Origin>().expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        };
        check("http://api.example.com", "never leaves this machine");
        check("ws://10.0.0.1", "never leaves this machine");
        check("ftp://example.com", "scheme");
        check("https://user@example.com", "a user");
        check("https://example.com/path", "a path");
        check("*.example.com", "a wildcard");
        check("example.com:99999", "port");
        check("example.com:0", "port 0");
        check("", "a DNS name");
        check("127.1", "a DNS name");
        check("0x7f000001", "a DNS name");
        check("http://2130706433", "a DNS name");
        check("exam\u{440}le.com", "a DNS name");
        check("-a.example", "a DNS name");
        check("[127.0.0.1]", "port");
        check(&"a.".repeat(200), "too long");
    }

    #[test]
    fn addresses_inside_are_told_from_public_ones() {
        let check = |text: &str, public: bool| {
            assert_eq!(is_public(text.parse().expect(text)), public, "{text}");
        };
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.2",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            check(inside, false);
        }
        for outside in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2606:4700::1111"] {
            check(outside, true);
        }
    }
}
