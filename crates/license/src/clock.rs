//! What time it is, as far as a licence is concerned.
//!
//! The machine's clock can be wrong, and can be set. Time never runs behind what was signed (a
//! licence's issue, the service's answers), behind the build, or behind what two clocks agreed on
//! before. The venue's clock is the second one: where the machine's differs from it, the venue's
//! counts, for this look alone. Only agreement is remembered, so one clock that was once in the
//! future, or one wrong timestamp of a venue, leaves nothing behind.

use jiff::{SignedDuration, Timestamp};

/// Two clocks agree within this.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// Who else says what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// Nobody: the machine's clock alone.
    Nobody,
    /// The venue.
    Venue,
}

/// How the machine's clock stands; noticed, never punished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// As it should.
    None,
    /// Behind the venue, or behind what is known to be past: it was set back.
    Behind,
    /// Ahead of the venue.
    Ahead,
}

/// A time that a licence's state can be asked for; only a [`Clock`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedTime {
    at: Timestamp,
    witness: Witness,
    drift: Drift,
}

impl TrustedTime {
    /// The time.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Who else says so.
    #[must_use]
    pub const fn witness(&self) -> Witness {
        self.witness
    }

    /// How the machine's clock stands to it.
    #[must_use]
    pub const fn drift(&self) -> Drift {
        self.drift
    }
}

/// What is known about the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    floor: Timestamp,
    alone: Timestamp,
}

impl Clock {
    /// It is not earlier than when this program was built.
    #[must_use]
    pub const fn new(built: Timestamp) -> Self {
        Self { floor: built, alone: Timestamp::MIN }
    }

    /// It is not earlier than this either: something signed says so, or the kept state.
    pub fn not_before(&mut self, time: Timestamp) {
        self.floor = self.floor.max(time);
    }

    /// The latest time that is known to be past; to be kept.
    #[must_use]
    pub const fn floor(&self) -> Timestamp {
        self.floor
    }

    /// Takes a look at the machine's clock, beside the venue's if it said anything since the last look.
    pub fn look(&mut self, machine: Timestamp, venue: Option<Timestamp>) -> TrustedTime {
        let Some(venue) = venue else {
            // Until the venue says otherwise, a clock that goes back is not followed.
            let behind = machine < tolerated(self.floor.max(self.alone));
            self.alone = self.alone.max(machine);
            let drift = if behind { Drift::Behind } else { Drift::None };
            let at = self.floor.max(self.alone);
            return TrustedTime { at, witness: Witness::Nobody, drift };
        };
        self.alone = Timestamp::MIN;
        let ahead = machine.duration_since(venue);
        let (at, drift) = if ahead > TOLERANCE {
            (venue, Drift::Ahead)
        } else if ahead < -TOLERANCE {
            (venue, Drift::Behind)
        } else {
            let behind = machine < tolerated(self.floor);
            self.floor = self.floor.max(machine.min(venue));
            (machine, if behind { Drift::Behind } else { Drift::None })
        };
        TrustedTime { at: at.max(self.floor), witness: Witness::Venue, drift }
    }
}

/// Earlier by the tolerance.
fn tolerated(time: Timestamp) -> Timestamp {
    time.checked_sub(TOLERANCE).unwrap_or(Timestamp::MIN)
}
