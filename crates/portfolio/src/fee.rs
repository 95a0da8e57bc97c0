//! What an exchange takes: maker and taker rates by the volume of the last thirty days.

use crate::{Error, FeeFault, Liquidity};
use market::{BarSize, Money, Rate, Timestamp};

/// Rates from a trading volume on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeTier {
    /// It holds from this thirty-day volume on.
    pub volume: Money,
    /// For an order that rested, as a fraction of the notional ([`Rate::from_bps`] for basis
    /// points); negative is a rebate.
    pub maker: Rate,
    /// For an order that took, as a fraction of the notional.
    pub taker: Rate,
}

/// Rates by volume, and the least that an order pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeSchedule {
    tiers: Vec<FeeTier>,
    minimum: Option<Money>,
}

impl FeeSchedule {
    /// Tiers in ascending order of volume, the first from zero; `minimum` is the least that an
    /// order pays over all its fills. [`Error::Fees`] names the first tier that does not fit.
    pub fn new(tiers: Vec<FeeTier>, minimum: Option<Money>) -> Result<Self, Error> {
        let wrong = |place, fault| Error::Fees { place, fault };
        let first = tiers.first().ok_or(wrong(0, FeeFault::None))?;
        if first.volume != Money::ZERO {
            return Err(wrong(0, FeeFault::NotFromZero));
        }
        for (place, tier) in tiers.iter().enumerate() {
            let sane = |rate: Rate| rate.0.unsigned_abs() <= Rate::ONE.0.unsigned_abs();
            if !sane(tier.maker) || !sane(tier.taker) {
                return Err(wrong(place, FeeFault::Rate));
            }
            let before = place.checked_sub(1).and_then(|before| tiers.get(before));
            if before.is_some_and(|b| b.volume >= tier.volume) {
                return Err(wrong(place, FeeFault::Order));
            }
        }
        if minimum.is_some_and(|least| least < Money::ZERO) {
            return Err(wrong(0, FeeFault::Minimum));
        }
        Ok(Self { tiers, minimum })
    }

    /// The same rates at every volume.
    pub fn flat(maker: Rate, taker: Rate) -> Result<Self, Error> {
        Self::new(vec![FeeTier { volume: Money::ZERO, maker, taker }], None)
    }

    /// The tiers, in ascending order.
    #[must_use]
    pub fn tiers(&self) -> &[FeeTier] {
        &self.tiers
    }

    /// The tier of a thirty-day volume.
    #[must_use]
    pub fn tier(&self, volume: Money) -> FeeTier {
        let above = self.tiers.partition_point(|tier| tier.volume <= volume);
        *self.tiers.get(above.saturating_sub(1)).expect("there is a first tier")
    }

    /// What an order owes in all once the rates alone ask for `due`.
    fn owed(&self, due: Money) -> Money {
        self.minimum.map_or(due, |least| due.max(least))
    }
}

/// What the rates asked of one order so far; its owner keeps one per order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderFees {
    due: Option<Money>,
}

/// A fee schedule and the volume it goes by.
///
/// Volume counts in UTC days, and a day's tier is that of the thirty whole days before it: venues
/// set tiers once a day, and so no fill depends on its own volume. Notional, minimum and the
/// tiers' volumes are amounts of one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeMeter {
    schedule: FeeSchedule,
    window: Window,
    tier: FeeTier,
}

/// What a fill changes.
struct Kept {
    window: Window,
    tier: FeeTier,
}

/// Days that a tier goes by.
const DAYS: usize = 30;

/// Traded notional of the current day and of the thirty before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    day: Option<i64>,
    today: Money,
    /// A ring: day `d` has the place `d mod 30`.
    past: [Money; DAYS],
}

impl FeeMeter {
    /// Nothing was traded yet.
    #[must_use]
    pub fn new(schedule: FeeSchedule) -> Self {
        let tier = schedule.tier(Money::ZERO);
        let window = Window { day: None, today: Money::ZERO, past: [Money::ZERO; DAYS] };
        Self { schedule, window, tier }
    }

    /// The fee of one fill of an order, half to even at 1e-8, and its notional counted.
    ///
    /// Where an order has a minimum, its first fill pays up to it, and later ones pay once the
    /// rates ask for more than was paid. A time before the latest day counts as that day. On an
    /// error nothing is changed.
    pub fn fee(
        &mut self,
        order: &mut OrderFees,
        notional: Money,
        liquidity: Liquidity,
        time: Timestamp,
    ) -> Result<Money, Error> {
        let (fee, due, kept) = self.weigh(*order, notional, (liquidity, time))?;
        let Kept { window, tier } = kept;
        (self.window, self.tier, order.due) = (window, tier, Some(due));
        Ok(fee)
    }

    /// The fee that [`FeeMeter::fee`] would give; nothing is counted.
    pub fn quote(
        &self,
        order: OrderFees,
        notional: Money,
        liquidity: Liquidity,
        time: Timestamp,
    ) -> Result<Money, Error> {
        Ok(self.weigh(order, notional, (liquidity, time))?.0)
    }

    /// A fill's fee, what the rates have asked of its order by then, and what is kept of it.
    fn weigh(
        &self,
        order: OrderFees,
        notional: Money,
        (liquidity, time): (Liquidity, Timestamp),
    ) -> Result<(Money, Money, Kept), Error> {
        let size = notional.magnitude()?;
        let day = time.nanos().div_euclid(BarSize::DAY.nanos());
        let (mut window, mut tier) = (self.window, self.tier);
        if window.day != Some(day) {
            window = window.rolled(day);
            tier = self.schedule.tier(window.volume()?);
        }
        let rate = match liquidity {
            Liquidity::Maker => tier.maker,
            Liquidity::Taker => tier.taker,
        };
        let due = order.due.unwrap_or_default().plus(rate.of(size)?)?;
        let paid = order.due.map_or(Money::ZERO, |before| self.schedule.owed(before));
        let fee = self.schedule.owed(due).minus(paid)?;
        window.today = window.today.plus(size)?;
        Ok((fee, due, Kept { window, tier }))
    }

    /// Notional of the thirty whole days before the latest fill's day.
    pub fn volume(&self) -> Result<Money, Error> {
        self.window.volume()
    }

    /// The tier of the latest fill's day.
    #[must_use]
    pub const fn tier(&self) -> FeeTier {
        self.tier
    }
}

impl Window {
    /// The same window as of a later day; an earlier day leaves it as it is.
    fn rolled(mut self, day: i64) -> Self {
        let Some(latest) = self.day else {
            return Self { day: Some(day), ..self };
        };
        if day <= latest {
            return self;
        }
        let length = i64::try_from(DAYS).expect("a small number");
        if day - latest > length {
            self.past = [Money::ZERO; DAYS];
        } else {
            for between in latest..day {
                let place = usize::try_from(between.rem_euclid(length)).expect("below thirty");
                if let Some(slot) = self.past.get_mut(place) {
                    *slot = if between == latest { self.today } else { Money::ZERO };
                }
            }
        }
        Self { day: Some(day), today: Money::ZERO, past: self.past }
    }

    fn volume(&self) -> Result<Money, Error> {
        self.past.iter().try_fold(Money::ZERO, |sum, day| Ok(sum.plus(*day)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tiers_that_do_not_fit_are_named() {
        let tier = |volume, maker, taker| FeeTier {
            volume: Money::from_whole(volume),
            maker: Rate::from_bps(maker),
            taker: Rate::from_bps(taker),
        };
        let check = |tiers: &[FeeTier], minimum, place, fault| {
            let refused = FeeSchedule::new(tiers.to_vec(), minimum);
            assert_eq!(refused, Err(Error::Fees { place, fault }));
        };
        check(&[], None, 0, FeeFault::None);
        check(&[tier(1, 1, 1)], None, 0, FeeFault::NotFromZero);
        check(&[tier(0, 1, 1), tier(0, 1, 1)], None, 1, FeeFault::Order);
        check(&[tier(0, 1, 1), tier(9, 1, 10_001)], None, 1, FeeFault::Rate);
        check(&[tier(0, 1, 1)], Some(Money(-1)), 0, FeeFault::Minimum);
    }

    #[test]
    fn on_overflow_nothing_is_counted() {
        let schedule = FeeSchedule::flat(Rate::ZERO, Rate::ZERO).expect("it fits");
        let mut meter = FeeMeter::new(schedule);
        let mut order = OrderFees::default();
        let day = |n: i64| Timestamp::from_nanos(n * BarSize::DAY.nanos());
        let most = Money(i128::MAX);
        meter.fee(&mut order, most, Liquidity::Taker, day(0)).expect("in range");
        let (before, before_order) = (meter.clone(), order);
        for (amount, at) in [(Money(1), 0), (Money(i128::MIN), 1)] {
            meter.fee(&mut order, amount, Liquidity::Taker, day(at)).expect_err("too much");
            assert_eq!((&meter, order), (&before, before_order));
        }
    }

    proptest! {
        #[test]
        fn volume_is_that_of_the_thirty_days_before(
            fills in prop::collection::vec((0i64..12, 1i64..1000), 1..60),
        ) {
            let schedule = FeeSchedule::flat(Rate::ZERO, Rate::ZERO).expect("it fits");
            let (mut meter, mut day) = (FeeMeter::new(schedule), 0);
            let mut traded: Vec<(i64, i64)> = Vec::new();
            for (gap, whole) in fills {
                day += gap;
                let time = Timestamp::from_nanos(day * BarSize::DAY.nanos() + 5);
                let order = &mut OrderFees::default();
                meter.fee(order, Money::from_whole(whole), Liquidity::Maker, time).expect("small");
                let counted = traded.iter().filter(|(d, _)| (day - 30..day).contains(d));
                let want: i64 = counted.map(|(_, whole)| whole).sum();
                prop_assert_eq!(meter.volume(), Ok(Money::from_whole(want)));
                traded.push((day, whole));
            }
        }
    }
}
