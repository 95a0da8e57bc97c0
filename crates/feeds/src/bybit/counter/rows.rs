//! What the market is, in the venue's rows.

use super::super::{interval, to_ms};
use market::{Bar, BarSize, Money, Price, Product, Quantity, Quote, Scale, Traded};
use serde_json::{Value, json};

pub(super) fn price(one: &Traded, price: Price) -> String {
    let mut out = String::new();
    one.push_price(price, &mut out);
    out
}

pub(super) fn size(one: &Traded, lots: Quantity) -> String {
    let mut out = String::new();
    if !one.push_size(lots, &mut out) {
        out = units(one.listing.instrument.lot_scale, lots.0);
    }
    out
}

fn units(scale: Scale, units: u64) -> String {
    i64::try_from(units).map_or_else(|_| i64::MAX.to_string(), |units| scale.format(units))
}

pub(super) fn level(one: &Traded, at: Price, lots: Quantity) -> Value {
    json!([price(one, at), size(one, lots)])
}

pub(super) fn amount(money: Money) -> String {
    let text = money.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An instrument in the venue's words.
pub(super) fn instrument(one: &Traded) -> Value {
    let listing = &one.listing;
    let lots = |lots: Quantity| units(listing.instrument.lot_scale, lots.0);
    let tick = listing.price_scale().format(i64::from(listing.price_step));
    let step = units(listing.instrument.lot_scale, listing.size_step);
    let (least, most) = (lots(listing.size_min), lots(listing.size_max));
    let notional = amount(listing.notional_min);
    let quote = listing.instrument.currency;
    let common = json!({
        "symbol": one.native.as_str(), "status": if one.trading { "Trading" } else { "Closed" },
        "baseCoin": one.base.as_str(), "quoteCoin": quote.as_str(),
    });
    let own = match one.product {
        Product::Spot => json!({
            "innovation": "0", "marginTrading": "none", "stTag": "0", "symbolType": "",
            "priceFilter": { "tickSize": tick },
            "lotSizeFilter": {
                "basePrecision": step, "quotePrecision": "0.00000001", "minOrderQty": least,
                "maxOrderQty": most, "minOrderAmt": notional, "maxOrderAmt": "",
                "maxLimitOrderQty": most, "maxMarketOrderQty": most,
            },
        }),
        Product::Perpetual => json!({
            "contractType": "LinearPerpetual", "settleCoin": quote.as_str(),
            "launchTime": "1585526400000", "deliveryTime": "0", "deliveryFeeRate": "",
            "priceScale": listing.price_scale().decimals().to_string(),
            "leverageFilter": {
                "minLeverage": "1", "maxLeverage": one.leverage_max.to_string(), "leverageStep": "0.01",
            },
            "priceFilter": { "minPrice": tick, "maxPrice": "", "tickSize": tick },
            "lotSizeFilter": {
                "maxOrderQty": most, "minOrderQty": least, "qtyStep": step, "maxMktOrderQty": most,
                "postOnlyMaxOrderQty": most, "minNotionalValue": notional,
            },
            "unifiedMarginTrade": true, "fundingInterval": 480, "copyTrading": "none",
            "isPreListing": false,
        }),
    };
    merged(common, own)
}

pub(super) fn merged(mut one: Value, other: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut one, other) {
        all.extend(more);
    }
    one
}

pub(super) fn bar(one: &Traded, bar: &Bar) -> Value {
    let at = |at: Price| price(one, at);
    json!([
        to_ms(bar.open_time).to_string(),
        at(bar.open),
        at(bar.high),
        at(bar.low),
        at(bar.close),
        size(one, bar.volume),
        "0",
    ])
}

pub(super) fn kline(one: &Traded, bar: &Bar, size_of_bar: BarSize) -> Value {
    let start = to_ms(bar.open_time);
    let end = start.saturating_add(size_of_bar.nanos() / 1_000_000).saturating_sub(1);
    json!([{
        "start": start, "end": end, "interval": interval(size_of_bar).unwrap_or(""),
        "open": price(one, bar.open), "close": price(one, bar.close), "high": price(one, bar.high),
        "low": price(one, bar.low), "volume": size(one, bar.volume), "turnover": "0",
        "confirm": true, "timestamp": end,
    }])
}

pub(super) fn best(one: &Traded, quote: &Quote) -> Value {
    let number = to_ms(quote.time).max(2);
    json!({
        "s": one.native.as_str(), "b": [level(one, quote.bid, quote.bid_size)],
        "a": [level(one, quote.ask, quote.ask_size)], "u": number, "seq": number,
    })
}
