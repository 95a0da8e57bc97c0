//! What is still held when a run ends.

use engine::Outcome;
use market::{Money, Quantity};
use portfolio::{Direction, Trade};
use serde::{Deserialize, Serialize};

/// A position that is open at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldRow {
    /// What is held.
    pub symbol: String,
    /// How much; negative for a short.
    pub quantity: String,
    /// At the latest price; negative for a short.
    pub value: String,
    /// Value ÷ equity at the end; null where equity is not positive.
    pub share_of_equity: Option<f64>,
    /// The bar that the latest price is from.
    pub last_bar: Option<String>,
    /// That bar is before the run's end: the price is old, and nobody may buy at it.
    pub stale: bool,
}

/// The open positions of an outcome, by symbol.
pub(super) fn held(outcome: &Outcome) -> Result<Vec<HeldRow>, portfolio::Error> {
    let open = outcome.trades.iter().filter(|trade| trade.closed.is_none());
    open.map(|trade| row(outcome, trade)).collect()
}

fn row(outcome: &Outcome, trade: &Trade) -> Result<HeldRow, portfolio::Error> {
    let run = &outcome.simulation;
    let place = trade.instrument.index();
    let instrument =
        outcome.instruments.get(place).expect("a run knows the instruments of its own trades");
    let lots = Quantity(trade.quantity.0.saturating_sub(trade.exited_quantity.0));
    let price = run.latest.get(place).copied().flatten().unwrap_or_default();
    let value = instrument.notional(price, lots)?;
    let signed = i64::try_from(lots.0).unwrap_or(i64::MAX);
    let (signed, value) = match trade.direction {
        Direction::Long => (signed, value),
        Direction::Short => (-signed, Money(-value.0)),
    };
    let last_bar = outcome.last_bars.get(place).copied().flatten();
    let end = run.curve.last();
    let equity = end.map_or(0.0, |point| point.equity.to_f64());
    Ok(HeldRow {
        symbol: instrument.symbol.to_string(),
        quantity: instrument.lot_scale.format(signed),
        value: value.to_string(),
        share_of_equity: (equity > 0.0).then(|| value.to_f64() / equity),
        last_bar: last_bar.map(|at| at.to_string()),
        stale: last_bar < end.map(|point| point.time),
    })
}

#[cfg(test)]
mod tests {
    use crate::{report::ResultDocument, tearsheet};
    use market::{Bar, BarSeries, BarSize, Instrument, Price, Quantity, Timestamp};

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

    fn document(rules: &str, prices: &[i64]) -> ResultDocument {
        let text =
            format!("version: 1\nname: n\ndata: d\n{rules}\ncash: 1000\ncosts: {{ fee_bps: 0 }}\n");
        let strategy = engine::parse_strategy(&text).expect("a strategy");
        let series = [series("AAA", &[1000; 6]), series("CCC", prices)];
        let outcome = engine::backtest(&strategy, &series, &mut engine::Unwatched).expect("runs");
        ResultDocument::of(&outcome, &text).expect("in range")
    }

    const BOTH: &str = "signals:\n  long: close > 0\nsizing: { fixed: 30 }";

    #[test]
    fn a_name_that_stopped_trading_is_held_at_an_old_price() {
        let document = document(BOTH, &[1000, 1000, 2000]);
        let rows: Vec<_> = document
            .held
            .iter()
            .map(|h| (h.symbol.as_str(), h.quantity.as_str(), h.last_bar.as_deref(), h.stale))
            .collect();
        let want =
            [("AAA", "30", Some("2020-01-11"), false), ("CCC", "30", Some("2020-01-08"), true)];
        assert_eq!(rows, want);
        let shares: f64 = document.held.iter().filter_map(|h| h.share_of_equity).sum();
        let equity = document.summary.end_equity.clone().expect("has one");
        assert_eq!(equity.parse(), Ok(1300.0));
        assert!((shares * 1300.0 - 900.0).abs() < 1e-9);
        let sheet = tearsheet::render(&document);
        assert!(sheet.contains("At the end") && sheet.contains("2020-01-08, an old price"));
        assert!(!sheet.contains("Equity was zero"));
    }

    #[test]
    fn a_short_counts_below_zero_and_ruin_has_a_date() {
        let rules = "signals:\n  short: close > 0\nsizing: { fixed: 40 }";
        let document = document(rules, &[1000, 1000, 9000]);
        let short = document.held.last().expect("is held");
        assert_eq!((short.quantity.as_str(), short.share_of_equity), ("-40", None));
        assert!(short.value.starts_with('-') && short.stale);
        assert_eq!(document.summary.ruined.as_deref(), Some("2020-01-08"));
        assert!(tearsheet::render(&document).contains("Equity was zero or below on 2020-01-08"));
    }

    #[test]
    fn where_nothing_is_held_nothing_is_said() {
        let document = document("signals:\n  long: close > 5000\nsizing: { fixed: 1 }", &[1000; 6]);
        assert!(document.held.is_empty() && document.summary.ruined.is_none());
        assert!(!tearsheet::render(&document).contains("At the end"));
    }
}
