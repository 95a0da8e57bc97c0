//! The server's own word about all claims: signed by the key that is known, young, and about the certificate
//! that was just seen; and the page that shows the same.

use crate::{
    Miss, Probe, Seen, failed,
    log::{continues, wrong},
    run::Walk,
    unseen,
    visit::Request,
};
use audit::{
    Checkpoint, Verifier, claims,
    posture::{Expected, Health, Posture, Standing},
};
use jiff::{SignedDuration, Timestamp};

const POSTURE: &str = "/.well-known/stockade/posture.json";
const KEY: &str = "/.well-known/stockade/posture-key";
const PAGE: &str = "/security";
const HEALTH: &str = "/.well-known/stockade/health.json";
/// A word on health is made for whoever asks.
const HEALTH_AGE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// A look that is older counts for nothing, however long the server says that it does.
const LOOK_AGE_MAX: SignedDuration = SignedDuration::from_hours(1);

/// The probe that decides whether the server's word is heard.
pub(crate) const PROBE: &str = "posture";

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: PROBE,
        what: "The server signs how every claim stands: freshly, for this certificate and this log",
        command: "curl -s https://$HOST/.well-known/stockade/posture.json | jq -r .payload | base64 -d | jq .predicate",
        look,
    },
    Probe {
        name: "posture-page",
        what: "The page shows every claim, in the state that is signed",
        command: "curl -s https://$HOST/security",
        look: page,
    },
    Probe {
        name: "page-certificate",
        what: "The page names the issuer and the last day of the certificate that is served",
        command: "openssl s_client -connect $ADDRESS </dev/null | openssl x509 -noout -issuer -enddate",
        look: page_certificate,
    },
    Probe {
        name: "health",
        what: "The server signs when each of its parts was last looked at; none fails or was forgotten",
        command: "curl -s https://$HOST/.well-known/stockade/health.json | jq -r .payload | base64 -d | jq .predicate",
        look: health,
    },
];

/// A posture that was believed, or would be if its key were known.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub key: Verifier,
    pub posture: Posture,
    /// Whether the key is the one that was given, or seen before.
    pub is_pinned: bool,
}

impl Walk<'_> {
    /// The posture, read once.
    pub(crate) fn told(&mut self) -> Result<Told, Miss> {
        if let Some(told) = &self.told {
            return told.clone();
        }
        let told = self.read_posture();
        self.told = Some(told.clone());
        told
    }

    fn read_posture(&mut self) -> Result<Told, Miss> {
        let memory = self.ask.memory.as_ref();
        let before = memory.and_then(|memory| memory.posture.as_ref());
        let seen_before: Option<Timestamp> = before.map(|(_, made)| *made);
        let pinned = self.ask.posture_key.as_ref().or(before.map(|(key, _)| key)).cloned();
        let text = self.text_at(POSTURE)?;
        let offered: Verifier = self.text_at(KEY)?.parse().map_err(wrong)?;
        offered.trust(pinned.as_ref()).map_err(wrong)?;
        if self.visit.certificate().is_none() {
            self.visit.handshake()?;
        }
        let Some(certificate) = self.visit.certificate() else {
            return unseen("the certificate cannot be read");
        };
        let expected =
            Expected { spki_sha256: &certificate.key, seen_before, age_max: Expected::AGE_MAX };
        let posture = Posture::open(&text, &offered, &expected, self.visit.now()).map_err(wrong)?;
        Ok(Told { key: offered, posture, is_pinned: pinned.is_some() })
    }

    fn text_at(&mut self, path: &str) -> Result<String, Miss> {
        let answer = self.visit.ask(&Request::get(path))?;
        match answer.status {
            200 => Ok(answer.text()),
            404 => failed(format!("there is none at {path}")),
            status => unseen(format!("{path} answers {status}")),
        }
    }
}

fn look(walk: &mut Walk<'_>) -> Seen {
    let Told { key, posture, is_pinned } = walk.told()?;
    let lacking: Vec<&str> = claims()
        .iter()
        .map(|claim| claim.id.as_str())
        .filter(|id| posture.rows.iter().all(|row| row.id != *id))
        .collect();
    if !lacking.is_empty() {
        return failed(format!("it leaves out {}", lacking.join(", ")));
    }
    let own = walk.visit.target().to_string();
    if posture.subject.trim_end_matches('/') != own && !is_alias(&posture.subject, &own) {
        return failed(format!("it speaks of {} and not of {own}", posture.subject));
    }
    // What is signed stands on the log that everybody sees, not on one shown to this visitor alone.
    let head = walk.head()?;
    if posture.log_key.trim() != head.key.to_string() {
        return failed("it stands on another log than the one that is shown");
    }
    let on = Checkpoint::verify(&posture.checkpoint, &head.key).map_err(wrong)?;
    continues(&mut walk.visit, &on, &head.checkpoint)?;
    let made = posture.made_at;
    if !is_pinned {
        return unseen(format!(
            "first use, not checked: made at {made:.0} by {key}; pin it with --posture-key"
        ));
    }
    Ok(format!("made at {made:.0} on {} entries of the log, by {}", on.size, key.name()))
}

/// On one machine a server has several names; the certificate's key says that it is the same.
fn is_alias(subject: &str, own: &str) -> bool {
    let local = |url: &str| {
        let rest = url.trim_start_matches("https://");
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| rest.starts_with(name))
    };
    local(subject) && local(own)
}

fn page(walk: &mut Walk<'_>) -> Seen {
    let posture = walk.told()?.posture;
    let text = walk.text_at(PAGE)?;
    for row in &posture.rows {
        let here = text.find(&format!("id=\"{}\"", row.id));
        let Some(part) = here.and_then(|at| text.get(at..)) else {
            return failed(format!("{PAGE} leaves out {}", row.id));
        };
        let part = part.get(1..).and_then(|rest| rest.split("<article").next()).unwrap_or(part);
        if !part.contains(row.state.as_str()) {
            return failed(format!("{PAGE} does not say that {} is {}", row.id, row.state));
        }
    }
    Ok(format!("{} rows, each as it is signed", posture.rows.len()))
}

fn health(walk: &mut Walk<'_>) -> Seen {
    // Whose posture is not believed has no key by which anything else of it is.
    let Ok(Told { key, is_pinned, .. }) = walk.told() else {
        return unseen("its posture is not believed, and by that its key");
    };
    let text = walk.text_at(HEALTH)?;
    let Some(certificate) = walk.visit.certificate() else {
        return unseen("the certificate cannot be read");
    };
    let expected =
        Expected { spki_sha256: &certificate.key, seen_before: None, age_max: HEALTH_AGE_MAX };
    let health = Health::open(&text, &key, &expected, walk.visit.now()).map_err(wrong)?;
    if health.parts.iter().all(|part| part.standing == Standing::Off) {
        return failed("it speaks of no part that there is");
    }
    let is_bad = |standing| matches!(standing, Standing::Failing | Standing::Unknown);
    if let Some(bad) = health.parts.iter().find(|part| is_bad(part.standing)) {
        return failed(format!("the part {} is {}", bad.part, bad.standing.as_str()));
    }
    let is_old = |at: Timestamp| walk.visit.now().duration_since(at) > LOOK_AGE_MAX;
    if let Some(old) = health.parts.iter().find(|part| part.probed_at.is_none_or(is_old)) {
        return failed(format!("nobody looked at the part {} for an hour", old.part));
    }
    if !is_pinned {
        return unseen("first use, not checked: pin the key with --posture-key");
    }
    Ok(format!("{} parts, each looked at in its time, as the server says", health.parts.len()))
}

fn page_certificate(walk: &mut Walk<'_>) -> Seen {
    let text = walk.text_at(PAGE)?;
    if walk.visit.certificate().is_none() {
        walk.visit.handshake()?;
    }
    let Some(found) = walk.visit.certificate() else {
        return unseen("the certificate cannot be read");
    };
    let day = found.last_day();
    if !text.contains(&day) {
        return failed(format!("{PAGE} does not name {day}, the certificate's last day"));
    }
    let issuer = found.issuer_name();
    if !text.contains(&issuer) {
        return failed(format!("{PAGE} does not name {issuer}, who issued the certificate"));
    }
    Ok(format!("{issuer}, until {day}"))
}
