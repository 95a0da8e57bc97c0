//! A data directory with backups in a place of their own, and the commands that are typed there.

use kms::{KeyFile, KeyRing, Purpose, SystemEntropy};
use seal::{Aad, AgeIdentity, Secret};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use stockade::desk::BackupTerms;

pub const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");

/// A data directory, a place of backups, and two people who can open them.
pub struct House {
    pub directory: tempfile::TempDir,
    pub identities: [AgeIdentity; 2],
}

impl House {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let identities = [(); 2].map(|()| AgeIdentity::generate(&mut SystemEntropy::new()));
        let house = Self { directory, identities };
        std::fs::create_dir(house.data()).expect("a directory");
        house.configure(&house.place());
        house
    }

    /// The same place for all, so that the words of the configuration are the program's own.
    pub fn configure(&self, place: &Path) {
        self.configure_as(&format!("place = \"{}\"\n", place.display()));
    }

    /// With these lines about the place.
    pub fn configure_as(&self, lines: &str) {
        let [one, two] = self.identities.each_ref().map(AgeIdentity::recipient);
        let text = format!("[backup]\n{lines}recipients = \"{one}, {two}\"\n");
        std::fs::write(self.data().join("stockade.toml"), text).expect("writes");
        for (at, identity) in self.identities.iter().enumerate() {
            std::fs::write(self.identity(at), identity.to_file().as_bytes()).expect("writes");
        }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.at("data")
    }

    pub fn place(&self) -> PathBuf {
        self.at("place")
    }

    pub fn identity(&self, at: usize) -> PathBuf {
        self.at(&format!("identity-{at}"))
    }

    pub fn terms(&self) -> BackupTerms {
        BackupTerms {
            place: Some(backup::Place::directory(&self.place())),
            recipients: self.identities.iter().map(AgeIdentity::recipient).collect(),
            config: None,
            worker: Some(STOCKADE.into()),
            puller: None,
        }
    }

    /// Types a command.
    pub fn typed(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("runs")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(STOCKADE);
        command.arg("--data-dir").arg(self.data()).args(words).env_clear().stdin(Stdio::null());
        command
    }

    pub fn json(&self, words: &[&str]) -> Value {
        let said = self.typed(&[words, &["--json"]].concat());
        assert!(said.status.success(), "{words:?}: {}", told(&said));
        serde_json::from_slice(&said.stdout).expect("JSON")
    }

    pub fn restore(&self, into: &Path) -> Command {
        let (place, identity) = (self.place(), self.identity(0));
        let words = ["--from", text(&place), "--into", text(into), "--identity", text(&identity)];
        self.command(&[&["backup", "restore"], &words[..]].concat())
    }

    /// What signs and seals beside the snapshots.
    pub fn keys(&self) -> KeyRing {
        KeyRing::of_file(&KeyFile::open(&self.data().join("stockade.key")).expect("a key file"))
    }

    /// The password of the repository, which lies sealed on a server.
    pub fn password(&self) -> Secret<String> {
        let sealed = std::fs::read(self.data().join("backup/password.sealed")).expect("reads");
        let name = "password";
        let place = Aad { tenant: "", table: "backup", row: name, column: "own", kind: "text" };
        let text = self.keys().sealing(Purpose::Backups).open(&place, &sealed).expect("opens");
        let text = String::from_utf8(text.expose().clone()).expect("text");
        Secret::new(text.trim().to_owned())
    }

    /// The same in a file, as other programs take it.
    pub fn password_file(&self) -> PathBuf {
        let path = self.at("password");
        std::fs::write(&path, self.password().expose()).expect("writes");
        path
    }

    /// A directory with a log, and something beside it.
    pub fn furnish(&self) {
        assert!(self.typed(&["setup-link"]).status.success());
        let results = self.data().join("results/one");
        std::fs::create_dir_all(&results).expect("a directory");
        std::fs::write(results.join("result.json"), vec![b'x'; 300_000]).expect("writes");
        let mut noise = Vec::with_capacity(4 << 20);
        let mut state = 88_172_645_463_325_252_u64;
        while noise.len() < 4 << 20 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            noise.extend_from_slice(&state.to_le_bytes());
        }
        std::fs::write(results.join("noise"), noise).expect("writes");
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

pub fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Whether a program of another package is there; where not, it is said what is left out.
pub fn has(program: &str, version: &str) -> bool {
    let mut ran = Command::new(program);
    ran.arg(version).stdout(Stdio::null()).stderr(Stdio::null());
    let found = ran.status().is_ok_and(|status| status.success());
    if !found {
        println!("skipped: {program} is not on this machine (apt-get install {program})");
    }
    found
}

/// The largest file of a repository's packs.
pub fn pack(place: &Path) -> PathBuf {
    let mut packs: Vec<(u64, PathBuf)> = Vec::new();
    let mut waiting = vec![place.join("repository/data")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("lists") {
            let entry = entry.expect("an entry");
            let about = entry.metadata().expect("about it");
            if about.is_dir() {
                waiting.push(entry.path());
            } else {
                packs.push((about.len(), entry.path()));
            }
        }
    }
    packs.sort();
    packs.pop().expect("a pack").1
}

/// What a snapshot holds that may not change: digests of files, by their paths.
pub fn digests(root: &Path, below: &str) -> Vec<(String, [u8; 32])> {
    let mut found = Vec::new();
    let mut waiting = vec![root.join(below)];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = text(path.strip_prefix(root).expect("below")).to_owned();
                found.push((name, seal::sha256(&std::fs::read(path).expect("reads"))));
            }
        }
    }
    found.sort();
    found
}

/// Kills a program as soon as there is a sign of its work, or after so many looks.
pub fn kill_at(command: &mut Command, mut sign: impl FnMut() -> bool) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("asks") {
            return status.success();
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "it hangs");
        if sign() {
            child.kill().expect("runs");
            child.wait().expect("ends");
            return false;
        }
        std::thread::yield_now();
    }
}

/// Whether somebody has the place: what a killed one has begun may end a moment later than it.
pub fn free(place: &Path) {
    let begun = Instant::now();
    while backup::Place::directory(place).hold().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the place stays taken");
        std::thread::yield_now();
    }
}
