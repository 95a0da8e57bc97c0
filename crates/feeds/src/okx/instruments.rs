//! What is traded: <https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments>.

use super::text::Text;
use market::{
    Currency, Instrument, Listing, Money, Pricing, Product, Quantity, Scale, Settlement, Symbol,
    Traded,
};
use serde::Deserialize;

/// An instrument as the venue writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    inst_id: Text<'a>,
    #[serde(borrow)]
    inst_type: Text<'a>,
    #[serde(borrow)]
    base_ccy: Text<'a>,
    #[serde(borrow)]
    quote_ccy: Text<'a>,
    #[serde(borrow)]
    settle_ccy: Text<'a>,
    #[serde(borrow)]
    ct_val: Text<'a>,
    #[serde(borrow)]
    ct_mult: Text<'a>,
    #[serde(borrow)]
    ct_val_ccy: Text<'a>,
    #[serde(borrow)]
    ct_type: Text<'a>,
    #[serde(borrow)]
    tick_sz: Text<'a>,
    #[serde(borrow)]
    lot_sz: Text<'a>,
    #[serde(borrow)]
    min_sz: Text<'a>,
    #[serde(borrow)]
    max_lmt_sz: Text<'a>,
    #[serde(borrow)]
    max_mkt_sz: Text<'a>,
    #[serde(borrow)]
    lever: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
}

/// A decimal as an integer and the number of its decimals, without zeros at the end.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if whole.len() + fraction.len() > 30 {
        return None;
    }
    let value: u128 = [whole, fraction].concat().parse().ok()?;
    Some((i128::try_from(value).ok()?, u32::try_from(fraction.len()).ok()?))
}

/// A step: its decimals, and how many units of the last of them it has.
fn step((mut value, mut decimals): (i128, u32)) -> Option<(Scale, u64)> {
    while decimals > 0 && value % 10 == 0 {
        value /= 10;
        decimals -= 1;
    }
    let scale = Scale::new(u8::try_from(decimals).ok()?)?;
    u64::try_from(value).ok().filter(|value| *value > 0).map(|value| (scale, value))
}

/// An instrument of this product that we can trade; [`None`] for all others: contracts that settle in
/// the coin itself, steps that are not there yet, coins whose names are none.
pub(super) fn traded(row: &Row<'_>, product: Product) -> Option<Traded> {
    if &*row.inst_type != super::kind(product) {
        return None;
    }
    let (base, quote, contract) = match product {
        Product::Spot => (&row.base_ccy, &row.quote_ccy, Money(Money::UNIT)),
        Product::Perpetual => {
            if &*row.ct_type != "linear" || &*row.settle_ccy != Currency::USDT.as_str() {
                return None;
            }
            let value = Money::parse(&row.ct_val).ok()?;
            let times =
                Money::parse(if row.ct_mult.is_empty() { "1" } else { &row.ct_mult }).ok()?;
            (&row.ct_val_ccy, &row.settle_ccy, value.scaled(times.0, Money::UNIT).ok()?)
        }
    };
    let native: Symbol = row.inst_id.parse().ok()?;
    let (price_scale, price_step) = step(decimal(&row.tick_sz)?)?;
    let (size, decimals) = decimal(&row.lot_sz)?;
    let (lot_scale, size_step) = step((size.checked_mul(contract.0)?, decimals + 8))?;
    let instrument = Instrument {
        symbol: native.clone(),
        price_scale,
        lot_scale,
        currency: quote.parse().ok()?,
    };
    let mut traded = Traded {
        base: base.parse().ok()?,
        contract,
        listing: Listing {
            settlement: match product {
                Product::Spot => Settlement::Cash,
                Product::Perpetual => Settlement::Margin,
            },
            pricing: Pricing::Positive,
            price_step: u32::try_from(price_step).ok()?,
            size_step,
            ..Listing::of(instrument)
        },
        native,
        product,
        trading: &*row.state == "live",
        leverage_max: row.lever.parse().unwrap_or(1).max(1),
    };
    traded.listing.size_min = traded.lots(&row.min_sz)?;
    let most = |text: &str| traded.lots(text).filter(|most| *most > Quantity::ZERO);
    // The bound of market orders is an amount of money on spot.
    let market = if product == Product::Spot { None } else { most(&row.max_mkt_sz) };
    let bounds = [most(&row.max_lmt_sz), market];
    if let Some(least) = bounds.into_iter().flatten().min() {
        traded.listing.size_max = least;
    }
    Some(traded)
}
