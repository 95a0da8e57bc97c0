//! Knows: key holders: the key file, the passphrase, the service manager's credential; what they seal at rest.
//! Never knows: what a sealed secret is for.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: this crate reads and writes key files, and asks for the system's randomness"
)]

mod archive;
mod entropy;
mod error;
mod holder;
mod key_file;
mod private_file;
mod purpose;
mod secret_store;
mod store_text;

pub use archive::Archive;
pub use entropy::{SystemEntropy, new_rsa_key};
pub use error::Error;
pub use holder::{
    Cost, Holder, HolderKind, PASSPHRASE_CHARACTERS_MAX, PASSPHRASE_CHARACTERS_MIN, Passphrase,
};
pub use key_file::KeyFile;
pub use purpose::Purpose;
pub use secret_store::{Listed, NewSecret, SecretStore};
