//! Looks whether the holder of the root key is there, and closes the server while it is not.

use super::{Desk, KeyAct, keyring};
use std::{ops::ControlFlow, sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two looks while the holder is there.
const LOOK: Duration = Duration::from_secs(15);
/// No more often than this, however short an absence may be.
const LOOK_MIN: Duration = Duration::from_millis(500);
/// Between two looks while it is away.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

impl Desk {
    /// Looks now and then, until told to stop. A holder that has been away for longer than `absence`
    /// closes the server; once it is back, the server opens again, and the log has how long it was.
    pub async fn watch_holder(self, absence: Duration, stop: CancellationToken) {
        let Some(root) = self.root().cloned() else { return };
        // What a rotation left when it was interrupted.
        let mut on = |_, _| {
            if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        if let Err(error) = self.go_on_resealing(&mut on).await {
            tracing::error!(%error, "data keys under a replaced key could not be sealed anew");
        }
        let mut away: Option<Instant> = None;
        loop {
            let pause = if away.is_some() { LOOK_AGAIN } else { LOOK };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause.min(absence.max(LOOK_MIN))) => {}
            }
            let looked = Arc::clone(&root);
            let looking = tokio::task::spawn_blocking(move || keyring::is_present(&*looked));
            let is_present = looking.await.unwrap_or(false);
            away = self.judge(away, is_present, absence).await;
        }
    }

    /// Closes or opens by what was seen; since when the holder is away.
    async fn judge(
        &self,
        away: Option<Instant>,
        is_present: bool,
        absence: Duration,
    ) -> Option<Instant> {
        if is_present {
            let was_closed = self.is_closed();
            self.close_or_open(false);
            if let Some(since) = away.filter(|_| was_closed) {
                let seconds = since.elapsed().as_secs();
                tracing::info!(seconds, "the holder of the root key is back: serving again");
                if let Err(error) = self.note_keys(KeyAct::HolderAway { seconds }).await {
                    tracing::error!(%error, "that the holder was away could not be written");
                }
            }
            return None;
        }
        let since = away.unwrap_or_else(Instant::now);
        if since.elapsed() >= absence && !self.is_closed() {
            tracing::error!(
                "the holder of the root key does not answer: nothing is served until it does"
            );
            self.close_or_open(true);
        }
        Some(since)
    }
}
