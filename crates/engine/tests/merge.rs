//! The laws of merging: whatever the batches, the streams' order is the answer.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use engine::{
    Data, MarketEvent,
    feed::{Merge, Step},
};
use market::{Bar, BarSize, Depth, Price, Print, Quantity, Quote, Side, Timestamp};
use portfolio::InstrumentId;
use proptest::prelude::*;

/// An event whose price says which stream it is of, and its place there.
fn event((nanos, instrument, kind): (i64, u32, u8), mark: i64) -> MarketEvent {
    let (time, price, size) = (Timestamp::from_nanos(nanos), Price(mark), Quantity(1));
    let data = match kind {
        0 => Data::Print(Print { time, price, size, aggressor: None }),
        1 => Data::Depth(Depth { time, side: Side::Sell, price, size }),
        2 => Data::Quote(Quote { time, bid: price, ask: price, bid_size: size, ask_size: size }),
        _ => {
            let bar = Bar {
                open_time: time,
                open: price,
                high: price,
                low: price,
                close: price,
                volume: size,
            };
            Data::Bar(bar, BarSize::MINUTE)
        }
    };
    MarketEvent { time, instrument: InstrumentId(instrument), data }
}

/// Streams, each in order; few times, so that ties are many, some streams far denser than others.
fn streams() -> impl Strategy<Value = Vec<Vec<MarketEvent>>> {
    let key = (-20_i64..20, 0_u32..3, 0_u8..4);
    let one = prop_oneof![
        proptest::collection::vec(key.clone(), 0..12),
        proptest::collection::vec(key, 0..150),
    ];
    proptest::collection::vec(one, 0..7).prop_map(|streams| {
        let sorted = |(stream, keys): (i64, Vec<_>)| {
            let mark = |(place, key)| event(key, stream * 1_000 + place);
            let mut events: Vec<MarketEvent> = (0..).zip(keys).map(mark).collect();
            events.sort_by(MarketEvent::precedence);
            events
        };
        (0..).zip(streams).map(sorted).collect()
    })
}

/// Merges with batches of these sizes, one after another.
fn merged(streams: &[Vec<MarketEvent>], cuts: &[usize]) -> Vec<MarketEvent> {
    let mut merge = Merge::new(streams.len());
    let mut rest: Vec<&[MarketEvent]> = streams.iter().map(Vec::as_slice).collect();
    let (mut cut, mut out) = (0, Vec::new());
    loop {
        match merge.step() {
            Step::Run(events) => {
                assert!(!events.is_empty());
                out.extend_from_slice(events);
            }
            Step::Needs(stream) if rest[stream].is_empty() => merge.end(stream).unwrap(),
            Step::Needs(stream) => {
                let size = cuts[cut % cuts.len()].min(rest[stream].len());
                cut += 1;
                let (batch, tail) = rest[stream].split_at(size);
                rest[stream] = tail;
                merge.feed(stream, batch.to_vec()).unwrap();
            }
            Step::Done => return out,
        }
    }
}

proptest! {
    /// The answer is the stable sort of all streams laid end to end.
    #[test]
    fn merging_is_a_stable_sort(streams in streams(), cuts in proptest::collection::vec(1_usize..40, 1..20)) {
        let mut want: Vec<MarketEvent> = streams.concat();
        want.sort_by(MarketEvent::precedence);
        prop_assert_eq!(merged(&streams, &cuts), want);
    }

    /// Where batches are cut does not matter, nor that some are empty.
    #[test]
    fn batches_of_any_cut_give_the_same(streams in streams(), cuts in proptest::collection::vec(0_usize..9, 1..20)) {
        let mut cuts = cuts;
        cuts.push(1);
        prop_assert_eq!(merged(&streams, &cuts), merged(&streams, &[usize::MAX]));
    }
}
