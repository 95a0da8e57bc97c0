//! What a program can say of itself as a release: whether its bytes are those that were signed, what it was built from,
//! and which advisories name a part of it.
//!
//! It finds damage, mix-ups and an old release that is played again. Whoever owns the machine can make a program say
//! anything, so it is asked of another one, or `minisign -V` is, where that is the question.

mod memory;
mod parts;

use crate::doctor::{Finding, Report, Severity};
use audit::{Trust, release::Release};
use jiff::Timestamp;
use memory::Memory;
use parts::Part;
use seal::{Blake2b, MinisignPublicKey, Sha256};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// What is said of a release, signed; it lies beside the programs.
pub const STATEMENT: &str = "release.dsse.json";
/// The key that signs, as minisign writes it.
pub const KEY: &str = "release.pub";
/// The list of parts that goes out with the programs.
const PARTS: &str = "sbom.cdx.json";
const AREA: &str = "release";
/// The largest text that is read.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// Which program is looked at, and by what.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its name in the release.
    pub program: &'static str,
    /// The version that it says it has.
    pub version: &'static str,
    /// Its file.
    pub executable: PathBuf,
    /// What was signed of it; beside it unless given.
    pub statement: Option<PathBuf>,
    /// The key that signed, from elsewhere.
    pub key: Option<MinisignPublicKey>,
    /// What was seen of earlier releases.
    pub memory: PathBuf,
    /// A checkout of `RustSec`'s database.
    pub advisories: Option<PathBuf>,
    /// Now.
    pub now: Timestamp,
}

/// A release that a program is known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What was signed.
    pub release: Release,
    /// SHA-256 of the program, hexadecimal.
    pub sha256: String,
    /// The key that signed, as minisign writes it.
    pub key: String,
    /// Why the key is believed.
    pub trust: Trust,
}

/// A reason not to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt(Box<Finding>);

impl Doubt {
    /// As a finding.
    #[must_use]
    pub fn finding(self) -> Finding {
        *self.0
    }
}

/// A finding in this area.
fn found(severity: Severity, what: impl Into<String>) -> Finding {
    Finding::new(AREA, severity, what)
}

fn doubt(what: impl Into<String>, why: &'static str, fix: &str) -> Doubt {
    Doubt(Box::new(found(Severity::Problem, what).claim("M01").why(why).fix(fix)))
}

const FETCH: &str =
    "fetch the release again from where you trust it, and compare: minisign -Vm FILE -P KEY";

impl Ask {
    /// Everything that can be looked at.
    #[must_use]
    pub fn examine(&self) -> Report {
        let mut findings = Vec::new();
        let known = match self.known() {
            Ok(known) => {
                findings.extend(known.as_ref().map_or_else(|| vec![self.unsigned()], signed));
                known
            }
            Err(doubt) => {
                findings.push(doubt.finding());
                None
            }
        };
        match parts::carried(&self.executable) {
            Ok(carried) => {
                findings.push(self.listed(&carried, known.as_ref()));
                findings.push(parts::consulted(self.advisories.as_deref(), &carried, self.now));
            }
            Err(why) => findings.push(
                found(Severity::NotChecked, "what it was built from is not told")
                    .claim("M36")
                    .why("advisories are held against the parts of the program itself")
                    .fix("cargo xtask release")
                    .evidence(why),
            ),
        }
        Report { at: self.now.strftime("%FT%TZ").to_string(), findings }
    }

    /// The release that the program is, if it was signed as one; it is remembered from here on.
    pub fn known(&self) -> Result<Option<Known>, Doubt> {
        let memory = Memory::read(&self.memory).map_err(|error| {
            let why = "without it an older release and another key are not noticed";
            doubt(error, why, "look at the file; where it is damaged, remove it and name --key")
        })?;
        let statement = self.statement();
        let Some(envelope) = text(&statement) else {
            return memory.map_or(Ok(None), |seen| Err(self.unstated(&seen)));
        };
        let (key, trust) = self.key(memory.as_ref())?;
        let release = Release::open(&envelope, key.verifying_key()).map_err(|error| {
            let why = "what nobody signed says nothing of the program";
            doubt(format!("{}: {error}", statement.display()), why, FETCH)
        })?;
        let (sha256, blake) = digests(&self.executable)?;
        self.is_of(&release, &sha256)?;
        let signature = self.executable.with_added_extension("minisig");
        if let Some(signature) = text(&signature) {
            key.verify(&blake, &signature).map_err(|error| {
                let why = "the signature beside the program is not of this program";
                doubt(error.to_string(), why, FETCH)
            })?;
        }
        if let Some(seen) = memory.as_ref().filter(|seen| seen.committed_at > release.committed_at)
        {
            let what = format!(
                "release {} of {} is older than {} of {}, which was seen here",
                release.version, release.committed_at, seen.version, seen.committed_at
            );
            let why = "an old release has the weaknesses that were mended since, and its signature holds for ever";
            return Err(doubt(what, why, FETCH));
        }
        let known = Known { release, sha256, key: key.to_string(), trust };
        if let Err(error) = Memory::of(&known).write(&self.memory) {
            let why = "an older release would not be noticed next time";
            return Err(doubt(error, why, "make the directory writable for the program"));
        }
        Ok(Some(known))
    }

    fn statement(&self) -> PathBuf {
        self.statement.clone().unwrap_or_else(|| self.executable.with_file_name(STATEMENT))
    }

    /// The key that is given, the one that was seen before, or the one beside the statement.
    fn key(&self, memory: Option<&Memory>) -> Result<(MinisignPublicKey, Trust), Doubt> {
        if let Some(key) = self.key {
            return Ok((key, Trust::Pinned));
        }
        let beside = self.statement().with_file_name(KEY);
        let offered = text(&beside).map(|text| text.parse::<MinisignPublicKey>());
        let offered = offered.transpose().map_err(|error| {
            doubt(format!("{}: {error}", beside.display()), "no key, no signature", FETCH)
        })?;
        let pinned = memory.map(|seen| seen.key.parse::<MinisignPublicKey>());
        let pinned = pinned.transpose().map_err(|error| {
            let why = "what was remembered cannot be read any more";
            doubt(format!("{}: {error}", self.memory.display()), why, FETCH)
        })?;
        match (pinned, offered) {
            (Some(pinned), Some(offered)) if pinned != offered => {
                let what = format!(
                    "the key {} was trusted before, {} is offered",
                    pinned.id(),
                    offered.id()
                );
                let why = "another key is another builder until its owner explains the change";
                Err(doubt(what, why, "stockade self-check --key KEY, with the key from elsewhere"))
            }
            (Some(pinned), _) => Ok((pinned, Trust::Pinned)),
            (None, Some(offered)) => Ok((offered, Trust::FirstUse)),
            (None, None) => {
                let what = format!("there is no key: {} is missing", beside.display());
                let why = "a signature is checked by a key that is known";
                Err(doubt(what, why, "stockade self-check --key KEY, with the key from elsewhere"))
            }
        }
    }

    /// Whether the program is the one that the statement names.
    fn is_of(&self, release: &Release, sha256: &str) -> Result<(), Doubt> {
        let why = "it is another program than the one that was released";
        if release.version != self.version {
            let (other, own) = (&release.version, self.version);
            return Err(doubt(
                format!("the statement is of version {other}, this is {own}"),
                why,
                FETCH,
            ));
        }
        match release.programs.get(self.program) {
            Some(signed) if signed == sha256 => Ok(()),
            Some(signed) => {
                let what = format!("its SHA-256 is {sha256}, and {signed} was released");
                Err(doubt(what, why, FETCH))
            }
            None => Err(doubt(format!("the release has no {}", self.program), why, FETCH)),
        }
    }

    /// The statement is gone, where a release was seen: an older one would come in by that, too.
    fn unstated(&self, seen: &Memory) -> Doubt {
        let what = format!(
            "there is no {}, and release {} of {} was seen here",
            self.statement().display(),
            seen.version,
            seen.committed_at
        );
        let why = "without its statement an old release passes for a program that was built here";
        let fix = format!(
            "{FETCH}; {} self-check --manifest FILE, where the statement lies elsewhere; if you built the program \
             yourself, remove {}",
            self.program,
            self.memory.display()
        );
        doubt(what, why, &fix)
    }

    /// Nobody signed it, as far as can be seen.
    fn unsigned(&self) -> Finding {
        let what = format!("there is no {}", self.statement().display());
        found(Severity::NotChecked, what)
            .claim("M01")
            .why("a program that was built here is not a release; a release keeps its statement beside it")
            .fix("stockade self-check --manifest FILE")
    }

    /// Whether the parts inside are those of the list that was signed.
    fn listed(&self, carried: &[Part], known: Option<&Known>) -> Finding {
        let why = "a part that the list does not have came in by another way";
        let not_checked = |what: &str| {
            found(Severity::NotChecked, what)
                .claim("S01")
                .why(why)
                .fix("fetch sbom.cdx.json of the release")
        };
        let path = self.statement().with_file_name(PARTS);
        let (Some(known), Some(list)) = (known, text(&path)) else {
            return not_checked("its parts are not held against a signed list");
        };
        let Some(signed) = known.release.records.get(PARTS) else {
            return not_checked("the release has no list of parts");
        };
        let wrong = |what: String| doubt(what, why, FETCH).finding();
        if *signed != hex::encode(seal::sha256(list.as_bytes())) {
            return wrong(format!("{} is not the list that was signed", path.display()));
        }
        let Some(listed) = parts::listed(&list) else {
            return wrong(format!("{} is no CycloneDX", path.display()));
        };
        let lacks = |part: &&Part| !listed.contains(&part.named());
        let missing: Vec<String> = carried.iter().filter(lacks).map(Part::named).collect();
        if missing.is_empty() {
            let what = format!("its {} parts stand in the signed list", carried.len());
            return found(Severity::Ok, what);
        }
        wrong(format!("parts that the signed list does not have: {}", missing.join(", ")))
    }
}

/// What is said of a release that is believed.
fn signed(known: &Known) -> Vec<Finding> {
    let Known { release, sha256, key, trust } = known;
    let mut findings = Vec::new();
    findings.push(match trust {
        Trust::Pinned => found(Severity::Ok, "signed by the key that is trusted"),
        Trust::FirstUse => {
            found(Severity::NotChecked, "signed by a key that is seen for the first time")
                .why("whoever changed the program could have put another key beside it")
                .fix(format!("compare it with the key that you know from elsewhere: {key}"))
        }
    });
    findings.push(
        found(Severity::Ok, format!("release {} of commit {}", release.version, release.commit))
            .claim("M01")
            .evidence(format!("sha256 {sha256}, committed {}", release.committed_at)),
    );
    findings.push(match &release.tests {
        Some(tests) => found(
            Severity::Ok,
            format!(
                "its tests: {} passed, {} failed, {} skipped",
                tests.passed, tests.failed, tests.skipped
            ),
        )
        .claim("M39"),
        None => found(Severity::Warning, "it does not carry what its tests said")
            .claim("M39")
            .why("nobody knows whether it was tested")
            .fix(FETCH),
    });
    findings.push(read(release));
    findings
}

/// Whether a second person has read every change in it.
fn read(release: &Release) -> Finding {
    let why = "a change that only those have seen who made it can hold anything";
    let fix = "ask who releases it to have each change read (docs/releases.md)";
    let finding = match &release.approvals {
        None => found(Severity::NotChecked, "it does not say who has read its changes")
            .why(why)
            .fix(fix),
        Some(said) => {
            let since = said
                .since
                .as_deref()
                .map_or("the beginning", |commit| commit.get(..12).unwrap_or(commit));
            let what = format!(
                "{} of {} commits since {since} were read by a second person",
                said.read, said.commits
            );
            if said.read == said.commits {
                found(Severity::Ok, what)
            } else {
                found(Severity::Warning, what).why(why).fix(fix)
            }
        }
    };
    finding.claim("M38")
}

/// A key as a person names it: its line, or the file that holds it.
pub fn key(named: &str) -> Result<MinisignPublicKey, seal::Error> {
    text(Path::new(named)).as_deref().unwrap_or(named).parse()
}

/// SHA-256, hexadecimal, and BLAKE2b-512 of a file.
fn digests(path: &Path) -> Result<(String, [u8; 64]), Doubt> {
    let cannot = |error: std::io::Error| {
        doubt(
            format!("{}: {error}", path.display()),
            "a file that cannot be read is not known",
            FETCH,
        )
    };
    let mut file = fs::File::open(path).map_err(cannot)?;
    let (mut sha256, mut blake) = (Sha256::new(), Blake2b::default());
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece).map_err(cannot)?;
        let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else { break };
        sha256.add(piece);
        blake.add(piece);
    }
    Ok((hex::encode(sha256.end()), blake.end()))
}

/// A file's text, if there is one of a size that such texts have.
fn text(path: &Path) -> Option<String> {
    let mut read = String::new();
    fs::File::open(path).ok()?.take(TEXT_BYTES_MAX).read_to_string(&mut read).ok()?;
    Some(read)
}
