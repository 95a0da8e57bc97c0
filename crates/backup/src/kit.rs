//! What is needed after a loss, sealed to people who are elsewhere: the password of the backups, a key file, and
//! the installation's keys wrapped under it.

use crate::Error;
use seal::{AgeIdentity, AgeRecipient, Entropy, Secret};
use std::path::Path;
use zeroize::Zeroizing;

/// How many recipients there must be: one can be lost.
pub const RECIPIENTS_MIN: usize = 2;
const MAGIC: &str = "stockade-recovery/1";

/// The secrets of a recovery.
#[derive(Debug)]
pub struct Kit {
    /// The password of the repository, as stock restic takes it.
    pub password: Secret<String>,
    /// The text of a key file.
    pub key_file: Secret<Vec<u8>>,
    /// The text of the key ring that opens under it.
    pub ring: Secret<Vec<u8>>,
}

impl Kit {
    /// Seals it to everybody named, and besides to the drill, which is not counted.
    pub fn seal(
        &self,
        recipients: &[AgeRecipient],
        drill: AgeRecipient,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        let mut all = recipients.to_vec();
        all.sort_unstable();
        all.dedup();
        if all.len() < RECIPIENTS_MIN {
            return Err(Error::Recipients { found: all.len(), needed: RECIPIENTS_MIN });
        }
        all.push(drill);
        let password = self.password.expose();
        let (key_file, ring) = (self.key_file.expose(), self.ring.expose());
        let head = Zeroizing::new(format!("{MAGIC}\n{password}\n{}\n", key_file.len()));
        let text = Zeroizing::new([head.as_bytes(), key_file, ring].concat());
        AgeRecipient::seal(&all, &text, entropy)
            .map_err(|source| Error::Sealed { what: "the recovery kit".to_owned(), source })
    }

    /// Opens what was sealed; `path` is for messages.
    pub fn open(sealed: &[u8], identity: &AgeIdentity, path: &Path) -> Result<Self, Error> {
        let kit = |why: String| Error::Kit { path: path.to_owned(), why };
        let text = identity.open(sealed).map_err(|error| kit(error.to_string()))?;
        let mut parts = text.expose().splitn(4, |byte| *byte == b'\n');
        let mut part = || parts.next().ok_or_else(|| kit("it is cut off".to_owned()));
        if part()? != MAGIC.as_bytes() {
            return Err(kit("it is not stockade-recovery/1: update the program".to_owned()));
        }
        let password = String::from_utf8(part()?.to_vec());
        let password =
            Secret::new(password.map_err(|_| kit("its password is no text".to_owned()))?);
        let length = std::str::from_utf8(part()?).ok().and_then(|length| length.parse().ok());
        let rest = part()?;
        let (key_file, ring) = length
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| kit("its keys are cut off".to_owned()))?;
        let [key_file, ring] = [key_file, ring].map(|bytes| Secret::new(bytes.to_vec()));
        Ok(Self { password, key_file, ring })
    }
}
