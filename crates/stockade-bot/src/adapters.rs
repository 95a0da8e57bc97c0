//! The venues that there are: the one place that knows all of them.

use crate::config::{Network, Venue};
use edge::{Allowed, Origin, Reach};
use market::{Product, VenueName};
use std::sync::Arc;

/// Where a venue is: requests, private stream, public stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Scheme and authority of requests.
    pub rest: String,
    /// Scheme and authority of the private stream.
    pub private: String,
    /// Scheme and authority of the public stream.
    pub public: String,
}

/// Where a configured venue is.
#[must_use]
pub fn places(venue: &Venue) -> Places {
    let (rest, private, public) = known(venue.name, venue.product, venue.network);
    let or =
        |given: &Option<String>, known: &str| given.clone().unwrap_or_else(|| known.to_owned());
    Places {
        rest: or(&venue.rest, rest),
        private: or(&venue.private, private),
        public: or(&venue.public, public),
    }
}

/// The hosts that the venues' documentation names.
const fn known(
    venue: VenueName,
    product: Product,
    network: Network,
) -> (&'static str, &'static str, &'static str) {
    match (venue, product, network) {
        // https://developers.binance.com/docs/binance-spot-api-docs
        (VenueName::Binance, Product::Spot, Network::Main) => {
            ("https://api.binance.com", "wss://ws-api.binance.com", "wss://stream.binance.com:9443")
        }
        (VenueName::Binance, Product::Spot, Network::Test) => (
            "https://testnet.binance.vision",
            "wss://ws-api.testnet.binance.vision",
            "wss://stream.testnet.binance.vision",
        ),
        // https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info
        (VenueName::Binance, Product::Perpetual, Network::Main) => {
            ("https://fapi.binance.com", "wss://fstream.binance.com", "wss://fstream.binance.com")
        }
        (VenueName::Binance, Product::Perpetual, Network::Test) => (
            "https://demo-fapi.binance.com",
            "wss://fstream.binancefuture.com",
            "wss://fstream.binancefuture.com",
        ),
        // https://bybit-exchange.github.io/docs/v5/ws/connect
        (VenueName::Bybit, _, Network::Main) => {
            ("https://api.bybit.com", "wss://stream.bybit.com", "wss://stream.bybit.com")
        }
        (VenueName::Bybit, _, Network::Test) => (
            "https://api-testnet.bybit.com",
            "wss://stream-testnet.bybit.com",
            "wss://stream-testnet.bybit.com",
        ),
        // https://www.okx.com/docs-v5/en/#overview-production-trading-services
        (VenueName::Okx, _, Network::Main) => {
            ("https://www.okx.com", "wss://ws.okx.com:8443", "wss://ws.okx.com:8443")
        }
        (VenueName::Okx, _, Network::Test) => {
            ("https://www.okx.com", "wss://wspap.okx.com:8443", "wss://wspap.okx.com:8443")
        }
    }
}

/// The origins that a bot at this venue talks to.
pub fn allowed(venue: &Venue) -> anyhow::Result<Allowed> {
    let places = places(venue);
    let mut allowed = Allowed::default();
    for text in [&places.rest, &places.private, &places.public] {
        let origin: Origin = text.parse()?;
        allowed.add(origin, Reach::Public);
    }
    // The key's rights are asked of the spot host at Binance, whatever is traded.
    if venue.name == VenueName::Binance && venue.rest.is_none() && venue.network == Network::Main {
        allowed.add("https://api.binance.com".parse()?, Reach::Public);
    }
    Ok(allowed)
}

/// The signed end of a venue's protocol.
#[must_use]
pub fn client(venue: VenueName, setup: venues::Setup) -> Arc<dyn venues::Client> {
    match venue {
        VenueName::Binance => Arc::new(venues::binance::Client::new(setup)),
        VenueName::Bybit => Arc::new(venues::bybit::Client::new(setup)),
        VenueName::Okx => Arc::new(venues::okx::Client::new(setup)),
    }
}

/// The public end of a venue's protocol.
#[must_use]
pub fn source(venue: &Venue) -> Arc<dyn feeds::Source> {
    let places = places(venue);
    let hosts = feeds::Hosts { rest: places.rest, stream: places.public };
    match venue.name {
        VenueName::Binance => Arc::new(feeds::binance::Source::new(venue.product, hosts)),
        VenueName::Bybit => Arc::new(feeds::bybit::Source::new(hosts)),
        VenueName::Okx => Arc::new(feeds::okx::Source::new(hosts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venue(name: VenueName, product: Product, network: Network) -> Venue {
        let (ca_file, rest, private, public) = (None, None, None, None);
        Venue { name, product, network, ca_file, rest, private, public }
    }

    #[test]
    fn every_request_and_stream_goes_to_a_listed_host() {
        let now = market::Timestamp::from_nanos(1_700_000_000_000_000_000);
        for name in VenueName::ALL {
            for product in [Product::Spot, Product::Perpetual] {
                for network in [Network::Main, Network::Test] {
                    let venue = venue(name, product, network);
                    let allowed = allowed(&venue).expect("hosts");
                    let is_listed = |uri: &str| {
                        let (scheme, rest) = uri.split_once("://").expect("absolute");
                        let authority = rest.split(['/', '?']).next().expect("a host");
                        let origin: Origin =
                            format!("{scheme}://{authority}").parse().expect("one");
                        assert!(allowed.origins().any(|(one, _)| *one == origin), "{name} {uri}");
                    };
                    let (source, roster) = (source(&venue), market::Roster::new(Vec::new()));
                    let asked = source.request(&feeds::Ask::Time, &roster).expect("a request");
                    is_listed(&asked.uri().to_string());
                    let places = places(&venue);
                    let client = client(
                        name,
                        venues::Setup {
                            product,
                            mode: engine::live::Mode::OneWay,
                            roster,
                            hosts: venues::Hosts { rest: places.rest, private: places.private },
                            keys: venues::Keys {
                                key: "k".to_owned(),
                                secret: b"s".to_vec().into(),
                                passphrase: Some("p".to_owned().into()),
                            },
                            window_ms: 5_000,
                        },
                    );
                    is_listed(&client.stream(Some("key")).uri());
                    for call in [engine::live::Call::Balances, engine::live::Call::KeyScope] {
                        if network == Network::Main {
                            let asked = client.request(&call, now).expect("a request");
                            is_listed(&asked.uri().to_string());
                        }
                    }
                }
            }
        }
    }
}
