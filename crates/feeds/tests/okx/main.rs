//! OKX's public data from both ends: what one end says, the other reads.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the tests read recorded data, what is not there fails them, and what is skipped is said"
)]

mod recorded;

use engine::{Data, MarketEvent};
use feeds::{
    Ask, BookLevels, Error, Hosts, PublicCounter as _, PublicStream, Source as _, Step, Told,
    Topic, Wish, okx,
};
use http::Response;
use market::Price;
use market::{
    Bar, BarSize, Currency, Depth, Funding, Instrument, Listing, Money, Pricing, Print, Product,
    Quantity, Quote, Rate, Roster, Scale, Settlement, Side, Symbol, Timestamp, Traded,
};
use portfolio::InstrumentId;
use proptest::{collection::vec, prelude::*, sample::select};
use std::{collections::BTreeMap, sync::LazyLock};

const NOW: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

fn traded(native: &str, contract: &str, (price, lot): (u8, u8), leverage_max: u32) -> Traded {
    let native: Symbol = native.parse().expect("a symbol");
    let perpetual = native.as_str().ends_with("-SWAP");
    let instrument = Instrument {
        symbol: native.clone(),
        price_scale: Scale::new(price).expect("small"),
        lot_scale: Scale::new(lot).expect("small"),
        currency: Currency::USDT,
    };
    Traded {
        base: native.as_str().split('-').next().expect("a base").parse().expect("a coin"),
        native,
        product: if perpetual { Product::Perpetual } else { Product::Spot },
        contract: Money::parse(contract).expect("money"),
        listing: Listing {
            settlement: if perpetual { Settlement::Margin } else { Settlement::Cash },
            pricing: Pricing::Positive,
            size_min: Quantity(10),
            size_max: Quantity(1_000_000),
            ..Listing::of(instrument)
        },
        trading: true,
        leverage_max,
    }
}

static ROSTER: LazyLock<Roster> = LazyLock::new(|| {
    Roster::new(vec![
        traded("BTC-USDT-SWAP", "0.01", (1, 4), 100),
        traded("ETH-USDT-SWAP", "0.1", (2, 3), 50),
        traded("BTC-USDT", "1", (1, 8), 1),
        traded("ETH-USDT", "1", (2, 6), 1),
    ])
});

fn source() -> okx::Source {
    let hosts = Hosts { rest: "https://venue.test".into(), stream: "wss://venue.test".into() };
    okx::Source::new(hosts)
}

fn response(status: u16, body: &str) -> Response<Vec<u8>> {
    Response::builder().status(status).body(body.as_bytes().to_vec()).expect("a response")
}

fn instrument() -> impl Strategy<Value = InstrumentId> {
    (0..4_u32).prop_map(InstrumentId)
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (1_600_000_000_000..1_800_000_000_000_i64).prop_map(|ms| Timestamp::from_nanos(ms * 1_000_000))
}

fn size() -> impl Strategy<Value = BarSize> {
    select(source().sizes().to_vec())
}

fn price() -> impl Strategy<Value = Price> {
    (1..1_000_000_000_i64).prop_map(Price)
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (1..1_000_000_000_u64).prop_map(Quantity)
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        Just(Ask::Time),
        select(vec![Product::Spot, Product::Perpetual])
            .prop_map(|product| Ask::Instruments(product, Vec::new())),
        Just(Ask::Instruments(Product::Spot, vec!["BTC-USDT".to_owned()])),
        (instrument(), size(), moment(), 1..=300_i64).prop_map(|(instrument, size, from, bars)| {
            let to = from.plus_nanos(size.nanos() * bars).expect("in range");
            Ask::Bars { instrument, size, from, to }
        }),
        (instrument(), 1..=400_u32).prop_map(|(instrument, depth)| Ask::Book(instrument, depth)),
    ]
}

fn bar(open_time: Timestamp) -> impl Strategy<Value = Bar> {
    (price(), price(), price(), price(), quantity()).prop_map(
        move |(open, high, low, close, volume)| Bar { open_time, open, high, low, close, volume },
    )
}

fn levels() -> impl Strategy<Value = BookLevels> {
    let side = || vec((price(), quantity()), 0..10);
    (0..1_u64 << 50, side(), side()).prop_map(|(sequence, bids, asks)| BookLevels {
        sequence,
        bids,
        asks,
    })
}

/// Events of kinds that a stream tells as they are.
fn event() -> impl Strategy<Value = MarketEvent> {
    let print =
        (moment(), price(), quantity(), any::<bool>()).prop_map(|(time, price, size, buys)| {
            let aggressor = Some(if buys { Side::Buy } else { Side::Sell });
            (time, Data::Print(Print { time, price, size, aggressor }))
        });
    let quote = (moment(), price(), 0..1000_i64, quantity(), quantity()).prop_map(
        |(time, bid, spread, bid_size, ask_size)| {
            let ask = Price(bid.0 + spread);
            (time, Data::Quote(Quote { time, bid, ask, bid_size, ask_size }))
        },
    );
    let bars = (moment(), size()).prop_flat_map(|(open, size)| {
        bar(open).prop_map(move |bar| {
            let closes = open.plus_nanos(size.nanos()).expect("in range");
            (closes, Data::Bar(bar, size))
        })
    });
    (instrument(), prop_oneof![print, quote, bars])
        .prop_map(|(instrument, (time, data))| MarketEvent { time, instrument, data })
}

fn topic(event: &MarketEvent) -> Topic {
    match event.data {
        Data::Print(_) => Topic::Trades(event.instrument),
        Data::Quote(_) => Topic::Quotes(event.instrument),
        Data::Depth(_) => Topic::Book(event.instrument),
        Data::Funding(_) => Topic::Funding(event.instrument),
        Data::Bar(_, size) => Topic::Bars(event.instrument, size),
        _ => panic!("not told here"),
    }
}

/// A connection, and the venue behind it.
struct Wire<'c> {
    counter: &'c okx::Counter,
    stream: Box<dyn PublicStream>,
    topics: Vec<Topic>,
}

impl<'c> Wire<'c> {
    fn open(counter: &'c okx::Counter, topic: Topic) -> (Self, Vec<Step>) {
        let stream = source().streams(&[topic], &ROSTER).remove(0);
        let path = stream.uri().replace("wss://venue.test", "");
        let topics = counter.stream(&path, &ROSTER).expect("a public path");
        let mut wire = Self { counter, stream, topics };
        let mut send = Vec::new();
        wire.stream.opened(NOW, &mut send);
        let steps = wire.talk(send);
        (wire, steps)
    }

    fn talk(&mut self, mut to_venue: Vec<String>) -> Vec<Step> {
        let mut steps = Vec::new();
        while !to_venue.is_empty() {
            let mut back = Vec::new();
            for text in to_venue.drain(..) {
                for (topic, wish) in self.counter.hear(&text, &ROSTER, &mut back) {
                    match wish {
                        Wish::Subscribe => self.topics.push(topic),
                        Wish::Unsubscribe => self.topics.retain(|one| *one != topic),
                    }
                }
            }
            for text in back {
                self.stream.hear(&text, NOW, &mut steps, &mut to_venue).expect("readable");
            }
        }
        steps
    }

    fn hear(&mut self, messages: &[(Topic, String)]) -> Vec<Step> {
        let (mut steps, mut send) = (Vec::new(), Vec::new());
        for (topic, text) in messages {
            if self.topics.contains(topic) {
                self.stream.hear(text, NOW, &mut steps, &mut send).expect("readable");
            }
        }
        steps.extend(self.talk(send));
        steps
    }
}

fn tell(counter: &okx::Counter, event: &MarketEvent) -> Vec<(Topic, String)> {
    let mut out = Vec::new();
    counter.tell(event, &ROSTER, &mut out);
    out
}

/// A book as the steps made it.
#[derive(Default, Debug, PartialEq, Eq)]
struct Shown(BTreeMap<(bool, Price), Quantity>);

impl Shown {
    fn see(&mut self, steps: &[Step]) {
        for step in steps {
            if let Step::Event(MarketEvent { data: Data::Depth(depth), .. }) = step {
                self.put(depth);
            }
        }
    }

    fn put(&mut self, depth: &Depth) {
        let key = (depth.side == Side::Buy, depth.price);
        if depth.size == Quantity::ZERO {
            self.0.remove(&key);
        } else {
            self.0.insert(key, depth.size);
        }
    }
}

fn depth() -> impl Strategy<Value = Depth> {
    (any::<bool>(), 1..20_i64, 0..5_u64).prop_map(|(buys, price, size)| Depth {
        time: NOW,
        side: if buys { Side::Buy } else { Side::Sell },
        price: Price(price),
        size: Quantity(size),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_ask_is_heard_as_it_was_made(ask in ask()) {
        let request = source().request(&ask, &ROSTER).expect("a request");
        let heard = okx::Counter::new().asked(&request, &ROSTER).expect("a public path");
        prop_assert_eq!(heard.expect("an ask"), ask);
    }

    #[test]
    fn what_is_told_is_heard(levels in levels(), open in moment(), ms in moment()) {
        let counter = okx::Counter::new();
        let check = |ask: Ask, told: Told| {
            let response = counter.respond(&ask, &told, &ROSTER, NOW);
            assert_eq!(source().answer(&ask, &response, &ROSTER), Ok(told));
        };
        check(Ask::Time, Told::Time(ms));
        check(Ask::Book(InstrumentId(1), 400), Told::Book(levels));
        let size = BarSize::MINUTE;
        let bars: Vec<_> = (0..300).map(|n| {
            let open_time = open.plus_nanos(size.nanos() * n).expect("in range");
            let [open, high, low, close] = [5, 9, 1, 7].map(|p| Price(p * 1000 + n));
            (open_time, Bar { open_time, open, high, low, close, volume: Quantity(17) })
        }).collect();
        let to = open.plus_nanos(size.nanos() * 300).expect("in range");
        check(Ask::Bars { instrument: InstrumentId(0), size, from: open, to }, Told::Bars(bars));
    }

    #[test]
    fn events_are_heard_as_they_were_told(event in event()) {
        let counter = okx::Counter::new();
        let (mut wire, ready) = Wire::open(&counter, topic(&event));
        prop_assert_eq!(ready, [Step::Ready]);
        prop_assert_eq!(wire.hear(&tell(&counter, &event)), [Step::Event(event)]);
    }

    /// Whatever is lost on the way, the book is the venue's again once the stream noticed.
    #[test]
    fn a_book_is_the_venues_whatever_is_lost(
        changes in vec((depth(), 0..5_u8), 1..60), last in depth(), then in depth(),
    ) {
        let counter = okx::Counter::new();
        let of = InstrumentId(0);
        let event = |depth: Depth| MarketEvent { time: depth.time, instrument: of, data: Data::Depth(depth) };
        let (mut wire, steps) = Wire::open(&counter, Topic::Book(of));
        let (mut shown, mut wanted) = (Shown::default(), Shown::default());
        shown.see(&steps);
        let mut gaps = 0;
        let kept = changes.iter().map(|(depth, fate)| (depth, *fate != 0));
        let all: Vec<(&Depth, bool)> = kept.chain([(&last, true), (&then, true)]).collect();
        for (depth, arrives) in all {
            let messages = tell(&counter, &event(*depth));
            wanted.put(depth);
            if arrives {
                let steps = wire.hear(&messages);
                gaps += steps.iter().filter(|step| **step == Step::Gap(Topic::Book(of))).count();
                shown.see(&steps);
            }
        }
        prop_assert_eq!(shown, wanted);
        let breaks = changes.windows(2).filter(|pair| pair[0].1 == 0 && pair[1].1 != 0).count();
        let breaks = breaks + usize::from(changes.last().is_some_and(|(_, fate)| *fate == 0));
        prop_assert_eq!(gaps, breaks);
    }

    #[test]
    fn nothing_that_is_heard_can_panic(
        event in event(), at: usize, with: u8, junk in "\\PC{0,80}", ask in ask(),
    ) {
        let counter = okx::Counter::new();
        let (mut wire, _) = Wire::open(&counter, topic(&event));
        let mut bytes = tell(&counter, &event)[0].1.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        let told = String::from_utf8_lossy(&bytes).into_owned();
        for text in [told.as_str(), &told[..told.floor_char_boundary(at)], junk.as_str()] {
            let (mut steps, mut send) = (Vec::new(), Vec::new());
            let _ = wire.stream.hear(text, NOW, &mut steps, &mut send);
            let _ = counter.hear(text, &ROSTER, &mut send);
            let _ = source().answer(&ask, &response(200, text), &ROSTER);
        }
    }
}

#[test]
fn what_is_listed_is_read_as_it_is() {
    let counter = okx::Counter::new();
    for product in [Product::Spot, Product::Perpetual] {
        let ask = Ask::Instruments(product, Vec::new());
        let listed: Vec<Traded> =
            ROSTER.all().iter().filter(|one| one.product == product).cloned().collect();
        let told = Told::Instruments(listed);
        let response = counter.respond(&ask, &told, &ROSTER, NOW);
        assert_eq!(source().answer(&ask, &response, &ROSTER), Ok(told));
    }
}

#[test]
fn funding_is_told_once_it_is_paid() {
    let counter = okx::Counter::new();
    let of = InstrumentId(0);
    let (mut wire, _) = Wire::open(&counter, Topic::Funding(of));
    let hours = |n: i64| NOW.plus_nanos(n * 3_600_000_000_000).expect("in range");
    for (n, rate) in [(0, "0.0001"), (8, "-0.00025"), (16, "0")] {
        let time = hours(n);
        let paid = Funding { time, rate: Rate::parse(rate).expect("a rate"), mark: None };
        let event = MarketEvent { time, instrument: of, data: Data::Funding(paid) };
        assert_eq!(wire.hear(&tell(&counter, &event)), [Step::Event(event)]);
    }
}

#[test]
fn a_bar_that_is_missing_is_a_gap_and_one_that_comes_twice_is_none() {
    let counter = okx::Counter::new();
    let topic = Topic::Bars(InstrumentId(0), BarSize::MINUTE);
    let (mut wire, _) = Wire::open(&counter, topic);
    let event = |n: i64| {
        let open_time = NOW.plus_nanos(n * BarSize::MINUTE.nanos()).expect("in range");
        let at = Price(5);
        let bar = Bar { open_time, open: at, high: at, low: at, close: at, volume: Quantity(3) };
        let time = open_time.plus_nanos(BarSize::MINUTE.nanos()).expect("in range");
        let data = Data::Bar(bar, BarSize::MINUTE);
        MarketEvent { time, instrument: InstrumentId(0), data }
    };
    let mut check = |n: i64, want: &[Step]| {
        assert_eq!(wire.hear(&tell(&counter, &event(n))), want, "{n}");
    };
    check(0, &[Step::Event(event(0))]);
    check(1, &[Step::Event(event(1))]);
    check(1, &[]);
    check(0, &[]);
    check(4, &[Step::Gap(topic), Step::Event(event(4))]);
    check(5, &[Step::Event(event(5))]);
}

#[test]
fn connections_have_as_many_channels_as_the_venue_likes() {
    let many =
        Roster::new((0..120).map(|n| traded(&format!("A{n}-USDT"), "1", (1, 3), 1)).collect());
    let ids = || (0..120).map(InstrumentId);
    let topics: Vec<Topic> = ids()
        .map(Topic::Book)
        .chain(ids().map(|id| Topic::Bars(id, BarSize::MINUTE)))
        .chain(ids().map(Topic::Trades))
        .collect();
    let streams = source().streams(&topics, &many);
    let mut channels = 0;
    for mut stream in streams {
        let mut send = Vec::new();
        stream.opened(NOW, &mut send);
        let books = send.join("").matches("\"books\"").count();
        assert!(books <= 25, "{books}");
        assert!(send.iter().all(|text| text.len() < 64_000));
        channels += send.join("").matches("instId").count();
    }
    assert_eq!(channels, topics.len());
}

#[test]
fn errors_say_what_to_do() {
    let ask = Ask::Time;
    let check = |status: u16, body: &str, want: &dyn Fn(&Error) -> bool| {
        let error = source().answer(&ask, &response(status, body), &ROSTER).expect_err("an error");
        assert!(want(&error), "{error}");
    };
    let slow = |error: &Error| matches!(error, Error::Throttled { seconds: 2, .. });
    check(429, "<html></html>", &slow);
    check(200, r#"{"code":"50011","msg":"Too Many Requests","data":[]}"#, &slow);
    check(
        200,
        r#"{"code":"51001","msg":"no\u001b[2J such","data":[]}"#,
        &|error| matches!(error, Error::Refused { code: 51_001, text, .. } if text == "no[2J such"),
    );
    let broken = |error: &Error| matches!(error, Error::Unreadable { .. });
    check(502, "<html></html>", &broken);
    check(200, r#"{"code":"0","msg":"","data":[]}"#, &broken);
    check(200, r#"{"code":"0","msg":"","data":[{"ts":"x"}]}"#, &broken);
    let other = Ask::Book(InstrumentId(9), 5);
    assert!(matches!(source().request(&other, &ROSTER), Err(Error::Instrument { number: 9, .. })));
}

#[test]
fn a_client_library_gets_what_it_asks_for_besides() {
    let counter = okx::Counter::new();
    let check = |path: &str, want: Option<u16>| {
        let uri = format!("https://venue.test{path}");
        let request = http::Request::builder().uri(uri).body(Vec::new()).expect("a request");
        let said = counter.asked(&request, &ROSTER);
        let status = said.map(|said| said.map_or_else(|no| no.status().as_u16(), |_| 0));
        assert_eq!(status, want, "{path}");
    };
    check("/api/v5/public/instruments?instType=FUTURES", Some(200));
    check("/api/v5/public/instruments?instType=OPTION&instFamily=BTC-USD", Some(200));
    check("/api/v5/public/instruments", Some(400));
    check("/api/v5/market/books?instId=BTC-USDT&sz=400", Some(0));
    check("/api/v5/market/books?instId=NONE-USDT", Some(200));
    check("/api/v5/market/books", Some(400));
    check("/api/v5/market/candles?instId=BTC-USDT", Some(0));
    check("/api/v5/market/candles?instId=BTC-USDT&bar=9Q", Some(400));
    check("/api/v5/trade/order", None);
    check("/", None);
}
