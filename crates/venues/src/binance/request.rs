//! Calls as requests.
//!
//! | call | spot | futures |
//! |---|---|---|
//! | place | `POST /api/v3/order` | `POST /fapi/v1/order`; if it waits `POST /fapi/v1/algoOrder` |
//! | cancel | `DELETE /api/v3/order` | `DELETE /fapi/v1/order`, `…/algoOrder` |
//! | amend | `PUT /api/v3/order/amend/keepPriority`: a smaller size | `PUT /fapi/v1/order` |
//! | cancel all | `DELETE /api/v3/openOrders` | `DELETE /fapi/v1/allOpenOrders`, `…/algoOpenOrders` |
//! | order | `GET /api/v3/order` | `GET /fapi/v1/order`, `…/algoOrder` |
//! | open orders | `GET /api/v3/openOrders` | `GET /fapi/v1/openOrders`, `…/openAlgoOrders` |
//! | fills | `GET /api/v3/myTrades` | `GET /fapi/v1/userTrades` |
//! | funding | – | `GET /fapi/v1/income` |
//! | positions | – | `GET /fapi/v3/positionRisk` |
//! | balances | `GET /api/v3/account` | `GET /fapi/v3/account` |
//! | heartbeat | – | `POST /fapi/v1/countdownCancelAll` |
//! | key scope | `GET /sapi/v1/account/apiRestrictions` | the same, at spot's host |
//! | mode | – | `GET`, `POST /fapi/v1/positionSide/dual` |
//! | leverage | – | `POST /fapi/v1/leverage` |
//! | listen key | – | `POST /fapi/v1/listenKey` |
//!
//! Reading and cancelling put their parameters into the query, placing and changing into a form.
//! Purpose, shortfall and group of a ticket stay at home.

use super::{
    account_host, is_conditional, millis,
    names::{basis_points, leg_name, per_cent, side_name, type_name, waits},
    query::Query,
};
use crate::{Error, Setup};
use engine::{
    live::{Book, Call, Mode, NewOrder, OrderRef, Scope, TradeId},
    order::{Amendment, Distance, OrderKind, Restrictions, Ticket, TimeInForce},
};
use http::{Method, Request};
use market::{Product, Side, Timestamp, Traded, VenueName};
use portfolio::{InstrumentId, Leg};

/// The most trades on a page.
pub(super) const PAGE: usize = 1000;

/// What the venue does not take.
pub(super) const fn unsupported(what: &'static str) -> Error {
    Error::Unsupported { venue: VenueName::Binance, what }
}

/// Writes requests at a moment.
pub(super) struct Writer<'a> {
    pub(super) setup: &'a Setup,
    pub(super) now: Timestamp,
}

type Written = Result<Request<Vec<u8>>, Error>;

impl Writer<'_> {
    /// The signed request of a call.
    pub(super) fn call(&self, call: &Call) -> Written {
        match call {
            Call::Place(order) => self.place(order),
            Call::Cancel(order) => self.about(Method::DELETE, order),
            Call::Order(order) => self.about(Method::GET, order),
            Call::Amend(order, change, side) => self.amend(order, change, *side),
            Call::CancelAll(of, book) => self.cancel_all(*of, *book),
            Call::OpenOrders(of, book) => self.open_orders(*of, *book),
            Call::Fills { instrument, since, after } => {
                self.fills(*instrument, *since, after.as_ref().map(TradeId::as_str))
            }
            Call::Funding { instrument, since, until } => {
                self.futures()?;
                let mut query = self.about_symbol(*instrument)?;
                query.plain("incomeType", "FUNDING_FEE");
                query.number("startTime", millis(*since));
                query.number("endTime", millis(*until));
                query.number("limit", 1000_i64);
                self.signed(Method::GET, "/fapi/v1/income", query)
            }
            Call::Positions => {
                self.futures()?;
                self.signed(Method::GET, "/fapi/v3/positionRisk", Query::new())
            }
            Call::Balances => self.balances(),
            Call::Heartbeat { instrument, seconds } => self.heartbeat(*instrument, *seconds),
            Call::KeyScope => {
                let path = "/sapi/v1/account/apiRestrictions";
                let text = Query::new().signed(self.setup, self.now);
                self.request(Method::GET, account_host(&self.setup.hosts.rest), path, &text)
            }
            Call::Mode => {
                self.futures()?;
                self.signed(Method::GET, "/fapi/v1/positionSide/dual", Query::new())
            }
            Call::SetMode(mode) => self.set_mode(*mode),
            Call::SetLeverage(instrument, leverage) => self.set_leverage(*instrument, *leverage),
            Call::ListenKey => {
                self.futures()?;
                let host = &self.setup.hosts.rest;
                self.request(Method::POST, host, "/fapi/v1/listenKey", &Query::new().unsigned())
            }
        }
    }

    fn is_spot(&self) -> bool {
        self.setup.product == Product::Spot
    }

    fn futures(&self) -> Result<(), Error> {
        if self.is_spot() { Err(unsupported("such a call for spot")) } else { Ok(()) }
    }

    fn traded(&self, id: InstrumentId) -> Result<&Traded, Error> {
        let known = self.setup.roster.all().len();
        let found =
            self.setup.roster.at(id.index()).ok_or(Error::Instrument { number: id.0, known })?;
        if found.product == self.setup.product {
            Ok(found)
        } else {
            Err(unsupported("an instrument of another product than the client's"))
        }
    }

    fn about_symbol(&self, id: InstrumentId) -> Result<Query, Error> {
        let mut query = Query::new();
        query.text("symbol", self.traded(id)?.native.as_str());
        Ok(query)
    }

    fn signed(&self, method: Method, path: &str, query: Query) -> Written {
        let text = query.signed(self.setup, self.now);
        self.request(method, &self.setup.hosts.rest, path, &text)
    }

    fn request(&self, method: Method, host: &str, path: &str, text: &str) -> Written {
        let is_form = method == Method::POST || method == Method::PUT;
        let mut uri = String::with_capacity(host.len() + path.len() + text.len() + 1);
        uri.push_str(host);
        uri.push_str(path);
        if !is_form && !text.is_empty() {
            uri.push('?');
            uri.push_str(text);
        }
        let mut request =
            Request::builder().method(method).uri(uri).header("x-mbx-apikey", &self.setup.keys.key);
        if is_form {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let body = if is_form { text.as_bytes().to_vec() } else { Vec::new() };
        request.body(body).map_err(|_| unsupported("a host, key or symbol of such characters"))
    }

    fn size(
        query: &mut Query,
        name: &str,
        one: &Traded,
        ticket: market::Quantity,
    ) -> Result<(), Error> {
        let can = query.size(name, one, ticket);
        if can { Ok(()) } else { Err(unsupported("a size of so many decimals")) }
    }

    fn place(&self, order: &NewOrder) -> Written {
        if order.stop.is_some() {
            return Err(unsupported("an order that brings its stop along"));
        }
        let ticket = &order.ticket;
        let one = self.traded(ticket.instrument)?;
        let post_only = ticket.restrictions.has(Restrictions::POST_ONLY);
        let is_limit = matches!(ticket.kind, OrderKind::Limit { .. });
        if post_only && !(is_limit && ticket.tif == TimeInForce::GoodTillCancelled) {
            return Err(unsupported("a post-only order but a limit order good till cancelled"));
        }
        let mut query = self.about_symbol(ticket.instrument)?;
        query.plain("side", side_name(ticket.side));
        query.plain("type", type_name(one.product, ticket.kind, ticket.restrictions));
        if self.is_spot() {
            Self::spot(&mut query, one, ticket)?;
            query.text("newClientOrderId", order.client.as_str());
            query.plain("newOrderRespType", "RESULT");
            return self.signed(Method::POST, "/api/v3/order", query);
        }
        if ticket.display.is_some() {
            return Err(unsupported("an iceberg on the futures"));
        }
        self.leg(&mut query, order)?;
        let path = if waits(ticket.kind) {
            Self::conditional(&mut query, one, order)?;
            query.text("clientAlgoId", order.client.as_str());
            "/fapi/v1/algoOrder"
        } else {
            Self::size(&mut query, "quantity", one, ticket.quantity)?;
            if let OrderKind::Limit { price } = ticket.kind {
                query.price("price", one, price);
                query.plain("timeInForce", if post_only { "GTX" } else { tif(ticket.tif) });
                if let TimeInForce::GoodTill(until) = ticket.tif {
                    // The venue counts in whole seconds.
                    query.number("goodTillDate", millis(until).div_euclid(1000) * 1000);
                }
            }
            query.text("newClientOrderId", order.client.as_str());
            "/fapi/v1/order"
        };
        query.plain("newOrderRespType", "RESULT");
        self.signed(Method::POST, path, query)
    }

    fn spot(query: &mut Query, one: &Traded, ticket: &Ticket) -> Result<(), Error> {
        if ticket.restrictions.has(Restrictions::REDUCE_ONLY) {
            return Err(unsupported("a reduce-only order for spot"));
        }
        if ticket.leg != Leg::Net {
            return Err(unsupported("an order of a leg for spot"));
        }
        Self::size(query, "quantity", one, ticket.quantity)?;
        if let Some(limit) = ticket.kind.limit() {
            query.price("price", one, limit);
            match ticket.tif {
                TimeInForce::GoodTill(_) => {
                    return Err(unsupported("an order with an end for spot"));
                }
                _ if ticket.restrictions.has(Restrictions::POST_ONLY) => {}
                other => query.plain("timeInForce", tif(other)),
            }
        }
        if let Some(trigger) = ticket.kind.trigger() {
            query.price("stopPrice", one, trigger);
        }
        if let OrderKind::Trailing { distance, from } = ticket.kind {
            let Distance::Fraction(rate) = distance else {
                return Err(unsupported("a trailing stop by ticks"));
            };
            let whole = basis_points(rate).filter(|_| from.is_none());
            let what = "a trailing stop for spot that starts later, or by less than 0.01 %";
            query.number("trailingDelta", whole.ok_or(unsupported(what))?);
        }
        if let Some(shown) = ticket.display {
            Self::size(query, "icebergQty", one, shown)?;
        }
        Ok(())
    }

    /// The leg in hedge mode; whether it may only reduce in one-way mode.
    fn leg(&self, query: &mut Query, order: &NewOrder) -> Result<(), Error> {
        let ticket = &order.ticket;
        match (self.setup.mode, ticket.leg) {
            (Mode::Hedge, Leg::Net) => Err(unsupported("an order without a leg in hedge mode")),
            (Mode::OneWay, Leg::Long | Leg::Short) => {
                Err(unsupported("an order of a leg in one-way mode"))
            }
            // An order that closes a leg cannot open it: the venue takes no reduceOnly here.
            (Mode::Hedge, leg) => {
                query.plain("positionSide", leg_name(leg));
                Ok(())
            }
            (Mode::OneWay, Leg::Net) => {
                let reduces = ticket.restrictions.has(Restrictions::REDUCE_ONLY);
                if reduces && !Self::closes_position(order) {
                    query.plain("reduceOnly", "true");
                }
                Ok(())
            }
        }
    }

    fn closes_position(order: &NewOrder) -> bool {
        let can = matches!(order.ticket.kind, OrderKind::Stop { .. } | OrderKind::Touched { .. });
        can && order.scope == Scope::Position
    }

    fn conditional(query: &mut Query, one: &Traded, order: &NewOrder) -> Result<(), Error> {
        let ticket = &order.ticket;
        query.plain("algoType", "CONDITIONAL");
        if Self::closes_position(order) {
            query.plain("closePosition", "true");
        } else {
            Self::size(query, "quantity", one, ticket.quantity)?;
        }
        if let Some(trigger) = ticket.kind.trigger() {
            query.price("triggerPrice", one, trigger);
        }
        if let Some(limit) = ticket.kind.limit() {
            query.price("price", one, limit);
            if matches!(ticket.tif, TimeInForce::GoodTill(_)) {
                return Err(unsupported("a conditional order with an end"));
            }
            query.plain("timeInForce", tif(ticket.tif));
        }
        if let OrderKind::Trailing { distance, from } = ticket.kind {
            let Distance::Fraction(rate) = distance else {
                return Err(unsupported("a trailing stop by ticks"));
            };
            let rate = per_cent(rate).ok_or(unsupported("a trailing stop by so much"))?;
            query.plain("callbackRate", &rate);
            if let Some(from) = from {
                query.price("activatePrice", one, from);
            }
        }
        Ok(())
    }

    /// The names of an order: the venue's number alone where it is known.
    fn named(&self, order: &OrderRef) -> Result<Query, Error> {
        let mut query = self.about_symbol(order.instrument)?;
        let waits = order.conditional && !self.is_spot();
        let (by_number, by_name) =
            if waits { ("algoId", "clientAlgoId") } else { ("orderId", "origClientOrderId") };
        match (order.venue, order.client) {
            (Some(number), _) => query.text(by_number, number.as_str()),
            (None, Some(client)) => query.text(by_name, client.as_str()),
            (None, None) => return Err(Error::Nameless),
        }
        Ok(query)
    }

    fn about(&self, method: Method, order: &OrderRef) -> Written {
        let path = match (self.setup.product, order.conditional) {
            (Product::Spot, _) => "/api/v3/order",
            (Product::Perpetual, false) => "/fapi/v1/order",
            (Product::Perpetual, true) => "/fapi/v1/algoOrder",
        };
        self.signed(method, path, self.named(order)?)
    }

    fn amend(&self, order: &OrderRef, change: &Amendment, side: Option<Side>) -> Written {
        let one = self.traded(order.instrument)?;
        let mut query = self.named(order)?;
        if change.trigger.is_some() || (order.conditional && !self.is_spot()) {
            return Err(unsupported("a change of a conditional order"));
        }
        match (self.setup.product, change.quantity, change.price) {
            (Product::Spot, Some(quantity), None) => {
                let client =
                    order.client.ok_or(unsupported("a change without the order's own name"))?;
                Self::size(&mut query, "newQty", one, quantity)?;
                query.text("newClientOrderId", client.as_str());
                self.signed(Method::PUT, "/api/v3/order/amend/keepPriority", query)
            }
            (Product::Spot, ..) => Err(unsupported("a change for spot but of a size alone")),
            (Product::Perpetual, Some(quantity), Some(price)) => {
                let side = side.ok_or(unsupported("a change without the order's side"))?;
                query.plain("side", side_name(side));
                Self::size(&mut query, "quantity", one, quantity)?;
                query.price("price", one, price);
                self.signed(Method::PUT, "/fapi/v1/order", query)
            }
            (Product::Perpetual, ..) => Err(unsupported("a change without both size and price")),
        }
    }

    fn cancel_all(&self, of: Option<InstrumentId>, book: Book) -> Written {
        let of = of.ok_or(unsupported("a cancel of all instruments in one call"))?;
        let path = match (self.setup.product, book) {
            (Product::Spot, Book::Both) => "/api/v3/openOrders",
            (Product::Perpetual, Book::Plain) => "/fapi/v1/allOpenOrders",
            (Product::Perpetual, Book::Conditional) => "/fapi/v1/algoOpenOrders",
            (Product::Spot, _) => return Err(unsupported("a cancel of one of two books for spot")),
            (Product::Perpetual, Book::Both) => {
                return Err(unsupported("a cancel of both books in one call"));
            }
        };
        self.signed(Method::DELETE, path, self.about_symbol(of)?)
    }

    fn open_orders(&self, of: Option<InstrumentId>, book: Book) -> Written {
        let path = match (self.setup.product, book) {
            (Product::Spot, _) => "/api/v3/openOrders",
            (Product::Perpetual, Book::Both) => {
                return Err(unsupported("a look at both books in one call"));
            }
            (Product::Perpetual, book) if is_conditional(book) => "/fapi/v1/openAlgoOrders",
            (Product::Perpetual, _) => "/fapi/v1/openOrders",
        };
        let query = match of {
            Some(of) => self.about_symbol(of)?,
            None => Query::new(),
        };
        self.signed(Method::GET, path, query)
    }

    fn fills(&self, of: InstrumentId, since: Timestamp, after: Option<&str>) -> Written {
        let mut query = self.about_symbol(of)?;
        match after.map(|id| id.parse::<i64>().ok().and_then(|id| id.checked_add(1))) {
            Some(Some(next)) => query.number("fromId", next),
            Some(None) => return Err(unsupported("a trade's number that is none")),
            None => query.number("startTime", millis(since)),
        }
        query.number("limit", 1000_i64);
        let path = if self.is_spot() { "/api/v3/myTrades" } else { "/fapi/v1/userTrades" };
        self.signed(Method::GET, path, query)
    }

    fn balances(&self) -> Written {
        let mut query = Query::new();
        if self.is_spot() {
            query.plain("omitZeroBalances", "true");
            return self.signed(Method::GET, "/api/v3/account", query);
        }
        self.signed(Method::GET, "/fapi/v3/account", query)
    }

    fn heartbeat(&self, of: Option<InstrumentId>, seconds: u32) -> Written {
        self.futures()?;
        let of = of.ok_or(unsupported("a heartbeat of all instruments"))?;
        let mut query = self.about_symbol(of)?;
        query.number("countdownTime", i64::from(seconds) * 1000);
        self.signed(Method::POST, "/fapi/v1/countdownCancelAll", query)
    }

    fn set_mode(&self, mode: Mode) -> Written {
        self.futures()?;
        let mut query = Query::new();
        query.plain("dualSidePosition", if mode == Mode::Hedge { "true" } else { "false" });
        self.signed(Method::POST, "/fapi/v1/positionSide/dual", query)
    }

    fn set_leverage(&self, of: InstrumentId, leverage: u32) -> Written {
        self.futures()?;
        let mut query = self.about_symbol(of)?;
        query.number("leverage", leverage);
        self.signed(Method::POST, "/fapi/v1/leverage", query)
    }
}

/// `GTC`, `IOC`, `FOK`, `GTD`.
const fn tif(tif: TimeInForce) -> &'static str {
    match tif {
        TimeInForce::GoodTillCancelled => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
        TimeInForce::GoodTill(_) => "GTD",
    }
}
