//! What was recorded, if it is at hand.

use super::*;
use std::path::PathBuf;

/// The recorded files, if they are at hand.
fn recorded(path: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/venue-fixtures/nautilus/binance");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(std::fs::read_to_string(folder.join(path)).expect("the file is there"))
}

#[test]
fn recorded_listings_are_read() {
    let read = |product, path: &str| {
        let body = response(200, &recorded(path)?);
        let ask = Ask::Instruments(product, Vec::new());
        match source(product).answer(&ask, &body, &roster()) {
            Ok(Told::Instruments(all)) => Some(all),
            other => panic!("{path}: {other:?}"),
        }
    };
    let folder = "resources/http_responses";
    let Some(all) =
        read(Product::Perpetual, &format!("{folder}/http_futures_market_exchange_info.json"))
    else {
        return;
    };
    let one = all.iter().find(|one| one.native.as_str() == "BTCUSDT").expect("listed");
    let listing = &one.listing;
    assert_eq!((listing.price_scale().decimals(), listing.price_step), (1, 1));
    assert_eq!((listing.instrument.lot_scale.decimals(), listing.size_step), (3, 1));
    assert_eq!((listing.size_min, listing.size_max), (Quantity(1), Quantity(1_000_000)));
    assert_eq!((listing.notional_min, one.trading), (Money::from_whole(10), true));
    let all = read(Product::Spot, &format!("{folder}/http_spot_market_exchange_info.json"))
        .expect("there");
    let one = all.iter().find(|one| one.native.as_str() == "BTCUSDT").expect("listed");
    assert_eq!(one.listing.instrument.lot_scale.decimals(), 5);
    // The market order's bound is the lower one, cut to whole steps.
    assert_eq!(one.listing.size_max, Quantity(11_221_108));
    let bare =
        read(Product::Spot, "test_data/spot/http_json/exchange_info_response.json").expect("there");
    assert_eq!(bare[0].listing.price_scale().decimals(), 8);
}

#[test]
fn recorded_answers_are_read() {
    let folder = "resources/http_responses";
    let check = |product, ask: Ask, path: &str, want: &dyn Fn(&Told) -> bool| {
        let Some(text) = recorded(path) else { return };
        let found = source(product).answer(&ask, &response(200, &text), &roster());
        assert!(found.as_ref().is_ok_and(want), "{path}: {found:?}");
    };
    let fine = InstrumentId(2);
    let all = |instrument, size: &str| Ask::Bars {
        instrument,
        size: size.parse().expect("a size"),
        from: Timestamp::from_nanos(0),
        to: Timestamp::from_nanos(i64::MAX),
    };
    check(
        Product::Perpetual,
        all(fine, "7d"),
        &format!("{folder}/http_futures_market_klines.json"),
        &|told| matches!(told, Told::Bars(bars) if bars.len() == 1 && bars[0].1.open == Price(1_634_790) && bars[0].1.volume == Quantity(14_897_611_427_815)),
    );
    check(
        Product::Spot,
        all(SPOT_BTC, "1m"),
        &format!("{folder}/http_spot_market_klines.json"),
        &|told| matches!(told, Told::Bars(bars) if bars[0].1.close == Price(6_071_927)),
    );
    check(
        Product::Perpetual,
        Ask::Book(fine, 5),
        &format!("{folder}/http_futures_market_depth.json"),
        &|told| matches!(told, Told::Book(book) if book.sequence == 1_027_024 && book.asks == [(Price(400_000_200), Quantity(1_200_000_000))]),
    );
    check(
        Product::Spot,
        Ask::Book(SPOT_BTC, 5),
        &format!("{folder}/http_spot_market_depth.json"),
        &|told| matches!(told, Told::Book(book) if book.bids[0] == (Price(6_065_000), Quantity(213))),
    );
    check(Product::Spot, Ask::Time, &format!("{folder}/http_spot_market_time.json"), &|told| {
        matches!(told, Told::Time(_))
    });
    check(
        Product::Spot,
        Ask::Time,
        "test_data/spot/http_json/server_time_response.json",
        &|told| matches!(told, Told::Time(_)),
    );
}

#[test]
fn recorded_messages_are_read() {
    let check = |product, topic: Topic, path: &str, count: usize| {
        let Some(text) = recorded(path) else { return };
        let mut stream = listen(product, topic);
        let name = stream.uri().split_once("streams=").expect("a stream").1.to_owned();
        let mut message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        if message.get("data").is_none() {
            message = serde_json::json!({ "stream": name, "data": message });
        }
        let steps = hear(stream.as_mut(), &message.to_string());
        assert_eq!(steps.as_ref().map(Vec::len), Ok(count), "{path}: {steps:?}");
    };
    let (futures, fine) = ("test_data/futures/market_data_json", InstrumentId(2));
    let (minute, eth) = (BarSize::MINUTE, InstrumentId(3));
    check(Product::Perpetual, Topic::Trades(fine), &format!("{futures}/agg_trade_stream.json"), 1);
    check(
        Product::Perpetual,
        Topic::Quotes(fine),
        &format!("{futures}/book_ticker_stream.json"),
        1,
    );
    check(Product::Perpetual, Topic::Book(fine), &format!("{futures}/depth_update_stream.json"), 1);
    check(
        Product::Perpetual,
        Topic::Bars(fine, minute),
        &format!("{futures}/kline_stream_closed.json"),
        1,
    );
    check(
        Product::Perpetual,
        Topic::Bars(fine, minute),
        &format!("{futures}/kline_stream_open.json"),
        0,
    );
    check(
        Product::Perpetual,
        Topic::Funding(fine),
        &format!("{futures}/mark_price_stream.json"),
        0,
    );
    let messages = "resources/ws_messages";
    check(Product::Spot, Topic::Trades(eth), &format!("{messages}/ws_spot_trade.json"), 1);
    check(Product::Spot, Topic::Quotes(eth), &format!("{messages}/ws_spot_ticker_book.json"), 1);
    check(
        Product::Perpetual,
        Topic::Quotes(fine),
        &format!("{messages}/ws_futures_book_ticker.json"),
        1,
    );
    check(
        Product::Perpetual,
        Topic::Book(BTC),
        &format!("{messages}/ws_futures_depth_update.json"),
        1,
    );
    check(
        Product::Perpetual,
        Topic::Book(fine),
        &format!("{messages}/ws_futures_depth_diff_update.json"),
        1,
    );
}
