//! The last look at what goes out: an answer that holds one of the server's own secrets is not sent.
//!
//! No route means to say one, so this is a net below the types, not a way to hide things. It knows no secret:
//! of each it has the length, 16 bits that say where to look, and an authentication code under a key of this
//! process's own. A secret of fewer than 16 bytes could stand in an innocent text and is not looked for, and
//! neither is one that is written in another way than it was put in.

use super::{Problem, state::App};
use crate::desk::{Desk, Result};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use http::header;
use http_body::Body as _;
use kms::SystemEntropy;
use seal::{MacKey, Secret, random};
use std::{
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
};

/// Shorter ones are words.
pub(super) const SECRET_BYTES_MIN: usize = 16;
/// Answers up to this size are looked at before their first byte leaves.
const WHOLE_BYTES_MAX: u64 = 8 << 20;
/// Bytes that say where to look.
const HEAD: usize = 8;

/// The secrets that no answer may hold.
#[derive(Debug, Default)]
pub struct Withheld(RwLock<Arc<Net>>);

impl Withheld {
    /// Learns anew what is sealed. What cannot be read is logged, and what was known stays known.
    pub async fn know(&self, desk: &Desk) {
        match learnt(desk).await {
            Ok(net) => {
                *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(net);
            }
            Err(error) => tracing::error!(%error, "the sealed secrets cannot be read"),
        }
    }

    /// Whether a text holds one of them.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        self.net().holds(text.as_bytes())
    }

    fn net(&self) -> Arc<Net> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn learnt(desk: &Desk) -> Result<Net> {
    let secrets = desk.secrets()?;
    tokio::task::spawn_blocking(move || {
        let mut values = Vec::new();
        for listed in secrets.list()? {
            values.extend(secrets.find(&listed.name)?);
        }
        Ok(Net::of(&values))
    })
    .await?
}

/// What is known of the secrets.
struct Net {
    /// A bit for each place where the heads of secrets come to.
    places: Vec<u64>,
    factor: u64,
    mac: MacKey,
    /// Place, length and code of each.
    secrets: Vec<(u16, usize, [u8; 32])>,
    longest: usize,
}

impl Default for Net {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Net({} secrets)", self.secrets.len())
    }
}

impl Net {
    fn of(values: &[Secret<Vec<u8>>]) -> Self {
        let entropy = &mut SystemEntropy::new();
        // Odd, so that no two heads of eight bytes are the same before the top is taken.
        let factor = u64::from_be_bytes(random(entropy)) | 1;
        let mac = MacKey::new(Secret::new(random(entropy)));
        let mut net =
            Self { places: vec![0; 1 << 10], factor, mac, secrets: Vec::new(), longest: 0 };
        for value in values.iter().map(Secret::expose) {
            let text = value.iter().all(|byte| !byte.is_ascii_control());
            let head = value.first_chunk::<HEAD>();
            let (true, true, Some(head)) = (text, value.len() >= SECRET_BYTES_MIN, head) else {
                continue;
            };
            let place = net.place(*head);
            if let Some(bits) = net.places.get_mut(usize::from(place >> 6)) {
                *bits |= 1 << (place & 63);
            }
            net.secrets.push((place, value.len(), net.mac.tag(&[value])));
            net.longest = net.longest.max(value.len());
        }
        net
    }

    fn place(&self, head: [u8; HEAD]) -> u16 {
        let [high, low, ..] = u64::from_le_bytes(head).wrapping_mul(self.factor).to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// Whether a secret stands somewhere in a text.
    fn holds(&self, text: &[u8]) -> bool {
        !self.secrets.is_empty()
            && text.windows(HEAD).enumerate().any(|(start, head)| {
                let Ok(head) = head.try_into() else { return false };
                let place = self.place(head);
                let bits = self.places.get(usize::from(place >> 6)).copied().unwrap_or(0);
                bits >> (place & 63) & 1 == 1 && self.begins(place, text.get(start..))
            })
    }

    fn begins(&self, place: u16, rest: Option<&[u8]>) -> bool {
        let mut of_place = self.secrets.iter().filter(|(known, ..)| *known == place);
        of_place.any(|(_, length, code)| {
            let part = rest.and_then(|rest| rest.get(..*length));
            part.is_some_and(|part| self.mac.verify(&[part], code))
        })
    }
}

/// Looks at an answer: whole where it is small, piece by piece where it is a stream.
pub async fn withhold(State(app): State<App>, request: Request, next: Next) -> Response {
    let secrets = app.withheld().net();
    let response = next.run(request).await;
    if secrets.secrets.is_empty() || !is_text(&response) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let small = body.size_hint().exact().filter(|bytes| *bytes <= WHOLE_BYTES_MAX);
    let Some(bytes) = small.and_then(|bytes| usize::try_from(bytes).ok()) else {
        return Response::from_parts(parts, watched(body, secrets));
    };
    match axum::body::to_bytes(body, bytes).await {
        Ok(bytes) if secrets.holds(&bytes) => {
            Problem::internal(&"an answer held a secret of this server, and was not sent")
                .into_response()
        }
        Ok(bytes) => Response::from_parts(parts, Body::from(bytes)),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// Pictures, fonts and packed columns hold no text of ours.
fn is_text(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/") || kind.contains("json") || kind.contains("xml")
}

/// A stream that is cut off where a secret would be complete.
fn watched(body: Body, net: Arc<Net>) -> Body {
    let mut before: Vec<u8> = Vec::new();
    let pieces = body.into_data_stream().map(move |piece| {
        let piece: Bytes = piece.map_err(io::Error::other)?;
        before.extend_from_slice(&piece);
        if net.holds(&before) {
            tracing::error!("an answer held a secret of this server, and was cut off");
            return Err(io::Error::other("withheld"));
        }
        let kept = net.longest.saturating_sub(1);
        before.drain(..before.len().saturating_sub(kept));
        Ok(piece)
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary-7c1f9e2b5a";

    fn net(values: &[&str]) -> Net {
        let secret = |text: &&str| Secret::new(text.as_bytes().to_vec());
        Net::of(&values.iter().map(secret).collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_is_found_wherever_it_stands_and_nothing_else_is() {
        let net = net(&[CANARY, "another-secret-of-some-length"]);
        let check = |text: &str, want: bool| assert_eq!(net.holds(text.as_bytes()), want, "{text}");
        check(CANARY, true);
        check(&format!("{{\"key\":\"{CANARY}\"}}"), true);
        check("x another-secret-of-some-length", true);
        check("", false);
        check("canary", false);
        check("canary-7c1f9e2b5", false);
        check("canary-7c1f9e2b5b", false);
        check(&"no secret here, ".repeat(5000), false);
        check(&(("x".repeat(100_000)) + CANARY), true);
    }

    #[test]
    fn words_are_no_secrets() {
        let net = net(&["password", "fifteen-bytes-.", "two\nlines of a key that signs"]);
        assert!(net.secrets.is_empty() && !net.holds(b"password"));
    }

    #[test]
    fn what_is_known_is_no_secret() {
        let net = net(&[CANARY]);
        let (_, _, code) = net.secrets.first().expect("one");
        assert_ne!(*code, seal::sha256(CANARY.as_bytes()), "a hash could be tried against");
        assert!(!format!("{net:?}").contains("canary"));
    }

    #[tokio::test]
    async fn a_stream_is_cut_off_before_a_secret_is_complete() {
        let pieces = ["before ", "canary-7c1f", "9e2b5a", " after"];
        let pieces = futures_util::stream::iter(pieces.map(Ok::<_, io::Error>));
        let mut watched = watched(Body::from_stream(pieces), Arc::new(net(&[CANARY])));
        let mut seen = Vec::new();
        let mut stream = std::mem::take(&mut watched).into_data_stream();
        while let Some(Ok(piece)) = stream.next().await {
            seen.extend_from_slice(&piece);
        }
        assert_eq!(String::from_utf8(seen).expect("text"), "before canary-7c1f");
    }
}
