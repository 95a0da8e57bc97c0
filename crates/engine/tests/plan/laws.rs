//! Laws under any order of what a venue may say.

use super::*;
use engine::plan::{Bracket, Exits, Jitter, Oco, Race, Rest, Twap, TwapTerms};
use engine::risk::Span;
use market::Rate;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// A venue that does what it may in any order: it answers requests one after another, trades as
/// much as it likes, refuses now and then, and cuts what is reduce-only to what is held.
#[derive(Default)]
struct Venue {
    orders: BTreeMap<u32, Working>,
    requests: VecDeque<Step>,
    held: i64,
    timer: Option<Timestamp>,
    done: Option<Outcome>,
}

struct Working {
    ticket: Ticket,
    filled: u64,
    is_accepted: bool,
    is_live: bool,
    is_refused: bool,
}

impl Working {
    fn rest(&self) -> u64 {
        if self.is_live { self.ticket.quantity.0 - self.filled } else { 0 }
    }
}

impl Venue {
    fn take(&mut self, steps: Vec<Step>) {
        for step in steps {
            assert_eq!(self.done, None, "nothing comes after the end: {step:?}");
            match step {
                Step::Submit { key, ticket } => {
                    assert!(ticket.quantity > Quantity::ZERO, "an order of nothing");
                    let (filled, is_accepted, is_live, is_refused) = (0, false, true, false);
                    let order = Working { ticket, filled, is_accepted, is_live, is_refused };
                    assert!(self.orders.insert(key.0, order).is_none(), "a name is used once");
                }
                Step::Cancel(_) | Step::Amend(..) => self.requests.push_back(step),
                Step::Timer(time) => self.timer = Some(time),
                Step::Done(outcome) => self.done = Some(outcome),
            }
        }
    }

    /// Answers the oldest request; `grants` says whether an amendment is taken.
    fn answer(&mut self, grants: bool) -> Option<News> {
        match self.requests.pop_front()? {
            Step::Cancel(key) => {
                let order = self.orders.get_mut(&key.0).expect("it was sent");
                let was_live = std::mem::replace(&mut order.is_live, false);
                Some(if was_live { cancelled(key.0) } else { unchanged(key.0) })
            }
            Step::Amend(key, change) => {
                let order = self.orders.get_mut(&key.0).expect("it was sent");
                let total = change.quantity.expect("a size");
                assert!(order.is_accepted, "an order is changed once it was accepted");
                if order.is_live && grants && total.0 > order.filled {
                    order.ticket.quantity = total;
                    return Some(amended(key.0, total.0));
                }
                Some(unchanged(key.0))
            }
            step => unreachable!("{step:?} is no request"),
        }
    }

    /// Something that happens to one of the orders by itself.
    fn act(&mut self, pick: usize, lots: u64, what: u8) -> Option<News> {
        let live: Vec<u32> =
            self.orders.iter().filter(|(_, o)| o.is_live).map(|(k, _)| *k).collect();
        let key = *live.get(pick % live.len().max(1))?;
        let order = self.orders.get_mut(&key)?;
        let sign = order.ticket.side.sign();
        let reduces = order.ticket.restrictions.has(Restrictions::REDUCE_ONLY);
        let closable = if self.held.signum() == -sign { self.held.unsigned_abs() } else { 0 };
        let most = if reduces { order.rest().min(closable) } else { order.rest() };
        match what {
            0 if !order.is_accepted => {
                (order.is_live, order.is_refused) = (false, true);
                Some(refused(key))
            }
            1..=3 if !order.is_accepted => {
                order.is_accepted = true;
                Some(accept(key))
            }
            _ if most == 0 => None,
            _ => {
                let lots = lots.min(most);
                order.filled += lots;
                order.is_accepted = true;
                order.is_live = order.rest() > 0;
                self.held += sign * i64::try_from(lots).expect("small");
                Some(fill(key, lots))
            }
        }
    }

    fn filled(&self, keep: impl Fn(&Ticket) -> bool) -> u64 {
        self.orders.values().filter(|o| keep(&o.ticket)).map(|o| o.filled).sum()
    }
}

fn tell(plan: &mut impl Plan, venue: &mut Venue, now: i64, news: News) {
    if venue.done.is_some() {
        return;
    }
    let mut out = Vec::new();
    plan.on(&Input { now: at(now), news }, &mut out);
    venue.take(out);
}

/// What may happen: to which order, how many lots, what, and whether a change is granted.
fn moves() -> impl Strategy<Value = Vec<(usize, u64, u8, bool)>> {
    prop::collection::vec((0usize..8, 1u64..6, 0u8..12, any::<bool>()), 0..120)
}

/// Lets the venue answer everything that was asked of it; it refuses nothing any more.
fn settle(plan: &mut impl Plan, venue: &mut Venue, now: i64) {
    for _ in 0..200 {
        let waiting =
            venue.orders.iter().find(|(_, o)| o.is_live && !o.is_accepted).map(|(k, _)| *k);
        if let Some(key) = waiting {
            venue.orders.get_mut(&key).expect("it is there").is_accepted = true;
            tell(plan, venue, now, accept(key));
        } else if let Some(news) = venue.answer(true) {
            tell(plan, venue, now, news);
        } else {
            return;
        }
    }
    panic!("plan and venue never come to rest");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_bracket_is_never_without_its_stop(moves in moves(), size in 1u64..20, changes in any::<bool>()) {
        let exits = Exits { stop: stop(90), target: Some(limit(120)) };
        let mut plan = Bracket::new(buy(size).of(limit(100)), exits).expect("in order");
        let mut venue = Venue::default();
        tell(&mut plan, &mut venue, 0, START);
        for (pick, lots, what, grants) in moves {
            let news = if what % 3 == 1 { venue.answer(grants && changes) } else { venue.act(pick, lots, what) };
            if let Some(news) = news {
                tell(&mut plan, &mut venue, 0, news);
            }
            let entered = venue.filled(|t| t.side == Side::Buy);
            let left = venue.filled(|t| t.side == Side::Sell);
            prop_assert!(entered <= size);
            prop_assert!(left <= entered, "it never closes more than it opened");
            prop_assert_eq!(plan.held().0, entered - left);
            let stops = || venue.orders.values().filter(|o| matches!(o.ticket.kind, OrderKind::Stop { .. }));
            if venue.held > 0 && venue.done.is_none() && !stops().any(|o| o.is_refused) {
                prop_assert!(stops().any(|o| o.is_live), "{} held without a stop", venue.held);
            }
        }
        settle(&mut plan, &mut venue, 0);
        let held = u64::try_from(venue.held).expect("never short");
        let of = |keep: fn(&OrderKind) -> bool| {
            let kept = venue.orders.values().filter(|o| keep(&o.ticket.kind) && o.ticket.side == Side::Sell);
            kept.map(Working::rest).sum::<u64>()
        };
        let stops = of(|kind| matches!(kind, OrderKind::Stop { .. }));
        let closes = of(|kind| matches!(kind, OrderKind::Market));
        match venue.done {
            Some(Outcome::Unprotected { lots }) => prop_assert_eq!(lots.0, held),
            Some(_) => prop_assert_eq!(held, 0),
            None => prop_assert!(stops + closes >= held || refused_close(&venue), "{} of {} covered", stops, held),
        }
        prop_assert!(venue.orders.values().filter(|o| o.ticket.side == Side::Sell).all(|o| o.ticket.quantity.0 <= size));
    }

    #[test]
    fn guarded_exits_close_no_more_than_was_asked(moves in moves(), sizes in (1u64..10, 1u64..10)) {
        let tickets = vec![sell(sizes.0).of(stop(90)), sell(sizes.1).of(limit(120))];
        let mut plan = Oco::new(tickets, Race::Guarded).expect("two");
        let most = sizes.0.max(sizes.1);
        let mut venue = Venue { held: i64::try_from(most).expect("small"), ..Venue::default() };
        tell(&mut plan, &mut venue, 0, START);
        for (pick, lots, what, grants) in moves {
            let news = if what % 3 == 1 { venue.answer(grants) } else { venue.act(pick, lots, what) };
            if let Some(news) = news {
                tell(&mut plan, &mut venue, 0, news);
            }
            prop_assert!(venue.filled(|_| true) <= most);
            prop_assert!(venue.held >= 0);
        }
        settle(&mut plan, &mut venue, 0);
        if venue.filled(|_| true) >= most {
            prop_assert_eq!(venue.done, Some(Outcome::Complete));
        }
    }

    #[test]
    fn slices_sum_exactly_whatever_happens_to_them(
        moves in moves(),
        (min, steps, step) in (1u64..6, 1u64..60, 1u64..5),
        slices in 1u32..20,
        jitter in prop::option::of(any::<u64>()),
        patient in any::<bool>(),
    ) {
        let listing = Listing { size_min: Quantity(min), size_step: step, ..listing() };
        let size = (steps * step).max(min.div_ceil(step) * step);
        let jitter = jitter.map(|seed| Jitter { part: Rate::ONE, seed });
        let terms = TwapTerms { over: Span::from_secs(1_000), slices, jitter, rest: Rest::Market };
        let ticket = if patient { buy(size).of(limit(100)) } else { buy(size) };
        let mut plan = Twap::new(ticket, terms, &listing).expect("it fits");
        let planned: Vec<u64> = plan.slices().map(|(_, size)| size.0).collect();
        prop_assert_eq!(planned.iter().sum::<u64>(), size);
        prop_assert!(planned.iter().all(|one| *one >= min && one % step == 0), "{:?}", planned);
        prop_assert!(plan.slices().is_sorted_by_key(|(due, _)| due));
        let mut venue = Venue::default();
        let mut now = 0;
        tell(&mut plan, &mut venue, now, START);
        for (pick, lots, what, grants) in moves {
            now += 13 * i64::try_from(pick).expect("small") / 2;
            // What trades is a whole multiple of the step.
            let news = match what % 3 {
                1 => venue.answer(grants),
                2 => Some(News::Timer),
                _ => venue.act(pick, lots * step, what),
            };
            if let Some(news) = news {
                tell(&mut plan, &mut venue, now, news);
            }
            let working: u64 = venue.orders.values().map(Working::rest).sum();
            prop_assert!(venue.filled(|_| true) + working <= size, "never more than was asked");
        }
        tell(&mut plan, &mut venue, 1_000, News::Timer);
        settle(&mut plan, &mut venue, 1_000);
        // From here on everything trades.
        for _ in 0..50 {
            while let Some(news) = venue.act(0, u64::MAX, 9) {
                tell(&mut plan, &mut venue, 1_000, news);
            }
            settle(&mut plan, &mut venue, 1_000);
        }
        match venue.done {
            Some(Outcome::Complete) => prop_assert_eq!(venue.filled(|_| true), size),
            Some(Outcome::Incomplete { rest, .. }) => {
                prop_assert_eq!(venue.filled(|_| true) + rest.0, size);
                let refused = venue.orders.values().any(|o| o.is_refused);
                prop_assert!(rest.0 < min || refused, "{} of {} left for no reason", rest.0, size);
            }
            other => prop_assert!(false, "it never ends: {:?}", other),
        }
    }
}

/// A market order that should close what a refused stop leaves open was refused as well.
fn refused_close(venue: &Venue) -> bool {
    venue.orders.values().any(|o| o.is_refused && o.ticket.kind == OrderKind::Market)
}
