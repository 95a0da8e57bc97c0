//! The rule of every window operator, by rows computed by hand.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
use panels::{NAN, bare, column, evaluate, of_name};

/// Evaluates over one name `x` and compares row by row.
#[track_caller]
fn check(text: &str, x: &[f64], expected: &[f64]) {
    let got = evaluate(text, &of_name(x));
    let got: Vec<f64> = (0..x.len()).map(|t| got.at(t, 0)).collect();
    alike(text, &got, expected);
}

/// The same over the fields `x` and `y` of one name.
#[track_caller]
fn check_pair(text: &str, pairs: &[(f64, f64)], expected: &[f64]) {
    let mut panel = bare(pairs.len(), 1);
    let field = |of: fn(&(f64, f64)) -> f64| {
        let rows: Vec<[f64; 1]> = pairs.iter().map(|pair| [of(pair)]).collect();
        column(&rows.iter().map(|row| &row[..]).collect::<Vec<_>>())
    };
    panel.insert("x", field(|pair| pair.0)).expect("fits");
    panel.insert("y", field(|pair| pair.1)).expect("fits");
    let got = evaluate(text, &panel);
    let got: Vec<f64> = (0..pairs.len()).map(|t| got.at(t, 0)).collect();
    alike(text, &got, expected);
}

#[track_caller]
fn alike(text: &str, got: &[f64], expected: &[f64]) {
    let near = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12;
    let same = got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| near(*a, *b));
    assert!(same, "{text}\n     got {got:?}\nexpected {expected:?}");
}

const GAP: [f64; 5] = [1.0, 2.0, NAN, 4.0, 6.0];

#[test]
fn a_window_needs_all_its_values_or_min_of_them() {
    check("ts_sum(x, 2)", &GAP, &[NAN, 3.0, NAN, NAN, 10.0]);
    check("ts_sum(x, 2, min=1)", &GAP, &[1.0, 3.0, 2.0, 4.0, 10.0]);
    check("ts_mean(x, 3, min=2)", &GAP, &[NAN, 1.5, 1.5, 3.0, 5.0]);
    check("ts_product(x, 2)", &GAP, &[NAN, 2.0, NAN, NAN, 24.0]);
    check("ts_product(x, 3, min=1)", &GAP, &[1.0, 2.0, 2.0, 8.0, 24.0]);
    check("ts_min(x, 3, min=1)", &GAP, &[1.0, 1.0, 1.0, 2.0, 4.0]);
    check("ts_max(x, 3, min=3)", &[3.0, 2.0, 1.0, NAN, 5.0], &[NAN, NAN, 3.0, NAN, NAN]);
    check("ts_max(x, 3, min=1)", &[NAN, -2.0, NAN, NAN, NAN], &[NAN, -2.0, -2.0, -2.0, NAN]);
    check("ts_median(x, 9)", &GAP, &[NAN; 5]);
    check("ts_corr(x, x, 9)", &GAP, &[NAN; 5]);
    check("ts_sum(x, 1)", &GAP, &GAP);
    check("decay_linear(x, 1)", &GAP, &GAP);
    check("ts_median(x, 1)", &GAP, &GAP);
}

#[test]
fn a_count_is_never_missing() {
    check("ts_count(x, 2)", &[NAN, NAN, 1.0, 2.0, NAN], &[0.0, 0.0, 1.0, 2.0, 1.0]);
    check("ts_count(x, 7)", &GAP, &[1.0, 2.0, 2.0, 3.0, 4.0]);
}

#[test]
fn variance_divides_by_the_count_less_one() {
    let x = [1.0, 3.0, NAN, 8.0, 8.0];
    check("ts_var(x, 2)", &x, &[NAN, 2.0, NAN, NAN, 0.0]);
    check("ts_var(x, 3, min=1)", &x, &[NAN, 2.0, 2.0, 12.5, 0.0]);
    check("ts_std(x, 2)", &x, &[NAN, 2.0_f64.sqrt(), NAN, NAN, 0.0]);
    check("ts_var(x, 1)", &x, &[NAN; 5]);
}

#[test]
fn a_constant_window_varies_by_exactly_nothing() {
    let constant = [0.1; 70];
    for n in [2, 3, 7, 20, 31, 33, 63] {
        for operator in ["ts_var(x, ", "ts_std(x, ", "ts_cov(x, 3 * x, ", "ts_slope(x, "] {
            let expected = [vec![NAN; n - 1], vec![0.0; 71 - n]].concat();
            check(&format!("{operator}{n}) * 1e300"), &constant, &expected);
        }
        for operator in ["ts_zscore(x", "ts_corr(x, x", "ts_rsquare(x", "ts_skew(x", "ts_kurt(x"] {
            check(&format!("{operator}, {n})"), &constant, &[NAN; 70]);
            check(&format!("{operator}, {n}, min=2)"), &constant, &[NAN; 70]);
        }
        check(&format!("ts_resi(x, {n}, min=1) * 1e300"), &constant, &[0.0; 70]);
        check(&format!("ts_slope(x, {n}, min=1) * 1e300"), &constant, &[0.0; 70]);
    }
}

#[test]
fn a_zscore_asks_for_the_current_value_and_a_deviation() {
    let half = 0.5_f64.sqrt();
    check("ts_zscore(x, 2)", &[1.0, 3.0, 3.0, 2.0], &[NAN, half, NAN, -half]);
    check("ts_zscore(x, 3, min=2)", &[1.0, 3.0, NAN, 3.0], &[NAN, half, NAN, NAN]);
    check("ts_zscore(x, 3, min=1)", &[5.0], &[NAN]);
}

#[test]
fn skewness_and_kurtosis_are_corrected_for_bias() {
    // As scipy.stats.skew and kurtosis with bias=False give.
    let x = [1.0, 2.0, 4.0, 9.0, 3.0];
    check("ts_skew(x, 4)", &x, &[NAN, NAN, NAN, 1.330_937_732_247_670_3, 1.597_077_982_930_783_7]);
    check("ts_kurt(x, 5)", &x, &[NAN, NAN, NAN, NAN, 2.675_098_310_128_598_6]);
    check("ts_skew(x, 3)", &[1.0, 2.0, 3.0], &[NAN, NAN, 0.0]);
    check("ts_skew(x, 4, min=1)", &[1.0, NAN, 2.0, 6.0], &[NAN, NAN, NAN, 1.457_862_967_321_304_6]);
    check("ts_skew(x, 2)", &x, &[NAN; 5]);
    check("ts_kurt(x, 3)", &x, &[NAN; 5]);
    check("ts_kurt(x, 9, min=2)", &[1.0, NAN, 2.0, 6.0], &[NAN; 4]);
}

#[test]
fn two_series_count_where_both_have_a_value() {
    let pairs = [(1.0, 2.0), (NAN, 9.0), (3.0, 8.0), (5.0, NAN), (4.0, 5.0)];
    check_pair("ts_cov(x, y, 3, min=2)", &pairs, &[NAN, NAN, 6.0, NAN, -1.5]);
    check_pair("ts_cov(x, y, 2)", &pairs, &[NAN; 5]);
    check_pair("ts_corr(x, y, 3, min=1)", &pairs, &[NAN, NAN, 1.0, NAN, -1.0]);
    check_pair("ts_cov(x, y, 2)", &[(1.0, 2.0), (3.0, 8.0), (4.0, 8.0)], &[NAN, 6.0, 0.0]);
    check_pair("ts_corr(x, y, 2)", &[(1.0, 2.0), (3.0, 8.0), (4.0, 8.0)], &[NAN, 1.0, NAN]);
    check_pair("ts_corr(x, y, 1)", &pairs, &[NAN; 5]);
}

#[test]
fn a_rank_is_the_average_one_by_the_number_of_valid_values() {
    check("ts_rank(x, 3)", &[1.0, 3.0, 2.0, 2.0], &[NAN, NAN, 2.0 / 3.0, 0.5]);
    check("ts_rank(x, 3)", &[2.0, 2.0, 2.0], &[NAN, NAN, 2.0 / 3.0]);
    check("ts_rank(x, 3, min=1)", &[5.0, NAN, 4.0, 6.0], &[1.0, NAN, 0.5, 1.0]);
    check("ts_rank(x, 1)", &[5.0, NAN], &[1.0, NAN]);
}

#[test]
fn the_place_of_an_extreme_counts_from_the_oldest_row_and_the_oldest_wins_ties() {
    let x = [2.0, 7.0, 7.0, 1.0, 1.0, NAN];
    check("ts_argmax(x, 3)", &x, &[NAN, NAN, 2.0, 1.0, 1.0, NAN]);
    check("ts_argmin(x, 3)", &x, &[NAN, NAN, 1.0, 3.0, 2.0, NAN]);
    // The places are those of the window's three rows, even where history has fewer.
    check("ts_argmax(x, 3, min=1)", &x, &[3.0, 3.0, 2.0, 1.0, 1.0, 1.0]);
    check("ts_argmin(x, 3, min=2)", &x, &[NAN, 2.0, 1.0, 3.0, 2.0, 1.0]);
    check("ts_argmax(x, 1)", &x, &[1.0, 1.0, 1.0, 1.0, 1.0, NAN]);
    check("ts_argmin(x, 5)", &[0.0; 6], &[NAN, NAN, NAN, NAN, 1.0, 1.0]);
}

#[test]
fn a_decay_weighs_by_the_place_and_by_the_weights_used() {
    check("decay_linear(x, 3)", &[1.0, 2.0, 4.0, 0.0], &[NAN, NAN, 17.0 / 6.0, 10.0 / 6.0]);
    check("decay_linear(x, 3, min=2)", &[1.0, NAN, 4.0, NAN], &[NAN, NAN, 13.0 / 4.0, NAN]);
    check("decay_linear(x, 3, min=1)", &[7.0, NAN, 1.0], &[7.0, 7.0, 10.0 / 4.0]);
}

#[test]
fn quantiles_lie_on_a_line_between_the_sorted_values() {
    let x = [4.0, 1.0, 3.0, NAN, 3.0, 10.0];
    check("ts_median(x, 3)", &x, &[NAN, NAN, 3.0, NAN, NAN, NAN]);
    check("ts_median(x, 3, min=1)", &x, &[4.0, 2.5, 3.0, 2.0, 3.0, 6.5]);
    check("ts_quantile(x, 3, 0, min=1)", &x, &[4.0, 1.0, 1.0, 1.0, 3.0, 3.0]);
    check("ts_quantile(x, 3, 1, min=2)", &x, &[NAN, 4.0, 4.0, 3.0, 3.0, 10.0]);
    check("ts_quantile(x, 3, 0.25)", &x, &[NAN, NAN, 2.0, NAN, NAN, NAN]);
    check("ts_median(x, 4)", &[5.0, 5.0, -1.0, 5.0, 8.0, 9.0], &[NAN, NAN, NAN, 5.0, 5.0, 6.5]);
}

#[test]
fn a_line_of_least_squares_gives_slope_share_and_the_newest_residual() {
    let x = [1.0, 2.0, 6.0, 10.0];
    check("ts_slope(x, 3)", &x, &[NAN, NAN, 2.5, 4.0]);
    check("ts_rsquare(x, 3)", &x, &[NAN, NAN, 12.5 / 14.0, 1.0]);
    check("ts_resi(x, 3)", &x, &[NAN, NAN, 0.5, 0.0]);
    // A gap keeps its place: the line goes through the rows 0 and 2.
    let x = [1.0, NAN, 5.0, NAN];
    check("ts_slope(x, 3, min=1)", &x, &[0.0, 0.0, 2.0, 0.0]);
    check("ts_rsquare(x, 3, min=1)", &x, &[NAN, NAN, 1.0, NAN]);
    check("ts_resi(x, 3, min=1)", &x, &[0.0, NAN, 0.0, NAN]);
    check("ts_slope(x, 1)", &x, &[0.0, NAN, 0.0, NAN]);
}

#[test]
fn history_before_a_window_leaves_no_trace() {
    let calm: Vec<f64> = (0..60).map(|t| f64::from(t * 37 % 11) / 8.0).collect();
    let wild: Vec<f64> =
        [1e15, NAN, -1e18, 3.0, f64::INFINITY].into_iter().cycle().take(35).collect();
    let texts = [
        "ts_sum(x, 20)",
        "ts_mean(x, 20)",
        "ts_std(x, 20, min=9)",
        "ts_kurt(x, 20)",
        "ts_corr(x, delay(x, 1), 20)",
        "ts_median(x, 20, min=9)",
        "ts_resi(x, 20)",
        "decay_linear(x, 20, min=20)",
        "ts_argmax(x, 20)",
    ];
    for text in texts {
        let alone = evaluate(text, &of_name(&calm));
        let after = evaluate(text, &of_name(&[wild.clone(), calm.clone()].concat()));
        for t in 20..calm.len() {
            let (alone, after) = (alone.at(t, 0), after.at(35 + t, 0));
            assert_eq!(alone.to_bits(), after.to_bits(), "{text}, row {t}");
        }
    }
}

#[test]
fn a_mean_far_from_zero_does_not_blur_the_deviation() {
    let x: Vec<f64> = (0..400).map(|t| 1e6 + f64::from(t % 2)).collect();
    let expected = [vec![NAN; 249], vec![(250.0_f64 / 4.0 / 249.0).sqrt(); 151]].concat();
    check("ts_std(x, 250)", &x, &expected);
    let mut early = vec![NAN; 248];
    early.push((124.0_f64 * 125.0 / 249.0 / 248.0).sqrt());
    check("ts_std(x, 250, min=249)", &x[..249], &early);
}
