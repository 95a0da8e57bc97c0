//! How much of the past a value depends on: what a run that begins late must be told first.

use crate::Expression;
use crate::dag::{Dag, NodeId, Op};
use crate::operators::{Calendar, Kernel, Operator, Scan};
use std::collections::BTreeSet;

/// How much of the past the values of expressions depend on.
///
/// Windows and delays forget: after [`Memory::rows`] rows their values have the bits that any longer
/// history gives. A recursion carries a state from its first row on. Where that fades, nothing older
/// than [`Memory::settled`] rows shows in more than the last bits; where it does not, a run that
/// begins later can differ for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Rows before the present one until every window, delay and seed is whole. Without recursions
    /// the values are then those of a longer run, bit for bit.
    pub rows: usize,
    /// Rows before the present one, counted where there are values, before which nothing weighs as
    /// much as the last bit of a double; `None` where the beginning is never forgotten.
    pub settled: Option<usize>,
    /// Operators that carry a state from the first row on, by name.
    pub recursive: BTreeSet<&'static str>,
}

impl Memory {
    /// Of nothing: each row stands alone.
    #[must_use]
    pub const fn none() -> Self {
        Self { rows: 0, settled: Some(0), recursive: BTreeSet::new() }
    }

    /// Whether values have the bits of a longer run once [`Memory::rows`] rows are there.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.recursive.is_empty()
    }

    /// Of both together.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.rows = self.rows.max(other.rows);
        self.settled = self.settled.zip(other.settled).map(|(a, b)| a.max(b));
        self.recursive.extend(other.recursive);
        self
    }
}

impl Expression {
    /// How much of the past its values depend on.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let mut memory = of(self.dag(), self.root());
        memory.rows = memory.rows.max(self.lookback());
        memory.settled = memory.settled.map(|rows| rows.max(memory.rows));
        memory
    }
}

/// What one operator adds to the memory of its inputs.
enum Own {
    /// It forgets after so many rows.
    Rows(usize),
    /// It has a state; after so many rows nothing older shows.
    Fades(usize),
    /// It has a state that may be as old as the first row.
    Stays,
}

fn of(dag: &Dag, root: NodeId) -> Memory {
    let mut rows: Vec<(usize, Option<usize>)> = Vec::with_capacity(dag.nodes().len());
    let mut recursive = BTreeSet::new();
    for node in dag.nodes() {
        let inputs = node.inputs.iter().filter_map(|input| rows.get(*input).copied());
        let (exact, settled) = inputs.fold((0, Some(0)), |(rows, settled), input| {
            (rows.max(input.0), settled.zip(input.1).map(|(a, b): (usize, usize)| a.max(b)))
        });
        let Some(operator) = node.op.operator() else {
            rows.push((exact, settled));
            continue;
        };
        let own = own(operator, &node.op);
        let more = |by: usize| settled.map(|rows: usize| rows.saturating_add(by));
        rows.push(match own {
            Own::Rows(by) => (exact.saturating_add(by), more(by)),
            Own::Fades(by) => (exact, more(by)),
            Own::Stays => (exact, None),
        });
        if !matches!(own, Own::Rows(_)) {
            recursive.insert(operator.name);
        }
    }
    let (rows, settled) = rows.get(root).copied().unwrap_or((0, Some(0)));
    Memory { rows, settled, recursive }
}

fn own(operator: &Operator, op: &Op) -> Own {
    let constants = op.constants();
    let at = |place: usize| constants.get(place).copied().map_or(0, whole);
    match operator.kernel {
        Kernel::Scan(scan) => of_scan(scan, at),
        // What compares a row's time with the one before.
        Kernel::Calendar(Calendar::NewDay | Calendar::NewWeek | Calendar::NewMonth) => Own::Rows(1),
        Kernel::Calendar(Calendar::BarsToday) => Own::Stays,
        Kernel::Lagged(_) => Own::Rows(at(0)),
        Kernel::Window(_) => Own::Rows(at(0).saturating_sub(1)),
        Kernel::Unary(_)
        | Kernel::Binary(_)
        | Kernel::Where
        | Kernel::Fill
        | Kernel::Across(_)
        | Kernel::Calendar(_)
        | Kernel::Text(_) => Own::Rows(0),
    }
}

/// Steps of an exponential mean of weight 1/n after which its seed weighs less than 2⁻⁵³:
/// 53 · ln 2 = 36.74 for each n, for (1 − 1/n)ⁿ is below 1/e.
const FADES_PER_ROW: usize = 37;
/// Of Kaufman's mean at its slowest, of weight (2/31)².
const KAMA_FADES: usize = 241 * FADES_PER_ROW;
/// Of Fisher's transform: 0.67 of the place and 0.5 of the value are kept.
const FISHER_FADES: usize = 92 + 53;

fn of_scan(scan: Scan, at: impl Fn(usize) -> usize) -> Own {
    let (n, skip) = (at(0), at(1));
    let fades = n.saturating_mul(FADES_PER_ROW);
    match scan {
        // Weight 2/(n + 1): half as long as a weight of 1/(n + 1).
        Scan::Ema => Own::Fades(((n + 1) * FADES_PER_ROW).div_ceil(2)),
        Scan::EmaSeeded => {
            Own::Fades(((n + 1) * FADES_PER_ROW).div_ceil(2).saturating_add(n + skip))
        }
        Scan::Wilder | Scan::Moves(_) => Own::Fades(fades.saturating_add(n + skip)),
        // A mean of means.
        Scan::Directional(_) => Own::Fades(2 * (fades + n)),
        Scan::Kama => Own::Fades(KAMA_FADES + n + 1),
        Scan::Fisher => Own::Fades(FISHER_FADES + n),
        // The value before this one, however many missing rows ago.
        Scan::Prior => Own::Fades(1),
        Scan::AvgDev => Own::Rows(n.saturating_sub(1)),
        Scan::AroonUp | Scan::AroonDown => Own::Rows(n),
        Scan::Cumulative
        | Scan::Since
        | Scan::Streak
        | Scan::TradeWhen
        | Scan::Hump
        | Scan::VwapSession
        | Scan::Sar
        | Scan::Supertrend(_) => Own::Stays,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the checker lets only whole numbers of at least 0 pass where rows are counted"
)]
const fn whole(constant: f64) -> usize {
    constant as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Schema};

    #[track_caller]
    fn check(text: &str, rows: usize, settled: Option<usize>, recursive: &[&str]) {
        let parsed = Expression::parse(text, &Schema::bars(), &Limits::default());
        let memory = parsed.expect("an expression").memory();
        let names: Vec<&str> = memory.recursive.iter().copied().collect();
        assert_eq!((memory.rows, memory.settled, names.as_slice()), (rows, settled, recursive));
    }

    #[test]
    fn windows_add_up_and_recursions_are_named() {
        check("close > open", 0, Some(0), &[]);
        check("ts_mean(delay(close, 3), 5)", 7, Some(7), &[]);
        check("ts_mean(close, 5, min=1) + delta(open, 9)", 9, Some(9), &[]);
        check("avgdev(close, 6) + aroon_up(high, 6)", 6, Some(6), &[]);
        check("new_day() and close > open", 1, Some(1), &[]);
        check("ema(close, 9)", 8, Some(185), &["ema"]);
        check("ema(ema(close, 9), 9) + ts_mean(close, 300)", 299, Some(370), &["ema"]);
        check("rsi(close, 14)", 14, Some(14 * 37 + 14 + 1), &["prior", "rma"]);
        check("cumulative(volume)", 0, None, &["cumulative"]);
        check("where(since(close > open) < 3, ema(close, 3), 0)", 2, None, &["ema", "since"]);
        check("bars_today()", 0, None, &["bars_today"]);
    }

    #[test]
    fn of_both_is_the_longer_and_never_forgets_what_one_keeps() {
        let memory = |text: &str| {
            let parsed = Expression::parse(text, &Schema::bars(), &Limits::default());
            parsed.expect("an expression").memory()
        };
        let both = memory("ema(close, 9)").with(memory("ts_mean(close, 20)"));
        assert_eq!((both.rows, both.settled, both.is_exact()), (19, Some(185), false));
        let both = both.with(memory("cumulative(volume)"));
        assert_eq!((both.rows, both.settled), (19, None));
        assert_eq!(Memory::none().with(both.clone()), both);
    }
}
