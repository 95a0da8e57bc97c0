//! Any set of texts: it is planned or refused, its cost grows with the panel and the set, and what
//! it may hold is refused before it is held.
#![no_main]

use factor::{Error, Expression, Limits, Plan, Run, Schema};
use libfuzzer_sys::fuzz_target;
use market::{Column, Panel, Timestamp};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

fn panel(rows: usize, names: usize) -> Panel {
    let times = (0..rows as i64).map(|t| Timestamp::from_nanos(t * 86_400_000_000_000)).collect();
    let symbols = (0..names).map(|j| format!("S{j}").parse().expect("a symbol")).collect();
    let mut panel = Panel::new(times, symbols);
    for (i, field) in ["open", "high", "low", "close", "volume"].into_iter().enumerate() {
        let mut column = Column::missing(rows, names);
        for t in 0..rows {
            for j in 0..names {
                column.set(t, j, ((t * 7 + j * 3 + i) % 11) as f64);
            }
        }
        panel.insert(field, column).expect("fits");
    }
    panel
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let schema = Schema::bars();
    let limits =
        Limits { window: 64, lookback: 200, work: 5_000_000, plan_nodes: 300, ..Limits::default() };
    let read = |text: &str| Expression::parse(text, &schema, &limits).ok();
    let set: Vec<(String, Expression)> = text
        .split('|')
        .take(8)
        .enumerate()
        .filter_map(|(i, text)| read(text).map(|one| (format!("f{}", i % 7), one)))
        .collect();
    let plan = match Plan::new(&set, &schema, &limits) {
        Ok(plan) => plan,
        Err(Error::Duplicate { .. } | Error::Nodes { .. }) => return,
        Err(other) => panic!("{other}"),
    };
    assert!(plan.nodes() <= limits.plan_nodes);
    let (small, wide, long) = (plan.cost(10, 4), plan.cost(10, 40), plan.cost(100, 4));
    assert!(small.work <= wide.work && small.work <= long.work, "{small:?} {wide:?} {long:?}");
    assert!(small.bytes <= wide.bytes && small.bytes <= long.bytes, "{small:?} {wide:?} {long:?}");
    // The largest panel that there can be has a cost, not an overflow.
    let _ = plan.cost(usize::MAX, usize::MAX / 16);

    let panel = panel(10, 4);
    let cancel = AtomicBool::new(false);
    let run =
        |memory_bytes_max| Run { threads: NonZeroUsize::MIN, cancel: &cancel, memory_bytes_max };
    match plan.evaluate(&panel, &run(small.bytes)) {
        Ok(results) => assert_eq!(results.len(), set.len()),
        Err(Error::Work { needed, limit }) => assert!(needed > limit),
        Err(other) => panic!("{other}"),
    }
    if let Some(less) = small.bytes.checked_sub(1) {
        let refused = plan.evaluate(&panel, &run(less));
        assert!(matches!(refused, Err(Error::Memory { .. } | Error::Work { .. })), "{refused:?}");
    }
});
