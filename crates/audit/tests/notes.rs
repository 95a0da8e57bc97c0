//! Signed notes and checkpoints against the notes of Go's `sumdb/note`, and against forgers.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "tests index into what they made")]

use audit::{Checkpoint, Error, Signer, Trust, Verifier};
use seal::{Secret, SigningKey};

/// The key and the note in the documentation of golang.org/x/mod/sumdb/note.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn signer(name: &str, byte: u8) -> Signer {
    Signer::new(name, SigningKey::from_seed(&Secret::new([byte; 32]))).expect("a key's name")
}

#[test]
fn a_note_signed_elsewhere_verifies() {
    let key: Verifier = KEY.parse().expect("a key");
    assert_eq!(key.to_string(), KEY);
    assert_eq!(key.name(), "PeterNeumann");
    let text = NOTE.split_once("\n\n").expect("a note").0.to_owned() + "\n";
    assert_eq!(key.verify(NOTE), Ok(text.as_str()));
}

#[test]
fn a_note_is_refused_for_what_is_wrong_with_it() {
    let key: Verifier = KEY.parse().expect("a key");
    let altered = key.verify(&NOTE.replace("problem is", "problem was")).err();
    assert_eq!(altered, Some(Error::Signature { name: "PeterNeumann".to_owned() }));
    let stranger = signer("stranger", 1).sign("hello\n").expect("a note");
    let found = vec!["stranger".to_owned()];
    let unsigned = Error::Unsigned { name: "PeterNeumann".to_owned(), found };
    assert_eq!(key.verify(&stranger), Err(unsigned));
    for bad in
        ["", "text\n", "text\n\n", "text\n\n\u{2014} a\n", "text\n\n- a AAAAAAAA\n", "a\0\n\n"]
    {
        assert!(matches!(key.verify(bad), Err(Error::Malformed { .. })), "{bad:?}");
    }
    assert!(matches!(key.verify(&NOTE[..NOTE.len() - 1]), Err(Error::Malformed { .. })));
    let crowd = "x\n\n".to_owned() + &"\u{2014} a AAAAAAAA\n".repeat(65);
    assert!(matches!(key.verify(&crowd), Err(Error::Malformed { line: 67, .. })));
}

#[test]
fn signatures_of_others_are_left_alone() {
    let [log, witness] = [signer("log.example/a", 1), signer("witness.example", 2)];
    let note = log.sign("hello\n").expect("a note");
    let cosigned = witness.sign("hello\n").expect("a note");
    let line = cosigned.lines().last().expect("a signature line");
    let both = format!("{note}{line}\n");
    assert_eq!(log.verifier().verify(&both), Ok("hello\n"));
    assert_eq!(witness.verifier().verify(&both), Ok("hello\n"));
}

#[test]
fn a_key_text_that_does_not_hold_together_is_refused() {
    for bad in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc",
    ] {
        assert!(matches!(bad.parse::<Verifier>(), Err(Error::Malformed { .. })), "{bad:?}");
    }
}

#[test]
fn the_first_use_of_a_key_is_said_and_a_changed_key_is_refused() {
    let [first, second] = [signer("log.example/a", 1), signer("log.example/a", 2)];
    let (first, second) = (first.verifier(), second.verifier());
    assert_eq!(first.trust(None).map(|t| t.to_string()), Ok("first use, not checked".to_owned()));
    assert_eq!(first.trust(Some(first)), Ok(Trust::Pinned));
    assert!(matches!(second.trust(Some(first)), Err(Error::KeyChanged { .. })));
}

#[test]
fn a_checkpoint_is_read_only_as_it_is_written() {
    let log = signer("log.example/a", 1);
    let note = Checkpoint::sign(7, &[5; 32], &log).expect("a checkpoint");
    let expected = Checkpoint { origin: "log.example/a".to_owned(), size: 7, root: [5; 32] };
    assert_eq!(Checkpoint::verify(&note, log.verifier()), Ok(expected));
    assert!(note.starts_with("log.example/a\n7\nBQUFBQUF"), "{note}");
    let check = |text: &str, line: usize| {
        let note = log.sign(text).expect("a note");
        let error = Checkpoint::verify(&note, log.verifier()).err();
        assert!(
            matches!(error, Some(Error::Malformed { what: "checkpoint", line: at, .. }) if at == line),
            "{text:?}: {error:?}"
        );
    };
    check("log.example/a\n07\nBQUF\n", 2);
    check("log.example/a\n+7\nBQUF\n", 2);
    check("log.example/a\n7\nBQUF\n", 3);
    check("log.example/a\n7\n", 3);
    check("log.example/a\n", 2);
    let other = log.sign("log.example/b\n7\nBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n");
    let error = Checkpoint::verify(&other.expect("a note"), log.verifier()).err();
    assert!(matches!(error, Some(Error::Origin { .. })), "{error:?}");
}
