//! `stockade keys`, as it is typed.

use clap::{Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// `stockade keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Show who holds the root key, what it wraps, and what still lies under keys that were replaced.
    Status,
    /// Ask the holder what it says of the root key: whether it was made inside and can leave.
    Attest,
    /// Wrap all keys under another holder, which the configuration describes; then set keys.holder to it.
    /// Stop the server first.
    Move {
        /// The holder that shall have them.
        #[arg(long, value_name = "HOLDER")]
        to: HolderArg,
        /// Go on without anybody who could open the keys if the root key is lost.
        #[arg(long)]
        without_recovery: bool,
    },
    /// Give the root key another version, and wrap all keys by it. Stop the server first.
    Rotate {
        /// Give the accounts another key instead, and each of them another data key, with its fields sealed anew.
        #[arg(long)]
        accounts: bool,
    },
    /// Wrap all keys anew, by the root key's newest version and to keys.recovery; and go on with
    /// whatever a rotation left. Stop the server first.
    Rewrap,
    /// Open the keys by the offline identity, where the root key is lost, and wrap them under keys.holder.
    Recover {
        /// The file with the identity.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        identity: PathBuf,
    },
    /// Make an identity to be kept offline, and print its recipient for keys.recovery.
    Identity {
        /// Where to write the identity.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: PathBuf,
    },
}

/// A holder of the root key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HolderArg {
    /// The key file in the data directory.
    File,
    /// A passphrase, in the file keys.passphrase.
    Passphrase,
    /// A credential of the service manager, keys.credential.
    Credential,
    /// A PKCS#11 token: keys.module, keys.token, keys.pin, keys.key.
    Pkcs11,
    /// A service with Vault's transit API: keys.url, keys.mount, keys.key, `keys.vault_token`.
    Transit,
}

impl HolderArg {
    /// As the setting `keys.holder` has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Passphrase => "passphrase",
            Self::Credential => "credential",
            Self::Pkcs11 => "pkcs11",
            Self::Transit => "transit",
        }
    }
}
