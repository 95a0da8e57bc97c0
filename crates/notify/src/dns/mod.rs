//! Questions to a resolver: the few kinds of records that mail needs, over UDP and then TCP (RFC 1035, 7766).
//!
//! The answer is shown to the person who runs the server and decides nothing, so it is not validated by DNSSEC:
//! the resolver is believed. Its packets are not: what does not belong to the question is passed over, and
//! everything that is read has a bound.

mod wire;

use crate::Error;
use seal::{Entropy, random};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use wire::Reading;

/// The servers of a configuration that are asked.
const SERVERS_MAX: usize = 3;
/// How often each is asked.
const ROUNDS: usize = 2;
/// How long one may take.
const ANSWER_MS_MAX: u64 = 2_500;
/// Packets that do not belong to the question, at most, before it is given up.
const STRANGERS_MAX: usize = 16;

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// A host that takes mail.
    Mx,
    /// A text.
    Txt,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The name, in small letters, without a dot at its end.
    pub name: String,
    /// What of it.
    pub kind: Kind,
}

/// What a resolver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Records: addresses, hosts or texts.
    Found(Vec<String>),
    /// There is no such record, or no such name.
    Nothing,
    /// The resolver could not find out.
    Failed,
}

/// What has been asked and answered.
pub type Answers = BTreeMap<Asked, Lookup>;

/// One or a few resolvers.
#[derive(Debug, Clone)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
}

impl Resolver {
    /// One resolver.
    #[must_use]
    pub fn at(server: SocketAddr) -> Self {
        Self { servers: vec![server] }
    }

    /// Those of a `resolv.conf` (its first three), or the one of this machine.
    #[must_use]
    pub fn of(resolv_conf: &str) -> Self {
        let address = |line: &str| {
            let mut words = line.split_whitespace();
            let named = words.next() == Some("nameserver");
            let word = words.next().filter(|_| named)?;
            // A scope (`fe80::1%eth0`) names an interface; such resolvers are not asked.
            word.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53))
        };
        let mut servers: Vec<_> =
            resolv_conf.lines().filter_map(address).take(SERVERS_MAX).collect();
        if servers.is_empty() {
            servers.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53));
        }
        Self { servers }
    }

    /// Asks, each server in turn, until one has answered.
    pub async fn ask(
        &self,
        asked: &Asked,
        entropy: &mut (impl Entropy + ?Sized),
    ) -> Result<Lookup, Error> {
        let mut why = "no resolver answered; name one that does with --resolver";
        let mut failed = false;
        for server in self.servers.iter().cycle().take(self.servers.len() * ROUNDS) {
            let id = u16::from_be_bytes(random(entropy));
            let packet = wire::question(id, asked).ok_or_else(|| Error::Dns {
                server: *server,
                name: asked.name.clone(),
                why: "this is no name of DNS",
            })?;
            let waiting = Duration::from_millis(ANSWER_MS_MAX);
            match timeout(waiting, exchange(*server, &packet, id, asked)).await {
                Ok(Ok(Lookup::Failed)) => failed = true,
                Ok(Ok(lookup)) => return Ok(lookup),
                Ok(Err(_)) => why = "the resolver cannot be reached; name another with --resolver",
                Err(_) => {}
            }
        }
        if failed {
            return Ok(Lookup::Failed);
        }
        let server = self.servers.first().copied();
        let server = server.unwrap_or(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 53));
        Err(Error::Dns { server, name: asked.name.clone(), why })
    }
}

/// One exchange over UDP, and over TCP if the answer did not fit.
async fn exchange(
    server: SocketAddr,
    packet: &[u8],
    id: u16,
    asked: &Asked,
) -> std::io::Result<Lookup> {
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // A port of the kernel's choice, and only this server's packets.
    let socket = UdpSocket::bind(own).await?;
    socket.connect(server).await?;
    socket.send(packet).await?;
    let mut buffer = vec![0; wire::UDP_BYTES_MAX];
    for _ in 0..STRANGERS_MAX {
        let length = socket.recv(&mut buffer).await?;
        match wire::answer(buffer.get(..length).unwrap_or_default(), id, asked) {
            Reading::Lookup(lookup) => return Ok(lookup),
            Reading::Truncated => return over_tcp(server, packet, id, asked).await,
            Reading::Foreign => {}
        }
    }
    Ok(Lookup::Failed)
}

async fn over_tcp(
    server: SocketAddr,
    packet: &[u8],
    id: u16,
    asked: &Asked,
) -> std::io::Result<Lookup> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(packet.len()).unwrap_or(0);
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(packet);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await?;
    Ok(match wire::answer(&buffer, id, asked) {
        Reading::Lookup(lookup) => lookup,
        Reading::Truncated | Reading::Foreign => Lookup::Failed,
    })
}
