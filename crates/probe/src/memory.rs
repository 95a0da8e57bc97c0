//! What was seen of a server at the last visit, in a file of the visitor's own.

use crate::Error;
use audit::{Checkpoint, Verifier};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// The largest file.
const BYTES_MAX: u64 = 512 << 10;

/// What is held against the next visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// When it was seen.
    pub at: Timestamp,
    /// The log's key.
    pub log_key: Verifier,
    /// The newest checkpoint, signed.
    pub checkpoint: String,
    /// The key of the posture, and when the last one was made, where one was published.
    pub posture: Option<(Verifier, Timestamp)>,
}

/// As it lies in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    url: String,
    at: Timestamp,
    log_key: String,
    checkpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    posture: Option<Signed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    key: String,
    made_at: Timestamp,
}

impl Memory {
    /// What a file remembers of a server; none where there is no file yet.
    ///
    /// A file that is damaged, or of another server, is an error: to forget in silence would be to believe
    /// whatever comes next.
    pub fn read(path: &Path, url: &str) -> Result<Option<Self>, Error> {
        let failed = |source| Error::File { doing: "read", path: path.to_owned(), source };
        let damaged = |why| Error::Memory { path: path.to_owned(), why };
        let text = match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(found) if found.len() > BYTES_MAX => return Err(damaged("it is too large")),
            Ok(_) => fs::read_to_string(path).map_err(failed)?,
        };
        let written: Written =
            serde_json::from_str(&text).map_err(|_| damaged("it is not what a visit wrote"))?;
        if written.url != url {
            return Err(damaged("it is of another server"));
        }
        let log_key: Verifier =
            written.log_key.parse().map_err(|_| damaged("its key of the log is none"))?;
        if Checkpoint::verify(&written.checkpoint, &log_key).is_err() {
            return Err(damaged("its checkpoint is not signed by its key"));
        }
        let signed = |one: Signed| Some((one.key.parse::<Verifier>().ok()?, one.made_at));
        let Written { at, checkpoint, posture, .. } = written;
        let posture = match posture.map(signed) {
            Some(None) => return Err(damaged("its key of the posture is none")),
            read => read.flatten(),
        };
        Ok(Some(Self { at, log_key, checkpoint, posture }))
    }

    /// Writes it, whole or not at all.
    pub fn keep(&self, path: &Path, url: &str) -> Result<(), Error> {
        let failed = |source| Error::File { doing: "write", path: path.to_owned(), source };
        let written = Written {
            url: url.to_owned(),
            at: self.at,
            log_key: self.log_key.to_string(),
            checkpoint: self.checkpoint.clone(),
            posture: self
                .posture
                .as_ref()
                .map(|(key, made_at)| Signed { key: key.to_string(), made_at: *made_at }),
        };
        let text = serde_json::to_string_pretty(&written).expect("texts and times are JSON");
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = File::create(&new).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&new, path).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::Signer;
    use seal::{Secret, SigningKey};

    #[test]
    fn a_visit_is_remembered_whole_or_complained_of() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("seen");
        let url = "https://a.example";
        assert_eq!(Memory::read(&path, url).expect("reads"), None);
        let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([7; 32])));
        let memory = Memory {
            at: "2026-01-02T03:04:05Z".parse().expect("a time"),
            log_key: signer.verifier().clone(),
            checkpoint: Checkpoint::sign(5, &[9; 32], &signer).expect("a note"),
            posture: Some((
                signer.verifier().clone(),
                "2026-01-02T00:00:00Z".parse().expect("a time"),
            )),
        };
        memory.keep(&path, url).expect("keeps");
        assert_eq!(Memory::read(&path, url).expect("reads"), Some(memory));
        assert!(Memory::read(&path, "https://b.example").is_err(), "of another server");
        let whole = fs::read_to_string(&path).expect("reads");
        let cut = whole.get(..whole.len() / 2).expect("half").to_owned();
        for damaged in [whole.replace("\\n5\\n", "\\n4\\n"), cut, "x".repeat(600_000)] {
            fs::write(&path, damaged).expect("writes");
            assert!(matches!(Memory::read(&path, url), Err(Error::Memory { .. })));
        }
    }
}
