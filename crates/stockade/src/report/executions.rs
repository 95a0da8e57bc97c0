//! What a run did, as tables: its ticks, fills, orders and refusals. The one place that knows how
//! the engine says these things.

use super::{
    entry::{figure, quantity},
    table::{Kind, Schema},
};
use engine::{
    Blotter, OrderRecord, OrderState, Outcome,
    order::{Amount, Change, OrderId, Reason},
    ticks::{Block, Damaged, Entry},
};
use market::{Instrument, Price, Quantity, Timestamp};
use portfolio::{InstrumentId, Liquidity};
use std::borrow::Cow;

/// The columns of `fills.csv`.
pub const FILLS: &Schema = &[
    ("number", Kind::Count),
    ("tick", Kind::Count),
    ("time", Kind::Time),
    ("symbol", Kind::Words),
    ("side", Kind::Words),
    ("quantity", Kind::Figure),
    ("price", Kind::Figure),
    ("notional", Kind::Figure),
    ("fee", Kind::Figure),
    ("liquidity", Kind::Words),
    ("order", Kind::Count),
    ("purpose", Kind::Words),
];

/// The columns of `orders.csv`.
pub const ORDERS: &Schema = &[
    ("id", Kind::Count),
    ("tick", Kind::Count),
    ("time", Kind::Time),
    ("symbol", Kind::Words),
    ("side", Kind::Words),
    ("kind", Kind::Words),
    ("limit", Kind::Figure),
    ("trigger", Kind::Figure),
    ("quantity", Kind::Figure),
    ("filled", Kind::Figure),
    ("average_price", Kind::Figure),
    ("tif", Kind::Words),
    ("purpose", Kind::Words),
    ("state", Kind::Words),
    ("ended", Kind::Time),
    ("reason", Kind::Words),
];

/// The columns of `refusals.csv`.
pub const REFUSALS: &Schema = &[
    ("tick", Kind::Count),
    ("time", Kind::Time),
    ("symbol", Kind::Words),
    ("side", Kind::Words),
    ("quantity", Kind::Figure),
    ("order", Kind::Count),
    ("limit", Kind::Words),
    ("value", Kind::Figure),
    ("bound", Kind::Figure),
    ("text", Kind::Words),
];

/// What a tick was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The bars of a row closed, and the strategy decided.
    Bar,
    /// This one of the fills.
    Fill(usize),
    /// A venue, a timer or a person said something else: its name, and the order it is about.
    Word(&'static str, Option<OrderId>),
}

/// A numbered moment of a run: the place in the list is its number, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The latest row of the calendar.
    pub row: u32,
    /// What happened.
    pub what: What,
    /// The first of the refusals that it brought.
    pub refusal: Option<usize>,
}

/// A run's ticks, as its log has them, with the times of the calendar's rows.
pub fn ticks(blocks: &[Block], times: &[Timestamp]) -> Result<Vec<Tick>, Damaged> {
    let mut all: Vec<Tick> = Vec::new();
    let (mut rows, mut fills, mut refusals) = (0_u32, 0, 0);
    // What comes at the open of a row comes before its bars are complete.
    let row_at = |time: Timestamp, rows: u32| {
        rows.saturating_sub(u32::from(times.get(rows as usize).is_none_or(|next| time < *next)))
    };
    for entry in blocks.iter().flat_map(Block::entries) {
        let word = |name, order, time| {
            let what = What::Word(name, order);
            Tick { row: row_at(time, rows), what, refusal: None }
        };
        match entry? {
            Entry::Market(count) => {
                for _ in 0..count {
                    all.push(Tick { row: rows, what: What::Bar, refusal: None });
                    rows += 1;
                }
            }
            Entry::Update(update) => match update.change {
                Change::Filled(fill) => {
                    all.push(Tick { row: fill.row, what: What::Fill(fills), refusal: None });
                    fills += 1;
                }
                change => all.push(word(change.name(), Some(update.order), update.time)),
            },
            Entry::Adopted(order) => all.push(word("adopted", Some(order.id), order.time)),
            Entry::Booked(flow, now) => all.push(word(flow.flow.name(), None, now)),
            Entry::Timer(_, now) => all.push(word("timer", None, now)),
            Entry::Command(_, now) => all.push(word("command", None, now)),
            Entry::Refusal(_) => {
                if let Some(last) = all.last_mut() {
                    last.refusal = last.refusal.or(Some(refusals));
                }
                refusals += 1;
            }
            Entry::Action(_) | Entry::Flow(_) => {}
        }
    }
    Ok(all)
}

/// A run with what its tables need to be written.
#[derive(Debug)]
pub struct Executions<'a> {
    instruments: &'a [Instrument],
    blotter: Cow<'a, Blotter>,
    /// Fills that were told before.
    before: usize,
}

impl<'a> Executions<'a> {
    /// Of a run whose blocks were kept.
    pub fn of(outcome: &'a Outcome) -> Result<Self, Damaged> {
        let blotter = Blotter::of(&outcome.simulation.blocks)?;
        Ok(Self { instruments: &outcome.instruments, blotter: Cow::Owned(blotter), before: 0 })
    }

    /// Of a part of a run, `before` whose fills so many others were.
    #[must_use]
    pub const fn part(instruments: &'a [Instrument], blotter: &'a Blotter, before: usize) -> Self {
        Self { instruments, blotter: Cow::Borrowed(blotter), before }
    }

    /// The rows of [`FILLS`].
    pub fn fills(&self) -> impl Iterator<Item = Vec<String>> {
        (self.before + 1..).zip(&self.blotter.fills).map(|(number, (tick, fill))| {
            let one = self.instrument(fill.instrument);
            let order = self.blotter.order(OrderId(fill.order));
            vec![
                number.to_string(),
                tick.to_string(),
                fill.time.to_string(),
                one.symbol.to_string(),
                fill.side.to_string(),
                quantity(one, fill.quantity),
                one.price_scale.format(fill.price.0),
                fill.notional.to_string(),
                fill.fee.to_string(),
                liquidity(fill.liquidity).to_owned(),
                fill.order.to_string(),
                order.map(|o| o.order.ticket.purpose.name().to_owned()).unwrap_or_default(),
            ]
        })
    }

    /// The rows of [`ORDERS`].
    pub fn orders(&self) -> Result<Vec<Vec<String>>, market::Error> {
        self.blotter.orders.iter().map(|record| self.order(record)).collect()
    }

    /// The row of one order.
    pub fn order(&self, record: &OrderRecord) -> Result<Vec<String>, market::Error> {
        let (order, ticket) = (&record.order, &record.order.ticket);
        let one = self.instrument(ticket.instrument);
        let price = |price: Option<Price>| {
            price.map(|price| one.price_scale.format(price.0)).unwrap_or_default()
        };
        let reason = match record.state {
            OrderState::Refused(reason) => reason.to_string(),
            _ => String::new(),
        };
        Ok(vec![
            order.id.0.to_string(),
            order.tick.to_string(),
            order.time.to_string(),
            one.symbol.to_string(),
            ticket.side.to_string(),
            ticket.kind.name().to_owned(),
            price(ticket.kind.limit()),
            price(ticket.kind.trigger()),
            quantity(one, ticket.quantity),
            quantity(one, record.filled),
            average(one, record)?,
            ticket.tif.to_string(),
            ticket.purpose.name().to_owned(),
            record.state.name().to_owned(),
            record.ended.map(|time| time.to_string()).unwrap_or_default(),
            reason,
        ])
    }

    /// The rows of [`REFUSALS`].
    pub fn refusals(&self) -> impl Iterator<Item = Vec<String>> {
        self.blotter.refusals.iter().map(|(tick, refusal)| {
            let one = self.instrument(refusal.instrument);
            let (limit, figures) = limit(refusal.reason);
            let [value, bound] = figures
                .map_or_else(Default::default, |both| both.map(|amount| figure(one, amount)));
            vec![
                tick.to_string(),
                refusal.time.to_string(),
                one.symbol.to_string(),
                refusal.side.to_string(),
                quantity(one, refusal.quantity),
                refusal.order.map(|id| id.0.to_string()).unwrap_or_default(),
                limit.to_owned(),
                value,
                bound,
                refusal.reason.to_string(),
            ]
        })
    }

    fn instrument(&self, id: InstrumentId) -> &'a Instrument {
        let found = self.instruments.get(id.index());
        found.expect("a run knows the instruments of its own orders")
    }
}

/// Mean price of what traded, half to even at 1e-8; empty where nothing did.
fn average(instrument: &Instrument, record: &OrderRecord) -> Result<String, market::Error> {
    if record.filled == Quantity::ZERO {
        return Ok(String::new());
    }
    let units = i128::from(instrument.lot_scale.units());
    Ok(record.notional.scaled(units, i128::from(record.filled.0))?.to_string())
}

const fn liquidity(liquidity: Liquidity) -> &'static str {
    match liquidity {
        Liquidity::Maker => "maker",
        Liquidity::Taker => "taker",
    }
}

/// Which limit was met, the value that met it, and the bound.
const fn limit(reason: Reason) -> (&'static str, Option<[Amount; 2]>) {
    match reason {
        Reason::Cash { needed, available } => {
            ("cash", Some([Amount::Money(needed), Amount::Money(available)]))
        }
        Reason::NothingToClose => ("nothing_to_close", None),
        Reason::LessThanALot => ("less_than_a_lot", None),
        Reason::NeverPriced => ("never_priced", None),
        Reason::WouldTake { price, best } => {
            ("post_only", Some([Amount::Price(price), Amount::Price(best)]))
        }
        Reason::OffTick { price, .. } => {
            ("off_tick", Some([Amount::Price(price), Amount::Unknown]))
        }
        Reason::WrongSide { trigger, market } => {
            ("wrong_side", Some([Amount::Price(trigger), Amount::Price(market)]))
        }
        Reason::Size { size, max, .. } => {
            ("size", Some([Amount::Lots(size.0), Amount::Lots(max.0)]))
        }
        Reason::Notional { value, bound } => {
            ("notional", Some([Amount::Money(value), Amount::Money(bound)]))
        }
        Reason::Liquidity { wanted, there } => {
            ("liquidity", Some([Amount::Lots(wanted.0), Amount::Lots(there.0)]))
        }
        Reason::UnknownOrder => ("unknown_order", None),
        Reason::NotTrading => ("not_trading", None),
        Reason::Unsupported => ("unsupported", None),
        Reason::Limit(breach) => (breach.limit.name(), Some([breach.value, breach.bound])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::to_csv;
    use market::{Bar, BarSeries, BarSize};

    fn series(symbol: &str, prices: &[i64]) -> BarSeries {
        let instrument = Instrument::share(symbol.parse().expect("a symbol"));
        let bar = |(day, price): (i64, &i64)| {
            let (open, open_time) =
                (Price(*price), Timestamp::from_nanos(day * BarSize::DAY.nanos()));
            Bar { open_time, open, high: open, low: open, close: open, volume: Quantity(1) }
        };
        BarSeries::from_bars(instrument, BarSize::DAY, (18_267..).zip(prices).map(bar))
            .expect("in order")
    }

    /// AAA trades at 10, 10, 9, 9, 10, 10 from 2020-01-06 on, CCC at 50.
    fn outcome(rules: &str) -> Outcome {
        let costs = "costs: { fee_bps: 10 }";
        let text = format!("version: 1\nname: n\ndata: d\n{rules}\ncash: 1000\n{costs}\n");
        let strategy = engine::parse_strategy(&text).expect("a strategy");
        let series =
            [series("AAA", &[1000, 1000, 900, 900, 1000, 1000]), series("CCC", &[5000; 6])];
        let ticks = engine::ticks::Recording::Blocks;
        let resources = engine::Resources { ticks, ..engine::Resources::default() };
        engine::backtest_on(&strategy, &series, &resources, &mut engine::Unwatched).expect("runs")
    }

    fn csv(schema: &'static Schema, rows: impl IntoIterator<Item = Vec<String>>) -> String {
        let bytes = to_csv(schema, rows).expect("writes");
        String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n")
    }

    fn of(outcome: &Outcome) -> Executions<'_> {
        Executions::of(outcome).expect("whole")
    }

    const SIGNALS: &str =
        "signals:\n  long: close > 9.5\n  exit: close < 9.5\nsizing: { fixed: 30 }";

    #[test]
    fn every_fill_has_its_tick_its_amount_and_its_purpose() {
        // 30 × 10.00 = 300.00, a thousandth of it is the fee; AAA is sold the day after it closed at 9.
        let outcome = outcome(SIGNALS);
        let fills = csv(FILLS, of(&outcome).fills());
        let want = "number,tick,time,symbol,side,quantity,price,notional,fee,liquidity,order,purpose\n\
            1,4,2020-01-07,AAA,buy,30,10.00,300.00,0.30,taker,1,entry\n\
            2,12,2020-01-09,AAA,sell,30,9.00,270.00,0.27,taker,4,exit\n\
            3,20,2020-01-11,AAA,buy,30,10.00,300.00,0.30,taker,7,entry\n";
        assert_eq!(fills, want);
    }

    #[test]
    fn an_order_is_filled_refused_or_working() {
        // CCC would take 30 × 50.00 + 1.50; AAA has taken 300.30 of 1000.
        let outcome = outcome(SIGNALS);
        let orders = csv(ORDERS, of(&outcome).orders().expect("in range"));
        let lines: Vec<&str> = orders.lines().collect();
        assert_eq!(lines.len(), 10, "the head and nine orders: {orders}");
        let check = |line: usize, want: &str| assert_eq!(lines.get(line), Some(&want));
        check(1, "1,1,2020-01-06,AAA,buy,market,,,30,30,10.00,gtc,entry,filled,2020-01-07,");
        check(
            2,
            "2,1,2020-01-06,CCC,buy,market,,,30,0,,gtc,entry,refused,2020-01-07,\
             \"needs 1501.50, the account may take on 699.70\"",
        );
        check(4, "4,9,2020-01-08,AAA,sell,market,,,30,30,9.00,gtc,exit,filled,2020-01-09,");
        check(9, "9,22,2020-01-11,CCC,buy,market,,,30,0,,gtc,entry,working,,");
    }

    #[test]
    fn a_refusal_says_which_limit_the_value_and_the_bound() {
        let outcome = outcome(SIGNALS);
        let refusals = csv(REFUSALS, of(&outcome).refusals());
        let want = "5,2020-01-07,CCC,buy,30,2,cash,1501.50,699.70,\
            \"needs 1501.50, the account may take on 699.70\"";
        assert_eq!(refusals.lines().nth(1), Some(want));
        assert_eq!(refusals.lines().count(), 6);
    }

    #[test]
    fn ticks_are_told_in_the_order_in_which_the_kernel_handled_them() {
        let check = |rules: &str, want: &str| {
            let run = outcome(rules);
            let times: Vec<_> = run.simulation.curve.iter().map(|point| point.time).collect();
            let ticks = ticks(&run.simulation.blocks, &times).expect("whole");
            assert_eq!(ticks.len() as u64, run.simulation.ticks);
            let words = ticks.iter().take(want.split(' ').count()).map(|tick| {
                let what = match tick.what {
                    What::Bar => "bar".to_owned(),
                    What::Fill(n) => format!("fill{n}"),
                    What::Word(name, order) => format!("{name}{}", order.map_or(0, |o| o.0)),
                };
                let refused = tick.refusal.map_or_else(String::new, |n| format!("!{n}"));
                format!("{}:{what}{refused}", tick.row)
            });
            assert_eq!(words.collect::<Vec<_>>().join(" "), want, "{rules}");
        };
        // Decided on the first bar, filled and refused at the second one's open.
        check(SIGNALS, "0:bar 0:accepted1 0:accepted2 1:fill0 1:ended2!0 1:bar 1:accepted3");
        let at_close = format!("{SIGNALS}\nconvention: same_close");
        check(&at_close, "0:bar 0:accepted1 0:accepted2 0:fill0 0:ended2!0 1:bar");
        // A share of nothing is less than a lot: a wish, refused when it is decided.
        let small = "signals:\n  long: close > 20\nsizing: { percent: 1 }";
        check(small, "0:bar!0 1:bar!1");
    }

    #[test]
    fn weights_rebalance() {
        let outcome = outcome("weights: close > 9.5\nschedule: daily\nsizing: { exposure: 0.5 }");
        let fills = csv(FILLS, of(&outcome).fills());
        assert!(fills.lines().count() > 2, "{fills}");
        assert!(fills.lines().skip(1).all(|line| line.ends_with(",rebalance")), "{fills}");
    }
}
