//! What goes wrong on purpose, as data: a seed and rates, and for each step the next fault.

use crate::backoff::Dice;
use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Parts of a million: how often something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Rate(u32);

impl Rate {
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Every time.
    pub const ALWAYS: Self = Self(1_000_000);

    /// So many times in a million; more than a million is always.
    #[must_use]
    pub const fn per_million(times: u32) -> Self {
        Self(if times > 1_000_000 { 1_000_000 } else { times })
    }

    /// So many times in a hundred.
    #[must_use]
    pub const fn per_cent(times: u32) -> Self {
        Self::per_million(times.saturating_mul(10_000))
    }
}

/// Whether the handler has run when a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// It has not: nothing was done.
    No,
    /// It has, and its answer is thrown away: a gateway's 500 or 503 says nothing.
    Yes,
}

/// An answer that stands in for the handler's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// How often.
    pub rate: Rate,
    /// Its status: 429, 418, 500, 503.
    pub status: u16,
    /// Whether the request was carried out all the same.
    pub handled: Handled,
    /// The body, in the venue's own words or a proxy's HTML.
    pub body: String,
    /// The body's media type.
    pub content_type: String,
    /// Seconds of a `Retry-After` header.
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// An answer of JSON.
    #[must_use]
    pub fn json(rate: Rate, status: u16, handled: Handled, body: impl Into<String>) -> Self {
        let content_type = "application/json".to_owned();
        Self { rate, status, handled, body: body.into(), content_type, retry_after: None }
    }

    /// The page of a proxy in between.
    #[must_use]
    pub fn html(rate: Rate, status: u16, handled: Handled) -> Self {
        let body = format!(
            "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        let content_type = "text/html".to_owned();
        Self { rate, status, handled, body, content_type, retry_after: None }
    }
}

/// Rates of all faults. Of one step at most one happens, delays aside; rates that come to more
/// than a million together leave the last ones out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// The seed of the plan.
    pub seed: u64,
    /// The connection ends, and the request was never read by the handler.
    pub drop_request: Rate,
    /// The request is handled, and the connection ends without an answer.
    pub drop_response: Rate,
    /// The request is handled, and the connection ends inside the answer's body.
    pub cut_response: Rate,
    /// Answers that stand in for the handler's, each with its rate.
    pub refusals: Vec<Refusal>,
    /// A message of a stream is sent twice.
    pub duplicate_message: Rate,
    /// A message of a stream is not sent.
    pub drop_message: Rate,
    /// A message of a stream changes places with the next one.
    pub swap_messages: Rate,
    /// A stream ends inside a message, without a close frame.
    pub cut_stream: Rate,
    /// A request waits before it is handled.
    pub delay_request: Rate,
    /// An answer waits after the request was handled.
    pub delay_response: Rate,
    /// A message of a stream waits, and those after it with it.
    pub delay_message: Rate,
    /// The shortest delay.
    pub delay_ms_min: u32,
    /// The longest delay.
    pub delay_ms_max: u32,
}

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestFault {
    /// Nothing.
    None,
    /// It is not handled, and the connection ends.
    Drop,
    /// It is handled, and the connection ends.
    DropResponse,
    /// It is handled, and its answer is cut short.
    CutResponse,
    /// Another answer is given.
    Refuse(Refusal),
}

/// What happens to one message of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageFault {
    /// Nothing.
    None,
    /// It is sent twice.
    Duplicate,
    /// It is not sent.
    Drop,
    /// It waits for the next one to be sent first.
    Swap,
    /// The stream ends inside it.
    Cut,
}

/// A step's fault and how late it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<F> {
    /// What happens.
    pub what: F,
    /// How long it waits first.
    pub before: Duration,
    /// How long the answer waits, where there is one.
    pub after: Duration,
}

/// Decides what goes wrong next. The same seed and the same order of calls give the same faults.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    faults: Arc<Faults>,
    dice: Dice,
}

impl FaultPlan {
    /// The plan of one connection: connections have their own dice, so that the order in which
    /// they are served does not show in any of them.
    #[must_use]
    pub fn new(faults: impl Into<Arc<Faults>>, connection: u64) -> Self {
        let faults = faults.into();
        let mut dice = Dice::new(faults.seed ^ connection.wrapping_mul(0xd134_2543_de82_ef95));
        dice.roll();
        Self { faults, dice }
    }

    /// The next request's.
    pub fn next_request(&mut self) -> Fault<RequestFault> {
        let faults = Arc::clone(&self.faults);
        let mut roll = self.roll();
        let what = if roll.hits(faults.drop_request) {
            RequestFault::Drop
        } else if roll.hits(faults.drop_response) {
            RequestFault::DropResponse
        } else if roll.hits(faults.cut_response) {
            RequestFault::CutResponse
        } else {
            let refusal = faults.refusals.iter().find(|refusal| roll.hits(refusal.rate));
            refusal.cloned().map_or(RequestFault::None, RequestFault::Refuse)
        };
        let (before, after) = (self.delay(faults.delay_request), self.delay(faults.delay_response));
        Fault { what, before, after }
    }

    /// The next message's.
    pub fn next_message(&mut self) -> Fault<MessageFault> {
        let faults = Arc::clone(&self.faults);
        let mut roll = self.roll();
        let what = if roll.hits(faults.duplicate_message) {
            MessageFault::Duplicate
        } else if roll.hits(faults.drop_message) {
            MessageFault::Drop
        } else if roll.hits(faults.swap_messages) {
            MessageFault::Swap
        } else if roll.hits(faults.cut_stream) {
            MessageFault::Cut
        } else {
            MessageFault::None
        };
        Fault { what, before: self.delay(faults.delay_message), after: Duration::ZERO }
    }

    /// Always two numbers of the dice: a change of one rate moves no other fault.
    fn delay(&mut self, rate: Rate) -> Duration {
        let is_late = self.roll().hits(rate);
        let (min, max) = (self.faults.delay_ms_min, self.faults.delay_ms_max);
        let span = u64::from(max.saturating_sub(min)) + 1;
        let ms = u64::from(min) + self.dice.below(span);
        if is_late { Duration::from_millis(ms) } else { Duration::ZERO }
    }

    fn roll(&mut self) -> Roll {
        Roll(self.dice.below(1_000_000))
    }
}

/// The faults of a running server, which can be changed while it runs: every clone is the same.
#[derive(Debug, Clone, Default)]
pub struct FaultSwitch(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    faults: RwLock<Arc<Faults>>,
    version: AtomicU64,
    connections: AtomicU64,
}

impl FaultSwitch {
    /// Begins with these faults.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        let switch = Self::default();
        switch.set(faults);
        switch
    }

    /// From the next request or message on, on every connection, these faults and no others.
    pub fn set(&self, faults: Faults) {
        *self.0.faults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// The plan of the next connection: the first has number 0.
    pub(crate) fn plan(&self) -> LivePlan {
        let connection = self.0.connections.fetch_add(1, Ordering::Relaxed);
        let version = self.0.version.load(Ordering::Acquire);
        let plan = FaultPlan::new(self.faults(), connection);
        LivePlan { switch: self.clone(), connection, version, plan }
    }

    fn faults(&self) -> Arc<Faults> {
        Arc::clone(&self.0.faults.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The plan of one connection, begun anew when the switch is set.
pub(crate) struct LivePlan {
    switch: FaultSwitch,
    connection: u64,
    version: u64,
    plan: FaultPlan,
}

impl LivePlan {
    pub(crate) fn now(&mut self) -> &mut FaultPlan {
        let version = self.switch.0.version.load(Ordering::Acquire);
        if version != self.version {
            self.version = version;
            self.plan = FaultPlan::new(self.switch.faults(), self.connection);
        }
        &mut self.plan
    }
}

/// What is left of one number of the dice when rates before it have taken their part.
struct Roll(u64);

impl Roll {
    fn hits(&mut self, rate: Rate) -> bool {
        match self.0.checked_sub(u64::from(rate.0)) {
            None => {
                // Taken: what comes after must not hit too.
                self.0 = u64::MAX;
                true
            }
            Some(left) => {
                self.0 = left;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn all() -> Faults {
        let rate = Rate::per_cent(5);
        Faults {
            seed: 11,
            drop_request: rate,
            drop_response: rate,
            cut_response: rate,
            refusals: vec![
                Refusal::json(rate, 429, Handled::No, "{}"),
                Refusal::json(rate, 503, Handled::Yes, "{}"),
                Refusal::html(rate, 502, Handled::Yes),
            ],
            duplicate_message: rate,
            drop_message: rate,
            swap_messages: rate,
            cut_stream: rate,
            delay_request: Rate::per_cent(50),
            delay_response: Rate::per_cent(50),
            delay_message: Rate::per_cent(50),
            delay_ms_min: 3,
            delay_ms_max: 9,
        }
    }

    fn requests(faults: &Faults, connection: u64, count: usize) -> Vec<Fault<RequestFault>> {
        let mut plan = FaultPlan::new(faults.clone(), connection);
        (0..count).map(|_| plan.next_request()).collect()
    }

    proptest! {
        #[test]
        fn a_plan_is_its_seed_and_the_order_of_calls(seed: u64, connection: u64, kinds: Vec<bool>) {
            let faults = Faults { seed, ..all() };
            let run = || {
                let mut plan = FaultPlan::new(faults.clone(), connection);
                let step = |request: &bool| match request {
                    true => format!("{:?}", plan.next_request()),
                    false => format!("{:?}", plan.next_message()),
                };
                kinds.iter().map(step).collect::<Vec<_>>()
            };
            prop_assert_eq!(run(), run());
        }
    }

    #[test]
    fn every_fault_comes_as_often_as_its_rate_says() {
        let mut seen = BTreeMap::new();
        for fault in requests(&all(), 1, 20_000) {
            let name = match &fault.what {
                RequestFault::Refuse(refusal) => refusal.status.to_string(),
                other => format!("{other:?}"),
            };
            *seen.entry(name).or_insert(0u32) += 1;
            let ms = fault.before.as_millis();
            assert!(ms == 0 || (3..=9).contains(&ms), "{ms}");
        }
        let mut plan = FaultPlan::new(all(), 2);
        for _ in 0..20_000 {
            *seen.entry(format!("message {:?}", plan.next_message().what)).or_insert(0) += 1;
        }
        let rare: Vec<_> = seen.iter().filter(|(name, _)| !name.ends_with("None")).collect();
        assert_eq!(rare.len(), 10, "{seen:?}");
        assert!(rare.iter().all(|(_, count)| (800..1200).contains(*count)), "{seen:?}");
    }

    #[test]
    fn connections_and_seeds_differ_and_quiet_is_quiet() {
        assert_ne!(requests(&all(), 1, 50), requests(&all(), 2, 50));
        assert_ne!(requests(&all(), 1, 50), requests(&Faults { seed: 12, ..all() }, 1, 50));
        let zero = Duration::ZERO;
        let quiet = Fault { what: RequestFault::None, before: zero, after: zero };
        assert!(requests(&Faults::default(), 1, 50).iter().all(|fault| *fault == quiet));
        let always = Faults { drop_request: Rate::ALWAYS, ..Faults::default() };
        assert!(requests(&always, 1, 50).iter().all(|fault| fault.what == RequestFault::Drop));
    }

    #[test]
    fn a_switch_acts_on_connections_that_live() {
        let switch = FaultSwitch::new(Faults { drop_request: Rate::ALWAYS, ..Faults::default() });
        let (mut first, mut second) = (switch.plan(), switch.plan());
        assert_eq!(first.now().next_request().what, RequestFault::Drop);
        switch.set(all());
        let next =
            |plan: &mut LivePlan| (0..50).map(|_| plan.now().next_request()).collect::<Vec<_>>();
        assert_eq!(next(&mut first), requests(&all(), 0, 50));
        assert_eq!(next(&mut second), requests(&all(), 1, 50));
    }

    #[test]
    fn another_delay_moves_no_other_fault() {
        let what = |faults: &Faults| {
            requests(faults, 1, 200).into_iter().map(|fault| fault.what).collect::<Vec<_>>()
        };
        assert_eq!(what(&all()), what(&Faults { delay_request: Rate::NEVER, ..all() }));
    }
}
