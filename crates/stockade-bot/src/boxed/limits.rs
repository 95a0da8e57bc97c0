//! How much a box takes from a client, as its venue counts.
//!
//! Tables of what the venues document, held against what ccxt 4.5.90 counts for the same paths:
//! <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits>,
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info#limits>,
//! <https://bybit-exchange.github.io/docs/v5/rate-limit>, <https://www.okx.com/docs-v5/en/#overview-rate-limits>.
//! Every count begins anew at whole multiples of its span; Bybit's own slides.

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use market::{Product, Timestamp, VenueName};
use std::collections::BTreeMap;

/// Whether a box counts at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limiting {
    /// As the venue does.
    Venue,
    /// It takes everything.
    Off,
}

/// What one path costs or is allowed.
struct Row {
    method: &'static str,
    path: &'static str,
    cost: u32,
}

const fn row(method: &'static str, path: &'static str, cost: u32) -> Row {
    Row { method, path, cost }
}

/// Weights; a path that is not here weighs 1.
const BINANCE: &[Row] = &[
    row("GET", "/api/v3/exchangeInfo", 20),
    row("GET", "/api/v3/klines", 2),
    row("GET", "/api/v3/account", 20),
    row("GET", "/api/v3/myTrades", 20),
    row("GET", "/api/v3/order", 4),
    row("GET", "/api/v3/openOrders", 6),
    row("PUT", "/api/v3/order/amend/keepPriority", 4),
    row("GET", "/fapi/v2/account", 5),
    row("GET", "/fapi/v3/account", 5),
    row("GET", "/fapi/v2/positionRisk", 5),
    row("GET", "/fapi/v3/positionRisk", 5),
    row("GET", "/fapi/v1/userTrades", 5),
    row("GET", "/fapi/v1/positionSide/dual", 30),
    row("GET", "/fapi/v1/multiAssetsMargin", 30),
    row("POST", "/fapi/v1/countdownCancelAll", 10),
    row("POST", "/fapi/v1/order", 0),
    row("POST", "/fapi/v1/algoOrder", 0),
];
/// Up to so many rows, this weight.
type Step = (u32, u32);
/// What pages weigh that hold up to so many rows, and how many they hold if nobody says.
const BINANCE_BY_ROWS: &[(&str, u32, &[Step])] = &[
    ("/api/v3/depth", 100, &[(100, 5), (500, 25), (1_000, 50), (5_000, 250)]),
    ("/fapi/v1/klines", 500, &[(99, 1), (499, 2), (1_000, 5), (1_500, 10)]),
    ("/fapi/v1/depth", 500, &[(50, 2), (100, 5), (500, 10), (1_000, 20)]),
];
/// What lists of all instruments weigh.
const BINANCE_OF_ALL: &[(&str, u32)] =
    &[("/api/v3/openOrders", 80), ("/fapi/v1/openOrders", 40), ("/fapi/v1/openAlgoOrders", 40)];
/// Paths that count as new orders.
const BINANCE_ORDERS: &[&str] =
    &["/api/v3/order", "/api/v3/order/cancelReplace", "/fapi/v1/order", "/fapi/v1/algoOrder"];

/// Requests a second and account.
const BYBIT: &[Row] = &[
    row("POST", "/v5/order/create", 20),
    row("POST", "/v5/order/amend", 10),
    row("POST", "/v5/order/cancel", 20),
    row("POST", "/v5/order/cancel-all", 20),
    row("GET", "/v5/order/realtime", 50),
    row("GET", "/v5/order/history", 50),
    row("GET", "/v5/execution/list", 50),
    row("GET", "/v5/position/list", 50),
    row("GET", "/v5/account/wallet-balance", 50),
    row("POST", "/v5/position/set-leverage", 10),
    row("POST", "/v5/position/switch-mode", 10),
    row("GET", "/v5/user/query-api", 10),
];

/// Requests in two seconds.
const OKX: &[Row] = &[
    row("POST", "/api/v5/trade/order", 60),
    row("POST", "/api/v5/trade/cancel-order", 60),
    row("POST", "/api/v5/trade/amend-order", 60),
    row("POST", "/api/v5/trade/cancel-batch-orders", 300),
    row("POST", "/api/v5/trade/order-algo", 20),
    row("POST", "/api/v5/trade/cancel-algos", 20),
    row("POST", "/api/v5/trade/amend-algos", 20),
    row("POST", "/api/v5/trade/cancel-all-after", 2),
    row("GET", "/api/v5/trade/order", 60),
    row("GET", "/api/v5/trade/order-algo", 20),
    row("GET", "/api/v5/trade/orders-pending", 60),
    row("GET", "/api/v5/trade/orders-algo-pending", 20),
    row("GET", "/api/v5/trade/fills", 60),
    row("GET", "/api/v5/trade/fills-history", 10),
    row("GET", "/api/v5/account/balance", 10),
    row("GET", "/api/v5/account/positions", 10),
    row("GET", "/api/v5/account/config", 5),
    row("POST", "/api/v5/account/set-leverage", 20),
    row("GET", "/api/v5/public/instruments", 20),
    row("GET", "/api/v5/public/time", 10),
    row("GET", "/api/v5/market/candles", 40),
    row("GET", "/api/v5/market/history-candles", 20),
    row("GET", "/api/v5/market/books", 40),
];

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

/// A limit of something in a span.
#[derive(Debug, Clone, Copy)]
struct Limit {
    milliseconds: i64,
    most: u32,
}

/// What was used so far.
#[derive(Debug)]
pub(super) struct Limits {
    venue: VenueName,
    product: Product,
    limiting: Limiting,
    counts: BTreeMap<String, Count>,
    refused: u32,
    banned_until: i64,
}

/// A header to be.
type Line = (&'static str, String);

impl Limits {
    pub(super) const fn new(venue: VenueName, product: Product, limiting: Limiting) -> Self {
        let counts = BTreeMap::new();
        Self { venue, product, limiting, counts, refused: 0, banned_until: 0 }
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
                if now >= self.banned_until && self.count("address", 1, limit, now).is_ok() {
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
                let cost = cost(BYBIT, request)?;
                let limit = Limit { milliseconds: 1_000, most: cost };
                let name = format!("{account} {}", request.uri().path());
                let until = self.count(&name, 1, limit, now).err()?;
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
                if let Some(account) = account.filter(|_| is_order(request)) {
                    let used = self.used(&format!("{account} 10s"), 10_000, now);
                    lines.push(("x-mbx-order-count-10s", used.to_string()));
                }
            }
            (VenueName::Bybit, Some(account)) => {
                if let Some(most) = cost(BYBIT, request) {
                    let name = format!("{account} {}", request.uri().path());
                    let left = most.saturating_sub(self.used(&name, 1_000, now));
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
            match self.count("weight", weight(request), limit, now) {
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
        if !is_order(request) {
            return None;
        }
        let spans: &[(&str, i64, u32, &str)] = match self.product {
            Product::Spot => {
                &[("10s", 10_000, 100, "10 SECOND"), ("1d", 86_400_000, 200_000, "DAY")]
            }
            Product::Perpetual => {
                &[("10s", 10_000, 300, "10 SECONDS"), ("1m", 60_000, 1_200, "MINUTE")]
            }
        };
        for (name, milliseconds, most, words) in spans {
            let limit = Limit { milliseconds: *milliseconds, most: *most };
            if let Err(until) = self.count(&format!("{account} {name}"), 1, limit, now) {
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
        let most = cost(OKX, request)?;
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

fn cost(rows: &[Row], request: &Request<Vec<u8>>) -> Option<u32> {
    let (method, path) = (request.method().as_str(), request.uri().path());
    rows.iter().find(|row| row.method == method && row.path == path).map(|row| row.cost)
}

fn weight(request: &Request<Vec<u8>>) -> u32 {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or(""));
    if let Some((_, usual, steps)) = BINANCE_BY_ROWS.iter().find(|(of, ..)| *of == path) {
        let asked = query.split('&').find_map(|pair| pair.strip_prefix("limit="));
        let rows = asked.and_then(|rows| rows.parse().ok()).unwrap_or(*usual);
        let step = steps.iter().find(|(most, _)| rows <= *most).or(steps.last());
        return step.map_or(1, |(_, weight)| *weight);
    }
    let of_all = BINANCE_OF_ALL.iter().find(|(of, _)| *of == path);
    let names_one = query.split('&').any(|pair| pair.starts_with("symbol="));
    match of_all {
        Some((_, weight)) if !names_one && *request.method() == Method::GET => *weight,
        _ => cost(BINANCE, request).unwrap_or(1),
    }
}

fn is_order(request: &Request<Vec<u8>>) -> bool {
    *request.method() == Method::POST && BINANCE_ORDERS.contains(&request.uri().path())
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
    fn pages_weigh_by_what_they_hold() {
        let check = |uri: &str, want: u32| {
            assert_eq!(weight(&request(Method::GET, uri)), want, "{uri}");
        };
        check("/fapi/v1/klines?symbol=BTCUSDT", 5);
        check("/fapi/v1/klines?symbol=BTCUSDT&limit=100", 2);
        check("/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 20);
        check("/fapi/v1/depth?limit=99999", 20);
        check("/api/v3/depth?symbol=BTCUSDT", 5);
        check("/api/v3/openOrders?symbol=BTCUSDT&timestamp=1", 6);
        check("/api/v3/openOrders?timestamp=1", 80);
        check("/fapi/v1/time", 1);
    }

    #[test]
    fn orders_are_counted_by_account() {
        let check = |venue, path: &str, most: usize, status: u16, words: &str| {
            let mut limits = Limits::new(venue, Product::Perpetual, Limiting::Venue);
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
            let mut off = Limits::new(venue, Product::Perpetual, Limiting::Off);
            assert!((0..=most).all(|_| off.known(&order, 0, at(500)).is_none()));
        };
        check(VenueName::Binance, "/fapi/v1/order", 300, 429, "-1015");
        check(VenueName::Bybit, "/v5/order/create", 20, 200, "10006");
        check(VenueName::Okx, "/api/v5/trade/order", 60, 429, "50011");
    }
}
