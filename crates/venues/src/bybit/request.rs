//! Calls to requests. Bodies are written as text, byte by byte as they are signed.

use super::{category, sign::Unsigned, text::to_ms};
use crate::{
    Error, Setup,
    text::{push_encoded, push_quoted},
};
use engine::{
    live::{Book, Call, Mode, NewOrder, OrderRef, Scope},
    order::{Amendment, OrderKind, Restrictions, Ticket, TimeInForce},
};
use http::Method;
use market::{Price, Product, Quantity, Side, Timestamp, Traded, VenueName};
use portfolio::{InstrumentId, Leg};

pub(super) const PLACE: &str = "/v5/order/create";
pub(super) const AMEND: &str = "/v5/order/amend";
pub(super) const CANCEL: &str = "/v5/order/cancel";
pub(super) const CANCEL_ALL: &str = "/v5/order/cancel-all";
pub(super) const OPEN: &str = "/v5/order/realtime";
pub(super) const HISTORY: &str = "/v5/order/history";
pub(super) const FILLS: &str = "/v5/execution/list";
pub(super) const POSITIONS: &str = "/v5/position/list";
pub(super) const WALLET: &str = "/v5/account/wallet-balance";
pub(super) const KEY_INFO: &str = "/v5/user/query-api";
pub(super) const SWITCH_MODE: &str = "/v5/position/switch-mode";
pub(super) const LEVERAGE: &str = "/v5/position/set-leverage";

/// Rows on a page of orders, positions, trades: the most that the venue gives.
pub(super) const ORDERS_MAX: usize = 50;
pub(super) const POSITIONS_MAX: usize = 200;
pub(super) const FILLS_MAX: usize = 100;
const DAY_MS: i64 = 24 * 3_600_000;
/// The longest span that one list of trades covers.
const FILLS_SPAN_MS: i64 = 7 * DAY_MS;
/// How long the venue keeps trades.
const FILLS_KEPT_MS: i64 = 730 * DAY_MS;

/// What the venue has no words for.
pub(super) fn unsupported(what: &'static str) -> Error {
    Error::Unsupported { venue: VenueName::Bybit, what }
}

/// The instrument of this number, if it is of the client's product.
pub(super) fn traded(setup: &Setup, id: InstrumentId) -> Result<&Traded, Error> {
    let found = usize::try_from(id.0).ok().and_then(|place| setup.roster.at(place));
    found
        .filter(|traded| traded.product == setup.product)
        .ok_or(Error::Instrument { number: id.0, known: setup.roster.all().len() })
}

/// The first request of a call, not yet signed.
pub(super) fn write(setup: &Setup, call: &Call, now: Timestamp) -> Result<Unsigned, Error> {
    let product = setup.product;
    match call {
        Call::Place(order) => place(setup, order).map(|text| post(PLACE, text)),
        Call::Amend(of, change, _) => amend(setup, of, change).map(|text| post(AMEND, text)),
        Call::Cancel(of) => cancel(setup, of).map(|text| post(CANCEL, text)),
        Call::CancelAll(of, book) => cancel_all(setup, *of, *book),
        Call::Order(of) => one_order(setup, of, OPEN),
        Call::OpenOrders(of, book) => open_orders(setup, *of, *book, ""),
        Call::Fills { instrument, since, .. } => {
            fills(setup, *instrument, span_start(*since, 0, now), "")
        }
        Call::Funding { instrument, since, until } if product == Product::Perpetual => {
            let mut out = query(setup, Some(*instrument))?;
            let (from, to) = (to_ms(*since), to_ms(*until));
            out.push_str(&format!("&execType=Funding&startTime={from}&endTime={to}&limit=100"));
            Ok(get(FILLS, out))
        }
        Call::Funding { .. } => Err(unsupported("funding on spot")),
        Call::Positions if product == Product::Perpetual => Ok(positions("")),
        Call::Balances => Ok(get(WALLET, "accountType=UNIFIED".to_owned())),
        Call::KeyScope => Ok(get(KEY_INFO, String::new())),
        Call::Mode if product == Product::Perpetual => mode(setup),
        Call::SetMode(mode) if product == Product::Perpetual => Ok(set_mode(*mode)),
        Call::SetLeverage(id, leverage) if product == Product::Perpetual => {
            let name = traded(setup, *id)?.native.as_str();
            let text = format!(
                "{{\"category\":\"linear\",\"symbol\":\"{name}\",\"buyLeverage\":\"{leverage}\",\
                 \"sellLeverage\":\"{leverage}\"}}"
            );
            Ok(post(LEVERAGE, text))
        }
        Call::Positions => Err(unsupported("positions on spot")),
        Call::Mode | Call::SetMode(_) => Err(unsupported("position mode on spot")),
        Call::SetLeverage(..) => Err(unsupported("leverage on spot")),
        Call::Heartbeat { .. } => Err(unsupported("countdown: it acts on lost connections only")),
        Call::ListenKey => Err(unsupported("listen key: its private stream takes a signature")),
    }
}

fn get(path: &'static str, text: String) -> Unsigned {
    Unsigned { method: Method::GET, path, text }
}

fn post(path: &'static str, text: String) -> Unsigned {
    Unsigned { method: Method::POST, path, text }
}

/// The beginning of a body about an instrument.
fn body(traded: &Traded) -> String {
    let mut out = String::with_capacity(320);
    out.push_str("{\"category\":\"");
    out.push_str(category(traded.product));
    out.push_str("\",\"symbol\":\"");
    out.push_str(traded.native.as_str());
    out.push('"');
    out
}

fn push_price(name: &str, price: Price, traded: &Traded, out: &mut String) {
    out.push_str(name);
    traded.push_price(price, out);
    out.push('"');
}

fn push_size(size: Quantity, traded: &Traded, out: &mut String) -> Result<(), Error> {
    out.push_str(",\"qty\":\"");
    if !traded.push_size(size, out) {
        return Err(unsupported("size as fine as this"));
    }
    out.push('"');
    Ok(())
}

/// <https://bybit-exchange.github.io/docs/v5/order/create-order>
fn place(setup: &Setup, order: &NewOrder) -> Result<String, Error> {
    let ticket = &order.ticket;
    let traded = traded(setup, ticket.instrument)?;
    if order.stop.is_some() {
        return Err(unsupported("order that brings its stop along"));
    }
    let spot = traded.product == Product::Spot;
    let whole = order.scope == Scope::Position && !spot;
    let mut out = body(traded);
    out.push_str(if ticket.side == Side::Buy { ",\"side\":\"Buy\"" } else { ",\"side\":\"Sell\"" });
    let limit = ticket.kind.limit();
    out.push_str(match limit {
        Some(_) => ",\"orderType\":\"Limit\"",
        None => ",\"orderType\":\"Market\"",
    });
    push_size(if whole { Quantity::ZERO } else { ticket.quantity }, traded, &mut out)?;
    match limit {
        Some(price) => push_price(",\"price\":\"", price, traded, &mut out),
        None if spot => out.push_str(",\"marketUnit\":\"baseCoin\""),
        None => {}
    }
    push_trigger(ticket, traded, &mut out)?;
    out.push_str(time_in_force(ticket)?);
    if ticket.display.is_some() {
        return Err(unsupported("iceberg"));
    }
    if spot {
        // Nothing is borrowed, so a sale can only shrink what is held, and a purchase never does.
        if reduces(ticket) && ticket.side == Side::Buy {
            return Err(unsupported("reduce-only purchase on spot"));
        }
    } else {
        out.push_str(position(setup.mode, ticket.leg)?);
        if reduces(ticket) || whole {
            out.push_str(",\"reduceOnly\":true");
        }
        if whole {
            out.push_str(",\"closeOnTrigger\":true");
        }
    }
    out.push_str(",\"orderLinkId\":");
    push_quoted(order.client.as_str(), &mut out);
    out.push('}');
    Ok(out)
}

const fn reduces(ticket: &Ticket) -> bool {
    ticket.restrictions.has(Restrictions::REDUCE_ONLY)
}

/// The venue's number of a position.
fn position(mode: Mode, leg: Leg) -> Result<&'static str, Error> {
    match (mode, leg) {
        (Mode::OneWay, Leg::Net) => Ok(",\"positionIdx\":0"),
        (Mode::Hedge, Leg::Long) => Ok(",\"positionIdx\":1"),
        (Mode::Hedge, Leg::Short) => Ok(",\"positionIdx\":2"),
        (Mode::OneWay, _) => Err(unsupported("leg in one-way mode")),
        (Mode::Hedge, _) => Err(unsupported("order without a leg in hedge mode")),
    }
}

/// What wakes an order: the last price, as it rises to the trigger (1) or falls to it (2). On spot the
/// venue takes the direction from where the market stands, so an order whose trigger has been passed
/// on its way there waits for the way back: its report says so.
fn push_trigger(ticket: &Ticket, traded: &Traded, out: &mut String) -> Result<(), Error> {
    let stops = match ticket.kind {
        OrderKind::Market | OrderKind::Limit { .. } => return Ok(()),
        OrderKind::Trailing { .. } => return Err(unsupported("trailing order with a name")),
        OrderKind::Stop { .. } | OrderKind::StopLimit { .. } => true,
        OrderKind::Touched { .. } | OrderKind::TouchedLimit { .. }
            if traded.product == Product::Spot =>
        {
            return Err(unsupported("order on spot that waits for a better price"));
        }
        OrderKind::Touched { .. } | OrderKind::TouchedLimit { .. } => false,
    };
    let Some(trigger) = ticket.kind.trigger() else { return Ok(()) };
    push_price(",\"triggerPrice\":\"", trigger, traded, out);
    let rises = stops == (ticket.side == Side::Buy);
    out.push_str(match (traded.product, rises) {
        (Product::Spot, _) => ",\"orderFilter\":\"StopOrder\"",
        (Product::Perpetual, true) => ",\"triggerDirection\":1,\"triggerBy\":\"LastPrice\"",
        (Product::Perpetual, false) => ",\"triggerDirection\":2,\"triggerBy\":\"LastPrice\"",
    });
    Ok(())
}

/// Market orders are immediate-or-cancel whatever is asked.
fn time_in_force(ticket: &Ticket) -> Result<&'static str, Error> {
    let post_only = ticket.restrictions.has(Restrictions::POST_ONLY);
    let limit = ticket.kind.limit().is_some();
    match (ticket.tif, post_only) {
        (TimeInForce::GoodTillCancelled, true) if limit => Ok(",\"timeInForce\":\"PostOnly\""),
        (TimeInForce::GoodTillCancelled, false) if limit => Ok(",\"timeInForce\":\"GTC\""),
        (TimeInForce::GoodTillCancelled, false) => Ok(""),
        (TimeInForce::ImmediateOrCancel, false) => Ok(",\"timeInForce\":\"IOC\""),
        (TimeInForce::FillOrKill, false) if limit => Ok(",\"timeInForce\":\"FOK\""),
        (TimeInForce::FillOrKill, false) => Err(unsupported("fill-or-kill market order")),
        (TimeInForce::GoodTill(_), _) => Err(unsupported("order that ends at a moment")),
        (_, true) => Err(unsupported("post-only order that does not rest")),
    }
}

/// <https://bybit-exchange.github.io/docs/v5/order/amend-order>
fn amend(setup: &Setup, of: &OrderRef, change: &Amendment) -> Result<String, Error> {
    let traded = traded(setup, of.instrument)?;
    let mut out = body(traded);
    push_names(of, &mut out)?;
    if let Some(size) = change.quantity {
        push_size(size, traded, &mut out)?;
    }
    if let Some(price) = change.price {
        push_price(",\"price\":\"", price, traded, &mut out);
    }
    if let Some(trigger) = change.trigger {
        push_price(",\"triggerPrice\":\"", trigger, traded, &mut out);
    }
    out.push('}');
    Ok(out)
}

/// <https://bybit-exchange.github.io/docs/v5/order/cancel-order>
fn cancel(setup: &Setup, of: &OrderRef) -> Result<String, Error> {
    let traded = traded(setup, of.instrument)?;
    let mut out = body(traded);
    push_names(of, &mut out)?;
    if of.conditional && traded.product == Product::Spot {
        out.push_str(",\"orderFilter\":\"StopOrder\"");
    }
    out.push('}');
    Ok(out)
}

fn push_names(of: &OrderRef, out: &mut String) -> Result<(), Error> {
    if of.venue.is_none() && of.client.is_none() {
        return Err(Error::Nameless);
    }
    if let Some(venue) = &of.venue {
        out.push_str(",\"orderId\":");
        push_quoted(venue.as_str(), out);
    }
    if let Some(client) = &of.client {
        out.push_str(",\"orderLinkId\":");
        push_quoted(client.as_str(), out);
    }
    Ok(())
}

/// <https://bybit-exchange.github.io/docs/v5/order/cancel-all>. On spot a request is for one book.
fn cancel_all(setup: &Setup, of: Option<InstrumentId>, book: Book) -> Result<Unsigned, Error> {
    let spot = setup.product == Product::Spot;
    let mut out = match of {
        Some(id) => body(traded(setup, id)?),
        None if spot => "{\"category\":\"spot\"".to_owned(),
        None => "{\"category\":\"linear\",\"settleCoin\":\"USDT\"".to_owned(),
    };
    out.push_str(match book {
        Book::Both if spot => return Err(unsupported("request for both books of spot")),
        Book::Both => "}",
        Book::Plain => ",\"orderFilter\":\"Order\"}",
        Book::Conditional => ",\"orderFilter\":\"StopOrder\"}",
    });
    Ok(post(CANCEL_ALL, out))
}

/// The beginning of a query about an instrument, or all of the client's product.
fn query(setup: &Setup, of: Option<InstrumentId>) -> Result<String, Error> {
    let mut out = String::with_capacity(160);
    out.push_str("category=");
    out.push_str(category(setup.product));
    match of {
        Some(id) => {
            out.push_str("&symbol=");
            out.push_str(traded(setup, id)?.native.as_str());
        }
        None if setup.product == Product::Perpetual => out.push_str("&settleCoin=USDT"),
        None => {}
    }
    Ok(out)
}

fn push_cursor(cursor: &str, out: &mut String) {
    if !cursor.is_empty() {
        out.push_str("&cursor=");
        push_encoded(cursor, b"%", out);
    }
}

/// One order among those that work and the latest that are done ([`OPEN`]), or among all ([`HISTORY`]).
pub(super) fn one_order(
    setup: &Setup,
    of: &OrderRef,
    path: &'static str,
) -> Result<Unsigned, Error> {
    let mut out = query(setup, Some(of.instrument))?;
    match (&of.venue, &of.client) {
        (Some(venue), _) => {
            out.push_str("&orderId=");
            push_encoded(venue.as_str(), b"%", &mut out);
        }
        (None, Some(client)) => {
            out.push_str("&orderLinkId=");
            push_encoded(client.as_str(), b"%", &mut out);
        }
        (None, None) => return Err(Error::Nameless),
    }
    Ok(get(path, out))
}

/// <https://bybit-exchange.github.io/docs/v5/order/open-order>
pub(super) fn open_orders(
    setup: &Setup,
    of: Option<InstrumentId>,
    book: Book,
    cursor: &str,
) -> Result<Unsigned, Error> {
    let mut out = query(setup, of)?;
    out.push_str(match book {
        Book::Both => "",
        Book::Plain => "&orderFilter=Order",
        Book::Conditional => "&orderFilter=StopOrder",
    });
    out.push_str("&limit=50");
    push_cursor(cursor, &mut out);
    Ok(get(OPEN, out))
}

/// <https://bybit-exchange.github.io/docs/v5/order/execution>: seven days from here on, newest first.
pub(super) fn fills(
    setup: &Setup,
    of: InstrumentId,
    from_ms: i64,
    cursor: &str,
) -> Result<Unsigned, Error> {
    let mut out = query(setup, Some(of))?;
    out.push_str("&startTime=");
    out.push_str(&from_ms.to_string());
    out.push_str("&limit=100");
    push_cursor(cursor, &mut out);
    Ok(get(FILLS, out))
}

/// <https://bybit-exchange.github.io/docs/v5/position>: by coin, only those that are not flat.
pub(super) fn positions(cursor: &str) -> Unsigned {
    let mut out = "category=linear&settleCoin=USDT&limit=200".to_owned();
    push_cursor(cursor, &mut out);
    get(POSITIONS, out)
}

/// By instrument the positions are listed flat or not: one, or two in hedge mode.
fn mode(setup: &Setup) -> Result<Unsigned, Error> {
    let first = setup.roster.all().iter().find(|one| one.product == Product::Perpetual);
    let first = first.ok_or_else(|| unsupported("position mode without an instrument"))?;
    Ok(get(POSITIONS, format!("category=linear&symbol={}&limit=2", first.native)))
}

/// <https://bybit-exchange.github.io/docs/v5/position/position-mode>
fn set_mode(mode: Mode) -> Unsigned {
    let number = match mode {
        Mode::OneWay => 0,
        Mode::Hedge => 3,
    };
    let text = format!("{{\"category\":\"linear\",\"coin\":\"USDT\",\"mode\":{number}}}");
    post(SWITCH_MODE, text)
}

/// Where a span of seven days of trades begins, counted from a moment on, or from where the venue's
/// memory begins.
pub(super) fn span_start(since: Timestamp, spans: u32, now: Timestamp) -> i64 {
    let first = to_ms(since).max(to_ms(now).saturating_sub(FILLS_KEPT_MS));
    first.saturating_add(i64::from(spans).saturating_mul(FILLS_SPAN_MS))
}
