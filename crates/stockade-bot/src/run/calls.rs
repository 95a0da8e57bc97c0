//! Signed calls on their way: parts, answers, and the venue's limits.

use super::{
    input::{Arrival, Outbox, RequestId},
    market::shifted,
};
use engine::live::{Answer, Call, CallId, Refused, RefusedKind, Unknown};
use http::{Request, Response};
use market::Timestamp;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use venues::{Client, Load, join};

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
    parts: Vec<Part>,
}

/// A part of a call: one request, or several, each of which follows from what came before.
#[derive(Debug)]
struct Part {
    call: Call,
    responses: Vec<Response<Vec<u8>>>,
    answer: Option<Answer>,
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
            open.parts.push(Part { call: part, responses: Vec::new(), answer });
        }
        self.open.insert(whose, open);
        self.conclude(whose);
    }

    /// A call that is not sent has this answer.
    pub fn answer_here(&mut self, whose: Whose, answer: Answer) {
        self.ready.push((whose, answer));
    }

    /// What came of a request; false if it was none of these. What it leads to is asked next: the next page of
    /// a list, or the place where the venue keeps what is over.
    pub fn came(
        &mut self,
        id: RequestId,
        arrival: &Arrival,
        now: Timestamp,
        out: &mut Outbox,
    ) -> bool {
        let Some((whose, place)) = self.requests.remove(&id) else { return false };
        let response = arrival.response();
        if let Some(load) = response.as_ref().and_then(|response| self.client.load(response, now)) {
            self.heed(load, now);
        }
        let Some(part) = self.open.get_mut(&whose).and_then(|open| open.parts.get_mut(place))
        else {
            return true;
        };
        let step = match (arrival, response) {
            (_, Some(response)) => {
                part.responses.push(response);
                next(self.client.as_ref(), part, now)
            }
            // Of what went before, something may have been done.
            (Arrival::Unsent, _) if part.responses.is_empty() => {
                Step::Answer(Box::new(Answer::Unknown(Unknown::Unsent)))
            }
            (_, None) => Step::Answer(Box::new(Answer::Unknown(Unknown::Lost))),
        };
        let answer = match step {
            Step::Ask(request) => {
                let id = out.send(*request, self.within);
                self.requests.insert(id, (whose, place));
                return true;
            }
            Step::Answer(answer) => *answer,
        };
        part.answer = Some(answer.clone());
        self.heard(whose, &answer, now);
        self.conclude(whose);
        true
    }

    /// Of the venue's limits, what is used.
    fn heed(&mut self, load: Load, now: Timestamp) {
        let limit = u64::from(load.limit.max(1));
        self.load_percent = u64::from(load.used) * 100 / limit;
        let until = load.reset.unwrap_or(shifted(now, PAUSE_NANOS));
        self.slow_until = load.is_past(LOAD_PERCENT).then_some(until);
    }

    fn heard(&mut self, whose: Whose, answer: &Answer, now: Timestamp) {
        if !matches!(answer, Answer::ListenKey(_)) {
            tracing::debug!(?whose, ?answer, "is answered");
        }
        match answer {
            Answer::Throttled { until } => {
                self.quiet_until = Some((*until).max(shifted(now, PAUSE_NANOS)));
            }
            Answer::Unknown(why) if *why != Unknown::Unsent => self.unknown += 1,
            _ => {}
        }
    }

    fn conclude(&mut self, whose: Whose) {
        let is_whole = |open: &Open| open.parts.iter().all(|part| part.answer.is_some());
        if self.open.get(&whose).is_some_and(is_whole)
            && let Some(open) = self.open.remove(&whose)
        {
            let answers = open.parts.into_iter().filter_map(|part| part.answer).collect();
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

/// What a part still takes.
enum Step {
    Ask(Box<Request<Vec<u8>>>),
    Answer(Box<Answer>),
}

/// The request that follows from a part's responses, or what they say together.
fn next(client: &dyn Client, part: &Part, now: Timestamp) -> Step {
    match client.further(&part.call, &part.responses, now) {
        Ok(Some(request)) => Step::Ask(Box::new(request)),
        // What cannot be asked for leaves the answer open, and that is what `conclude` says.
        Ok(None) | Err(_) => {
            Step::Answer(Box::new(client.conclude(&part.call, &part.responses, now)))
        }
    }
}

/// What cannot be asked for here was certainly not done.
fn refused(error: &venues::Error) -> Answer {
    let text = crate::clean::line(&error.to_string());
    Answer::Refused(Refused { kind: RefusedKind::Other, code: 0, text })
}
