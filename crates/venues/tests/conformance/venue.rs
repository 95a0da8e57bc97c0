//! Who takes part: a line here, and a folder of data.

use market::VenueName;
use venues::{Client, Setup, binance, bybit, okx};

/// The venues that have an adapter.
pub const ALL: &[VenueName] = &[VenueName::Binance, VenueName::Bybit, VenueName::Okx];

/// A venue's client.
pub fn client(venue: VenueName, setup: Setup) -> Box<dyn Client> {
    match venue {
        VenueName::Binance => Box::new(binance::Client::new(setup)),
        VenueName::Bybit => Box::new(bybit::Client::new(setup)),
        VenueName::Okx => Box::new(okx::Client::new(setup)),
    }
}

/// The signature of these bytes, as the venue writes it.
pub fn sign(venue: VenueName, secret: &str, payload: &str) -> String {
    let secret = secret.as_bytes().to_vec().into();
    match venue {
        VenueName::Binance => binance::sign(&secret, payload.as_bytes()),
        VenueName::Bybit => bybit::sign(&secret, payload.as_bytes()),
        VenueName::Okx => okx::sign(&secret, payload.as_bytes()),
    }
}
