//! What is traded, as `exchangeInfo` lists it.

use super::{json, unreadable};
use crate::Error;
use market::{
    Instrument, Listing, Money, Pricing, Product, Quantity, Scale, Settlement, Symbol, Traded,
};
use serde::Deserialize;
use std::borrow::Cow;

/// The most leverage of any instrument.
pub(super) const LEVERAGE_MAX: u32 = 125;

#[derive(Deserialize)]
struct Info<'a> {
    #[serde(borrow)]
    symbols: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    base_asset: Cow<'a, str>,
    #[serde(borrow)]
    quote_asset: Cow<'a, str>,
    #[serde(borrow, default)]
    contract_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    margin_asset: Option<Cow<'a, str>>,
    #[serde(default)]
    is_spot_trading_allowed: Option<bool>,
    #[serde(borrow, default)]
    filters: Vec<Filter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter<'a> {
    #[serde(borrow)]
    #[serde(rename = "filterType")]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    tick_size: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    step_size: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    min_qty: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    max_qty: Option<Cow<'a, str>>,
    /// Spot's word.
    #[serde(borrow, default)]
    min_notional: Option<Cow<'a, str>>,
    /// The futures' word.
    #[serde(borrow, default)]
    notional: Option<Cow<'a, str>>,
}

/// All of a product that our words can name.
pub(super) fn read(text: &str, product: Product) -> Result<Vec<Traded>, Error> {
    let info: Info<'_> = json(text)?;
    let of_product = |entry: &&Entry<'_>| match product {
        Product::Spot => entry.contract_type.is_none(),
        Product::Perpetual => {
            entry.contract_type.as_deref() == Some("PERPETUAL")
                && entry.margin_asset.as_deref() == Some("USDT")
        }
    };
    let listed = info.symbols.iter().filter(of_product);
    listed.filter_map(|entry| entry.traded(product).transpose()).collect()
}

/// A step: its decimals, and the step in units of the last of them; nought or none is the finest of
/// eight decimals.
fn step(text: Option<&str>) -> Result<(Scale, u64), Error> {
    let wrong = || unreadable("a step that is none");
    let text = text.unwrap_or("0");
    let fraction = text.split_once('.').map_or("", |(_, part)| part).trim_end_matches('0');
    let decimals = u8::try_from(fraction.len()).map_err(|_| wrong())?;
    let scale = Scale::new(decimals).ok_or_else(wrong)?;
    match scale.parse(text).map_err(|_| wrong())? {
        0 => Ok((Scale::new(8).ok_or_else(wrong)?, 1)),
        units => Ok((scale, u64::try_from(units).map_err(|_| wrong())?)),
    }
}

impl Entry<'_> {
    fn filter(&self, name: &str) -> Option<&Filter<'_>> {
        self.filters.iter().find(|filter| filter.name == name)
    }

    /// [`None`] for one whose names are not plain.
    fn traded(&self, product: Product) -> Result<Option<Traded>, Error> {
        let (Ok(native), Ok(base), Ok(currency)) =
            (self.symbol.parse::<Symbol>(), self.base_asset.parse(), self.quote_asset.parse())
        else {
            return Ok(None);
        };
        let price = self.filter("PRICE_FILTER").and_then(|filter| filter.tick_size.as_deref());
        let lot = self.filter("LOT_SIZE");
        let (price_scale, price_step) = step(price)?;
        let (lot_scale, size_step) = step(lot.and_then(|filter| filter.step_size.as_deref()))?;
        let instrument = Instrument { symbol: native.clone(), price_scale, lot_scale, currency };
        let bounds = [lot, self.filter("MARKET_LOT_SIZE")].into_iter().flatten();
        let (mut size_min, mut size_max) = (size_step.max(1), i64::MAX.unsigned_abs());
        for filter in bounds {
            // A bound between two steps is the next one within.
            let floor = |text: &str| floor_lots(text, lot_scale, size_step);
            if let Some(least) = filter.min_qty.as_deref() {
                let (whole, is_exact) = floor(least)?;
                let up = if is_exact { whole } else { whole.saturating_add(size_step) };
                size_min = size_min.max(up);
            }
            if let Some(most) = filter.max_qty.as_deref() {
                let (whole, _) = floor(most)?;
                size_max = if whole > 0 { size_max.min(whole) } else { size_max };
            }
        }
        let least = ["NOTIONAL", "MIN_NOTIONAL"].into_iter().find_map(|name| self.filter(name));
        let least = least.and_then(|f| f.min_notional.as_deref().or(f.notional.as_deref()));
        let notional_min = Money::parse(least.unwrap_or("0"));
        let (settlement, leverage_max) = match product {
            Product::Spot => (Settlement::Cash, 1),
            Product::Perpetual => (Settlement::Margin, LEVERAGE_MAX),
        };
        let listing = Listing {
            instrument,
            settlement,
            pricing: Pricing::Positive,
            multiplier: Money(Money::UNIT),
            price_step: u32::try_from(price_step).map_err(|_| unreadable("a step so wide"))?,
            size_step,
            size_min: Quantity(size_min),
            size_max: Quantity(size_max),
            notional_min: notional_min.map_err(|_| unreadable("a bound that is no money"))?,
        };
        Ok(Some(Traded {
            native,
            product,
            base,
            contract: Money(Money::UNIT),
            listing,
            trading: self.status == "TRADING" && self.is_spot_trading_allowed != Some(false),
            leverage_max,
        }))
    }
}

/// The whole steps in a size, in lots, and whether that is all of it.
fn floor_lots(text: &str, scale: Scale, step: u64) -> Result<(u64, bool), Error> {
    let wrong = || unreadable("a bound that is no size");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let kept = usize::from(scale.decimals()).min(fraction.len());
    let (head, tail) = fraction.split_at_checked(kept).ok_or_else(wrong)?;
    if !tail.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    // What is beyond all lots is no bound.
    let Ok(lots) = scale.parse(&format!("{whole}.{head}")) else {
        let is_huge = !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit());
        return if is_huge { Ok((i64::MAX.unsigned_abs(), true)) } else { Err(wrong()) };
    };
    let lots = u64::try_from(lots).map_err(|_| wrong())?;
    let steps = lots / step.max(1) * step.max(1);
    Ok((steps, steps == lots && tail.bytes().all(|b| b == b'0')))
}
