//! An errand: what somebody typed, made into one visit and its report.

use crate::{
    Account, Ask, Bounds, Burst, Error, MailDomain, Memory, PROBES, Pace, Probe, Report, Target,
    Trust, claims, posture, verdict, visit,
};
use audit::{Quorum, Verifier, WitnessKey};
use jiff::Timestamp;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// What is to be looked at, as it was typed.
#[derive(Debug, Clone, Default)]
pub struct Errand {
    /// The server: `https://HOST[:PORT]`.
    pub url: String,
    /// Where to connect, whatever DNS says.
    pub connect: Option<SocketAddr>,
    /// An authority to believe: a PEM file, or the SHA-256 of its certificate.
    pub authority: Option<String>,
    /// The port without TLS, where it is not 80.
    pub http_port: Option<u16>,
    /// The log's key, from elsewhere.
    pub log_key: Option<String>,
    /// The posture's key, from elsewhere.
    pub posture_key: Option<String>,
    /// The keys of witnesses whose word counts.
    pub witnesses: Vec<String>,
    /// How many of them are enough; all unless it is said.
    pub quorum: Option<usize>,
    /// Where this visit is remembered for the next one.
    pub since: Option<PathBuf>,
    /// A file of test accounts.
    pub accounts: Option<PathBuf>,
    /// Claims, or names of probes, that are wanted; all where none is named.
    pub claims: Vec<String>,
    /// The domain that letters come from, and the names of its keys.
    pub mail_domain: Option<String>,
    /// The names of its DKIM keys.
    pub selectors: Vec<String>,
    /// Who is asked for records, where it is not this machine's resolver.
    pub resolver: Option<SocketAddr>,
    /// How long the visit takes at most.
    pub seconds: Option<u64>,
    /// How many requests it makes at most.
    pub requests: Option<u32>,
    /// Whether to ask too often, once.
    pub burst: Burst,
    /// What to do where the server says that it asks too fast.
    pub pace: Pace,
}

impl Errand {
    /// Visits the server, remembers what it saw, and reports.
    ///
    /// `progress` hears each probe before it runs, with its place among so many.
    pub fn run(
        &self,
        clock: fn() -> Timestamp,
        mut progress: impl FnMut(&'static Probe, usize, usize),
    ) -> Result<Report, Error> {
        let target = Target::parse(&self.url, self.connect)?;
        let trust = self.authority.as_deref().map_or(Ok(Trust::Web), Trust::parse)?;
        let ask = self.ask(&target)?;
        let all = PROBES.iter().copied().flatten();
        let count = all.filter(|one| ask.only.is_empty() || ask.only.contains(&one.name)).count();
        let mut place = 0;
        let found = visit(&target, &trust, &ask, clock, |probe| {
            place += 1;
            progress(probe, place, count);
        })?;
        // Before anything is said of it.
        if let (Some(path), Some(memory)) = (&self.since, &found.memory) {
            memory.keep(path, &target.to_string())?;
        }
        let mut rows = verdict::rows(&target, &found);
        if !self.claims.is_empty() {
            let wanted = |id: &str| self.claims.iter().any(|one| one.eq_ignore_ascii_case(id));
            rows.retain(|row| wanted(&row.id) && audit::claim(&row.id).is_some());
            let probes = found.sights.iter().filter(|sight| wanted(sight.probe.name));
            rows.extend(probes.map(|sight| verdict::alone(&target, sight)));
        }
        Ok(Report::new(&target, clock(), found.asked, rows))
    }

    fn ask(&self, target: &Target) -> Result<Ask, Error> {
        let usual = Bounds::default();
        let time = if self.pace == Pace::Patient { Bounds::PATIENT } else { usual.time };
        let bounds = Bounds {
            requests: self.requests.unwrap_or(usual.requests),
            time: self.seconds.map_or(time, Duration::from_secs),
            ..usual
        };
        let key = |which, text: &Option<String>| {
            let read = text.as_deref().map(|text| text.trim().parse::<Verifier>());
            read.transpose().map_err(|source| Error::Key { which, source })
        };
        let memory = match &self.since {
            Some(path) => Memory::read(path, &target.to_string())?,
            None => None,
        };
        let mail = self
            .mail_domain
            .as_ref()
            .map(|domain| MailDomain { domain: domain.clone(), selectors: self.selectors.clone() });
        Ok(Ask {
            bounds,
            http_port: self.http_port,
            only: self.only()?,
            log_key: key("--log-key", &self.log_key)?,
            posture_key: key("--posture-key", &self.posture_key)?,
            quorum: self.quorum()?,
            memory,
            accounts: self.accounts.as_deref().map_or(Ok(Vec::new()), Account::read)?,
            mail,
            resolver: self.resolver,
            burst: self.burst,
            pace: self.pace,
        })
    }

    fn quorum(&self) -> Result<Option<Quorum>, Error> {
        let wrong = |source| Error::Key { which: "--witness", source };
        let keys = self.witnesses.iter().map(|text| text.trim().parse::<WitnessKey>());
        let keys: Vec<WitnessKey> = keys.collect::<Result<_, _>>().map_err(wrong)?;
        if keys.is_empty() && self.quorum.is_none() {
            return Ok(None);
        }
        let need = self.quorum.unwrap_or(keys.len());
        Quorum::new(need, keys).map(Some).map_err(wrong)
    }

    /// The probes of what is wanted.
    fn only(&self) -> Result<Vec<&'static str>, Error> {
        let mut only = Vec::new();
        for wanted in &self.claims {
            let is_claim = audit::claim(&wanted.to_ascii_uppercase()).is_some();
            let claim = claims::CLAIMS.iter().find(|one| one.id.eq_ignore_ascii_case(wanted));
            let mut probes = PROBES.iter().copied().flatten();
            let probe = probes.find(|one| one.name.eq_ignore_ascii_case(wanted));
            match (is_claim, probe) {
                (true, _) => {
                    only.extend(claim.map_or(&[][..], |claim| claim.probes));
                    // The server's word counts where nothing is seen.
                    only.push(posture::PROBE);
                }
                (false, Some(probe)) => only.push(probe.name),
                (false, None) => {
                    return Err(Error::Claim { text: wanted.chars().take(40).collect() });
                }
            }
        }
        Ok(only)
    }
}
