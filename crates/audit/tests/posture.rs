//! Postures: what may stand beside a claim, and which envelope is believed.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "tests index into what they made")]

use audit::{
    Build, Checkpoint, Claim, ClaimKind, Duty, Error, Signer, Verifier, claim,
    posture::{
        Attested, Evidence, Expected, Facts, Posture, PostureRow, PostureSigner, Seen, State, judge,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use seal::{Secret, SigningKey};
use serde_json::{Value, json};

const NOW: &str = "2026-11-30T12:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([seed; 32]))
}

fn some_claim(kind: ClaimKind, build: Build) -> Claim {
    Claim {
        id: "M13".to_owned(),
        words: "The log only grows".to_owned(),
        words_de: "Das Protokoll wächst nur".to_owned(),
        kind,
        owner: Duty::Platform,
        krate: "audit".to_owned(),
        build,
        reason: "the reason of the register".to_owned(),
        probe: "self:log".to_owned(),
        command: "curl -s https://$HOST/log/checkpoint".to_owned(),
        fresh_hours: 24,
        tests: Vec::new(),
    }
}

fn seen(at: &str, fault: Option<&str>) -> Evidence {
    let facts = Facts::from([("size".to_owned(), "7".to_owned())]);
    let (method, fault) = ("read the log".to_owned(), fault.map(str::to_owned));
    Evidence { seen: Some(Seen { at: time(at), method, facts, fault }), attested: None }
}

fn signed(on: &str, until: Option<&str>) -> Evidence {
    let (by, until) = ("Ada".to_owned(), until.map(time));
    let attested = Attested { by, on: time(on), until, facts: Facts::new() };
    Evidence { seen: None, attested: Some(attested) }
}

#[test]
fn a_word_is_as_strong_as_its_evidence_and_no_stronger() {
    let check = |kind, build, evidence: &Evidence, want: State, why: &str| {
        let verdict = judge(&some_claim(kind, build), evidence, time(NOW));
        assert_eq!(verdict.state, want, "{kind:?} {build:?} {evidence:?}");
        assert!(verdict.reason.contains(why), "{:?} lacks {why:?}", verdict.reason);
        assert_eq!(verdict.state.is_good(), verdict.reason.is_empty(), "{}", verdict.reason);
    };
    let (sw, org, held) = (ClaimKind::Sw, ClaimKind::Org, Build::Held);
    let fresh = seen("2026-11-30T11:00:00Z", None);
    let nothing = Evidence::default();
    check(sw, held, &fresh, State::SelfTested, "");
    check(sw, held, &nothing, State::NotChecked, "`stockade verify`");
    check(sw, held, &seen("2026-11-30T11:00:00Z", Some("it shrank")), State::NotMet, "it shrank");
    // What the build lacks, no observation and no signature makes good.
    for build in [Build::Part, Build::NotYet] {
        check(sw, build, &fresh, State::NotMet, "the reason of the register");
        check(org, build, &signed("2026-11-30T00:00:00Z", None), State::NotMet, "of the register");
    }
    check(sw, Build::NotApplicable, &fresh, State::Replaced, "the reason of the register");
    // Old evidence turns red by itself, and so does evidence of a time to come.
    check(sw, held, &seen("2026-11-29T12:00:01Z", None), State::SelfTested, "");
    check(
        sw,
        held,
        &seen("2026-11-29T12:00:00Z", None),
        State::NotMet,
        "ran out at 2026-11-30 12:00 UTC",
    );
    check(sw, held, &seen("2026-11-30T12:05:00Z", None), State::SelfTested, "");
    check(sw, held, &seen("2026-11-30T12:05:01Z", None), State::NotMet, "a time to come");
    // People: nothing signed is not met; a signature counts until it says, and no longer than the limit.
    check(org, held, &nothing, State::NotMet, "nobody has signed");
    check(org, held, &signed("2026-11-30T00:00:00Z", None), State::Attested, "");
    check(org, held, &signed("2026-11-28T00:00:00Z", None), State::NotMet, "ran out");
    let far = Some("2030-01-01T00:00:00Z");
    check(org, held, &signed("2026-11-28T00:00:00Z", far), State::NotMet, "ran out");
    let near = Some("2026-11-30T11:00:00Z");
    check(org, held, &signed("2026-11-30T00:00:00Z", near), State::NotMet, "ran out");
    check(org, held, &signed("2026-12-02T00:00:00Z", far), State::NotMet, "a day to come");
    // A person's word never stands in for what a probe saw fail.
    let both = Evidence { attested: signed(NOW, None).attested, ..seen(NOW, Some("it shrank")) };
    check(sw, held, &both, State::NotMet, "it shrank");
}

const SPKI: &str = "6a5f0c1be8b4c1e0f3a4d2e1b0c9a8f7e6d5c4b3a291807f6e5d4c3b2a190807";

fn posture(made_at: &str) -> Posture {
    let log = Signer::named_by_key(key(9));
    let at = time(made_at);
    let rows = ["M13", "M10", "M47"].map(|id| {
        let claim = claim(id).expect("a claim");
        let evidence = if id == "M13" { seen(made_at, None) } else { Evidence::default() };
        PostureRow::of(claim, &evidence, at)
    });
    Posture {
        subject: "https://trade.example.org".to_owned(),
        spki_sha256: SPKI.to_owned(),
        made_at: at,
        version: "0.1.0".to_owned(),
        checkpoint: Checkpoint::sign(7, &[3; 32], &log).expect("signs"),
        log_key: log.verifier().to_string(),
        rows: rows.into(),
    }
}

fn expected() -> Expected<'static> {
    Expected { spki_sha256: SPKI, seen_before: None, age_max: Expected::AGE_MAX }
}

#[test]
fn a_posture_comes_back_as_it_was_signed() {
    let signer = PostureSigner::new(key(1));
    let made = posture(NOW);
    let envelope = made.seal(&signer);
    let opened =
        Posture::open(&envelope, signer.verifier(), &expected(), time(NOW)).expect("opens");
    assert_eq!(opened, made);
    assert_eq!(opened.count(State::SelfTested), 1);
    let log: Verifier = opened.log_key.parse().expect("a key");
    assert_eq!(opened.checkpoint(&log).expect("signed").size, 7);
    // It is what the standards say that it is.
    let envelope: Value = serde_json::from_str(&envelope).expect("JSON");
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
    let payload = STANDARD.decode(envelope["payload"].as_str().expect("text")).expect("base64");
    let statement: Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], SPKI);
    assert_eq!(statement["predicateType"], "https://stockade.dev/posture/v1");
    assert_eq!(statement["predicate"]["rows"][0]["state"], "self-tested");
    assert_eq!(statement["predicate"]["rows"][0]["valid_until"], "2026-12-01T12:00:00Z");
    // The signature is over the encoding of DSSE, made here by hand.
    let signature = envelope["signatures"][0]["sig"].as_str().expect("text");
    let signature = STANDARD.decode(signature).expect("base64");
    let head = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
    let message = [head.as_bytes(), &payload].concat();
    key(1).verifying_key().verify(&message, &signature).expect("signed");
}

#[test]
fn what_is_forged_stale_replayed_or_anothers_is_refused_for_that() {
    let signer = PostureSigner::new(key(1));
    let envelope = posture(NOW).seal(&signer);
    let open = |envelope: &str, key: &Verifier, expected: &Expected<'_>, now: &str| {
        Posture::open(envelope, key, expected, time(now)).expect_err("refused")
    };
    let check = |envelope: &str, want: &str| {
        let error = open(envelope, signer.verifier(), &expected(), NOW).to_string();
        assert!(error.contains(want), "{error} lacks {want}");
    };
    // Signed by another key: under its own name, and under ours.
    let foreign = posture(NOW).seal(&PostureSigner::new(key(2)));
    assert!(matches!(open(&foreign, signer.verifier(), &expected(), NOW), Error::Unsigned { .. }));
    let mut forged: Value = serde_json::from_str(&foreign).expect("JSON");
    let ours: Value = serde_json::from_str(&envelope).expect("JSON");
    forged["signatures"][0]["keyid"] = ours["signatures"][0]["keyid"].clone();
    check(&forged.to_string(), "does not match");
    // A better word, under the old signature.
    let mut better = ours.clone();
    let payload = STANDARD.decode(ours["payload"].as_str().expect("text")).expect("base64");
    let text = String::from_utf8(payload).expect("text").replace("not met", "attested");
    better["payload"] = STANDARD.encode(&text).into();
    check(&better.to_string(), "does not match");
    let mut retyped = ours.clone();
    retyped["payloadType"] = "text/plain".into();
    check(&retyped.to_string(), "no in-toto statement");
    check("{}", "no DSSE envelope");
    check(&" ".repeat(3 << 20), "larger than 2 MiB");
    // A log's key is no key for postures, although it is one of Ed25519.
    let log = Signer::named_by_key(key(1));
    assert!(matches!(open(&envelope, log.verifier(), &expected(), NOW), Error::Posture { .. }));
    // Of another certificate, too old, of a time to come, played again.
    let other = Expected { spki_sha256: &"0".repeat(64), ..expected() };
    let error = open(&envelope, signer.verifier(), &other, NOW);
    assert!(matches!(error, Error::OtherCertificate { .. }), "{error}");
    let error = open(&envelope, signer.verifier(), &expected(), "2026-11-30T13:00:01Z");
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    let error = open(&envelope, signer.verifier(), &expected(), "2026-11-30T11:54:59Z");
    assert!(matches!(error, Error::Future { .. }), "{error}");
    let newer = Expected { seen_before: Some(time("2026-11-30T12:00:01Z")), ..expected() };
    let error = open(&envelope, signer.verifier(), &newer, NOW);
    assert!(matches!(error, Error::Replayed { .. }), "{error}");
    let same = Expected { seen_before: Some(time(NOW)), ..expected() };
    Posture::open(&envelope, signer.verifier(), &same, time(NOW)).expect("the same one again");
}

#[test]
fn a_server_cannot_say_of_itself_what_only_others_can() {
    let signer = PostureSigner::new(key(1));
    let check = |change: &dyn Fn(&mut Posture), want: &str| {
        let mut made = posture(NOW);
        change(&mut made);
        let envelope = made.seal(&signer);
        let error = Posture::open(&envelope, signer.verifier(), &expected(), time(NOW));
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(want), "{error} lacks {want}");
    };
    check(&|made| made.rows[0].state = State::Proved, "proves nothing about itself");
    check(&|made| made.rows[0].valid_until = None, "never runs out");
    check(&|made| made.rows[1].id = "M13".to_owned(), "a claim stands twice");
    check(&|made| made.rows = vec![made.rows[0].clone(); 1001], "more than 1000 rows");
}

#[test]
fn evidence_runs_out_on_the_way_to_its_reader() {
    let signer = PostureSigner::new(key(1));
    let mut made = posture(NOW);
    made.rows[0].valid_until = Some(time("2026-11-30T12:30:00Z"));
    let envelope = made.seal(&signer);
    let open = |now: &str| {
        let opened = Posture::open(&envelope, signer.verifier(), &expected(), time(now));
        opened.expect("opens").rows[0].clone()
    };
    assert_eq!(open("2026-11-30T12:29:59Z").state, State::SelfTested);
    let late = open("2026-11-30T12:30:00Z");
    assert_eq!(late.state, State::NotMet);
    assert!(late.reason.contains("ran out at 2026-11-30 12:30 UTC"), "{}", late.reason);
    // A row that is red stays as it is, with its own reason.
    let red = made.rows[1].clone();
    assert_eq!(red.clone().at(time("2036-01-01T00:00:00Z")), red);
    assert!(SignedDuration::from_hours(1) == Expected::AGE_MAX);
}

#[test]
fn a_statement_of_another_kind_is_no_posture() {
    // Signed by the right key, and yet not what is asked for.
    let signer = PostureSigner::new(key(1));
    let envelope: Value = serde_json::from_str(&posture(NOW).seal(&signer)).expect("JSON");
    let payload = STANDARD.decode(envelope["payload"].as_str().expect("text")).expect("base64");
    let statement: Value = serde_json::from_slice(&payload).expect("JSON");
    let check = |pointer: &str, value: Value, want: &str| {
        let mut statement = statement.clone();
        *statement.pointer_mut(pointer).expect("it is there") = value;
        let payload = statement.to_string();
        let head = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
        let signature = key(1).sign(&[head.as_bytes(), payload.as_bytes()].concat());
        let mut envelope = envelope.clone();
        envelope["payload"] = STANDARD.encode(payload).into();
        envelope["signatures"][0]["sig"] = STANDARD.encode(signature).into();
        let text = envelope.to_string();
        let error = Posture::open(&text, signer.verifier(), &expected(), time(NOW));
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(want), "{error} lacks {want}");
    };
    check("/_type", json!("https://in-toto.io/Statement/v0.1"), "no in-toto statement");
    check("/predicateType", json!("https://slsa.dev/provenance/v1"), "another type or version");
    check("/subject", json!([]), "of no server");
    check("/predicate/made_at", json!("yesterday"), "no statement of the kind");
}
