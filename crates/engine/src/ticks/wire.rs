//! Values as bytes: numbers are LEB128, signed ones zigzag; a choice is its tag and what it holds.
//! The layout is part of every block's hash: it changes only with [`crate::SEMANTICS`].

use market::{Money, Price, Quantity, Rate, Side, Timestamp};
use portfolio::{InstrumentId, Leg, Liquidity};

/// Bytes of the longest number: 128 bits in groups of seven.
const BYTES_MAX: usize = 19;

/// What can be written down and read back.
pub(crate) trait Wire: Sized {
    /// Appends it.
    fn put(&self, out: &mut Vec<u8>);

    /// Takes one off the front; `None` where the bytes are cut or mean nothing.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

impl Wire for u128 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut number = *self;
        while number >= 0x80 {
            out.push(low(number) | 0x80);
            number >>= 7;
        }
        out.push(low(number));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut number = 0;
        for place in 0..BYTES_MAX {
            let byte = tag(bytes)?;
            let part = Self::from(byte & 0x7f);
            let shift = u32::try_from(place * 7).ok()?;
            number |= part.checked_shl(shift).filter(|moved| moved >> shift == part)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the low seven bits are meant")]
const fn low(number: u128) -> u8 {
    (number & 0x7f) as u8
}

impl Wire for u64 {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        let mut number = *self;
        while number >= 0x80 {
            out.push(low(u128::from(number)) | 0x80);
            number >>= 7;
        }
        out.push(low(u128::from(number)));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u128::read(bytes)?.try_into().ok()
    }
}

impl Wire for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u64::read(bytes)?.try_into().ok()
    }
}

impl Wire for i64 {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        ((self.cast_unsigned() << 1) ^ (self >> 63).cast_unsigned()).put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        i128::read(bytes)?.try_into().ok()
    }
}

impl Wire for i128 {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        match i64::try_from(*self) {
            Ok(small) => small.put(out),
            Err(_) => ((self.cast_unsigned() << 1) ^ (self >> 127).cast_unsigned()).put(out),
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let number = u128::read(bytes)?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

/// Takes one byte off the front.
pub(crate) fn tag(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        match tag(bytes)? {
            0 => Some(None),
            1 => Some(Some(T::read(bytes)?)),
            _ => None,
        }
    }
}

impl Wire for Money {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        i128::read(bytes).map(Self)
    }
}

impl Wire for Rate {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        i128::read(bytes).map(Self)
    }
}

impl Wire for Price {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        i64::read(bytes).map(Self)
    }
}

impl Wire for Quantity {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u64::read(bytes).map(Self)
    }
}

impl Wire for Timestamp {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.nanos().put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        i64::read(bytes).map(Self::from_nanos)
    }
}

impl Wire for InstrumentId {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u32::read(bytes).map(Self)
    }
}

impl Wire for Side {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self == Self::Sell));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        [Self::Buy, Self::Sell].get(usize::from(tag(bytes)?)).copied()
    }
}

impl Wire for Leg {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Net => 0,
            Self::Long => 1,
            Self::Short => 2,
        });
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        [Self::Net, Self::Long, Self::Short].get(usize::from(tag(bytes)?)).copied()
    }
}

impl Wire for Liquidity {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self == Self::Taker));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        [Self::Maker, Self::Taker].get(usize::from(tag(bytes)?)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_short_and_come_back() {
        let check = |number: i128, bytes: usize| {
            let mut out = Vec::new();
            number.put(&mut out);
            assert_eq!(out.len(), bytes, "{number}");
            let mut rest = out.as_slice();
            assert_eq!((i128::read(&mut rest), rest.len()), (Some(number), 0));
        };
        check(0, 1);
        check(-1, 1);
        check(63, 1);
        check(64, 2);
        check(i128::from(i64::MAX), 10);
        check(i128::MAX, 19);
        check(i128::MIN, 19);
    }

    #[test]
    fn what_is_cut_or_too_long_is_no_number() {
        assert_eq!(u128::read(&mut [0x80].as_slice()), None);
        assert_eq!(u128::read(&mut [0xff; 20].as_slice()), None);
        assert_eq!(u64::read(&mut [[0xff; 9].as_slice(), &[2]].concat().as_slice()), None);
        assert_eq!(Side::read(&mut [2].as_slice()), None);
        assert_eq!(Option::<u64>::read(&mut [2, 0].as_slice()), None);
    }

    proptest! {
        #[test]
        fn every_number_comes_back(a in any::<i128>(), b in any::<u64>(), c in any::<Option<i64>>()) {
            let mut out = Vec::new();
            a.put(&mut out);
            b.put(&mut out);
            c.put(&mut out);
            let mut rest = out.as_slice();
            prop_assert_eq!(i128::read(&mut rest), Some(a));
            prop_assert_eq!(u64::read(&mut rest), Some(b));
            prop_assert_eq!(Option::<i64>::read(&mut rest), Some(c));
            prop_assert!(rest.is_empty());
        }
    }
}
