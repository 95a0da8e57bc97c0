//! Why two runs differ: the first trade and every trade on which they disagree, each with its cause.

mod lived;
mod parted;
mod parting;
mod rerun;
mod why;

pub use lived::{Executed, HeldBack, Life, Lived, Quiet, Sent, Silence};
pub use parted::{Cost, Done, Parted, Parting};
pub use parting::part;
pub use rerun::{Rebuilt, Rerun, RerunError};
pub use why::Why;

use crate::{OrderRecord, Strategy, blotter::Blotter};
use market::{BarSeries, Money, Price, Quantity, Side, Symbol, Timestamp};
use std::collections::BTreeMap;
use std::fmt;

/// One of two runs.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What was run.
    pub strategy: &'a Strategy,
    /// The number of the engine's semantics.
    pub semantics: u32,
    /// Instruments by their number.
    pub symbols: &'a [Symbol],
    /// What it did.
    pub blotter: &'a Blotter,
    /// The bars it ran on, where they are still there.
    pub series: &'a [BarSeries],
}

/// What two runs have in common, and what not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Keys of the strategy that differ: the key, one value, the other.
    pub rules: Vec<(String, String, String)>,
    /// The first bar of each instrument that differs.
    pub data: Vec<BarDifference>,
    /// Trades that are the same in both.
    pub same: usize,
    /// Trades that are not, in the order of time.
    pub differences: Vec<Difference>,
}

/// A bar that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarDifference {
    /// Whose.
    pub symbol: Symbol,
    /// When.
    pub time: Timestamp,
    /// Open and close of one; `None` where there is no such bar.
    pub a: Option<(Price, Price)>,
    /// Of the other.
    pub b: Option<(Price, Price)>,
}

/// A trade on which two runs disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was traded.
    pub symbol: Symbol,
    /// When it was decided.
    pub decided: Timestamp,
    /// Which way.
    pub side: Side,
    /// What one did; `None` if nothing.
    pub a: Option<Traded>,
    /// What the other did.
    pub b: Option<Traded>,
    /// Why.
    pub cause: Cause,
}

/// What came of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traded {
    /// What was asked.
    pub asked: Quantity,
    /// What traded.
    pub filled: Quantity,
    /// When the first of it traded.
    pub time: Option<Timestamp>,
    /// Σ price × quantity.
    pub notional: Money,
    /// Σ fees.
    pub fees: Money,
}

/// Why a trade differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The prices that it was decided or filled on differ.
    Data(BarDifference),
    /// It was decided alike and reached the market at another time.
    Latency,
    /// It met the market at the same time, at another price or in another part.
    Fill,
    /// It cost another fee.
    Fee,
    /// The strategies differ.
    Rule,
    /// The engines differ.
    Code,
    /// An earlier difference left the account elsewhere; its place in the list, from 0.
    Follows(usize),
    /// Nothing that was compared explains it.
    Unexplained,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(bar) => write!(f, "data: the bar of {} differs", bar.time),
            Self::Latency => f.write_str("latency: it reached the market at another time"),
            Self::Fill => f.write_str("fill: the same market, another price or part"),
            Self::Fee => f.write_str("fee: the same fill at another cost"),
            Self::Rule => f.write_str("rule: the strategies differ"),
            Self::Code => f.write_str("code: the engines' semantics differ"),
            Self::Follows(place) => write!(f, "follows from difference {}", place + 1),
            Self::Unexplained => f.write_str("unexplained"),
        }
    }
}

impl Cause {
    /// Its name in tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Data(_) => "data",
            Self::Latency => "latency",
            Self::Fill => "fill",
            Self::Fee => "fee",
            Self::Rule => "rule",
            Self::Code => "code",
            Self::Follows(_) => "follows",
            Self::Unexplained => "unexplained",
        }
    }
}

/// When, whose, which way, and the place among equals: what makes two trades the same decision.
type Decision = (Timestamp, Symbol, u8, usize);

/// Compares two runs.
#[must_use]
pub fn diff(a: &Run<'_>, b: &Run<'_>) -> Comparison {
    let rules = rules(a.strategy, b.strategy);
    let data = data(a.series, b.series);
    let (mut left, right) = (decisions(a), decisions(b));
    let mut all: BTreeMap<Decision, [Option<Traded>; 2]> = BTreeMap::new();
    for (key, traded) in std::mem::take(&mut left) {
        all.entry(key).or_default()[0] = Some(traded);
    }
    for (key, traded) in right {
        all.entry(key).or_default()[1] = Some(traded);
    }
    let judge = Judge { rules: !rules.is_empty(), code: a.semantics != b.semantics, data: &data };
    let mut comparison = Comparison { rules, data: data.clone(), same: 0, differences: Vec::new() };
    for ((decided, symbol, sign, _), [a, b]) in all {
        if a == b {
            comparison.same += 1;
            continue;
        }
        let side = if sign == 0 { Side::Buy } else { Side::Sell };
        let earlier = !comparison.differences.is_empty();
        let cause = judge.cause((&symbol, decided), [a, b], earlier);
        comparison.differences.push(Difference { symbol, decided, side, a, b, cause });
    }
    comparison
}

fn decisions(run: &Run<'_>) -> Vec<(Decision, Traded)> {
    let mut seen: BTreeMap<(Timestamp, Symbol, u8), usize> = BTreeMap::new();
    let first_fill: BTreeMap<u64, Timestamp> =
        run.blotter.fills.iter().rev().map(|(_, fill)| (fill.order, fill.time)).collect();
    let traded = |record: &OrderRecord| Traded {
        asked: record.order.ticket.quantity,
        filled: record.filled,
        time: first_fill.get(&record.order.id.0).copied(),
        notional: record.notional,
        fees: record.fees,
    };
    let mut found = Vec::with_capacity(run.blotter.orders.len());
    for record in &run.blotter.orders {
        let ticket = record.order.ticket;
        let Some(symbol) = run.symbols.get(ticket.instrument.index()) else { continue };
        let sign = u8::from(ticket.side == Side::Sell);
        let place = seen.entry((record.order.time, symbol.clone(), sign)).or_default();
        found.push(((record.order.time, symbol.clone(), sign, *place), traded(record)));
        *place += 1;
    }
    found
}

struct Judge<'a> {
    rules: bool,
    code: bool,
    data: &'a [BarDifference],
}

impl Judge<'_> {
    fn cause(
        &self,
        (symbol, decided): (&Symbol, Timestamp),
        pair: [Option<Traded>; 2],
        earlier: bool,
    ) -> Cause {
        let until = pair.iter().flatten().filter_map(|t| t.time).max().unwrap_or(decided);
        let bar = self.data.iter().find(|bar| bar.symbol == *symbol && bar.time <= until);
        if let Some(bar) = bar {
            return Cause::Data(bar.clone());
        }
        if let [Some(a), Some(b)] = pair
            && a.asked == b.asked
        {
            if a.time != b.time {
                return Cause::Latency;
            }
            let same_fill = (a.filled, a.notional) == (b.filled, b.notional);
            return if same_fill { Cause::Fee } else { Cause::Fill };
        }
        if earlier {
            return Cause::Follows(0);
        }
        if self.rules {
            Cause::Rule
        } else if self.code {
            Cause::Code
        } else {
            Cause::Unexplained
        }
    }
}

/// The keys of two canonical texts that differ.
fn rules(a: &Strategy, b: &Strategy) -> Vec<(String, String, String)> {
    let lines = |strategy: &Strategy| -> BTreeMap<String, String> {
        let text = strategy.to_string();
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
    };
    let (a, b) = (lines(a), lines(b));
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let value = |of: &BTreeMap<String, String>, key: &str| of.get(key).cloned().unwrap_or_default();
    let differs =
        |key: &&&String| a.get(key.as_str()) != b.get(key.as_str()) && key.as_str() != "name";
    let row = |key: &String| (key.clone(), value(&a, key), value(&b, key));
    keys.iter().filter(differs).map(|key| row(key)).collect()
}

/// The first bar of each instrument that is not the same in both, by time.
fn data(a: &[BarSeries], b: &[BarSeries]) -> Vec<BarDifference> {
    let mut found = Vec::new();
    for one in a {
        let symbol = &one.instrument().symbol;
        if let Some(other) = b.iter().find(|other| other.instrument().symbol == *symbol) {
            found.extend(first_difference(symbol, one, other));
        }
    }
    found.sort_by(|x, y| (x.time, &x.symbol).cmp(&(y.time, &y.symbol)));
    found
}

fn first_difference(symbol: &Symbol, a: &BarSeries, b: &BarSeries) -> Option<BarDifference> {
    let bar = |of: &BarSeries, place: usize| {
        let time = of.times().get(place).copied()?;
        Some((time, (*of.open().get(place)?, *of.close().get(place)?)))
    };
    let place = (0..a.len().max(b.len())).find(|place| bar(a, *place) != bar(b, *place))?;
    let (left, right) = (bar(a, place), bar(b, place));
    let time = [left, right].iter().flatten().map(|(time, _)| *time).min()?;
    let at = |bar: Option<(Timestamp, (Price, Price))>| {
        bar.filter(|(when, _)| *when == time).map(|(_, prices)| prices)
    };
    Some(BarDifference { symbol: symbol.clone(), time, a: at(left), b: at(right) })
}
