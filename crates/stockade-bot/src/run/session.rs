//! From a configuration to a running session, and what the commands around it share.

use super::{
    AskSecret, Beginning, Calls, Input, Keeper, Live, Paper, Parts, Pilot, Plan, Reached, Recorder,
    Until, WarmRow, Wire, World,
    pilot::Ended,
    setup, startup,
    tape::{Entry, Head, LAYOUT, Tape, make_private},
};
use crate::{
    config::{Config, Sandbox},
    control::{Answer, Ask, Asked, Door},
    herald::{self, Ear, Herald},
    licence::Licence,
    logging::Lines,
    membership::{self, Liaison, Membership},
    metrics::{self, Latest},
    output::{Ending, Output},
    tui::Wish,
    vault,
};
use anyhow::Context;
use engine::{
    RowEvaluator,
    live::{KeyScope, Past, Permit, Tail},
    ticks::Recording,
};
use host::{Fence, Fenced, Paths, Ports, Strength};
use kms::SystemEntropy;
use market::{Money, Roster, Timestamp};
use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Inputs that wait for the loop.
const INPUTS_MAX: usize = 4_096;
/// Questions that wait for the loop.
const ASKS_MAX: usize = 16;

/// What is known before the first socket is opened, secrets included.
struct Ready {
    plan: Plan,
    keys: Option<venues::Keys>,
    ears: Vec<Ear>,
    licence: Licence,
}

/// Reads files, opens the store, raises the fence. The only part that asks its owner anything.
fn ready(config: &Config, ask: AskSecret<'_>, world: Wanted) -> anyhow::Result<Ready> {
    let plan = Plan::load(&config.path)?;
    let config = &plan.config;
    let wants_store = world == Wanted::Account || !config.notify.is_empty();
    let mut store = if wants_store { Some(vault::open(&config.keys, ask)?) } else { None };
    let keys = match (&store, world) {
        (Some(store), Wanted::Account) => {
            let name = config.account.key.as_deref();
            let name = name.context("`account.key` is missing: name the key in the key store")?;
            Some(vault::key(store, name)?)
        }
        _ => None,
    };
    let ears = herald::ears(&config.notify, store.as_ref())?;
    let licence = licence(config, store.as_mut().filter(|_| world == Wanted::Account));
    drop(store);
    make_private(&config.state_dir)?;
    make_private(&config.tape_dir())?;
    Ok(Ready { plan, keys, ears, licence })
}

/// The licence, going on from what was kept of it. A store that cannot be written to is no reason not to
/// start.
fn licence(config: &Config, store: Option<&mut kms::SecretStore>) -> Licence {
    let store = store.filter(|_| config.license.is_some());
    match store.map(|store| vault::state_key(store, jiff::Timestamp::now())) {
        Some(Ok(key)) => Licence::resumed(config, key),
        Some(Err(error)) => {
            tracing::warn!("nothing of the licence is kept over restarts: {error:#}");
            Licence::load(config)
        }
        None => Licence::load(config),
    }
}

/// Whether an account is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Account,
    Prices,
}

/// Shuts this process off from what it has no use for. Before any thread starts.
pub fn fenced(
    config: &Config,
    more: &[u16],
    out: Option<PathBuf>,
) -> anyhow::Result<Option<Fenced>> {
    let strength = match config.sandbox {
        Sandbox::Off => {
            host::harden()?;
            return Ok(None);
        }
        Sandbox::Required => Strength::Required,
        Sandbox::BestEffort => Strength::BestEffort,
    };
    let mut ports: Vec<u16> = crate::adapters::allowed(&config.venue)?
        .origins()
        .map(|(origin, _)| origin.port())
        .chain(more.iter().copied())
        .chain(Membership::at(&config.state_dir).port())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    let mut wished = Paths::of_a_client();
    wished.extend([
        PathBuf::from("/dev/tty"),
        // Whether the machine has run on since the last life.
        PathBuf::from("/proc/sys/kernel/random/boot_id"),
        PathBuf::from("/usr/share/terminfo"),
        PathBuf::from("/etc/terminfo"),
        PathBuf::from("/lib/terminfo"),
    ]);
    wished.extend(config.venue.ca_file.clone());
    wished.extend(config.license.iter().map(|place| place.file.clone()));
    wished.extend(
        config.kill_file.parent().map(PathBuf::from).filter(|dir| !dir.as_os_str().is_empty()),
    );
    let fence = Fence {
        read: Paths { needed: vec![config.path.clone(), config.strategy.clone()], wished },
        write: Paths { needed: vec![config.state_dir.clone()], wished: out.into_iter().collect() },
        connect: Ports::Only(ports),
        listen: Ports::Only(config.metrics.iter().map(std::net::SocketAddr::port).collect()),
        strength,
    };
    let fenced = fence.raise()?;
    tracing::info!(
        "fence: files {:?}, ports {:?}, system calls {:?} ({})",
        fenced.files,
        fenced.ports,
        fenced.calls,
        fenced.landlock
    );
    Ok(Some(fenced))
}

/// Where a bot is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Nowhere; `status --watch` draws it elsewhere.
    Nowhere,
    /// In its own terminal.
    Here,
}

/// How a session is run.
pub struct Manner {
    /// The log's latest lines.
    pub lines: Lines,
    /// The snapshot for onlookers.
    pub latest: Latest,
    /// Whether the bot is drawn in its own terminal.
    pub screen: Shown,
    /// When it ends by itself.
    pub until: Until,
    /// What a person is shown of the start.
    pub output: Output,
}

impl Manner {
    /// Until it is told to end.
    #[must_use]
    pub fn new(lines: Lines, output: Output) -> Self {
        Self {
            lines,
            latest: Arc::new(Mutex::default()),
            screen: Shown::Nowhere,
            until: Until::Told,
            output,
        }
    }
}

/// Trades with the account that a configuration names.
pub fn live(config: &Config, ask: AskSecret<'_>, manner: Manner) -> anyhow::Result<()> {
    let ready = ready(config, ask, Wanted::Account)?;
    fenced(&ready.plan.config, &herald::ports(&ready.ears), None)?;
    runtime()?.block_on(async {
        let Ready { plan, keys, ears, licence } = ready;
        let keys = keys.context("`account.key` is missing")?;
        let door = Door::open(&plan.config.socket()).await?;
        let (keeper, past) = Keeper::open(&plan.config.journal_dir())?;
        let begun = begin_live(&plan, keys, (keeper, past), &ears).await?;
        fly((plan, licence), begun, ears, (door, manner)).await?;
        Ok(())
    })
}

/// Trades on paper; what it came to.
pub fn paper(
    config: &Config,
    ask: AskSecret<'_>,
    (manner, out): (Manner, PathBuf),
) -> anyhow::Result<super::Compared> {
    let ready = ready(config, ask, Wanted::Prices)?;
    make_private(&out)?;
    fenced(&ready.plan.config, &herald::ports(&ready.ears), Some(out))?;
    runtime()?.block_on(async {
        let Ready { plan, ears, licence, .. } = ready;
        let door = Door::open(&plan.config.socket()).await?;
        let begun = begin_paper(&plan, &ears).await?;
        let instruments = setup::instruments(&begun.roster);
        let warm = begun.warm.clone();
        let ended = fly((plan.clone(), licence), begun, ears, (door, manner)).await?;
        let World::Paper(paper) = ended.world else { anyhow::bail!("no session on paper") };
        let rows: Vec<WarmRow> = warm.into_iter().chain(ended.rows).collect();
        super::compare(&plan, &instruments, &rows, paper.finish()?)
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// A session that is about to begin.
struct Begun {
    world: World,
    reached: Reached,
    roster: Roster,
    listed: super::Arrival,
    warm: Vec<WarmRow>,
    past: Past,
    epoch: u64,
    cash: Money,
    started: Timestamp,
}

fn epoch() -> u64 {
    u64::from_le_bytes(seal::random(&mut SystemEntropy::new()))
}

async fn begin_live(
    plan: &Plan,
    keys: venues::Keys,
    (keeper, past): (Keeper, Past),
    ears: &[Ear],
) -> anyhow::Result<Begun> {
    let http = startup::http(plan, &herald::allowed(ears)?)?;
    let reached = Reached::reach(plan, http).await?;
    let (roster, listed) = reached.roster(plan).await?;
    let account = startup::account(plan, &reached, &roster, keys).await?;
    let evaluator = RowEvaluator::new(&plan.strategy, &setup::instruments(&roster))?;
    let heard = super::tape::last_written(&plan.config.tape_dir());
    let warm = reached.history(plan, &roster, (&evaluator, heard)).await?;
    let started = startup::machine_time();
    let epoch = epoch();
    let now = super::market::shifted(started, reached.ahead_nanos);
    let beginning = Beginning {
        epoch,
        past: past.clone(),
        cash: account.cash,
        permit: Permit::ManageOnly,
        now,
        ticks: Recording::Chain,
    };
    let parts = Prepared {
        plan,
        roster: &roster,
        source: Arc::clone(&reached.source),
        client: account.client,
        warm: &warm,
    };
    let mut live = parts.live(&beginning, keeper, reached.ahead_nanos)?;
    live.scope = Some(account.scope);
    let world = World::Live(Box::new(live));
    Ok(Begun { world, reached, roster, listed, warm, past, epoch, cash: account.cash, started })
}

async fn begin_paper(plan: &Plan, ears: &[Ear]) -> anyhow::Result<Begun> {
    let http = startup::http(plan, &herald::allowed(ears)?)?;
    let reached = Reached::reach(plan, http).await?;
    let (roster, listed) = reached.roster(plan).await?;
    let evaluator = RowEvaluator::new(&plan.strategy, &setup::instruments(&roster))?;
    let warm = reached.history(plan, &roster, (&evaluator, None)).await?;
    let started = startup::machine_time();
    let now = super::market::shifted(started, reached.ahead_nanos);
    let source = Arc::clone(&reached.source);
    let market = setup::market(plan, source, &roster, (now, reached.ahead_nanos))?;
    let world = World::Paper(Box::new(Paper::new(plan, market, &warm)?));
    let (past, epoch, cash) = (Past::default(), epoch(), plan.strategy.cash);
    Ok(Begun { world, reached, roster, listed, warm, past, epoch, cash, started })
}

/// All that a live session is made of, the same for a session that is made again.
pub(super) struct Prepared<'a> {
    pub(super) plan: &'a Plan,
    pub(super) roster: &'a Roster,
    pub(super) source: Arc<dyn feeds::Source>,
    pub(super) client: Arc<dyn venues::Client>,
    pub(super) warm: &'a [WarmRow],
}

impl Prepared<'_> {
    pub(super) fn live(
        self,
        beginning: &Beginning,
        keeper: Keeper,
        ahead_nanos: i64,
    ) -> anyhow::Result<Live> {
        let Self { plan, roster, source, client, warm } = self;
        let traits = client.traits();
        let mut session = plan.session(roster, &traits, beginning)?;
        let mut evaluator = RowEvaluator::new(&plan.strategy, &setup::instruments(roster))?;
        setup::warm(&mut evaluator, &mut session, warm, beginning.now)?;
        let market = setup::market(plan, source, roster, (beginning.now, ahead_nanos))?;
        let window = Duration::from_millis(u64::from(setup::WINDOW_MS));
        let calls = Calls::new(Arc::clone(&client), window);
        Ok(Live::new(Parts { session, evaluator, market, client, calls, keeper }))
    }
}

/// Writes down what a session begins with, and runs it.
async fn fly(
    (plan, licence): (Plan, Licence),
    begun: Begun,
    ears: Vec<Ear>,
    (door, manner): (Door, Manner),
) -> anyhow::Result<Ended> {
    let tape = recording(&plan, &begun)?;
    let (sender, inputs) = mpsc::channel::<Input>(INPUTS_MAX);
    let herald = Herald::start(&plan.config.name, ears, &begun.reached.http, begun.epoch);
    let wire = Wire::new(begun.reached.http, sender, begun.epoch);
    let stop = CancellationToken::new();
    if let Some(address) = plan.config.metrics {
        let serving = metrics::serve(address, Arc::clone(&manner.latest), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "metrics are not served");
            }
        });
    }
    let (sender, asked) = mpsc::channel::<Asked>(ASKS_MAX);
    tokio::spawn(door.serve(sender.clone()));
    if manner.screen == Shown::Here {
        draw(Arc::clone(&manner.latest), sender, (stop.clone(), manner.output));
    }
    let noted = match &tape {
        Some(tape) => format!("recording to {}", tape.path().display()),
        None => "the disk is full: this session is not recorded".to_owned(),
    };
    manner.output.note(&noted);
    let server = membership::Shown::default();
    let place = Membership::at(&plan.config.state_dir);
    let (latest, told) = (Arc::clone(&manner.latest), (herald.clone(), server.clone()));
    tokio::spawn(Liaison::new(place, latest, told.0, told.1).run(stop.clone()));
    let pilot = Pilot {
        server,
        licence,
        world: begun.world,
        wire,
        inputs,
        tape: Recorder::new(tape),
        herald,
        lines: manner.lines,
        latest: manner.latest,
        started: begun.started,
        rows: Vec::new(),
        plan,
    };
    let ended = pilot.fly(asked, manner.until).await;
    stop.cancel();
    ended
}

/// Draws the bot in its own terminal, on a thread of its own.
fn draw(latest: Latest, asks: mpsc::Sender<Asked>, (stop, output): (CancellationToken, Output)) {
    std::thread::spawn(move || {
        let mut view = || (!stop.is_cancelled()).then(|| Ok(metrics::latest(&latest)));
        let mut wish = |wish: Wish| {
            ControlFlow::Continue(match wish {
                Wish::Leave => "s ends the bot; `status --watch` draws it elsewhere".to_owned(),
                Wish::Ask(ask) => asked_here(ask, &asks),
            })
        };
        if let Err(error) = crate::tui::watch(&mut view, &mut wish) {
            tracing::error!(%error, "nothing can be drawn here");
            output.note(&format!(
                "nothing can be drawn here: {error:#}; the bot works on, `stockade-bot status` shows it"
            ));
        }
    });
}

fn asked_here(ask: Ask, asks: &mpsc::Sender<Asked>) -> String {
    let (reply, answer) = oneshot::channel();
    if asks.blocking_send(Asked { ask, reply }).is_err() {
        return "the bot is ending".to_owned();
    }
    match answer.blocking_recv() {
        Ok(Answer::Done { text } | Answer::Refused { text }) => text,
        Ok(Answer::Status { .. }) => String::new(),
        Err(_) => "the bot is ending".to_owned(),
    }
}

/// A recording of this session; none where there is no room: closing a position must not need any.
fn recording(plan: &Plan, begun: &Begun) -> anyhow::Result<Option<Tape>> {
    match begin_recording(plan, begun) {
        Ok(tape) => Ok(Some(tape)),
        Err(error) if super::recorder::is_full(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn begin_recording(plan: &Plan, begun: &Begun) -> anyhow::Result<Tape> {
    let world = if matches!(begun.world, World::Live(_)) { "live" } else { "paper" };
    let mut tape = Tape::create(&plan.config.tape_dir(), begun.started, begun.epoch)?;
    tape.write(&Entry::Head(Box::new(Head {
        layout: LAYOUT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        world: world.to_owned(),
        config: plan.config_text.clone(),
        config_path: plan.config.path.clone(),
        strategy: plan.strategy_text.clone(),
        epoch: begun.epoch,
        began: begun.started.nanos(),
        ahead: begun.reached.ahead_nanos,
        cash: begun.cash.to_string(),
        may_open: false,
    })))?;
    tape.write(&Entry::Instruments(begun.listed.clone()))?;
    let snapshot = begun.past.snapshot.as_ref().map(hex::encode);
    let records = begun.past.records.iter().map(hex::encode).collect();
    tape.write(&Entry::Past(snapshot, records, begun.past.tail == Tail::Whole))?;
    for row in &begun.warm {
        tape.write(&row.entry())?;
    }
    Ok(tape)
}

/// What the configured key may do, asked of the venue.
pub fn scope_of(config: &Config, ask: AskSecret<'_>) -> anyhow::Result<(KeyScope, i64)> {
    let ready = ready(config, ask, Wanted::Account)?;
    runtime()?.block_on(async {
        let keys = ready.keys.context("`account.key` is missing")?;
        let http = startup::http(&ready.plan, &edge::Allowed::default())?;
        let reached = Reached::reach(&ready.plan, http).await?;
        let client = startup::signed(&ready.plan, &Roster::new(Vec::new()), keys)?;
        Ok((startup::scope(&reached, &client).await?, reached.ahead_nanos))
    })
}

/// `stockade-bot keys check`.
pub fn check_key(config: &Config, ask: AskSecret<'_>, output: Output) -> anyhow::Result<Ending> {
    let (scope, _) = scope_of(config, ask)?;
    let warnings = startup::check_scope(&scope, config.ip_restriction)?;
    let told = serde_json::json!({
        "trade": said(scope.trade),
        "withdraw": said(scope.withdraw),
        "restricted_to_addresses": said(scope.restricted),
        "seen_from": scope.seen_from,
        "expires": scope.expires.map(|time| time.to_string()),
        "warnings": warnings,
    });
    output.show(&told, |_| {
        let seen = scope.seen_from.map_or_else(String::new, |ip| format!("\nseen from {ip}"));
        let until = scope.expires.map_or_else(String::new, |time| format!("\nends {time}"));
        let warned = warnings.iter().fold(String::new(), |all, one| all + "\nwarning: " + one);
        format!(
            "trade {}, withdraw {}, bound to addresses {}{seen}{until}{warned}",
            said(scope.trade),
            said(scope.withdraw),
            said(scope.restricted)
        )
    })?;
    Ok(if warnings.is_empty() { Ending::Done } else { Ending::Findings })
}

const fn said(permission: engine::live::Permission) -> &'static str {
    match permission {
        engine::live::Permission::Yes => "yes",
        engine::live::Permission::No => "no",
        engine::live::Permission::Unsaid => "not said",
    }
}

/// `stockade-bot flatten` with no bot running: opens the journal, closes everything, ends.
pub fn flatten(config: &Config, ask: AskSecret<'_>, output: Output) -> anyhow::Result<Ending> {
    let lines = crate::logging::start(&config.log, crate::logging::Besides::Stderr);
    let mut manner = Manner::new(lines, output);
    manner.until = Until::Flat;
    live(config, ask, manner)?;
    output.note("nothing is held and nothing works; `stockade-bot resume` with a running bot lets the kill switch go");
    Ok(Ending::Done)
}
