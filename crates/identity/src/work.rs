//! Proof of work: the soft answer to a source under suspicion. A puzzle is asked, never a person
//! turned away, and each answer is good once.

use crate::{Error, Source};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, MacKey, random, sha256_parts};
use std::collections::BTreeSet;

/// More is beyond a telephone's minute.
const BITS_MAX: u8 = 24;
const ANSWER_BYTES_MAX: usize = 20;
const PUZZLE_BYTES: usize = 16 + 8 + 1 + 32;
const LIFETIME: SignedDuration = SignedDuration::from_mins(2);

/// Issues puzzles and takes answers. A puzzle is not stored: it carries its end, its bits and our
/// MAC over them and the source that it was given to. Only redeemed ones are remembered, till
/// their end.
#[derive(Debug)]
pub struct Puzzles {
    key: MacKey,
    entries_max: usize,
    redeemed: BTreeSet<(i64, [u8; 16])>,
}

impl Puzzles {
    /// Remembers at most so many answers; each cost its sender the work. When there is no room,
    /// further answers wait: forgetting one would let it be sent twice.
    #[must_use]
    pub const fn new(key: MacKey, entries_max: usize) -> Self {
        Self { key, entries_max, redeemed: BTreeSet::new() }
    }

    /// A puzzle: find a text (at most 20 bytes) such that SHA-256 of puzzle, a dot and the text
    /// begins with `bits` zero bits.
    #[must_use]
    pub fn issue(
        &self,
        source: Source,
        bits: u8,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> String {
        let nonce: [u8; 16] = random(entropy);
        let bits = bits.min(BITS_MAX);
        let end = now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX).as_second().to_be_bytes();
        let tag = self.tag(&nonce, end, bits, source);
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &end, &[bits], &tag].concat())
    }

    /// Takes an answer: ours, from the same source, in time, hard enough, right, and not seen
    /// before. Anything else asks for the work anew, in the same words.
    pub fn redeem(
        &mut self,
        sent: (&str, &str),
        source: Source,
        bits: u8,
        now: Timestamp,
    ) -> Result<(), Error> {
        let bits = bits.min(BITS_MAX);
        let refused = Error::WorkNeeded { bits };
        let (puzzle, answer) = sent;
        let (nonce, end, offered) = self.read(puzzle, source).ok_or(refused.clone())?;
        let in_time = now.as_second() < end;
        let solved =
            answer.len() <= ANSWER_BYTES_MAX && zero_bits(puzzle, answer) >= u32::from(offered);
        if !in_time || offered < bits || !solved {
            return Err(refused);
        }
        while self.redeemed.first().is_some_and(|(end, _)| *end <= now.as_second()) {
            self.redeemed.pop_first();
        }
        if self.redeemed.contains(&(end, nonce)) || self.redeemed.len() >= self.entries_max {
            return Err(refused);
        }
        self.redeemed.insert((end, nonce));
        Ok(())
    }

    fn read(&self, puzzle: &str, source: Source) -> Option<([u8; 16], i64, u8)> {
        if puzzle.len() > 2 * PUZZLE_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(puzzle).ok()?;
        let (nonce, rest) = bytes.split_first_chunk::<16>()?;
        let (end, rest) = rest.split_first_chunk::<8>()?;
        let (bits, tag) = rest.split_first()?;
        let ours = seal::equal(&self.tag(nonce, *end, *bits, source), tag);
        ours.then(|| (*nonce, i64::from_be_bytes(*end), *bits))
    }

    fn tag(&self, nonce: &[u8; 16], end: [u8; 8], bits: u8, source: Source) -> [u8; 32] {
        let source = source.to_string();
        self.key.tag(&[b"stockade/v1 puzzle", nonce, &end, &[bits], source.as_bytes()])
    }
}

/// Leading zero bits of an answer's digest: for who solves a puzzle, too.
#[must_use]
pub fn zero_bits(puzzle: &str, answer: &str) -> u32 {
    let digest = sha256_parts(&[puzzle.as_bytes(), b".", answer.as_bytes()]);
    let mut zeros = 0;
    for byte in digest {
        zeros += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    zeros
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{IpAddr, Ipv4Addr};
    use seal::{Secret, SeededEntropy};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).expect("in range")
    }

    fn puzzles(byte: u8, entries_max: usize) -> Puzzles {
        Puzzles::new(MacKey::new(Secret::new([byte; 32])), entries_max)
    }

    fn source(n: u32) -> Source {
        Source::of(IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    fn solve(puzzle: &str, bits: u32) -> String {
        (0..1_000_000)
            .map(|n: u64| n.to_string())
            .find(|n| zero_bits(puzzle, n) >= bits)
            .expect("soon")
    }

    #[test]
    fn an_answer_is_good_once_for_who_was_asked_and_in_time() {
        let mut ours = puzzles(1, 100);
        let entropy = &mut SeededEntropy::new(1);
        let puzzle = ours.issue(source(1), 8, at(0), entropy);
        let answer = solve(&puzzle, 8);
        let wrong = (0..100).map(|n: u64| n.to_string()).find(|n| zero_bits(&puzzle, n) < 8);
        let wrong = wrong.expect("most are");
        let refused = |bits| Err(Error::WorkNeeded { bits });
        let mut check = |puzzle: &str, answer: &str, n, bits, second, works: bool| {
            let want = if works { Ok(()) } else { refused(bits) };
            assert_eq!(ours.redeem((puzzle, answer), source(n), bits, at(second)), want);
        };
        check(&puzzle, &wrong, 1, 8, 1, false);
        check(&puzzle, &answer, 2, 8, 1, false);
        check(&puzzle, &answer, 1, 9, 1, false);
        check(&puzzle, &answer, 1, 8, 120, false);
        check(&puzzle, &"0".repeat(100_000), 1, 8, 1, false);
        check(&puzzle, &answer, 1, 8, 119, true);
        check(&puzzle, &answer, 1, 8, 119, false);
        let theirs = puzzles(2, 100).issue(source(1), 0, at(0), entropy);
        check(&theirs, "", 1, 0, 1, false);
        for bad in ["", "A", &"A".repeat(76), &"A".repeat(1_000_000)] {
            check(bad, "", 1, 0, 1, false);
        }
    }

    #[test]
    fn the_steps_of_difficulty_double_twice_and_end() {
        let ours = puzzles(1, 100);
        let puzzle = ours.issue(source(1), 255, at(0), &mut SeededEntropy::new(1));
        let (_, _, bits) = ours.read(&puzzle, source(1)).expect("our own");
        assert_eq!(bits, BITS_MAX);
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_forgotten_before_its_time() {
        let mut ours = puzzles(1, 3);
        let mut entropy = SeededEntropy::new(1);
        let mut next = |ours: &mut Puzzles, second| {
            let puzzle = ours.issue(source(1), 0, at(second), &mut entropy);
            ours.redeem((&puzzle, ""), source(1), 0, at(second))
        };
        assert!((0..3).all(|n| next(&mut ours, n).is_ok()));
        assert!(next(&mut ours, 3).is_err(), "full");
        assert!(next(&mut ours, 120).is_ok(), "the first is over");
        assert!(ours.redeemed.len() <= 3);
    }
}
