//! What was recorded, if it is at hand: every message of spot and of the USDT perpetuals is read.

use super::*;
use engine::{
    live::{Answer, Book, Call, Cause, NewOrder, OrderRef, OrderState, Scope},
    order::{OrderKind, Restrictions, Ticket},
};
use market::{Price, Quantity, Side};
use portfolio::{InstrumentId, Leg};
use std::path::PathBuf;

/// All of the recorded symbols, so fine that every recorded price is on their ticks.
pub fn fine() -> Roster {
    let names = [
        ("BTCUSDT", "BTC"),
        ("ETHUSDT", "ETH"),
        ("DOGEUSDT", "DOGE"),
        ("BNBUSDT", "BNB"),
        ("LTCBTC", "LTC"),
        ("BNBBTC", "BNB"),
        ("ETHBTC", "ETH"),
        ("LTCUSDT", "LTC"),
        ("SOLUSDT", "SOL"),
    ];
    let of =
        |product| names.iter().map(move |(native, base)| traded(product, native, base, (8, 8)));
    Roster::new(of(Product::Perpetual).chain(of(Product::Spot)).collect())
}

fn reader(product: Product) -> binance::Client {
    binance::Client::new(Setup { roster: fine(), ..setup(product, Mode::Hedge) })
}

pub fn number(product: Product, native: &str) -> InstrumentId {
    let roster = fine();
    let (place, _) = roster.find(product, native).expect("in the roster");
    InstrumentId(u32::try_from(place).expect("few"))
}

pub fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/venue-fixtures");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn text(path: &str) -> Option<String> {
    let path = folder()?.join("nautilus/binance").join(path);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

fn answer(product: Product, call: &Call, path: &str) -> Option<Answer> {
    Some(reader(product).answer(call, &response(200, &text(path)?), now()))
}

fn words(product: Product, path: &str) -> Option<Vec<Word>> {
    let (mut words, mut send) = (Vec::new(), Vec::new());
    let mut stream = reader(product).stream(Some("key"));
    let heard = stream.hear(&text(path)?, now(), &mut words, &mut send);
    heard.unwrap_or_else(|e| panic!("{path}: {e}"));
    assert_eq!(words.remove(0), Word::Ready);
    Some(words)
}

pub const UNIT: u64 = 100_000_000;

fn check(product: Product, call: &Call, path: &str, want: &dyn Fn(&Answer) -> bool) {
    let Some(answer) = answer(product, call, path) else { return };
    assert!(want(&answer), "{path}: {answer:?}");
}

fn is_order(answer: &Answer, state: OrderState) -> bool {
    matches!(answer, Answer::Order(order) if order.state == state)
}

fn fills(instrument: InstrumentId) -> Call {
    Call::Fills { instrument, since: now(), after: None }
}

#[test]
fn recorded_answers_of_spot_are_read() {
    let spot = Product::Spot;
    let ltc = OrderRef::named(number(spot, "LTCBTC"), "myOrder1".parse().expect("a name"));
    let (s, r) = ("test_data/spot/http_json", "resources/http_responses");
    check(spot, &Call::Order(ltc), &format!("{s}/order_response.json"), &|a| {
        is_order(a, OrderState::Working)
    });
    check(
        spot,
        &Call::Cancel(ltc),
        &format!("{s}/cancel_order_response.json"),
        &|a| matches!(a, Answer::Order(o) if o.client == ltc.client && o.state == OrderState::Cancelled),
    );
    let ticket = Ticket::market(number(spot, "BTCUSDT"), Side::Sell, Quantity(10 * UNIT));
    let client = "6gCrw2kRUAF9CvJDGP16IP".parse().expect("a name");
    let place = Call::Place(NewOrder { client, ticket, scope: Scope::Size, stop: None });
    check(spot, &place, &format!("{s}/new_order_full_response.json"), &|a| {
        is_order(a, OrderState::Filled)
    });
    for path in ["open_orders_response", "all_orders_response"] {
        check(
            spot,
            &Call::OpenOrders(None, Book::Both),
            &format!("{s}/{path}.json"),
            &|a| matches!(a, Answer::Orders(all) if !all.is_empty()),
        );
    }
    check(
        spot,
        &Call::CancelAll(Some(ltc.instrument), Book::Both),
        &format!("{s}/cancel_open_orders_response.json"),
        &|a| *a == Answer::Done,
    );
    check(
        spot,
        &fills(number(spot, "BNBBTC")),
        &format!("{s}/account_trades_response.json"),
        &|a| matches!(a, Answer::Fills { fills, .. } if fills[0].price == Price(400_000_100) && fills[0].side == Side::Buy),
    );
    for path in [format!("{s}/account_response.json"), format!("{r}/http_spot_wallet_account.json")]
    {
        check(
            spot,
            &Call::Balances,
            &path,
            &|a| matches!(a, Answer::Balances(all) if !all.is_empty()),
        );
    }
}

#[test]
fn recorded_answers_of_the_futures_are_read() {
    let futures = Product::Perpetual;
    let btc = OrderRef::named(number(futures, "BTCUSDT"), "x".parse().expect("a name"));
    let (f, r) = ("test_data/futures/http_json", "resources/http_responses");
    check(
        futures,
        &Call::Order(btc),
        &format!("{f}/order_response.json"),
        &|a| matches!(a, Answer::Order(o) if o.kind == OrderKind::Limit { price: Price(5_000_000_000_000) }),
    );
    check(
        futures,
        &Call::OpenOrders(None, Book::Plain),
        &format!("{r}/http_futures_account_orders.json"),
        &|a| matches!(a, Answer::Orders(all) if all[0].state == OrderState::Waiting && all[0].leg == Leg::Short),
    );
    check(
        futures,
        &Call::OpenOrders(None, Book::Conditional),
        &format!("{f}/open_algo_orders.json"),
        &|a| matches!(a, Answer::Orders(all) if all[0].kind == OrderKind::Stop { trigger: Price(4_500_000_000_000) }),
    );
    check(
        futures,
        &fills(number(futures, "ETHUSDT")),
        &format!("{r}/http_futures_account_trades.json"),
        &|a| matches!(a, Answer::Fills { fills, more: false } if fills.len() == 2 && fills[1].side == Side::Buy),
    );
    check(
        futures,
        &Call::Balances,
        &format!("{f}/account_info_v2.json"),
        &|a| matches!(a, Answer::Balances(all) if all.len() == 1),
    );
    check(
        futures,
        &Call::Positions,
        &format!("{f}/position_risk.json"),
        &|a| matches!(a, Answer::Positions(all) if all[0].leverage == Some(20) && all[0].lots == 100_000),
    );
    check(
        futures,
        &Call::Positions,
        &format!("{r}/http_futures_account_positions_hedge.json"),
        &|a| matches!(a, Answer::Positions(all) if all.len() == 2 && all[1].lots < 0 && all[1].entry.is_none()),
    );
    check(
        futures,
        &Call::Positions,
        &format!("{r}/http_futures_account_positions_one_way.json"),
        &|a| *a == Answer::Positions(Vec::new()),
    );
    check(
        futures,
        &Call::Mode,
        &format!("{r}/http_futures_account_position_side_dual.json"),
        &|a| *a == Answer::Mode(Mode::Hedge),
    );
}

/// Messages of the futures, and what they say.
const FUTURES: &[(&str, &str)] = &[
    ("test_data/futures/user_data_json/order_update_new", "Waiting"),
    ("test_data/futures/user_data_json/order_update_trade", "fill by Owner, Working"),
    ("test_data/futures/user_data_json/order_update_trade_partial", "fill by Owner, Working"),
    ("test_data/futures/user_data_json/order_update_adl", "fill by Deleveraging, Working"),
    ("test_data/futures/user_data_json/order_update_calculated", "fill by Liquidation, Filled"),
    ("test_data/futures/user_data_json/order_update_calculated_pending", "Working"),
    ("test_data/futures/user_data_json/order_update_insurance", "fill by Liquidation, Working"),
    ("test_data/futures/user_data_json/order_update_settlement", "fill by Settlement, Filled"),
    // Another symbol than the roster's: COIN-M.
    ("test_data/futures/user_data_json/order_update_delivery", ""),
    (
        "test_data/futures/user_data_json/account_update",
        "position 0, position 2000000000, position -1000000000",
    ),
    ("test_data/futures/user_data_json/account_update_bnfcr", ""),
    ("test_data/futures/user_data_json/algo_update_new", "Waiting"),
    ("test_data/futures/user_data_json/algo_update_canceled", "Cancelled"),
    ("test_data/futures/user_data_json/trade_lite", ""),
    ("resources/ws_messages/ws_futures_trade_lite", ""),
    ("resources/ws_messages/ws_futures_algo_update_triggering", "Triggered"),
    ("resources/ws_messages/ws_futures_algo_update_triggered", "triggered 88937381063, Triggered"),
    ("resources/ws_messages/ws_futures_algo_update_finished", "triggered 88937381063, Filled"),
    (
        "resources/ws_messages/ws_futures_algo_update_finished_canceled",
        "triggered 88937381064, Cancelled",
    ),
    ("resources/ws_messages/ws_futures_order_update_adl", "fill by Deleveraging, Filled"),
    ("resources/ws_messages/ws_futures_order_update_adl_filled", "fill by Deleveraging, Filled"),
    ("resources/ws_messages/ws_futures_order_update_liquidation", "fill by Liquidation, Filled"),
    ("resources/ws_messages/ws_futures_order_update_liquidation_zero_qty", "Filled"),
    ("resources/ws_messages/ws_futures_order_update_settlement", "fill by Settlement, Filled"),
    ("resources/ws_messages/ws_futures_order_update_new_limit_if_touched_price_match", "Waiting"),
    ("resources/ws_messages/ws_futures_order_update_new_price_match", "Working"),
    ("resources/ws_messages/ws_futures_order_update_new_reduce_only_qty", "Working"),
    ("resources/ws_messages/ws_futures_order_update_new_stop_limit_price_match", "Waiting"),
    (
        "resources/ws_messages/ws_futures_order_update_trade_reduce_only_qty",
        "fill by Owner, Filled",
    ),
];

/// Messages of spot.
const SPOT: &[(&str, &str)] = &[
    ("test_data/spot/user_data_json/account_position", "balance USDT, balance ETH"),
    ("test_data/spot/user_data_json/account_position_wrapped", "balance ETH"),
    ("test_data/spot/user_data_json/balance_update", ""),
    ("test_data/spot/user_data_json/balance_update_wrapped", ""),
    ("test_data/spot/user_data_json/list_status_wrapped", ""),
    ("test_data/spot/user_data_json/execution_report_new", "Working"),
    ("test_data/spot/user_data_json/execution_report_canceled", "Cancelled"),
    ("test_data/spot/user_data_json/execution_report_expired", "Expired"),
    ("test_data/spot/user_data_json/execution_report_stop_loss", "Working"),
    ("test_data/spot/user_data_json/execution_report_trade", "fill by Owner, Filled"),
    ("test_data/spot/user_data_json/execution_report_wrapped", "Working"),
    ("resources/ws_messages/ws_spot_execution_report_binance_us", ""),
    ("resources/ws_messages/ws_spot_execution_report_calculated", "fill by Liquidation, Filled"),
    ("resources/ws_messages/ws_spot_execution_report_canceled", "Cancelled"),
    ("resources/ws_messages/ws_spot_execution_report_custom_client_id", "fill by Owner, Working"),
    ("resources/ws_messages/ws_spot_execution_report_empty_client_id", "fill by Owner, Working"),
    ("resources/ws_messages/ws_spot_execution_report_expired", "Expired"),
    ("resources/ws_messages/ws_spot_execution_report_new", "Working"),
    ("resources/ws_messages/ws_spot_execution_report_new_limit_if_touched_price_match", "Working"),
    ("resources/ws_messages/ws_spot_execution_report_new_price_match", "Working"),
    ("resources/ws_messages/ws_spot_execution_report_new_stop_limit_price_match", "Working"),
    ("resources/ws_messages/ws_spot_execution_report_pending_cancel", "Working"),
    ("resources/ws_messages/ws_spot_execution_report_rejected", "Rejected"),
    ("resources/ws_messages/ws_spot_execution_report_trade", "fill by Owner, Working"),
    // It traded and does not say at which price.
    ("resources/ws_messages/ws_spot_execution_report_trade_l_zero", "Gap, Filled"),
    ("resources/ws_messages/ws_spot_execution_report_trade_l_zero_canceled", "Cancelled"),
    ("resources/ws_messages/ws_spot_execution_report_trade_l_zero_expired", "Expired"),
    ("resources/ws_messages/ws_spot_execution_report_trade_l_zero_new", "Working"),
    ("resources/ws_messages/ws_spot_execution_report_trade_l_zero_partial", "Working"),
    ("resources/ws_messages/ws_spot_execution_report_trade_prevention", "Expired"),
];

/// Every recorded message: none is unreadable, and each says as much as it should.
#[test]
fn recorded_messages_are_read() {
    let check = |product, path: &str, want: &str| {
        let Some(words) = words(product, path) else { return };
        let name = |word: &Word| match word {
            Word::Order(order) => format!("{:?}", order.state),
            Word::Fill(fill) => format!("fill by {:?}", fill.cause),
            Word::Triggered(it) => format!("triggered {}", it.venue),
            Word::Position(position) => format!("position {}", position.lots),
            Word::Balance(balance) => format!("balance {}", balance.currency),
            other => format!("{other:?}"),
        };
        assert_eq!(words.iter().map(name).collect::<Vec<_>>().join(", "), want, "{path}");
    };
    for (path, want) in FUTURES {
        check(Product::Perpetual, &format!("{path}.json"), want);
    }
    for (path, want) in SPOT {
        check(Product::Spot, &format!("{path}.json"), want);
    }
}

#[test]
fn a_recorded_liquidation_says_all_that_it_should() {
    let path = "resources/ws_messages/ws_futures_order_update_liquidation.json";
    let Some(words) = words(Product::Perpetual, path) else { return };
    let [Word::Fill(fill), Word::Order(order)] = words.as_slice() else { panic!("{words:?}") };
    assert_eq!((fill.trade.as_str(), fill.cause), ("1122334455", Cause::Liquidation));
    assert_eq!((fill.price, fill.quantity), (Price(5_000_000_000_000), Quantity(UNIT / 10)));
    assert_eq!((fill.leg, fill.side, fill.fee), (Leg::Long, Side::Sell, Money::from_whole(5)));
    assert_eq!((order.filled, order.cause), (Some(Quantity(UNIT / 10)), Cause::Liquidation));
    assert!(order.restrictions.has(Restrictions::REDUCE_ONLY));
}
