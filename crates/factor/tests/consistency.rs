//! One value whichever way it is computed: rows at once or one by one, on any number of threads,
//! alone or in a set, with the future cut off, with the names in another order.
//!
//! More cases: `PROPTEST_CASES=20000 cargo test -p factor --test consistency`.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    reason = "tests: panels are small, and a wrong index is a failure"
)]

mod panels;
mod reference;

use factor::{Expression, Limits, ParameterKind, Plan, Run, Schema};
use market::{Column, Panel};
use proptest::prelude::*;
use reference::draw::{self, Draw};
use reference::known::{Grade, Level};
use reference::{Text, random, surgery};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

fn seeds() -> impl Strategy<Value = draw::Seed> {
    prop::collection::vec(any::<u8>(), 12..240).prop_map(draw::Seed)
}

/// A panel and a set of texts.
struct Case {
    panel: Panel,
    values: draw::Values,
    texts: Vec<(Text, Grade)>,
    /// Where rows or names are cut or turned.
    place: usize,
}

impl Case {
    fn new(seed: &draw::Seed) -> Self {
        let mut draw = Draw::new(&seed.0);
        let (panel, values) = draw::panel(&mut draw);
        let (place, count) = (usize::from(draw.byte()), 1 + draw.below(4));
        let texts = (0..count).map(|_| random::text(&mut draw, values)).collect();
        Self { panel, values, texts, place }
    }

    fn shown(&self) -> String {
        let texts: Vec<String> = self.texts.iter().map(|(text, _)| text.to_string()).collect();
        format!("{} rows, {} names: {texts:?}", self.panel.rows(), self.panel.symbols().len())
    }

    fn plan(&self) -> Plan {
        let texts = self.texts.iter().map(|(text, _)| text.to_string());
        plan(&texts.collect::<Vec<_>>(), &self.panel)
    }
}

fn plan(texts: &[String], panel: &Panel) -> Plan {
    let one = |(i, text): (usize, &String)| (format!("f{i}"), panels::parse(text, panel));
    let set: Vec<_> = texts.iter().enumerate().map(one).collect();
    Plan::new(&set, &Schema::of(panel), &Limits::default()).expect("a plan")
}

fn run(plan: &Plan, panel: &Panel, threads: usize) -> Vec<Column> {
    let threads = NonZeroUsize::new(threads).expect("at least one");
    let cancel = AtomicBool::new(false);
    let run = Run { threads, cancel: &cancel, memory_bytes_max: 1 << 30 };
    plan.evaluate(panel, &run).expect("a result").into_iter().map(|(_, column)| column).collect()
}

/// The bits of a row, all missing values alike.
fn bits(row: &[f64]) -> Vec<u64> {
    row.iter().map(|x| if x.is_nan() { 0x7ff8 << 48 } else { x.to_bits() }).collect()
}

/// The first row in which two columns differ, of those that both have.
fn differs(a: &Column, b: &Column) -> Option<usize> {
    (0..a.rows().min(b.rows())).find(|t| bits(a.row(*t)) != bits(b.row(*t)))
}

/// The results of a stream that is given rows in chunks whose sizes repeat.
fn streamed(plan: &Plan, (panel, texts): (&Panel, usize), sizes: &[usize]) -> Vec<Vec<f64>> {
    let mut stream = plan.stream(panel.symbols().len());
    let fields: Vec<&Column> =
        stream.fields().iter().map(|name| panel.field(name).expect("is there")).collect();
    let groups: Vec<_> =
        stream.groups().iter().map(|name| panel.group(name).expect("is there")).collect();
    let mut results = vec![Vec::new(); texts];
    let (mut first, cancel) = (0, AtomicBool::new(false));
    for size in sizes.iter().cycle() {
        let end = panel.rows().min(first + size);
        let (stride, rows) = (panel.stride(), first..end);
        let cells = first * stride..end * stride;
        let fields: Vec<&[f64]> = fields.iter().map(|one| &one.values()[cells.clone()]).collect();
        let codes: Vec<Vec<u32>> = groups
            .iter()
            .map(|one| rows.clone().flat_map(|t| one.row(t)).copied().collect())
            .collect();
        let codes: Vec<&[u32]> = codes.iter().map(Vec::as_slice).collect();
        let times = &panel.times()[first..end];
        stream.push(times, (&fields, &codes), &cancel).expect("whole rows");
        for (i, result) in results.iter_mut().enumerate() {
            result.extend_from_slice(stream.result(i));
        }
        if end == panel.rows() {
            break;
        }
        first = end;
    }
    results
}

fn config(cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(cases), failure_persistence: None, ..asked }
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn rows_one_by_one_or_at_once_give_the_same_bits(seed in seeds()) {
        let case = Case::new(&seed);
        let plan = case.plan();
        let whole = run(&plan, &case.panel, 1);
        let own = [1 + case.place % 5, 1, 3 + case.place % 40];
        for sizes in [&[1][..], &[7], &[usize::MAX / 2], &own] {
            for (i, (result, column)) in streamed(&plan, (&case.panel, case.texts.len()), sizes).iter().zip(&whole).enumerate() {
                let names = case.panel.symbols().len();
                for (t, row) in result.chunks(case.panel.stride()).enumerate() {
                    let (row, expected) = (&row[..names], &column.row(t)[..names]);
                    prop_assert_eq!(
                        bits(row), bits(expected), "f{} at row {} by {:?}, {}", i, t, sizes, case.shown()
                    );
                }
                prop_assert_eq!(result.len(), column.values().len(), "{}", case.shown());
            }
        }
    }

    #[test]
    fn a_set_gives_what_each_text_gives_alone(seed in seeds()) {
        let case = Case::new(&seed);
        let whole = run(&case.plan(), &case.panel, 1);
        for ((text, _), column) in case.texts.iter().zip(&whole) {
            let alone = panels::evaluate(&text.to_string(), &case.panel);
            prop_assert_eq!(differs(column, &alone), None, "{} of {}", text, case.shown());
            prop_assert_eq!(column.rows(), alone.rows());
        }
    }

    #[test]
    fn cutting_off_the_future_leaves_every_bit(seed in seeds()) {
        let case = Case::new(&seed);
        let (plan, rows) = (case.plan(), case.panel.rows());
        let end = case.place % (rows + 1);
        let past = surgery::past(&case.panel, end);
        for (whole, part) in run(&plan, &case.panel, 1).iter().zip(&run(&plan, &past, 1)) {
            prop_assert_eq!(part.rows(), end);
            prop_assert_eq!(differs(whole, part), None, "cut at {}, {}", end, case.shown());
        }
    }

    #[test]
    fn the_order_of_the_names_does_not_matter(seed in seeds()) {
        let case = Case::new(&seed);
        let names = case.panel.symbols().len();
        let step = (1..names).find(|step| step % 2 == 1 && !names.is_multiple_of(*step)).unwrap_or(1);
        let order: Vec<usize> = (0..names).map(|j| (j * step + case.place) % names).rev().collect();
        let turned = surgery::reordered(&case.panel, &order);
        for (text, grade) in &case.texts {
            // Of equal names the earlier column is taken: these two know an order.
            if ["top(", "bottom("].iter().any(|one| text.to_string().contains(one)) {
                continue;
            }
            let (_, largest) = reference::value(text, &reference::Data::of(&case.panel));
            let whole = panels::evaluate(&text.to_string(), &case.panel);
            let other = panels::evaluate(&text.to_string(), &turned);
            for t in 0..whole.rows() {
                for (j, from) in order.iter().enumerate() {
                    let (a, b) = (whole.at(t, *from), other.at(t, j));
                    let near = grade.level < Level::Same && (a - b).abs() <= 1e-9 * a.abs() + 1e-12 * largest;
                    let alike = a == b || near || (a.is_nan() && b.is_nan());
                    prop_assert!(alike, "row {}, name {}: {:?}, {:?}: {}", t, from, a, b, text);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn any_number_of_threads_gives_the_same_bits(seed in seeds()) {
        let case = Case::new(&seed);
        let plan = case.plan();
        let whole = run(&plan, &case.panel, 1);
        for threads in [2, 4] {
            for (a, b) in whole.iter().zip(&run(&plan, &case.panel, threads)) {
                prop_assert_eq!(differs(a, b), None, "{} threads, {}", threads, case.shown());
            }
        }
    }
}

/// Operators that the slow evaluator does not know keep these laws all the same.
#[test]
fn every_operator_of_the_table_gives_one_value_in_every_way() {
    for (i, operator) in factor::operators().iter().enumerate() {
        for round in 0..6_usize {
            let mix = |at: usize| ((i * 31 + round * 113 + at * (57 + 2 * round)) % 256) as u8;
            let case = Case::new(&draw::Seed((0..90).map(mix).collect()));
            let bytes: Vec<u8> = (0..40).map(|at| mix(at * 3 + 1)).collect();
            let text = random::any_call(&mut Draw::new(&bytes), case.values, operator);
            // A constant may be outside what the operator takes: a fast mean slower than the slow one.
            if round > 0
                && Expression::parse(&text, &Schema::of(&case.panel), &Limits::default()).is_err()
            {
                continue;
            }
            one_value(&case.panel, &text);
        }
    }
}

fn one_value(panel: &Panel, text: &str) {
    let names = panel.symbols().len();
    let plan = plan(&[text.to_owned()], panel);
    let whole = run(&plan, panel, 1).remove(0);
    for sizes in [&[1][..], &[7], &[usize::MAX / 2]] {
        let rows = streamed(&plan, (panel, 1), sizes).remove(0);
        for (t, row) in rows.chunks(panel.stride()).enumerate() {
            let same = bits(&row[..names]) == bits(&whole.row(t)[..names]);
            assert!(same, "{text} by {sizes:?} at row {t}");
        }
    }
    assert_eq!(differs(&run(&plan, panel, 2).remove(0), &whole), None, "{text} on 2 threads");
    let end = panel.rows() / 2;
    let past = run(&plan, &surgery::past(panel, end), 1).remove(0);
    assert_eq!(differs(&past, &whole), None, "{text} cut at {end}");
    assert!(whole.values().iter().all(|x| !x.is_infinite()), "{text} gives an infinity");
}

/// The library's texts are the largest there are.
#[test]
fn every_text_of_the_library_gives_one_value_in_every_way() {
    let mut panel = draw::shaped(&mut Draw::new(&[5; 8]), draw::Values::Prices, (330, 5));
    let schema = factor::library_schema();
    for (name, from) in schema.fields.iter().zip(["x", "y", "z"].iter().cycle()) {
        let column = panel.field(from).expect("is there").clone();
        panel.insert(name.as_str(), column).expect("fits");
    }
    for name in &schema.groups {
        let labels = panel.group("sector").expect("is there").clone();
        panel.insert_labels(name.as_str(), labels).expect("fits");
    }
    for entry in factor::library() {
        one_value(&panel, entry.text);
    }
}

/// What holds its state over missing rows gives for the others what it would give without them.
#[test]
fn what_is_held_over_missing_rows_does_not_see_them() {
    let held = |one: &&factor::Operator| one.missing.contains("held meanwhile");
    let operators: Vec<&factor::Operator> = factor::operators().iter().filter(held).collect();
    for (i, operator) in operators.iter().enumerate() {
        let mut fields = ["x", "y", "z", "x"].iter();
        let given = operator.positional().map(|parameter| match parameter.kind {
            ParameterKind::Truth => "x > y",
            ParameterKind::Window => "4",
            _ => fields.next().expect("no operator takes more"),
        });
        let mut given: Vec<String> = given.map(str::to_owned).collect();
        let windows = operator.keywords().filter(|one| one.kind == ParameterKind::Window);
        given.extend(windows.enumerate().map(|(at, one)| format!("{}={}", one.name, 3 + 2 * at)));
        let text = format!("{}({})", operator.name, given.join(", "));
        let mut compared = 0;
        for round in 0..12_usize {
            let mix = |at: usize| ((i * 31 + round * 57 + at * (89 + 2 * round)) % 256) as u8;
            // A panel of 33 names, 100 rows and more.
            let mut seed = vec![3 * (round % 2) as u8, 8, 15, mix(0) % 90];
            seed.extend((1..12).map(mix));
            let (panel, _) = draw::panel(&mut Draw::new(&seed));
            for name in 0..panel.symbols().len() {
                compared += gaps_left_out(&text, &panel, name);
            }
        }
        assert!(compared > 200, "{text}: only {compared} values were compared");
    }
}

/// Compares a name with itself without the rows that lack a value; gives how many values it has.
fn gaps_left_out(text: &str, panel: &Panel, name: usize) -> usize {
    let expression = panels::parse(text, panel);
    let column = |field: &str| panel.field(field).expect("is there");
    let known = |t: usize, field: &str| column(field).at(t, name).is_finite();
    let valid = |t: &usize| expression.fields().all(|one| known(*t, one));
    // A row that lacks one of several fields is left out of both: each field has its own gaps.
    let whole = |t: &usize| valid(t) || !expression.fields().any(|one| known(*t, one));
    let all: Vec<usize> = (0..panel.rows()).filter(whole).collect();
    let rows: Vec<usize> = (0..all.len()).filter(|at| valid(&all[*at])).collect();
    let left: Vec<usize> = rows.iter().map(|at| all[*at]).collect();
    let whole = panels::evaluate(text, &surgery::picked(panel, name, &all));
    let dense = panels::evaluate(text, &surgery::picked(panel, name, &left));
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(bits(whole.row(*row)), bits(dense.row(at)), "{text}, name {name}, row {row}");
    }
    rows.iter().filter(|row| !whole.at(**row, 0).is_nan()).count()
}
