//! What the venue sent to others, as they recorded it. The recordings are not part of the project:
//! where they are absent, these tests say so and pass.

use crate::world::{at, hear, ok, roster, source, stream};
use engine::{Data, MarketEvent};
use feeds::{Ask, Source as _, Step, Told, Topic};
use market::{BarSize, Price, Print, Product, Quantity, Quote, Settlement, Side};
use portfolio::InstrumentId;
use std::path::PathBuf;

const BTC: InstrumentId = InstrumentId(0);

fn recording(name: &str) -> Option<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/venue-fixtures");
    let path = root.join(format!("nautilus/bybit/test_data/{name}.json"));
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        println!("skipped: {name} is not beside this copy of the project");
    }
    text
}

fn told(ask: &Ask, name: &str) -> Option<Told> {
    let text = recording(name)?;
    Some(source().answer(ask, &ok(&text), &roster()).unwrap_or_else(|e| panic!("{name}: {e}")))
}

#[test]
fn recorded_instruments_are_read_with_their_steps() {
    let check = |product, name: &str, wanted: &[(&str, u8, u32, u8, u64, u64)]| {
        let Some(told) = told(&Ask::Instruments(product, Vec::new()), name) else { return };
        let Told::Instruments(all) = told else { panic!("{told:?}") };
        let found: Vec<_> = all
            .iter()
            .map(|one| {
                let listing = &one.listing;
                let lots = listing.instrument.lot_scale.decimals();
                let prices = (listing.price_scale().decimals(), listing.price_step);
                (
                    one.native.as_str(),
                    prices.0,
                    prices.1,
                    lots,
                    listing.size_step,
                    listing.size_max.0,
                )
            })
            .collect();
        assert_eq!(found, wanted, "{name}");
        for one in &all {
            let margin = one.listing.settlement == Settlement::Margin;
            assert_eq!(margin, product == Product::Perpetual);
            assert!(one.trading && one.base.as_str() != "USDT");
        }
    };
    // Ticks of 0.5 and 0.05; the bounds are those of market orders, 50.0 and 500.0.
    let linear = [("BTCUSDT", 1, 5, 3, 1, 50_000), ("ETHUSDT", 2, 5, 2, 1, 50_000)];
    check(Product::Perpetual, "http_get_instruments_linear", &linear);
    let stock = [("TSLAUSDT", 2, 1, 3, 1, 100_000)];
    check(Product::Perpetual, "http_get_instruments_linear_symbol_type", &stock);
    check(
        Product::Spot,
        "http_get_instruments_spot_xstocks",
        &[("AAPLUSDT", 2, 1, 4, 1, 1_000_000)],
    );
    let spot = [("BTCUSDT", 1, 1, 4, 1, 1_000_000), ("ETHUSDT", 2, 1, 5, 1, 100_000_000)];
    check(Product::Spot, "http_get_instruments_spot", &spot);
    // Inverse contracts are none of ours.
    check(Product::Perpetual, "http_get_instruments_inverse", &[]);
    check(Product::Perpetual, "http_get_instruments_inverse_symbol_type", &[]);
}

#[test]
fn recorded_bars_and_books_are_read() {
    let (from, to) = (at(1_709_891_000_000), at(1_709_892_000_000));
    let bars = Ask::Bars { instrument: BTC, size: BarSize::MINUTE, from, to };
    // It closed after the answer was given.
    let told_bars = told(&bars, "http_get_klines_linear");
    assert!(matches!(told_bars, None | Some(Told::Bars(_))), "{told_bars:?}");
    if let Some(Told::Bars(bars)) = told_bars {
        assert_eq!(bars, []);
    }
    let Some(book) = told(&Ask::Book(BTC, 50), "http_get_orderbook") else { return };
    let Told::Book(book) = book else { panic!("{book:?}") };
    assert_eq!((book.sequence, book.bids.len(), book.asks.len()), (1_234_567, 3, 3));
    assert_eq!(book.bids[0], (Price(2_745_050), Quantity(1500)));
    assert_eq!(book.asks[2], (Price(2_745_200), Quantity(500)));
}

fn events(steps: &[Step]) -> Vec<MarketEvent> {
    let event = |step: &Step| match step {
        Step::Event(event) => Some(*event),
        _ => None,
    };
    steps.iter().filter_map(event).collect()
}

#[test]
fn recorded_messages_are_read() {
    let names = ["ws_orderbook_snapshot", "ws_orderbook_delta"].map(recording);
    let [Some(whole), Some(change)] = names else { return };
    let mut quotes = stream(Topic::Quotes(BTC));
    let first = events(&hear(&mut *quotes, &whole).0);
    let [MarketEvent { data: Data::Quote(quote), .. }] = first.as_slice() else {
        panic!("{first:?}")
    };
    let Quote { time, bid, ask, bid_size, ask_size } = *quote;
    assert_eq!((time, bid, ask), (at(1_709_891_679_000), Price(2_745_000), Price(2_745_100)));
    assert_eq!((bid_size, ask_size), (Quantity(500), Quantity(750)));
    // The next number: the best ask is gone, the next one stands.
    let second = events(&hear(&mut *quotes, &change).0);
    let [MarketEvent { data: Data::Quote(quote), .. }] = second.as_slice() else {
        panic!("{second:?}")
    };
    assert_eq!((quote.bid_size, quote.ask), (Quantity(400), Price(2_745_150)));

    let mut bars = stream(Topic::Bars(BTC, "5m".parse().expect("a size")));
    let open = recording("ws_kline").expect("beside the others");
    assert_eq!(hear(&mut *bars, &open).0, [], "it has not closed");
    let closed = open.replace(r#""confirm": false"#, r#""confirm": true"#);
    let told = events(&hear(&mut *bars, &closed).0);
    let [MarketEvent { time, data: Data::Bar(bar, _), .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((*time, bar.open_time), (at(1_672_325_100_000), at(1_672_324_800_000)));
    assert_eq!(
        (bar.open, bar.close, bar.volume),
        (Price(1_664_950), Price(1_667_700), Quantity(2081))
    );

    let mut trades = stream(Topic::Trades(BTC));
    // The recording has the topic of an older version.
    let text = recording("ws_public_trade").expect("beside the others");
    let text = text.replace("trade.linear.BTCUSDT", "publicTrade.BTCUSDT");
    let told = events(&hear(&mut *trades, &text).0);
    let [MarketEvent { data: Data::Print(print), .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    let Print { time, price, size, aggressor } = *print;
    assert_eq!((time, price, size), (at(1_709_891_679_000), Price(2_745_100), Quantity(10)));
    assert_eq!(aggressor, Some(Side::Buy));

    let mut funding = stream(Topic::Funding(BTC));
    let ticker = recording("ws_ticker_linear").expect("beside the others");
    assert_eq!(hear(&mut *funding, &ticker).0, [], "nothing is paid yet");
    let ack = recording("ws_subscription_ack").expect("beside the others");
    let mut ready = stream(Topic::Trades(BTC));
    ready.opened(at(1), &mut Vec::new());
    assert_eq!(hear(&mut *ready, &ack).0, [Step::Ready]);
    let refused = recording("ws_subscription_failure").expect("beside the others");
    assert!(ready.hear(&refused, at(1), &mut Vec::new(), &mut Vec::new()).is_err());
}
