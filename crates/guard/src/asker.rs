//! Who asks: an account where it is known, else the part of an address that its holder cannot change at will.

use std::net::{IpAddr, Ipv6Addr};

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// An account, by its number.
    Account(u128),
    /// An IPv4 address, or an IPv6 /64: whoever has one address of it has them all.
    Address(IpAddr),
    /// An IPv6 /48, which one line may hold 65,536 of the above of.
    Site(Ipv6Addr),
    /// This machine's own user, over a Unix socket.
    Local,
}

impl Asker {
    /// By address; an IPv4 address in IPv6 clothes is an IPv4 address.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::Address(IpAddr::V4(v4)),
            IpAddr::V6(v6) => Self::Address(IpAddr::V6(prefix(v6, 64))),
        }
    }

    /// The wider part that is counted as well, if there is one.
    pub(crate) fn site(self) -> Option<Self> {
        match self {
            Self::Address(IpAddr::V6(v6)) => Some(Self::Site(prefix(v6, 48))),
            _ => None,
        }
    }

    /// A number to spread askers by: not secret, and what a stranger gains by choosing it is the company
    /// of other strangers.
    pub(crate) fn spread(self) -> u64 {
        let bits = match self {
            Self::Account(number) => number,
            Self::Address(IpAddr::V4(v4)) => u128::from(v4.to_bits()),
            Self::Address(IpAddr::V6(v6)) | Self::Site(v6) => v6.to_bits(),
            Self::Local => 0,
        };
        let folded = (bits >> 64) ^ bits;
        u64::try_from(folded & u128::from(u64::MAX))
            .unwrap_or_default()
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_by_what_its_holder_cannot_change() {
        let at = |text: &str| Asker::at(text.parse().expect("an address"));
        assert_eq!(at("2001:db8:1:2::3"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::3"), at("2001:db8:1:3::3"));
        assert_eq!(at("2001:db8:1:2::3").site(), at("2001:db8:1:ffff::9").site());
        assert_ne!(at("2001:db8:1::").site(), at("2001:db8:2::").site());
        assert_eq!(at("::ffff:192.0.2.7"), at("192.0.2.7"));
        assert_ne!(at("192.0.2.7"), at("192.0.2.8"));
        assert_eq!(at("192.0.2.7").site(), None);
    }
}
