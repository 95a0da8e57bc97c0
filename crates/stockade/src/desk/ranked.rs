//! Locks in one order. Whoever holds a lock may only take one of a higher rank: then no two can wait for each
//! other. Builds with assertions, which is what every test runs, keep count and stop at the first that goes
//! the other way; a release does not pay for it.

use std::{
    cell::RefCell,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

/// The locks of the desk that are held while another may be taken, in their order. All others are leaves:
/// nothing is taken under them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The keys of access tokens.
    Access,
    /// What lives in memory only.
    Live,
    /// How fresh is what was heard of other servers.
    Peers,
}

thread_local! {
    static HELD: RefCell<Vec<Rank>> = const { RefCell::new(Vec::new()) };
}

/// Word that a lock is held. It stays on its thread, so no work that may move on to another holds it.
#[derive(Debug)]
pub(super) struct Held(Rank, PhantomData<*const ()>);

/// A guard that keeps its place in the order.
#[derive(Debug)]
pub(super) struct Ranked<G> {
    // Let go of before its word is taken back.
    guard: G,
    _held: Held,
}

impl Held {
    /// Notes that a lock of this rank is about to be taken.
    ///
    /// # Panics
    /// Where assertions are on, if this thread holds one of the same rank or a higher one.
    pub(super) fn of(rank: Rank) -> Self {
        if cfg!(debug_assertions) {
            HELD.with_borrow_mut(|held| {
                let above = held.iter().find(|other| **other >= rank);
                assert!(above.is_none(), "a lock of rank {rank:?} is taken under {above:?}");
                held.push(rank);
            });
        }
        Self(rank, PhantomData)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if cfg!(debug_assertions) {
            HELD.with_borrow_mut(|held| held.retain(|other| *other != self.0));
        }
    }
}

impl<G> Ranked<G> {
    /// Takes a lock in its turn.
    pub(super) fn take(rank: Rank, lock: impl FnOnce() -> G) -> Self {
        let held = Held::of(rank);
        Self { guard: lock(), _held: held }
    }
}

impl<G: Deref> Deref for Ranked<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Ranked<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Mutex, PoisonError},
    };

    fn both(first: Rank, second: Rank) -> bool {
        let (one, other) = (Mutex::new(1), Mutex::new(2));
        let take = |lock: &Mutex<i32>| {
            // Nobody else has these locks: the order alone decides.
            *lock.lock().unwrap_or_else(PoisonError::into_inner)
        };
        catch_unwind(AssertUnwindSafe(|| {
            let outer = Ranked::take(first, || Box::new(take(&one)));
            let inner = Ranked::take(second, || Box::new(take(&other)));
            assert_eq!((*outer, *inner), (1, 2));
        }))
        .is_ok()
    }

    #[test]
    fn locks_are_taken_in_one_order_or_the_test_stops() {
        let ranks = [Rank::Access, Rank::Live, Rank::Peers];
        for (place, first) in ranks.into_iter().enumerate() {
            for (behind, second) in ranks.into_iter().enumerate() {
                assert_eq!(both(first, second), place < behind, "{first:?} then {second:?}");
            }
        }
        assert!(both(Rank::Access, Rank::Peers), "what went wrong holds nothing any more");
    }
}
