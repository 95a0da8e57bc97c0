//! Laws that hold for any tape and any signals.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

use engine::{Flags, Simulation, Strategy, Unwatched, Values, parse_strategy, simulate};
use market::{Bar, BarSeries, BarSize, Instrument, Money, Price, Quantity, Side, Timestamp};
use portfolio::{Contract, round_trips};
use proptest::prelude::*;
use std::collections::BTreeSet;

const ROWS: usize = 60;
const NAMES: usize = 3;

/// Prices of each row and name; `None` where the name has no bar.
type Tape = Vec<[Option<(i64, i64)>; NAMES]>;

fn tape() -> impl proptest::strategy::Strategy<Value = Tape> {
    let cell = prop::option::weighted(0.85, (500i64..2_000, 500i64..2_000));
    prop::collection::vec([cell.clone(), cell.clone(), cell], ROWS)
}

fn series(tape: &Tape) -> Vec<BarSeries> {
    let one = |j: usize| {
        let bars = tape.iter().enumerate().filter_map(|(row, cells)| {
            let (open, close) = cells[j]?;
            let open_time = Timestamp::from_nanos(i64::try_from(row).ok()? * BarSize::DAY.nanos());
            let (open, close) = (Price(open), Price(close));
            let (high, low) = (open.max(close), open.min(close));
            Some(Bar { open_time, open, high, low, close, volume: Quantity(1) })
        });
        let instrument = Instrument::share(format!("S{j}").parse().expect("a symbol"));
        BarSeries::from_bars(instrument, BarSize::DAY, bars).expect("in order")
    };
    (0..NAMES).map(one).collect()
}

fn rows(series: &[BarSeries]) -> usize {
    let mut times: Vec<_> = series.iter().flat_map(BarSeries::times).collect();
    times.sort_unstable();
    times.dedup();
    times.len()
}

fn strategy(convention: &str, rules: &str) -> Strategy {
    let text = format!(
        "version: 1\nname: law\ndata: d\n{rules}\ncosts: {{ fee_bps: 7.3 }}\nconvention: {convention}\ncash: 50000\n"
    );
    parse_strategy(&text).expect("a strategy")
}

fn flags(bits: &[u8]) -> Vec<Flags> {
    let all = [Flags::LONG, Flags::EXIT, Flags::SHORT, Flags::COVER];
    let one = |byte: &u8| {
        let set = all.iter().enumerate().filter(|(place, _)| byte >> place & 1 == 1);
        set.fold(Flags::NONE, |sum, (_, flag)| sum.with(*flag))
    };
    bits.iter().map(one).collect()
}

fn conserves(
    run: &Simulation,
    series: &[BarSeries],
    strategy: &Strategy,
) -> Result<(), TestCaseError> {
    let mut cash = strategy.cash;
    let mut held = [0i64; NAMES];
    let mut orders = BTreeSet::new();
    for fill in &run.fills {
        prop_assert!(fill.order >= 1 && fill.order <= run.orders, "no fill without an order");
        prop_assert!(orders.insert(fill.order), "an order fills once");
        let instrument = series[fill.instrument.index()].instrument();
        prop_assert_eq!(instrument.notional(fill.price, fill.quantity), Ok(fill.notional));
        let rate = market::Rate(strategy.costs.taker_bps.0);
        prop_assert_eq!(rate.of(fill.notional), Ok(fill.fee));
        let signed = i128::from(fill.side.sign());
        cash = Money(cash.0 - signed * fill.notional.0 - fill.fee.0);
        let lots = i64::try_from(fill.quantity.0).expect("small");
        held[fill.instrument.index()] += fill.side.sign() * lots;
    }
    let mut equity = cash;
    for ((lots, series), latest) in held.iter().zip(series).zip(&run.latest) {
        let price = latest.unwrap_or_default();
        let value = Contract::of(series.instrument()).value(price, *lots).expect("in range");
        equity = equity.plus(value).expect("in range");
    }
    let last = run.curve.last().expect("has rows");
    prop_assert_eq!((last.cash, last.equity), (cash, equity));
    let contracts: Vec<Contract> = series.iter().map(|s| Contract::of(s.instrument())).collect();
    let last_row = u32::try_from(run.curve.len() - 1).expect("small");
    let trades = round_trips(&run.fills, &contracts, &run.latest, last_row).expect("in range");
    let profit: i128 = trades.iter().map(|t| t.profit.0).sum();
    prop_assert_eq!(Money(strategy.cash.0 + profit), equity, "trades explain the equity");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn signals_conserve_money_and_are_reproducible(
        tape in tape(),
        bits in prop::collection::vec(0u8..16, ROWS * NAMES),
        same_close in any::<bool>(),
        percent in 1u32..100,
    ) {
        let series = series(&tape);
        prop_assume!(rows(&series) > 0);
        let convention = if same_close { "same_close" } else { "next_open" };
        let rules = format!("signals: {{ long: close > open, short: close < open }}\nsizing: {{ percent: {percent} }}");
        let strategy = strategy(convention, &rules);
        let values = Values::Signals { flags: flags(&bits), names: NAMES };
        let run = simulate(&strategy, &series, &values, &mut Unwatched).expect("runs");
        conserves(&run, &series, &strategy)?;
        let again = simulate(&strategy, &series, &values, &mut Unwatched).expect("runs");
        prop_assert_eq!(&run, &again);
        for fill in &run.fills {
            let own = &series[fill.instrument.index()];
            let row = own.times().iter().position(|t| *t == fill.time).expect("a bar of its own");
            let price = if same_close { own.close()[row] } else { own.open()[row] };
            prop_assert_eq!(fill.price, price);
        }
    }

    #[test]
    fn weights_conserve_money_and_never_borrow(
        tape in tape(),
        weights in prop::collection::vec(0.0f64..0.5, ROWS * 8),
        same_close in any::<bool>(),
    ) {
        let series = series(&tape);
        prop_assume!(rows(&series) > 0);
        let convention = if same_close { "same_close" } else { "next_open" };
        let rules = "weights: rank(close)\nschedule: every 3 bars\nsizing: { exposure: 1 }";
        let strategy = strategy(convention, rules);
        let column = market::Column::from_values(weights, 8).expect("the shape of three names");
        let run = simulate(&strategy, &series, &Values::Weights(column), &mut Unwatched).expect("runs");
        conserves(&run, &series, &strategy)?;
        prop_assert!(run.curve.iter().all(|point| point.cash >= Money::ZERO), "long only: cash is never negative");
        let sold_short = run.fills.iter().scan([0i64; NAMES], |held, fill| {
            let lots = i64::try_from(fill.quantity.0).expect("small");
            let slot = &mut held[fill.instrument.index()];
            *slot += if fill.side == Side::Buy { lots } else { -lots };
            Some(*slot < 0)
        });
        prop_assert!(sold_short.into_iter().all(|short| !short), "a target of 0 or more never goes short");
    }
}
