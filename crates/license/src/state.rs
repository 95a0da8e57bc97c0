//! In which state a licence is, why, and the proof that risk may be opened.

use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// From the end of what may be opened to the lock.
const WIND_DOWN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a licence allows. In each of them every position can be watched, protected and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Active {
        /// Until when, if nothing changes.
        until: Timestamp,
    },
    /// The service has not answered for longer than it should; the lease still holds.
    Stale {
        /// When the lease lapses.
        until: Timestamp,
    },
    /// Everything works, and ends soon.
    Grace {
        /// Why it ends.
        why: Why,
        /// When nothing may be opened any more.
        until: Timestamp,
    },
    /// The licence has not begun.
    NotYet {
        /// When it does.
        from: Timestamp,
    },
    /// Nothing may be opened; what is open is managed to its end.
    WindDown {
        /// Why.
        why: Why,
        /// When the lock follows.
        until: Timestamp,
    },
    /// Nothing may be opened; stops and whatever closes or reduces work, as in every state.
    Locked {
        /// Why.
        why: Why,
    },
    /// No licence: live positions can be managed, and paper needs none.
    Unlicensed,
}

/// Why a licence ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// What was paid for is over.
    Unpaid {
        /// Since when.
        since: Timestamp,
    },
    /// The service has not renewed the lease.
    NoLease {
        /// When the last one lapsed.
        since: Timestamp,
    },
    /// The issuer took it back.
    Revoked {
        /// When this instance heard of it.
        since: Timestamp,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unpaid { since } => write!(f, "it was paid until {since}: renew it"),
            Self::NoLease { since } => write!(
                f,
                "the licence service has not renewed it since {since}: see that this machine reaches the service"
            ),
            Self::Revoked { since } => {
                write!(f, "its issuer revoked it, as heard on {since}: ask the issuer")
            }
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MANAGED: &str = "nothing new is opened; stops, exits and closing work";
        match self {
            Self::Active { until } => write!(f, "active until {until}"),
            Self::Stale { until } => write!(
                f,
                "active, but the licence service has not answered for hours; the lease holds until {until}"
            ),
            Self::Grace { why, until } => {
                write!(f, "in grace until {until}, when opening ends: {why}")
            }
            Self::NotYet { from } => {
                write!(f, "not begun; it begins on {from}; until then {MANAGED}")
            }
            Self::WindDown { why, until } => {
                write!(f, "winding down until {until}: {MANAGED}; {why}")
            }
            Self::Locked { why } => write!(f, "locked: {MANAGED}; {why}"),
            Self::Unlicensed => write!(
                f,
                "no licence: live trading only manages what is open ({MANAGED}); paper needs none"
            ),
        }
    }
}

impl State {
    /// Until when risk may be opened, if it may.
    #[must_use]
    pub const fn opens_until(&self) -> Option<Timestamp> {
        match self {
            Self::Active { until } | Self::Stale { until } | Self::Grace { until, .. } => {
                Some(*until)
            }
            Self::NotYet { .. }
            | Self::WindDown { .. }
            | Self::Locked { .. }
            | Self::Unlicensed => None,
        }
    }

    /// How far from active: the worse of two rules is the state.
    #[must_use]
    pub const fn severity(&self) -> u8 {
        match self {
            Self::Active { .. } => 0,
            Self::Stale { .. } => 1,
            Self::Grace { .. } => 2,
            Self::NotYet { .. } => 3,
            Self::WindDown { .. } => 4,
            Self::Locked { .. } => 5,
            Self::Unlicensed => 6,
        }
    }

    /// The one word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active { .. } => "active",
            Self::Stale { .. } => "stale",
            Self::Grace { .. } => "grace",
            Self::NotYet { .. } => "not-yet",
            Self::WindDown { .. } => "wind-down",
            Self::Locked { .. } => "locked",
            Self::Unlicensed => "unlicensed",
        }
    }

    /// Of two, the worse; of two of one kind, the one that ends sooner.
    pub(crate) fn worse(self, other: Self) -> Self {
        let ends = |state: &Self| match state {
            Self::WindDown { until, .. } => *until,
            other => other.opens_until().unwrap_or(Timestamp::MAX),
        };
        let rank = |state: &Self| (std::cmp::Reverse(state.severity()), ends(state));
        if rank(&other) < rank(&self) { other } else { self }
    }

    /// What follows once nothing may be opened: a time to wind down, then the lock.
    pub(crate) fn ended(why: Why, opening_ended: Timestamp, now: Timestamp) -> Self {
        let until = opening_ended.checked_add(WIND_DOWN).unwrap_or(Timestamp::MAX);
        if now < until { Self::WindDown { why, until } } else { Self::Locked { why } }
    }
}

/// The proof that risk may be opened; only [`crate::License::may_open`] makes one. Exits ask for none.
#[derive(Debug, PartialEq, Eq)]
pub struct MayOpen {
    until: Timestamp,
}

impl MayOpen {
    pub(crate) const fn new(until: Timestamp) -> Self {
        Self { until }
    }

    /// When it ends if nothing changes; nothing may be opened by it from then on.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }
}

/// Why risk may not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The licence's state does not allow it.
    #[error("{0}")]
    State(State),
    /// Only this machine's clock says what time it is.
    #[error(
        "the venue has not told its time yet: opening waits for that, since this machine's clock may be wrong"
    )]
    Unwitnessed,
}
