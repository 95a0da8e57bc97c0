//! `stockade serve`, `stockade setup-link` and `stockade recover`.

use super::{
    args::Serve,
    configuration::home,
    output::{Output, plain},
    sealed::{InPlain, in_plain},
};
use crate::{
    desk::{self, Home},
    server::{self, Options, Rates, Started},
};
use anyhow::{Context, anyhow};
use catalog::ImportRequest;
use edge::{Drained, Exposure, Limits};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use serde_json::json;
use server::{
    jobs::Capacity,
    trace::{Colours, OneLine},
};
use settings::Settings;
use std::{
    io::IsTerminal,
    ops::ControlFlow,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;

/// Files that are open besides connections: the database, the log, results that are read.
const FILES_BESIDES: u64 = 512;

/// Runs the server until it is told to stop.
pub(super) fn serve(command: &Serve, settings: &Settings, output: Output) -> anyhow::Result<()> {
    unseen()?;
    log(settings)?;
    warn_of_plain_text(settings);
    let home = home(settings)?;
    if let Some(sample) = &command.sample {
        import_sample(&home, sample, output)?;
    }
    let options = options(home, settings, output)?;
    let runtime = Builder::new_multi_thread().worker_threads(serving()).enable_all().build()?;
    let drained = runtime.block_on(server::serve(options, |started| announce(started, output)))?;
    match drained {
        Drained::Clean => output.note("stopped; everything is written"),
        Drained::Cut { connections } => {
            output.note(&format!("stopped; {connections} connections were cut off"));
        }
    }
    Ok(())
}

/// How many threads answer: half of the processors. Passwords, backtests and databases have threads of their own, and
/// threads that answer side by side mostly wake each other (`benches/README.md`).
fn serving() -> usize {
    thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2))
}

/// No image of the memory is written when the process breaks, and no debugger of the same user looks
/// in: keys and sessions are in there.
fn unseen() -> anyhow::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).context("cannot forbid core files")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("cannot forbid debuggers")
}

/// The environment is seen by others than its process, and files are copied: what lies there in plain text
/// can be taken over.
fn warn_of_plain_text(settings: &Settings) {
    for InPlain { name, place, fix } in in_plain(settings) {
        tracing::warn!(
            // Under another word the fence of the log would hide it.
            called = name,
            place,
            "a secret lies in plain text: take it over by `{fix}`, then remove it there"
        );
    }
}

fn log(settings: &Settings) -> anyhow::Result<()> {
    let level = settings.text("log.level");
    let filter = EnvFilter::try_new(format!("warn,stockade={level},edge={level}"))?;
    // https://no-color.org: set and not empty means none.
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours =
        if !plain && std::io::stderr().is_terminal() { Colours::Own } else { Colours::None };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours == Colours::Own)
        .with_writer(move || OneLine::new(std::io::stderr(), colours));
    let started = match settings.text("log.format") {
        "json" => lines.json().try_init(),
        _ => lines.with_target(false).try_init(),
    };
    started.map_err(|error| anyhow!("the log cannot be started: {error}"))
}

fn options(home: Home, settings: &Settings, output: Output) -> anyhow::Result<Options> {
    let size = |key: &str| {
        usize::try_from(settings.number(key)).with_context(|| format!("{key} is out of range"))
    };
    let drain = u64::try_from(settings.number("server.drain_seconds"))?;
    let public = settings.is_on("server.public");
    let exposure = if public { Exposure::Public } else { Exposure::Loopback };
    Ok(Options {
        home,
        listen: settings.text("server.listen").parse()?,
        exposure,
        front: super::front::front(settings, exposure)?,
        capacity: Capacity { workers: size("backtest.workers")?, queue: size("backtest.queue")? },
        limits: Limits {
            drain: Duration::from_secs(drain),
            ..limits(size("server.connections")?)?
        },
        rates: rates(settings)?,
        addresses: super::limits::terms(settings)?,
        letters: super::mail::letters(settings)?,
        relay: super::mail::relay(settings, output)?,
        registration: settings.text("accounts.registration").parse()?,
        witnesses: super::witness::terms(settings)?,
        backups: super::backup::terms(settings)?,
        machines: machines(settings)?,
        disclosure: super::reports::terms(settings)?,
        operations: super::operations::terms(settings)?,
        self_tests: server::SelfTests::Running,
        breached_passwords: settings.path("accounts.breached_passwords"),
    })
}

/// Room for so many connections: in the listener, and in what this process may open.
fn limits(connections: usize) -> anyhow::Result<Limits> {
    let needed = connections as u64 + FILES_BESIDES;
    let now = getrlimit(Resource::Nofile);
    if now.maximum.is_some_and(|most| most < needed) {
        return Err(super::usage(format!(
            "server.connections: {connections} need {needed} open files, and this process may have {}: raise it (LimitNOFILE= of the unit, `ulimit -Hn`)",
            now.maximum.unwrap_or_default()
        )));
    }
    if now.current.is_some_and(|current| current < needed) {
        let more = Rlimit { current: Some(needed), maximum: now.maximum };
        setrlimit(Resource::Nofile, more).context("cannot open more files")?;
    }
    Ok(Limits {
        connections,
        connections_per_peer: connections / 4,
        connections_from_loopback: connections - connections / 8,
        ..Limits::default()
    })
}

fn rates(settings: &Settings) -> anyhow::Result<Rates> {
    let units = |key: &str| {
        u32::try_from(settings.number(key)).with_context(|| format!("{key} is out of range"))
    };
    Ok(Rates {
        general: units("limits.general_per_minute")?,
        api: units("limits.api_per_minute")?,
        account: units("limits.account_per_minute")?,
        files: units("limits.files_per_minute")?,
    })
}

/// Where machines come in, if they do.
fn machines(settings: &Settings) -> anyhow::Result<Option<std::net::SocketAddr>> {
    match settings.text("machines.listen") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            super::usage(format!(
                "machines.listen: {text:?} is no address: write ADDRESS:PORT, as 0.0.0.0:8444"
            ))
        }),
    }
}

/// What a person needs to get in. The link is a secret of theirs: it goes to stdout, not to a log.
fn announce(started: &Started, output: Output) {
    let document = json!({
        "url": started.url,
        "address": started.address.to_string(),
        "setup_link": started.setup_link,
        "fingerprint": started.fingerprint,
        "authority": started.authority.display().to_string(),
        "spki": started.spki,
        "machines": started.machines.map(|address| address.to_string()),
        "plain": started.plain.map(|address| address.to_string()),
    });
    let shown = output.show(&document, |_| {
        let mut text = format!("Stockade is ready at {}\n\n", started.url);
        if let Some(link) = &started.setup_link {
            text.push_str(&format!(
                "  make the owner's account   {link}\n                             (works once, for one hour)\n"
            ));
        }
        text.push_str(&format!(
            "  trust this certificate     {}\n  its SHA-256 fingerprint    {}\n\nCtrl-C stops it.",
            started.authority.display(),
            started.fingerprint
        ));
        text
    });
    if let Err(error) = shown {
        tracing::error!(%error, "the address could not be printed");
    }
}

/// Imports each Parquet file of `sample` that the catalogue lacks, named by its file.
fn import_sample(home: &Home, sample: &Path, output: Output) -> anyhow::Result<()> {
    let place = || format!("cannot list {}", sample.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(sample)
        .with_context(place)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(place)?;
    files.retain(|path| path.extension().is_some_and(|e| e == "parquet"));
    files.sort();
    let desk = desk::connect(home)?;
    let known = catalog::Catalog::open(&desk::catalog_dir(home.root()))?.datasets()?;
    let actions = sample.join("corporate_actions.csv");
    let actions = if actions.exists() { catalog::read_actions(&actions)? } else { Vec::new() };
    for file in files {
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().replace('_', "-"));
        let name = stem.unwrap_or_default();
        if known.iter().any(|set| set.name == name) {
            continue;
        }
        let mut request = ImportRequest::new(std::path::absolute(&file)?, name, desk::now());
        request.actions.clone_from(&actions);
        let report = desk.import(&request, &mut |_, _| ControlFlow::Continue(()))?;
        output.note(&format!("imported {}: {} bars", plain(&report.name), report.rows_kept));
    }
    Ok(())
}

/// Prints a fresh set-up link, by way of the server if one runs.
pub(super) fn setup_link(settings: &Settings, output: Output) -> anyhow::Result<()> {
    let desk = desk::connect(home(settings)?)?;
    let url = url(&desk, settings)?;
    let link = server::setup_link(&url, &desk.issue_setup()?);
    output.show(&json!({ "setup_link": link }), |_| link.clone())
}

/// Where browsers find the server, whether it runs or not.
fn url(desk: &desk::Connection, settings: &Settings) -> anyhow::Result<String> {
    let listen: std::net::SocketAddr = settings.text("server.listen").parse()?;
    let address = desk.address()?;
    Ok(address.unwrap_or_else(|| format!("https://localhost:{}", listen.port())))
}

/// How accounts are kept by a command where no server runs.
pub(super) fn terms(url: &str, settings: &Settings) -> anyhow::Result<desk::Terms> {
    let letters = match super::mail::letters(settings)? {
        Some(letters) => letters,
        None => desk::Letters::from_here(url)?,
    };
    let registration = settings.text("accounts.registration").parse()?;
    // No command sets a password.
    let breached = std::sync::Arc::default();
    Ok(desk::Terms { letters, registration, post: desk::Post::Kept, breached })
}

/// Prints a recovery link for an account, by way of the server if one runs.
pub(super) fn recover(email: &str, settings: &Settings, output: Output) -> anyhow::Result<()> {
    let desk = desk::connect(home(settings)?)?;
    let url = url(&desk, settings)?;
    let terms = terms(&url, settings)?;
    let made = desk.issue_recovery(email, terms)?;
    let link = server::recovery_link(&url, &made.token);
    let shown = json!({ "recovery_link": link, "expires": made.expires.to_string() });
    output.note("the log holds this, and everyone who runs the server gets a letter");
    output.show(&shown, |_| format!("{link}\n(works once, until {})", made.expires))
}
