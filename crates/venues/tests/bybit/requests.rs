//! Orders as another client library sends them, from its recorded cases.

use crate::{
    recorded::shared,
    world::{NOW_MS, at, keys, said, traded},
};
use engine::{
    live::{Call, Mode, NewOrder, Scope},
    order::{OrderKind, Restrictions, Ticket},
};
use market::{Price, Product, Quantity, Roster, Side};
use portfolio::InstrumentId;
use serde_json::Value;
use venues::{Client as _, Hosts, Setup, bybit};

/// What ours says besides: the name of the order, its position, and what is the default there.
const OURS: [&str; 5] = ["orderLinkId", "positionIdx", "marketUnit", "triggerBy", "timeInForce"];

fn roster() -> Roster {
    Roster::new(vec![
        traded(Product::Spot, "XRPUSDT", 4, 2),
        traded(Product::Perpetual, "ADAUSDT", 4, 0),
        traded(Product::Spot, "ADAUSDT", 4, 2),
        traded(Product::Perpetual, "BTCUSDT", 1, 3),
        traded(Product::Spot, "LTCUSDT", 2, 5),
        traded(Product::Perpetual, "LTCUSDT", 2, 1),
    ])
}

/// The case's order in our words; what has none there is left out.
fn order(description: &str) -> Option<(Product, Ticket)> {
    let ticket = |id, side, lots| Ticket::market(InstrumentId(id), side, Quantity(lots));
    let limit = |price| OrderKind::Limit { price: Price(price) };
    let (post_only, reduce_only) = (Restrictions::POST_ONLY, Restrictions::REDUCE_ONLY);
    Some(match description {
        "spot market order with stopPrice" => {
            let kind = OrderKind::Stop { trigger: Price(550_000) };
            (Product::Spot, ticket(0, Side::Buy, 1000).of(kind))
        }
        "Swap limit order" => (Product::Perpetual, ticket(1, Side::Buy, 50).of(limit(1000))),
        "Spot limit order" => (Product::Spot, ticket(2, Side::Buy, 5000).of(limit(1000))),
        "Spot market order" => (Product::Spot, ticket(2, Side::Buy, 1000)),
        "swap limit buy with triggerPrice and triggerDirection above" => {
            let (trigger, price) = (Price(370_000), Price(370_000));
            (
                Product::Perpetual,
                ticket(3, Side::Buy, 1).of(OrderKind::StopLimit { trigger, price }),
            )
        }
        "Spot limit buy with postOnly" => {
            (Product::Spot, ticket(4, Side::Buy, 10_000).of(limit(6000)).restricted(post_only))
        }
        "Swap limit sell with reduceOnly and postOnly" => {
            let both = post_only.with(reduce_only);
            (Product::Perpetual, ticket(5, Side::Sell, 1).of(limit(10_000)).restricted(both))
        }
        "Swap limit sell with stopLossPrice(Type2)" => {
            let kind = OrderKind::StopLimit { trigger: Price(5600), price: Price(5100) };
            (Product::Perpetual, ticket(5, Side::Sell, 1).of(kind).restricted(reduce_only))
        }
        "Create market buy with base amount (UTA only)" => {
            (Product::Spot, ticket(4, Side::Buy, 20_000))
        }
        _ => return None,
    })
}

#[test]
fn orders_say_what_another_library_says() {
    let Some(text) = shared("ccxt/bybit.request.json") else { return };
    let cases: Value = serde_json::from_str(&text).expect("JSON");
    let mut held = 0;
    for case in cases["methods"]["createOrder"].as_array().expect("cases") {
        let description = case["description"].as_str().expect("text");
        let Some((product, ticket)) = order(description) else { continue };
        let hosts = Hosts { rest: "https://api-testnet.bybit.com".into(), private: String::new() };
        let setup = Setup {
            product,
            mode: Mode::OneWay,
            roster: roster(),
            hosts,
            keys: keys(),
            window_ms: 5000,
        };
        let client = "ours".parse().expect("plain");
        let call = Call::Place(NewOrder { client, ticket, scope: Scope::Size, stop: None });
        let request = bybit::Client::new(setup).request(&call, at(NOW_MS)).expect("a request");
        let url = case["url"].as_str().expect("text").replace("//api.", "//api-testnet.");
        assert_eq!(request.uri().to_string(), url, "{description}");
        let mut ours: Value = serde_json::from_str(&said(&request)).expect("JSON");
        let theirs = case["output"].as_str().expect("text");
        let theirs: Value = serde_json::from_str(theirs).expect("JSON");
        for name in OURS.iter().filter(|name| theirs.get(**name).is_none()) {
            ours.as_object_mut().expect("an object").remove(*name);
        }
        assert_eq!(ours, theirs, "{description}");
        held += 1;
    }
    assert_eq!(held, 9);
}
