//! Instruments, hosts, and a stream that is subscribed.

use feeds::{Hosts, PublicStream, Source as _, Step, Topic, bybit};
use http::Response;
use market::{
    Currency, Instrument, Listing, Money, Product, Quantity, Roster, Scale, Settlement, Timestamp,
    Traded,
};

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_nanos(ms * 1_000_000)
}

pub fn traded(product: Product, name: &str, prices: u8, lots: u8) -> Traded {
    let instrument = Instrument {
        symbol: name.parse().expect("a symbol"),
        price_scale: Scale::new(prices).expect("small"),
        lot_scale: Scale::new(lots).expect("small"),
        currency: Currency::USDT,
    };
    let perpetual = product == Product::Perpetual;
    Traded {
        native: instrument.symbol.clone(),
        product,
        base: name.strip_suffix("USDT").unwrap_or(name).parse().expect("a coin"),
        contract: Money(Money::UNIT),
        listing: Listing {
            settlement: if perpetual { Settlement::Margin } else { Settlement::Cash },
            size_min: Quantity(1),
            size_max: Quantity(1_000_000_000),
            ..Listing::of(instrument)
        },
        trading: true,
        leverage_max: if perpetual { 100 } else { 1 },
    }
}

/// 0 and 2 are perpetuals, 1 and 3 spot.
pub fn roster() -> Roster {
    Roster::new(vec![
        traded(Product::Perpetual, "BTCUSDT", 2, 3),
        traded(Product::Spot, "BTCUSDT", 2, 6),
        traded(Product::Perpetual, "ETHUSDT", 2, 2),
        traded(Product::Spot, "ETHUSDT", 2, 5),
    ])
}

pub fn source() -> bybit::Source {
    bybit::Source::new(Hosts {
        rest: "https://api.bybit.com".to_owned(),
        stream: "wss://stream.bybit.com".to_owned(),
    })
}

pub fn ok(body: &str) -> Response<Vec<u8>> {
    Response::new(body.as_bytes().to_vec())
}

/// The one stream of this topic.
pub fn stream(topic: Topic) -> Box<dyn PublicStream> {
    let mut streams = source().streams(&[topic], &roster());
    assert_eq!(streams.len(), 1);
    streams.pop().expect("one")
}

/// What a message says, and what is sent on it.
pub fn hear(stream: &mut dyn PublicStream, text: &str) -> (Vec<Step>, Vec<String>) {
    let (mut out, mut send) = (Vec::new(), Vec::new());
    stream.hear(text, at(1), &mut out, &mut send).expect("readable");
    (out, send)
}
