//! Live events of one job: numbered, kept in a ring, so that a reader can resume.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tokio::sync::watch;

/// Something that a reader of a job's stream hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its number in the stream, from 1.
    pub id: u64,
    /// `progress`, `done`, `failed`, `cancelled` or `stopped`.
    pub name: &'static str,
    /// JSON.
    pub data: String,
    /// Nothing comes after it.
    pub last: bool,
}

/// Events kept for readers that come back.
const KEPT: usize = 256;

/// The events of one job.
#[derive(Debug)]
pub struct Stream {
    kept: Mutex<VecDeque<Note>>,
    newest: watch::Sender<u64>,
}

impl Default for Stream {
    fn default() -> Self {
        Self { kept: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

impl Stream {
    /// Appends an event; the oldest gives way when the ring is full.
    pub fn push(&self, name: &'static str, data: String, last: Last) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.back().is_some_and(|note| note.last) {
            return;
        }
        let id = kept.back().map_or(1, |note| note.id + 1);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Note { id, name, data, last: last == Last::Yes });
        drop(kept);
        self.newest.send_replace(id);
    }

    /// The event after number `seen`; waits for it. `None` when the stream is over. What fell out
    /// of the ring is skipped: the newest progress says all that the older ones said.
    pub async fn after(&self, seen: u64) -> Option<Note> {
        let mut newest = self.newest.subscribe();
        loop {
            {
                let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(note) = kept.iter().find(|note| note.id > seen) {
                    return Some(note.clone());
                }
                if kept.back().is_some_and(|note| note.last) {
                    return None;
                }
            }
            newest.changed().await.ok()?;
        }
    }
}

/// Whether anything comes after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// Nothing does.
    Yes,
    /// Something will.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_resumes_where_it_left_and_ends_with_the_stream() {
        let stream = Stream::default();
        for n in 1..=3 {
            stream.push("progress", n.to_string(), Last::No);
        }
        stream.push("done", "{}".to_owned(), Last::Yes);
        stream.push("progress", "late".to_owned(), Last::No);
        assert_eq!(stream.after(0).await.map(|note| note.data), Some("1".to_owned()));
        assert_eq!(stream.after(2).await.map(|note| note.data), Some("3".to_owned()));
        assert_eq!(stream.after(3).await.map(|note| note.name), Some("done"));
        assert_eq!(stream.after(4).await, None);
    }

    #[tokio::test]
    async fn a_reader_that_was_away_too_long_skips_to_what_is_kept() {
        let stream = Stream::default();
        for n in 1..=400 {
            stream.push("progress", n.to_string(), Last::No);
        }
        assert_eq!(stream.after(1).await.map(|note| note.id), Some(145));
    }

    #[tokio::test]
    async fn a_reader_waits_for_what_is_to_come() {
        let stream = std::sync::Arc::new(Stream::default());
        let reader = tokio::spawn({
            let stream = stream.clone();
            async move { stream.after(0).await }
        });
        stream.push("progress", "1".to_owned(), Last::No);
        assert_eq!(reader.await.expect("joins").map(|note| note.id), Some(1));
    }
}
