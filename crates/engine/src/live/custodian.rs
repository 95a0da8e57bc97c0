//! The keeper of orders: writes down, sends, and believes only the venue.

use super::{
    Answer, Call, ClientId, Epoch, FillReport, FundingReport, VenueId,
    compare::Compare,
    funding::Paid,
    held::{Orders, Stage},
    record::{Intent, Record, Role},
    stock::{Seen, Stock, Stocks},
    stops::Stops,
    terms::{Kill, Permit, Terms},
};
use crate::order::{Ending, Order, Reason, Ticket};
use market::{Price, Quantity, Timestamp};
use portfolio::{InstrumentId, Leg};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A call's number in one life of a bot, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// What the outside has to do, in this order: a record is written (not yet flushed) before whatever
/// follows it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write this into the journal.
    Record(Record),
    /// Send this, and give what comes of it to [`super::Session::answer`], whatever it is: a call
    /// that is never answered is [`super::Unknown::Lost`] after the venue's window.
    Send(CallId, Call),
    /// Tell a person.
    Notice(Notice),
}

/// What a person should hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// An order that somebody else made is counted from now on.
    Foreign(InstrumentId),
    /// Another bot of this make, or a copy of this one, trades on the account: entries are off.
    OtherBot(Epoch),
    /// The venue closed a position, or a part of it.
    ClosedByVenue(InstrumentId, super::Cause),
    /// What the venue holds differs from what its trades come to: the difference was taken over.
    Difference {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Lots by the trades that the venue told of.
        counted: i64,
        /// Lots that the venue holds.
        held: i64,
    },
    /// The venue refuses a stop for a position; it is closed if that does not end soon.
    StopRefused(InstrumentId),
    /// A position without a stop is being closed.
    Unprotected(InstrumentId),
    /// Nobody knows for a long time whether an order is there.
    Unresolved(ClientId),
    /// An entry was refused here.
    EntryRefused(InstrumentId, Barrier),
    /// Orders and positions are those of the venue.
    Ready,
    /// Nothing is held and nothing works: the kill switch has done all that it can.
    Flat,
}

/// Why an entry was refused before it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Barrier {
    /// The kill switch is pulled.
    Killed,
    /// No licence to open risk.
    Licence,
    /// What is held and works is not known for certain now.
    NotReady,
    /// No stop can be had for it.
    NoStop,
    /// A cap of its owner.
    Cap,
    /// Another bot trades on the account.
    OtherBot,
    /// Nothing can be written down.
    Journal,
    /// A former request failed in a way that makes this one stale.
    Stale,
}

/// What the kernel is to hear, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) client: ClientId,
    /// Its number is 0 if the kernel has to give it one first.
    pub(super) order: Order,
    pub(super) time: Timestamp,
    pub(super) what: Tidings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tidings {
    /// It exists.
    Adopt,
    Accepted,
    Triggered,
    Fill(FillReport),
    Amended(Quantity),
    Unchanged(Reason),
    Ended(Quantity, Ending),
}

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Place(ClientId),
    Cancel(ClientId),
    Amend(ClientId, Ticket),
    Query(ClientId),
    /// Missing trades of an order that is over.
    Trades(ClientId),
    OpenOrders,
    Positions,
    Fills(InstrumentId),
    /// Payments of funding up to a moment, and up to where they are wanted.
    Funding(InstrumentId, Timestamp, Timestamp),
    Heartbeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) about: About,
    pub(super) sent: Timestamp,
}

/// Whether the private stream tells everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It does.
    Up,
    /// It does not.
    Down,
}

/// Keeps the orders of one account at one venue.
#[derive(Debug, Clone)]
pub struct Custodian {
    pub(super) terms: Terms,
    pub(super) epoch: Epoch,
    pub(super) epochs: BTreeSet<Epoch>,
    pub(super) born: Timestamp,
    pub(super) sequence: u64,
    pub(super) orders: Orders,
    pub(super) stocks: Stocks,
    pub(super) seen: Seen,
    pub(super) paid: Paid,
    pub(super) stops: Stops,
    pub(super) compare: Compare,
    pub(super) kill: Kill,
    pub(super) permit: Permit,
    pub(super) other_bot: Option<Epoch>,
    pub(super) link: Link,
    pub(super) marks: BTreeMap<InstrumentId, Price>,
    pub(super) closing: BTreeMap<(InstrumentId, Leg), Timestamp>,
    pub(super) dirty: BTreeSet<InstrumentId>,
    pub(super) calls: BTreeMap<CallId, Asked>,
    pub(super) calls_made: u64,
    pub(super) entries: VecDeque<Timestamp>,
    pub(super) beat_at: Option<Timestamp>,
    pub(super) flat_told: bool,
    pub(super) effects: Vec<Effect>,
    pub(super) told: VecDeque<Told>,
    /// Payments that the ledger has not heard of.
    pub(super) flows: VecDeque<FundingReport>,
    pub(super) journalling: Journalling,
    pub(super) writing: Writing,
    /// Entries wait until a comparison that began after this is done.
    pub(super) hold_until: Option<Timestamp>,
    /// Until then, entries in these go out without a stop of their own: the venue refuses such stops.
    pub(super) bare: BTreeMap<InstrumentId, Timestamp>,
    /// Orders since they were last taken, where somebody wants to see what they were held against.
    pub(super) examined: Option<Vec<super::Examined>>,
}

/// Whether records can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// They can.
    Works,
    /// They cannot.
    Fails,
}

/// Whether intents are written down. Only the simulation's weak twin leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Journalling {
    On,
    Off,
}

impl Custodian {
    /// A first life, or the next one: see [`Custodian::restored`].
    pub(super) fn new(terms: Terms, epoch: Epoch, now: Timestamp) -> Self {
        Self {
            terms,
            epoch,
            epochs: BTreeSet::new(),
            born: now,
            sequence: 0,
            orders: Orders::default(),
            stocks: Stocks::default(),
            seen: Seen::default(),
            paid: Paid::default(),
            stops: Stops::default(),
            compare: Compare::new(now),
            kill: Kill::Off,
            permit: Permit::ManageOnly,
            other_bot: None,
            link: Link::Down,
            marks: BTreeMap::new(),
            closing: BTreeMap::new(),
            dirty: BTreeSet::new(),
            calls: BTreeMap::new(),
            calls_made: 0,
            entries: VecDeque::new(),
            beat_at: None,
            flat_told: false,
            effects: Vec::new(),
            told: VecDeque::new(),
            flows: VecDeque::new(),
            journalling: Journalling::On,
            writing: Writing::Works,
            hold_until: None,
            bare: BTreeMap::new(),
            examined: None,
        }
    }

    /// A new latest price.
    pub fn mark(&mut self, instrument: InstrumentId, price: Price) {
        self.marks.insert(instrument, price);
    }

    /// How far the kill switch is pulled.
    #[must_use]
    pub const fn kill_level(&self) -> Kill {
        self.kill
    }

    /// Whether orders and positions are known to be those of the venue.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.link == Link::Up && self.compare.is_done()
    }

    /// What is held, by the trades that the venue told of.
    #[must_use]
    pub fn stock(&self, instrument: InstrumentId, leg: Leg) -> Stock {
        self.stocks.of(instrument, leg)
    }

    /// All that is held.
    pub fn stocks(&self) -> impl Iterator<Item = (InstrumentId, Leg, Stock)> {
        self.stocks.all()
    }

    /// Orders that something may still come of: name, purpose, ticket as sent, lots traded. A stop that
    /// came along with an entry is one once that entry is over.
    pub fn orders(&self) -> impl Iterator<Item = (ClientId, Role, &Order, u64)> {
        let all = self.orders.all().filter(|held| held.stage != Stage::Brought);
        all.map(|held| (held.client, held.role, &held.order, held.counted))
    }

    /// Calls whose answer is awaited.
    #[must_use]
    pub fn calls_open(&self) -> usize {
        self.calls.len()
    }

    /// The order that a call whose answer is awaited asks the venue to make.
    #[must_use]
    pub fn placed_by(&self, call: CallId) -> Option<ClientId> {
        let asked = self.calls.get(&call)?;
        if let About::Place(client) = asked.about { Some(client) } else { None }
    }

    /// Lets entries through, or no more.
    pub fn set_permit(&mut self, permit: Permit) {
        self.permit = permit;
    }

    /// Whether something could be closed or taken back, but nothing more.
    #[must_use]
    pub const fn permit(&self) -> Permit {
        self.permit
    }

    /// Whether a call opens risk: such a call is not sent once its record could not be written.
    #[must_use]
    pub fn opens(&self, call: &Call) -> bool {
        let Call::Place(new) = call else { return false };
        let held = self.orders.get(new.client);
        held.is_none_or(|held| held.role == Role::Kernel && !self.is_reducing(held))
    }

    /// Requests of a former life may still be on their way, unknown to its journal.
    pub(super) fn hold_entries(&mut self, now: Timestamp) {
        let certain = self.terms.window.nanos().saturating_add(self.terms.lag.nanos());
        let until = super::answers::after(now, certain);
        self.hold_until = self.hold_until.max(Some(until));
        self.record(&Record::Doubt { until });
        self.compare.look_soon(until);
    }

    pub(super) fn name(&mut self, role: Role) -> Option<ClientId> {
        self.sequence += 1;
        self.epoch.name_for(role, self.sequence)
    }

    pub(super) fn record(&mut self, record: &Record) {
        let leaves_out = matches!(record, Record::Intent(_) | Record::Bound { .. });
        let is_kept = self.journalling == Journalling::On || !leaves_out;
        if is_kept && self.writing == Writing::Works {
            self.effects.push(Effect::Record(*record));
        }
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }

    pub(super) fn send(&mut self, call: Call, about: About, now: Timestamp) -> CallId {
        self.calls_made += 1;
        let id = CallId(self.calls_made);
        self.calls.insert(id, Asked { about, sent: now });
        self.effects.push(Effect::Send(id, call));
        id
    }

    /// The kernel is to hear of an order.
    pub(super) fn tell(&mut self, client: ClientId, what: Tidings, time: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        // A stop that stands guard, and a close-all, are the custodian's own until they trade.
        let is_own = matches!(held.role, Role::Stop | Role::Close);
        let is_known = held.order.id.0 != 0;
        if is_own && !is_known && !matches!(what, Tidings::Fill(_)) {
            return;
        }
        let mut order = held.order;
        if what == Tidings::Adopt {
            held.before = held.counted;
        }
        order.ticket.quantity = Quantity(order.ticket.quantity.0.saturating_sub(held.before));
        let what = match what {
            Tidings::Amended(all) => Tidings::Amended(Quantity(all.0.saturating_sub(held.before))),
            what => what,
        };
        if is_own && !is_known && !self.told.iter().any(|told| told.client == client) {
            self.told.push_back(Told { client, order, time, what: Tidings::Adopt });
        }
        self.told.push_back(Told { client, order, time, what });
    }

    /// The kernel gave an order its number.
    pub(super) fn numbered(&mut self, client: ClientId, order: Order) {
        if let Some(held) = self.orders.get_mut(client) {
            held.order.id = order.id;
        }
    }

    /// Writes an order down and sends it. An entry goes by [`Custodian::open`].
    pub(super) fn place(&mut self, client: ClientId, now: Timestamp) {
        let Some(held) = self.orders.get_mut(client) else { return };
        held.stage = Stage::Sent;
        held.sent = now;
        held.ask_at = None;
        held.asking = true;
        let (role, order, stop) = (held.role, held.order, held.stop);
        self.record(&Record::Intent(Intent { client, role, order, stop, time: now }));
        let new = super::NewOrder { client, ticket: order.ticket, scope: super::Scope::Size, stop };
        self.send(Call::Place(new), About::Place(client), now);
    }

    /// Nothing more comes of an order.
    pub(super) fn finish(&mut self, client: ClientId, why: Ending, now: Timestamp) {
        let Some(held) = self.orders.get(client) else { return };
        let (rest, was_sent) = (held.rest(), held.stage != Stage::Waiting);
        self.dirty.insert(held.order.ticket.instrument);
        let is_filled = rest == Quantity::ZERO;
        if !is_filled {
            self.tell(client, Tidings::Ended(rest, why), now);
        }
        if was_sent {
            self.record(&Record::Ended { client, time: now });
        }
        if let Some(held) = self.orders.remove(client) {
            if matches!(held.stage, Stage::Over(_)) {
                self.orders.bury(client);
            }
            self.release_stop(&held, now);
            self.stop_ended(&held, why, now);
        }
    }

    /// An order has another number at the venue, or the first one.
    pub(super) fn bind(&mut self, client: ClientId, venue: Option<VenueId>) {
        let Some(venue) = venue.filter(|number| *number != client) else { return };
        if self.orders.find(None, Some(venue)) != Some(client) {
            self.orders.bind(client, venue);
            self.record(&Record::Bound { client, venue });
        }
    }

    /// What came of a call.
    pub(super) fn answered(&mut self, id: CallId, answer: &Answer, now: Timestamp) {
        let Some(asked) = self.calls.remove(&id) else { return };
        match asked.about {
            About::Place(client) => self.placed(client, answer, now),
            About::Cancel(client) => self.cancelled(client, answer, now),
            About::Amend(client, ticket) => self.amended(client, (&ticket, answer), now),
            About::Query(client) => self.queried(client, (asked.sent, answer), now),
            About::Trades(client) => self.fetched(client, (asked.sent, answer), now),
            About::Heartbeat => {}
            About::Funding(instrument, until, end) => {
                self.funding_answered((instrument, until, end), answer, now);
            }
            About::OpenOrders | About::Positions | About::Fills(_) => {
                self.compared(asked, answer, now);
            }
        }
        self.settle(now);
    }

    /// Brings everything into line with what is known now; at the end of every input.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.close_what_must_be(now);
        while let Some(instrument) = self.dirty.pop_first() {
            self.protect(instrument, now);
        }
        self.close_what_must_be(now);
        // A close-all of coins goes through their stop.
        let coins = self.dirty.iter().copied().filter(|id| self.is_spot(*id));
        for instrument in coins.collect::<Vec<_>>() {
            self.dirty.remove(&instrument);
            self.protect(instrument, now);
        }
        self.take_back_what_is_unwanted(now);
    }

    /// When to call [`super::Session::tick`] if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let orders = self.orders.all().filter(|held| !held.asking).filter_map(|held| held.ask_at);
        let rest =
            [self.compare.deadline(), self.stops.deadline(), self.close_deadline(), self.beat_at];
        orders.chain(rest.into_iter().flatten()).min()
    }
}
