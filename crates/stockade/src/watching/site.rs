//! A log, or a witness, at an address.

use super::Error;
use audit::{Submission, TileId, Verifier};
use axum::body::Bytes;
use edge::{Allowed, Client, Origin, Reach, Request, Response, Retry, Terms, Trust};
use http::{HeaderValue, Method, StatusCode, header};
use std::{collections::BTreeMap, fmt, path::Path, str::FromStr, time::Duration};

/// An answer is at most a checkpoint with 64 signatures, or a tile.
const ANSWER_BYTES_MAX: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(15);
/// Tiles that are kept: those of a level are asked for again and again while a proof is put together.
const TILES_KEPT: usize = 64;

/// Where a log is: `https://HOST[:PORT]`, and the prefix of its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    origin: Origin,
    prefix: String,
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Address { text: text.chars().take(80).collect(), why };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("it does not begin with https://".to_owned()));
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let origin = format!("{scheme}://{host}");
        let origin: Origin =
            origin.parse().map_err(|error: edge::Error| wrong(error.to_string()))?;
        let path = path.trim_end_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        if !path.chars().all(plain) || path.split('/').any(|part| part == "..") {
            return Err(wrong(
                "its path has other signs than letters, digits and -._~/".to_owned(),
            ));
        }
        // A server of ours has its log below /log; others are addressed as they are.
        let prefix = if path.is_empty() { "/log".to_owned() } else { format!("/{path}") };
        Ok(Self { origin, prefix })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

/// What a witness answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cosigning {
    /// Its signature lines; whoever trusts it checks them.
    Lines(String),
    /// It has another size than was thought.
    Has(u64),
    /// It does not cosign this.
    Refused(u16),
}

/// An address with a way to ask there.
pub struct Site {
    address: Address,
    client: Client,
    tiles: BTreeMap<TileId, Vec<u8>>,
}

impl Site {
    /// Believes the authorities of the web, and those of a PEM file besides.
    pub fn new(address: Address, authority: Option<&Path>) -> Result<Self, Error> {
        let mut allowed = Allowed::default();
        // Whoever names it is the owner: it may be a server of his own, inside.
        allowed.add(address.origin.clone(), Reach::Private);
        let trust = match authority {
            Some(path) => Trust::web().and_roots(path)?,
            None => Trust::web(),
        };
        let terms = Terms { body_bytes: ANSWER_BYTES_MAX, ..Terms::default() };
        let client = Client::new(&allowed, trust, terms)?;
        Ok(Self { address, client, tiles: BTreeMap::new() })
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The log's key, as it gives it itself.
    pub async fn key(&self) -> Result<Verifier, Error> {
        Ok(self.text("key").await?.parse()?)
    }

    /// The newest checkpoint.
    pub async fn checkpoint(&self) -> Result<String, Error> {
        self.text("checkpoint").await
    }

    /// The largest checkpoint that has cosignatures, with them; [`None`] where the log has no witness.
    pub async fn witnessed(&self) -> Result<Option<String>, Error> {
        match self.text("witnessed").await {
            Err(Error::Status { status: 404, .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// A tile; what is in it is true only if it leads to the root.
    pub async fn tile(&mut self, tile: TileId) -> Result<Vec<u8>, Error> {
        if let Some(known) = self.tiles.get(&tile) {
            return Ok(known.clone());
        }
        let bytes =
            self.ask(Method::GET, &format!("tile/{tile}"), Bytes::new()).await?.body.to_vec();
        if self.tiles.len() >= TILES_KEPT {
            self.tiles.pop_first();
        }
        self.tiles.insert(tile, bytes.clone());
        Ok(bytes)
    }

    /// Asks a witness to cosign.
    pub async fn add_checkpoint(&self, submission: &Submission) -> Result<Cosigning, Error> {
        let body = Bytes::from(submission.to_text());
        let answer = self.send(Method::POST, "add-checkpoint", body).await?;
        let text = || String::from_utf8_lossy(&answer.body).into_owned();
        let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        Ok(match answer.status {
            StatusCode::OK => Cosigning::Lines(text()),
            StatusCode::CONFLICT
                if kind.is_some_and(|kind| kind.starts_with("text/x.tlog.size")) =>
            {
                match text().trim_end().parse() {
                    Ok(size) => Cosigning::Has(size),
                    Err(_) => Cosigning::Refused(409),
                }
            }
            status => Cosigning::Refused(status.as_u16()),
        })
    }

    /// Hands a log the cosignature of a witness that it cannot reach itself.
    pub async fn hand_over(&self, cosigned: String) -> Result<(), Error> {
        self.ask(Method::POST, "cosignatures", Bytes::from(cosigned)).await.map(|_| ())
    }

    async fn text(&self, what: &str) -> Result<String, Error> {
        let answer = self.ask(Method::GET, what, Bytes::new()).await?;
        let url = || format!("{}/{what}", self.address);
        String::from_utf8(answer.body.to_vec())
            .map_err(|_| Error::Answer { url: url(), what: "something that is no text" })
    }

    async fn ask(&self, method: Method, what: &str, body: Bytes) -> Result<Response, Error> {
        let answer = self.send(method, what, body).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let hint = match answer.status.as_u16() {
            403 => ": it does not know this witness, or this log",
            404 => ": there is no log of Stockade there, or it has no such part",
            429 => ": it is asked too often",
            _ => "",
        };
        let url = format!("{}/{what}", self.address);
        Err(Error::Status { url, status: answer.status.as_u16(), hint })
    }

    async fn send(&self, method: Method, what: &str, body: Bytes) -> Result<Response, Error> {
        let url = format!("{}/{what}", self.address);
        let target = format!("{}/{what}", self.address.prefix);
        let mut request = Request::new(method, self.address.origin.clone(), target);
        request.retry = Retry::IfIdempotent;
        if !body.is_empty() {
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            request.headers.push((header::CONTENT_TYPE, text));
            request.body = body;
        }
        let sent = self.client.send(&request, PATIENCE).await;
        sent.map_err(|source| Error::Unreachable { url, source })
    }
}
