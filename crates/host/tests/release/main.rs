//! A program that is what was released is found good, and each of its lying twins is found out.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "files are made, and objcopy is asked"
)]

mod folder;

use folder::{COMMIT, Folder, key, zlib};
use host::doctor::Severity;
use serde_json::json;
use std::process::Command;

/// How the first finding stands whose words hold these.
fn found(folder: &Folder, ask: &host::release::Ask, words: &str) -> Severity {
    let report = ask.examine();
    let found = report.findings.iter().find(|finding| finding.what.contains(words));
    let text = report.text();
    let finding =
        found.unwrap_or_else(|| panic!("{words:?} of {}:\n{text}", folder.path().display()));
    let told =
        finding.severity == Severity::Ok || (!finding.why.is_empty() && finding.fix.is_some());
    assert!(told, "why, and what to do: {finding:?}");
    finding.severity
}

#[test]
fn what_was_released_is_found_good_and_the_key_is_first_seen_then_known() {
    let folder = Folder::new();
    folder.release(b"the program", "2026-11-30T00:00:00Z", &key(1));
    let ask = folder.ask();
    assert_eq!(found(&folder, &ask, "seen for the first time"), Severity::NotChecked);
    assert_eq!(found(&folder, &ask, "signed by the key that is trusted"), Severity::Ok);
    assert_eq!(found(&folder, &ask, &format!("release 1.2.3 of commit {COMMIT}")), Severity::Ok);
    assert_eq!(found(&folder, &ask, "its tests: 9 passed, 0 failed, 1 skipped"), Severity::Ok);
    assert_eq!(found(&folder, &ask, "what it was built from is not told"), Severity::NotChecked);
    let known = ask.known().expect("is believed").expect("is a release");
    assert_eq!((known.release.commit.as_str(), known.trust), (COMMIT, audit::Trust::Pinned));
    let newer = Folder::new();
    assert_eq!(found(&newer, &newer.ask(), "there is no"), Severity::NotChecked);
}

#[test]
fn whether_a_second_person_has_read_it_is_said() {
    let check = |read: &[serde_json::Value], words: &str, want: Severity| {
        let folder = Folder::new();
        folder.release_read(b"the program", "2026-11-30T00:00:00Z", &key(1), read);
        assert_eq!(found(&folder, &folder.ask(), words), want);
    };
    let said = |since: Option<&str>, read: u64| {
        serde_json::json!({
            "name": "approvals.txt", "digest": { "sha256": "00" },
            "annotations": { "since": since, "commits": 7, "read": read },
        })
    };
    check(&[], "does not say who has read its changes", Severity::NotChecked);
    check(&[said(None, 7)], "7 of 7 commits since the beginning were read", Severity::Ok);
    let words = "6 of 7 commits since cccccccccccc were read by a second person";
    check(&[said(Some(COMMIT), 6)], words, Severity::Warning);
}

/// What is said of a good release after one thing was changed.
fn after(change: &dyn Fn(&Folder, &mut host::release::Ask), words: &str) {
    let folder = Folder::new();
    folder.release(b"the program", "2026-11-30T00:00:00Z", &key(1));
    let mut ask = folder.ask();
    assert!(ask.known().is_ok(), "it is good before");
    change(&folder, &mut ask);
    assert_eq!(found(&folder, &ask, words), Severity::Problem);
    assert!(ask.known().is_err());
}

#[test]
fn each_lying_twin_is_found_out() {
    after(&|folder, _| folder.write("stockade", b"the pr0gram"), "was released");
    after(&|_, ask| ask.version = "1.2.4", "the statement is of version 1.2.3, this is 1.2.4");
    after(&|_, ask| ask.program = "stockade-bot", "the release has no stockade-bot");
    after(&|_, ask| ask.key = Some(key(2).public()), "not signed by");
    after(
        &|folder, _| folder.release(b"the program", "2026-12-01T00:00:00Z", &key(2)),
        "was trusted before",
    );
    after(
        &|folder, _| folder.release(b"the program", "2026-11-29T00:00:00Z", &key(1)),
        "is older than 1.2.3 of 2026-11-30",
    );
    after(
        &|folder, _| {
            let other = Folder::new();
            other.release(b"another program", "2026-11-30T00:00:00Z", &key(1));
            folder.write("stockade.minisig", &other.read("stockade.minisig"));
        },
        "the signature does not match",
    );
    after(
        &|folder, _| {
            let text = String::from_utf8(folder.read("release.dsse.json")).expect("text");
            folder.write(
                "release.dsse.json",
                text.replace("\"sig\":\"", "\"sig\":\"AAAA").as_bytes(),
            );
        },
        "does not match",
    );
    after(&|folder, _| folder.write("release.dsse.json", b"{}"), "no DSSE envelope");
    after(
        &|folder, _| {
            folder.write("release.pub", b"untrusted comment: none\n");
        },
        "no public key of minisign",
    );
    after(&|folder, _| folder.write("seen/release", b"{"), "cannot read");
    let newer = |folder: &Folder, ask: &mut host::release::Ask| {
        folder.release(b"the next one", "2026-12-02T00:00:00Z", &key(1));
        assert!(ask.known().is_ok(), "a newer one is taken");
        folder.release(b"the program", "2026-11-30T00:00:00Z", &key(1));
    };
    after(&newer, "is older than");
}

#[test]
fn an_old_release_without_its_statement_is_found_out_where_a_release_was_seen() {
    let gone = |folder: &Folder| {
        std::fs::remove_file(folder.path().join("release.dsse.json")).expect("is there");
    };
    let words = "release.dsse.json, and release 1.2.3 of 2026-11-30T00:00:00Z was seen here";
    after(
        &|folder, _| {
            folder.release(b"an old program", "2026-11-29T00:00:00Z", &key(1));
            gone(folder);
        },
        words,
    );
    after(&|folder, _| gone(folder), words);
    after(
        &|folder, _| {
            gone(folder);
            folder.write("seen/release", b"{");
        },
        "cannot read",
    );
    // A program that was built here is told what to do, and does it.
    let folder = Folder::new();
    folder.release(b"the program", "2026-11-30T00:00:00Z", &key(1));
    let ask = folder.ask();
    assert!(ask.known().is_ok());
    gone(&folder);
    let fix = ask.known().expect_err("a release was seen").finding().fix.expect("what to do");
    let memory = ask.memory.display().to_string();
    assert!(fix.contains("stockade self-check --manifest FILE") && fix.contains(&memory), "{fix}");
    std::fs::remove_file(&ask.memory).expect("is there");
    assert_eq!(ask.known(), Ok(None));
}

/// A program that carries a list of parts, as `cargo auditable` writes it; none where `objcopy` is missing.
fn program(folder: &Folder, serde: &str) -> Option<Vec<u8>> {
    let list = json!({ "format": 1, "packages": [
        { "name": "app", "version": "1.2.3", "source": "local", "dependencies": [1, 2], "root": true },
        { "name": "serde", "version": serde, "source": "crates.io" },
        { "name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build" },
    ] });
    folder.write("parts", &zlib(list.to_string().as_bytes()));
    let add = format!(".dep-v0={}", folder.path().join("parts").display());
    let made = folder.path().join("made");
    let mut objcopy = Command::new("objcopy");
    objcopy.args(["--add-section", &add]).arg(std::env::current_exe().expect("a program"));
    if objcopy.arg(&made).status().is_err() {
        println!("skipped: objcopy is not on this machine (apt-get install binutils)");
        return None;
    }
    Some(std::fs::read(made).expect("reads"))
}

fn bom(versions: [(&str, &str); 3]) -> String {
    let part = |(name, version)| json!({ "name": name, "version": version });
    json!({ "bomFormat": "CycloneDX", "components": versions.map(part) }).to_string()
}

#[test]
fn the_parts_inside_are_those_that_were_signed() {
    let folder = Folder::new();
    let Some(program) = program(&folder, "1.0.1") else { return };
    let good = bom([("app", "1.2.3"), ("serde", "1.0.1"), ("cc", "1.0.0")]);
    folder.write("sbom.cdx.json", good.as_bytes());
    folder.release(&program, "2026-11-30T00:00:00Z", &key(1));
    assert_eq!(found(&folder, &folder.ask(), "its 3 parts stand in the signed list"), Severity::Ok);
    // Another list than the one that was signed.
    let other = bom([("app", "1.2.3"), ("serde", "1.0.0"), ("cc", "1.0.0")]);
    folder.write("sbom.cdx.json", other.as_bytes());
    assert_eq!(found(&folder, &folder.ask(), "is not the list that was signed"), Severity::Problem);
    // And one that was signed, and does not have all parts.
    folder.release(&program, "2026-11-30T00:00:00Z", &key(1));
    assert_eq!(found(&folder, &folder.ask(), "does not have: serde 1.0.1"), Severity::Problem);
}

#[test]
fn an_advisory_that_names_a_part_as_it_is_hits_and_others_do_not() {
    let folder = Folder::new();
    let advise = |package: &str, patched: &str, more: &str| {
        let snapshot = folder.path().join("snapshot");
        let _ = std::fs::remove_dir_all(&snapshot);
        let place = snapshot.join("crates").join(package);
        std::fs::create_dir_all(&place).expect("makes");
        let text = format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2026-0001\"\npackage = \"{package}\"\ndate = \"2026-11-28\"\n{more}\n\
             [versions]\npatched = [\">= {patched}\"]\n```\n\n# It is bad\n\nVery.\n"
        );
        std::fs::write(place.join("RUSTSEC-2026-0001.md"), text).expect("writes");
        snapshot
    };
    let Some(program) = program(&folder, "1.0.1") else { return };
    folder.write("stockade", &program);
    let check = |package: &str, patched: &str, more: &str, now: &str, want: (&str, Severity)| {
        let mut ask = folder.ask();
        ask.advisories = Some(advise(package, patched, more));
        ask.now = now.parse().expect("a time");
        assert_eq!(found(&folder, &ask, want.0), want.1, "{package} {patched} {more}");
    };
    let (now, late) = ("2026-11-30T00:00:00Z", "2026-12-06T00:00:00Z");
    let hit = ("RUSTSEC-2026-0001: serde 1.0.1 (It is bad)", Severity::Problem);
    let none = ("no advisory names a part of it", Severity::Ok);
    check("serde", "1.0.2", "", now, hit);
    check("serde", "1.0.1", "", now, none);
    check("serde", "1.0.2", "withdrawn = \"2026-11-29\"", now, none);
    check("serde", "1.0.2", "informational = \"unmaintained\"", now, none);
    check("serde", "1.0.2", "[affected]\nos = [\"windows\"]", now, none);
    check("other", "9.0.0", "", now, none);
    // The program itself is nobody's crate.
    check("app", "9.0.0", "", now, none);
    let builds = ("RUSTSEC-2026-0001: cc 1.0.0 (It is bad)", Severity::Warning);
    check("cc", "1.0.1", "", now, builds);
    check("serde", "1.0.1", "", late, ("the newest is of 2026-11-28", Severity::Warning));
    let mut ask = folder.ask();
    assert_eq!(found(&folder, &ask, "are not held against advisories"), Severity::NotChecked);
    ask.advisories = Some(folder.path().to_owned());
    assert_eq!(found(&folder, &ask, "is no checkout of RustSec's database"), Severity::NotChecked);
}
