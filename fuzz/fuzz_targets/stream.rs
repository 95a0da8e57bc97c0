//! A stream that is given its rows in chunks of any sizes, against the rows all at once.
#![no_main]

#[path = "../../crates/factor/tests/reference/mod.rs"]
mod reference;

use factor::{Error, Expression, Limits, Plan, Run, Schema};
use libfuzzer_sys::fuzz_target;
use reference::draw::{self, Draw};
use reference::random;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

fuzz_target!(|data: &[u8]| {
    let mut draw = Draw::new(data);
    let sizes: Vec<usize> = (0..4).map(|_| draw.below(50)).collect();
    let (panel, values) = draw::panel(&mut draw);
    let schema = Schema::of(&panel);
    let count = 1 + draw.below(3);
    let texts: Vec<String> =
        (0..count).map(|_| random::text(&mut draw, values).0.to_string()).collect();
    let read = |(i, text): (usize, &String)| {
        let read = Expression::parse(text, &schema, &Limits::default());
        (format!("f{i}"), read.unwrap_or_else(|found| panic!("{text}: {found:?}")))
    };
    let set: Vec<_> = texts.iter().enumerate().map(read).collect();
    let plan = Plan::new(&set, &schema, &Limits::default()).expect("a plan");
    let cancel = AtomicBool::new(false);
    let run = Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max: 1 << 30 };
    let whole = plan.evaluate(&panel, &run).expect("a result");

    let (names, stride, mut first) = (panel.symbols().len(), panel.stride(), 0);
    let mut stream = plan.stream(names);
    for size in sizes.iter().cycle() {
        // A chunk of no row is a chunk; the last of them takes the rest.
        let size = if sizes.iter().all(|size| *size == 0) { panel.rows() } else { *size };
        let end = panel.rows().min(first + size);
        let cells = first * stride..end * stride;
        let field = |name: &str| &panel.field(name).expect("is there").values()[cells.clone()];
        let fields: Vec<&[f64]> = stream.fields().iter().map(|name| field(name)).collect();
        let codes = |name: &str| -> Vec<u32> {
            let labels = panel.group(name).expect("is there");
            (first..end).flat_map(|t| labels.row(t)).copied().collect()
        };
        let groups: Vec<Vec<u32>> = stream.groups().iter().map(|name| codes(name)).collect();
        let groups: Vec<&[u32]> = groups.iter().map(Vec::as_slice).collect();
        let times = &panel.times()[first..end];
        // Rows of another width are refused and change nothing.
        let wide = vec![0_u32; (end - first) * stride + 1];
        let wide = stream.push(times, (&fields, &vec![&wide[..]; groups.len() + 1]), &cancel);
        assert!(matches!(wide, Err(Error::Shape { .. })), "{wide:?}");
        stream.push(times, (&fields, &groups), &cancel).expect("whole rows");
        for (i, (name, column)) in whole.iter().enumerate() {
            for t in first..end {
                let row = &stream.result(i)[(t - first) * stride..][..names];
                let alike =
                    |a: &f64, b: &f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                let same = row.iter().zip(column.row(t)).all(|(a, b)| alike(a, b));
                assert!(same, "{name} at row {t}, {sizes:?}: {texts:?}");
            }
        }
        first = end;
        if first == panel.rows() {
            return;
        }
    }
});
