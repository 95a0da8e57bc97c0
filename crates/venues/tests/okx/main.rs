//! OKX from both ends: what one end says, the other reads.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the tests read recorded data, what is not there fails them, and what is skipped is said"
)]

mod faults;
mod made;
mod pages;
mod recorded;
mod round;

use engine::live::Mode;
use http::Response;
use market::{
    Currency, Instrument, Listing, Money, Pricing, Product, Quantity, Roster, Scale, Settlement,
    Symbol, Timestamp, Traded,
};
use std::sync::LazyLock;
use venues::{Counter as _, Hearing, Hosts, KeyRing, Keys, Setup, Stream, okx};

const NOW: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

fn traded(native: &str, contract: &str, (price, lot): (u8, u8), size_step: u64) -> Traded {
    let native: Symbol = native.parse().expect("a symbol");
    let product =
        if native.as_str().ends_with("-SWAP") { Product::Perpetual } else { Product::Spot };
    let instrument = Instrument {
        symbol: native.clone(),
        price_scale: Scale::new(price).expect("small"),
        lot_scale: Scale::new(lot).expect("small"),
        currency: Currency::USDT,
    };
    Traded {
        base: native.as_str().split('-').next().expect("a base").parse().expect("a coin"),
        native,
        product,
        contract: Money::parse(contract).expect("money"),
        listing: Listing {
            settlement: Settlement::Margin,
            pricing: Pricing::Positive,
            size_step,
            size_min: Quantity(size_step),
            ..Listing::of(instrument)
        },
        trading: true,
        leverage_max: 100,
    }
}

static ROSTER: LazyLock<Roster> = LazyLock::new(|| {
    Roster::new(vec![
        traded("BTC-USDT-SWAP", "0.01", (2, 6), 1),
        traded("ETH-USDT-SWAP", "0.1", (2, 3), 1),
        traded("BTC-USDT", "1", (1, 8), 1),
        traded("ETH-USDT", "1", (2, 6), 1),
    ])
});

fn keys(number: u8) -> Keys {
    Keys {
        key: format!("key-{number}"),
        secret: vec![number; 32].into(),
        passphrase: Some(format!("words {number}").into()),
    }
}

fn ring() -> KeyRing {
    KeyRing { accounts: vec![keys(7), keys(1)] }
}

fn setup(product: Product, mode: Mode) -> Setup {
    Setup {
        product,
        mode,
        roster: ROSTER.clone(),
        hosts: Hosts { rest: "https://venue.test".into(), private: "wss://venue.test".into() },
        keys: keys(1),
        window_ms: 5000,
    }
}

fn client(product: Product, mode: Mode) -> okx::Client {
    okx::Client::new(setup(product, mode))
}

fn response(status: u16, body: &str) -> Response<Vec<u8>> {
    Response::builder().status(status).body(body.as_bytes().to_vec()).expect("a response")
}

/// Carries messages between both ends of a stream until nobody says anything more.
fn talk(
    stream: &mut dyn Stream,
    socket: &mut dyn Hearing,
    mut to_venue: Vec<String>,
) -> Vec<engine::live::Word> {
    let mut words = Vec::new();
    for _ in 0..10 {
        let mut to_bot = Vec::new();
        for text in to_venue.drain(..) {
            socket.hear(&text, &ring(), NOW, &mut to_bot);
        }
        for text in &to_bot {
            stream.hear(text, NOW, &mut words, &mut to_venue).expect("readable");
        }
        if to_venue.is_empty() {
            break;
        }
    }
    words
}

/// A stream that is ready, and the venue's end of it.
fn connected(product: Product, place: usize) -> (Box<dyn Stream>, Box<dyn Hearing>) {
    use venues::Client as _;
    let mut stream = client(product, Mode::Hedge).streams(None).remove(place);
    let path = stream.uri().replace("wss://venue.test", "");
    let mut socket = okx::Counter.hearing(&path).expect("a private path");
    let mut send = Vec::new();
    stream.opened(NOW, &mut send);
    let words = talk(stream.as_mut(), socket.as_mut(), send);
    assert_eq!(words, [engine::live::Word::Ready]);
    assert_eq!(socket.account(), Some(1));
    (stream, socket)
}
