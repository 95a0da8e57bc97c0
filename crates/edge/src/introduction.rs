//! What a proxy says of its client before the client says anything: the PROXY protocol of `HAProxy`, in text
//! (version 1) and in bytes (version 2).
//!
//! Nothing of what follows is ever read with it: the reader says how many bytes are still the proxy's for sure.

use crate::Peer;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A line of version 1 with its end; the protocol promises no more.
pub(crate) const LINE_BYTES_MAX: usize = 107;
/// What may follow the head of version 2: addresses, and what else a proxy tells, which is skipped.
pub(crate) const BODY_BYTES_MAX: usize = 2048;
/// How version 2 begins; no other protocol does.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// How version 1 begins.
const WORD: &[u8] = b"PROXY ";
/// Signature, command, family and length of version 2.
const HEAD_BYTES: usize = 16;
/// The shortest line is longer than this, so as much can be read before anything is known.
const FIRST_BYTES: usize = SIGNATURE.len();

/// What is said to one's own door where it waits for a proxy's word: version 2, "I speak for myself".
pub(crate) const FOR_MYSELF: [u8; HEAD_BYTES] = *b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// For whom a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Introduction {
    /// For this client.
    Client(SocketAddr),
    /// For itself, or for somebody of whom it knows nothing: then all of those are one.
    Itself,
}

/// How far it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// At least so many bytes are still to come.
    Wants(usize),
    /// All of it, and not a byte more.
    Whole(Introduction),
}

/// What is no introduction. Whoever says it is not heard any further: its client would be taken for the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a proxy does not say who comes: {why}")]
pub(crate) struct Unintroduced {
    /// What is wrong with it.
    pub(crate) why: &'static str,
}

const fn wrong(why: &'static str) -> Unintroduced {
    Unintroduced { why }
}

impl Introduction {
    /// Judges what has come so far.
    pub(crate) fn read(bytes: &[u8]) -> Result<Heard, Unintroduced> {
        let begun = |whole: &[u8]| bytes.iter().zip(whole).all(|(one, other)| one == other);
        if !begun(SIGNATURE) && !begun(WORD) {
            return Err(wrong("it begins with something else"));
        }
        match bytes.len() {
            few @ ..FIRST_BYTES => Ok(Heard::Wants(FIRST_BYTES - few)),
            _ if begun(SIGNATURE) => read_bytes(bytes),
            _ => read_line(bytes),
        }
    }

    /// Reads it from a connection, and nothing of what follows; how long that may take is the caller's to say.
    pub(crate) async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut bytes = Vec::new();
        loop {
            match Self::read(&bytes) {
                Ok(Heard::Whole(introduction)) => return Ok(introduction),
                Ok(Heard::Wants(count)) => {
                    let begin = bytes.len();
                    bytes.resize(begin + count, 0);
                    stream.read_exact(bytes.get_mut(begin..).unwrap_or_default()).await?;
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
    }

    /// Who asks, where `proxy` is who speaks.
    pub(crate) fn asker(self, proxy: Peer) -> Peer {
        match self {
            Self::Client(address) => Peer::Network(address),
            Self::Itself => proxy,
        }
    }
}

/// Version 1: `PROXY TCP4 203.0.113.7 192.0.2.1 56324 443`, CR, LF.
fn read_line(bytes: &[u8]) -> Result<Heard, Unintroduced> {
    let Some(line) = bytes.strip_suffix(b"\r\n") else {
        if bytes.contains(&b'\n') {
            return Err(wrong("its line ends without a carriage return"));
        }
        let wants = if bytes.ends_with(b"\r") { 1 } else { 2 };
        return if bytes.len() + wants > LINE_BYTES_MAX {
            Err(wrong("its line is longer than 107 bytes"))
        } else {
            Ok(Heard::Wants(wants))
        };
    };
    let text = std::str::from_utf8(line).map_err(|_| wrong("its line is no text"))?;
    let rest = text.strip_prefix("PROXY ").unwrap_or_default();
    // What else stands behind this word means nothing.
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Ok(Heard::Whole(Introduction::Itself));
    }
    let mut words = rest.split(' ');
    let [family, source, goal, source_port, goal_port] = std::array::from_fn(|_| words.next());
    if words.next().is_some() {
        return Err(wrong("its line has more than six words"));
    }
    let all = family.zip(source).zip(goal).zip(source_port.zip(goal_port));
    let (((family, source), goal), (source_port, goal_port)) =
        all.ok_or(wrong("its line has fewer than six words"))?;
    let is_four = match family {
        "TCP4" => true,
        "TCP6" => false,
        _ => return Err(wrong("it comes by something other than TCP")),
    };
    let address = |text: &str| {
        let address: Option<IpAddr> = text.parse().ok();
        address.filter(|one| one.is_ipv4() == is_four).ok_or(wrong("it names no address"))
    };
    let (source, _) = (address(source)?, address(goal)?);
    let (port, _) = (port(source_port)?, port(goal_port)?);
    Ok(Heard::Whole(client(source, port)))
}

/// Digits and nothing else, without a zero in front.
fn port(text: &str) -> Result<u16, Unintroduced> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = plain && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(wrong("it names no port"))
}

/// Version 2.
fn read_bytes(bytes: &[u8]) -> Result<Heard, Unintroduced> {
    let Some((head, body)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Ok(Heard::Wants(HEAD_BYTES - bytes.len()));
    };
    let [.., command, family, high, low] = *head;
    if !matches!(command, 0x20 | 0x21) {
        return Err(wrong("its version or command is none"));
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > BODY_BYTES_MAX {
        return Err(wrong("it is longer than 2048 bytes"));
    }
    if body.len() < length {
        return Ok(Heard::Wants(length - body.len()));
    }
    let client = match (command, family) {
        // Whatever a proxy writes beside its own check is skipped; nothing is known of the unspecified.
        (0x20, _) | (_, 0x00) => Some(Introduction::Itself),
        (_, 0x11) => four(body),
        (_, 0x21) => six(body),
        _ => return Err(wrong("it comes by something other than TCP")),
    };
    client.map(Heard::Whole).ok_or(wrong("it has no room for its addresses"))
}

fn four(body: &[u8]) -> Option<Introduction> {
    let (source, rest) = body.split_first_chunk::<4>()?;
    let (port, _) = rest.get(4..8)?.split_first_chunk::<2>()?;
    Some(client(Ipv4Addr::from(*source).into(), u16::from_be_bytes(*port)))
}

fn six(body: &[u8]) -> Option<Introduction> {
    let (source, rest) = body.split_first_chunk::<16>()?;
    let (port, _) = rest.get(16..20)?.split_first_chunk::<2>()?;
    Some(client(Ipv6Addr::from(*source).into(), u16::from_be_bytes(*port)))
}

/// An address of IPv4 is itself, however it is written.
fn client(source: IpAddr, port: u16) -> Introduction {
    Introduction::Client(SocketAddr::new(source.to_canonical(), port))
}

#[cfg(test)]
#[path = "introduction_tests.rs"]
mod tests;
