//! What a box lists: a few symbols with the filters of the real ones, and their fees. The table says of each
//! row who recorded it.

use anyhow::{Context, bail};
use engine::exchange::FeeTerms;
use market::{
    Currency, Instrument, Listing, Money, Price, Pricing, Product, Quantity, Rate, Roster, Scale,
    Settlement, Traded, VenueName,
};

const TABLE: &str = include_str!("../../data/instruments.csv");
/// Decimals that a price or a size may have.
const DECIMALS_MAX: u8 = 8;

/// What a box lists, and where a random walk of each begins.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Under the venue's names.
    pub roster: Roster,
    /// By number.
    pub prices: Vec<Price>,
}

/// The instruments of a product at a venue: those of these coins (`BTC`, `BTCUSDT`, `BTC-USDT-SWAP`), or
/// all there are.
pub fn listed(venue: VenueName, product: Product, symbols: &[String]) -> anyhow::Result<Listed> {
    let rows = rows(venue, product)?;
    let known = || rows.iter().map(|(one, _)| one.native.as_str()).collect::<Vec<_>>().join(", ");
    let find = |wanted: &String| {
        let is = |one: &Traded| {
            let native = one.native.as_str();
            let plain = format!("{}{}", one.base, one.listing.instrument.currency);
            [native, one.base.as_str(), plain.as_str()].contains(&wanted.as_str())
        };
        let found = rows.iter().find(|(one, _)| is(one)).cloned();
        found.with_context(|| format!("the box lists no {wanted}: choose from {}", known()))
    };
    let chosen: Vec<_> = match symbols {
        [] => rows.clone(),
        some => some.iter().map(find).collect::<anyhow::Result<_>>()?,
    };
    for (place, (one, _)) in chosen.iter().enumerate() {
        if chosen.iter().skip(place + 1).any(|(other, _)| other.native == one.native) {
            bail!("{} is named twice: name it once", one.native);
        }
    }
    let (traded, prices) = chosen.into_iter().unzip();
    Ok(Listed { roster: Roster::new(traded), prices })
}

/// What a fill costs a new customer without a discount.
///
/// Binance, and OKX's perpetuals: as ccxt 4.5.90 has them (2026), which names
/// <https://www.binance.com/en/fee/schedule> and <https://www.okx.com/fees>. OKX's spot: the first tier of
/// regular users of that page; ccxt has 0.1 % and 0.15 %, which it was before. Bybit: what its help page
/// <https://www.bybit.com/en/help-center/article/Trading-Fee-Structure> says of customers that are no VIP, as
/// quoted in July 2024; ccxt has 0.01 % and 0.075 % for perpetuals, which it was before.
pub fn fees(venue: VenueName, product: Product) -> anyhow::Result<FeeTerms> {
    let (maker, taker) = match (venue, product) {
        (VenueName::Okx, Product::Spot) => ("0.0008", "0.001"),
        (_, Product::Spot) => ("0.001", "0.001"),
        (VenueName::Bybit, Product::Perpetual) => ("0.0002", "0.00055"),
        (_, Product::Perpetual) => ("0.0002", "0.0005"),
    };
    Ok(FeeTerms::new(Rate::parse(maker)?, Rate::parse(taker)?))
}

type Row = (Traded, Price);

fn rows(venue: VenueName, product: Product) -> anyhow::Result<Vec<Row>> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#')).skip(1);
    let mut rows = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let [of, kind, rest @ ..] = cells.as_slice() else { bail!("{line}: too few columns") };
        if *of == venue.name() && *kind == product.name() {
            rows.push(row(product, rest).with_context(|| line.to_owned())?);
        }
    }
    Ok(rows)
}

fn row(product: Product, cells: &[&str]) -> anyhow::Result<Row> {
    let [native, base, contract, step, lot, least, most, notional, leverage, price, _, _] = cells
    else {
        bail!("it has not as many columns as the head of the table")
    };
    let contract = Money::parse(contract)?;
    let price_scale = scale(step)?;
    // Lots are fractions of the coin, whatever the venue counts in.
    let coin = |units: &str| Money::parse(units)?.scaled(contract.0, Money::UNIT);
    let lot_scale = scale(&coin(lot)?.to_string())?;
    let lots = |units: &str| -> anyhow::Result<Quantity> {
        Ok(Quantity(u64::try_from(lot_scale.parse(trimmed(&coin(units)?.to_string()))?)?))
    };
    let instrument =
        Instrument { symbol: native.parse()?, price_scale, lot_scale, currency: Currency::USDT };
    let settlement = match product {
        Product::Spot => Settlement::Cash,
        Product::Perpetual => Settlement::Margin,
    };
    let listing = Listing {
        instrument,
        settlement,
        pricing: Pricing::Positive,
        multiplier: Money(Money::UNIT),
        price_step: u32::try_from(price_scale.parse(step)?)?,
        size_step: lots(lot)?.0,
        size_min: lots(least)?,
        size_max: lots(most)?,
        notional_min: Money::parse(notional)?,
    };
    let traded = Traded {
        native: native.parse()?,
        product,
        base: base.parse()?,
        contract,
        listing,
        trading: true,
        leverage_max: leverage.parse()?,
    };
    Ok((traded, Price(price_scale.parse(price)?)))
}

/// As many decimals as the text has.
fn scale(step: &str) -> anyhow::Result<Scale> {
    let decimals = trimmed(step).split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let decimals = u8::try_from(decimals).ok().filter(|decimals| *decimals <= DECIMALS_MAX);
    decimals.and_then(Scale::new).with_context(|| format!("{step} has too many decimals"))
}

/// Without the noughts at the end of its fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_venue_lists_every_coin_with_filters_that_an_order_can_meet() {
        for venue in VenueName::ALL {
            for product in [Product::Spot, Product::Perpetual] {
                let listed = listed(venue, product, &[]).expect("a table");
                assert_eq!(listed.roster.all().len(), 3, "{venue} {}", product.name());
                for (one, price) in listed.roster.all().iter().zip(&listed.prices) {
                    let listing = &one.listing;
                    assert!(listing.admits(*price), "{}", one.native);
                    assert!(listing.size_step > 0 && listing.size_min.0 > 0, "{}", one.native);
                    assert_eq!(listing.size_min.0 % listing.size_step, 0, "{}", one.native);
                    let mut text = String::new();
                    assert!(one.push_size(listing.size_min, &mut text), "{}", one.native);
                    assert_eq!(one.lots(&text), Some(listing.size_min), "{}", one.native);
                }
                fees(venue, product).expect("a fee");
            }
        }
    }

    #[test]
    fn every_row_says_who_recorded_it_and_what_it_does_not_have_from_there() {
        let comments: Vec<&str> = TABLE.lines().filter(|line| line.starts_with('#')).collect();
        let told = |word: &str| {
            comments.iter().any(|line| line.trim_start_matches('#').trim().starts_with(word))
        };
        let mut lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), head.len(), "{line}");
            let [.., source, chosen] = cells.as_slice() else { panic!("{line}") };
            assert!(told(source), "{line}: the head of the table does not explain {source}");
            for column in chosen.split_whitespace() {
                assert!(head.contains(&column) && told(column), "{line}: {column}");
            }
        }
    }

    #[test]
    fn symbols_are_taken_by_any_of_their_names() {
        let check = |wanted: &[&str], found: Result<&[&str], &str>| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            let got = listed(VenueName::Okx, Product::Perpetual, &wanted);
            let got = got.map(|listed| {
                listed.roster.all().iter().map(|one| one.native.to_string()).collect::<Vec<_>>()
            });
            match (got, found) {
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(error), Err(want)) => {
                    assert!(error.to_string().contains(want), "{error}");
                }
                (got, want) => panic!("{got:?} is not {want:?}"),
            }
        };
        check(&["ETH", "BTCUSDT"], Ok(&["ETH-USDT-SWAP", "BTC-USDT-SWAP"]));
        check(&["SOL-USDT-SWAP"], Ok(&["SOL-USDT-SWAP"]));
        check(&["DOGE"], Err("lists no DOGE: choose from BTC-USDT-SWAP"));
        check(&["BTC", "BTC-USDT-SWAP"], Err("named twice"));
    }
}
