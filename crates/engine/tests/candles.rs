//! Candles: hand-computed days, and the laws that hold for every tape.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use engine::{
    Data, MarketEvent,
    feed::{Basis, Candle, Candles, Error},
};
use jiff::civil::{date, time};
use market::{Bar, BarSize, Price, Print, Quantity, Quote, Session, Timestamp};
use portfolio::InstrumentId;
use proptest::prelude::*;

const X: InstrumentId = InstrumentId(0);
const SIZES: [&str; 14] =
    ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "2d", "3d", "7d"];

fn size(name: &str) -> BarSize {
    name.parse().expect("a size")
}

fn print(at: Timestamp, price: i64, lots: u64) -> MarketEvent {
    let (price, size) = (Price(price), Quantity(lots));
    let data = Data::Print(Print { time: at, price, size, aggressor: None });
    MarketEvent { time: at, instrument: X, data }
}

fn share() -> Session {
    let session = Session::new("America/New_York", time(9, 30, 0, 0), time(16, 0, 0, 0));
    session.expect("a session").without([date(2024, 7, 4)])
}

/// Runs events through; every candle, those of the end included.
fn run(candles: &mut Candles, events: &[MarketEvent]) -> Result<Vec<Candle>, Error> {
    let mut out = Vec::new();
    for event in events {
        candles.before(event, &mut out);
        candles.take(event)?;
    }
    candles.close(Timestamp::from_nanos(i64::MAX), &mut out);
    Ok(out)
}

/// `stamp-end open high low close volume` of each candle.
fn told(candles: &[Candle]) -> Vec<String> {
    let one = |c: &Candle| {
        let b = &c.bar;
        let prices = [b.open.0, b.high.0, b.low.0, b.close.0].map(|p| p.to_string()).join(" ");
        format!("{} {}..{} {prices} {}", c.size, b.open_time, c.end, b.volume.0)
    };
    candles.iter().map(one).collect()
}

/// Prints of `(time, price, lots)` make these candles of a size.
fn check(session: &Session, of: &str, prints: &[(&str, i64, u64)], want: &[&str]) {
    let mut candles = Candles::new();
    candles.add(X, Basis::Prints, session, &[size(of)]).expect("fits");
    let events: Vec<MarketEvent> =
        prints.iter().map(|(t, p, n)| print(t.parse().expect("a time"), *p, *n)).collect();
    let found = run(&mut candles, &events).expect("in order");
    assert_eq!(told(&found), want, "{of}");
}

#[test]
fn prints_make_bars_and_silence_makes_none() {
    let prints = [
        ("2024-03-08T10:00:00Z", 100, 1),
        ("2024-03-08T10:00:20Z", 105, 2),
        ("2024-03-08T10:00:40Z", 98, 3),
        ("2024-03-08T10:00:59.999999999Z", 101, 4),
        // Its end is not in a bar: 10:01:00 opens the next.
        ("2024-03-08T10:01:00Z", 110, 5),
        // 10:02 to 10:04: nothing, no bar.
        ("2024-03-08T10:05:30Z", 90, 6),
    ];
    check(
        &Session::always(),
        "1m",
        &prints,
        &[
            "1m 2024-03-08T10:00:00Z..2024-03-08T10:01:00Z 100 105 98 101 10",
            "1m 2024-03-08T10:01:00Z..2024-03-08T10:02:00Z 110 110 110 110 5",
            "1m 2024-03-08T10:05:00Z..2024-03-08T10:06:00Z 90 90 90 90 6",
        ],
    );
    check(
        &Session::always(),
        "5m",
        &prints,
        &[
            "5m 2024-03-08T10:00:00Z..2024-03-08T10:05:00Z 100 110 98 110 15",
            "5m 2024-03-08T10:05:00Z..2024-03-08T10:10:00Z 90 90 90 90 6",
        ],
    );
}

#[test]
fn days_follow_the_session_over_changes_of_the_clock() {
    // 14:30Z is the open in winter (Friday 8 March) and 13:30Z in summer (Monday 11 March).
    check(
        &share(),
        "1d",
        &[
            ("2024-03-08T14:29:59Z", 1, 1), // before the open
            ("2024-03-08T14:30:00Z", 100, 1),
            ("2024-03-08T20:59:59Z", 120, 2),
            ("2024-03-08T21:00:00Z", 2, 1), // at the close: after hours
            ("2024-03-11T13:29:59Z", 3, 1), // before the open
            ("2024-03-11T13:30:00Z", 130, 4),
            ("2024-03-11T19:59:59Z", 125, 8),
            ("2024-03-11T20:00:00Z", 4, 1), // at the close
        ],
        &[
            "1d 2024-03-08..2024-03-08T21:00:00Z 100 120 100 120 3",
            "1d 2024-03-11..2024-03-11T20:00:00Z 130 130 125 125 12",
        ],
    );
    // Monday's futures open on Sunday at 17:00 in Chicago: 22:00Z once clocks have gone forward,
    // 23:00Z once they have gone back (3 November).
    let future = Session::new("America/Chicago", time(17, 0, 0, 0), time(16, 0, 0, 0)).unwrap();
    check(
        &future,
        "1d",
        &[
            ("2024-03-10T21:59:59Z", 1, 1), // closed
            ("2024-03-10T22:00:00Z", 100, 1),
            ("2024-03-11T20:59:59Z", 101, 1),
            ("2024-11-03T22:59:59Z", 2, 1), // closed
            ("2024-11-03T23:00:00Z", 102, 1),
            ("2024-11-04T21:59:59Z", 103, 1),
        ],
        &[
            "1d 2024-03-11..2024-03-11T21:00:00Z 100 101 100 101 2",
            "1d 2024-11-04..2024-11-04T22:00:00Z 102 103 102 103 2",
        ],
    );
}

#[test]
fn weeks_begin_on_monday_and_end_with_their_last_session() {
    let prints = [
        ("2024-07-01T15:00:00Z", 10, 1), // Monday
        ("2024-07-03T15:00:00Z", 11, 1), // Wednesday
        ("2024-07-04T15:00:00Z", 99, 1), // a holiday
        ("2024-07-05T15:00:00Z", 12, 1), // Friday
        ("2024-07-08T15:00:00Z", 13, 1), // Monday
    ];
    check(
        &share(),
        "7d",
        &prints,
        &[
            "7d 2024-07-01..2024-07-05T20:00:00Z 10 12 10 12 3",
            "7d 2024-07-08..2024-07-12T20:00:00Z 13 13 13 13 1",
        ],
    );
    // 2024-07-01 is day 19,905: odd, and a multiple of three.
    check(
        &Session::always(),
        "2d",
        &prints,
        &[
            "2d 2024-06-30..2024-07-02 10 10 10 10 1",
            "2d 2024-07-02..2024-07-04 11 11 11 11 1",
            "2d 2024-07-04..2024-07-06 99 99 12 12 2",
            "2d 2024-07-08..2024-07-10 13 13 13 13 1",
        ],
    );
    check(
        &Session::always(),
        "3d",
        &prints,
        &[
            "3d 2024-07-01..2024-07-04 10 11 10 11 2",
            "3d 2024-07-04..2024-07-07 99 99 12 12 2",
            "3d 2024-07-07..2024-07-10 13 13 13 13 1",
        ],
    );
}

#[test]
fn a_bar_closes_by_the_clock_and_in_its_place_among_events() {
    let mut candles = Candles::new();
    for instrument in [X, InstrumentId(1)] {
        candles
            .add(instrument, Basis::Prints, &Session::always(), &[size("5m"), size("1m")])
            .unwrap();
    }
    let at = |text: &str| -> Timestamp { text.parse().expect("a time") };
    let (start, end) = (at("2024-03-08T10:04:10Z"), at("2024-03-08T10:05:00Z"));
    assert_eq!(candles.deadline(), None);
    candles.take(&print(start, 100, 1)).unwrap();
    candles.take(&MarketEvent { instrument: InstrumentId(1), ..print(start, 7, 1) }).unwrap();
    assert_eq!(candles.deadline(), Some(end));
    let mut out = Vec::new();
    candles.close(at("2024-03-08T10:04:59.999999999Z"), &mut out);
    assert!(out.is_empty());
    // A print of the very end belongs to the next bar, and goes before the one that ends.
    candles.before(&print(end, 200, 1), &mut out);
    assert!(out.is_empty());
    candles.take(&print(end, 200, 1)).unwrap();
    // A bar of the same moment: candles of earlier instruments go first.
    let bar = Bar {
        open_time: start,
        open: Price(1),
        high: Price(1),
        low: Price(1),
        close: Price(1),
        volume: Quantity(0),
    };
    let bar = MarketEvent {
        time: end,
        instrument: InstrumentId(1),
        data: Data::Bar(bar, BarSize::MINUTE),
    };
    candles.before(&bar, &mut out);
    let order = |out: &[Candle]| -> Vec<(u32, String)> {
        out.iter().map(|c| (c.instrument.0, c.size.to_string())).collect()
    };
    assert_eq!(order(&out), [(0, "1m".to_owned()), (0, "5m".to_owned())]);
    assert_eq!(candles.deadline(), Some(end));
    candles.close(end, &mut out);
    assert_eq!(order(&out).split_off(2), [(1, "1m".to_owned()), (1, "5m".to_owned())]);
    assert_eq!(candles.deadline(), Some(at("2024-03-08T10:06:00Z")));
}

#[test]
fn middles_are_counted_in_half_ticks() {
    let quote = |seconds: i64, bid, ask| {
        let time = Timestamp::from_nanos(seconds * 1_000_000_000);
        let (bid, ask, size) = (Price(bid), Price(ask), Quantity(1));
        let data = Data::Quote(Quote { time, bid, ask, bid_size: size, ask_size: size });
        MarketEvent { time, instrument: X, data }
    };
    let mut candles = Candles::new();
    candles.add(X, Basis::Mids, &Session::always(), &[BarSize::MINUTE]).unwrap();
    // 100.5, 102, 99: 201, 204, 198 half ticks. The print is none of its business.
    let events = [
        quote(0, 100, 101),
        quote(1, 101, 103),
        print(Timestamp::from_nanos(2_000_000_000), 1, 1),
        quote(3, 98, 100),
    ];
    let found = run(&mut candles, &events).unwrap();
    assert_eq!(told(&found), ["1m 1970-01-01..1970-01-01T00:01:00Z 201 204 198 198 0"]);
    assert_eq!(found[0].event(), None);
}

#[test]
fn what_is_outside_of_the_session_is_counted() {
    let mut candles = Candles::new();
    candles.add(X, Basis::Prints, &share(), &[size("1h"), size("1d")]).unwrap();
    let events: Vec<MarketEvent> = [
        "2024-03-08T14:00:00Z",
        "2024-03-08T14:45:00Z",
        "2024-03-08T21:00:00Z",
        "2024-03-09T15:00:00Z",
    ]
    .map(|t| print(t.parse().unwrap(), 100, 1))
    .into();
    let found = run(&mut candles, &events).unwrap();
    assert_eq!(
        told(&found),
        [
            "1h 2024-03-08T14:00:00Z..2024-03-08T15:00:00Z 100 100 100 100 1",
            "1d 2024-03-08..2024-03-08T21:00:00Z 100 100 100 100 1",
        ]
    );
    assert_eq!((candles.outside(X), candles.outside(InstrumentId(7))), (3, 0));
}

#[test]
fn what_cannot_be_built_is_refused() {
    let from = |from: &str, to: &str| {
        Candles::new().add(X, Basis::Bars(size(from)), &Session::always(), &[size(to)])
    };
    assert_eq!(from("1m", "7d"), Ok(()));
    assert_eq!(from("1d", "3d"), Ok(()));
    for (small, large) in [("2h", "3m"), ("3m", "5m"), ("2d", "7d"), ("1h", "1h"), ("4h", "6h")] {
        assert!(matches!(from(small, large), Err(Error::NoFit { .. })), "{small} {large}");
    }
    let mut candles = Candles::new();
    candles.add(X, Basis::Prints, &Session::always(), &[size("1m")]).unwrap();
    let late = Timestamp::from_nanos(5);
    candles.take(&print(late, 1, u64::MAX)).unwrap();
    assert!(matches!(candles.take(&print(late, 1, 1)), Err(Error::Market(_))));
    let early = candles.take(&print(Timestamp::from_nanos(4), 1, 1));
    assert!(matches!(early, Err(Error::Earlier { .. })));
    // The hour from 14:00Z holds prices from before and from after the open.
    let mut candles = Candles::new();
    candles.add(X, Basis::Bars(size("1h")), &share(), &[size("1d")]).unwrap();
    let open_time: Timestamp = "2024-03-08T14:00:00Z".parse().unwrap();
    let bar = Bar {
        open_time,
        open: Price(1),
        high: Price(1),
        low: Price(1),
        close: Price(1),
        volume: Quantity(0),
    };
    let time = open_time.plus_nanos(size("1h").nanos()).unwrap();
    let event = MarketEvent { time, instrument: X, data: Data::Bar(bar, size("1h")) };
    assert!(matches!(candles.take(&event), Err(Error::Straddles { .. })));
}

/// Prints at random over some weeks around a change of the clock.
fn tape() -> impl Strategy<Value = Vec<MarketEvent>> {
    // 2024-03-01; steps from nothing to two days.
    let step = prop_oneof![0_i64..90, 0_i64..7_200, 0_i64..172_800];
    proptest::collection::vec((step, 1_i64..1_000, 1_u64..100), 0..200).prop_map(|rows| {
        let mut seconds = 1_709_251_200;
        let mut event = |(step, price, lots)| {
            seconds += step;
            print(Timestamp::from_nanos(seconds * 1_000_000_000), price, lots)
        };
        rows.into_iter().map(&mut event).collect()
    })
}

fn sessions() -> impl Strategy<Value = Session> {
    let future = Session::new("America/Chicago", time(17, 0, 0, 0), time(16, 0, 0, 0)).unwrap();
    prop_oneof![Just(Session::always()), Just(share()), Just(future)]
}

proptest! {
    /// Candles built from one-minute candles are those built from prints.
    #[test]
    fn longer_bars_from_bars_are_those_from_prints(tape in tape(), session in sessions()) {
        let larger: Vec<BarSize> = SIZES[1..].iter().map(|name| size(name)).collect();
        let mut direct = Candles::new();
        direct.add(X, Basis::Prints, &session, &larger).unwrap();
        let direct = run(&mut direct, &tape).unwrap();
        let mut minutes = Candles::new();
        minutes.add(X, Basis::Prints, &session, &[BarSize::MINUTE]).unwrap();
        let minutes = run(&mut minutes, &tape).unwrap();
        let events: Vec<MarketEvent> = minutes.iter().filter_map(Candle::event).collect();
        let mut rolled = Candles::new();
        rolled.add(X, Basis::Bars(BarSize::MINUTE), &session, &larger).unwrap();
        let rolled = run(&mut rolled, &events).unwrap();
        let same = |candles: &[Candle]| {
            let mut told = told(candles);
            told.sort();
            told
        };
        prop_assert_eq!(same(&rolled), same(&direct));
        let days: Vec<MarketEvent> = direct.iter().filter(|c| c.size == BarSize::DAY).filter_map(Candle::event).collect();
        let long = [size("2d"), size("3d"), size("7d")];
        let mut weeks = Candles::new();
        weeks.add(X, Basis::Bars(BarSize::DAY), &session, &long).unwrap();
        let weeks = run(&mut weeks, &days).unwrap();
        let direct: Vec<Candle> = direct.into_iter().filter(|c| c.size > BarSize::DAY).collect();
        prop_assert_eq!(same(&weeks), same(&direct));
    }

    /// Nothing is lost or counted twice, and what comes out is in order of the tie rule.
    #[test]
    fn every_lot_is_in_one_bar_or_outside(tape in tape(), session in sessions()) {
        let all: Vec<BarSize> = SIZES.iter().map(|name| size(name)).collect();
        let mut candles = Candles::new();
        candles.add(X, Basis::Prints, &session, &all).unwrap();
        let mut stream: Vec<MarketEvent> = Vec::new();
        let mut out = Vec::new();
        for event in &tape {
            candles.before(event, &mut out);
            stream.extend(out.drain(..).filter_map(|c: Candle| c.event()));
            stream.push(*event);
            candles.take(event).unwrap();
        }
        candles.close(Timestamp::from_nanos(i64::MAX), &mut out);
        stream.extend(out.drain(..).filter_map(|c| c.event()));
        prop_assert!(stream.is_sorted_by(|a, b| a.precedence(b).is_le()));
        let within = |event: &&MarketEvent| {
            matches!(session.at(event.time), market::Moment::Within(_))
        };
        let lots = |event: &MarketEvent| match event.data {
            Data::Print(print) => print.size.0,
            _ => 0,
        };
        let want: u64 = tape.iter().filter(within).map(lots).sum();
        for size in all {
            let volume: u64 = stream.iter().map(|e| match e.data {
                Data::Bar(bar, of) if of == size => bar.volume.0,
                _ => 0,
            }).sum();
            prop_assert_eq!(volume, want, "{}", size);
        }
        let outside = tape.iter().filter(|e| !within(e)).count() as u64;
        prop_assert_eq!(candles.outside(X), outside);
    }
}
