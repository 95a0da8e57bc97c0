//! Knows: holders of a root key, from the key file to tokens and services; the ring of keys that they wrap; what they seal at rest.
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
mod ring;
mod ring_file;
mod ring_text;
mod root;
mod secret_store;
mod soft;
mod store_text;
#[cfg(feature = "tokens")]
mod token;
mod transit;

pub use archive::Archive;
pub use entropy::{SystemEntropy, new_rsa_key};
pub use error::Error;
pub use holder::{
    Cost, Holder, HolderKind, PASSPHRASE_CHARACTERS_MAX, PASSPHRASE_CHARACTERS_MIN, Passphrase,
};
pub use key_file::KeyFile;
pub use private_file::{read_line, write_private};
pub use purpose::Purpose;
pub use ring::KeyRing;
pub use ring_file::{RingFile, RingLine};
pub use ring_text::RingHead;
pub use root::{Attestation, Guard, Label, Root, Versions, Wrapped};
pub use secret_store::{Listed, NewSecret, SecretStore};
pub use soft::SoftRoot;
#[cfg(feature = "tokens")]
pub use token::{Absent, TokenRoot, TokenTerms};
pub use transit::{Answer, Call, TransitRoot, TransitTerms, Wire};
