//! What was recorded, if it is at hand.

use super::*;
use std::path::PathBuf;

fn recorded(file: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/venue-fixtures/nautilus/okx/test_data");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(std::fs::read_to_string(folder.join(file)).expect("the file is there"))
}

fn told(ask: &Ask, file: &str) -> Option<Told> {
    let body = response(200, &recorded(file)?);
    Some(source().answer(ask, &body, &ROSTER).unwrap_or_else(|e| panic!("{file}: {e}")))
}

#[test]
fn recorded_listings_are_read() {
    let swaps = Ask::Instruments(Product::Perpetual, Vec::new());
    let Some(Told::Instruments(all)) = told(&swaps, "http_get_instruments_swap.json") else {
        return;
    };
    // The one that settles in coins is none of ours.
    assert!(all.iter().all(|one| one.native.as_str() != "BTC-USD-SWAP"));
    let one = all.iter().find(|one| one.native.as_str() == "ETH-USDT-SWAP").expect("listed");
    assert_eq!((one.contract, one.leverage_max, one.trading), (Money(10_000_000), 100, true));
    let listing = &one.listing;
    // A contract is 0.1 coins, in steps of 0.01 contracts: 0.001 coins.
    assert_eq!((listing.instrument.lot_scale.decimals(), listing.size_step), (3, 1));
    assert_eq!((listing.size_min, listing.size_max), (Quantity(1), Quantity(2_000_000)));
    assert_eq!((one.base.as_str(), listing.settlement), ("ETH", Settlement::Margin));
    let spot = Ask::Instruments(Product::Spot, Vec::new());
    let Some(Told::Instruments(all)) = told(&spot, "http_get_instruments_spot.json") else {
        return;
    };
    let one = all.iter().find(|one| one.native.as_str() == "BTC-USD").expect("listed");
    assert_eq!(one.listing.instrument.lot_scale.decimals(), 8);
    assert_eq!(one.listing.size_min, Quantity(1000));
    assert_eq!(one.listing.price_scale().decimals(), 1);
    for (product, file) in [
        (Product::Perpetual, "http_get_instruments_futures.json"),
        (Product::Spot, "http_get_instruments_option.json"),
        (Product::Spot, "http_get_instruments_margin.json"),
    ] {
        let none = told(&Ask::Instruments(product, Vec::new()), file);
        assert_eq!(none, Some(Told::Instruments(vec![])), "{file}");
    }
}

#[test]
fn recorded_bars_and_books_are_read() {
    let bars = Ask::Bars {
        instrument: InstrumentId(0),
        size: BarSize::MINUTE,
        from: Timestamp::from_nanos(0),
        to: Timestamp::from_nanos(i64::MAX),
    };
    // None of these has closed.
    let Some(open) = told(&bars, "http_get_candlesticks.json") else { return };
    assert_eq!(open, Told::Bars(vec![]));
    let Some(Told::Bars(all)) = told(&bars, "http_get_candlesticks_full.json") else { return };
    let last = all[1].1;
    assert_eq!((last.open, last.close), (Price(1_028_061), Price(1_028_204)));
    assert_eq!(last.volume, Quantity(104_037));
    let book = Ask::Book(InstrumentId(2), 400);
    let Some(Told::Book(levels)) = told(&book, "http_get_order_book.json") else { return };
    assert_eq!(levels.bids[0], (Price(410_067), Quantity(48_792_100)));
    assert_eq!((levels.asks.len(), levels.sequence), (3, 0));
}

#[test]
fn recorded_messages_are_read() {
    let all = Roster::new(vec![
        traded("BTC-USDT-SWAP", "0.01", (2, 4), 100),
        traded("BTC-USDT", "1", (2, 8), 1),
        traded("BTC-USD", "1", (2, 8), 1),
    ]);
    let topics = [Topic::Book(InstrumentId(1))];
    let hear = |files: &[&str]| -> Option<Vec<Step>> {
        let mut stream = source().streams(&topics, &all).remove(0);
        let mut steps = Vec::new();
        for file in files {
            let text = recorded(file)?;
            let heard = stream.hear(&text, NOW, &mut steps, &mut Vec::new());
            heard.unwrap_or_else(|e| panic!("{file}: {e}"));
        }
        Some(steps)
    };
    let Some(steps) = hear(&["ws_books_snapshot.json", "ws_books_update.json"]) else { return };
    assert_eq!(steps.len(), 32);
    assert!(steps.iter().all(|step| matches!(step, Step::Event(_))));
    let lone = hear(&["ws_books_update.json"]).expect("there");
    assert_eq!(lone, [Step::Fetch(Ask::Book(InstrumentId(1), 400))]);
    let one = |file: &str| {
        let steps = hear(&[file]).expect("there");
        let [Step::Event(event)] = steps.as_slice() else { panic!("{file}: {steps:?}") };
        event.data
    };
    let Data::Quote(quote) = one("ws_bbo_tbt.json") else { panic!("no quote") };
    assert_eq!((quote.bid, quote.ask), (Price(847_697), Price(847_698)));
    let Data::Print(print) = one("ws_trades.json") else { panic!("no print") };
    assert_eq!((print.price, print.size), (Price(4_221_990), Quantity(12_060_306)));
    // A day that begins at midnight in Hong Kong is none of our sizes.
    for file in ["ws_candle.json", "ws_tickers.json", "ws_instruments.json"] {
        assert_eq!(hear(&[file]), Some(vec![]), "{file}");
    }
    assert_eq!(hear(&["ws_funding_rate.json"]), Some(vec![]));
}
