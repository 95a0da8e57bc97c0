//! Every figure of a study, worked out by hand on a few names and rows.

use super::*;
use crate::fixture::{NAN, column, labels, panel};
use crate::{Horizon, Participation, Trials};

fn near(found: Option<f64>, want: f64) {
    let found = found.expect("is defined");
    assert!((found - want).abs() <= 1e-12 * want.abs().max(1.0), "{found} is not {want}");
}

fn nears(found: &[Option<f64>], want: &[Option<f64>]) {
    assert_eq!(found.len(), want.len(), "{found:?} {want:?}");
    for (found, want) in found.iter().zip(want) {
        match want {
            Some(want) => near(*found, *want),
            None => assert_eq!(*found, None),
        }
    }
}

static LIVE: AtomicBool = AtomicBool::new(false);

/// The close that decides is also the entry, and two halves are the quantiles.
fn by_hand() -> Settings {
    Settings {
        horizons: vec![1],
        quantiles: 2,
        delay: 0,
        decay: 2,
        lags: vec![1],
        ..Settings::default()
    }
}

/// Returns .1 0 −.1 .2, then 0 .1 0 −.5.
const CLOSE: [&[f64]; 3] =
    [&[10.0, 10.0, 10.0, 10.0], &[11.0, 10.0, 9.0, 12.0], &[11.0, 11.0, 9.0, 6.0]];
const FACTOR: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 4.0], &[4.0, 3.0, 2.0, 1.0], &[4.0, 3.0, 1.0, 2.0]];

fn run(settings: &Settings) -> Study {
    let mut panel = panel(&CLOSE);
    panel.insert("volume", column(&[&[100.0; 4], &[100.0; 4], &[100.0; 4]])).expect("fits");
    study(&column(&FACTOR), &panel, settings, &LIVE).expect("fits")
}

fn only(study: &Study) -> &Horizon {
    study.horizons.first().expect("one horizon")
}

#[test]
fn information_by_date() {
    let study = run(&by_hand());
    let horizon = only(&study);
    // Ranks 1 2 3 4 against 3 2 1 4: 1 − 6 · 8 / 60. Then 4 3 2 1 against 2.5 4 2.5 1.
    nears(&horizon.rank_ic.series, &[Some(0.2), Some(3.0 / 22.5_f64.sqrt()), None]);
    // Deviations −1.5 −.5 .5 1.5 against .05 −.05 −.15 .15: sums .1, 5 and .05.
    let second = 0.8 / (5.0_f64 * 0.22).sqrt();
    nears(&horizon.ic.series, &[Some(0.1 / 0.25_f64.sqrt()), Some(second), None]);
    near(horizon.ic.summary.mean, f64::midpoint(0.2, second));
    assert_eq!(horizon.ic.summary.positive, Some(1.0));
    assert_eq!(horizon.ic.monthly.len(), 1);
}

#[test]
fn quantiles_and_the_spread_of_one_row() {
    let study = run(&Settings { cost: 0.01, ..by_hand() });
    let Horizon { quantiles, spread, .. } = only(&study);
    nears(&spread.series, &[Some(0.0), Some(0.3), None]);
    nears(&spread.returns, &[None, Some(0.0), Some(0.3)]);
    nears(&spread.growth, &[Some(1.0), Some(1.0), Some(1.3)]);
    // The first tranche buys 1 and sells 1, the second turns the book round: 2 and 4 times a cent.
    nears(&spread.growth_net, &[Some(1.0), Some(0.98), Some(0.98 * 1.26)]);
    nears(&spread.turnover, &[None, Some(1.0), None]);
    near(spread.annual_return, 0.15 * 252.0);
    near(spread.sharpe, 0.15 / 0.045_f64.sqrt() * 252.0_f64.sqrt());
    near(spread.drawdown, 0.0);
    nears(&quantiles[0].growth, &[Some(1.0), Some(1.05), Some(1.05 * 0.75)]);
    nears(&quantiles[1].growth, &[Some(1.0), Some(1.05), Some(1.05 * 1.05)]);
    near(quantiles[0].mean.mean, -0.1);
    near(quantiles[1].mean.mean, 0.05);
    near(quantiles[0].demeaned, -0.075);
    near(quantiles[1].demeaned, 0.075);
    // All names change sides after the first row, none or all afterwards.
    near(quantiles[0].turnover, 0.5);
    near(quantiles[0].names, 2.0);
}

#[test]
fn a_longer_horizon_is_held_in_tranches() {
    let study = run(&Settings { horizons: vec![2], cost: 0.01, ..by_hand() });
    let Horizon { quantiles, spread, .. } = only(&study);
    nears(&spread.series, &[Some(-0.35), None, None]);
    // Half the capital at first; then the first tranche loses what the second gains.
    nears(&spread.returns, &[None, Some(0.0), Some(0.0)]);
    nears(&quantiles[0].growth, &[Some(1.0), Some(1.025), Some(1.025 * 0.9)]);
    // Each tranche is half the book and opened from cash.
    nears(&spread.growth_net, &[Some(1.0), Some(0.99), Some(0.99 * 0.99)]);
    assert_eq!(spread.turnover, [None, None, None]);
}

#[test]
fn a_delay_moves_the_entry() {
    let study = run(&Settings { delay: 1, ..by_hand() });
    let horizon = only(&study);
    // The factor of row 0 meets the returns of row 1: bottom .05, top −.25.
    nears(&horizon.spread.series, &[Some(-0.3), None, None]);
    nears(&horizon.spread.growth, &[None, Some(1.0), Some(0.7)]);
    assert_eq!((horizon.labels.values, horizon.labels.known, horizon.labels.beyond), (12, 4, 8));
    near(horizon.labels.missing_share, 2.0 / 3.0);
}

#[test]
fn decay_and_autocorrelation() {
    let study = run(&by_hand());
    let decay: Vec<_> = study.decay.iter().map(|lag| (lag.rows, lag.summary.mean)).collect();
    assert_eq!(decay[0], (1, only(&study).rank_ic.summary.mean));
    // Ranks 1 2 3 4 against 2.5 4 2.5 1.
    near(decay[1].1, -3.0 / 22.5_f64.sqrt());
    let lag = &study.autocorrelation[0];
    // −1 after the first row, then 4 3 2 1 against 4 3 1 2.
    near(lag.summary.mean, f64::midpoint(-1.0, 0.8));
}

#[test]
fn capacity_is_the_book_that_trades_the_share() {
    let capacity = Participation { share: 0.1, rows: 1, ..Participation::default() };
    let study = run(&Settings { capacity: Some(capacity), ..by_hand() });
    let capacity = only(&study).capacity.as_ref().expect("volumes are known");
    // A book of 400 is 100 a name, a tenth of 1,000. Then values of 1,100 1,000 900 1,200 and a
    // change of 1 a name: 2 · 0.1 · 4,200 / 4, and 2 · 0.1 · 900.
    nears(&capacity.pooled[..2], &[Some(400.0), Some(210.0)]);
    nears(&capacity.strict[..2], &[Some(400.0), Some(180.0)]);
    // The third tranche is the second again: it trades nothing, so nothing bounds it.
    assert_eq!((capacity.pooled[2], capacity.strict[2]), (None, None));
    near(capacity.strict_median, 290.0);
    near(capacity.strict_low, 202.0);
}

#[test]
fn traded_value_is_averaged_and_a_still_row_is_zero() {
    let mut panel = panel(&[&[10.0, 10.0], &[NAN, 20.0], &[10.0, 30.0]]);
    panel.insert("volume", column(&[&[4.0, 1.0], &[4.0, 2.0], &[5.0, NAN]])).expect("fits");
    let capacity = Some(Participation { rows: 2, ..Participation::default() });
    let settings = Settings { capacity, ..by_hand() };
    let factor = column(&[&[1.0, 2.0]; 3]);
    let reading = Reading::new(&factor, &panel, &settings, &LIVE).expect("fits");
    let means = capacity::traded_value(&reading).expect("fits").expect("asked for");
    assert_eq!(means, [40.0, 10.0, 20.0, 25.0, 25.0, 20.0]);
}

#[test]
fn within_groups() {
    let close: [&[f64]; 2] = [&[100.0; 8], &[101.0, 102.0, 103.0, 90.0, 91.0, 92.0, 150.0, 40.0]];
    let mut panel = panel(&close);
    let names = ["a", "a", "a", "b", "b", "b", "c", ""];
    panel.insert_labels("sector", labels(2, &names)).expect("fits");
    let factor = column(&[&[1.0, 2.0, 3.0, 11.0, 12.0, 13.0, 4.0, 5.0], &[NAN; 8]]);
    let settings = Settings { group: Some("sector".into()), ..by_hand() };
    let study = study(&factor, &panel, &settings, &LIVE).expect("fits");
    let horizon = only(&study);
    near(horizon.neutral_ic.as_ref().expect("groups").summary.mean, 1.0);
    near(horizon.neutral_rank_ic.as_ref().expect("groups").summary.mean, 1.0);
    assert!(horizon.rank_ic.summary.mean < Some(0.0));
    let groups: Vec<_> =
        horizon.groups.iter().map(|g| (g.group.as_str(), g.names, g.summary.mean)).collect();
    let full = Some(1.0);
    assert_eq!(groups, [("a", Some(3.0), full), ("b", Some(3.0), full), ("c", None, None)]);
    // The bottom half is a and c, the top half b and the name without a group.
    let exposures: Vec<_> =
        study.exposures.iter().map(|e| (e.group.as_deref(), e.bottom_mean, e.top_mean)).collect();
    let want = [
        (Some("a"), Some(0.75), Some(0.0)),
        (Some("b"), Some(0.0), Some(0.75)),
        (Some("c"), Some(0.25), Some(0.0)),
        (None, Some(0.0), Some(0.25)),
    ];
    assert_eq!(exposures, want);
    near(study.exposures[3].all_mean, 0.125);
    near(horizon.quantiles[0].group_demeaned, 0.0);
}

#[test]
fn fates_of_names() {
    let close: [&[f64]; 4] = [
        &[10.0, NAN, 10.0, 10.0, NAN],
        &[11.0, 10.0, NAN, 12.0, NAN],
        &[12.0, 10.0, NAN, NAN, NAN],
        &[13.0, 11.0, 15.0, NAN, NAN],
    ];
    let factor = column(&[&[1.0, 2.0, 3.0, 4.0, 5.0]; 4]);
    let study = study(&factor, &panel(&close), &by_hand(), &LIVE).expect("fits");
    let report = &study.survivorship;
    let counts = (report.names, report.never, report.late, report.delisted, report.suspended);
    assert_eq!(counts, (5, 1, 1, 1, 1));
    assert_eq!((report.suspended_cells, report.unpriced_values, report.dead_values), (2, 9, 3));
    let fates: Vec<_> = report
        .fates
        .iter()
        .map(|fate| (fate.symbol.as_str(), fate.gaps, fate.gap_longest, fate.dead_values))
        .collect();
    assert_eq!(fates, [("N1", 0, 0, 0), ("N2", 1, 2, 0), ("N3", 0, 0, 3), ("N4", 0, 0, 0)]);
    assert_eq!(study.coverage.both, [3, 3, 2, 3]);
    assert_eq!(study.coverage.share, Some(1.0));
    let labels = only(&study).labels;
    assert_eq!((labels.suspended, labels.delisted, labels.no_entry), (1, 1, 7));
    assert_eq!((labels.known, labels.beyond, labels.values), (8, 5, 20));
}

#[test]
fn figures_without_delistings_stand_beside() {
    let close: [&[f64]; 3] = [
        &[10.0, 10.0, 10.0, 10.0, 10.0],
        &[10.0, 11.0, 12.0, 13.0, 20.0],
        &[10.0, 12.1, 14.4, 16.9, NAN],
    ];
    let factor = column(&[&[1.0, 2.0, 3.0, 4.0, 5.0]; 3]);
    let study = study(&factor, &panel(&close), &by_hand(), &LIVE).expect("fits");
    let horizon = only(&study);
    // On the second date the delisted name is last in returns, with 0, and tied with the first.
    nears(&horizon.rank_ic.series, &[Some(1.0), Some(2.0 / 95.0_f64.sqrt()), None]);
    near(horizon.without_delisted.rank_ic.mean, 1.0);
    // Middle positions: the third of five goes to the upper half.
    nears(&horizon.spread.series, &[Some(0.45), Some(0.5 / 3.0 - 0.05), None]);
    near(horizon.without_delisted.spread.mean, f64::midpoint(0.45, 0.2));
}

#[test]
fn luck_is_taken_off() {
    let settings = Settings { trials: Trials { count: 10, variance: Some(0.04) }, ..by_hand() };
    let study = run(&settings);
    let found = only(&study).deflated;
    // Returns 0 and .3: mean .15, std .15 √2, symmetric, fourth moment 1.
    let sharpe = 1.0 / 2.0_f64.sqrt();
    assert_eq!((found.count, found.trials), (2, 10));
    near(found.sharpe, sharpe);
    near(found.skew.map(|skew| 1.0 + skew), 1.0);
    near(found.kurtosis, 1.0);
    near(found.expected_max, 0.2 * 1.574_598_301_345_75);
    // Φ(1 / √2) and Φ(1 / √2 − SR₀), from scipy.stats.norm.
    near(found.probabilistic, 0.760_249_938_906_523_4);
    near(found.deflated, 0.652_540_020_266_042_3);
    near(found.track_record, 1.0 + (1.644_853_626_951_472_7 / sharpe).powi(2));
}

/// A study none of whose correlations and ratios is defined.
fn undefined<R: AsRef<[f64]>>(close: &[R], factor: &[R]) -> Study {
    let study = study(&column(factor), &panel(close), &by_hand(), &LIVE).expect("fits");
    let horizon = only(&study);
    assert!(horizon.rank_ic.series.iter().all(Option::is_none));
    assert_eq!((horizon.ic.summary.mean, horizon.spread.sharpe), (None, None));
    assert_eq!((horizon.deflated.deflated, horizon.deflated.track_record), (None, None));
    study
}

#[test]
fn what_is_not_defined_is_none() {
    let (low, high, up) = ([1.0; 4], [2.0; 4], [1.0, 2.0, 3.0, 4.0]);
    undefined::<[f64; 0]>(&[], &[]);
    undefined::<[f64; 0]>(&[[]], &[[]]);
    undefined(&[[1.0]], &[[1.0]]);
    undefined(&[[1.0, 2.0], [2.0, 3.0]], &[[1.0, 2.0], [1.0, 2.0]]);
    undefined(&[low, high], &[up, up]);
    undefined(&[low, up], &[high, high]);
    undefined(&[[NAN; 4]; 3], &[up; 3]);
    let endless = [f64::INFINITY, NAN, f64::NEG_INFINITY, NAN];
    assert_eq!(undefined(&[low, high], &[endless; 2]).coverage.valued, [0, 0]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let check = |settings: &Settings, want: &str| {
        let error = study(&column(&FACTOR), &panel(&CLOSE), settings, &LIVE).expect_err(want);
        assert_eq!(error.to_string(), want);
    };
    let base = by_hand;
    check(
        &Settings { horizons: vec![], ..base() },
        "the number of horizons is 0: 1 to 20 are allowed",
    );
    check(
        &Settings { horizons: vec![0], ..base() },
        "a horizon in rows is 0: 1 to 504 are allowed",
    );
    check(
        &Settings { horizons: vec![5, 5], ..base() },
        "5 rows stand twice in the horizons: leave one out",
    );
    check(
        &Settings { quantiles: 1, ..base() },
        "the number of quantiles is 1: 2 to 100 are allowed",
    );
    check(&Settings { lags: vec![505], ..base() }, "a lag in rows is 505: 1 to 504 are allowed");
    check(
        &Settings { decay: 253, ..base() },
        "the number of lags of the decay is 253: 0 to 252 are allowed",
    );
    check(&Settings { cost: NAN, ..base() }, "cost is NaN: it must be from 0 to below 1");
    check(
        &Settings { periods_per_year: 0.0, ..base() },
        "periods per year is 0: it must be above 0",
    );
    let capacity = Some(Participation::default());
    check(
        &Settings { capacity, ..base() },
        "the panel has no field \"volume\": capacity needs one of [close]",
    );
    let group = Some("sector".to_owned());
    check(&Settings { group, ..base() }, "the panel has no labels \"sector\": there are []");
    let trials = Trials { count: 0, variance: None };
    check(&Settings { trials, ..base() }, "the number of trials is 0: at least 1 is needed");
    let price = "open".to_owned();
    assert!(matches!(Settings { price, ..base() }.check(), Err(Error::Early)));
    let other = study(&column(&[&[1.0; 4]]), &panel(&CLOSE), &base(), &LIVE);
    assert_eq!(other, Err(Error::Shape { found: 8, expected: 24 }));
    let up = AtomicBool::new(true);
    assert_eq!(study(&column(&FACTOR), &panel(&CLOSE), &base(), &up), Err(Error::Cancelled));
}
