//! The licence as the bot sees it: whether positions may be opened, and why not.

use crate::config::{Config, LicensePlace};
use jiff::{SignedDuration, Timestamp};
use license::{Clock, License, LicenseFile, issuer_from_text};
use seal::{MacKey, VerifyingKey};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The largest licence file, and the largest kept state.
const BYTES_MAX: u64 = 64 * 1024;
/// What is kept may be so much older than what is known: it need not be written at every look.
const KEPT_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// What is kept, in the state directory.
const KEPT: &str = "licence.state";

/// A licence that is looked at again and again.
pub struct Licence {
    license: License,
    problem: Option<String>,
    kept: Option<Kept>,
}

/// What outlives a restart: time that was agreed on, revocations, the lease.
struct Kept {
    path: PathBuf,
    key: MacKey,
    /// As it was handed out last, and when.
    text: String,
    at: Option<Timestamp>,
}

/// What is to be written down, in the place of what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToKeep {
    path: PathBuf,
    text: String,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether positions may be opened.
    pub may_open: bool,
    /// In words.
    pub text: String,
}

impl Licence {
    /// What a configuration names. A file that cannot be used is a reason to manage only, never one not
    /// to start: stops and exits go on.
    #[must_use]
    pub fn load(config: &Config) -> Self {
        let (license, problem) = fresh(config);
        Self { license, problem, kept: None }
    }

    /// The same, going on from what a former life kept: time does not run back over a restart. What this
    /// bot did not write itself is not believed, and begins anew.
    #[must_use]
    pub fn resumed(config: &Config, key: MacKey) -> Self {
        let path = config.state_dir.join(KEPT);
        let (mut license, problem) = fresh(config);
        match text_of(&path) {
            Ok(Some(text)) => {
                let file = config.license.as_ref().and_then(|place| read(place).ok());
                let issuers: Vec<VerifyingKey> = config
                    .license
                    .iter()
                    .filter_map(|place| issuer_from_text(&place.issuer).ok())
                    .collect();
                match License::resume(file, Clock::new(built()), &text, &key, &issuers) {
                    Ok(resumed) => license = resumed,
                    Err(error) => tracing::warn!("{}: {error}", path.display()),
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!("cannot read {}: {error}", path.display()),
        }
        let kept = Kept { path, key, text: String::new(), at: None };
        Self { license, problem, kept: Some(kept) }
    }

    /// What has to be written down now, if anything: a change, or time that went on by minutes. Whoever
    /// asks writes it, off the loop of trading.
    pub fn to_keep(&mut self) -> Option<ToKeep> {
        let kept = self.kept.as_mut()?;
        let text = self.license.kept(&kept.key);
        let floor = self.license.floor();
        let moved = kept.at.is_none_or(|at| floor.duration_since(at) >= KEPT_EVERY);
        let told = |text: &str| text.lines().filter(|line| says(line)).collect::<String>();
        if text == kept.text || (!moved && told(&text) == told(&kept.text)) {
            return None;
        }
        (kept.text, kept.at) = (text.clone(), Some(floor));
        Some(ToKeep { path: kept.path.clone(), text })
    }

    /// How it stands now, by the machine's clock and the venue's.
    pub fn look(&mut self, machine: Timestamp, venue: Option<Timestamp>) -> Standing {
        let now = self.license.look(machine, venue);
        if let Some(problem) = &self.problem {
            return Standing { may_open: false, text: format!("manage only: {problem}") };
        }
        match self.license.may_open(now) {
            Ok(_) => {
                let text = self.license.state(now).to_string();
                Standing { may_open: true, text: format!("licence: {text}") }
            }
            Err(refusal) => Standing { may_open: false, text: format!("manage only: {refusal}") },
        }
    }
}

/// Whether a line of the kept state says more than the time.
fn says(line: &str) -> bool {
    !line.starts_with("highest: ") && !line.starts_with("mac: ")
}

impl ToKeep {
    /// Writes it, whole or not at all, and durably.
    pub fn write(&self) -> std::io::Result<()> {
        let beside = self.path.with_extension("state.new");
        let mut open = OpenOptions::new();
        let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let written = file.write_all(self.text.as_bytes()).and_then(|()| file.sync_all());
        written.and_then(|()| fs::rename(&beside, &self.path)).inspect_err(|_| {
            // What could not be written is in nobody's way; the next attempt overwrites it.
            let _ = fs::remove_file(&beside);
        })?;
        fs::File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Without anything that was kept.
fn fresh(config: &Config) -> (License, Option<String>) {
    let clock = Clock::new(built());
    match config.license.as_ref().map(read) {
        None => (License::none(clock), None),
        Some(Ok(file)) => (License::new(file, clock), None),
        Some(Err(why)) => (License::none(clock), Some(why)),
    }
}

/// A small text, if there is one.
fn text_of(path: &Path) -> std::io::Result<Option<String>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(found) if found.len() > BYTES_MAX => Err(ErrorKind::FileTooLarge.into()),
        Ok(_) => fs::read_to_string(path).map(Some),
    }
}

/// When this program was built, at the earliest.
fn built() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn read(place: &LicensePlace) -> Result<LicenseFile, String> {
    let (path, issuer) = (place.file.as_path(), place.issuer.as_str());
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let issuer = issuer_from_text(issuer).map_err(|error| format!("`license.issuer`: {error}"))?;
    let found = fs::metadata(path).map_err(|error| told(&error))?;
    if found.len() > BYTES_MAX {
        return Err(told(&"it is too large for a licence"));
    }
    let text = fs::read_to_string(path).map_err(|error| told(&error))?;
    LicenseFile::verify(&text, &[issuer]).map_err(|error| told(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use license::{CheckIn, Term, Terms, issuer_to_text};
    use seal::SigningKey;

    const BEGAN: &str = "2026-11-01T00:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// A bot whose licence was paid until the first of December, without grace.
    fn config(dir: &Path) -> Config {
        let key = SigningKey::from_seed(&[7; 32].into());
        let (began, paid) = (at(BEGAN), at("2026-12-01T00:00:00Z"));
        let terms = Terms {
            license: "test".to_owned(),
            edition: "test".to_owned(),
            entitlements: ["live".to_owned()].into(),
            instances: 1,
            issued: began,
            not_before: began,
            paid_until: paid,
            hard_until: paid,
            grace_hours: 0,
            term: Term::Paid,
            check_in: CheckIn::Never,
            instance: None,
            policy: 1,
        };
        fs::write(dir.join("l.txt"), terms.sign(&key).expect("is signed")).expect("writes");
        let issuer = issuer_to_text(key.verifying_key());
        let text = format!(
            "venue: {{ name: bybit, product: perpetual }}\nstrategy: s.yaml\nsymbols: [BTC/USDT]\n\
             state_dir: .\nlicense: {{ file: l.txt, issuer: \"{issuer}\" }}\n"
        );
        crate::config::parse(&text, &dir.join("bot.yaml"), dir).expect("a configuration")
    }

    fn key(byte: u8) -> MacKey {
        MacKey::new([byte; 32].into())
    }

    #[test]
    fn time_does_not_run_back_over_a_restart() {
        let dir = tempfile::tempdir().expect("a directory");
        let config = config(dir.path());
        let (early, late) = (at("2026-11-15T00:00:00Z"), at("2026-12-02T00:00:00Z"));
        let mut first = Licence::resumed(&config, key(1));
        assert!(first.look(early, Some(early)).may_open);
        assert!(!first.look(late, Some(late)).may_open, "it has ended");
        first.to_keep().expect("something to keep").write().expect("is written");
        assert_eq!(first.to_keep(), None, "nothing has changed");
        // Both clocks are set back.
        let check = |licence: &mut Licence, may: bool| {
            assert_eq!(licence.look(early, Some(early)).may_open, may);
        };
        check(&mut Licence::resumed(&config, key(1)), false);
        check(&mut Licence::load(&config), true);
        // What another bot wrote, or what was edited, is not believed.
        check(&mut Licence::resumed(&config, key(2)), true);
        let path = dir.path().join(KEPT);
        let text = fs::read_to_string(&path).expect("is there");
        fs::write(&path, text.replace("2026-12-02", "2026-11-02")).expect("writes");
        check(&mut Licence::resumed(&config, key(1)), true);
        fs::write(&path, vec![b'x'; 100_000]).expect("writes");
        check(&mut Licence::resumed(&config, key(1)), true);
    }

    #[test]
    fn what_is_kept_is_written_when_time_has_gone_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut licence = Licence::resumed(&config(dir.path()), key(1));
        let mut kept = |time: &str| {
            licence.look(at(time), Some(at(time)));
            licence.to_keep().is_some()
        };
        assert!(kept("2026-11-15T00:00:00Z"));
        assert!(!kept("2026-11-15T00:09:00Z"), "minutes later");
        assert!(kept("2026-11-15T00:10:00Z"));
        // A place that cannot be written to is an error, and leaves what is there.
        let nowhere = ToKeep { path: dir.path().join("no/licence.state"), text: String::new() };
        assert!(nowhere.write().is_err());
    }
}
