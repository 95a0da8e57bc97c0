//! As much CBOR (RFC 8949) as authenticators speak: definite lengths, bounded depth and size.

use super::PasskeyFault;

/// Nesting that CTAP 2 allows is four; attestation statements stay within it.
const DEPTH_MAX: u8 = 4;

/// What stands at the reader's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// An integer.
    Integer(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// So many pairs follow.
    Map(u64),
    /// Anything else, its content not yet skipped: so many items follow.
    Other(u64),
}

/// Reads one item after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], PasskeyFault> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(PasskeyFault::Malformed)?;
        self.rest = tail;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, PasskeyFault> {
        let (first, tail) = self.rest.split_first().ok_or(PasskeyFault::Malformed)?;
        self.rest = tail;
        Ok(*first)
    }

    /// The next item's head, and its content if that is not items itself.
    pub(super) fn next(&mut self) -> Result<Item<'a>, PasskeyFault> {
        let head = self.byte()?;
        let argument = self.argument(head & 0x1f)?;
        let length = usize::try_from(argument).map_err(|_| PasskeyFault::Malformed);
        let integer = i64::try_from(argument).map_err(|_| PasskeyFault::Malformed);
        match head >> 5 {
            0 => Ok(Item::Integer(integer?)),
            1 => Ok(Item::Integer(-1 - integer?)),
            2 => self.take(length?).map(Item::Bytes),
            3 => {
                let text = std::str::from_utf8(self.take(length?)?);
                text.map(Item::Text).map_err(|_| PasskeyFault::Malformed)
            }
            4 => Ok(Item::Other(argument)),
            5 => Ok(Item::Map(argument)),
            6 => Ok(Item::Other(1)),
            _ => Ok(Item::Other(0)),
        }
    }

    fn argument(&mut self, low: u8) -> Result<u64, PasskeyFault> {
        let width = match low {
            0..24 => return Ok(u64::from(low)),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(PasskeyFault::Malformed),
        };
        Ok(self.take(width)?.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    /// Steps over one item with all that is in it.
    pub(super) fn skip(&mut self) -> Result<(), PasskeyFault> {
        self.skip_within(DEPTH_MAX)
    }

    fn skip_within(&mut self, depth: u8) -> Result<(), PasskeyFault> {
        let inside = match self.next()? {
            Item::Map(pairs) => pairs.checked_mul(2).ok_or(PasskeyFault::Malformed)?,
            Item::Other(items) => items,
            _ => 0,
        };
        // Each item takes at least a byte: a count beyond the rest ends at once.
        if inside > 0 && (depth == 0 || inside > self.rest.len() as u64) {
            return Err(PasskeyFault::Malformed);
        }
        (0..inside).try_for_each(|_| self.skip_within(depth - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 8949, appendix A.
    #[test]
    fn items_are_those_of_the_rfc() {
        let check = |hex: &str, want: Item<'_>| {
            let bytes = hex::decode(hex).expect("hex");
            assert_eq!(Reader::new(&bytes).next(), Ok(want), "{hex}");
        };
        check("00", Item::Integer(0));
        check("1818", Item::Integer(24));
        check("1903e8", Item::Integer(1000));
        check("1a000f4240", Item::Integer(1_000_000));
        check("1b000000e8d4a51000", Item::Integer(1_000_000_000_000));
        check("20", Item::Integer(-1));
        check("3903e7", Item::Integer(-1000));
        check("4401020304", Item::Bytes(&[1, 2, 3, 4]));
        check("6449455446", Item::Text("IETF"));
        check("a201020304", Item::Map(2));
        check("83010203", Item::Other(3));
        check("f5", Item::Other(0));
    }

    #[test]
    fn what_is_cut_endless_or_too_deep_is_refused() {
        for hex in ["", "18", "5f4101ff", "44010203", "61ff", "1c", "a1", "9b7fffffffffffffff"] {
            let bytes = hex::decode(hex).expect("hex");
            assert_eq!(Reader::new(&bytes).skip(), Err(PasskeyFault::Malformed), "{hex}");
        }
        assert!(Reader::new(&[0x81, 0x81, 0x81, 0x81, 0]).skip().is_ok());
        assert!(Reader::new(&[0x81, 0x81, 0x81, 0x81, 0x81, 0]).skip().is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_run_on(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            while reader.skip().is_ok() && !reader.rest().is_empty() {}
        }
    }
}
