//! How much a box takes from a client, as its venue counts: what was used, and what is said of it. The numbers are
//! in [`super::allowance`].
//!
//! Counts of Binance and OKX begin anew at whole multiples of their span, those of Bybit slide, as its page
//! says. By design of the box, for no page gives a number: after how many refusals Binance bans
//! ([`PATIENCE`]), and for how long at first (two minutes is the least that the page names).

use super::allowance::{self, Limit, OrderSpan};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use market::{Product, Timestamp, VenueName};
use std::collections::{BTreeMap, VecDeque};

/// Whether a box counts at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limiting {
    /// As the venue does.
    Venue,
    /// It takes everything.
    Off,
}

/// Requests that are refused before an address is banned at Binance.
const PATIENCE: u32 = 20;
const BINANCE_BAN_SECONDS: i64 = 120;
const BYBIT_BAN_SECONDS: i64 = 600;

/// One count.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    span: i64,
    used: u32,
}

/// What was used so far.
#[derive(Debug)]
pub(super) struct Limits {
    venue: VenueName,
    product: Product,
    limiting: Limiting,
    counts: BTreeMap<String, Count>,
    /// Moments of requests within a span that slides, in milliseconds, the oldest first.
    recent: BTreeMap<String, VecDeque<i64>>,
    refused: u32,
    banned_until: i64,
}

/// A header to be.
type Line = (&'static str, String);

impl Limits {
    pub(super) const fn new(venue: VenueName, product: Product, limiting: Limiting) -> Self {
        let counts = BTreeMap::new();
        let recent = BTreeMap::new();
        Self { venue, product, limiting, counts, recent, refused: 0, banned_until: 0 }
    }

    /// Counts a request from an address; the refusal, if it was too much.
    pub(super) fn arrived(
        &mut self,
        request: &Request<Vec<u8>>,
        now: Timestamp,
    ) -> Option<Response<Vec<u8>>> {
        let now = now.nanos().div_euclid(1_000_000);
        match (self.limiting, self.venue) {
            (Limiting::Off, _) => None,
            (_, VenueName::Binance) => self.binance(request, now),
            (_, VenueName::Bybit) => {
                let limit = Limit { milliseconds: 5_000, most: 600 };
                if now >= self.banned_until && self.slide("address", limit, now).is_ok() {
                    return None;
                }
                if now >= self.banned_until {
                    self.banned_until = now + BYBIT_BAN_SECONDS * 1_000;
                }
                Some(plain(StatusCode::FORBIDDEN, "403, access too frequent"))
            }
            (_, VenueName::Okx) => {
                let path = request.uri().path();
                let is_public =
                    path.starts_with("/api/v5/public") || path.starts_with("/api/v5/market");
                if is_public { self.okx(request, "address", now) } else { None }
            }
        }
    }

    /// Counts a request of an account; the refusal, if it was too much.
    pub(super) fn known(
        &mut self,
        request: &Request<Vec<u8>>,
        account: usize,
        now: Timestamp,
    ) -> Option<Response<Vec<u8>>> {
        let now = now.nanos().div_euclid(1_000_000);
        match (self.limiting, self.venue) {
            (Limiting::Off, _) => None,
            (_, VenueName::Binance) => self.orders(request, account, now),
            (_, VenueName::Bybit) => {
                let cost = allowance::bybit(self.product, request)?;
                let limit = Limit { milliseconds: 1_000, most: cost };
                let name = format!("{account} {}", request.uri().path());
                let until = self.slide(&name, limit, now).err()?;
                let body = format!(
                    r#"{{"retCode":10006,"retMsg":"Too many visits! Exceeded the API Rate Limit.","result":{{}},"retExtInfo":{{}},"time":{now}}}"#
                );
                let lines = bybit_lines(cost, 0, until);
                Some(json(StatusCode::OK, body, &lines))
            }
            (_, VenueName::Okx) => self.okx(request, &account.to_string(), now),
        }
    }

    /// Adds what the venue says of its limits to an answer.
    pub(super) fn say(
        &self,
        request: &Request<Vec<u8>>,
        account: Option<usize>,
        now: Timestamp,
        response: &mut Response<Vec<u8>>,
    ) {
        if self.limiting == Limiting::Off {
            return;
        }
        let now = now.nanos().div_euclid(1_000_000);
        let mut lines: Vec<Line> = Vec::new();
        match (self.venue, account) {
            (VenueName::Binance, account) => {
                lines.push(("x-mbx-used-weight-1m", self.used("weight", 60_000, now).to_string()));
                if let Some(account) = account.filter(|_| allowance::is_order(request)) {
                    for span in allowance::order_spans(self.product) {
                        let name = format!("{account} {}", span.name);
                        let used = self.used(&name, span.limit.milliseconds, now);
                        lines.push((span.header, used.to_string()));
                    }
                }
            }
            (VenueName::Bybit, Some(account)) => {
                if let Some(most) = allowance::bybit(self.product, request) {
                    let name = format!("{account} {}", request.uri().path());
                    let used = self.recent.get(&name).map_or(0, VecDeque::len);
                    let left = most.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
                    lines = bybit_lines(most, left, now);
                }
            }
            (VenueName::Bybit, None) | (VenueName::Okx, _) => {}
        }
        set(response, &lines);
    }

    fn binance(&mut self, request: &Request<Vec<u8>>, now: i64) -> Option<Response<Vec<u8>>> {
        let most = if self.product == Product::Spot { 6_000 } else { 2_400 };
        let limit = Limit { milliseconds: 60_000, most };
        let until = if now < self.banned_until {
            self.banned_until
        } else {
            match self.count("weight", allowance::weight(request), limit, now) {
                Ok(()) => {
                    self.refused = 0;
                    return None;
                }
                Err(until) => until,
            }
        };
        self.refused += 1;
        if self.refused == PATIENCE {
            self.banned_until = now + BINANCE_BAN_SECONDS * 1_000;
        }
        let is_banned = now < self.banned_until;
        let until = until.max(self.banned_until);
        let (status, words) = if is_banned {
            let words = format!(
                "Way too many requests; IP banned until {until}. Please use the websocket for live updates to avoid bans."
            );
            (StatusCode::IM_A_TEAPOT, words)
        } else {
            let words = format!(
                "Too many requests; current limit of IP(127.0.0.1) is {most} requests per minute. Please use the websocket for live updates to avoid polling the API."
            );
            (StatusCode::TOO_MANY_REQUESTS, words)
        };
        let wait = (until - now + 999) / 1_000;
        let body = format!(r#"{{"code":-1003,"msg":"{words}"}}"#);
        Some(json(status, body, &[("retry-after", wait.to_string())]))
    }

    /// New orders, by account.
    fn orders(
        &mut self,
        request: &Request<Vec<u8>>,
        account: usize,
        now: i64,
    ) -> Option<Response<Vec<u8>>> {
        if !allowance::is_order(request) {
            return None;
        }
        for span in allowance::order_spans(self.product) {
            let OrderSpan { name, limit, words, .. } = span;
            let most = limit.most;
            if let Err(until) = self.count(&format!("{account} {name}"), 1, *limit, now) {
                let body = format!(
                    r#"{{"code":-1015,"msg":"Too many new orders; current limit is {most} orders per {words}."}}"#
                );
                let wait = (until - now + 999) / 1_000;
                let lines = [("retry-after", wait.to_string())];
                return Some(json(StatusCode::TOO_MANY_REQUESTS, body, &lines));
            }
        }
        None
    }

    fn okx(
        &mut self,
        request: &Request<Vec<u8>>,
        whose: &str,
        now: i64,
    ) -> Option<Response<Vec<u8>>> {
        let most = allowance::okx(request)?;
        let limit = Limit { milliseconds: 2_000, most };
        self.count(
            &format!("{whose} {} {}", request.method(), request.uri().path()),
            1,
            limit,
            now,
        )
        .err()?;
        let body = r#"{"code":"50011","data":[],"msg":"Too Many Requests"}"#.to_owned();
        Some(json(StatusCode::TOO_MANY_REQUESTS, body, &[]))
    }

    /// Counts one in a span that slides; when there is room again, if that is too much.
    fn slide(&mut self, name: &str, limit: Limit, now: i64) -> Result<(), i64> {
        let recent = self.recent.entry(name.to_owned()).or_default();
        while recent.front().is_some_and(|at| *at <= now - limit.milliseconds) {
            recent.pop_front();
        }
        match recent.front() {
            Some(oldest) if recent.len() >= limit.most as usize => Err(oldest + limit.milliseconds),
            _ => {
                recent.push_back(now);
                Ok(())
            }
        }
    }

    /// Adds to a count; when it begins anew, if that is too much.
    fn count(&mut self, name: &str, cost: u32, limit: Limit, now: i64) -> Result<(), i64> {
        let span = now.div_euclid(limit.milliseconds);
        if !self.counts.contains_key(name) {
            self.counts.insert(name.to_owned(), Count::default());
        }
        let Some(count) = self.counts.get_mut(name) else { return Ok(()) };
        if count.span != span {
            *count = Count { span, used: 0 };
        }
        let used = count.used.saturating_add(cost);
        if used > limit.most {
            return Err((span + 1) * limit.milliseconds);
        }
        count.used = used;
        Ok(())
    }

    fn used(&self, name: &str, milliseconds: i64, now: i64) -> u32 {
        let span = now.div_euclid(milliseconds);
        self.counts.get(name).filter(|count| count.span == span).map_or(0, |count| count.used)
    }
}

fn bybit_lines(most: u32, left: u32, until: i64) -> Vec<Line> {
    vec![
        ("x-bapi-limit", most.to_string()),
        ("x-bapi-limit-status", left.to_string()),
        ("x-bapi-limit-reset-timestamp", until.to_string()),
    ]
}

fn set(response: &mut Response<Vec<u8>>, lines: &[Line]) {
    for (name, value) in lines {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

fn json(status: StatusCode, body: String, lines: &[Line]) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into_bytes());
    *response.status_mut() = status;
    set(&mut response, &[("content-type", "application/json".to_owned())]);
    set(&mut response, lines);
    response
}

fn plain(status: StatusCode, words: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(words.as_bytes().to_vec());
    *response.status_mut() = status;
    set(&mut response, &[("content-type", "text/plain".to_owned())]);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn request(method: Method, uri: &str) -> Request<Vec<u8>> {
        let mut request = Request::new(Vec::new());
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().expect("a path");
        request
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn weights_add_up_to_429_then_418_and_begin_anew() {
        let mut limits = Limits::new(VenueName::Binance, Product::Perpetual, Limiting::Venue);
        let ask = request(Method::GET, "/fapi/v1/openOrders");
        for _ in 0..60 {
            assert!(limits.arrived(&ask, at(1_000)).is_none());
        }
        let refused = limits.arrived(&ask, at(30_500)).expect("2,400 are used");
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers().get("retry-after").expect("a wait"), "30");
        for _ in 0..PATIENCE {
            limits.arrived(&ask, at(30_500));
        }
        let banned = limits.arrived(&ask, at(61_000)).expect("a new minute does not help");
        assert_eq!(banned.status(), 418);
        assert_eq!(banned.headers()["retry-after"], "90");
        assert!(limits.arrived(&ask, at(151_000)).is_none(), "the ban is over");
        let mut said = Response::new(Vec::new());
        limits.say(&ask, None, at(151_000), &mut said);
        assert_eq!(said.headers()["x-mbx-used-weight-1m"], "40");
    }

    #[test]
    fn orders_are_counted_by_account() {
        let check = |venue, product, path: &str, most: usize, status: u16, words: &str| {
            let mut limits = Limits::new(venue, product, Limiting::Venue);
            let order = request(Method::POST, path);
            for n in 0..most {
                assert!(limits.known(&order, 0, at(500)).is_none(), "{path} {n}");
            }
            let refused = limits.known(&order, 0, at(500)).expect(path);
            let body = String::from_utf8(refused.body().clone()).expect("text");
            assert_eq!(refused.status().as_u16(), status, "{body}");
            assert!(body.contains(words), "{body}");
            assert!(limits.known(&order, 1, at(500)).is_none(), "another account");
            assert!(limits.known(&order, 0, at(10_500)).is_none(), "later");
            let mut off = Limits::new(venue, product, Limiting::Off);
            assert!((0..=most).all(|_| off.known(&order, 0, at(500)).is_none()));
        };
        let (spot, linear) = (Product::Spot, Product::Perpetual);
        check(VenueName::Binance, linear, "/fapi/v1/order", 300, 429, "-1015");
        check(VenueName::Binance, spot, "/api/v3/order", 100, 429, "-1015");
        check(VenueName::Bybit, linear, "/v5/order/create", 10, 200, "10006");
        check(VenueName::Bybit, spot, "/v5/order/create", 20, 200, "10006");
        check(VenueName::Okx, linear, "/api/v5/trade/order", 60, 429, "50011");
    }

    #[test]
    fn a_second_of_bybit_slides() {
        let mut limits = Limits::new(VenueName::Bybit, Product::Perpetual, Limiting::Venue);
        let order = request(Method::POST, "/v5/order/create");
        for n in 0..10 {
            assert!(limits.known(&order, 0, at(900 + n)).is_none(), "{n}");
        }
        let refused = limits.known(&order, 0, at(1_100)).expect("ten within the last second");
        assert_eq!(refused.headers()["x-bapi-limit"], "10");
        assert_eq!(refused.headers()["x-bapi-limit-status"], "0");
        assert_eq!(refused.headers()["x-bapi-limit-reset-timestamp"], "1900");
        assert!(limits.known(&order, 0, at(1_899)).is_some(), "the first is in the second still");
        assert!(limits.known(&order, 0, at(1_900)).is_none(), "the first is a second old");
        assert!(limits.known(&order, 0, at(1_900)).is_some(), "the second one is not");
    }
}
