//! The caller's flag, looked at once a row: a row takes microseconds.

use crate::Error;
use std::sync::atomic::{AtomicBool, Ordering};

/// The caller's flag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop<'a>(pub(crate) &'a AtomicBool);

impl Stop<'_> {
    /// Gives up if the flag is up.
    pub(crate) fn check(self) -> Result<(), Error> {
        if self.0.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}
