//! The keys of access tokens: another one each month, made from the key file alike on every server,
//! published a day ahead, and good for the last tokens of the one before.

use super::{
    Accounts, Actor, Result, entry,
    ranked::{Rank, Ranked},
};
use identity::{AccessKeys, Event};
use jiff::{SignedDuration, Timestamp};
use seal::{MacKey, Secret, SigningKey};
use std::sync::{PoisonError, RwLockReadGuard};

/// An access token is good for so long.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// A key signs for so long, in seconds.
const PERIOD_S: i64 = 30 * 24 * 3600;
/// So long before it signs a key is published: whoever caches the set knows it by then.
const AHEAD_S: i64 = 24 * 3600;
/// A start within this time of a turn still takes tokens of the key before.
const OVERLAP_S: i64 = 15 * 60;

/// The keys, and the period that the signing one is of.
pub(super) struct Turning {
    seeds: MacKey,
    period: i64,
    announced: bool,
    pub(super) keys: AccessKeys,
}

impl Turning {
    /// As they are at a time.
    pub(super) fn at(seeds: MacKey, now: Timestamp) -> Result<Self> {
        let period = now.as_second().div_euclid(PERIOD_S);
        let age = now.as_second().rem_euclid(PERIOD_S);
        let names = ("stockade", "stockade");
        let keys = if age < OVERLAP_S {
            let mut keys = AccessKeys::new(names, LIFETIME, key(&seeds, period - 1), &[])?;
            let turned = Timestamp::from_second(now.as_second() - age).unwrap_or(now);
            keys.rotate(key(&seeds, period), turned);
            keys
        } else {
            AccessKeys::new(names, LIFETIME, key(&seeds, period), &[])?
        };
        let mut turning = Self { seeds, period, announced: false, keys };
        turning.turn(now);
        Ok(turning)
    }

    /// Publishes the next key and signs with it when its time comes; what then happened. A clock that
    /// is set back turns nothing back.
    fn turn(&mut self, now: Timestamp) -> Option<Event> {
        let period = now.as_second().div_euclid(PERIOD_S);
        let event = (period > self.period).then(|| {
            self.period = period;
            self.announced = false;
            self.keys.rotate(key(&self.seeds, period), now)
        });
        let left = PERIOD_S - now.as_second().rem_euclid(PERIOD_S);
        if left <= AHEAD_S && period == self.period && !self.announced {
            self.keys.announce(*key(&self.seeds, period + 1).verifying_key());
            self.announced = true;
        }
        event
    }
}

/// The key of a period.
fn key(seeds: &MacKey, period: i64) -> SigningKey {
    let seed = seeds.tag(&[b"stockade/v1 access key", &period.to_be_bytes()]);
    SigningKey::from_seed(&Secret::new(seed))
}

impl Accounts {
    pub(super) fn access(&self) -> Ranked<RwLockReadGuard<'_, Turning>> {
        let lock = || self.0.access.read().unwrap_or_else(PoisonError::into_inner);
        Ranked::take(Rank::Access, lock)
    }

    /// The public keys that verify access tokens, as a JWK set.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.access().keys.jwks()
    }

    /// Turns to the key of the month; that it did is logged.
    pub async fn turn_keys(&self, now: Timestamp) -> Result<()> {
        let lock = || self.0.access.write().unwrap_or_else(PoisonError::into_inner);
        let event = Ranked::take(Rank::Access, lock).turn(now);
        if let Some(event) = event {
            let act = self.0.desk.store().begin().await?;
            act.commit(entry(&event, Actor::Server), now).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(PERIOD_S * 700 + second).expect("in range")
    }

    fn turning(second: i64) -> Turning {
        Turning::at(MacKey::new(Secret::new([7; 32])), at(second)).expect("ten minutes")
    }

    fn published(turning: &Turning) -> usize {
        let set: Value = serde_json::from_str(&turning.keys.jwks()).expect("JSON");
        set.get("keys").and_then(Value::as_array).expect("a list").len()
    }

    #[test]
    fn the_next_key_is_published_before_it_signs_and_the_last_one_after() {
        let mut turning = turning(3600);
        assert_eq!(published(&turning), 1);
        assert_eq!(turning.turn(at(PERIOD_S - AHEAD_S - 1)), None);
        assert_eq!(published(&turning), 1);
        assert_eq!(turning.turn(at(PERIOD_S - AHEAD_S)), None);
        assert_eq!(published(&turning), 2, "a day ahead");
        assert!(turning.turn(at(PERIOD_S)).is_some());
        assert_eq!(published(&turning), 2, "the last one's tokens are still good");
        assert_eq!(turning.turn(at(PERIOD_S + 1)), None, "once");
        assert_eq!(turning.turn(at(0)), None, "a clock set back turns nothing back");
        assert!(turning.turn(at(2 * PERIOD_S)).is_some());
        assert_eq!(published(&turning), 2, "those before the last one are gone");
    }

    #[test]
    fn every_server_has_the_same_keys_whenever_it_starts() {
        let check = |second: i64, keys: usize| {
            let (mut one, other) = (turning(second - 1), turning(second));
            one.turn(at(second));
            assert_eq!(one.keys.jwks(), other.keys.jwks(), "{second}");
            assert_eq!(published(&other), keys, "{second}");
        };
        check(PERIOD_S / 2, 1);
        check(PERIOD_S - AHEAD_S, 2);
        check(PERIOD_S - 1, 2);
        check(PERIOD_S, 2);
        assert_eq!(published(&turning(OVERLAP_S)), 1, "the overlap is over");
    }
}
