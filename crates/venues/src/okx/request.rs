//! Signed requests: a call's path and body, and the headers that vouch for them.

use super::{
    place,
    sign::{millis, signature, stamp},
    text::{self, close, push, push_query},
    walk,
};
use crate::{Error, Setup};
use engine::{
    live::{Call, Mode, OrderRef},
    order::Amendment,
};
use http::{HeaderName, HeaderValue, Method, Request, header::CONTENT_TYPE};
use market::{Product, Timestamp, Traded, VenueName};
use portfolio::InstrumentId;

/// The countdown's bounds: <https://www.okx.com/docs-v5/en/#order-book-trading-trade-post-cancel-all-after>.
const HEARTBEAT_SECONDS: (u32, u32) = (10, 120);
/// Trades of the last three days are at hand, older ones in another place; an hour is left to clocks.
const RECENT_NANOS: i64 = 71 * 3_600 * 1_000_000_000;

/// What is sent: `GET` where there is no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Path and query.
    pub path: String,
    /// JSON.
    pub body: Option<String>,
    /// Whether the venue drops it if it arrives late.
    pub expires: bool,
}

impl Target {
    pub(super) const fn get(path: String) -> Self {
        Self { path, body: None, expires: false }
    }

    pub(super) fn post(path: &str, body: String) -> Self {
        Self { path: path.to_owned(), body: Some(body), expires: false }
    }
}

pub(super) const fn unsupported(what: &'static str) -> Error {
    Error::Unsupported { venue: VenueName::Okx, what }
}

/// The instrument, if it is of the client's product.
pub(super) fn traded(setup: &Setup, instrument: InstrumentId) -> Result<&Traded, Error> {
    let known = setup.roster.all().len();
    let found = setup.roster.at(instrument.index());
    found
        .filter(|one| one.product == setup.product)
        .ok_or(Error::Instrument { number: instrument.0, known })
}

/// The first request of a call.
pub(super) fn target(setup: &Setup, call: &Call, now: Timestamp) -> Result<Target, Error> {
    let perpetual = || match setup.product {
        Product::Perpetual => Ok(()),
        Product::Spot => Err(unsupported("position on spot")),
    };
    match call {
        Call::Place(order) => place::place(setup, order),
        Call::Cancel(order) => cancel(setup, order),
        Call::Amend(order, change, _) => amend(setup, order, change),
        Call::CancelAll(of, book) | Call::OpenOrders(of, book) => {
            walk::page(setup, *of, walk::Section::first(*book), None)
        }
        Call::Order(order) => details(setup, order),
        Call::Fills { instrument, since, .. } => {
            fills(setup, *instrument, *since, now).map(Target::get)
        }
        Call::Funding { instrument, since, until } => {
            perpetual()?;
            let (name, kind) = (traded(setup, *instrument)?.native.as_str(), "instType=SWAP");
            let (begin, end) = (millis(*since), millis(*until));
            Ok(Target::get(format!(
                "/api/v5/account/bills?{kind}&instId={name}&type=8&begin={begin}&end={end}&limit=100"
            )))
        }
        Call::Positions => {
            perpetual()?;
            Ok(Target::get("/api/v5/account/positions?instType=SWAP".to_owned()))
        }
        Call::Balances => Ok(Target::get("/api/v5/account/balance".to_owned())),
        Call::Heartbeat { seconds, .. } => {
            let (low, high) = HEARTBEAT_SECONDS;
            let seconds = if *seconds == 0 { 0 } else { (*seconds).clamp(low, high) };
            let body = format!(r#"{{"timeOut":"{seconds}"}}"#);
            Ok(Target::post("/api/v5/trade/cancel-all-after", body))
        }
        Call::KeyScope | Call::Mode => Ok(Target::get("/api/v5/account/config".to_owned())),
        Call::SetMode(mode) => {
            let body = format!(r#"{{"posMode":"{}"}}"#, mode_text(*mode));
            Ok(Target::post("/api/v5/account/set-position-mode", body))
        }
        Call::SetLeverage(instrument, times) => {
            perpetual()?;
            let mut body = String::from("{");
            push(&mut body, "instId", traded(setup, *instrument)?.native.as_str());
            push(&mut body, "lever", &times.to_string());
            push(&mut body, "mgnMode", "cross");
            close(&mut body);
            Ok(Target::post("/api/v5/account/set-leverage", body))
        }
        Call::ListenKey => Err(unsupported("listen key")),
    }
}

/// The venue's word for how positions are kept.
pub(super) const fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::OneWay => "net_mode",
        Mode::Hedge => "long_short_mode",
    }
}

/// Names a conditional order by our name where it has one: once awake, its number in our books may be
/// that of the order it became.
fn push_algo(order: &OrderRef, out: &mut String) -> Result<(), Error> {
    match (order.client, order.venue) {
        (Some(client), _) => push(out, "algoClOrdId", client.as_str()),
        (None, Some(venue)) => push(out, "algoId", venue.as_str()),
        (None, None) => return Err(Error::Nameless),
    }
    Ok(())
}

fn push_order(order: &OrderRef, out: &mut String) -> Result<(), Error> {
    match (order.venue, order.client) {
        (Some(venue), _) => push(out, "ordId", venue.as_str()),
        (None, Some(client)) => push(out, "clOrdId", client.as_str()),
        (None, None) => return Err(Error::Nameless),
    }
    Ok(())
}

fn cancel(setup: &Setup, order: &OrderRef) -> Result<Target, Error> {
    let mut body = String::from("{");
    push(&mut body, "instId", traded(setup, order.instrument)?.native.as_str());
    if order.conditional {
        push_algo(order, &mut body)?;
        close(&mut body);
        return Ok(Target::post("/api/v5/trade/cancel-algos", format!("[{body}]")));
    }
    push_order(order, &mut body)?;
    close(&mut body);
    Ok(Target::post("/api/v5/trade/cancel-order", body))
}

/// A conditional order is amended as a stop: the venue refuses the trigger of a stop for an order that
/// waits on the better side, and nothing is done.
fn amend(setup: &Setup, order: &OrderRef, change: &Amendment) -> Result<Target, Error> {
    if *change == Amendment::default() {
        return Err(unsupported("amendment that changes nothing"));
    }
    let traded = traded(setup, order.instrument)?;
    let mut body = String::from("{");
    push(&mut body, "instId", traded.native.as_str());
    if order.conditional {
        push_algo(order, &mut body)?;
    } else {
        push_order(order, &mut body)?;
    }
    let mut value = String::new();
    if let Some(quantity) = change.quantity {
        place::size(traded, quantity, &mut value)?;
        push(&mut body, "newSz", &value);
    }
    let mut price = |name: &str, price: Option<market::Price>| {
        let Some(price) = price else { return };
        value.clear();
        traded.push_price(price, &mut value);
        push(&mut body, name, &value);
    };
    if order.conditional {
        price("newSlTriggerPx", change.trigger);
        price("newSlOrdPx", change.price);
        close(&mut body);
        return Ok(Target::post("/api/v5/trade/amend-algos", body));
    }
    if change.trigger.is_some() {
        return Err(unsupported("trigger of an order that waits for none"));
    }
    price("newPx", change.price);
    close(&mut body);
    let target = Target::post("/api/v5/trade/amend-order", body);
    Ok(Target { expires: true, ..target })
}

fn details(setup: &Setup, order: &OrderRef) -> Result<Target, Error> {
    let native = traded(setup, order.instrument)?.native.as_str();
    if order.conditional {
        let mut path = "/api/v5/trade/order-algo".to_owned();
        match (order.client, order.venue) {
            (Some(client), _) => push_query(&mut path, "algoClOrdId", client.as_str()),
            (None, Some(venue)) => push_query(&mut path, "algoId", venue.as_str()),
            (None, None) => return Err(Error::Nameless),
        }
        return Ok(Target::get(path));
    }
    let mut path = "/api/v5/trade/order".to_owned();
    push_query(&mut path, "instId", native);
    match (order.venue, order.client) {
        (Some(venue), _) => push_query(&mut path, "ordId", venue.as_str()),
        (None, Some(client)) => push_query(&mut path, "clOrdId", client.as_str()),
        (None, None) => return Err(Error::Nameless),
    }
    Ok(Target::get(path))
}

/// The newest trades since a moment: <https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-transaction-details-last-3-days>.
pub(super) fn fills(
    setup: &Setup,
    instrument: InstrumentId,
    since: Timestamp,
    now: Timestamp,
) -> Result<String, Error> {
    let recent = now.nanos().saturating_sub(since.nanos()) < RECENT_NANOS;
    let mut path =
        if recent { "/api/v5/trade/fills" } else { "/api/v5/trade/fills-history" }.to_owned();
    push_query(&mut path, "instType", text::kind(setup.product));
    push_query(&mut path, "instId", traded(setup, instrument)?.native.as_str());
    push_query(&mut path, "begin", &millis(since).to_string());
    Ok(path)
}

/// The request with what vouches for it.
pub(super) fn signed(
    setup: &Setup,
    target: Target,
    now: Timestamp,
) -> Result<Request<Vec<u8>>, Error> {
    let stamp = stamp(now);
    let (method, body) = match target.body {
        Some(body) => (Method::POST, body),
        None => (Method::GET, String::new()),
    };
    let sign = signature(&setup.keys, &[&stamp, method.as_str(), &target.path, &body].concat());
    let passphrase = setup.keys.passphrase.as_ref().map_or("", |words| words.expose());
    let strange = || unsupported("host, key or passphrase with such characters");
    let uri = [setup.hosts.rest.as_str(), &target.path].concat();
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .body(body.into_bytes())
        .map_err(|_| strange())?;
    let headers = request.headers_mut();
    let mut put = |name: &'static str, value: &str| -> Result<(), Error> {
        let mut value = HeaderValue::from_str(value).map_err(|_| strange())?;
        // A request may be printed; its signature and passphrase may not.
        value.set_sensitive(name != "ok-access-timestamp" && name != "exptime");
        headers.insert(HeaderName::from_static(name), value);
        Ok(())
    };
    put("ok-access-key", &setup.keys.key)?;
    put("ok-access-sign", &sign)?;
    put("ok-access-timestamp", &stamp)?;
    put("ok-access-passphrase", passphrase)?;
    if target.expires && setup.window_ms > 0 {
        put("exptime", &(millis(now).saturating_add(i64::from(setup.window_ms))).to_string())?;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}
