//! How many connections each peer holds, so that one of them cannot take every place.

use crate::{Limits, Peer};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// Connections by peer; every clone counts the same ones.
#[derive(Clone, Default)]
pub(crate) struct Peers(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// The place of one connection among its peer's; given back when dropped.
pub(crate) struct Seat(Option<(Peers, IpAddr)>);

impl Peers {
    /// A seat, unless the peer has all of its own.
    pub(crate) fn seat(&self, peer: Peer, limits: &Limits) -> Option<Seat> {
        let Peer::Network(address) = peer else { return Some(Seat(None)) };
        let group = group(address.ip());
        let allowed = if group.is_loopback() {
            limits.connections_from_loopback
        } else {
            limits.connections_per_peer
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(group).or_default();
        // A full group has an entry already, so nothing is left behind here.
        (*count < allowed).then(|| {
            *count += 1;
            Seat(Some((self.clone(), group)))
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((peers, group)) = self.0.take() else { return };
        let mut counts = peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = counts.get(&group).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            counts.remove(&group);
        } else {
            counts.insert(group, left);
        }
    }
}

/// Addresses that one peer has at will count as one: all of loopback, an IPv6 /64.
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        own if own.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_peer_count_together() {
        let limits =
            Limits { connections_per_peer: 2, connections_from_loopback: 3, ..Limits::default() };
        let peers = Peers::default();
        let sit = |address: &str| {
            let address = format!("{address}:1").parse().expect("an address");
            peers.seat(Peer::Network(address), &limits)
        };
        let check = |addresses: &[&str], other: &str| {
            let (last, first) = addresses.split_last().expect("some");
            let seats: Vec<Seat> = first.iter().map(|a| sit(a).expect("a seat")).collect();
            assert!(sit(last).is_none(), "{last} is one too many");
            assert!(sit(other).is_some(), "{other} is somebody else");
            drop(seats);
            assert!(sit(last).is_some(), "{last} again, once others have left");
        };
        check(&["192.0.2.1", "[::ffff:192.0.2.1]", "192.0.2.1"], "192.0.2.2");
        check(&["[2001:db8::1]", "[2001:db8::2]", "[2001:db8::3]"], "[2001:db8:0:1::1]");
        check(&["127.0.0.1", "127.0.0.2", "[::1]", "127.0.0.3"], "192.0.2.1");
        assert!(peers.0.lock().expect("whole").is_empty(), "who has left is forgotten");
    }
}
