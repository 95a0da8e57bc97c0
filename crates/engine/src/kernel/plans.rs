//! Plans above single orders, driven by the kernel: it numbers their children, sends them through
//! the gate, and tells the plans what came of them.

use super::{Desk, TimerId};
use crate::{
    Data, Error, MarketEvent,
    order::{Amendment, Change, Ending, OrderId, Ticket, Update},
    plan::{Bracket, Emulator, Input, Key, News, Oco, Oto, Outcome, Plan, Prices, Step, Twap},
};
use portfolio::{InstrumentId, Leg};
use std::collections::VecDeque;

/// A plan's number in its run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(pub u64);

/// Every sort of plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a few of them live at a time, and none is moved often"
)]
pub enum AnyPlan {
    /// An entry, its stop and its target.
    Bracket(Bracket),
    /// An order that triggers others.
    Oto(Oto),
    /// Orders of which one cancels the others, where the venue has no groups.
    Oco(Oco),
    /// Slices over time.
    Twap(Twap),
    /// A kind of order that the venue lacks.
    Emulator(Emulator),
}

impl Plan for AnyPlan {
    fn on(&mut self, input: &Input, out: &mut Vec<Step>) {
        match self {
            Self::Bracket(plan) => plan.on(input, out),
            Self::Oto(plan) => plan.on(input, out),
            Self::Oco(plan) => plan.on(input, out),
            Self::Twap(plan) => plan.on(input, out),
            Self::Emulator(plan) => plan.on(input, out),
        }
    }
}

/// A plan that is under way.
#[derive(Debug, Clone)]
pub(super) struct Running {
    id: PlanId,
    plan: AnyPlan,
    instrument: InstrumentId,
    leg: Leg,
    held: i64,
    children: Vec<(Key, OrderId, InstrumentId)>,
    outcome: Option<Outcome>,
}

/// Plans that may be under way at a time.
const PLANS_MAX: usize = 100_000;

/// Timers of plans are numbered from here; those of a trader lie below.
const TIMERS: u64 = 1 << 63;

impl Desk {
    /// Begins a plan for a position of an instrument. `None` if too many are under way.
    pub fn start(
        &mut self,
        plan: AnyPlan,
        (instrument, leg): (InstrumentId, Leg),
    ) -> Result<Option<PlanId>, Error> {
        if self.plans.len() >= PLANS_MAX {
            return Ok(None);
        }
        self.plans_begun += 1;
        let id = PlanId(self.plans_begun);
        let held = self.ledger.held(instrument, leg);
        let (children, outcome) = (Vec::new(), None);
        self.plans.push(Running { id, plan, instrument, leg, held, children, outcome });
        let last = self.ledger.latest(instrument);
        self.tell(self.plans.len() - 1, News::Start { last, held })?;
        self.sweep_plans();
        Ok(Some(id))
    }

    /// Ends a plan: what enters is taken back, what protects stays.
    pub fn end(&mut self, id: PlanId) -> Result<(), Error> {
        if let Some(place) = self.plans.iter().position(|running| running.id == id) {
            self.tell(place, News::Cancel)?;
            self.sweep_plans();
        }
        Ok(())
    }

    /// Whether a plan is still under way.
    #[must_use]
    pub fn is_running(&self, id: PlanId) -> bool {
        self.plans.iter().any(|running| running.id == id)
    }

    /// The plan hears of an update of one of its children, then of its position.
    pub(super) fn plans_follow(&mut self, update: &Update) -> Result<(), Error> {
        if self.plans.is_empty() {
            return Ok(());
        }
        let child = |running: &Running| {
            running.children.iter().find(|(_, id, _)| *id == update.order).map(|(key, ..)| *key)
        };
        let own = self.plans.iter().enumerate().find_map(|(place, r)| Some((place, child(r)?)));
        if let Some((place, key)) = own {
            self.tell(place, News::Update { key, change: update.change })?;
        }
        self.plans_look(update.instrument)?;
        self.sweep_plans();
        Ok(())
    }

    /// Plans of an instrument hear of their positions, where those changed.
    fn plans_look(&mut self, instrument: InstrumentId) -> Result<(), Error> {
        for place in 0..self.plans.len() {
            let Some(running) = self.plans.get_mut(place) else { break };
            let held = self.ledger.held(instrument, running.leg);
            if running.instrument == instrument && running.held != held {
                running.held = held;
                self.tell(place, News::Position { held })?;
            }
        }
        Ok(())
    }

    /// Plans of an instrument hear of its prices; of a split, of their positions.
    #[inline]
    pub(super) fn plans_hear(&mut self, event: &MarketEvent) -> Result<(), Error> {
        if self.plans.is_empty() {
            return Ok(());
        }
        if let Data::Split { .. } = event.data {
            self.plans_look(event.instrument)?;
        }
        let Some(prices) = Prices::of(&event.data) else { return Ok(()) };
        for place in 0..self.plans.len() {
            let own = self.plans.get(place).is_some_and(|r| r.instrument == event.instrument);
            if own {
                self.tell(place, News::Market(prices))?;
            }
        }
        self.sweep_plans();
        Ok(())
    }

    /// Whether a timer is a plan's; its plan then hears of it.
    pub(super) fn plans_ring(&mut self, timer: TimerId) -> Result<bool, Error> {
        let Some(number) = timer.0.checked_sub(TIMERS) else { return Ok(false) };
        if let Some(place) = self.plans.iter().position(|running| running.id.0 == number) {
            self.tell(place, News::Timer)?;
            self.sweep_plans();
        }
        Ok(true)
    }

    /// Tells a plan, and does what it wants done; what is refused here it hears of at once.
    fn tell(&mut self, place: usize, news: News) -> Result<(), Error> {
        let mut waiting = VecDeque::from([news]);
        let mut steps = Vec::new();
        while let Some(news) = waiting.pop_front() {
            let Some(running) = self.plans.get_mut(place) else { return Ok(()) };
            steps.clear();
            running.plan.on(&Input { now: self.now, news }, &mut steps);
            for step in &steps {
                if let Some((key, change)) = self.carry_out(place, step)? {
                    waiting.push_back(News::Update { key, change });
                }
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, place: usize, step: &Step) -> Result<Option<(Key, Change)>, Error> {
        match *step {
            Step::Submit { key, ticket } => return self.send_child(place, key, ticket),
            Step::Cancel(key) => {
                if let Some((id, instrument)) = self.child(place, key) {
                    self.cancel(id, instrument);
                }
            }
            Step::Amend(key, change) => {
                if let Some((id, instrument)) = self.child(place, key) {
                    self.amend(id, instrument, Amendment { ..change });
                }
            }
            Step::Timer(at) => {
                if let Some(id) = self.plans.get(place).map(|running| running.id) {
                    self.set_timer(TimerId(TIMERS + id.0), at);
                }
            }
            Step::Done(outcome) => {
                if let Some(running) = self.plans.get_mut(place) {
                    running.outcome = Some(outcome);
                }
            }
        }
        Ok(None)
    }

    fn send_child(
        &mut self,
        place: usize,
        key: Key,
        ticket: Ticket,
    ) -> Result<Option<(Key, Change)>, Error> {
        let before = self.refusals.count;
        if let Some(id) = self.submit(ticket)? {
            if let Some(running) = self.plans.get_mut(place) {
                running.children.push((key, id, ticket.instrument));
            }
            return Ok(None);
        }
        let latest = self.refusals.kept.last().filter(|_| self.refusals.count > before);
        let reason = latest.map_or(crate::order::Reason::Unsupported, |refusal| refusal.reason);
        let why = Ending::Refused(reason);
        Ok(Some((key, Change::Ended { rest: ticket.quantity, why })))
    }

    fn child(&self, place: usize, key: Key) -> Option<(OrderId, InstrumentId)> {
        let running = self.plans.get(place)?;
        let own = running.children.iter().rev().find(|(other, ..)| *other == key);
        own.map(|(_, id, instrument)| (*id, *instrument))
    }

    fn sweep_plans(&mut self) {
        self.plans.retain(|running| running.outcome.is_none());
    }
}
