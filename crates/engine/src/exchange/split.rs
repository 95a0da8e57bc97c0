//! A split converts what works.

use super::{
    Desk,
    resting::{Resting, far},
};
use crate::{
    Account, Error,
    order::{Change, Distance, Ending, OrderKind},
};
use market::{Listing, Price, Quantity, Towards};

impl<A: Account> Desk<'_, A> {
    /// Each old unit is `numerator / denominator` new ones: sizes grow, prices shrink. A limit is
    /// rounded to its better side, a trigger away from the market; what comes to less than a lot is
    /// cancelled. What the book showed is in old units and forgotten.
    pub(super) fn split(&mut self, numerator: u32, denominator: u32) -> Result<(), Error> {
        (self.pit.quote, self.pit.last) = (None, None);
        self.pit.book.clear();
        let ratio = (i128::from(numerator.max(1)), i128::from(denominator.max(1)));
        for at in 0..self.pit.orders.len() {
            let Some(mut resting) = self.pit.order(at).copied() else { continue };
            split_order(&mut resting, ratio, &self.pit.listing);
            if resting.left == Quantity::ZERO {
                self.end(at, Ending::Cancelled)?;
                continue;
            }
            self.replace(at, resting);
            self.join(at);
            let quantity = resting.order.ticket.quantity;
            self.tell(resting.order.id, Change::Amended { quantity })?;
        }
        Ok(())
    }
}

fn split_order(resting: &mut Resting, (new, old): (i128, i128), listing: &Listing) {
    let side = resting.side();
    let grown = |lots: Quantity| {
        let scaled = i128::from(lots.0) * new / old;
        Quantity(u64::try_from(scaled).unwrap_or(u64::MAX))
    };
    let price = |price: Price, towards: Towards| {
        let product = i128::from(price.0) * old;
        let rounded = match towards {
            Towards::Down => product.div_euclid(new),
            Towards::Up => -(-product).div_euclid(new),
        };
        listing.snap(Price(i64::try_from(rounded).unwrap_or(price.0)), towards)
    };
    let filled = resting.filled();
    resting.left = grown(resting.left);
    let ticket = &mut resting.order.ticket;
    ticket.quantity = Quantity(filled.0.saturating_add(resting.left.0));
    ticket.display = ticket.display.map(|shown| grown(shown).max(Quantity(1)));
    let (beyond, near) = (far(side), far(side.opposite()));
    match &mut ticket.kind {
        OrderKind::Market => {}
        OrderKind::Limit { price: limit } => *limit = price(*limit, near),
        OrderKind::Stop { trigger } => *trigger = price(*trigger, beyond),
        OrderKind::StopLimit { trigger, price: limit } => {
            (*trigger, *limit) = (price(*trigger, beyond), price(*limit, near));
        }
        OrderKind::Touched { trigger } => *trigger = price(*trigger, near),
        OrderKind::TouchedLimit { trigger, price: limit } => {
            (*trigger, *limit) = (price(*trigger, near), price(*limit, near));
        }
        OrderKind::Trailing { distance, from } => {
            if let Distance::Ticks(ticks) = distance {
                let up = (i128::from(*ticks) * old + new - 1) / new;
                *ticks = u64::try_from(up).unwrap_or(u64::MAX);
            }
            *from = from.map(|from| price(from, near));
        }
    }
    resting.best = resting.best.map(|best| price(best, near));
}
