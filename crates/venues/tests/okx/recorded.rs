//! What was recorded, if it is at hand.

use crate::{NOW, ROSTER, client, response};
use engine::{
    live::{Answer, Book, Call, Cause, Mode, NewOrder, OrderRef, OrderState, Scope, Word},
    order::{OrderKind, Restrictions, Ticket, TimeInForce},
};
use market::{Money, Price, Product, Quantity, Side};
use portfolio::{InstrumentId, Leg};
use serde_json::{Value, json};
use std::path::PathBuf;
use venues::Client as _;

const BTC: InstrumentId = InstrumentId(0);

/// The recorded files, if they are at hand.
fn recorded(path: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/venue-fixtures");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(std::fs::read_to_string(folder.join(path)).expect("the file is there"))
}

fn told(product: Product, call: &Call, file: &str) -> Option<Answer> {
    let body = recorded(&format!("nautilus/okx/test_data/{file}"))?;
    Some(client(product, Mode::Hedge).answer(call, &response(200, &body), NOW))
}

fn heard(product: Product, file: &str) -> Option<Vec<Word>> {
    let text = recorded(&format!("nautilus/okx/test_data/{file}"))?;
    let mut stream = client(product, Mode::Hedge).stream(None);
    let mut words = Vec::new();
    stream.hear(&text, NOW, &mut words, &mut Vec::new()).unwrap_or_else(|e| panic!("{file}: {e}"));
    Some(words)
}

#[test]
fn recorded_lists_of_orders_are_read() {
    let call = Call::OpenOrders(None, Book::Plain);
    for file in [
        "http_get_orders_pending.json",
        "http_get_orders_history.json",
        "http_get_orders_pending_with_attached_tp_sl.json",
    ] {
        let Some(answer) = told(Product::Perpetual, &call, file) else { return };
        let Answer::Orders(orders) = answer else { panic!("{file}: {answer:?}") };
        assert!(orders.iter().all(|order| order.venue.is_some()), "{file}");
    }
    let call = Call::OpenOrders(None, Book::Conditional);
    for file in [
        "http_get_orders_algo_pending.json",
        "http_get_orders_algo_history.json",
        "http_get_orders_algo_pending_attached_oco.json",
        "http_get_orders_algo_pending_close_fraction.json",
    ] {
        let Some(answer) = told(Product::Perpetual, &call, file) else { return };
        let Answer::Orders(orders) = answer else { panic!("{file}: {answer:?}") };
        assert_eq!(orders.len(), 1, "{file}");
        if file.contains("close_fraction") {
            let order = orders[0];
            assert_eq!(order.kind, OrderKind::Stop { trigger: Price(5_000_000) });
            assert_eq!((order.quantity, order.state), (Quantity::ZERO, OrderState::Waiting));
            assert!(order.restrictions.has(Restrictions::REDUCE_ONLY));
        }
    }
}

#[test]
fn a_recorded_order_that_woke_says_as_which() {
    let order = OrderRef {
        instrument: InstrumentId(1),
        client: Some("client_algo_2".parse().expect("a name")),
        venue: None,
        conditional: true,
    };
    let call = Call::Order(order);
    let Some(answer) = told(Product::Perpetual, &call, "http_get_orders_algo_history.json") else {
        return;
    };
    let Answer::Woken(report, child) = answer else { panic!("{answer:?}") };
    assert_eq!((report.state, child.as_str()), (OrderState::Triggered, "ord_456"));
}

#[test]
fn recorded_money_and_positions_are_read() {
    let file = "http_get_positions.json";
    let Some(answer) = told(Product::Perpetual, &Call::Positions, file) else { return };
    let Answer::Positions(all) = answer else { panic!("{answer:?}") };
    let one = all[0];
    assert_eq!((one.instrument, one.leg, one.lots), (BTC, Leg::Long, 5000));
    assert_eq!((one.entry, one.liquidation), (Some(Price(1_000_000)), Some(Price(900_000))));
    assert_eq!(one.leverage, Some(10));
    let file = "http_get_account_balance.json";
    let Some(answer) = told(Product::Perpetual, &Call::Balances, file) else { return };
    assert!(matches!(&answer, Answer::Balances(all) if !all.is_empty()), "{answer:?}");
    assert_eq!(heard(Product::Perpetual, "ws_account_empty.json"), Some(vec![]));
    let words = heard(Product::Perpetual, "ws_account.json").expect("there");
    assert!(words.iter().all(|word| matches!(word, Word::Balance(_))) && !words.is_empty());
}

#[test]
fn recorded_trades_are_read() {
    for file in ["http_transaction_detail.json", "http_transaction_detail_empty_fee.json"] {
        let Some(row) = recorded(&format!("nautilus/okx/test_data/{file}")) else { return };
        let body = format!(r#"{{"code":"0","msg":"","data":[{row}]}}"#);
        let call = Call::Fills {
            instrument: InstrumentId(2),
            since: market::Timestamp::from_nanos(0),
            after: None,
        };
        let answer = client(Product::Spot, Mode::OneWay).answer(&call, &response(200, &body), NOW);
        let Answer::Fills { fills, .. } = answer else { panic!("{file}: {answer:?}") };
        assert_eq!((fills[0].price, fills[0].quantity), (Price(420_005), Quantity(100_000)));
        let fee = if file.contains("empty") { Money::ZERO } else { Money(-4_200_000) };
        assert_eq!(fills[0].fee, fee, "{file}");
    }
}

#[test]
fn recorded_acknowledgements_are_read() {
    let order = |kind| NewOrder {
        client: "b15".parse().expect("a name"),
        ticket: Ticket { kind, ..Ticket::market(BTC, Side::Buy, Quantity(100)) },
        scope: Scope::Size,
        stop: None,
    };
    let stop = Call::Place(order(OrderKind::Stop { trigger: Price(1) }));
    let Some(answer) = told(Product::Perpetual, &stop, "http_place_algo_order_response.json")
    else {
        return;
    };
    assert!(matches!(answer, Answer::Order(report) if report.state == OrderState::Waiting));
    let refused = told(Product::Perpetual, &stop, "http_place_algo_order_rejected.json");
    assert!(matches!(refused, Some(Answer::Refused(no)) if no.code == 51_000));
    let plain = Call::Place(order(OrderKind::Market));
    let row = recorded("nautilus/okx/test_data/http_place_order_response.json").expect("there");
    let body = response(200, &format!(r#"{{"code":"0","msg":"","data":[{row}]}}"#));
    let taken = client(Product::Perpetual, Mode::Hedge).answer(&plain, &body, NOW);
    assert!(matches!(taken, Answer::Order(report) if report.venue.is_some()), "{taken:?}");
    let reference =
        OrderRef { conditional: true, ..OrderRef::named(BTC, "x".parse().expect("ok")) };
    let file = "http_cancel_algo_order_response.json";
    let done = told(Product::Perpetual, &Call::Cancel(reference), file);
    assert_eq!(done, Some(Answer::Done));
    let file = "http_set_position_mode_response.json";
    assert_eq!(told(Product::Perpetual, &Call::SetMode(Mode::Hedge), file), Some(Answer::Done));
}

#[test]
fn recorded_messages_about_orders_are_read() {
    let check = |file: &str, cause: Cause| {
        let Some(words) = heard(Product::Perpetual, file) else { return };
        let fills: Vec<_> = words
            .iter()
            .filter_map(|word| if let Word::Fill(fill) = word { Some(fill) } else { None })
            .collect();
        assert!(fills.iter().all(|fill| fill.cause == cause), "{file}: {words:?}");
        assert!(words.iter().any(|word| matches!(word, Word::Order(_))), "{file}: {words:?}");
    };
    check("ws_orders.json", Cause::Owner);
    check("ws_orders_adl.json", Cause::Deleveraging);
    check("ws_orders_liquidation.json", Cause::Liquidation);
    check("ws_orders_trigger.json", Cause::Owner);
    check("ws_orders_fok.json", Cause::Owner);
    check("ws_orders_ioc.json", Cause::Owner);
    check("ws_orders_optimal_limit_ioc.json", Cause::Owner);
    // Options are none of ours.
    assert!(
        heard(Product::Perpetual, "ws_orders_option.json").is_none_or(|words| words.is_empty())
    );
    let Some(words) = heard(Product::Perpetual, "ws_orders.json") else { return };
    let Word::Fill(fill) = &words[0] else { panic!("{words:?}") };
    assert_eq!((fill.price, fill.quantity), (Price(10_369_890), Quantity(300)));
    assert_eq!((fill.trade.as_str(), fill.leg), ("1518905529", Leg::Long));
    // The message has no fee of its own; the order's is the only trade's.
    assert_eq!(fill.fee, Money(2_177_677));
}

#[test]
fn recorded_messages_about_orders_that_wait_are_read() {
    let Some(words) = heard(Product::Perpetual, "ws_orders_algo.json") else { return };
    let states: Vec<OrderState> = words
        .iter()
        .filter_map(|word| if let Word::Order(order) = word { Some(order.state) } else { None })
        .collect();
    let wanted = [
        OrderState::Waiting,
        OrderState::Waiting,
        OrderState::Triggered,
        OrderState::Cancelled,
        OrderState::Triggered,
    ];
    assert_eq!(states, wanted);
    let woke = words.iter().filter(|word| matches!(word, Word::Triggered(_))).count();
    assert_eq!(woke, 2);
}

/// The independent client's requests for the same wishes, without its own names and defaults.
#[test]
fn an_independent_clients_requests_say_the_same() {
    let Some(text) = recorded("ccxt/okx.request.json") else { return };
    let whole: Value = serde_json::from_str(&text).expect("JSON");
    let skipped = ["clOrdId", "tag", "algoClOrdId"];
    let eth = |kind, leg, side| Ticket {
        kind,
        leg,
        ..Ticket::market(InstrumentId(1), side, Quantity(100))
    };
    let spot =
        |kind, quantity| Ticket { kind, ..Ticket::market(InstrumentId(3), Side::Buy, quantity) };
    let at = |price: i64| Price(price * 100);
    let sell = Side::Sell;
    let cases = [
        (
            "Spot limit buy order",
            spot(OrderKind::Limit { price: at(50) }, Quantity(2_000_000)),
            Scope::Size,
        ),
        ("Spot market buy order", spot(OrderKind::Market, Quantity(100_000)), Scope::Size),
        (
            "Swap market buy with posSide = long",
            eth(OrderKind::Market, Leg::Long, Side::Buy),
            Scope::Size,
        ),
        (
            "Swap limit sell with stopLossPrice and posSide = long.",
            eth(OrderKind::StopLimit { trigger: at(50), price: at(49) }, Leg::Long, sell),
            Scope::Size,
        ),
        (
            "order with closeFraction shouldn't send sz",
            eth(OrderKind::Touched { trigger: at(120) }, Leg::Net, sell)
                .restricted(Restrictions::REDUCE_ONLY),
            Scope::Position,
        ),
    ];
    for (name, ticket, scope) in cases {
        let all = whole["methods"]["createOrder"].as_array().expect("cases");
        let case = all.iter().find(|case| case["description"] == name).expect("the case is there");
        let mode = if ticket.leg == Leg::Net { Mode::OneWay } else { Mode::Hedge };
        let product = crate::made::product(ticket.instrument);
        let order = NewOrder { client: "b15".parse().expect("a name"), ticket, scope, stop: None };
        let request = client(product, mode).request(&Call::Place(order), NOW).expect("a request");
        let mut ours: Value = serde_json::from_slice(request.body()).expect("JSON");
        let theirs: Value =
            serde_json::from_str(case["output"].as_str().expect("a body")).expect("JSON");
        let mut theirs = if theirs.is_array() { theirs[0].clone() } else { theirs };
        // It trades LTC, sets the default trigger, and sizes a limit order in coins by name.
        for body in [&mut ours, &mut theirs] {
            let body = body.as_object_mut().expect("an object");
            body.retain(|key, _| !skipped.contains(&key.as_str()) && !key.ends_with("PxType"));
            let native = body["instId"].as_str().expect("a name").replace("LTC", "ETH");
            body.insert("instId".to_owned(), json!(native));
        }
        if ticket.kind != OrderKind::Market {
            theirs.as_object_mut().expect("an object").remove("tgtCcy");
        }
        // We let the venue reject what it would cut.
        ours.as_object_mut().expect("an object").remove("banAmend");
        assert_eq!(ours, theirs, "{name}");
        let path = if request.uri().path().ends_with("order-algo") {
            "order-algo"
        } else {
            "batch-orders"
        };
        assert!(case["url"].as_str().expect("a URL").ends_with(path), "{name}");
        assert_eq!(ticket.tif, TimeInForce::GoodTillCancelled);
    }
    let _ = &*ROSTER;
}
