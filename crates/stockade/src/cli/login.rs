//! `stockade login`: a token that a person grants in the browser, as RFC 8628 has it.

use super::{
    args::Login,
    interrupt,
    output::{Ending, Output, plain},
    usage,
};
use anyhow::{Context, bail};
use axum::body::Bytes;
use edge::{Allowed, Client, Origin, Reach, Request, Response, Terms, Trust};
use http::{HeaderValue, Method, header};
use identity::ApiSecret;
use kms::SystemEntropy;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

const ANSWER_BYTES_MAX: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(15);
/// A server that asks for longer pauses is not believed.
const PAUSE_MAX: u64 = 60;

/// What the server says when it has taken the petition in; what else it says is not looked at.
#[derive(Deserialize)]
struct Taken {
    code: String,
    page: String,
    expires: String,
    interval_s: u64,
}

#[derive(Deserialize)]
struct Far {
    state: String,
}

#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    detail: String,
}

/// What came of it.
#[derive(Serialize)]
struct Granted<'a> {
    url: &'a str,
    token_file: String,
}

struct Door {
    client: Client,
    origin: Origin,
}

/// Asks, shows the code, waits, and keeps the token once it is granted.
pub(super) fn run(ask: &Login, output: Output) -> anyhow::Result<Ending> {
    let origin: Origin = ask.url.trim_end_matches('/').parse().map_err(|error: edge::Error| {
        usage(format!("{:?} is no address of a server: {error}", ask.url))
    })?;
    let mut allowed = Allowed::default();
    // Whoever names it is the owner: it may be a server of his own, inside.
    allowed.add(origin.clone(), Reach::Private);
    let trust = match &ask.authority {
        Some(path) => Trust::web().and_roots(path)?,
        None => Trust::web(),
    };
    let terms = Terms { body_bytes: ANSWER_BYTES_MAX, ..Terms::default() };
    let door = Door { client: Client::new(&allowed, trust, terms)?, origin };
    // First: what could not be kept is not asked for.
    let file = made(&ask.out)?;
    let secret = ApiSecret::generate(&mut SystemEntropy::new());
    interrupt::listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let granted = runtime.block_on(granted(&door, ask, &secret));
    let kept = granted.and_then(|()| keep(file, &ask.out, &secret));
    if let Err(error) = kept {
        // An empty file in the way of the next try helps nobody.
        let _ = std::fs::remove_file(&ask.out);
        return Err(error);
    }
    let done = Granted { url: &ask.url, token_file: ask.out.display().to_string() };
    output.show(&done, |done| format!("granted: the token is in {}", done.token_file))?;
    Ok(Ending::Done)
}

fn made(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(|| {
        format!("cannot write {}: name a file that is not there yet with --out", path.display())
    })
}

fn keep(mut file: File, path: &Path, secret: &ApiSecret) -> anyhow::Result<()> {
    let written = file.write_all(secret.expose().as_bytes()).and_then(|()| file.sync_all());
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Returns once the person has granted it.
async fn granted(door: &Door, ask: &Login, secret: &ApiSecret) -> anyhow::Result<()> {
    let digest = hex::encode(secret.digest());
    let asked = json!({
        "program": ask.name, "scope": ask.scope, "days": ask.days, "digest": digest,
    });
    let taken: Taken = read(&door.post("/api/v1/petitions", &asked).await?)?;
    // Said even to whoever wants to hear nothing: without it there is nothing to wait for.
    let (page, code, until) = (plain(&taken.page), plain(&taken.code), plain(&taken.expires));
    let told =
        format!("open {page} where you are signed in, and type\n\n    {code}\n\nuntil {until}\n");
    std::io::stderr().lock().write_all(told.as_bytes()).context("cannot show the code")?;
    let pause = Duration::from_secs(taken.interval_s.clamp(1, PAUSE_MAX));
    loop {
        tokio::time::sleep(pause).await;
        if interrupt::asked() {
            bail!("stopped; what was asked for runs out by itself");
        }
        let answer = door.post("/api/v1/petitions/state", &json!({ "digest": digest })).await?;
        if answer.status.as_u16() == 429 {
            continue;
        }
        let far: Far = read(&answer)?;
        match far.state.as_str() {
            "waiting" => {}
            "granted" => return Ok(()),
            _ => bail!("it was refused"),
        }
    }
}

impl Door {
    async fn post(&self, target: &str, body: &serde_json::Value) -> anyhow::Result<Response> {
        let mut request = Request::new(Method::POST, self.origin.clone(), target.to_owned());
        let kind = HeaderValue::from_static("application/json");
        request.headers.push((header::CONTENT_TYPE, kind));
        request.body = Bytes::from(body.to_string());
        let sent = self.client.send(&request, PATIENCE).await;
        sent.with_context(|| format!("cannot reach {}", self.origin))
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Response) -> anyhow::Result<T> {
    if !answer.status.is_success() {
        let told: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
        bail!("the server answers {}: {}", answer.status.as_u16(), plain(&told.detail));
    }
    serde_json::from_slice(&answer.body).context("the server answers something else than Stockade")
}
