//! What requests weigh and how many are allowed, by venue.
//!
//! Tables of what the venues document, each number held against what ccxt 4.5.90 counts for the same path
//! (2026). Where the two differ the venue's page is followed:
//! - <https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits>, and each endpoint's page;
//! - <https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info#limits>, and each
//!   endpoint's page: accounts and positions weigh 5 (ccxt: 1), new orders nothing (ccxt: 4 and 1);
//! - <https://bybit-exchange.github.io/docs/v5/rate-limit>: what is only read is allowed 50 times (ccxt: 10),
//!   `cancel-all` 10 times (ccxt: 1);
//! - <https://www.okx.com/docs-v5/en/#overview-rate-limits>, and each endpoint's section.

use http::{Method, Request};
use market::Product;

/// A limit of something in a span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) milliseconds: i64,
    pub(super) most: u32,
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
    row("POST", "/v5/order/amend", 10),
    row("GET", "/v5/order/realtime", 50),
    row("GET", "/v5/order/history", 50),
    row("GET", "/v5/execution/list", 50),
    row("GET", "/v5/position/list", 50),
    row("GET", "/v5/account/wallet-balance", 50),
    row("POST", "/v5/position/set-leverage", 10),
    row("POST", "/v5/position/switch-mode", 10),
    row("GET", "/v5/user/query-api", 10),
];
/// The same of what differs between spot and perpetuals.
const BYBIT_SPOT: &[Row] = &[
    row("POST", "/v5/order/create", 20),
    row("POST", "/v5/order/cancel", 20),
    row("POST", "/v5/order/cancel-all", 20),
];
const BYBIT_LINEAR: &[Row] = &[
    row("POST", "/v5/order/create", 10),
    row("POST", "/v5/order/cancel", 10),
    row("POST", "/v5/order/cancel-all", 10),
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
    row("POST", "/api/v5/account/set-position-mode", 5),
    row("GET", "/api/v5/public/instruments", 20),
    row("GET", "/api/v5/public/time", 10),
    row("GET", "/api/v5/market/candles", 40),
    row("GET", "/api/v5/market/history-candles", 20),
    row("GET", "/api/v5/market/books", 40),
];

/// How many new orders an account may make in a span at Binance, and how the venue says it.
#[derive(Debug)]
pub(super) struct OrderSpan {
    pub(super) name: &'static str,
    pub(super) limit: Limit,
    pub(super) words: &'static str,
    pub(super) header: &'static str,
}

const fn order_span(most: u32, milliseconds: i64, said: [&'static str; 3]) -> OrderSpan {
    let [name, words, header] = said;
    OrderSpan { name, limit: Limit { milliseconds, most }, words, header }
}

/// As `rateLimits` of the venue's `exchangeInfo` says, which a box's own repeats.
const SPOT_ORDERS: &[OrderSpan] = &[
    order_span(100, 10_000, ["10s", "10 SECOND", "x-mbx-order-count-10s"]),
    order_span(200_000, 86_400_000, ["1d", "DAY", "x-mbx-order-count-1d"]),
];
const FUTURES_ORDERS: &[OrderSpan] = &[
    order_span(300, 10_000, ["10s", "10 SECONDS", "x-mbx-order-count-10s"]),
    order_span(1_200, 60_000, ["1m", "MINUTE", "x-mbx-order-count-1m"]),
];

/// How many new orders an account of Binance may make.
pub(super) const fn order_spans(product: Product) -> &'static [OrderSpan] {
    match product {
        Product::Spot => SPOT_ORDERS,
        Product::Perpetual => FUTURES_ORDERS,
    }
}

/// What Bybit allows of a request in a second; [`None`] where its page has no number.
pub(super) fn bybit(product: Product, request: &Request<Vec<u8>>) -> Option<u32> {
    let own = match product {
        Product::Spot => BYBIT_SPOT,
        Product::Perpetual => BYBIT_LINEAR,
    };
    cost(own, request).or_else(|| cost(BYBIT, request))
}

/// What OKX allows of a request in two seconds.
pub(super) fn okx(request: &Request<Vec<u8>>) -> Option<u32> {
    cost(OKX, request)
}

fn cost(rows: &[Row], request: &Request<Vec<u8>>) -> Option<u32> {
    let (method, path) = (request.method().as_str(), request.uri().path());
    rows.iter().find(|row| row.method == method && row.path == path).map(|row| row.cost)
}

/// What a request weighs at Binance.
pub(super) fn weight(request: &Request<Vec<u8>>) -> u32 {
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

/// Whether it is a new order at Binance.
pub(super) fn is_order(request: &Request<Vec<u8>>) -> bool {
    *request.method() == Method::POST && BINANCE_ORDERS.contains(&request.uri().path())
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
}
