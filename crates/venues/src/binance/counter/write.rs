//! Answers as responses.

use super::params::{answer, refuse};
use crate::binance::{
    errors::ban_text,
    millis,
    names::{basis_points, leg_name, per_cent, side_name, state_name, told_name, type_name, waits},
};
use engine::{
    live::{
        Answer, Balance, Book, Call, FillReport, FundingReport, KeyScope, Mode, OrderReport,
        OrderState, Permission, PositionReport, Refused, RefusedKind, Unknown, VenueId,
    },
    order::{Distance, OrderKind, Restrictions},
};
use http::{HeaderValue, Response};
use market::{Money, Price, Product, Quantity, Roster, Side, Timestamp, Traded};
use portfolio::{InstrumentId, Leg, Liquidity};
use serde_json::{Value, json};

/// Writes what is answered at a moment.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) product: Product,
    pub(super) roster: &'a Roster,
    pub(super) now: Timestamp,
}

/// A price as text.
pub(super) fn price_text(one: &Traded, price: Price) -> String {
    let mut out = String::new();
    one.push_price(price, &mut out);
    out
}

/// A size as text; the venue counts in coins, of which every lot is so many decimals.
pub(super) fn size_text(one: &Traded, quantity: Quantity) -> String {
    let mut out = String::new();
    if one.push_size(quantity, &mut out) { out } else { "0".to_owned() }
}

/// A size with the sign of a short position.
pub(super) fn signed_text(one: &Traded, lots: i64) -> String {
    let sign = if lots < 0 { "-" } else { "" };
    format!("{sign}{}", size_text(one, Quantity(lots.unsigned_abs())))
}

/// A number of the venue's: digits alone are a number.
pub(super) fn number(id: Option<VenueId>) -> Value {
    let text = id.map(|id| id.to_string()).unwrap_or_default();
    text.parse::<i64>().map_or(Value::from(0), Value::from)
}

/// An order's prices, as both books and the stream say them.
pub(super) struct Terms {
    pub(super) price: String,
    pub(super) trigger: String,
    pub(super) delta: Option<i64>,
    pub(super) rate: Option<String>,
    pub(super) from: Option<String>,
    pub(super) tif: &'static str,
}

impl Terms {
    pub(super) fn of(one: &Traded, order: &OrderReport) -> Self {
        let text = |price: Option<Price>| price.map_or("0".to_owned(), |p| price_text(one, p));
        let (rate, from) = match order.kind {
            OrderKind::Trailing { distance: Distance::Fraction(rate), from } => (Some(rate), from),
            _ => (None, None),
        };
        let post_only = order.restrictions.has(Restrictions::POST_ONLY);
        let is_spot = one.product == Product::Spot;
        Self {
            price: text(order.kind.limit()),
            trigger: text(order.kind.trigger()),
            delta: rate.filter(|_| is_spot).and_then(basis_points),
            rate: rate.filter(|_| !is_spot).and_then(per_cent),
            from: from.map(|price| price_text(one, price)),
            tif: if post_only && !is_spot { "GTX" } else { "GTC" },
        }
    }
}

/// The venue's word for how a conditional order stands.
pub(super) const fn algo_status(state: OrderState) -> &'static str {
    match state {
        OrderState::Waiting | OrderState::Working => "NEW",
        OrderState::Triggered => "TRIGGERED",
        OrderState::Filled => "FINISHED",
        OrderState::Cancelled => "CANCELED",
        OrderState::Expired => "EXPIRED",
        OrderState::Rejected => "REJECTED",
    }
}

/// The venue's word for how a plain order stands.
pub(super) fn plain_status(order: &OrderReport) -> &'static str {
    state_name(order.state, order.filled.is_some_and(|filled| filled > Quantity::ZERO))
}

/// Whether the body says outright that an order only reduces: of a leg its side says it.
pub(super) fn reduces(order: &OrderReport) -> bool {
    order.restrictions.has(Restrictions::REDUCE_ONLY) && order.leg == Leg::Net
}

/// The code and words of a refusal that has none of this venue's.
fn words(product: Product, kind: RefusedKind) -> (i64, &'static str) {
    let is_spot = product == Product::Spot;
    match kind {
        RefusedKind::DuplicateName if is_spot => (-2010, "Duplicate order sent."),
        RefusedKind::DuplicateName => (-4116, "clientOrderId is duplicated"),
        RefusedKind::Balance if is_spot => {
            (-2010, "Account has insufficient balance for requested action.")
        }
        RefusedKind::Balance => (-2019, "Margin is insufficient."),
        RefusedKind::Filter if is_spot => (-1013, "Filter failure: LOT_SIZE"),
        RefusedKind::Filter => (-4003, "Quantity less than zero."),
        RefusedKind::ReduceOnly => (-2022, "ReduceOnly Order is rejected."),
        RefusedKind::WouldTake if is_spot => (-2010, "Order would immediately match and take."),
        RefusedKind::WouldTake => (
            -5022,
            "Due to the order could not be executed as maker, the Post Only order will be rejected.",
        ),
        RefusedKind::WouldTrigger if is_spot => (-2010, "Order would trigger immediately."),
        RefusedKind::WouldTrigger => (-2021, "Order would immediately trigger."),
        RefusedKind::Clock => (-1021, "Timestamp for this request is outside of the recvWindow."),
        RefusedKind::Key => (-2015, "Invalid API-key, IP, or permissions for action."),
        RefusedKind::NotTrading if is_spot => (-1013, "Market is closed."),
        RefusedKind::NotTrading => (-4141, "Symbol is closed"),
        RefusedKind::OrderDone => (-2011, "Unknown order sent."),
        RefusedKind::Setup if is_spot => (-2010, "This symbol is not permitted for this account."),
        RefusedKind::Setup => (-4061, "Order's position side does not match user's setting."),
        RefusedKind::Busy => (
            -1008,
            "Server is currently overloaded with other requests. Please try again in a few minutes.",
        ),
        RefusedKind::Attachment | RefusedKind::Other => (-1020, "This operation is not supported."),
    }
}

impl Writer<'_> {
    /// The response that says this.
    pub(super) fn response(self, call: &Call, told: &Answer) -> Response<Vec<u8>> {
        let body = match told {
            Answer::Refused(refused) => return self.refused(call, refused),
            Answer::NotFound => return *refuse(400, -2013, "Order does not exist."),
            Answer::Throttled { until } => return self.throttled(*until),
            Answer::Unknown(Unknown::Garbled) => {
                let page = Response::builder().status(200).header("content-type", "text/html");
                let page = page.body(b"<html><body>maintenance</body></html>".to_vec());
                return page.expect("a plain header and a known status");
            }
            Answer::Unknown(_) => {
                let text = "Unknown error, please check your request or try again later.";
                return *refuse(503, -1000, text);
            }
            Answer::Done => self.done(call),
            Answer::Order(order) => self.told(call, order, None),
            Answer::Woken(order, id) => self.told(call, order, Some(*id)),
            Answer::Orders(all) => self.orders(call, all),
            Answer::Fills { fills, .. } => fills.iter().filter_map(|one| self.fill(one)).collect(),
            Answer::Funding(all) => all.iter().map(|one| self.income(one)).collect(),
            Answer::Positions(all) => all.iter().filter_map(|one| self.position(one)).collect(),
            Answer::Balances(all) => self.balances(all),
            Answer::Scope(scope) => key_scope(scope),
            Answer::Mode(mode) => json!({ "dualSidePosition": *mode == Mode::Hedge }),
            Answer::ListenKey(key) => json!({ "listenKey": key }),
        };
        answer(200, &body)
    }

    fn refused(self, call: &Call, refused: &Refused) -> Response<Vec<u8>> {
        let known = (refused.code < 0).then_some((refused.code, refused.text.as_str()));
        let (code, text) = match (known, call, refused.kind) {
            (Some(known), ..) => known,
            (None, Call::SetLeverage(..), RefusedKind::Setup) => (-4028, "Leverage is not valid"),
            (None, Call::SetLeverage(..), RefusedKind::Balance) => {
                (-2028, "Leverage is smaller than permitted: insufficient margin balance.")
            }
            (None, _, kind) => words(self.product, kind),
        };
        *refuse(400, code, text)
    }

    fn throttled(self, until: Timestamp) -> Response<Vec<u8>> {
        let nanos = until.nanos().saturating_sub(self.now.nanos()).max(0);
        let seconds = nanos.saturating_add(999_999_999) / 1_000_000_000;
        let mut response = *refuse(429, -1003, &ban_text(until));
        response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        response
    }

    fn symbol(self, id: InstrumentId) -> String {
        self.roster.at(id.index()).map(|one| one.native.to_string()).unwrap_or_default()
    }

    fn income(self, paid: &FundingReport) -> Value {
        json!({
            "symbol": self.symbol(paid.instrument), "incomeType": "FUNDING_FEE",
            "income": paid.amount.to_string(), "asset": paid.currency.as_str(),
            "info": "FUNDING_FEE", "time": millis(paid.time), "tranId": number(Some(paid.payment)),
            "tradeId": ""
        })
    }

    fn done(self, call: &Call) -> Value {
        let is_spot = self.product == Product::Spot;
        match call {
            Call::Cancel(order) if order.conditional && !is_spot => json!({
                "algoId": number(order.venue), "clientAlgoId": order.client.map(|c| c.to_string()),
                "code": "200", "msg": "success"
            }),
            Call::CancelAll(..) if is_spot => json!([]),
            Call::CancelAll(..) => {
                json!({ "code": 200, "msg": "The operation of cancel all open order is done." })
            }
            Call::SetLeverage(id, leverage) => json!({
                "leverage": leverage, "maxNotionalValue": "1000000000", "symbol": self.symbol(*id)
            }),
            Call::Heartbeat { instrument, seconds } => json!({
                "symbol": instrument.map(|id| self.symbol(id)),
                "countdownTime": (u64::from(*seconds) * 1000).to_string()
            }),
            _ => json!({ "code": 200, "msg": "success" }),
        }
    }

    /// One order, in the shape of what was asked.
    fn told(self, call: &Call, order: &OrderReport, woke: Option<VenueId>) -> Value {
        let is_spot = self.product == Product::Spot;
        let waits_apart = match call {
            Call::Place(new) => waits(new.ticket.kind),
            Call::Cancel(order) | Call::Order(order) => order.conditional,
            _ => false,
        };
        match call {
            Call::Cancel(_) if waits_apart && !is_spot => self.done(call),
            _ if waits_apart && !is_spot => self.algo(order, woke),
            Call::Cancel(_) if is_spot => {
                let mut body = self.order(order);
                let own = order.client.map(|client| client.to_string()).unwrap_or_default();
                set(&mut body, "clientOrderId", format!("cancel_{}", number(order.venue)).into());
                set(&mut body, "origClientOrderId", own.into());
                body
            }
            Call::Amend(_, change, _) if is_spot && change.price.is_some() => json!({
                "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS",
                "cancelResponse": self.order(&OrderReport { state: OrderState::Cancelled, ..*order }),
                "newOrderResponse": self.order(order)
            }),
            Call::Amend(..) if is_spot => {
                let mut body = self.order(order);
                let size = body.get("origQty").cloned().unwrap_or_default();
                set(&mut body, "qty", size);
                if let Some(map) = body.as_object_mut() {
                    map.remove("origQty");
                    map.remove("updateTime");
                }
                json!({
                    "transactTime": millis(order.time), "executionId": 0, "amendedOrder": body
                })
            }
            _ => self.order(order),
        }
    }

    fn orders(self, call: &Call, all: &[OrderReport]) -> Value {
        let Call::OpenOrders(_, book) = call else { return json!([]) };
        if self.product == Product::Spot {
            return all.iter().map(|one| self.order(one)).collect();
        }
        let conditional = *book == Book::Conditional;
        let own = all.iter().filter(|one| waits(one.kind) == conditional);
        own.map(|one| if conditional { self.algo(one, None) } else { self.order(one) }).collect()
    }

    /// An order of the plain book.
    fn order(self, order: &OrderReport) -> Value {
        let Some(one) = self.roster.at(order.instrument.index()) else { return json!({}) };
        let (terms, time) = (Terms::of(one, order), millis(order.time));
        let name = type_name(one.product, order.kind, order.restrictions);
        let mut body = json!({
            "symbol": one.native.as_str(), "orderId": number(order.venue),
            "clientOrderId": told_name(order),
            "price": terms.price, "origQty": size_text(one, order.quantity),
            "executedQty": size_text(one, order.filled.unwrap_or_default()),
            "status": plain_status(order), "timeInForce": terms.tif, "type": name,
            "side": side_name(order.side), "stopPrice": terms.trigger, "time": time, "updateTime": time
        });
        let more = if one.product == Product::Spot {
            let on_book = order.state != OrderState::Waiting;
            json!({
                "orderListId": -1, "cummulativeQuoteQty": "0", "icebergQty": "0", "isWorking": on_book,
                "workingTime": if on_book { time } else { -1 }, "transactTime": time,
                "origQuoteOrderQty": "0", "selfTradePreventionMode": "NONE"
            })
        } else {
            json!({
                "avgPrice": "0", "cumQuote": "0", "origType": name, "reduceOnly": reduces(order),
                "positionSide": leg_name(order.leg), "closePosition": false,
                "workingType": "CONTRACT_PRICE", "priceProtect": false, "priceMatch": "NONE",
                "selfTradePreventionMode": "NONE", "goodTillDate": 0
            })
        };
        extend(&mut body, more);
        if let Some(delta) = terms.delta {
            set(&mut body, "trailingDelta", delta.into());
        }
        body
    }

    /// A conditional order.
    fn algo(self, order: &OrderReport, woke: Option<VenueId>) -> Value {
        let Some(one) = self.roster.at(order.instrument.index()) else { return json!({}) };
        let (terms, time) = (Terms::of(one, order), millis(order.time));
        let client = order.client.map(|client| client.to_string()).unwrap_or_default();
        json!({
            "algoId": number(order.venue), "clientAlgoId": client, "algoType": "CONDITIONAL",
            "orderType": type_name(one.product, order.kind, order.restrictions),
            "symbol": one.native.as_str(), "side": side_name(order.side),
            "positionSide": leg_name(order.leg), "timeInForce": "GTC",
            "quantity": size_text(one, order.quantity), "algoStatus": algo_status(order.state),
            "actualOrderId": woke.map(|id| id.to_string()).unwrap_or_default(), "actualPrice": "0",
            "actualQty": order.filled.map(|filled| size_text(one, filled)).unwrap_or_default(),
            "triggerPrice": terms.trigger, "price": terms.price, "icebergQuantity": null,
            "selfTradePreventionMode": "NONE", "workingType": "CONTRACT_PRICE", "priceMatch": "NONE",
            "closePosition": order.quantity == Quantity::ZERO, "priceProtect": false,
            "reduceOnly": reduces(order), "activatePrice": terms.from, "callbackRate": terms.rate,
            "createTime": time, "updateTime": time, "triggerTime": 0, "goodTillDate": 0
        })
    }

    fn fill(self, fill: &FillReport) -> Option<Value> {
        let one = self.roster.at(fill.instrument.index())?;
        let maker = fill.liquidity == Liquidity::Maker;
        let mut body = json!({
            "symbol": one.native.as_str(), "id": number(Some(fill.trade)),
            "orderId": number(fill.venue), "price": price_text(one, fill.price),
            "qty": size_text(one, fill.quantity), "quoteQty": "0",
            "commission": fill.fee.to_string(),
            "commissionAsset": fill.fee_currency.map(|asset| asset.to_string()).unwrap_or_default(),
            "time": millis(fill.time)
        });
        let is_buy = fill.side == Side::Buy;
        let more = if one.product == Product::Spot {
            json!({ "orderListId": -1, "isBuyer": is_buy, "isMaker": maker, "isBestMatch": true })
        } else {
            json!({
                "side": side_name(fill.side), "positionSide": leg_name(fill.leg), "buyer": is_buy,
                "maker": maker, "realizedPnl": "0", "marginAsset": "USDT"
            })
        };
        extend(&mut body, more);
        Some(body)
    }

    fn position(self, position: &PositionReport) -> Option<Value> {
        let one = self.roster.at(position.instrument.index())?;
        let text = |price: Option<Price>| price.map_or("0".to_owned(), |p| price_text(one, p));
        let entry = text(position.entry);
        let lots = Quantity(position.lots.unsigned_abs());
        let value = position.entry.and_then(|at| one.listing.instrument.notional(at, lots).ok());
        let sign = if position.lots < 0 { "-" } else { "" };
        let notional = format!("{sign}{}", value.unwrap_or_default());
        let mut body = json!({
            "symbol": one.native.as_str(), "positionSide": leg_name(position.leg),
            "positionAmt": signed_text(one, position.lots), "entryPrice": entry,
            "breakEvenPrice": entry, "markPrice": entry, "unRealizedProfit": "0",
            "liquidationPrice": text(position.liquidation), "isolatedMargin": "0", "notional": notional,
            "marginAsset": "USDT", "isolatedWallet": "0", "initialMargin": "0", "maintMargin": "0",
            "positionInitialMargin": "0", "openOrderInitialMargin": "0", "adl": 0, "bidNotional": "0",
            "askNotional": "0", "updateTime": millis(position.time)
        });
        if let Some(leverage) = position.leverage {
            set(&mut body, "leverage", leverage.to_string().into());
        }
        Some(body)
    }

    fn balances(self, all: &[Balance]) -> Value {
        if self.product == Product::Spot {
            let held = |one: &Balance| {
                let locked = one.total.minus(one.available).unwrap_or(Money::ZERO);
                json!({
                    "asset": one.currency.as_str(), "free": one.available.to_string(),
                    "locked": locked.to_string()
                })
            };
            let balances: Vec<Value> = all.iter().map(held).collect();
            return json!({
                "canTrade": true, "canWithdraw": false, "canDeposit": true, "accountType": "SPOT",
                "updateTime": millis(self.now), "balances": balances, "permissions": ["SPOT"]
            });
        }
        let wallet = |one: &Balance| {
            let (total, free) = (one.total.to_string(), one.available.to_string());
            // A profit that is not realised makes more free than there is in the wallet.
            let used = one.total.minus(one.available).unwrap_or(Money::ZERO);
            let used = used.max(Money::ZERO).to_string();
            json!({
                "asset": one.currency.as_str(), "walletBalance": total, "marginBalance": total,
                "crossWalletBalance": total, "availableBalance": free, "maxWithdrawAmount": free,
                "initialMargin": used, "maintMargin": "0", "unrealizedProfit": "0",
                "crossUnPnl": "0", "positionInitialMargin": used, "openOrderInitialMargin": "0",
                "updateTime": millis(self.now)
            })
        };
        let assets: Vec<Value> = all.iter().map(wallet).collect();
        json!({ "assets": assets, "positions": [], "multiAssetsMargin": false })
    }
}

fn set(body: &mut Value, key: &str, value: Value) {
    if let Some(map) = body.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

fn extend(body: &mut Value, more: Value) {
    if let (Some(map), Value::Object(more)) = (body.as_object_mut(), more) {
        map.extend(more);
    }
}

fn key_scope(scope: &KeyScope) -> Value {
    let is = |permission: Permission| permission == Permission::Yes;
    let mut body = json!({
        "ipRestrict": is(scope.restricted), "createTime": 0, "enableReading": true,
        "enableWithdrawals": is(scope.withdraw), "enableInternalTransfer": false,
        "permitsUniversalTransfer": false, "enableMargin": false, "enableFutures": is(scope.trade),
        "enableSpotAndMarginTrading": is(scope.trade), "enableVanillaOptions": false
    });
    if let Some(end) = scope.expires {
        set(&mut body, "tradingAuthorityExpirationTime", millis(end).into());
    }
    body
}
