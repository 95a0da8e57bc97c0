//! An independent client's requests are ours.

use super::{
    recorded::{UNIT, fine, folder, number},
    *,
};
use engine::{
    live::{Call, NewOrder, OrderRef, Scope},
    order::{Amendment, OrderKind, Restrictions, Ticket, TimeInForce},
};
use market::{Price, Quantity, Side};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a request carries, without what differs each time.
fn params(text: &str, skip: &[String]) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let kept = pairs.filter(|(name, _)| !skip.iter().any(|key| key == name));
    kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The order of a case's `input`: symbol, type, side, amount, price, parameters.
fn input_order(product: Product, input: &[Value]) -> NewOrder {
    let more = &input.get(5).cloned().unwrap_or_default();
    let native: String = input[0]
        .as_str()
        .expect("a symbol")
        .chars()
        .take_while(|c| *c != ':')
        .filter(|c| *c != '/')
        .collect();
    let roster = fine();
    let (_, one) = roster.find(product, &native).expect("in the roster");
    let price = |value: &Value| one.price(&value.to_string());
    let trigger = price(&more["triggerPrice"]);
    let kind = match (input[1].as_str(), trigger) {
        (Some("market"), _) => OrderKind::Market,
        (_, None) => OrderKind::Limit { price: price(&input[4]).expect("a price") },
        (_, Some(trigger)) => {
            OrderKind::StopLimit { trigger, price: price(&input[4]).expect("a price") }
        }
    };
    let lots = |value: &Value| one.lots(&value.to_string());
    let side = if input[2] == "buy" { Side::Buy } else { Side::Sell };
    let ticket = Ticket {
        kind,
        tif: TimeInForce::GoodTillCancelled,
        restrictions: if more["postOnly"] == true {
            Restrictions::POST_ONLY
        } else {
            Restrictions::NONE
        },
        display: lots(&more["icebergAmount"]),
        ..Ticket::market(number(product, &native), side, lots(&input[3]).expect("a size"))
    };
    NewOrder { client: "mine".parse().expect("a name"), ticket, scope: Scope::Size, stop: None }
}

/// The call of a case.
fn call(method: &str, product: Product, input: &[Value]) -> Call {
    let name = "myid123".parse().expect("a name");
    let named = || OrderRef::named(number(product, "LTCUSDT"), name);
    match method {
        "createOrder" => Call::Place(input_order(product, input)),
        "cancelOrderWithClientOrderId" => Call::Cancel(named()),
        "editOrderWithClientOrderId" => {
            let (quantity, price) = (Some(Quantity(UNIT / 5)), Some(Price(5_500_000_000)));
            let change = Amendment { quantity, price, trigger: None };
            Call::Amend(named(), change, Some(Side::Buy))
        }
        other => panic!("{other}"),
    }
}

/// Both must say the same, but for what the other client says of its own: a market order's value where we
/// say its size, an empty number beside a name, the name twice; and for what we say though it is the
/// default.
fn compare(call: &Call, case: &Value, skip: &[String]) {
    let url = case["url"].as_str().expect("an address");
    let product = if url.contains("fapi") { Product::Perpetual } else { Product::Spot };
    let client = binance::Client::new(Setup { roster: fine(), ..setup(product, Mode::OneWay) });
    let request = client.request(call, now()).expect("can be asked");
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    assert!(address.ends_with(request.uri().path()), "{address}");
    let form = String::from_utf8_lossy(request.body()).into_owned();
    let sent = format!("{}&{form}", request.uri().query().unwrap_or(""));
    let theirs = case["output"].as_str().unwrap_or(query);
    let (mut ours, mut theirs) = (params(&sent, skip), params(theirs, skip));
    if theirs.remove("quoteOrderQty").is_some() {
        assert_eq!(ours.remove("quantity").as_deref(), Some("0.2"));
    }
    theirs.retain(|name, value| name != "orderId" || !value.is_empty());
    if matches!(call, Call::Amend(..)) {
        theirs.remove("clientOrderId");
    }
    if matches!(call, Call::Place(order) if order.ticket.kind.trigger().is_some()) {
        assert_eq!(ours.remove("timeInForce").as_deref(), Some("GTC"));
    }
    assert_eq!(ours, theirs, "{}", case["description"]);
}

#[test]
fn requests_equal_those_of_an_independent_client() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("ccxt/binance.request.json"));
    let whole: Value = serde_json::from_str(&text.expect("the file is there")).expect("JSON");
    let listed = whole["skipKeys"].as_array().expect("a list").iter().filter_map(Value::as_str);
    let own = ["selfTradePreventionMode", "newOrderRespType", "clientAlgoId"];
    let skip: Vec<String> = listed.chain(own).map(str::to_owned).collect();
    let mut seen = 0;
    for (method, cases) in whole["methods"].as_object().expect("methods") {
        for case in cases.as_array().expect("cases") {
            // Sizes off the steps are cut by that client, and refused by ours.
            if case["description"].as_str().is_some_and(|text| text.contains("weird")) {
                continue;
            }
            let input = case["input"].as_array().expect("an input");
            let is_futures = case["url"].as_str().is_some_and(|url| url.contains("fapi"));
            let product = if is_futures { Product::Perpetual } else { Product::Spot };
            compare(&call(method, product, input), case, &skip);
            seen += 1;
        }
    }
    assert_eq!(seen, 9);
}
