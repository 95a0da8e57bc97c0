//! Where letters lie that are not sent: for a machine on which somebody develops or tries things out.

use crate::{Message, Relay, Verdict};
use jiff::Timestamp;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// The most letters in a tray.
const LETTERS_MAX: usize = 100;
/// The most bytes of texts in a tray.
const BYTES_MAX: usize = 4 << 20;

/// What carries a message away.
#[derive(Debug, Clone)]
pub enum Carrier {
    /// A mail server.
    Relay(Box<Relay>),
    /// Nobody: it is kept to be looked at.
    Tray(Tray),
}

impl Carrier {
    /// Carries one message; `now` is the time of its signature.
    pub async fn carry(&self, message: &Message, now: Timestamp) -> Verdict {
        match self {
            Self::Relay(relay) => relay.send(message, now).await,
            Self::Tray(tray) => match message.to_bytes() {
                Ok(_) => {
                    tray.put(message.clone(), now);
                    Verdict::Sent
                }
                Err(error) => Verdict::Refused { why: error.to_string() },
            },
        }
    }
}

/// A letter in a tray.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its number: the first letter of this tray is 1.
    pub number: u64,
    /// When it was put there.
    pub at: Timestamp,
    /// The letter.
    pub message: Message,
}

/// The last letters that would have been sent, in memory only: they hold links that let people in.
///
/// Clones share their letters.
#[derive(Debug, Clone, Default)]
pub struct Tray(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    letters: VecDeque<Kept>,
    bytes: usize,
    count: u64,
}

impl Tray {
    /// Puts a letter in; the oldest go when there are more than a hundred, or more than 4 MiB.
    pub fn put(&self, message: Message, at: Timestamp) {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inside.count += 1;
        inside.bytes += size(&message);
        let number = inside.count;
        inside.letters.push_back(Kept { number, at, message });
        while inside.letters.len() > LETTERS_MAX || inside.bytes > BYTES_MAX {
            let Some(oldest) = inside.letters.pop_front() else { break };
            inside.bytes -= size(&oldest.message);
        }
    }

    /// The letters, newest first.
    #[must_use]
    pub fn letters(&self) -> Vec<Kept> {
        let inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inside.letters.iter().rev().cloned().collect()
    }

    /// One of them.
    #[must_use]
    pub fn letter(&self, number: u64) -> Option<Kept> {
        let inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inside.letters.iter().find(|kept| kept.number == number).cloned()
    }

    /// Takes all letters out.
    pub fn clear(&self) {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inside.letters.clear();
        inside.bytes = 0;
    }
}

fn size(message: &Message) -> usize {
    let html = message.html.as_ref().map_or(0, |html| html.expose().len());
    message.subject.len() + message.text.expose().len() + html
}
