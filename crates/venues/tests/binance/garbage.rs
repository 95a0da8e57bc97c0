//! Whatever comes, nothing falls over, and nothing unreadable is taken for an answer.

use super::*;
use engine::live::{Answer, Book, Call, OrderRef};
use portfolio::InstrumentId;
use proptest::prelude::*;

const WHOLE: [&str; 6] = [
    r#"{"clientOrderId":"a","executedQty":"0","orderId":2,"origQty":"10","price":"9000","reduceOnly":false,"side":"BUY","positionSide":"LONG","status":"NEW","symbol":"BTCUSDT","timeInForce":"GTC","type":"LIMIT","updateTime":1566818724722}"#,
    r#"{"algoId":21,"clientAlgoId":"6B","algoType":"CONDITIONAL","orderType":"TAKE_PROFIT","symbol":"BNBUSDT","side":"SELL","positionSide":"BOTH","quantity":"1","algoStatus":"NEW","triggerPrice":"750","price":"750","createTime":1750485492076,"updateTime":1750485492076}"#,
    r#"{"e":"ORDER_TRADE_UPDATE","E":1,"T":1,"o":{"s":"BTCUSDT","c":"T","S":"SELL","o":"LIMIT","f":"GTC","q":"0.001","p":"1","sp":"0","x":"TRADE","X":"FILLED","i":8,"l":"0.001","z":"0.001","L":"1","N":"USDT","n":"0","T":1,"t":1,"m":false,"R":false,"ps":"LONG","cp":false}}"#,
    r#"{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"ORDER","B":[],"P":[{"s":"BTCUSDT","pa":"20","ep":"6563.6","ps":"LONG"}]}}"#,
    r#"{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"u":1,"B":[{"a":"ETH","f":"1","l":"0"}]}}"#,
    r#"{"code":-2013,"msg":"Order does not exist."}"#,
];

fn calls() -> Vec<Call> {
    let named = OrderRef::named(InstrumentId(0), "a".parse().expect("a name"));
    vec![
        Call::Order(named),
        Call::Order(OrderRef { conditional: true, ..named }),
        Call::Cancel(named),
        Call::OpenOrders(None, Book::Plain),
        Call::OpenOrders(None, Book::Conditional),
        Call::Fills { instrument: InstrumentId(0), since: now(), after: None },
        Call::Positions,
        Call::Balances,
        Call::KeyScope,
        Call::Mode,
        Call::ListenKey,
        Call::SetLeverage(InstrumentId(0), 5),
    ]
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

proptest! {
    #[test]
    fn nothing_is_too_strange(
        place in 0..400_usize, byte: u8, cut in 0..400_usize, text in "\\PC{0,80}",
        status in prop_oneof![Just(200_u16), 100..600_u16], number in "[0-9]{1,60}",
    ) {
        for whole in WHOLE {
            let mut bytes = whole.as_bytes().to_vec();
            let at = place % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut.max(1));
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            let huge = whole.replace("0.001", &number).replace("10", &number);
            for text in [changed, text.clone(), huge] {
                for product in [Product::Spot, Product::Perpetual] {
                    for call in calls() {
                        let response = response(status, &text);
                        let answer = client(product, Mode::Hedge).answer(&call, &response, now());
                        // A cut or changed answer is never the venue's word about an order.
                        if !is_json(&text) {
                            prop_assert!(
                                matches!(answer, Answer::Unknown(_) | Answer::Throttled { .. }),
                                "{} {:?}: {:?}", status, text, answer
                            );
                        }
                        if status >= 500 {
                            prop_assert_ne!(answer, Answer::NotFound);
                        }
                    }
                    let (mut words, mut send) = (Vec::new(), Vec::new());
                    let mut stream = client(product, Mode::Hedge).stream(Some("key"));
                    let heard = stream.hear(&text, now(), &mut words, &mut send);
                    prop_assert!(heard.is_ok() || words.iter().all(|word| *word == Word::Ready));
                }
            }
        }
    }

    #[test]
    fn a_counter_survives_its_customers(
        path in "/[a-z0-9/]{0,40}", query in "[ -~]{0,80}", body in prop::collection::vec(any::<u8>(), 0..80), text in "\\PC{0,80}",
    ) {
        let query: String = query.chars().filter(|c| !" \"#<>\\^`{|}".contains(*c)).collect();
        for (product, base) in [(Product::Spot, "/api/v3/order"), (Product::Perpetual, "/fapi/v1/algoOrder")] {
            for path in [path.as_str(), base] {
                let Ok(request) = Request::post(format!("https://venue.test{path}?{query}"))
                    .header("x-mbx-apikey", "second").body(body.clone()) else { continue };
                prop_assert!(asked(product, &request).is_err());
            }
            let mut far = match product {
                Product::Spot => counter(product).hearing("/ws-api/v3").expect("a stream"),
                Product::Perpetual => Line::open(product).0.far,
            };
            let mut send = Vec::new();
            far.hear(&text, &ring(), now(), &mut send);
            prop_assert!(send.iter().all(|text| is_json(text)));
        }
    }
}

#[test]
fn a_key_that_is_there_twice_is_no_answer() {
    let body = r#"{"dualSidePosition":true,"dualSidePosition":false}"#;
    let answer =
        client(Product::Perpetual, Mode::Hedge).answer(&Call::Mode, &response(200, body), now());
    assert_eq!(answer, Answer::Unknown(engine::live::Unknown::Garbled));
}
