//! A recording that never stands in the way of trading: where the disk is full it ends, and trading goes on.

use super::tape::{Entry, Tape};

/// A recording, or what is left of it.
#[derive(Debug)]
pub struct Recorder(Option<Tape>);

/// Whether something was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was.
    Yes,
    /// The disk is full: the recording ends with what it has.
    Ends,
    /// It had ended before.
    Over,
}

impl Recorder {
    /// Onto this tape, if there is room for one.
    #[must_use]
    pub const fn new(tape: Option<Tape>) -> Self {
        Self(tape)
    }

    /// Writes one entry. After the first that does not fit none is written: with a gap nothing behind it
    /// could be made again.
    pub fn write(&mut self, entry: &Entry) -> anyhow::Result<Recorded> {
        let Some(tape) = &mut self.0 else { return Ok(Recorded::Over) };
        match tape.write(entry) {
            Ok(()) => Ok(Recorded::Yes),
            Err(error) if is_full(&error) => {
                self.0 = None;
                Ok(Recorded::Ends)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether an error is that there is no room.
#[must_use]
pub fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let in_journal = cause.downcast_ref::<journal::Error>();
        let io = cause.downcast_ref::<std::io::Error>();
        in_journal.is_some_and(|error| matches!(error, journal::Error::Full { .. }))
            || io.is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull)
    })
}
