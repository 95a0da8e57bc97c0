//! Bars that come in any order, twice, late or never make rows.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

mod tape;

use engine::{
    Data, MarketEvent,
    feed::{Arrival, Arrivals, Basis, BuiltRow, Candles, Error, Gap, RowBuilder, RowTerms},
};
use market::{Bar, BarSize, Price, Quantity, Session, Status, Timestamp};
use portfolio::InstrumentId;
use proptest::prelude::*;

const A: InstrumentId = InstrumentId(0);
const B: InstrumentId = InstrumentId(1);
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const GRACE: i64 = 2 * SECOND;

fn size(name: &str) -> BarSize {
    name.parse().expect("a size")
}

/// A time in seconds since the epoch.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * SECOND)
}

/// A bar that opens at a time, around a price.
fn bar(open_time: Timestamp, price: i64) -> Bar {
    let (open, close) = (Price(price), Price(price + 1));
    let (high, low) = (Price(price + 3), Price(price - 2));
    Bar { open_time, open, high, low, close, volume: Quantity(price.unsigned_abs()) }
}

/// The bar of the n-th minute.
fn minute(n: i64, price: i64) -> Bar {
    bar(at(60 * n), price)
}

fn terms(size_of: &str, from: &str, since: Timestamp) -> RowTerms {
    let grace_nanos = GRACE.unsigned_abs();
    RowTerms { size: size(size_of), from: size(from), since, grace_nanos }
}

fn builder() -> RowBuilder {
    RowBuilder::new(2, terms("1m", "1m", at(0))).expect("a builder")
}

/// `minute: closes (absent) +skipped` of each row that goes at a time.
fn told(rows: &mut RowBuilder, seconds: i64) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(row) = rows.next(at(seconds)).expect("in range") {
        assert_eq!(row.end.nanos() - row.time.nanos(), MINUTE);
        let close = |bar: &Option<Bar>| bar.map_or("-".to_owned(), |bar| bar.close.0.to_string());
        let closes: Vec<String> = row.bars.iter().map(close).collect();
        let absent: Vec<u32> = row.absent.iter().map(|id| id.0).collect();
        let minute = row.time.nanos() / MINUTE;
        all.push(format!("{minute}: {} {absent:?} +{}", closes.join(" "), row.skipped));
    }
    all
}

#[test]
fn a_row_goes_when_it_is_whole_or_its_grace_is_over() {
    let mut rows = builder();
    assert_eq!(rows.deadline(), None);
    assert_eq!(rows.take(B, &minute(0, 20)), Ok(Arrival::Taken));
    assert_eq!(rows.deadline(), Some(at(62)));
    assert_eq!(told(&mut rows, 61), [""; 0]);
    rows.take(A, &minute(0, 10)).expect("taken");
    assert_eq!(rows.deadline(), Some(at(60)), "whole");
    assert_eq!(told(&mut rows, 61), ["0: 11 21 [] +0"]);
    // The next one never gets its second bar; the one after it is whole before.
    rows.take(A, &minute(1, 12)).expect("taken");
    rows.take(A, &minute(2, 13)).expect("taken");
    rows.take(B, &minute(2, 23)).expect("taken");
    assert_eq!(rows.deadline(), Some(at(122)));
    assert_eq!(told(&mut rows, 121), [""; 0]);
    assert_eq!(told(&mut rows, 122), ["1: 13 - [1] +0", "2: 14 24 [] +0"]);
    assert_eq!(rows.deadline(), None);
}

#[test]
fn a_row_of_which_nothing_came_is_waited_for_and_left_out() {
    let mut rows = builder();
    rows.take(A, &minute(1, 10)).expect("taken");
    rows.take(B, &minute(1, 20)).expect("taken");
    // Whole, and minute 0 may still come until 62 s.
    assert_eq!(rows.deadline(), Some(at(62)));
    assert_eq!(told(&mut rows, 61), [""; 0]);
    assert_eq!(told(&mut rows, 62), ["1: 11 21 [] +1"]);
    assert_eq!(rows.take(A, &minute(0, 9)), Ok(Arrival::Late));
    assert_eq!(told(&mut rows, 9_999), [""; 0]);
}

#[test]
fn what_comes_twice_late_or_for_no_row_is_counted_and_changes_nothing() {
    let mut rows = builder();
    let first = minute(0, 10);
    let other = Bar { close: Price(12), ..first };
    assert_eq!(rows.take(A, &first), Ok(Arrival::Taken));
    assert_eq!(rows.take(A, &first), Ok(Arrival::Again));
    assert_eq!(rows.take(A, &other), Ok(Arrival::Contradicts { kept: first }));
    assert_eq!(told(&mut rows, 62), ["0: 11 - [1] +0"]);
    assert_eq!(rows.take(B, &minute(0, 20)), Ok(Arrival::Late));
    assert_eq!(rows.take(A, &first), Ok(Arrival::Again), "told again after it went");
    assert_eq!(rows.take(A, &other), Ok(Arrival::Contradicts { kept: first }));
    assert_eq!(rows.take(A, &minute(-1, 9)), Ok(Arrival::Before));
    let counts = Arrivals { taken: 1, again: 2, contradicting: 2, late: 1, before: 1 };
    assert_eq!(*rows.arrivals(), counts);
    assert_eq!(told(&mut rows, 9_999), [""; 0]);
    let odd = bar(at(90), 5);
    assert!(matches!(rows.take(A, &odd), Err(Error::OffGrid { time, .. }) if time == at(90)));
    let stranger = rows.take(InstrumentId(2), &minute(3, 1));
    assert_eq!(stranger, Err(Error::Stranger { instrument: InstrumentId(2), known: 2 }));
}

#[test]
fn who_does_not_trade_is_not_waited_for() {
    let mut rows = builder();
    rows.take(A, &minute(0, 10)).expect("taken");
    rows.set_status(B, Status::Halted);
    assert_eq!(rows.deadline(), Some(at(60)));
    assert_eq!(told(&mut rows, 60), ["0: 11 - [] +0"]);
    assert_eq!(rows.missing(at(60), at(120)).len(), 1, "only of who trades");
    // What it has is taken all the same.
    rows.take(B, &minute(1, 20)).expect("taken");
    rows.take(A, &minute(1, 11)).expect("taken");
    rows.set_status(B, Status::Trading);
    assert_eq!(told(&mut rows, 120), ["1: 12 21 [] +0"]);
}

#[test]
fn what_is_missing_is_named_and_can_be_filled_until_its_row_goes() {
    let mut rows = builder();
    for id in [A, B] {
        rows.take(id, &minute(0, 10)).expect("taken");
    }
    assert_eq!(told(&mut rows, 60), ["0: 11 11 [] +0"]);
    // An interruption of five minutes; one bar came through.
    rows.take(A, &minute(3, 13)).expect("taken");
    let gap = |instrument, from: i64, until: i64| {
        let bars = (until - from).unsigned_abs();
        Gap { instrument, from: at(60 * from), until: at(60 * until), bars }
    };
    let want = [gap(A, 1, 3), gap(A, 4, 6), gap(B, 1, 6)];
    assert_eq!(rows.missing(at(0), at(6 * 60 + 30)), want);
    assert_eq!(rows.missing(at(0), at(59)), []);
    assert_eq!(rows.missing(at(150), at(200)), [gap(B, 3, 4)][..0].to_vec(), "none closed");
    for n in 1..6 {
        if n != 3 {
            rows.take(A, &minute(n, 10 + n)).expect("taken");
        }
        rows.take(B, &minute(n, 20 + n)).expect("taken");
    }
    assert_eq!(rows.missing(at(0), at(6 * 60)), []);
    let all = told(&mut rows, 6 * 60);
    assert_eq!((all.len(), all[2].as_str()), (5, "3: 14 24 [] +0"));
}

#[test]
fn no_more_rows_wait_than_may() {
    let mut rows = RowBuilder::new(100_000, terms("1m", "1m", at(0))).expect("a builder");
    let limit = (1 << 19) / 100_000;
    for n in 0..limit {
        rows.take(A, &minute(n, 10)).expect("taken");
    }
    let refused = rows.take(A, &minute(limit, 10));
    assert_eq!(refused, Err(Error::Waiting { limit: usize::try_from(limit).expect("small") }));
    assert!(rows.next(at(62)).expect("in range").is_some());
    assert_eq!(rows.take(A, &minute(limit, 10)), Ok(Arrival::Taken));
}

#[test]
fn the_longest_size_that_divides_is_the_source() {
    let check = |of: &str, offered: &[&str], want: Option<&str>| {
        let offered: Vec<BarSize> = offered.iter().map(|name| size(name)).collect();
        assert_eq!(RowBuilder::source(size(of), &offered), want.map(size), "{of}");
    };
    let some = ["1m", "5m", "1h", "4h", "1d", "7d"];
    check("1h", &some, Some("1h"));
    check("3m", &some, Some("1m"));
    check("6h", &some, Some("1h"));
    check("3d", &some, Some("1d"));
    check("7d", &["1m", "3d"], Some("1m"));
    check("1m", &["5m"], None);
    let refused = RowBuilder::new(1, terms("3d", "2d", at(0))).err();
    assert!(matches!(refused, Some(Error::NoFit { .. })), "{refused:?}");
}

/// Rows that go when all of these bars were taken, and time has passed.
fn folded(of: &str, from: &str, since: Timestamp, bars: &[Vec<Bar>]) -> Vec<BuiltRow> {
    let mut rows = RowBuilder::new(bars.len(), terms(of, from, since)).expect("a builder");
    let mut all = Vec::new();
    let mut by_time: Vec<(InstrumentId, &Bar)> = (0..)
        .map(InstrumentId)
        .zip(bars)
        .flat_map(|(id, own)| own.iter().map(move |b| (id, b)))
        .collect();
    by_time.sort_by_key(|(_, bar)| bar.open_time);
    for (id, bar) in by_time {
        rows.take(id, bar).expect("taken");
        let now = bar.open_time.plus_nanos(size(from).nanos()).expect("in range");
        while let Some(row) = rows.next(now).expect("in range") {
            all.push(row);
        }
    }
    while let Some(row) = rows.next(Timestamp::from_nanos(i64::MAX)).expect("in range") {
        all.push(row);
    }
    assert_eq!(rows.deadline(), None);
    all
}

#[test]
fn long_rows_say_who_lacks_a_part_and_begin_where_all_was_seen() {
    // Sunday 2024-03-10; the week begins on Monday 2024-03-11.
    let day = |text: &str| -> Timestamp { text.parse().expect("a day") };
    let days = |from: &str, count: i64, skip: i64| -> Vec<Bar> {
        let first = day(from).nanos();
        let of = |n: i64| bar(Timestamp::from_nanos(first + n * BarSize::DAY.nanos()), 100 + n);
        (0..count).filter(|n| *n != skip).map(of).collect()
    };
    let bars = [days("2024-03-10", 16, 99), days("2024-03-10", 16, 10)];
    let rows = folded("7d", "1d", day("2024-03-10"), &bars);
    let shown: Vec<String> = rows
        .iter()
        .map(|row| {
            let one = row.bars[1].expect("is there");
            let [open, high, low, close] = [one.open, one.high, one.low, one.close].map(|p| p.0);
            format!(
                "{}..{} {open} {high} {low} {close} {} {:?}",
                row.time, row.end, one.volume.0, row.absent
            )
        })
        .collect();
    // The day of the 10th is in a week whose beginning was not seen; the last week ends in silence.
    assert_eq!(
        shown,
        [
            "2024-03-11..2024-03-18 101 110 99 108 728 []",
            "2024-03-18..2024-03-25 108 117 106 115 667 [InstrumentId(1)]",
            "2024-03-25..2024-04-01 115 118 113 116 115 [InstrumentId(0), InstrumentId(1)]",
        ]
    );
    // After its week went, a day is late.
    let mut rows = RowBuilder::new(1, terms("7d", "1d", day("2024-03-11"))).expect("a builder");
    rows.take(A, &bars[0][1]).expect("taken");
    let week = day("2024-03-18");
    assert_eq!(rows.next(week), Ok(None));
    assert_eq!(rows.deadline(), Some(week.plus_nanos(GRACE).expect("in range")));
    let later = week.plus_nanos(GRACE).expect("in range");
    assert!(rows.next(later).expect("in range").is_some());
    assert_eq!(rows.take(A, &bars[0][3]), Ok(Arrival::Late));
    assert_eq!(rows.next(later), Ok(None));
}

/// Sizes, and the shorter ones that they are built from.
const FOLDS: [(&str, &str); 8] = [
    ("3m", "1m"),
    ("1h", "1m"),
    ("12h", "4h"),
    ("1d", "1h"),
    ("2d", "1d"),
    ("3d", "1d"),
    ("7d", "1d"),
    ("7d", "12h"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_rows_are_the_candles_of_each_instrument(
        there in prop::collection::vec(any::<[bool; 2]>(), 1..80),
        fold in 0..FOLDS.len(), begin in 19_000i64..20_000,
    ) {
        let (of, from) = FOLDS[fold];
        let first = RowBuilder::begin(size(of), Timestamp::from_nanos(begin * BarSize::DAY.nanos()));
        let one = |j: usize| -> Vec<Bar> {
            let of = |(n, there): (i64, &[bool; 2])| {
                let time = first.plus_nanos(n * size(from).nanos()).expect("in range");
                there[j].then(|| bar(time, 50 + (n * 37 + i64::try_from(j).expect("small")) % 29))
            };
            (0..).zip(&there).filter_map(of).collect()
        };
        let bars = [one(0), one(1)];
        let rows = folded(of, from, first, &bars);
        prop_assert!(rows.is_sorted_by(|a, b| a.time < b.time));
        for (id, own) in (0..).map(InstrumentId).zip(&bars) {
            let mut candles = Candles::new();
            candles.add(id, Basis::Bars(size(from)), &Session::always(), &[size(of)]).expect("fits");
            let mut closed = Vec::new();
            for bar in own {
                let time = bar.open_time.plus_nanos(size(from).nanos()).expect("in range");
                let data = Data::Bar(*bar, size(from));
                let event = MarketEvent { time, instrument: id, data };
                candles.before(&event, &mut closed);
                candles.take(&event).expect("in order");
            }
            candles.close(Timestamp::from_nanos(i64::MAX), &mut closed);
            let want: Vec<Bar> = closed.iter().map(|candle| candle.bar).collect();
            let found: Vec<Bar> = rows.iter().filter_map(|row| row.bars[id.index()]).collect();
            prop_assert_eq!(found, want);
        }
    }

    /// Bars that come in any order within the grace make the rows of the calendar.
    #[test]
    fn the_order_in_which_bars_come_does_not_show(
        tape in tape::tape(), keys in prop::collection::vec(0i64..1_000, tape::ROWS * tape::NAMES),
    ) {
        let series = tape::series(&tape);
        let day = BarSize::DAY.nanos();
        let mut rows = RowBuilder::new(tape::NAMES, RowTerms {
            size: BarSize::DAY, from: BarSize::DAY, since: at(0), grace_nanos: GRACE.unsigned_abs(),
        }).expect("a builder");
        // Each comes within the two seconds after its close.
        let mut coming = Vec::new();
        for (row, cells) in tape.iter().enumerate() {
            for (j, _) in cells.iter().enumerate().filter(|(_, cell)| cell.is_some()) {
                let place = series[j].times().binary_search(&Timestamp::from_nanos(
                    i64::try_from(row).expect("small") * day)).expect("is there");
                let bar = series[j].bar(place).expect("is there");
                let delay = keys[row * tape::NAMES + j] * (GRACE / 1_000);
                coming.push((bar.open_time.nanos() + day + delay, j, bar));
            }
        }
        coming.sort_by_key(|(time, ..)| *time);
        let mut all = Vec::new();
        for (time, j, bar) in coming {
            let id = InstrumentId(u32::try_from(j).expect("small"));
            prop_assert_eq!(rows.take(id, &bar), Ok(Arrival::Taken));
            while let Some(row) = rows.next(Timestamp::from_nanos(time)).expect("in range") {
                all.push(row);
            }
        }
        while let Some(row) = rows.next(Timestamp::from_nanos(i64::MAX)).expect("in range") {
            all.push(row);
        }
        let times: Vec<Timestamp> = all.iter().map(|row| row.time).collect();
        prop_assert_eq!(times, engine::calendar(&series));
        for row in &all {
            for (series, bar) in series.iter().zip(&row.bars) {
                let place = series.times().binary_search(&row.time).ok();
                prop_assert_eq!(*bar, place.and_then(|place| series.bar(place)));
            }
        }
    }

    #[test]
    fn whatever_comes_rows_increase_and_each_bar_is_in_one(
        coming in prop::collection::vec((0i64..40, 0u32..3, 0i64..3, 0i64..90), 1..300),
        fold in any::<bool>(),
    ) {
        let of = if fold { "5m" } else { "1m" };
        let mut rows = RowBuilder::new(3, terms(of, "1m", at(0))).expect("a builder");
        let (mut now, mut last, mut volume) = (0, None, 0);
        let mut taken_volume = 0;
        let mut went = |rows: &mut RowBuilder, now: Timestamp| -> Result<(), TestCaseError> {
            while let Some(row) = rows.next(now).expect("in range") {
                prop_assert!(last < Some(row.time));
                prop_assert!(row.bars.iter().any(Option::is_some));
                last = Some(row.time);
                volume += row.bars.iter().flatten().map(|bar| bar.volume.0).sum::<u64>();
            }
            let next = rows.deadline();
            prop_assert!(next.is_none_or(|next| next > now || next.nanos() % MINUTE == 0), "{:?}", next);
            Ok(())
        };
        let calls = coming.len();
        for (n, id, price, wait) in coming {
            now += wait;
            let bar = minute(n, 100 + price);
            if rows.take(InstrumentId(id), &bar) == Ok(Arrival::Taken) {
                taken_volume += bar.volume.0;
            }
            went(&mut rows, at(now))?;
        }
        went(&mut rows, at(1_000_000))?;
        prop_assert_eq!(volume, taken_volume, "what was taken is in a row, once");
        let counts = rows.arrivals();
        let sum = counts.taken + counts.again + counts.contradicting + counts.late + counts.before;
        prop_assert_eq!(sum, calls as u64);
    }
}
