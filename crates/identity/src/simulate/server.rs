//! One of the two servers: its clock, its memory, and how far it has heard the news.

use super::{
    Wall,
    database::{Database, News},
};
use crate::{AccessKeys, Authenticated, Error, Lookup, Registry, TokenCache};
use jiff::{SignedDuration, Timestamp};
use seal::{Secret, SigningKey};

#[derive(Debug)]
pub(super) struct Server {
    skew_ms: i64,
    pub keys: AccessKeys,
    registry: Registry,
    cache: TokenCache,
    heard: usize,
    slack: SignedDuration,
    slack_until: Timestamp,
}

const ENTRIES: usize = 64;

fn memory(without: Option<Wall>) -> Registry {
    if without == Some(Wall::Lease) {
        return Registry::new(ENTRIES);
    }
    Registry::shared(ENTRIES, SignedDuration::from_secs(1)).expect("a second is the bound")
}

impl Server {
    pub(super) fn new(skew_ms: i64, without: Option<Wall>) -> Self {
        let signing = SigningKey::from_seed(&Secret::new([7; 32]));
        let lifetime = SignedDuration::from_mins(10);
        let keys = AccessKeys::new(("sim", "sim"), lifetime, signing, &[]);
        Self {
            skew_ms,
            keys: keys.expect("ten minutes are the bound"),
            registry: memory(without),
            cache: TokenCache::new(ENTRIES),
            heard: 0,
            slack: SignedDuration::ZERO,
            slack_until: Timestamp::MIN,
        }
    }

    pub(super) fn now(&self, truth: Timestamp) -> Timestamp {
        let skew = SignedDuration::from_millis(self.skew_ms);
        truth.saturating_add(skew).unwrap_or(truth)
    }

    /// Takes in all news, as an answer to a question just put.
    pub(super) fn hear(&mut self, database: &Database, truth: Timestamp) {
        let now = self.now(truth);
        for news in database.news.iter().skip(self.heard) {
            match *news {
                News::Ended(session, reason) => self.registry.end(session, reason, now),
                News::State(state) => self.registry.set_account(state),
            }
        }
        self.heard = database.news.len();
        self.registry.heard(now);
    }

    /// Goes down and comes up with nothing in memory.
    pub(super) fn crash(&mut self, database: &Database) {
        self.registry = memory(database.without);
        self.cache = TokenCache::new(ENTRIES);
        self.heard = database.news.len();
    }

    /// The clock is set. What it is set back by can lengthen a lease once.
    pub(super) fn set_clock(&mut self, skew_ms: i64, truth: Timestamp) {
        let back = SignedDuration::from_millis((self.skew_ms - skew_ms).max(0));
        let until = back + SignedDuration::from_secs(2);
        let overlap = if truth < self.slack_until { self.slack } else { SignedDuration::ZERO };
        self.slack = back + overlap;
        self.slack_until = truth.saturating_add(until).unwrap_or(truth);
        self.skew_ms = skew_ms;
    }

    /// A request with an access token.
    pub(super) fn request(
        &mut self,
        token: &str,
        database: &mut Database,
        truth: Timestamp,
    ) -> Result<Authenticated, Error> {
        let now = self.now(truth);
        let verified = self.cache.verify(&self.keys, token, now)?;
        let found = match self.registry.lookup(&verified, now) {
            Lookup::Missing(id) => {
                let stored = database.sessions.get(&id).map(|(session, _)| *session);
                let session = stored.ok_or(Error::Ticket)?;
                let state = database.rows.get(&session.account).map(|row| row.state);
                let state = state.ok_or(Error::Ticket)?;
                self.registry.confirm(&verified, (session, state), now)
            }
            known => known,
        };
        match found {
            Lookup::Found(authenticated) => {
                let claims = verified.claims();
                let seen = (claims.account, claims.session, claims.epoch);
                let slack =
                    if truth < self.slack_until { self.slack } else { SignedDuration::ZERO };
                database.ledger.admitted(seen, slack, truth);
                Ok(authenticated)
            }
            Lookup::Refused(error) => Err(error),
            Lookup::Missing(_) => Err(Error::Ticket),
        }
    }
}
