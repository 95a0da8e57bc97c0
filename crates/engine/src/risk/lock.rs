//! Locks: an instrument, or all of them, rests for a while.

use super::Scope;
use crate::order::{Amount, Breach, Limit, Ticket};
use market::{Side, Timestamp};
use std::collections::BTreeMap;

/// Characters of a reason that are kept.
const REASON_MAX: usize = 200;

/// Nothing that this covers may enlarge a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What it covers.
    pub scope: Scope,
    /// Only orders of this side; `None` for both.
    pub side: Option<Side>,
    /// The first moment at which it no longer holds; `None` until it is lifted.
    pub until: Option<Timestamp>,
    /// What set it: a protection, or [`Limit::Lock`] for a command.
    pub limit: Limit,
    /// Why, for people.
    pub reason: String,
}

/// All locks, one of each kind, scope and side: what is kept has a bound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Locks(BTreeMap<Key, (Option<Timestamp>, String)>);

type Key = (Scope, Limit, Option<Side>);

impl Locks {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A command: goes before the one that it gave earlier, even if that lasts longer.
    pub(super) fn replace(&mut self, mut lock: Lock) -> Lock {
        if let Some((end, _)) = lock.reason.char_indices().nth(REASON_MAX) {
            lock.reason.truncate(end);
        }
        self.0.insert((lock.scope, lock.limit, lock.side), (lock.until, lock.reason.clone()));
        lock
    }

    /// A protection: never shortens a lock that is there already.
    pub(super) fn extend(&mut self, lock: Lock) -> Option<Lock> {
        let there = self.0.get(&(lock.scope, lock.limit, lock.side));
        let longer = there.is_none_or(|(until, _)| end(*until) < end(lock.until));
        longer.then(|| self.replace(lock))
    }

    pub(super) fn lift(&mut self, scope: Scope) {
        self.0.retain(|(of, _, _), _| *of != scope);
    }

    /// Drops what is over.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, (until, _)| is_on(*until, now));
    }

    /// The lock that stops this order, of several the one that lasts longest.
    pub(super) fn breach(&self, ticket: &Ticket, now: Timestamp) -> Option<Breach> {
        let scopes = [Scope::All, Scope::Instrument(ticket.instrument)];
        let of = |scope| {
            self.0.range((scope, Limit::State, None)..).take_while(move |(key, _)| key.0 == scope)
        };
        let covers = |side: Option<Side>| side.is_none_or(|side| side == ticket.side);
        let on = scopes.into_iter().flat_map(of);
        let on = on.filter(|((_, _, side), (until, _))| covers(*side) && is_on(*until, now));
        let ((_, limit, _), (until, _)) = on.max_by_key(|(_, (until, _))| end(*until))?;
        let bound = until.map_or(Amount::Unknown, Amount::Time);
        Some(Breach { limit: *limit, value: Amount::Time(now), bound })
    }

    pub(super) fn list(&self, now: Timestamp) -> impl Iterator<Item = Lock> {
        let on = self.0.iter().filter(move |(_, (until, _))| is_on(*until, now));
        on.map(|((scope, limit, side), (until, reason))| Lock {
            scope: *scope,
            side: *side,
            until: *until,
            limit: *limit,
            reason: reason.clone(),
        })
    }
}

fn is_on(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| now < until)
}

/// Without an end it lasts longest.
fn end(until: Option<Timestamp>) -> (u8, Timestamp) {
    until.map_or((1, Timestamp::default()), |until| (0, until))
}
