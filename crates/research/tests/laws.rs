//! Laws of the read-out, and what it says of factors that know nothing.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod seeded;
use market::{Column, Labels, Panel};
use proptest::prelude::*;
use research::{Participation, Series, Settings, Study, Trials, forward, overfitting, study};
use seeded::{Draw, Kind, NAMES, ROWS, bare, seeded};
use std::sync::atomic::AtomicBool;

static LIVE: AtomicBool = AtomicBool::new(false);

fn settings(horizons: &[usize]) -> Settings {
    let group = Some("sector".to_owned());
    Settings { horizons: horizons.to_vec(), group, decay: 3, ..Settings::default() }
}

fn read(factor: &Column, panel: &Panel, settings: &Settings) -> Study {
    study(factor, panel, settings, &LIVE).expect("fits")
}

fn map(column: &Column, of: impl Fn(f64) -> f64) -> Column {
    let values = column.values().iter().map(|x| of(*x)).collect();
    Column::from_values(values, column.stride()).expect("the same shape")
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, (squares / (values.len() - 1) as f64).sqrt())
}

#[test]
fn a_rising_map_of_the_factor_changes_no_rank() {
    let (panel, factor, _) = seeded(Kind::Rough);
    let plain = read(&factor, &panel, &settings(&[1, 5]));
    for of in [|x: f64| 3.0 * x - 7.0, |x: f64| (x / 9.0).exp(), |x: f64| x * x * x] {
        let mapped = read(&map(&factor, of), &panel, &settings(&[1, 5]));
        assert_eq!(mapped.autocorrelation, plain.autocorrelation);
        assert_eq!(mapped.decay, plain.decay);
        for (mapped, plain) in mapped.horizons.iter().zip(&plain.horizons) {
            assert_eq!(mapped.rank_ic, plain.rank_ic);
            assert_eq!(mapped.quantiles, plain.quantiles);
            assert_eq!(mapped.spread, plain.spread);
            assert_eq!(mapped.groups, plain.groups);
        }
    }
}

#[test]
fn the_opposite_factor_says_the_opposite() {
    let (panel, factor, _) = seeded(Kind::Rough);
    let up = read(&factor, &panel, &settings(&[5]));
    let down = read(&map(&factor, |x| -x), &panel, &settings(&[5]));
    let (up, down) = (&up.horizons[0], &down.horizons[0]);
    for (a, b) in [(&up.ic, &down.ic), (&up.rank_ic, &down.rank_ic)] {
        let mirrored: Series = b.series.iter().map(|x| x.map(|x| -x)).collect();
        assert_eq!(a.series, mirrored);
    }
}

#[test]
fn a_factor_that_is_the_later_return_has_an_ic_of_one() {
    let (panel, ..) = seeded(Kind::Plain);
    for horizon in [1, 7] {
        let settings = settings(&[horizon]);
        let later = forward(&panel, &settings, horizon).expect("fits");
        let mut factor = Column::missing(ROWS, NAMES);
        for t in 0..ROWS {
            for j in 0..NAMES {
                factor.set(t, j, later.at(t, j).unwrap_or(f64::NAN));
            }
        }
        let study = read(&factor, &panel, &settings);
        let found = &study.horizons[0];
        for t in 0..ROWS - 1 - horizon {
            assert_eq!((found.ic.series[t], found.rank_ic.series[t]), (Some(1.0), Some(1.0)));
        }
        assert_eq!(found.rank_ic.summary.positive, Some(1.0));
        assert!(found.quantiles.is_sorted_by(|a, b| a.mean.mean <= b.mean.mean));
    }
}

#[test]
fn what_stands_in_the_padding_does_not_matter() {
    let (_, factor, _) = seeded(Kind::Rough);
    let names = 33;
    let mut panel = bare(ROWS, names);
    let stride = panel.stride();
    let (source, ..) = seeded(Kind::Rough);
    let cut = |column: &Column, padding: f64| {
        let mut out = Column::missing(ROWS, names);
        for t in 0..ROWS {
            for j in 0..stride {
                out.set(t, j, if j < names { column.at(t, j) } else { padding });
            }
        }
        out
    };
    panel.insert("close", cut(source.field("close").expect("is there"), 5.0)).expect("fits");
    let settings = Settings { horizons: vec![1, 5], ..Settings::default() };
    let one = read(&cut(&factor, 1.0), &panel, &settings);
    let other = read(&cut(&factor, f64::NAN), &panel, &settings);
    assert_eq!(one, other);
}

#[test]
fn rows_to_come_change_no_earlier_date_whose_labels_are_known() {
    let (panel, factor, _) = seeded(Kind::Plain);
    let full = read(&factor, &panel, &Settings { group: None, ..settings(&[5]) });
    let rows = 60;
    let first = |column: &Column| {
        let values = column.values()[..rows * column.stride()].to_vec();
        Column::from_values(values, column.stride()).expect("whole rows")
    };
    let mut early = bare(rows, NAMES);
    early.insert("close", first(panel.field("close").expect("is there"))).expect("fits");
    let cut = read(&first(&factor), &early, &Settings { group: None, ..settings(&[5]) });
    let (full, cut) = (&full.horizons[0], &cut.horizons[0]);
    let known = rows - 1 - 5;
    assert_eq!(full.rank_ic.series[..known], cut.rank_ic.series[..known]);
    assert_eq!(full.ic.series[..known], cut.ic.series[..known]);
    assert!(cut.ic.series[known..].iter().all(Option::is_none));
    assert_eq!(full.spread.growth[..rows], cut.spread.growth[..]);
    assert_eq!(full.quantiles[2].growth[..rows], cut.quantiles[2].growth[..]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Ranks are whole numbers, so their correlation has the same bits in any order of names.
    #[test]
    fn the_order_of_names_changes_no_rank_ic(shift in 1..NAMES) {
        let (panel, factor, _) = seeded(Kind::Rough);
        let turn = |column: &Column| {
            let mut out = Column::missing(ROWS, NAMES);
            for t in 0..ROWS {
                for j in 0..NAMES {
                    out.set(t, (j + shift) % NAMES, column.at(t, j));
                }
            }
            out
        };
        let mut turned = bare(ROWS, NAMES);
        turned.insert("close", turn(panel.field("close").expect("is there"))).expect("fits");
        let settings = Settings { group: None, ..settings(&[1, 5]) };
        let (one, other) = (read(&factor, &panel, &settings), read(&turn(&factor), &turned, &settings));
        for (one, other) in one.horizons.iter().zip(&other.horizons) {
            prop_assert_eq!(&one.rank_ic, &other.rank_ic);
            prop_assert_eq!(one.labels, other.labels);
        }
    }
}

fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 1.0..9.0_f64,
        2 => (0..4_i32).prop_map(f64::from),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(-1e300),
        1 => Just(1e300),
        1 => Just(1e-300),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the panel holds, a study is given, twice the same, and no figure is NaN or infinite.
    #[test]
    fn no_panel_breaks_a_study(
        rows in 0..14_usize,
        names in 0..9_usize,
        horizon in 1..6_usize,
        delay in 0..3_usize,
        quantiles in 2..6_usize,
        cells in prop::collection::vec((wild(), wild(), wild(), 0..4_u32), 14 * 9),
    ) {
        let mut panel = bare(rows, names);
        let mut columns: [Column; 3] = std::array::from_fn(|_| Column::missing(rows, names));
        let mut sector = Labels::missing(rows, names);
        sector.names = vec!["a".to_owned(), "b".to_owned()];
        for t in 0..rows {
            for j in 0..names {
                let (a, b, c, code) = cells[t * 9 + j];
                for (column, value) in columns.iter_mut().zip([a, b, c]) {
                    column.set(t, j, value);
                }
                sector.set(t, j, code);
            }
        }
        let [close, volume, factor] = columns;
        panel.insert("close", close).expect("fits");
        panel.insert("volume", volume).expect("fits");
        panel.insert_labels("sector", sector).expect("fits");
        let capacity = Some(Participation { rows: 3, ..Participation::default() });
        let settings = Settings { quantiles, delay, capacity, cost: 0.01, ..settings(&[horizon]) };
        let found = format!("{:?}", read(&factor, &panel, &settings));
        prop_assert!(!found.contains("NaN") && !found.contains("inf"), "{}", found);
        prop_assert_eq!(found, format!("{:?}", read(&factor, &panel, &settings)));
    }
}

/// Prices of independent steps, and one draw for each name and row.
fn noise(seed: u64, rows: usize, names: usize) -> (Panel, Column) {
    let mut u = Draw(seed);
    let (mut close, mut factor) = (Column::missing(rows, names), Column::missing(rows, names));
    let mut price = vec![100.0; names];
    for t in 0..rows {
        for (j, price) in price.iter_mut().enumerate() {
            *price *= 1.0 + 0.02 * (u.next() - 0.5);
            close.set(t, j, *price);
            factor.set(t, j, u.next());
        }
    }
    let mut panel = bare(rows, names);
    panel.insert("close", close).expect("fits");
    (panel, factor)
}

#[test]
fn a_factor_that_knows_nothing_has_the_t_of_chance() {
    let (mut t, mut means, mut daily) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..200 {
        let (panel, factor) = noise(1 + seed, 150, 12);
        let settings =
            Settings { horizons: vec![1], decay: 0, lags: vec![], ..Settings::default() };
        let found = read(&factor, &panel, &settings).horizons[0].rank_ic.clone();
        t.push(found.summary.t_independent.expect("defined"));
        means.push(found.summary.mean.expect("defined"));
        daily.push(found.summary.std.expect("defined"));
    }
    // Spearman's correlation of n unrelated values has variance 1 / (n − 1).
    let (spread, _) = moments(&daily);
    assert!((spread - (1.0 / 11.0_f64).sqrt()).abs() < 0.01, "std of the IC: {spread}");
    let (mean, std) = moments(&t);
    assert!(mean.abs() < 0.2, "mean t: {mean}");
    assert!((std - 1.0).abs() < 0.15, "std of t: {std}");
    let beyond = t.iter().filter(|t| t.abs() > 1.96).count();
    assert!((4..=18).contains(&beyond), "{beyond} of 200 beyond 1.96");
    assert!(moments(&means).0.abs() < 0.005);
}

/// A factor that never changes meets returns that overlap: its ICs repeat themselves, and only the
/// error that allows for it tells how little they say.
#[test]
fn overlap_is_allowed_for() {
    let (mut aware, mut naive) = (Vec::new(), Vec::new());
    for seed in 0..150 {
        let (panel, mut factor) = noise(1000 + seed, 400, 12);
        for t in 1..400 {
            for j in 0..12 {
                let first = factor.at(0, j);
                factor.set(t, j, first);
            }
        }
        let settings =
            Settings { horizons: vec![10], decay: 0, lags: vec![], ..Settings::default() };
        let summary = read(&factor, &panel, &settings).horizons[0].rank_ic.summary.clone();
        aware.push(summary.t.expect("defined"));
        naive.push(summary.t_independent.expect("defined"));
    }
    let ((_, aware), (_, naive)) = (moments(&aware), moments(&naive));
    assert!((0.85..1.35).contains(&aware), "std of t: {aware}");
    assert!(naive > 2.0, "std of t as if independent: {naive}");
}

#[test]
fn the_best_of_many_worthless_trials_is_expected() {
    let mut u = Draw(5);
    let (rows, trials) = (250, 40);
    let mut best = Vec::new();
    for _ in 0..200 {
        let mut most = f64::NEG_INFINITY;
        for _ in 0..trials {
            let returns: Vec<f64> = (0..rows).map(|_| u.next() - 0.5).collect();
            let (mean, std) = moments(&returns);
            most = most.max(mean / std);
        }
        best.push(most);
    }
    let (panel, factor) = noise(3, rows + 2, 12);
    let settings = Settings {
        trials: Trials { count: trials, variance: None },
        horizons: vec![1],
        ..Settings::default()
    };
    let luck = read(&factor, &panel, &settings).horizons[0].deflated;
    assert_eq!(luck.count, rows);
    let (seen, expected) = (moments(&best).0, luck.expected_max.expect("defined"));
    assert!((seen / expected - 1.0).abs() < 0.05, "{seen} seen, {expected} expected");
}

#[test]
fn choosing_among_noise_is_overfitting_and_choosing_skill_is_not() {
    let mut u = Draw(11);
    let mut draw =
        |lead: f64| -> Series { (0..320).map(|_| Some(u.next() - 0.5 + lead)).collect() };
    let mut shares = Vec::new();
    for _ in 0..20 {
        let noise: Vec<Series> = (0..10).map(|_| draw(0.0)).collect();
        shares.push(overfitting(&noise, 8, &LIVE).expect("fits").probability.expect("defined"));
    }
    let (mean, _) = moments(&shares);
    assert!((0.35..0.7).contains(&mean), "noise: {mean}");
    let mut skill: Vec<Series> = (0..9).map(|_| draw(0.0)).collect();
    skill.push(draw(0.15));
    let found = overfitting(&skill, 8, &LIVE).expect("fits");
    assert!(found.probability < Some(0.02), "skill: {:?}", found.probability);
    assert_eq!(found.loss, Some(0.0));
}
