//! What a fill costs: fixed rates, or tiers by what was traded in thirty days.

use super::terms::FeeTerms;
use crate::{Error, order::OrderId};
use market::{Money, Timestamp};
use portfolio::{FeeMeter, FeeSchedule, Liquidity, OrderFees};
use std::collections::BTreeMap;

/// A schedule with what was traded under it, and what orders that work have paid.
#[derive(Debug, Clone)]
pub(super) struct Metered {
    meter: FeeMeter,
    orders: BTreeMap<OrderId, OrderFees>,
}

impl Metered {
    pub(super) fn new(schedule: FeeSchedule) -> Self {
        Self { meter: FeeMeter::new(schedule), orders: BTreeMap::new() }
    }

    /// A fill happened: its volume counts, and so does what its order has paid.
    pub(super) fn count(
        &mut self,
        order: OrderId,
        notional: Money,
        (liquidity, time): (Liquidity, Timestamp),
    ) -> Result<(), Error> {
        let paid = self.orders.entry(order).or_default();
        self.meter.fee(paid, notional, liquidity, time)?;
        Ok(())
    }

    /// An order is gone.
    pub(super) fn forget(&mut self, order: OrderId) {
        self.orders.remove(&order);
    }
}

/// What fills of one order would cost now.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fees<'a> {
    Fixed(&'a FeeTerms),
    Tiered(&'a Metered, OrderId),
}

impl Fees<'_> {
    /// The fee of a fill, half to even at 1e-8.
    #[inline]
    pub(super) fn fee(
        self,
        notional: Money,
        liquidity: Liquidity,
        time: Timestamp,
    ) -> Result<Money, Error> {
        match self {
            Self::Fixed(terms) => Ok(terms.fee(notional, liquidity)?),
            Self::Tiered(metered, order) => {
                let paid = metered.orders.get(&order).copied().unwrap_or_default();
                Ok(metered.meter.quote(paid, notional, liquidity, time)?)
            }
        }
    }

    /// What is left for the notional of an amount that pays notional and fee, as part and whole:
    /// a first guess where there are tiers.
    pub(super) const fn net_of_fee(self, liquidity: Liquidity) -> (i128, i128) {
        match self {
            Self::Fixed(terms) => terms.net_of_fee(liquidity),
            Self::Tiered(..) => (1, 1),
        }
    }
}
