//! What came of calls about one order.
//!
//! An order ends only by the venue's own word, or by its word that it never heard of an order whose
//! request it would have dropped by then.

use super::{
    Answer, Call, ClientId, OrderReport, RefusedKind, Unknown,
    custodian::{About, Barrier, Custodian, Notice, Tidings},
    held::{Held, Stage, TRIES_LOUD},
    record::Role,
    report::OrderState,
    stock::OVERLAP,
};
use crate::order::{Ending, Reason, Ticket};
use market::{Money, Timestamp};

/// Milliseconds in nanoseconds.
const MS: i64 = 1_000_000;
/// The first wait before the venue is asked again; each further one is twice as long.
const WAIT_FIRST: i64 = 250 * MS;
/// The longest.
const WAIT_MAX: i64 = 10_000 * MS;

/// So long after so many tries.
pub(super) fn later(now: Timestamp, tries: u8) -> Timestamp {
    let wait = WAIT_FIRST.saturating_mul(1 << tries.min(10)).min(WAIT_MAX);
    after(now, wait)
}

/// So many nanoseconds after a moment.
pub(super) fn after(now: Timestamp, nanos: i64) -> Timestamp {
    Timestamp::from_nanos(now.nanos().saturating_add(nanos))
}

impl Custodian {
    /// An order's request was answered.
    pub(super) fn placed(&mut self, client: ClientId, answer: &Answer, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        held.asking = false;
        let is_settled = matches!(held.stage, Stage::Live | Stage::Over(_));
        match answer {
            Answer::Order(report) => self.report(report, now),
            Answer::Done => self.live(client, now),
            // The stream may have told before the answer came: it stands.
            _ if is_settled => {}
            Answer::Refused(refused) if refused.kind == RefusedKind::DuplicateName => {
                self.doubt(client, now);
            }
            Answer::Refused(refused)
                if refused.kind == RefusedKind::Attachment && held.stop.is_some() =>
            {
                self.without_stop(client, now);
            }
            Answer::Refused(refused) => {
                let reason = reason(refused.kind, held);
                let ticket = held.order.ticket;
                if refused.kind == RefusedKind::Balance && self.sells_coins(&ticket) {
                    // Somebody else sells them, and nobody told.
                    self.compare.look_soon(later(now, 0));
                }
                self.finish(client, Ending::Refused(reason), now);
            }
            Answer::Throttled { until } => self.again(client, *until, now),
            Answer::Unknown(Unknown::Unsent) => {
                let at = later(now, held.tries);
                self.again(client, at, now);
            }
            _ => self.doubt(client, now),
        }
    }

    /// The venue did nothing. What closes or protects is sent again under the same name; an entry
    /// was decided on a market that is gone.
    fn again(&mut self, client: ClientId, at: Timestamp, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        let is_entry = held.role == Role::Kernel
            && !held.order.ticket.restrictions.has(crate::order::Restrictions::REDUCE_ONLY);
        held.stage = Stage::Again;
        held.tries = held.tries.saturating_add(1);
        if held.is_unwanted() {
            self.finish(client, Ending::Cancelled, now);
        } else if is_entry {
            self.refuse(client, Barrier::Stale, now);
        } else if let Some(held) = self.orders.get_mut(client) {
            held.ask_at = Some(at.max(after(now, MS)));
        }
    }

    /// Nobody knows: the venue is asked until it says.
    pub(super) fn doubt(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        if !matches!(held.stage, Stage::Over(_)) {
            held.stage = Stage::Unknown;
        }
        held.asking = false;
        held.ask_at = Some(later(now, held.tries));
        held.tries = held.tries.saturating_add(1);
        if held.tries == TRIES_LOUD {
            self.notice(Notice::Unresolved(client));
        }
    }

    /// The venue has it.
    pub(super) fn live(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        if matches!(held.stage, Stage::Over(_)) {
            return;
        }
        let before = held.stage;
        held.stage = Stage::Live;
        held.tries = 0;
        held.ask_at = None;
        self.dirty.insert(held.order.ticket.instrument);
        if !held.accepted {
            held.accepted = true;
            self.tell(client, Tidings::Accepted, now);
        }
        if before != Stage::Live {
            self.stop_stands(client, before);
        }
    }

    /// A cancel was answered.
    pub(super) fn cancelled(&mut self, client: ClientId, answer: &Answer, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        held.asking = false;
        match answer {
            Answer::Order(report) if report.state.is_final() => self.report(report, now),
            // It was taken; whether it came in time, the venue will say.
            Answer::Order(_) | Answer::Done => held.ask_at = Some(later(now, 0)),
            Answer::Throttled { until } => held.ask_at = Some((*until).max(after(now, MS))),
            _ => {
                held.ask_at = Some(later(now, held.tries));
                held.tries = held.tries.saturating_add(1);
            }
        }
    }

    /// A change was answered.
    pub(super) fn amended(
        &mut self,
        client: ClientId,
        (ticket, answer): (&Ticket, &Answer),
        now: Timestamp,
    ) {
        let Some(held) = self.orders.get_mut(client) else { return };
        held.asking = false;
        match answer {
            Answer::Done | Answer::Order(_) => {
                held.order.ticket = *ticket;
                self.dirty.insert(ticket.instrument);
                self.tell(client, Tidings::Amended(ticket.quantity), now);
                if let Answer::Order(report) = answer {
                    self.report(report, now);
                }
            }
            Answer::Refused(_) | Answer::Throttled { .. } | Answer::Unknown(Unknown::Unsent) => {
                self.tell(client, Tidings::Unchanged(Reason::Unsupported), now);
            }
            _ => held.ask_at = Some(later(now, 0)),
        }
    }

    /// The venue was asked what became of an order.
    pub(super) fn queried(
        &mut self,
        client: ClientId,
        (asked, answer): (Timestamp, &Answer),
        now: Timestamp,
    ) {
        let certain = self.terms.window.nanos().saturating_add(self.terms.lag.nanos());
        let Some(held) = self.orders.get_mut(client) else { return };
        held.asking = false;
        held.ask_at = None;
        match answer {
            // What still stands and is not wanted is taken back again by `settle`.
            Answer::Order(report) => self.report(report, now),
            Answer::NotFound if asked >= after(held.sent, certain) => self.gone(client, now),
            _ => self.doubt_or_wait(client, now),
        }
    }

    fn doubt_or_wait(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        if held.stage == Stage::Released {
            // What the venue shows may be old; another stop is placed meanwhile.
            self.dirty.insert(held.order.ticket.instrument);
        }
        if held.stage == Stage::Live {
            held.tries = held.tries.saturating_add(1);
            held.ask_at = Some(later(now, held.tries));
        } else {
            self.doubt(client, now);
        }
    }

    /// The venue has no such order, and can no longer come to have it.
    fn gone(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        if held.venue.is_none() && held.counted == 0 && !held.accepted {
            self.finish(client, Ending::Refused(Reason::UnknownOrder), now);
        } else {
            // It was there: the venue forgot an order that is over. Its trades are still to be had.
            held.stage = Stage::Over(OrderState::Cancelled);
            self.look_for_trades(client, now);
        }
    }

    /// An order is over, and what it traded has to be complete before that is said.
    pub(super) fn look_for_trades(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        let Stage::Over(state) = held.stage else { return };
        if held.reported.is_some_and(|lots| lots <= held.counted) {
            let why = match state {
                OrderState::Rejected => Ending::Refused(Reason::Unsupported),
                OrderState::Expired => Ending::Expired,
                _ => Ending::Cancelled,
            };
            self.finish(client, why, now);
        } else if held.ask_at.is_none() && !held.asking {
            // Trades are mostly a moment behind.
            held.ask_at = Some(later(now, held.tries));
        }
    }

    /// Trades of an instrument were fetched for the sake of one order.
    pub(super) fn fetched(
        &mut self,
        client: ClientId,
        (asked, answer): (Timestamp, &Answer),
        now: Timestamp,
    ) {
        let lag = self.terms.lag.nanos();
        if let Some(held) = self.orders.get_mut(client) {
            held.asking = false;
            held.tries = held.tries.saturating_add(1);
        }
        if let Answer::Fills { fills, more } = answer {
            for fill in fills {
                self.fill(fill, now);
            }
            if let (true, Some(last)) = (*more, fills.last()) {
                let about = About::Trades(client);
                let (instrument, since) = (last.instrument, last.time);
                self.send(Call::Fills { instrument, since, after: Some(last.trade) }, about, now);
                return;
            }
            self.find_counted_elsewhere(client);
            let Some(held) = self.orders.get_mut(client) else { return };
            let seen = held.ask_at.is_none() && asked >= after(held.sent, lag);
            if held.reported.is_none() && seen && held.tries > 1 {
                held.reported = Some(held.counted);
            }
        }
        self.look_for_trades(client, now);
    }

    /// Trades of this order that were counted under the venue's number alone, before it was known
    /// whose that is: the position has them, and the order is not to wait for them.
    fn find_counted_elsewhere(&mut self, client: ClientId) {
        let Some(held) = self.orders.get_mut(client) else { return };
        let Some(venue) = held.venue else { return };
        held.counted = held.counted.max(self.seen.counted(Some(client), Some(venue)));
    }

    /// Asks about every order whose time has come.
    pub(super) fn ask_what_is_due(&mut self, now: Timestamp) {
        let is_due = |held: &Held| !held.asking && held.ask_at.is_some_and(|at| at <= now);
        for client in self.orders.names(is_due) {
            let Some(held) = self.orders.get_mut(client) else { continue };
            held.ask_at = None;
            match held.stage {
                Stage::Waiting | Stage::Brought => {}
                Stage::Again => self.place(client, now),
                Stage::Released | Stage::Sent | Stage::Unknown | Stage::Live => {
                    self.query(client, now);
                }
                Stage::Over(_) => {
                    held.asking = true;
                    let instrument = held.order.ticket.instrument;
                    let begin = held.sent.nanos().saturating_sub(OVERLAP);
                    let since = self.seen.since(instrument, self.born);
                    let since = since.min(Timestamp::from_nanos(begin));
                    let call = Call::Fills { instrument, since, after: None };
                    self.send(call, About::Trades(client), now);
                }
            }
        }
    }

    pub(super) fn query(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        held.asking = true;
        let reference = held.reference();
        self.send(Call::Order(reference), About::Query(client), now);
    }

    /// What the venue says of an order, by whichever way.
    pub(super) fn report(&mut self, report: &OrderReport, now: Timestamp) {
        let Some(client) = self.orders.find(report.client, report.venue) else {
            self.foreign_order(report, now);
            return;
        };
        self.bind(client, report.venue);
        self.appeared(client, report);
        let Some(held) = self.orders.get_mut(client) else { return };
        let filled = report.filled.map(|lots| lots.0);
        held.reported = held.reported.max(filled);
        if report.state == OrderState::Filled {
            held.reported = held.reported.max(Some(held.order.ticket.quantity.0)).max(filled);
            if let Some(lots) = filled.filter(|lots| *lots > 0) {
                held.reported = Some(lots.max(held.counted));
            }
        }
        if report.state.is_final() {
            if !matches!(held.stage, Stage::Over(_)) {
                if matches!(held.stage, Stage::Brought | Stage::Released) {
                    self.dirty.insert(report.instrument);
                }
                held.stage = Stage::Over(report.state);
                held.ask_at = None;
                held.tries = 0;
            }
            self.look_for_trades(client, now);
            return;
        }
        self.live(client, now);
        if report.state == OrderState::Triggered {
            self.tell(client, Tidings::Triggered, now);
        }
        self.follow_change(client, report, now);
        self.mind_missing_trades(client, now);
    }

    /// Somebody changed an order, or a change of ours came through unheard.
    fn follow_change(&mut self, client: ClientId, report: &OrderReport, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        let ticket = &mut held.order.ticket;
        let says_more = report.quantity.0 != 0;
        if held.asking || !says_more || held.role == Role::Stop {
            return;
        }
        if report.quantity != ticket.quantity {
            ticket.quantity = report.quantity;
            self.tell(client, Tidings::Amended(report.quantity), now);
        }
    }

    /// The venue speaks of more trades than it told of: they are fetched.
    fn mind_missing_trades(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get(client) else { return };
        if held.reported.is_some_and(|lots| lots > held.counted) {
            self.compare.look_soon(later(now, 1));
        }
    }
}

/// Why the kernel hears that its order was refused.
fn reason(kind: RefusedKind, held: &Held) -> Reason {
    match kind {
        RefusedKind::Balance => Reason::Cash { needed: Money::ZERO, available: Money::ZERO },
        RefusedKind::ReduceOnly => Reason::NothingToClose,
        RefusedKind::WouldTake => {
            let price = held.order.ticket.kind.limit().unwrap_or_default();
            Reason::WouldTake { price, best: price }
        }
        RefusedKind::WouldTrigger => {
            let trigger = held.order.ticket.kind.trigger().unwrap_or_default();
            Reason::WrongSide { trigger, market: trigger }
        }
        RefusedKind::NotTrading => Reason::NotTrading,
        _ => Reason::Unsupported,
    }
}
