//! A live session, wired to a venue's protocol; without I/O.
//!
//! What comes in is an [`Input`], what is to be done goes into the [`Outbox`]. The same inputs at the same
//! times give the same records, so a recording of them makes every decision again.

use super::{
    calls::{Calls, Whose},
    input::{Arrival, Do, Input, LineId, Outbox},
    keeper::{Keeper, Kept},
    market::{Market, say, shifted},
    notices,
};
use anyhow::bail;
use engine::{
    Event, RowEvaluator, RuleTrader,
    feed::BuiltRow,
    live::{
        Answer, Barrier, Call, ClientId, Effect, KeyScope, Kill, Link, Permit, Session, Word,
        Writing,
    },
};
use market::{Side, Timestamp};
use notify::Level;
use portfolio::InstrumentId;
use std::sync::Arc;
use venues::{Client, Stream};

/// Rounds of effects and answers in one input.
const ROUNDS_MAX: usize = 10_000;
/// How often a full disk is tried again.
const SPACE_NANOS: i64 = 1_000_000_000;
/// How often the key is looked at.
const SCOPE_NANOS: i64 = 86_400_000_000_000;
/// A row that closed longer ago than this decides nothing: the prices it saw are gone.
pub const STALE_NANOS: i64 = 60_000_000_000;
/// How long the private stream may take from its opening until it tells of everything.
const READY_NANOS: i64 = 15_000_000_000;
/// How long a failed request for the private stream's key waits.
const LISTEN_AGAIN_NANOS: i64 = 5_000_000_000;

/// A row that was handed to the kernel.
pub type Taken = BuiltRow;

/// A session and everything that it is wired to.
pub struct Live {
    pub(super) session: Session<RuleTrader>,
    pub(super) evaluator: RowEvaluator,
    pub(super) market: Market,
    pub(super) calls: Calls,
    pub(super) keeper: Keeper,
    pub(super) client: Arc<dyn Client>,
    private: Option<Box<dyn Stream>>,
    pub(super) is_private_ready: bool,
    /// When the private stream is given up, if it is not ready by then.
    ready_by: Option<Timestamp>,
    listen_at: Option<Timestamp>,
    listen_key: Option<String>,
    scope_at: Timestamp,
    pub(super) scope: Option<KeyScope>,
    space_at: Option<Timestamp>,
    words: Vec<Word>,
    texts: Vec<String>,
    pub(super) rows: u64,
    pub(super) fills: u64,
    pub(super) barred: Option<Barrier>,
    pub(super) refused: Refused,
}

/// What became of no trade in the latest input.
#[derive(Debug, Default)]
pub struct Refused {
    /// Entries that were not sent, in their order.
    pub here: Vec<(InstrumentId, Barrier)>,
    /// Orders that the venue refused, in its words.
    pub there: Vec<(ClientId, String)>,
}

/// What a live session is put together from.
pub struct Parts {
    /// The session, just begun.
    pub session: Session<RuleTrader>,
    /// The strategy's expressions, warmed up.
    pub evaluator: RowEvaluator,
    /// The public side.
    pub market: Market,
    /// The venue's protocol.
    pub client: Arc<dyn Client>,
    /// The signed side.
    pub calls: Calls,
    /// The journal.
    pub keeper: Keeper,
}

impl Live {
    /// Before anything was sent.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { session, evaluator, market, client, calls, keeper } = parts;
        Self {
            session,
            evaluator,
            market,
            calls,
            keeper,
            client,
            private: None,
            is_private_ready: false,
            ready_by: None,
            listen_at: None,
            listen_key: None,
            scope_at: Timestamp::from_nanos(i64::MIN),
            scope: None,
            space_at: None,
            words: Vec::new(),
            texts: Vec::new(),
            rows: 0,
            fills: 0,
            barred: None,
            refused: Refused::default(),
        }
    }

    /// Connects everything. What the session wants so far is carried out, its own record first.
    pub fn begin(&mut self, local: Timestamp, out: &mut Outbox) -> anyhow::Result<()> {
        let now = self.market.venue_time(local);
        self.scope_at = shifted(now, SCOPE_NANOS);
        // Positions of former lives stand as trades in the ledger; nothing was traded.
        self.session.fills();
        self.market.begin(out);
        self.open_private(now, out);
        self.carry_out(now, out)
    }

    /// Takes one input. An error ends the life: the journal has what the next one needs.
    pub fn handle(
        &mut self,
        input: &Input,
        local: Timestamp,
        out: &mut Outbox,
    ) -> anyhow::Result<Vec<Taken>> {
        let now = self.market.venue_time(local);
        self.refused.here.clear();
        self.refused.there.clear();
        let mut taken = Vec::new();
        match input {
            Input::Opened(LineId::PRIVATE) => self.private_opened(now, out),
            Input::Opened(line) => self.market.opened(*line, now, out),
            Input::Text(LineId::PRIVATE, text) => self.private_heard(text, now, out)?,
            Input::Text(line, text) => self.market.heard(*line, text, now, out),
            Input::Closed(LineId::PRIVATE) => self.private_closed(now, out)?,
            Input::Closed(line) => self.market.closed(*line, out),
            Input::Came(id, arrival) => self.came(*id, arrival, (local, now), out),
            Input::Kill(switch) => self.switch((*switch).into(), now)?,
            Input::MayOpen(may) => {
                self.session.permit(if *may { Permit::Open } else { Permit::ManageOnly });
            }
            Input::Tick => {}
        }
        self.tick(now, out)?;
        self.take_rows(now, &mut taken)?;
        self.carry_out(now, out)?;
        Ok(taken)
    }

    fn came(
        &mut self,
        id: super::input::RequestId,
        arrival: &Arrival,
        (local, now): (Timestamp, Timestamp),
        out: &mut Outbox,
    ) {
        if !self.calls.came(id, arrival, now, out) {
            self.market.came(id, arrival, local, out);
        }
    }

    fn switch(&mut self, level: Kill, now: Timestamp) -> anyhow::Result<()> {
        if level == Kill::Off {
            self.session.release(now)?;
        } else if level > self.session.custodian().kill_level() {
            self.session.kill(level, now)?;
        }
        Ok(())
    }

    fn tick(&mut self, now: Timestamp, out: &mut Outbox) -> anyhow::Result<()> {
        self.market.tick(now, out);
        if let Some(stream) = &mut self.private
            && stream.deadline().is_some_and(|deadline| deadline <= now)
        {
            stream.tick(now, &mut self.texts);
            say(LineId::PRIVATE, &mut self.texts, out);
        }
        if self.ready_by.is_some_and(|by| by <= now) {
            // A word of its greeting was lost: it would be alive and silent for ever.
            self.ready_by = None;
            let text = "the private stream does not become ready: it is opened again";
            out.tell("private-stream", Level::Warning, text);
            out.push(Do::Hang(LineId::PRIVATE));
        }
        if self.session.deadline().is_some_and(|deadline| deadline <= now) {
            self.session.tick(now)?;
        }
        if self.listen_at.is_some_and(|at| at <= now) {
            self.ask_listen_key(now, out);
        }
        if self.scope_at <= now {
            self.scope_at = shifted(now, SCOPE_NANOS);
            self.calls.make(Whose::Scope, &Call::KeyScope, now, out);
        }
        Ok(())
    }

    /// When time alone changes something, by our clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let stream = self.private.as_ref().and_then(|stream| stream.deadline());
        let all = [
            self.market.deadline(),
            self.session.deadline(),
            self.space_at,
            self.listen_at,
            self.ready_by,
            stream,
            Some(self.scope_at),
        ];
        let ahead = self.market.ahead_nanos();
        all.into_iter().flatten().min().map(|due| shifted(due, ahead.saturating_neg()))
    }

    // Rows of bars.

    fn take_rows(&mut self, now: Timestamp, taken: &mut Vec<Taken>) -> anyhow::Result<()> {
        while let Some(row) = self.market.row(now)? {
            let is_stale = shifted(row.end, STALE_NANOS) < now;
            let told = if is_stale {
                self.evaluator.warm(row.time, &row.bars)?
            } else {
                self.evaluator.push(row.time, &row.bars)?
            };
            self.session.market(&Event::Row(told), now)?;
            self.rows += 1;
            taken.push(row);
        }
        Ok(())
    }

    // The private stream.

    fn open_private(&mut self, now: Timestamp, out: &mut Outbox) {
        if self.client.traits().listen_key_seconds.is_some() {
            self.listen_key = None;
            self.ask_listen_key(now, out);
        } else {
            self.dial_private(out);
        }
    }

    fn ask_listen_key(&mut self, now: Timestamp, out: &mut Outbox) {
        self.listen_at = Some(shifted(now, LISTEN_AGAIN_NANOS));
        self.calls.make(Whose::ListenKey, &Call::ListenKey, now, out);
    }

    fn dial_private(&mut self, out: &mut Outbox) {
        let stream = self.client.stream(self.listen_key.as_deref());
        out.push(Do::Dial(LineId::PRIVATE, stream.uri()));
        self.private = Some(stream);
    }

    fn private_opened(&mut self, now: Timestamp, out: &mut Outbox) {
        if let Some(stream) = &mut self.private {
            stream.opened(now, &mut self.texts);
            self.ready_by = Some(shifted(now, READY_NANOS));
            say(LineId::PRIVATE, &mut self.texts, out);
        }
    }

    fn private_heard(
        &mut self,
        text: &str,
        now: Timestamp,
        out: &mut Outbox,
    ) -> anyhow::Result<()> {
        let Some(stream) = &mut self.private else { return Ok(()) };
        let mut words = std::mem::take(&mut self.words);
        if let Err(error) = stream.hear(text, now, &mut words, &mut self.texts) {
            out.tell("private-stream", Level::Warning, &error.to_string());
            words.push(Word::Gap);
        }
        say(LineId::PRIVATE, &mut self.texts, out);
        for word in words.drain(..) {
            match &word {
                Word::Ready => (self.is_private_ready, self.ready_by) = (true, None),
                Word::Ending => out.push(Do::Hang(LineId::PRIVATE)),
                _ => {}
            }
            self.session.word(&word, now)?;
        }
        self.words = words;
        Ok(())
    }

    fn private_closed(&mut self, now: Timestamp, out: &mut Outbox) -> anyhow::Result<()> {
        (self.is_private_ready, self.ready_by) = (false, None);
        self.private = None;
        self.market.reconnects += 1;
        self.session.link(Link::Down, now)?;
        self.open_private(now, out);
        Ok(())
    }

    // Effects.

    /// Carries out what the session wants, in its order: a record is written before what follows it
    /// is sent. Calls that are answered without being sent are answered here.
    fn carry_out(&mut self, now: Timestamp, out: &mut Outbox) -> anyhow::Result<()> {
        for _ in 0..ROUNDS_MAX {
            let effects: Vec<Effect> = self.session.effects().collect();
            self.tell_of_fills(out);
            for effect in effects {
                self.effect(effect, now, out)?;
            }
            let answers = self.calls.answers();
            if answers.is_empty() {
                self.keeper.request();
                return self.checkpoint(now, out);
            }
            for (whose, answer) in answers {
                self.answered(whose, &answer, now, out)?;
            }
        }
        bail!("calls and answers went on for {ROUNDS_MAX} rounds: please report this")
    }

    fn tell_of_fills(&mut self, out: &mut Outbox) {
        for fill in self.session.fills() {
            self.fills += 1;
            let Some(one) = self.market.roster().at(fill.instrument.index()) else { continue };
            let instrument = &one.listing.instrument;
            let lots = i64::try_from(fill.quantity.0).unwrap_or(i64::MAX);
            let text = format!(
                "{}: {} {} at {}, fee {}",
                one.native,
                if fill.side == Side::Buy { "bought" } else { "sold" },
                instrument.lot_scale.format(lots),
                instrument.price_scale.format(fill.price.0),
                fill.fee
            );
            out.tell(&format!("fill-{}", self.fills), Level::Info, &text);
        }
    }

    fn effect(&mut self, effect: Effect, now: Timestamp, out: &mut Outbox) -> anyhow::Result<()> {
        match effect {
            Effect::Record(record) => {
                if self.space_at.is_none() && self.keeper.write(&record)? == Kept::Full {
                    self.full(now, out);
                }
            }
            // What opens risk is not sent unless it is written down; what closes it is sent all the same.
            Effect::Send(id, call)
                if self.space_at.is_some() && self.session.custodian().opens(&call) =>
            {
                let unsent = Answer::Unknown(engine::live::Unknown::Unsent);
                self.calls.answer_here(Whose::Session(id), unsent);
            }
            Effect::Send(id, call) => {
                self.keeper.before_sending()?;
                self.calls.make(Whose::Session(id), &call, now, out);
            }
            Effect::Notice(notice) => {
                if let engine::live::Notice::EntryRefused(id, barrier) = notice {
                    self.barred = Some(barrier);
                    self.refused.here.push((id, barrier));
                }
                let (key, level, text) = notices::told(notice, self.market.roster());
                out.tell(&key, level, &text);
            }
        }
        Ok(())
    }

    /// The disk is full: nothing is opened, and the journal is tried again from time to time.
    fn full(&mut self, now: Timestamp, out: &mut Outbox) {
        self.space_at = Some(shifted(now, SPACE_NANOS));
        self.session.writing(Writing::Fails);
        let text = "the disk is full: nothing is opened until the journal can be written; exits and stops work";
        out.tell("disk-full", Level::Critical, text);
    }

    /// Begins the journal anew where it has grown, or where records are missing and there is space again.
    fn checkpoint(&mut self, now: Timestamp, out: &mut Outbox) -> anyhow::Result<()> {
        let custodian = self.session.custodian();
        let Some(at) = self.space_at else {
            self.keeper.checkpoint(|| custodian.snapshot())?;
            return Ok(());
        };
        if at > now {
            return Ok(());
        }
        if self.keeper.mend(|| custodian.snapshot())? == Kept::Full {
            self.space_at = Some(shifted(now, SPACE_NANOS));
            return Ok(());
        }
        self.space_at = None;
        self.session.writing(Writing::Works);
        out.tell("disk-full", Level::Warning, "the journal can be written again");
        Ok(())
    }

    fn answered(
        &mut self,
        whose: Whose,
        answer: &Answer,
        now: Timestamp,
        out: &mut Outbox,
    ) -> anyhow::Result<()> {
        match (whose, answer) {
            (Whose::Session(id), answer) => {
                if let Answer::Refused(refused) = answer {
                    let text = format!(
                        "{} refuses: {} ({})",
                        self.client.venue(),
                        refused.text,
                        refused.code
                    );
                    out.tell(&format!("refused-{}", refused.code), Level::Warning, &text);
                    if let Some(client) = self.session.custodian().placed_by(id) {
                        self.refused.there.push((client, text));
                    }
                }
                self.session.answer(id, answer, now)?;
            }
            (Whose::Scope, Answer::Scope(scope)) => self.scoped(*scope, now, out)?,
            (Whose::ListenKey, Answer::ListenKey(key)) => {
                let seconds = self.client.traits().listen_key_seconds.unwrap_or(1_800);
                self.listen_at = Some(shifted(now, i64::from(seconds) * 1_000_000_000));
                let is_new = self.listen_key.as_ref() != Some(key);
                self.listen_key = Some(key.clone());
                if self.private.is_none() {
                    self.dial_private(out);
                } else if is_new {
                    out.push(Do::Hang(LineId::PRIVATE));
                }
            }
            // Asked again in its time.
            (Whose::Scope | Whose::ListenKey, _) => {}
        }
        Ok(())
    }

    /// A key that may withdraw now, and could not before, is a reason to stop.
    fn scoped(&mut self, scope: KeyScope, now: Timestamp, out: &mut Outbox) -> anyhow::Result<()> {
        self.scope = Some(scope);
        if scope.withdraw == engine::live::Permission::Yes {
            let text = "the key may withdraw now: nothing new is opened; make one that may not";
            out.tell("key-withdraw", Level::Critical, text);
            self.session.kill(Kill::NoEntries, now)?;
        }
        Ok(())
    }
}
