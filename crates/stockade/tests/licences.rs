//! Licences at a real server: each act one entry with its proof, each seat one key, each question one answer; and a
//! bot's own state machine takes what the server signs.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of servers that they started, against the clock"
)]

use crate::browser::Browser;
use crate::issuing::{House, Instance, NOTE, refused};
use crate::people::{New, server_with};
use http::Method;
use jiff::Timestamp;
use license::{Check, Clock, Lease, License, LicenseFile, Revocation, issuer_to_text};
use seal::{Secret, SigningKey, sha256};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};
use stockade::desk::{self, LicenceTurn, LicenceWish};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_act_on_a_licence_is_one_entry_with_its_proof() {
    let root = tempfile::tempdir().expect("a directory");
    let mut house = House::new(root.path()).await;
    let nothing = house.entries().await;
    let licence = house.issue(json!({})).await;
    let told = house.told(&nothing, "licence.issued", &licence.id).await;
    assert_eq!((&told["edition"], &told["instances"]), (&json!("pro"), &json!(1)));

    let before = house.entries().await;
    let mut bot = house.seated(&licence, 7).await;
    let told = house.told(&before, "licence.activated", &licence.id).await;
    assert_eq!(told["instance"], json!(bot.id));
    assert_eq!(told["key"], json!(hex::encode(sha256(bot.key.verifying_key().as_bytes()))));

    let before = house.entries().await;
    assert_eq!(house.check(&bot.check(&licence)).await.status, 200);
    let told = house.told(&before, "licence.checked", &licence.id).await;
    assert_eq!((&told["instance"], &told["answer"]), (&json!(bot.id), &json!("lease")));
    for (act, kind) in [
        ("suspend", "licence.suspended"),
        ("resume", "licence.resumed"),
        ("revoke", "licence.revoked"),
    ] {
        let before = house.entries().await;
        house.act(&licence, act, 204).await;
        house.told(&before, kind, &licence.id).await;
    }
    let before = house.entries().await;
    house.release(&licence, &bot.id, 204).await;
    let told = house.told(&before, "licence.released", &licence.id).await;
    assert_eq!(told["instance"], json!(bot.id));
    house.server.app().desk().verify_log(&[]).await.expect("verifies");
    house.server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_fails_or_changes_nothing_leaves_no_entry() {
    let root = tempfile::tempdir().expect("a directory");
    let mut house = House::new(root.path()).await;
    let licence = house.issue(json!({})).await;
    let mut bot = house.seated(&licence, 7).await;
    house.act(&licence, "resume", 409).await;
    house.act(&licence, "revoke", 204).await;
    house.release(&licence, &bot.id, 204).await;
    let before = house.entries().await;
    for act in ["suspend", "resume", "revoke"] {
        house.act(&licence, act, 409).await;
    }
    house.release(&licence, &bot.id, 404).await;
    house.release(&licence, "ins-nobody", 404).await;
    house.owner.post("/api/v1/licences/none/suspend", json!({})).await.expect(404);
    let again = json!({ "id": licence.id, "edition": "pro", "entitlements": [], "instances": 1,
        "paid_until": "2090-01-01", "grace_hours": 72, "trial": false, "note": "" });
    house.owner.post("/api/v1/licences", again.clone()).await.expect(409);
    for (field, value) in [
        ("id", json!("Two Words")),
        ("paid_until", json!("soon")),
        ("paid_until", json!("2020-01-01")),
        ("hard_until", json!("2089-01-01")),
        ("grace_hours", json!(337)),
        ("instances", json!(0)),
        ("edition", json!("")),
        ("entitlements", json!(["Live"])),
    ] {
        let mut bad = again.clone();
        bad["id"] = json!("lic-new");
        bad[field] = value;
        let said = house.owner.post("/api/v1/licences", bad).await.expect(422).json();
        assert_eq!(said["place"], field, "{said}");
    }
    for (field, value) in [("instances", json!(1001)), ("note", json!("x".repeat(501)))] {
        let mut bad = again.clone();
        bad["id"] = json!("lic-new");
        bad[field] = value;
        house.owner.post("/api/v1/licences", bad).await.expect(422);
    }
    let asked = bot.activation(&licence);
    refused(&house.activate(&licence.file, &asked).await, 403, "licence-revoked");
    assert_eq!(house.entries().await, before);
    house.server.stop().await.expect("stops");
}

/// An instance without a seat of a revoked licence hears of the revocation: by nothing else would it wind down.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_released_of_a_revoked_licence_gets_the_signed_revocation() {
    let root = tempfile::tempdir().expect("a directory");
    let mut house = House::new(root.path()).await;
    let licence = house.issue(json!({ "instances": 2 })).await;
    let mut bots = [house.seated(&licence, 7).await, house.seated(&licence, 8).await];
    let (first, second) = (bots[0].id.clone(), bots[1].id.clone());
    house.release(&licence, &first, 204).await;
    refused(&house.check(&bots[0].check(&licence)).await, 403, "licence-released");
    house.act(&licence, "revoke", 204).await;
    house.release(&licence, &second, 204).await;
    for bot in &mut bots {
        let before = house.entries().await;
        let seen = house.check(&bot.check(&licence)).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let seen = seen.json();
        assert!(seen["lease"].is_null(), "{seen}");
        let text = seen["revocation"].as_str().expect("a revocation");
        let revocation = Revocation::verify(text, &[licence.issuer]).expect("signed");
        assert_eq!((&*revocation.terms().license, revocation.terms().epoch), (&*licence.id, 1));
        let told = house.told(&before, "licence.checked", &licence.id).await;
        assert_eq!((&told["instance"], &told["answer"]), (&json!(bot.id), &json!("revoked")));
    }
    let path = format!("/api/v1/licences/{}", licence.id);
    let found = house.owner.get(&path).await.expect(200).json();
    assert_eq!(found["licence"]["taken"], 0, "{found}");
    house.server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_activations_at_once_take_one_seat() {
    let root = tempfile::tempdir().expect("a directory");
    let mut house = House::new(root.path()).await;
    let licence = house.issue(json!({})).await;
    let mut asking = tokio::task::JoinSet::new();
    for key in 0..100 {
        let body =
            json!({ "file": licence.file, "request": Instance::new(key).activation(&licence) });
        let nobody = Arc::clone(&house.nobody);
        asking.spawn(
            async move { nobody.ask(Method::POST, "/v1/licences/activate", Some(body)).await },
        );
    }
    let mut seats = 0;
    for seen in asking.join_all().await {
        if seen.status == 200 {
            seats += 1;
        } else {
            refused(&seen, 403, "licence-no-seat");
        }
    }
    assert_eq!(seats, 1);
    assert_eq!(house.entries().await["licence.activated"].len(), 1);
    let path = format!("/api/v1/licences/{}", licence.id);
    let found = house.owner.get(&path).await.expect(200).json();
    assert_eq!(found["licence"]["taken"], 1);
    assert_eq!(found["instances"].as_array().map(Vec::len), Some(1), "{found}");
    house.server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_asked_before_or_by_another_or_was_changed_is_refused() {
    let root = tempfile::tempdir().expect("a directory");
    let mut house = House::new(root.path()).await;
    let licence = house.issue(json!({ "instances": 2 })).await;
    let mut bot = Instance::new(7);
    let first = bot.activation(&licence);
    let seen = house.activate(&licence.file, &first).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    bot.id = seen.json()["instance"].as_str().expect("an id").to_owned();
    refused(&house.activate(&licence.file, &first).await, 422, "licence-again");
    // The same key has one seat, however often it asks.
    let seen = house.activate(&licence.file, &bot.activation(&licence)).await;
    assert_eq!(seen.json()["instance"], json!(bot.id), "{}", seen.text());
    assert_eq!(house.entries().await["licence.activated"].len(), 1);

    let asked = bot.check(&licence);
    assert_eq!(house.check(&asked).await.status, 200);
    refused(&house.check(&asked).await, 422, "licence-again");
    // Whoever looked at the signature alone would answer it again.
    assert!(Check::verify(&asked, bot.key.verifying_key()).is_ok());
    // A clock that is off, by another key, changed, of another licence, of nobody.
    let (key, id) = (Instance::new(7).key, bot.id.clone());
    for minutes in [-11, 11] {
        let late = bot.question(&licence.id, minutes);
        let signed = late.check(&id, &key).expect("signs");
        assert!(Check::verify(&signed, key.verifying_key()).is_ok(), "by its signature alone");
        refused(&house.check(&signed).await, 422, "licence-clock");
        let late = late.activate(&key).expect("signs");
        refused(&house.activate(&licence.file, &late).await, 422, "licence-clock");
    }
    let theirs = Instance::new(8).question(&licence.id, 0).check(&id, &Instance::new(8).key);
    refused(&house.check(&theirs.expect("signs")).await, 422, "licence-request");
    let asked = bot.check(&licence);
    for (from, to) in
        [("version: 1", "version: 2"), ("boots: 1", "boots: 2"), ("challenge: 0", "challenge: 1")]
    {
        assert!(asked.contains(from), "{asked}");
        refused(&house.check(&asked.replace(from, to)).await, 422, "licence-request");
    }
    let other = house.issue(json!({})).await;
    refused(&house.check(&bot.check(&other)).await, 404, "licence-unknown");
    refused(&house.activate(&other.file, &bot.activation(&licence)).await, 422, "licence-request");
    let bent = licence.file.replace("instances: 2", "instances: 9");
    refused(&house.activate(&bent, &bot.activation(&licence)).await, 422, "licence-file");
    let elsewhere = SigningKey::from_seed(&Secret::new([1; 32]));
    let terms =
        LicenseFile::verify(&licence.file, &[licence.issuer]).expect("ours").terms().clone();
    let forged = terms.sign(&elsewhere).expect("signs");
    refused(&house.activate(&forged, &bot.activation(&licence)).await, 422, "licence-file");
    // A seat that was given back is not taken again by what was heard before.
    let last = bot.activation(&licence);
    assert_eq!(house.activate(&licence.file, &last).await.status, 200);
    house.release(&licence, &id, 204).await;
    refused(&house.activate(&licence.file, &last).await, 422, "licence-again");
    refused(&house.check(&bot.check(&licence)).await, 403, "licence-released");
    assert_eq!(house.entries().await["licence.activated"].len(), 1);
    house.server.stop().await.expect("stops");
}

/// What one instance holds takes what this server signs, and nothing that answers another question.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bots_own_state_machine_takes_leases_and_winds_down_by_a_revocation() {
    let root = tempfile::tempdir().expect("a directory");
    let mut house = House::new(root.path()).await;
    let licence = house.issue(json!({})).await;
    let mut bot = house.seated(&licence, 7).await;
    let issuers = [licence.issuer];
    let file = LicenseFile::verify(&licence.file, &issuers).expect("ours");
    let mut held = License::new(file, Clock::new(Timestamp::UNIX_EPOCH));
    let state = |held: &mut License| {
        let now = held.look(Timestamp::now(), None);
        held.state(now).name()
    };
    let seen = house.check(&bot.check(&licence)).await.json();
    assert!(seen["revocation"].is_null(), "{seen}");
    let lease = Lease::verify(seen["lease"].as_str().expect("a lease"), &issuers).expect("signed");
    assert!(lease.clone().answering(&[9; 32]).is_err(), "another question");
    let lease = lease.answering(&[bot.asked; 32]).expect("this one");
    assert_eq!(lease.terms().instance, sha256(bot.key.verifying_key().as_bytes()));
    let lasts = lease.terms().expires.duration_since(lease.terms().time);
    assert_eq!((lasts.as_hours(), lease.terms().epoch), (24, 0));
    held.renew(lease).expect("is taken");
    assert_eq!(state(&mut held), "active");

    house.act(&licence, "suspend", 204).await;
    refused(&house.check(&bot.check(&licence)).await, 403, "licence-suspended");
    let asked = Instance::new(9).activation(&licence);
    refused(&house.activate(&licence.file, &asked).await, 403, "licence-suspended");
    house.act(&licence, "resume", 204).await;
    let seen = house.check(&bot.check(&licence)).await.json();
    let lease = Lease::verify(seen["lease"].as_str().expect("a lease"), &issuers).expect("signed");
    held.renew(lease).expect("is taken");

    house.act(&licence, "revoke", 204).await;
    let seen = house.check(&bot.check(&licence)).await.json();
    assert!(seen["lease"].is_null(), "{seen}");
    let text = seen["revocation"].as_str().expect("a revocation");
    let revocation = Revocation::verify(text, &issuers).expect("signed");
    assert_eq!((revocation.terms().license.as_str(), revocation.terms().epoch), (&*licence.id, 1));
    let now = held.look(Timestamp::now(), None);
    held.revoke(&revocation, now).expect("is taken");
    assert_eq!(state(&mut held), "wind-down");

    // Other licences go on, and their leases carry the revocation's number.
    let next = house.issue(json!({})).await;
    let mut other = house.seated(&next, 7).await;
    let seen = house.check(&other.check(&next)).await.json();
    let lease = Lease::verify(seen["lease"].as_str().expect("a lease"), &issuers).expect("signed");
    assert_eq!(lease.terms().epoch, 1);
    let unpaid = house.issue(json!({ "from": "2020-01-01", "paid_until": "2021-01-01" })).await;
    let asked = Instance::new(9).activation(&unpaid);
    refused(&house.activate(&unpaid.file, &asked).await, 403, "licence-unpaid");
    house.server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn checks_are_told_once_a_day_and_a_counter_that_goes_back_is_told() {
    let root = tempfile::tempdir().expect("a directory");
    let mut house = House::new(root.path()).await;
    let licence = house.issue(json!({})).await;
    let mut bot = house.seated(&licence, 7).await;
    // Midnight may come in between, and begins another day.
    let day = || Timestamp::now().as_second() / 86_400;
    let begun = day();
    bot.boots = 5;
    for _ in 0..5 {
        assert_eq!(house.check(&bot.check(&licence)).await.status, 200);
    }
    let told = house.entries().await;
    assert!(told["licence.checked"].len() == 1 || day() > begun, "{told:?}");
    bot.boots = 4;
    assert_eq!(house.check(&bot.check(&licence)).await.status, 200);
    let entry = house.told(&told, "licence.checked", &licence.id).await;
    assert_eq!((&entry["boots_before"], &entry["boots"]), (&json!(5), &json!(4)));
    let told = house.entries().await;
    for boots in [3, 6, 5] {
        bot.boots = boots;
        assert_eq!(house.check(&bot.check(&licence)).await.status, 200);
    }
    assert!(house.entries().await == told || day() > begun, "once a day");
    let path = format!("/api/v1/licences/{}", licence.id);
    let found = house.owner.get(&path).await.expect(200).json();
    assert_eq!(found["instances"][0]["boots"], 5, "{found}");
    assert_eq!(found["instances"][0]["key"], json!(issuer_to_text(bot.key.verifying_key())));
    house.server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_who_runs_the_server_issues_licences_and_an_auditor_reads_them() {
    let people = [
        New { email: "admin@people.example", role: "admin" },
        New { email: "auditor@people.example", role: "auditor" },
        New { email: "support@people.example", role: "support" },
        New { email: "trader@people.example", role: "trader" },
        New { email: "viewer@people.example", role: "viewer" },
    ];
    let form = json!({ "edition": "pro", "entitlements": [], "instances": 1,
        "paid_until": "2090-01-01", "grace_hours": 72, "trial": false, "note": "" });
    // New browsers of one account are slowed after a few: two servers.
    for people in people.chunks(3) {
        let root = tempfile::tempdir().expect("a directory");
        let (server, browsers) = server_with(root.path(), people).await;
        for (new, mut browser) in people.iter().zip(browsers) {
            let (read, manage) = match new.role {
                "admin" => (200, 201),
                "auditor" => (200, 403),
                _ => (403, 403),
            };
            browser.get("/api/v1/licences").await.expect(read);
            browser.post("/api/v1/licences", form.clone()).await.expect(manage);
            for act in ["suspend", "resume", "revoke"] {
                let path = format!("/api/v1/licences/none/{act}");
                let status = if manage == 201 { 404 } else { 403 };
                browser.post(&path, json!({})).await.expect(status);
            }
        }
        let mut nobody = Browser::new(&server);
        nobody.get("/api/v1/licences").await.expect(401);
        nobody.post("/api/v1/licences", form.clone()).await.expect(401);
        server.stop().await.expect("stops");
    }
}

/// The command line asks the running server, or takes the directory; either way whose a licence is lies sealed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whose_a_licence_is_lies_sealed_and_the_command_line_reads_it_over_the_servers_socket() {
    let root = tempfile::tempdir().expect("a directory");
    let mut house = House::new(root.path()).await;
    let licence = house.issue(json!({})).await;
    let (place, id) = (root.path().to_owned(), licence.id.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let desk = desk::connect(&place).expect("connects");
        assert!(desk.address().expect("answers").is_some(), "the server holds the directory");
        let wish = LicenceWish {
            id: Some("lic-2".to_owned()),
            edition: "pro".to_owned(),
            entitlements: Vec::new(),
            instances: 3,
            from: None,
            paid_until: "2090-01-01T00:00:00Z".parse().expect("a time"),
            hard_until: None,
            grace_hours: 72,
            trial: true,
            note: NOTE.to_owned(),
        };
        desk.issue_licence(wish).expect("issues");
        let turned = desk.turn_licence("lic-2", LicenceTurn::Suspend).expect("turns");
        assert_eq!((turned.state.as_str(), turned.term.as_str()), ("suspended", "trial"));
        assert!(desk.release_instance("lic-2", "ins-none").is_err());
        assert_eq!(desk.licence(&id).expect("shows").licence.note, NOTE);
        desk.licences(None).expect("lists").licences
    });
    let listed = asked.await.expect("joins");
    // Issued in one second, they have no order but that of their ids.
    let ids: BTreeSet<&str> = listed.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["lic-2", &licence.id]));
    let page = house.owner.get("/api/v1/licences").await.expect(200).json();
    assert_eq!(page["licences"][0]["note"], NOTE, "{page}");
    assert!(!page.to_string().contains("stockade-license/1"), "no list holds a file");
    house.server.stop().await.expect("stops");
    let mut read = 0;
    for entry in std::fs::read_dir(root.path()).expect("lists") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("stockade.db")) {
            let bytes = std::fs::read(&path).expect("reads");
            let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
            assert!(!holds(b"Lovelace") && !holds(b"stockade-license/1"), "{}", path.display());
            read += usize::from(holds(licence.id.as_bytes()));
        }
    }
    assert!(read > 0, "the id stands there in plain: the test can fail");
}
