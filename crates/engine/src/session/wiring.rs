//! The kernel and a simulated exchange, wired to one another.

use crate::{
    Account, Action, Books, Engine, Error, Event, TimerId, Trader,
    exchange::{Delay, Exchange, Moment},
    order::{Change, Update},
};
use market::Timestamp;
use portfolio::{Fill, Ledger};
use std::collections::BTreeSet;

/// Rounds of answers at one moment; a trader that answers every answer is stopped there.
const ROUNDS_MAX: usize = 10_000;

/// Whatever the kernel asks for is carried to the exchange, and what that does is told back.
pub(crate) struct Wiring<T> {
    pub(crate) engine: Engine<T>,
    pub(crate) exchange: Exchange,
    pub(crate) fills: Vec<Fill>,
    /// The venue's own books, where its word takes time to get back.
    venue: Option<Books>,
    timers: BTreeSet<(Timestamp, u64, TimerId)>,
    timers_set: u64,
    pub(crate) actions: Vec<Action>,
}

/// The account as the exchange sees it, with everything that was filled noted down.
pub(crate) struct Clerk<'a, T> {
    engine: &'a mut Engine<T>,
    fills: &'a mut Vec<Fill>,
    venue: Option<&'a mut Books>,
}

impl<T: Trader> Account for Clerk<'_, T> {
    fn ledger(&self) -> &Ledger {
        match &self.venue {
            Some(books) => &books.ledger,
            None => self.engine.desk().ledger(),
        }
    }

    fn update(&mut self, update: &Update) -> Result<(), Error> {
        if let Change::Filled(fill) = update.change {
            self.fills.push(fill);
        }
        match &mut self.venue {
            Some(books) => {
                books.updates.clear();
                books.update(update)
            }
            None => self.engine.update(update),
        }
    }
}

impl<T: Trader> Wiring<T> {
    /// An exchange that has not heard of the kernel yet.
    pub(crate) fn new(engine: Engine<T>, exchange: Exchange) -> Self {
        let slow = exchange.terms().latency.response != Delay::NONE;
        let ledger = || engine.desk().ledger().clone();
        let venue = slow.then(|| Books { ledger: ledger(), updates: Vec::new() });
        Self {
            engine,
            exchange,
            fills: Vec::new(),
            venue,
            timers: BTreeSet::new(),
            timers_set: 0,
            actions: Vec::new(),
        }
    }

    /// Whether nothing is out, on its way, or due at a time.
    pub(crate) fn is_quiet(&self) -> bool {
        self.timers.is_empty() && self.exchange.is_quiet()
    }

    /// Lets the exchange do something.
    pub(crate) fn trade(
        &mut self,
        act: impl FnOnce(&mut Exchange, &mut Clerk<'_, T>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { engine, exchange, fills, venue, .. } = self;
        act(exchange, &mut Clerk { engine, fills, venue: venue.as_mut() })
    }

    /// The venue's own books hear of a price, where they are kept apart.
    pub(crate) fn tell_venue(
        &mut self,
        tell: impl FnOnce(&mut Ledger) -> Result<(), portfolio::Error>,
    ) -> Result<(), Error> {
        self.venue.as_mut().map_or(Ok(()), |books| Ok(tell(&mut books.ledger)?))
    }

    /// Carries what the kernel asked for, and what it asks in answer, until it asks no more.
    #[inline]
    pub(crate) fn carry(&mut self, now: Moment) -> Result<(), Error> {
        for _ in 0..ROUNDS_MAX {
            self.engine.take_actions(&mut self.actions);
            if self.actions.is_empty() {
                return Ok(());
            }
            let mut actions = std::mem::take(&mut self.actions);
            for action in actions.drain(..) {
                self.send(&action, now.time);
            }
            self.actions = actions;
            self.trade(|exchange, clerk| exchange.wake(now, clerk))?;
            self.hear(now.time)?;
        }
        Err(Error::Endless { tick: self.engine.desk().tick(), rounds: ROUNDS_MAX })
    }

    fn send(&mut self, action: &Action, now: Timestamp) {
        match *action {
            Action::Submit(order) => self.exchange.submit(order, now),
            Action::Cancel(id, instrument) => self.exchange.cancel(id, instrument, now),
            Action::Amend(id, instrument, change) => {
                self.exchange.amend((id, instrument), change, now);
            }
            Action::Timer(timer, at) => {
                self.timers_set += 1;
                self.timers.insert((at, self.timers_set, timer));
            }
            Action::State(_) => {}
        }
    }

    /// Tells the kernel what has reached it by now.
    fn hear(&mut self, now: Timestamp) -> Result<(), Error> {
        while let Some(update) = self.exchange.report(now) {
            self.engine.handle(&Event::Update(&update), now, &mut self.actions)?;
        }
        Ok(())
    }

    /// Everything that is due by a time happens, each at its own: messages arrive, orders expire,
    /// word comes back, timers ring.
    pub(crate) fn pass_time(&mut self, until: Moment) -> Result<(), Error> {
        for _ in 0..ROUNDS_MAX {
            let timer = self.timers.first().map(|(at, ..)| *at);
            let next = [timer, self.exchange.deadline()].into_iter().flatten().min();
            let Some(time) = next.filter(|time| *time <= until.time) else { return Ok(()) };
            let now = Moment { time, row: until.row };
            self.trade(|exchange, clerk| exchange.wake(now, clerk))?;
            self.hear(time)?;
            while let Some(due) = self.timers.first().copied().filter(|(at, ..)| *at <= time) {
                self.timers.remove(&due);
                self.engine.handle(&Event::Timer(due.2), time, &mut self.actions)?;
            }
            self.carry(now)?;
        }
        Err(Error::Endless { tick: self.engine.desk().tick(), rounds: ROUNDS_MAX })
    }
}
