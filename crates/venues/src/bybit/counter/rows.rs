//! Reports of the house to rows of the venue.

use super::{
    super::{category, text::to_ms},
    asked::UNNAMED,
};
use engine::{
    live::{
        Balance, Call, Cause, ClientId, FillReport, FundingReport, KeyScope, Mode, OrderReport,
        OrderState, Permission, PositionReport,
    },
    order::{OrderKind, Restrictions},
};
use market::{Currency, Money, Price, Product, Quantity, Roster, Side, Traded};
use portfolio::{InstrumentId, Leg, Liquidity};
use serde_json::{Value, json};

/// The names of the order that a call was about.
pub(super) fn names(call: &Call, report: Option<&OrderReport>) -> Value {
    let (client, venue) = match (call, report) {
        (Call::Place(order), Some(report)) => (Some(order.client), report.venue),
        (Call::Place(order), None) => (Some(order.client), None),
        (Call::Cancel(of) | Call::Amend(of, ..), Some(report)) => {
            (report.client.or(of.client), report.venue.or(of.venue))
        }
        (Call::Cancel(of) | Call::Amend(of, ..), None) => (of.client, of.venue),
        (Call::CancelAll(..), _) => return json!({ "list": [], "success": "1" }),
        _ => return json!({}),
    };
    let id = venue.map(|id| id.to_string()).unwrap_or_default();
    json!({ "orderId": id, "orderLinkId": shown(client) })
}

/// A client's name for an order, unless the counter gave it.
fn shown(client: Option<ClientId>) -> String {
    let name = client.map(|name| name.to_string()).unwrap_or_default();
    if name.starts_with(UNNAMED) { String::new() } else { name }
}

fn traded(id: InstrumentId, roster: &Roster) -> Option<&Traded> {
    usize::try_from(id.0).ok().and_then(|place| roster.at(place))
}

fn price(price: Option<Price>, traded: &Traded) -> String {
    let mut out = String::new();
    match price {
        Some(price) => traded.push_price(price, &mut out),
        None => out.push('0'),
    }
    out
}

fn size(lots: Quantity, traded: &Traded) -> Option<String> {
    let mut out = String::new();
    traded.push_size(lots, &mut out).then_some(out)
}

/// An amount in the fewest digits.
pub(super) fn amount(money: Money) -> String {
    let text = money.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "Buy",
        Side::Sell => "Sell",
    }
}

const fn position_idx(leg: Leg) -> u8 {
    match leg {
        Leg::Net => 0,
        Leg::Long => 1,
        Leg::Short => 2,
    }
}

const fn create_type(cause: Cause) -> &'static str {
    match cause {
        Cause::Owner => "CreateByUser",
        Cause::Liquidation => "CreateByTakeOver_PassThrough",
        Cause::Deleveraging => "CreateByAdl_PassThrough",
        Cause::Settlement => "CreateBySettle",
    }
}

fn status(report: &OrderReport, product: Product) -> &'static str {
    let partly = report.filled.is_some_and(|filled| filled > Quantity::ZERO);
    match report.state {
        OrderState::Waiting => "Untriggered",
        OrderState::Triggered => "Triggered",
        OrderState::Working if partly => "PartiallyFilled",
        OrderState::Working => "New",
        OrderState::Filled => "Filled",
        OrderState::Cancelled | OrderState::Expired if partly && product == Product::Spot => {
            "PartiallyFilledCanceled"
        }
        OrderState::Cancelled | OrderState::Expired => "Cancelled",
        OrderState::Rejected => "Rejected",
    }
}

/// 1 for a trigger that is reached as the market rises.
const fn direction(kind: OrderKind, way: Side, product: Product) -> u8 {
    let stops = match kind {
        OrderKind::Stop { .. } | OrderKind::StopLimit { .. } => true,
        OrderKind::Touched { .. } | OrderKind::TouchedLimit { .. } => false,
        OrderKind::Market | OrderKind::Limit { .. } | OrderKind::Trailing { .. } => return 0,
    };
    match (product, stops, way) {
        (Product::Spot, ..) => 0,
        (_, true, Side::Buy) | (_, false, Side::Sell) => 1,
        (_, true, Side::Sell) | (_, false, Side::Buy) => 2,
    }
}

/// [`None`] for an instrument that is not traded here.
pub(super) fn order(report: &OrderReport, roster: &Roster) -> Option<Value> {
    let traded = traded(report.instrument, roster)?;
    let product = traded.product;
    let limit = report.kind.limit();
    let waits = report.kind.trigger().is_some();
    let filled = report.filled.unwrap_or(Quantity::ZERO);
    let left = Quantity(report.quantity.0.saturating_sub(filled.0));
    let post_only = report.restrictions.has(Restrictions::POST_ONLY);
    let tif = match (limit, post_only) {
        (_, true) => "PostOnly",
        (Some(_), false) => "GTC",
        (None, false) => "IOC",
    };
    let time = to_ms(report.time).to_string();
    let whole = report.quantity == Quantity::ZERO;
    let in_coins = product == Product::Spot && limit.is_none();
    Some(json!({
        "category": category(product),
        "symbol": traded.native.as_str(),
        "orderId": report.venue.map(|id| id.to_string()).unwrap_or_default(),
        "orderLinkId": shown(report.client),
        "blockTradeId": "",
        "side": side(report.side),
        "orderType": if limit.is_some() { "Limit" } else { "Market" },
        "price": price(limit, traded),
        "qty": size(report.quantity, traded)?,
        "leavesQty": if report.state.is_final() { "0".to_owned() } else { size(left, traded)? },
        "cumExecQty": report.filled.map_or(Some(String::new()), |lots| size(lots, traded))?,
        "cumExecValue": "0", "cumExecFee": "0", "avgPrice": "", "leavesValue": "0",
        "timeInForce": tif,
        "orderStatus": status(report, product),
        "positionIdx": position_idx(report.leg),
        "reduceOnly": report.restrictions.has(Restrictions::REDUCE_ONLY),
        "closeOnTrigger": whole,
        "createType": create_type(report.cause),
        "cancelType": "UNKNOWN", "rejectReason": "EC_NoError",
        "stopOrderType": if waits { "Stop" } else { "" },
        "triggerPrice": price(report.kind.trigger(), traded),
        "triggerDirection": direction(report.kind, report.side, product),
        "triggerBy": if waits { "LastPrice" } else { "" },
        "marketUnit": if in_coins { "baseCoin" } else { "" },
        "createdTime": time, "updatedTime": time,
    }))
}

/// [`None`] for an instrument that is not traded here.
pub(super) fn fill(report: &FillReport, roster: &Roster) -> Option<Value> {
    let traded = traded(report.instrument, roster)?;
    let closes =
        matches!((report.leg, report.side), (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy));
    let lots = size(report.quantity, traded)?;
    let value = traded.listing.instrument.notional(report.price, report.quantity);
    Some(json!({
        "category": category(traded.product),
        "symbol": traded.native.as_str(),
        "orderId": report.venue.map(|id| id.to_string()).unwrap_or_default(),
        "orderLinkId": shown(report.client),
        "side": side(report.side),
        "execId": report.trade.as_str(),
        "execType": match report.cause {
            Cause::Owner => "Trade",
            Cause::Liquidation => "BustTrade",
            Cause::Deleveraging => "AdlTrade",
            Cause::Settlement => "Settle",
        },
        "createType": create_type(report.cause),
        "execPrice": price(Some(report.price), traded),
        "execQty": lots,
        "execValue": value.map(amount).unwrap_or_default(),
        "execFee": amount(report.fee),
        "feeCurrency": report.fee_currency.as_ref().map_or("", Currency::as_str),
        "feeRate": "", "orderType": "UNKNOWN", "stopOrderType": "UNKNOWN",
        "closedSize": if closes { lots.clone() } else { "0".to_owned() },
        "isMaker": report.liquidity == Liquidity::Maker,
        "isLeverage": "0", "blockTradeId": "", "seq": 0,
        "execTime": to_ms(report.time).to_string(),
    }))
}

/// A payment of funding as the execution that the venue makes of it; [`None`] for an instrument that is
/// not traded here.
pub(super) fn funding(report: &FundingReport, roster: &Roster) -> Option<Value> {
    let traded = traded(report.instrument, roster)?;
    let paid = amount(report.amount.negated().ok()?);
    // In one-way mode the report does not say which way the position is.
    let side = if report.leg == Leg::Short { "Sell" } else { "Buy" };
    let time = to_ms(report.time).to_string();
    Some(json!({
        "category": category(traded.product), "symbol": traded.native.as_str(),
        "orderId": format!("{time}-{}-{}-{side}", traded.native, report.payment.as_str()),
        "orderLinkId": "", "side": side, "execId": report.payment.as_str(), "execType": "Funding",
        "createType": "", "execPrice": "", "execQty": "", "execValue": "", "execFee": paid,
        "feeCurrency": report.currency.as_str(), "feeRate": "", "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN", "closedSize": "0", "isMaker": false, "isLeverage": "0",
        "blockTradeId": "", "seq": 0, "execTime": time,
    }))
}

/// [`None`] for an instrument that is not traded here.
pub(super) fn position(report: &PositionReport, roster: &Roster) -> Option<Value> {
    let traded = traded(report.instrument, roster)?;
    let lots = Quantity(report.lots.unsigned_abs());
    let entry = price(report.entry, traded);
    let value = traded.listing.instrument.notional(report.entry.unwrap_or_default(), lots);
    let time = to_ms(report.time).to_string();
    Some(json!({
        "category": category(traded.product),
        "symbol": traded.native.as_str(),
        "positionIdx": position_idx(report.leg),
        "side": match report.lots { 0 => "", 1.. => "Buy", _ => "Sell" },
        "size": size(lots, traded)?,
        "avgPrice": entry, "entryPrice": entry,
        "positionValue": value.map(amount).unwrap_or_default(),
        "liqPrice": report.liquidation.map(|at| price(Some(at), traded)).unwrap_or_default(),
        "leverage": report.leverage.map(|leverage| leverage.to_string()).unwrap_or_default(),
        "tradeMode": 0, "positionStatus": "Normal", "markPrice": entry, "unrealisedPnl": "0",
        "createdTime": time, "updatedTime": time, "seq": 0,
    }))
}

/// One wallet of all coins.
pub(super) fn wallet(balances: &[Balance]) -> Value {
    let coin = |balance: &Balance| {
        let held = balance.total.minus(balance.available).unwrap_or(Money::ZERO).max(Money::ZERO);
        json!({
            "coin": balance.currency.as_str(),
            "walletBalance": amount(balance.total),
            "equity": amount(balance.total),
            "locked": amount(held),
            "spotBorrow": "0", "borrowAmount": "0", "totalOrderIM": "0", "totalPositionIM": "0",
            "totalPositionMM": "0", "unrealisedPnl": "0", "availableToWithdraw": "",
        })
    };
    json!({ "accountType": "UNIFIED", "coin": balances.iter().map(coin).collect::<Vec<_>>() })
}

/// The positions of an instrument, flat ones too: one, or two in hedge mode.
pub(super) fn mode(mode: Mode, roster: &Roster) -> Vec<Value> {
    let first = roster.all().iter().find(|one| one.product == Product::Perpetual);
    let symbol = first.map_or("", |one| one.native.as_str());
    let numbers: &[u8] = if mode == Mode::OneWay { &[0] } else { &[1, 2] };
    let row = |number: &u8| json!({ "positionIdx": number, "symbol": symbol, "side": "", "size": "0", "updatedTime": "0" });
    numbers.iter().map(row).collect()
}

/// <https://bybit-exchange.github.io/docs/v5/user/apikey-info>
pub(super) fn scope(scope: &KeyScope, product: Product) -> Value {
    let when = |so: bool, names: &[&str]| if so { json!(names) } else { json!([]) };
    let trades = scope.trade == Permission::Yes;
    let (futures, spot) = (product == Product::Perpetual, product == Product::Spot);
    let ips = match (scope.restricted, scope.seen_from) {
        (Permission::Unsaid, _) => json!([]),
        (Permission::No, _) => json!(["*"]),
        (Permission::Yes, from) => {
            json!([from.map_or("127.0.0.1".to_owned(), |ip| ip.to_string())])
        }
    };
    let expires =
        scope.expires.map_or("1970-01-01T00:00:00Z".to_owned(), |end| end.instant().to_string());
    json!({
        "id": "1", "note": "box", "apiKey": "", "readOnly": 0, "secret": "", "type": 1, "uta": 1,
        "unified": 0, "ips": ips, "expiredAt": expires, "createdAt": "2024-01-01T00:00:00Z",
        "permissions": {
            "ContractTrade": when(trades && futures, &["Order", "Position"]),
            "Spot": when(trades && spot, &["SpotTrade"]),
            "Wallet": when(scope.withdraw == Permission::Yes, &["AccountTransfer", "Withdraw"]),
            "Options": [], "Derivatives": when(trades && futures, &["DerivativesTrade"]),
            "CopyTrading": [], "BlockTrade": [], "Exchange": [], "NFT": [],
        },
    })
}
