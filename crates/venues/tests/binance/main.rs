//! Binance's two ends held to each other: what one writes the other reads, and what is wrong is refused in
//! the venue's words and read as such.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the test reads recorded messages, and what is not there fails it"
)]

mod account;
mod garbage;
mod independent;
mod orders;
mod recorded;
mod refusals;
mod requests;

use engine::live::{Mode, Word};
use http::{Request, Response};
use market::{Instrument, Listing, Money, Product, Roster, Scale, Settlement, Timestamp, Traded};
use venues::{Client as _, Counter as _, Hosts, KeyRing, Keys, Setup, binance};

/// 2023-11-14T22:13:20Z.
fn now() -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000)
}

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

/// Numbers 0 to 2 are perpetuals, 3 to 5 spot.
fn roster() -> Roster {
    let names = [("BTCUSDT", "BTC"), ("ETHUSDT", "ETH"), ("BNBUSDT", "BNB")];
    let scales = [(2, 3), (8, 8), (4, 0)];
    let of = |product| {
        names
            .iter()
            .zip(scales)
            .map(move |((native, base), scale)| traded(product, native, base, scale))
    };
    Roster::new(of(Product::Perpetual).chain(of(Product::Spot)).collect())
}

fn keys(name: &str) -> Keys {
    Keys {
        key: name.to_owned(),
        secret: format!("{name}-secret").into_bytes().into(),
        passphrase: None,
    }
}

fn ring() -> KeyRing {
    KeyRing { accounts: vec![keys("first"), keys("second")] }
}

fn setup(product: Product, mode: Mode) -> Setup {
    let hosts = Hosts { rest: "https://venue.test".into(), private: "wss://venue.test".into() };
    Setup { product, mode, roster: roster(), hosts, keys: keys("second"), window_ms: 5000 }
}

fn client(product: Product, mode: Mode) -> binance::Client {
    binance::Client::new(setup(product, mode))
}

fn counter(product: Product) -> binance::Counter {
    binance::Counter::new(product)
}

fn response(status: u16, body: &str) -> Response<Vec<u8>> {
    Response::builder().status(status).body(body.as_bytes().to_vec()).expect("a response")
}

fn asked(
    product: Product,
    request: &Request<Vec<u8>>,
) -> Result<venues::Asked, Box<Response<Vec<u8>>>> {
    counter(product).asked(request, &ring(), &roster(), now())
}

/// A private stream, its two ends connected; the words that its opening brought.
struct Line {
    near: Box<dyn venues::Stream>,
    far: Box<dyn venues::Hearing>,
}

impl Line {
    fn open(product: Product) -> (Self, Vec<Word>) {
        let key = binance::listen_key(1);
        let mut near = client(product, Mode::OneWay).stream(Some(&key));
        let path = near.uri().split_once("venue.test").expect("a host").1.to_owned();
        let mut far = counter(product).hearing(&path).expect("a private stream");
        let (mut sent, mut back, mut words) = (Vec::new(), Vec::new(), Vec::new());
        near.opened(now(), &mut sent);
        for text in &sent {
            far.hear(text, &ring(), now(), &mut back);
        }
        for text in &back {
            near.hear(text, now(), &mut words, &mut Vec::new()).expect("readable");
        }
        assert_eq!(far.account(), Some(1));
        (Self { near, far }, words)
    }

    fn tell(&mut self, word: &Word) -> Vec<Word> {
        let (mut sent, mut words) = (Vec::new(), Vec::new());
        self.far.tell(word, &roster(), now(), &mut sent);
        for text in &sent {
            self.near.hear(text, now(), &mut words, &mut Vec::new()).expect("readable");
        }
        words
    }
}
