//! Who is refused by address alone: on a list, or blocked by whoever runs the server, unless they say otherwise.

use crate::{Prefix, PrefixList, Prefixes};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

/// What is said of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage<'a> {
    /// Nothing is held against it.
    Free,
    /// Whoever runs the server wants it let through, whatever is held against it.
    Allowed,
    /// Whoever runs the server blocked it until then.
    Blocked {
        /// Until when.
        until: Timestamp,
    },
    /// A list names it.
    Listed {
        /// Which.
        list: &'a str,
    },
}

/// What whoever runs the server blocks: prefixes, each until a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocks {
    until: BTreeMap<Prefix, Timestamp>,
    /// The lengths that there are, so that an address is looked up once for each.
    lengths: BTreeSet<u8>,
}

impl FromIterator<(Prefix, Timestamp)> for Blocks {
    fn from_iter<I: IntoIterator<Item = (Prefix, Timestamp)>>(blocks: I) -> Self {
        let until: BTreeMap<Prefix, Timestamp> = blocks.into_iter().collect();
        let lengths = until.keys().map(|prefix| prefix.bits()).collect();
        Self { until, lengths }
    }
}

impl Blocks {
    /// Until when the longest prefix blocks the address that still does.
    #[must_use]
    pub fn until(&self, address: IpAddr, now: Timestamp) -> Option<Timestamp> {
        let address = address.to_canonical();
        let all = if address.is_ipv4() { 32 } else { 128 };
        let lengths = self.lengths.iter().rev().filter(|bits| **bits <= all);
        let found = lengths.filter_map(|bits| self.until.get(&Prefix::around(address, *bits)));
        found.copied().find(|until| *until > now)
    }

    /// How many there are, those that are over included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.until.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.until.is_empty()
    }
}

/// Lists, blocks, and who passes all the same.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    /// Whom whoever runs the server lets through.
    pub allowed: Prefixes,
    /// Whom they block.
    pub blocks: Blocks,
    /// Whom others list.
    pub lists: Vec<Arc<PrefixList>>,
}

impl Gate {
    /// What is said of an address now. Who is allowed passes first, so that nobody who runs the server is shut
    /// out of it by the word of others.
    #[must_use]
    pub fn judge(&self, address: IpAddr, now: Timestamp) -> Passage<'_> {
        if self.allowed.holds(address) {
            return Passage::Allowed;
        }
        if let Some(until) = self.blocks.until(address, now) {
            return Passage::Blocked { until };
        }
        match self.lists.iter().find(|list| list.prefixes.holds(address)) {
            Some(list) => Passage::Listed { list: &list.name },
            None => Passage::Free,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + 60 * minute).expect("in range")
    }

    fn gate() -> Gate {
        let prefix = |text: &str| text.parse::<Prefix>().expect(text);
        let list = "# list spammers\n# date 2026-09-21T06:00:00Z\n192.0.2.0/24\n2001:db8::/32\n";
        let blocks = [
            ("198.51.100.0/24", 10),
            ("198.51.100.7", 5),
            ("198.51.100.8", 20),
            ("2001:db9:1::/48", 10),
        ];
        Gate {
            allowed: ["192.0.2.7", "198.51.100.64/26"].into_iter().map(prefix).collect(),
            blocks: blocks.into_iter().map(|(text, ends)| (prefix(text), at(ends))).collect(),
            lists: vec![Arc::new(PrefixList::parse(list).expect("a list"))],
        }
    }

    #[test]
    fn who_is_listed_or_blocked_is_refused_and_who_is_allowed_never_is() {
        let gate = gate();
        let check = |address: &str, minute: i64, want: Passage<'_>| {
            let got = gate.judge(address.parse().expect("an address"), at(minute));
            assert_eq!(got, want, "{address} at {minute}");
        };
        let listed = Passage::Listed { list: "spammers" };
        let until = |minute| Passage::Blocked { until: at(minute) };
        check("203.0.113.1", 0, Passage::Free);
        check("192.0.2.6", 0, listed);
        check("::ffff:192.0.2.6", 0, listed);
        check("2001:db8:9::1", 0, listed);
        check("192.0.2.7", 0, Passage::Allowed);
        check("198.51.100.100", 0, Passage::Allowed);
        check("198.51.100.1", 0, until(10));
        check("198.51.100.1", 9, until(10));
        check("198.51.100.1", 10, Passage::Free);
        // The longest prefix says until when, and where it is over, the next one.
        check("198.51.100.7", 0, until(5));
        check("198.51.100.7", 5, until(10));
        check("198.51.100.8", 15, until(20));
        check("198.51.100.8", 20, Passage::Free);
        check("2001:db9:1:2::3", 0, until(10));
        check("2001:db9:2::3", 0, Passage::Free);
        assert_eq!(gate.blocks.len(), 4);
    }

    #[test]
    fn without_anything_everybody_passes() {
        let gate = Gate::default();
        assert_eq!(gate.judge("192.0.2.6".parse().expect("one"), at(0)), Passage::Free);
        assert!(gate.blocks.is_empty());
    }

    /// The weak twin asks the lists before the allowance: it shuts out who runs the server.
    #[test]
    fn the_order_of_the_questions_is_a_wall() {
        let gate = gate();
        let own: IpAddr = "192.0.2.7".parse().expect("one");
        assert!(gate.lists.iter().any(|list| list.prefixes.holds(own)), "it is listed");
        assert_eq!(gate.judge(own, at(0)), Passage::Allowed);
    }
}
