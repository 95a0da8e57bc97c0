//! What follows the account's equity: its peak, and the day.

use super::{DailyLoss, Drawdown, Threshold};
use crate::order::{Amount, Breach, Limit};
use market::{Money, Rate, Timestamp};

/// Equity as far as the limits need it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Equity {
    latest: Option<Money>,
    peak: Option<Money>,
    day: Option<(i64, Money)>,
}

impl Equity {
    /// Takes one figure in. The day begins with the last figure before it: what a gap over night
    /// takes belongs to the new day.
    pub(super) fn observe(&mut self, now: Timestamp, equity: Money, daily: Option<&DailyLoss>) {
        self.peak = Some(self.peak.map_or(equity, |peak| peak.max(equity)));
        if let Some(limit) = daily {
            let number = limit.day.number(now);
            if self.day.is_none_or(|(today, _)| today != number) {
                self.day = Some((number, self.latest.unwrap_or(equity)));
            }
        }
        self.latest = Some(equity);
    }

    /// Whether the fall from the peak is too large.
    pub(super) fn drawdown(&self, limit: &Drawdown) -> Option<Breach> {
        fallen(self.peak?, self.latest?, limit.fall)
    }

    /// Whether the fall since the day began is too large.
    pub(super) fn daily_loss(&self, limit: &DailyLoss) -> Option<Breach> {
        let ((_, start), latest) = (self.day?, self.latest?);
        match limit.loss {
            Threshold::Money(most) => {
                let loss = start.minus(latest).ok();
                let value = loss.map_or(Amount::Unknown, Amount::Money);
                let (limit, bound) = (Limit::DailyLoss, Amount::Money(most));
                loss.is_none_or(|loss| loss > most).then_some(Breach { limit, value, bound })
            }
            Threshold::Fraction(most) => {
                fallen(start, latest, most).map(|b| Breach { limit: Limit::DailyLoss, ..b })
            }
        }
    }

    /// The peak and the latest figure.
    pub(super) fn since_peak(&self) -> Option<(Money, Money)> {
        Some((self.peak?, self.latest?))
    }

    /// Where the day began, and the latest figure.
    pub(super) fn since_morning(&self) -> Option<(Money, Money)> {
        Some((self.day?.1, self.latest?))
    }

    /// The peak is where equity is now.
    pub(super) fn restart_peak(&mut self) {
        self.peak = self.latest;
    }

    /// The day begins where equity is now.
    pub(super) fn restart_day(&mut self) {
        if let (Some((_, start)), Some(latest)) = (&mut self.day, self.latest) {
            *start = latest;
        }
    }

    /// The latest figure, of which nothing follows.
    #[inline]
    pub(super) const fn note(&mut self, equity: Money) {
        self.latest = Some(equity);
    }

    /// Figures from which nothing would follow: no new peak, no fall that is too large.
    pub(super) fn calm(&self, drawdown: Option<&Drawdown>, daily: Option<&DailyLoss>) -> Calm {
        let mut calm = Calm { high: self.peak.unwrap_or(LOWEST), ..Calm::ALWAYS };
        if let (Some(limit), Some(peak)) = (drawdown, self.peak) {
            calm.low = calm.low.max(floor(peak, limit.fall));
        }
        if let (Some(limit), Some((_, start))) = (daily, self.day) {
            let low = match limit.loss {
                Threshold::Money(loss) => start.minus(loss).unwrap_or(HIGHEST),
                Threshold::Fraction(fall) => floor(start, fall),
            };
            calm.low = calm.low.max(low);
        }
        calm
    }

    pub(super) fn list(&self) -> impl Iterator<Item = (&'static str, Amount)> {
        let start = self.day.map(|(_, start)| start);
        let all = [("equity", self.latest), ("equity.peak", self.peak), ("equity.day", start)];
        all.into_iter().filter_map(|(name, money)| Some((name, Amount::Money(money?))))
    }
}

const LOWEST: Money = Money(i128::MIN);
const HIGHEST: Money = Money(i128::MAX);

/// What equity may be, up to when, without anything that follows from it: most figures are passed
/// over by three comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calm {
    pub(super) low: Money,
    pub(super) high: Money,
    /// The first moment that is looked at again.
    pub(super) until: Timestamp,
}

impl Calm {
    /// Nothing is passed over.
    pub(super) const NEVER: Self = Self { low: HIGHEST, high: LOWEST, ..Self::ALWAYS };
    const ALWAYS: Self =
        Self { low: LOWEST, high: HIGHEST, until: Timestamp::from_nanos(i64::MAX) };

    #[inline]
    pub(super) fn covers(&self, now: Timestamp, equity: Money) -> bool {
        equity >= self.low && equity <= self.high && now < self.until
    }

    /// What both pass over.
    pub(super) fn and(self, other: Self) -> Self {
        let (low, high) = (self.low.max(other.low), self.high.min(other.high));
        Self { low, high, until: self.until.min(other.until) }
    }

    pub(super) fn until(self, end: Timestamp) -> Self {
        Self { until: self.until.min(end), ..self }
    }
}

/// Equity at or above this did not fall too far from its highest; just below it perhaps.
pub(super) fn floor(highest: Money, most: Rate) -> Money {
    if highest.0 <= 0 {
        return LOWEST;
    }
    let fall = highest.0.checked_mul(most.0).map(|product| product / Rate::ONE.0);
    fall.map_or(HIGHEST, |fall| Money(highest.0 - fall))
}

/// How far equity fell, as a fraction of its highest; unknown where that is nothing or less.
pub(super) fn fall(highest: Money, now: Money) -> Amount {
    let fallen = highest.minus(now).map(|fall| fall.max(Money::ZERO)).ok();
    let fallen = fallen.filter(|_| highest > Money::ZERO);
    let ratio = fallen.and_then(|fall| Rate::ratio(fall, highest).ok());
    ratio.map_or(Amount::Unknown, Amount::Fraction)
}

/// Whether equity fell by more than a fraction of its highest, exactly: (highest − now) × 1 >
/// most × highest. A highest of nothing or less has no fraction: no fall is measured from it. A
/// fall that overflows is too large.
pub(super) fn fallen(highest: Money, now: Money, most: Rate) -> Option<Breach> {
    if highest.0 <= 0 || now >= highest {
        return None;
    }
    let fall = highest.minus(now).ok();
    let left = fall.and_then(|fall| fall.0.checked_mul(Rate::ONE.0));
    let right = most.0.checked_mul(highest.0);
    let within = matches!((left, right), (Some(left), Some(right)) if left <= right);
    let ratio = fall.and_then(|fall| Rate::ratio(fall, highest).ok());
    let value = ratio.map_or(Amount::Unknown, Amount::Fraction);
    let bound = Amount::Fraction(most);
    (!within).then_some(Breach { limit: Limit::Drawdown, value, bound })
}
