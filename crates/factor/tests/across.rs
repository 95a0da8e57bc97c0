//! The rules of every operator across the names of a day and within its groups, by hand.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
use market::{Column, Labels, Panel};
use panels::{NAN, bare, column, evaluate, evaluate_on};

const NONE: u32 = Labels::NONE;

/// One day of `x`, and of `y` and the group `g` if they are given.
fn day(x: &[f64], y: &[f64], g: &[u32]) -> Panel {
    let mut panel = bare(1, x.len());
    panel.insert("x", column(&[x])).expect("fits");
    if !y.is_empty() {
        panel.insert("y", column(&[y])).expect("fits");
    }
    let mut labels = Labels::missing(1, x.len());
    labels.names = (0..9).map(|i| format!("G{i}")).collect();
    g.iter().enumerate().for_each(|(j, code)| labels.set(0, j, *code));
    panel.insert_labels("g", labels).expect("fits");
    panel
}

#[track_caller]
fn compare(text: &str, panel: &Panel, expected: &[f64]) {
    let row = evaluate(text, panel);
    let row = row.row(0);
    let near = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12;
    let same = row.iter().zip(expected).all(|(a, b)| near(*a, *b));
    assert!(same, "{text}\n     got {:?}\nexpected {expected:?}", &row[..expected.len()]);
    assert!(row[expected.len()..].iter().all(|x| x.is_nan()), "{text}: padding is missing");
}

/// Over one day of `x`.
#[track_caller]
fn check(text: &str, x: &[f64], expected: &[f64]) {
    compare(text, &day(x, &[], &[]), expected);
}

/// Over one day of `x` in the groups `g`.
#[track_caller]
fn grouped(text: &str, x: &[f64], g: &[u32], expected: &[f64]) {
    compare(text, &day(x, &[], g), expected);
}

#[test]
fn rank_shares_the_average_among_equals() {
    check("rank(x)", &[30.0, NAN, 10.0, 30.0, 20.0], &[0.875, NAN, 0.25, 0.875, 0.5]);
    check("rank(x)", &[5.0, 5.0, 5.0], &[2.0 / 3.0; 3]);
    check("rank(x)", &[NAN, 7.0], &[NAN, 1.0]);
    check("rank(x)", &[NAN, NAN], &[NAN, NAN]);
}

#[test]
fn top_and_bottom_take_the_earlier_of_equals() {
    let x = [2.0, 3.0, NAN, 2.0, 1.0, 1.0];
    check("top(x, 2)", &x, &[1.0, 1.0, NAN, 0.0, 0.0, 0.0]);
    check("top(x, 3)", &x, &[1.0, 1.0, NAN, 1.0, 0.0, 0.0]);
    check("bottom(x, 1)", &x, &[0.0, 0.0, NAN, 0.0, 1.0, 0.0]);
    check("bottom(x, 3)", &x, &[1.0, 0.0, NAN, 0.0, 1.0, 1.0]);
    check("top(x, 5)", &x, &[1.0, 1.0, NAN, 1.0, 1.0, 1.0]);
    check("bottom(x, 99)", &x, &[1.0, 1.0, NAN, 1.0, 1.0, 1.0]);
    check("top(x, 1)", &[0.0, -0.0], &[1.0, 0.0]);
    check("bottom(x, 1)", &[0.0, -0.0], &[1.0, 0.0]);
    check("bottom(x, 1)", &[NAN, NAN], &[NAN, NAN]);
}

#[test]
fn buckets_hold_equal_counts_and_keep_equals_together() {
    let ten: Vec<f64> = (1..=10).map(f64::from).collect();
    check("buckets(x, 5)", &ten, &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]);
    check("buckets(x, 3)", &ten, &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0]);
    check("buckets(x, 1)", &ten, &[1.0; 10]);
    // Ranks 1, 2.5, 2.5, 4 of 4, times 2, by 5.
    check("buckets(x, 2)", &[1.0, 2.0, NAN, 2.0, 3.0], &[1.0, 2.0, NAN, 2.0, 2.0]);
    // All equal: the middle bucket.
    check("buckets(x, 5)", &[7.0, 7.0, 7.0, 7.0], &[3.0; 4]);
    // Fewer names than buckets: they spread evenly, and some buckets are empty.
    check("buckets(x, 5)", &[1.0, 2.0], &[2.0, 4.0]);
    check("buckets(x, 5)", &[1.0, NAN], &[3.0, NAN]);
    // The lowest and the highest of many get the outer ones.
    check("buckets(x, 10)", &ten, &ten);
}

#[test]
fn winsorize_clamps_to_the_mean_and_k_deviations() {
    // Mean 2, standard deviation 4.
    let x = [0.0, 0.0, NAN, 0.0, 8.0];
    check("winsorize(x, 1)", &x, &[0.0, 0.0, NAN, 0.0, 6.0]);
    check("winsorize(x, 0.25)", &x, &[1.0, 1.0, NAN, 1.0, 3.0]);
    check("winsorize(x, 0)", &x, &[2.0, 2.0, NAN, 2.0, 2.0]);
    check("winsorize(x, 9)", &x, &x);
    check("winsorize(x, 1)", &[0.1, 0.1, 0.1], &[0.1, 0.1, 0.1]);
    // One value has no deviation; a negative width is none.
    check("winsorize(x, 1)", &[3.0, NAN], &[NAN, NAN]);
    check("winsorize(x, -1)", &x, &[NAN; 5]);
}

#[test]
fn a_day_is_centred_scaled_and_standardised_over_its_values() {
    check("cs_demean(x)", &[1.0, NAN, 3.0], &[-1.0, NAN, 1.0]);
    check("cs_demean(x) * 1e300", &[0.1, 0.1, 0.1], &[0.0, 0.0, 0.0]);
    check("cs_demean(x)", &[5.0], &[0.0]);
    check("cs_zscore(x)", &[0.0, 0.0, NAN, 0.0, 8.0], &[-0.5, -0.5, NAN, -0.5, 1.5]);
    check("cs_zscore(x)", &[0.1, 0.1, 0.1], &[NAN; 3]);
    check("cs_zscore(x)", &[4.0, NAN], &[NAN, NAN]);
    check("scale(x)", &[1.0, -3.0, NAN], &[0.25, -0.75, NAN]);
    check("scale(x, k=2)", &[1.0, -3.0, NAN], &[0.5, -1.5, NAN]);
    check("scale(x)", &[0.0, 0.0], &[NAN, NAN]);
}

#[test]
fn figures_of_the_day_are_given_to_every_name() {
    let x = [1.0, NAN, 2.0, 6.0];
    check("cs_mean(x)", &x, &[3.0; 4]);
    check("cs_sum(x)", &x, &[9.0; 4]);
    check("cs_count(x)", &x, &[3.0; 4]);
    check("cs_median(x)", &x, &[2.0; 4]);
    check("cs_median(x)", &[4.0, 1.0, NAN, 2.0, 9.0], &[3.0; 5]);
    check("cs_median(x)", &[-1.5, -0.5], &[-1.0; 2]);
    check("cs_std(x)", &x, &[7.0_f64.sqrt(); 4]);
    check("cs_std(x) * 1e300", &[0.1, 0.1, 0.1], &[0.0; 3]);
    check("cs_std(x)", &[1.0, NAN], &[NAN, NAN]);
    let none = [NAN, NAN];
    check("cs_count(x)", &none, &[0.0, 0.0]);
    for text in ["cs_mean(x)", "cs_sum(x)", "cs_median(x)", "cs_std(x)"] {
        check(text, &none, &none);
    }
}

#[test]
fn no_figure_of_the_day_is_infinite() {
    let huge = [f64::MAX, f64::MAX, -f64::MAX];
    for text in ["cs_sum(x)", "cs_mean(x)", "cs_std(x)", "cs_zscore(x)", "winsorize(x, 1)"] {
        let got = evaluate(text, &day(&huge, &[], &[]));
        assert!(got.values().iter().all(|x| !x.is_infinite()), "{text}: {:?}", got.row(0));
    }
    check("cs_median(x) / 1e300", &[f64::MAX, f64::MAX], &[f64::MAX / 1e300; 2]);
}

#[test]
fn a_residual_is_what_the_line_over_the_day_leaves() {
    let check = |y: &[f64], x: &[f64], expected: &[f64]| {
        compare("cs_resid(y, x)", &day(x, y, &[]), expected);
    };
    // On a line there is no residual; a missing side is left out.
    check(&[3.0, 5.0, NAN, 7.0, 1.0], &[1.0, 2.0, 5.0, 3.0, NAN], &[0.0, 0.0, NAN, 0.0, NAN]);
    // Means 1 and 2, slope a half.
    check(&[1.0, 0.0, 2.0, 5.0], &[0.0, 1.0, 2.0, 1.0], &[-0.5, -2.0, -0.5, 3.0]);
    check(&[4.0, 4.0, 4.0], &[1.0, 2.0, 4.0], &[0.0; 3]);
    // Two names, or an x that does not vary, have no line.
    check(&[1.0, 2.0, NAN], &[1.0, 2.0, 3.0], &[NAN; 3]);
    check(&[1.0, 2.0, 4.0], &[0.1, 0.1, 0.1], &[NAN; 3]);
}

#[test]
fn a_group_is_a_day_of_its_own_and_no_group_is_missing() {
    let x = [1.0, 3.0, 5.0, NAN, 9.0, 2.0];
    let g = [0, 0, 1, 1, NONE, 0];
    grouped("group_demean(x, g)", &x, &g, &[-1.0, 1.0, 0.0, NAN, NAN, 0.0]);
    grouped("group_neutralize(x, g)", &x, &g, &[-1.0, 1.0, 0.0, NAN, NAN, 0.0]);
    grouped("indneutralize(x, g)", &x, &g, &[-1.0, 1.0, 0.0, NAN, NAN, 0.0]);
    grouped("group_rank(x, g)", &x, &g, &[1.0 / 3.0, 1.0, 1.0, NAN, NAN, 2.0 / 3.0]);
    grouped("group_zscore(x, g)", &x, &g, &[-1.0, 1.0, NAN, NAN, NAN, 0.0]);
    grouped("group_mean(x, g)", &x, &g, &[2.0, 2.0, 5.0, 5.0, NAN, 2.0]);
    grouped("group_sum(x, g)", &x, &g, &[6.0, 6.0, 5.0, 5.0, NAN, 6.0]);
    grouped("group_count(x, g)", &x, &g, &[3.0, 3.0, 1.0, 1.0, NAN, 3.0]);
}

#[test]
fn a_group_of_equals_has_its_exact_mean_and_no_deviation() {
    let (x, g) = ([0.1, 0.1, 0.1, 7.0], [4, 4, 4, 2]);
    grouped("group_demean(x, g) * 1e300", &x, &g, &[0.0; 4]);
    grouped("group_zscore(x, g)", &x, &g, &[NAN; 4]);
    grouped("group_rank(x, g)", &x, &g, &[2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 1.0]);
}

#[test]
fn a_group_without_a_value_counts_none() {
    let (x, g) = ([NAN, NAN, 1.0], [3, 3, NONE]);
    grouped("group_count(x, g)", &x, &g, &[0.0, 0.0, NAN]);
    for text in ["group_mean(x, g)", "group_sum(x, g)", "group_rank(x, g)", "group_demean(x, g)"] {
        grouped(text, &x, &g, &[NAN; 3]);
    }
}

#[test]
fn the_names_of_groups_do_not_matter() {
    let x = [4.0, 1.0, NAN, 3.0, 8.0, 2.0, 2.0];
    let near = day(&x, &[], &[0, 1, 0, 1, 0, NONE, 1]);
    let far = day(&x, &[], &[4_000_000_000, 7, 4_000_000_000, 7, 4_000_000_000, NONE, 7]);
    for operator in factor::operators().iter().filter(|one| one.family == factor::Family::Group) {
        let text = format!("{}(x, g)", operator.name);
        assert_eq!(evaluate(&text, &near), evaluate(&text, &far), "{text}");
    }
}

/// What the definition says, one name at a time.
fn slow_rank(x: &[f64]) -> Vec<f64> {
    let valid = x.iter().filter(|x| !x.is_nan()).count();
    let rank = |own: &f64| {
        let below = x.iter().filter(|x| *x < own).count();
        let equal = x.iter().filter(|x| *x == own).count();
        if own.is_nan() { NAN } else { (2 * below + equal + 1) as f64 * 0.5 / valid as f64 }
    };
    x.iter().map(rank).collect()
}

/// A number between 0 and 1 that looks like chance.
fn chance(i: usize) -> f64 {
    let mixed = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// Days that a fast rank could get wrong.
fn hostile_days() -> Vec<fn(usize) -> f64> {
    vec![
        |_| 3.0,
        |_| NAN,
        |i| if i == 5 { 1.0 } else { NAN },
        |i| if i.is_multiple_of(2) { 0.0 } else { -0.0 },
        |i| f64::from_bits(i as u64 / 2),
        |i| -f64::from_bits(i as u64 * 3 % 101),
        |i| (chance(i) - 0.5) * f64::MAX,
        |i| if i == 3 { f64::MAX } else { -f64::MAX * chance(i) },
        |i| if i == 7 { 1e300 } else { chance(i) },
        |i| f64::from_bits(1.0_f64.to_bits() + i as u64 * 7 % 64),
        |i| f64::from_bits(chance(i).to_bits() ^ ((i as u64 % 3) << 63) ^ ((i as u64) << 52)),
        |i| (chance(i) * 5.0).floor(),
        |i| (chance(i) * 30.0).floor(),
        |i| if chance(i) < 0.4 { NAN } else { chance(i + 9) - 0.5 },
        |i| if chance(i) < 0.4 { 0.0 } else { chance(i + 9) - 0.5 },
        |i| (20.0 * (chance(i) - 0.5)).exp(),
        |i| -(90.0 * (chance(i) - 0.5)).exp(),
        |i| (chance(i) - 0.5) / (chance(i + 1000) - 0.5),
        |i| i as f64,
        |i| -(i as f64),
        |i| 1e9 + (i % 40) as f64 * 1e-6,
    ]
}

/// Names side by side: few, a register's, more than any shortcut for few, many.
const WIDTHS: [usize; 14] = [1, 2, 5, 8, 31, 50, 64, 65, 100, 127, 500, 513, 1025, 3001];

#[test]
fn rank_is_what_counting_gives_on_hostile_days() {
    for names in WIDTHS {
        let days = hostile_days();
        let mut x = Column::missing(days.len(), names);
        for (t, value) in days.iter().enumerate() {
            (0..names).for_each(|j| x.set(t, j, value(j)));
        }
        let mut panel = bare(days.len(), names);
        panel.insert("x", x).expect("fits");
        let ranks = evaluate("rank(x)", &panel);
        for t in 0..days.len() {
            let expected = slow_rank(&panel.field("x").expect("is there").row(t)[..names]);
            for (j, expected) in expected.iter().enumerate() {
                let got = ranks.at(t, j);
                let same = got == *expected || (got.is_nan() && expected.is_nan());
                assert!(same, "names {names}, day {t}, name {j}: {got}, not {expected}");
            }
        }
    }
}

/// Days of all kinds and their groups, in an order that `turn` changes.
fn mixed(names: usize, order: impl Iterator<Item = usize>) -> Panel {
    let days = hostile_days();
    let order: Vec<usize> = order.collect();
    let mut panel = bare(order.len(), names);
    for (field, shift) in [("x", 0), ("y", 77)] {
        let mut column = Column::missing(order.len(), names);
        for (t, day) in order.iter().enumerate() {
            (0..names).for_each(|j| column.set(t, j, days[*day](j + shift)));
        }
        panel.insert(field, column).expect("fits");
    }
    let mut labels = Labels::missing(order.len(), names);
    labels.names = (0..40).map(|i| format!("G{i}")).collect();
    for (t, day) in order.iter().enumerate() {
        for j in 0..names {
            let group =
                (0..40).filter(|i| f64::from(*i) < chance(j + 50 * day) * 41.0 - 1.0).count();
            labels.set(t, j, u32::try_from(group).ok().filter(|code| *code < 40).unwrap_or(NONE));
        }
    }
    panel.insert_labels("g", labels).expect("fits");
    panel
}

/// A call of every operator of the two families.
fn calls() -> Vec<String> {
    let families = [factor::Family::Across, factor::Family::Group];
    let of = factor::operators().iter().filter(|one| families.contains(&one.family));
    let argument = |parameter: &factor::Parameter| match parameter.name {
        "k" => "3".to_owned(),
        name => name.to_owned(),
    };
    of.map(|one| {
        let arguments: Vec<String> = one.parameters.iter().map(argument).collect();
        format!("{}({})", one.name, arguments.join(", "))
    })
    .collect()
}

#[test]
fn earlier_days_and_threads_leave_no_trace_in_a_day() {
    let count = hostile_days().len();
    for names in [5, 70, 300] {
        let forward = mixed(names, 0..count);
        let backward = mixed(names, (0..count).rev());
        for text in calls() {
            let there = evaluate(&text, &forward);
            let back = evaluate(&text, &backward);
            assert_eq!(evaluate_on(&text, &forward, 2), there, "{text} on two threads");
            for t in 0..count {
                let (a, b) = (there.row(t), back.row(count - 1 - t));
                let same = a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{text}, names {names}, day {t}");
            }
        }
    }
}
