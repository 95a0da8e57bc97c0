//! What the venue sent to others, as they recorded it. The recordings are not part of the project:
//! where they are absent, these tests say so and pass.

use crate::world::{at, client, now, ok};
use engine::{
    live::{
        Answer, Book, Call, Cause, FillReport, OrderReport, OrderState, Permission, PositionReport,
        Word,
    },
    order::{OrderKind, Restrictions},
};
use market::{Currency, Money, Price, Product, Quantity, Side};
use portfolio::{InstrumentId, Liquidity};
use std::path::PathBuf;
use venues::Client as _;

pub fn shared(path: &str) -> Option<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/venue-fixtures");
    let text = std::fs::read_to_string(root.join(path)).ok();
    if text.is_none() {
        println!("skipped: {path} is not beside this copy of the project");
    }
    text
}

fn recording(name: &str) -> Option<String> {
    shared(&format!("nautilus/bybit/test_data/{name}.json"))
}

/// What a recorded message says to a client of a product.
fn words(product: Product, name: &str) -> Option<Vec<Word>> {
    let text = recording(name)?;
    let (mut out, mut send) = (Vec::new(), Vec::new());
    let mut stream = client(product).stream(None);
    stream.hear(&text, now(), &mut out, &mut send).unwrap_or_else(|e| panic!("{name}: {e}"));
    Some(out)
}

fn answer(product: Product, call: &Call, name: &str) -> Option<Answer> {
    Some(client(product).answer(call, &ok(&recording(name)?), now()))
}

const OPEN: Call = Call::OpenOrders(None, Book::Both);

#[test]
fn recorded_orders_are_read() {
    let (buy, sell) = (Side::Buy, Side::Sell);
    let price = |text: i64| Price(text * 100);
    let check = |name: &str, side, kind, state, size: u64, reduces: bool| {
        let Some(words) = words(Product::Perpetual, name) else { return };
        let [Word::Order(order)] = words.as_slice() else { panic!("{name}: {words:?}") };
        let found = (order.side, order.kind, order.state, order.quantity);
        assert_eq!(found, (side, kind, state, Quantity(size)), "{name}");
        assert_eq!(order.restrictions.has(Restrictions::REDUCE_ONLY), reduces, "{name}");
        assert_eq!((order.instrument, order.cause), (InstrumentId(0), Cause::Owner), "{name}");
    };
    let (waits, trigger) = (OrderState::Waiting, price(55_000));
    let limit = OrderKind::Limit { price: price(30_000) };
    check("ws_account_order", buy, limit, OrderState::Cancelled, 10, false);
    check("ws_account_order_buy_stop_market", buy, OrderKind::Stop { trigger }, waits, 100, false);
    let touched = OrderKind::Touched { trigger };
    check("ws_account_order_market_if_touched", buy, touched, waits, 100, false);
    check("ws_account_order_sell_market_if_touched", sell, touched, waits, 100, false);
    check("ws_account_order_take_profit", sell, touched, waits, 500, true);
    let touched_limit = OrderKind::TouchedLimit { trigger, price: price(55_500) };
    check("ws_account_order_limit_if_touched", buy, touched_limit, waits, 100, false);
    let trigger = price(45_000);
    check("ws_account_order_stop_market", sell, OrderKind::Stop { trigger }, waits, 100, false);
    let stop_limit = OrderKind::StopLimit { trigger, price: price(44_500) };
    check("ws_account_order_stop_limit", sell, stop_limit, waits, 100, false);
    let stop = OrderKind::Stop { trigger: price(48_000) };
    check("ws_account_order_stop_loss", sell, stop, waits, 500, true);
    // A limit order that woke below the market it was made at: the recording has no direction.
    let kind = OrderKind::TouchedLimit { trigger: price(29_500), price: Price(3_000_050) };
    check("ws_account_order_filled", buy, kind, OrderState::Filled, 100, false);
}

#[test]
fn a_recorded_order_that_was_rejected_in_part_keeps_its_trades() {
    let name = "ws_account_order_partially_filled_rejected";
    let Some(words) = words(Product::Spot, name) else { return };
    let [Word::Order(order)] = words.as_slice() else { panic!("{words:?}") };
    let OrderReport { state, quantity, filled, client, time, .. } = *order;
    assert_eq!(
        (state, quantity, filled),
        (OrderState::Rejected, Quantity(1000), Some(Quantity(500)))
    );
    assert_eq!(
        client.map(|name| name.to_string()).as_deref(),
        Some("O-20251001-164609-APEX-000-49")
    );
    assert_eq!(time, at(1_672_364_262_457));
}

#[test]
fn recorded_trades_are_read_with_their_cause() {
    let check = |name: &str, want: Option<(&str, i64, Cause, i128)>| {
        let Some(words) = words(Product::Perpetual, name) else { return };
        let Some((trade, price, cause, fee)) = want else {
            assert_eq!(words, [], "{name}");
            return;
        };
        let [Word::Fill(fill)] = words.as_slice() else { panic!("{name}: {words:?}") };
        assert_eq!((fill.trade.as_str(), fill.price, fill.cause), (trade, Price(price), cause));
        assert_eq!((fill.side, fill.quantity), (Side::Sell, Quantity(500)));
        assert_eq!((fill.fee, fill.fee_currency), (Money(fee), Some(Currency::USDT)));
        assert_eq!(fill.liquidity, Liquidity::Taker);
    };
    let first = "0ab1bdf7-4219-438b-b30a-32ec863018f7";
    check("ws_account_execution", Some((first, 9_590_010, Cause::Owner, 2_637_252_750)));
    let adl = "0ab1bdf7-4219-438b-b30a-32ec863018f8";
    check("ws_account_execution_adl", Some((adl, 9_585_000, Cause::Deleveraging, 0)));
    // Not subscribed to: it has no fees.
    check("ws_account_execution_fast", None);
    check("ws_account_execution_fast_envelope_id", None);
}

#[test]
fn recorded_positions_are_read() {
    for name in ["ws_account_position", "ws_account_position_short"] {
        let Some(words) = words(Product::Perpetual, name) else { return };
        let [Word::Position(position)] = words.as_slice() else { panic!("{words:?}") };
        let PositionReport { instrument, lots, entry, liquidation, leverage, .. } = *position;
        assert_eq!((instrument, lots, leverage), (InstrumentId(2), -1, Some(30)), "{name}");
        // To the nearest tick: 3641.075 and 51764.83003276.
        assert_eq!((entry, liquidation), (Some(Price(364_108)), Some(Price(5_176_483))));
    }
    let held = answer(Product::Perpetual, &Call::Positions, "http_get_positions");
    let Some(held) = held else { return };
    let Answer::Positions(held) = held else { panic!("{held:?}") };
    let found: Vec<_> = held.iter().map(|one| (one.instrument.0, one.lots, one.entry)).collect();
    assert_eq!(found, [(0, 500, Some(Price(5_000_000))), (2, -500, Some(Price(300_000)))]);
    // A position in an instrument that is not traded here.
    let other = answer(Product::Perpetual, &Call::Positions, "http_get_positions_with_open_time");
    assert_eq!(other, Some(Answer::Positions(Vec::new())));
    if let Some(row) = recording("ws_account_position_with_open_time") {
        let text = format!(r#"{{"topic":"position","creationTime":1,"data":[{row}]}}"#);
        let (mut out, mut send) = (Vec::new(), Vec::new());
        let mut stream = client(Product::Perpetual).stream(None);
        stream.hear(&text, now(), &mut out, &mut send).expect("readable");
        assert!(matches!(out.as_slice(), [Word::Position(one)] if one.lots == 100), "{out:?}");
    }
}

#[test]
fn recorded_lists_of_orders_are_read() {
    let orders = answer(Product::Perpetual, &OPEN, "http_get_orders_realtime");
    let Some(orders) = orders else { return };
    let Answer::Orders(orders) = orders else { panic!("{orders:?}") };
    let found: Vec<_> =
        orders.iter().map(|one| (one.side, one.kind.limit(), one.quantity)).collect();
    let size = Quantity(1);
    let want = [(Side::Buy, Some(Price(393_041)), size), (Side::Sell, Some(Price(394_042)), size)];
    assert_eq!(found, want);
    let orders = answer(Product::Perpetual, &OPEN, "http_get_orders_realtime_tp_sl");
    let Some(orders) = orders else { return };
    let Answer::Orders(orders) = orders else { panic!("{orders:?}") };
    let kinds: Vec<_> = orders.iter().map(|one| one.kind).collect();
    let (up, down, limit) = (Price(5_500_000), Price(4_800_000), Price(4_750_000));
    let stop = OrderKind::StopLimit { trigger: down, price: limit };
    assert_eq!(kinds, [OrderKind::Touched { trigger: up }, stop]);
    for name in [
        "http_get_orders_history",
        "http_get_orders_history_with_duplicate",
        "http_get_order_partially_filled_rejected",
    ] {
        let name_of_order = "x".parse().expect("plain");
        let one = Call::Order(engine::live::OrderRef::named(InstrumentId(0), name_of_order));
        let Some(found) = answer(Product::Perpetual, &one, name) else { return };
        assert!(matches!(found, Answer::Order(_)), "{name}: {found:?}");
    }
}

#[test]
fn a_recorded_list_of_trades_is_read_oldest_first() {
    let call = Call::Fills { instrument: InstrumentId(0), since: now(), after: None };
    let fills = answer(Product::Perpetual, &call, "http_get_executions");
    // One of the two has a number with a letter beyond hexadecimal; it is a name all the same.
    let Some(fills) = fills else { return };
    let Answer::Fills { fills, more: false } = fills else { panic!("{fills:?}") };
    let [eth, btc] = fills.as_slice() else { panic!("{fills:?}") };
    let FillReport { instrument, price, quantity, fee, liquidity, .. } = *btc;
    assert_eq!((instrument, price, quantity), (InstrumentId(0), Price(5_000_000), Quantity(100)));
    assert_eq!((fee, liquidity), (Money(1_500_000), Liquidity::Maker));
    assert_eq!(
        (eth.instrument, eth.quantity, eth.side),
        (InstrumentId(2), Quantity(50), Side::Sell)
    );
}

#[test]
fn recorded_wallets_are_read() {
    let money = |text: &str| Money::parse(text).expect("money");
    let held = |balances: &[engine::live::Balance], coin: &str| {
        let coin: Currency = coin.parse().expect("a coin");
        let one = balances.iter().find(|one| one.currency == coin).expect("held");
        (one.total, one.available)
    };
    let check = |name: &str, coin: &str, total: &str, available: &str| {
        let balances = if name.starts_with("ws") {
            let Some(words) = words(Product::Perpetual, name) else { return };
            let all = words.into_iter().map(|word| match word {
                Word::Balance(balance) => balance,
                other => panic!("{name}: {other:?}"),
            });
            all.collect()
        } else {
            match answer(Product::Spot, &Call::Balances, name) {
                Some(Answer::Balances(balances)) => balances,
                None => return,
                other => panic!("{name}: {other:?}"),
            }
        };
        assert_eq!(held(&balances, coin), (money(total), money(available)), "{name} {coin}");
    };
    check("ws_account_wallet", "BTC", "0.00102964", "0.00092964");
    check("ws_account_wallet", "USDT", "9647.75537647", "9519.89806037");
    // Margin that comes to more than there is leaves nothing.
    check("ws_account_wallet_locked_exceeds_total", "USDT", "100", "0");
    check("ws_account_wallet_small_order", "USDT", "51333.82543837", "51283.79743837");
    check("http_get_wallet_balance", "USDT", "1000.5", "1000.5");
    // What was borrowed is owed.
    check("http_get_wallet_balance_spot_short", "ETH", "-0.06142", "0");
    check("http_get_wallet_balance_with_spot_borrow", "USDT", "1000", "1000");
}

/// Claims S41, M62: a key that can move money is known for one.
#[test]
fn a_recorded_key_says_what_it_may_do() {
    let scope = answer(Product::Perpetual, &Call::KeyScope, "http_get_user_query_api");
    let Some(scope) = scope else { return };
    let Answer::Scope(scope) = scope else { panic!("{scope:?}") };
    // It only reads, whatever else it lists.
    assert_eq!((scope.trade, scope.withdraw), (Permission::No, Permission::No));
    assert_eq!((scope.restricted, scope.expires), (Permission::Yes, None));
    let Some(text) = recording("http_get_user_query_api") else { return };
    let writes = text.replace(r#""readOnly": 1"#, r#""readOnly": 0"#);
    let scope = client(Product::Perpetual).answer(&Call::KeyScope, &ok(&writes), now());
    let Answer::Scope(scope) = scope else { panic!("{scope:?}") };
    assert_eq!((scope.trade, scope.withdraw), (Permission::Yes, Permission::Yes));
}

#[test]
fn recorded_log_ins_are_read() {
    let mut stream = client(Product::Perpetual).stream(None);
    let (mut out, mut send) = (Vec::new(), Vec::new());
    let (Some(yes), Some(no)) = (recording("ws_auth_success"), recording("ws_auth_failure")) else {
        return;
    };
    stream.hear(&yes, now(), &mut out, &mut send).expect("readable");
    assert_eq!((out.len(), send.len()), (0, 2), "the subscriptions follow");
    let refused = stream.hear(&no, now(), &mut out, &mut send).expect_err("refused");
    assert!(refused.to_string().contains("Invalid apikey"), "{refused}");
    assert_eq!(out, [Word::Ending]);
    out.clear();
    let ack = recording("ws_subscription_ack").expect("beside the others");
    stream.hear(&ack, now(), &mut out, &mut send).expect("readable");
    assert_eq!(out, [], "one of two");
    stream.hear(&ack, now(), &mut out, &mut send).expect("readable");
    assert_eq!(out, [Word::Ready]);
    let fails = recording("ws_subscription_failure").expect("beside the others");
    assert!(stream.hear(&fails, now(), &mut out, &mut send).is_err());
    // What belongs to other streams is passed over.
    out.clear();
    for name in ["ws_order_response", "ws_ticker_linear", "ws_kline", "ws_public_trade"] {
        let text = recording(name).expect("beside the others");
        stream.hear(&text, now(), &mut out, &mut send).expect("passed over");
    }
    assert_eq!(out, []);
}
