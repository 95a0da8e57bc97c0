//! What a run did, as tables: its ticks, fills, orders and refusals. The one place that knows how
//! the engine says these things.

use super::table::{Kind, Schema};
use engine::{Convention, Intent, Outcome, Refusal, RefusalReason, Rules};
use market::{Instrument, Money, Quantity, Side};
use portfolio::{Fill, InstrumentId, Liquidity};
use std::collections::BTreeMap;

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

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The bars of a row closed, and the strategy decided.
    Bar,
    /// This one of the fills.
    Fill(usize),
    /// This one of the refusals that are kept.
    Refusal(usize),
}

/// A numbered moment of a run: the place in the list is its number, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The row of the calendar.
    pub row: u32,
    /// What happened.
    pub what: What,
}

/// A run's ticks in the order of events: executions at the open before the bar, those at the close
/// after it, and wishes that became no order right after the decision.
#[must_use]
pub fn ticks(outcome: &Outcome) -> Vec<Tick> {
    let run = &outcome.simulation;
    let after = u8::from(outcome.strategy.convention == Convention::SameClose) * 3;
    let rows = u32::try_from(run.curve.len()).unwrap_or(u32::MAX);
    let bars = (0..rows).map(|row| ((row, 1, 0), What::Bar));
    // Of one row, orders come in the order of their numbers, a fill before what was not filled.
    let fills = run.fills.iter().enumerate();
    let fills = fills.map(|(n, fill)| ((fill.row, after, fill.order), What::Fill(n)));
    let refusals = run.refusals.iter().enumerate().map(|(n, refusal)| {
        let place = refusal.order.map_or((refusal.row, 2, 0), |id| (refusal.row, after, id.0));
        (place, What::Refusal(n))
    });
    let mut all: Vec<_> = bars.chain(fills).chain(refusals).collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|((row, ..), what)| Tick { row, what }).collect()
}

/// A run with what its tables need to be written.
#[derive(Debug)]
pub struct Executions<'a> {
    outcome: &'a Outcome,
    /// The tick of each fill, and of each refusal.
    ticks: (Vec<usize>, Vec<usize>),
    purposes: BTreeMap<u64, &'static str>,
}

impl<'a> Executions<'a> {
    /// Of a run.
    #[must_use]
    pub fn of(outcome: &'a Outcome) -> Self {
        let run = &outcome.simulation;
        let mut places = (vec![0; run.fills.len()], vec![0; run.refusals.len()]);
        for (number, tick) in (1..).zip(ticks(outcome)) {
            let place = match tick.what {
                What::Bar => None,
                What::Fill(n) => places.0.get_mut(n),
                What::Refusal(n) => places.1.get_mut(n),
            };
            if let Some(place) = place {
                *place = number;
            }
        }
        Self { outcome, ticks: places, purposes: purposes(outcome) }
    }

    /// The rows of [`FILLS`].
    pub fn fills(&self) -> impl Iterator<Item = Vec<String>> {
        let fills = self.outcome.simulation.fills.iter().zip(&self.ticks.0);
        (1_usize..).zip(fills).map(|(number, (fill, tick))| {
            let one = self.instrument(fill.instrument);
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
                self.purpose(fill.order),
            ]
        })
    }

    /// The rows of [`ORDERS`]: those that met the market, were refused or still wait. The engine
    /// keeps market orders only; when one was sent is known of those that wait.
    pub fn orders(&self) -> Result<Vec<Vec<String>>, portfolio::Error> {
        let run = &self.outcome.simulation;
        let mut orders: BTreeMap<u64, Order<'_>> = BTreeMap::new();
        for fill in &run.fills {
            let order =
                orders.entry(fill.order).or_insert_with(|| Order::of(fill.instrument, fill.side));
            order.fills.push(fill);
        }
        for refusal in &run.refusals {
            if let Some(id) = refusal.order {
                let order = orders
                    .entry(id.0)
                    .or_insert_with(|| Order::of(refusal.instrument, refusal.side));
                order.refusal = Some(refusal);
            }
        }
        for waiting in &run.unfilled {
            let order = orders
                .entry(waiting.id.0)
                .or_insert_with(|| Order::of(waiting.instrument, waiting.side));
            order.waiting = Some(waiting);
        }
        orders.iter().map(|(id, order)| self.order(*id, order)).collect()
    }

    fn order(&self, id: u64, order: &Order<'_>) -> Result<Vec<String>, portfolio::Error> {
        let one = self.instrument(order.instrument);
        let sum = |quantities: &mut dyn Iterator<Item = Quantity>| {
            Quantity(quantities.fold(0, |sum, each| sum.saturating_add(each.0)))
        };
        let filled = sum(&mut order.fills.iter().map(|fill| fill.quantity));
        let rest = [order.refusal.map(|r| r.quantity), order.waiting.map(|o| o.quantity)];
        let asked = sum(&mut rest.into_iter().flatten().chain([filled]));
        let ended = order.refusal.map(|r| r.time).or(order.fills.last().map(|fill| fill.time));
        let state = match (order.waiting, order.refusal) {
            (Some(_), _) => "working",
            (None, Some(_)) => "refused",
            (None, None) => "filled",
        };
        let or_empty =
            |time: Option<market::Timestamp>| time.map(|t| t.to_string()).unwrap_or_default();
        Ok(vec![
            id.to_string(),
            String::new(),
            or_empty(order.waiting.map(|o| o.time)),
            one.symbol.to_string(),
            order.side.to_string(),
            "market".to_owned(),
            String::new(),
            String::new(),
            quantity(one, asked),
            quantity(one, filled),
            average(one, &order.fills)?,
            "gtc".to_owned(),
            self.purpose(id),
            state.to_owned(),
            if order.waiting.is_some() { String::new() } else { or_empty(ended) },
            order.refusal.map(|r| r.reason.to_string()).unwrap_or_default(),
        ])
    }

    /// The rows of [`REFUSALS`].
    pub fn refusals(&self) -> impl Iterator<Item = Vec<String>> {
        let refusals = self.outcome.simulation.refusals.iter().zip(&self.ticks.1);
        refusals.map(|(refusal, tick)| {
            let one = self.instrument(refusal.instrument);
            let (limit, value, bound) = limit(refusal.reason);
            vec![
                tick.to_string(),
                refusal.time.to_string(),
                one.symbol.to_string(),
                refusal.side.to_string(),
                quantity(one, refusal.quantity),
                refusal.order.map(|id| id.0.to_string()).unwrap_or_default(),
                limit.to_owned(),
                value.map(|m| m.to_string()).unwrap_or_default(),
                bound.map(|m| m.to_string()).unwrap_or_default(),
                refusal.reason.to_string(),
            ]
        })
    }

    fn instrument(&self, id: InstrumentId) -> &'a Instrument {
        let found = self.outcome.instruments.get(id.index());
        found.expect("a run knows the instruments of its own orders")
    }

    fn purpose(&self, order: u64) -> String {
        self.purposes.get(&order).copied().unwrap_or_default().to_owned()
    }
}

/// An order as what became of it.
struct Order<'a> {
    instrument: InstrumentId,
    side: Side,
    fills: Vec<&'a Fill>,
    refusal: Option<&'a Refusal>,
    waiting: Option<&'a engine::Order>,
}

impl Order<'_> {
    const fn of(instrument: InstrumentId, side: Side) -> Self {
        Self { instrument, side, fills: Vec::new(), refusal: None, waiting: None }
    }
}

/// Why each order was there: by weights to rebalance; by signals to enter, or to leave what is held.
fn purposes(outcome: &Outcome) -> BTreeMap<u64, &'static str> {
    let run = &outcome.simulation;
    if matches!(outcome.strategy.rules, Rules::Weights { .. }) {
        let fills = run.fills.iter().map(|fill| fill.order);
        let refused = run.refusals.iter().filter_map(|refusal| Some(refusal.order?.0));
        let waiting = run.unfilled.iter().map(|order| order.id.0);
        return fills.chain(refused).chain(waiting).map(|id| (id, "rebalance")).collect();
    }
    let mut held = vec![0_i64; outcome.instruments.len()];
    let mut all = BTreeMap::new();
    for fill in &run.fills {
        let Some(lots) = held.get_mut(fill.instrument.index()) else { continue };
        let leaves = lots.signum() == -fill.side.sign();
        let size = i64::try_from(fill.quantity.0).unwrap_or(i64::MAX);
        *lots = lots.saturating_add(fill.side.sign().saturating_mul(size));
        all.entry(fill.order).or_insert(if leaves { "exit" } else { "entry" });
    }
    for refusal in &run.refusals {
        let closes = refusal.reason == RefusalReason::NothingToClose;
        if let Some(id) = refusal.order {
            all.entry(id.0).or_insert(if closes { "exit" } else { "entry" });
        }
    }
    for order in &run.unfilled {
        all.insert(order.id.0, if order.intent == Intent::Close { "exit" } else { "entry" });
    }
    all
}

fn quantity(instrument: &Instrument, quantity: Quantity) -> String {
    instrument.lot_scale.format(i64::try_from(quantity.0).unwrap_or(i64::MAX))
}

/// Mean price of fills by their size, half to even at 1e-8; empty where there are none.
fn average(instrument: &Instrument, fills: &[&Fill]) -> Result<String, portfolio::Error> {
    if let [only] = fills {
        return Ok(instrument.price_scale.format(only.price.0));
    }
    let (mut amount, mut lots) = (Money::ZERO, 0_i128);
    for fill in fills {
        amount = amount.plus(fill.notional)?;
        lots += i128::from(fill.quantity.0);
    }
    if lots == 0 {
        return Ok(String::new());
    }
    Ok(amount.scaled(i128::from(instrument.lot_scale.units()), lots)?.to_string())
}

const fn liquidity(liquidity: Liquidity) -> &'static str {
    match liquidity {
        Liquidity::Maker => "maker",
        Liquidity::Taker => "taker",
    }
}

/// Which limit was met, the value that met it, and the bound.
const fn limit(reason: RefusalReason) -> (&'static str, Option<Money>, Option<Money>) {
    match reason {
        RefusalReason::Cash { needed, available } => ("cash", Some(needed), Some(available)),
        RefusalReason::NothingToClose => ("nothing_to_close", None, None),
        RefusalReason::LessThanALot => ("less_than_a_lot", None, None),
        RefusalReason::NeverPriced => ("never_priced", None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::to_csv;
    use market::{Bar, BarSeries, BarSize, Price, Timestamp};

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
        engine::backtest(&strategy, &series, &mut engine::Unwatched).expect("runs")
    }

    fn csv(schema: &Schema, rows: impl IntoIterator<Item = Vec<String>>) -> String {
        let bytes = to_csv(schema, rows).expect("writes");
        String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n")
    }

    const SIGNALS: &str =
        "signals:\n  long: close > 9.5\n  exit: close < 9.5\nsizing: { fixed: 30 }";

    #[test]
    fn every_fill_has_its_tick_its_amount_and_its_purpose() {
        // 30 × 10.00 = 300.00, a thousandth of it is the fee; AAA is sold the day after it closed at 9.
        let outcome = outcome(SIGNALS);
        let fills = csv(FILLS, Executions::of(&outcome).fills());
        let want = "number,tick,time,symbol,side,quantity,price,notional,fee,liquidity,order,purpose\n\
            1,2,2020-01-07,AAA,buy,30,10.00,300.00,0.30,taker,1,entry\n\
            2,7,2020-01-09,AAA,sell,30,9.00,270.00,0.27,taker,4,exit\n\
            3,12,2020-01-11,AAA,buy,30,10.00,300.00,0.30,taker,7,entry\n";
        assert_eq!(fills, want);
    }

    #[test]
    fn an_order_is_filled_refused_or_working() {
        // CCC would take 30 × 50.00 + 1.50; AAA has taken 300.30 of 1000.
        let outcome = outcome(SIGNALS);
        let orders = csv(ORDERS, Executions::of(&outcome).orders().expect("in range"));
        let lines: Vec<&str> = orders.lines().collect();
        assert_eq!(lines.len(), 10, "the head and nine orders: {orders}");
        let check = |line: usize, want: &str| assert_eq!(lines.get(line), Some(&want));
        check(1, "1,,,AAA,buy,market,,,30,30,10.00,gtc,entry,filled,2020-01-07,");
        check(
            2,
            "2,,,CCC,buy,market,,,30,0,,gtc,entry,refused,2020-01-07,\
             \"needs 1501.50, the account may take on 699.70\"",
        );
        check(4, "4,,,AAA,sell,market,,,30,30,9.00,gtc,exit,filled,2020-01-09,");
        check(9, "9,,2020-01-11,CCC,buy,market,,,30,0,,gtc,entry,working,,");
    }

    #[test]
    fn a_refusal_says_which_limit_the_value_and_the_bound() {
        let outcome = outcome(SIGNALS);
        let refusals = csv(REFUSALS, Executions::of(&outcome).refusals());
        let want = "3,2020-01-07,CCC,buy,30,2,cash,1501.50,699.70,\
            \"needs 1501.50, the account may take on 699.70\"";
        assert_eq!(refusals.lines().nth(1), Some(want));
        assert_eq!(refusals.lines().count(), 6);
    }

    #[test]
    fn what_happens_at_the_open_comes_before_the_bar_and_at_the_close_after_it() {
        let check = |rules: &str, want: &[(u32, What)]| {
            let ticks: Vec<_> = ticks(&outcome(rules)).iter().map(|t| (t.row, t.what)).collect();
            assert_eq!(ticks.get(..want.len()), Some(want), "{rules}");
        };
        check(
            SIGNALS,
            &[
                (0, What::Bar),
                (1, What::Fill(0)),
                (1, What::Refusal(0)),
                (1, What::Bar),
                (2, What::Refusal(1)),
            ],
        );
        let at_close = format!("{SIGNALS}\nconvention: same_close");
        check(
            &at_close,
            &[
                (0, What::Bar),
                (0, What::Fill(0)),
                (0, What::Refusal(0)),
                (1, What::Bar),
                (1, What::Refusal(1)),
            ],
        );
        // A share of nothing is less than a lot: a wish, refused when it is decided.
        let small = "signals:\n  long: close > 20\nsizing: { percent: 1 }";
        check(
            small,
            &[(0, What::Bar), (0, What::Refusal(0)), (1, What::Bar), (1, What::Refusal(1))],
        );
    }

    #[test]
    fn weights_rebalance() {
        let outcome = outcome("weights: close > 9.5\nschedule: daily\nsizing: { exposure: 0.5 }");
        let fills = csv(FILLS, Executions::of(&outcome).fills());
        assert!(fills.lines().count() > 2, "{fills}");
        assert!(fills.lines().skip(1).all(|line| line.ends_with(",rebalance")), "{fills}");
    }
}
