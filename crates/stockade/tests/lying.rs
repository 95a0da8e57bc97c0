//! A server that somebody has taken hands out backups: what the machine that pulls has already stays of use.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests of a server, with files beside it"
)]

use crate::house::{House, digests, told};
use crate::pulling::server;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use futures_util::stream;
use kms::{Holder, KeyFile, KeyRing, Purpose, RingFile, SoftRoot, SystemEntropy};
use seal::{AgeIdentity, AgeRecipient};
use serde_json::Value;
use std::{path::Path, sync::Arc};
use stockade::{
    desk::{self, BackupDone, Pulling, now},
    server::Server,
};

/// The machine that pulls, and who it is.
struct Machine {
    house: House,
    identity: AgeIdentity,
}

impl Machine {
    fn new() -> Self {
        let house = House::new();
        let identity = AgeIdentity::generate(&mut SystemEntropy::new());
        for name in ["machine", "backup"] {
            std::fs::create_dir(house.data().join(name)).expect("a directory");
        }
        let own = house.data().join("backup/drill.identity");
        std::fs::write(own, identity.to_file().as_bytes()).expect("writes");
        Self { house, identity }
    }

    async fn keeps(&self, bytes: Vec<u8>) -> Result<BackupDone, desk::Error> {
        let (root, terms) = (self.house.data(), self.house.terms());
        let pieces = stream::iter([Ok(Bytes::from(bytes))]);
        desk::keep_handed(Pulling { root, terms, if_due: false }, pieces, &Arc::default()).await
    }

    /// What comes of this is refused in these words, and the place is as it was.
    async fn refuses(&self, bytes: Vec<u8>, words: &str) {
        let there = || digests(&self.house.place(), "");
        let before = there();
        let said = self.keeps(bytes).await.expect_err(words).to_string();
        assert!(said.contains(words), "{words}: {said}");
        assert!(there() == before, "{words}: the place was changed");
    }

    /// What an honest server hands out.
    async fn handed(&self, server: &Server) -> Vec<u8> {
        let machine = "worker/keep".parse().expect("a machine");
        let (desk, backups) = (server.app().desk(), server.app().backups());
        let asked = (&machine, self.identity.recipient());
        let mut next = Some(backups.hand_out(desk, asked).await.expect("is handed out"));
        let mut all = Vec::new();
        while let Some(handed) = next.take() {
            if let Some((piece, rest)) = handed.next().await.expect("reads") {
                all.extend(piece);
                next = Some(rest);
            }
        }
        all
    }

    /// The same with something else enclosed: the server seals it, so it seals what it likes.
    fn lie(&self, honest: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let end = honest.iter().position(|byte| *byte == b'\n').expect("a head");
        let mut head: Value = serde_json::from_slice(&honest[..end]).expect("JSON");
        let sealed = BASE64.decode(head["sealed"].as_str().expect("text")).expect("BASE64");
        let plain = self.identity.open(&sealed).expect("opens");
        let mut enclosed: Value = serde_json::from_slice(plain.expose()).expect("JSON");
        change(&mut enclosed);
        let plain = serde_json::to_vec(&enclosed).expect("JSON");
        let sealed =
            AgeRecipient::seal(&[self.identity.recipient()], &plain, &mut SystemEntropy::new());
        head["sealed"] = BASE64.encode(sealed.expect("sealed")).into();
        [head.to_string().as_bytes(), &honest[end..]].concat()
    }
}

/// Encloses these keys.
fn enclose(enclosed: &mut Value, ring: &KeyRing) {
    let mut entropy = SystemEntropy::new();
    let file = KeyFile::generate(&mut entropy);
    let root = SoftRoot::new(Holder::KeyFile(&file), None, &mut entropy).expect("a root");
    let text = RingFile::render(ring, &root, now(), &mut entropy).expect("is wrapped");
    enclosed["key_file"] = hex::encode(file.to_text().expose()).into();
    enclosed["ring"] = hex::encode(text).into();
}

/// The server's keys, and the same with another key of the accounts.
fn rings(root: &Path) -> [KeyRing; 2] {
    let file = KeyFile::open(&root.join("stockade.key")).expect("a key file");
    let (ring, mut entropy) = (KeyRing::of_file(&file), SystemEntropy::new());
    let scratch = tempfile::tempdir().expect("a directory");
    let wrapping = SoftRoot::new(Holder::KeyFile(&file), None, &mut entropy).expect("a root");
    let path = scratch.path().join("ring");
    let made = RingFile::create(&path, &ring, (&wrapping, None), now(), &mut entropy);
    let mut grown = ring.clone();
    let advanced = made.expect("a ring").advance(
        Purpose::Accounts,
        (&mut grown, &wrapping),
        now(),
        &mut entropy,
    );
    advanced.expect("another key");
    [ring, grown]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_lies_takes_nothing_from_the_backups_that_are_there() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, _owner) = server(root.path(), "worker/keep").await;
    let machine = Machine::new();
    // Lies to a machine that has nothing yet are found by themselves.
    let honest = machine.handed(&server).await;
    let no_keys = |enclosed: &mut Value| enclosed["keys"] = "".into();
    let all_erased = |enclosed: &mut Value| {
        let text = enclosed["standings"].as_str().expect("text");
        let erased = text.replace("\"erased\":null", "\"erased\":5");
        assert_ne!(erased, text, "somebody was there");
        enclosed["standings"] = erased.into();
    };
    let lacks = "does not open by the wrapped keys";
    let said = machine.keeps(machine.lie(&honest, no_keys)).await.expect_err(lacks);
    assert!(said.to_string().contains(lacks), "{said}");
    let said = machine.keeps(machine.lie(&honest, all_erased)).await.expect_err("no truth");
    assert!(said.to_string().contains("is not what its copy says"), "{said}");
    assert!(!machine.house.place().join("recovery.age").exists(), "nothing was kept");
    assert_eq!(machine.keeps(honest).await.expect("is kept").number, 1);

    // Later ones find what was there as it was.
    let honest = machine.handed(&server).await;
    let lie = |change: &dyn Fn(&mut Value)| machine.lie(&honest, change);
    let random = KeyRing::generate(&mut SystemEntropy::new());
    let others = "the keys are not those of";
    machine.refuses(lie(&|enclosed| enclose(enclosed, &random)), others).await;
    machine.refuses(lie(&no_keys), lacks).await;
    machine.refuses(lie(&all_erased), "nobody has an account any more").await;
    let nothing = |enclosed: &mut Value| enclosed["standings"] = "".into();
    machine.refuses(lie(&nothing), "nobody has an account any more").await;
    // Keys that would do, and then nothing, or half: no kit is written for what did not come.
    let [ring, grown] = rings(root.path());
    let more = lie(&|enclosed| enclose(enclosed, &grown));
    let head = more.iter().position(|byte| *byte == b'\n').expect("a head");
    for end in [head + 1, more.len() / 2, more.len() - 1] {
        machine.refuses(more[..end].to_vec(), "cut off").await;
    }
    // A ring grows, and never loses a key: that of before has the right keys of backups, and lacks one.
    assert_eq!(machine.keeps(more).await.expect("is kept").number, 2);
    machine.refuses(lie(&|enclosed| enclose(enclosed, &ring)), others).await;
    machine.refuses(honest, others).await;
    server.stop().await.expect("stops");

    // The kit and the standings that the first one was taken under lie beside the newest.
    let place = machine.house.place();
    let before = std::fs::read(place.join("before/000001.recovery.age")).expect("reads");
    machine.house.identities[0].open(&before).expect("opens");
    assert!(place.join("before/000001.standings").exists());
    for number in ["1", "2"] {
        let into = machine.house.at(&format!("back-{number}"));
        let mut restore = machine.house.restore(&into);
        let restored = restore.args(["--snapshot", number]).output().expect("runs");
        assert!(restored.status.success(), "{number}: {}", told(&restored));
    }
}
