//! Whose word about who asks is believed, and what that word says.
//!
//! A proxy says it in a header of each request, or once before its client speaks (`introduction`).
//!
//! Anyone can write a header. What a proxy adds stands to the right of what its client wrote, so the list is
//! read from the right: the first hop that is not on the list of proxies is who asks, and what stands to the
//! left of it is that hop's own story.

use crate::{Error, Peer};
use http::{HeaderMap, HeaderName, header};
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

/// Networks on the list.
const NETWORKS_MAX: usize = 64;
/// Proxies on one way; a longer chain of them is a loop.
const HOPS_MAX: usize = 16;
/// Bytes of one hop.
const HOP_BYTES_MAX: usize = 256;

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether the address is one of them; one of IPv4 is itself, however it is written.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = Error;

    /// Reads `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::Proxy { text: text.chars().take(80).collect(), why };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse("it is no address"))?;
        if address != address.to_canonical() {
            return Err(refuse("write it as an address of IPv4"));
        }
        let all = if address.is_ipv4() { 32 } else { 128 };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let bits = match bits {
            Some(text) if digits(text) => text.parse().map_err(|_| refuse("too many bits"))?,
            Some(_) => return Err(refuse("behind the slash stands a number of bits")),
            None => all,
        };
        if bits > all {
            return Err(refuse("an address has fewer bits"));
        }
        if bits == 0 {
            return Err(refuse("everybody is no proxy"));
        }
        let network = Self { address, bits };
        let rest = match address {
            IpAddr::V4(own) => own.to_bits().checked_shl(u32::from(bits)).unwrap_or(0) != 0,
            IpAddr::V6(own) => own.to_bits().checked_shl(u32::from(bits)).unwrap_or(0) != 0,
        };
        if rest {
            return Err(refuse("behind its bits everything must be zero"));
        }
        Ok(network)
    }
}

/// How proxies say who asks. Exactly one header is read: the other one is whatever a client wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Telling {
    /// `X-Forwarded-For`.
    #[default]
    ForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Whose word is believed, and which.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Arc<[Network]>,
    telling: Telling,
    moment: Moment,
    local: Local,
}

/// When proxies say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Moment {
    /// With each request, in a header.
    #[default]
    Request,
    /// Before anything else; headers are then the client's own story, whoever carries them.
    Connection,
}

/// What is thought of whoever comes by a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Local {
    /// This machine's own user.
    #[default]
    Owner,
    /// A proxy, which must say who asks.
    Proxy,
}

/// A proxy's word that says nothing. The service must refuse the request, or everybody behind that proxy
/// would be taken for the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misled {
    /// Which header it was.
    pub header: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Proxies {
    /// Reads a list of networks with commas between; without any, nobody is believed.
    pub fn parse(text: &str, telling: Telling) -> Result<Self, Error> {
        let list = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        let networks = list.map(str::parse).collect::<Result<Vec<Network>, Error>>()?;
        if networks.len() > NETWORKS_MAX {
            let why = "write at most 64 networks";
            return Err(Error::Proxy { text: format!("{} networks", networks.len()), why });
        }
        Ok(Self { networks: networks.into(), telling, ..Self::default() })
    }

    /// The same list, for a Unix socket that only a proxy can open.
    #[must_use]
    pub fn behind_socket(&self) -> Self {
        Self { local: Local::Proxy, moment: Moment::Request, ..self.clone() }
    }

    /// The same list, for a door where each of its proxies introduces its client before anything else, by the PROXY
    /// protocol. No header is read there.
    #[must_use]
    pub fn introducing(&self) -> Self {
        Self { moment: Moment::Connection, ..self.clone() }
    }

    /// Whether this peer must say who comes before anything else is heard.
    #[must_use]
    pub fn introduces(&self, peer: Peer) -> bool {
        self.moment == Moment::Connection && self.trusts(peer)
    }

    /// Whether nobody is believed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.local == Local::Owner
    }

    /// Whether this peer's word is believed.
    #[must_use]
    pub fn trusts(&self, peer: Peer) -> bool {
        match peer {
            Peer::Network(address) => self.holds(address.ip()),
            Peer::Local => self.local == Local::Proxy,
        }
    }

    fn holds(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.holds(address))
    }

    /// Who asks, by the word of proxies alone.
    pub fn asker(&self, peer: Peer, headers: &HeaderMap) -> Result<Peer, Misled> {
        if self.moment == Moment::Connection || !self.trusts(peer) {
            return Ok(peer);
        }
        let (name, read): (HeaderName, fn(&str) -> Option<IpAddr>) = match self.telling {
            Telling::ForwardedFor => (HeaderName::from_static("x-forwarded-for"), address),
            Telling::Forwarded => (header::FORWARDED, forwarded),
        };
        let header = match self.telling {
            Telling::ForwardedFor => "x-forwarded-for",
            Telling::Forwarded => "forwarded",
        };
        let misled = |why| Misled { header, why };
        let mut nearest = None;
        let mut seen = 0;
        // Several lines are one list (RFC 9110 §5.3).
        for line in headers.get_all(name).iter().rev() {
            let line = line.to_str().map_err(|_| misled("it is no text"))?;
            for hop in from_the_right(line) {
                seen += 1;
                if seen > HOPS_MAX {
                    return Err(misled("it names more proxies than there can be"));
                }
                if hop.len() > HOP_BYTES_MAX {
                    return Err(misled("it is too long"));
                }
                let address = read(hop.trim()).ok_or_else(|| misled("a proxy names no address"))?;
                let asker = Peer::Network(SocketAddr::new(address.to_canonical(), 0));
                if !self.holds(address) {
                    return Ok(asker);
                }
                nearest = Some(asker);
            }
        }
        match (nearest, peer) {
            // Everybody on the way is a proxy: the first of them asks.
            (Some(asker), _) => Ok(asker),
            (None, Peer::Network(_)) => Ok(peer),
            (None, Peer::Local) => Err(misled("the proxy does not say who asks")),
        }
    }
}

/// The elements of a list, the last one first; what stands in quotes is one.
fn from_the_right(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    let mut commas = Vec::new();
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => commas.push(at),
            _ => {}
        }
    }
    // A quote that is never closed was opened by somebody on the left to swallow what stands on the right.
    if quoted {
        commas = line.bytes().enumerate().filter(|(_, b)| *b == b',').map(|(at, _)| at).collect();
    }
    let mut end = line.len();
    let mut starts: Vec<usize> = commas.iter().map(|at| at + 1).collect();
    starts.insert(0, 0);
    starts.into_iter().rev().filter_map(move |start| {
        let piece = line.get(start..end);
        end = start.saturating_sub(1);
        piece
    })
}

/// An address, with or without a port.
fn address(hop: &str) -> Option<IpAddr> {
    if let Ok(address) = hop.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = hop.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    hop.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6)
}

/// The `for` of one element of `Forwarded`; a hop that hides its client names nobody.
fn forwarded(hop: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in hop.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        if !name.eq_ignore_ascii_case("for") {
            continue;
        }
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => value,
        };
        // Said twice it says nothing.
        if found.replace(address(value)?).is_some() {
            return None;
        }
    }
    found
}

#[cfg(test)]
#[path = "proxies_tests.rs"]
mod tests;
