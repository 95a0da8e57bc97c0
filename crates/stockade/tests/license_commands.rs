//! `stockade license` as people type it: the program itself, its files and its exit codes.

#![allow(clippy::disallowed_methods, reason = "the test runs the program and reads its files")]

use serde_json::Value;
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs it and expects an exit code; what it said on stdout and stderr.
    fn ends(&self, line: &str, code: i32) -> (String, String) {
        let mut command = Command::new(STOCKADE);
        command.arg("license").args(line.split(' ')).arg("--data-dir").arg(self.path("data"));
        let output = command.env_clear().current_dir(self.0.path()).output().expect("starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, line: &str, code: i32) -> Value {
        let (out, _) = self.ends(&format!("{line} --json"), code);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

const ISSUE: &str = "issue --offline --id lic-1 --edition pro --entitlement live,paper --instances 2 \
    --from 2026-01-01 --paid-until 2090-01-01 --hard-until 2090-02-01 --grace-hours 100 --out a.lic";

#[test]
fn a_licence_is_issued_once_and_shown_by_whoever_trusts_its_issuer() {
    let desk = Desk::new();
    let (shown, said) = desk.ends(ISSUE, 0);
    assert!(shown.contains("active until 2090-01-01T00:00:00Z"), "{shown}");
    assert!(said.contains("made the issuing key") && said.contains("license.issuer: "), "{said}");
    assert_eq!(mode(&desk.path("a.lic")), 0o600);
    assert_eq!(mode(&desk.path("data/license-issuer.key")), 0o600);
    let (_, said) = desk.ends(ISSUE, 1);
    assert!(said.contains("a.lic exists already"), "{said}");
    let licence = desk.json("show a.lic", 0);
    assert_eq!(licence["entitlements"], serde_json::json!(["live", "paper"]));
    assert_eq!((&licence["state"], &licence["instances"]), (&"active".into(), &2.into()));
    let (key, said) = desk.ends("key", 0);
    assert!(key.starts_with("ed25519:") && said.is_empty(), "{key}{said}");
    let other = Desk::new();
    std::fs::copy(desk.path("a.lic"), other.path("a.lic")).expect("copied");
    other.ends(&format!("show a.lic --issuer {}", key.trim()), 0);
    let (_, said) = other.ends("show a.lic", 2);
    assert!(said.contains("--issuer"), "{said}");
    other.ends("key", 0);
    let (_, said) = other.ends("show a.lic", 1);
    assert!(said.contains("is not trusted here"), "{said}");
}

#[test]
fn how_a_licence_stands_is_told_for_any_time() {
    let desk = Desk::new();
    desk.ends(ISSUE, 0);
    let check = |at: &str, state: &str, code: i32| {
        let licence = desk.json(&format!("show a.lic --at {at}"), code);
        assert_eq!(licence["state"], state, "{at}");
    };
    check("2089-12-31", "active", 0);
    check("2090-01-04T23:00:00Z", "grace", 0);
    check("2090-01-06", "wind-down", 3);
    check("2090-03-01", "locked", 3);
    let (shown, _) = desk.ends("show a.lic --at 2090-03-01", 3);
    assert!(shown.contains("stops, exits and closing work"), "{shown}");
}

#[test]
fn what_is_wrong_is_said_with_its_remedy() {
    let desk = Desk::new();
    let check = |line: &str, code: i32, part: &str| {
        let (_, said) = desk.ends(line, code);
        assert!(said.contains(part), "{line}: {said}");
    };
    let issue = "issue --offline --paid-until 2090-01-01 --out b.lic";
    check("issue --paid-until 2090-01-01 --out b.lic --key none.key", 2, "--offline");
    check(&format!("{issue} --note whose"), 2, "--offline");
    check("issue --offline --paid-until soon --out b.lic", 2, "2027-01-31");
    check(&format!("{issue} --grace-hours 337"), 2, "fourteen days");
    check(&format!("{issue} --from 2091-01-01"), 2, "after not-before");
    check(&format!("{issue} --hard-until 2080-01-01"), 2, "not before paid-until");
    check(&format!("{issue} --instances 0"), 2, "at least 1");
    check(&format!("{issue} --edition Pro"), 2, "lower-case");
    check(&format!("{issue} --instance abc"), 2, "ed25519:");
    check(&format!("{issue} --key none.key"), 1, "none.key does not exist");
    assert!(!desk.path("b.lic").exists(), "nothing was written");
    desk.ends(issue, 0);
    let text = std::fs::read_to_string(desk.path("b.lic")).expect("text");
    assert!(text.contains("\nlicense: lic-") && text.contains("\nterm: paid\n"), "{text}");
    let more = text.replace("instances: 1", "instances: 9");
    std::fs::write(desk.path("c.lic"), more).expect("written");
    check("show c.lic", 1, "changed after it was issued");
    check("show none.lic", 1, "cannot read none.lic");
}

#[test]
fn a_licence_in_the_register_is_listed_turned_and_revoked_and_the_log_tells_it() {
    let desk = Desk::new();
    let issue = "issue --id lic-1 --edition pro --entitlement live --instances 2 --note Lovelace \
        --paid-until 2090-01-01 --out a.lic";
    let (shown, said) = desk.ends(issue, 0);
    assert!(shown.contains("checks in      lease"), "{shown}");
    let issuer = said.split("license.issuer: ").nth(1).and_then(|rest| rest.split('`').next());
    let issuer = issuer.expect("the key is told");
    assert_eq!(mode(&desk.path("a.lic")), 0o600);
    assert!(!desk.path("data/license-issuer.key").exists(), "the server's own key signs");
    let licence = desk.json(&format!("show a.lic --issuer {issuer}"), 0);
    assert_eq!((&licence["license"], &licence["check_in"]), (&"lic-1".into(), &"lease".into()));
    let (_, said) = desk.ends(&issue.replace("a.lic", "b.lic"), 1);
    assert!(said.contains("there is a licence lic-1 already"), "{said}");
    assert!(!desk.path("b.lic").exists(), "nothing was written");
    let stands = |state: &str| {
        let listed = desk.json("ls", 0);
        assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&"lic-1".into(), &state.into()));
        assert_eq!((&listed[0]["note"], &listed[0]["taken"]), (&"Lovelace".into(), &0.into()));
    };
    stands("issued");
    let check = |line: &str, code: i32, part: &str| {
        let (out, err) = desk.ends(line, code);
        assert!(format!("{out}{err}").contains(part), "{line}: {out}{err}");
    };
    check("resume lic-1", 1, "the licence is issued");
    check("suspend lic-1", 0, "lic-1 is suspended since");
    stands("suspended");
    check("resume lic-1", 0, "lic-1 is issued since");
    check("revoke lic-1", 0, "lic-1 is revoked since");
    check("resume lic-1", 1, "a revoked one stays so");
    check("release lic-1 ins-1", 1, "no such instance that has a seat");
    check("suspend lic-2", 1, "no such licence");
    check("ls lic-1", 0, "0 of 2");
    check("ls lic-2", 1, "no such licence");
    let mut export = Command::new(STOCKADE);
    export.args(["audit", "export", "--data-dir"]).arg(desk.path("data"));
    let export = export.env_clear().current_dir(desk.0.path()).output().expect("starts");
    let text = String::from_utf8_lossy(&export.stdout).into_owned();
    let kinds: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split("\"kind\":\"").nth(1)?.split('"').next())
        .filter(|kind| kind.starts_with("licence"))
        .collect();
    assert_eq!(
        kinds,
        ["licence.issued", "licence.suspended", "licence.resumed", "licence.revoked"],
        "{text}"
    );
    assert!(!text.contains("Lovelace"), "whose it is stands in no entry");
}
