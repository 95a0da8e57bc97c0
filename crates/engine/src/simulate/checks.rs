//! What must hold, at every moment and at the end.

use super::{
    faults::FAULTS,
    trader::LOTS_MAX,
    world::{SECOND, StopFirst, World},
};
use crate::{
    live::{ClientId, Epoch, Intent, NewOrder, Record, Role},
    order::{OrderKind, Restrictions},
    venue::Account,
};
use market::Timestamp;
use portfolio::{InstrumentId, Leg};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the bot is there, connected and sure of what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    Yes,
    No,
}

/// Whether the bot may open risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    Allowed,
    Barred,
}

/// How long a position may be without a whole stop while the bot can act.
const NAKED_MAX: i64 = 30 * SECOND;
/// Orders that were sent before the bar came may still arrive.
const ON_THE_WAY: i64 = 9 * SECOND;

pub(super) struct Checks {
    pub(super) broken: Vec<String>,
    pub(super) epochs: BTreeSet<Epoch>,
    stop_first: StopFirst,
    /// Somebody else changed positions since then.
    outside_since: Option<Timestamp>,
    /// Watched and without a whole stop since then, by instrument.
    naked: BTreeMap<InstrumentId, Timestamp>,
    /// Names under which a wish of the kernel was sent: life and number to name.
    wishes: BTreeMap<(Epoch, u64), ClientId>,
    roles: BTreeMap<ClientId, Role>,
    barred_since: Option<Timestamp>,
    now: Timestamp,
}

impl Checks {
    pub(super) fn new(stop_first: StopFirst) -> Self {
        Self {
            broken: Vec::new(),
            epochs: BTreeSet::new(),
            stop_first,
            outside_since: None,
            naked: BTreeMap::new(),
            wishes: BTreeMap::new(),
            roles: BTreeMap::new(),
            barred_since: None,
            now: Timestamp::from_nanos(0),
        }
    }

    /// Positions change without the bot from now on.
    pub(super) fn outside(&mut self, now: Timestamp) {
        self.outside_since = self.outside_since.or(Some(now));
    }

    pub(super) fn opening(&mut self, now: Timestamp, opening: Opening) {
        self.barred_since = match opening {
            Opening::Allowed => None,
            Opening::Barred => self.barred_since.or(Some(now)),
        };
    }

    /// No wish of the kernel goes out under two names.
    pub(super) fn wrote(&mut self, record: &Record) {
        let Record::Intent(Intent { client, role, order, .. }) = record else { return };
        self.roles.insert(*client, *role);
        let Some((epoch, _)) = Epoch::read(client) else { return };
        if *role == Role::Kernel && order.id.0 != 0 {
            let before = self.wishes.insert((epoch, order.id.0), *client);
            if before.is_some_and(|before| before != *client) {
                self.broken.push(format!("order {} was sent under two names", order.id.0));
            }
        }
    }

    /// An order reached the venue and was taken.
    pub(super) fn placed(&mut self, new: &NewOrder) {
        let reduces = new.ticket.restrictions.has(Restrictions::REDUCE_ONLY);
        let late = self
            .barred_since
            .is_some_and(|since| self.now.nanos().saturating_sub(since.nanos()) > ON_THE_WAY);
        if late && !reduces {
            let client = new.client;
            self.broken.push(format!("{client} opened risk although that was barred"));
        }
    }

    /// What must hold at every moment.
    pub(super) fn moment(&mut self, now: Timestamp, venue: &Account, watched: Watched) {
        self.now = now;
        for id in (0..2).map(InstrumentId) {
            let lots = venue.ledger().position(id).lots;
            if self.outside_since.is_none() && lots.abs() > LOTS_MAX {
                self.broken.push(format!(
                    "{lots} lots of instrument {} are held and at most {LOTS_MAX} were ever wanted: \
                     an order was doubled",
                    id.0
                ));
            }
            let covered = covered(venue, id, lots);
            if covered >= lots.unsigned_abs() {
                self.naked.remove(&id);
                continue;
            }
            if self.stop_first == StopFirst::Yes && self.outside_since.is_none() {
                self.broken.push(format!(
                    "{lots} lots of instrument {} are held and stops stand for {covered}",
                    id.0
                ));
            }
            if watched == Watched::No {
                self.naked.remove(&id);
                continue;
            }
            let since = *self.naked.entry(id).or_insert(now);
            if now.nanos() - since.nanos() > NAKED_MAX {
                self.broken.push(format!(
                    "{lots} lots of instrument {} had stops for {covered} for too long",
                    id.0
                ));
            }
        }
    }
}

/// Lots of a position for which a stop stands at the venue.
fn covered(venue: &Account, id: InstrumentId, lots: i64) -> u64 {
    let stops = venue.working().filter(|(_, ticket, _)| {
        ticket.instrument == id
            && matches!(ticket.kind, OrderKind::Stop { .. })
            && ticket.restrictions.has(Restrictions::REDUCE_ONLY)
            && ticket.side.sign() * lots.signum() < 0
    });
    stops.map(|(_, _, open)| open.0).sum()
}

impl World {
    /// What must hold at the end, when everything was left alone for a while.
    pub(super) fn conclude(&mut self) {
        let mut broken = Vec::new();
        match &self.bot {
            None => broken.push("no bot is there at the end".to_owned()),
            Some(bot) => {
                let custodian = bot.custodian();
                if !custodian.is_ready() {
                    broken.push("the bot is not ready at the end".to_owned());
                }
                for id in (0..2).map(InstrumentId) {
                    let there = self.venue.ledger().position(id).lots;
                    let counted = custodian.stock(id, Leg::Net).lots;
                    let kernel = bot.engine().desk().ledger().position(id).lots;
                    if counted != there || kernel != there {
                        broken.push(format!(
                            "instrument {}: the venue holds {there} lots, the bot counts {counted}, \
                             its kernel {kernel}",
                            id.0
                        ));
                    }
                    if covered(&self.venue, id, there) < there.unsigned_abs() {
                        broken.push(format!("instrument {} has no whole stop at the end", id.0));
                    }
                }
                let known: BTreeSet<ClientId> = custodian.orders().map(|(name, ..)| name).collect();
                let there: BTreeSet<ClientId> =
                    self.venue.working().filter_map(|(name, ..)| name).collect();
                if known != there {
                    broken.push(format!(
                        "orders at the venue {there:?}, orders that the bot knows {known:?}"
                    ));
                }
            }
        }
        let missing = FAULTS.iter().filter(|fault| !self.counts.faults.contains_key(fault));
        for fault in missing {
            broken.push(format!("this world had no fault of the kind \"{fault}\""));
        }
        if self.counts.orders < super::ORDERS_MIN {
            broken.push(format!("this world had {} orders only", self.counts.orders));
        }
        self.checks.broken.append(&mut broken);
    }
}
