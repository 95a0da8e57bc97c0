//! The kernel: events in, actions out. No clock, thread, socket or file; backtest, paper and live
//! differ in who feeds it and who carries its actions out.

mod desk;
mod event;
mod follow;
mod guard;
mod plans;
mod rebalance;
mod rules;
mod schedule;
mod trader;
mod working;

pub use desk::Desk;
pub use event::{Action, Command, Decision, Event, Row, TimerId};
pub use follow::Flags;
pub use guard::Checked;
pub use plans::{AnyPlan, PlanId};
pub use rules::{RuleTrader, Terms};
pub use trader::Trader;
pub use working::Working;

use crate::{
    Account, Error, MarketEvent,
    event::Data,
    order::{
        Change, Ending, Order, OrderId, OrderKind, Purpose, Refusal, Restrictions, Ticket, Update,
    },
    risk::Gate,
    ticks::Log,
};
use market::{Price, Quantity, Side, Timestamp};
use portfolio::{Flows, InstrumentId, Ledger};
use working::book;

/// One account run by one trader: folds events into its state and answers with actions.
#[derive(Debug, Clone)]
pub struct Engine<T> {
    trader: T,
    desk: Desk,
}

impl<T: Trader> Engine<T> {
    /// A trader at an account that it has to itself.
    #[must_use]
    pub fn new(trader: T, ledger: Ledger, instruments: usize, log: Log) -> Self {
        Self { trader, desk: Desk::new(ledger, instruments, log) }
    }

    /// The same, behind a risk gate.
    #[must_use]
    pub fn guarded(mut self, gate: Gate) -> Self {
        self.desk.guard = guard::Guard::new(gate);
        self
    }

    /// Folds one event into the state; appends what the outside should do. Every event is one
    /// tick, and every order carries the tick of the decision it came from.
    pub fn handle(
        &mut self,
        event: &Event<'_>,
        now: Timestamp,
        out: &mut Vec<Action>,
    ) -> Result<(), Error> {
        std::mem::swap(out, &mut self.desk.out);
        let handled = self.fold(event, now);
        std::mem::swap(out, &mut self.desk.out);
        handled
    }

    fn fold(&mut self, event: &Event<'_>, now: Timestamp) -> Result<(), Error> {
        let Self { trader, desk } = self;
        desk.tick += 1;
        desk.now = now;
        match event {
            Event::Row(row) => {
                desk.log.market(desk.tick);
                close_row(trader, desk, row)?;
                desk.watch()?;
            }
            Event::Market(event, row) => {
                desk.log.market(desk.tick);
                desk.hear(event)?;
                desk.plans_hear(event)?;
                trader.on_market(event, desk)?;
                if let Some(row) = row {
                    close_row(trader, desk, row)?;
                }
                desk.watch()?;
            }
            Event::Update(update) => {
                desk.log.update(desk.tick, update);
                desk.follow(update)?;
                desk.plans_follow(update)?;
                trader.on_update(update, desk)?;
            }
            Event::Adopt(order) => {
                desk.log.adopt(desk.tick, order);
                desk.adopt(order);
            }
            Event::Booked(flow) => {
                desk.log.booked(desk.tick, flow, now);
                if let Some(id) = flow.instrument {
                    desk.ledger.funded(id, flow.leg, flow.amount)?;
                }
                desk.watch()?;
            }
            Event::Timer(timer) => {
                desk.log.timer(desk.tick, *timer, now);
                if !desk.plans_ring(*timer)? {
                    trader.on_timer(*timer, desk)?;
                }
            }
            Event::Command(command) => {
                desk.log.command(desk.tick, *command, now);
                desk.obey(*command)?;
            }
        }
        if desk.log.is_due(desk.tick) {
            desk.close_block();
        }
        Ok(())
    }

    /// The first of these rows on which the trader may act; see [`Trader::wakes`].
    pub(crate) fn wakes(
        &mut self,
        values: &crate::ValueRows<'_>,
        rows: std::ops::Range<usize>,
    ) -> usize {
        if self.desk.is_watchful() {
            return rows.start;
        }
        self.trader.wakes(values, rows, &self.desk)
    }

    /// Takes events of the market that the trader sleeps through: the same state as handling each.
    /// `bars` is how many of each instrument have closed by then.
    pub(crate) fn sleep(
        &mut self,
        ticks: u64,
        last: (u32, Timestamp),
        bars: &[(InstrumentId, usize)],
    ) {
        let desk = &mut self.desk;
        for (id, count) in bars {
            if let Some(book) = book(&mut desk.books, *id) {
                book.bars = *count;
            }
        }
        let end = desk.tick + ticks;
        while desk.log.boundary() <= end {
            desk.tick = desk.log.boundary();
            desk.log.market(desk.tick);
            desk.close_block();
        }
        if desk.tick < end {
            desk.log.market(end);
        }
        (desk.tick, desk.row, desk.now) = (end, last.0, last.1);
    }

    /// A new latest price that nobody needs to hear of.
    #[inline]
    pub(crate) fn mark(&mut self, id: InstrumentId, price: Price) -> Result<(), Error> {
        Ok(self.desk.ledger.mark(id, price)?)
    }

    /// Prices move, and nobody needs to hear of it.
    pub(crate) fn hear_only(&mut self, event: &MarketEvent) -> Result<(), Error> {
        self.desk.hear(event)
    }

    /// The venue is about to close every position: its orders are taken into the books, a tick
    /// each, in the instruments' order.
    pub(crate) fn adopt_liquidation(&mut self, now: Timestamp) -> Result<Vec<Order>, Error> {
        let mut orders = Vec::new();
        for id in (0..).map(InstrumentId).take(self.desk.instruments()) {
            let lots = self.desk.ledger.position(id).lots;
            if lots != 0 {
                let side = if lots > 0 { Side::Sell } else { Side::Buy };
                let ticket = Ticket {
                    purpose: Purpose::Liquidation,
                    ..Ticket::market(id, side, Quantity(lots.unsigned_abs()))
                };
                let order = self.desk.next(ticket.restricted(Restrictions::REDUCE_ONLY), now);
                self.fold(&Event::Adopt(&order), now)?;
                orders.push(order);
            }
        }
        Ok(orders)
    }

    /// When to call again if nothing happens first: never, for timers are actions.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The state, as its trader sees it.
    #[must_use]
    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Actions that updates brought about, told through [`Account::update`].
    pub fn take_actions(&mut self, out: &mut Vec<Action>) {
        out.append(&mut self.desk.out);
    }

    /// From now on what the gate looks at is kept for [`Engine::take_witnessed`]; nothing that is
    /// decided changes by it.
    pub fn witness(&mut self) {
        self.desk.witness();
    }

    /// Every order that came to the gate since this was last asked.
    pub fn take_witnessed(&mut self) -> Vec<Checked> {
        self.desk.take_witnessed()
    }

    /// The blocks of ticks that are full, or all of them at the end.
    pub fn log(&mut self) -> &mut Log {
        &mut self.desk.log
    }

    /// Ends the log: what is left becomes its last block.
    pub fn finish(&mut self) {
        if self.desk.log.is_open() {
            self.desk.close_block();
        }
    }
}

#[inline]
fn close_row<T: Trader>(trader: &mut T, desk: &mut Desk, row: &Row<'_>) -> Result<(), Error> {
    (desk.row, desk.stamp) = (row.row, row.time);
    if row.closes.is_empty() {
        // A row of ticks is a row of every instrument.
        desk.books.iter_mut().for_each(|book| book.bars = row.row as usize + 1);
    }
    for (id, price) in row.closes {
        if let Some(book) = book(&mut desk.books, *id) {
            book.bars += 1;
            book.heard = desk.now;
        }
        desk.ledger.mark(*id, *price)?;
    }
    trader.on_row(row.values, desk)
}

impl<T: Trader> Account for Engine<T> {
    fn ledger(&self) -> &Ledger {
        &self.desk.ledger
    }

    fn update(&mut self, update: &Update) -> Result<(), Error> {
        self.fold(&Event::Update(update), update.time)
    }
}

/// Marks an account to what the market told, and pays what it brings: funding, dividends, splits.
///
/// A long position is worth what is bid for it, a short one what is asked; without a position, the
/// middle counts.
pub(crate) fn settle(ledger: &mut Ledger, event: &MarketEvent) -> Result<Flows, portfolio::Error> {
    let id = event.instrument;
    let price = match event.data {
        Data::Quote(quote) => match ledger.position(id).lots {
            0 => Price(quote.bid.0.midpoint(quote.ask.0)),
            lots if lots > 0 => quote.bid,
            _ => quote.ask,
        },
        Data::Print(print) => print.price,
        Data::Bar(bar, _) => bar.close,
        Data::Funding(funding) => return ledger.fund(id, &funding),
        Data::Dividend { amount } => return ledger.dividend(id, amount),
        Data::Split { numerator, denominator } => {
            return ledger.split(id, numerator, denominator);
        }
        Data::Conversion { currency, rate } => {
            ledger.set_rate(currency, rate)?;
            return Ok(Flows::default());
        }
        Data::Depth(_) | Data::Status(_) => return Ok(Flows::default()),
    };
    ledger.mark(id, price)?;
    Ok(Flows::default())
}

/// An order that no kernel has numbered; only a venue that closes what the kernel does not know
/// would need one.
pub(crate) fn unnumbered(ticket: Ticket, time: Timestamp) -> Order {
    Order { id: OrderId(u64::MAX), tick: 0, row: 0, time, ticket }
}

impl Desk {
    /// Takes what the market told into the account.
    fn hear(&mut self, event: &MarketEvent) -> Result<(), Error> {
        if let Some(book) = book(&mut self.books, event.instrument) {
            book.heard = self.now;
            if let Data::Quote(quote) = event.data {
                book.quote = Some((quote.bid, quote.ask));
            }
        }
        for flow in settle(&mut self.ledger, event)?.iter() {
            self.log.flow(flow);
        }
        Ok(())
    }

    fn follow(&mut self, update: &Update) -> Result<(), Error> {
        let known = book(&mut self.books, update.instrument).and_then(|book| book.follow(update));
        match update.change {
            Change::Filled(fill) => {
                self.row = fill.row;
                let before = self.ledger.position_on(fill.instrument, fill.leg);
                self.ledger.apply(&fill)?;
                self.follow_trip(&fill, (before, known))
            }
            Change::Ended { rest: quantity, why: Ending::Refused(reason) } => {
                let side = known.map_or(Side::Buy, |order| order.ticket.side);
                let (order, time, instrument) =
                    (Some(update.order), update.time, update.instrument);
                let row = self.row;
                self.record(Refusal { order, row, time, instrument, side, quantity, reason });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether something must look at every row: the gate, or a plan.
    fn is_watchful(&self) -> bool {
        let gate = &self.guard.gate;
        gate.is_armed() || gate.needs_equity() || !self.plans.is_empty()
    }

    fn obey(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::Gate(state) => self.command_gate(state),
            Command::Cancel(id) => {
                let ids = (0..).map(InstrumentId).take(self.books.len());
                let owner = ids.zip(&self.books).find(|(_, book)| book.find(id).is_some());
                if let Some((instrument, _)) = owner {
                    self.cancel(id, instrument);
                }
            }
            Command::Flatten => self.flatten()?,
        }
        Ok(())
    }

    /// Takes every order back and closes every position at the market.
    fn flatten(&mut self) -> Result<(), Error> {
        for id in (0..self.books.len()).filter_map(|i| u32::try_from(i).ok()).map(InstrumentId) {
            let out: Vec<_> = self.working(id).iter().map(|w| w.order.id).collect();
            for order in out {
                self.cancel(order, id);
            }
            let lots = self.ledger.position(id).lots;
            if lots != 0 {
                let side = if lots > 0 { Side::Sell } else { Side::Buy };
                let ticket = Ticket {
                    kind: OrderKind::Market,
                    purpose: Purpose::Flatten,
                    ..Ticket::market(id, side, Quantity(lots.unsigned_abs()))
                };
                self.submit(ticket.restricted(Restrictions::REDUCE_ONLY))?;
            }
        }
        Ok(())
    }
}
