//! Signed calls on their way: parts, answers, and the venue's limits.

use super::{
    input::{Arrival, Outbox, RequestId},
    market::shifted,
};
use engine::live::{Answer, Call, CallId, Refused, RefusedKind, Unknown};
use market::Timestamp;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use venues::{Client, join};

/// Of the venue's limits, in hundredths, that this bot uses for anything but orders.
const LOAD_PERCENT: u32 = 80;
/// How long a call waits whose venue did not say for how long.
const PAUSE_NANOS: i64 = 1_000_000_000;
/// How long after the venue's window an answer is waited for.
const AFTER_WINDOW: Duration = Duration::from_secs(1);

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The session's.
    Session(CallId),
    /// The look at what the key may do.
    Scope,
    /// The private stream's key.
    ListenKey,
}

#[derive(Debug)]
struct Open {
    parts: Vec<(Call, Option<Answer>)>,
}

/// Calls that are under way.
pub struct Calls {
    client: Arc<dyn Client>,
    within: Duration,
    open: BTreeMap<Whose, Open>,
    requests: BTreeMap<RequestId, (Whose, usize)>,
    /// Answers that are known without asking.
    ready: Vec<(Whose, Answer)>,
    /// Until when the venue wants to hear nothing.
    quiet_until: Option<Timestamp>,
    /// Until when only orders are sent.
    slow_until: Option<Timestamp>,
    /// Of the venue's limit, used so far.
    pub load_percent: u64,
    /// Calls so far.
    pub made: u64,
    /// Calls of which nobody knows what became.
    pub unknown: u64,
}

impl Calls {
    /// None yet. The venue drops what is older than `window`.
    #[must_use]
    pub fn new(client: Arc<dyn Client>, window: Duration) -> Self {
        Self {
            client,
            within: window + AFTER_WINDOW,
            open: BTreeMap::new(),
            requests: BTreeMap::new(),
            ready: Vec::new(),
            quiet_until: None,
            slow_until: None,
            load_percent: 0,
            made: 0,
            unknown: 0,
        }
    }

    /// Sends a call, or has its answer at once where nothing may be sent now.
    pub fn make(&mut self, whose: Whose, call: &Call, now: Timestamp, out: &mut Outbox) {
        self.made += 1;
        tracing::debug!(?whose, ?call, "asks");
        let held = self.quiet_until.filter(|until| *until > now);
        let held = held.or(self.slow_until.filter(|until| *until > now && !call.acts()));
        if let Some(until) = held {
            self.ready.push((whose, Answer::Throttled { until }));
            return;
        }
        let parts = self.client.split(call);
        let mut open = Open { parts: Vec::with_capacity(parts.len()) };
        for part in parts {
            let place = open.parts.len();
            let answer = match self.client.request(&part, now) {
                Ok(request) => {
                    let id = out.send(request, self.within);
                    self.requests.insert(id, (whose, place));
                    None
                }
                Err(error) => Some(refused(&error)),
            };
            open.parts.push((part, answer));
        }
        self.open.insert(whose, open);
        self.conclude(whose);
    }

    /// A call that is not sent has this answer.
    pub fn answer_here(&mut self, whose: Whose, answer: Answer) {
        self.ready.push((whose, answer));
    }

    /// What came of a request; false if it was none of these.
    pub fn came(&mut self, id: RequestId, arrival: &Arrival, now: Timestamp) -> bool {
        let Some((whose, place)) = self.requests.remove(&id) else { return false };
        let Some(part) = self.open.get_mut(&whose).and_then(|open| open.parts.get_mut(place))
        else {
            return true;
        };
        let answer = match (arrival, arrival.response()) {
            (_, Some(response)) => {
                if let Some(load) = self.client.load(&response, now) {
                    let limit = u64::from(load.limit.max(1));
                    self.load_percent = u64::from(load.used) * 100 / limit;
                    let until = load.reset.unwrap_or(shifted(now, PAUSE_NANOS));
                    self.slow_until = load.is_past(LOAD_PERCENT).then_some(until);
                }
                self.client.answer(&part.0, &response, now)
            }
            (Arrival::Unsent, _) => Answer::Unknown(Unknown::Unsent),
            (_, None) => Answer::Unknown(Unknown::Lost),
        };
        if !matches!(answer, Answer::ListenKey(_)) {
            tracing::debug!(?whose, ?answer, "is answered");
        }
        match &answer {
            Answer::Throttled { until } => {
                self.quiet_until = Some((*until).max(shifted(now, PAUSE_NANOS)));
            }
            Answer::Unknown(why) if *why != Unknown::Unsent => self.unknown += 1,
            _ => {}
        }
        part.1 = Some(answer);
        self.conclude(whose);
        true
    }

    fn conclude(&mut self, whose: Whose) {
        let is_whole = |open: &Open| open.parts.iter().all(|(_, answer)| answer.is_some());
        if self.open.get(&whose).is_some_and(is_whole)
            && let Some(open) = self.open.remove(&whose)
        {
            let answers = open.parts.into_iter().filter_map(|(_, answer)| answer).collect();
            self.ready.push((whose, join(answers)));
        }
    }

    /// Answers that are there, in the order in which they came.
    pub fn answers(&mut self) -> Vec<(Whose, Answer)> {
        std::mem::take(&mut self.ready)
    }

    /// Calls that are awaited.
    #[must_use]
    pub fn awaited(&self) -> usize {
        self.open.len()
    }
}

/// What cannot be asked for here was certainly not done.
fn refused(error: &venues::Error) -> Answer {
    let text = crate::clean::line(&error.to_string());
    Answer::Refused(Refused { kind: RefusedKind::Other, code: 0, text })
}
