//! How a good server behaves, as far as a visitor sees it.

use super::{World, ledger::Ledger};
use audit::posture::{Evidence, Health, HealthPart, Posture, PostureRow, Standing};
use jiff::{SignedDuration, Timestamp};
use seal::{AgeIdentity, OpenPgpKey, Secret, SeededEntropy, SigningKey};
use std::{collections::BTreeMap, io::Read, sync::atomic::Ordering};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    pub is_malformed: bool,
}

impl Asked {
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What goes back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body: body.into() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Puts a value in place of what the header says; nothing takes it away.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(one, _)| one != name);
        if value.is_empty() { self } else { self.with(name, value) }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut head =
            format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// A request from a stream; none where it has ended.
pub fn read(stream: &mut impl Read) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let (mut headers, mut is_malformed) = (BTreeMap::new(), false);
    for line in lines {
        match line.split_once(": ") {
            Some((name, value)) => drop(headers.insert(name.to_owned(), value.to_owned())),
            None => is_malformed = true,
        }
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&piece[..count]);
    }
    Some(Asked { method, path, headers, body, is_malformed })
}

/// What a good server says on every answer.
pub const ALWAYS: [(&str, &str); 10] = [
    ("strict-transport-security", "max-age=63072000; includeSubDomains; preload"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "0"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
];

pub fn hardened(mut reply: Reply, path: &str) -> Reply {
    for (name, value) in ALWAYS {
        reply = reply.with(name, value);
    }
    if path.starts_with("/api/") { reply.with("cache-control", "no-store") } else { reply }
}

pub fn problem(status: u16) -> Reply {
    Reply::new(status, "application/problem+json", format!("{{\"status\":{status}}}"))
}

const OPENAPI: &str = r#"{ "paths": {
  "/health": { "get": {} },
  "/api/v1/session": { "get": {} },
  "/api/v1/sign-in": { "post": {} },
  "/api/v1/sessions": { "get": { "security": [{ "session": [] }] } },
  "/api/v1/factors": { "get": { "security": [{ "session": [] }, { "token": [] }] } },
  "/api/v1/factors/check": { "post": { "security": [{ "session": [] }, { "token": [] }] } },
  "/api/v1/routes": { "get": { "security": [{ "session": [] }] } },
  "/api/v1/things": { "get": { "security": [{ "session": [] }] } },
  "/api/v1/things/{id}": {
    "get": { "security": [{ "session": [] }, { "token": [] }] },
    "delete": { "security": [{ "session": [] }] }
  }
} }"#;

pub const PAGE: &str = "<!doctype html><link rel=\"stylesheet\" href=\"/a.css\">\
<script src=\"/a.js\" type=\"module\"></script><a href=\"https://elsewhere.example\">elsewhere</a>";

/// The reply of a server that does all right.
pub fn good(asked: &Asked, world: &World) -> Reply {
    let reply = if asked.is_malformed {
        problem(400).with("connection", "close")
    } else if !asked.header("host").starts_with(super::NAME) {
        problem(421)
    } else {
        answered(asked, world)
    };
    hardened(reply, &asked.path)
}

fn answered(asked: &Asked, world: &World) -> Reply {
    let json = "application/json";
    if asked.path == "/api/v1/session" && world.asked.fetch_add(1, Ordering::Relaxed) >= 60 {
        return problem(429).with("retry-after", "30");
    }
    if let Some(reply) = world.people.answer(asked, &world.ledger) {
        return reply;
    }
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/") if asked.header("if-none-match") == "\"1\"" => {
            Reply::new(304, "text/html", "")
        }
        ("GET", "/") => Reply::new(200, "text/html; charset=utf-8", PAGE).with("etag", "\"1\""),
        ("GET", "/a.css") => Reply::new(200, "text/css", "a { color: red }"),
        ("GET", "/security/style.css") => Reply::new(200, "text/css", "p { color: red }"),
        ("GET", "/a.js") => Reply::new(200, "text/javascript", "0"),
        ("GET", "/health") => Reply::new(200, json, "{}"),
        (_, "/health") => problem(405),
        ("GET", "/openapi.json") => Reply::new(200, json, OPENAPI),
        ("GET", "/.well-known/stockade/posture.json") => {
            Reply::new(200, json, world.posture.seal(&world.signer))
        }
        ("GET", "/.well-known/stockade/health.json") => {
            Reply::new(200, json, world.health.seal(&world.signer))
        }
        ("GET", "/.well-known/stockade/posture-key") => {
            Reply::new(200, "text/plain", format!("{}\n", world.signer.verifier()))
        }
        ("GET", "/security") => Reply::new(200, "text/html; charset=utf-8", page(world)),
        ("GET", path) if path.starts_with("/log/") => log(path, world),
        ("GET", path) if path.starts_with("/security/") || path.contains("security") => {
            reporting(path, world)
        }
        ("POST", "/api/v1/letters") => Reply::new(429, json, "{\"code\":\"work\"}"),
        ("GET", "/api/v1/session") => Reply::new(200, json, "{\"state\":\"none\"}"),
        ("POST", "/api/v1/sign-out") => Reply::new(204, json, "").with(
            "set-cookie",
            "__Host-stockade-access=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict",
        ),
        ("POST", "/api/v1/sign-in") if asked.body.len() > 20_000 => problem(413),
        ("POST", "/api/v1/sign-in") if asked.header("content-type") != json => problem(415),
        ("POST", "/api/v1/sign-in") => problem(422),
        (_, path) if path.starts_with("/api/v1/no-such") => problem(404),
        (_, path) if path.starts_with("/api/") => problem(401),
        _ => problem(404),
    }
}

/// Where weaknesses are reported.
fn reporting(path: &str, world: &World) -> Reply {
    let terms = "# Terms\n- 90 days\n";
    let text = "text/plain; charset=utf-8";
    let html = "text/html; charset=utf-8";
    let key = SigningKey::from_seed(&Secret::new([21; 32]));
    let key = OpenPgpKey::new(key, 1_700_000_000, "security.txt of the twin");
    match path {
        "/.well-known/security.txt" => {
            let now = Timestamp::now();
            let until = now + SignedDuration::from_hours(24 * 90);
            let own = format!("https://{}:{}", super::NAME, world.port);
            let words = format!(
                "Contact: mailto:security@twin.example\nExpires: {until:.0}\n\
                 Canonical: {own}/.well-known/security.txt\n"
            );
            Reply::new(200, text, key.sign(&words, u32::try_from(now.as_second()).unwrap()))
        }
        "/.well-known/stockade/security-key.asc" => Reply::new(200, text, key.published()),
        "/security/report" => Reply::new(
            200,
            html,
            "<form method=\"post\"><textarea name=\"text\"></textarea></form>",
        ),
        "/security/report/recipients" => {
            let one = AgeIdentity::generate(&mut SeededEntropy::new(1)).recipient();
            Reply::new(200, text, format!("{one}\n"))
        }
        "/security/policy" => {
            let digest = hex::encode(seal::sha256(terms.as_bytes()));
            Reply::new(200, html, format!("<p>{digest}</p>"))
        }
        "/security/policy/en" | "/security/policy/de" => Reply::new(200, text, terms),
        _ => problem(404),
    }
}

/// How all claims stand at the twin, as it would sign it.
pub fn posture(ledger: &Ledger, port: u16, spki_sha256: &str) -> Posture {
    let now = Timestamp::now();
    let row = |claim: &audit::Claim| PostureRow::of(claim, &Evidence::default(), now);
    Posture {
        subject: format!("https://{}:{port}", super::NAME),
        spki_sha256: spki_sha256.to_owned(),
        made_at: now,
        version: "0.1.0".to_owned(),
        checkpoint: ledger.note(ledger.size.min(280)),
        log_key: ledger.signer.verifier().to_string(),
        rows: audit::claims().iter().map(row).collect(),
    }
}

/// How the twin's parts stand.
pub fn health(port: u16, spki_sha256: &str) -> Health {
    let now = Timestamp::now();
    let named = |(name, needed): (&str, bool)| HealthPart {
        part: name.to_owned(),
        standing: Standing::Good,
        needed,
        probed_at: Some(now),
        fresh_s: 600,
    };
    Health {
        subject: format!("https://{}:{port}", super::NAME),
        spki_sha256: spki_sha256.to_owned(),
        made_at: now,
        version: "0.1.0".to_owned(),
        parts: [("database", true), ("letters", false)].map(named).to_vec(),
    }
}

const STYLED: &str = "<link rel=\"stylesheet\" href=\"/security/style.css\">";

fn page(world: &World) -> String {
    let mut text =
        format!("<!doctype html>{STYLED}<p>rcgen self signed cert, until {}</p>\n", world.last_day);
    for row in &world.posture.rows {
        let (id, state) = (&row.id, row.state);
        text.push_str(&format!("<article id=\"{id}\"><h3>{id}</h3><p>{state}</p></article>\n"));
    }
    text
}

fn log(path: &str, world: &World) -> Reply {
    let ledger = &world.ledger;
    let text = |text: String| Reply::new(200, "text/plain; charset=utf-8", text);
    match path {
        "/log/key" => text(format!("{}\n", ledger.signer.verifier())),
        "/log/checkpoint" => text(ledger.note(ledger.size)),
        "/log/witnessed" => text(ledger.witnessed()),
        _ => match path.strip_prefix("/log/tile/").and_then(|path| ledger.tile(path)) {
            Some(bytes) => Reply::new(200, "application/octet-stream", bytes),
            None => problem(404),
        },
    }
}

/// Without TLS: sent on for good.
pub fn sent_on(asked: &Asked, port: u16) -> Reply {
    if asked.path.starts_with("/api/") {
        return problem(403);
    }
    let place = format!("https://{}:{port}{}", super::NAME, asked.path);
    Reply::new(308, "text/plain", "").with("location", place)
}
