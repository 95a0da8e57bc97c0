//! From an origin to a connection: look-up, TCP, TLS, each within the time that is left.

use super::{
    fate::{Step, Unsent},
    origin::{self, Origin, Reach, Scheme},
    trust::WrongPin,
    wire::{Meter, Metered, Wire},
};
use crate::{Peer, Proxies, introduction::FOR_MYSELF};
use rustls::{CertificateError, pki_types::ServerName};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, lookup_host},
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 6;
/// The shortest time that one address is given where others wait.
const ADDRESS_MS_MIN: u64 = 250;

/// Opens a connection before `deadline`. Nothing of a request is sent here.
pub(crate) async fn dial(
    (tls, proxies): (&TlsConnector, &Proxies),
    origin: &Origin,
    reach: Reach,
    deadline: Instant,
) -> Result<(Wire, Meter), Unsent> {
    let addresses = addresses(origin, reach, deadline).await?;
    let mut stream = connect(&addresses, deadline).await?;
    stream.set_nodelay(true).map_err(Unsent::Connect)?;
    introduce(&mut stream, proxies).await.map_err(Unsent::Connect)?;
    let meter = Meter::new();
    let stream = Metered::new(stream, meter.clone());
    if origin.scheme() == Scheme::Plain {
        return Ok((Wire::Plain(stream), meter));
    }
    let name = ServerName::try_from(origin.host().to_owned())
        .map_err(|_| Unsent::Invalid { what: "the host is no name that a certificate can have" })?;
    match timeout_at(deadline, tls.connect(name, stream)).await {
        Err(_) => Err(Unsent::Timeout { step: Step::Handshake }),
        Ok(Err(error)) => Err(refused(error)),
        Ok(Ok(stream)) => Ok((Wire::Tls(Box::new(stream)), meter)),
    }
}

/// To a door that takes this machine for a proxy: a fresh connection has room for these few bytes.
pub(crate) async fn introduce(stream: &mut TcpStream, proxies: &Proxies) -> io::Result<()> {
    if proxies.introduces(Peer::Network(stream.local_addr()?)) {
        stream.write_all(&FOR_MYSELF).await?;
    }
    Ok(())
}

async fn addresses(
    origin: &Origin,
    reach: Reach,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, Unsent> {
    if let Some(ip) = origin.ip() {
        // The list names the address itself.
        return Ok(vec![SocketAddr::new(ip, origin.port())]);
    }
    let found = timeout_at(deadline, lookup_host((origin.host(), origin.port()))).await;
    let found = found.map_err(|_| Unsent::Timeout { step: Step::Lookup })?;
    let found: Vec<_> = found.map_err(Unsent::Lookup)?.take(ADDRESSES_MAX).collect();
    let is_here = origin.is_this_machine();
    let may = |ip: IpAddr| match (is_here, reach) {
        (true, _) => ip.is_loopback(),
        (false, Reach::Private) => true,
        (false, Reach::Public) => origin::is_public(ip),
    };
    // One address inside is enough to doubt the others: a resolver that lies mixes them.
    if let Some(bad) = found.iter().find(|address| !may(address.ip())) {
        return Err(Unsent::PrivateAddress { ip: bad.ip() });
    }
    if found.is_empty() {
        return Err(Unsent::Lookup(io::ErrorKind::NotFound.into()));
    }
    Ok(found)
}

/// Tries one address after the other, each with its share of the time that is left.
async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Unsent> {
    let mut last = Unsent::Timeout { step: Step::Connect };
    for (n, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let others = u32::try_from(addresses.len() - n).unwrap_or(1);
        let share = (left / others).max(Duration::from_millis(ADDRESS_MS_MIN)).min(left);
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Unsent::Connect(error),
            Err(_) => last = Unsent::Timeout { step: Step::Connect },
        }
    }
    Err(last)
}

/// Tells a refused certificate from a session that did not come about.
fn refused(error: io::Error) -> Unsent {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(other))) => {
            match other.0.downcast_ref::<WrongPin>() {
                Some(wrong) => Unsent::Pin { seen: wrong.seen.clone() },
                None => Unsent::Certificate(rustls::Error::InvalidCertificate(
                    CertificateError::Other(other.clone()),
                )),
            }
        }
        Some(bad @ rustls::Error::InvalidCertificate(_)) => Unsent::Certificate(bad.clone()),
        _ => Unsent::Tls(error),
    }
}

/// The connector of one client.
pub(crate) fn connector(config: Arc<rustls::ClientConfig>) -> TlsConnector {
    TlsConnector::from(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name of this machine's own hosts file that leads inside; most machines have theirs.
    fn inner_name() -> Option<String> {
        let hosts = std::fs::read_to_string("/etc/hosts").ok()?;
        let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
        lines.into_iter().find_map(|line| {
            let mut words = line.split_whitespace();
            let ip: IpAddr = words.next()?.parse().ok()?;
            let name = words.find(|name| *name != "localhost" && name.parse::<Origin>().is_ok())?;
            (!origin::is_public(ip)).then(|| name.to_owned())
        })
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_unless_the_list_says_so() {
        let Some(name) = inner_name() else {
            println!("skipped: the hosts file has no name that leads inside");
            return;
        };
        let origin: Origin = name.parse().expect("an origin");
        let deadline = Instant::now() + Duration::from_secs(10);
        let refused = addresses(&origin, Reach::Public, deadline).await;
        assert!(matches!(refused, Err(Unsent::PrivateAddress { .. })), "{name}: {refused:?}");
        assert!(addresses(&origin, Reach::Private, deadline).await.is_ok(), "{name}");
        let here: Origin = "localhost".parse().expect("an origin");
        assert!(addresses(&here, Reach::Public, deadline).await.is_ok());
    }
}
