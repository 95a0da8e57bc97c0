//! Books in step, topics on connections, bars and funding in time.

use crate::world::{at, hear, roster, source, stream};
use engine::Data;
use feeds::{Source as _, Step, Topic};
use market::{BarSize, Depth, Price, Quantity, Rate, Side};
use portfolio::InstrumentId;

const BTC: InstrumentId = InstrumentId(0);

fn book(kind: &str, u: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"topic":"orderbook.50.BTCUSDT","type":"{kind}","ts":5,"data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{u},"seq":9}},"cts":4}}"#
    )
}

fn depths(steps: &[Step]) -> Vec<(Side, i64, u64)> {
    let of = |step: &Step| match step {
        Step::Event(event) => match event.data {
            Data::Depth(Depth { side, price, size, time }) => {
                assert_eq!(time, at(4));
                Some((side, price.0, size.0))
            }
            _ => None,
        },
        _ => None,
    };
    steps.iter().filter_map(of).collect()
}

#[test]
fn a_book_follows_its_numbers_and_starts_again_where_one_is_missing() {
    let mut stream = stream(Topic::Book(BTC));
    // Changes before the whole are passed over.
    let (steps, _) = hear(&mut *stream, &book("delta", 7, r#"["1.00","1"]"#, ""));
    assert_eq!(steps, []);
    let whole = book("snapshot", 10, r#"["100.00","1"],["99.00","2"]"#, r#"["101.00","3"]"#);
    let (steps, _) = hear(&mut *stream, &whole);
    let want = [(Side::Buy, 9_900, 2000), (Side::Buy, 10_000, 1000), (Side::Sell, 10_100, 3000)];
    assert_eq!(depths(&steps), want);
    // The next number, the same again, an older one.
    let next = book("delta", 11, r#"["99.00","0"],["99.50","0.5"]"#, "");
    let (steps, _) = hear(&mut *stream, &next);
    assert_eq!(depths(&steps), [(Side::Buy, 9_900, 0), (Side::Buy, 9_950, 500)]);
    for stale in [next, book("delta", 10, r#"["1.00","1"]"#, "")] {
        assert_eq!(hear(&mut *stream, &stale).0, []);
    }
    // 12 is missing.
    let (steps, send) = hear(&mut *stream, &book("delta", 13, r#"["98.00","1"]"#, ""));
    assert_eq!(steps, [Step::Gap(Topic::Book(BTC))]);
    assert_eq!(send.len(), 2);
    assert!(send[0].contains("unsubscribe") && send[1].contains(r#""op":"subscribe""#), "{send:?}");
    assert_eq!(hear(&mut *stream, &book("delta", 14, r#"["98.00","1"]"#, "")).0, []);
    // The whole tells what is different from what was told.
    let whole = book("snapshot", 20, r#"["100.00","1"]"#, r#"["101.00","4"]"#);
    let (steps, _) = hear(&mut *stream, &whole);
    assert_eq!(depths(&steps), [(Side::Buy, 9_950, 0), (Side::Sell, 10_100, 4000)]);
    // After a restart of the venue numbers begin at 1, with the whole.
    let (steps, _) = hear(&mut *stream, &book("delta", 1, r#"["90.00","1"]"#, r#"["91.00","1"]"#));
    assert_eq!(depths(&steps).len(), 4);
}

#[test]
fn a_book_whose_sides_cross_is_void() {
    let mut stream = stream(Topic::Book(BTC));
    hear(&mut *stream, &book("snapshot", 10, r#"["100.00","1"]"#, r#"["101.00","3"]"#));
    let (steps, send) = hear(&mut *stream, &book("delta", 11, r#"["101.00","1"]"#, ""));
    assert_eq!((steps, send.len()), (vec![Step::Gap(Topic::Book(BTC))], 2));
}

#[test]
fn a_bar_is_told_once_when_it_has_closed() {
    let topic = Topic::Bars(BTC, BarSize::MINUTE);
    let mut stream = stream(topic);
    let bar = |minute: i64, confirm: bool| {
        let start = minute * 60_000;
        format!(
            r#"{{"topic":"kline.1.BTCUSDT","type":"snapshot","ts":1,"data":[{{"start":{start},"end":{},"interval":"1","open":"1","close":"2","high":"3","low":"0.5","volume":"0.7","turnover":"9","confirm":{confirm},"timestamp":1}}]}}"#,
            start + 59_999
        )
    };
    let mut told = |minute, confirm| {
        let (steps, _) = hear(&mut *stream, &bar(minute, confirm));
        let event = |step: &Step| match step {
            Step::Event(event) => Some(event.time),
            _ => None,
        };
        (steps.contains(&Step::Gap(topic)), steps.iter().find_map(event))
    };
    let check = |got, gap: bool, closes: Option<i64>| {
        assert_eq!(got, (gap, closes.map(|minute| at(minute * 60_000))));
    };
    check(told(5, false), false, None);
    check(told(5, true), false, Some(6));
    check(told(5, true), false, None);
    check(told(6, true), false, Some(7));
    check(told(4, true), false, None);
    check(told(9, true), true, Some(10));
}

#[test]
fn funding_is_told_as_it_is_paid() {
    let mut stream = stream(Topic::Funding(BTC));
    let tick = |fields: &str| {
        format!(
            r#"{{"topic":"tickers.BTCUSDT","type":"delta","ts":1,"data":{{"symbol":"BTCUSDT"{fields}}}}}"#
        )
    };
    let mut told = |fields: &str| hear(&mut *stream, &tick(fields)).0;
    let first =
        r#","nextFundingTime":"1673280000000","fundingRate":"-0.000212","markPrice":"17217.334""#;
    assert_eq!(told(first), []);
    assert_eq!(told(r#","fundingRate":"0.0001""#), []);
    let steps = told(r#","nextFundingTime":"1673308800000","fundingRate":"0.0002""#);
    let Some(Step::Event(event)) = steps.first() else { panic!("{steps:?}") };
    let Data::Funding(funding) = event.data else { panic!("{event:?}") };
    assert_eq!(funding.time, at(1_673_280_000_000));
    assert_eq!(funding.rate, Rate::from_bps(1));
    assert_eq!(funding.mark, Some(Price(1_721_733)));
    assert_eq!(told(r#","nextFundingTime":"1673308800000""#), []);
}

#[test]
fn topics_are_spread_over_connections_and_asked_for_by_tens() {
    let roster = roster();
    let topics: Vec<Topic> = (0..4)
        .flat_map(|id| {
            let id = InstrumentId(id);
            let bars = source().sizes().iter().map(move |size| Topic::Bars(id, *size));
            bars.chain([Topic::Trades(id), Topic::Quotes(id), Topic::Book(id), Topic::Funding(id)])
        })
        .collect();
    let mut streams = source().streams(&topics, &roster);
    let uris: Vec<_> = streams.iter().map(|stream| stream.uri()).collect();
    let host = "wss://stream.bybit.com/v5/public";
    assert_eq!(uris, [format!("{host}/linear"), format!("{host}/spot")]);
    let mut send = Vec::new();
    streams[0].opened(at(0), &mut send);
    assert_eq!(send.len(), 3, "30 topics of two perpetuals");
    for (number, text) in send.iter().enumerate() {
        let ack =
            format!(r#"{{"success":true,"ret_msg":"","req_id":"{number}","op":"subscribe"}}"#);
        let (steps, _) = hear(&mut *streams[0], &ack);
        let last = number + 1 == 3;
        assert_eq!(steps, if last { vec![Step::Ready] } else { Vec::new() }, "{text}");
    }
    assert_eq!(streams[0].deadline(), Some(at(20_000)));
    let mut ping = Vec::new();
    streams[0].tick(at(20_000), &mut ping);
    assert_eq!(ping, [r#"{"op":"ping"}"#]);
}

#[test]
fn a_quote_is_told_when_it_changes() {
    let mut stream = stream(Topic::Quotes(BTC));
    let quote = |u: u64, bid: &str| {
        format!(
            r#"{{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":5,"data":{{"s":"BTCUSDT","b":[["{bid}","1"]],"a":[["101.00","2"]],"u":{u},"seq":9}}}}"#
        )
    };
    let mut told = |u, bid| {
        let steps = hear(&mut *stream, &quote(u, bid)).0;
        let of = |step: &Step| match step {
            Step::Event(event) => match event.data {
                Data::Quote(quote) => Some((quote.bid.0, quote.ask_size)),
                _ => None,
            },
            _ => None,
        };
        steps.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(told(5, "100.00"), [(10_000, Quantity(2000))]);
    assert_eq!(told(5, "100.00"), []);
    assert_eq!(told(9, "100.50"), [(10_050, Quantity(2000))]);
}
