//! Every stated rule of the semantics, by hand-computed rows.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    clippy::float_cmp,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
use panels::{NAN, evaluate, of_name, of_rows};

/// Evaluates over one name `x` and compares row by row.
#[track_caller]
fn over_time(text: &str, x: &[f64], expected: &[f64]) {
    let column = evaluate(text, &of_name(x));
    let got: Vec<f64> = (0..x.len()).map(|t| column.at(t, 0)).collect();
    alike(text, &got, expected);
}

/// Evaluates over one day of `x` and compares name by name.
#[track_caller]
fn over_names(text: &str, x: &[f64], expected: &[f64]) {
    let column = evaluate(text, &of_rows(&[x]));
    alike(text, &column.row(0)[..x.len()], expected);
    assert!(column.row(0)[x.len()..].iter().all(|x| x.is_nan()), "{text}: padding is missing");
}

#[track_caller]
fn alike(text: &str, got: &[f64], expected: &[f64]) {
    let near = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12;
    let same = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| near(*a, *b));
    assert!(same, "{text}\n     got {got:?}\nexpected {expected:?}");
}

#[test]
fn arithmetic_misses_where_an_operand_does_and_never_gives_an_infinity() {
    over_time("x + 1", &[1.0, NAN], &[2.0, NAN]);
    over_time("1 - x", &[1.0, NAN], &[0.0, NAN]);
    over_time("1 / x", &[4.0, 0.0, NAN], &[0.25, NAN, NAN]);
    over_time("x * 1e308", &[10.0, 1.0], &[NAN, 1e308]);
    over_time("-x ^ 2", &[3.0], &[-9.0]);
    over_time("2 ^ x ^ 2", &[3.0], &[512.0]);
    over_time("x ^ -1", &[0.0, 4.0], &[NAN, 0.25]);
    over_time("x ^ 0.5", &[-1.0, 4.0], &[NAN, 2.0]);
    over_time("log(x)", &[1.0, 0.0, -1.0], &[0.0, NAN, NAN]);
    over_time("sqrt(x)", &[4.0, 0.0, -1.0], &[2.0, 0.0, NAN]);
    over_time("sign(x)", &[-3.0, 0.0, 2.0, NAN], &[-1.0, 0.0, 1.0, NAN]);
    over_time("signed_power(x, 2)", &[-3.0, 2.0, NAN], &[-9.0, 4.0, NAN]);
    over_time("max(x, 2)", &[1.0, 3.0, NAN], &[2.0, 3.0, NAN]);
    over_time("x", &[1.0, f64::INFINITY, f64::NEG_INFINITY], &[1.0, NAN, NAN]);
    over_time("ts_sum(x, 2, min=1)", &[1.0, f64::INFINITY, 2.0], &[1.0, 1.0, 2.0]);
}

#[test]
fn comparisons_and_logic_give_one_zero_or_missing() {
    over_time("x > 1", &[1.0, 2.0, NAN], &[0.0, 1.0, NAN]);
    over_time("x >= 1", &[1.0, 2.0, NAN], &[1.0, 1.0, NAN]);
    over_time("x != 1", &[1.0, 2.0, NAN], &[0.0, 1.0, NAN]);
    over_time("x > 0 and x < 2", &[1.0, 2.0, NAN], &[1.0, 0.0, NAN]);
    over_time("or(x > 1, is_nan(x))", &[1.0, 2.0, NAN], &[0.0, 1.0, NAN]);
    over_time("not x > 1", &[1.0, 2.0, NAN], &[1.0, 0.0, NAN]);
    over_time("is_nan(x)", &[1.0, NAN], &[0.0, 1.0]);
    over_time("fill(x, 7)", &[1.0, NAN], &[1.0, 7.0]);
}

#[test]
fn where_looks_only_at_the_chosen_branch() {
    over_time("where(x > 1, 1 / (x - 3), x)", &[3.0, 2.0, 0.5, NAN], &[NAN, -1.0, 0.5, NAN]);
    over_time("where(is_nan(x), 5, 1 / 0)", &[NAN, 1.0], &[5.0, NAN]);
    over_time("where(1, x, 0)", &[NAN, 1.0], &[NAN, 1.0]);
}

#[test]
fn lags_count_calendar_rows() {
    over_time("delay(x, 2)", &[1.0, NAN, 3.0, 4.0], &[NAN, NAN, 1.0, NAN]);
    over_time("delay(x, 0)", &[1.0, NAN], &[1.0, NAN]);
    over_time("delay(x, 9)", &[1.0, 2.0], &[NAN, NAN]);
    over_time("delta(x, 1)", &[1.0, 3.0, NAN, 4.0], &[NAN, 2.0, NAN, NAN]);
    over_time("returns(x, 1)", &[2.0, 3.0, 0.0, 4.0], &[NAN, 0.5, -1.0, NAN]);
}

#[test]
fn windows_need_all_values_or_min() {
    let x = [1.0, 2.0, NAN, 4.0, 6.0];
    over_time("ts_sum(x, 2)", &x, &[NAN, 3.0, NAN, NAN, 10.0]);
    over_time("ts_mean(x, 2)", &x, &[NAN, 1.5, NAN, NAN, 5.0]);
    over_time("ts_mean(x, 3, min=2)", &x, &[NAN, 1.5, 1.5, 3.0, 5.0]);
    over_time("ts_mean(x, 3, min=1)", &x, &[1.0, 1.5, 1.5, 3.0, 5.0]);
    over_time("ts_min(x, 2, min=1)", &x, &[1.0, 1.0, 2.0, 4.0, 4.0]);
    over_time("ts_max(x, 2)", &x, &[NAN, 2.0, NAN, NAN, 6.0]);
    over_time("ts_mean(x, 9)", &x, &[NAN; 5]);
    over_time("ts_mean(x, 1)", &x, &x);
    over_time("ts_sum(2, 2)", &x, &[NAN, 4.0, 4.0, 4.0, 4.0]);
}

#[test]
fn deviation_divides_by_count_less_one_and_a_constant_window_has_none() {
    over_time("ts_std(x, 2)", &[1.0, 3.0, 3.0], &[NAN, 2.0_f64.sqrt(), 0.0]);
    over_time("ts_std(x, 1)", &[1.0, 2.0], &[NAN, NAN]);
    over_time("ts_std(x, 3, min=1)", &[1.0, NAN, 3.0], &[NAN, NAN, 2.0_f64.sqrt()]);
    for n in 2..40 {
        let constant = [0.1; 40];
        let mut zero = vec![NAN; n - 1];
        zero.resize(40, 0.0);
        over_time(&format!("ts_std(x, {n}) * 1e300"), &constant, &zero);
        let mut early = vec![0.0; 40];
        early[0] = NAN;
        over_time(&format!("ts_std(x, {n}, min=1) * 1e300"), &constant, &early);
    }
}

#[test]
fn correlation_is_clamped_pairwise_and_missing_if_a_side_is_constant() {
    over_time("ts_corr(x, 2 * x, 3)", &[1.0, 2.0, 4.0, 4.0, 4.0], &[NAN, NAN, 1.0, 1.0, NAN]);
    over_time("ts_corr(x, -x, 2)", &[1.0, 2.0, NAN, 4.0], &[NAN, -1.0, NAN, NAN]);
    over_time("ts_corr(x, 3, 2)", &[1.0, 2.0], &[NAN, NAN]);
    over_time("ts_corr(x, x, 3, min=2)", &[1.0, NAN, 4.0], &[NAN, NAN, 1.0]);
    over_time("ts_corr(x, x, 1)", &[1.0, 2.0], &[NAN, NAN]);
}

#[test]
fn rank_in_a_window_is_the_average_one_over_the_valid_ones() {
    over_time("ts_rank(x, 3)", &[1.0, 3.0, 2.0, 2.0, 0.0], &[NAN, NAN, 2.0 / 3.0, 0.5, 1.0 / 3.0]);
    over_time("ts_rank(x, 3, min=1)", &[2.0, NAN, 1.0, 3.0], &[1.0, NAN, 0.5, 1.0]);
    over_time("ts_rank(x, 2)", &[5.0, 5.0], &[NAN, 0.75]);
}

#[test]
fn the_exponential_mean_starts_at_the_first_value_and_holds_its_state() {
    over_time("ema(x, 3)", &[NAN, 2.0, 4.0, NAN, 8.0], &[NAN, 2.0, 3.0, NAN, 5.5]);
    over_time("ema(x, 1)", &[1.0, 5.0], &[1.0, 5.0]);
}

#[test]
fn a_day_is_ranked_over_the_names_with_a_value() {
    over_names("rank(x)", &[3.0, NAN, 1.0, 3.0, 2.0], &[0.875, NAN, 0.25, 0.875, 0.5]);
    over_names("rank(x)", &[7.0], &[1.0]);
    over_names("rank(x)", &[NAN, NAN], &[NAN, NAN]);
    over_names("rank(x)", &[0.0, -0.0], &[0.75, 0.75]);
    over_names("rank(x)", &[-1e300, 1e300, -1e-300, 1e-300], &[0.25, 1.0, 0.5, 0.75]);
    over_names("rank(is_nan(x))", &[NAN, 1.0, 2.0], &[1.0, 0.5, 0.5]);
}

#[test]
fn deviations_across_a_day() {
    over_names("cs_demean(x)", &[1.0, NAN, 3.0], &[-1.0, NAN, 1.0]);
    over_names("cs_demean(x)", &[5.0], &[0.0]);
    let r = 0.5_f64.sqrt();
    over_names("cs_zscore(x)", &[1.0, NAN, 3.0], &[-r, NAN, r]);
    over_names("cs_zscore(x)", &[0.1, 0.1, 0.1], &[NAN, NAN, NAN]);
    over_names("cs_zscore(x)", &[4.0, NAN], &[NAN, NAN]);
    over_names("scale(x)", &[1.0, -3.0, NAN], &[0.25, -0.75, NAN]);
    over_names("scale(x, k=2)", &[1.0, -3.0, NAN], &[0.5, -1.5, NAN]);
    over_names("scale(x)", &[0.0, 0.0], &[NAN, NAN]);
}

#[test]
fn the_top_is_filled_from_the_earlier_of_equals() {
    over_names("top(x, 2)", &[2.0, 3.0, NAN, 2.0, 1.0], &[1.0, 1.0, NAN, 0.0, 0.0]);
    over_names("top(x, 9)", &[2.0, NAN], &[1.0, NAN]);
    over_names("top(x, 1)", &[NAN, NAN], &[NAN, NAN]);
}

#[test]
fn panels_of_one_day_or_no_name_or_no_day_evaluate() {
    for (rows, names) in [(1, 1), (0, 3), (3, 0), (0, 0)] {
        let panel = panels::rough(rows, names, 1);
        for text in
            ["rank(x)", "ema(x, 3)", "ts_std(x, 5)", "ts_corr(x, y, 5, min=2)", "delay(x, 4)", "3"]
        {
            let column = evaluate(text, &panel);
            assert_eq!(column.rows(), rows, "{text}");
            assert_eq!(panels::evaluate_on(text, &panel, 2), column);
        }
    }
}
