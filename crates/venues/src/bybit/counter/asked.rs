//! What a request asks for: its signature, then its fields.

use super::super::{
    read::{conditional_kind, leg, plain, restrictions, side},
    sign::{KEY, SIGNATURE, TIMESTAMP, WINDOW, signature},
    text::{from_ms, to_ms},
};
use crate::{KeyRing, text::Text};
use engine::{
    live::{Book, Call, ClientId, NewOrder, OrderRef, Scope},
    order::{Amendment, OrderKind, Ticket, TimeInForce},
};
use http::{Method, Request};
use market::{Price, Product, Quantity, Roster, Timestamp, Traded};
use portfolio::InstrumentId;
use std::collections::BTreeMap;

/// What the name of an order begins with that was sent without one.
pub(super) const UNNAMED: &str = "unnamed-";
/// How far a client's clock may run ahead.
const AHEAD_MS: i64 = 1000;
/// The window of a client that names none.
const WINDOW_MS: i64 = 5000;
/// Where a list of trades begins that names no time.
const WEEK_MS: i64 = 7 * 24 * 3_600_000;

/// What is wrong with a field, in the venue's words.
type Wrong = &'static str;

/// A request whose signature is right.
#[derive(Debug)]
pub(super) struct Verified {
    pub account: usize,
    pub fields: Fields,
}

/// The parameters of a query or a body, and the signature they came with.
#[derive(Debug)]
pub(super) struct Fields {
    fields: BTreeMap<String, String>,
    seal: String,
}

/// <https://bybit-exchange.github.io/docs/v5/guide#authentication>: the key, then the time, then the
/// signature.
pub(super) fn verify(
    request: &Request<Vec<u8>>,
    keys: &KeyRing,
    now: Timestamp,
) -> Result<Verified, (i64, &'static str)> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let key = header(KEY).ok_or((10003, "API key is invalid."))?;
    let account = keys.accounts.iter().position(|one| one.key == key);
    let account = account.ok_or((10003, "API key is invalid."))?;
    let stale = (10002, "invalid request, please check your server timestamp or recv_window param");
    let (time, window) = (header(TIMESTAMP).ok_or(stale)?, header(WINDOW).unwrap_or(""));
    let sent: i64 = time.parse().map_err(|_| stale)?;
    let window_ms =
        if window.is_empty() { WINDOW_MS } else { window.parse().map_err(|_| stale)? };
    let now = to_ms(now);
    if sent < now.saturating_sub(window_ms) || sent >= now.saturating_add(AHEAD_MS) {
        return Err(stale);
    }
    let wrong = (10004, "error sign! please check your signature generation algorithm");
    let is_post = *request.method() == Method::POST;
    let text = if is_post {
        std::str::from_utf8(request.body()).map_err(|_| wrong)?
    } else {
        request.uri().query().unwrap_or("")
    };
    let keys = keys.accounts.get(account).ok_or(wrong)?;
    let right = signature(keys.secret.expose(), [time, key, window, text]);
    let given = header(SIGNATURE).unwrap_or("");
    if !seal::equal(right.as_bytes(), given.as_bytes()) {
        return Err(wrong);
    }
    let fields = if is_post { of_body(text) } else { Some(of_query(text)) };
    let fields = fields.ok_or((10001, "Request parameter error."))?;
    Ok(Verified { account, fields: Fields { fields, seal: right } })
}

/// A flat object; what is null is as if it were not there.
fn of_body(text: &str) -> Option<BTreeMap<String, String>> {
    let fields: BTreeMap<String, Field<'_>> = serde_json::from_str(text).ok()?;
    Some(fields.into_iter().filter_map(|(name, field)| Some((name, field.text()?))).collect())
}

/// One parameter of a body.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Field<'a> {
    Flag(bool),
    Text(#[serde(borrow)] Text<'a>),
    Other(serde::de::IgnoredAny),
}

impl Field<'_> {
    fn text(&self) -> Option<String> {
        match self {
            Self::Flag(so) => Some(so.to_string()),
            Self::Text(text) if text.is_empty() => None,
            Self::Text(text) => Some(text.to_string()),
            Self::Other(_) => None,
        }
    }
}

fn of_query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(name, value)| Some((decoded(name)?, decoded(value)?))).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let byte = match first {
            b'%' => {
                let (digits, tail) = rest.split_at_checked(2)?;
                rest = tail;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            b'+' => b' ',
            plain => *plain,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

impl Fields {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    fn instrument<'a>(
        &self,
        product: Product,
        roster: &'a Roster,
    ) -> Result<Option<(InstrumentId, &'a Traded)>, Wrong> {
        let Some(symbol) = self.get("symbol") else { return Ok(None) };
        let found = roster.find(product, symbol);
        let (place, traded) = found.ok_or("params error: symbol invalid")?;
        let number = u32::try_from(place).map_err(|_| "params error: symbol invalid")?;
        Ok(Some((InstrumentId(number), traded)))
    }

    fn price(&self, name: &str, traded: &Traded) -> Result<Option<Price>, Wrong> {
        // A trigger of nought is no trigger.
        let Some(text) = self.get(name).filter(|text| *text != "0") else { return Ok(None) };
        let price = traded.price(text).filter(|price| traded.listing.admits(*price));
        price.map(Some).ok_or("params error: price invalid")
    }

    fn size(&self, traded: &Traded) -> Result<Option<Quantity>, Wrong> {
        let Some(text) = self.get("qty") else { return Ok(None) };
        traded.lots(text).map(Some).ok_or("params error: Qty invalid")
    }

    fn named(&self, product: Product, roster: &Roster) -> Result<OrderRef, Wrong> {
        let (instrument, _) =
            self.instrument(product, roster)?.ok_or("params error: symbol invalid")?;
        let client = self.get("orderLinkId").map(str::parse).transpose();
        let venue = self.get("orderId").map(str::parse).transpose();
        let (Ok(client), Ok(venue)) = (client, venue) else {
            return Err("params error: OrderLinkId invalid");
        };
        if client.is_none() && venue.is_none() {
            return Err("orderId or orderLinkId is required");
        }
        let conditional = self.get("orderFilter") == Some("StopOrder");
        Ok(OrderRef { instrument, client, venue, conditional })
    }

    fn book(&self) -> Result<Option<Book>, Wrong> {
        match self.get("orderFilter") {
            None => Ok(None),
            Some("Order") => Ok(Some(Book::Plain)),
            Some("StopOrder") => Ok(Some(Book::Conditional)),
            Some(_) => Err("Invalid orderFilter parameter."),
        }
    }

    /// The orders that work, or the one that is named.
    pub fn open(&self, product: Product, roster: &Roster) -> Result<Call, Wrong> {
        if let Some(call) = self.one_order(product, roster)? {
            return Ok(call);
        }
        let of = self.instrument(product, roster)?.map(|(id, _)| id);
        Ok(Call::OpenOrders(of, self.book()?.unwrap_or(Book::Both)))
    }

    /// The order that is named, if one is; without its instrument it is the only one there can be.
    pub fn one_order(&self, product: Product, roster: &Roster) -> Result<Option<Call>, Wrong> {
        if self.get("orderId").is_none() && self.get("orderLinkId").is_none() {
            return Ok(None);
        }
        self.named(product, roster).map(Call::Order).map(Some)
    }

    pub fn fills(&self, product: Product, roster: &Roster, now: Timestamp) -> Result<Call, Wrong> {
        let of = self.instrument(product, roster)?;
        let (instrument, _) = of.ok_or("params error: symbol invalid")?;
        let since = match self.get("startTime") {
            Some(text) => text.parse().ok().and_then(from_ms),
            None => from_ms(to_ms(now).saturating_sub(WEEK_MS)),
        };
        let since = since.ok_or("params error: startTime invalid")?;
        if self.get("execType") == Some("Funding") {
            let until = match self.get("endTime") {
                Some(text) => text.parse().ok().and_then(from_ms),
                None => from_ms(to_ms(since).saturating_add(WEEK_MS)),
            };
            let until = until.ok_or("params error: endTime invalid")?;
            return Ok(Call::Funding { instrument, since, until });
        }
        Ok(Call::Fills { instrument, since, after: None })
    }

    pub fn place(&self, product: Product, roster: &Roster) -> Result<Call, Wrong> {
        let of = self.instrument(product, roster)?;
        let (instrument, traded) = of.ok_or("params error: symbol invalid")?;
        let spot = product == Product::Spot;
        if ["takeProfit", "stopLoss", "slippageTolerance"].iter().any(|one| self.get(one).is_some())
        {
            return Err("This feature is not supported.");
        }
        let side = self.get("side").and_then(side).ok_or("params error: side invalid")?;
        let limit = match self.get("orderType") {
            Some("Limit") => {
                Some(self.price("price", traded)?.ok_or("params error: price invalid")?)
            }
            Some("Market") => None,
            _ => return Err("params error: orderType invalid"),
        };
        if spot && limit.is_none() && self.get("marketUnit") != Some("baseCoin") {
            let by_value = self.get("marketUnit").is_some() || side == market::Side::Buy;
            if by_value {
                return Err(
                    "market orders by value are not supported here: send marketUnit=baseCoin",
                );
            }
        }
        let trigger = self.price("triggerPrice", traded)?;
        let kind = self.kind(product, side, (trigger, limit))?;
        let quantity = self.size(traded)?.ok_or("params error: Qty invalid")?;
        let whole =
            self.is("closeOnTrigger") && self.is("reduceOnly") && quantity == Quantity::ZERO;
        if quantity == Quantity::ZERO && !whole {
            return Err("params error: Qty invalid");
        }
        let (tif, post_only) = self.lasting()?;
        let leg = leg(self.get("positionIdx").unwrap_or(""));
        let ticket = Ticket {
            kind,
            tif,
            restrictions: restrictions(post_only, !spot && self.is("reduceOnly")),
            leg: leg.ok_or("position idx not match position mode")?,
            ..Ticket::market(instrument, side, quantity)
        };
        let client = self.client()?;
        let scope = if whole { Scope::Position } else { Scope::Size };
        Ok(Call::Place(NewOrder { client, ticket, scope, stop: None }))
    }

    /// A name of our own for an order that came without one, from its signature.
    fn client(&self) -> Result<ClientId, Wrong> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        match self.get("orderLinkId") {
            Some(name) if name.chars().all(allowed) => {
                name.parse().map_err(|_| "params error: OrderLinkId invalid")
            }
            Some(_) => Err("params error: OrderLinkId invalid"),
            None => {
                let name = format!("{UNNAMED}{}", self.seal.get(..28).unwrap_or("0"));
                name.parse().map_err(|_| "params error: OrderLinkId invalid")
            }
        }
    }

    fn kind(
        &self,
        product: Product,
        side: market::Side,
        (trigger, limit): (Option<Price>, Option<Price>),
    ) -> Result<OrderKind, Wrong> {
        let Some(trigger) = trigger else { return Ok(plain(limit)) };
        let rises = match (product, self.get("triggerDirection")) {
            (Product::Spot, _) if self.get("orderFilter") == Some("StopOrder") => None,
            (Product::Spot, _) => return Err("Invalid orderFilter parameter."),
            (Product::Perpetual, Some("1")) => Some(true),
            (Product::Perpetual, Some("2")) => Some(false),
            (Product::Perpetual, _) => return Err("TriggerDirection invalid"),
        };
        Ok(conditional_kind(side, rises, trigger, limit))
    }

    fn lasting(&self) -> Result<(TimeInForce, bool), Wrong> {
        match self.get("timeInForce") {
            None | Some("GTC") => Ok((TimeInForce::GoodTillCancelled, false)),
            Some("IOC") => Ok((TimeInForce::ImmediateOrCancel, false)),
            Some("FOK") => Ok((TimeInForce::FillOrKill, false)),
            Some("PostOnly") => Ok((TimeInForce::GoodTillCancelled, true)),
            Some(_) => Err("Invalid timeInForce."),
        }
    }

    pub fn amend(&self, product: Product, roster: &Roster) -> Result<Call, Wrong> {
        let of = self.named(product, roster)?;
        let traded = self.instrument(product, roster)?.ok_or("params error: symbol invalid")?.1;
        let change = Amendment {
            quantity: self.size(traded)?,
            price: self.price("price", traded)?,
            trigger: self.price("triggerPrice", traded)?,
        };
        Ok(Call::Amend(of, change, None))
    }

    pub fn cancel(&self, product: Product, roster: &Roster) -> Result<Call, Wrong> {
        self.named(product, roster).map(Call::Cancel)
    }

    /// On spot a request is for plain orders unless it says otherwise.
    pub fn cancel_all(&self, product: Product, roster: &Roster) -> Result<Call, Wrong> {
        let of = self.instrument(product, roster)?.map(|(id, _)| id);
        let default = if product == Product::Spot { Book::Plain } else { Book::Both };
        Ok(Call::CancelAll(of, self.book()?.unwrap_or(default)))
    }

    pub fn leverage(&self, product: Product, roster: &Roster) -> Result<Call, Wrong> {
        let (id, _) = self.instrument(product, roster)?.ok_or("params error: symbol invalid")?;
        let (long, short) = (self.get("buyLeverage"), self.get("sellLeverage"));
        let leverage = long.filter(|_| long == short).and_then(|text| text.parse().ok());
        leverage.map(|leverage| Call::SetLeverage(id, leverage)).ok_or("leverage invalid")
    }
}
