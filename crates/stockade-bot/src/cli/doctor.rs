//! `stockade-bot doctor`: this machine, the bot's files, its journal, its key.

use super::ask;
use crate::{
    config::{self, Config, IpRestriction},
    output::{Ending, Output},
    run,
};
use engine::live::{KeyScope, Permission};
use host::doctor::{
    Backup, Examination, Finding, Own, Program, Report, Root, Severity, examine, repair,
};
use jiff::{SignedDuration, Timestamp};
use std::{ops::ControlFlow, path::Path};

/// How old a backup may be.
const BACKUP_AGE_MAX: SignedDuration = SignedDuration::from_hours(31 * 24);
/// How much the clocks may differ.
const SKEW_MS_MAX: i64 = 1_000;

/// Runs it.
pub(super) fn run(fix: bool, path: &Path, output: Output) -> anyhow::Result<Ending> {
    if fix {
        for done in mend(path)? {
            output.note(&done);
        }
    }
    let config = config::load(path)?;
    let examination = examination(&config);
    let mut report = examine(&examination);
    report.findings.push(journal(&config));
    report.findings.extend(key(&config, output));
    output.show(&report, Report::text)?;
    Ok(if report.worst() >= Severity::Warning { Ending::Findings } else { Ending::Done })
}

fn examination(config: &Config) -> Examination {
    // The doctor goes by whole paths.
    let own = |name, path: &Path| Own {
        name,
        path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    };
    let mut files = vec![
        own("configuration", &config.path),
        own("key store", &config.keys.store),
        own("state", &config.state_dir),
    ];
    files.extend(config.keys.file.as_deref().map(|path| own("key file", path)));
    files.retain(|one| one.path.exists());
    let backup = std::path::absolute(config.backup_stamp()).ok();
    let make = "stockade-bot backup FILE   # and copy FILE to another machine".to_owned();
    let backup = backup.map(|path| Backup { path, age_max: BACKUP_AGE_MAX, make });
    Examination { backup, ..examination_of(files) }
}

fn examination_of(own: Vec<Own>) -> Examination {
    Examination {
        program: Program::Bot,
        root: Root::default(),
        now: Timestamp::now(),
        user: rustix::process::geteuid().as_raw(),
        own,
        open_ports: vec![22],
        known_sources: Vec::new(),
        backup: None,
        unit: Some("stockade-bot.service".to_owned()),
    }
}

/// A finding of the bot's own.
fn finding(
    (area, claim): (&'static str, Option<&'static str>),
    severity: Severity,
    (what, why): (String, &'static str),
    fix: Option<String>,
) -> Finding {
    Finding { area, claim, severity, what, why, fix, evidence: String::new() }
}

fn journal(config: &Config) -> Finding {
    let place = config.journal_dir();
    let area = ("journal", None);
    let why = "orders are written down before they are sent; without the journal a restart cannot know them";
    if !place.exists() {
        let what = "there is no journal yet".to_owned();
        return finding(area, Severity::Ok, (what, why), None);
    }
    let mut records = 0_u64;
    let read = journal::read(&place, &mut |_| {
        records += 1;
        ControlFlow::Continue(())
    });
    match read {
        Ok(None) => finding(
            area,
            Severity::Ok,
            (format!("the journal is whole ({records} records)"), why),
            None,
        ),
        Ok(Some(torn)) => finding(
            area,
            Severity::Ok,
            (
                format!(
                    "the journal is whole but for its last write ({} bytes), which the next start cuts off",
                    torn.bytes
                ),
                why,
            ),
            None,
        ),
        Err(error) => finding(
            area,
            Severity::Problem,
            (error.to_string(), why),
            Some(format!("restore {} from a backup", place.display())),
        ),
    }
}

/// M60, M61 and the venue's clock; not checked where the key cannot be had.
fn key(config: &Config, output: Output) -> Vec<Finding> {
    if config.account.key.is_none() {
        return Vec::new();
    }
    match run::scope_of(config, &mut ask::passphrase) {
        Ok((scope, ahead)) => {
            let mut found = scoped(&scope, config.ip_restriction);
            found.push(clock(ahead / 1_000_000));
            found
        }
        Err(error) => {
            output.note(&format!("the key was not looked at: {error:#}"));
            let what = "the key's rights could not be asked for".to_owned();
            let why = "a key that may withdraw can empty the account";
            let fix = Some("stockade-bot keys check".to_owned());
            vec![finding(("key", Some("M60")), Severity::NotChecked, (what, why), fix)]
        }
    }
}

fn scoped(scope: &KeyScope, ip: IpRestriction) -> Vec<Finding> {
    let (severity, what) = match scope.withdraw {
        Permission::No => (Severity::Ok, "the key may not withdraw"),
        Permission::Yes => (Severity::Problem, "the key may withdraw"),
        Permission::Unsaid => {
            (Severity::NotChecked, "the venue does not say whether the key may withdraw")
        }
    };
    let why = "a key that may withdraw can empty the account";
    let fix = (severity != Severity::Ok)
        .then(|| "make a key at the venue that may read and trade, and nothing else".to_owned());
    let withdraw = finding(("key", Some("M60")), severity, (what.to_owned(), why), fix);
    let worst = if ip == IpRestriction::Refuse { Severity::Problem } else { Severity::Warning };
    let (severity, what) = match scope.restricted {
        Permission::Yes => (Severity::Ok, "the key works from certain addresses only"),
        Permission::No => (worst, "the key works from any address"),
        Permission::Unsaid => {
            (Severity::NotChecked, "the venue does not say from where the key works")
        }
    };
    let seen =
        scope.seen_from.map_or_else(|| "this machine's address".to_owned(), |ip| ip.to_string());
    let why = "a stolen key is of no use elsewhere if it is bound to this machine's address";
    let fix = (severity != Severity::Ok).then(|| format!("bind the key to {seen} at the venue"));
    vec![withdraw, finding(("key", Some("M61")), severity, (what.to_owned(), why), fix)]
}

fn clock(ahead_ms: i64) -> Finding {
    let severity = if ahead_ms.abs() > SKEW_MS_MAX { Severity::Warning } else { Severity::Ok };
    let what = format!("the venue's clock is {ahead_ms} ms ahead of this machine's");
    let why =
        "a venue drops requests that are stamped too early or too late; the bot corrects for it";
    let fix = (severity != Severity::Ok).then(|| "timedatectl set-ntp true".to_owned());
    finding(("clock", None), severity, (what, why), fix)
}

/// Takes the rights of others off the bot's own files; says what was changed.
fn mend(path: &Path) -> anyhow::Result<Vec<String>> {
    let mut repairs = repair(&Examination {
        own: vec![Own { name: "configuration", path: std::path::absolute(path)? }],
        ..examination_of(Vec::new())
    });
    repairs.extend(repair(&examination(&config::load(path)?)));
    let told = |one: host::doctor::Repair| match one.failed {
        None => one.done,
        Some(why) => format!("{} could not be mended: {why}", one.path.display()),
    };
    Ok(repairs.into_iter().map(told).collect())
}
