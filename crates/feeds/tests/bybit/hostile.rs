//! Messages that are not what they should be.

use crate::world::{at, ok, roster, source};
use feeds::{Ask, PublicCounter as _, Source as _, Topic, bybit};
use market::{BarSize, Product};
use portfolio::InstrumentId;
use proptest::prelude::*;

const BTC: InstrumentId = InstrumentId(0);
const MESSAGES: [&str; 5] = [
    r#"{"topic":"kline.1.BTCUSDT","type":"snapshot","ts":1,"data":[{"start":60000,"end":119999,"interval":"1","open":"1","close":"2","high":"3","low":"0.5","volume":"0.7","turnover":"9","confirm":true,"timestamp":1}]}"#,
    r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":5,"data":[{"T":4,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950","BT":false}]}"#,
    r#"{"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":5,"data":{"s":"BTCUSDT","b":[["100.00","1"]],"a":[["101.00","1"]],"u":5,"seq":9},"cts":4}"#,
    r#"{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":5,"data":{"s":"BTCUSDT","b":[["100.00","0"]],"a":[],"u":6,"seq":9},"cts":4}"#,
    r#"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","markPrice":"17217.33","nextFundingTime":"1673280000000","fundingRate":"-0.000212"},"cs":24987956059,"ts":1673272861686}"#,
];
const ANSWER: &str = r#"{"retCode":0,"retMsg":"OK","result":{"list":[["60000","1","2","0.5","1.5","3","4"]],"b":[["1","1"]],"a":[["2","1"]],"u":3},"time":1700000000000}"#;

fn broken(text: &str, how: u8, place: usize, with: &str) -> String {
    let at = place % text.len();
    let (head, tail) = text.split_at(at);
    match how % 5 {
        0 => head.to_owned(),
        1 => format!("{head}{with}{tail}"),
        2 => format!("{head}{}", &tail[1..]),
        3 => format!("{head}{tail}{tail}"),
        _ => text.replacen(|c: char| c.is_ascii_digit(), with, 3),
    }
}

fn strange() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("-1".to_owned()),
        Just("9".repeat(60)),
        Just("1e999".to_owned()),
        Just("\u{202e}\u{0}".to_owned()),
        Just("[".repeat(200)),
        Just("\"".to_owned()),
        ".{0,8}",
    ]
}

proptest! {
    #[test]
    fn no_message_and_no_answer_is_too_strange(
        which in 0..MESSAGES.len(), how: u8, place: usize, with in strange(),
    ) {
        let topics = [
            Topic::Bars(BTC, BarSize::MINUTE),
            Topic::Trades(BTC),
            Topic::Book(BTC),
            Topic::Funding(BTC),
        ];
        let mut streams = source().streams(&topics, &roster());
        let (mut out, mut send) = (Vec::new(), Vec::new());
        for text in MESSAGES {
            streams[0].hear(text, at(1), &mut out, &mut send).expect("readable");
        }
        let text = broken(MESSAGES[which], how, place, &with);
        let heard = streams[0].hear(&text, at(1), &mut out, &mut send);
        if how % 5 == 0 {
            prop_assert!(heard.is_err(), "{text}");
        }
        let size = BarSize::MINUTE;
        let bars = Ask::Bars { instrument: BTC, size, from: at(0), to: at(120_000) };
        for ask in [Ask::Time, bars, Ask::Book(BTC, 5), Ask::Instruments(Product::Spot, Vec::new())] {
            let _ = source().answer(&ask, &ok(&broken(ANSWER, how, place, &with)), &roster());
        }
        let counter = bybit::Counter::new(Product::Perpetual);
        let subscribe = r#"{"req_id":"1","op":"subscribe","args":["orderbook.50.BTCUSDT"]}"#;
        let mut send = Vec::new();
        counter.hear(&broken(subscribe, how, place, &with), &roster(), &mut send);
        prop_assert!(!send.is_empty());
    }
}
