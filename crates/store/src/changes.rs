//! What other servers on the same PostgreSQL have changed, so that what this one holds in memory
//! does not outlive it. A file of SQLite has one server: nothing comes.

use crate::{Error, Store, error::Place};
use identity::{AccountId, SessionId};
use sqlx::{Executor as _, postgres::PgListener};
use std::{fmt, time::Duration};

/// The channel of `NOTIFY`.
pub(crate) const CHANNEL: &str = "stockade_changes";
/// After so long without a word the connection is tried.
const BEAT: Duration = Duration::from_millis(300);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_millis(300);

/// Something that must be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A session ended or was stepped up.
    Session(SessionId),
    /// An account's role, standing or epoch changed.
    Account(AccountId),
    /// So much that all must be read again.
    Everything,
}

/// What listening brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Another server, or this one, changed something.
    Changed(Change),
    /// Nothing, and the connection is good: all that was changed before has been heard.
    Nothing,
    /// The connection was lost for a while: anything may have changed.
    Missed,
}

/// A connection that listens.
pub struct Changes {
    listener: PgListener,
    place: Place,
}

impl Store {
    /// Whether other servers may be at work on the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.pools().server().is_some()
    }

    /// Listens to what other servers change, from now on; `None` where there can be no other.
    pub async fn changes(&self) -> Result<Option<Changes>, Error> {
        let Some(pool) = self.pools().server() else { return Ok(None) };
        let fault = |error| self.place().fault(error);
        let mut listener = PgListener::connect_with(pool).await.map_err(fault)?;
        // What is lost while nobody listens is told as missed, not made up for unseen.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await.map_err(fault)?;
        Ok(Some(Changes { listener, place: self.place().clone() }))
    }
}

impl Changes {
    /// Waits for the next change, and for 600 ms at most. After an error, listen anew.
    pub async fn next(&mut self) -> Result<Heard, Error> {
        let fault = |error| self.place.fault(error);
        match tokio::time::timeout(BEAT, self.listener.try_recv()).await {
            Ok(Ok(Some(told))) => Ok(told.payload().parse().map_or(Heard::Missed, Heard::Changed)),
            Ok(Ok(None)) => Ok(Heard::Missed),
            Ok(Err(error)) => Err(fault(error)),
            Err(_) => {
                let beat = tokio::time::timeout(ANSWER, self.listener.execute("SELECT 1")).await;
                let silent = || Error::Unreachable {
                    place: self.place.clone(),
                    detail: "no answer in 300 ms".to_owned(),
                };
                beat.map_err(|_| silent())?.map_err(fault)?;
                Ok(Heard::Nothing)
            }
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Changes({})", self.place)
    }
}

/// As it travels: `session ID`, `account ID` or `everything`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session {id}"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

/// What cannot be read was sent by a newer program, or by nobody of ours.
impl std::str::FromStr for Change {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(' ') {
            None if text == "everything" => Ok(Self::Everything),
            Some(("session", id)) => id.parse().map(Self::Session).map_err(drop),
            Some(("account", id)) => id.parse().map(Self::Account).map_err(drop),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use seal::SeededEntropy;

    #[test]
    fn a_change_arrives_as_it_was_sent() {
        let mut entropy = SeededEntropy::new(1);
        let account = Change::Account(AccountId::new(Timestamp::UNIX_EPOCH, &mut entropy));
        assert_eq!(account.to_string().parse(), Ok(account));
        for text in ["", "account", "account x", "sessions 1", "account  1"] {
            assert_eq!(text.parse::<Change>(), Err(()), "{text:?}");
        }
    }
}
