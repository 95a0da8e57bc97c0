//! `stockade audit verify URL` and `stockade audit witness URL`: other logs, over the network.

use super::{
    args::{OnlineLog, WitnessAsk},
    interrupt,
    output::{Ending, Output, plain},
    usage,
};
use crate::{
    desk::{self, Home, Paths, WitnessTerms, now},
    watching::{self, Address, Asked, Memory, Question, Site, cosigner, extension},
};
use anyhow::Context;
use audit::{Objection, Quorum, Seen, Submission, Verifier, WitnessKey, judge};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use settings::Settings;
use std::{ops::ControlFlow, path::Path, time::Duration};

/// Between two looks of a witness that goes on.
const LOOKING_MIN: Duration = Duration::from_secs(5);

/// Who witnesses whom, by the configuration.
pub(super) fn terms(settings: &Settings) -> anyhow::Result<WitnessTerms> {
    let list = |key: &'static str| {
        let text = settings.text(key);
        text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(move |one| (key, one))
    };
    let wrong = |key: &str, one: &str, why: String| usage(format!("{key}: {one:?}: {why}"));
    let asked = |(key, one): (&'static str, &str)| {
        let (address, witness) = one.split_once(char::is_whitespace).ok_or_else(|| {
            wrong(key, one, "write URL, a space, and the witness's key".to_owned())
        })?;
        let address: Address =
            address.parse().map_err(|e: watching::Error| wrong(key, one, e.to_string()))?;
        let key: WitnessKey =
            witness.trim().parse().map_err(|e: audit::Error| wrong(key, one, e.to_string()))?;
        Ok::<_, anyhow::Error>(Asked { address, key })
    };
    let heard = |(key, one): (&'static str, &str)| {
        one.parse::<WitnessKey>().map_err(|e| wrong(key, one, e.to_string()))
    };
    let log = |(key, one): (&'static str, &str)| {
        one.parse::<Verifier>().map_err(|e| wrong(key, one, e.to_string()))
    };
    Ok(WitnessTerms {
        logs: list("audit.witness_for").map(log).collect::<Result<_, _>>()?,
        asked: list("audit.witnesses").map(asked).collect::<Result<_, _>>()?,
        heard: list("audit.heard").map(heard).collect::<Result<_, _>>()?,
        authority: settings.path("audit.authority"),
    })
}

/// What was found at an address.
#[derive(Debug, Serialize)]
struct Found {
    verified: bool,
    what: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed_size: Option<u64>,
    witnesses: Vec<String>,
    missing: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<String>,
}

impl Found {
    fn nothing(url: String, problem: String) -> Self {
        Self {
            verified: false,
            what: "log",
            url,
            problem: Some(problem),
            size: None,
            root: None,
            continues: None,
            witnessed_size: None,
            witnesses: Vec::new(),
            missing: Vec::new(),
            key: None,
            trust: None,
        }
    }
}

/// Whether a text is an address rather than a file.
pub(super) fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Whose word counts, and how many of them are enough: all of them unless said otherwise.
pub(super) fn quorum(ask: &OnlineLog) -> anyhow::Result<Quorum> {
    let witnesses = ask.witness.iter().map(|text| {
        text.parse::<WitnessKey>().map_err(|error| usage(format!("--witness: {error}")))
    });
    let witnesses = witnesses.collect::<Result<Vec<_>, _>>()?;
    let need = ask.quorum.unwrap_or(witnesses.len());
    Quorum::new(need, witnesses).map_err(|error| usage(format!("--quorum: {error}")))
}

/// Verifies the log at an address from its tiles alone.
pub(super) fn verify(
    url: &str,
    ask: &OnlineLog,
    (key, seen): (Option<Verifier>, Vec<String>),
    (home, output): (&Home, Output),
) -> anyhow::Result<Ending> {
    let quorum = quorum(ask)?;
    let need = quorum.need();
    let mut site = site(url, ask.authority.as_deref())?;
    let memory = Memory::at(&Paths::new(home.root()).seen());
    interrupt::listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let question = Question { key, quorum, seen, now: now() };
    let bar = output.progress("hashes");
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let found = runtime.block_on(watching::verify(&mut site, &memory, &question, progress));
    bar.finish_and_clear();
    let url = site.address().to_string();
    let found = match found {
        Ok(online) => Found {
            verified: online.is_witnessed,
            problem: (!online.is_witnessed)
                .then(|| format!("too few witnesses saw it: {need} are asked for")),
            size: Some(online.checkpoint.size),
            root: Some(hex::encode(online.checkpoint.root)),
            continues: online.continues,
            witnessed_size: online.witnessed.as_ref().map(|(size, _)| *size),
            witnesses: online.witnessed.map_or_else(Vec::new, |(_, by)| {
                by.into_iter().map(|said| format!("{} at {}", said.witness, said.time)).collect()
            }),
            missing: online.missing,
            key: Some(online.key.to_string()),
            trust: Some(online.trust.to_string()),
            ..Found::nothing(url, String::new())
        },
        Err(watching::Error::Log(problem)) => Found::nothing(url, plain(&problem.to_string())),
        Err(error) => return Err(error.into()),
    };
    output.show(&found, describe)?;
    Ok(if found.verified { Ending::Done } else { Ending::Findings })
}

fn describe(found: &Found) -> String {
    let mut text = match &found.problem {
        Some(problem) => format!("NOT VERIFIED: {problem}"),
        None => format!("verified: the log at {}", found.url),
    };
    if let (Some(size), Some(root)) = (found.size, &found.root) {
        text.push_str(&format!("\ntree        {size} entries, root {root}"));
        text.push_str(&match found.continues {
            Some(seen) => format!("\ncontinues   the {seen} entries that were seen before"),
            None => "\ncontinues   nothing: this is the first sight of it".to_owned(),
        });
    }
    if let Some(size) = found.witnessed_size {
        text.push_str(&format!("\nwitnessed   {size} entries, by {}", found.witnesses.join(", ")));
    }
    if !found.missing.is_empty() {
        text.push_str(&format!("\nnot seen by {}", found.missing.join(", ")));
    }
    if let (Some(key), Some(trust)) = (&found.key, &found.trust) {
        text.push_str(&format!("\nkey         {key}\n            {trust}"));
    }
    text
}

fn site(url: &str, authority: Option<&Path>) -> anyhow::Result<Site> {
    let address: Address = url.parse().map_err(|e: watching::Error| usage(e.to_string()))?;
    Ok(Site::new(address, authority)?)
}

/// What became of one look of a witness.
#[derive(Debug, Serialize)]
struct Looked {
    url: String,
    time: String,
    cosigned: bool,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Witnesses the log at an address: once, or again and again.
pub(super) fn witness(ask: &WitnessAsk, home: &Home, output: Output) -> anyhow::Result<Ending> {
    let key = ask.key.as_deref().map(str::parse::<Verifier>).transpose();
    let key = key.map_err(|error| usage(format!("--key: {error}")))?;
    let every = ask.every.as_deref().map(pause).transpose()?;
    let mut site = site(&ask.url, ask.authority.as_deref())?;
    let memory = Memory::at(&Paths::new(home.root()).seen().join("witnessed"));
    interrupt::listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cosigner = cosigner(&runtime.block_on(desk::keys_of(home))?);
    loop {
        let looked = runtime.block_on(look(&mut site, &memory, key.as_ref(), &cosigner));
        let looked = match (looked, every) {
            (Err(error), None) => return Err(error),
            // One that goes on outlives an hour without a network.
            (Err(error), Some(_)) => Looked {
                url: site.address().to_string(),
                time: now().to_string(),
                cosigned: false,
                size: 0,
                problem: Some(plain(&format!("{error:#}"))),
            },
            (Ok(looked), _) => looked,
        };
        output.show(&looked, |looked| match &looked.problem {
            Some(problem) => format!("{} NOT COSIGNED: {problem}", looked.time),
            None => format!("{} cosigned {} entries of {}", looked.time, looked.size, looked.url),
        })?;
        let Some(every) = every else {
            return Ok(if looked.cosigned { Ending::Done } else { Ending::Findings });
        };
        if rest(every) {
            return Ok(Ending::Done);
        }
    }
}

/// One look: what is new is judged, remembered, and only then cosigned.
async fn look(
    site: &mut Site,
    memory: &Memory,
    key: Option<&Verifier>,
    cosigner: &audit::Cosigner,
) -> anyhow::Result<Looked> {
    let address = site.address().to_string();
    let known = memory.of(&address)?;
    let offered = site.key().await?;
    offered.trust(key.or(known.as_ref().map(|(key, _)| key)))?;
    let note = site.checkpoint().await?;
    let found = audit::Checkpoint::verify(&note, &offered)?.size;
    let seen: Option<&Seen> = known.as_ref().map(|(_, seen)| seen);
    let old = seen.map_or(0, |seen| seen.checkpoint.size);
    let time = now().to_string();
    let looked = |problem: Option<String>| Looked {
        url: address.clone(),
        time: time.clone(),
        cosigned: problem.is_none(),
        size: found,
        problem,
    };
    if found < old {
        let problem = audit::Error::RolledBack { seen: old, size: found };
        return Ok(looked(Some(problem.to_string())));
    }
    let proof = extension(site, old, found).await?;
    match judge(&Submission { old, proof, note }, &offered, seen) {
        Ok(next) => {
            memory.keep(&address, &offered, &next.note)?;
            let line = cosigner.cosign(&next.note, Timestamp::now())?;
            site.hand_over(next.note + &line).await?;
            Ok(looked(None))
        }
        Err(Objection::Forked(fork)) => {
            Ok(looked(Some(format!("{fork}\n{}", fork.to_text().trim_end()))))
        }
        Err(objection) => Ok(looked(Some(objection.to_string()))),
    }
}

fn pause(text: &str) -> anyhow::Result<Duration> {
    let span: SignedDuration = text
        .parse()
        .map_err(|_| usage(format!("--every: {text:?} is not a length of time, such as 10m")))?;
    let span = Duration::try_from(span).context("--every: a length of time is not below zero")?;
    if span < LOOKING_MIN {
        return Err(usage("--every: less than 5s is nobody's business"));
    }
    Ok(span)
}

/// Waits; whether somebody asked to stop.
fn rest(every: Duration) -> bool {
    let step = Duration::from_millis(200);
    let mut left = every;
    while !left.is_zero() && !interrupt::asked() {
        std::thread::sleep(step.min(left));
        left = left.saturating_sub(step);
    }
    interrupt::asked()
}
