//! The names by which a bot and a venue speak of the same order.

use super::record::Role;
use std::{fmt, str::FromStr};

/// Text of at most `N` bytes, plain ASCII without spaces; copied, never allocated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<const N: usize> {
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> Name<N> {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or(&[]);
        std::str::from_utf8(text).expect("made of ASCII only")
    }

    fn of(text: &str) -> Option<Self> {
        let fits = (1..=N).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        let length = u8::try_from(text.len()).ok().filter(|_| fits)?;
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, length })
    }
}

impl<const N: usize> fmt::Display for Name<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Name<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no name: 1 to {max} plain characters")]
pub struct NameError {
    /// What was given, cut to 64 characters.
    pub text: String,
    /// The most characters.
    pub max: usize,
}

impl<const N: usize> FromStr for Name<N> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError { text: text.chars().take(64).collect(), max: N };
        Self::of(text).ok_or_else(error)
    }
}

/// A venue's own number of an order.
pub type VenueId = Name<40>;
/// A venue's own number of a trade, unique within its instrument.
pub type TradeId = Name<40>;
/// The name that whoever sent an order gave it: ours has at most 32 letters and digits (OKX takes no
/// more); a foreign one may have 36.
pub type ClientId = Name<40>;

/// One life of one bot: drawn by chance at each start, so that neither a cloned machine nor a restored
/// journal gives an order a name that was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Digits of base 32 without the letters that look alike; all venues take them.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// What our names begin with: an order of the kernel, a stop for a position, a close-all. A bot that
/// lost its journal knows by it which orders it must not take back.
const PREFIXES: [(Role, u8); 4] =
    [(Role::Kernel, b's'), (Role::Stop, b'p'), (Role::Close, b'c'), (Role::Foreign, b'x')];
/// Digits of an epoch: 64 bits in fives.
const EPOCH_DIGITS: usize = 13;
/// Digits of a sequence number: 40 bits.
const SEQUENCE_DIGITS: usize = 8;

impl Epoch {
    /// Orders that one life can name.
    pub const SEQUENCE_MAX: u64 = (1 << (5 * SEQUENCE_DIGITS)) - 1;

    /// The name of the `sequence`-th order of this life; [`None`] beyond [`Epoch::SEQUENCE_MAX`].
    #[must_use]
    pub fn name(self, sequence: u64) -> Option<ClientId> {
        self.name_for(Role::Kernel, sequence)
    }

    /// The same for an order that is for something else.
    pub(super) fn name_for(self, role: Role, sequence: u64) -> Option<ClientId> {
        if sequence > Self::SEQUENCE_MAX {
            return None;
        }
        let mut bytes = [0; 40];
        let length = 1 + EPOCH_DIGITS + SEQUENCE_DIGITS;
        let (head, rest) = bytes.split_first_mut()?;
        *head = PREFIXES.iter().find(|(of, _)| *of == role).map(|(_, letter)| *letter)?;
        let (epoch, rest) = rest.split_at_mut_checked(EPOCH_DIGITS)?;
        put(self.0, epoch);
        put(sequence, rest.get_mut(..SEQUENCE_DIGITS)?);
        Some(ClientId { bytes, length: u8::try_from(length).ok()? })
    }

    /// The name of the stop that an entry brings along: the same life and number, another letter.
    pub(super) fn stop_of(entry: &ClientId) -> Option<ClientId> {
        let (epoch, role, sequence) = Self::read_all(entry)?;
        (role == Role::Kernel).then(|| epoch.name_for(Role::Stop, sequence)).flatten()
    }

    /// The name of the entry that brings this stop along, if one does.
    pub(super) fn entry_of(stop: &ClientId) -> Option<ClientId> {
        let (epoch, role, sequence) = Self::read_all(stop)?;
        (role == Role::Stop).then(|| epoch.name(sequence)).flatten()
    }

    /// The life and the number that a name was made of; [`None`] for a foreign name.
    #[must_use]
    pub fn read(name: &ClientId) -> Option<(Self, u64)> {
        Self::read_all(name).map(|(epoch, _, sequence)| (epoch, sequence))
    }

    /// What an order is for, by a name of ours.
    #[must_use]
    pub fn role_of(name: &ClientId) -> Option<Role> {
        Self::read_all(name).map(|(_, role, _)| role)
    }

    /// The same, and what the order is for.
    pub(super) fn read_all(name: &ClientId) -> Option<(Self, Role, u64)> {
        let text = name.as_str().as_bytes();
        let (head, rest) = text.split_first()?;
        let (epoch, sequence) = rest.split_at_checked(EPOCH_DIGITS)?;
        let role = PREFIXES.iter().find(|(_, letter)| letter == head).map(|(role, _)| *role)?;
        let is_ours = sequence.len() == SEQUENCE_DIGITS;
        let read = (Self(value(epoch)?), role, value(sequence)?);
        // 13 digits hold 65 bits: the name of another number is not taken for this one's.
        let same = read.0.name_for(role, read.2);
        (is_ours && same.as_ref() == Some(name)).then_some(read)
    }
}

fn put(mut number: u64, out: &mut [u8]) {
    for place in out.iter_mut().rev() {
        *place =
            usize::try_from(number & 31).ok().and_then(|d| DIGITS.get(d)).copied().unwrap_or(b'0');
        number >>= 5;
    }
}

fn value(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let place = DIGITS.iter().position(|d| d == digit)?;
        Some(value.wrapping_shl(5) | u64::try_from(place).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_says_its_life_and_number_and_foreign_names_say_neither() {
        let name = Epoch(u64::MAX).name(1).expect("in range");
        assert_eq!(name.as_str(), "sfzzzzzzzzzzzz00000001");
        assert_eq!(Epoch::read(&name), Some((Epoch(u64::MAX), 1)));
        assert_eq!(Epoch::role_of(&name), Some(Role::Kernel));
        assert_eq!(Epoch(1).name(Epoch::SEQUENCE_MAX + 1), None);
        let stop = Epoch::stop_of(&name).expect("an entry's name");
        assert_eq!(stop.as_str(), "pfzzzzzzzzzzzz00000001");
        assert_eq!((Epoch::entry_of(&stop), Epoch::stop_of(&stop)), (Some(name), None));
        assert_eq!(Epoch::entry_of(&name), None);
        for foreign in
            ["x", "web_abc", "sfzzzzzzzzzzzz0000000", "szzzzzzzzzzzzz00000001", "adl_autoclose"]
        {
            assert_eq!(Epoch::read(&foreign.parse().expect("a name")), None, "{foreign}");
        }
    }

    #[test]
    fn names_are_plain_and_short() {
        for bad in ["", "a b", "ä", "\u{1b}[2J", &"a".repeat(41)] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn names_are_unique_short_and_alphanumeric(a: (u64, u64), b: (u64, u64)) {
            let name = |(epoch, sequence): (u64, u64)| {
                Epoch(epoch).name(sequence & Epoch::SEQUENCE_MAX).expect("in range")
            };
            let (one, two) = (name(a), name(b));
            prop_assert!(one.as_str().len() <= 32);
            prop_assert!(one.as_str().bytes().all(|c| c.is_ascii_alphanumeric()));
            let key = |(e, s): (u64, u64)| (e, s & Epoch::SEQUENCE_MAX);
            prop_assert_eq!(one == two, key(a) == key(b));
            prop_assert_eq!(Epoch::read(&one), Some((Epoch(a.0), a.1 & Epoch::SEQUENCE_MAX)));
        }
    }
}
