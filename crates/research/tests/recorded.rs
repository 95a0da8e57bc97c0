//! The figures of pandas, scipy, statsmodels and alphalens on the same panels: `data/record.py`.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod seeded;
use market::Column;
use research::{
    Horizon, Participation, Settings, Study, Summary, Trials, correlations, overfitting, study,
};
use seeded::{Kind, NAMES, ROWS, seeded};
use serde_json::Value;
use std::sync::atomic::AtomicBool;

static LIVE: AtomicBool = AtomicBool::new(false);

fn recorded() -> Value {
    serde_json::from_str(include_str!("data/recorded.json")).expect("JSON")
}

fn settings() -> Settings {
    Settings {
        horizons: vec![1, 5],
        group: Some("sector".to_owned()),
        cost: 0.001,
        decay: 5,
        trials: Trials { count: 50, variance: None },
        capacity: Some(Participation { rows: 10, ..Participation::default() }),
        ..Settings::default()
    }
}

/// Equal to ten digits, or both missing.
fn same(what: &str, found: Option<f64>, want: &Value) {
    match (found, want.as_f64()) {
        (None, None) => {}
        (Some(found), Some(want)) => {
            let near = (found - want).abs() <= 1e-10 * want.abs().max(1e-2);
            assert!(near, "{what}: {found} is not {want}");
        }
        (found, want) => panic!("{what}: {found:?} is not {want:?}"),
    }
}

fn all(what: &str, found: &[Option<f64>], want: &Value) {
    let want = want.as_array().expect(what);
    assert_eq!(found.len(), want.len(), "{what}");
    for (at, (found, want)) in found.iter().zip(want).enumerate() {
        same(&format!("{what}, {at}"), *found, want);
    }
}

fn summary(what: &str, found: &Summary, want: &Value) {
    same(what, found.mean, &want["mean"]);
    same(what, found.std, &want["std"]);
    same(what, found.error, &want["error"]);
    assert_eq!(Some(found.error_lags as u64), want["lags"].as_u64(), "{what}");
    assert_eq!(Some(found.count as u64), want["count"].as_u64(), "{what}");
}

fn horizon<'a>(study: &'a Study, want: &'a Value, rows: usize) -> (&'a Horizon, &'a Value) {
    let horizon = study.horizons.iter().find(|one| one.rows == rows).expect("asked for");
    (horizon, &want["horizons"][rows.to_string()])
}

#[test]
fn information_and_quantiles_agree_with_pandas_and_scipy() {
    let ((panel, factor, _), want) = (seeded(Kind::Rough), recorded());
    let study = study(&factor, &panel, &settings(), &LIVE).expect("fits");
    for rows in [1, 5] {
        let (found, want) = horizon(&study, &want["rough"], rows);
        all("ic", &found.ic.series, &want["ic"]);
        all("rank ic", &found.rank_ic.series, &want["rank_ic"]);
        summary("rank ic", &found.rank_ic.summary, &want["rank_ic_summary"]);
        let neutral = [&found.neutral_ic, &found.neutral_rank_ic]
            .map(|one| one.as_ref().expect("groups").summary.mean);
        same("neutral ic", neutral[0], &want["neutral_ic"]);
        same("neutral rank ic", neutral[1], &want["neutral_rank_ic"]);
        let groups: Vec<_> = found.groups.iter().map(|group| group.summary.mean).collect();
        all("groups", &groups, &want["group_rank_ic"]);
        let means: Vec<_> = found.quantiles.iter().map(|one| one.mean.mean).collect();
        all("quantiles", &means, &want["quantile_mean"]);
        let less: Vec<_> = found.quantiles.iter().map(|one| one.demeaned).collect();
        all("quantiles demeaned", &less, &want["quantile_demeaned"]);
        all("spread", &found.spread.series, &want["spread"]);
        summary("spread", &found.spread.summary, &want["spread_summary"]);
        let without = &found.without_delisted.rank_ic;
        same("without delisted", without.mean, &want["rank_ic_without_delisted"]);
        assert_eq!(Some(found.labels.known as u64), want["known"].as_u64());
    }
    let decay: Vec<_> = study.decay.iter().map(|lag| lag.summary.mean).collect();
    all("decay", &decay, &want["rough"]["decay"]);
}

#[test]
fn the_book_agrees_with_pandas_and_scipy() {
    let ((panel, factor, _), want) = (seeded(Kind::Rough), recorded());
    let study = study(&factor, &panel, &settings(), &LIVE).expect("fits");
    for rows in [1, 5] {
        let (found, want) = horizon(&study, &want["rough"], rows);
        let spread = &found.spread;
        // The book opens at row 1, the first entry, and earns from row 2.
        all("returns", &spread.returns[2..], &want["returns"]);
        all("growth", &spread.growth[2..], &want["growth"]);
        all("growth after costs", &spread.growth_net[2..], &want["growth_net"]);
        all("growth of the top", &found.quantiles[4].growth[2..], &want["top_growth"]);
        same("sharpe", spread.sharpe, &want["sharpe"]);
        let capacity = found.capacity.as_ref().expect("asked for");
        // At the last row nobody enters any more.
        all("pooled", &capacity.pooled[..ROWS - 1], &head(&want["pooled"]));
        all("strict", &capacity.strict[..ROWS - 1], &head(&want["strict"]));
        let (luck, want) = (&found.deflated, &want["deflated"]);
        same("sharpe per row", luck.sharpe, &want["sharpe"]);
        same("skew", luck.skew, &want["skew"]);
        same("kurtosis", luck.kurtosis, &want["kurtosis"]);
        same("expected", luck.expected_max, &want["expected_max"]);
        same("probabilistic", luck.probabilistic, &want["probabilistic"]);
        same("deflated", luck.deflated, &want["deflated"]);
        same("track record", luck.track_record, &want["track_record"]);
    }
}

fn head(list: &Value) -> Value {
    Value::from(list.as_array().expect("a list")[..ROWS - 1].to_vec())
}

fn map(a: &Column, b: &Column, of: impl Fn(f64, f64) -> f64) -> Column {
    let values = a.values().iter().zip(b.values()).map(|(a, b)| of(*a, *b)).collect();
    Column::from_values(values, a.stride()).expect("the same shape")
}

#[test]
fn overfitting_and_correlations_agree_with_numpy_and_scipy() {
    let ((panel, factor, other), want) = (seeded(Kind::Rough), recorded());
    let factors = [
        factor.clone(),
        other.clone(),
        map(&factor, &factor, |a, _| -a),
        map(&factor, &other, |a, b| b - a),
        map(&factor, &other, |a, b| b * a),
    ];
    let settings = Settings { horizons: vec![1], ..settings() };
    let returns = factors.map(|factor| {
        let study = study(&factor, &panel, &settings, &LIVE).expect("fits");
        study.horizons[0].spread.returns.clone()
    });
    let found = overfitting(&returns, 8, &LIVE).expect("fits");
    let want_luck = &want["rough"]["overfitting"];
    same("probability", found.probability, &want_luck["probability"]);
    let mean = found.logits.iter().sum::<f64>() / found.logits.len() as f64;
    same("mean logit", Some(mean), &want_luck["logit_mean"]);
    assert_eq!(Some(found.combinations as u64), want_luck["count"].as_u64());
    let pair = [("factor", &factor), ("other", &other)];
    let found = correlations(&pair, NAMES, &LIVE).expect("fits");
    same("correlation", found.mean[0][1], &want["rough"]["correlation"]);
}

/// alphalens drops the dates without a forward return before it looks at turnover.
#[test]
fn where_alphalens_means_the_same_it_says_the_same() {
    let ((panel, factor, _), want) = (seeded(Kind::Plain), recorded());
    for rows in [1, 5] {
        let mut factor = factor.clone();
        let kept = ROWS - 1 - rows;
        factor.values_mut()[kept * Column::missing(1, NAMES).stride()..].fill(f64::NAN);
        let settings = Settings { horizons: vec![rows], lags: vec![rows], ..settings() };
        let study = study(&factor, &panel, &settings, &LIVE).expect("fits");
        let (found, want) = horizon(&study, &want["plain"], rows);
        all("rank ic", &found.rank_ic.series[..kept], &want["rank_ic"]);
        let means: Vec<_> = found.quantiles.iter().map(|one| one.mean.mean).collect();
        all("quantiles", &means, &want["quantile_mean"]);
        let less: Vec<_> = found.quantiles.iter().map(|one| one.demeaned).collect();
        all("quantiles demeaned", &less, &want["quantile_demeaned"]);
        let turnover: Vec<_> = found.quantiles.iter().map(|one| one.turnover).collect();
        all("turnover", &turnover, &want["turnover"]);
        let lag = &study.autocorrelation[0].summary;
        same("autocorrelation", lag.mean, &want["autocorrelation"]);
    }
}
