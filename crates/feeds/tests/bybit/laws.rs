//! What one end writes, the other reads.

use crate::world::{at, roster, source, traded};
use engine::{Data, MarketEvent};
use feeds::{Ask, BookLevels, PublicCounter as _, Source as _, Step, Told, Topic, bybit};
use market::{
    Bar, BarSize, Depth, Funding, Listing, Money, Price, Print, Product, Quantity, Quote, Rate,
    Side, Timestamp, Traded,
};
use portfolio::InstrumentId;
use proptest::{collection::vec, option, prelude::*};

const NOW_MS: i64 = 1_700_000_000_000;

fn price() -> impl Strategy<Value = Price> {
    (1..10_i64.pow(12)).prop_map(Price)
}

fn lots() -> impl Strategy<Value = Quantity> {
    (1..10_u64.pow(12)).prop_map(Quantity)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (1..NOW_MS).prop_map(at)
}

fn size() -> impl Strategy<Value = BarSize> {
    let sizes = source().sizes();
    (0..sizes.len()).prop_map(move |place| sizes[place])
}

fn bar(size: BarSize) -> impl Strategy<Value = Bar> {
    let ms = size.nanos() / 1_000_000;
    let open = (1..NOW_MS / ms - 2).prop_map(move |n| at(n * ms));
    (open, [price(), price(), price(), price()], lots()).prop_map(|(open_time, p, volume)| Bar {
        open_time,
        open: p[0],
        high: p[1],
        low: p[2],
        close: p[3],
        volume,
    })
}

fn listed(product: Product) -> impl Strategy<Value = Traded> {
    let steps =
        (1..1000_u32, 1..1000_u64, 1..10_000_u64, 20_000..10_u64.pow(12), 0..10_i128.pow(12));
    (0..8_u8, 0..8_u8, steps, any::<bool>(), 1..=200_u32).prop_map(
        move |(prices, lots, (tick, step, least, most, notional), trading, leverage)| {
            let one = traded(product, "XYZUSDT", prices, lots);
            let perpetual = product == Product::Perpetual;
            // Steps in the fewest decimals that they need, as the venue's are read.
            let coarse = |step: u64, decimals: u8| decimals == 0 || !step.is_multiple_of(10);
            let (tick, step) = (
                if coarse(u64::from(tick), prices) { tick } else { tick + 1 },
                if coarse(step, lots) { step } else { step + 1 },
            );
            let least = if perpetual { step.max(least) } else { step };
            Traded {
                listing: Listing {
                    price_step: tick,
                    size_step: step,
                    size_min: Quantity(least),
                    size_max: Quantity(most),
                    notional_min: Money(notional),
                    ..one.listing.clone()
                },
                trading,
                leverage_max: if perpetual { leverage } else { 1 },
                ..one
            }
        },
    )
}

fn product() -> impl Strategy<Value = Product> {
    prop_oneof![Just(Product::Spot), Just(Product::Perpetual)]
}

fn id_of(product: Product) -> InstrumentId {
    InstrumentId(u32::from(product == Product::Spot))
}

/// A question, and what can be told on it.
fn question(product: Product) -> impl Strategy<Value = (Ask, Told)> {
    let id = id_of(product);
    let bars = size().prop_flat_map(move |size| {
        let days = 86_400_000;
        let from = (NOW_MS - 2 * days..NOW_MS - days).prop_map(at);
        (from, vec(bar(size), 0..5)).prop_map(move |(from, bars)| {
            let ms = size.nanos() / 1_000_000;
            let to = Timestamp::from_nanos(from.nanos() + size.nanos() * 900);
            let first = (from.nanos() / 1_000_000).div_ceil_by(ms);
            let shifted = bars.into_iter().enumerate().map(|(n, bar)| {
                let open_time = at((first + i64::try_from(n).expect("few")) * ms);
                (open_time, Bar { open_time, ..bar })
            });
            let closed =
                |(open, _): &(Timestamp, Bar)| open.nanos() + size.nanos() <= at(NOW_MS).nanos();
            let bars = shifted.filter(closed).collect();
            (Ask::Bars { instrument: id, size, from, to }, Told::Bars(bars))
        })
    });
    let level = || vec((price(), lots()), 0..6);
    let book =
        (any::<u32>(), level(), level(), 1..=200_u32).prop_map(move |(u, bids, asks, depth)| {
            let book = BookLevels { sequence: u64::from(u), bids, asks };
            (Ask::Book(id, depth), Told::Book(book))
        });
    let instruments = vec(listed(product), 0..4)
        .prop_map(move |all| (Ask::Instruments(product, Vec::new()), Told::Instruments(all)));
    let clock = time().prop_map(|time| (Ask::Time, Told::Time(time)));
    prop_oneof![bars, book, instruments, clock]
}

trait DivCeil {
    fn div_ceil_by(self, by: Self) -> Self;
}

impl DivCeil for i64 {
    fn div_ceil_by(self, by: Self) -> Self {
        (self + by - 1).div_euclid(by)
    }
}

/// What the market can tell of one instrument: bids below 1,000 ticks and asks above 2,000.
fn event(product: Product) -> impl Strategy<Value = (Topic, MarketEvent)> {
    let id = id_of(product);
    let make = move |topic, time, data| (topic, MarketEvent { time, instrument: id, data });
    let bid = || (1..1000_i64).prop_map(Price);
    let ask = || (2000..3000_i64).prop_map(Price);
    let bars = size().prop_flat_map(move |size| {
        bar(size).prop_map(move |bar| {
            let close = bar.open_time.plus_nanos(size.nanos()).expect("in range");
            make(Topic::Bars(id, size), close, Data::Bar(bar, size))
        })
    });
    let side = || prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let print = (time(), price(), lots(), side()).prop_map(move |(time, price, size, side)| {
        let print = Print { time, price, size, aggressor: Some(side) };
        make(Topic::Trades(id), time, Data::Print(print))
    });
    let quote = (time(), bid(), ask(), lots(), lots()).prop_map(
        move |(time, bid, ask, bid_size, ask_size)| {
            let quote = Quote { time, bid, ask, bid_size, ask_size };
            make(Topic::Quotes(id), time, Data::Quote(quote))
        },
    );
    let depth =
        (time(), side(), bid(), ask(), 0..5_u64).prop_map(move |(time, side, bid, ask, size)| {
            let price = if side == Side::Buy { bid } else { ask };
            let depth = Depth { time, side, price, size: Quantity(size) };
            make(Topic::Book(id), time, Data::Depth(depth))
        });
    let funding =
        (time(), -1000..1000_i64, option::of(price())).prop_map(move |(time, bps, mark)| {
            let funding = Funding { time, rate: Rate::from_bps(bps), mark };
            make(Topic::Funding(id), time, Data::Funding(funding))
        });
    if product == Product::Spot {
        prop_oneof![bars, print, quote, depth].boxed()
    } else {
        prop_oneof![bars, print, quote, depth, funding].boxed()
    }
}

proptest! {
    #[test]
    fn a_question_and_its_answer_are_read_as_they_were_meant(
        (product, (ask, told)) in product().prop_flat_map(|p| (Just(p), question(p))),
    ) {
        let counter = bybit::Counter::new(product);
        let roster = roster();
        let request = source().request(&ask, &roster).expect("a request");
        let asked = counter.asked(&request, &roster).expect("a public path");
        prop_assert_eq!(asked.ok(), Some(ask.clone()));
        let response = counter.respond(&ask, &told, &roster, at(NOW_MS));
        let heard = source().answer(&ask, &response, &roster);
        prop_assert_eq!(heard, Ok(told));
    }

    #[test]
    fn an_event_is_heard_as_it_was_told(
        (product, events) in product().prop_flat_map(|p| (Just(p), vec(event(p), 1..12))),
    ) {
        let (counter, roster) = (bybit::Counter::new(product), roster());
        for (topic, event) in &events {
            // One stream each: what is told twice is told once, and what is late not at all.
            let mut streams = source().streams(&[*topic], &roster);
            let stream = &mut streams[0];
            let path = stream.uri().replace("wss://stream.bybit.com", "");
            prop_assert_eq!(counter.stream(&path, &roster), Some(Vec::new()));
            let (mut up, mut down, mut steps) = (Vec::new(), Vec::new(), Vec::new());
            stream.opened(at(1), &mut up);
            for text in up.drain(..) {
                let wishes = counter.hear(&text, &roster, &mut down);
                prop_assert_eq!(wishes, vec![(*topic, feeds::Wish::Subscribe)]);
            }
            for text in down.drain(..) {
                stream.hear(&text, at(1), &mut steps, &mut up).expect("readable");
            }
            prop_assert_eq!(steps.first(), Some(&Step::Ready));
            steps.clear();
            let mut told = Vec::new();
            counter.tell(event, &roster, &mut told);
            for (to, text) in told {
                prop_assert_eq!(to, *topic);
                stream.hear(&text, at(1), &mut steps, &mut up).expect("readable");
            }
            prop_assert_eq!(&steps, &vec![Step::Event(*event)]);
        }
    }
}

#[test]
fn what_a_client_library_asks_besides_is_answered_by_the_counter() {
    let counter = bybit::Counter::new(Product::Perpetual);
    let check = |path: &str, want: &str| {
        let uri = format!("https://box{path}");
        let request = http::Request::builder().uri(uri).body(Vec::new()).expect("a request");
        let body = match counter.asked(&request, &roster()) {
            None => "elsewhere".to_owned(),
            Some(Ok(ask)) => format!("{ask:?}"),
            Some(Err(own)) => String::from_utf8(own.body().clone()).expect("text"),
        };
        assert!(body.contains(want), "{path}: {body}");
    };
    check("/v5/market/instruments-info?category=inverse&limit=1000", r#""list":[]"#);
    check("/v5/market/instruments-info?category=linear&status=PreLaunch", r#""list":[]"#);
    check("/v5/market/instruments-info?category=linear&cursor=x", r#""list":[]"#);
    check("/v5/market/instruments-info?category=linear&limit=1000", "Instruments(Perpetual, [])");
    check("/v5/market/tickers?category=spot&symbol=BTCUSDT", r#""list":[]"#);
    check("/v5/market/tickers?category=linear&symbol=BTCUSDT", r#""bid1Price":"","bid1Size":"""#);
    let quote = Quote {
        time: at(1),
        bid: Price(10_050),
        ask: Price(10_100),
        bid_size: Quantity(500),
        ask_size: Quantity(1),
    };
    let event = MarketEvent { time: at(1), instrument: InstrumentId(0), data: Data::Quote(quote) };
    counter.tell(&event, &roster(), &mut Vec::new());
    check("/v5/market/tickers?category=linear", r#""bid1Price":"100.5","bid1Size":"0.5""#);
    check("/v5/market/kline?category=linear&symbol=NOPE&interval=1&start=1", "10001");
    check("/v5/market/kline?category=linear&symbol=BTCUSDT&interval=7&start=1", "10001");
    check("/v5/market/kline?category=linear&symbol=BTCUSDT&interval=1&limit=9", "Bars");
    check("/v5/order/create", "elsewhere");
}
