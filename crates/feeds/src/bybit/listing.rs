//! Instruments: what the venue lists, as the house keeps it, and back.

use super::wire::InstrumentRow;
use market::{
    Currency, Instrument, Listing, Money, Pricing, Product, Quantity, Scale, Settlement, Symbol,
    Traded,
};

/// An instrument; [`None`] for what is no spot pair and no USDT perpetual, or is finer than the house
/// counts.
pub(super) fn traded(row: &InstrumentRow<'_>, product: Product) -> Option<Traded> {
    let perpetual = product == Product::Perpetual;
    if perpetual && (row.contract_type != "LinearPerpetual" || row.settle_coin != "USDT") {
        return None;
    }
    let native: Symbol = row.symbol.parse().ok()?;
    let base: Currency = row.base_coin.parse().ok()?;
    let (price_scale, price_step) = step(&row.price_filter.tick_size)?;
    let lots = &row.lot_size_filter;
    let (lot_scale, size_step) =
        step(if perpetual { &lots.qty_step } else { &lots.base_precision })?;
    let most = |texts: [&str; 3]| {
        let bounds = texts.into_iter().filter_map(|text| floor_units(text, lot_scale));
        bounds.filter(|units| *units > 0).min().and_then(|units| u64::try_from(units).ok())
    };
    // One bound for all kinds of orders: that of market orders, where it is the smaller one.
    let size_max = if perpetual {
        most([&lots.max_order_qty, &lots.max_mkt_order_qty, ""])
    } else {
        most([&lots.max_limit_order_qty, &lots.max_market_order_qty, ""])
            .or_else(|| most([&lots.max_order_qty, "", ""]))
    };
    // On spot the least size is no longer checked, only the least value.
    let size_min = if perpetual { ceiling_units(&lots.min_order_qty, lot_scale)? } else { 0 };
    let least = if perpetual { &lots.min_notional_value } else { &lots.min_order_amt };
    let notional_min = if least.is_empty() { Money::ZERO } else { Money::parse(least).ok()? };
    let leverage = row.leverage_filter.max_leverage.split('.').next();
    let leverage: Option<u32> = leverage.and_then(|whole| whole.parse().ok());
    let instrument = Instrument {
        symbol: native.clone(),
        price_scale,
        lot_scale,
        currency: row.quote_coin.parse().ok()?,
    };
    Some(Traded {
        native,
        product,
        base,
        contract: Money(Money::UNIT),
        listing: Listing {
            instrument,
            settlement: if perpetual { Settlement::Margin } else { Settlement::Cash },
            pricing: Pricing::Positive,
            multiplier: Money(Money::UNIT),
            price_step: u32::try_from(price_step).ok()?,
            size_step,
            size_min: Quantity(u64::try_from(size_min).ok()?.max(size_step)),
            size_max: Quantity(size_max.unwrap_or(i64::MAX.unsigned_abs())),
            notional_min,
        },
        trading: row.status == "Trading",
        leverage_max: if perpetual { leverage.unwrap_or(1).max(1) } else { 1 },
    })
}

/// A step as the decimals that it needs and its size in units of these: `0.50` is 5 of one decimal.
fn step(text: &str) -> Option<(Scale, u64)> {
    let (_, fraction) = text.split_once('.').unwrap_or((text, ""));
    let decimals = fraction.trim_end_matches('0').len();
    let scale = Scale::new(u8::try_from(decimals).ok()?)?;
    let units = scale.parse(text).ok().and_then(|units| u64::try_from(units).ok())?;
    (units > 0).then_some((scale, units))
}

/// A decimal in whole units, what is finer cut off.
fn floor_units(text: &str, scale: Scale) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let kept = fraction.get(..usize::from(scale.decimals())).unwrap_or(fraction);
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    scale.parse(&format!("{whole}.{kept}")).ok()
}

fn ceiling_units(text: &str, scale: Scale) -> Option<i64> {
    let below = floor_units(text, scale)?;
    let exact = scale.parse(text).is_ok();
    if exact { Some(below) } else { below.checked_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_their_digits() {
        for (text, decimals, units) in
            [("0.10", 1, 1), ("0.5", 1, 5), ("10", 0, 10), ("0.000001", 6, 1), ("2.50", 1, 25)]
        {
            assert_eq!(step(text), Scale::new(decimals).map(|scale| (scale, units)), "{text}");
        }
        for text in ["", "0", "0.0", "-1", "x", "0.00000000000001", "1e-5"] {
            assert_eq!(step(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_finer_than_a_lot_is_cut_or_counted_whole() {
        let scale = Scale::CENTS;
        for (text, below, above) in [("1.999", 199, 200), ("1.99", 199, 199), ("7", 700, 700)] {
            assert_eq!(floor_units(text, scale), Some(below), "{text}");
            assert_eq!(ceiling_units(text, scale), Some(above), "{text}");
        }
        assert_eq!(floor_units("1.9x", scale), None);
    }
}
