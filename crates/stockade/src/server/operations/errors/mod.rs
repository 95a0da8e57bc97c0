//! Errors of the server, told to a service that speaks Sentry's protocol: only where somebody sealed a DSN, only
//! to its host, and never with what a person typed.

mod clean;
mod dsn;
mod event;

pub use clean::clean;
pub use dsn::Dsn;
pub use event::{Event, Fault};

use crate::{desk::Error, server::state::App};
use edge::{Allowed, Client, Reach, Request, Retry, Terms, Trust};
use guard::{Asker, Limiter, Policy, Verdict};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use seal::Secret;
use std::{
    panic::PanicHookInfo,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The sealed secret that turns reports on.
pub const SECRET: &str = "errors.dsn";
/// Events that wait; more are dropped and counted.
const WAITING_MAX: usize = 64;
/// Events a minute; a fault that repeats itself says nothing new.
const PER_MINUTE: u32 = 30;
/// How long one delivery may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How long a stop waits for what is queued.
const GRACE: Duration = Duration::from_secs(2);
/// The longest pause that a service may ask for.
const PAUSE_S_MAX: i64 = 3600;
/// The pause after a 429 that names none.
const PAUSE_S: i64 = 60;

/// How errors are reported, where a DSN is sealed.
#[derive(Debug, Clone)]
pub struct ErrorTerms {
    /// Which addresses the DSN's host may turn out to have.
    pub reach: Reach,
    /// Certificate authority (PEM) of a service of one's own.
    pub authority: Option<PathBuf>,
    /// What this installation is called there.
    pub environment: String,
}

impl Default for ErrorTerms {
    fn default() -> Self {
        Self { reach: Reach::Public, authority: None, environment: "production".to_owned() }
    }
}

/// What became of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// The service took them.
    pub sent: u64,
    /// The queue was full, there were too many, or the service asked for a pause.
    pub dropped: u64,
    /// They could not be delivered.
    pub failed: u64,
}

/// Whoever reports errors.
pub struct Reporter {
    dsn: Dsn,
    client: Client,
    environment: String,
    queue: mpsc::Sender<Event>,
    waiting: Mutex<Option<mpsc::Receiver<Event>>>,
    pace: Mutex<Limiter>,
    /// Until when nothing is sent, in seconds since 1970.
    pause: AtomicI64,
    counts: [AtomicU64; 3],
    hears_panics: AtomicBool,
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reporter({})", self.dsn.origin)
    }
}

impl Reporter {
    /// To the service of a DSN, and to nobody else.
    pub fn new(dsn: &Secret<Vec<u8>>, terms: &ErrorTerms) -> Result<Self, Error> {
        let dsn = Dsn::parse(dsn)?;
        let mut allowed = Allowed::default();
        allowed.add(dsn.origin.clone(), terms.reach);
        let trust = match &terms.authority {
            Some(path) => Trust::web().and_roots(path)?,
            None => Trust::web(),
        };
        let terms_of_client = Terms {
            requests_per_host: 1,
            idle_per_host: 1,
            body_bytes: 64 << 10,
            ..Terms::default()
        };
        let client = Client::new(&allowed, trust, terms_of_client)?;
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        Ok(Self {
            dsn,
            client,
            environment: terms.environment.clone(),
            queue,
            waiting: Mutex::new(Some(waiting)),
            pace: Mutex::new(Limiter::new(Policy::per_minute("errors", PER_MINUTE), 1)),
            pause: AtomicI64::new(0),
            counts: [const { AtomicU64::new(0) }; 3],
            hears_panics: AtomicBool::new(false),
        })
    }

    /// The host that is told, without the key.
    #[must_use]
    pub fn host(&self) -> String {
        self.dsn.origin.to_string()
    }

    /// What became of events so far.
    #[must_use]
    pub fn told(&self) -> Told {
        let [sent, dropped, failed] =
            self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        Told { sent, dropped, failed }
    }

    /// Queues an event, or drops it and counts that. Nobody waits for it.
    pub fn report(&self, fault: &Fault) {
        let now = crate::desk::now();
        let is_paused = now.as_second() < self.pause.load(Ordering::Relaxed);
        let fits = !is_paused && {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.spend(Asker::Local, 1, now).verdict == Verdict::Admitted
        };
        let kept = fits && self.queue.try_send(Event::of(fault, &self.environment, now)).is_ok();
        if !kept {
            self.count(1);
        }
    }

    /// A request that ended in an error of ours. A panic that was heard itself is not told twice.
    pub fn failed(&self, app: &App, (method, route): (&Method, &str), status: u16, cause: &str) {
        let is_panic = cause.starts_with(PANIC);
        if is_panic && self.hears_panics.load(Ordering::Relaxed) {
            return;
        }
        let cause = if app.withheld().holds(cause) { "" } else { cause };
        self.report(&Fault {
            kind: if is_panic { "Panic" } else { "ServerError" },
            told: cause.trim_start_matches(PANIC).to_owned(),
            route: Some(format!("{method} {route}")),
            status: Some(status),
            place: None,
        });
    }

    /// From now on panics anywhere in this process are told, with the line of the source where they began.
    pub fn hear_panics(self: &Arc<Self>, app: &App) {
        self.hears_panics.store(true, Ordering::Relaxed);
        let (own, app, before) = (Arc::clone(self), app.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            let words = info.payload().downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| info.payload().downcast_ref::<&str>().copied());
            let words = words.unwrap_or_default();
            let told = if app.withheld().holds(words) { "" } else { words }.to_owned();
            let place = info.location().map(|at| (at.file().to_owned(), at.line()));
            own.report(&Fault { kind: "Panic", told, route: None, status: None, place });
            before(info);
        }));
    }

    /// Delivers what is queued until the server stops, and then what is left within two seconds.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut waiting) = taken else { return };
        loop {
            tokio::select! {
                event = waiting.recv() => match event {
                    Some(event) => self.send(&event).await,
                    None => return,
                },
                () = stop.cancelled() => break,
            }
        }
        waiting.close();
        let rest = async {
            while let Some(event) = waiting.recv().await {
                self.send(&event).await;
            }
        };
        if tokio::time::timeout(GRACE, rest).await.is_err() {
            tracing::warn!("errors could not be reported before the server stopped");
        }
    }

    async fn send(&self, event: &Event) {
        if crate::desk::now().as_second() < self.pause.load(Ordering::Relaxed) {
            self.count(1);
            return;
        }
        let mut request =
            Request::new(Method::POST, self.dsn.origin.clone(), self.dsn.target.clone());
        request.retry = Retry::Never;
        request.body = event.envelope(crate::desk::now()).into();
        let kind = HeaderValue::from_static("application/x-sentry-envelope");
        request.headers.push((header::CONTENT_TYPE, kind));
        let Ok(mut signed_in) = HeaderValue::try_from(self.dsn.authority()) else { return };
        signed_in.set_sensitive(true);
        request.headers.push((HeaderName::from_static("x-sentry-auth"), signed_in));
        match self.client.send(&request, WITHIN).await {
            Ok(answer) if answer.status.is_success() => self.count(0),
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                let asked = answer.headers.get(header::RETRY_AFTER);
                let asked = asked.and_then(|value| value.to_str().ok()?.trim().parse::<i64>().ok());
                let seconds = asked.unwrap_or(PAUSE_S).clamp(1, PAUSE_S_MAX);
                self.pause.store(crate::desk::now().as_second() + seconds, Ordering::Relaxed);
                self.count(1);
            }
            // At this level, so that a report of a failed report is no error to report.
            Ok(answer) => {
                tracing::warn!(status = answer.status.as_u16(), "an error was not taken in");
                self.count(2);
            }
            Err(error) => {
                tracing::warn!(%error, "an error could not be reported");
                self.count(2);
            }
        }
    }

    fn count(&self, end: usize) {
        if let Some(count) = self.counts.get(end) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How the cause of an answer begins that a panic made.
pub const PANIC: &str = "panic: ";
