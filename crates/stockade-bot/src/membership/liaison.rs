//! The task that speaks with the server, beside the loop that trades: the loop never waits for it.

use super::{Membership, witness::Witness};
use crate::{
    herald::Herald,
    metrics::{self, Latest},
    run::Told,
    view::View,
};
use anyhow::bail;
use edge::MachineClient;
use http::{Method, StatusCode};
use jiff::Timestamp;
use notify::Level;
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long one question may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Between two words, unless the server says another time.
const AGAIN: Duration = Duration::from_secs(10);
/// The longest time between two tries.
const AGAIN_MAX: Duration = Duration::from_mins(1);

/// How the bot stands with its server, in words; empty where it has none.
#[derive(Debug, Clone, Default)]
pub struct Shown(Arc<Mutex<String>>);

impl Shown {
    /// In words.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn say(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// What it says of itself.
#[derive(Debug, Serialize)]
struct Word<'a> {
    version: &'a str,
    world: &'a str,
    state: &'a str,
    ticked: Option<Timestamp>,
    witness: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct Heard {
    again_seconds: u64,
}

/// A refusal, as the server words it.
#[derive(Debug, Deserialize)]
struct Refused {
    detail: String,
}

/// Speaks with the server until the bot ends.
pub struct Liaison {
    place: Membership,
    latest: Latest,
    herald: Herald,
    shown: Shown,
    witness: Option<Witness>,
    /// What was told last, so that it is told once.
    told: Option<String>,
}

impl Liaison {
    /// For a bot that has joined a server, or may yet.
    #[must_use]
    pub fn new(place: Membership, latest: Latest, herald: Herald, shown: Shown) -> Self {
        Self { place, latest, herald, shown, witness: None, told: None }
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut pause = AGAIN;
        let mut client = None;
        loop {
            pause = tokio::select! {
                () = stop.cancelled() => return,
                pause = self.round(&mut client, pause) => pause,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// One word, one look; how long to wait then.
    async fn round(&mut self, client: &mut Option<MachineClient>, pause: Duration) -> Duration {
        match self.speak(client).await {
            Ok(again) => {
                self.told = None;
                again
            }
            Err(error) => {
                // Another kit may lie there when it is tried again: whoever was put out joins anew.
                *client = None;
                self.complain(&format!("{error:#}"), Level::Warning);
                (pause * 2).min(AGAIN_MAX)
            }
        }
    }

    async fn speak(&mut self, client: &mut Option<MachineClient>) -> anyhow::Result<Duration> {
        if client.is_none() {
            *client = self.place.client()?;
            self.witness = None;
        }
        let Some(client) = client else {
            self.shown.say(String::new());
            return Ok(AGAIN_MAX);
        };
        if client.kit().is_due(Timestamp::now()) {
            self.place.renew(client).await?;
            let until = client.kit().expires;
            tracing::info!(%until, "another certificate for the server");
        }
        let mut witness = match self.witness.take() {
            Some(witness) => witness,
            None => Witness::open(&self.place)?,
        };
        let again = say(client, &metrics::latest(&self.latest), &witness.key()).await?;
        let looked = witness.look(client).await;
        self.witness = Some(witness);
        let (machine, address) = (client.kit().badge.machine.to_string(), client.address());
        self.shown.say(format!("{machine} at {address}, heard {}", Timestamp::now()));
        match looked {
            Ok(Ok(())) => Ok(again),
            Ok(Err(alarm)) => {
                self.complain(&alarm.to_string(), Level::Critical);
                Ok(AGAIN_MAX)
            }
            Err(error) => Err(error.context("the server's log cannot be witnessed")),
        }
    }

    /// Says it once, to the log and to whoever is told.
    fn complain(&mut self, text: &str, level: Level) {
        self.shown.say(format!("{text} (trading goes on)"));
        if self.told.as_deref() == Some(text) {
            return;
        }
        self.told = Some(text.to_owned());
        tracing::warn!("{text}; trading goes on");
        let text = format!("{text}; trading goes on");
        self.herald.tell(&Told { key: "server".to_owned(), level, text });
    }
}

async fn say(client: &mut MachineClient, view: &View, witness: &str) -> anyhow::Result<Duration> {
    let word = Word {
        version: env!("CARGO_PKG_VERSION"),
        world: if view.world == "paper" { "paper" } else { "live" },
        state: state(view),
        ticked: view.now.parse().ok(),
        witness: Some(witness),
    };
    let body = ("application/json", serde_json::to_vec(&word)?.into());
    let (status, body) = client.ask(Method::POST, "/v1/word", body, WITHIN).await?;
    if status != StatusCode::OK {
        let why = serde_json::from_slice::<Refused>(&body).map(|refused| refused.detail);
        let why: String = why.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
        bail!("the server answers {status}: {why}");
    }
    let heard: Heard = serde_json::from_slice(&body)?;
    Ok(Duration::from_secs(heard.again_seconds.clamp(1, AGAIN_MAX.as_secs())))
}

/// A snapshot in one word.
fn state(view: &View) -> &'static str {
    if view.kill != "off" && !view.kill.is_empty() {
        "halted"
    } else if !view.ready {
        "syncing"
    } else if view.barred.is_empty() {
        "trading"
    } else {
        "managing"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_one_word() {
        let view = |ready, kill: &str, barred: &[&str]| View {
            ready,
            kill: kill.to_owned(),
            barred: barred.iter().map(|one| (*one).to_owned()).collect(),
            ..View::default()
        };
        let check = |view: View, word: &str| assert_eq!(state(&view), word);
        check(view(false, "off", &[]), "syncing");
        check(view(true, "off", &[]), "trading");
        check(view(true, "off", &["no licence"]), "managing");
        check(view(true, "no-entries", &["the kill switch"]), "halted");
        check(View::default(), "syncing");
    }
}
