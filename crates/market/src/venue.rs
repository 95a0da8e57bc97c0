//! What a venue trades, under its own names.

use crate::{Currency, Listing, Money, Symbol};
use std::{fmt, str::FromStr};

/// An exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VenueName {
    /// Binance: spot and USDⓈ-M futures.
    Binance,
    /// Bybit: the unified account of API version 5.
    Bybit,
    /// OKX: API version 5.
    Okx,
}

impl VenueName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Binance, Self::Bybit, Self::Okx];

    /// Its name in settings and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Bybit => "bybit",
            Self::Okx => "okx",
        }
    }
}

impl fmt::Display for VenueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for VenueName {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, crate::Error> {
        let found = Self::ALL.into_iter().find(|venue| venue.name() == text);
        found.ok_or_else(|| crate::Error::Venue { text: crate::excerpt(text) })
    }
}

/// What kind of thing is traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// The coin itself, paid in full.
    Spot,
    /// A perpetual swap that settles in USDT.
    Perpetual,
}

impl Product {
    /// Its name in settings and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Perpetual => "perpetual",
        }
    }
}

/// One instrument as a venue trades it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traded {
    /// Its name at the venue: `BTCUSDT`, `BTC-USDT-SWAP`.
    pub native: Symbol,
    /// What it is.
    pub product: Product,
    /// The coin that is bought or sold.
    pub base: Currency,
    /// Units of `base` in one of the venue's units of size, in 1e-8: 1 where sizes are in coins, as
    /// on spot and most venues; the value of a contract where they are in contracts.
    pub contract: Money,
    /// The finest step that the venue takes and the bounds of an order; its lots are fractions of
    /// `base`, whatever the venue counts in.
    pub listing: Listing,
    /// Whether it can be traded now.
    pub trading: bool,
    /// The most leverage that the venue allows; 1 on spot.
    pub leverage_max: u32,
}

/// What a bot or a box trades at one venue: an instrument's number is its place here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    traded: Vec<Traded>,
    /// Places, in the order of product and name.
    names: Vec<usize>,
}

impl Roster {
    /// In this order.
    #[must_use]
    pub fn new(traded: Vec<Traded>) -> Self {
        let mut sorted: Vec<(usize, &Traded)> = traded.iter().enumerate().collect();
        sorted.sort_by(|(_, a), (_, b)| (a.product, &a.native).cmp(&(b.product, &b.native)));
        let names = sorted.into_iter().map(|(place, _)| place).collect();
        Self { traded, names }
    }

    /// All of them, in the order of their numbers.
    #[must_use]
    pub fn all(&self) -> &[Traded] {
        &self.traded
    }

    /// The one with this number.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&Traded> {
        self.traded.get(place)
    }

    /// The number and the instrument of this name at the venue. Names are unique within a product
    /// only: at Binance and Bybit `BTCUSDT` is spot and perpetual.
    #[must_use]
    pub fn find(&self, product: Product, native: &str) -> Option<(usize, &Traded)> {
        let order = |place: &usize| {
            let one = self.traded.get(*place)?;
            Some((one.product, one.native.as_str()).cmp(&(product, native)))
        };
        let compare = |place: &usize| order(place).unwrap_or(std::cmp::Ordering::Greater);
        let found = self.names.binary_search_by(compare).ok()?;
        let place = *self.names.get(found)?;
        self.traded.get(place).map(|one| (place, one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Instrument;

    fn traded(product: Product, native: &str) -> Traded {
        let native: Symbol = native.parse().expect("a symbol");
        Traded {
            listing: Listing::of(Instrument::share(native.clone())),
            native,
            product,
            base: Currency::USD,
            contract: Money(Money::UNIT),
            trading: true,
            leverage_max: 1,
        }
    }

    #[test]
    fn an_instrument_is_found_by_its_product_and_name() {
        let of = |names: [(Product, &str); 4]| {
            Roster::new(names.into_iter().map(|(product, name)| traded(product, name)).collect())
        };
        let roster = of([
            (Product::Perpetual, "ETHUSDT"),
            (Product::Spot, "BTCUSDT"),
            (Product::Perpetual, "BTCUSDT"),
            (Product::Spot, "AAVEUSDT"),
        ]);
        let check = |product, name, want: Option<usize>| {
            let found = roster.find(product, name);
            assert_eq!(found.map(|(place, _)| place), want, "{name}");
            assert_eq!(found.map(|(_, one)| one), want.and_then(|place| roster.at(place)));
        };
        check(Product::Perpetual, "BTCUSDT", Some(2));
        check(Product::Spot, "BTCUSDT", Some(1));
        check(Product::Spot, "AAVEUSDT", Some(3));
        check(Product::Spot, "ETHUSDT", None);
        check(Product::Perpetual, "AAVEUSDT", None);
    }
}
