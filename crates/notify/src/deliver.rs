//! Sending, and what an answer means.

use crate::{Delivery, Outgoing, clean, cut};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use serde_json::Value;
use std::fmt::Display;

/// The most of an answer's body that is read.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What the caller's HTTP client got back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header `Retry-After`, as it stands.
    pub retry_after: Option<String>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived.
    Sent,
    /// Try the same again, not before `after` if the other side said so.
    Later {
        /// How long to wait at least.
        after: Option<SignedDuration>,
        /// What was said.
        why: String,
    },
    /// This message is not taken, others may be.
    Refused {
        /// What was said.
        why: String,
    },
    /// Nothing is taken until the owner mends the settings.
    Denied {
        /// What was said.
        why: String,
    },
}

/// Sends; `http` is the caller's client and sees to time-outs, and follows no redirect.
pub async fn deliver<F, Sending, E>(delivery: Delivery, now: Timestamp, http: F) -> Verdict
where
    F: FnOnce(Outgoing) -> Sending,
    Sending: Future<Output = Result<Answer, E>>,
    E: Display,
{
    let outgoing = match delivery {
        Delivery::Mail(mailing) => return mailing.send().await,
        Delivery::Http(outgoing) => *outgoing,
    };
    let endpoint = outgoing.endpoint.clone();
    match http(outgoing).await {
        Ok(answer) => answer.verdict(now),
        // Clients like to put the address into their errors, and the address may be a secret.
        Err(error) => {
            let why = cut(&clean(&endpoint.redact(&error.to_string())), 200);
            Verdict::Later { after: None, why }
        }
    }
}

impl Answer {
    /// What the answer means.
    #[must_use]
    pub fn verdict(&self, now: Timestamp) -> Verdict {
        let status = self.status.as_u16();
        let body = self.body.get(..BODY_BYTES_MAX).unwrap_or(&self.body);
        let json = serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
        let why = format!("HTTP {status}{}", said(&json, body));
        match status {
            200..=299 => Verdict::Sent,
            408 | 425 | 429 | 500..=599 => Verdict::Later { after: self.wait(&json, now), why },
            300..=399 => Verdict::Denied {
                why: format!("HTTP {status}: the address has moved; set the new one"),
            },
            401 | 403 | 404 | 405 | 407 | 410 => Verdict::Denied { why },
            _ => Verdict::Refused { why },
        }
    }

    /// The longest wait that the answer asks for, in any of the ways that vendors have.
    fn wait(&self, json: &Value, now: Timestamp) -> Option<SignedDuration> {
        let header = self.retry_after.as_deref().map(str::trim).and_then(|text| {
            if let Ok(seconds) = text.parse::<u32>() {
                return Some(SignedDuration::from_secs(i64::from(seconds)));
            }
            let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Some(at.duration_since(now).max(SignedDuration::ZERO))
        });
        let seconds = json.pointer("/parameters/retry_after").or_else(|| json.get("retry_after"));
        let seconds = seconds.and_then(Value::as_f64).and_then(duration);
        let milliseconds = json.get("retry_after_ms").and_then(Value::as_u64);
        let milliseconds = milliseconds.and_then(|ms| i64::try_from(ms).ok());
        let milliseconds = milliseconds.map(SignedDuration::from_millis);
        header.into_iter().chain(seconds).chain(milliseconds).max()
    }
}

/// A wait from seconds with a fraction, if it is one.
fn duration(seconds: f64) -> Option<SignedDuration> {
    let sane = (0.0..=1e9).contains(&seconds);
    sane.then(|| SignedDuration::try_from_secs_f64(seconds).ok()).flatten()
}

/// What the answer says of itself: the field that the vendors use, or the text.
fn said(json: &Value, body: &[u8]) -> String {
    let field = ["description", "message", "error"];
    let field = field.iter().find_map(|name| json.get(name).and_then(Value::as_str));
    let text = field.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    let text = cut(&clean(&text), 160);
    // A page for a browser says nothing in 160 characters.
    if text.is_empty() || text.starts_with('<') { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_614_265_330;

    fn verdict(status: u16, retry_after: Option<&str>, body: &str) -> Verdict {
        let answer = Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after: retry_after.map(str::to_owned),
            body: body.as_bytes().to_vec(),
        };
        answer.verdict(Timestamp::from_second(NOW).expect("in range"))
    }

    #[test]
    fn an_answer_is_read_as_its_vendor_means_it() {
        let check = |status, header, body, want: &str| {
            let text = match verdict(status, header, body) {
                Verdict::Sent => "sent".to_owned(),
                Verdict::Later { after, why } => {
                    format!("later {} {why}", after.map_or(-1, |after| after.as_millis()))
                }
                Verdict::Refused { why } => format!("refused {why}"),
                Verdict::Denied { why } => format!("denied {why}"),
            };
            assert_eq!(text, want);
        };
        check(200, None, r#"{"ok":true,"result":{}}"#, "sent");
        check(204, None, "", "sent");
        // Telegram.
        check(
            429,
            None,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 14","parameters":{"retry_after":14}}"#,
            "later 14000 HTTP 429: Too Many Requests: retry after 14",
        );
        check(
            403,
            None,
            r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
            "denied HTTP 403: Forbidden: bot was blocked by the user",
        );
        // Discord: a fraction of a second.
        check(
            429,
            Some("1"),
            r#"{"message":"You are being rate limited.","retry_after":1.336,"global":false}"#,
            "later 1336 HTTP 429: You are being rate limited.",
        );
        // Slack.
        check(429, Some("30"), "rate_limited", "later 30000 HTTP 429: rate_limited");
        check(404, None, "no_service", "denied HTTP 404: no_service");
        check(400, None, "invalid_payload", "refused HTTP 400: invalid_payload");
        // Matrix.
        check(
            429,
            None,
            r#"{"errcode":"M_LIMIT_EXCEEDED","error":"Too many requests","retry_after_ms":2000}"#,
            "later 2000 HTTP 429: Too many requests",
        );
        // Anybody.
        check(503, Some("Thu, 25 Feb 2021 15:02:20 GMT"), "<html>", "later 10000 HTTP 503");
        check(503, Some("Thu, 25 Feb 2021 15:00:00 GMT"), "", "later 0 HTTP 503");
        check(502, Some("soon"), "\u{1b}[2Jbad gateway", "later -1 HTTP 502: bad gateway");
        check(302, None, "", "denied HTTP 302: the address has moved; set the new one");
        check(410, None, "", "denied HTTP 410");
        check(429, None, r#"{"retry_after":-1}"#, "later -1 HTTP 429: {\"retry_after\":-1}");
        check(429, None, r#"{"retry_after":1e300}"#, "later -1 HTTP 429: {\"retry_after\":1e300}");
    }
}
