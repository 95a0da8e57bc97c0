//! Which release the server is: the log names it each time that it is another one.

use super::{Actor, Deed, Desk, Paths, Result};
use host::release::{Ask, Known};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What the log says of the program that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseAct {
    /// A signed release serves that did not serve before.
    Running {
        /// Its version.
        version: String,
        /// The commit that it was built from.
        commit: String,
        /// SHA-256 of the program, hexadecimal.
        sha256: String,
        /// The key that signed it, as minisign writes it.
        key: String,
        /// Why that key is believed.
        trust: String,
    },
}

impl ReleaseAct {
    fn of(known: Known) -> Self {
        let Known { release, sha256, key, trust } = known;
        let (version, commit) = (release.version, release.commit);
        Self::Running { version, commit, sha256, key, trust: trust.to_string() }
    }

    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        let Self::Running { version, commit, sha256, key, trust } = self;
        let detail = json!({
            "version": version,
            "commit": commit,
            "sha256": sha256,
            "key": key,
            "trust": trust,
        });
        ("release.running", "stockade".to_owned(), detail)
    }

    /// One of each.
    #[cfg(test)]
    pub(super) fn samples() -> [Self; 1] {
        let text = || "t".to_owned();
        let (version, commit, sha256, key, trust) = (text(), text(), text(), text(), text());
        [Self::Running { version, commit, sha256, key, trust }]
    }
}

/// What is looked at where nothing else is said: this program, and what lies beside it.
#[must_use]
pub fn release_ask(data: &Path, executable: PathBuf, now: Timestamp) -> Ask {
    Ask {
        program: "stockade",
        version: env!("CARGO_PKG_VERSION"),
        executable,
        statement: None,
        key: None,
        memory: Paths::new(data).seen().join("stockade.release"),
        advisories: None,
        now,
    }
}

impl Desk {
    /// Writes down which release serves, if it is one and the log's last word is of another. What makes it doubted
    /// is told to whoever runs the server, and the server serves.
    pub(crate) async fn tell_release(&self, executable: PathBuf, now: Timestamp) -> Result<()> {
        let ask = release_ask(self.paths().root(), executable, now);
        let known = match tokio::task::spawn_blocking(move || ask.known()).await? {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(()),
            Err(doubt) => {
                let doubt = doubt.finding();
                tracing::error!(
                    why = doubt.what,
                    fix = doubt.fix,
                    "this program is no release that is believed"
                );
                return Ok(());
            }
        };
        let last = self.entries_of("release.running").await?.into_iter().next();
        let last = last
            .and_then(|record| record.entry)
            .and_then(|entry| Some(entry.detail.get("sha256")?.as_str()?.to_owned()));
        if last.as_ref() != Some(&known.sha256) {
            let entry = Deed::Release(ReleaseAct::of(known)).entry(Actor::Server);
            self.store().begin().await?.commit(entry, now).await?;
        }
        Ok(())
    }
}
