//! Binance's public data: books by the documented algorithm, numbers, both ends held to each other, and
//! what was recorded.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the test reads recorded messages, and what is not there fails it"
)]

mod recorded;

use engine::{Data, MarketEvent};
use feeds::{
    Ask, BookLevels, Error, Hosts, PublicCounter as _, PublicStream, Source as _, Step, Told,
    Topic, binance,
};
use http::Response;
use market::{
    Bar, BarSize, Depth, Funding, Instrument, Listing, Money, Price, Print, Product, Quantity,
    Quote, Rate, Roster, Scale, Settlement, Side, Timestamp, Traded,
};
use portfolio::InstrumentId;
use proptest::prelude::*;

const BTC: InstrumentId = InstrumentId(0);
const SPOT_BTC: InstrumentId = InstrumentId(1);
const MINUTE: i64 = 60_000_000_000;

fn traded(product: Product, native: &str, base: &str, (price, lot): (u8, u8)) -> Traded {
    let instrument = Instrument {
        symbol: native.parse().expect("a symbol"),
        price_scale: Scale::new(price).expect("small"),
        lot_scale: Scale::new(lot).expect("small"),
        currency: "USDT".parse().expect("a coin"),
    };
    let is_spot = product == Product::Spot;
    let settlement = if is_spot { Settlement::Cash } else { Settlement::Margin };
    Traded {
        native: instrument.symbol.clone(),
        product,
        base: base.parse().expect("a coin"),
        contract: Money(Money::UNIT),
        listing: Listing { settlement, ..Listing::of(instrument) },
        trading: true,
        leverage_max: if is_spot { 1 } else { 125 },
    }
}

fn roster() -> Roster {
    Roster::new(vec![
        traded(Product::Perpetual, "BTCUSDT", "BTC", (2, 3)),
        traded(Product::Spot, "BTCUSDT", "BTC", (2, 5)),
        traded(Product::Perpetual, "BNBUSDT", "BNB", (8, 8)),
        traded(Product::Spot, "ETHUSDT", "ETH", (2, 5)),
    ])
}

fn source(product: Product) -> binance::Source {
    let hosts = Hosts { rest: "https://venue.test".into(), stream: "wss://venue.test".into() };
    binance::Source::new(product, hosts)
}

fn now() -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000)
}

fn listen(product: Product, topic: Topic) -> Box<dyn PublicStream> {
    let mut all = source(product).streams(&[topic], &roster());
    let mut stream = all.pop().expect("the venue has it");
    assert!(all.is_empty());
    stream.opened(now(), &mut Vec::new());
    stream
}

fn hear(stream: &mut dyn PublicStream, text: &str) -> Result<Vec<Step>, Error> {
    let mut out = Vec::new();
    stream.hear(text, now(), &mut out, &mut Vec::new()).map(|()| out)
}

/// What a book's steps come to: `fetch`, `gap`, or side, price and size.
fn shown(steps: &[Step]) -> Vec<String> {
    let one = |step: &Step| match step {
        Step::Event(MarketEvent { data: Data::Depth(Depth { side, price, size, .. }), .. }) => {
            format!("{side} {} {}", price.0, size.0)
        }
        Step::Fetch(Ask::Book(..)) => "fetch".to_owned(),
        Step::Gap(_) => "gap".to_owned(),
        other => panic!("{other:?}"),
    };
    steps.iter().map(one).collect()
}

enum Row<'a> {
    Change((u64, u64, u64), &'a str, &'a str),
    Snapshot(u64, &'a [(i64, u64)]),
}

use Row::{Change, Snapshot};

#[test]
fn a_book_follows_the_documented_algorithm() {
    let check = |product: Product, rows: &[(Row<'_>, &[&str])]| {
        let id = if product == Product::Spot { SPOT_BTC } else { BTC };
        let mut stream = listen(product, Topic::Book(id));
        for (row, (told, want)) in rows.iter().enumerate() {
            let mut steps = Vec::new();
            match told {
                Change((first, last, before), bids, asks) => {
                    let text = format!(
                        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":{first},"u":{last},"pu":{before},"b":{bids},"a":{asks}}}}}"#
                    );
                    steps = hear(stream.as_mut(), &text).expect("readable");
                }
                Snapshot(sequence, bids) => {
                    let bids = bids.iter().map(|(p, q)| (Price(*p), Quantity(*q))).collect();
                    let book = BookLevels { sequence: *sequence, bids, asks: Vec::new() };
                    stream.fetched(&Ask::Book(id, 1000), &Told::Book(book), &mut steps);
                }
            }
            assert_eq!(shown(&steps), *want, "{product:?}, row {row}");
        }
    };
    check(
        Product::Spot,
        &[
            (Change((101, 103, 0), r#"[["1","1"]]"#, "[]"), &["fetch"]),
            (Change((104, 105, 0), r#"[["2","1"]]"#, "[]"), &[]),
            // The first change is in it, the second is not.
            (Snapshot(103, &[(100, 7), (90, 3)]), &["buy 90 3", "buy 100 7", "buy 200 100000"]),
            (
                Change((106, 106, 0), r#"[["1","0"]]"#, r#"[["3","2"]]"#),
                &["buy 100 0", "sell 300 200000"],
            ),
            // Told again: passed over.
            (Change((106, 106, 0), r#"[["1","0"]]"#, "[]"), &[]),
            // 107 is missing.
            (Change((108, 109, 0), "[]", "[]"), &["gap", "fetch"]),
            // What is not in the new snapshot goes.
            (Snapshot(120, &[(90, 3)]), &["buy 200 0", "sell 300 0", "buy 90 3"]),
            (Change((119, 122, 0), r#"[["0.9","0"]]"#, "[]"), &["buy 90 0"]),
        ],
    );
    check(
        Product::Perpetual,
        &[
            (Change((101, 103, 95), r#"[["1","1"]]"#, "[]"), &["fetch"]),
            (Snapshot(102, &[(100, 7)]), &["buy 100 7", "buy 100 1000"]),
            // Numbers may jump: what counts is that the message before is named.
            (Change((110, 112, 103), r#"[["1","0"]]"#, "[]"), &["buy 100 0"]),
            (Change((113, 115, 111), "[]", "[]"), &["gap", "fetch"]),
        ],
    );
}

/// A snapshot that is older than what waits is asked for again, and not at once: it would be as old.
#[test]
fn an_old_snapshot_is_asked_for_again_after_a_while() {
    let mut stream = listen(Product::Spot, Topic::Book(SPOT_BTC));
    let change = |stream: &mut dyn PublicStream, number: u64| {
        let text = format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":{number},"u":{number},"b":[["1","1"]],"a":[]}}}}"#
        );
        shown(&hear(stream, &text).expect("readable"))
    };
    let fetched = |stream: &mut dyn PublicStream, sequence: u64| {
        let book = BookLevels { sequence, bids: Vec::new(), asks: Vec::new() };
        let mut steps = Vec::new();
        stream.fetched(&Ask::Book(SPOT_BTC, 1000), &Told::Book(book), &mut steps);
        steps.len()
    };
    assert_eq!(change(stream.as_mut(), 101), ["fetch"]);
    assert_eq!(fetched(stream.as_mut(), 99), 0);
    for number in 102..111 {
        assert!(change(stream.as_mut(), number).is_empty(), "{number}");
    }
    assert_eq!(change(stream.as_mut(), 111), ["fetch"]);
    assert_eq!(fetched(stream.as_mut(), 109), 2, "110 and 111 were waiting");
}

#[test]
fn numbers_of_trades_and_quotes_are_checked() {
    let trade = |number: u64| {
        format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":5,"s":"BTCUSDT","t":{number},"p":"10.5","q":"0.5","T":5,"m":true,"M":true}}}}"#
        )
    };
    let mut stream = listen(Product::Spot, Topic::Trades(SPOT_BTC));
    let mut heard = |number| hear(stream.as_mut(), &trade(number)).expect("readable");
    let print = |steps: &[Step]| {
        matches!(steps, [Step::Event(MarketEvent { data: Data::Print(p), .. })]
            if *p == Print { time: Timestamp::from_nanos(5_000_000), price: Price(1050), size: Quantity(50_000), aggressor: Some(Side::Sell) })
    };
    assert!(print(&heard(7)) && heard(7).is_empty() && print(&heard(8)) && heard(6).is_empty());
    assert_eq!(heard(10).first(), Some(&Step::Gap(Topic::Trades(SPOT_BTC))));

    let quote = |number: u64| {
        format!(
            r#"{{"stream":"btcusdt@bookTicker","data":{{"u":{number},"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4"}}}}"#
        )
    };
    let mut stream = listen(Product::Spot, Topic::Quotes(SPOT_BTC));
    let mut heard = |number| hear(stream.as_mut(), &quote(number)).expect("readable").len();
    assert_eq!((heard(5), heard(5), heard(4), heard(90)), (1, 0, 0, 1));
}

#[test]
fn a_bar_is_told_once_when_it_has_closed_and_a_missing_one_is_a_gap() {
    let size = BarSize::MINUTE;
    let kline = |open: i64, closed: bool| {
        format!(
            r#"{{"stream":"btcusdt@kline_1m","data":{{"e":"kline","E":1,"s":"BTCUSDT","k":{{"t":{open},"T":{},"s":"BTCUSDT","i":"1m","o":"1","c":"2","h":"3","l":"0.5","v":"10","x":{closed}}}}}}}"#,
            open + 59_999
        )
    };
    let mut stream = listen(Product::Perpetual, Topic::Bars(BTC, size));
    assert!(stream.uri().ends_with("/market/stream?streams=btcusdt@kline_1m"));
    let mut heard = |open, closed| hear(stream.as_mut(), &kline(open, closed)).expect("readable");
    assert!(heard(60_000, false).is_empty());
    let steps = heard(60_000, true);
    let [Step::Event(event)] = steps.as_slice() else { panic!("{steps:?}") };
    let bar = Bar {
        open_time: Timestamp::from_nanos(MINUTE),
        open: Price(100),
        high: Price(300),
        low: Price(50),
        close: Price(200),
        volume: Quantity(10_000),
    };
    assert_eq!(event.time, Timestamp::from_nanos(2 * MINUTE));
    assert_eq!(event.data, Data::Bar(bar, size));
    assert!(heard(60_000, true).is_empty(), "told again");
    assert_eq!(heard(120_000, true).len(), 1);
    assert_eq!(heard(240_000, true).first(), Some(&Step::Gap(Topic::Bars(BTC, size))));
}

#[test]
fn funding_is_told_when_it_is_paid() {
    let mark = |next: i64, rate: &str| {
        format!(
            r#"{{"stream":"btcusdt@markPrice@1s","data":{{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"11794.155","i":"1","P":"1","r":"{rate}","T":{next}}}}}"#
        )
    };
    let mut stream = listen(Product::Perpetual, Topic::Funding(BTC));
    let mut heard = |next, rate| hear(stream.as_mut(), &mark(next, rate)).expect("readable");
    assert!(heard(1000, "0.0001").is_empty() && heard(1000, "0.00038167").is_empty());
    let time = Timestamp::from_nanos(1_000_000_000);
    let rate = Rate::parse("0.00038167").expect("a rate");
    let data = Data::Funding(Funding { time, rate, mark: Some(Price(1_179_416)) });
    let want = Step::Event(MarketEvent { time, instrument: BTC, data });
    assert_eq!(heard(29_000, "0.0002"), [want]);
    assert!(heard(29_000, "0.0002").is_empty());
}

#[test]
fn a_stream_is_ready_by_its_first_answer_and_topics_are_spread() {
    let all = [Topic::Trades(BTC), Topic::Quotes(BTC), Topic::Book(BTC), Topic::Funding(BTC)];
    let streams = source(Product::Perpetual).streams(&all, &roster());
    let uris: Vec<String> = streams.iter().map(|stream| stream.uri()).collect();
    assert_eq!(
        uris,
        [
            "wss://venue.test/public/stream?streams=btcusdt@bookTicker/btcusdt@depth@100ms",
            "wss://venue.test/market/stream?streams=btcusdt@aggTrade/btcusdt@markPrice@1s",
        ]
    );
    assert!(source(Product::Spot).streams(&[Topic::Funding(SPOT_BTC)], &roster()).is_empty());
    let mut stream = listen(Product::Spot, Topic::Trades(SPOT_BTC));
    let ready = hear(stream.as_mut(), r#"{"result":["btcusdt@trade"],"id":1}"#);
    assert_eq!(ready, Ok(vec![Step::Ready]));
    assert_eq!(hear(stream.as_mut(), r#"{"result":[],"id":1}"#), Ok(Vec::new()));
    let ending = hear(stream.as_mut(), r#"{"e":"serverShutdown","E":1770123456789}"#);
    assert_eq!(ending, Ok(vec![Step::Ending]));
    assert!(hear(stream.as_mut(), "<html>").is_err());
}

fn response(status: u16, body: &str) -> Response<Vec<u8>> {
    Response::builder().status(status).body(body.as_bytes().to_vec()).expect("a response")
}

#[test]
fn what_is_refused_says_so() {
    let check = |status, body: &str, want: Error| {
        let got = source(Product::Spot).answer(&Ask::Time, &response(status, body), &roster());
        assert_eq!(got, Err(want));
    };
    let venue = market::VenueName::Binance;
    check(429, "", Error::Throttled { venue, seconds: 10 });
    check(418, "{}", Error::Throttled { venue, seconds: 10 });
    let refused = Error::Refused { venue, code: -1121, text: "Invalid symbol.".to_owned() };
    check(400, r#"{"code":-1121,"msg":"Invalid\u001b symbol."}"#, refused);
    check(502, "<html>", Error::Unreadable { venue, what: "status 502".to_owned() });
    let shape = "another shape than is documented".to_owned();
    check(200, "<html>", Error::Unreadable { venue, what: shape });
}

#[test]
fn only_closed_bars_are_told() {
    let body = r#"[[0,"1","2","0.5","1.5","10",59999,"0",0,"0","0","0"],[60000,"1","2","0.5","1.5","10",119999,"0",0,"0","0","0"]]"#;
    let ask = |to: i64| Ask::Bars {
        instrument: BTC,
        size: BarSize::MINUTE,
        from: Timestamp::from_nanos(0),
        to: Timestamp::from_nanos(to),
    };
    let count = |to, response: &Response<Vec<u8>>| match source(Product::Perpetual).answer(
        &ask(to),
        response,
        &roster(),
    ) {
        Ok(Told::Bars(bars)) => bars.len(),
        other => panic!("{other:?}"),
    };
    let plain = response(200, body);
    assert_eq!(
        (count(2 * MINUTE, &plain), count(MINUTE + 1, &plain), count(MINUTE, &plain)),
        (2, 1, 1)
    );
    let mut dated = response(200, body);
    let date = "Thu, 01 Jan 1970 00:01:30 GMT".parse().expect("a header");
    dated.headers_mut().insert("date", date);
    assert_eq!(count(5 * MINUTE, &dated), 1, "the second is open still");
}

/// Every topic, of instrument 0 or 1.
fn event() -> impl Strategy<Value = MarketEvent> {
    let level = (1i64..1_000_000_000, 1u64..1_000_000_000);
    (0u32..2, 1i64..1_000_000_000_000, level, 1i64..1000, 0usize..5).prop_map(
        |(id, ms, (price, lots), more, kind)| {
            let (time, price, size) =
                (Timestamp::from_nanos(ms * 1_000_000), Price(price), Quantity(lots));
            let high = Price(price.0 + more);
            let data = match kind {
                0 => Data::Print(Print {
                    time,
                    price,
                    size,
                    aggressor: Some(if more % 2 == 0 { Side::Buy } else { Side::Sell }),
                }),
                1 => Data::Quote(Quote {
                    time,
                    bid: price,
                    ask: high,
                    bid_size: size,
                    ask_size: Quantity(1),
                }),
                2 if id == 0 => Data::Funding(Funding {
                    time,
                    rate: Rate(i128::from(more) - 500),
                    mark: Some(price),
                }),
                2 | 3 => Data::Depth(Depth { time, side: Side::Sell, price, size }),
                _ => {
                    let open_time = Timestamp::from_nanos(ms * 1_000_000 - MINUTE);
                    Data::Bar(
                        Bar { open_time, open: price, high, low: price, close: high, volume: size },
                        BarSize::MINUTE,
                    )
                }
            };
            MarketEvent { time, instrument: InstrumentId(id), data }
        },
    )
}

proptest! {
    #[test]
    fn what_one_end_tells_the_other_hears(event in event()) {
        let roster = roster();
        let product = roster.at(event.instrument.index()).expect("is there").product;
        let counter = binance::Counter::new(product);
        let mut sent = Vec::new();
        // The first quotes of spot have the time at which they were heard.
        let is_spot_quote = product == Product::Spot && matches!(event.data, Data::Quote(_));
        counter.tell(&event, &roster, &mut sent);
        let topic = sent.first().expect("the venue tells it").0;
        let mut stream = listen(product, topic);
        let path = stream.uri().split_once("venue.test").expect("a host").1.to_owned();
        prop_assert_eq!(counter.stream(&path, &roster), Some(vec![topic]));
        let mut steps = Vec::new();
        if let Topic::Book(id) = topic {
            // A first change asks for the book; the one that matters comes after it.
            let first = hear(stream.as_mut(), &sent[0].1).expect("readable");
            prop_assert_eq!(shown(&first), ["fetch"]);
            let ask = Ask::Book(id, 1000);
            let empty = Told::Book(BookLevels { sequence: 1, bids: Vec::new(), asks: Vec::new() });
            let response = counter.respond(&ask, &empty, &roster, now());
            let told = source(product).answer(&ask, &response, &roster).expect("readable");
            prop_assert_eq!(&told, &empty);
            stream.fetched(&ask, &told, &mut steps);
            steps.clear();
            sent.clear();
            counter.tell(&event, &roster, &mut sent);
        }
        for (_, text) in &sent {
            steps.extend(hear(stream.as_mut(), text).expect("readable"));
        }
        if is_spot_quote {
            prop_assert!(matches!(steps.as_slice(), [Step::Event(told)] if told.time == now()));
        } else {
            prop_assert_eq!(steps, vec![Step::Event(event)]);
        }
    }

    #[test]
    fn an_answer_says_what_was_told(
        ms in 0i64..4_000_000_000_000, levels in proptest::collection::vec((1i64..1_000_000_000, 0u64..1_000_000_000), 0..20), sequence: u32,
    ) {
        let (roster, counter) = (roster(), binance::Counter::new(Product::Spot));
        let time = Timestamp::from_nanos(ms * 1_000_000);
        let sized: Vec<_> = levels.iter().map(|(p, q)| (Price(*p), Quantity(*q))).collect();
        for (product, id) in [(Product::Perpetual, BTC), (Product::Spot, SPOT_BTC)] {
            let own: Vec<Traded> = roster.all().iter().filter(|one| one.product == product).cloned().collect();
            let bars = levels.iter().enumerate().map(|(place, (p, q))| {
                let open_time = Timestamp::from_nanos(i64::try_from(place).expect("few") * MINUTE);
                let (price, volume) = (Price(*p), Quantity(*q));
                (open_time, Bar { open_time, open: price, high: price, low: price, close: price, volume })
            });
            let (from, to) = (Timestamp::from_nanos(0), Timestamp::from_nanos(1000 * MINUTE));
            let rows = [
                (Ask::Time, Told::Time(time)),
                (Ask::Instruments(product, Vec::new()), Told::Instruments(own)),
                (Ask::Bars { instrument: id, size: BarSize::MINUTE, from, to }, Told::Bars(bars.collect())),
                (Ask::Book(id, 1000), Told::Book(BookLevels { sequence: u64::from(sequence), bids: sized.clone(), asks: sized.clone() })),
            ];
            for (ask, told) in rows {
                let source = source(product);
                let request = source.request(&ask, &roster).expect("the venue has it");
                let asked = counter.asked(&request, &roster).expect("a public path").expect("well asked");
                prop_assert_eq!(&asked, &ask);
                let response = counter.respond(&ask, &told, &roster, now());
                prop_assert_eq!(source.answer(&ask, &response, &roster), Ok(told));
            }
        }
    }

    #[test]
    fn no_message_is_too_strange(place in 0usize..400, byte: u8, cut in 0usize..400, text in "\\PC{0,80}") {
        let whole = [
            r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["1","1"]],"a":[]}}"#,
            r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":60000,"T":119999,"i":"1m","o":"1","c":"2","h":"3","l":"0.5","v":"10","x":true}}}"#,
            r#"{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1","i":"1","P":"1","r":"0.1","T":9223372036854775807}}"#,
        ];
        let topics = [Topic::Book(BTC), Topic::Bars(BTC, BarSize::MINUTE), Topic::Funding(BTC)];
        for (message, topic) in whole.iter().zip(topics) {
            let mut stream = listen(Product::Perpetual, topic);
            let mut bytes = message.as_bytes().to_vec();
            if let Some(at) = bytes.get_mut(place % message.len()) { *at = byte; }
            bytes.truncate(cut.max(1));
            for text in [String::from_utf8_lossy(&bytes).into_owned(), text.clone()] {
                let _ = hear(stream.as_mut(), &text);
                let counter = binance::Counter::new(Product::Perpetual);
                let _ = counter.hear(&text, &roster(), &mut Vec::new());
                for ask in [Ask::Time, Ask::Book(BTC, 5), Ask::Instruments(Product::Perpetual, Vec::new())] {
                    let _ = source(Product::Perpetual).answer(&ask, &response(200, &text), &roster());
                }
            }
        }
    }
}
