//! `stockade keys` as people type it: the keys of an installation come under another root key, follow it,
//! survive its loss, and nothing of the installation notices.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the test runs the program, kills it and reads its files"
)]

use identity::{AccountId, DataKey, Profile, Vault};
use kms::{KeyFile, Purpose, SystemEntropy};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};
use stockade::desk::{Paths, now};

const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");

struct Desk {
    scratch: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Desk {
    /// An installation of before: a key file, a database, accounts.
    async fn new(accounts: usize) -> Self {
        let desk =
            Self { scratch: tempfile::tempdir().expect("a directory"), settings: Vec::new() };
        desk.ends("setup-link", 0);
        desk.settle(accounts).await;
        desk
    }

    /// Accounts with a data key each, as a registration would write them.
    async fn settle(&self, accounts: usize) {
        let (paths, mut entropy) = (Paths::new(&self.path("data")), SystemEntropy::new());
        let keys = KeyFile::open(&paths.key_file()).expect("keys");
        let vault = Vault::new(keys.sealing(Purpose::Accounts), keys.mac(Purpose::BlindIndex));
        let database = format!("sqlite://{}", paths.database().display());
        let mut connection = SqliteConnection::connect(&database).await.expect("opens");
        let mut all = connection.begin().await.expect("begins");
        for number in 0..accounts {
            let (id, key) = (AccountId::new(now(), &mut entropy), DataKey::generate(&mut entropy));
            let profile = Profile {
                email: format!("a{number}@people.example").parse().expect("an address"),
                display_name: "A".parse().expect("a name"),
            };
            let sealed = vault.of_account(&key).seal_profile(id, &profile, &mut entropy);
            sqlx::query(
                "INSERT INTO accounts (account_id, email_index, email, display_name, role,
                     standing, epoch, created_us) VALUES ($1, $2, $3, $4, 'viewer', 'active', 0, 0)",
            )
            .bind(id.to_string())
            .bind(sealed.email_index.as_bytes().as_slice())
            .bind(sealed.email)
            .bind(sealed.display_name)
            .execute(&mut *all)
            .await
            .expect("an account");
            sqlx::query("INSERT INTO data_keys (account_id, data_key) VALUES ($1, $2)")
                .bind(id.to_string())
                .bind(vault.seal_data_key(id, &key, &mut entropy))
                .execute(&mut *all)
                .await
                .expect("a data key");
        }
        all.commit().await.expect("kept");
        connection.close().await.expect("closes");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
    }

    fn private(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        path.display().to_string()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(STOCKADE);
        command.args(line.split(' ')).arg("--data-dir").arg(self.path("data"));
        command.env_clear().current_dir(self.scratch.path());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it and expects an exit code; what it said on stdout and stderr.
    fn ends(&self, line: &str, code: i32) -> (String, String) {
        let output = self.command(line).output().expect("starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, line: &str, code: i32) -> Value {
        let (out, _) = self.ends(&format!("{line} --json"), code);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }

    /// Everybody's fields open, and the log is whole.
    fn is_well(&self, accounts: usize) {
        self.ends("audit verify", 0);
        let status = self.json_any("keys status");
        assert_eq!(status["data_keys"], accounts, "{status}");
    }

    fn json_any(&self, line: &str) -> Value {
        let output = self.command(&format!("{line} --json")).output().expect("starts");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn kinds(&self) -> Vec<String> {
        let entries = self.json("audit ls --limit 50", 0);
        let entries = entries.as_array().or_else(|| entries["entries"].as_array()).expect("a list");
        entries.iter().map(|e| e["kind"].as_str().expect("a kind").to_owned()).collect()
    }
}

#[tokio::test]
async fn keys_move_from_the_key_file_to_a_passphrase_and_nothing_notices() {
    let mut desk = Desk::new(3).await;
    let before = desk.json("keys status", 0);
    assert_eq!(before["holder"], "the key file");
    let (_, refused) = desk.ends("keys rotate", 1);
    assert!(refused.contains("keys move --to file"), "{refused}");
    let (_, refused) = desk.ends("keys move --to passphrase", 2);
    assert!(refused.contains("keys.passphrase"), "{refused}");
    let file = desk.private("phrase", "correct horse battery staple\n");
    desk.set("STOCKADE_KEYS_PASSPHRASE", file);
    let (_, refused) = desk.ends("keys move --to passphrase", 1);
    assert!(refused.contains("keys identity"), "{refused}");
    desk.ends("keys move --to passphrase --without-recovery", 0);
    // The configuration says otherwise, and nothing is opened by the wrong holder.
    let (_, refused) = desk.ends("keys status", 1);
    assert!(refused.contains("set keys.holder to \"passphrase\""), "{refused}");
    desk.set("STOCKADE_KEYS_HOLDER", "passphrase");
    let status = desk.json("keys status", 3);
    let findings = status["findings"].to_string();
    assert!(findings.contains("in plaintext") && findings.contains("keys.recovery"), "{findings}");
    std::fs::remove_file(desk.path("data/stockade.key")).expect("destroyed");
    desk.is_well(3);
    assert!(desk.kinds().contains(&"keys.moved".to_owned()));
    desk.private("phrase", "another horse battery staple\n");
    let (_, refused) = desk.ends("keys status", 1);
    assert!(refused.contains("is not what the key ring is wrapped under"), "{refused}");
    desk.set("STOCKADE_KEYS_HOLDER", "pasphrase");
    let (_, refused) = desk.ends("keys status", 1);
    assert!(refused.contains("passphrase"), "{refused}");
}

#[tokio::test]
async fn a_lost_root_key_is_recovered_by_the_offline_identity() {
    let mut desk = Desk::new(2).await;
    let (recipient, said) = desk.ends("keys identity --out offline", 0);
    assert!(said.contains("take it off this machine"), "{said}");
    desk.set("STOCKADE_KEYS_RECOVERY", recipient.trim());
    let file = desk.private("phrase", "correct horse battery staple\n");
    desk.set("STOCKADE_KEYS_PASSPHRASE", file);
    desk.ends("keys move --to passphrase", 0);
    desk.set("STOCKADE_KEYS_HOLDER", "passphrase");
    std::fs::remove_file(desk.path("data/stockade.key")).expect("destroyed");
    // Forgotten.
    desk.private("phrase", "what was it again, exactly?\n");
    desk.ends("audit verify", 1);
    let (recovered, _) = desk.ends("keys recover --identity offline", 0);
    assert!(recovered.contains("under a root key again"), "{recovered}");
    desk.is_well(2);
    assert!(desk.kinds().contains(&"keys.recovered".to_owned()));
    // A stranger's identity opens nothing.
    desk.ends("keys identity --out other", 0);
    let (_, refused) = desk.ends("keys recover --identity other", 1);
    assert!(refused.contains("offline recipient"), "{refused}");
}

#[tokio::test]
async fn the_accounts_key_rotates_and_goes_on_after_a_kill() {
    let accounts = 450;
    let mut desk = Desk::new(accounts).await;
    desk.ends("keys move --to file --without-recovery", 0);
    desk.set("STOCKADE_KEYS_HOLDER", "file");
    desk.ends("keys rotate", 0);
    // Killed on the way, at some entry of the log or other.
    for round in 0..3 {
        let ring = desk.path("data/stockade.ring");
        let size = || std::fs::metadata(&ring).map_or(0, |meta| meta.len());
        let before = size();
        let mut child = desk.command("keys rotate --accounts");
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        // The ring grows by a line just before the data keys are sealed anew.
        while size() == before && child.try_wait().expect("looks").is_none() {
            std::thread::yield_now();
        }
        child.kill().expect("ends");
        let _ = BufReader::new(child.stdout.take().expect("piped")).lines().count();
        child.wait().expect("ended");
        let status = desk.json_any("keys status");
        assert_eq!(status["data_keys"], accounts, "round {round}: {status}");
        desk.ends("audit verify", 0);
    }
    desk.ends("keys rewrap", 0);
    let status = desk.json("keys status", 3);
    assert_eq!(status["data_keys_under_replaced_keys"], 0, "{status}");
    desk.is_well(accounts);
    let kinds = desk.kinds();
    for kind in ["keys.root_rotated", "keys.resealed", "keys.rewrapped"] {
        assert!(kinds.contains(&kind.to_owned()), "{kind} in {kinds:?}");
    }
}

#[tokio::test]
async fn keys_move_into_a_token_and_out_of_a_lost_one() {
    let Some(module) = crate::softhsm::module() else { return };
    let mut desk = Desk::new(2).await;
    let configuration = crate::softhsm::set_up(desk.scratch.path());
    desk.set("SOFTHSM2_CONF", configuration.display().to_string());
    desk.set("STOCKADE_KEYS_MODULE", module.display().to_string());
    desk.set("STOCKADE_KEYS_TOKEN", crate::softhsm::TOKEN);
    desk.set("STOCKADE_KEYS_PIN", desk.path("pin").display().to_string());
    let (recipient, _) = desk.ends("keys identity --out offline", 0);
    desk.set("STOCKADE_KEYS_RECOVERY", recipient.trim());
    let said = desk.json("keys attest", 3);
    assert_eq!((&said["guard"], &said["extractable"]), (&"software".into(), &true.into()));
    desk.ends("keys move --to pkcs11", 0);
    desk.set("STOCKADE_KEYS_HOLDER", "pkcs11");
    std::fs::remove_file(desk.path("data/stockade.key")).expect("destroyed");
    desk.ends("keys status", 0);
    let said = desk.json("keys attest", 3);
    assert_eq!((&said["guard"], &said["extractable"]), (&"emulator".into(), &false.into()));
    assert_eq!(said["hsm_claim_met"], false, "SoftHSM has no walls, and nobody says that it has");
    desk.ends("keys rotate", 0);
    desk.ends("keys rotate --accounts", 0);
    let status = desk.json("keys status", 0);
    let keys = status["keys"].as_array().expect("keys");
    assert!(keys.iter().all(|key| key["root_version"] == 2 && key["recoverable"] == true));
    desk.is_well(2);
    // A wrong PIN ends in a code of its own, for which nobody starts the server again.
    let pin = std::fs::read_to_string(desk.path("pin")).expect("reads");
    desk.private("pin", "000000\n");
    let (_, refused) = desk.ends("audit verify", 4);
    assert!(refused.contains("a token locks itself after a few tries"), "{refused}");
    let (_, refused) = desk.ends("serve --listen 127.0.0.1:0", 4);
    assert!(refused.contains("check the PIN"), "{refused}");
    desk.private("pin", &pin);
    // Pulled out, and put back.
    let (tokens, pulled) = (desk.path("tokens"), desk.path("pulled"));
    std::fs::rename(&tokens, &pulled).expect("pulled out");
    let (_, refused) = desk.ends("audit verify", 1);
    assert!(refused.contains("does not answer"), "{refused}");
    std::fs::rename(&pulled, &tokens).expect("put back");
    desk.is_well(2);
    // Lost for good.
    std::fs::remove_dir_all(&tokens).expect("lost");
    let file = desk.private("phrase", "correct horse battery staple\n");
    desk.set("STOCKADE_KEYS_PASSPHRASE", file);
    desk.set("STOCKADE_KEYS_HOLDER", "passphrase");
    desk.ends("keys recover --identity offline", 0);
    desk.is_well(2);
}
