//! A recorded session made again: every decision from what came in, compared with what was written.

use super::{
    Arrival, Beginning, Entry, Head, Input, Keeper, Outbox, Plan, WarmRow, World,
    live::Refused,
    session::Prepared,
    setup,
    tape::{self, LAYOUT},
};
use crate::adapters;
use anyhow::{Context, bail};
use engine::{
    feed::BuiltRow,
    live::{Kill, Past, Permit, Tail},
    ticks::{Block, Recording},
};
use feeds::{Ask, Told};
use market::{Money, Roster, Timestamp};
use portfolio::InstrumentId;
use seal::Secret;
use serde::Serialize;
use std::{ops::ControlFlow, path::Path, sync::Arc};

/// What came of making a session again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The session's world.
    pub world: String,
    /// When it began.
    pub began: String,
    /// Inputs that were told again.
    pub inputs: u64,
    /// Rows that were handed to the kernel.
    pub rows: u64,
    /// Records that were written again.
    pub records: u64,
    /// The first record that differs, if one does.
    pub differs: Option<Difference>,
}

/// Where two sessions part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its place among the records, from 0.
    pub record: u64,
    /// What the recording has, in hexadecimal; none if it has no more.
    pub recorded: Option<String>,
    /// What was written now; none if nothing was.
    pub again: Option<String>,
}

/// What is seen of a session while it is made again, in its order.
pub enum Seen<'a> {
    /// It is about to begin.
    Began(Began<'a>),
    /// An input was told again.
    Input {
        /// The venue's time of it.
        now: Timestamp,
        /// Rows that were handed to the kernel.
        rows: &'a [BuiltRow],
        /// What became of no trade.
        refused: &'a Refused,
    },
    /// A record was written again.
    Again(&'a [u8]),
    /// A record stands in the recording.
    Recorded(&'a [u8]),
    /// The kernel filled blocks of its log.
    Ticks(Vec<Block>),
    /// There is no more.
    Ended {
        /// Cash by the kernel's ledger.
        booked: Money,
        /// Lots held, by the keeper of orders.
        held: Vec<(InstrumentId, i64)>,
    },
}

/// What a session begins with.
#[derive(Clone, Copy)]
pub struct Began<'a> {
    /// The recording's head.
    pub head: &'a Head,
    /// What was to be done.
    pub plan: &'a Plan,
    /// What was traded.
    pub roster: &'a Roster,
    /// What former lives left.
    pub past: &'a Past,
    /// Rows of history.
    pub warm: &'a [WarmRow],
    /// The venue's time.
    pub now: Timestamp,
    /// Lots held.
    pub lots: &'a [(InstrumentId, i64)],
    /// How far the kill switch is pulled.
    pub kill: Kill,
}

/// Who looks on while a session is made again.
pub type Onlooker<'a> = &'a mut dyn FnMut(Seen<'_>) -> anyhow::Result<()>;

/// The start of a recording, as it is collected.
#[derive(Default)]
struct Start {
    head: Option<Head>,
    roster: Option<Arrival>,
    past: Past,
    warm: Vec<WarmRow>,
}

impl Start {
    /// Takes what stands before the first input.
    fn take(&mut self, entry: Entry) -> anyhow::Result<()> {
        match entry {
            Entry::Head(head) => self.head = Some(*head),
            Entry::Instruments(arrival) => self.roster = Some(arrival),
            Entry::Past(snapshot, records, whole) => {
                let tail = if whole { Tail::Whole } else { Tail::Doubtful };
                self.past = past((snapshot, records), tail)?;
            }
            Entry::Warm(time, bars) => self.warm.push(WarmRow::of(time, bars)),
            Entry::In(..) | Entry::Row(..) | Entry::Out(_) => {}
        }
        Ok(())
    }
}

/// A session under way.
struct Again {
    world: World,
    out: Outbox,
    latest: Timestamp,
    written: std::collections::VecDeque<Vec<u8>>,
    told: Replayed,
}

/// Makes a recorded session again.
pub fn replay(path: &Path) -> anyhow::Result<Replayed> {
    let told = retrace(path, Recording::Chain, &mut |_| Ok(()))?;
    told.context("the recording ends before anything came in")
}

/// The same with somebody who looks on; nothing if the recording ends before anything came in.
pub fn retrace(
    path: &Path,
    ticks: Recording,
    look: Onlooker<'_>,
) -> anyhow::Result<Option<Replayed>> {
    let mut start = Start::default();
    let mut again: Option<Again> = None;
    tape::read(path, &mut |entry| {
        match entry {
            Entry::In(at, input) => {
                let again = running(&mut again, &mut start, (ticks, &mut *look))?;
                again.tell(at, &input, look)?;
            }
            Entry::Row(..) => {
                running(&mut again, &mut start, (ticks, &mut *look))?.told.rows += 1;
            }
            Entry::Out(record) => {
                let record = hex::decode(record).context("a record of the recording")?;
                let again = running(&mut again, &mut start, (ticks, &mut *look))?;
                look(Seen::Recorded(&record))?;
                again.compare(record);
            }
            other => start.take(other)?,
        }
        Ok(())
    })?;
    again.map(|again| again.finished(look)).transpose()
}

/// Who looks at a session that is made again, and whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(&mut World, &[Vec<u8>]) -> ControlFlow<()>;

/// Makes a recorded session again and shows it after each input, with the records that were written
/// meanwhile, for as long as it is wanted; where it parts from the recording, if it does.
pub fn retell(path: &Path, watch: Watch<'_>) -> anyhow::Result<Option<Difference>> {
    let mut start = Start::default();
    let mut again: Option<Again> = None;
    let mut watching = ControlFlow::Continue(());
    let mut silent = |_: Seen<'_>| Ok(());
    tape::read(path, &mut |entry| {
        if watching.is_break() {
            return Ok(());
        }
        match entry {
            Entry::In(at, input) => {
                let again = running(&mut again, &mut start, (Recording::Chain, &mut silent))?;
                if again.told.inputs == 0 {
                    again.world.witness();
                }
                let mut records = Vec::new();
                again.tell(at, &input, &mut |seen| {
                    if let Seen::Again(record) = seen {
                        records.push(record.to_vec());
                    }
                    Ok(())
                })?;
                watching = watch(&mut again.world, &records);
            }
            Entry::Out(record) => {
                let record = hex::decode(record).context("a record of the recording")?;
                running(&mut again, &mut start, (Recording::Chain, &mut silent))?.compare(record);
            }
            Entry::Row(..) => {}
            other => start.take(other)?,
        }
        Ok(())
    })?;
    Ok(again.and_then(|again| again.told.differs))
}

fn past((snapshot, records): (Option<String>, Vec<String>), tail: Tail) -> anyhow::Result<Past> {
    let snapshot = snapshot.map(hex::decode).transpose().context("the recording's snapshot")?;
    let records = records.into_iter().map(hex::decode).collect::<Result<_, _>>();
    Ok(Past { snapshot, records: records.context("the recording's past")?, tail })
}

fn running<'a>(
    again: &'a mut Option<Again>,
    start: &mut Start,
    (ticks, look): (Recording, Onlooker<'_>),
) -> anyhow::Result<&'a mut Again> {
    if again.is_none() {
        *again = Some(Again::begin(std::mem::take(start), ticks, look)?);
    }
    again.as_mut().context("a session")
}

impl Again {
    fn begin(start: Start, ticks: Recording, look: Onlooker<'_>) -> anyhow::Result<Self> {
        let head = start.head.context("the recording has no head")?;
        if head.layout != LAYOUT {
            bail!("the recording has layout {}, this version reads {LAYOUT}", head.layout);
        }
        let began = Timestamp::from_nanos(head.began);
        let told = Replayed {
            world: head.world.clone(),
            began: began.to_string(),
            inputs: 0,
            rows: 0,
            records: 0,
            differs: None,
        };
        let plan = plan_of(&head)?;
        let source = adapters::source(&plan.config.venue);
        let listed = start.roster.context("the recording has no instruments")?;
        let roster = roster(&plan, &*source, &listed)?;
        let now = super::market::shifted(began, head.ahead);
        let mut world = if head.world == "paper" {
            let market = setup::market(&plan, source, &roster, (now, head.ahead))?;
            World::Paper(Box::new(super::Paper::new(&plan, market, &start.warm)?))
        } else {
            let client = super::startup::signed(&plan, &roster, nobody())?;
            let beginning = Beginning {
                epoch: head.epoch,
                past: start.past.clone(),
                cash: Money::parse(&head.cash)?,
                permit: if head.may_open { Permit::Open } else { Permit::ManageOnly },
                now,
                ticks,
            };
            let prepared = Prepared {
                plan: &plan,
                roster: &roster,
                source: Arc::clone(&source),
                client,
                warm: &start.warm,
            };
            World::Live(Box::new(prepared.live(&beginning, Keeper::default(), head.ahead)?))
        };
        let (past, warm, lots) = (&start.past, start.warm.as_slice(), world.held());
        let (head, plan, roster, lots) = (&head, &plan, &roster, lots.as_slice());
        let kill = world.kill();
        look(Seen::Began(Began { head, plan, roster, past, warm, now, lots, kill }))?;
        let mut out = Outbox::default();
        world.begin(began, &mut out)?;
        out.drain();
        let mut again = Self { world, out, latest: now, written: [].into(), told };
        again.after(look)?;
        Ok(again)
    }

    fn tell(&mut self, at: i64, input: &Input, look: Onlooker<'_>) -> anyhow::Result<()> {
        self.told.inputs += 1;
        let at = Timestamp::from_nanos(at);
        // As the session itself reckons it, before the input says how far the clocks are apart.
        let now = super::market::shifted(at, self.world.ahead_nanos());
        self.latest = self.latest.max(now);
        let rows = self.world.handle(input, at, &mut self.out)?;
        self.out.drain();
        if let Some(refused) = self.world.refused() {
            look(Seen::Input { now: self.latest, rows: &rows, refused })?;
        }
        self.after(look)
    }

    fn after(&mut self, look: Onlooker<'_>) -> anyhow::Result<()> {
        for record in self.world.take_records() {
            look(Seen::Again(&record))?;
            self.written.push_back(record);
        }
        let blocks = self.world.take_ticks();
        if blocks.is_empty() { Ok(()) } else { look(Seen::Ticks(blocks)) }
    }

    fn compare(&mut self, recorded: Vec<u8>) {
        let again = self.written.pop_front();
        if again.as_ref() != Some(&recorded) && self.told.differs.is_none() {
            let (record, again) = (self.told.records, again.map(hex::encode));
            let recorded = Some(hex::encode(recorded));
            self.told.differs = Some(Difference { record, recorded, again });
        }
        self.told.records += 1;
    }

    /// Records that the recording has not: its last ones may have been lost with the process.
    fn finished(mut self, look: Onlooker<'_>) -> anyhow::Result<Replayed> {
        let blocks = self.world.end_ticks();
        look(Seen::Ticks(blocks))?;
        if let Some(booked) = self.world.booked() {
            look(Seen::Ended { booked, held: self.world.held() })?;
        }
        Ok(self.told)
    }
}

/// What was to be done and what was traded, from a recording's first entries.
pub fn listed_in(head: &Head, listed: &Arrival) -> anyhow::Result<(Plan, Roster)> {
    let plan = plan_of(head)?;
    let source = adapters::source(&plan.config.venue);
    let roster = roster(&plan, &*source, listed)?;
    Ok((plan, roster))
}

/// The plan that a recording's head has.
pub fn plan_of(head: &Head) -> anyhow::Result<Plan> {
    let base = head.config_path.parent().unwrap_or(Path::new("."));
    let config = crate::config::parse(&head.config, &head.config_path, base)
        .map_err(|problems| anyhow::anyhow!("the recording's configuration: {problems:?}"))?;
    Plan::of(config, head.config.clone(), head.strategy.clone())
}

/// What was traded, from the venue's own answer.
fn roster(plan: &Plan, source: &dyn feeds::Source, listed: &Arrival) -> anyhow::Result<Roster> {
    let response = listed.response().context("the recording's list of instruments")?;
    let ask = Ask::Instruments(plan.config.venue.product, plan.natives());
    let told = source.answer(&ask, &response, &Roster::new(Vec::new()))?;
    let Told::Instruments(listed) = told else { bail!("the recording's list is none") };
    plan.roster(&listed)
}

/// A key that opens nothing: nothing is sent.
fn nobody() -> venues::Keys {
    venues::Keys {
        key: "replay".to_owned(),
        secret: Secret::new(b"replay".to_vec()),
        passphrase: Some(Secret::new("replay".to_owned())),
    }
}
