//! Scanners that others wrote, at a running public server: what they say, and whether that is within its limit.
//!
//! All of it happens in a network of its own, which a namespace makes: the name of the server, the ports 80 and 443
//! and an ACME server are real there, nothing of it is reachable from elsewhere, and nothing in it reaches elsewhere.

mod judge;
mod slow;
mod tools;
mod world;

use crate::{flags::Flags, flags::Usage, machine, process};
use anyhow::{Context, Result, bail};
use judge::Verdict;
use std::{fs, path::PathBuf, process::Command, process::ExitCode};
use tools::Tools;
use world::{Haste, World};

/// What it is called, the limit that it is held to, and how it is asked.
type Scanner = (&'static str, &'static str, fn(&World) -> Result<Verdict>);

/// Those that look at a server as it is.
const AT_REST: [Scanner; 4] = [
    ("sslyze", "compliant with Mozilla's intermediate configuration", World::sslyze),
    ("observatory", "A+ and at least 120", World::observatory),
    ("testssl", "no finding of medium or worse", World::testssl),
    ("slowhttptest", "the service stays available", slow::attack),
];
/// Those that ask so much that the limits of a network would answer them.
const IN_HASTE: [Scanner; 1] = [(
    "schemathesis",
    "no server error on any operation, and no lie in the document",
    World::schemathesis,
)];
/// Says that this process is the one inside the namespace.
const INSIDE: &str = "--inside";

/// Runs them all, or those that are named.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &["--only", "--binary"], &[INSIDE])?;
    let scanners = || AT_REST.iter().chain(&IN_HASTE);
    if let Some(stranger) =
        flags.all("--only").iter().find(|only| !scanners().any(|(name, ..)| name == only))
    {
        let known: Vec<&str> = scanners().map(|(name, ..)| *name).collect();
        let words = format!("there is no scanner {stranger:?}: {}", known.join(", "));
        return Err(Usage(words).into());
    }
    let binary: PathBuf = flags.value("--binary", machine::target().join("debug/stockade"))?;
    if !binary.is_file() {
        bail!("{} is not built: run `cargo build -p stockade` first", binary.display());
    }
    if !flags.has(INSIDE) {
        return enter(arguments);
    }
    let wanted = |(name, ..): &&Scanner| {
        flags.all("--only").is_empty() || flags.all("--only").iter().any(|only| only == name)
    };
    let mut world = World::make(binary, Tools::find()?)?;
    let mut verdicts = Vec::new();
    for (haste, group) in [(Haste::Not, &AT_REST[..]), (Haste::Much, &IN_HASTE[..])] {
        let group: Vec<&Scanner> = group.iter().filter(wanted).collect();
        if group.is_empty() {
            continue;
        }
        world.serve(haste)?;
        for (name, limit, ask) in group {
            println!("\n== {name}: {limit}");
            let verdict = ask(&world).with_context(|| format!("asking {name}"))?;
            verdicts.push((*name, *limit, verdict));
        }
        world.rest()?;
    }
    Ok(told(&verdicts, &world))
}

/// Installs what is missing, which needs the registries, and goes on where there is no network.
fn enter(arguments: &[String]) -> Result<ExitCode> {
    Tools::install()?;
    let own = std::env::current_exe().context("finding this program")?;
    let mut inside = Command::new("unshare");
    inside
        .args(["--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"])
        .arg(own)
        .arg("outside");
    let ran = process::run(inside.args(arguments).arg(INSIDE).current_dir(machine::project()))?;
    Ok(if ran.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told(verdicts: &[(&str, &str, Verdict)], world: &World) -> ExitCode {
    println!("\n{:<13} {:<22} {:<5} limit and finding", "scanner", "version", "");
    for (name, limit, Verdict { version, said, findings }) in verdicts {
        let verdict = if findings.is_empty() { "holds" } else { "FAILS" };
        println!("{name:<13} {version:<22} {verdict:<5} {limit}: {said}");
        for finding in findings {
            println!("{:<42} {finding}", "");
        }
    }
    println!("outputs: {}", world.outputs().display());
    let holds = verdicts.iter().all(|(.., one)| one.findings.is_empty());
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The text of a file that a scanner wrote.
fn text(path: &std::path::Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}
