//! One visit: every probe that is wanted, in its order, over one connection at a time.

use crate::{
    Account, Answer, Bounds, Error, MailDomain, Memory, Miss, Outcome, Pace, Probe, Sight, Target,
    Trust,
    accounts::{Session, UsedCode},
    burst::{self, Burst},
    cookies, deeds, disclosure, handshake, headers, isolation,
    log::{self, Head},
    mail, page,
    posture::{self, Told},
    redirect, renewal, roles, routes,
    routes::Route,
    shown::{self, Shown},
    token,
    visit::Visit,
};
use audit::{Quorum, Verifier, posture::PostureRow};
use jiff::Timestamp;
use std::net::SocketAddr;

/// All probes, in the order in which they run.
pub const PROBES: &[&[Probe]] = &[
    handshake::PROBES,
    redirect::PROBES,
    headers::PROBES,
    page::PROBES,
    routes::PROBES,
    log::PROBES,
    posture::PROBES,
    disclosure::PROBES,
    mail::PROBES,
    token::PROBES,
    roles::PROBES,
    isolation::PROBES,
    deeds::PROBES,
    cookies::PROBES,
    renewal::PROBES,
    burst::PROBES,
];

/// What a visitor brings along.
#[derive(Debug, Default)]
pub struct Ask {
    /// How much may be asked for.
    pub bounds: Bounds,
    /// The port without TLS, where it is not 80.
    pub http_port: Option<u16>,
    /// The probes that are wanted; all where none is named.
    pub only: Vec<&'static str>,
    /// The log's key, where it is known from elsewhere.
    pub log_key: Option<Verifier>,
    /// The key of the posture, where it is known from elsewhere.
    pub posture_key: Option<Verifier>,
    /// Whose word about the log counts, and how many of them are enough.
    pub quorum: Option<Quorum>,
    /// What was seen at the last visit.
    pub memory: Option<Memory>,
    /// Accounts that were made to be tried.
    pub accounts: Vec<Account>,
    /// The domain that letters come from.
    pub mail: Option<MailDomain>,
    /// Who is asked for its records, where it is not this machine's resolver.
    pub resolver: Option<SocketAddr>,
    /// Whether to ask too often, once.
    pub burst: Burst,
    /// What to do where the server says that it asks too fast.
    pub pace: Pace,
}

/// What a visit found.
#[derive(Debug)]
pub struct Found {
    /// What each probe saw, in their order.
    pub sights: Vec<Sight>,
    /// What the server says of the claims, where it is signed by a key that is known.
    pub words: Vec<PostureRow>,
    /// Requests and handshakes, all told.
    pub asked: u32,
    /// What to hold against the next visit; nothing where something about the log was wrong. Of a log that was
    /// not seen to continue the remembered one nothing is in it: that one is remembered on.
    pub memory: Option<Memory>,
}

/// What probes share while they run.
pub(crate) struct Walk<'a> {
    pub visit: Visit<'a>,
    pub ask: &'a Ask,
    pub routes: Option<Vec<Route>>,
    pub head: Option<Result<Head, Miss>>,
    pub told: Option<Result<Told, Miss>>,
    pub sessions: Option<Result<Vec<Session>, Miss>>,
    /// The code that let somebody in last.
    pub used_code: Option<UsedCode>,
    /// The answers that let accounts in.
    pub signed_in: Vec<Answer>,
    shown: Option<Vec<Shown>>,
}

impl Walk<'_> {
    /// Answers of every kind, got once.
    pub(crate) fn shown(&mut self) -> Result<&[Shown], Miss> {
        if self.shown.is_none() {
            self.shown = Some(shown::collect(&mut self.visit)?);
        }
        Ok(self.shown.as_deref().unwrap_or_default())
    }

    /// The server's own word, where the probe of it held.
    fn words(&self, sights: &[Sight]) -> Vec<PostureRow> {
        let held =
            |sight: &Sight| sight.probe.name == posture::PROBE && sight.outcome == Outcome::Held;
        let told = self.told.as_ref().and_then(|told| told.as_ref().ok());
        told.filter(|_| sights.iter().any(held))
            .map_or_else(Vec::new, |told| told.posture.rows.clone())
    }

    /// What is remembered of this visit.
    fn memory(&self, sights: &[Sight]) -> Option<Memory> {
        let broken = |sight: &Sight| sight.outcome == Outcome::Broken;
        if sights.iter().any(|sight| sight.probe.name.starts_with("log-") && broken(sight)) {
            return None;
        }
        let is = |name, outcome| {
            sights.iter().any(|sight| sight.probe.name == name && sight.outcome == outcome)
        };
        let before = self.ask.memory.as_ref();
        // A log takes the place of the remembered one only if it was seen to continue it: not where nobody
        // looked, and not where the server kept somebody from looking.
        let goes_on = before.is_none() || is(log::CONSISTENCY, Outcome::Held);
        let head = self
            .head
            .as_ref()
            .and_then(|head| head.as_ref().ok())
            .filter(|head| goes_on && head.key.trust(self.ask.log_key.as_ref()).is_ok());
        let told = self.told.as_ref().and_then(|told| told.as_ref().ok());
        let was_told = before.and_then(|memory| memory.posture.clone());
        let told = told.filter(|_| match was_told {
            Some(_) => is(posture::PROBE, Outcome::Held),
            None => head.is_some() && !is(posture::PROBE, Outcome::Broken),
        });
        let posture = told.map(|told| (told.key.clone(), told.posture.made_at)).or(was_told);
        if let Some(Head { key, note, .. }) = head.cloned() {
            return Some(Memory { at: self.visit.now(), log_key: key, checkpoint: note, posture });
        }
        before.map(|memory| Memory { posture, ..memory.clone() })
    }
}

/// Visits a server; `progress` hears the name of each probe before it runs.
///
/// An error means that nothing could be looked at: nobody answers there.
pub fn visit(
    target: &Target,
    trust: &Trust,
    ask: &Ask,
    clock: fn() -> Timestamp,
    mut progress: impl FnMut(&'static Probe),
) -> Result<Found, Error> {
    let mut visit = Visit::new(target, trust, (ask.bounds, ask.pace), clock)?;
    // A certificate that is not believed is for the probes to say; that nobody is there is not.
    match visit.handshake() {
        Ok(()) | Err(Error::Tls(_) | Error::HungUp) => {}
        Err(error) => return Err(error),
    }
    let mut walk = Walk {
        visit,
        ask,
        routes: None,
        head: None,
        told: None,
        sessions: None,
        used_code: None,
        signed_in: Vec::new(),
        shown: None,
    };
    let wanted = |probe: &&Probe| ask.only.is_empty() || ask.only.contains(&probe.name);
    let mut sights = Vec::new();
    for probe in PROBES.iter().copied().flatten().filter(wanted) {
        progress(probe);
        let (outcome, seen) = match (probe.look)(&mut walk) {
            Ok(seen) => (Outcome::Held, seen),
            Err(Miss::Failed(seen)) => (Outcome::Broken, seen),
            Err(Miss::Unseen(seen)) => (Outcome::Unseen, seen),
        };
        sights.push(Sight { probe, outcome, seen: plain(&seen), at: walk.visit.now() });
    }
    let memory = walk.memory(&sights);
    let words = walk.words(&sights);
    Ok(Found { sights, words, asked: walk.visit.asked(), memory })
}

/// What a server said may not drive the reader's terminal, nor turn its letters round, nor fill it.
pub(crate) fn plain(text: &str) -> String {
    let is_sign = |c: char| {
        let is_unseen = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
        c.is_control() || is_unseen
    };
    text.chars().map(|c| if is_sign(c) { '\u{fffd}' } else { c }).take(240).collect()
}
