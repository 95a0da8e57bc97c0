//! `stockade license`: files that are signed and checked. What a server keeps of them is in `licences.rs`.

use super::{
    configuration::data_dir,
    licences,
    license_args::{Issue, License as Command, Show},
    output::{Ending, Output, plain, table, write_stdout},
    usage,
};
use crate::desk::{self, LicenceWish};
use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use kms::{KeyFile, Purpose, SystemEntropy};
use license::{
    CheckIn, Clock, License, LicenseFile, State, Term, Terms, issuer_from_text, issuer_id,
    issuer_to_text,
};
use seal::{SigningKey, VerifyingKey, sha256};
use serde::Serialize;
use settings::Settings;
use std::{
    fs::{DirBuilder, File},
    io::{Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// More than any licence has.
const FILE_BYTES_MAX: u64 = 1 << 16;

/// Runs a licence command.
pub(super) fn run(
    command: &Command,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let dir = data_dir(settings);
    match command {
        Command::Issue(ask) => issue(ask, settings, output),
        Command::Show(ask) => show(ask, &dir, output),
        Command::Key { key } => {
            let key = issuing_key(key.as_deref(), &dir, output)?;
            write_stdout(format!("{}\n", issuer_to_text(key.verifying_key())).as_bytes())?;
            Ok(Ending::Done)
        }
        kept => licences::run(kept, settings, output),
    }
}

/// The issuing key: the one that is named, which must be there, or this directory's, made once.
fn issuing_key(named: Option<&Path>, dir: &Path, output: Output) -> anyhow::Result<SigningKey> {
    if let Some(path) = named {
        return Ok(KeyFile::open(path)?.signing(Purpose::Licences));
    }
    let path = default_key(dir);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make {}", dir.display()))?;
    if !path.exists() {
        let place = path.display();
        output.note(&format!("made the issuing key {place}: keep it secret, and a copy safe"));
    }
    let holder = KeyFile::open_or_create(&path, &mut SystemEntropy::new())?;
    Ok(holder.signing(Purpose::Licences))
}

fn default_key(dir: &Path) -> PathBuf {
    dir.join("license-issuer.key")
}

fn issue(ask: &Issue, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    if ask.out.symlink_metadata().is_ok() {
        bail!("{} exists already: choose another name, or move it away", ask.out.display());
    }
    let (text, issuer) = if ask.offline {
        let terms = terms(ask, desk::now())?;
        let key = issuing_key(ask.key.as_deref(), &data_dir(settings), output)?;
        (terms.sign(&key).map_err(|error| usage(error.to_string()))?, *key.verifying_key())
    } else {
        licences::issue(wish(ask), settings)?
    };
    let file = LicenseFile::verify(&text, &[issuer])?;
    let terms = file.terms().clone();
    let written = write_private(&ask.out, text.as_bytes());
    if ask.offline {
        written?;
    } else {
        written.with_context(|| {
            let id = &terms.license;
            format!("{id} is issued and its file is lost: `stockade license revoke {id}`, and issue another")
        })?;
    }
    output.note(&format!(
        "signed with {}; a bot believes it by `license.issuer: {}`",
        issuer_id(&issuer),
        issuer_to_text(&issuer)
    ));
    if terms.check_in == CheckIn::Lease {
        let until = opens_alone_until(&terms);
        output.note(&format!(
            "a bot asks no licence service yet: by this file it opens until {until}; --offline makes one that lasts"
        ));
    }
    let shown = Shown::new(&terms, &issuer_id(&issuer), state_of(file, desk::now()));
    output.show(&shown, Shown::text)?;
    Ok(Ending::Done)
}

/// The end of the grace that a file has which nobody renews: it begins when the file is issued.
fn opens_alone_until(terms: &Terms) -> Timestamp {
    let grace = SignedDuration::from_hours(i64::from(terms.grace_hours));
    terms.issued.checked_add(grace).unwrap_or(Timestamp::MAX).min(terms.hard_until)
}

fn wish(ask: &Issue) -> LicenceWish {
    LicenceWish {
        id: ask.id.clone(),
        edition: ask.edition.clone(),
        entitlements: ask.entitlement.clone(),
        instances: ask.instances,
        from: ask.from.map(|from| from.0),
        paid_until: ask.paid_until.0,
        hard_until: ask.hard_until.map(|hard| hard.0),
        grace_hours: ask.grace_hours,
        trial: ask.trial,
        note: ask.note.clone(),
    }
}

fn terms(ask: &Issue, now: Timestamp) -> anyhow::Result<Terms> {
    let instance = ask.instance.as_deref().map(issuer_from_text).transpose();
    let instance = instance.map_err(|error| usage(format!("--instance: {error}")))?;
    let instance = instance.map(|key| sha256(key.as_bytes()));
    Ok(Terms { instance, ..wish(ask).terms(CheckIn::Never, now) })
}

/// How a file stands, by the given time alone.
fn state_of(file: LicenseFile, at: Timestamp) -> State {
    let mut license = License::new(file, Clock::new(Timestamp::UNIX_EPOCH));
    let now = license.look(at, None);
    license.state(now)
}

fn show(ask: &Show, dir: &Path, output: Output) -> anyhow::Result<Ending> {
    let text = read(&ask.file)?;
    let issuers = trusted(ask, dir)?;
    let place = || format!("{} is no valid licence", ask.file.display());
    let file = LicenseFile::verify(&text, &issuers).with_context(place)?;
    let terms = file.terms().clone();
    let state = state_of(file, ask.at.map_or_else(desk::now, |at| at.0));
    let issuer = text.lines().find_map(|line| line.strip_prefix("key: ")).unwrap_or_default();
    output.show(&Shown::new(&terms, issuer, state), Shown::text)?;
    Ok(if state.opens_until().is_some() { Ending::Done } else { Ending::Findings })
}

/// The issuers that were named, or this directory's own key.
fn trusted(ask: &Show, dir: &Path) -> anyhow::Result<Vec<VerifyingKey>> {
    let read = |text: &String| issuer_from_text(text);
    let named: Result<Vec<_>, _> = ask.issuer.iter().map(read).collect();
    let named = named.map_err(|error| usage(format!("--issuer: {error}")))?;
    let own = default_key(dir);
    if !named.is_empty() {
        return Ok(named);
    }
    if !own.exists() {
        return Err(usage(format!(
            "name the issuer with --issuer: there is no {} here to compare with",
            own.display()
        )));
    }
    let key = KeyFile::open(&own)?.signing(Purpose::Licences);
    Ok(vec![*key.verifying_key()])
}

fn read(path: &Path) -> anyhow::Result<String> {
    let place = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
        .with_context(place)?;
    String::from_utf8(bytes).with_context(|| format!("{} is not text", path.display()))
}

/// Writes a new file for its owner alone, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let place = || format!("cannot write {}", path.display());
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A temporary file has mode 0600, and keeps it under its new name.
    let mut draft = tempfile::NamedTempFile::new_in(parent).with_context(place)?;
    draft.write_all(bytes).with_context(place)?;
    draft.as_file().sync_all().with_context(place)?;
    draft.persist_noclobber(path).with_context(place)?;
    Ok(())
}

/// A licence as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    license: String,
    edition: String,
    entitlements: Vec<String>,
    instances: u32,
    term: &'static str,
    check_in: &'static str,
    instance: Option<String>,
    issued: Timestamp,
    not_before: Timestamp,
    paid_until: Timestamp,
    hard_until: Timestamp,
    grace_hours: u32,
    issuer: String,
    state: &'static str,
    opens_until: Option<Timestamp>,
    explanation: String,
}

impl Shown {
    fn new(terms: &Terms, issuer: &str, state: State) -> Self {
        Self {
            license: terms.license.clone(),
            edition: terms.edition.clone(),
            entitlements: terms.entitlements.iter().cloned().collect(),
            instances: terms.instances,
            term: match terms.term {
                Term::Trial => "trial",
                Term::Paid => "paid",
            },
            check_in: match terms.check_in {
                CheckIn::Never => "never",
                CheckIn::Lease => "lease",
            },
            instance: terms.instance.map(hex::encode),
            issued: terms.issued,
            not_before: terms.not_before,
            paid_until: terms.paid_until,
            hard_until: terms.hard_until,
            grace_hours: terms.grace_hours,
            issuer: issuer.to_owned(),
            state: state.name(),
            opens_until: state.opens_until(),
            explanation: state.to_string(),
        }
    }

    fn text(&self) -> String {
        let entitlements = self.entitlements.join(", ");
        let bound = self.instance.as_deref().unwrap_or("any");
        let rows = [
            ("license", self.license.clone()),
            ("edition", format!("{} ({})", self.edition, self.term)),
            ("entitlements", if entitlements.is_empty() { "–".into() } else { entitlements }),
            ("instances", format!("{} ({bound})", self.instances)),
            ("begins", self.not_before.to_string()),
            ("paid until", self.paid_until.to_string()),
            ("ends for good", self.hard_until.to_string()),
            ("grace", format!("{} h", self.grace_hours)),
            ("checks in", self.check_in.to_owned()),
            ("issued", format!("{} by {}", self.issued, self.issuer)),
            ("state", self.explanation.clone()),
        ];
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
        plain(&table(&rows))
    }
}
