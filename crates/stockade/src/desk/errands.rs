//! Letters that strangers ask for: taken in before anyone looks whether the address has an account,
//! and run in the mail queue's own time, so that answer and time are the same for every address.

use super::{Accounts, Error, Result, Visitor, now};
use identity::{DeviceCookie, EmailAddress, Errand, Wish};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Errands that wait; more are told to come back.
const WAITING_MAX: usize = 256;

/// What a visitor asked for, and where from.
struct Asked {
    errand: Errand,
    visitor: Visitor,
}

/// The errands of one server. They are in memory only: what a crash takes is asked for again.
pub(super) struct Errands {
    asked: mpsc::Sender<Asked>,
    waiting: Mutex<Option<mpsc::Receiver<Asked>>>,
}

impl Default for Errands {
    fn default() -> Self {
        let (asked, waiting) = mpsc::channel(WAITING_MAX);
        Self { asked, waiting: Mutex::new(Some(waiting)) }
    }
}

impl Accounts {
    /// Takes in a wish for a letter; the device cookie of the browser that alone may follow its
    /// link. Nothing in the answer depends on whether the address has an account.
    pub async fn ask_letter(
        &self,
        visitor: &Visitor,
        wish: Wish,
        email: &str,
    ) -> Result<Secret<String>> {
        let (now, source) = (now(), visitor.source());
        let email: EmailAddress = email.parse()?;
        let mut entropy = SystemEntropy::new();
        let cookie = self.device(visitor);
        let cookie = cookie.unwrap_or_else(|| DeviceCookie::new(now, &mut entropy));
        let device = cookie.device();
        let account = self.0.vault.index(&email);
        let errand = match wish {
            Wish::Register => self.0.registration.apply(email, device, now)?,
            _ => Errand { wish, email, device, asked: now },
        };
        match wish {
            Wish::Register => self.worked_to_register(visitor, now).await?,
            _ => self.worked(visitor, now).await?,
        }
        self.admitted(source, now, |live| live.throttle.admit_source(source, now)).await?;
        // Who asks for letters to many addresses looks like who tries many accounts.
        self.suspect(source, &account, &Secret::new(String::new()), now);
        let asked = Asked { errand, visitor: visitor.clone() };
        self.0
            .errands
            .asked
            .try_send(asked)
            .map_err(|_| Error::Busy { what: "other letters", retry_after_s: 5 })?;
        Ok(cookie.text(&self.0.device_key))
    }

    /// Runs errands until the server stops, and then those that wait.
    pub async fn run_errands(self, stop: CancellationToken) {
        let taken = self.0.errands.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut waiting) = taken else { return };
        loop {
            tokio::select! {
                asked = waiting.recv() => match asked {
                    Some(asked) => self.run_errand(asked).await,
                    None => return,
                },
                () = stop.cancelled() => break,
            }
        }
        waiting.close();
        while let Some(asked) = waiting.recv().await {
            self.run_errand(asked).await;
        }
    }

    async fn run_errand(&self, asked: Asked) {
        match self.delivered(&asked, now()).await {
            // The account changed in between; its owner asks again.
            Ok(()) | Err(Error::Overtaken { .. }) => {}
            Err(error) => tracing::error!(%error, "a letter that was asked for is not written"),
        }
    }

    async fn delivered(&self, asked: &Asked, now: Timestamp) -> Result<()> {
        let Asked { errand, visitor } = asked;
        let index = self.0.vault.index(&errand.email);
        let (admitted, taken) = {
            let mut live = self.live();
            (live.throttle.admit_mail(index, now), live.throttle.taken())
        };
        if admitted.is_err() || self.take(taken, now).await?.is_err() {
            return Ok(());
        }
        let known = self.known_by(&errand.email).await?;
        let mut entropy = SystemEntropy::new();
        let delivery = errand.run(known.as_ref().map(|known| &known.member), now, &mut entropy);
        self.keep_errand(delivery, known.as_ref(), Some(visitor), now).await
    }
}
