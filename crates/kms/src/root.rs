//! The root key: the one that wraps all others, and never leaves what holds it.

use crate::{Cost, Error};
use seal::{Entropy, Secret};
use std::fmt;

/// What a wrapped key is for. It is authenticated with the key: elsewhere it does not unwrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label<'a> {
    /// The purpose's name.
    pub purpose: &'a str,
    /// Whose it is; the server's own name for itself is `house`.
    pub tenant: &'a str,
    /// Which one of those that follow each other.
    pub version: u32,
}

impl Label<'_> {
    /// `purpose|tenant|version`. Neither name has a bar in it, and a version is digits.
    #[must_use]
    pub fn aad(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}|{}", self.purpose, self.tenant, self.version)
    }
}

/// A key as its root gave it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The version of the root key that wrapped it.
    pub root: u32,
    /// What the root understands.
    pub bytes: Vec<u8>,
}

/// Which keys a root has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The oldest that still unwraps.
    pub oldest: u32,
    /// The one that wraps.
    pub latest: u32,
}

/// What a holder says of its root key. It is the holder's own word, and no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// What guards the key.
    pub guard: Guard,
    /// Maker, model, serial number and the like, a name and a value each.
    pub device: Vec<(&'static str, String)>,
    /// Whether the key can leave in plaintext.
    pub extractable: bool,
    /// Whether it never could, since it was made.
    pub never_extractable: bool,
    /// Whether it was made inside.
    pub made_inside: bool,
}

/// What guards a root key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// This machine's files and memory.
    Software,
    /// A program that speaks for a device, on this machine: it has the interface and not the walls.
    Emulator,
    /// A service on another machine, whose walls cannot be seen from here.
    Service,
    /// A device that calls itself hardware.
    Hardware,
}

impl Guard {
    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::Emulator => "emulator",
            Self::Service => "service",
            Self::Hardware => "hardware",
        }
    }
}

impl Attestation {
    /// Whether "keys managed through an HSM" may be said: by the device's word, never by ours.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.guard == Guard::Hardware
            && !self.extractable
            && self.never_extractable
            && self.made_inside
    }
}

/// A root key, wherever it is.
///
/// An error that [`Error::is_away`] says nothing about the wrapped key: the same call may succeed
/// once the holder is back, without anything being opened anew.
pub trait Root: Send + Sync + fmt::Debug {
    /// The holder, as configuration and people name it.
    fn place(&self) -> String;

    /// The kind, as the setting `keys.holder` and a key ring name it.
    fn kind(&self) -> &'static str;

    /// Wraps a key under the latest version.
    fn wrap(
        &self,
        label: &Label<'_>,
        key: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Wrapped, Error>;

    /// The key, if this root wrapped it for this very label.
    fn unwrap(&self, label: &Label<'_>, wrapped: &Wrapped) -> Result<Secret<Vec<u8>>, Error>;

    /// Which versions there are.
    fn versions(&self) -> Result<Versions, Error>;

    /// Makes another version, which wraps from now on; the older ones still unwrap.
    fn rotate(&self, entropy: &mut dyn Entropy) -> Result<u32, Error>;

    /// What the holder says of the key.
    fn attest(&self) -> Result<Attestation, Error>;

    /// Whether it counts refusals and locks itself after a few.
    fn counts_refusals(&self) -> bool {
        false
    }

    /// What a key ring must remember to derive this root again.
    fn salt(&self) -> Option<[u8; 16]> {
        None
    }

    /// What its passphrase costs.
    fn cost(&self) -> Option<Cost> {
        None
    }
}
