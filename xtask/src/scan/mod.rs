//! The scan of our own sources and of what they depend on: a dated record that names its tools, says what it
//! covered and what not, and counts what it found. `cargo xtask scan --write` keeps it beside the server,
//! which shows it on `/security`, with the register of lesser findings that are known.

mod advisories;
pub mod bom;
mod census;
mod known;
mod lints;
mod record;
mod sarif;
mod sources;
mod waivers;

use crate::{flags::Flags, machine, process, report::Outcome};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use record::{Finding, Record, Severity, Tool};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Where the server takes the record from.
const KEPT: &str = "crates/stockade/assets/scan";
/// Files of it.
const RECORD: &str = "scan.json";
const BOM: &str = "sbom.cdx.json";
const FINDINGS: &str = "findings.sarif";

/// `cargo xtask scan`: the whole scan; kept with `--write`.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &["--advisories"], &["--write", "--known"])?;
    let given = flags.all("--advisories").last().map(PathBuf::from);
    let project = machine::project();
    if flags.has("--known") {
        let record = known_anew(&project)?;
        println!("{}", serde_json::to_string_pretty(&record.known)?);
        if flags.has("--write") {
            keep(&project, RECORD, &serde_json::to_value(&record)?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut tools = vec![tool("rustc", "rustc")?, tool("clippy", "clippy-driver")?];
    tools.push(Tool::new("cargo xtask scan", env!("CARGO_PKG_VERSION")));
    println!("clippy over the whole workspace");
    let mut findings = lints::clippy(&project)?;
    println!("the rules of the house");
    findings.extend(lints::tidy(&project)?);
    let metadata = metadata(&project)?;
    let (watched, more) = watch(given.as_deref(), &project)?;
    findings.extend(more);
    let mut record =
        Record::new(Timestamp::now(), tools, sources::scope(&project)?, watched, findings);
    let before = kept(&project).map(|kept| kept.known).unwrap_or_default();
    let waivers = waivers::waivers(&project)?;
    record.known = known::register(&before, &record.findings, &waivers, record.date);
    let bom = bom::of(&metadata, &fs::read_to_string(project.join("Cargo.lock"))?, record.date)?;
    let sarif = sarif::of(&record);
    print!("{}", record.told());
    if flags.has("--write") {
        let files = [(RECORD, serde_json::to_value(&record)?), (BOM, bom), (FINDINGS, sarif)];
        for (name, value) in files {
            keep(&project, name, &value)?;
        }
    }
    Ok(if record.severe() > 0 { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

/// `cargo xtask scan --known`: the register of lesser findings alone, of the findings that are kept and of what the
/// sources waive now.
fn known_anew(project: &Path) -> Result<Record> {
    let mut record = kept(project)?;
    let waivers = waivers::waivers(project)?;
    let now = Timestamp::from_second(Timestamp::now().as_second())?;
    record.known = known::register(&record.known, &record.findings, &waivers, now);
    Ok(record)
}

/// Writes a file beside the server.
fn keep(project: &Path, name: &str, value: &Value) -> Result<()> {
    let folder = project.join(KEPT);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), format!("{}\n", serde_json::to_string_pretty(value)?))?;
    println!("wrote {KEPT}/{name}");
    Ok(())
}

/// The step of `cargo xtask test`: what can be looked at in seconds, and what is kept.
pub fn step() -> Result<Outcome> {
    let project = machine::project();
    let kept = kept(&project)?;
    println!("{}", kept.told());
    if kept.severe() > 0 {
        return Ok(Outcome::Failed(None, format!("{KEPT}/{RECORD} tells of severe findings")));
    }
    let stale = known::stale(&kept.known, &waivers::waivers(&project)?);
    if !stale.is_empty() {
        let fix = "`cargo xtask scan --known --write` writes the register anew";
        return Ok(Outcome::Failed(None, format!("{}; {fix}", stale.join("; "))));
    }
    bom::of(&metadata(&project)?, &fs::read_to_string(project.join("Cargo.lock"))?, kept.date)?;
    let (watched, findings) = watch(None, &project)?;
    if watched.is_none() {
        println!(
            "advisories are not consulted here: name a checkout of RustSec's database in ADVISORY_DB"
        );
    }
    let severe: Vec<String> =
        findings.iter().filter(|one| one.severity >= Severity::High).map(Finding::told).collect();
    if severe.is_empty() {
        return Ok(Outcome::Passed(None));
    }
    Ok(Outcome::Failed(None, severe.join("\n")))
}

fn kept(project: &Path) -> Result<Record> {
    let path = project.join(KEPT).join(RECORD);
    let text = fs::read_to_string(&path).with_context(|| {
        format!("reading {}; `cargo xtask scan --write` makes it", path.display())
    })?;
    serde_json::from_str(&text).with_context(|| format!("{} does not read", path.display()))
}

/// The database of advisories: the one that is given, the one in the environment, the one of `cargo audit`.
fn watch(given: Option<&Path>, project: &Path) -> Result<(Option<record::Watched>, Vec<Finding>)> {
    if let Some(given) = given
        && !given.join("crates").is_dir()
    {
        bail!("{} is no checkout of RustSec's database: it has no folder crates", given.display());
    }
    let of_audit = || {
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
        home.map(|home| home.join("advisory-db"))
    };
    let place = given.map(Path::to_path_buf);
    let place = place.or_else(|| env::var_os("ADVISORY_DB").map(PathBuf::from)).or_else(of_audit);
    match place.filter(|place| place.join("crates").is_dir()) {
        Some(place) => {
            let (watched, findings) = advisories::consult(&place, &project.join("Cargo.lock"))?;
            Ok((Some(watched), findings))
        }
        None => Ok((None, Vec::new())),
    }
}

/// A tool, by what it says of its version.
fn tool(name: &str, program: &str) -> Result<Tool> {
    let said = process::output(Command::new(program).arg("--version"))?;
    let version = said.split_whitespace().nth(1).context("a version without a number")?;
    Ok(Tool::new(name, version))
}

/// What Cargo knows of the graph.
fn metadata(project: &Path) -> Result<Value> {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--all-features"];
    let text = process::output(&mut process::command("cargo", &arguments, project))?;
    serde_json::from_str(&text).context("cargo metadata writes no JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_and_what_is_no_database_is_refused() {
        let kept = kept(&machine::project()).expect("reads");
        assert!(!kept.tools.is_empty() && kept.scope.files > 500, "{kept:?}");
        let here = machine::project();
        let refused = watch(Some(&here.join("docs")), &here).expect_err("no database");
        assert!(refused.to_string().contains("no folder crates"), "{refused}");
    }
}
