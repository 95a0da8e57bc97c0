//! A recorded session made again: every decision from what came in, compared with what was written.

use super::{
    Arrival, Beginning, Entry, Head, Input, Keeper, Outbox, Plan, WarmRow, World,
    session::Prepared,
    setup,
    tape::{self, LAYOUT},
};
use crate::adapters;
use anyhow::{Context, bail};
use engine::live::{Past, Permit, Tail};
use feeds::{Ask, Told};
use market::{Money, Roster, Timestamp};
use seal::Secret;
use serde::Serialize;
use std::{path::Path, sync::Arc};

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

/// The start of a recording, as it is collected.
#[derive(Default)]
struct Start {
    head: Option<Head>,
    roster: Option<Arrival>,
    past: Past,
    warm: Vec<WarmRow>,
}

/// A session under way.
struct Again {
    world: World,
    out: Outbox,
    written: std::collections::VecDeque<String>,
    told: Replayed,
}

/// Makes a recorded session again.
pub fn replay(path: &Path) -> anyhow::Result<Replayed> {
    let mut start = Start::default();
    let mut again: Option<Again> = None;
    tape::read(path, &mut |entry| {
        match entry {
            Entry::Head(head) => start.head = Some(*head),
            Entry::Instruments(arrival) => start.roster = Some(arrival),
            Entry::Past(snapshot, records, whole) => {
                let tail = if whole { Tail::Whole } else { Tail::Doubtful };
                start.past = past((snapshot, records), tail)?;
            }
            Entry::Warm(time, bars) => start.warm.push(WarmRow::of(time, bars)),
            Entry::In(at, input) => running(&mut again, &mut start)?.tell(at, &input)?,
            Entry::Row(..) => running(&mut again, &mut start)?.told.rows += 1,
            Entry::Out(record) => running(&mut again, &mut start)?.compare(record),
        }
        Ok(())
    })?;
    let again = again.context("the recording ends before anything came in")?;
    Ok(again.finished())
}

fn past((snapshot, records): (Option<String>, Vec<String>), tail: Tail) -> anyhow::Result<Past> {
    let snapshot = snapshot.map(hex::decode).transpose().context("the recording's snapshot")?;
    let records = records.into_iter().map(hex::decode).collect::<Result<_, _>>();
    Ok(Past { snapshot, records: records.context("the recording's past")?, tail })
}

fn running<'a>(again: &'a mut Option<Again>, start: &mut Start) -> anyhow::Result<&'a mut Again> {
    if again.is_none() {
        *again = Some(Again::begin(std::mem::take(start))?);
    }
    again.as_mut().context("a session")
}

impl Again {
    fn begin(start: Start) -> anyhow::Result<Self> {
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
                past: start.past,
                cash: Money::parse(&head.cash)?,
                permit: if head.may_open { Permit::Open } else { Permit::ManageOnly },
                now,
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
        let mut out = Outbox::default();
        world.begin(began, &mut out)?;
        out.drain();
        let written = world.take_records().into_iter().map(hex::encode).collect();
        Ok(Self { world, out, written, told })
    }

    fn tell(&mut self, at: i64, input: &Input) -> anyhow::Result<()> {
        self.told.inputs += 1;
        self.world.handle(input, Timestamp::from_nanos(at), &mut self.out)?;
        self.out.drain();
        self.written.extend(self.world.take_records().into_iter().map(hex::encode));
        Ok(())
    }

    fn compare(&mut self, recorded: String) {
        let again = self.written.pop_front();
        if again.as_ref() != Some(&recorded) && self.told.differs.is_none() {
            let record = self.told.records;
            self.told.differs = Some(Difference { record, recorded: Some(recorded), again });
        }
        self.told.records += 1;
    }

    /// Records that the recording has not: its last ones may have been lost with the process.
    fn finished(self) -> Replayed {
        self.told
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
fn plan_of(head: &Head) -> anyhow::Result<Plan> {
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
