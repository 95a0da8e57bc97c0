//! Addresses that begin alike, one by one and by the million.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// What is no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPrefix {
    /// What is wrong with it, and what to write.
    pub why: &'static str,
}

impl fmt::Display for NoPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; write prefixes as 192.0.2.0/24, 192.0.2.7, 2001:db8::/32", self.why)
    }
}

impl std::error::Error for NoPrefix {}

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    first: IpAddr,
    bits: u8,
}

impl Prefix {
    /// The one of this length that holds the address.
    pub(crate) fn around(address: IpAddr, bits: u8) -> Self {
        let first = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !rest_of_four(bits))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !rest_of_six(bits))),
        };
        Self { first, bits }
    }

    /// How many bits they have in common.
    pub(crate) const fn bits(self) -> u8 {
        self.bits
    }

    /// Whether the address begins so.
    #[must_use]
    pub fn holds(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && Self::around(address, self.bits) == self
    }

    /// Whether it holds more than a list or a person can mean: more than an IPv4 /8 or an IPv6 /16.
    #[must_use]
    pub const fn is_too_wide(self) -> bool {
        match self.first {
            IpAddr::V4(_) => self.bits < 8,
            IpAddr::V6(_) => self.bits < 16,
        }
    }
}

/// The bits behind so many of an IPv4 address.
fn rest_of_four(bits: u8) -> u32 {
    u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0)
}

/// The bits behind so many of an IPv6 address.
fn rest_of_six(bits: u8) -> u128 {
    u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0)
}

impl FromStr for Prefix {
    type Err = NoPrefix;

    fn from_str(text: &str) -> Result<Self, NoPrefix> {
        let refuse = |why| NoPrefix { why };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| refuse("it begins with no address"))?;
        if first != first.to_canonical() {
            return Err(refuse("it is an address of IPv4 in the clothes of IPv6"));
        }
        let all = if first.is_ipv4() { 32 } else { 128 };
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let bits: u8 = match bits {
            None => all,
            Some(text) => {
                text.parse().ok().filter(|bits| plain(text) && (1..=all).contains(bits)).ok_or(
                    refuse("behind its slash stands no number of bits that an address has"),
                )?
            }
        };
        let prefix = Self { first, bits };
        if Self::around(first, bits) != prefix {
            return Err(refuse("behind its bits not everything is zero"));
        }
        Ok(prefix)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// Many prefixes, as ranges that neither meet nor overlap: 8 bytes each of IPv4, 32 of IPv6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefixes {
    four: Box<[(u32, u32)]>,
    six: Box<[(u128, u128)]>,
    count: usize,
}

impl FromIterator<Prefix> for Prefixes {
    fn from_iter<I: IntoIterator<Item = Prefix>>(prefixes: I) -> Self {
        let (mut four, mut six, mut count) = (Vec::new(), Vec::new(), 0);
        for Prefix { first, bits } in prefixes {
            count += 1;
            match first {
                IpAddr::V4(v4) => four.push((v4.to_bits(), v4.to_bits() | rest_of_four(bits))),
                IpAddr::V6(v6) => six.push((v6.to_bits(), v6.to_bits() | rest_of_six(bits))),
            }
        }
        let four = merged(four, |end, begin| begin <= end.saturating_add(1));
        let six = merged(six, |end, begin| begin <= end.saturating_add(1));
        Self { four, six, count }
    }
}

/// Ranges in order, those that meet as one.
fn merged<T: Copy + Ord>(mut ranges: Vec<(T, T)>, meets: impl Fn(T, T) -> bool) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut kept: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (begin, end) in ranges {
        match kept.last_mut() {
            Some(last) if meets(last.1, begin) => last.1 = last.1.max(end),
            _ => kept.push((begin, end)),
        }
    }
    kept.into_boxed_slice()
}

fn within<T: Copy + Ord>(ranges: &[(T, T)], one: T) -> bool {
    let before = ranges.partition_point(|(begin, _)| *begin <= one);
    let last = before.checked_sub(1).and_then(|at| ranges.get(at));
    last.is_some_and(|(_, end)| one <= *end)
}

impl Prefixes {
    /// Whether one of them holds the address; one of IPv4 is itself, however it is written.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => within(&self.four, v4.to_bits()),
            IpAddr::V6(v6) => within(&self.six, v6.to_bits()),
        }
    }

    /// Some address of the set: its first of IPv4, or else of IPv6.
    #[must_use]
    pub fn first(&self) -> Option<IpAddr> {
        let four = self.four.first().map(|(begin, _)| IpAddr::V4(Ipv4Addr::from_bits(*begin)));
        four.or_else(|| self.six.first().map(|(begin, _)| IpAddr::V6(Ipv6Addr::from_bits(*begin))))
    }

    /// How many were written down, those that others hold included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val::<[(u32, u32)]>(&self.four) + size_of_val::<[(u128, u128)]>(&self.six)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect(text)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn a_prefix_is_read_as_it_is_written_and_nothing_else_is() {
        let check = |text: &str, shown: &str, inside: &[&str], outside: &[&str]| {
            let read = prefix(text);
            assert_eq!(read.to_string(), shown);
            assert!(inside.iter().all(|one| read.holds(address(one))), "{text} {inside:?}");
            assert!(!outside.iter().any(|one| read.holds(address(one))), "{text} {outside:?}");
        };
        check("192.0.2.7", "192.0.2.7/32", &["192.0.2.7", "::ffff:192.0.2.7"], &["192.0.2.6"]);
        check("192.0.2.128/25", "192.0.2.128/25", &["192.0.2.255"], &["192.0.2.127", "::"]);
        check("10.0.0.0/8", "10.0.0.0/8", &["10.255.255.255"], &["11.0.0.0", "9.255.255.255"]);
        check("128.0.0.0/1", "128.0.0.0/1", &["255.255.255.255"], &["127.255.255.255"]);
        check(
            "2001:db8::/32",
            "2001:db8::/32",
            &["2001:db8:ffff::1"],
            &["2001:db9::", "32.1.13.184"],
        );
        check("::1", "::1/128", &["::1"], &["::2", "127.0.0.1"]);
        for text in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/0",
            "::/0",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "10.0.0.1/8",
            "10.0.0/8",
            "::1/129",
            "::1/127",
            "::ffff:10.0.0.0/104",
            " 10.0.0.1",
            "localhost",
        ] {
            assert!(text.parse::<Prefix>().is_err(), "{text:?}");
        }
        assert!(prefix("10.0.0.0/7").is_too_wide() && prefix("2000::/3").is_too_wide());
        assert!(!prefix("10.0.0.0/8").is_too_wide() && !prefix("2001::/16").is_too_wide());
    }

    #[test]
    fn ranges_that_meet_are_one_and_holes_stay_holes() {
        let many: Prefixes = ["192.0.2.0/25", "192.0.2.128/25", "192.0.2.7", "192.0.4.0/24", "::1"]
            .into_iter()
            .map(prefix)
            .collect();
        assert_eq!((many.len(), many.four.len(), many.six.len()), (5, 2, 1));
        let holds = |text: &str| many.holds(address(text));
        assert!(holds("192.0.2.0") && holds("192.0.2.255") && holds("192.0.4.255"));
        assert!(holds("::1") && holds("::ffff:192.0.2.9"));
        assert!(!holds("192.0.3.0") && !holds("192.0.1.255") && !holds("::2") && !holds("::"));
        assert_eq!(many.first(), Some(address("192.0.2.0")));
        let none = Prefixes::default();
        assert!(none.is_empty() && !none.holds(address("::")) && none.first().is_none());
        let ends: Prefixes = ["255.255.255.255", "0.0.0.0"].into_iter().map(prefix).collect();
        assert!(ends.holds(address("255.255.255.255")) && ends.holds(address("0.0.0.0")));
        assert!(!ends.holds(address("255.255.255.254")) && !ends.holds(address("0.0.0.1")));
    }

    #[test]
    fn a_million_prefixes_take_what_is_said_and_no_more() {
        // Every second address, so that none meet.
        let four: Prefixes = (0..1_000_000_u32)
            .map(|n| Prefix::around(IpAddr::V4(Ipv4Addr::from_bits(n * 2)), 32))
            .collect();
        assert_eq!((four.len(), four.bytes()), (1_000_000, 8_000_000));
        assert!(four.holds(address("0.0.0.2")) && !four.holds(address("0.0.0.3")));
        let six: Prefixes = (0..1_000_000_u128)
            .map(|n| Prefix::around(IpAddr::V6(Ipv6Addr::from_bits(n << 65)), 64))
            .collect();
        assert_eq!((six.len(), six.bytes()), (1_000_000, 32_000_000));
    }

    proptest! {
        #[test]
        fn the_set_holds_what_one_of_its_prefixes_holds(
            listed in prop::collection::vec((any::<u16>(), 8_u8..=32), 0..40),
            asked in prop::collection::vec(any::<u32>(), 1..40),
            six in prop::collection::vec((any::<u128>(), 16_u8..=128), 0..20),
        ) {
            // High bits that are few, so that prefixes meet, overlap and hold each other.
            let four = |n: u32| IpAddr::V4(Ipv4Addr::from_bits(n));
            let near = |n: u16| (u32::from(n & 0x0f0f) << 16) | u32::from(n);
            let fours = listed.iter().map(|(n, bits)| Prefix::around(four(near(*n)), *bits));
            let sixes = six
                .iter()
                .map(|(n, bits)| Prefix::around(IpAddr::V6(Ipv6Addr::from_bits(*n)), *bits));
            let all: Vec<Prefix> = fours.chain(sixes).collect();
            let set: Prefixes = all.iter().copied().collect();
            let edges = all.iter().flat_map(|one| match one.first {
                IpAddr::V4(v4) => {
                    let end = v4.to_bits() | rest_of_four(one.bits);
                    [v4.to_bits(), v4.to_bits().wrapping_sub(1), end, end.wrapping_add(1)]
                        .map(four)
                        .to_vec()
                }
                IpAddr::V6(v6) => {
                    let end = v6.to_bits() | rest_of_six(one.bits);
                    [v6.to_bits(), v6.to_bits().wrapping_sub(1), end, end.wrapping_add(1)]
                        .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
                        .to_vec()
                }
            });
            for one in asked.into_iter().map(four).chain(edges.collect::<Vec<_>>()) {
                prop_assert_eq!(set.holds(one), all.iter().any(|p| p.holds(one)), "{}", one);
            }
            for one in all {
                prop_assert_eq!(one.to_string().parse::<Prefix>(), Ok(one));
            }
        }
    }
}
