//! What the server sees of itself: probes that run by themselves, and the posture that is signed of them.

mod edges;
mod house;
mod looks;
mod machine;
mod mark;
pub mod page;
pub mod scan;
mod watched;

pub use looks::Probe;

use super::state::App;
use crate::desk::{PostureAct, Result, now};
use audit::{
    claims,
    posture::{Attested, Evidence, Health, Posture, PostureRow, PostureSigner, State},
};
use edge::{
    Allowed, Authority, Client, Exposure, Origin, Proxies, Reach, Served, Terms, Tls, Trust,
};
use jiff::{SignedDuration, Timestamp};
use kms::{KeyRing, Purpose};
use looks::Found;
use mark::Mark;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often it is looked what is due.
const TURN: Duration = Duration::from_mins(1);
/// How long one probe may take.
const WITHIN: Duration = Duration::from_mins(5);
/// A posture is signed anew after so long.
const KEPT: SignedDuration = SignedDuration::from_secs(60);

/// Whether a server probes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfTests {
    /// At its start and from then on.
    Running,
    /// Only when somebody calls [`Observatory::look`].
    OnCall,
}

/// Where the server is to itself and to others.
pub struct Site {
    /// Its name to the world: `https://trade.example.org`.
    pub subject: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Who may be able to reach it.
    pub exposure: Exposure,
    /// What it serves.
    pub tls: Tls,
    /// Whose word is waited for at its door.
    pub proxies: Proxies,
    /// The way to its own door, which believes its own authority.
    pub client: (Client, Origin),
}

impl Site {
    /// A server that others know by `subject`.
    pub fn new(
        subject: String,
        (address, exposure, proxies): (SocketAddr, Exposure, Proxies),
        tls: &Tls,
        authority: &Authority,
    ) -> Result<Self> {
        let origin: Origin = format!("https://localhost:{}", address.port()).parse()?;
        let mut allowed = Allowed::default();
        allowed.add(origin.clone(), Reach::Private);
        let trust = Trust::web().and_roots(&authority.path())?;
        let client = Client::to_own_door(&allowed, trust, Terms::default(), proxies.clone())?;
        let (tls, client) = (tls.clone(), (client, origin));
        Ok(Self { subject, address, exposure, tls, proxies, client })
    }
}

/// A posture and its signature.
#[derive(Debug)]
pub struct Signed {
    /// What is said.
    pub posture: Posture,
    /// The envelope.
    pub envelope: String,
}

/// What the server knows of itself.
pub struct Observatory {
    site: Site,
    mark: Mark,
    signer: PostureSigner,
    evidence: Mutex<BTreeMap<String, Evidence>>,
    /// What the log says; none before it was read.
    told: Mutex<Option<BTreeMap<String, State>>>,
    /// The newest one; whoever makes the next lets the others wait, and they take it.
    signed: tokio::sync::Mutex<Option<Arc<Signed>>>,
}

impl Observatory {
    /// Nothing is seen yet.
    #[must_use]
    pub fn new(site: Site, keys: &KeyRing) -> Self {
        Self {
            site,
            mark: Mark::draw(),
            signer: PostureSigner::new(keys.signing(Purpose::Posture)),
            evidence: Mutex::default(),
            told: Mutex::default(),
            signed: tokio::sync::Mutex::default(),
        }
    }

    /// Where the server is.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// By what the server knows its own requests.
    #[must_use]
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The key that postures are verified with, as `name+id+key`.
    #[must_use]
    pub fn key(&self) -> String {
        self.signer.verifier().to_string()
    }

    /// The certificate that is served.
    #[must_use]
    pub fn served(&self) -> Option<Served> {
        self.site.tls.served()
    }

    /// Probes what is due and writes down what changed, until the server stops.
    pub async fn run(&self, app: &App, stop: &CancellationToken) {
        let mut turns = tokio::time::interval(TURN);
        let mut due: BTreeMap<Probe, Timestamp> = BTreeMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = turns.tick() => {}
            }
            // A holder of keys that is away closes the server; what it saw then says nothing of it.
            if app.desk().is_closed() {
                continue;
            }
            let turn = now();
            let is_due = |probe: &Probe| due.get(probe).is_none_or(|at| *at <= turn);
            let probes: Vec<Probe> = Probe::ALL.into_iter().filter(is_due).collect();
            if probes.is_empty() {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look(app, &probes) => {}
            }
            for probe in probes {
                due.insert(probe, turn.saturating_add(probe.every()).unwrap_or(Timestamp::MAX));
            }
        }
    }

    /// Runs probes now, and writes down what changed.
    pub async fn look(&self, app: &App, probes: &[Probe]) {
        for probe in probes {
            match tokio::time::timeout(WITHIN, probe.look(app, self)).await {
                Ok(Ok(found)) => self.keep(*probe, found),
                // What could not be looked at keeps its last word, and that runs out.
                Ok(Err(error)) => {
                    tracing::warn!(probe = probe.name(), %error, "a self-test could not run");
                }
                Err(_) => tracing::warn!(probe = probe.name(), "a self-test took too long"),
            }
        }
        if let Err(error) = self.tell(app).await {
            tracing::error!(%error, "how claims stand could not be written down");
        }
        self.forget_signed().await;
    }

    /// The posture as it stands, signed; the same one for a minute.
    pub async fn signed(&self, app: &App) -> Result<Arc<Signed>> {
        let mut signed = self.signed.lock().await;
        let now = now();
        let served = self.served();
        let spki_sha256 = served.map(|served| hex::encode(served.spki_sha256)).unwrap_or_default();
        let young = |one: &&Arc<Signed>| {
            now.duration_since(one.posture.made_at) < KEPT && one.posture.spki_sha256 == spki_sha256
        };
        if let Some(found) = signed.as_ref().filter(young) {
            return Ok(Arc::clone(found));
        }
        self.learn(app.desk().attested().await?);
        let posture = Posture {
            subject: self.site.subject.clone(),
            spki_sha256,
            made_at: now,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            checkpoint: app.desk().log_head().await?.note,
            log_key: app.desk().log_key(),
            rows: self.rows(now),
        };
        let envelope = posture.seal(&self.signer);
        let fresh = Arc::new(Signed { posture, envelope });
        *signed = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// How the parts of the installation stand now, signed by the same key.
    #[must_use]
    pub fn signed_health(&self, app: &App) -> String {
        let (now, served) = (now(), self.served());
        let health = Health {
            subject: self.site.subject.clone(),
            spki_sha256: served.map(|served| hex::encode(served.spki_sha256)).unwrap_or_default(),
            made_at: now,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            parts: app.operations().health().parts(now),
        };
        health.seal(&self.signer)
    }

    /// How the claims stand now, without a signature.
    #[must_use]
    pub fn standing(&self) -> Vec<PostureRow> {
        self.rows(now())
    }

    /// The next posture is made anew.
    pub async fn forget_signed(&self) {
        *self.signed.lock().await = None;
    }

    fn rows(&self, now: Timestamp) -> Vec<PostureRow> {
        let evidence = self.evidence();
        let nothing = Evidence::default();
        let row = |claim: &audit::Claim| {
            PostureRow::of(claim, evidence.get(&claim.id).unwrap_or(&nothing), now)
        };
        claims().iter().map(row).collect()
    }

    fn evidence(&self) -> MutexGuard<'_, BTreeMap<String, Evidence>> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, attested: BTreeMap<String, Attested>) {
        let mut evidence = self.evidence();
        for (claim, attested) in attested {
            evidence.entry(claim).or_default().attested = Some(attested);
        }
    }

    /// Keeps what a probe found, for each claim that names the probe or that the find is about.
    fn keep(&self, probe: Probe, found: Found) {
        let mut evidence = self.evidence();
        match found {
            Found::Nothing => {}
            Found::Seen(seen) => {
                for claim in probe.claims() {
                    evidence.entry(claim.id.clone()).or_default().seen = Some(seen.clone());
                }
            }
            Found::Attested(attested) => {
                for claim in probe.claims() {
                    let evidence = evidence.entry(claim.id.clone()).or_default();
                    evidence.attested = Some(attested.clone());
                }
            }
            Found::Each(each) => {
                for (claim, seen) in each {
                    evidence.entry(claim).or_default().seen = Some(seen);
                }
            }
        }
    }

    /// Writes into the log what stands otherwise than the log says.
    async fn tell(&self, app: &App) -> Result<()> {
        let known = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = match known {
            Some(known) => known,
            None => app.desk().told_states().await?,
        };
        self.learn(app.desk().attested().await?);
        let now = now();
        let rows = self.rows(now);
        // What nobody looked at stands where the build puts it, and the version says that.
        let looked: Vec<&PostureRow> =
            rows.iter().filter(|row| row.observed_at.is_some()).collect();
        app.desk().tell_states(changes(&known, &looked), now).await?;
        let mut states = known;
        states.extend(looked.into_iter().map(|row| (row.id.clone(), row.state)));
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(states);
        Ok(())
    }
}

/// What is to be written down: all in one entry the first time, then one for each change.
fn changes(known: &BTreeMap<String, State>, looked: &[&PostureRow]) -> Vec<PostureAct> {
    if known.is_empty() && !looked.is_empty() {
        let rows = looked.iter().map(|row| (row.id.clone(), row.state.as_str())).collect();
        return vec![PostureAct::Begun { rows }];
    }
    let changed = looked.iter().filter(|row| known.get(&row.id) != Some(&row.state));
    let act = |row: &&PostureRow| PostureAct::Changed {
        claim: row.id.clone(),
        from: known.get(&row.id).map(|state| state.as_str()),
        to: row.state.as_str(),
        why: row.reason.clone(),
    };
    changed.map(act).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_probe_that_the_register_names_is_there_and_every_one_that_is_there_is_named() {
        let named: BTreeSet<&str> = claims()
            .iter()
            .flat_map(|claim| claim.probe.split(", "))
            .filter_map(|probe| probe.strip_prefix("self:"))
            .collect();
        let known: BTreeSet<&str> = Probe::ALL.into_iter().map(Probe::name).collect();
        assert_eq!(named, known);
    }

    #[test]
    fn what_changed_is_written_once_and_what_did_not_is_not() {
        let row = |id: &str, state| PostureRow {
            id: id.to_owned(),
            state,
            reason: "why".to_owned(),
            ..PostureRow::of(&claims()[0], &Evidence::default(), Timestamp::UNIX_EPOCH)
        };
        let (first, second) = (row("M13", State::SelfTested), row("M20", State::NotMet));
        let all = [&first, &second];
        let rows = vec![("M13".to_owned(), "self-tested"), ("M20".to_owned(), "not met")];
        assert_eq!(changes(&BTreeMap::new(), &all), [PostureAct::Begun { rows }]);
        assert_eq!(changes(&BTreeMap::new(), &[]), []);
        let mut known = BTreeMap::from([("M13".to_owned(), State::SelfTested)]);
        let change = |from| PostureAct::Changed {
            claim: "M20".to_owned(),
            from,
            to: "not met",
            why: "why".to_owned(),
        };
        assert_eq!(changes(&known, &all), [change(None)]);
        known.insert("M20".to_owned(), State::Attested);
        assert_eq!(changes(&known, &all), [change(Some("attested"))]);
        known.insert("M20".to_owned(), State::NotMet);
        assert_eq!(changes(&known, &all), []);
    }
}
