//! Every limit as an order meets it, for people who ask why it was let through.

use super::{
    Bounds, DailyLoss, Facts, Gate, Limits, OrderRate, Span, Threshold,
    bounds::{Load, band, prices},
    equity::fall,
    facts::Effect,
};
use crate::order::{Amount, Breach, Limit, Ticket};
use market::{Money, Rate};

/// One limit, and how the figure stands to it that it bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Which limit.
    pub limit: Limit,
    /// The figure, with the order in it.
    pub value: Amount,
    /// What it may be.
    pub bound: Amount,
    /// Whether it is that.
    pub verdict: Verdict,
}

/// Whether a figure lies within its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It does: the bound itself is allowed.
    Within,
    /// It does not, or nobody knows.
    Beyond,
}

impl Measure {
    const fn of(limit: Limit, value: Amount, bound: Amount, verdict: Verdict) -> Self {
        Self { limit, value, bound, verdict }
    }

    const fn beyond(breach: Breach) -> Self {
        Self::of(breach.limit, breach.value, breach.bound, Verdict::Beyond)
    }

    fn money(limit: Limit, value: Option<Money>, bound: Money) -> Self {
        let verdict = within(value.is_some_and(|value| value <= bound));
        let value = value.map_or(Amount::Unknown, Amount::Money);
        Self::of(limit, value, Amount::Money(bound), verdict)
    }

    fn lots(limit: Limit, value: u64, bound: u64) -> Self {
        Self::of(limit, Amount::Lots(value), Amount::Lots(bound), within(value <= bound))
    }
}

const fn within(is_within: bool) -> Verdict {
    if is_within { Verdict::Within } else { Verdict::Beyond }
}

impl Gate {
    /// Every limit that is set, as this order would meet it, in the order in which they are looked
    /// at: the first one beyond its bound is what [`Gate::check`] names. `None` for an order that
    /// only shrinks a position, which no limit is held against.
    #[must_use]
    pub fn sheet(&self, ticket: &Ticket, facts: &Facts) -> Option<Vec<Measure>> {
        let Effect::Enlarges { closing, opening, .. } = facts.effect(ticket) else { return None };
        let limits = self.limits();
        let load = Load { ticket, facts, closing, opening };
        let bounds = self.bounds_of(ticket.instrument);
        let mut all = vec![self.state_measure(facts)];
        all.extend(self.lock_breach(ticket, facts.now).map(Measure::beyond));
        all.extend(self.rate_measure(facts));
        all.extend(limits.working_orders.map(|bound| {
            let value = facts.working.saturating_add(1);
            let (value, most) = (Amount::Count(value), Amount::Count(bound));
            let verdict = within(facts.working.saturating_add(1) <= bound);
            Measure::of(Limit::WorkingOrders, value, most, verdict)
        }));
        price(bounds, &load, &mut all);
        sizes(bounds, &load, &mut all);
        exposure(limits, &load, &mut all);
        all.extend(self.duplicate_measure(ticket, facts.now));
        self.equity_measures(limits, &mut all);
        Some(all)
    }

    fn state_measure(&self, facts: &Facts) -> Measure {
        let open = Amount::State(super::State::Normal);
        let calm = Measure::of(Limit::State, open, open, Verdict::Within);
        self.hold_breach(facts.now).map_or(calm, Measure::beyond)
    }

    fn rate_measure(&self, facts: &Facts) -> Option<Measure> {
        let (OrderRate { orders, span }, recent) = self.rate()?;
        let value = recent.count(facts.now, *span).saturating_add(1);
        let bound = u64::from(*orders);
        let (value, most) = (Amount::Count(value), Amount::Count(bound));
        let verdict = within(!recent.is_full(facts.now, *span));
        Some(Measure::of(Limit::OrderRate, value, most, verdict))
    }

    fn duplicate_measure(&self, ticket: &Ticket, now: market::Timestamp) -> Option<Measure> {
        // What is too old is forgotten on the way: the gate itself is not touched.
        let mut duplicates = self.duplicates()?.clone();
        let span = Amount::Span(duplicates.span());
        let fresh = Measure::of(Limit::Duplicate, Amount::Unknown, span, Verdict::Within);
        Some(duplicates.breach(ticket, now).map_or(fresh, Measure::beyond))
    }

    /// Limits on equity act through the state; here is how near they are.
    fn equity_measures(&self, limits: &Limits, all: &mut Vec<Measure>) {
        let equity = self.equity();
        if let (Some(limit), Some((peak, latest))) = (&limits.drawdown, equity.since_peak()) {
            let verdict = within(equity.drawdown(limit).is_none());
            let bound = Amount::Fraction(limit.fall);
            all.push(Measure::of(Limit::Drawdown, fall(peak, latest), bound, verdict));
        }
        if let (Some(limit), Some((start, latest))) = (&limits.daily_loss, equity.since_morning()) {
            let verdict = within(equity.daily_loss(limit).is_none());
            let DailyLoss { loss, .. } = limit;
            let (value, bound) = match loss {
                Threshold::Money(most) => {
                    let lost = start.minus(latest).map(|lost| lost.max(Money::ZERO));
                    (lost.map_or(Amount::Unknown, Amount::Money), Amount::Money(*most))
                }
                Threshold::Fraction(most) => (fall(start, latest), Amount::Fraction(*most)),
            };
            all.push(Measure::of(Limit::DailyLoss, value, bound, verdict));
        }
    }
}

/// The age of the latest price, and the order's prices against the collar.
fn price(bounds: &Bounds, load: &Load<'_>, all: &mut Vec<Measure>) {
    let facts = load.facts;
    if let Some(bound) = bounds.stale_price {
        let age = facts.reference.map(|it| Span::between(it.time, facts.now));
        let verdict = within(age.is_some_and(|age| age <= bound));
        let value = age.map_or(Amount::Unknown, Amount::Span);
        all.push(Measure::of(Limit::StalePrice, value, Amount::Span(bound), verdict));
    }
    let Some(collar) = bounds.price_collar else { return };
    let middle = facts.reference.map(|it| it.price);
    let edges = middle.and_then(|price| Some((price, band(price, collar)?)));
    for price in prices(load.ticket, facts).into_iter().flatten() {
        let value = Amount::Price(price);
        let Some((middle, (low, high))) = edges else {
            all.push(Measure::of(Limit::PriceCollar, value, Amount::Unknown, Verdict::Beyond));
            return;
        };
        let bound = if price < middle { low } else { high };
        let verdict = within(low <= price && price <= high);
        all.push(Measure::of(Limit::PriceCollar, value, Amount::Price(bound), verdict));
    }
}

/// Size and value of the order, and of the position once it is through.
fn sizes(bounds: &Bounds, load: &Load<'_>, all: &mut Vec<Measure>) {
    let size = load.ticket.quantity;
    all.extend(bounds.order_size.map(|most| Measure::lots(Limit::OrderSize, size.0, most.0)));
    let notional = bounds.order_notional;
    all.extend(notional.map(|most| Measure::money(Limit::OrderNotional, load.value(), most)));
    let lots = load.facts.lots_after(load.ticket);
    all.extend(bounds.position.map(|most| Measure::lots(Limit::Position, lots, most.0)));
    let notional = bounds.position_notional;
    all.extend(
        notional.map(|most| Measure::money(Limit::PositionNotional, load.share(lots), most)),
    );
}

/// Σ |value| of positions and orders, alone and over equity.
fn exposure(limits: &Limits, load: &Load<'_>, all: &mut Vec<Measure>) {
    if limits.exposure.is_none() && limits.leverage.is_none() {
        return;
    }
    let exposure = load.exposure_after();
    all.extend(limits.exposure.map(|most| Measure::money(Limit::Exposure, exposure, most)));
    let Some(bound) = limits.leverage else { return };
    let equity = load.facts.equity;
    let breach = load.exposure(None, Some(bound));
    let known = exposure.filter(|_| equity > Money::ZERO);
    let ratio = known.and_then(|exposure| Rate::ratio(exposure, equity).ok());
    let value = ratio.map_or(Amount::Unknown, Amount::Fraction);
    let verdict = within(breach.is_none());
    all.push(Measure::of(Limit::Leverage, value, Amount::Fraction(bound), verdict));
}
