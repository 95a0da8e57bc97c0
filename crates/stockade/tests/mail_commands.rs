//! `stockade mail` as people type it: the program itself, a name server of others, and what lies on the disk.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the test runs the program, reads its files, and says what it passes over"
)]

use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");
const SETTINGS: &str = "[mail]\nfrom = \"stockade@example.org\"\nserver = \"localhost\"\nport = 1\n\
    user = \"stockade\"\nspf = \"include:spf.example.net\"\nreports = \"postmaster@example.org\"\n";
const CANARY: &str = "canary-5d1f-open-sesame";

struct Desk(tempfile::TempDir);

impl Desk {
    fn new(settings: &str) -> Self {
        let desk = Self(tempfile::tempdir().expect("a directory"));
        std::fs::write(desk.0.path().join("stockade.toml"), settings).expect("is written");
        desk
    }

    /// Runs it with this on stdin and expects an exit code; what it said on stdout and stderr.
    fn ends(&self, line: &str, stdin: &str, code: i32) -> (String, String) {
        let mut child = Command::new(STOCKADE)
            .arg("mail")
            .args(line.split(' '))
            .arg("--data-dir")
            .arg(self.0.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().expect("was asked for").write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{err}");
        assert!(!format!("{out}{err}").contains(CANARY), "{line}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, line: &str, code: i32) -> Value {
        let (out, _) = self.ends(&format!("{line} --json"), "", code);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }
}

#[test]
fn the_keys_are_made_once_and_another_selector_has_others() {
    let desk = Desk::new(SETTINGS);
    let (first, said) = desk.ends("dns", "", 0);
    assert_eq!(said.matches("made the signing key").count(), 2, "{said}");
    let (second, said) = desk.ends("dns", "", 0);
    assert_eq!((&first, said.as_str()), (&second, ""));
    let starts = [
        "example.org. 3600 IN TXT \"v=spf1 include:spf.example.net -all\"",
        "stockade-ed25519._domainkey.example.org. 3600 IN TXT \"v=DKIM1; k=ed25519; p=",
        "stockade-rsa._domainkey.example.org. 3600 IN TXT \"v=DKIM1; k=rsa; p=",
        "_dmarc.example.org. 3600 IN TXT \"v=DMARC1; p=reject; adkim=s; rua=mailto:postmaster@example.org\"",
    ];
    for (line, start) in first.lines().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    let (other, said) = desk.ends("dns --selector mail2027 --mx mx.example.org", "", 0);
    assert!(said.contains("made the signing key mail2027-rsa"), "{said}");
    assert!(
        other.contains("_mta-sts.example.org.") && other.contains("mx: mx.example.org\n"),
        "{other}"
    );
    let key = |text: &str| text.split("k=ed25519; p=").nth(1).map(|rest| rest[..44].to_owned());
    assert!(key(&first).is_some() && key(&first) != key(&other));
    desk.ends("dns --selector a;b", "", 1);
    desk.ends("dns --mx no-domain", "", 1);
}

#[test]
fn the_password_is_kept_and_lies_nowhere_in_the_open() {
    let desk = Desk::new(SETTINGS);
    let (_, said) = desk.ends("test ann@example.net", "", 1);
    assert!(said.contains("there is no password: `stockade mail password`"), "{said}");
    desk.ends("password", "", 2);
    desk.ends("password", "two\nlines\n", 2);
    desk.ends("password", &format!("{CANARY}\n"), 0);
    desk.ends("password", &format!("{CANARY}\n"), 0);
    // Now it gets as far as the server, which is not there.
    let (_, said) = desk.ends("test ann@example.net", "", 1);
    assert!(said.contains("not now:") && said.contains("refused"), "{said}");
    let files = std::fs::read_dir(desk.0.path()).expect("is there");
    for file in files.map(|file| file.expect("a file").path()) {
        assert!(!holds(&file, CANARY), "{}", file.display());
    }
}

fn holds(file: &Path, text: &str) -> bool {
    if file.is_dir() {
        let below = std::fs::read_dir(file).expect("is there");
        return below.map(|file| file.expect("a file").path()).any(|file| holds(&file, text));
    }
    let bytes = std::fs::read(file).expect("is read");
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_is_not_set_or_typed_wrongly_is_told_with_its_fix() {
    let check = |settings: &str, line: &str, code: i32, want: &str| {
        let (_, said) = Desk::new(settings).ends(line, "", code);
        assert!(said.contains(want), "{line}: {said}");
    };
    check("", "dns", 2, "no sender is set: put mail.from");
    check("", "check", 2, "no sender is set");
    check("[mail]\nfrom = \"stockade\"\n", "dns", 1, "mail.from (");
    check("[mail]\nfrom = \"s@example.org\"\nspf = \"ip4:1.2.3\"\n", "dns", 1, "mail.spf");
    check("[mail]\nfrom = \"s@example.org\"\n", "test ann@example.net", 2, "no mail server is set");
    check(SETTINGS, "test ann", 2, "mail address");
    check(SETTINGS, "test ann@example.net --language fr", 2, "en and de");
    check(SETTINGS, "check --resolver 127.0.0.1:1", 1, "name another with --resolver");
}

/// A name server of others, ended with the test.
struct NameServer(Child, String);

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn name_server(zone: &Value) -> Option<NameServer> {
    let program = std::env::var_os("MAIL_PYTHON").unwrap_or_else(|| "python3".into());
    let child = Command::new(program)
        .args(["-c", include_str!("../../notify/tests/independent/zone.py")])
        .arg(zone.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.ok()?;
    let mut port = String::new();
    let stdout = child.stdout.take().expect("was asked for");
    BufReader::new(stdout).read_line(&mut port).ok()?;
    let server = NameServer(child, format!("127.0.0.1:{}", port.trim()));
    (!port.is_empty()).then_some(server)
}

#[test]
fn what_is_printed_passes_the_check_once_it_is_published() {
    let desk = Desk::new(SETTINGS);
    let records = desk.json("dns", 0)["records"].clone();
    let published = |record: &Value| {
        let text = record["value"].as_str().expect("a text");
        let pieces = text.as_bytes().chunks(255).map(|piece| String::from_utf8_lossy(piece));
        let strings: Vec<String> = pieces.map(|piece| format!("\"{piece}\"")).collect();
        json!([record["name"], "TXT", [strings.join(" ")]])
    };
    let mut zone: Vec<Value> = records.as_array().expect("records").iter().map(published).collect();
    zone.push(json!(["example.org", "MX", ["10 mx.example.org."]]));
    zone.push(json!(["spf.example.net", "TXT", ["\"v=spf1 ip4:192.0.2.0/24 -all\""]]));
    let Some(server) = name_server(&json!(zone)) else {
        println!("skipped: no python3 with dnspython; `cargo xtask test --only mail` installs it");
        return;
    };
    let (out, _) = desk.ends(&format!("check --resolver {}", server.1), "", 0);
    assert_eq!(out.matches("good ").count(), 5, "{out}");
    // Without the record of the RSA key, the check says so and gives the line to set.
    let lacking: Vec<&Value> =
        zone.iter().filter(|line| !line[0].to_string().contains("-rsa")).collect();
    let server = name_server(&json!(lacking)).expect("was there before");
    let (out, _) = desk.ends(&format!("check --resolver {}", server.1), "", 3);
    assert_eq!(out.matches("WRONG").count(), 1, "{out}");
    assert!(
        out.contains("set: stockade-rsa._domainkey.example.org. 3600 IN TXT \"v=DKIM1; k=rsa;"),
        "{out}"
    );
    let findings = desk.json(&format!("check --resolver {}", server.1), 3);
    let wrong = findings.as_array().expect("findings").iter().find(|f| f["weight"] == "wrong");
    assert_eq!(wrong.expect("one")["set"]["name"], "stockade-rsa._domainkey.example.org");
}
