//! Sees to the certificate for the server's names: in time, again and again, and told when it fails.

use super::state::App;
use crate::desk::{Actor, CertificateAct, CertificateView, Deed, Served, now};
use edge::{Acme, Backoff, Certificate, Challenges, Pace, Tls, Unissued};
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a certificate is due; a clock that was set makes no difference then.
const TURN: Duration = Duration::from_mins(1);
/// How long to wait after a failure. Public authorities take five failed proofs an hour of one name.
const PACE: Pace = Pace {
    first: Duration::from_mins(20),
    longest: Duration::from_hours(6),
    stable: Duration::MAX,
};
/// How often it is told again that a certificate is late.
const TOLD_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// The certificate of an ACME server, and whoever renews it.
pub struct Certificates {
    acme: Arc<Acme>,
    challenges: Challenges,
    tls: Tls,
    standing: Mutex<Standing>,
    asked: Notify,
    ended: watch::Sender<u64>,
}

/// How it stands.
#[derive(Clone, Default)]
pub struct Standing {
    /// The certificate that is served.
    pub served: Option<Certificate>,
    /// Why the last order failed, if it did.
    pub failure: Option<String>,
    /// When the next order is due, unless somebody asks for one before.
    pub next: Option<Timestamp>,
    /// Orders that ended, well or not.
    pub orders: u64,
    told: Option<Timestamp>,
}

impl Standing {
    /// Whether an order is due. After a failure the next one is never far: where it seems to be, the clock was ahead
    /// when it failed.
    fn is_due(&self, now: Timestamp) -> bool {
        let Some(next) = self.next else { return true };
        let far = SignedDuration::try_from(PACE.longest * 2).unwrap_or(SignedDuration::MAX);
        next <= now || (self.failure.is_some() && next.duration_since(now) > far)
    }

    /// Whether it was told lately that it is late; what was told in the future was told by a clock that was ahead.
    fn was_told(&self, now: Timestamp) -> bool {
        let lately = SignedDuration::ZERO..TOLD_EVERY;
        self.told.is_some_and(|told| lately.contains(&now.duration_since(told)))
    }
}

impl Certificates {
    /// Serves what was kept, if it is still good; asks nobody yet.
    pub fn new(
        acme: Acme,
        challenges: Challenges,
        tls: Tls,
        now: Timestamp,
    ) -> Result<Self, edge::Error> {
        let served = acme.kept(now)?;
        if let Some(served) = &served {
            tls.name(served);
        }
        let standing = Mutex::new(Standing { served, ..Standing::default() });
        let (asked, ended) = (Notify::new(), watch::Sender::new(0));
        Ok(Self { acme: Arc::new(acme), challenges, tls, standing, asked, ended })
    }

    /// How it stands now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.lock().clone()
    }

    /// Asks for a new certificate at once, whether one is due or not.
    pub fn renew(&self) {
        self.asked.notify_one();
    }

    /// The same, and waits for what becomes of it.
    pub async fn renewed(&self) -> Standing {
        let mut ended = self.ended.subscribe();
        let before = *ended.borrow_and_update();
        self.renew();
        // What sends lives as long as this does.
        let _ = ended.wait_for(|count| *count > before).await;
        self.standing()
    }

    /// How it stands, for its operator.
    #[must_use]
    pub fn view(&self) -> CertificateView {
        let standing = self.standing();
        let facts = standing.served.map(|served| served.facts);
        CertificateView {
            names: self.acme.terms().names.clone(),
            directory: self.acme.terms().directory.clone(),
            issuer: facts.as_ref().map(|facts| facts.issuer.clone()),
            expires: facts.as_ref().map(|facts| facts.expires),
            fingerprint: facts.as_ref().map(|facts| hex::encode(facts.sha256)),
            next: standing.next.filter(|next| *next > Timestamp::UNIX_EPOCH),
            failure: standing.failure,
        }
    }

    /// Whether what is served runs out soon and was not renewed, and why that is, for people.
    #[must_use]
    pub fn late(&self, now: Timestamp) -> Option<String> {
        let standing = self.lock();
        let failure = standing.failure.as_deref().unwrap_or("no order has ended yet");
        match &standing.served {
            Some(served) if !served.is_late(now) => None,
            Some(served) => {
                let until = served.facts.expires.strftime("%Y-%m-%d");
                Some(format!("the certificate runs out on {until} and is not renewed: {failure}"))
            }
            // Before the first order has ended nothing is late.
            None if standing.orders == 0 => None,
            None => Some(format!("there is no certificate for the server's name: {failure}")),
        }
    }

    /// Orders when it is due, until the server stops. What is served goes on being served meanwhile.
    pub async fn run(&self, app: &App, seed: u64, stop: &CancellationToken) {
        let mut turns = tokio::time::interval(TURN);
        let mut backoff = Backoff::new(PACE, seed);
        let due = self.due();
        self.lock().next = Some(due);
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                () = self.asked.notified() => true,
                _ = turns.tick() => false,
            };
            let due = self.lock().is_due(now());
            if asked || due {
                let ended = tokio::select! {
                    () = stop.cancelled() => return,
                    ended = self.acme.order(&self.challenges, now()) => ended,
                };
                self.take(app, ended, &mut backoff).await;
                // Only now, so that whoever waited for it finds it in the log.
                self.lock().orders += 1;
                self.ended.send_modify(|count| *count += 1);
            }
            self.warn(app).await;
        }
    }

    /// When the next order is due: at once without a certificate.
    fn due(&self) -> Timestamp {
        self.lock().served.as_ref().map_or(Timestamp::MIN, Certificate::due)
    }

    async fn take(&self, app: &App, ended: Result<Certificate, Unissued>, backoff: &mut Backoff) {
        let at = now();
        match ended {
            Ok(certificate) => {
                self.tls.name(&certificate);
                backoff.succeeded();
                let act = CertificateAct::Issued {
                    names: certificate.names.clone(),
                    issuer: certificate.facts.issuer.clone(),
                    expires: certificate.facts.expires,
                    fingerprint: hex::encode(certificate.facts.sha256),
                };
                let names = certificate.names.join(", ");
                let until = certificate.facts.expires;
                let before = {
                    let mut standing = self.lock();
                    let before = standing.served.as_ref().map(named);
                    standing.next = Some(certificate.due());
                    standing.served = Some(certificate);
                    standing.failure = None;
                    standing.told = None;
                    before
                };
                tracing::info!(names, %until, "a certificate was issued, and is served from now on");
                // The posture names the certificate that is served.
                app.observatory().forget_signed().await;
                tell(app, act).await;
                let told = app.accounts().tell_of_renewed_certificate(before.as_ref(), until, at);
                warn_of(told.await);
            }
            Err(why) => {
                let wait = backoff.failed(Duration::ZERO);
                let failures = backoff.failures();
                let next = SignedDuration::try_from(wait).ok();
                let next = next.and_then(|wait| at.checked_add(wait).ok()).unwrap_or(at);
                tracing::warn!(%why, failures, %next, "no certificate was issued; the old one is served on");
                let mut standing = self.lock();
                standing.failure = Some(why.to_string());
                standing.next = Some(next);
            }
        }
    }

    /// Tells once a day, in the log of the program and in that of the audit, that a certificate is late; by letter
    /// once when it is, and again when little time is left.
    async fn warn(&self, app: &App) {
        let at = now();
        let Some(why) = self.late(at) else { return };
        let served = self.lock().served.as_ref().map(named);
        warn_of(app.accounts().tell_of_late_certificate(served.as_ref(), at).await);
        let expires = {
            let mut standing = self.lock();
            if standing.was_told(at) {
                return;
            }
            standing.told = Some(at);
            standing.served.as_ref().map(|served| served.facts.expires)
        };
        tracing::error!(why, "browsers will turn away soon: see to the certificate");
        let names = self.acme.terms().names.clone();
        let cause = self.lock().failure.clone().unwrap_or_default();
        tell(app, CertificateAct::Late { names, expires, why: cause }).await;
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A certificate as letters name it.
fn named(certificate: &Certificate) -> Served {
    let facts = &certificate.facts;
    Served { fingerprint: hex::encode(facts.sha256), ends: facts.expires }
}

fn warn_of(told: crate::desk::Result<usize>) {
    if let Err(error) = told {
        tracing::error!(%error, "nobody could be told by letter of the certificate");
    }
}

async fn tell(app: &App, act: CertificateAct) {
    let entry = Deed::Certificate(act).entry(Actor::Server);
    let written = async { app.desk().store().begin().await?.commit(entry, now()).await };
    if let Err(error) = written.await {
        tracing::error!(%error, "what became of the certificate could not be written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_ahead_for_a_while_stops_no_order_and_no_word() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let failed = Standing {
            failure: Some("refused".to_owned()),
            next: Some(at("2027-12-01T00:20:00Z")),
            told: Some(at("2027-12-01T00:00:00Z")),
            ..Standing::default()
        };
        let check = |standing: &Standing, now: &str, due: bool, told: bool| {
            let now = at(now);
            assert_eq!((standing.is_due(now), standing.was_told(now)), (due, told), "{now}");
        };
        check(&failed, "2027-12-01T00:10:00Z", false, true);
        check(&failed, "2027-12-01T00:20:00Z", true, true);
        check(&failed, "2027-12-02T00:20:00Z", true, false);
        // The clock is set right again.
        check(&failed, "2026-12-01T00:10:00Z", true, false);
        let well = Standing { failure: None, told: None, ..failed };
        check(&well, "2026-12-01T00:10:00Z", false, false);
        check(&Standing::default(), "2026-12-01T00:10:00Z", true, false);
    }
}
