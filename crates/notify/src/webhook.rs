//! A webhook of one's own, signed as Standard Webhooks 1.0 describe (`v1`: HMAC-SHA256).
//!
//! The receiver finds three headers: `webhook-id` (the same on every retry), `webhook-timestamp` (seconds
//! since 1970 of this attempt) and `webhook-signature`: `v1,` and the base64 of the HMAC-SHA256 of
//! `ID.TIMESTAMP.BODY` under its key; two of them, a space between, while a key is changed.

use crate::{Address, Endpoint, Error, Notice, Outgoing};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use seal::{Secret, hmac_sha256};
use serde_json::json;

/// A key has at least 24 bytes (192 bits) and at most 64 (512 bits).
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A signing key: `whsec_` and base64.
#[derive(Debug, Clone)]
pub struct WebhookKey(Secret<Vec<u8>>);

impl WebhookKey {
    /// Parses `whsec_BASE64`, or the base64 alone.
    pub fn parse(text: &Secret<String>) -> Result<Self, Error> {
        let text = text.expose().trim();
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok();
        let bytes =
            bytes.map(Secret::new).filter(|bytes| KEY_BYTES.contains(&bytes.expose().len()));
        bytes.map(Self).ok_or(Error::Malformed {
            what: "webhook.key",
            why: "a key is whsec_ and the base64 of 24 to 64 random bytes; `openssl rand -base64 32` makes one",
        })
    }

    /// `v1,` and the signature of one attempt.
    #[must_use]
    pub fn sign(&self, id: &str, second: i64, body: &str) -> String {
        let signed = format!("{id}.{second}.{body}");
        let tag = hmac_sha256(self.0.expose(), signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }
}

/// Any address, signed.
#[derive(Debug, Clone)]
pub struct Webhook {
    endpoint: Endpoint,
    key: WebhookKey,
    former: Option<WebhookKey>,
}

impl Webhook {
    /// From the address and the key.
    pub fn new(url: &Secret<String>, key: WebhookKey) -> Result<Self, Error> {
        Ok(Self { endpoint: Endpoint::parse("webhook.url", url)?, key, former: None })
    }

    /// The same, signed with the former key too, until the receiver has the new one.
    #[must_use]
    pub fn and_former_key(self, former: WebhookKey) -> Self {
        Self { former: Some(former), ..self }
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn request(&self, notice: &Notice, now: Timestamp) -> Outgoing {
        let id = format!("msg_{}", notice.id());
        let second = now.as_second();
        let body = json!({
            "type": "stockade.notice",
            "timestamp": notice.at().to_string(),
            "data": {
                "key": notice.key(),
                "level": notice.level().name(),
                "title": notice.title(),
                "lines": notice.lines(),
            },
        });
        let mut outgoing =
            Outgoing::json(Method::POST, self.endpoint.clone(), Address::Secret, &body);
        let keys = std::iter::once(&self.key).chain(&self.former);
        let signatures: Vec<String> =
            keys.map(|key| key.sign(&id, second, &outgoing.body)).collect();
        let headers = [
            (HeaderName::from_static("webhook-id"), id),
            (HeaderName::from_static("webhook-timestamp"), second.to_string()),
            (HeaderName::from_static("webhook-signature"), signatures.join(" ")),
        ];
        outgoing.headers.extend(headers.map(|(name, value)| {
            let value = HeaderValue::try_from(value);
            (name, value.expect("hex, digits and base64 are visible characters"))
        }));
        outgoing
    }
}
