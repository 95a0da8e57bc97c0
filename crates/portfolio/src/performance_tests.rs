use super::*;
use crate::{Contract, InstrumentId, Leg, Liquidity, Value, round_trips};
use market::{Instrument, Price, Quantity};
use proptest::prelude::*;

fn curve(equity: &[i64]) -> Vec<EquityPoint> {
    // 2020-01-06 is a Monday; weekends are skipped.
    let day = |n: i64| 18_267 + n + (n / 5) * 2;
    let point = |(n, equity): (i64, &i64)| EquityPoint {
        time: Timestamp::from_nanos(day(n) * DAY_NANOS),
        equity: Money::from_whole(*equity),
        cash: Money::from_whole(*equity),
        gross: Money::from_whole(*equity / 2),
    };
    (0..).zip(equity).map(point).collect()
}

fn measure(equity: &[i64]) -> Performance {
    let points = curve(equity);
    let periods_per_year = periods_per_year(&points, BarSize::DAY);
    let start = Money::from_whole(100);
    let settings = Settings { start, bar: BarSize::DAY, periods_per_year };
    performance(&points, &[], &[], &settings).expect("in range")
}

#[test]
fn a_small_curve_by_hand() {
    let p = measure(&[110, 99, 108, 120]);
    let r: [f64; 4] = [0.1, -0.1, 9.0 / 99.0, 12.0 / 108.0];
    let mean = r.iter().sum::<f64>() / 4.0;
    let std = (r.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
    let close =
        |a: Option<f64>, b: f64| assert!((a.expect("a number") - b).abs() < 1e-12, "{a:?} {b}");
    close(p.total_return, 0.2);
    close(p.sharpe, mean / std * 252f64.sqrt());
    close(p.sortino, mean / (0.01f64 / 4.0).sqrt() * 252f64.sqrt());
    close(p.volatility, std * 252f64.sqrt());
    close(p.max_drawdown, -0.1);
    close(p.max_drawdown_days, 3.0);
    close(p.cagr, 1.2f64.powf(365.25 / 3.0) - 1.0);
    close(p.calmar, (1.2f64.powf(365.25 / 3.0) - 1.0) / 0.1);
    assert_eq!((p.best_period, p.worst_period), (Some(12.0 / 108.0), Some(-0.1)));
    assert_eq!(p.worst_drawdowns.len(), 1);
}

#[test]
fn a_loss_on_the_first_bar_is_a_drawdown() {
    assert_eq!(measure(&[90, 95]).max_drawdown, Some(-0.1));
}

#[test]
fn degenerate_curves_have_no_ratios() {
    let empty = measure(&[]);
    assert_eq!((empty.total_return, empty.sharpe, empty.max_drawdown), (None, None, None));
    let one = measure(&[100]);
    assert_eq!(
        (one.total_return, one.cagr, one.sharpe, one.turnover),
        (Some(0.0), None, None, None)
    );
    let flat = measure(&[100; 300]);
    assert_eq!((flat.sharpe, flat.sortino, flat.calmar), (None, None, None));
    assert_eq!((flat.volatility, flat.max_drawdown), (Some(0.0), Some(0.0)));
    assert!(flat.rolling_sharpe.iter().all(|p| p.value.is_none()));
    let broke = measure(&[100, 0, 0, -5]);
    assert_eq!(
        (broke.sharpe, broke.cagr, broke.volatility, broke.exposure),
        (None, None, None, None)
    );
    assert_eq!(broke.total_return, Some(-1.05));
}

#[test]
fn trips_and_turnover() {
    let instrument = Instrument::share("X".parse().expect("a symbol"));
    let points = curve(&[100, 110, 105, 104]);
    let fill = |row: usize, side, price| {
        let notional = instrument.notional(Price(price), Quantity(2)).expect("in range");
        let (instrument, quantity, fee) = (InstrumentId(0), Quantity(2), Money::from_whole(1));
        let row32 = u32::try_from(row).expect("small");
        let (time, price) = (points[row].time, Price(price));
        Fill {
            order: 1,
            row: row32,
            time,
            instrument,
            side,
            quantity,
            price,
            notional,
            fee,
            leg: Leg::Net,
            liquidity: Liquidity::Taker,
        }
    };
    let fills = [
        fill(0, Side::Buy, 1000),
        fill(1, Side::Sell, 1500),
        fill(2, Side::Buy, 1000),
        fill(3, Side::Sell, 900),
    ];
    let contract = Contract::of(&instrument);
    let trades = round_trips(&fills, &[contract], &[None], 3).expect("in range");
    let settings =
        Settings { start: Money::from_whole(100), bar: BarSize::DAY, periods_per_year: 252.0 };
    let p = performance(&points, &trades, &fills, &settings).expect("in range");
    assert_eq!((p.fills, p.trades, p.win_rate, p.profit_factor), (4.0, 2.0, Some(0.5), Some(2.0)));
    assert_eq!((p.expectancy, p.fees), (Some(Money::from_whole(2)), Money::from_whole(4)));
    assert_eq!(p.traded, Money::from_whole(88));
    let turnover = 40.0 / 104.75 * 365.25 / 3.0;
    assert!((p.turnover.expect("a number") - turnover).abs() < 1e-9);
}

fn on_days(days: impl Iterator<Item = i64>) -> Vec<EquityPoint> {
    let first = curve(&[100])[0];
    let time = |day| Timestamp::from_nanos((18_267 + day) * DAY_NANOS);
    days.map(|day| EquityPoint { time: time(day), ..first }).collect()
}

#[test]
fn days_a_year_tell_a_market_that_never_closes() {
    let check = |points: &[EquityPoint], want: f64| {
        assert!((periods_per_year(points, BarSize::DAY) - want).abs() < 1e-12, "{points:?}");
    };
    let weekday = |day: &i64| day % 7 < 5;
    check(&[], 252.0);
    check(&on_days(0..3), 252.0);
    check(&on_days((0..1000).filter(weekday)), 252.0);
    // One Saturday, and one session of every second weekend.
    check(&on_days((0..1000).filter(|day| weekday(day) || *day == 5)), 252.0);
    check(&on_days((0..1000).filter(|day| weekday(day) || day % 14 == 5)), 252.0);
    check(&on_days(0..1000), 365.0);
    // Some days are missing.
    check(&on_days((0..1000).filter(|day| day % 10 != 0)), 365.0);
}

#[test]
fn bars_of_other_lengths_have_their_own_year() {
    let hour = BarSize::from_nanos(3_600_000_000_000).expect("a size");
    let hourly = |days: Vec<EquityPoint>| -> Vec<EquityPoint> {
        let at = |p: &EquityPoint, hour: i64| {
            Timestamp::from_nanos(p.time.nanos() + hour * 3_600_000_000_000)
        };
        days.iter().flat_map(|p| (9..16).map(|h| EquityPoint { time: at(p, h), ..*p })).collect()
    };
    let check = |points: &[EquityPoint], bar, want: f64| {
        assert!((periods_per_year(points, bar) - want).abs() < 1e-12);
    };
    check(&hourly(on_days((0..100).filter(|day| day % 7 < 5))), hour, 252.0);
    check(&hourly(on_days(0..100)), hour, 365.0);
    check(&on_days((0..10).map(|n| n * 7)), "7d".parse().expect("a size"), 365.0 / 7.0);
}

#[test]
fn sources_say_what_was_computed() {
    let check = |bar: BarSize, name: &str, want: &str, day_ends: bool| {
        let points = curve(&[100, 110, 105]);
        let periods_per_year = periods_per_year(&points, bar);
        let settings = Settings { start: Money::from_whole(100), bar, periods_per_year };
        let p = performance(&points, &[], &[], &settings).expect("in range");
        let measure = p.measures().into_iter().find(|m| m.name == name).expect("a measure");
        assert!(measure.source.contains(want), "{}", measure.source);
        assert_eq!(measure.source.starts_with("At day ends"), day_ends, "{}", measure.source);
    };
    let minute = BarSize::from_nanos(60_000_000_000).expect("a size");
    check(BarSize::DAY, "sharpe", "√252 (periods per year)", false);
    check("7d".parse().expect("a size"), "volatility", "√52.14 (periods per year)", false);
    for name in ["max_drawdown", "max_drawdown_days", "exposure", "time_in_market"] {
        check(minute, name, "", true);
        check(BarSize::DAY, name, "", false);
    }
}

proptest! {
    #[test]
    fn nothing_but_numbers_comes_out(equity in prop::collection::vec(-1_000i64..1_000_000, 0..400)) {
        let p = measure(&equity);
        for m in p.measures() {
            if let Value::Number(Some(x)) = m.value {
                prop_assert!(x.is_finite(), "{} is {x}", m.name);
            }
        }
        prop_assert!(p.rolling_sharpe.iter().all(|r| r.value.is_none_or(f64::is_finite)));
        prop_assert!(p.max_drawdown.is_none_or(|d| d <= 0.0));
    }
}
