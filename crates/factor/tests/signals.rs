//! Crossings, held values, runs and the calendar, by hand.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    reason = "tests: a wrong index is a failure"
)]

mod panels;
use market::{Panel, Timestamp};
use panels::{NAN, evaluate, of_name, of_rows};

#[track_caller]
fn over_time(text: &str, x: &[f64], expected: &[f64]) {
    alike(text, &of_name(x), expected);
}

#[track_caller]
fn alike(text: &str, panel: &Panel, expected: &[f64]) {
    let column = evaluate(text, panel);
    let got: Vec<f64> = (0..panel.rows()).map(|t| column.at(t, 0)).collect();
    let near = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12;
    let same = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| near(*a, *b));
    assert!(same, "{text}\n     got {got:?}\nexpected {expected:?}");
}

#[test]
fn a_crossing_comes_from_the_other_side_or_from_the_line() {
    let x = [1.0, 3.0, 2.0, 3.0, 1.0, NAN, 3.0];
    over_time("crosses_above(x, 2)", &x, &[NAN, 1.0, 0.0, 1.0, 0.0, NAN, NAN]);
    over_time("crosses_below(x, 2)", &x, &[NAN, 0.0, 0.0, 0.0, 1.0, NAN, NAN]);
    over_time("crosses_below(2, x)", &x, &[NAN, 1.0, 0.0, 1.0, 0.0, NAN, NAN]);
}

#[test]
fn a_value_is_taken_held_and_given_up() {
    let x = [1.0, 5.0, 2.0, NAN, 6.0, 9.0, 3.0, 7.0];
    over_time("trade_when(x > 4, x, x > 8)", &x, &[NAN, 5.0, 5.0, NAN, 6.0, NAN, NAN, 7.0]);
    over_time("trade_when(x > 4, x, 0)", &x, &[NAN, 5.0, 5.0, NAN, 6.0, 9.0, 9.0, 7.0]);
    over_time("trade_when(is_nan(x), x, 0)", &x, &[NAN; 8]);
}

#[test]
fn a_hump_moves_by_at_most_its_share_of_the_day() {
    // WorldQuant's example: 5, then 2, with a limit of 1.5.
    over_time("hump(x, h=0.75)", &[5.0, 2.0], &[5.0, 3.5]);
    over_time("hump(x, 0.5)", &[4.0, 6.0, NAN, 14.0, 1.0], &[4.0, 4.0, NAN, 11.0, 10.5]);
    let panel = of_rows(&[&[1.0, 9.0], &[3.0, -7.0], &[3.0, NAN]]);
    alike("hump(x, h=0.1)", &panel, &[1.0, 2.0, 2.3]);
}

#[test]
fn runs_and_distances() {
    let x = [0.0, 1.0, 1.0, NAN, 1.0, 0.0, 0.0];
    over_time("streak(x > 0)", &x, &[0.0, 1.0, 2.0, NAN, 3.0, 0.0, 0.0]);
    over_time("since(x > 0)", &x, &[NAN, 0.0, 0.0, NAN, 0.0, 1.0, 2.0]);
    over_time("since(x < 1)", &x, &[0.0, 1.0, 2.0, NAN, 4.0, 0.0, 0.0]);
}

fn at(texts: &[&str]) -> Panel {
    let times: Vec<Timestamp> = texts.iter().map(|text| text.parse().expect("a time")).collect();
    let mut panel = Panel::new(times, of_name(&[1.0]).symbols().to_vec());
    panel.insert("x", market::Column::missing(texts.len(), 1)).expect("fits");
    panel
}

#[test]
fn the_calendar_is_that_of_utc() {
    let panel = at(&[
        "1969-12-31T23:59:59Z",
        "2023-12-31T00:00:00Z",
        "2024-01-01T14:30:00Z",
        "2024-01-01T14:31:00Z",
        "2024-02-29T05:00:00Z",
        "2024-12-30T23:59:00Z",
    ]);
    let check = |text: &str, expected: [f64; 6]| alike(text, &panel, &expected);
    check("year()", [1969.0, 2023.0, 2024.0, 2024.0, 2024.0, 2024.0]);
    check("quarter()", [4.0, 4.0, 1.0, 1.0, 1.0, 4.0]);
    check("month()", [12.0, 12.0, 1.0, 1.0, 2.0, 12.0]);
    check("week()", [1.0, 52.0, 1.0, 1.0, 9.0, 1.0]);
    check("day()", [31.0, 31.0, 1.0, 1.0, 29.0, 30.0]);
    check("weekday()", [3.0, 7.0, 1.0, 1.0, 4.0, 1.0]);
    check("day_of_year()", [365.0, 365.0, 1.0, 1.0, 60.0, 365.0]);
    check("hour()", [23.0, 0.0, 14.0, 14.0, 5.0, 23.0]);
    check("minute()", [59.0, 0.0, 30.0, 31.0, 0.0, 59.0]);
    check("minute_of_day()", [1439.0, 0.0, 870.0, 871.0, 300.0, 1439.0]);
    check("session(870, 871)", [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    check("session(1400, 300)", [1.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    check("session(60, 60)", [0.0; 6]);
    check("new_day()", [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    check("new_week()", [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    check("new_month()", [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    check("bars_today()", [1.0, 1.0, 1.0, 2.0, 1.0, 1.0]);
    check("where(weekday() == 1 and session(870, 900), 1, 0)", [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn new_weeks_and_months_turn_only_at_their_borders() {
    let panel = at(&["2024-01-05", "2024-01-08", "2024-01-09", "2024-01-31", "2024-02-01"]);
    alike("new_week()", &panel, &[1.0, 1.0, 0.0, 1.0, 0.0]);
    alike("new_month()", &panel, &[1.0, 0.0, 0.0, 0.0, 1.0]);
}
