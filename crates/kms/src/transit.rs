//! A root key in a service that speaks Vault's transit API: it wraps and unwraps, and keeps the key.
//!
//! This file knows the words of the protocol and no socket: whoever opens a root hands in what
//! carries a call to the service. The service's own `rewrap` takes no associated data, so a key is
//! wrapped anew by being unwrapped and wrapped.

use crate::{
    Error, private_file,
    root::{Attestation, Guard, Label, Root, Versions, Wrapped},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use seal::{Entropy, Secret};
use serde_json::{Map, Value, json};
use std::{fmt, path::PathBuf};

const TOKEN_BYTES_MAX: usize = 4096;
/// A plain answer of the service is a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where the service and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitTerms {
    /// For people: the service's address.
    pub address: String,
    /// Where the engine is mounted.
    pub mount: String,
    /// The key's name.
    pub key: String,
    /// The namespace, if the service has them.
    pub namespace: Option<String>,
    /// The file that has the token, the service manager's or the owner's alone. It is read for
    /// each call, because an agent may replace what is in it.
    pub token: PathBuf,
}

/// What goes to the service.
#[derive(Debug)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, from `/v1/` on.
    pub path: String,
    /// Header lines.
    pub headers: Vec<(&'static str, Secret<String>)>,
    /// The body, JSON; empty for `GET`.
    pub body: Secret<Vec<u8>>,
}

/// What comes back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Secret<Vec<u8>>,
}

/// Carries a call to the service and brings the answer, or says why there is none.
pub type Wire = Box<dyn Fn(&Call) -> Result<Answer, String> + Send + Sync>;

/// A root key in such a service.
pub struct TransitRoot {
    terms: TransitTerms,
    wire: Wire,
    /// The key is derived for each context, which must then be named.
    derived: bool,
}

/// What the service says of the key.
struct About {
    versions: Versions,
    /// By export, or in a backup.
    may_leave: bool,
    deletable: bool,
    derived: bool,
    kind: String,
}

impl TransitRoot {
    /// Asks the service for the key, and looks whether it binds a key to its label: a service too
    /// old for associated data takes it and does not.
    pub fn open(terms: TransitTerms, wire: Wire) -> Result<Self, Error> {
        for part in [&terms.mount, &terms.key] {
            let good = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            if part.is_empty() || part.contains("..") || !part.chars().all(good) {
                let rule =
                    "letters, digits, `-`, `_`, `.` and `/` name a mount or a key of the service";
                return Err(Error::Name { name: part.clone(), rule });
            }
        }
        let mut root = Self { terms, wire, derived: false };
        let about = root.about()?;
        root.derived = about.derived;
        if !["aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305"].contains(&&*about.kind) {
            return Err(root.denied(
                &format!("its type is {}", about.kind),
                "make a key of type aes256-gcm96, which authenticates what it encrypts",
            ));
        }
        root.probe()?;
        Ok(root)
    }

    fn probe(&self) -> Result<(), Error> {
        let label = |version| Label { purpose: "probe", tenant: "house", version };
        let wrapped = self.encrypt(&label(1), b"probe")?;
        self.unwrap(&label(1), &wrapped)?;
        match self.unwrap(&label(2), &wrapped) {
            Err(Error::Misplaced { .. }) => Ok(()),
            Err(other) => Err(other),
            Ok(_) => Err(self.denied(
                "it ignores associated_data",
                "update the service: without it a wrapped key could be put in another's place",
            )),
        }
    }

    fn denied(&self, why: &str, fix: &'static str) -> Error {
        Error::Denied { holder: self.place(), why: why.to_owned(), fix }
    }

    fn away(&self, why: impl Into<String>) -> Error {
        Error::Away { holder: self.place(), why: why.into() }
    }

    fn token(&self) -> Result<Secret<String>, Error> {
        private_file::read_line(&self.terms.token, TOKEN_BYTES_MAX)
    }

    /// The answer to a call, if it is a good one.
    fn ask(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Asked, Error> {
        let mut headers = vec![
            ("x-vault-token", self.token()?),
            // Vault's guard against requests that a browser was talked into.
            ("x-vault-request", Secret::new("true".to_owned())),
        ];
        if let Some(namespace) = &self.terms.namespace {
            headers.push(("x-vault-namespace", Secret::new(namespace.clone())));
        }
        let body = Secret::new(body.map(|body| body.to_string().into_bytes()).unwrap_or_default());
        let path = format!("/v1/{}/{path}", self.terms.mount);
        let answer =
            (self.wire)(&Call { method, path, headers, body }).map_err(|why| self.away(why))?;
        if answer.body.expose().len() > ANSWER_BYTES_MAX {
            return Err(self.away("its answer is longer than the service's are"));
        }
        let body: Value = serde_json::from_slice(answer.body.expose()).unwrap_or(Value::Null);
        let reason = reason(&body);
        match answer.status {
            200 | 204 => Ok(Asked::Good(body)),
            400 | 422 => Ok(Asked::Refused(reason)),
            403 => Err(self.denied(
                &reason,
                "the token in keys.credential needs `update` on encrypt, decrypt and rotate, and `read` on the key",
            )),
            404 => Err(Error::NoRootKey {
                holder: self.place(),
                key: self.terms.key.clone(),
                fix: "make it there, of type aes256-gcm96, or correct keys.mount and keys.key",
            }),
            // 429: it has enough; 472 and 473: a standby; 5xx: sealed, or broken.
            status => Err(self.away(format!("it answers {status}: {reason}"))),
        }
    }

    fn about(&self) -> Result<About, Error> {
        let Asked::Good(body) = self.ask("GET", &format!("keys/{}", self.terms.key), None)? else {
            return Err(self.away("it does not understand a question for its key"));
        };
        let data = body.get("data").and_then(Value::as_object);
        data.and_then(about).ok_or_else(|| self.away("its answer is not that of a transit engine"))
    }

    /// What is sent with a key, its label beside it.
    fn words(&self, label: &Label<'_>, field: &str, value: String) -> Value {
        let place = STANDARD.encode(label.aad());
        let mut words = json!({ "associated_data": place });
        if let Some(words) = words.as_object_mut() {
            words.insert(field.to_owned(), Value::String(value));
            if self.derived {
                words.insert("context".to_owned(), Value::String(place));
            }
        }
        words
    }

    fn encrypt(&self, label: &Label<'_>, key: &[u8]) -> Result<Wrapped, Error> {
        let words = self.words(label, "plaintext", STANDARD.encode(key));
        let path = format!("encrypt/{}", self.terms.key);
        match self.ask("POST", &path, Some(&words))? {
            Asked::Good(body) => field(&body, "ciphertext")
                .and_then(parse)
                .ok_or_else(|| self.away("its answer has no ciphertext")),
            Asked::Refused(why) => Err(self.denied(&why, "the service's own log says more")),
        }
    }
}

enum Asked {
    Good(Value),
    Refused(String),
}

fn field<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get("data")?.get(name)?.as_str()
}

/// The first of the errors that the service names, in one line.
fn reason(body: &Value) -> String {
    let errors = body.get("errors").and_then(Value::as_array);
    let first = errors.and_then(|errors| errors.first()).and_then(Value::as_str);
    let text = first.unwrap_or("no reason given");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn about(data: &Map<String, Value>) -> Option<About> {
    let number = |name| data.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let is = |name| data.get(name).and_then(Value::as_bool);
    let versions =
        Versions { oldest: number("min_decryption_version")?, latest: number("latest_version")? };
    Some(About {
        versions,
        may_leave: is("exportable")? || is("allow_plaintext_backup").unwrap_or(false),
        deletable: is("deletion_allowed").unwrap_or(false),
        derived: is("derived").unwrap_or(false),
        kind: data.get("type")?.as_str()?.to_owned(),
    })
}

/// `vault:v3:BASE64`, taken apart.
fn parse(text: &str) -> Option<Wrapped> {
    let (version, digits) = text.strip_prefix("vault:v")?.split_once(':')?;
    Some(Wrapped { root: version.parse().ok()?, bytes: STANDARD.decode(digits).ok()? })
}

impl Root for TransitRoot {
    fn place(&self) -> String {
        format!("the key {:?} at {}", self.terms.key, self.terms.address)
    }

    fn kind(&self) -> &'static str {
        "transit"
    }

    fn wrap(
        &self,
        label: &Label<'_>,
        key: &[u8],
        _entropy: &mut dyn Entropy,
    ) -> Result<Wrapped, Error> {
        self.encrypt(label, key)
    }

    fn unwrap(&self, label: &Label<'_>, wrapped: &Wrapped) -> Result<Secret<Vec<u8>>, Error> {
        let text = format!("vault:v{}:{}", wrapped.root, STANDARD.encode(&wrapped.bytes));
        let words = self.words(label, "ciphertext", text);
        let misplaced = || Error::Misplaced { holder: self.place(), label: label.to_string() };
        match self.ask("POST", &format!("decrypt/{}", self.terms.key), Some(&words))? {
            Asked::Good(body) => {
                let plaintext =
                    field(&body, "plaintext").and_then(|text| STANDARD.decode(text).ok());
                plaintext.map(Secret::new).ok_or_else(|| self.away("its answer has no plaintext"))
            }
            Asked::Refused(why) if why.contains("too old") || why.contains("too new") => {
                Err(Error::NoVersion { holder: self.place(), version: wrapped.root })
            }
            Asked::Refused(_) => Err(misplaced()),
        }
    }

    fn versions(&self) -> Result<Versions, Error> {
        Ok(self.about()?.versions)
    }

    fn rotate(&self, _entropy: &mut dyn Entropy) -> Result<u32, Error> {
        match self.ask("POST", &format!("keys/{}/rotate", self.terms.key), Some(&json!({})))? {
            Asked::Good(_) => Ok(self.versions()?.latest),
            Asked::Refused(why) => Err(self.denied(&why, "the service's own log says more")),
        }
    }

    fn attest(&self) -> Result<Attestation, Error> {
        let about = self.about()?;
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        Ok(Attestation {
            guard: Guard::Service,
            device: vec![
                ("service", self.terms.address.clone()),
                ("key type", about.kind.clone()),
                ("key version", about.versions.latest.to_string()),
                ("unwraps from version", about.versions.oldest.to_string()),
                ("may be deleted", yes(about.deletable)),
            ],
            extractable: about.may_leave,
            // Both settings only ever go from off to on.
            never_extractable: !about.may_leave,
            made_inside: false,
        })
    }
}

impl fmt::Debug for TransitRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransitRoot({})", self.place())
    }
}
