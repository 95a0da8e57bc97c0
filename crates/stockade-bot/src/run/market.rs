//! The public side: streams, requests and the rows of bars that come of them.

use super::input::{Arrival, Do, LineId, Outbox, RequestId};
use anyhow::Context;
use engine::{
    Data,
    feed::{BuiltRow, RowBuilder, RowTerms},
};
use feeds::{Ask, PublicStream, Source, Step, Told, Topic};
use market::{Bar, BarSize, Roster, Timestamp};
use notify::Level;
use portfolio::InstrumentId;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long a public request may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How long after a row's close it goes without the bars that are missing.
const GRACE_NANOS: u64 = 15_000_000_000;
/// How long after its close a bar that did not come over the stream is asked for.
const LATE_NANOS: i64 = 1_500_000_000;
/// How often the same gap is asked for.
const AGAIN_NANOS: i64 = 5_000_000_000;
/// How often the venue's clock is asked for.
const CLOCK_EVERY_NANOS: i64 = 600_000_000_000;
/// Requests for bars under way.
const ASKS_MAX: usize = 16;
/// Gaps that are remembered.
const GAPS_MAX: usize = 4_096;

/// What was asked, and when by our clock.
#[derive(Debug)]
struct Asking {
    ask: Ask,
    sent: Timestamp,
    /// The stream that wants the answer.
    line: Option<LineId>,
}

/// The public side of one venue for one set of instruments.
pub struct Market {
    source: Arc<dyn Source>,
    roster: Roster,
    from: BarSize,
    lines: Vec<Option<Box<dyn PublicStream>>>,
    ready: Vec<bool>,
    builder: RowBuilder,
    since: Timestamp,
    asks: BTreeMap<RequestId, Asking>,
    gaps: BTreeMap<(InstrumentId, Timestamp), Timestamp>,
    look_at: Timestamp,
    clock_at: Timestamp,
    ahead_nanos: i64,
    latest: Timestamp,
    steps: Vec<Step>,
    say: Vec<String>,
    /// Times that a stream was lost.
    pub reconnects: u64,
}

impl Market {
    /// For the instruments of a roster, from the row on that begins at `since`.
    pub fn new(
        source: Arc<dyn Source>,
        roster: Roster,
        (size, since): (BarSize, Timestamp),
        ahead_nanos: i64,
    ) -> anyhow::Result<Self> {
        let from = RowBuilder::source(size, source.sizes())
            .with_context(|| format!("{} has no bars that make up {size}", source.venue()))?;
        let terms = RowTerms { size, from, since, grace_nanos: GRACE_NANOS };
        let builder = RowBuilder::new(roster.all().len(), terms)?;
        let count = source.streams(&topics(&roster, from), &roster).len();
        Ok(Self {
            source,
            roster,
            from,
            lines: (0..count).map(|_| None).collect(),
            ready: vec![false; count],
            builder,
            since,
            asks: BTreeMap::new(),
            gaps: BTreeMap::new(),
            look_at: since,
            clock_at: Timestamp::from_nanos(i64::MIN),
            ahead_nanos,
            latest: since,
            steps: Vec::new(),
            say: Vec::new(),
            reconnects: 0,
        })
    }

    /// The venue's time at a time of our clock; it never goes back.
    pub fn venue_time(&mut self, local: Timestamp) -> Timestamp {
        let now = Timestamp::from_nanos(local.nanos().saturating_add(self.ahead_nanos));
        self.latest = self.latest.max(now);
        self.latest
    }

    /// How far the venue's clock is ahead of ours.
    #[must_use]
    pub const fn ahead_nanos(&self) -> i64 {
        self.ahead_nanos
    }

    /// Streams that tell everything, of how many.
    #[must_use]
    pub fn links(&self) -> (usize, usize) {
        (self.ready.iter().filter(|is| **is).count(), self.ready.len())
    }

    /// What became of all bars.
    #[must_use]
    pub const fn arrivals(&self) -> &engine::feed::Arrivals {
        self.builder.arrivals()
    }

    /// Connects all streams.
    pub fn begin(&mut self, out: &mut Outbox) {
        for place in 0..self.lines.len() {
            self.dial(place, out);
        }
    }

    fn dial(&mut self, place: usize, out: &mut Outbox) {
        // The streams of the same topics are always the same; only this one is wanted anew.
        let mut fresh = self.source.streams(&topics(&self.roster, self.from), &self.roster);
        if place >= fresh.len() {
            return;
        }
        let stream = fresh.swap_remove(place);
        out.push(Do::Dial(line(place), stream.uri()));
        if let Some(slot) = self.lines.get_mut(place) {
            *slot = Some(stream);
        }
    }

    /// A stream is connected.
    pub fn opened(&mut self, id: LineId, now: Timestamp, out: &mut Outbox) {
        let Some(stream) = place(id).and_then(|at| self.lines.get_mut(at)?.as_mut()) else {
            return;
        };
        stream.opened(now, &mut self.say);
        say(id, &mut self.say, out);
    }

    /// A stream ended; another one is dialled.
    pub fn closed(&mut self, id: LineId, out: &mut Outbox) {
        let Some(at) = place(id) else { return };
        if let Some(ready) = self.ready.get_mut(at) {
            *ready = false;
        }
        self.reconnects += 1;
        self.asks.retain(|_, asking| asking.line != Some(id));
        self.dial(at, out);
    }

    /// A stream said something.
    pub fn heard(&mut self, id: LineId, text: &str, now: Timestamp, out: &mut Outbox) {
        let Some(at) = place(id) else { return };
        let mut steps = std::mem::take(&mut self.steps);
        if let Some(Some(stream)) = self.lines.get_mut(at) {
            if let Err(error) = stream.hear(text, now, &mut steps, &mut self.say) {
                out.tell("public-stream", Level::Warning, &error.to_string());
                out.push(Do::Hang(id));
            }
            say(id, &mut self.say, out);
        }
        for step in steps.drain(..) {
            self.step(id, step, now, out);
        }
        self.steps = steps;
    }

    fn step(&mut self, id: LineId, step: Step, now: Timestamp, out: &mut Outbox) {
        match step {
            Step::Event(event) => {
                if let Data::Bar(bar, size) = event.data
                    && size == self.from
                {
                    self.bar(event.instrument, &bar, out);
                }
            }
            Step::Ready => {
                if let Some(ready) = place(id).and_then(|at| self.ready.get_mut(at)) {
                    *ready = true;
                }
                self.fill(now, out);
            }
            Step::Gap(Topic::Bars(..)) => self.fill(now, out),
            Step::Gap(_) => {}
            Step::Fetch(ask) => self.ask(ask, Some(id), now, out),
            Step::Ending => out.push(Do::Hang(id)),
        }
    }

    fn bar(&mut self, instrument: InstrumentId, bar: &Bar, out: &mut Outbox) {
        match self.builder.take(instrument, bar) {
            Ok(engine::feed::Arrival::Contradicts { .. }) => {
                let name =
                    self.roster.at(instrument.index()).map_or("?", |one| one.native.as_str());
                let text =
                    format!("{name}: the venue told two different bars of {}", bar.open_time);
                out.tell("bars", Level::Warning, &text);
            }
            Ok(_) => {}
            Err(error) => out.tell("bars", Level::Warning, &error.to_string()),
        }
    }

    /// Asks for what should be there by now and is not.
    fn fill(&mut self, now: Timestamp, out: &mut Outbox) {
        let until = shifted(now, -LATE_NANOS);
        for gap in self.builder.missing(self.since, until) {
            if self.asks.len() >= ASKS_MAX {
                break;
            }
            let key = (gap.instrument, gap.from);
            let asked = self.gaps.get(&key).copied();
            if asked.is_some_and(|at| shifted(at, AGAIN_NANOS) > now) {
                continue;
            }
            if self.gaps.len() >= GAPS_MAX {
                self.gaps.clear();
            }
            self.gaps.insert(key, now);
            let (instrument, size) = (gap.instrument, self.from);
            let ask = Ask::Bars { instrument, size, from: gap.from, to: gap.until };
            self.ask(ask, None, now, out);
        }
    }

    fn ask(&mut self, ask: Ask, line: Option<LineId>, now: Timestamp, out: &mut Outbox) {
        match self.source.request(&ask, &self.roster) {
            Ok(request) => {
                let id = out.send(request, WITHIN);
                let sent = shifted(now, -self.ahead_nanos);
                self.asks.insert(id, Asking { ask, sent, line });
            }
            Err(error) => out.tell("public-request", Level::Warning, &error.to_string()),
        }
    }

    /// What came of a request; false if it was none of these.
    pub fn came(
        &mut self,
        id: RequestId,
        arrival: &Arrival,
        local: Timestamp,
        out: &mut Outbox,
    ) -> bool {
        let Some(asking) = self.asks.remove(&id) else { return false };
        let Some(response) = arrival.response() else { return true };
        match self.source.answer(&asking.ask, &response, &self.roster) {
            Ok(Told::Bars(bars)) => {
                if let Ask::Bars { instrument, .. } = asking.ask {
                    for (_, bar) in &bars {
                        self.bar(instrument, bar, out);
                    }
                }
            }
            Ok(Told::Time(venue)) => {
                self.ahead_nanos = ahead(asking.sent, local, venue);
            }
            Ok(told) => {
                let mut steps = Vec::new();
                if let Some(Some(stream)) =
                    asking.line.and_then(place).and_then(|at| self.lines.get_mut(at))
                {
                    stream.fetched(&asking.ask, &told, &mut steps);
                }
                let now = self.latest;
                for step in steps {
                    self.step(asking.line.unwrap_or(LineId(1)), step, now, out);
                }
            }
            Err(error) => out.tell("public-request", Level::Warning, &error.to_string()),
        }
        true
    }

    /// Time passed.
    pub fn tick(&mut self, now: Timestamp, out: &mut Outbox) {
        for (at, stream) in self.lines.iter_mut().enumerate() {
            let Some(stream) = stream else { continue };
            if stream.deadline().is_some_and(|deadline| deadline <= now) {
                stream.tick(now, &mut self.say);
                say(line(at), &mut self.say, out);
            }
        }
        if self.look_at <= now {
            self.fill(now, out);
            let next = RowBuilder::begin(self.from, now);
            let due = shifted(next, self.from.nanos() + LATE_NANOS + 1);
            let again = shifted(now, AGAIN_NANOS);
            self.look_at = if self.builder.deadline().is_some() { due.min(again) } else { due };
        }
        if self.clock_at <= now {
            self.clock_at = shifted(now, CLOCK_EVERY_NANOS);
            self.ask(Ask::Time, None, now, out);
        }
    }

    /// The next row that is complete, or as complete as it gets.
    pub fn row(&mut self, now: Timestamp) -> anyhow::Result<Option<BuiltRow>> {
        Ok(self.builder.next(now)?)
    }

    /// When to call [`Market::tick`], by the venue's time.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let streams = self.lines.iter().flatten().filter_map(|stream| stream.deadline());
        let rest = [self.builder.deadline(), Some(self.look_at), Some(self.clock_at)];
        streams.chain(rest.into_iter().flatten()).min()
    }

    /// The instruments, by number.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }
}

fn topics(roster: &Roster, size: BarSize) -> Vec<Topic> {
    (0..).map(InstrumentId).zip(roster.all()).map(|(id, _)| Topic::Bars(id, size)).collect()
}

fn line(place: usize) -> LineId {
    LineId(u16::try_from(place + 1).unwrap_or(u16::MAX))
}

fn place(id: LineId) -> Option<usize> {
    usize::from(id.0).checked_sub(1)
}

/// Passes on what a stream wants to say.
pub(super) fn say(id: LineId, texts: &mut Vec<String>, out: &mut Outbox) {
    for text in texts.drain(..) {
        out.push(Do::Say(id, text));
    }
}

pub(super) fn shifted(time: Timestamp, nanos: i64) -> Timestamp {
    Timestamp::from_nanos(time.nanos().saturating_add(nanos))
}

/// How far a venue's clock is ahead: its time stood half way between question and answer.
#[must_use]
pub fn ahead(sent: Timestamp, received: Timestamp, venue: Timestamp) -> i64 {
    let middle = sent.nanos().midpoint(received.nanos());
    venue.nanos().saturating_sub(middle)
}
