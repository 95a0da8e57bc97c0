//! The examples that the venue's documentation shows.

use crate::world::{at, ok, roster, source, traded};
use feeds::{Ask, Error, Source as _, Told};
use market::{BarSize, Money, Price, Product, Quantity, Roster, VenueName};
use portfolio::InstrumentId;

/// <https://bybit-exchange.github.io/docs/v5/market/instrument>
const LINEAR: &str = r#"{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[{"symbol":"BTCUSDT","symbolId":5,"contractType":"LinearPerpetual","status":"Trading","baseCoin":"BTC","quoteCoin":"USDT","launchTime":"1585526400000","deliveryTime":"0","deliveryFeeRate":"","priceScale":"2","leverageFilter":{"minLeverage":"1","maxLeverage":"100.00","leverageStep":"0.01"},"priceFilter":{"minPrice":"0.10","maxPrice":"1999999.80","tickSize":"0.10"},"lotSizeFilter":{"maxOrderQty":"1190.000","minOrderQty":"0.001","qtyStep":"0.001","postOnlyMaxOrderQty":"1190.000","maxMktOrderQty":"500.000","minNotionalValue":"5"},"unifiedMarginTrade":true,"fundingInterval":480,"settleCoin":"USDT","copyTrading":"both","isPreListing":false,"preListingInfo":null}],"nextPageCursor":""},"retExtInfo":{},"time":1735809771618}"#;
const SPOT: &str = r#"{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"symbolId":9,"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","innovation":"0","status":"Trading","marginTrading":"utaOnly","stTag":"0","lotSizeFilter":{"basePrecision":"0.000001","quotePrecision":"0.0000001","minOrderQty":"0.000011","maxOrderQty":"83","minOrderAmt":"5","maxOrderAmt":"8000000","maxLimitOrderQty":"83","maxMarketOrderQty":"41.5","postOnlyMaxLimitOrderSize":"60000"},"priceFilter":{"tickSize":"0.1"},"riskParameters":{"priceLimitRatioX":"0.005","priceLimitRatioY":"0.01"},"symbolType":""}]},"retExtInfo":{},"time":1760027412300}"#;

#[test]
fn documented_instruments_are_read_exactly() {
    let check = |product, text: &str, lots: u8, (least, most): (u64, u64), leverage: u32| {
        let told = source().answer(&Ask::Instruments(product, Vec::new()), &ok(text), &roster());
        let Ok(Told::Instruments(all)) = told else { panic!("{told:?}") };
        let [one] = all.as_slice() else { panic!("{all:?}") };
        let listing = &one.listing;
        assert_eq!((listing.price_scale().decimals(), listing.price_step), (1, 1));
        assert_eq!((listing.instrument.lot_scale.decimals(), listing.size_step), (lots, 1));
        assert_eq!((listing.size_min, listing.size_max), (Quantity(least), Quantity(most)));
        assert_eq!((listing.notional_min, one.leverage_max), (Money::from_whole(5), leverage));
        assert_eq!((one.contract, one.base.as_str()), (Money(Money::UNIT), "BTC"));
    };
    check(Product::Perpetual, LINEAR, 3, (1, 500_000), 100);
    check(Product::Spot, SPOT, 6, (1, 41_500_000), 1);
    // By name, and by a name that is not there.
    for (name, count) in [("BTCUSDT", 1), ("ETHUSDT", 0)] {
        let ask = Ask::Instruments(Product::Spot, vec![name.to_owned(), "X".to_owned()]);
        let told = source().answer(&ask, &ok(SPOT), &roster());
        assert!(matches!(told, Ok(Told::Instruments(all)) if all.len() == count), "{name}");
    }
}

/// <https://bybit-exchange.github.io/docs/v5/market/kline>: newest first, the newest still open.
#[test]
fn documented_bars_are_read_oldest_first_and_only_closed() {
    let text = r#"{"retCode":0,"retMsg":"OK","result":{"symbol":"BTCUSD","category":"inverse","list":[["1670608800000","17071","17073","17027","17055.5","268611","15.74462667"],["1670605200000","17071.5","17071.5","17061","17071","4177","0.24469757"],["1670601600000","17086.5","17088","16978","17071.5","6356","0.37288112"]]},"retExtInfo":{},"time":1670610000000}"#;
    let hour: BarSize = "1h".parse().expect("a size");
    let (from, to) = (at(1_670_601_600_000), at(1_670_612_400_000));
    let roster = Roster::new(vec![traded(Product::Perpetual, "BTCUSD", 1, 0)]);
    let ask = Ask::Bars { instrument: InstrumentId(0), size: hour, from, to };
    let told = source().answer(&ask, &ok(text), &roster);
    let Ok(Told::Bars(bars)) = told else { panic!("{told:?}") };
    let found: Vec<_> =
        bars.iter().map(|(open, bar)| (*open, bar.open, bar.low, bar.volume)).collect();
    let first = (at(1_670_601_600_000), Price(170_865), Price(169_780), Quantity(6356));
    let second = (at(1_670_605_200_000), Price(170_715), Price(170_610), Quantity(4177));
    assert_eq!(found, [first, second]);
}

#[test]
fn questions_are_asked_as_documented() {
    let check = |ask: &Ask, want: &str| {
        let request = source().request(ask, &roster()).expect("a request");
        assert_eq!(request.uri().to_string(), format!("https://api.bybit.com/v5/market/{want}"));
    };
    check(&Ask::Time, "time");
    let names = vec!["BTCUSDT".to_owned()];
    check(
        &Ask::Instruments(Product::Perpetual, names),
        "instruments-info?category=linear&symbol=BTCUSDT",
    );
    check(
        &Ask::Instruments(Product::Perpetual, Vec::new()),
        "instruments-info?category=linear&limit=1000",
    );
    check(&Ask::Instruments(Product::Spot, Vec::new()), "instruments-info?category=spot");
    check(&Ask::Book(InstrumentId(1), 1000), "orderbook?category=spot&symbol=BTCUSDT&limit=200");
    let day: BarSize = "1d".parse().expect("a size");
    let bars = |size, days: i64| Ask::Bars {
        instrument: InstrumentId(0),
        size,
        from: at(0),
        to: at(days * 86_400_000),
    };
    let head = "kline?category=linear&symbol=BTCUSDT&interval";
    check(&bars(day, 2), &format!("{head}=D&start=0&end=172799999&limit=1000"));
    // A page from the beginning on, not the newest page of all.
    let minute: BarSize = "1m".parse().expect("a size");
    check(&bars(minute, 2), &format!("{head}=1&start=0&end=59999999&limit=1000"));
    for size in ["2d", "3d", "7d"] {
        let refused = source().request(&bars(size.parse().expect("a size"), 20), &roster());
        assert!(matches!(refused, Err(Error::Unsupported { .. })), "{size}: {refused:?}");
    }
}

#[test]
fn a_venue_that_says_no_or_is_away_is_told_apart() {
    let venue = VenueName::Bybit;
    let check = |status: u16, body: &str, want: Error| {
        let mut response = ok(body);
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        let found = source().answer(&Ask::Time, &response, &roster());
        assert_eq!(found, Err(want), "{status} {body}");
    };
    let busy = |seconds| Error::Throttled { venue, seconds };
    check(403, "<html>", busy(600));
    check(429, "", busy(1));
    check(503, "<html>", busy(1));
    check(200, r#"{"retCode":10006,"retMsg":"Too many visits!","time":1}"#, busy(1));
    // With the escape of a terminal in it.
    let refused = Error::Refused { venue, code: 10001, text: "params error".to_owned() };
    check(200, r#"{"retCode":10001,"retMsg":"params error\u001b","time":1}"#, refused);
    let what = "an answer".to_owned();
    check(200, "<html>", Error::Unreadable { venue, what });
}
