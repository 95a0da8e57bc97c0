//! What is signed wrong, late or by nobody is refused in the venue's words.

use super::*;
use engine::live::{Answer, Call, RefusedKind};
use http::Method;
use portfolio::InstrumentId;

fn read(product: Product, refusal: &Response<Vec<u8>>) -> (i64, RefusedKind) {
    match client(product, Mode::OneWay).answer(&Call::Balances, refusal, now()) {
        Answer::Refused(refused) => (refused.code, refused.kind),
        other => panic!("{other:?}"),
    }
}

fn refused(product: Product, request: &Request<Vec<u8>>) -> (i64, RefusedKind) {
    let refusal = asked(product, request).expect_err("it is wrong");
    read(product, &refusal)
}

fn at(product: Product, keys: Keys, nanos: i64) -> Request<Vec<u8>> {
    let setup = Setup { keys, ..setup(product, Mode::OneWay) };
    let then = now().plus_nanos(nanos).expect("in range");
    binance::Client::new(setup).request(&Call::Balances, then).expect("can be asked")
}

#[test]
fn a_request_must_be_signed_in_time_by_a_known_key() {
    for product in [Product::Spot, Product::Perpetual] {
        let forged = Keys { secret: b"guess".to_vec().into(), ..keys("second") };
        assert_eq!(refused(product, &at(product, forged, 0)), (-1022, RefusedKind::Key));
        assert_eq!(refused(product, &at(product, keys("third"), 0)), (-2015, RefusedKind::Key));
        let own = || keys("second");
        assert!(asked(product, &at(product, own(), -5_000_000_000)).is_ok());
        let late = at(product, own(), -5_001_000_000);
        assert_eq!(refused(product, &late), (-1021, RefusedKind::Clock));
        assert!(asked(product, &at(product, own(), 999_000_000)).is_ok());
        let early = at(product, own(), 1_000_000_000);
        assert_eq!(refused(product, &early), (-1021, RefusedKind::Clock));
        let mut nameless = at(product, own(), 0);
        nameless.headers_mut().remove("x-mbx-apikey");
        assert_eq!(refused(product, &nameless), (-2014, RefusedKind::Key));
    }
}

#[test]
fn not_a_byte_of_what_is_signed_can_be_changed() {
    let good = at(Product::Spot, keys("second"), 0);
    let uri = good.uri().to_string();
    for (from, to) in
        [("omitZeroBalances=true", "omitZeroBalances=fals"), ("recvWindow=5000", "recvWindow=6000")]
    {
        let mut bad = good.clone();
        *bad.uri_mut() = uri.replace(from, to).parse().expect("an address");
        assert_eq!(refused(Product::Spot, &bad), (-1022, RefusedKind::Key));
    }
    let mut twice = good.clone();
    *twice.uri_mut() =
        uri.replace("&signature", "&recvWindow=1&signature").parse().expect("an address");
    assert_eq!(refused(Product::Spot, &twice).0, -1101);
    let mut upper = good;
    let (head, tail) = uri.split_once("signature=").expect("signed");
    *upper.uri_mut() =
        format!("{head}signature={}", tail.to_uppercase()).parse().expect("an address");
    assert!(asked(Product::Spot, &upper).is_ok(), "the venue reads either case");
}

/// A request with a valid signature over whatever it has.
fn signed(method: Method, path: &str, params: &str) -> Request<Vec<u8>> {
    let keys = keys("second");
    let payload = format!("{params}&timestamp=1700000000000");
    let signature = binance::sign(&keys.secret, payload.as_bytes());
    let uri = format!("https://venue.test{path}?{payload}&signature={signature}");
    let request = Request::builder().method(method).uri(uri).header("x-mbx-apikey", keys.key);
    request.body(Vec::new()).expect("a request")
}

#[test]
fn a_wrong_order_is_refused_as_the_venue_does() {
    let check = |path: &str, params: &str, code: i64| {
        let product = if path.starts_with("/api") { Product::Spot } else { Product::Perpetual };
        let request = signed(Method::POST, path, params);
        assert_eq!(refused(product, &request).0, code, "{path}?{params}");
    };
    let (spot, futures, algo) = ("/api/v3/order", "/fapi/v1/order", "/fapi/v1/algoOrder");
    let good = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=100.5";
    check(spot, &good.replace("BTCUSDT", "XYZUSDT"), -1121);
    check(spot, &good.replace("side=BUY", "side=KEEP"), -1117);
    check(spot, &good.replace("type=LIMIT", "type=HOPE"), -1116);
    check(spot, &good.replace("timeInForce=GTC", "timeInForce=AGES"), -1115);
    check(spot, &good.replace("&quantity=1", ""), -1102);
    check(spot, &good.replace("&timeInForce=GTC", ""), -1102);
    check(spot, &good.replace("price=100.5", "price=100.555"), -1013);
    check(spot, &good.replace("quantity=1", "quantity=0.0001"), -1013);
    check(spot, &good.replace("quantity=1", "quoteOrderQty=1"), -2010);
    check(spot, &format!("{good}&newClientOrderId=a%20b"), -1100);
    check(futures, &good.replace("price=100.5", "price=100.555"), -4014);
    check(futures, &good.replace("quantity=1", "quantity=0.0001"), -1111);
    check(futures, &format!("{good}&positionSide=UP"), -4060);
    check(futures, &format!("{good}&positionSide=LONG&reduceOnly=true"), -1106);
    let stop = "symbol=BTCUSDT&side=SELL&type=STOP_MARKET&triggerPrice=90&stopPrice=90";
    check(futures, &format!("{stop}&quantity=1"), -4120);
    check(algo, &format!("{stop}&quantity=1"), -1102);
    check(algo, &format!("{stop}&algoType=CONDITIONAL&quantity=1&closePosition=true"), -4137);
    check("/fapi/v1/leverage", "symbol=BTCUSDT&leverage=126", -4028);
    check("/fapi/v1/marginType", "symbol=BTCUSDT&marginType=CROSSED", -4046);
    check("/fapi/v1/nothing", "a=b", -5000);
    check("/fapi/v1/allOrders", "symbol=BTCUSDT", -5000);
}

#[test]
fn what_a_client_library_asks_besides_is_answered() {
    let check = |product, path: &str, want: &str| {
        let answer = asked(product, &signed(Method::GET, path, "a=b")).expect_err("its own answer");
        assert_eq!(answer.status(), 200);
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(body.starts_with(want), "{path}: {body}");
    };
    check(Product::Spot, "/sapi/v1/capital/config/getall", "[]");
    check(Product::Spot, "/sapi/v1/margin/allPairs", "[]");
    check(Product::Perpetual, "/fapi/v1/leverageBracket", r#"[{"brackets""#);
    check(Product::Perpetual, "/fapi/v1/multiAssetsMargin", r#"{"multiAssetsMargin":false}"#);
}

#[test]
fn a_cancel_and_replace_of_spot_is_a_change() {
    let params = "symbol=BTCUSDT&side=BUY&type=LIMIT&cancelReplaceMode=STOP_ON_FAILURE&timeInForce=GTC&quantity=2&price=101&cancelOrderId=7";
    let heard = asked(Product::Spot, &signed(Method::POST, "/api/v3/order/cancelReplace", params));
    let call = heard.expect("well asked").call;
    let Call::Amend(order, change, _) = &call else { panic!("{call:?}") };
    assert_eq!(
        (order.instrument, order.venue),
        (InstrumentId(3), Some("7".parse().expect("a number")))
    );
    assert_eq!(
        (change.quantity, change.price),
        (Some(market::Quantity(2000)), Some(market::Price(10_100)))
    );
}

#[test]
fn a_private_stream_is_nobodys_without_a_key() {
    assert!(counter(Product::Perpetual).hearing("/private/ws/guess").is_none());
    assert!(
        counter(Product::Perpetual)
            .hearing(&format!("/private/ws/{}1", binance::listen_key(1)))
            .is_none()
    );
    let mut far = counter(Product::Spot).hearing("/ws-api/v3").expect("a stream");
    let mut near = binance::Client::new(Setup {
        keys: Keys { secret: b"guess".to_vec().into(), ..keys("second") },
        ..setup(Product::Spot, Mode::OneWay)
    })
    .stream(None);
    let (mut sent, mut back) = (Vec::new(), Vec::new());
    near.opened(now(), &mut sent);
    far.hear(&sent[0], &ring(), now(), &mut back);
    assert!(near.hear(&back[0], now(), &mut Vec::new(), &mut Vec::new()).is_err());
    assert_eq!(far.account(), None);
    far.tell(&Word::Ending, &roster(), now(), &mut sent);
    assert_eq!(sent.len(), 1, "nothing is told to nobody");
}

#[test]
fn a_full_limit_is_seen_in_time() {
    let load = |headers: &[(&str, &str)]| {
        let mut response = Response::builder();
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(Vec::new()).expect("a response");
        client(Product::Perpetual, Mode::OneWay).load(&response, now())
    };
    assert_eq!(load(&[]), None);
    assert_eq!(load(&[("x-mbx-used-weight-1m", "many")]), None);
    let half = load(&[("X-MBX-USED-WEIGHT-1M", "1200"), ("x-mbx-order-count-10s", "3")]);
    assert_eq!(half.map(|load| (load.used, load.limit)), Some((1200, 2400)));
    let orders = load(&[("X-MBX-USED-WEIGHT-1M", "1200"), ("x-mbx-order-count-10s", "290")]);
    assert!(orders.is_some_and(|load| load.limit == 300 && load.is_past(80)));
}
