//! Witnesses: what they cosign, what they refuse and with which code, and what their word is worth.
#![allow(clippy::expect_used, reason = "tests take apart what they made")]

mod story;

use audit::{Error, Fork, Objection, Quorum, Submission, WitnessKey, judge};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use story::{Log, key, witness};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// The message and the layout of the specification, put together by hand.
#[test]
fn a_cosignature_is_what_the_specification_says() {
    let log = Log::of(7, "a");
    let note = log.note(7);
    let text = note.split_once("\n\n").expect("a note").0;
    let made =
        witness("witness.example.com/w1", 9).cosign(&note, at(1_679_315_147)).expect("signed");
    let message = format!("cosignature/v1\ntime 1679315147\n{text}\n");
    let key = key(9);
    let id = seal::sha256(
        &[b"witness.example.com/w1\n\x04".as_slice(), key.verifying_key().as_bytes()].concat(),
    );
    let signature = key.sign(message.as_bytes());
    let bytes = [&id[..4], &[0, 0, 0, 0, 0x64, 0x18, 0x50, 0xcb], signature.as_slice()];
    let line = format!("\u{2014} witness.example.com/w1 {}\n", STANDARD.encode(bytes.concat()));
    assert_eq!(made, line);
}

#[test]
fn a_witness_is_heard_beside_the_log_and_others() {
    let log = Log::of(3, "a");
    let [one, two] = [witness("w.example/1", 8), witness("w.example/2", 9)];
    let mut note = log.note(3);
    note += &one.cosign(&note, at(100)).expect("signed");
    note += &two.cosign(&note, at(90)).expect("signed");
    note += &one.cosign(&note, at(70)).expect("signed");
    let said = one.public().verify(&note).expect("it holds").expect("it is there");
    assert_eq!((said.witness.as_str(), said.time), ("w.example/1", at(100)), "the newest counts");
    assert_eq!(
        log.signer.verifier().verify(&note).map(str::len),
        Ok(note.find("\n\n").expect("a note") + 1)
    );
    let absent = witness("w.example/3", 7);
    assert_eq!(absent.public().verify(&note), Ok(None));
    // The same key under another name is another witness, and one that cannot be swapped in.
    let renamed = witness("w.example/other", 8);
    assert_eq!(renamed.public().verify(&note), Ok(None));
    let moved = note.replace("w.example/1", "w.example/2");
    assert!(matches!(two.public().verify(&moved), Ok(Some(said)) if said.time == at(90)));
    // Of another checkpoint, or at another time, it is no word of this witness.
    let other = log.note(2) + &one.cosign(&note, at(100)).expect("signed");
    let wrong = Err(Error::Signature { name: "w.example/1".to_owned() });
    assert_eq!(one.public().verify(&other), wrong);
}

#[test]
fn a_witness_key_is_no_log_key() {
    let witness = witness("w.example/1", 8);
    let text = witness.public().to_string();
    assert_eq!(text.parse::<WitnessKey>().as_ref(), Ok(witness.public()));
    let log = Log::of(1, "a").signer.verifier().to_string();
    for (problem, wrong) in [
        (log.parse::<WitnessKey>().err(), "this is a log's key, and a witness's is wanted"),
        (text.parse::<audit::Verifier>().err(), "this is a witness's key, and a log's is wanted"),
    ] {
        let expected = Error::Malformed { what: "key", line: 1, problem: wrong };
        assert_eq!(problem, Some(expected));
    }
}

#[test]
fn only_what_extends_the_log_is_cosigned() {
    let log = Log::of(40, "a");
    let other = Log::of(40, "b");
    let check =
        |what: &str, submission: Submission, seen: Option<u64>, expected: Result<u64, u16>| {
            let seen = seen.map(|size| log.seen(size));
            let judged = judge(&submission, log.signer.verifier(), seen.as_ref());
            let judged =
                judged.map(|seen| seen.checkpoint.size).map_err(|objection| objection.status());
            assert_eq!(judged, expected, "{what}");
        };
    check("the first sight", log.submission(0, 5), None, Ok(5));
    check("the next", log.submission(5, 12), Some(5), Ok(12));
    check("nothing new", log.submission(12, 12), Some(12), Ok(12));
    check("an empty log", log.submission(0, 0), None, Ok(0));
    check("the first leaf", log.submission(0, 1), Some(0), Ok(1));
    check("from elsewhere", log.submission(5, 12), Some(6), Err(409));
    check("from where it never was", log.submission(5, 12), None, Err(409));
    check("cut back", log.submission(5, 9), Some(12), Err(409));
    check("another story of the same length", other.submission(12, 12), Some(12), Err(409));
    check("another story, longer", other.submission(12, 30), Some(12), Err(422));
    let spoilt = Submission { proof: log.submission(4, 12).proof, ..log.submission(5, 12) };
    check("a proof of something else", spoilt, Some(5), Err(422));
    let none = Submission { proof: Vec::new(), ..log.submission(5, 12) };
    check("no proof", none, Some(5), Err(422));
    let excess = Submission { proof: vec![[0; 32]], ..log.submission(0, 5) };
    check("a proof from nothing", excess, None, Err(422));
    let backwards = Submission { old: 13, ..log.submission(12, 12) };
    check("longer before than after", backwards, Some(13), Err(400));
    let stranger = Submission {
        note: log.note(5).replace("example.com", "example.org"),
        ..log.submission(0, 5)
    };
    check("signed by nobody that counts", stranger, None, Err(403));
}

#[test]
fn two_roots_of_one_size_are_a_proof_that_travels() {
    let [log, other] = [Log::of(12, "a"), Log::of(12, "b")];
    let key = log.signer.verifier();
    let judged = judge(&other.submission(12, 12), key, Some(&log.seen(12)));
    let Err(Objection::Forked(fork)) = judged else { panic!("{judged:?}") };
    let read = Fork::parse(&fork.to_text()).expect("a proof");
    assert_eq!(read, *fork);
    assert_eq!(read.verify(key), Ok(12));
    // Neither two sizes nor one root twice is a contradiction, and a stranger's signature proves nothing.
    for (first, second) in [(log.note(11), other.note(12)), (log.note(12), log.note(12))] {
        assert!(matches!(Fork { first, second }.verify(key), Err(Error::Malformed { .. })));
    }
    let forged = Fork { first: log.note(12), second: log.note(12).replace("\n12\n", "\n13\n") };
    assert!(matches!(forged.verify(key), Err(Error::Signature { .. })));
}

#[test]
fn submissions_are_read_as_they_are_written_and_nothing_else_is() {
    let log = Log::of(40, "a");
    let submission = log.submission(5, 33);
    let text = submission.to_text();
    assert_eq!(Submission::parse(&text).as_ref(), Ok(&submission));
    assert_eq!(submission.origin(), "example.com/log");
    let many = format!("old 1\n{}\n{}", (STANDARD.encode([0; 32]) + "\n").repeat(64), log.note(3));
    for (bad, why) in [
        (String::new(), "empty"),
        (text.replacen("old 5", "old 05", 1), "a leading zero"),
        (text.replacen("old 5", "old +5", 1), "a sign"),
        (text.replacen("old 5", "old -5", 1), "below zero"),
        (text.replacen("old 5", "new 5", 1), "another word"),
        (text.replacen("old 5\n", "old 5\n\n", 1).replacen("\n\n", "\n \n", 1), "a blank"),
        (text.replacen("old 5\n", "old 5\nAAAA\n", 1), "no hash"),
        (many, "too many hashes"),
        ("x".repeat(300_000), "too large"),
    ] {
        assert!(matches!(Submission::parse(&bad), Err(Error::Malformed { .. })), "{why}");
    }
}

#[test]
fn a_quorum_is_the_verifiers_choice() {
    let log = Log::of(3, "a");
    let all = [witness("w/1", 7), witness("w/2", 8), witness("w/3", 9)];
    let keys = || all.iter().map(|one| one.public().clone()).collect::<Vec<_>>();
    let mut note = log.note(3);
    for (one, time) in all.iter().zip([50, 70]) {
        note += &one.cosign(&note, at(time)).expect("signed");
    }
    let quorum = |need| Quorum::new(need, keys()).expect("enough of them");
    let said = quorum(2).check(&note, at(100), 60).expect("it holds");
    assert!(said.is_enough());
    assert_eq!((said.by.len(), said.missing.as_slice()), (2, ["w/3".to_owned()].as_slice()));
    assert_eq!(said.since(), Some(at(70)), "two had seen it from then on");
    assert!(!quorum(3).check(&note, at(100), 60).expect("it holds").is_enough());
    assert!(quorum(0).check(&log.note(3), at(100), 60).expect("it holds").is_enough());
    let ahead = quorum(1).check(&note, at(9), 60);
    assert!(
        matches!(ahead, Err(Error::Future { witness, .. }) if witness == "w/2"),
        "a minute and a second"
    );
    let twice = vec![all[0].public().clone(), all[0].public().clone()];
    assert_eq!(
        Quorum::new(2, twice),
        Err(Error::Quorum { need: 2, witnesses: 1 }),
        "one is not two"
    );
}
