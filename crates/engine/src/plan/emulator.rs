//! What a venue lacks, done for it: an order is held back, watched and sent in a form that the
//! venue knows.

use super::{
    Capabilities, Input, Key, News, Outcome, Plan, PlanError, Prices, Step,
    child::{Child, Told, closable},
    trigger::Trigger,
};
use crate::order::{Change, Ending, Reason, Restrictions, Ticket, TimeInForce};
use market::{Listing, Price, Quantity, Side, Timestamp};

/// One order of a kind that its venue lacks.
///
/// Stops, touched and trailing orders wait here and wake by the rule of [`Prices`]; they are gone
/// with the program that holds them, so a stop that must survive it belongs to a venue that has
/// stops. An iceberg is sent in parts of what it shows, each after the one before it traded. A
/// post-only order waits for a quote and ends if it would trade; between the look and the arrival
/// the market can move, and it then takes. A reduce-only order is cut to what is held when it is
/// sent, and made smaller as the position shrinks.
///
/// A stop whose trigger the market has passed when it comes is refused, unless it is reduce-only:
/// an exit is sent at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulator {
    ticket: Ticket,
    lacks: Capabilities,
    trigger: Trigger,
    stage: Stage,
    child: Option<Child>,
    next_key: u32,
    filled: u64,
    held: i64,
    quote: Option<(Price, Price)>,
    is_expired: bool,
    is_wanted: bool,
    /// The venue does not change orders: one is taken back to be sent smaller.
    is_resent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    /// It waits for its trigger.
    Asleep,
    /// It waits for a quote, to see whether it would trade.
    Looking,
    /// It is at the venue.
    Sent,
    Over,
}

/// Kinds that sleep.
const SLEEPERS: [Capabilities; 4] =
    [Capabilities::STOP, Capabilities::STOP_LIMIT, Capabilities::TOUCHED, Capabilities::TRAILING];

impl Emulator {
    /// For an order at a venue that can do this; what nobody can do for it is refused.
    pub fn new(ticket: Ticket, venue: Capabilities, listing: &Listing) -> Result<Self, PlanError> {
        if ticket.quantity == Quantity::ZERO || ticket.display == Some(Quantity::ZERO) {
            return Err(PlanError::Nothing);
        }
        let lacks = Capabilities::of(&ticket).without(venue);
        let hopeless = [Capabilities::FILL_OR_KILL, Capabilities::GROUPS];
        let hopeless = hopeless.into_iter().filter(|one| lacks.has(*one));
        let hopeless = hopeless.fold(Capabilities::PLAIN, Capabilities::with);
        if hopeless != Capabilities::PLAIN {
            return Err(PlanError::NotEmulated { lacks: hopeless });
        }
        Ok(Self {
            trigger: Trigger::of(ticket.side, ticket.kind, listing),
            ticket,
            lacks,
            stage: Stage::New,
            child: None,
            next_key: 0,
            filled: 0,
            held: 0,
            quote: None,
            is_expired: false,
            is_wanted: true,
            is_resent: false,
        })
    }

    /// Whether an order needs this at a venue.
    #[must_use]
    pub fn is_needed(ticket: &Ticket, venue: Capabilities) -> bool {
        !venue.has(Capabilities::of(ticket))
    }

    /// Where it wakes now; `None` if it does not sleep here, or has not begun to follow.
    #[must_use]
    pub fn trigger(&self) -> Option<Price> {
        if self.stage == Stage::Asleep { self.trigger.price() } else { None }
    }

    fn start(&mut self, last: Option<Price>, out: &mut Vec<Step>) {
        // Whether it would take can be seen only when it wakes.
        let looks = self.lacks.has(Capabilities::POST_ONLY);
        let needed = Capabilities::of(&self.ticket);
        let watched = |kind| self.lacks.has(kind) || (looks && needed.has(kind));
        let sleeps = SLEEPERS.into_iter().any(watched);
        if let TimeInForce::GoodTill(until) = self.ticket.tif
            && (sleeps || self.lacks.has(Capabilities::GOOD_TILL))
        {
            out.push(Step::Timer(just_after(until)));
        }
        if !sleeps {
            return self.release(out);
        }
        self.stage = Stage::Asleep;
        let Some(market) = last else { return };
        if self.trigger.meets(Prices::Print(market)) {
            let trigger = self.trigger.price().unwrap_or(market);
            if self.reduces_only() {
                self.release(out);
            } else {
                self.end(Ending::Refused(Reason::WrongSide { trigger, market }), out);
            }
        }
    }

    fn market(&mut self, prices: Prices, out: &mut Vec<Step>) {
        if let Prices::Quote { bid, ask } = prices {
            self.quote = Some((bid, ask));
        }
        match self.stage {
            Stage::Asleep if self.trigger.meets(prices) => self.release(out),
            Stage::Looking => self.release(out),
            _ => {}
        }
    }

    /// Sends the next part of it, as the venue knows it.
    fn release(&mut self, out: &mut Vec<Step>) {
        let kind =
            if self.stage == Stage::New { self.ticket.kind } else { self.ticket.kind.awake() };
        let lacks_post = self.lacks.has(Capabilities::POST_ONLY);
        if lacks_post && let Some(price) = kind.limit() {
            let best = self.quote.map(|(bid, ask)| match self.ticket.side {
                Side::Buy => (ask, price >= ask),
                Side::Sell => (bid, price <= bid),
            });
            match best {
                None => {
                    self.ticket.kind = kind;
                    self.stage = Stage::Looking;
                    return;
                }
                Some((best, true)) => {
                    return self.end(Ending::Refused(Reason::WouldTake { price, best }), out);
                }
                Some((_, false)) => {}
            }
        }
        let lots = self.size();
        if lots == 0 {
            return self.end(Ending::Refused(Reason::NothingToClose), out);
        }
        let mut ticket = Ticket { quantity: Quantity(lots), ..self.ticket.of(kind) };
        let shown = ticket.display.filter(|_| !self.lacks.has(Capabilities::ICEBERG));
        ticket.display = shown.map(|shown| shown.min(ticket.quantity));
        if self.lacks.has(Capabilities::GOOD_TILL) {
            ticket.tif = TimeInForce::GoodTillCancelled;
        }
        ticket.restrictions = self.restrictions();
        self.ticket.kind = kind;
        self.stage = Stage::Sent;
        self.child = Some(Child::send(Key(self.next_key), ticket, out));
        self.next_key += 1;
    }

    fn restrictions(&self) -> Restrictions {
        let asked = self.ticket.restrictions;
        let pairs = [
            (Restrictions::POST_ONLY, Capabilities::POST_ONLY),
            (Restrictions::REDUCE_ONLY, Capabilities::REDUCE_ONLY),
        ];
        let kept =
            pairs.into_iter().filter(|(one, venue)| asked.has(*one) && !self.lacks.has(*venue));
        kept.map(|(one, _)| one).fold(Restrictions::NONE, Restrictions::with)
    }

    /// Lots of the next part: what is left, what it shows, what it may close.
    fn size(&self) -> u64 {
        let mut lots = self.rest().0;
        if self.lacks.has(Capabilities::ICEBERG) {
            lots = lots.min(self.ticket.display.map_or(u64::MAX, |shown| shown.0));
        }
        if self.lacks.has(Capabilities::REDUCE_ONLY) { lots.min(self.closable()) } else { lots }
    }

    fn closable(&self) -> u64 {
        closable(self.ticket.side, self.ticket.leg, self.held)
    }

    const fn rest(&self) -> Quantity {
        Quantity(self.ticket.quantity.0.saturating_sub(self.filled))
    }

    const fn reduces_only(&self) -> bool {
        self.ticket.restrictions.has(Restrictions::REDUCE_ONLY)
    }

    fn update(&mut self, key: Key, change: &Change, out: &mut Vec<Step>) {
        let Some(child) = self.child.as_mut().filter(|child| child.key == key) else { return };
        match child.told(change) {
            Told::Traded(lots) => {
                self.filled = self.filled.saturating_add(lots);
                // The position is told only after this: what was closed is not closed again.
                let lots = i64::try_from(lots).unwrap_or(i64::MAX);
                let signed = self.ticket.side.sign().saturating_mul(lots);
                self.held = self.held.saturating_add(signed);
            }
            Told::NotAmended => {
                self.is_resent = true;
                child.cancel(out);
            }
            Told::Lost(_) | Told::Noted => {}
        }
        if child.is_live() {
            return self.fit(out);
        }
        let expired = if self.is_expired { Ending::Expired } else { Ending::Cancelled };
        match child.ending() {
            _ if self.rest() == Quantity::ZERO => self.done(Outcome::Complete, out),
            None if self.is_wanted => self.release(out),
            Some(Ending::Cancelled) if self.is_wanted && self.is_resent => {
                self.is_resent = false;
                self.release(out);
            }
            None | Some(Ending::Cancelled) => self.end(expired, out),
            Some(why) => self.end(why, out),
        }
    }

    /// Makes a child smaller that a venue would not: no more than what is held.
    fn fit(&mut self, out: &mut Vec<Step>) {
        let most = self.closable();
        let Some(child) = self.child.as_mut().filter(|child| child.is_live()) else { return };
        if !self.is_wanted {
            child.cancel(out);
        } else if self.lacks.has(Capabilities::REDUCE_ONLY) && child.rest() > most {
            child.resize(most, out);
        }
    }

    /// Nobody wants it any more, or its time is up.
    fn give_up(&mut self, out: &mut Vec<Step>) {
        self.is_wanted = false;
        let why = if self.is_expired { Ending::Expired } else { Ending::Cancelled };
        match self.stage {
            Stage::Asleep | Stage::Looking | Stage::New => self.end(why, out),
            Stage::Sent => self.fit(out),
            Stage::Over => {}
        }
    }

    fn end(&mut self, why: Ending, out: &mut Vec<Step>) {
        self.done(Outcome::Incomplete { rest: self.rest(), why }, out);
    }

    fn done(&mut self, outcome: Outcome, out: &mut Vec<Step>) {
        self.stage = Stage::Over;
        out.push(Step::Done(outcome));
    }
}

impl Plan for Emulator {
    fn on(&mut self, input: &Input, out: &mut Vec<Step>) {
        match &input.news {
            News::Start { last, held } if self.stage == Stage::New => {
                self.held = *held;
                self.start(*last, out);
            }
            _ if self.stage == Stage::Over => {}
            News::Market(prices) => self.market(*prices, out),
            News::Update { key, change } => self.update(*key, change, out),
            News::Position { held } => {
                self.held = *held;
                self.fit(out);
            }
            News::Timer => {
                if let TimeInForce::GoodTill(until) = self.ticket.tif
                    && input.now > until
                {
                    self.is_expired = true;
                    self.give_up(out);
                }
            }
            News::Cancel => self.give_up(out),
            News::Start { .. } => {}
        }
    }
}

/// An order is good up to and including its moment.
const fn just_after(until: Timestamp) -> Timestamp {
    Timestamp::from_nanos(until.nanos().saturating_add(1))
}
