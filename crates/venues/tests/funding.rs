//! Funding over each venue's protocol: what its documentation prints is read as it is meant, and what our
//! end asks and says goes through the venue's end and back.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

use engine::live::{Answer, Call, FundingReport, Mode, Word};
use http::Response;
use market::{
    Currency, Instrument, Listing, Money, Product, Quantity, Roster, Scale, Settlement, Timestamp,
    Traded, VenueName,
};
use portfolio::{InstrumentId, Leg};
use std::sync::Arc;
use venues::{Client, Counter, Hosts, KeyRing, Keys, Setup};

const NOW: Timestamp = Timestamp::from_nanos(1_700_003_600_000_000_000);

fn roster(native: &str) -> Roster {
    let instrument = Instrument {
        symbol: native.parse().expect("a symbol"),
        price_scale: Scale::CENTS,
        lot_scale: Scale::new(3).expect("small"),
        currency: Currency::USDT,
    };
    let listing = Listing {
        settlement: Settlement::Margin,
        size_min: Quantity(1),
        ..Listing::of(instrument.clone())
    };
    Roster::new(vec![Traded {
        native: instrument.symbol,
        product: Product::Perpetual,
        base: "BTC".parse().expect("a coin"),
        contract: Money(Money::UNIT),
        listing,
        trading: true,
        leverage_max: 100,
    }])
}

fn keys() -> Keys {
    let passphrase = Some("p".to_owned().into());
    Keys { key: "k".to_owned(), secret: b"s".to_vec().into(), passphrase }
}

struct Ends {
    client: Arc<dyn Client>,
    counter: Box<dyn Counter>,
    ring: KeyRing,
    roster: Roster,
    listen_key: Option<String>,
}

fn ends(venue: VenueName) -> Ends {
    let native = if venue == VenueName::Okx { "BTC-USDT-SWAP" } else { "BTCUSDT" };
    let roster = roster(native);
    let setup = Setup {
        product: Product::Perpetual,
        mode: Mode::OneWay,
        roster: roster.clone(),
        hosts: Hosts {
            rest: "https://venue.test".to_owned(),
            private: "wss://venue.test".to_owned(),
        },
        keys: keys(),
        window_ms: 5_000,
    };
    let (client, counter, listen_key): (Arc<dyn Client>, Box<dyn Counter>, _) = match venue {
        VenueName::Binance => (
            Arc::new(venues::binance::Client::new(setup)),
            Box::new(venues::binance::Counter::new(Product::Perpetual)),
            Some(venues::binance::listen_key(0)),
        ),
        VenueName::Bybit => (
            Arc::new(venues::bybit::Client::new(setup)),
            Box::new(venues::bybit::Counter::new(Product::Perpetual)),
            None,
        ),
        VenueName::Okx => {
            (Arc::new(venues::okx::Client::new(setup)), Box::new(venues::okx::Counter), None)
        }
    };
    Ends { client, counter, ring: KeyRing { accounts: vec![keys()] }, roster, listen_key }
}

fn call() -> Call {
    let since = Timestamp::from_nanos(1_700_000_000_000_000_000);
    Call::Funding { instrument: InstrumentId(0), since, until: NOW }
}

fn paid(payment: &str, amount: &str, ms: i64) -> FundingReport {
    FundingReport {
        payment: payment.parse().expect("a name"),
        instrument: InstrumentId(0),
        leg: Leg::Net,
        amount: Money::parse(amount).expect("an amount"),
        currency: Currency::USDT,
        time: Timestamp::from_nanos(ms * 1_000_000),
    }
}

/// Rows in the shape that the documentation prints; what else there is in a list is passed over.
#[test]
fn what_a_venue_booked_is_read_as_it_is_meant() {
    let check = |venue, body: &str, want: &[FundingReport]| {
        let ends = ends(venue);
        let response = Response::new(body.as_bytes().to_vec());
        let answer = ends.client.conclude(&call(), &[response], NOW);
        assert_eq!(answer, Answer::Funding(want.to_vec()), "{venue}");
    };
    check(
        VenueName::Binance,
        r#"[{"symbol":"BTCUSDT","incomeType":"FUNDING_FEE","income":"-0.01000000","asset":"USDT","info":"FUNDING_FEE","time":1700002800000,"tranId":9689322392,"tradeId":""},
            {"symbol":"BTCUSDT","incomeType":"FUNDING_FEE","income":"0.37500000","asset":"USDT","info":"FUNDING_FEE","time":1700000000000,"tranId":"9689322391","tradeId":""},
            {"symbol":"","incomeType":"TRANSFER","income":"-0.37500000","asset":"USDT","info":"TRANSFER","time":1570608000000,"tranId":9689322390,"tradeId":""}]"#,
        &[
            paid("9689322391", "0.375", 1_700_000_000_000),
            paid("9689322392", "-0.01", 1_700_002_800_000),
        ],
    );
    // A negative fee is received.
    check(
        VenueName::Bybit,
        r#"{"retCode":0,"retMsg":"OK","time":1700003600000,"retExtInfo":{},"result":{"category":"linear","nextPageCursor":"","list":[
            {"symbol":"BTCUSDT","orderId":"1700000000-BTCUSDT-76024047-Buy","orderLinkId":"","side":"Buy","orderPrice":"0.00000","orderQty":"0","leavesQty":"0","orderType":"UNKNOWN","stopOrderType":"UNKNOWN","execFee":"-0.00005586","execId":"98d39eab-547e-41fe-bc59-0a4e09e9c4fe","execPrice":"0.01565","execQty":"932","execType":"Funding","execValue":"14.5858","execTime":"1700000000000","isMaker":false,"feeRate":"-0.00000383","closedSize":"0","seq":"36754582922"},
            {"symbol":"BTCUSDT","orderId":"1","orderLinkId":"","side":"Buy","execFee":"0.1","execId":"t","execPrice":"100.00","execQty":"0.001","execType":"Trade","execTime":"1700000000000","isMaker":false,"closedSize":"0"}]}}"#,
        &[paid("98d39eab-547e-41fe-bc59-0a4e09e9c4fe", "0.00005586", 1_700_000_000_000)],
    );
    check(
        VenueName::Okx,
        r#"{"code":"0","msg":"","data":[
            {"bal":"8694.2","balChg":"-0.0024578","billId":"623950854533513219","ccy":"USDT","instId":"BTC-USDT-SWAP","instType":"SWAP","mgnMode":"cross","pnl":"-0.0024578","subType":"173","type":"8","ts":"1700000000000"},
            {"bal":"8694.2","balChg":"1","billId":"623950854533513218","ccy":"USDT","instId":"BTC-USDT-SWAP","instType":"SWAP","subType":"1","type":"2","ts":"1695033476166"}]}"#,
        &[paid("623950854533513219", "-0.0024578", 1_700_000_000_000)],
    );
}

#[test]
fn what_is_asked_and_booked_goes_through_and_back() {
    let booked =
        [paid("7", "-1.25", 1_700_000_000_000), paid("8", "0.00000003", 1_700_003_600_000)];
    for venue in [VenueName::Binance, VenueName::Bybit, VenueName::Okx] {
        let ends = ends(venue);
        let request = ends.client.request(&call(), NOW).expect("can be asked");
        let asked = ends.counter.asked(&request, &ends.ring, &ends.roster, NOW);
        let asked = asked.unwrap_or_else(|no| panic!("{venue}: {no:?}"));
        assert_eq!(asked.call, call(), "{venue}: {}", request.uri());
        let answer = Answer::Funding(booked.to_vec());
        let said = [answer.clone()];
        let response = ends.counter.reply(&request, &asked, &said, (&ends.roster, NOW));
        assert_eq!(ends.client.conclude(&call(), &[response], NOW), answer, "{venue}");
    }
}

/// Bybit's stream says all of it, the other two only that there was a payment.
#[test]
fn a_stream_tells_of_funding() {
    let booked = paid("7", "-1.25", 1_700_000_000_000);
    let check = |venue, want: &Word| {
        let ends = ends(venue);
        let mut stream = ends.client.stream(ends.listen_key.as_deref());
        let uri = stream.uri();
        let path = uri.strip_prefix("wss://venue.test").expect("our host");
        let mut hearing = ends.counter.hearing(path).expect("a stream");
        let (mut up, mut words) = (Vec::new(), Vec::new());
        stream.opened(NOW, &mut up);
        for _ in 0..10 {
            let mut down = Vec::new();
            for text in up.drain(..) {
                hearing.hear(&text, &ends.ring, NOW, &mut down);
            }
            for text in down {
                stream.hear(&text, NOW, &mut words, &mut up).expect("is read");
            }
        }
        assert_eq!(words.pop(), Some(Word::Ready), "{venue}");
        let mut down = Vec::new();
        hearing.tell(&Word::Funding(booked), &ends.roster, NOW, &mut down);
        for text in &down {
            stream.hear(text, NOW, &mut words, &mut up).expect("is read");
        }
        assert_eq!(words, std::slice::from_ref(want), "{venue}: {down:?}");
    };
    check(VenueName::Binance, &Word::Funded);
    check(VenueName::Bybit, &Word::Funding(booked));
    check(VenueName::Okx, &Word::Funded);
}
