//! Petitions: a program asks for a token, and a person at a page grants or refuses it (after RFC 8628).
//!
//! The program makes its secret itself and brings the digest of it: nothing that opens anything is ever
//! handed back. The person types the code that the program shows, so that a link alone grants nothing.

use crate::{AccountId, DisplayName, Error, Order, Scope, Source, TokenHash};
use core::net::IpAddr;
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, random};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Letters that no one mistakes for others, and that make no words (RFC 8628, section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS: usize = 8;
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// How often a program may look.
const INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// A program that looks a little early is not sent away.
const EARLY: SignedDuration = SignedDuration::from_secs(1);
const PER_SOURCE: usize = 3;
/// Codes that one person may get wrong in ten minutes.
const MISSES_MAX: u32 = 10;

/// What a program asks for.
#[derive(Debug, Clone)]
pub struct Petition {
    /// What the program calls itself.
    pub program: DisplayName,
    /// What it wants to do.
    pub scope: Scope,
    /// For how long.
    pub lifetime: SignedDuration,
    /// The hash of the secret that it made.
    pub hash: TokenHash,
    /// Where it asks from.
    pub address: Option<IpAddr>,
    /// When it asked.
    pub asked: Timestamp,
}

/// How far a petition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PetitionState {
    /// Nobody has decided yet.
    Waiting,
    /// The token opens what was asked for.
    Granted,
    /// It will not.
    Refused,
}

/// The code that a program shows and a person types: eight letters, 34 bits, good for ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PetitionCode([u8; CODE_LETTERS]);

/// Petitions that wait, and those just decided; bounded, in memory only.
#[derive(Debug)]
pub struct Petitions {
    entries_max: usize,
    entries: BTreeMap<PetitionCode, Entry>,
    misses: BTreeMap<AccountId, (Timestamp, u32)>,
}

#[derive(Debug)]
struct Entry {
    petition: Petition,
    source: Source,
    state: PetitionState,
    looked: Option<Timestamp>,
}

impl Petition {
    /// When it is over.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.asked.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX)
    }

    /// What is made of it if it is granted.
    #[must_use]
    pub fn order(&self) -> Order {
        let (label, scope) = (self.program.clone(), self.scope.clone());
        Order { label, scope, lifetime: self.lifetime }
    }
}

impl PetitionCode {
    fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut code = [0; CODE_LETTERS];
        let mut place = 0;
        while place < CODE_LETTERS {
            let [byte] = random::<1>(entropy);
            // 240 is a multiple of 20: every letter is as likely as every other.
            if byte < 240
                && let Some(slot) = code.get_mut(place)
                && let Some(letter) = LETTERS.get(usize::from(byte) % LETTERS.len())
            {
                *slot = *letter;
                place += 1;
            }
        }
        Self(code)
    }
}

/// As it is shown: `BCDF-GHJK`.
impl fmt::Display for PetitionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.0.iter().enumerate() {
            let dash = if place == CODE_LETTERS / 2 { "-" } else { "" };
            write!(f, "{dash}{}", char::from(*letter))?;
        }
        Ok(())
    }
}

/// As people type it: in either case, with or without the dash or blanks.
impl FromStr for PetitionCode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > 64 {
            return Err(Error::Ticket);
        }
        let typed = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let letters: Vec<u8> = typed.map(|byte| byte.to_ascii_uppercase()).collect();
        let code: [u8; CODE_LETTERS] = letters.try_into().map_err(|_| Error::Ticket)?;
        if code.iter().all(|letter| LETTERS.contains(letter)) {
            Ok(Self(code))
        } else {
            Err(Error::Ticket)
        }
    }
}

impl Petitions {
    /// How often a program may look.
    pub const INTERVAL: SignedDuration = INTERVAL;

    /// At most so many at once.
    #[must_use]
    pub const fn new(entries_max: usize) -> Self {
        Self { entries_max, entries: BTreeMap::new(), misses: BTreeMap::new() }
    }

    /// Takes a petition in. Where there is no room it is sent away: one that waits is never pushed out.
    pub fn ask(
        &mut self,
        petition: Petition,
        source: Source,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<PetitionCode, Error> {
        self.entries.retain(|_, entry| entry.petition.expires() > now);
        let waiting = |entry: &&Entry| entry.state == PetitionState::Waiting;
        let own = self.entries.values().filter(waiting).filter(|entry| entry.source == source);
        let known = self.entries.values().any(|entry| entry.petition.hash == petition.hash);
        if own.count() >= PER_SOURCE || self.entries.len() >= self.entries_max || known {
            return Err(Error::Throttled { retry_after: LIFETIME });
        }
        let code = loop {
            let code = PetitionCode::generate(entropy);
            if !self.entries.contains_key(&code) {
                break code;
            }
        };
        let state = PetitionState::Waiting;
        self.entries.insert(code, Entry { petition, source, state, looked: None });
        Ok(code)
    }

    /// The petition of a code that somebody typed, if it waits. Whoever guesses is soon sent away.
    pub fn find(&mut self, code: &str, by: AccountId, now: Timestamp) -> Result<&Petition, Error> {
        self.misses.retain(|_, (since, _)| now.duration_since(*since) < LIFETIME);
        if self.misses.get(&by).is_some_and(|(_, misses)| *misses >= MISSES_MAX) {
            return Err(Error::Throttled { retry_after: LIFETIME });
        }
        let found = code.parse::<PetitionCode>().ok().and_then(|code| self.entries.get(&code));
        let waits = |entry: &&Entry| {
            entry.state == PetitionState::Waiting && entry.petition.expires() > now
        };
        if let Some(entry) = found.filter(waits) {
            return Ok(&entry.petition);
        }
        if self.misses.len() < self.entries_max || self.misses.contains_key(&by) {
            let (_, misses) = self.misses.entry(by).or_insert((now, 0));
            *misses = misses.saturating_add(1);
        }
        Err(Error::Ticket)
    }

    /// Notes what became of a petition; one that is decided stays so.
    pub fn settle(&mut self, hash: &TokenHash, state: PetitionState) {
        let waiting = |entry: &&mut Entry| {
            entry.petition.hash == *hash && entry.state == PetitionState::Waiting
        };
        if let Some(entry) = self.entries.values_mut().find(waiting) {
            entry.state = state;
        }
    }

    /// How far the petition of a program's secret is.
    pub fn look(&mut self, hash: &TokenHash, now: Timestamp) -> Result<PetitionState, Error> {
        let own = |entry: &&mut Entry| entry.petition.hash == *hash;
        let entry = self.entries.values_mut().find(own).ok_or(Error::Ticket)?;
        if entry.petition.expires() <= now {
            return Err(Error::Ticket);
        }
        let since = entry.looked.map(|looked| now.duration_since(looked));
        if since.is_some_and(|since| since < INTERVAL - EARLY) {
            return Err(Error::Throttled { retry_after: INTERVAL });
        }
        entry.looked = Some(now);
        Ok(entry.state)
    }

    /// How many are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Permission;
    use seal::SeededEntropy;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("in range")
    }

    fn petition(seed: u8, asked: Timestamp) -> Petition {
        Petition {
            program: "nightly".parse().expect("a name"),
            scope: Scope::new([Permission::DataRead]).expect("fits"),
            lifetime: SignedDuration::from_hours(24),
            hash: TokenHash::of("api", &[seed; 32]),
            address: None,
            asked,
        }
    }

    fn source(n: u8) -> Source {
        Source::of(IpAddr::from([10, 0, n, 1]))
    }

    fn person(seed: u64) -> AccountId {
        AccountId::new(at(0), &mut SeededEntropy::new(seed))
    }

    #[test]
    fn a_code_is_typed_as_people_type() {
        let code = PetitionCode::generate(&mut SeededEntropy::new(1));
        let shown = code.to_string();
        assert_eq!((shown.len(), shown.as_bytes()[4]), (9, b'-'));
        for typed in
            [shown.clone(), shown.to_lowercase(), shown.replace('-', ""), format!(" {shown} ")]
        {
            assert_eq!(typed.parse(), Ok(code), "{typed:?}");
        }
        let vowel = shown.replace(&shown[..1], "A");
        for bad in ["", "BCDF", &shown[1..], &format!("{shown}B"), &vowel, &"B".repeat(1_000_000)] {
            assert_eq!(bad.parse::<PetitionCode>(), Err(Error::Ticket));
        }
    }

    #[test]
    fn letters_are_all_as_likely() {
        let mut entropy = SeededEntropy::new(7);
        let mut counts = BTreeMap::new();
        for _ in 0..2_500 {
            for letter in PetitionCode::generate(&mut entropy).0 {
                *counts.entry(letter).or_insert(0_u32) += 1;
            }
        }
        // 1000 of each are expected, with a standard deviation of 31.
        assert_eq!(counts.len(), 20);
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_petition_waits_is_decided_once_and_ends_by_itself() {
        let mut petitions = Petitions::new(10);
        let mut entropy = SeededEntropy::new(1);
        let hash = petition(1, at(0)).hash;
        let code = petitions.ask(petition(1, at(0)), source(1), at(0), &mut entropy);
        let code = code.expect("room").to_string();
        assert_eq!(petitions.look(&hash, at(1)), Ok(PetitionState::Waiting));
        assert!(petitions.find(&code, person(1), at(2)).is_ok());
        petitions.settle(&hash, PetitionState::Granted);
        petitions.settle(&hash, PetitionState::Refused);
        assert_eq!(petitions.look(&hash, at(6)), Ok(PetitionState::Granted));
        assert_eq!(
            petitions.find(&code, person(1), at(7)).err(),
            Some(Error::Ticket),
            "it is decided"
        );
        assert_eq!(petitions.look(&hash, at(600)), Err(Error::Ticket), "its time is over");
        let code = petitions.ask(petition(2, at(700)), source(1), at(700), &mut entropy);
        let code = code.expect("room").to_string();
        assert_eq!(petitions.len(), 1, "what is over is gone");
        assert_eq!(petitions.find(&code, person(1), at(1300)).err(), Some(Error::Ticket));
    }

    #[test]
    fn a_program_that_looks_too_often_is_told_to_wait() {
        let mut petitions = Petitions::new(10);
        let hash = petition(1, at(0)).hash;
        let asked = petitions.ask(petition(1, at(0)), source(1), at(0), &mut SeededEntropy::new(1));
        asked.expect("room");
        assert!(petitions.look(&hash, at(0)).is_ok());
        assert_eq!(petitions.look(&hash, at(1)), Err(Error::Throttled { retry_after: INTERVAL }));
        assert!(petitions.look(&hash, at(5)).is_ok());
    }

    #[test]
    fn nobody_fills_the_room_and_nobody_guesses_codes() {
        let mut petitions = Petitions::new(5);
        let mut entropy = SeededEntropy::new(1);
        let mut ask = |petitions: &mut Petitions, seed: u8, from: u8| {
            petitions.ask(petition(seed, at(0)), source(from), at(0), &mut entropy)
        };
        let first = ask(&mut petitions, 0, 1).expect("room").to_string();
        for seed in 1..3 {
            ask(&mut petitions, seed, 1).expect("room");
        }
        assert!(ask(&mut petitions, 3, 1).is_err(), "three of one source wait");
        for (seed, from) in [(4, 2), (5, 3)] {
            ask(&mut petitions, seed, from).expect("room");
        }
        assert!(ask(&mut petitions, 6, 4).is_err(), "no room, and nobody was pushed out");
        assert!(petitions.find(&first, person(1), at(1)).is_ok());
        for _ in 0..MISSES_MAX {
            assert_eq!(petitions.find("BBBB-BBBB", person(1), at(2)).err(), Some(Error::Ticket));
        }
        let sent_away = petitions.find(&first, person(1), at(3)).err();
        assert_eq!(
            sent_away,
            Some(Error::Throttled { retry_after: LIFETIME }),
            "even with a right one"
        );
        assert!(petitions.find(&first, person(2), at(3)).is_ok(), "others are not held up");
    }
}
