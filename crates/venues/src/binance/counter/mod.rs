//! The venue's end.
//!
//! Of what a client library asks for besides, the counter answers by itself: coins and margin pairs
//! (there are none), brackets of leverage, the margin mode (cross, and it stays so). A cancel-and-replace of
//! spot is read as a change of the order, which keeps its number.

mod hearing;
mod params;
mod read;
mod write;

use crate::{Asked, Hearing, KeyRing};
use engine::live::{Answer, Book, Call};
use http::{Method, Request, Response};
use market::{Product, Roster, Timestamp};
use params::{Params, Refusal, account, answer, refuse};
use read::Reader;
use serde_json::{Value, json};

/// The venue's end, for one product: the two have hosts of their own.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    product: Product,
}

/// The listen key of an account: what an exchange in a box answers to [`Call::ListenKey`], and what
/// [`crate::Counter::hearing`] knows the account by.
#[must_use]
pub fn listen_key(account: usize) -> String {
    format!("box{account:061}")
}

/// Whose listen key it is.
fn listener(key: &str) -> Option<usize> {
    key.strip_prefix("box").filter(|digits| digits.len() == 61)?.parse().ok()
}

/// What a path asks for.
enum Route {
    Place,
    PlaceConditional,
    Cancel(Book),
    Order(Book),
    Modify,
    Shrink,
    Replace,
    CancelAll(Book),
    OpenOrders(Book),
    Fills,
    Funding,
    Positions,
    Balances,
    Heartbeat,
    KeyScope,
    Mode,
    SetMode,
    SetLeverage,
    /// Needs no signature.
    ListenKey,
    /// What the counter answers by itself.
    Own(Own),
}

enum Own {
    Nothing,
    Empty,
    Brackets,
    OneAsset,
    MarginType,
}

impl Counter {
    /// A counter for one product.
    #[must_use]
    pub const fn new(product: Product) -> Self {
        Self { product }
    }

    fn route(self, method: &Method, path: &str) -> Option<Route> {
        let spot = path.strip_prefix("/api/v3/").filter(|_| self.product == Product::Spot);
        let futures = path.strip_prefix("/fapi/").filter(|_| self.product == Product::Perpetual);
        match (spot, futures, path.strip_prefix("/sapi/v1/")) {
            (Some(tail), ..) => Self::spot(method, tail),
            (_, Some(tail), _) => Self::futures(method, tail),
            (.., Some(tail)) => match (method, tail) {
                (&Method::GET, "account/apiRestrictions") => Some(Route::KeyScope),
                (
                    &Method::GET,
                    "capital/config/getall" | "margin/allPairs" | "margin/isolated/allPairs",
                ) => Some(Route::Own(Own::Empty)),
                _ => None,
            },
            _ => None,
        }
    }

    fn spot(method: &Method, tail: &str) -> Option<Route> {
        Some(match (method, tail) {
            (&Method::POST, "order") => Route::Place,
            (&Method::DELETE, "order") => Route::Cancel(Book::Both),
            (&Method::GET, "order") => Route::Order(Book::Both),
            (&Method::PUT, "order/amend/keepPriority") => Route::Shrink,
            (&Method::POST, "order/cancelReplace") => Route::Replace,
            (&Method::DELETE, "openOrders") => Route::CancelAll(Book::Both),
            (&Method::GET, "openOrders") => Route::OpenOrders(Book::Both),
            (&Method::GET, "myTrades") => Route::Fills,
            (&Method::GET, "account") => Route::Balances,
            _ => return None,
        })
    }

    fn futures(method: &Method, tail: &str) -> Option<Route> {
        let book = if tail.contains("lgo") { Book::Conditional } else { Book::Plain };
        Some(match (method, tail) {
            (&Method::POST, "v1/order") => Route::Place,
            (&Method::POST, "v1/algoOrder") => Route::PlaceConditional,
            (&Method::DELETE, "v1/order" | "v1/algoOrder") => Route::Cancel(book),
            (&Method::GET, "v1/order" | "v1/algoOrder") => Route::Order(book),
            (&Method::PUT, "v1/order") => Route::Modify,
            (&Method::DELETE, "v1/allOpenOrders" | "v1/algoOpenOrders") => Route::CancelAll(book),
            (&Method::GET, "v1/openOrders" | "v1/openAlgoOrders") => Route::OpenOrders(book),
            (&Method::GET, "v1/userTrades") => Route::Fills,
            (&Method::GET, "v1/income") => Route::Funding,
            (&Method::GET, "v2/positionRisk" | "v3/positionRisk") => Route::Positions,
            (&Method::GET, "v2/account" | "v3/account") => Route::Balances,
            (&Method::POST, "v1/countdownCancelAll") => Route::Heartbeat,
            (&Method::GET, "v1/positionSide/dual") => Route::Mode,
            (&Method::POST, "v1/positionSide/dual") => Route::SetMode,
            (&Method::POST, "v1/leverage") => Route::SetLeverage,
            (&Method::POST | &Method::PUT, "v1/listenKey") => Route::ListenKey,
            (&Method::DELETE, "v1/listenKey") => Route::Own(Own::Nothing),
            (&Method::GET, "v1/leverageBracket") => Route::Own(Own::Brackets),
            (&Method::GET, "v1/multiAssetsMargin") => Route::Own(Own::OneAsset),
            (&Method::POST, "v1/marginType") => Route::Own(Own::MarginType),
            _ => return None,
        })
    }

    fn call(self, route: &Route, params: &Params, roster: &Roster) -> Result<Call, Refusal> {
        let reader = Reader { params, roster, product: self.product };
        match route {
            Route::Place => reader.place(),
            Route::PlaceConditional => reader.place_conditional(),
            Route::Cancel(book) => reader.reference(*book).map(Call::Cancel),
            Route::Order(book) => reader.reference(*book).map(Call::Order),
            Route::Modify => reader.modify(),
            Route::Shrink => reader.shrink(),
            Route::Replace => reader.replace(),
            Route::CancelAll(book) => reader.cancel_all(*book),
            Route::OpenOrders(book) => reader.open_orders(*book),
            Route::Fills => reader.fills(),
            Route::Funding => reader.funding(),
            Route::Positions => Ok(Call::Positions),
            Route::Balances => Ok(Call::Balances),
            Route::Heartbeat => reader.heartbeat(),
            Route::KeyScope => Ok(Call::KeyScope),
            Route::Mode => Ok(Call::Mode),
            Route::SetMode => reader.set_mode(),
            Route::SetLeverage => reader.set_leverage(),
            Route::ListenKey => Ok(Call::ListenKey),
            Route::Own(own) => Err(own_answer(own, params, roster)),
        }
    }
}

fn own_answer(own: &Own, params: &Params, roster: &Roster) -> Refusal {
    Box::new(match own {
        Own::Nothing => answer(200, &json!({})),
        Own::Empty => answer(200, &json!([])),
        Own::OneAsset => answer(200, &json!({ "multiAssetsMargin": false })),
        Own::MarginType if params.text("marginType") == Some("CROSSED") => {
            return refuse(400, -4046, "No need to change margin type.");
        }
        Own::MarginType => return refuse(400, -1020, "This operation is not supported."),
        Own::Brackets => {
            let futures = roster.all().iter().filter(|one| one.product == Product::Perpetual);
            let brackets = |one: &market::Traded| {
                json!({ "symbol": one.native.as_str(), "brackets": [{
                    "bracket": 1, "initialLeverage": one.leverage_max, "notionalCap": 1_000_000_000,
                    "notionalFloor": 0, "maintMarginRatio": 0.005, "cum": 0.0
                }] })
            };
            answer(200, &Value::Array(futures.map(brackets).collect()))
        }
    })
}

impl crate::Counter for Counter {
    fn asked(
        &self,
        request: &Request<Vec<u8>>,
        keys: &KeyRing,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Asked, Refusal> {
        let (method, path) = (request.method(), request.uri().path());
        let route = self.route(method, path).ok_or_else(|| {
            let path = crate::text::clean(path);
            refuse(404, -5000, &format!("Path {path}, Method {method} is invalid"))
        })?;
        let params = Params::of(request)?;
        let account = match route {
            Route::ListenKey | Route::Own(Own::Nothing | Own::Empty) => account(request, keys)?,
            _ => params.signed_by(request, keys, now)?,
        };
        Ok(Asked { account, call: self.call(&route, &params, roster)? })
    }

    fn respond(
        &self,
        call: &Call,
        answer: &Answer,
        roster: &Roster,
        now: Timestamp,
    ) -> Response<Vec<u8>> {
        write::Writer { product: self.product, roster, now }.response(call, answer)
    }

    fn hearing(&self, path_and_query: &str) -> Option<Box<dyn Hearing>> {
        let path = path_and_query.split('?').next().unwrap_or("");
        match self.product {
            Product::Spot => (path == "/ws-api/v3").then(|| hearing::Spot::boxed()),
            Product::Perpetual => {
                let key = path.strip_prefix("/private/ws/").or(path.strip_prefix("/ws/"))?;
                Some(hearing::Futures::boxed(listener(key)?))
            }
        }
    }
}
