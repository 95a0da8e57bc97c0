//! `minisign` as the judge of what is signed as it has it. It is in the package `minisign`; where it is not, that is said.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "another program is asked")]

use seal::{Blake2b, MinisignKey};
use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

fn minisign(folder: &Path, words: &[&str]) -> Option<Output> {
    let mut command = Command::new("minisign");
    command.args(words).current_dir(folder).env_clear().env("HOME", folder);
    command.stdin(Stdio::null()).output().ok()
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn digest(file: &[u8]) -> [u8; 64] {
    let mut hash = Blake2b::default();
    file.chunks(1000).for_each(|piece| hash.add(piece));
    hash.end()
}

#[test]
fn minisign_believes_what_is_signed_and_not_what_was_changed_and_so_do_we() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let made = minisign(here, &["-G", "-W", "-p", "a.pub", "-s", "a.key"]);
    let Some(made) = made else {
        println!("skipped: minisign is not on this machine (apt-get install minisign)");
        return;
    };
    assert!(made.status.success(), "{}", told(&made));
    let read = |name: &str| std::fs::read_to_string(here.join(name)).expect("reads");
    let write = |name: &str, bytes: &[u8]| std::fs::write(here.join(name), bytes).expect("writes");
    let key = MinisignKey::open(&read("a.key"), || None).expect("a plain key");
    assert_eq!(read("a.pub").parse(), Ok(key.public()));
    assert!(read("a.pub").contains(&key.public().id()), "{}", read("a.pub"));
    let public = key.public().to_string();
    let verify = || minisign(here, &["-V", "-P", &public, "-m", "file"]).expect("runs");
    for length in [0, 1, 999, 100_000] {
        let file = vec![7; length];
        let signed = key.sign(&digest(&file), "version 0.1.0 file:file");
        write("file", &file);
        write("file.minisig", signed.as_bytes());
        let good = verify();
        assert!(good.status.success(), "{}", told(&good));
        assert!(told(&good).contains("version 0.1.0 file:file"), "{}", told(&good));
        write("file.minisig", signed.replace("0.1.0", "0.2.0").as_bytes());
        assert!(!verify().status.success(), "the words were changed");
        write("file.minisig", signed.as_bytes());
        write("file", &[&file[..], b"!"].concat());
        assert!(!verify().status.success(), "the file was changed");
    }
    // And the other way round.
    write("file", b"theirs");
    let words = ["-S", "-H", "-s", "a.key", "-m", "file", "-t", "their words"];
    let signed = minisign(here, &words).expect("runs");
    assert!(signed.status.success(), "{}", told(&signed));
    let theirs = read("file.minisig");
    assert_eq!(key.public().verify(&digest(b"theirs"), &theirs), Ok("their words"));
    assert!(key.public().verify(&digest(b"ours"), &theirs).is_err());
}
