//! Half-finished ceremonies: bounded in number and time, found by an unguessable ticket.

use crate::{Error, TokenHash, token::decode};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, Secret, random};
use std::collections::BTreeMap;

/// Finds a pending ceremony: 256 random bits as base64url. It does not print.
#[derive(Debug, Clone)]
pub struct Ticket(Secret<String>);

impl Ticket {
    /// The text to hand to whoever goes on with the ceremony.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Ceremonies under way: set-ups between their two steps, sign-ins between theirs.
///
/// In memory only: a restart asks people to begin again, and nothing half-made is ever stored.
#[derive(Debug)]
pub struct Pending<T> {
    lifetime: SignedDuration,
    entries_max: usize,
    entries: BTreeMap<TokenHash, Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    expires: Timestamp,
    value: T,
}

impl<T> Pending<T> {
    /// At most `entries_max` at once, each for `lifetime`.
    #[must_use]
    pub const fn new(lifetime: SignedDuration, entries_max: usize) -> Self {
        Self { lifetime, entries_max, entries: BTreeMap::new() }
    }

    /// Begins one; when there is no room, the one that ends soonest gives way.
    pub fn open(&mut self, value: T, now: Timestamp, entropy: &mut dyn Entropy) -> Ticket {
        self.entries.retain(|_, entry| entry.expires > now);
        while self.entries.len() >= self.entries_max.max(1) {
            let soonest = self.entries.iter().min_by_key(|(_, e)| e.expires).map(|(hash, _)| *hash);
            soonest.and_then(|hash| self.entries.remove(&hash));
        }
        let bytes = Secret::new(random(entropy));
        let expires = now.saturating_add(self.lifetime).unwrap_or(Timestamp::MAX);
        self.entries.insert(TokenHash::of("ticket", bytes.expose()), Entry { expires, value });
        Ticket(Secret::new(URL_SAFE_NO_PAD.encode(bytes.expose())))
    }

    /// The ceremony of a ticket, if it is still under way.
    pub fn find(&mut self, ticket: &str, now: Timestamp) -> Result<&mut T, Error> {
        let hash = hash(ticket)?;
        match self.entries.get_mut(&hash) {
            Some(entry) if entry.expires > now => Ok(&mut entry.value),
            _ => Err(Error::Ticket),
        }
    }

    /// Ends a ceremony and gives it back: a ticket closes once.
    pub fn close(&mut self, ticket: &str, now: Timestamp) -> Result<T, Error> {
        let entry = self.entries.remove(&hash(ticket)?).ok_or(Error::Ticket)?;
        if entry.expires > now { Ok(entry.value) } else { Err(Error::Ticket) }
    }

    /// How many are under way.
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

fn hash(ticket: &str) -> Result<TokenHash, Error> {
    let bytes = decode(ticket).ok_or(Error::Ticket)?;
    Ok(TokenHash::of("ticket", bytes.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_ticket_lives_its_time_and_closes_once() {
        let mut pending = Pending::new(SignedDuration::from_secs(60), 10);
        let ticket = pending.open("ada", at(0), &mut SeededEntropy::new(1));
        assert_eq!(pending.find(ticket.expose(), at(59)), Ok(&mut "ada"));
        assert_eq!(pending.find(ticket.expose(), at(60)), Err(Error::Ticket));
        assert_eq!(pending.close(ticket.expose(), at(1)), Ok("ada"));
        assert_eq!(pending.close(ticket.expose(), at(1)), Err(Error::Ticket));
        for bad in ["", "x", &"A".repeat(43), &"A".repeat(1_000_000)] {
            assert_eq!(pending.find(bad, at(1)), Err(Error::Ticket));
        }
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_gives_way() {
        let mut pending = Pending::new(SignedDuration::from_secs(60), 3);
        let mut entropy = SeededEntropy::new(1);
        let tickets: Vec<Ticket> = (0..5).map(|n| pending.open(n, at(n), &mut entropy)).collect();
        assert_eq!(pending.len(), 3);
        let alive = |n: usize, p: &mut Pending<i64>| p.find(tickets[n].expose(), at(5)).is_ok();
        assert_eq!(
            (0..5).map(|n| alive(n, &mut pending)).collect::<Vec<_>>(),
            [false, false, true, true, true]
        );
        pending.open(9, at(1000), &mut entropy);
        assert_eq!(pending.len(), 1);
        assert!(!format!("{:?}", tickets[0]).contains(tickets[0].expose()));
    }
}
