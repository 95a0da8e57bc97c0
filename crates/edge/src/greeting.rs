//! The first message of an old or a weak client, and what a listener says to it.
//!
//! rustls cannot offer what is forbidden, so these few bytes are written by hand (RFC 5246 §7.4.1, RFC 8446
//! §4.1.2) and only the head of the answer is read.

use crate::{Proxies, client::dial::introduce};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long the whole exchange may take.
const WITHIN: Duration = Duration::from_secs(5);
/// The head of a record is five bytes; of a server's hello, what is read lies in its first hundred.
const HEAD_BYTES: usize = 5;
const BODY_BYTES_MAX: usize = 512;

/// What a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The protocol: 0x0301 for TLS 1.0, 0x0303 for 1.2.
    pub version: u16,
    /// The cipher suites, by their numbers.
    pub suites: &'static [u16],
}

impl Offer {
    /// TLS 1.0 with what it had.
    pub const TLS_1_0: Self = Self { version: 0x0301, suites: &[0xc00a, 0xc014, 0x002f, 0x000a] };
    /// TLS 1.1 with what it had.
    pub const TLS_1_1: Self = Self { version: 0x0302, suites: &[0xc00a, 0xc014, 0x002f, 0x000a] };
    /// TLS 1.2 with RC4, 3DES, CBC, and keys that RSA carries: without AEAD, or without forward secrecy.
    pub const WEAK_SUITES: Self = Self {
        version: 0x0303,
        suites: &[0x0005, 0x000a, 0x002f, 0x0035, 0x003c, 0x009c, 0x009d, 0xc009, 0xc013, 0xc027],
    };
    /// TLS 1.2 with ECDHE and AES-GCM.
    pub const TLS_1_2: Self =
        Self { version: 0x0303, suites: &[0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8] };
}

/// What a listener says to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    /// It refused, with this alert (RFC 8446 §6); none where it hung up without a word.
    Refused(Option<u8>),
    /// It chose.
    Accepted {
        /// The protocol.
        version: u16,
        /// The cipher suite.
        suite: u16,
    },
}

/// Makes the offer and reads the first answer. At a door that takes this machine for one of `proxies`, it says before
/// that it speaks for itself.
pub async fn greet(address: SocketAddr, offer: Offer, proxies: &Proxies) -> io::Result<Greeting> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    timeout(WITHIN, exchange(address, offer, proxies)).await.map_err(late)?
}

async fn exchange(address: SocketAddr, offer: Offer, proxies: &Proxies) -> io::Result<Greeting> {
    let mut stream = TcpStream::connect(address).await?;
    introduce(&mut stream, proxies).await?;
    stream.write_all(&hello(offer)).await?;
    let mut head = [0; HEAD_BYTES];
    if let Err(error) = stream.read_exact(&mut head).await {
        return hung_up(error);
    }
    let [kind, _, _, high, low] = head;
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "the answer is none of TLS");
    // An alert or a handshake; whoever says something else speaks another protocol.
    if !matches!(kind, 21 | 22) {
        return Err(strange());
    }
    let length = usize::from(u16::from_be_bytes([high, low])).min(BODY_BYTES_MAX);
    let mut body = vec![0; length];
    if let Err(error) = stream.read_exact(&mut body).await {
        return hung_up(error);
    }
    match kind {
        21 => Ok(Greeting::Refused(body.get(1).copied())),
        _ => chosen(&body).ok_or_else(strange),
    }
}

fn hung_up(error: io::Error) -> io::Result<Greeting> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            Ok(Greeting::Refused(None))
        }
        _ => Err(error),
    }
}

/// Version and suite of a server's hello.
fn chosen(body: &[u8]) -> Option<Greeting> {
    if body.first() != Some(&2) {
        return None;
    }
    let two = |at: usize| Some(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?]));
    let version = two(4)?;
    // Behind 32 bytes of chance stands the session's name.
    let session = usize::from(*body.get(38)?);
    Some(Greeting::Accepted { version, suite: two(39 + session)? })
}

fn hello(offer: Offer) -> Vec<u8> {
    let suites: Vec<u8> = offer.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let mut body = offer.version.to_be_bytes().to_vec();
    // The handshake is never finished, so nothing rests on these bytes being random.
    body.extend([0x5a; 32]);
    body.push(0);
    body.extend(long(&suites));
    body.extend([1, 0]);
    body.extend(long(&extensions(offer.version)));
    let mut message = vec![1, 0];
    message.extend(long(&body));
    let mut record = vec![22, 3, 1];
    record.extend(long(&message));
    record
}

fn extensions(version: u16) -> Vec<u8> {
    let mut all = Vec::new();
    let mut add = |kind: u16, content: &[u8]| {
        all.extend(kind.to_be_bytes());
        all.extend(long(content));
    };
    // Groups: X25519, P-256, P-384; points that are not compressed.
    add(10, &long(&[0, 29, 0, 23, 0, 24]));
    add(11, &[1, 0]);
    if version >= 0x0303 {
        // ECDSA, RSA-PSS and RSA, each with SHA-256.
        add(13, &long(&[4, 3, 8, 4, 4, 1]));
    }
    all
}

/// Behind its length in two bytes.
fn long(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("these lists are a few dozen bytes long");
    [&length.to_be_bytes(), content].concat()
}
