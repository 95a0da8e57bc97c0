//! An event as the protocol has it: <https://develop.sentry.dev/sdk/foundations/transport/envelopes/>.

use super::clean;
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::random;
use serde_json::{Value, json};

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `Panic` or `ServerError`.
    pub kind: &'static str,
    /// What was said, as it was said.
    pub told: String,
    /// Method and pattern of the route; never a path.
    pub route: Option<String>,
    /// The status that was answered.
    pub status: Option<u16>,
    /// File and line of the source.
    pub place: Option<(String, u32)>,
}

/// A fault, cleaned, with a number.
#[derive(Debug, Clone)]
pub struct Event {
    id: String,
    payload: Value,
}

impl Event {
    /// What may be told of a fault: no body, no header, no address, no number of a person.
    #[must_use]
    pub fn of(fault: &Fault, environment: &str, now: Timestamp) -> Self {
        let id = hex::encode(random::<16>(&mut SystemEntropy::new()));
        let version = env!("CARGO_PKG_VERSION");
        let stack = fault.place.as_ref().map(|(file, line)| {
            // Of a dependency only the name below the registry: the rest says where somebody's home is.
            let from = file.find("crates/").or_else(|| file.rfind("/src/").map(|at| at + 1));
            let file = from.and_then(|from| file.get(from..)).unwrap_or("unknown");
            let is_ours = file.starts_with("crates/");
            json!({ "frames": [{ "filename": file, "lineno": line, "in_app": is_ours }] })
        });
        let told = clean(&fault.told);
        let exception = json!({ "type": fault.kind, "value": told, "stacktrace": stack });
        let tags = fault.status.map(|status| json!({ "status": status.to_string() }));
        let payload = json!({
            "event_id": id,
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "platform": "native",
            "level": if fault.kind == "Panic" { "fatal" } else { "error" },
            "logger": "stockade",
            "release": format!("stockade@{version}"),
            "environment": environment,
            "tags": tags,
            "transaction": fault.route,
            "exception": { "values": [exception] },
        });
        Self { id, payload }
    }

    /// The body of a request: a line for the envelope, a line for its one item, and the item.
    #[must_use]
    pub fn envelope(&self, now: Timestamp) -> Vec<u8> {
        let payload = self.payload.to_string();
        let sent_at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let head = json!({ "event_id": self.id, "sent_at": sent_at });
        let item = json!({
            "type": "event", "length": payload.len(), "content_type": "application/json",
        });
        format!("{head}\n{item}\n{payload}\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of an envelope, as the book says.
    const ENVELOPE_BYTES_MAX: usize = 16 << 10;

    #[test]
    fn an_envelope_is_three_lines_and_its_item_is_as_long_as_it_says() {
        let fault = Fault {
            kind: "Panic",
            told: "no \"canary\"\nfor ada@example.org".repeat(1000),
            route: Some("GET /api/v1/users/{id}".to_owned()),
            status: Some(500),
            place: Some(("/home/canary/.cargo/registry/src/x-1.0/src/lib.rs".to_owned(), 7)),
        };
        let now = Timestamp::UNIX_EPOCH;
        let bytes = Event::of(&fault, "production", now).envelope(now);
        assert!(bytes.len() < ENVELOPE_BYTES_MAX);
        let text = String::from_utf8(bytes).expect("text");
        assert!(!text.contains("canary") && !text.contains("ada@"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let [head, item, payload] = lines[..] else { panic!("{text}") };
        let read = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
        assert_eq!(read(item)["length"], payload.len());
        assert_eq!(read(head)["event_id"], read(payload)["event_id"]);
        let payload = read(payload);
        assert_eq!(payload["transaction"], "GET /api/v1/users/{id}");
        assert_eq!(payload["tags"]["status"], "500");
        let frame = &payload["exception"]["values"][0]["stacktrace"]["frames"][0];
        assert_eq!(
            (frame["filename"].as_str(), frame["in_app"].as_bool()),
            (Some("src/lib.rs"), Some(false))
        );
    }
}
