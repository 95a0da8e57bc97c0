//! The loop: whatever happens goes into the session, one thing after the other, and onto the recording.

use super::{
    input::{Do, Input, Outbox, Switch},
    look::Around,
    recorder::{Recorded, Recorder},
    setup::{Plan, WarmRow},
    startup::machine_time,
    tape::{Entry, written_row},
    wire::Wire,
    world::World,
};
use crate::{
    control::{self, Answer, Ask, Asked, Found},
    herald::Herald,
    licence::{Licence, Standing},
    logging::Lines,
    membership,
    metrics::Latest,
};
use engine::live::Kill;
use market::Timestamp;
use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

/// How often the kill file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the licence is looked at.
const LICENCE_EVERY: Duration = Duration::from_secs(30);
/// How often the snapshot for onlookers is made anew.
const VIEW_EVERY: Duration = Duration::from_millis(250);
/// Inputs that are taken before anything else is looked at.
const BATCH: usize = 64;

/// When a loop ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When it is told to.
    Told,
    /// When nothing is held and nothing works.
    Flat,
    /// After so many rows.
    Rows(u64),
}

/// Everything that the loop holds.
pub struct Pilot {
    /// What is to be done.
    pub plan: Plan,
    /// The session.
    pub world: World,
    /// The connections.
    pub wire: Wire,
    /// What comes in.
    pub inputs: mpsc::Receiver<Input>,
    /// The recording.
    pub tape: Recorder,
    /// The licence.
    pub licence: Licence,
    /// Who is told.
    pub herald: Herald,
    /// How it stands with its server.
    pub server: membership::Shown,
    /// The log's latest lines.
    pub lines: Lines,
    /// The snapshot for onlookers.
    pub latest: Latest,
    /// When it began.
    pub started: Timestamp,
    /// Rows of the session, as far as paper needs them at its end.
    pub rows: Vec<WarmRow>,
}

/// What a loop leaves behind.
pub struct Ended {
    /// The session.
    pub world: World,
    /// Rows that were handed to the kernel.
    pub rows: Vec<WarmRow>,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    no_entries: Signal,
    flatten: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            no_entries: signal(SignalKind::user_defined1())?,
            flatten: signal(SignalKind::user_defined2())?,
        })
    }

    /// What the next signal asks for.
    async fn next(&mut self) -> Ask {
        let kill = |level| Ask::Kill { level };
        tokio::select! {
            _ = self.terminate.recv() => Ask::Stop,
            _ = self.interrupt.recv() => Ask::Stop,
            _ = self.no_entries.recv() => kill(control::Level::NoEntries),
            _ = self.flatten.recv() => kill(control::Level::Flatten),
        }
    }
}

/// The state of one run of the loop.
struct Flight {
    pilot: Pilot,
    out: Outbox,
    standing: Standing,
    killed: Kill,
    ignored: String,
    is_flat: bool,
    is_over: bool,
    taken: u64,
    keeping: Option<tokio::task::JoinHandle<()>>,
    looked: Instant,
    licensed: Instant,
    viewed: Instant,
}

impl Pilot {
    /// Runs until it ends; an error ends the process, and the journal has what the next one needs.
    pub async fn fly(
        self,
        mut asked: mpsc::Receiver<Asked>,
        until: Until,
    ) -> anyhow::Result<Ended> {
        let mut signals = Signals::new()?;
        let now = Instant::now();
        let mut flight = Flight {
            pilot: self,
            out: Outbox::default(),
            standing: Standing { may_open: false, text: String::new() },
            killed: Kill::Off,
            ignored: String::new(),
            is_flat: false,
            is_over: false,
            taken: 0,
            keeping: None,
            looked: now,
            licensed: now,
            viewed: now,
        };
        flight.begin()?;
        if until == Until::Flat {
            flight.step(Input::Kill(Switch::Flatten))?;
        }
        loop {
            let over = match until {
                Until::Told => false,
                Until::Flat => flight.is_flat,
                Until::Rows(rows) => flight.taken >= rows,
            };
            if over || flight.is_over {
                break;
            }
            let pause = flight.pause();
            tokio::select! {
                biased;
                ask = signals.next() => { flight.ask(ask)?; }
                Some(one) = asked.recv() => {
                    let answer = flight.ask(one.ask)?;
                    // Whoever asked may have gone.
                    let _ = one.reply.send(answer);
                }
                Some(input) = flight.pilot.inputs.recv() => flight.take(input)?,
                () = tokio::time::sleep(pause) => flight.step(Input::Tick)?,
            }
            flight.look_around()?;
        }
        flight.publish();
        Ok(Ended { world: flight.pilot.world, rows: flight.pilot.rows })
    }
}

impl Flight {
    fn begin(&mut self) -> anyhow::Result<()> {
        // The time that the recording says.
        self.pilot.world.begin(self.pilot.started, &mut self.out)?;
        self.after(&[])?;
        self.look_at_licence()?;
        self.look_at_kill_file()?;
        self.publish();
        Ok(())
    }

    /// Time until something is due.
    fn pause(&self) -> Duration {
        let due = self.pilot.world.deadline().map_or(i64::MAX, Timestamp::nanos);
        let left = due.saturating_sub(machine_time().nanos()).max(0);
        Duration::from_nanos(left.unsigned_abs()).min(LOOK_EVERY)
    }

    /// Takes what came in, and what came in behind it.
    fn take(&mut self, input: Input) -> anyhow::Result<()> {
        self.step(input)?;
        for _ in 1..BATCH {
            let Ok(next) = self.pilot.inputs.try_recv() else { break };
            self.step(next)?;
        }
        Ok(())
    }

    /// One input: decided, sent, then written onto the recording.
    fn step(&mut self, input: Input) -> anyhow::Result<()> {
        let now = machine_time();
        let rows = self.pilot.world.handle(&input, now, &mut self.out)?;
        let rows: Vec<WarmRow> =
            rows.into_iter().map(|row| WarmRow { time: row.time, bars: row.bars }).collect();
        // Sending comes first: nothing of it depends on the recording.
        self.send();
        self.record(&Entry::In(now.nanos(), input))?;
        self.after(&rows)?;
        self.taken += rows.len() as u64;
        if matches!(self.pilot.world, World::Paper(_)) {
            self.pilot.rows.extend(rows);
        }
        Ok(())
    }

    fn send(&mut self) {
        let todo: Vec<Do> = self.out.drain().collect();
        for one in todo {
            match one {
                Do::Tell(told) => {
                    self.is_flat |= told.key == "flat";
                    if told.level == notify::Level::Info {
                        tracing::info!("{}", told.text);
                    } else {
                        tracing::warn!("{}", told.text);
                    }
                    self.pilot.herald.tell(&told);
                }
                other => self.pilot.wire.carry_out(other),
            }
        }
    }

    /// What came of an input goes onto the recording.
    fn after(&mut self, rows: &[WarmRow]) -> anyhow::Result<()> {
        self.send();
        for row in rows {
            self.record(&Entry::Row(row.time.nanos(), written_row(&row.bars)))?;
        }
        for record in self.pilot.world.take_records() {
            self.record(&Entry::Out(hex::encode(record)))?;
        }
        Ok(())
    }

    fn record(&mut self, entry: &Entry) -> anyhow::Result<()> {
        if self.pilot.tape.write(entry)? == Recorded::Ends {
            let text = "the disk is full: the recording of this session ends here; trading goes on";
            self.out.tell("recording-ends", notify::Level::Warning, text);
            self.send();
        }
        Ok(())
    }

    fn ask(&mut self, ask: Ask) -> anyhow::Result<Answer> {
        let done = |text: &str| Answer::Done { text: text.to_owned() };
        Ok(match ask {
            Ask::Status => {
                self.publish();
                Answer::Status { view: Box::new(crate::metrics::latest(&self.pilot.latest)) }
            }
            Ask::Kill { level } => {
                let level = Kill::from(level);
                self.kill(level)?;
                done(&format!("kill switch: {level}"))
            }
            Ask::Resume => self.resume()?,
            Ask::Stop => {
                self.is_over = true;
                let text = "the bot ends; what is held keeps its stops at the venue";
                tracing::warn!("{text}");
                done(text)
            }
        })
    }

    fn kill(&mut self, level: Kill) -> anyhow::Result<()> {
        if level > self.killed {
            self.killed = level;
            let text = format!("the kill switch is pulled: {level}");
            self.out.tell("kill", notify::Level::Critical, &text);
        }
        self.step(Input::Kill(level.into()))
    }

    fn resume(&mut self) -> anyhow::Result<Answer> {
        let config = &self.pilot.plan.config;
        let owner = rustix::process::geteuid().as_raw();
        if let Found::Level(level) = control::look(&config.kill_file, owner) {
            let text = format!("{} says {level}: remove it first", config.kill_file.display());
            return Ok(Answer::Refused { text });
        }
        self.killed = Kill::Off;
        self.step(Input::Kill(Switch::Off))?;
        self.out.tell("kill", notify::Level::Warning, "the kill switch is let go");
        self.send();
        Ok(Answer::Done { text: "the kill switch is let go".to_owned() })
    }

    /// What is looked at from time to time.
    fn look_around(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        if now.duration_since(self.looked) >= LOOK_EVERY {
            self.looked = now;
            self.look_at_kill_file()?;
        }
        if now.duration_since(self.licensed) >= LICENCE_EVERY {
            self.licensed = now;
            self.look_at_licence()?;
        }
        if now.duration_since(self.viewed) >= VIEW_EVERY {
            self.viewed = now;
            self.publish();
        }
        Ok(())
    }

    fn look_at_kill_file(&mut self) -> anyhow::Result<()> {
        let path = self.pilot.plan.config.kill_file.clone();
        match control::look(&path, rustix::process::geteuid().as_raw()) {
            Found::Level(level) if level > self.killed => self.kill(level)?,
            Found::Ignored(why) if why != self.ignored => {
                let text = format!("{} does not count: {why}", path.display());
                self.out.tell("kill-file", notify::Level::Warning, &text);
                self.ignored = why;
                self.send();
            }
            Found::Nothing | Found::Level(_) | Found::Ignored(_) => {}
        }
        Ok(())
    }

    fn look_at_licence(&mut self) -> anyhow::Result<()> {
        if !matches!(self.pilot.world, World::Live(_)) {
            self.standing = Standing { may_open: true, text: "paper needs no licence".to_owned() };
            return Ok(());
        }
        let now = machine_time();
        let venue = super::market::shifted(now, self.pilot.world.ahead_nanos());
        let standing = self.pilot.licence.look(now.instant(), Some(venue.instant()));
        self.keep_licence();
        if standing != self.standing {
            if standing.may_open != self.standing.may_open || self.standing.text.is_empty() {
                let level =
                    if standing.may_open { notify::Level::Info } else { notify::Level::Warning };
                self.out.tell("licence", level, &standing.text);
            }
            let may_open = standing.may_open;
            self.standing = standing;
            self.step(Input::MayOpen(may_open))?;
        }
        Ok(())
    }

    /// What has to outlive a restart is written by another thread, one at a time.
    fn keep_licence(&mut self) {
        if self.keeping.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        if let Some(kept) = self.pilot.licence.to_keep() {
            self.keeping = Some(tokio::task::spawn_blocking(move || {
                if let Err(error) = kept.write() {
                    tracing::warn!(%error, "the licence's state cannot be written down");
                }
            }));
        }
    }

    fn publish(&mut self) {
        let lines = self.pilot.lines.all();
        let server = self.pilot.server.text();
        let around = Around {
            started: self.pilot.started,
            now: machine_time(),
            licence: &self.standing.text,
            server: &server,
            log: &lines,
            notices_waiting: self.pilot.herald.waiting(),
        };
        let view = self.pilot.world.view(&self.pilot.plan, &around);
        *self.pilot.latest.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
}
