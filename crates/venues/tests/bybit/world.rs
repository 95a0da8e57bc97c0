//! Two instruments on either side, a key, and a clock that stands still.

use http::{Request, Response};
use market::{
    Currency, Instrument, Listing, Money, Product, Quantity, Roster, Scale, Settlement, Timestamp,
    Traded,
};
use seal::Secret;
use venues::{Hosts, KeyRing, Keys, Setup, bybit};

pub const NOW_MS: i64 = 1_700_000_000_000;

pub fn now() -> Timestamp {
    at(NOW_MS)
}

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
            ..Listing::of(instrument)
        },
        trading: true,
        leverage_max: if perpetual { 100 } else { 1 },
    }
}

pub fn roster() -> Roster {
    Roster::new(vec![
        traded(Product::Perpetual, "BTCUSDT", 2, 3),
        traded(Product::Spot, "BTCUSDT", 2, 6),
        traded(Product::Perpetual, "ETHUSDT", 2, 2),
        traded(Product::Spot, "APEXUSDT", 3, 1),
        traded(Product::Perpetual, "ICPUSDT", 3, 1),
        traded(Product::Spot, "ETHUSDT", 2, 5),
    ])
}

pub fn keys() -> Keys {
    let secret = Secret::new(b"t6GJ0FmRPcFnXnoWsUPHu0PGWOPSfOdvGkVo".to_vec());
    Keys { key: "8wYkmpLsMg10eNQyPm".to_owned(), secret, passphrase: None }
}

pub fn setup(product: Product, mode: engine::live::Mode) -> Setup {
    Setup {
        product,
        mode,
        roster: roster(),
        hosts: Hosts {
            rest: "https://api.bybit.com".to_owned(),
            private: "wss://stream.bybit.com".to_owned(),
        },
        keys: keys(),
        window_ms: 5000,
    }
}

pub fn client(product: Product) -> bybit::Client {
    bybit::Client::new(setup(product, engine::live::Mode::OneWay))
}

pub fn ring() -> KeyRing {
    let other = Keys { key: "another".to_owned(), ..keys() };
    KeyRing { accounts: vec![other, keys()] }
}

pub fn ok(body: &str) -> Response<Vec<u8>> {
    Response::new(body.as_bytes().to_vec())
}

/// The query or the body.
pub fn said(request: &Request<Vec<u8>>) -> String {
    match request.uri().query() {
        Some(query) => query.to_owned(),
        None => String::from_utf8(request.body().clone()).expect("text"),
    }
}
