//! The floor without sockets, at moments of the test's own.

use super::{
    BoxKey, BoxTerms, Limiting, Opening, Prices, ScopeName, door,
    floor::{Floor, LineId},
    listings,
};
use crate::run::{Arrival, Calls, Do, Outbox, Whose};
use ::market::{BarSize, Money, Price, Product, Quantity, Roster, Side, Timestamp, VenueName};
use engine::{
    Data,
    exchange::{Feed, Model, Terms},
    live::{
        Answer, Book, Call, Cause, ClientId, Mode, NewOrder, OrderRef, OrderState, Scope, Word,
    },
    order::{OrderKind, Restrictions, Ticket},
};
use feeds::{Ask, Step, Told, Topic};
use portfolio::InstrumentId;
use std::{collections::VecDeque, io::Write, path::PathBuf, sync::Arc, time::Duration};

mod here;
mod long;

use here::Here;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// A whole hour of 2026.
const BEGAN: i64 = 1_780_000_000 / 3_600 * 3_600 * SECOND;
const BTC: InstrumentId = InstrumentId(0);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(BEGAN + seconds * SECOND)
}

fn terms(venue: VenueName, prices: Prices) -> BoxTerms {
    let key = |n: u8| BoxKey {
        key: format!("key{n}"),
        secret: format!("secret{n}"),
        passphrase: "open".to_owned(),
    };
    let exchange = Terms {
        fees: listings::fees(venue, Product::Perpetual).expect("fees"),
        ..Terms::of(Model::Touch)
    };
    BoxTerms {
        like: venue,
        product: Product::Perpetual,
        symbols: vec!["BTC".to_owned()],
        listen: "127.0.0.1:0".parse().expect("an address"),
        data_dir: PathBuf::new(),
        prices,
        keys: vec![key(1), key(2)],
        scopes: vec![ScopeName::Trade],
        opening: Opening { terms: exchange, cash: Money::from_whole(100_000), mode: Mode::OneWay },
        faults: edge::Faults::default(),
        limiting: Limiting::Venue,
    }
}

const fn walk(seed: u64) -> Prices {
    Prices::Walk { seed, minutes: 90 }
}

fn path(uri: &str) -> &str {
    let rest = uri.split_once("://").expect("absolute").1;
    rest.find('/').map_or("/", |at| &rest[at..])
}

fn name(text: &str) -> ClientId {
    text.parse().expect("a name")
}

fn book(here: &mut Here, now: Timestamp) -> (Price, Price) {
    let Told::Book(book) = here.told(&Ask::Book(BTC, 5), now) else { panic!("no book") };
    (book.bids[0].0, book.asks[0].0)
}

#[test]
fn the_same_seed_and_the_same_calls_give_the_same_bytes() {
    let run = |venue, seed, model| {
        let mut terms = terms(venue, walk(seed));
        terms.opening.terms.model = model;
        let mut here = Here::new(&terms);
        let mut lines = here.listen(at(0));
        for n in 0..20_i64 {
            let now = at(7 * n);
            let (bid, ask) = book(&mut here, now);
            here.place(&format!("taker{n}"), Side::Buy, OrderKind::Market, now);
            here.place(&format!("maker{n}"), Side::Sell, OrderKind::Limit { price: ask }, now);
            let far = Price(bid.0 * 95 / 100 / 1_000 * 1_000);
            here.place(&format!("far{n}"), Side::Buy, OrderKind::Limit { price: far }, now);
            let order = OrderRef::named(BTC, name(&format!("far{n}")));
            here.call(&Call::Cancel(order), at(7 * n + 3));
            here.floor.advance(at(7 * n + 5)).expect("the box works");
            here.words(&mut lines, at(7 * n + 5));
        }
        here.bytes
    };
    for venue in VenueName::ALL {
        for model in [Model::Touch, Model::Book(Feed::Depth)] {
            let first = run(venue, 1, model);
            assert!(first.len() > 150, "{venue}: {}", first.len());
            assert!(first.iter().any(|said| said.contains("maker3")), "{venue}");
            assert_eq!(first, run(venue, 1, model), "{venue}");
            assert_ne!(first, run(venue, 2, model), "{venue}");
        }
    }
}

#[test]
fn bars_close_on_the_stream_and_are_on_the_next_page() {
    for venue in VenueName::ALL {
        let mut here = Here::new(&terms(venue, walk(3)));
        let five: BarSize = "5m".parse().expect("a size");
        let topics = [Topic::Bars(BTC, BarSize::MINUTE), Topic::Bars(BTC, five)];
        let mut streams = Vec::new();
        for mut stream in here.source().streams(&topics, &here.roster) {
            let line = here.floor.open(path(&stream.uri())).expect("a stream");
            let mut send = Vec::new();
            stream.opened(at(0), &mut send);
            here.say(line, send, at(0));
            streams.push((line, stream));
        }
        let mut told = Vec::new();
        for second in 0..=600 {
            here.floor.advance(at(second)).expect("the box works");
            let sent: Vec<_> = here.floor.sent().collect();
            for (to, text) in sent {
                let (_, stream) = streams.iter_mut().find(|(line, _)| *line == to).expect("ours");
                let mut out = Vec::new();
                stream.hear(&text, at(second), &mut out, &mut Vec::new()).expect("it reads this");
                told.extend(out.into_iter().filter_map(|step| match step {
                    Step::Event(event) => Some(event),
                    _ => None,
                }));
            }
        }
        for (size, bars) in [(BarSize::MINUTE, 10), (five, 2)] {
            let heard: Vec<_> = told
                .iter()
                .filter_map(|event| match &event.data {
                    Data::Bar(bar, of) if *of == size => Some((bar.open_time, *bar)),
                    _ => None,
                })
                .collect();
            assert_eq!(heard.len(), bars, "{venue} {size}");
            let ask = Ask::Bars { instrument: BTC, size, from: at(0), to: at(600) };
            assert_eq!(here.told(&ask, at(600)), Told::Bars(heard), "{venue} {size}");
            let from = at(-3_600);
            let ask = Ask::Bars { instrument: BTC, size, from, to: at(600) };
            let Told::Bars(all) = here.told(&ask, at(600)) else { panic!("{venue}") };
            let span = size.nanos();
            assert_eq!(all.len(), usize::try_from(70 * MINUTE / span).expect("few"), "{venue}");
            let follow = |two: &[(Timestamp, _)]| two[1].0.nanos() - two[0].0.nanos() == span;
            assert!(all.windows(2).all(follow), "{venue} {size}");
        }
    }
}

#[test]
fn orders_of_whoever_stops_saying_that_he_lives_are_taken_back() {
    for venue in [VenueName::Binance, VenueName::Okx] {
        let mut here = Here::new(&terms(venue, walk(3)));
        let mut lines = here.listen(at(0));
        let (bid, _) = book(&mut here, at(0));
        let price = Price(bid.0 * 9 / 10 / 1_000 * 1_000);
        here.place("first", Side::Buy, OrderKind::Limit { price }, at(0));
        let alive = Call::Heartbeat { instrument: Some(BTC), seconds: 30 };
        for second in [1, 20, 40] {
            assert_eq!(here.call(&alive, at(second)), Answer::Done, "{venue}");
        }
        here.floor.advance(at(69)).expect("the box works");
        let before = here.words(&mut lines, at(69));
        assert!(before.iter().all(|word| !ended(word)), "{venue}");
        here.floor.advance(at(71)).expect("the box works");
        assert!(here.words(&mut lines, at(71)).iter().any(ended), "{venue}");
    }
}

fn ended(word: &Word) -> bool {
    matches!(word, Word::Order(order) if order.state == OrderState::Cancelled)
}

#[test]
fn a_trade_is_told_once_with_the_order_that_made_it() {
    for venue in VenueName::ALL {
        let mut here = Here::new(&terms(venue, walk(3)));
        let mut lines = here.listen(at(0));
        let (_, ask) = book(&mut here, at(0));
        here.place("taker", Side::Buy, OrderKind::Limit { price: ask }, at(0));
        let words = here.words(&mut lines, at(0));
        let orders = words.iter().filter_map(|word| match word {
            Word::Order(it) if it.state == OrderState::Filled => {
                Some((it.client, it.kind, it.filled == Some(it.quantity)))
            }
            _ => None,
        });
        let want = (Some(name("taker")), OrderKind::Limit { price: ask }, true);
        assert_eq!(orders.collect::<Vec<_>>(), [want], "{venue} {words:?}");
        let fills = words.iter().filter(|word| matches!(word, Word::Fill(_)));
        assert_eq!(fills.count(), 1, "{venue} {words:?}");
    }
}

/// A tape on which the price falls by a tenth within a minute.
fn fall(directory: &std::path::Path) -> Prices {
    let path = directory.join("fall.csv");
    let mut file = std::fs::File::create(&path).expect("a file");
    for second in 0..600_i64 {
        let price = if second < 30 { 90_000 } else { (90_000 - (second - 30) * 300).max(81_000) };
        let ms = second * 1_000;
        writeln!(file, "quote,BTCUSDT,{ms},{price},5,{price}.5,5").expect("writes");
        writeln!(file, "print,BTCUSDT,{ms},{price},0.1,sell").expect("writes");
    }
    Prices::Tape { path, from: None, speed: 1 }
}

#[test]
fn a_stop_wakes_where_the_market_goes_and_its_trade_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    for venue in VenueName::ALL {
        let mut here = Here::new(&terms(venue, fall(directory.path())));
        let mut lines = here.listen(at(1));
        here.place("entry", Side::Buy, OrderKind::Market, at(1));
        let scale = here.roster.all()[0].listing.price_scale();
        let trigger = Price(scale.parse("85000").expect("a price"));
        let stop = here.place("stop", Side::Sell, OrderKind::Stop { trigger }, at(2));
        assert!(matches!(stop, Answer::Order(_) | Answer::Done), "{venue} {stop:?}");
        here.words(&mut lines, at(2));
        here.floor.advance(at(100)).expect("the box works");
        let words = here.words(&mut lines, at(100));
        let fills: Vec<_> = words
            .iter()
            .filter_map(|word| match word {
                Word::Fill(fill) => Some((fill.side, fill.price <= trigger, fill.cause)),
                _ => None,
            })
            .collect();
        assert_eq!(fills, [(Side::Sell, true, Cause::Owner)], "{venue} {words:?}");
        let flat = words.iter().any(|word| matches!(word, Word::Position(it) if it.lots == 0));
        assert!(flat, "{venue} {words:?}");
        assert_eq!(here.call(&Call::Positions, at(100)), Answer::Positions(Vec::new()), "{venue}");
        let none = here.call(&Call::OpenOrders(None, Book::Both), at(100));
        assert_eq!(none, Answer::Orders(Vec::new()), "{venue}");
        let order = OrderRef { conditional: true, ..OrderRef::named(BTC, name("stop")) };
        let found = here.call(&Call::Order(order), at(101));
        let woke = matches!(&found, Answer::Woken(..))
            || matches!(&found, Answer::Order(it) if it.state == OrderState::Filled);
        assert!(woke, "{venue} {found:?}");
    }
}

#[test]
fn what_does_not_bring_its_margin_is_refused_and_what_loses_it_is_liquidated() {
    let directory = tempfile::tempdir().expect("a directory");
    for venue in VenueName::ALL {
        let mut terms = terms(venue, fall(directory.path()));
        terms.opening.cash = Money::from_whole(100);
        let mut here = Here::new(&terms);
        let mut lines = here.listen(at(1));
        here.place("entry", Side::Buy, OrderKind::Market, at(1));
        let second = here.place("more", Side::Buy, OrderKind::Market, at(1));
        here.words(&mut lines, at(1));
        here.floor.advance(at(100)).expect("the box works");
        let words = here.words(&mut lines, at(100));
        let liquidated = words
            .iter()
            .any(|word| matches!(word, Word::Fill(fill) if fill.cause == Cause::Liquidation));
        assert!(liquidated, "{venue} {second:?} {words:?}");
    }
}

#[test]
fn what_an_account_cannot_pay_or_stand_for_is_refused_with_the_venues_code() {
    let refused = |answer: Answer| match answer {
        Answer::Refused(refused) => refused.code,
        other => panic!("{other:?}"),
    };
    let check = |venue, product, codes: [i64; 3]| {
        let mut terms = terms(venue, walk(4));
        terms.product = product;
        // 0.02 coins are about 1,800 USDT.
        terms.opening.cash = Money::from_whole(2_500);
        let mut here = Here::new(&terms);
        let (bid, _) = book(&mut here, at(1));
        let low = OrderKind::Limit { price: Price(bid.0 - bid.0 % 100 - 1_000) };
        if product == Product::Perpetual {
            for leverage in [0, 1_000] {
                let answer = here.call(&Call::SetLeverage(BTC, leverage), at(1));
                assert_eq!(refused(answer), codes[1], "{venue} {leverage}");
            }
            let answer = here.call(&Call::SetLeverage(BTC, 1), at(1));
            assert_eq!(answer, Answer::Done, "{venue}");
        }
        let first = here.place("first", Side::Buy, low, at(1));
        assert!(matches!(first, Answer::Order(_)), "{venue} {first:?}");
        let Answer::Balances(all) = here.call(&Call::Balances, at(1)) else { panic!("{venue}") };
        assert_eq!(all[0].total, Money::from_whole(2_500), "{venue}");
        assert!(all[0].available < Money::from_whole(1_000), "{venue} {all:?}");
        let second = here.place("second", Side::Buy, low, at(1));
        assert_eq!(refused(second), codes[0], "{venue} {}", product.name());
        if product == Product::Perpetual {
            here.call(&Call::SetLeverage(BTC, 2), at(1));
            here.place("third", Side::Buy, low, at(1));
            let answer = here.call(&Call::SetLeverage(BTC, 1), at(1));
            assert_eq!(refused(answer), codes[2], "{venue}");
        }
        here.call(&Call::CancelAll(None, Book::Both), at(1));
        let Answer::Balances(all) = here.call(&Call::Balances, at(1)) else { panic!("{venue}") };
        assert!(all.iter().all(|one| one.available == one.total), "{venue} {all:?}");
    };
    check(VenueName::Binance, Product::Spot, [-2010, 0, 0]);
    check(VenueName::Bybit, Product::Spot, [170_131, 0, 0]);
    check(VenueName::Okx, Product::Spot, [51_008, 0, 0]);
    check(VenueName::Binance, Product::Perpetual, [-2019, -4028, -2028]);
    check(VenueName::Bybit, Product::Perpetual, [110_007, 110_013, 110_012]);
    check(VenueName::Okx, Product::Perpetual, [51_008, 59_102, 59_103]);
}

#[test]
fn more_than_the_venue_takes_is_refused_until_its_span_is_over() {
    for (venue, most) in [(VenueName::Binance, 480), (VenueName::Bybit, 50), (VenueName::Okx, 10)] {
        let mut here = Here::new(&terms(venue, walk(3)));
        let mut taken = 0;
        while matches!(here.call(&Call::Balances, at(0)), Answer::Balances(_)) {
            taken += 1;
            assert!(taken <= most, "{venue}");
        }
        assert_eq!(taken, most, "{venue}");
        let refused = here.call(&Call::Balances, at(0));
        let Answer::Throttled { until } = refused else { panic!("{venue} {refused:?}") };
        let later = Timestamp::from_nanos(until.nanos().max(BEGAN + 2 * SECOND));
        let again = here.call(&Call::Balances, later);
        assert!(matches!(again, Answer::Balances(_)), "{venue} {again:?}");
    }
}

#[test]
fn garbage_is_answered_and_changes_nothing() {
    for venue in VenueName::ALL {
        let mut here = Here::new(&terms(venue, walk(3)));
        let public =
            path(&here.source().streams(&[Topic::Trades(BTC)], &here.roster)[0].uri()).to_owned();
        let line = here.floor.open(&public).expect("a stream");
        for text in
            ["", "{", "[]", "null", "{\"op\":7}", "ping", "\u{0}", "{\"method\":\"SUBSCRIBE\"}"]
        {
            here.floor.hear(line, text, at(1)).expect("the box works");
        }
        for uri in [
            "/",
            "/api/v3/order?x=%",
            "/fapi/v1/klines?symbol=&interval=",
            "/v5/order/create",
            "/api/v5/trade/order",
        ] {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                for body in [&b""[..], b"{", b"\xff\xfe", b"{\"category\":\"linear\"}"] {
                    let request = http::Request::builder().method(method).uri(uri);
                    let request = request.body(body.to_vec()).expect("a request");
                    let status =
                        here.floor.request(&request, at(1)).expect("the box works").status();
                    assert!(status.as_u16() < 500, "{venue} {method} {uri} {status}");
                }
            }
        }
        assert!(here.floor.open("/none").is_none(), "{venue}");
    }
}
