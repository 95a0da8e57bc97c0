//! Slices of an order over a time.

use super::{
    Input, Key, News, Outcome, Plan, PlanError, Step,
    child::{Child, Told},
};
use crate::order::{Change, Ending, OrderKind, Restrictions, Ticket, TimeInForce};
use crate::risk::Span;
use market::{Listing, Quantity, Rate, Timestamp};

/// How an order is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwapTerms {
    /// From the first slice to the end.
    pub over: Span,
    /// Into how many slices; fewer, if one would be less than the venue takes.
    pub slices: u32,
    /// Moves each slice a little, so that nobody waits for it.
    pub jitter: Option<Jitter>,
    /// What becomes of lots that did not trade by the end.
    pub rest: Rest,
}

/// A random delay of each slice, the same in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter {
    /// The most, as a fraction of the time between two slices; more than the whole is the whole.
    pub part: Rate,
    /// What the delays are drawn from.
    pub seed: u64,
}

/// What becomes of lots that did not trade by the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// They are not traded.
    Drop,
    /// They are sent as one market order.
    Market,
}

/// An order in equal slices over a time.
///
/// Slice `i` of `n` brings what was sent up to `size × (i + 1) / n`, rounded down to the venue's
/// step; the last one takes the rest, so that the sum is exact. Slices work on until the end at the
/// price they have. Catching up: what of a slice is refused or expires, and what was missed because
/// nobody called in time, goes with the next one, as one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twap {
    ticket: Ticket,
    terms: TwapTerms,
    listing: Listing,
    /// When each slice is due after the start, and what should be sent by then.
    schedule: Vec<(Span, u64)>,
    next: usize,
    start: Option<Timestamp>,
    children: Vec<Child>,
    filled: u64,
    next_key: u32,
    stage: Stage,
    last: Option<Ending>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Slicing,
    /// The time is over, or the owner wants no more: orders are being taken back.
    Clearing,
    /// The rest was sent at the market.
    Sweeping,
    Over,
}

impl Twap {
    /// Slices that one order can have.
    pub const SLICES_MAX: u32 = 10_000;

    /// A plan that was not begun.
    pub fn new(ticket: Ticket, terms: TwapTerms, listing: &Listing) -> Result<Self, PlanError> {
        if ticket.quantity == Quantity::ZERO {
            return Err(PlanError::Nothing);
        }
        let (asked, most) = (terms.slices, Self::SLICES_MAX);
        if asked == 0 || asked > most || terms.over.nanos() < i64::from(asked) {
            return Err(PlanError::Duration { slices: asked, most });
        }
        let schedule = schedule(ticket.quantity, &terms, listing)?;
        Ok(Self {
            ticket,
            terms,
            listing: listing.clone(),
            schedule,
            next: 0,
            start: None,
            children: Vec::new(),
            filled: 0,
            next_key: 0,
            stage: Stage::Slicing,
            last: None,
        })
    }

    /// When each slice is due after the start, and its size if all goes to plan.
    pub fn slices(&self) -> impl Iterator<Item = (Span, Quantity)> {
        let before = std::iter::once(0).chain(self.schedule.iter().map(|(_, sum)| *sum));
        let own = self.schedule.iter().zip(before);
        own.map(|((due, sum), before)| (*due, Quantity(sum - before)))
    }

    fn working(&self) -> u64 {
        self.children.iter().map(Child::rest).fold(0, u64::saturating_add)
    }

    /// What neither traded nor works.
    fn open(&self) -> u64 {
        self.ticket.quantity.0.saturating_sub(self.filled).saturating_sub(self.working())
    }

    fn look(&mut self, now: Timestamp, out: &mut Vec<Step>) {
        let Some(start) = self.start else { return };
        if self.stage == Stage::Slicing {
            self.slice(now, start, out);
        }
        self.clear(out);
        self.finish(out);
    }

    fn clear(&mut self, out: &mut Vec<Step>) {
        if self.stage == Stage::Clearing {
            self.children.iter_mut().for_each(|child| child.cancel(out));
        }
    }

    fn slice(&mut self, now: Timestamp, start: Timestamp, out: &mut Vec<Step>) {
        let due = self.schedule.iter().take_while(|(after, _)| after.after(start) <= now).count();
        if due > self.next {
            self.next = due;
            let target = due.checked_sub(1).and_then(|last| self.schedule.get(last));
            let target = target.map_or(0, |(_, sum)| *sum);
            let lots = target.saturating_sub(self.filled).saturating_sub(self.working());
            self.send(lots, self.ticket.kind, out);
        }
        let end = self.terms.over.after(start);
        if now >= end {
            self.stage = Stage::Clearing;
        } else {
            let next = self.schedule.get(due).map_or(end, |(after, _)| after.after(start));
            out.push(Step::Timer(next));
        }
    }

    /// One order, or more if the venue takes no order so large; what is too small for it waits.
    fn send(&mut self, lots: u64, kind: OrderKind, out: &mut Vec<Step>) {
        let (min, max) = (self.listing.size_min.0, whole(self.listing.size_max.0, &self.listing));
        let mut lots = whole(lots, &self.listing);
        while lots > 0 && lots >= min && max > 0 {
            let size = lots.min(max);
            let ticket = Ticket { quantity: Quantity(size), ..self.ticket.of(kind) };
            self.children.push(Child::send(Key(self.next_key), ticket, out));
            self.next_key += 1;
            lots -= size;
        }
    }

    fn update(&mut self, key: Key, change: &Change) {
        let Some(child) = self.children.iter_mut().find(|child| child.key == key) else { return };
        if let Told::Traded(lots) = child.told(change) {
            self.filled = self.filled.saturating_add(lots);
        }
        self.last = child.ending().or(self.last);
        // An order that is over is forgotten but for its ending; a late fill of it still counts.
        if !child.is_live() && self.children.len() > KEPT_MAX {
            self.children.retain(Child::is_live);
        }
    }

    fn finish(&mut self, out: &mut Vec<Step>) {
        let all_sent = self.next >= self.schedule.len();
        if self.stage == Stage::Over || self.working() > 0 {
            return;
        }
        let (open, sweeps) = (self.open(), self.terms.rest == Rest::Market);
        let ended = match self.stage {
            Stage::Slicing => all_sent && (open == 0 || !sweeps),
            _ => true,
        };
        if self.stage == Stage::Clearing && sweeps && open > 0 {
            self.stage = Stage::Sweeping;
            self.ticket = sweep(&self.ticket);
            self.send(open, OrderKind::Market, out);
            if self.working() > 0 {
                return;
            }
        }
        if ended {
            self.stage = Stage::Over;
            let rest = Quantity(open);
            // What was never sent was too small for the venue, or not wanted any more.
            let why = self.last.unwrap_or(Ending::Cancelled);
            let incomplete = Outcome::Incomplete { rest, why };
            out.push(Step::Done(if open == 0 { Outcome::Complete } else { incomplete }));
        }
    }
}

/// Orders of a plan that are over and still remembered.
const KEPT_MAX: usize = 256;

impl Plan for Twap {
    fn on(&mut self, input: &Input, out: &mut Vec<Step>) {
        if self.stage == Stage::Over {
            return;
        }
        match &input.news {
            News::Start { .. } if self.start.is_none() => {
                self.start = Some(input.now);
                self.look(input.now, out);
            }
            News::Update { key, change } => {
                self.update(*key, change);
                self.clear(out);
                self.finish(out);
            }
            News::Timer => self.look(input.now, out),
            News::Cancel => {
                self.terms.rest = Rest::Drop;
                self.stage = Stage::Clearing;
                self.look(input.now, out);
            }
            News::Start { .. } | News::Market(_) | News::Position { .. } => {}
        }
    }
}

fn schedule(
    size: Quantity,
    terms: &TwapTerms,
    listing: &Listing,
) -> Result<Vec<(Span, u64)>, PlanError> {
    let (min, max, step) = (listing.size_min, listing.size_max, listing.size_step.max(1));
    let least = min.0.max(1).div_ceil(step).saturating_mul(step);
    let slices = u64::from(terms.slices).min(size.0 / least);
    // The size is a multiple of the step: the last sum is the whole.
    let sum = |done: u64| {
        let part = u128::from(size.0) * u128::from(done) / u128::from(slices.max(1));
        u64::try_from(part).map_or(size.0, |part| part / step * step)
    };
    let largest = size.0.saturating_sub(sum(slices.saturating_sub(1)));
    if slices == 0 || !size.0.is_multiple_of(step) || largest > max.0 {
        let slices = terms.slices;
        return Err(PlanError::Slices { size, slices, min, max, step });
    }
    let between = u64::try_from(terms.over.nanos()).unwrap_or(0) / slices;
    let mut dice = terms.jitter.map_or(0, |jitter| jitter.seed);
    let delay = |dice: &mut u64| {
        let part = terms.jitter.map_or(Rate::ZERO, |jitter| jitter.part.min(Rate::ONE)).0.max(0);
        let longest = i128::from(between).saturating_mul(part) / Rate::ONE.0;
        let longest = u64::try_from(longest).unwrap_or(0);
        if longest == 0 { 0 } else { split_mix(dice) % longest }
    };
    let slice = |place: u64| {
        let after = place.saturating_mul(between).saturating_add(delay(&mut dice));
        (Span::from_nanos(after), sum(place + 1))
    };
    Ok((0..slices).map(slice).collect())
}

/// The largest whole multiple of the step within it.
fn whole(lots: u64, listing: &Listing) -> u64 {
    let step = listing.size_step.max(1);
    lots / step * step
}

/// What is sent of it at the market.
fn sweep(ticket: &Ticket) -> Ticket {
    let reduces = ticket.restrictions.has(Restrictions::REDUCE_ONLY);
    let restrictions = if reduces { Restrictions::REDUCE_ONLY } else { Restrictions::NONE };
    Ticket { tif: TimeInForce::GoodTillCancelled, display: None, restrictions, ..*ticket }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014: `SplitMix64`.
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
