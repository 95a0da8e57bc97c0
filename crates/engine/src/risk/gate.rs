//! The gate itself.

use super::{
    Author, Bounds, Cause, Command, Facts, LimitError, Limits, Lock, Notice, OrderRate, Pass,
    RoundTrip, State,
    bounds::{self, Load},
    equity::{Calm, Equity},
    facts::Effect,
    hold::Holds,
    lock::Locks,
    protection::{Watcher, place},
    recent::Duplicates,
    window::Recent,
};
use crate::order::{Amount, Breach, Limit, Ticket};
use market::{Money, Quantity, Timestamp};
use portfolio::InstrumentId;

/// What stands before every order: a pure function of the events given to it.
///
/// An order that only shrinks a position passes in every state and under every limit; whether it
/// does is told from the facts, never from what it calls itself. It counts for the order rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Whether a check must look at anything.
    armed: bool,
    /// Whether it must even while nothing restrains the gate.
    bound_orders: bool,
    follows_equity: bool,
    limits: Limits,
    /// Sorted by instrument, each with what it falls back on.
    overrides: Vec<(InstrumentId, Bounds)>,
    holds: Holds,
    locks: Locks,
    rate: Option<(OrderRate, Recent)>,
    duplicates: Option<Duplicates>,
    equity: Equity,
    /// Equity that [`Gate::on_equity`] need not look at.
    calm: Calm,
    watchers: Vec<Watcher>,
}

impl Gate {
    /// An open gate; limits that cannot be meant are refused.
    pub fn new(limits: Limits) -> Result<Self, LimitError> {
        limits.validate()?;
        let mut overrides: Vec<(InstrumentId, Bounds)> = limits.instruments.clone();
        for (_, bounds) in &mut overrides {
            *bounds = bounds.or(limits.bounds);
        }
        overrides.sort_unstable_by_key(|(id, _)| *id);
        Ok(Self {
            armed: limits.bound_orders(),
            bound_orders: limits.bound_orders(),
            follows_equity: limits.follow_equity(),
            overrides,
            holds: Holds::default(),
            locks: Locks::default(),
            rate: limits.order_rate.map(|rate| (rate, Recent::keeping(rate.orders as usize))),
            duplicates: limits.duplicate.map(Duplicates::within),
            equity: Equity::default(),
            calm: Calm::NEVER,
            watchers: Watcher::all(&limits),
            limits,
        })
    }

    /// A gate without limits.
    #[must_use]
    pub fn open() -> Self {
        Self::new(Limits::default()).expect("no limits cannot contradict one another")
    }

    /// Whether [`Gate::check`] must look at anything.
    #[inline]
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.armed
    }

    /// Whether [`Gate::on_round_trip`] has any use.
    #[must_use]
    pub fn needs_trips(&self) -> bool {
        !self.watchers.is_empty()
    }

    /// Whether an order may be sent now, as it is or cut to what closes. What passes is counted:
    /// ask once for each order.
    #[inline]
    pub fn check(&mut self, ticket: &Ticket, facts: &Facts) -> Result<Pass, Breach> {
        if self.armed { self.examine(ticket, facts) } else { Ok(Pass::AsAsked) }
    }

    /// Whether [`Gate::on_equity`] has any use.
    #[inline]
    #[must_use]
    pub const fn needs_equity(&self) -> bool {
        self.follows_equity
    }

    /// A new figure of what the account is worth; appends what follows from it.
    #[inline]
    pub fn on_equity(&mut self, now: Timestamp, equity: Money, out: &mut Vec<Notice>) {
        if self.calm.covers(now, equity) {
            self.equity.note(equity);
        } else {
            self.follow(now, equity, out);
        }
    }

    #[inline(never)]
    fn follow(&mut self, now: Timestamp, equity: Money, out: &mut Vec<Notice>) {
        self.on_time(now, out);
        let daily = self.limits.daily_loss;
        self.equity.observe(now, equity, daily.as_ref());
        if let Some(limit) = self.limits.drawdown
            && !self.holds.has(Cause::Drawdown)
            && let Some(breach) = self.equity.drawdown(&limit)
        {
            let shift = self.holds.set(now, Cause::Drawdown, (limit.then, None), Some(breach));
            out.push(Notice::Shifted(shift));
        }
        if let Some(limit) = daily
            && !self.holds.has(Cause::DailyLoss)
            && let Some(breach) = self.equity.daily_loss(&limit)
        {
            let until = Some(limit.day.next(now));
            let shift = self.holds.set(now, Cause::DailyLoss, (limit.then, until), Some(breach));
            out.push(Notice::Shifted(shift));
        }
        for watcher in &mut self.watchers {
            let lock = watcher.on_equity(now, equity);
            out.extend(lock.and_then(|lock| self.locks.extend(lock)).map(Notice::Locked));
        }
        self.arm();
        self.calm = self.calm(now);
    }

    /// What need not be looked at until something else happens.
    fn calm(&self, now: Timestamp) -> Calm {
        let drawdown = self.limits.drawdown.as_ref().filter(|_| !self.holds.has(Cause::Drawdown));
        let daily = self.limits.daily_loss.as_ref();
        let watched = daily.filter(|_| !self.holds.has(Cause::DailyLoss));
        let mut calm = self.equity.calm(drawdown, watched);
        let ends = [daily.map(|limit| limit.day.next(now)), self.holds.deadline()];
        for end in ends.into_iter().flatten() {
            calm = calm.until(end);
        }
        self.watchers.iter().filter_map(Watcher::calm).fold(calm, Calm::and)
    }

    /// A position came back to nothing; appends the locks that follow from it.
    pub fn on_round_trip(&mut self, now: Timestamp, trip: &RoundTrip, out: &mut Vec<Notice>) {
        self.locks.sweep(now);
        for watcher in &mut self.watchers {
            let lock = watcher.on_round_trip(now, trip);
            out.extend(lock.and_then(|lock| self.locks.extend(lock)).map(Notice::Locked));
        }
        self.arm();
    }

    /// Does what it is told; appends what follows from it.
    pub fn command(&mut self, now: Timestamp, command: &Command, out: &mut Vec<Notice>) {
        self.on_time(now, out);
        match command {
            Command::Hold { by, then, until } => {
                let shift = self.holds.set(now, Cause::Command(*by), (*then, *until), None);
                out.push(Notice::Shifted(shift));
            }
            Command::Release { cause } => {
                match cause {
                    Cause::Drawdown => self.equity.restart_peak(),
                    Cause::DailyLoss => self.equity.restart_day(),
                    Cause::Command(Author::Person | Author::Program) => {}
                }
                out.extend(self.holds.release(now, *cause).map(Notice::Shifted));
            }
            Command::Lock { scope, side, until, reason } => {
                let (limit, reason) = (Limit::Lock, reason.clone());
                let lock = Lock { scope: *scope, side: *side, until: *until, limit, reason };
                out.push(Notice::Locked(self.locks.replace(lock)));
            }
            Command::Unlock { scope } => self.locks.lift(*scope),
        }
        self.arm();
    }

    /// Time went on; appends what ended by it. A check does not need it: it looks at the time
    /// itself.
    pub fn on_time(&mut self, now: Timestamp, out: &mut Vec<Notice>) {
        while let Some(shift) = self.holds.expire(now) {
            out.push(Notice::Shifted(shift));
        }
        self.arm();
    }

    /// When to call [`Gate::on_time`] if nothing happens first.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.holds.deadline()
    }

    /// What it lets through at a moment.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        self.holds.state(now)
    }

    /// The locks that hold at a moment.
    pub fn locks(&self, now: Timestamp) -> impl Iterator<Item = Lock> {
        self.locks.list(now)
    }

    /// Everything it remembers as names and figures, always in the same order.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> Vec<(String, Amount)> {
        let until = |until: Option<Timestamp>| until.map_or(Amount::Unknown, Amount::Time);
        let mut all = vec![("state".to_owned(), Amount::State(self.state(now)))];
        all.extend(self.holds.list(now).map(|(c, end)| (format!("hold.{}", c.name()), until(end))));
        all.extend(self.locks.list(now).map(|lock| {
            let name = format!("lock.{}.{}", lock.limit.name(), place(lock.scope, lock.side));
            (name, until(lock.until))
        }));
        if let Some((OrderRate { span, .. }, recent)) = &self.rate {
            all.push(("order_rate".to_owned(), Amount::Count(recent.count(now, *span))));
        }
        if let Some(duplicates) = &self.duplicates {
            all.push(("duplicate".to_owned(), Amount::Count(duplicates.count(now))));
        }
        all.extend(self.equity.list().map(|(name, amount)| (name.to_owned(), amount)));
        all.extend(self.watchers.iter().flat_map(|watcher| watcher.view(now)));
        all
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) const fn rate(&self) -> Option<&(OrderRate, Recent)> {
        self.rate.as_ref()
    }

    pub(super) const fn duplicates(&self) -> Option<&Duplicates> {
        self.duplicates.as_ref()
    }

    pub(super) const fn equity(&self) -> &Equity {
        &self.equity
    }

    pub(super) fn hold_breach(&self, now: Timestamp) -> Option<Breach> {
        self.holds.breach(now)
    }

    pub(super) fn lock_breach(&self, ticket: &Ticket, now: Timestamp) -> Option<Breach> {
        self.locks.breach(ticket, now)
    }

    /// The bounds of one instrument.
    pub(super) fn bounds_of(&self, instrument: InstrumentId) -> &Bounds {
        let own = self.overrides.binary_search_by_key(&instrument, |(id, _)| *id);
        let own = own.ok().and_then(|place| self.overrides.get(place));
        own.map_or(&self.limits.bounds, |(_, bounds)| bounds)
    }

    #[inline(never)]
    fn examine(&mut self, ticket: &Ticket, facts: &Facts) -> Result<Pass, Breach> {
        let now = facts.now;
        let (closing, opening, closable) = match facts.effect(ticket) {
            Effect::Reduces => {
                self.count(now);
                return Ok(Pass::AsAsked);
            }
            Effect::Enlarges { closing, opening, closable } => (closing, opening, closable),
        };
        let Some(breach) = self.breach(ticket, facts, (closing, opening)) else {
            self.count(now);
            if let Some(duplicates) = &mut self.duplicates {
                duplicates.note(ticket, now);
            }
            return Ok(Pass::AsAsked);
        };
        if closable == 0 {
            return Err(breach);
        }
        self.count(now);
        Ok(Pass::Cut { at_most: Quantity(closable), breach })
    }

    /// What stops an order that may enlarge a position, first the cheapest to say.
    fn breach(
        &mut self,
        ticket: &Ticket,
        facts: &Facts,
        (closing, opening): (u64, u64),
    ) -> Option<Breach> {
        let now = facts.now;
        let bounds = self.bounds_of(ticket.instrument);
        let load = Load { ticket, facts, closing, opening };
        self.holds
            .breach(now)
            .or_else(|| self.locks.breach(ticket, now))
            .or_else(|| self.rate_breach(now))
            .or_else(|| bounds::working(self.limits.working_orders, facts))
            .or_else(|| bounds::price(bounds, ticket, facts))
            .or_else(|| load.order(bounds))
            .or_else(|| load.position(bounds))
            .or_else(|| load.exposure(self.limits.exposure, self.limits.leverage))
            .or_else(|| self.duplicates.as_mut()?.breach(ticket, now))
    }

    fn rate_breach(&self, now: Timestamp) -> Option<Breach> {
        let (rate, recent) = self.rate.as_ref()?;
        let (value, bound) = (u64::from(rate.orders) + 1, u64::from(rate.orders));
        let (value, bound) = (Amount::Count(value), Amount::Count(bound));
        let breach = Breach { limit: Limit::OrderRate, value, bound };
        recent.is_full(now, rate.span).then_some(breach)
    }

    fn count(&mut self, now: Timestamp) {
        if let Some((_, recent)) = &mut self.rate {
            recent.note(now);
        }
    }

    fn arm(&mut self) {
        self.calm = Calm::NEVER;
        let restrained = !self.holds.is_empty() || !self.locks.is_empty();
        self.armed = restrained || self.bound_orders;
    }
}
