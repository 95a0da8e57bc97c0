//! The port of the machines: their enrolment, and what they ask once they are in.
//!
//! | path | what |
//! |---|---|
//! | `POST /v1/word` | how the machine stands; JSON |
//! | `GET /v1/log/key` | the key of the server's log |
//! | `GET /v1/log/submission/{old}` | the newest checkpoint, and the proof that it extends the one of size `old` |
//! | `POST /v1/log/cosignature` | the machine's cosignature of it |
//! | `POST /v1/backup` | all that a backup is made of, for the machine that keeps them |
//! | `POST /v1/backup/ledger` | what that machine made of it: its signed ledger |
//!
//! The handshake has settled which machine asks; nothing in a request names one.

use super::{Answer, Problem, finish, intake, state::App, trace};
use crate::desk::{Desk, Handed, Result, now};
use audit::{Submission, WitnessKey};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use backup::LEDGER_BYTES_MAX;
use edge::{Badge, Issued, Limits, MachineAuthority, MachineDoor, Role, Tls, Wish, serve_machines};
use futures_util::stream;
use http::{StatusCode, header};
use jiff::Timestamp;
use seal::AgeRecipient;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use store::MachineWord;
use tokio::time::{Instant, interval, timeout};
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;

/// The largest body: a checkpoint with signatures.
const BODY_BYTES_MAX: usize = 32 * 1024;
const HANDLER_TIME: Duration = Duration::from_secs(20);
/// How long a question may take that begins an answer without a deadline.
const ASK_TIME: Duration = Duration::from_secs(10);
/// How often it is looked who belongs: what another server or the command line has changed counts after that.
const LOOKING: Duration = Duration::from_millis(250);
/// Without a word of the database for so long nobody belongs.
const TRUST: Duration = Duration::from_secs(5);
/// How often the server's own certificate is made anew; it lives for a day.
const RENEWAL: Duration = Duration::from_hours(8);
/// How often a machine says how it stands.
const WORD_SECONDS: u32 = 10;
/// In the words of a machine.
const WORLDS: [&str; 3] = ["live", "paper", "worker"];
const STATES: [&str; 5] = ["trading", "managing", "syncing", "halted", "idle"];

/// The port, open, and what must be done while it is.
pub(super) struct Port {
    door: MachineDoor,
    authority: Arc<MachineAuthority>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Port {
    /// Opens it: workers and bots come in that are on the roll.
    pub async fn open(app: &App, listen: SocketAddr) -> Result<Self> {
        let authority = Arc::new(app.desk().machine_authority().await?);
        call_roll(app).await?;
        let admission = authority.admission(&[Role::Worker, Role::Bot], app.roll().clone())?;
        let door = MachineDoor::bind(listen, admission, || authority.server(now())).await?;
        let address = door.address().unwrap_or(listen);
        Ok(Self { door, authority, address })
    }

    /// Serves until the server stops.
    pub async fn serve(self, app: App, limits: Limits, stop: CancellationToken) {
        let tls = self.door.tls();
        let looking =
            tokio::spawn(look(app.clone(), Arc::clone(&self.authority), tls, stop.clone()));
        let service = router(&app);
        let (desk, authority) = (app.desk().clone(), self.authority);
        let enrol = move |wish| enrol(desk, authority, app, wish);
        serve_machines(self.door, (service, enrol), limits, stop).await;
        if let Err(error) = looking.await {
            tracing::error!(%error, "nobody looks any more who belongs");
        }
    }
}

async fn enrol(
    desk: Desk,
    authority: Arc<MachineAuthority>,
    app: App,
    wish: Wish,
) -> Result<Issued, String> {
    if desk.is_closed() {
        return Err("the server is closed: its keys are away".to_owned());
    }
    // A connection that breaks does not cut an act off in the middle.
    let decided = tokio::spawn(async move {
        let issued = desk.enrol_machine(&authority, wish).await?;
        // The certificate is good from the moment it arrives.
        call_roll(&app).await?;
        Ok::<_, crate::desk::Error>(issued)
    });
    match decided.await {
        Ok(Ok(issued)) => Ok(issued),
        Ok(Err(crate::desk::Error::Edge(error))) => Err(error.to_string()),
        Ok(Err(error)) => {
            tracing::error!(%error, "a machine could not be enrolled");
            Err("the server cannot take it now: try again".to_owned())
        }
        Err(error) => {
            tracing::error!(%error, "an enrolment broke");
            Err("the server cannot take it now: try again".to_owned())
        }
    }
}

/// Reads who belongs; connections of those who do not end.
pub(super) async fn call_roll(app: &App) -> Result<()> {
    app.roll().replace(app.desk().machine_roll().await?);
    app.desk().put_out_what_was_left().await
}

async fn look(app: App, authority: Arc<MachineAuthority>, tls: [Tls; 2], stop: CancellationToken) {
    let (mut looking, mut renewal) = (interval(LOOKING), interval(RENEWAL));
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looking.tick() => match call_roll(&app).await {
                Ok(()) => heard = Instant::now(),
                Err(error) if heard.elapsed() > TRUST => {
                    tracing::error!(%error, "it is not known which machines belong: none is let in");
                    app.roll().replace(BTreeMap::new());
                }
                Err(error) => tracing::debug!(%error, "the roll could not be read"),
            },
            _ = renewal.tick() => for one in &tls {
                if let Err(error) = authority.server(now()).and_then(|leaf| one.replace(leaf)) {
                    tracing::error!(%error, "the machines' server has no new certificate");
                }
            },
        }
    }
}

fn router(app: &App) -> Router {
    let ledger = post(ledger).layer(DefaultBodyLimit::max(LEDGER_BYTES_MAX));
    let quick = Router::new()
        .route("/v1/word", post(word))
        .route("/v1/log/key", get(key))
        .route("/v1/log/submission/{old}", get(submission))
        .route("/v1/log/cosignature", post(cosignature))
        .route("/v1/backup/ledger", ledger)
        .fallback(async || Problem::not_found())
        .layer(from_fn_with_state(app.clone(), open))
        .layer(from_fn(finish::regardless))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, HANDLER_TIME));
    // Gathering a backup takes as long as it takes, and ends with the connection.
    let long = Router::new()
        .route("/v1/backup", post(backup))
        .layer(from_fn_with_state(app.clone(), open))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    quick
        .merge(long)
        .with_state(app.clone())
        .layer(from_fn(finish::worded))
        .layer(from_fn(intake::few_headers))
        .layer(from_fn(trace::request))
}

async fn open(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.desk().is_closed() {
        return Problem::closed().into_response();
    }
    next.run(request).await
}

/// What a machine says of itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    version: String,
    world: String,
    state: String,
    ticked: Option<Timestamp>,
    witness: Option<String>,
}

/// What it hears.
#[derive(Debug, Serialize)]
struct Heard {
    /// When the next word is awaited.
    again_seconds: u32,
}

impl Word {
    fn read(bytes: &[u8]) -> Answer<Self> {
        let word: Self = serde_json::from_slice(bytes)
            .map_err(|error| Problem::invalid(format!("this is no word of a machine: {error}")))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
        let is_version = (1..=64).contains(&word.version.len()) && word.version.chars().all(plain);
        if !is_version {
            return Err(Problem::invalid("this is no version").field("version"));
        }
        if !WORLDS.contains(&word.world.as_str()) {
            return Err(Problem::invalid(format!("one of {WORLDS:?}")).field("world"));
        }
        if !STATES.contains(&word.state.as_str()) {
            return Err(Problem::invalid(format!("one of {STATES:?}")).field("state"));
        }
        Ok(word)
    }
}

fn put_out(badge: &Badge) -> Problem {
    let error = edge::Error::PutOut { machine: badge.machine.to_string() };
    Problem::new(StatusCode::FORBIDDEN, "put-out", error.to_string())
        .fix("add it again, and join by the new token")
}

async fn word(
    State(app): State<App>,
    Extension(badge): Extension<Badge>,
    body: Bytes,
) -> Answer<Response> {
    let word = Word::read(&body)?;
    let witness = word.witness.as_deref().map(str::parse::<WitnessKey>).transpose();
    let witness = witness.map_err(|error| Problem::invalid(error.to_string()).field("witness"))?;
    let witness = witness.map(|key| key.to_string());
    let Word { version, world, state, ticked, .. } = word;
    let said = MachineWord { version, world, state, ticked };
    if !app.desk().hear_machine(&badge, &said, witness.as_deref()).await? {
        return Err(put_out(&badge));
    }
    Ok(axum::Json(Heard { again_seconds: WORD_SECONDS }).into_response())
}

async fn key(State(app): State<App>) -> Answer<Response> {
    Ok(text(format!("{}\n", app.desk().log_key())))
}

/// Where the machine has seen more than there is, it gets what there is: it judges by itself what that means.
async fn submission(State(app): State<App>, Path(old): Path<u64>) -> Answer<Response> {
    let head = app.desk().log_head().await?;
    let old = old.min(head.checkpoint.size);
    let proof = app.desk().store().log_extension(old, head.checkpoint.size).await;
    let proof = proof.map_err(crate::desk::Error::from)?;
    Ok(text(Submission { old, proof, note: head.note }.to_text()))
}

async fn cosignature(
    State(app): State<App>,
    Extension(badge): Extension<Badge>,
    body: Bytes,
) -> Answer<StatusCode> {
    let cosigned =
        std::str::from_utf8(&body).map_err(|_| Problem::invalid("the checkpoint is not UTF-8"))?;
    let machine = badge.machine.to_string();
    if app.witnesses().hear_machine(app.desk(), &machine, cosigned).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = "it is not signed by the key that this machine named as its own";
    Err(Problem::new(StatusCode::FORBIDDEN, "no-witness", detail)
        .fix("say the key first, in POST /v1/word"))
}

/// Who asks for a backup, besides its certificate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipient {
    /// The key of age that the secrets in it are sealed to.
    recipient: String,
}

async fn backup(
    State(app): State<App>,
    Extension(badge): Extension<Badge>,
    body: Body,
) -> Answer<Response> {
    // It has no deadline for the whole, so its question has one.
    let body = timeout(ASK_TIME, axum::body::to_bytes(body, BODY_BYTES_MAX)).await;
    let slow =
        |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "the question took too long");
    let body = body.map_err(slow)?.map_err(|error| Problem::invalid(error.to_string()))?;
    let ask: Recipient =
        serde_json::from_slice(&body).map_err(|error| Problem::invalid(error.to_string()))?;
    let recipient = ask.recipient.parse::<AgeRecipient>();
    let recipient =
        recipient.map_err(|error| Problem::invalid(error.to_string()).field("recipient"))?;
    let handed = app.backups().hand_out(app.desk(), (&badge.machine, recipient)).await?;
    let pieces = stream::try_unfold(handed, Handed::next);
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, Body::from_stream(pieces)).into_response())
}

async fn ledger(
    State(app): State<App>,
    Extension(badge): Extension<Badge>,
    text: String,
) -> Answer<StatusCode> {
    app.backups().hear(app.desk(), &badge.machine, text).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
