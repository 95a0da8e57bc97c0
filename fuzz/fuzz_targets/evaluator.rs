//! The fast evaluator against the slow one of the tests, on a panel and a text drawn from the bytes.
#![no_main]

#[path = "../../crates/factor/tests/reference/mod.rs"]
mod reference;

use factor::{Expression, Limits, Plan, Run, Schema};
use libfuzzer_sys::fuzz_target;
use reference::draw::{self, Draw};
use reference::{Data, compare, random, value};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

fuzz_target!(|data: &[u8]| {
    let mut draw = Draw::new(data);
    let (panel, values) = draw::panel(&mut draw);
    let (text, grade) = random::text(&mut draw, values);
    let (written, schema) = (text.to_string(), Schema::of(&panel));
    let read = Expression::parse(&written, &schema, &Limits::default());
    let expression = read.unwrap_or_else(|found| panic!("{written}: {found:?}"));
    let set = [("it".to_owned(), expression)];
    let plan = Plan::new(&set, &schema, &Limits::default()).expect("a plan");
    let cancel = AtomicBool::new(false);
    let run = Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max: 1 << 30 };
    let column = plan.evaluate(&panel, &run).expect("a result").remove(0).1;
    let (table, largest) = value(&text, &Data::of(&panel));
    let found = compare::difference(&column, &table, (grade, largest));
    assert_eq!(found, None, "{written} over {values:?}, known {grade:?}");
});
