//! `stockade doctor`: this machine, the server's files, its database, its root key, its backups.

use super::{
    args::Doctor,
    configuration, doctor_front,
    output::{Ending, Output},
};
use crate::desk::{Home, Paths};
use host::doctor::{
    Backup, Examination, Finding, Own, Program, Report, Root, Severity, examine, packages, repair,
};
use jiff::SignedDuration;
use settings::{Origin, Settings};
use std::{net::SocketAddr, path::Path};
use store::Reach;

/// A night's backup, and the time that the next one takes.
const BACKUP_AGE_MAX: SignedDuration = SignedDuration::from_hours(30);
/// Where people sign in.
const SSH_PORT: u16 = 22;

/// Runs it.
pub(super) fn run(command: &Doctor, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let home = configuration::home(settings)?;
    let examination = examination(command, &home, settings)?;
    if command.fix {
        for one in repair(&examination) {
            output.note(&match one.failed {
                None => one.done,
                Some(why) => format!("{} could not be mended: {why}", one.path.display()),
            });
        }
    }
    let mut report = examine(&examination);
    if is_bucket(settings) {
        report.findings.retain(|finding| finding.claim != Some("S31"));
        report.findings.push(bucket(settings));
    }
    if let Some(list) = &command.package_advisories {
        report.findings.extend(packages(&examination.root, list, examination.now));
    }
    report.findings.push(database(&home));
    report.findings.push(root_key(settings));
    report.findings.push(listening(settings)?);
    report.findings.extend(doctor_front::front(settings));
    output.show(&report, Report::text)?;
    Ok(if report.worst() >= Severity::Warning { Ending::Findings } else { Ending::Done })
}

fn examination(command: &Doctor, home: &Home, settings: &Settings) -> anyhow::Result<Examination> {
    let place = settings.text("backup.place");
    let backup = (!place.is_empty() && !is_bucket(settings)).then(|| Backup {
        // What was taken and proved is written there each time, and nothing else touches it.
        path: std::path::absolute(place).unwrap_or_else(|_| place.into()).join("ledger"),
        age_max: BACKUP_AGE_MAX,
        make: "stockade backup now".to_owned(),
    });
    let mut open_ports = vec![SSH_PORT];
    if settings.is_on("server.public") {
        open_ports.push(listen(settings)?.port());
        let plain: Option<SocketAddr> = settings.text("server.plain_listen").parse().ok();
        open_ports.extend(plain.map(|plain| plain.port()));
    }
    open_ports.extend(&command.open_ports);
    Ok(Examination {
        program: Program::Server,
        root: Root::default(),
        now: crate::desk::now(),
        user: rustix::process::geteuid().as_raw(),
        own: own(home, settings),
        open_ports,
        known_sources: command.known_sources.clone(),
        backup,
        unit: Some("stockade.service".to_owned()),
    })
}

fn is_bucket(settings: &Settings) -> bool {
    settings.text("backup.place").starts_with("s3://")
}

/// S31, where backups lie in a bucket: the doctor asks no network.
fn bucket(settings: &Settings) -> Finding {
    Finding::new("storage", Severity::NotChecked, "backups go to a bucket, which was not asked")
        .claim("S31")
        .why("a disk that fails takes with it what is nowhere else")
        .fix("stockade backup ls")
        .evidence(format!("backup.place = {}", settings.text("backup.place")))
}

/// The files that hold everything, where they are there.
fn own(home: &Home, settings: &Settings) -> Vec<Own> {
    let paths = Paths::new(home.root());
    let config = settings.show().into_iter().find_map(|row| match row.origin {
        Origin::File { path, .. } => Some(path),
        _ => None,
    });
    let mut files = vec![("state", home.root().to_owned()), ("key file", paths.key_file())];
    files.extend(home.database().path().map(|path| ("database", path.to_owned())));
    files.extend(config.map(|path| ("configuration", path)));
    files.retain(|(_, path)| path.exists());
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    files.iter().map(|(name, path)| Own { name, path: whole(path) }).collect()
}

fn listen(settings: &Settings) -> anyhow::Result<SocketAddr> {
    Ok(settings.text("server.listen").parse()?)
}

/// M35: what lies between the server and its database.
fn database(home: &Home) -> Finding {
    let seen = home.database().place().to_string();
    let (severity, what) = match home.database().reach() {
        Reach::File => (Severity::Ok, "the database is a file of this machine"),
        Reach::Machine => (Severity::Ok, "the database answers on this machine only to itself"),
        Reach::Network => (
            Severity::NotChecked,
            "the database is another machine's: TLS is checked, whether its port is closed to others is not",
        ),
    };
    let finding = Finding::new("database", severity, what).claim("M35").evidence(seen.clone());
    let finding = finding.why("a database that strangers reach is one password away from them");
    if severity == Severity::Ok {
        return finding;
    }
    finding.fix(format!("# from a machine outside, nothing must answer at:\n{seen}"))
}

/// M10: whether the root key can be copied.
fn root_key(settings: &Settings) -> Finding {
    let holder = settings.text("keys.holder").to_owned();
    let (severity, what) = match holder.as_str() {
        "pkcs11" => (Severity::Ok, "the root key is in a token, which has its own word for that"),
        "transit" => (Severity::Ok, "the root key is with a service on another machine"),
        "passphrase" | "credential" => (
            Severity::Warning,
            "the root key is derived from a secret on this machine: a copy of both opens everything",
        ),
        _ => (Severity::Warning, "the root key is a file: a copy of this disk opens everything"),
    };
    let finding = Finding::new("keys", severity, what).claim("M10");
    let finding = finding
        .why("a key that cannot leave its device cannot be taken along with the database")
        .evidence(format!("keys.holder = {holder}"));
    match severity {
        Severity::Ok => finding,
        _ => finding.fix("stockade keys move --to pkcs11   # docs/keys.md says what it needs"),
    }
}

/// S51: who may connect.
fn listening(settings: &Settings) -> anyhow::Result<Finding> {
    let address = listen(settings)?;
    let public = settings.is_on("server.public");
    let what = match (address.ip().is_loopback(), public) {
        (true, _) => "the server listens to this machine only".to_owned(),
        (false, true) => format!("the server listens to everybody at {address}, as it was told to"),
        (false, false) => {
            format!("{address} reaches other machines, and the server will not start on it")
        }
    };
    let severity =
        if !address.ip().is_loopback() && !public { Severity::Problem } else { Severity::Ok };
    let finding = Finding::new("listeners", severity, what).claim("S51");
    let finding = finding
        .why("what only this machine is meant to reach must not be one setting away from the world")
        .evidence(format!(
            "server.listen = {address}, server.public = {}",
            if public { "on" } else { "off" }
        ));
    Ok(match severity {
        Severity::Ok => finding,
        _ => finding.fix("# server.listen = \"127.0.0.1:8443\", or server.public = true"),
    })
}
