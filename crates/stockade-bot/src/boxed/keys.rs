//! The keys of a box's accounts: made once, or given in a file that is its owner's alone.

use anyhow::{Context, bail};
use engine::live::{KeyScope, Permission};
use kms::SystemEntropy;
use serde::{Deserialize, Serialize};
use std::{
    fs::OpenOptions,
    io::Write,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Accounts that a box keeps.
pub const ACCOUNTS_MAX: usize = 64;

/// What an account signs with, as it is written down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxKey {
    /// Its public name.
    pub key: String,
    /// What signs. It is worth nothing outside of its box.
    pub secret: String,
    /// What OKX wants besides.
    #[serde(default)]
    pub passphrase: String,
}

impl std::fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoxKey").field("key", &self.key).finish_non_exhaustive()
    }
}

impl BoxKey {
    /// As the venue's end checks it.
    #[must_use]
    pub fn keys(&self) -> venues::Keys {
        venues::Keys {
            key: self.key.clone(),
            secret: self.secret.clone().into_bytes().into(),
            passphrase: Some(self.passphrase.clone().into()),
        }
    }
}

/// What an account's key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeName {
    /// Trade, from this address only.
    Trade,
    /// Withdraw too: a bot refuses it.
    Withdraw,
    /// Trade from anywhere: a bot warns.
    NoIp,
    /// Look only.
    Read,
}

impl ScopeName {
    /// In the words of the accounts.
    #[must_use]
    pub fn scope(self) -> KeyScope {
        let is = |yes: bool| if yes { Permission::Yes } else { Permission::No };
        KeyScope {
            trade: is(!matches!(self, Self::Read)),
            withdraw: is(matches!(self, Self::Withdraw)),
            restricted: is(!matches!(self, Self::NoIp)),
            seen_from: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            expires: None,
        }
    }
}

/// So many new keys.
#[must_use]
pub fn make(accounts: usize) -> Vec<BoxKey> {
    let mut entropy = SystemEntropy::new();
    let mut text = || hex::encode(seal::random::<16>(&mut entropy));
    let mut one =
        || BoxKey { key: text(), secret: format!("{}{}", text(), text()), passphrase: text() };
    (0..accounts.min(ACCOUNTS_MAX)).map(|_| one()).collect()
}

/// The keys in a file; where there is none, new ones are made and written there for their owner alone.
pub fn load_or_make(path: &Path, accounts: usize) -> anyhow::Result<Vec<BoxKey>> {
    if !path.exists() {
        let keys = make(accounts);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot write the keys to {}", path.display()))?;
        file.write_all(serde_json::to_string_pretty(&keys)?.as_bytes())?;
        file.sync_all()?;
        return Ok(keys);
    }
    let place = path.display();
    let mode =
        std::fs::metadata(path).with_context(|| place.to_string())?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "{place} has mode {mode:03o}: others may read the keys in it; run `chmod 600 {place}`"
        );
    }
    let text = std::fs::read_to_string(path).with_context(|| place.to_string())?;
    let keys: Vec<BoxKey> = serde_json::from_str(&text)
        // The parser's words could show a secret.
        .map_err(|error| {
            anyhow::anyhow!(
                "{place}, line {}: not a list of {{key, secret, passphrase}}",
                error.line()
            )
        })?;
    if keys.is_empty() || keys.len() > ACCOUNTS_MAX {
        bail!("{place} has {} keys: a box has 1 to {ACCOUNTS_MAX} accounts", keys.len());
    }
    for (place_of, one) in keys.iter().enumerate() {
        let again = keys.iter().skip(place_of + 1).any(|other| other.key == one.key);
        if one.key.is_empty() || one.secret.is_empty() || again {
            bail!("{place}: key {} is empty or there twice", place_of + 1);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_read_only_from_a_file_of_ones_own() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys.json");
        let made = load_or_make(&path, 2).expect("makes");
        assert_eq!(made.len(), 2);
        assert_ne!(made[0].secret, made[1].secret);
        assert_eq!(load_or_make(&path, 5).expect("reads"), made, "what is there stays");
        assert!(!format!("{made:?}").contains(&made[0].secret));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("sets");
        let refused = load_or_make(&path, 2).expect_err("others may read it").to_string();
        assert!(refused.contains("has mode 644") && refused.contains("chmod 600"), "{refused}");
        let check = |text: &str, want: &str| {
            std::fs::remove_file(&path).expect("removes");
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create_new(true).mode(0o600).open(&path).expect("opens");
            file.write_all(text.as_bytes()).expect("writes");
            let refused = load_or_make(&path, 2).expect_err(text).to_string();
            assert!(refused.contains(want), "{refused}");
            assert!(!refused.contains("hush"), "{refused}");
        };
        check("[]", "has 0 keys");
        check(r#"[{"key":"a","secret":"hush","other":1}]"#, "line 1: not a list");
        let twice = r#"[{"key":"a","secret":"hush"},{"key":"a","secret":"hush"}]"#;
        check(twice, "key 1 is empty or there twice");
    }
}
