//! Links that letters bring: each works once, in its time, in its browser, for its account.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test looks at files the server wrote")]

use crate::browser::{Browser, EMAIL, PASSWORD, options};
use crate::mail::{LINKS_OVER, LONG, LONGER, Reader, ask, meddle, newcomer, refused, start_as};
use identity::RegistrationMode;
use serde_json::{Value, json};
use std::path::Path;
use stockade::{
    desk::Paths,
    server::{Options, Server},
};

const BOB: &str = "bob@example.org";

/// A server in which everyone may register, its owner, who reads the outbox, and recovery codes.
async fn world(root: &Path) -> (Server, Reader, Vec<String>) {
    let server = start_as(root, RegistrationMode::Open).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    (server, Reader::new(owner), codes)
}

async fn state(browser: &mut Browser) -> Value {
    browser.get("/api/v1/session").await.expect(200).json()
}

fn join(token: &str) -> Value {
    json!({ "token": token, "password": LONG, "display_name": "Bob" })
}

fn fresh(token: &str) -> Value {
    json!({ "token": token, "password": LONGER })
}

#[tokio::test]
async fn a_letter_leads_a_stranger_to_an_account_and_once_only() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut bob = Browser::new(&server);
    assert_eq!(state(&mut bob).await["registration"], "open");
    ask(&mut bob, "register", "  Bob@Example.org").await.expect(202);
    let token = reader.token(BOB, "register").await;
    let follow = json!({ "token": token });

    let mut stranger = Browser::new(&server);
    refused(stranger.post("/api/v1/register/begin", follow.clone()).await);
    refused(stranger.post("/api/v1/register/finish", join(&token)).await);
    // The value of one purpose is none of another.
    refused(bob.post("/api/v1/reset/finish", fresh(&token)).await);
    refused(bob.post("/api/v1/recover/begin", follow.clone()).await);

    let welcome = bob.post("/api/v1/register/begin", follow).await.expect(200).json();
    assert_eq!((&welcome["email"], &welcome["role"]), (&json!(BOB), &json!("trader")));
    let weak = json!({ "token": token, "password": "short" });
    let weak = bob.post("/api/v1/register/finish", weak).await.expect(422).json();
    assert_eq!(weak["code"], "password", "{weak}");
    let both = json!({ "token": token });
    bob.post("/api/v1/register/finish", both).await.expect(422);

    // Twice at once: one account is made.
    let mut twin = bob.clone();
    let (one, two) = tokio::join!(
        bob.post("/api/v1/register/finish", join(&token)),
        twin.post("/api/v1/register/finish", join(&token))
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let mut bob = if one.status == 200 { bob } else { twin };
    let signed = state(&mut bob).await;
    assert_eq!(signed["account"]["display_name"], "Bob");
    assert_eq!(signed["account"]["role"], "trader");
    refused(bob.post("/api/v1/register/finish", join(&token)).await);

    // Whoever asks again hears the same; the letter says that there is an account.
    let mut eve = Browser::new(&server);
    ask(&mut eve, "register", BOB).await.expect(202);
    let letter = reader.next(BOB, "It has an account already").await;
    assert!(!letter["text"].as_str().expect("a text").contains('#'), "{letter}");
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

/// An invitation is good in any browser, for its role, until it is followed, replaced or taken back.
#[tokio::test]
async fn an_invitation_leads_to_an_account_in_its_role() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start_as(root.path(), RegistrationMode::Invite).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let mut reader = Reader::new(owner);
    let invited = async |reader: &mut Reader, role: &str| {
        let form = json!({ "email": BOB, "role": role });
        reader.owner.post("/api/v1/invitations", form).await.expect(201);
        reader.token(BOB, "invite").await
    };
    let replaced = invited(&mut reader, "trader").await;
    let withdrawn = invited(&mut reader, "trader").await;
    let out = reader.owner.get("/api/v1/invitations").await.expect(200).json();
    let id = out["invitations"][0]["id"].as_str().expect("an id").to_owned();
    reader.owner.delete(&format!("/api/v1/invitations/{id}")).await.expect(204);
    let token = invited(&mut reader, "viewer").await;

    let mut bob = Browser::new(&server);
    for gone in [&replaced, &withdrawn] {
        refused(bob.post("/api/v1/register/begin", json!({ "token": gone })).await);
        refused(bob.post("/api/v1/register/finish", join(gone)).await);
    }
    let welcome = bob.post("/api/v1/register/begin", json!({ "token": token })).await;
    assert_eq!(welcome.expect(200).json()["role"], "viewer");
    let mut elsewhere = Browser::new(&server);
    elsewhere.post("/api/v1/register/finish", join(&token)).await.expect(200);
    let signed = state(&mut elsewhere).await;
    assert_eq!(
        (&signed["account"]["email"], &signed["account"]["role"]),
        (&json!(BOB), &json!("viewer"))
    );
    refused(bob.post("/api/v1/register/finish", join(&token)).await);
    elsewhere.get("/api/v1/users").await.expect(403);
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn who_may_register_is_a_setting_and_links_that_are_out_follow_it() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut bob = Browser::new(&server);
    ask(&mut bob, "register", BOB).await.expect(202);
    let token = reader.token(BOB, "register").await;
    server.stop().await.expect("stops");
    for mode in [RegistrationMode::Closed, RegistrationMode::Invite] {
        let server = start_as(root.path(), mode).await;
        let mut bob = bob.moved(&server);
        assert_eq!(state(&mut bob).await["registration"], mode.as_str());
        refused(bob.post("/api/v1/register/begin", json!({ "token": token })).await);
        refused(bob.post("/api/v1/register/finish", join(&token)).await);
        for email in [BOB, EMAIL] {
            let said = ask(&mut bob, "register", email).await.expect(403).json();
            assert_eq!(said["code"], "closed", "{said}");
        }
        server.stop().await.expect("stops");
    }
    let server = start_as(root.path(), RegistrationMode::Open).await;
    bob.moved(&server).post("/api/v1/register/finish", join(&token)).await.expect(200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_forgotten_password_is_chosen_anew_by_one_link_in_one_browser() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut bob = newcomer(&server, &mut reader, BOB).await;
    let mut other = Browser::new(&server);
    ask(&mut other, "reset", BOB).await.expect(202);
    let token = reader.token(BOB, "reset").await;

    // Not in the browser that is signed in, since another one asked.
    refused(bob.post("/api/v1/reset/begin", json!({ "token": token })).await);
    let begun = other.post("/api/v1/reset/begin", json!({ "token": token })).await;
    assert_eq!(begun.expect(200).json()["factors"], json!([]));
    let weak = json!({ "token": token, "password": "fourteen chars" });
    other.post("/api/v1/reset/finish", weak).await.expect(422);
    let mut twin = other.clone();
    let (one, two) = tokio::join!(
        other.post("/api/v1/reset/finish", fresh(&token)),
        twin.post("/api/v1/reset/finish", fresh(&token))
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401]);
    refused(other.post("/api/v1/reset/finish", fresh(&token)).await);

    // Every session is over, nobody is signed in by it, and the mail tells of it.
    bob.get("/api/v1/sessions").await.expect(401);
    other.get("/api/v1/sessions").await.expect(401);
    reader.next(BOB, "password of your account is another one now").await;
    let old = json!({ "email": BOB, "password": LONG });
    bob.post("/api/v1/sign-in", old).await.expect(401);
    let new = json!({ "email": BOB, "password": LONGER });
    bob.post("/api/v1/sign-in", new).await.expect(200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_newer_link_replaces_an_older_one_and_time_ends_both() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut bob = newcomer(&server, &mut reader, BOB).await;
    ask(&mut bob, "reset", BOB).await.expect(202);
    let first = reader.token(BOB, "reset").await;
    ask(&mut bob, "reset", BOB).await.expect(202);
    let second = reader.token(BOB, "reset").await;
    refused(bob.post("/api/v1/reset/begin", json!({ "token": first })).await);
    bob.post("/api/v1/reset/begin", json!({ "token": second })).await.expect(200);
    // Three letters an hour go to one address; what is more is dropped without a word.
    ask(&mut bob, "reset", BOB).await.expect(202);
    let mut carol = Browser::new(&server);
    ask(&mut carol, "register", "carol@example.org").await.expect(202);
    reader.token("carol@example.org", "register").await;
    bob.post("/api/v1/reset/begin", json!({ "token": second })).await.expect(200);
    server.stop().await.expect("stops");
    meddle(root.path(), &[LINKS_OVER]).await;
    let server = start_as(root.path(), RegistrationMode::Open).await;
    refused(bob.moved(&server).post("/api/v1/reset/finish", fresh(&second)).await);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_reset_never_passes_the_second_factor() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, codes) = world(root.path()).await;
    let mut thief = Browser::new(&server);
    ask(&mut thief, "reset", EMAIL).await.expect(202);
    let token = reader.token(EMAIL, "reset").await;
    let begun = thief.post("/api/v1/reset/begin", json!({ "token": token })).await.expect(200);
    assert_eq!(begun.json()["factors"], json!(["totp", "recovery"]));
    let with = |kind: &str, code: &str| json!({ "token": token, "password": LONGER, "factor": { "kind": kind, "code": code } });
    let wrong = async |thief: &mut Browser, body: Value| {
        let said = thief.post("/api/v1/reset/finish", body).await.expect(401).json();
        assert_eq!(said["code"], "code", "{said}");
    };
    wrong(&mut thief, fresh(&token)).await;
    wrong(&mut thief, with("recovery", "no code at all")).await;
    wrong(&mut thief, with("totp", "000000")).await;
    reader.owner.get("/api/v1/sessions").await.expect(200);

    let mut twin = thief.clone();
    let (one, two) = tokio::join!(
        thief.post("/api/v1/reset/finish", with("recovery", &codes[0])),
        twin.post("/api/v1/reset/finish", with("recovery", &codes[0]))
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401]);
    reader.owner.get("/api/v1/sessions").await.expect(401);
    // The new password alone opens nothing, and the used code nothing more.
    let signing = json!({ "email": EMAIL, "password": LONGER });
    let asked = thief.post("/api/v1/sign-in", signing).await.expect(200).json();
    let used = json!({ "challenge": asked["challenge"], "kind": "recovery", "code": codes[0] });
    thief.post("/api/v1/sign-in/factor", used).await.expect(401);
    // The owner's own browser is known, and has a budget of its own.
    let signing = json!({ "email": EMAIL, "password": LONGER });
    let asked = reader.owner.post("/api/v1/sign-in", signing).await.expect(200).json();
    let factor = json!({ "challenge": asked["challenge"], "kind": "recovery", "code": codes[1] });
    reader.owner.post("/api/v1/sign-in/factor", factor).await.expect(200);
    let log = server.app().desk().log(&store::LogPage::default()).await.expect("reads");
    for kind in ["password.reset_asked", "password.reset"] {
        assert!(log.lines.iter().any(|line| line.kind == kind), "{kind}");
    }
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_second_factors_budget_of_a_reset_is_that_of_a_sign_in() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut thief = Browser::new(&server);
    ask(&mut thief, "reset", EMAIL).await.expect(202);
    let token = reader.token(EMAIL, "reset").await;
    let wrong = json!({ "token": token, "password": LONGER,
        "factor": { "kind": "totp", "code": "123456" } });
    for _ in 0..5 {
        thief.post("/api/v1/reset/finish", wrong.clone()).await.expect(401);
    }
    let stopped = thief.post("/api/v1/reset/finish", wrong).await.expect(429);
    assert_eq!(stopped.json()["code"], "throttled");
    let asked = json!({ "email": EMAIL, "password": PASSWORD });
    let asked = thief.post("/api/v1/sign-in", asked).await.expect(200).json();
    let factor = json!({ "challenge": asked["challenge"], "kind": "totp", "code": "123456" });
    thief.post("/api/v1/sign-in/factor", factor).await.expect(429);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_mailed_link_makes_a_browser_known_and_signs_nobody_in() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    newcomer(&server, &mut reader, BOB).await;
    let mut new = Browser::new(&server);
    ask(&mut new, "device", BOB).await.expect(202);
    let token = reader.token(BOB, "device").await;
    // Somebody keeps all unknown browsers busy.
    let mut thief = Browser::new(&server);
    let wrong = json!({ "email": BOB, "password": "wrong" });
    let mut tries = 0;
    while thief.post("/api/v1/sign-in", wrong.clone()).await.status == 401 {
        tries += 1;
        assert!(tries < 20, "slowed down");
    }
    let right = json!({ "email": BOB, "password": LONG });
    new.post("/api/v1/sign-in", right.clone()).await.expect(429);
    refused(thief.post("/api/v1/device", json!({ "token": token })).await);
    new.post("/api/v1/device", json!({ "token": token })).await.expect(204);
    refused(new.post("/api/v1/device", json!({ "token": token })).await);
    assert_eq!(state(&mut new).await["state"], "none");
    new.post("/api/v1/sign-in", right).await.expect(200);
    thief.post("/api/v1/sign-in", wrong).await.expect(429);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn no_link_and_no_address_lies_open_in_the_database() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut bob = Browser::new(&server);
    ask(&mut bob, "register", BOB).await.expect(202);
    let register = reader.token(BOB, "register").await;
    bob.post("/api/v1/register/finish", join(&register)).await.expect(200);
    ask(&mut bob, "reset", BOB).await.expect(202);
    let reset = reader.token(BOB, "reset").await;
    server.stop().await.expect("stops");
    let database = Paths::new(root.path()).database();
    let folder = database.parent().expect("a directory");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("lists") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !name.starts_with("stockade.db") {
            continue;
        }
        read += 1;
        let bytes = std::fs::read(&path).expect("reads");
        let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        for secret in [&register, &reset, BOB, EMAIL, LONG, "Confirm your address", "/link/"] {
            assert!(!holds(secret), "{name} holds {secret}");
        }
        assert!(name != "stockade.db" || holds("postings"), "the test can fail");
    }
    assert!(read > 0);
}

#[tokio::test]
async fn an_address_changes_by_proof_and_by_the_letter_to_the_new_one() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut bob = newcomer(&server, &mut reader, BOB).await;
    let (new, proof) = ("bob@elsewhere.example", json!({ "password": LONG }));
    let path = "/api/v1/address";
    let wrong = json!({ "email": new, "proof": { "password": "wrong" } });
    assert_eq!(bob.post(path, wrong).await.expect(401).json()["code"], "credentials");
    // Whether the new address has an account is not told.
    for taken in [EMAIL, new] {
        let wish = json!({ "email": taken, "proof": proof });
        assert_eq!(bob.post(path, wish).await.expect(202).text(), "");
    }
    // The newer wish replaced the older one: its link is void.
    let void = reader.token(EMAIL, "address-confirm").await;
    refused(bob.post("/api/v1/address/confirm", json!({ "token": void })).await);
    let confirm = reader.token(new, "address-confirm").await;
    refused(bob.post("/api/v1/address/stop", json!({ "token": confirm })).await);

    // Any browser: what is proved is that the mailbox is read.
    let mut telephone = Browser::new(&server);
    telephone.post("/api/v1/address/confirm", json!({ "token": confirm })).await.expect(204);
    refused(telephone.post("/api/v1/address/confirm", json!({ "token": confirm })).await);
    bob.get("/api/v1/sessions").await.expect(401);
    reader.next(BOB, "The address of your account is another one now").await;
    reader.next(new, "This is the address of your account now").await;
    bob.post("/api/v1/sign-in", json!({ "email": BOB, "password": LONG })).await.expect(401);
    bob.post("/api/v1/sign-in", json!({ "email": new, "password": LONG })).await.expect(200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_address_in_force_stops_a_change_and_ends_every_session() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut reader, _) = world(root.path()).await;
    let mut bob = newcomer(&server, &mut reader, BOB).await;
    let wish = json!({ "email": "eve@example.org", "proof": { "password": LONG } });
    bob.post("/api/v1/address", wish).await.expect(202);
    let confirm = reader.token("eve@example.org", "address-confirm").await;
    let stop = reader.token(BOB, "address-stop").await;
    let mut telephone = Browser::new(&server);
    telephone.post("/api/v1/address/stop", json!({ "token": stop })).await.expect(204);
    refused(telephone.post("/api/v1/address/stop", json!({ "token": stop })).await);
    bob.get("/api/v1/sessions").await.expect(401);
    refused(telephone.post("/api/v1/address/confirm", json!({ "token": confirm })).await);
    bob.post("/api/v1/sign-in", json!({ "email": BOB, "password": LONG })).await.expect(200);
    server.stop().await.expect("stops");
}

/// In the operator's list, once as it is and once as its SHA-1; good for every other rule.
const LEAKED: [&str; 2] = ["six violet storks walk the dyke", "five amber cranes over the weir"];

#[tokio::test]
async fn a_password_that_leaked_is_refused_wherever_one_is_set() {
    let root = tempfile::tempdir().expect("a directory");
    let list = root.path().join("leaked.txt");
    let digest = hex::encode(seal::sha1(LEAKED[1].as_bytes()));
    std::fs::write(&list, format!("{}\n{digest}:12\n", LEAKED[0])).expect("writes");
    let with_list = Options {
        breached_passwords: Some(list.clone()),
        registration: RegistrationMode::Open,
        ..options(&root.path().join("data"))
    };
    let server = Server::start(with_list.clone()).await.expect("starts");
    let mut owner = Browser::new(&server);
    let link = server.started.setup_link.clone().expect("a link");
    let setup = link.split_once('#').expect("a fragment").1.to_owned();
    let told = |answer: crate::browser::Answer, way: &str| {
        let problem = answer.expect(422).json();
        let leaked = problem["detail"].as_str().is_some_and(|text| text.contains("that leaked"));
        assert!(leaked && problem["code"] == "password", "{way}: {problem}");
    };
    for password in LEAKED {
        let form = json!({ "token": setup, "email": EMAIL, "password": password });
        told(owner.post("/api/v1/setup/begin", form).await, "set-up");
    }
    owner.set_up(&server).await;
    let mut reader = Reader::new(owner);
    let mut bob = Browser::new(&server);
    ask(&mut bob, "register", BOB).await.expect(202);
    let token = reader.token(BOB, "register").await;
    for password in LEAKED {
        let form = json!({ "token": token, "password": password });
        told(bob.post("/api/v1/register/finish", form).await, "registration");
    }
    bob.post("/api/v1/register/finish", join(&token)).await.expect(200);
    for password in LEAKED {
        let form = json!({ "password": password, "proof": { "password": LONG } });
        told(bob.post("/api/v1/account/password", form).await, "change");
    }
    ask(&mut bob, "reset", BOB).await.expect(202);
    let token = reader.token(BOB, "reset").await;
    for password in LEAKED {
        let form = json!({ "token": token, "password": password });
        told(bob.post("/api/v1/reset/finish", form).await, "reset");
    }
    server.stop().await.expect("stops");
    // Twin: without the list the same password is taken; a list that cannot be read stops the start.
    let none = Options { breached_passwords: None, ..with_list.clone() };
    let server = Server::start(none).await.expect("starts");
    let form = json!({ "token": token, "password": LEAKED[0] });
    bob.moved(&server).post("/api/v1/reset/finish", form).await.expect(204);
    server.stop().await.expect("stops");
    std::fs::remove_file(&list).expect("removes");
    let refused = Server::start(with_list).await.err().expect("refused").to_string();
    assert!(refused.contains("accounts.breached_passwords"), "{refused}");
}
