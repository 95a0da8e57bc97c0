//! What the keeper of orders has to say, in words for a person.

use engine::live::{Barrier, Cause, Notice};
use market::Roster;
use notify::Level;
use portfolio::InstrumentId;

/// A key for what is the same, how much it matters, and the words.
#[must_use]
pub fn told(notice: Notice, roster: &Roster) -> (String, Level, String) {
    let name = |id: InstrumentId| {
        roster
            .at(id.index())
            .map_or_else(|| format!("instrument {}", id.0), |one| one.native.to_string())
    };
    let size = |id: InstrumentId, lots: i64| {
        let scale = roster.at(id.index()).map(|one| one.listing.instrument.lot_scale);
        scale.map_or_else(|| lots.to_string(), |scale| scale.format(lots))
    };
    match notice {
        Notice::Foreign(id) => (
            format!("foreign-{}", id.0),
            Level::Info,
            format!("{}: an order that somebody else made is counted from now on", name(id)),
        ),
        Notice::OtherBot(_) => (
            "other-bot".to_owned(),
            Level::Critical,
            "another bot, or a copy of this one, trades on this account: nothing new is opened; stop one of them".to_owned(),
        ),
        Notice::ClosedByVenue(id, cause) => (
            format!("closed-{}", id.0),
            Level::Critical,
            format!("{}: the venue closed a position ({})", name(id), cause_of(cause)),
        ),
        Notice::Difference { instrument, counted, held } => (
            format!("difference-{}", instrument.0),
            Level::Warning,
            format!(
                "{}: the venue holds {}, its trades come to {}: the venue's figure was taken over",
                name(instrument),
                size(instrument, held),
                size(instrument, counted)
            ),
        ),
        Notice::StopRefused(id) => (
            format!("stop-{}", id.0),
            Level::Critical,
            format!("{}: the venue refuses a stop; the position is closed if that does not end soon", name(id)),
        ),
        Notice::Unprotected(id) => (
            format!("unprotected-{}", id.0),
            Level::Critical,
            format!("{}: no stop can be had; the position is being closed", name(id)),
        ),
        Notice::Unresolved(client) => (
            format!("unresolved-{client}"),
            Level::Critical,
            format!("order {client}: nobody has known for a long time whether it is there; look at the venue"),
        ),
        Notice::EntryRefused(id, barrier) => (
            format!("barred-{}-{barrier:?}", id.0),
            Level::Info,
            format!("{}: an entry was not sent: {}", name(id), barrier_of(barrier)),
        ),
        Notice::Ready => (
            "ready".to_owned(),
            Level::Info,
            "orders and positions are those of the venue".to_owned(),
        ),
        Notice::Flat => (
            "flat".to_owned(),
            Level::Warning,
            "nothing is held and nothing works".to_owned(),
        ),
    }
}

const fn cause_of(cause: Cause) -> &'static str {
    match cause {
        Cause::Owner => "its owner",
        Cause::Liquidation => "liquidation: margin ran out",
        Cause::Deleveraging => "auto-deleveraging",
        Cause::Settlement => "settlement or delisting",
    }
}

/// Why an entry was not sent, in words.
#[must_use]
pub const fn barrier_of(barrier: Barrier) -> &'static str {
    match barrier {
        Barrier::Killed => "the kill switch is pulled",
        Barrier::Licence => "there is no licence to open positions",
        Barrier::NotReady => "orders and positions are not known for certain",
        Barrier::NoStop => "no stop can be had for it",
        Barrier::Cap => "it exceeds a cap of the configuration",
        Barrier::OtherBot => "another bot trades on this account",
        Barrier::Stale => "it has become stale",
        Barrier::Journal => "it could not be written down",
    }
}
