//! Calls that take several requests, and what a client library asks besides.

use crate::world::{NOW_MS, at, client, now, ok, ring, roster, said};
use engine::{
    live::{Answer, Book, Call, OrderRef, OrderState, Unknown},
    order::{Capabilities, Distance, OrderKind, Restrictions, Ticket},
};
use http::Response;
use market::{Price, Product, Quantity, Side};
use portfolio::InstrumentId;
use venues::{Client as _, Counter as _, Heartbeat, bybit};

const BTC: InstrumentId = InstrumentId(0);

fn row(id: &str, status: &str) -> String {
    format!(
        r#"{{"symbol":"BTCUSDT","orderId":"{id}","orderLinkId":"n{id}","side":"Buy","orderType":"Limit","price":"100","qty":"1","cumExecQty":"0","orderStatus":"{status}","timeInForce":"GTC","positionIdx":0,"updatedTime":"5"}}"#
    )
}

fn fill(id: u32, ms: i64) -> String {
    format!(
        r#"{{"symbol":"BTCUSDT","orderId":"o","side":"Buy","execId":"t{id}","execType":"Trade","execPrice":"100","execQty":"1","execFee":"0","isMaker":false,"execTime":"{ms}"}}"#
    )
}

fn page(rows: &[String], cursor: &str) -> Response<Vec<u8>> {
    let rows = rows.join(",");
    ok(&format!(
        r#"{{"retCode":0,"retMsg":"OK","result":{{"list":[{rows}],"nextPageCursor":"{cursor}"}},"time":9}}"#
    ))
}

fn order_ref() -> Call {
    Call::Order(OrderRef::named(BTC, "ours".parse().expect("plain")))
}

#[test]
fn an_order_is_absent_only_if_neither_list_has_it() {
    let client = client(Product::Perpetual);
    let call = order_ref();
    let first = client.request(&call, now()).expect("a request");
    assert_eq!(first.uri().path(), "/v5/order/realtime");
    assert_eq!(said(&first), "category=linear&symbol=BTCUSDT&orderLinkId=ours");
    let empty = || page(&[], "");
    let second = client.further(&call, &[empty()], now()).expect("a request").expect("one more");
    assert_eq!(second.uri().path(), "/v5/order/history");
    let check = |responses: &[Response<Vec<u8>>], want: &str| {
        let found = match client.conclude(&call, responses, now()) {
            Answer::Order(order) => order.venue.map(|id| id.to_string()).unwrap_or_default(),
            Answer::NotFound => "absent".to_owned(),
            Answer::Unknown(why) => format!("{why:?}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, want);
        let asks = client.further(&call, responses, now()).expect("a request").is_some();
        assert_eq!(asks, responses.len() == 1 && want == "Server" && responses[0].status() == 200);
    };
    check(&[empty()], "Server");
    check(&[page(&[row("7", "New")], "")], "7");
    check(&[empty(), page(&[row("8", "Cancelled")], "")], "8");
    check(&[empty(), empty()], "absent");
    let mut broken = ok("<html>");
    *broken.status_mut() = http::StatusCode::BAD_GATEWAY;
    check(&[empty(), broken], "Server");
}

#[test]
fn open_orders_are_read_to_the_last_page() {
    let client = client(Product::Perpetual);
    let call = Call::OpenOrders(None, Book::Both);
    let first: Vec<String> = (0..50).map(|id| row(&id.to_string(), "New")).collect();
    let pages = [page(&first, "page%3D2%26"), page(&[row("50", "PartiallyFilled")], "page%3D3%26")];
    let next = client.further(&call, &pages[..1], now()).expect("a request").expect("a page");
    assert!(
        said(&next).ends_with("&settleCoin=USDT&limit=50&cursor=page%3D2%26"),
        "{}",
        said(&next)
    );
    let half = client.conclude(&call, &pages[..1], now());
    assert_eq!(half, Answer::Unknown(Unknown::Server), "a part of a list is no list");
    assert!(client.further(&call, &pages, now()).expect("fine").is_none());
    let Answer::Orders(all) = client.conclude(&call, &pages, now()) else { panic!("orders") };
    assert_eq!(all.len(), 51);
    assert!(all.iter().all(|one| one.state == OrderState::Working));
}

#[test]
fn trades_are_read_by_weeks_and_pages_and_told_oldest_first() {
    const DAY_MS: i64 = 86_400_000;
    let client = client(Product::Perpetual);
    let since = NOW_MS - 10 * DAY_MS;
    let of = |after: Option<&str>| Call::Fills {
        instrument: BTC,
        since: at(since),
        after: after.map(|id| id.parse().expect("plain")),
    };
    // The first week has 101 trades on two pages, newest first; the second has one.
    let newest: Vec<String> = (2..=101).rev().map(|n| fill(n, since + i64::from(n))).collect();
    let pages = [
        page(&newest, "next"),
        page(&[fill(1, since + 1)], ""),
        page(&[fill(102, since + 8 * DAY_MS)], ""),
    ];
    let asked = |count: usize| {
        let next = client.further(&of(None), &pages[..count], now()).expect("a request");
        next.map(|request| said(&request))
    };
    let week = since + 7 * DAY_MS;
    let base = "category=linear&symbol=BTCUSDT&startTime=";
    assert_eq!(asked(1), Some(format!("{base}{since}&limit=100&cursor=next")));
    assert_eq!(asked(2), Some(format!("{base}{week}&limit=100")));
    assert_eq!(asked(3), None);
    let read = |after: Option<&str>, count: usize| match client.conclude(
        &of(after),
        &pages[..count],
        now(),
    ) {
        Answer::Fills { fills, more } => {
            let names = fills.iter().map(|fill| fill.trade.to_string());
            (names.collect::<Vec<_>>(), more)
        }
        other => panic!("{other:?}"),
    };
    let (all, more) = read(None, 3);
    assert!(!more);
    assert_eq!(all, (1..=102).map(|n| format!("t{n}")).collect::<Vec<_>>());
    assert_eq!(read(Some("t100"), 3).0, ["t101", "t102"]);
    // A week that was read whole can be told before the next one.
    let (all, more) = read(None, 2);
    assert_eq!((all.len(), more), (101, true));
}

#[test]
fn on_spot_all_orders_are_cancelled_by_two_requests() {
    let (spot, linear) = (client(Product::Spot), client(Product::Perpetual));
    let call = Call::CancelAll(None, Book::Both);
    assert_eq!(linear.split(&call), std::slice::from_ref(&call));
    let parts = spot.split(&call);
    let said: Vec<_> =
        parts.iter().map(|part| said(&spot.request(part, now()).expect("one"))).collect();
    let filter = |name: &str| format!(r#"{{"category":"spot","orderFilter":"{name}"}}"#);
    assert_eq!(said, [filter("Order"), filter("StopOrder")]);
    assert!(spot.request(&call, now()).is_err(), "one request cannot do it");
}

#[test]
fn what_the_venue_has_no_words_for_is_said_before_it_is_sent() {
    let check = |product: Product, change: fn(Ticket) -> Ticket, what: &str| {
        let id = InstrumentId(u32::from(product == Product::Spot));
        let ticket = change(Ticket::market(id, Side::Buy, Quantity(1000)));
        let client_id = "ours".parse().expect("plain");
        let order = engine::live::NewOrder {
            client: client_id,
            ticket,
            scope: engine::live::Scope::Size,
            stop: None,
        };
        let found = client(product).request(&Call::Place(order), now());
        let found = found.map_or_else(|e| e.to_string(), |request| said(&request));
        assert!(found.contains(what), "{found}");
    };
    check(
        Product::Perpetual,
        |ticket| ticket.of(OrderKind::Trailing { distance: Distance::Ticks(10), from: None }),
        "takes no trailing",
    );
    check(
        Product::Spot,
        |ticket| ticket.of(OrderKind::Touched { trigger: Price(5) }),
        "waits for a better price",
    );
    check(
        Product::Spot,
        |ticket| ticket.restricted(Restrictions::REDUCE_ONLY),
        "reduce-only purchase",
    );
    check(
        Product::Spot,
        |ticket| Ticket { side: Side::Sell, ..ticket }.restricted(Restrictions::REDUCE_ONLY),
        r#""side":"Sell""#,
    );
    check(
        Product::Perpetual,
        |ticket| Ticket { leg: portfolio::Leg::Long, ..ticket },
        "takes no leg",
    );
    check(Product::Perpetual, |ticket| Ticket { display: Some(Quantity(1)), ..ticket }, "iceberg");
    check(
        Product::Perpetual,
        |ticket| ticket.lasting(engine::order::TimeInForce::FillOrKill),
        "fill-or-kill",
    );
    let spot = client(Product::Spot);
    for call in
        [Call::Positions, Call::Mode, Call::SetLeverage(InstrumentId(1), 2), Call::ListenKey]
    {
        assert!(spot.request(&call, now()).is_err(), "{call:?}");
    }
    // A perpetual is none of a spot client's instruments.
    assert!(spot.request(&Call::SetLeverage(BTC, 2), now()).is_err());
    let traits = spot.traits();
    assert_eq!(
        (traits.heartbeat, traits.stops),
        (Heartbeat::None, engine::live::StopTiming::Behind)
    );
    assert!(!traits.capabilities.has(Capabilities::TOUCHED));
    assert!(client(Product::Perpetual).traits().capabilities.has(Capabilities::TOUCHED));
}

#[test]
fn limits_are_read_from_the_headers() {
    let mut response = ok("{}");
    assert_eq!(client(Product::Spot).load(&response, now()), None);
    for (name, value) in [
        ("X-Bapi-Limit", "100"),
        ("X-Bapi-Limit-Status", "99"),
        ("X-Bapi-Limit-Reset-Timestamp", "1672738134824"),
    ] {
        let name: http::HeaderName = name.parse().expect("a name");
        response.headers_mut().insert(name, value.parse().expect("a value"));
    }
    let load = client(Product::Spot).load(&response, now()).expect("said");
    assert_eq!((load.used, load.limit, load.reset), (1, 100, Some(at(1_672_738_134_824))));
}

#[test]
fn what_a_client_library_asks_besides_is_answered_by_the_counter() {
    let counter = bybit::Counter::new(Product::Perpetual);
    let ask = |path_and_query: &str| {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let keys = crate::world::keys();
        let payload = format!("{NOW_MS}{}5000{query}", keys.key);
        let request = http::Request::builder()
            .uri(format!("https://box{path}?{query}"))
            .header("X-BAPI-API-KEY", &keys.key)
            .header("X-BAPI-TIMESTAMP", NOW_MS.to_string())
            .header("X-BAPI-RECV-WINDOW", "5000")
            .header("X-BAPI-SIGN", bybit::sign(&keys.secret, payload.as_bytes()))
            .body(Vec::new())
            .expect("a request");
        match counter.asked(&request, &ring(), &roster(), now()) {
            Ok(asked) => asked.call.name().to_owned(),
            Err(own) => format!("{} {}", own.status(), String::from_utf8_lossy(own.body())),
        }
    };
    let check = |path: &str, want: &str| assert!(ask(path).contains(want), "{path}: {}", ask(path));
    check("/v5/account/info", r#""unifiedMarginStatus":5"#);
    check("/v5/asset/coin/query-info", r#""coin":"USDT""#);
    check("/v5/user/query-api", "key_scope");
    check("/v5/account/wallet-balance?accountType=UNIFIED", "balances");
    check("/v5/order/realtime?category=linear&settleCoin=USDT", "open_orders");
    check("/v5/order/realtime?category=spot", r#""list":[]"#);
    check("/v5/order/history?category=linear&limit=50", r#""list":[]"#);
    check("/v5/order/history?category=linear&symbol=BTCUSDT&orderId=7", "order");
    check("/v5/execution/list?category=linear&symbol=BTCUSDT", "fills");
    check("/v5/execution/list?category=linear", "10001");
    check("/v5/position/list?category=linear&settleCoin=USDT&limit=200", "positions");
    check("/v5/position/list?category=linear&symbol=BTCUSDT", "positions");
    check("/v5/withdraw", "404");
}
