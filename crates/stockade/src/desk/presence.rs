//! Looks whether the holder of the root key is there, and closes the server while it is not.

use super::{Desk, KeyAct, keyring};
use kms::Root;
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
        let mut looker = Looker { root, is_refused: false };
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
            let is_present = looker.look().await;
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

/// Asks the holder whether it is there. One that counts refusals is not asked again after the first: a token
/// whose PIN was changed would lock itself.
struct Looker {
    root: Arc<dyn Root>,
    is_refused: bool,
}

impl Looker {
    async fn look(&mut self) -> bool {
        if self.is_refused {
            return false;
        }
        let root = Arc::clone(&self.root);
        let looked = tokio::task::spawn_blocking(move || keyring::look(&*root)).await;
        if let Ok(Err(error @ kms::Error::Denied { .. })) = &looked
            && self.root.counts_refusals()
        {
            tracing::error!(%error, "it is not asked again until the server is started anew");
            self.is_refused = true;
        }
        matches!(looked, Ok(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms::{Attestation, Error, Label, Versions, Wrapped};
    use seal::{Entropy, Secret};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Answers the same each time, and counts.
    #[derive(Debug)]
    struct Scripted {
        denies: bool,
        counts: bool,
        asked: AtomicU32,
    }

    impl Scripted {
        fn refused(&self) -> Error {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let holder = self.place();
            if self.denies {
                Error::Denied { holder, why: "CKR_PIN_INCORRECT".to_owned(), fix: "the PIN" }
            } else {
                Error::Away { holder, why: "no such token".to_owned() }
            }
        }
    }

    impl Root for Scripted {
        fn place(&self) -> String {
            "a token".to_owned()
        }

        fn kind(&self) -> &'static str {
            "pkcs11"
        }

        fn wrap(&self, _: &Label<'_>, _: &[u8], _: &mut dyn Entropy) -> Result<Wrapped, Error> {
            Err(self.refused())
        }

        fn unwrap(&self, _: &Label<'_>, _: &Wrapped) -> Result<Secret<Vec<u8>>, Error> {
            Err(self.refused())
        }

        fn versions(&self) -> Result<Versions, Error> {
            Err(self.refused())
        }

        fn rotate(&self, _: &mut dyn Entropy) -> Result<u32, Error> {
            Err(self.refused())
        }

        fn attest(&self) -> Result<Attestation, Error> {
            Err(self.refused())
        }

        fn counts_refusals(&self) -> bool {
            self.counts
        }
    }

    #[tokio::test]
    async fn a_holder_that_counts_refusals_is_asked_once() {
        for (denies, counts, want) in [(true, true, 1), (true, false, 5), (false, true, 5)] {
            let root = Arc::new(Scripted { denies, counts, asked: AtomicU32::new(0) });
            let mut looker = Looker { root: Arc::clone(&root) as Arc<dyn Root>, is_refused: false };
            for _ in 0..5 {
                assert!(!looker.look().await);
            }
            assert_eq!(root.asked.load(Ordering::Relaxed), want, "{denies} {counts}");
        }
    }
}
