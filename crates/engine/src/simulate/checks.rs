//! What must hold, at every moment and at the end.

use super::{
    Paid,
    faults::FAULTS,
    trader::LOTS_MAX,
    world::{SECOND, World},
};
use crate::{
    live::{
        Answer, ClientId, Custodian, Epoch, FillReport, Intent, Kill, NewOrder, Record,
        RefusedKind, Role, StopTiming,
    },
    order::{OrderKind, Restrictions},
    venue::Account,
};
use market::{Side, Timestamp};
use portfolio::{InstrumentId, Leg};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the bot is there, connected and sure of what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    Yes,
    No,
}

/// Whether nothing is held at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flat {
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
/// How long a close-all may take while the bot can act: it may have to find out first what is held.
const CLOSING_MAX: i64 = 45 * SECOND;
/// Exits that the venue may refuse in a row for want of coins, and for how long: until it is known what a stranger
/// sells.
const REFUSED_MAX: (u32, i64) = (5, 10 * SECOND);
/// Orders that were sent before the bar came may still arrive.
const ON_THE_WAY: i64 = 9 * SECOND;

pub(super) struct Checks {
    pub(super) broken: Vec<String>,
    pub(super) epochs: BTreeSet<Epoch>,
    stops: StopTiming,
    /// Entries that rightly brought no stop along, where entries do, by instrument.
    bare: BTreeMap<InstrumentId, BTreeSet<ClientId>>,
    /// What those had traded when the bot had seen to stops for all that was held, for the last time.
    covered_at: BTreeMap<InstrumentId, u64>,
    /// What traded in the latest move of the market, by instrument.
    moves: BTreeMap<InstrumentId, Move>,
    /// Lots of entries that rested and traded in the very move that fired their stop, by instrument. No bot
    /// could have been quicker.
    outrun: BTreeMap<InstrumentId, u64>,
    /// Lives that know that the venue refuses stops that come along with entries.
    refused: BTreeSet<(Epoch, InstrumentId)>,
    /// Somebody else changed positions since then.
    outside_since: Option<Timestamp>,
    /// Watched and without a whole stop since then, by instrument.
    naked: BTreeMap<InstrumentId, Timestamp>,
    /// Names under which a wish of the kernel was sent: life and number to name.
    wishes: BTreeMap<(Epoch, u64), ClientId>,
    roles: BTreeMap<ClientId, Role>,
    paid: Paid,
    /// Everything was to be sold and something was held since then, while the bot could act.
    closing: Option<Timestamp>,
    /// Exits that the venue refused for want of coins since it took one, and since when, by instrument.
    refusals: BTreeMap<InstrumentId, (u32, Timestamp)>,
    barred_since: Option<Timestamp>,
    now: Timestamp,
}

impl Checks {
    pub(super) fn new(stops: StopTiming, paid: Paid) -> Self {
        Self {
            broken: Vec::new(),
            epochs: BTreeSet::new(),
            stops,
            bare: BTreeMap::new(),
            covered_at: BTreeMap::new(),
            moves: BTreeMap::new(),
            outrun: BTreeMap::new(),
            refused: BTreeSet::new(),
            outside_since: None,
            naked: BTreeMap::new(),
            wishes: BTreeMap::new(),
            roles: BTreeMap::new(),
            paid,
            closing: None,
            refusals: BTreeMap::new(),
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
        let reduces = new.ticket.restrictions.has(Restrictions::REDUCE_ONLY)
            || (self.paid != Paid::OnMargin && new.ticket.side == Side::Sell);
        let late = self
            .barred_since
            .is_some_and(|since| self.now.nanos().saturating_sub(since.nanos()) > ON_THE_WAY);
        if late && !reduces {
            let client = new.client;
            self.broken.push(format!("{client} opened risk although that was barred"));
        }
        if self.stops == StopTiming::WithEntry && new.stop.is_none() && !reduces {
            self.came_bare(new);
        }
    }

    /// On spot the venue does not refuse one exit after the other.
    pub(super) fn answered(&mut self, new: &NewOrder, answer: &Answer) {
        let is_exit = new.ticket.side == Side::Sell && new.ticket.kind.trigger().is_none();
        if self.paid == Paid::OnMargin || !is_exit {
            return;
        }
        let id = new.ticket.instrument;
        let is_refused =
            matches!(answer, Answer::Refused(refused) if refused.kind == RefusedKind::Balance);
        if !is_refused {
            self.refusals.remove(&id);
            return;
        }
        let (count, since) = self.refusals.entry(id).or_insert((0, self.now));
        *count += 1;
        if *count > REFUSED_MAX.0 && self.now.nanos() - since.nanos() > REFUSED_MAX.1 {
            self.broken.push(format!("{count} exits of instrument {} were refused in a row", id.0));
        }
    }

    /// A close-all ends flat within a bound.
    pub(super) fn closing(&mut self, (kill, watched): (Kill, Watched), flat: Flat) {
        let is_due = kill == Kill::Flatten && watched == Watched::Yes && flat == Flat::No;
        if !is_due || self.paid == Paid::OnMargin {
            self.closing = None;
            return;
        }
        let since = *self.closing.get_or_insert(self.now);
        if self.now.nanos() - since.nanos() > CLOSING_MAX {
            self.broken.push("a close-all did not end flat".to_owned());
        }
    }

    /// The venue refused an entry for the stop that it brought along.
    pub(super) fn refused_stop(&mut self, new: &NewOrder) {
        if let Some((epoch, _)) = Epoch::read(&new.client) {
            self.refused.insert((epoch, new.ticket.instrument));
        }
    }

    /// An entry without a stop: that is right for one that waits for a trigger, and for one of a life
    /// whose entries were refused for their stops.
    fn came_bare(&mut self, new: &NewOrder) {
        let id = new.ticket.instrument;
        let waits = new.ticket.kind.trigger().is_some();
        let life = Epoch::read(&new.client).map(|(epoch, _)| epoch);
        if waits || life.is_some_and(|epoch| self.refused.contains(&(epoch, id))) {
            self.bare.entry(id).or_default().insert(new.client);
        }
    }

    /// Something traded at the venue.
    pub(super) fn traded(&mut self, fill: &FillReport) {
        let role = fill.client.and_then(|client| self.roles.get(&client).copied());
        let one = self.moves.entry(fill.instrument).or_insert_with(|| Move::at(fill.time));
        if one.time != fill.time {
            *one = Move::at(fill.time);
        }
        let entered = match fill.side {
            Side::Buy => &mut one.bought,
            Side::Sell => &mut one.sold,
        };
        match role {
            Some(Role::Kernel) => *entered += fill.quantity.0,
            Some(Role::Stop) => one.fired = Some(fill.side),
            _ => {}
        }
        let lots = match one.fired {
            Some(Side::Buy) => one.sold,
            Some(Side::Sell) => one.bought,
            None => 0,
        };
        if lots > 0 {
            self.outrun.insert(fill.instrument, lots);
        }
    }

    /// Lots that entries traded which rightly brought no stop along.
    fn bare_lots(&self, id: InstrumentId, venue: &Account) -> u64 {
        let names = self.bare.get(&id).into_iter().flatten();
        names.filter_map(|name| venue.traded(*name)).sum()
    }

    /// What must hold at every moment.
    pub(super) fn moment(
        &mut self,
        now: Timestamp,
        venue: &Account,
        (bot, watched): (Option<&Custodian>, Watched),
    ) {
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
            let covered = covered(self.paid, venue, id, lots);
            let bare = self.bare_lots(id, venue);
            // From when on the bot knows of them and has seen to their stops, no lots are excused.
            let guards = bot.and_then(|bot| bot.guards(id, lots)).unwrap_or(0);
            if guards.min(covered) >= lots.unsigned_abs() {
                self.covered_at.insert(id, bare);
            }
            if covered >= lots.unsigned_abs() {
                self.naked.remove(&id);
                self.outrun.remove(&id);
                continue;
            }
            let before = self.covered_at.get(&id).copied().unwrap_or(0);
            let excused = match self.stops {
                StopTiming::First => 0,
                StopTiming::WithEntry => bare.saturating_sub(before),
                StopTiming::Behind => u64::MAX,
            };
            let excused = excused.max(self.outrun.get(&id).copied().unwrap_or(0));
            let missing = lots.unsigned_abs().saturating_sub(covered);
            if missing > excused && self.outside_since.is_none() {
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

/// What traded at one moment.
struct Move {
    time: Timestamp,
    /// On which side a stop of the bot traded.
    fired: Option<Side>,
    /// Lots that orders of the kernel bought.
    bought: u64,
    /// Lots that they sold.
    sold: u64,
}

impl Move {
    const fn at(time: Timestamp) -> Self {
        Self { time, fired: None, bought: 0, sold: 0 }
    }
}

/// Lots of a position for which a stop stands at the venue. On spot, what somebody else's order sells has no
/// stop, and cannot have one.
fn covered(paid: Paid, venue: &Account, id: InstrumentId, lots: i64) -> u64 {
    let stops = venue.working().filter(|(name, ticket, open)| {
        let is_own = name.as_ref().and_then(Epoch::read).is_some();
        if paid != Paid::OnMargin && !is_own {
            return ticket.instrument == id && ticket.side == Side::Sell;
        }
        let reduces = ticket.restrictions.has(Restrictions::REDUCE_ONLY) || paid != Paid::OnMargin;
        ticket.instrument == id
            && matches!(ticket.kind, OrderKind::Stop { .. })
            && reduces
            // One for more than there is would find too few coins.
            && (paid == Paid::OnMargin || open.0 <= lots.unsigned_abs())
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
                    if covered(self.paid, &self.venue, id, there) < there.unsigned_abs() {
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
        if self.paid != Paid::OnMargin && !self.is_flat() {
            broken.push("something is held after the close-all".to_owned());
        }
        let had = FAULTS.iter().filter(|fault| fault.is_had(self.paid));
        let missing = had.filter(|fault| !self.counts.faults.contains_key(fault));
        for fault in missing {
            broken.push(format!("this world had no fault of the kind \"{fault}\""));
        }
        if self.counts.orders < super::ORDERS_MIN {
            broken.push(format!("this world had {} orders only", self.counts.orders));
        }
        self.checks.broken.append(&mut broken);
    }
}
