//! The steps of `cargo xtask test`, in the order in which a mistake is cheapest to find.

use crate::{
    browser, docs,
    flags::{Flags, Usage},
    machine, process,
    release::tested,
    report::{Line, Outcome, summary},
    scan, supply, ui,
};
use anyhow::Result;
use std::{
    env,
    ffi::OsString,
    fs,
    num::NonZero,
    process::{Command, ExitCode},
    thread::available_parallelism,
    time::Instant,
};

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<Outcome>,
}

const STEPS: [Step; 14] = [
    Step { name: "format", what: "every Rust file is formatted", run: format },
    Step { name: "supply", what: "dependencies: bans, licences, sources", run: supply_chain },
    Step { name: "scan", what: "the kept scan, the list of parts, advisories", run: scan::step },
    Step { name: "ui-install", what: "the locked npm packages, no scripts", run: ui_install },
    Step { name: "ui-check", what: "types of the web UI", run: ui_check },
    Step { name: "ui-unit", what: "unit tests of the web UI", run: ui_unit },
    Step { name: "ui-build", what: "the web UI as the server serves it", run: ui_build },
    Step { name: "clippy", what: "lints, warnings are errors", run: clippy },
    Step { name: "judges", what: "programs of others that tests ask are here", run: judges },
    Step { name: "rust", what: "all Rust tests, tidy among them", run: rust },
    Step { name: "doc", what: "the examples in the documentation", run: doc },
    Step { name: "book", what: "the book says what the program says", run: book },
    Step {
        name: "openapi",
        what: "an independent validator reads the API's document",
        run: openapi,
    },
    Step { name: "browser", what: "a person's way through a real Chromium", run: in_browser },
];

/// Runs all steps, or those asked for, and sums up.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &["--only"], &["--list"])?;
    if flags.has("--list") {
        for Step { name, what, .. } in &STEPS {
            println!("{name:<12} {what}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let only = flags.all("--only");
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        let message = format!("there is no step {unknown:?}; steps are {}", names.join(", "));
        return Err(Usage(message).into());
    }
    let started = Instant::now();
    let mut lines = Vec::new();
    for step in &STEPS {
        if !only.is_empty() && !only.iter().any(|name| name == step.name) {
            continue;
        }
        println!("\n== {}: {}", step.name, step.what);
        let begun = Instant::now();
        let outcome =
            (step.run)().unwrap_or_else(|error| Outcome::Failed(None, format!("{error:#}")));
        if let Outcome::Failed(_, why) | Outcome::Skipped(why) = &outcome {
            println!("{why}");
        }
        lines.push(Line { step: step.name, outcome, took: begun.elapsed() });
    }
    println!("{}", source(only));
    print!("{}", summary(&lines, started.elapsed()));
    let failed = lines.iter().any(|line| matches!(line.outcome, Outcome::Failed(..)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What was tested, for whoever signs a release: the commit, whether anything was changed since, and whether a step was
/// left out.
fn source(only: &[String]) -> String {
    let project = machine::project();
    let ask = |words: &[&str]| process::output(&mut process::command("git", words, &project));
    let state = match ask(&["status", "--porcelain"]) {
        Ok(changed) if changed.trim().is_empty() => "clean",
        _ => "changed",
    };
    let commit = ask(&["rev-parse", "HEAD"]).unwrap_or_default();
    let steps = if only.is_empty() { "whole" } else { "part" };
    format!("{}{} {state} {steps}", tested::SOURCE, commit.trim())
}

fn format() -> Result<Outcome> {
    cargo(&["fmt", "--all", "--check"])
}

fn clippy() -> Result<Outcome> {
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
}

#[expect(clippy::unnecessary_wraps, reason = "as every step")]
fn judges() -> Result<Outcome> {
    let missing = machine::judges().missing;
    Ok(if missing.is_empty() {
        Outcome::Passed(None)
    } else {
        Outcome::Skipped(missing.join("\n"))
    })
}

fn rust() -> Result<Outcome> {
    // One set of packages and features for the server and the tests: nothing is built twice.
    let built = cargo(&["build", "--workspace", "--bins", "--tests", "--locked"])?;
    if matches!(built, Outcome::Failed(..)) {
        return Ok(built);
    }
    let judges = machine::judges();
    judges.missing.iter().for_each(|why| println!("{why}"));
    if machine::find(&["cargo-nextest"]).is_some() {
        // Half of the time a test of a server waits: for a clock, a disk, a process.
        let threads = (available_parallelism().map_or(1, NonZero::get) * 3 / 2).to_string();
        let run = ["nextest", "run", "--workspace", "--locked", "--no-fail-fast"];
        let run: Vec<&str> = run.into_iter().chain(["--test-threads", &threads]).collect();
        return cargo_with(&run, &judges.found);
    }
    println!("cargo-nextest is not here, so the tests run with cargo test");
    cargo_with(
        &["test", "--workspace", "--bins", "--lib", "--tests", "--locked", "--no-fail-fast"],
        &judges.found,
    )
}

fn doc() -> Result<Outcome> {
    cargo(&["test", "--workspace", "--doc", "--locked", "--no-fail-fast"])
}

fn book() -> Result<Outcome> {
    let stale = docs::stale(&machine::target().join("debug/stockade"))?;
    let names: Vec<String> = stale.iter().map(|(path, _)| path.display().to_string()).collect();
    if names.is_empty() {
        return Ok(Outcome::Passed(None));
    }
    let why = format!("stale: {}; `cargo xtask docs` writes them anew", names.join(", "));
    Ok(Outcome::Failed(None, why))
}

/// The document as the program prints it, judged by a validator that others wrote.
fn openapi() -> Result<Outcome> {
    let python = match machine::python(&machine::OPENAPI) {
        Ok(path) => path,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let binary = machine::target().join("debug/stockade");
    let document = process::output(Command::new(&binary).args(["routes", "--openapi"]))?;
    let place = machine::target().join("xtask/openapi.json");
    fs::create_dir_all(machine::target().join("xtask"))?;
    fs::write(&place, document)?;
    let (python, place) = (python.to_string_lossy(), place.to_string_lossy());
    let arguments = ["-m", "openapi_spec_validator", "--schema", "3.1", &place];
    let mut command = process::command(&python, &arguments, &machine::project());
    process::run(&mut command).map(|ran| ended(&ran, "openapi_spec_validator"))
}

fn supply_chain() -> Result<Outcome> {
    let findings = supply::check()?;
    if !findings.is_empty() {
        return Ok(Outcome::Failed(None, findings.join("\n")));
    }
    println!("bans, licences and sources of deny.toml hold");
    if machine::find(&["cargo-deny"]).is_none() {
        println!("cargo-deny is not here: its advisory check did not run, ours checked the rest");
        return Ok(Outcome::Passed(None));
    }
    println!("known advisories are not checked here: that needs the advisory database");
    cargo(&["deny", "--offline", "--locked", "check", "bans", "licenses", "sources"])
}

fn ui_install() -> Result<Outcome> {
    ui::install().map(|()| Outcome::Passed(None))
}

fn ui_build() -> Result<Outcome> {
    ui::build().map(|_| Outcome::Passed(None))
}

fn ui_check() -> Result<Outcome> {
    npm_script("check")
}

fn ui_unit() -> Result<Outcome> {
    npm_script("test")
}

fn in_browser() -> Result<Outcome> {
    let chromium = match machine::chromium() {
        Ok(path) => path,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    browser::run(&chromium).map(|ran| ended(&ran, "ui/e2e/run.mjs"))
}

fn npm_script(script: &str) -> Result<Outcome> {
    ui::install()?;
    let mut npm = process::command("npm", &["run", script], &ui::directory());
    process::run(&mut npm).map(|ran| ended(&ran, &format!("npm run {script}")))
}

fn cargo(arguments: &[&str]) -> Result<Outcome> {
    cargo_with(arguments, &[])
}

/// With variables that tell the tests what is here.
fn cargo_with(arguments: &[&str], variables: &[(&str, OsString)]) -> Result<Outcome> {
    let program = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = process::command(&program, arguments, &machine::project());
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    process::run(&mut command).map(|ran| ended(&ran, &format!("cargo {}", arguments.join(" "))))
}

fn ended(ran: &process::Ran, what: &str) -> Outcome {
    if ran.success {
        Outcome::Passed(ran.tally)
    } else {
        Outcome::Failed(ran.tally, format!("{what} failed"))
    }
}
