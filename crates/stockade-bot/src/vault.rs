//! The sealed key store as the bot uses it: keys of exchanges, and secrets of channels.

use crate::config::KeyPlace;
use anyhow::{Context, bail};
use jiff::Timestamp;
use kms::{
    Cost, Holder, HolderKind, KeyFile, Listed, NewSecret, Passphrase, SecretStore, SystemEntropy,
};
use seal::{MacKey, Secret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// The longest key, secret or passphrase.
const PART_BYTES_MAX: usize = 8 * 1024;
/// The name of what authenticates the licence's kept state.
const STATE_KEY: &str = "licence-state";

/// What opens a store.
#[derive(Debug)]
pub enum Opener {
    /// What its owner types.
    Passphrase(Passphrase),
    /// A credential of systemd.
    Credential(std::path::PathBuf),
    /// A key file.
    File(Box<KeyFile>),
}

impl Opener {
    /// As [`kms`] wants it.
    #[must_use]
    pub fn holder(&self) -> Holder<'_> {
        match self {
            Self::Passphrase(passphrase) => Holder::Passphrase(passphrase, Cost::DEFAULT),
            Self::Credential(path) => Holder::Credential(path),
            Self::File(file) => Holder::KeyFile(file),
        }
    }

    /// What a configuration names; `ask` asks for a passphrase where it names nothing.
    pub fn of(
        place: &KeyPlace,
        ask: &mut dyn FnMut() -> anyhow::Result<Secret<String>>,
    ) -> anyhow::Result<Self> {
        if let Some(path) = &place.credential {
            return Ok(Self::Credential(path.clone()));
        }
        if let Some(path) = &place.file {
            return Ok(Self::File(Box::new(KeyFile::open(path)?)));
        }
        Ok(Self::Passphrase(Passphrase::new(&ask()?)?))
    }
}

/// Opens the store that a configuration names.
pub fn open(
    place: &KeyPlace,
    ask: &mut dyn FnMut() -> anyhow::Result<Secret<String>>,
) -> anyhow::Result<SecretStore> {
    let kind = SecretStore::holder_kind(&place.store)
        .context("no key store: `stockade-bot keys add` makes it")?;
    let opener = Opener::of(place, ask)?;
    let fits = matches!(
        (kind, &opener),
        (HolderKind::Passphrase(_), Opener::Passphrase(_))
            | (HolderKind::Credential, Opener::Credential(_))
            | (HolderKind::KeyFile, Opener::File(_))
    );
    if !fits {
        bail!(
            "{} is sealed under a {}: set `keys.credential` or `keys.file` in the configuration accordingly",
            place.store.display(),
            kind.name()
        );
    }
    Ok(SecretStore::open(&place.store, opener.holder())?)
}

/// Opens the store, or makes an empty one where there is none.
pub fn open_or_create(
    place: &KeyPlace,
    ask: &mut dyn FnMut() -> anyhow::Result<Secret<String>>,
) -> anyhow::Result<SecretStore> {
    if place.store.exists() {
        return open(place, ask);
    }
    if let Some(path) = &place.file {
        KeyFile::open_or_create(path, &mut SystemEntropy::new())?;
    }
    let opener = Opener::of(place, ask)?;
    Ok(SecretStore::create(&place.store, opener.holder(), &mut SystemEntropy::new())?)
}

/// A key of an exchange as it lies in the store.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passphrase: Option<String>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.key.zeroize();
        self.secret.zeroize();
        self.passphrase.zeroize();
    }
}

/// What an exchange gave its customer, on the way into the store.
#[derive(Debug)]
pub struct NewKey {
    /// The key's public name.
    pub key: String,
    /// What signs.
    pub secret: Secret<String>,
    /// OKX wants one besides.
    pub passphrase: Option<Secret<String>>,
}

impl NewKey {
    fn checked(&self) -> anyhow::Result<()> {
        let parts = [
            Some(self.key.as_str()),
            Some(self.secret.expose()),
            self.passphrase.as_ref().map(|p| p.expose().as_str()),
        ];
        for part in parts.into_iter().flatten() {
            if part.is_empty() || part.len() > PART_BYTES_MAX {
                bail!("a key, a secret and a passphrase have 1 to {PART_BYTES_MAX} bytes");
            }
            if part.chars().any(char::is_control) {
                bail!("a key has no control characters: paste it without line breaks");
            }
        }
        Ok(())
    }

    fn sealed(&self) -> anyhow::Result<Secret<Vec<u8>>> {
        self.checked()?;
        let stored = Stored {
            key: self.key.clone(),
            secret: self.secret.expose().clone(),
            passphrase: self.passphrase.as_ref().map(|one| one.expose().clone()),
        };
        Ok(Secret::new(serde_json::to_vec(&stored)?))
    }
}

/// Puts an exchange's key in, in the place of one of that name if there is one and that is wanted.
pub fn put_key(
    store: &mut SecretStore,
    (name, label): (&str, &str),
    key: &NewKey,
    now: Timestamp,
) -> anyhow::Result<Listed> {
    put(store, (name, label), &key.sealed()?, now)
}

/// Puts any secret in: a token, an address, a password.
pub fn put(
    store: &mut SecretStore,
    (name, label): (&str, &str),
    value: &Secret<Vec<u8>>,
    created: Timestamp,
) -> anyhow::Result<Listed> {
    Ok(store.put(NewSecret { name, label, created, value }, &mut SystemEntropy::new())?)
}

/// An exchange's key, ready to sign.
pub fn key(store: &SecretStore, name: &str) -> anyhow::Result<venues::Keys> {
    let bytes = store.get(name).with_context(|| {
        format!("`account.key` names {name:?}; `stockade-bot keys list` shows what there is")
    })?;
    let mut stored: Stored = serde_json::from_slice(bytes.expose()).map_err(|_| {
        anyhow::anyhow!(
            "secret {name:?} is no key of an exchange: add it with `stockade-bot keys add`"
        )
    })?;
    Ok(venues::Keys {
        key: std::mem::take(&mut stored.key),
        secret: Secret::new(std::mem::take(&mut stored.secret).into_bytes()),
        passphrase: stored.passphrase.take().map(Secret::new),
    })
}

/// What the licence's kept state is authenticated with; drawn when it is first wanted.
pub fn state_key(store: &mut SecretStore, now: Timestamp) -> anyhow::Result<MacKey> {
    if let Ok(bytes) = store.get(STATE_KEY) {
        let bytes = <[u8; 32]>::try_from(bytes.expose().as_slice());
        let bytes = bytes.with_context(|| {
            format!("secret {STATE_KEY:?} is not the bot's own: `stockade-bot keys remove` it")
        })?;
        return Ok(MacKey::new(bytes.into()));
    }
    let bytes: [u8; 32] = seal::random(&mut SystemEntropy::new());
    let label = "authenticates what the bot keeps of its licence";
    put(store, (STATE_KEY, label), &Secret::new(bytes.to_vec()), now)?;
    Ok(MacKey::new(bytes.into()))
}

/// Any other secret, as text.
pub fn text(store: &SecretStore, name: &str) -> anyhow::Result<Secret<String>> {
    let bytes = store.get(name)?;
    match std::str::from_utf8(bytes.expose()) {
        Ok(text) => Ok(Secret::new(text.trim().to_owned())),
        Err(_) => bail!("secret {name:?} is no text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn store(dir: &Path) -> (KeyPlace, SecretStore) {
        let file = dir.join("store.key");
        let place = KeyPlace { store: dir.join("keys.sealed"), credential: None, file: Some(file) };
        let store = open_or_create(&place, &mut || bail!("asks nothing")).expect("makes a store");
        (place, store)
    }

    #[test]
    fn a_key_comes_out_as_it_went_in_and_the_file_shows_nothing_of_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let (place, mut store) = store(dir.path());
        let new = NewKey {
            key: "public-name".to_owned(),
            secret: Secret::new("very-secret-1".to_owned()),
            passphrase: Some(Secret::new("pass-phrase-1".to_owned())),
        };
        let now = Timestamp::UNIX_EPOCH;
        put_key(&mut store, ("okx", "main account"), &new, now).expect("is put in");
        let store = open(&place, &mut || bail!("asks nothing")).expect("opens again");
        let key = key(&store, "okx").expect("is there");
        assert_eq!(
            (key.key.as_str(), key.secret.expose().as_slice()),
            ("public-name", &b"very-secret-1"[..])
        );
        let phrase = key.passphrase.as_ref().map(|phrase| phrase.expose().as_str());
        assert_eq!(phrase, Some("pass-phrase-1"));
        let file = std::fs::read(&place.store).expect("reads");
        for hidden in ["very-secret-1", "pass-phrase-1", "public-name"] {
            assert!(!file.windows(hidden.len()).any(|part| part == hidden.as_bytes()), "{hidden}");
        }
        assert!(!format!("{new:?} {key:?}").contains("very-secret"));
    }

    #[test]
    fn the_licences_key_is_drawn_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let (place, mut store) = store(dir.path());
        let tag = |key: &MacKey| key.tag(&[b"text"]);
        let first = tag(&state_key(&mut store, Timestamp::UNIX_EPOCH).expect("is drawn"));
        let mut again = open(&place, &mut || bail!("asks nothing")).expect("opens again");
        let second = state_key(&mut again, Timestamp::UNIX_EPOCH).expect("is there");
        assert_eq!(tag(&second), first);
        again.remove(STATE_KEY, &mut SystemEntropy::new()).expect("is taken out");
        let other = state_key(&mut again, Timestamp::UNIX_EPOCH).expect("is drawn");
        assert_ne!(tag(&other), first);
    }

    #[test]
    fn a_key_that_cannot_be_one_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let (_, mut store) = store(dir.path());
        for (key, secret) in [("", "s"), ("k", ""), ("k", "a\nb"), ("k\u{1b}[2J", "s")] {
            let new = NewKey {
                key: key.to_owned(),
                secret: Secret::new(secret.to_owned()),
                passphrase: None,
            };
            let put = put_key(&mut store, ("one", ""), &new, Timestamp::UNIX_EPOCH);
            assert!(put.is_err(), "{key:?} {secret:?}");
        }
        put(&mut store, ("token", ""), &Secret::new(b"123:abc\n".to_vec()), Timestamp::UNIX_EPOCH)
            .expect("is put in");
        assert_eq!(text(&store, "token").expect("is text").expose(), "123:abc");
        assert!(key(&store, "token").is_err(), "a token is no key");
    }
}
