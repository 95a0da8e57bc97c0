//! Knows: the machine: what a doctor looks at, files that are private, and the fences around a process.
//! Never knows: accounts, markets, or what the process does for its owner.
//!
//! - [`doctor`] reads files below a [`doctor::Root`] and says what it found, why it matters, and the command
//!   that mends it. It starts no process and asks no network; what it could not read is "not checked".
//! - [`Fence`] shuts a process off from files, ports and system calls that it has no use for.
//! - [`open_private`] opens a file that only its owner can read, or refuses.
//! - [`release`] says whether a program is the one that was released, and what it was built from.
//! - [`unit`] holds the rules for a hardened systemd unit.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: this crate reads the machine's files, and their times are the system's"
)]

pub mod doctor;
pub mod release;
pub mod unit;

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod fence;
mod private;

#[cfg(target_os = "linux")]
pub use calls::refused_calls;
#[cfg(target_os = "linux")]
pub use fence::{Enforced, Fence, Fenced, Paths, Ports, Strength, harden};
pub use private::{check_private_directory, open_credential, open_private};

use std::{io, path::PathBuf};

/// Everything that stops a program before it starts; each names the place and the fix.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others on this machine may read or change a file that is the owner's alone.
    #[error(
        "{} has mode {mode:04o}: others on this machine can get at it; run `chmod {wanted:04o} {}`",
        path.display(),
        path.display()
    )]
    Exposed {
        /// Which file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        wanted: u32,
    },
    /// A file belongs to somebody else.
    #[error(
        "{} belongs to user {owner}, who can change it at will; run `chown {wanted} {}` as root",
        path.display(),
        path.display()
    )]
    ForeignOwner {
        /// Which file, link or directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it should be.
        wanted: u32,
    },
    /// Anybody can put another file in its place.
    #[error(
        "{} can be written by everybody, who can swap what is in it; run `chmod o-w {}`, or move {} elsewhere",
        directory.display(),
        directory.display(),
        path.display()
    )]
    OpenParent {
        /// The file.
        path: PathBuf,
        /// The directory above it.
        directory: PathBuf,
    },
    /// Neither a file nor a directory, whichever was wanted.
    #[error("{} is not {wanted}", path.display())]
    Kind {
        /// Which path.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Threads run already, which the fence would not hold.
    #[error(
        "{running} threads run already; the fence must be raised before the first of them starts"
    )]
    Threads {
        /// How many.
        running: usize,
    },
    /// The kernel has not what the fence needs.
    #[error(
        "this kernel does not enforce {what}: {why}; set the sandbox to best effort if this machine has to do"
    )]
    Unsupported {
        /// What it does not enforce.
        what: &'static str,
        /// What it answered.
        why: String,
    },
    /// A limit of the process cannot be set.
    #[error("cannot {what}: {source}")]
    Harden {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}
