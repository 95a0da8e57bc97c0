//! Indicators against values recorded from TA-Lib, and by hand where TA-Lib defines none.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
use market::{Panel, Timestamp};
use panels::{NAN, bare, column, evaluate, of_name};
use serde_json::Value;

fn numbers(values: &Value) -> Vec<f64> {
    let values = values.as_array().expect("a list");
    values.iter().map(|x| x.as_f64().unwrap_or(NAN)).collect()
}

/// One name with these columns.
fn of_columns(columns: &[(&str, Vec<f64>)]) -> Panel {
    let mut panel = bare(columns[0].1.len(), 1);
    for (name, values) in columns {
        let rows: Vec<[f64; 1]> = values.iter().map(|x| [*x]).collect();
        let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        panel.insert(*name, column(&rows)).expect("fits");
    }
    panel
}

fn name_of(text: &str, panel: &Panel) -> Vec<f64> {
    let column = evaluate(text, panel);
    (0..panel.rows()).map(|t| column.at(t, 0)).collect()
}

/// Rows that TA-Lib withholds although its other output for them is all that lacks.
const EARLIER: &[(&str, usize)] = &[
    ("macd(close)", 8),
    ("macd(close, 20, 5)", 3),
    ("stoch_k(high, low, close)", 2),
    ("stochf_k(high, low, close)", 2),
    ("stochrsi_k(close)", 2),
    ("adosc(high, low, close, volume)", 9),
];

#[test]
fn indicators_have_the_values_of_ta_lib() {
    let recorded: Value = serde_json::from_str(include_str!("data/indicators.json")).expect("JSON");
    let bars = recorded["bars"].as_object().expect("columns");
    let columns: Vec<(&str, Vec<f64>)> =
        bars.iter().map(|(name, values)| (name.as_str(), numbers(values))).collect();
    let panel = of_columns(&columns);
    let mut wrong = Vec::new();
    println!(
        "{:45} {:20} {:>9} {:>8} {:>10}",
        "indicator", "TA-Lib", "first row", "earlier", "error"
    );
    for (text, one) in recorded["series"].as_object().expect("series") {
        let (theirs, ours) = (numbers(&one["values"]), name_of(text, &panel));
        let first = |values: &[f64]| values.iter().position(|x| !x.is_nan()).expect("a value");
        let (begin, earlier) = (first(&theirs), first(&theirs).saturating_sub(first(&ours)));
        let scale = theirs.iter().filter(|x| !x.is_nan()).fold(0.0_f64, |all, x| all.max(x.abs()));
        let pairs = theirs.iter().zip(&ours).skip(begin);
        let error = pairs
            .map(|(a, b)| ((a - b).abs() / scale).min(1.0))
            .fold(0.0, |all: f64, x| if x.is_nan() { 1.0 } else { all.max(x) });
        println!(
            "{text:45} {:20} {begin:>9} {earlier:>8} {error:>10.1e}",
            one["talib"].as_str().unwrap()
        );
        let stated = EARLIER.iter().find(|(name, _)| name == text).map_or(0, |(_, rows)| *rows);
        if error > 1e-10 || earlier != stated {
            wrong.push((text, error, earlier));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[track_caller]
fn over_time(text: &str, x: &[f64], expected: &[f64]) {
    alike(text, &name_of(text, &of_name(x)), expected);
}

#[track_caller]
fn alike(text: &str, got: &[f64], expected: &[f64]) {
    let near = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9;
    let same = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| near(*a, *b));
    assert!(same, "{text}\n     got {got:?}\nexpected {expected:?}");
}

#[test]
fn a_missing_row_holds_the_state_and_warm_up_counts_values() {
    let x = [1.0, NAN, 3.0, 5.0, NAN, 9.0];
    over_time("ema_seeded(x, 2)", &x, &[NAN, NAN, 2.0, 4.0, NAN, 22.0 / 3.0]);
    over_time("ema_seeded(x, 2, skip=1)", &x, &[NAN, NAN, NAN, 4.0, NAN, 22.0 / 3.0]);
    over_time("rma(x, 2)", &x, &[NAN, NAN, 2.0, 3.5, NAN, 6.25]);
    over_time("prior(x)", &x, &[NAN, NAN, 1.0, 3.0, NAN, 5.0]);
    over_time("cumulative(x)", &x, &[1.0, NAN, 4.0, 9.0, NAN, 18.0]);
    over_time("rsi(x, 2)", &[1.0, NAN, 3.0, 2.0, 4.0], &[NAN, NAN, NAN, 200.0 / 3.0, 600.0 / 7.0]);
    over_time("kama(x, 1)", &x, &[NAN, NAN, 17.0 / 9.0, 265.0 / 81.0, NAN, 4241.0 / 729.0]);
}

#[test]
fn recursions_skip_missing_rows_as_if_they_were_not_there() {
    let high: Vec<f64> = (0..90).map(|t| 50.0 + f64::from((t * 37) % 23) / 4.0).collect();
    let texts = [
        "adx(x + 2, x, x + 1, 5)",
        "sar(x + 2, x)",
        "supertrend(x + 2, x, x + 1, 4, k=1)",
        "fisher(x + 2, x, 6)",
        "kama(x, 6)",
        "tema(x, 4)",
        "macd_hist(x, 3, 7, 4)",
        "obv(x, x)",
        "atr(x + 2, x, x + 1, 5)",
        "plus_dm(x + 2, x, 4)",
        "dx(x + 2, x, x + 1, 4)",
        "cmo(x, 5)",
        "trix(x, 3)",
        "streak(x > 52)",
    ];
    let gaps: Vec<f64> = high
        .iter()
        .enumerate()
        .flat_map(|(t, x)| if t % 5 == 2 { vec![NAN, *x] } else { vec![*x] })
        .collect();
    for text in texts {
        let whole = name_of(text, &of_name(&high));
        let with = name_of(text, &of_name(&gaps));
        let kept: Vec<f64> =
            with.iter().zip(&gaps).filter(|(_, x)| !x.is_nan()).map(|(y, _)| *y).collect();
        alike(text, &kept, &whole);
        assert!(with.iter().zip(&gaps).all(|(y, x)| !x.is_nan() || y.is_nan()), "{text}");
    }
}

/// Ehlers' recursion by hand: place = 0.66 · (p − lowest)/(highest − lowest) − 0.33 + 0.67 · place.
#[test]
fn fisher_by_hand() {
    let fish = |place: f64, last: f64| 0.5 * ((1.0 + place) / (1.0 - place)).ln() + 0.5 * last;
    let first = fish(0.33, 0.0);
    let second = fish(0.33 * 0.67 - 0.33, first);
    let third = fish(0.33 + 0.67 * (0.33 * 0.67 - 0.33), second);
    over_time(
        "fisher(x + 1, x - 1, 2)",
        &[1.0, 3.0, 2.0, NAN, 5.0],
        &[NAN, first, second, NAN, third],
    );
    over_time(
        "fisher_signal(x, x, 2)",
        &[1.0, 3.0, 2.0, NAN, 5.0],
        &[NAN, NAN, first, NAN, second],
    );
    over_time("fisher(x, x, 2)", &[4.0, 4.0, 4.0], &[NAN, 0.0, 0.0]);
    let rising: Vec<f64> = (0..60).map(f64::from).collect();
    let last = name_of("fisher(x, x, 3)", &of_name(&rising))[59];
    assert!((last - 1999.0_f64.ln()).abs() < 1e-9, "the place is held at 0.999: {last}");
}

/// Middles of ranges, Hosoda; the cloud over a row was drawn from rows before it.
#[test]
fn ichimoku_by_hand() {
    let x = [1.0, 5.0, 3.0, 9.0, 2.0];
    over_time("ichimoku_tenkan(x, x, 2)", &x, &[NAN, 3.0, 4.0, 6.0, 5.5]);
    over_time("ichimoku_kijun(x + 1, x - 1, 3)", &x, &[NAN, NAN, 3.0, 6.0, 5.5]);
    over_time("ichimoku_senkou_a(x, x, 2, 3, d=1)", &x, &[NAN, NAN, NAN, 3.5, 6.0]);
    over_time("ichimoku_senkou_b(x, x, 3, d=2)", &x, &[NAN, NAN, NAN, NAN, 3.0]);
}

#[test]
fn prices_weighed_by_volume() {
    let price = vec![10.0, 20.0, NAN, 40.0];
    let mut panel = of_columns(&[("p", price), ("v", vec![1.0, 3.0, 5.0, 1.0])]);
    alike("vwap", &name_of("vwap(p, v, 2)", &panel), &[NAN, 17.5, NAN, NAN]);
    alike("none", &name_of("vwap(p, v * 0, 1)", &panel), &[NAN; 4]);
    let times = [0, 23, 24, 25].map(|hour: i64| Timestamp::from_nanos(hour * 3_600_000_000_000));
    let mut days = Panel::new(times.to_vec(), panel.symbols().to_vec());
    for name in ["p", "v"] {
        days.insert(name, panel.field(name).expect("is there").clone()).expect("fits");
    }
    panel = days;
    alike("session", &name_of("vwap_session(p, v)", &panel), &[10.0, 17.5, NAN, 40.0]);
}

#[test]
fn nothing_infinite_comes_out_of_flat_or_enormous_prices() {
    let columns: Vec<(&str, Vec<f64>)> = [("flat", 7.0), ("zero", 0.0), ("huge", 1.7e308)]
        .map(|(name, x)| (name, vec![x; 60]))
        .to_vec();
    let panel = of_columns(&columns);
    for (text, flat) in [
        ("rsi(@)", 0.0),
        ("cmo(@)", 0.0),
        ("cci(@, @, @)", 0.0),
        ("williams_r(@, @, @)", 0.0),
        ("stochf_k(@, @, @)", 0.0),
        ("adx(@, @, @)", 0.0),
        ("dx(@, @, @)", 0.0),
        ("plus_di(@, @, @)", 0.0),
        ("bop(@, @, @, @)", 0.0),
        ("mfi(@, @, @, @)", 0.0),
        ("ultosc(@, @, @)", 0.0),
        ("kama(@)", 7.0),
        ("sar(@, @)", 7.0),
        ("supertrend(@, @, @)", 7.0),
        ("bollinger_upper(@)", 7.0),
        ("trix(@, 3)", 0.0),
        ("macd_hist(@)", 0.0),
        ("vwap(@, @, 3)", 7.0),
        ("vwap_session(@, @)", 7.0),
        ("avgdev(@)", 0.0),
    ] {
        let last = name_of(&text.replace('@', "flat"), &panel)[59];
        assert!((last - flat).abs() < 1e-12, "{text} of a flat price: {last}");
        for other in ["zero", "huge"] {
            let values = name_of(&text.replace('@', other), &panel);
            assert!(values.iter().all(|x| !x.is_infinite()), "{text} of {other}");
        }
    }
}
