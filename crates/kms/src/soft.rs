//! A root key that lies on this machine: from a key file, a passphrase or a credential, and a salt.

use crate::{
    Cost, Error, Holder, KeyFile, Passphrase, RingHead,
    root::{Attestation, Guard, Label, Root, Versions, Wrapped},
};
use seal::{Aad, Entropy, SealingKey, Secret, random};
use std::{
    fmt,
    path::PathBuf,
    sync::{PoisonError, RwLock},
};

/// A root key of this machine. Its versions differ by their salt, and a key ring has one of them.
#[derive(Debug)]
pub struct SoftRoot {
    place: String,
    kind: &'static str,
    opener: Opener,
    current: RwLock<Current>,
}

/// What is needed to derive the key of another salt.
enum Opener {
    File(KeyFile),
    Passphrase(Passphrase, Cost),
    Credential(PathBuf),
}

#[derive(Debug, Clone)]
struct Current {
    key: SealingKey,
    salt: [u8; 16],
    version: u32,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.holder().kind().name())
    }
}

impl Opener {
    fn holder(&self) -> Holder<'_> {
        match self {
            Self::File(file) => Holder::KeyFile(file),
            Self::Passphrase(phrase, cost) => Holder::Passphrase(phrase, *cost),
            Self::Credential(path) => Holder::Credential(path),
        }
    }
}

impl SoftRoot {
    /// Under a holder that this machine has: the root of the key ring that shall be opened, or
    /// else a new one.
    pub fn new(
        holder: Holder<'_>,
        known: Option<&RingHead>,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, Error> {
        let derived = known.and_then(|head| Some((head.salt?, head.version, head.cost)));
        let (salt, version, cost) = derived.unwrap_or_else(|| (random(entropy), 1, None));
        let (kind, place, opener) = match holder {
            Holder::KeyFile(file) => {
                ("file", "the key file".to_owned(), Opener::File(file.clone()))
            }
            Holder::Passphrase(phrase, usual) => {
                let opener = Opener::Passphrase(phrase.clone(), cost.unwrap_or(usual));
                ("passphrase", "the passphrase".to_owned(), opener)
            }
            Holder::Credential(path) => {
                let place = format!("the credential {}", path.display());
                ("credential", place, Opener::Credential(path.to_owned()))
            }
            // A ring does not wrap itself.
            Holder::Ring(_) => return Err(Error::OtherRoot { holder: "the key ring".to_owned() }),
        };
        let key = key(&opener, &salt)?;
        let current = RwLock::new(Current { key, salt, version });
        Ok(Self { place, kind, opener, current })
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The root key at this salt; unrelated to what the same holder gives a store of secrets.
fn key(opener: &Opener, salt: &[u8; 16]) -> Result<SealingKey, Error> {
    let holder = opener.holder();
    // A key file gives the same key at any salt: the column makes another of it.
    let digits = hex::encode(salt);
    Ok(holder.key(salt, holder.kind())?.column("key-ring", &digits))
}

/// The label is the row; what stands around it tells the wrapped key from every sealed field.
const fn aad(label: &str) -> Aad<'_> {
    Aad { tenant: "root", table: "key-ring", row: label, column: "key", kind: "bytes" }
}

impl Root for SoftRoot {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn wrap(
        &self,
        label: &Label<'_>,
        key: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Wrapped, Error> {
        let (current, text) = (self.current(), label.to_string());
        let bytes = current.key.seal(&aad(&text), key, entropy);
        Ok(Wrapped { root: current.version, bytes })
    }

    fn unwrap(&self, label: &Label<'_>, wrapped: &Wrapped) -> Result<Secret<Vec<u8>>, Error> {
        let text = label.to_string();
        self.current().key.open(&aad(&text), &wrapped.bytes).map_err(|error| match error {
            seal::Error::WrongKey { .. } => Error::OtherRoot { holder: self.place() },
            _ => Error::Misplaced { holder: self.place(), label: text.clone() },
        })
    }

    fn versions(&self) -> Result<Versions, Error> {
        let version = self.current().version;
        Ok(Versions { oldest: version, latest: version })
    }

    /// The ring is wrapped anew in the same breath: what was wrapped before does not unwrap any more.
    fn rotate(&self, entropy: &mut dyn Entropy) -> Result<u32, Error> {
        let salt = random(entropy);
        let key = key(&self.opener, &salt)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current { key, salt, version: current.version + 1 };
        Ok(current.version)
    }

    fn attest(&self) -> Result<Attestation, Error> {
        Ok(Attestation {
            guard: Guard::Software,
            device: vec![("holder", self.place())],
            extractable: true,
            never_extractable: false,
            made_inside: false,
        })
    }

    fn salt(&self) -> Option<[u8; 16]> {
        Some(self.current().salt)
    }

    fn cost(&self) -> Option<Cost> {
        match &self.opener {
            Opener::Passphrase(_, cost) => Some(*cost),
            _ => None,
        }
    }
}
