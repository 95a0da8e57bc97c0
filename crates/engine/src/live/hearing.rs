//! What the private stream tells, in whatever order and however often.

use super::{
    Cause, ClientId, Epoch, FillReport, OrderReport, VenueId, Word,
    custodian::{Custodian, Link, Notice, Tidings},
    held::{Held, Stage},
    record::{Intent, Record, Role},
    report::OrderState,
};
use crate::order::{Order, OrderId, OrderKind, Purpose, Shortfall, Ticket, TimeInForce};
use market::{Money, Quantity, Side, Timestamp};
use portfolio::{InstrumentId, Leg};

/// A venue's clock goes so much behind ours at most, where it says when an order of ours traded: half of
/// what its receive windows forgive.
const CLOCKS_APART: i64 = 500_000_000;

impl Custodian {
    /// The private stream told something.
    pub(super) fn heard(&mut self, word: &Word, now: Timestamp) {
        match word {
            Word::Order(report) => self.report(report, now),
            Word::Fill(fill) => self.fill(fill, now),
            Word::Triggered(woken) => {
                if let Some(client) = self.orders.find(woken.client, woken.waiting) {
                    self.bind(client, Some(woken.venue));
                    self.tell(client, Tidings::Triggered, now);
                }
            }
            // A position is what its trades made it; where the two differ, everything is compared.
            Word::Position(position) => {
                let counted = self.stocks.of(position.instrument, position.leg).lots;
                if counted != position.lots {
                    let soon = self.terms.lag.nanos();
                    self.compare.look_soon(super::answers::after(now, soon));
                }
            }
            Word::Ready => self.linked(Link::Up, now),
            Word::Gap => self.compare.distrust(now),
            Word::Funding(paid) => self.funded(paid),
            Word::Funded => self.funding_is_due(now),
            Word::Balance(_) | Word::Ending => {}
        }
        self.settle(now);
    }

    /// The private stream is there, or is not.
    pub(super) fn linked(&mut self, link: Link, now: Timestamp) {
        self.link = link;
        self.compare.distrust(now);
    }

    /// A trade of the account: counted once, whoever tells of it.
    pub(super) fn fill(&mut self, fill: &FillReport, now: Timestamp) {
        if self.listing(fill.instrument).is_none() || self.seen.knows(fill) {
            return;
        }
        let found = self.orders.find(fill.client, fill.venue);
        if found.is_none() && self.may_be_of_ours(fill) {
            // It is asked for again once the venue has said which number is whose.
            self.compare.look_soon(super::answers::after(now, self.terms.lag.nanos()));
            return;
        }
        self.seen.note(fill);
        let client = match found {
            Some(client) => client,
            None => match self.foreign_fill(fill, now) {
                Some(client) => client,
                None => return,
            },
        };
        self.record(&Record::Fill(FillReport { client: Some(client), ..*fill }));
        self.bind(client, fill.venue);
        self.stocks.trade(fill);
        if let Some(paid) = self.paid_in_kind(fill) {
            self.stocks.trade(&paid);
        }
        self.compare.touched(fill.instrument, now);
        self.dirty.insert(fill.instrument);
        if fill.cause != Cause::Owner {
            self.notice(Notice::ClosedByVenue(fill.instrument, fill.cause));
        }
        self.live(client, now);
        if let Some(held) = self.orders.get_mut(client) {
            held.counted = held.counted.saturating_add(fill.quantity.0);
            // Somebody enlarged the order, or the venue traded more than was asked.
            let asked = &mut held.order.ticket.quantity;
            *asked = (*asked).max(Quantity(held.counted));
        }
        self.tell(client, Tidings::Fill(*fill), fill.time);
        self.after_fill(client, now);
    }

    /// A fee in the coin that was bought, as the sale of so many lots for what they are worth; parts of
    /// a lot count as a whole one. The lots are the venue's now.
    pub(super) fn paid_in_kind(&self, fill: &FillReport) -> Option<FillReport> {
        let base = self.terms.bases.get(fill.instrument.index())?;
        fill.paid_in_kind(*base, self.listing(fill.instrument)?)
    }

    fn after_fill(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        let is_whole = held.open() == 0;
        if matches!(held.stage, Stage::Over(_)) {
            self.look_for_trades(client, now);
        } else if is_whole {
            held.reported = held.reported.max(Some(held.counted));
            held.stage = Stage::Over(OrderState::Filled);
            self.look_for_trades(client, now);
        }
    }

    /// An order that is not among ours: somebody else's, or one of ours that was thought dead.
    pub(super) fn foreign_order(&mut self, report: &OrderReport, now: Timestamp) {
        let is_over = report.state.is_final();
        self.notice_other_bot(report.client, report.time);
        let is_known = self.orders.is_over(name_of(report.client, report.venue));
        if is_over || is_known || self.listing(report.instrument).is_none() {
            return;
        }
        let Some(client) = name_of(report.client, report.venue) else { return };
        let ticket = Ticket {
            instrument: report.instrument,
            side: report.side,
            quantity: report.quantity,
            kind: report.kind,
            tif: TimeInForce::GoodTillCancelled,
            restrictions: report.restrictions,
            display: None,
            leg: report.leg,
            shortfall: Shortfall::Reduce,
            purpose: purpose(report.cause),
            group: None,
        };
        // Some of it may have been counted before the order itself was known.
        let known = self.seen.counted(Some(client), report.venue).min(ticket.quantity.0);
        let own = Epoch::read_all(&client).filter(|(epoch, ..)| self.epochs.contains(epoch));
        // Its intent is lost: a stop goes on standing, a decision of the kernel is long gone.
        let role = match own {
            Some((_, role @ (Role::Stop | Role::Close), _)) => role,
            _ => Role::Foreign,
        };
        let (time, names) = (report.time, (client, report.venue, known));
        let order = Order { id: OrderId(0), tick: 0, row: 0, time, ticket };
        self.adopt(names, role, order, now);
        let Some(held) = self.orders.get_mut(client) else { return };
        held.accepted = true;
        if own.is_none() {
            self.report(report, now);
            return;
        }
        // The word may be an old one: what it is, the venue says when it is asked.
        held.ask_at = Some(now);
        if role == Role::Foreign {
            held.unwant();
        }
        if role == Role::Stop {
            self.stops.inherit(held);
        }
    }

    /// Whether a trade without a name may be of an order whose number is not known yet: a list of
    /// trades may name orders by the venue's numbers alone. Not for ever: an order that stays unknown
    /// must not keep the account's trades from being counted, nor may orders that are sent after a trade.
    fn may_be_of_ours(&self, fill: &FillReport) -> bool {
        let soonest = super::answers::after(fill.time, CLOCKS_APART);
        fill.client.is_none()
            && fill.cause == Cause::Owner
            && self.orders.all().any(|held| {
                let ticket = &held.order.ticket;
                held.is_unnumbered()
                    && held.sent <= soonest
                    && (ticket.instrument, ticket.side, ticket.leg)
                        == (fill.instrument, fill.side, fill.leg)
            })
    }

    /// The order of a trade that belongs to none of ours.
    fn foreign_fill(&mut self, fill: &FillReport, now: Timestamp) -> Option<ClientId> {
        self.notice_other_bot(fill.client, fill.time);
        let client =
            name_of(fill.client, fill.venue).or_else(|| name_of(Some(fill.trade), None))?;
        let ticket = Ticket {
            leg: fill.leg,
            shortfall: Shortfall::Reduce,
            purpose: purpose(fill.cause),
            tif: TimeInForce::ImmediateOrCancel,
            ..Ticket::market(fill.instrument, fill.side, fill.quantity)
        };
        let ticket = ticket.of(OrderKind::Market);
        let order = Order { id: OrderId(0), tick: 0, row: 0, time: fill.time, ticket };
        self.adopt((client, fill.venue, 0), Role::Foreign, order, now);
        let held = self.orders.get_mut(client)?;
        held.accepted = true;
        held.stage = Stage::Over(OrderState::Filled);
        held.reported = Some(fill.quantity.0);
        Some(client)
    }

    /// Takes an order into the books that was not made here.
    pub(super) fn adopt(
        &mut self,
        (client, venue, known): (ClientId, Option<VenueId>, u64),
        role: Role,
        order: Order,
        now: Timestamp,
    ) {
        let mut held = Held::new(client, role, order, Stage::Unknown);
        held.venue = venue;
        held.counted = known;
        self.orders.insert(held);
        self.record(&Record::Foreign(Intent { client, role, order, stop: None, time: order.time }));
        if let Some(venue) = venue.filter(|number| *number != client) {
            self.record(&Record::Bound { client, venue });
        }
        if role == Role::Foreign {
            self.notice(Notice::Foreign(order.ticket.instrument));
            self.tell(client, Tidings::Adopt, now);
        }
        self.dirty.insert(order.ticket.instrument);
    }

    /// A life that goes on beside ours ends entries.
    fn notice_other_bot(&mut self, client: Option<ClientId>, time: Timestamp) {
        let Some((epoch, _)) = client.as_ref().and_then(Epoch::read) else { return };
        if self.epochs.contains(&epoch) {
            return;
        }
        // What a former life left is no other bot; the clocks may differ by the venue's lag.
        let is_beside = time > super::answers::after(self.born, self.terms.lag.nanos());
        if is_beside && self.other_bot.is_none() {
            self.other_bot = Some(epoch);
            self.notice(Notice::OtherBot(epoch));
        }
    }

    /// What the venue holds is taken over where its trades do not explain it.
    pub(super) fn take_difference(
        &mut self,
        (instrument, leg): (InstrumentId, Leg),
        (held, entry): (i64, Option<market::Price>),
        now: Timestamp,
    ) {
        let counted = self.stocks.of(instrument, leg).lots;
        let difference = held.saturating_sub(counted);
        let side = if difference > 0 { Side::Buy } else { Side::Sell };
        let price = entry.or(self.marks.get(&instrument).copied());
        let Some((price, trade)) = price.zip(self.name(Role::Foreign)) else { return };
        self.notice(Notice::Difference { instrument, counted, held });
        let fill = FillReport {
            trade,
            client: None,
            venue: None,
            instrument,
            side,
            leg,
            price,
            quantity: Quantity(difference.unsigned_abs()),
            fee: Money::ZERO,
            fee_currency: None,
            liquidity: portfolio::Liquidity::Taker,
            cause: Cause::Owner,
            time: now,
        };
        self.fill(&fill, now);
    }
}

/// The name that an order goes by here.
fn name_of(client: Option<ClientId>, venue: Option<VenueId>) -> Option<ClientId> {
    client.or(venue)
}

const fn purpose(cause: Cause) -> Purpose {
    match cause {
        Cause::Owner => Purpose::Entry,
        Cause::Liquidation | Cause::Deleveraging | Cause::Settlement => Purpose::Liquidation,
    }
}
