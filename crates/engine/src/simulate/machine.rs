//! The machine that the bot runs on: it starts it, writes its journal, and kills it.

use super::{
    Entries, Exits, Intents, Paid,
    faults::Fault,
    trader::Wanting,
    world::{Doom, MS, Next, SECOND, Sent, WINDOW, When, World, account_terms},
};
use crate::{
    Digest, Engine, Error,
    live::{
        BeginError, Caps, Effect, Epoch, Link, Past, Record, Session, StopHolds, StopRule,
        StopTiming, Tail, Terms, Writing,
    },
    risk::Span,
    ticks::{Log, Recording},
};
use market::{Rate, Timestamp};
use portfolio::Ledger;

/// Records after which the state is written down whole.
const RECORDS_MAX: usize = 200;

impl World {
    /// A bot begins, with what the former one left.
    pub(super) fn start(&mut self) -> Result<(), Error> {
        if self.bot.is_some() {
            return Ok(());
        }
        self.life += 1;
        self.counts.lives += 1;
        let past = Past {
            snapshot: self.snapshot.clone(),
            records: self.records.clone(),
            tail: std::mem::take(&mut self.power_lost),
        };
        let trader = Wanting::new(self.seed ^ u64::from(self.life), self.listings.len(), self.paid);
        let ledger = Ledger::on(account_terms(self.paid), &self.listings)?;
        let log = Log::new(Recording::Chain, Digest([0; 32]));
        let engine = Engine::new(trader, ledger, self.listings.len(), log);
        let epoch = Epoch(self.dice.next());
        let begun = Session::begin(engine, self.terms(), epoch, &past, self.now);
        let mut bot = match begun {
            Ok(bot) => bot,
            Err(BeginError::Kernel(error)) => return Err(error),
            Err(BeginError::Memory(error)) => {
                self.checks.broken.push(format!("a life could not begin: {error}"));
                return Ok(());
            }
        };
        if self.intents == Intents::Skipped {
            bot.forget_intents();
        }
        bot.permit(self.permit);
        bot.writing(self.disk);
        self.bot = Some(bot);
        self.checks.epochs.insert(epoch);
        self.carry_out();
        self.durable = self.records.len();
        let pause = 50 * MS + self.draw(400 * MS);
        self.after(pause, Next::Stream { life: self.life });
        self.remind()
    }

    /// The person at the switch sees where it stands, and puts it where it was left: a full disk may
    /// have swallowed that.
    fn remind(&mut self) -> Result<(), Error> {
        let stands = self.bot.as_ref().map_or(self.kill, |bot| bot.custodian().kill_level());
        let kill = self.kill;
        if stands < kill {
            self.tell(self.life, |bot, now| bot.kill(kill, now))?;
        } else if stands > kill {
            self.after(SECOND, Next::Over(Fault::KillSwitch));
        }
        Ok(())
    }

    fn terms(&self) -> Terms {
        // On spot, every fourth world has stops so near that they wake while exits are under way.
        let is_near = self.paid != Paid::OnMargin && self.seed % 4 == 1;
        let distance = Rate::from_bps(if is_near { 40 } else { 300 });
        let stop = StopRule { distance, beyond: Rate::from_bps(50) };
        Terms {
            stop: Some(stop),
            stops: match self.entries {
                Entries::WithStops => self.stops,
                Entries::Bare => StopTiming::Behind,
            },
            holds: match (self.paid, self.exits) {
                (Paid::InFull(holds), Exits::FreeCoins) => holds,
                _ => StopHolds::Nothing,
            },
            caps: Caps { slippage: Some(Rate::from_bps(100)), ..Caps::default() },
            window: Span::from_secs(5),
            lag: Span::from_secs(2),
            compare_every: Span::from_secs(20),
            ..Terms::of(self.listings.clone())
        }
    }

    /// Carries effects out, one after the other; the bot may die between any two.
    pub(super) fn carry_out(&mut self) {
        let Some(bot) = &mut self.bot else { return };
        let effects: Vec<Effect> = bot.effects().collect();
        let mut written = Writing::Works;
        for effect in effects {
            self.note(|| format!("does {effect:?}"));
            if self.is_the_end(&effect) {
                return;
            }
            match effect {
                Effect::Record(record) if self.disk == Writing::Works => self.write(&record),
                Effect::Record(_) => written = Writing::Fails,
                Effect::Send(id, call) => self.go_out(id, call, written),
                Effect::Notice(_) => {}
            }
        }
        // It may die before it does anything else.
        if self.dies_in.is_some_and(|doom| doom.when == When::BehindEntry(Sent::Yes))
            && let Some(doom) = self.dies_in
        {
            self.die(doom.fault);
            return;
        }
        if written == Writing::Fails
            && let Some(bot) = &mut self.bot
        {
            bot.writing(Writing::Fails);
        }
        if self.records.len() > RECORDS_MAX && self.disk == Writing::Works {
            self.checkpoint();
        }
        self.set_alarm();
    }

    /// Whether the process dies before this effect: after so many, or right behind an entry that was
    /// sent.
    fn is_the_end(&mut self, effect: &Effect) -> bool {
        let Some(doom) = &mut self.dies_in else { return false };
        let fault = doom.fault;
        match doom.when {
            When::After(0) | When::BehindEntry(Sent::Yes) => {
                self.die(fault);
                return true;
            }
            When::After(left) => doom.when = When::After(left - 1),
            When::BehindEntry(Sent::No) => {
                let opens = |bot: &Session<Wanting>| match effect {
                    Effect::Send(_, call) => bot.custodian().opens(call),
                    _ => false,
                };
                if self.bot.as_ref().is_some_and(opens) {
                    doom.when = When::BehindEntry(Sent::Yes);
                }
            }
        }
        false
    }

    fn write(&mut self, record: &Record) {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        self.checks.wrote(record);
        self.counts.records += 1;
        let at_once = matches!(record, Record::Kill { .. });
        self.records.push(bytes);
        // The committer flushes what has been written every few milliseconds.
        if at_once || self.dice.up_to(3) == 0 {
            self.durable = self.records.len();
        }
    }

    /// The state takes the place of the records: now and then, and after a full disk.
    pub(super) fn checkpoint(&mut self) {
        if let Some(bot) = &self.bot {
            self.snapshot = Some(bot.custodian().snapshot());
            self.records.clear();
            self.durable = 0;
        }
    }

    fn set_alarm(&mut self) {
        let Some(deadline) = self.bot.as_ref().and_then(Session::deadline) else { return };
        if self.wake_at.is_some_and(|at| at <= deadline && at > self.now) {
            return;
        }
        self.wake_at = Some(deadline);
        let wait = deadline.nanos().saturating_sub(self.now.nanos()).max(MS);
        self.after(wait, Next::Wake { life: self.life });
    }

    pub(super) fn die(&mut self, fault: Fault) {
        *self.counts.faults.entry(fault).or_default() += 1;
        self.dies_in = None;
        self.bot = None;
        self.link = Link::Down;
        self.wake_at = None;
        if fault == Fault::PowerLoss {
            let lost = self.records.len().saturating_sub(self.durable);
            let kept = self.durable
                + usize::try_from(self.draw(i64::try_from(lost).unwrap_or(0))).unwrap_or(0);
            self.records.truncate(kept);
            self.power_lost = Tail::Doubtful;
        }
        self.delay_what_is_under_way();
        let pause = 20 * MS + self.draw(6 * SECOND);
        self.after(pause, Next::Start);
    }

    /// Whatever ends a process may also hold up what it has sent: half of it arrives late, some of it
    /// after the next life has begun.
    fn delay_what_is_under_way(&mut self) {
        let is_request = |next: &Next| matches!(next, Next::Request { call, .. } if call.acts());
        let under_way = self.queue.iter().filter(|(_, next)| is_request(next));
        let places: Vec<(Timestamp, u64)> = under_way.map(|(place, _)| *place).collect();
        for place in places {
            if self.dice.up_to(1) == 0
                && let Some(request) = self.queue.remove(&place)
            {
                let late = self.draw(WINDOW + SECOND);
                self.after(late, request);
            }
        }
    }

    /// Whether the machine is about to fail already.
    pub(super) const fn is_doomed(&self) -> bool {
        self.dies_in.is_some()
    }

    /// The machine is to fail soon: at any one of the next effects.
    pub(super) fn doom(&mut self, fault: Fault) {
        let when = match self.dice.up_to(1) {
            0 => When::BehindEntry(Sent::No),
            _ => When::After(u32::try_from(self.dice.up_to(7)).unwrap_or(0)),
        };
        self.dies_in = self.dies_in.or(Some(Doom { when, fault }));
    }
}
