//! The venue's end: reads what a client signed, and answers in the venue's words.
//!
//! A counter is for one product, because calls do not say of which they are: lists of the other one are
//! empty here, and orders of it are refused. What has no words in a [`Call`] and what client libraries
//! ask for all the same (the state of the account, its coins) it answers itself.

mod asked;
mod hearing;
mod rows;

use super::{category, errors, request as paths, text::to_ms};
use crate::{Asked, Hearing, KeyRing};
use asked::{Fields, Verified};
use engine::live::{Answer, Call, Mode, Refused, Unknown};
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use market::{Product, Roster, Timestamp};
use serde_json::{Value, json};

/// A refusal by the counter, or an answer that it gives itself.
type Own = Box<Response<Vec<u8>>>;

/// The box's end of one product.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    product: Product,
}

impl Counter {
    /// For this product.
    #[must_use]
    pub const fn new(product: Product) -> Self {
        Self { product }
    }

    fn get(
        self,
        path: &str,
        fields: &Fields,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Call, Own> {
        let bad = |text: &str| refusal(10001, text, now);
        let is_ours = fields.get("category").is_none_or(|name| name == category(self.product));
        match path {
            paths::WALLET => Ok(Call::Balances),
            paths::KEY_INFO => Ok(Call::KeyScope),
            "/v5/account/info" => Err(own(&account_info(now), now)),
            "/v5/asset/coin/query-info" => Err(own(&coins(roster), now)),
            paths::OPEN | paths::HISTORY | paths::FILLS | paths::POSITIONS if !is_ours => {
                Err(own(&page(&[]), now))
            }
            paths::OPEN => fields.open(self.product, roster).map_err(bad),
            paths::HISTORY => match fields.one_order(self.product, roster).map_err(bad)? {
                Some(call) => Ok(call),
                None => Err(own(&page(&[]), now)),
            },
            paths::FILLS => fields.fills(self.product, roster, now).map_err(bad),
            paths::POSITIONS if fields.get("limit") == Some("2") => Ok(Call::Mode),
            paths::POSITIONS => Ok(Call::Positions),
            _ => Err(missing()),
        }
    }

    fn post(
        self,
        path: &str,
        fields: &Fields,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Call, Own> {
        let bad = |text: &str| refusal(10001, text, now);
        match path {
            paths::PLACE | paths::AMEND | paths::CANCEL | paths::CANCEL_ALL
                if fields.get("category") != Some(category(self.product)) =>
            {
                Err(bad("params error: category is not supported here"))
            }
            paths::PLACE => fields.place(self.product, roster).map_err(bad),
            paths::AMEND => fields.amend(self.product, roster).map_err(bad),
            paths::CANCEL => fields.cancel(self.product, roster).map_err(bad),
            paths::CANCEL_ALL => fields.cancel_all(self.product, roster).map_err(bad),
            paths::SWITCH_MODE => match fields.get("mode") {
                Some("0") => Ok(Call::SetMode(Mode::OneWay)),
                Some("3") => Ok(Call::SetMode(Mode::Hedge)),
                _ => Err(bad("params error: mode invalid")),
            },
            paths::LEVERAGE => fields.leverage(self.product, roster).map_err(bad),
            _ => Err(missing()),
        }
    }
}

impl crate::Counter for Counter {
    fn asked(
        &self,
        request: &Request<Vec<u8>>,
        keys: &KeyRing,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Asked, Own> {
        let Verified { account, fields } =
            asked::verify(request, keys, now).map_err(|(code, text)| refusal(code, text, now))?;
        let path = request.uri().path();
        let call = match *request.method() {
            Method::GET => self.get(path, &fields, roster, now),
            Method::POST => self.post(path, &fields, roster, now),
            _ => Err(missing()),
        };
        call.map(|call| Asked { account, call })
    }

    fn respond(
        &self,
        call: &Call,
        answer: &Answer,
        roster: &Roster,
        now: Timestamp,
    ) -> Response<Vec<u8>> {
        let list = |rows: Vec<Value>| success(&page(&rows), now);
        match answer {
            Answer::Done => success(&rows::names(call, None), now),
            // An order keeps its number when it wakes.
            Answer::Order(report) | Answer::Woken(report, _) => match call {
                Call::Order(_) => list(rows::order(report, roster).into_iter().collect()),
                Call::Place(_) => success(&rows::names(call, Some(report)), report.time),
                _ => success(&rows::names(call, Some(report)), now),
            },
            Answer::Orders(reports) => {
                list(reports.iter().filter_map(|one| rows::order(one, roster)).collect())
            }
            Answer::Funding(all) => {
                list(all.iter().rev().filter_map(|one| rows::funding(one, roster)).collect())
            }
            // The venue lists newest first.
            Answer::Fills { fills, .. } => {
                list(fills.iter().rev().filter_map(|one| rows::fill(one, roster)).collect())
            }
            Answer::Positions(held) => {
                list(held.iter().filter_map(|one| rows::position(one, roster)).collect())
            }
            Answer::Balances(balances) => list(vec![rows::wallet(balances)]),
            Answer::Scope(scope) => success(&rows::scope(scope, self.product), now),
            Answer::Mode(mode) => list(rows::mode(*mode, roster)),
            Answer::NotFound if matches!(call, Call::Order(_)) => list(Vec::new()),
            Answer::ListenKey(_) | Answer::NotFound => {
                let code = if self.product == Product::Spot { 170_213 } else { 110_001 };
                *refusal(code, "order not exists or too late to cancel", now)
            }
            Answer::Refused(refused) => self.refused(call, refused, now),
            Answer::Throttled { until } => throttled(*until, now),
            Answer::Unknown(Unknown::Server) => *refusal(10016, "Server error.", now),
            Answer::Unknown(_) => html(),
        }
    }

    /// Trades come in pages.
    fn reply(
        &self,
        request: &Request<Vec<u8>>,
        asked: &Asked,
        answers: &[Answer],
        (roster, now): (&Roster, Timestamp),
    ) -> Response<Vec<u8>> {
        match answers {
            [Answer::Fills { fills, .. }] => {
                let newest = fills.iter().rev();
                let rows = newest.filter_map(|one| rows::fill(one, roster)).collect();
                success(&cut(request.uri().query().unwrap_or_default(), rows), now)
            }
            [one] => self.respond(&asked.call, one, roster, now),
            _ => self.respond(&asked.call, &Answer::Unknown(Unknown::Unsent), roster, now),
        }
    }

    fn hearing(&self, path_and_query: &str) -> Option<Box<dyn Hearing>> {
        let path = path_and_query.split('?').next().unwrap_or(path_and_query);
        (path == "/v5/private").then(|| hearing::Private::boxed(self.product))
    }
}

impl Counter {
    fn refused(self, call: &Call, refused: &Refused, now: Timestamp) -> Response<Vec<u8>> {
        let Refused { kind, code, text } = refused;
        let says_so = errors::meaning(*code, text) == errors::Meaning::Refused(*kind);
        let spot = self.product == Product::Spot;
        let code = match (says_so, call) {
            (true, _) => *code,
            (false, Call::SetLeverage(..)) => errors::leverage_code(*kind),
            (false, _) => errors::code(*kind, spot),
        };
        *refusal(code, text, now)
    }
}

fn response(status: StatusCode, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn envelope(code: i64, text: &str, result: &Value, now: Timestamp) -> Response<Vec<u8>> {
    let body = json!({
        "retCode": code, "retMsg": text, "result": result, "retExtInfo": {}, "time": to_ms(now),
    });
    response(StatusCode::OK, body.to_string().into_bytes())
}

fn success(result: &Value, now: Timestamp) -> Response<Vec<u8>> {
    envelope(0, "OK", result, now)
}

fn own(result: &Value, now: Timestamp) -> Own {
    Box::new(success(result, now))
}

fn refusal(code: i64, text: &str, now: Timestamp) -> Own {
    Box::new(envelope(code, text, &json!({}), now))
}

fn missing() -> Own {
    Box::new(response(StatusCode::NOT_FOUND, Vec::new()))
}

fn throttled(until: Timestamp, now: Timestamp) -> Response<Vec<u8>> {
    let mut response = *refusal(10006, "Too many visits!", now);
    if let Ok(value) = http::HeaderValue::from_str(&to_ms(until).to_string()) {
        response.headers_mut().insert("x-bapi-limit-reset-timestamp", value);
    }
    response
}

/// What stands in front of the venue when the venue is away.
fn html() -> Response<Vec<u8>> {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    let mut response = response(StatusCode::OK, page.into());
    let html = http::HeaderValue::from_static("text/html");
    response.headers_mut().insert(CONTENT_TYPE, html);
    response
}

fn page(list: &[Value]) -> Value {
    json!({ "list": list, "nextPageCursor": "" })
}

/// A page of trades, at most so many as were asked for and never more than 100; the cursor names the last one.
fn cut(query: &str, mut rows: Vec<Value>) -> Value {
    let get = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
    };
    let limit = get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(50).clamp(1, 100);
    let shown = |row: &Value| row.get("execId").and_then(Value::as_str).map(str::to_owned);
    let behind = get("cursor").filter(|cursor| !cursor.is_empty());
    let place =
        behind.and_then(|last| rows.iter().position(|row| shown(row).as_deref() == Some(last)));
    rows.drain(..place.map_or(0, |place| place + 1));
    let goes_on = rows.len() > limit;
    rows.truncate(limit);
    let cursor = rows.last().filter(|_| goes_on).and_then(shown).unwrap_or_default();
    json!({ "list": rows, "nextPageCursor": cursor })
}

/// <https://bybit-exchange.github.io/docs/v5/account/account-info>: a unified account 2.0.
fn account_info(now: Timestamp) -> Value {
    json!({
        "marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 5, "dcpStatus": "OFF", "timeWindow": 10,
        "smpGroup": 0, "isMasterTrader": false, "spotHedgingStatus": "OFF",
        "updatedTime": to_ms(now).to_string(),
    })
}

/// <https://bybit-exchange.github.io/docs/v5/asset/coin-info>, without chains: nothing leaves a box.
fn coins(roster: &Roster) -> Value {
    let pairs = roster.all().iter().map(|one| [one.base, one.listing.instrument.currency]);
    let names: std::collections::BTreeSet<_> = pairs.flatten().collect();
    let row = |name: &market::Currency| json!({ "name": name.as_str(), "coin": name.as_str(), "remainAmount": "0", "chains": [] });
    json!({ "rows": names.iter().map(row).collect::<Vec<_>>() })
}
