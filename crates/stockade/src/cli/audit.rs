//! `stockade audit`: the log, its proofs, and their verification without a server.

use super::{
    args::Audit,
    configuration::home,
    output::{Ending, Output, plain, table, write_stdout},
    retention, usage, witness,
};
use crate::{
    desk::{self, Home, now},
    watching::cosigner,
};
use anyhow::{Context, bail};
use audit::{ExportCheck, Quorum, Receipt, Trust, Verified, Verifier};
use serde::Serialize;
use settings::Settings;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
};
use store::{LogPage, Store};

const NOT_WITNESSED: &str = "--witness and --quorum are for a receipt, or for a log at an address: give its file or its URL";
/// Clocks of witnesses may be ahead of this one by so many seconds.
const SKEW: i64 = 300;
/// The longest line of an export: a body with every byte escaped, and room for the rest.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// The largest receipt or checkpoint.
const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;

/// Runs an audit command.
pub(super) fn run(command: &Audit, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let home = home(settings)?;
    match command {
        Audit::Verify { file, key, seen, online } => {
            let key = key.as_deref().map(parse_key).transpose()?;
            let seen = seen.iter().map(|path| read_small(path)).collect::<Result<Vec<_>, _>>()?;
            let url = file.as_deref().and_then(Path::to_str).filter(|text| witness::is_url(text));
            if let Some(url) = url {
                return witness::verify(url, online, (key, seen), (&home, output));
            }
            let asks = !online.witness.is_empty() || online.quorum.is_some();
            let quorum = asks.then(|| witness::quorum(online)).transpose()?;
            let verdict = match file {
                None if asks => return Err(usage(NOT_WITNESSED)),
                None => whole_log(&home, key.as_ref(), &seen),
                Some(path) => one_file(path, &home, (key.as_ref(), &seen), quorum.as_ref()),
            };
            return conclude(verdict, output);
        }
        Audit::Ls { limit, kind } => list(&home, *limit, kind.as_deref(), output)?,
        Audit::Receipt { index } => {
            let (runtime, store) = reader(&home)?;
            let receipt = runtime.block_on(store.receipt(*index))?;
            write_stdout(receipt.to_text().as_bytes())?;
        }
        Audit::Export { out } => export(&home, out.as_deref())?,
        Audit::Sample { count } => return retention::sample(&home, *count, output),
        Audit::Purge { before } => retention::purge(&home, *before, output)?,
        Audit::Reconcile => return retention::reconcile(&home, output),
        Audit::Checkpoint => {
            let (runtime, store) = reader(&home)?;
            write_stdout(runtime.block_on(store.log_head())?.note.as_bytes())?;
        }
        Audit::Witness(ask) => return witness::witness(ask, &home, output),
        Audit::WitnessKey => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let keys = runtime.block_on(desk::keys_of(&home))?;
            write_stdout(format!("{}\n", cosigner(&keys).public()).as_bytes())?;
        }
        Audit::Key => {
            let (_runtime, store) = reader(&home)?;
            write_stdout(format!("{}\n", store.log_key()).as_bytes())?;
        }
    }
    Ok(Ending::Done)
}

pub(super) fn reader(home: &Home) -> anyhow::Result<(tokio::runtime::Runtime, Store)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = runtime.block_on(desk::open_for_reading(home))?;
    Ok((runtime, store))
}

fn parse_key(text: &str) -> anyhow::Result<Verifier> {
    text.trim().parse().map_err(|error: audit::Error| usage(format!("--key: {error}")))
}

/// What a verification found.
#[derive(Debug, Serialize)]
struct Verdict {
    verified: bool,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoints: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bodies: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    witnesses: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    key: Option<String>,
    trust: Option<String>,
}

impl Verdict {
    fn of(what: &'static str, key: &Verifier, trust: Trust) -> Self {
        Self {
            verified: true,
            what,
            problem: None,
            size: None,
            root: None,
            checkpoints: None,
            bodies: None,
            index: None,
            kind: None,
            witnesses: Vec::new(),
            missing: Vec::new(),
            key: Some(key.to_string()),
            trust: Some(trust.to_string()),
        }
    }

    fn of_log(what: &'static str, summary: &audit::Summary, key: &Verifier, trust: Trust) -> Self {
        Self {
            size: Some(summary.checkpoint.size),
            root: Some(hex::encode(summary.checkpoint.root)),
            checkpoints: Some(summary.checkpoints),
            bodies: Some(summary.bodies),
            ..Self::of(what, key, trust)
        }
    }

    /// The same of a receipt that witnesses must have seen.
    fn witnessed(self, note: &str, quorum: Option<&Quorum>) -> anyhow::Result<Self> {
        let Some(quorum) = quorum else { return Ok(self) };
        let said = quorum.check(note, now(), SKEW)?;
        let enough = said.is_enough();
        let by = said.by.iter().map(|one| format!("{} at {}", one.witness, one.time)).collect();
        let problem = (!enough).then(|| "too few of these witnesses saw the entry".to_owned());
        Ok(Self { verified: enough, problem, witnesses: by, missing: said.missing, ..self })
    }

    fn of_receipt(verified: &Verified, key: &Verifier, trust: Trust) -> Self {
        Self {
            size: Some(verified.checkpoint.size),
            root: Some(hex::encode(verified.checkpoint.root)),
            index: Some(verified.index),
            kind: Some(verified.leaf.kind().to_string()),
            ..Self::of("receipt", key, trust)
        }
    }
}

/// A log that does not verify is a finding; a file that cannot be read is a failure.
fn conclude(verdict: anyhow::Result<Verdict>, output: Output) -> anyhow::Result<Ending> {
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(error) if is_finding(&error) => Verdict {
            verified: false,
            what: "log",
            problem: Some(plain(&format!("{error:#}"))),
            size: None,
            root: None,
            checkpoints: None,
            bodies: None,
            index: None,
            kind: None,
            witnesses: Vec::new(),
            missing: Vec::new(),
            key: None,
            trust: None,
        },
        Err(error) => return Err(error),
    };
    output.show(&verdict, describe)?;
    Ok(if verdict.verified { Ending::Done } else { Ending::Findings })
}

fn is_finding(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        use store::Error::{Corrupt, Log, LogHead, Row};
        let stored = cause.downcast_ref::<store::Error>();
        cause.is::<audit::Error>()
            || matches!(stored, Some(Corrupt { .. } | Log(_) | LogHead { .. } | Row { .. }))
    })
}

fn describe(verdict: &Verdict) -> String {
    if let Some(problem) = &verdict.problem {
        let missing = verdict.missing.join(", ");
        let missing = if missing.is_empty() { missing } else { format!("\nnot seen by {missing}") };
        return format!("NOT VERIFIED: {problem}{missing}");
    }
    let mut text = format!("verified: {}", verdict.what);
    if let (Some(index), Some(kind)) = (verdict.index, &verdict.kind) {
        text.push_str(&format!("\nentry       {index}, {kind}"));
    }
    if let (Some(size), Some(root)) = (verdict.size, &verdict.root) {
        text.push_str(&format!("\ntree        {size} entries, root {root}"));
    }
    if let (Some(checkpoints), Some(bodies)) = (verdict.checkpoints, verdict.bodies) {
        text.push_str(&format!("\nchecked     {checkpoints} checkpoints, {bodies} bodies"));
    }
    if !verdict.witnesses.is_empty() {
        text.push_str(&format!("\nwitnessed   by {}", verdict.witnesses.join(", ")));
    }
    if let (Some(key), Some(trust)) = (&verdict.key, &verdict.trust) {
        text.push_str(&format!("\nkey         {key}\n            {trust}"));
    }
    text
}

fn whole_log(home: &Home, pinned: Option<&Verifier>, seen: &[String]) -> anyhow::Result<Verdict> {
    let (runtime, store) = reader(home)?;
    let key: Verifier = store.log_key().parse()?;
    let trust = key.trust(pinned)?;
    let summary = runtime.block_on(store.verify_log(seen))?;
    Ok(Verdict::of_log("whole log", &summary, &key, trust))
}

fn one_file(
    path: &Path,
    home: &Home,
    (pinned, seen): (Option<&Verifier>, &[String]),
    quorum: Option<&Quorum>,
) -> anyhow::Result<Verdict> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let start = reader.fill_buf().with_context(|| format!("cannot read {}", path.display()))?;
    if start.first() == Some(&b'{') {
        if quorum.is_some() {
            return Err(usage(NOT_WITNESSED));
        }
        return export_file(reader, path, pinned, seen);
    }
    let receipt = Receipt::parse(&read_small(path)?)?;
    if let Some(key) = pinned {
        let verdict = Verdict::of_receipt(&receipt.verify(key)?, key, Trust::Pinned);
        return verdict.witnessed(&receipt.checkpoint, quorum);
    }
    // On the machine of the log itself, its own key file is where the key is known from.
    let Ok((_runtime, store)) = self::reader(home) else {
        return Err(usage("a receipt is checked against the log's key: give --key VKEY"));
    };
    let key: Verifier = store.log_key().parse()?;
    let verdict = Verdict::of_receipt(&receipt.verify(&key)?, &key, Trust::Pinned);
    verdict.witnessed(&receipt.checkpoint, quorum)
}

fn export_file(
    mut reader: impl BufRead,
    path: &Path,
    pinned: Option<&Verifier>,
    seen: &[String],
) -> anyhow::Result<Verdict> {
    let mut check = ExportCheck::new(pinned.cloned(), seen.to_vec());
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let place = || format!("{}:{number}", path.display());
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line).with_context(place)?;
        if read == 0 {
            break;
        }
        if !line.ends_with('\n') && line.len() as u64 >= LINE_BYTES_MAX {
            bail!("{}: the line is longer than {LINE_BYTES_MAX} bytes: this is no export", place());
        }
        check.line(line.trim_end_matches('\n'))?;
    }
    let exported = check.finish()?;
    Ok(Verdict::of_log("export", &exported.summary, &exported.key, exported.trust))
}

fn read_small(path: &Path) -> anyhow::Result<String> {
    let place = || format!("cannot read {}", path.display());
    let mut text = String::new();
    let file = File::open(path).with_context(place)?;
    file.take(SMALL_FILE_BYTES_MAX + 1).read_to_string(&mut text).with_context(place)?;
    if text.len() as u64 > SMALL_FILE_BYTES_MAX {
        bail!(
            "{} is larger than {SMALL_FILE_BYTES_MAX} bytes: is it the right file?",
            path.display()
        );
    }
    Ok(text)
}

#[derive(Serialize)]
struct Listed {
    index: u64,
    time: String,
    kind: String,
    actor: Option<String>,
    subject: Option<String>,
    detail: Option<serde_json::Value>,
}

fn list(home: &Home, limit: u32, kind: Option<&str>, output: Output) -> anyhow::Result<()> {
    let kind = kind.map(str::parse).transpose().map_err(|e: audit::Error| usage(e.to_string()))?;
    let (runtime, store) = reader(home)?;
    let records =
        runtime.block_on(store.log_page(&LogPage { kind, limit, ..LogPage::default() }))?;
    let listed = |record: audit::Record| Listed {
        index: record.index,
        time: record.time.to_string(),
        kind: record.kind.to_string(),
        actor: record.entry.as_ref().map(|entry| entry.actor.clone()),
        subject: record.entry.as_ref().map(|entry| entry.subject.clone()),
        detail: record.entry.map(|entry| entry.detail),
    };
    let rows: Vec<Listed> = records.into_iter().map(listed).collect();
    output.show(&rows, |rows| {
        let mut lines =
            vec![["index", "time", "kind", "actor", "subject"].map(str::to_owned).to_vec()];
        lines.extend(rows.iter().map(|row| {
            let shown = |text: &Option<String>| plain(text.as_deref().unwrap_or("–"));
            let (actor, subject) = (shown(&row.actor), shown(&row.subject));
            vec![row.index.to_string(), row.time.clone(), row.kind.clone(), actor, subject]
        }));
        table(&lines)
    })
}

fn export(home: &Home, out: Option<&Path>) -> anyhow::Result<()> {
    let (runtime, store) = reader(home)?;
    let mut export = runtime.block_on(store.export())?;
    let Some(path) = out else {
        while let Some(piece) = runtime.block_on(export.next())? {
            write_stdout(piece.as_bytes())?;
        }
        return Ok(());
    };
    // A neighbour first: the file is whole or not there.
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(parent).with_context(place)?;
    while let Some(piece) = runtime.block_on(export.next())? {
        file.write_all(piece.as_bytes()).with_context(place)?;
    }
    file.as_file().sync_all().with_context(place)?;
    file.persist(path).with_context(place)?;
    Ok(())
}
