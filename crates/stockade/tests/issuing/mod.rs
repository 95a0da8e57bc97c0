//! A house that issues licences, and instances that ask for its seats.

use crate::asked::{Asker, Seen};
use crate::browser::{Browser, start};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use license::{Question, issuer_from_text};
use seal::{Secret, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use stockade::server::{self, Server};
use store::LogPage;

const KINDS: [&str; 7] = [
    "licence.issued",
    "licence.activated",
    "licence.checked",
    "licence.suspended",
    "licence.resumed",
    "licence.revoked",
    "licence.released",
];
pub const NOTE: &str = "Ada Lovelace, order 4711";

/// A server with an owner, and somebody without a session who asks it.
pub struct House {
    pub server: Server,
    pub owner: Browser,
    pub nobody: Arc<Asker>,
}

/// A licence that was issued.
pub struct Issued {
    pub id: String,
    pub file: String,
    pub issuer: VerifyingKey,
}

/// A bot's side: a key of its own, and what it has counted.
pub struct Instance {
    pub key: SigningKey,
    pub id: String,
    pub boots: u32,
    pub asked: u8,
}

impl House {
    pub async fn new(root: &Path) -> Self {
        let server = start(root).await;
        let mut owner = Browser::new(&server);
        owner.set_up(&server).await;
        let nobody = Arc::new(Asker::of(server::router(server.app()), String::new()));
        Self { server, owner, nobody }
    }

    pub async fn issue(&mut self, more: Value) -> Issued {
        let mut form = json!({ "edition": "pro", "entitlements": ["live"], "instances": 1,
            "paid_until": "2090-01-01", "grace_hours": 72, "trial": false, "note": NOTE });
        form.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        let made = self.owner.post("/api/v1/licences", form).await.expect(201).json();
        let issuer = issuer_from_text(made["issuer"].as_str().expect("text")).expect("a key");
        let file = made["file"].as_str().expect("text").to_owned();
        Issued { id: made["licence"]["id"].as_str().expect("an id").to_owned(), file, issuer }
    }

    pub async fn act(&mut self, licence: &Issued, act: &str, status: u16) {
        let path = format!("/api/v1/licences/{}/{act}", licence.id);
        self.owner.post(&path, json!({})).await.expect(status);
    }

    pub async fn release(&mut self, licence: &Issued, instance: &str, status: u16) {
        let path = format!("/api/v1/licences/{}/release", licence.id);
        self.owner.post(&path, json!({ "instance": instance })).await.expect(status);
    }

    pub async fn activate(&self, file: &str, request: &str) -> Seen {
        let body = json!({ "file": file, "request": request });
        self.nobody.ask(Method::POST, "/v1/licences/activate", Some(body)).await
    }

    pub async fn check(&self, request: &str) -> Seen {
        let body = json!({ "request": request });
        self.nobody.ask(Method::POST, "/v1/licences/check", Some(body)).await
    }

    /// An instance that has a seat.
    pub async fn seated(&self, licence: &Issued, key: u8) -> Instance {
        let mut instance = Instance::new(key);
        let asked = instance.activation(licence);
        let seen = self.activate(&licence.file, &asked).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        seen.json()["instance"].as_str().expect("an id").clone_into(&mut instance.id);
        instance
    }

    /// The entries about licences, by kind.
    pub async fn entries(&self) -> BTreeMap<&'static str, Vec<u64>> {
        let mut found = BTreeMap::new();
        for kind in KINDS {
            let of = Some(kind.parse().expect("a kind"));
            let page = LogPage { kind: of, limit: 500, ..LogPage::default() };
            let lines = self.server.app().desk().log(&page).await.expect("reads").lines;
            found.insert(kind, lines.iter().map(|line| line.index).collect());
        }
        found
    }

    /// Exactly one entry came since, of this kind; its receipt proves it to whoever has the log's key.
    pub async fn told(
        &self,
        before: &BTreeMap<&str, Vec<u64>>,
        kind: &str,
        licence: &str,
    ) -> Value {
        let after = self.entries().await;
        for one in KINDS {
            let more = after[one].len() - before[one].len();
            assert_eq!(more, usize::from(one == kind), "{one} after {kind}");
        }
        let desk = self.server.app().desk();
        let receipt = desk.receipt(after[kind][0]).await.expect("a receipt");
        let key = desk.log_verifier().expect("a key");
        let proved = audit::verify_receipt(&receipt, &key).expect("the log holds it");
        let entry = proved.entry.expect("is opened");
        assert_eq!((entry.kind.as_str(), entry.subject.as_str()), (kind, licence));
        assert!(!entry.detail.to_string().contains("Ada"), "{}", entry.detail);
        entry.detail
    }
}

impl Instance {
    pub fn new(key: u8) -> Self {
        let key = SigningKey::from_seed(&Secret::new([key; 32]));
        Self { key, id: String::new(), boots: 1, asked: 0 }
    }

    pub fn question(&mut self, licence: &str, minutes: i64) -> Question {
        self.asked += 1;
        Question {
            license: licence.to_owned(),
            version: "1.2.3".to_owned(),
            boots: self.boots,
            challenge: [self.asked; 32],
            time: Timestamp::now() + SignedDuration::from_mins(minutes),
        }
    }

    pub fn activation(&mut self, licence: &Issued) -> String {
        self.question(&licence.id, 0).activate(&self.key).expect("signs")
    }

    pub fn check(&mut self, licence: &Issued) -> String {
        let id = self.id.clone();
        self.question(&licence.id, 0).check(&id, &self.key).expect("signs")
    }
}

pub fn refused(seen: &Seen, status: u16, code: &str) {
    assert_eq!(seen.status, status, "{}", seen.text());
    assert_eq!(seen.json()["code"], code, "{}", seen.text());
}
