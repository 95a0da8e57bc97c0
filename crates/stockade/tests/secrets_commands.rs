//! `stockade secrets` as people type it: put in, listed, taken over from plain text, used by settings, killed
//! in the middle.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the test runs the program, kills it and reads its files"
)]

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

const STOCKADE: &str = env!("CARGO_BIN_EXE_stockade");
const CANARY: &str = "canary-4c77-of-the-sealed-store";

struct Desk {
    scratch: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Desk {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a directory");
        Self { scratch, environment: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        path.display().to_string()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(STOCKADE);
        command.args(line.split(' ')).arg("--data-dir").arg(self.path("data"));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.scratch.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn begun(&self, line: &str, stdin: &str) -> Child {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().expect("starts");
        // Whoever refuses reads nothing.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        child
    }

    /// Types a command with this on stdin, and expects an exit code; what it said.
    fn ends(&self, line: &str, stdin: &str, code: i32) -> String {
        let output = self.begun(line, stdin).wait_with_output().expect("ends");
        let said = told(&output);
        assert_eq!(output.status.code(), Some(code), "{line}\n{said}");
        assert!(!said.contains(CANARY), "{line}\n{said}");
        said
    }

    fn json(&self, line: &str) -> Value {
        let output = self.begun(&format!("{line} --json"), "").wait_with_output().expect("ends");
        assert!(output.status.success(), "{line}\n{}", told(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn names(&self) -> Vec<String> {
        let listed = self.json("secrets list");
        let name = |row: &Value| row["name"].as_str().expect("a name").to_owned();
        listed.as_array().expect("a list").iter().map(name).collect()
    }
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Files below a directory that hold this text.
fn holding(root: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).expect("reads");
            if memchr::memmem::find(&bytes, text.as_bytes()).is_some() {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn a_secret_goes_in_and_never_comes_out() {
    let desk = Desk::new();
    let line = format!("{CANARY}\n");
    desk.ends("secrets put vendor.polygon", &line, 0);
    let listed = desk.json("secrets list");
    let (row, fingerprint) = (&listed[0], listed[0]["fingerprint"].clone());
    assert_eq!(row["name"], "vendor.polygon");
    assert_eq!((&row["by"], &row["used_by"]), (&"host".into(), &"key of a price vendor".into()));
    assert_eq!(fingerprint.as_str().expect("text").len(), 16);
    assert_ne!(fingerprint, hex::encode(&seal::sha256(CANARY.as_bytes())[..8]), "it is keyed");
    assert!(desk.ends("secrets list", "", 0).contains("vendor.polygon"));
    let again = desk.ends("secrets put vendor.polygon", &line, 0);
    assert!(again.contains("sealed already with this value"), "{again}");
    desk.ends("secrets put vendor.polygon", "another value of it", 0);
    assert_ne!(desk.json("secrets list")[0]["fingerprint"], fingerprint);
    assert_eq!(holding(&desk.path("data"), CANARY), Vec::<PathBuf>::new());
    // The store is its owner's alone, and says nothing without the keys.
    let file = desk.path("data/stockade.secrets");
    let mode = std::fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Each change has its leaf, with the fingerprint.
    let leaves = desk.json("audit ls --kind secret.kept");
    assert_eq!(leaves.as_array().expect("a list").len(), 2, "{leaves}");
    assert_eq!(leaves[1]["detail"]["fingerprint"], fingerprint);
    assert_eq!(leaves[0]["detail"]["before"], fingerprint);
    desk.ends("secrets remove vendor.polygon", "", 0);
    let absent = desk.ends("secrets remove vendor.polygon", "", 1);
    assert!(absent.contains("secret"), "{absent}");
    assert_eq!(desk.names(), Vec::<String>::new());
    assert_eq!(desk.json("audit ls --kind secret.removed")[0]["subject"], "vendor.polygon");
    assert!(desk.ends("audit verify", "", 0).contains("verified"));
}

#[test]
fn what_is_no_secret_or_no_name_is_refused() {
    let desk = Desk::new();
    let check = |line: &str, stdin: &str, want: &str| {
        let said = desk.ends(line, stdin, 2);
        assert!(said.contains(want), "{line}: {said}");
    };
    check("secrets put mail.password", "", "the secret is empty");
    check("secrets put mail.password", "\n", "the secret is empty");
    check("secrets put mail.password", "two\nlines\n", "one line");
    check("secrets put vendor.x", &"x".repeat(20_000), "is it the secret?");
    check(&format!("secrets put mail.password={CANARY}"), "", "behind the =");
    check("secrets put Mail", "word", "lower-case");
    check("secrets put keys.pin", "1234", "cannot lie in it");
    check("secrets import", "", "--env");
    assert!(!desk.path("data/stockade.secrets").exists());
    // A name that nothing asks for is taken, and said to be one.
    assert!(desk.ends("secrets put something", "word", 0).contains("nothing asks for"));
}

#[test]
fn plain_text_is_taken_over_from_each_kind_of_file_and_said_where_it_lies() {
    let url = format!("postgres://stockade:{CANARY}@db.example/stockade");
    for (name, text, places) in [
        (
            "old.env",
            format!(
                "# ours\nexport STOCKADE_MAIL_PASSWORD='{CANARY}'\nSTOCKADE_DATABASE_URL={url}\nPATH=/bin\n"
            ),
            ["old.env:3", "old.env:2"],
        ),
        (
            "old.toml",
            format!("[mail]\nuser = \"u\"\npassword = \"{CANARY}\"\n[database]\nurl = \"{url}\"\n"),
            ["old.toml:5", "old.toml:3"],
        ),
        (
            "old.yaml",
            format!("mail:\n  user: u\n  password: {CANARY}\ndatabase: {{ url: '{url}' }}\n"),
            ["old.yaml:4", "old.yaml:3"],
        ),
    ] {
        let desk = Desk::new();
        let file = desk.write(name, &text);
        let report = desk.json(&format!("secrets import --file {file}"));
        let taken = report["taken"].as_array().expect("a list");
        let pairs = [("database.url", places[0]), ("mail.password", places[1])];
        assert_eq!(taken.len(), 2, "{report}");
        for (one, (name, place)) in taken.iter().zip(pairs) {
            assert_eq!(one["name"], name);
            assert!(one["place"].as_str().expect("text").ends_with(place), "{report}");
        }
        assert_eq!(report["passed_over"], 1, "{report}");
        let next = report["next"].to_string();
        assert!(next.contains("still lies at") && next.contains("sealed:database.url"), "{next}");
        assert!(!next.contains("others than its owner"), "{next}");
        assert_eq!(desk.names(), ["database.url", "mail.password"]);
        assert_eq!(holding(&desk.path("data"), CANARY), Vec::<PathBuf>::new());
        // Once more changes nothing; a file that others can read is named as one.
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        let report = desk.json(&format!("secrets import --file {file}"));
        assert_eq!(report["taken"][0]["already"], true);
        assert!(report["next"].to_string().contains("others than its owner"), "{report}");
        assert_eq!(desk.json("audit ls --kind secret.kept").as_array().expect("a list").len(), 2);
    }
}

#[test]
fn an_import_takes_what_is_known_and_another_value_only_when_told() {
    let mut desk = Desk::new();
    let none = desk.write("none.env", "PATH=/bin\nHOME=/root\n");
    let said = desk.ends(&format!("secrets import --file {none}"), "", 1);
    assert!(said.contains("none of 2 values"), "{said}");
    let bad = desk.write("bad.env", &format!("A=1\n{CANARY}\n"));
    let said = desk.ends(&format!("secrets import --file {bad}"), "", 2);
    assert!(said.contains("bad.env:2: this is not KEY=VALUE"), "{said}");
    desk.environment.push(("STOCKADE_VENDOR_POLYGON", CANARY.to_owned()));
    desk.environment.push(("PGPASSWORD", format!("{CANARY}-pg")));
    desk.environment.push(("LANG", "C".to_owned()));
    let report = desk.json("secrets import --env");
    let place = |at: usize| report["taken"][at]["place"].as_str().expect("text").to_owned();
    assert_eq!(place(0), "the variable PGPASSWORD");
    assert_eq!(place(1), "the variable STOCKADE_VENDOR_POLYGON");
    desk.environment.clear();
    assert_eq!(desk.names(), ["database.password", "vendor.polygon"]);
    let other = desk.write("other.env", "STOCKADE_VENDOR_POLYGON=another\nSTOCKADE_WEBHOOK_X=y\n");
    let said = desk.ends(&format!("secrets import --file {other}"), "", 2);
    assert!(said.contains("nothing was taken") && said.contains("--replace"), "{said}");
    assert_eq!(desk.names().len(), 2);
    let said = desk.ends(&format!("secrets import --replace --file {other}"), "", 0);
    assert!(said.contains("webhook.x"), "{said}");
    let two = desk.write("two.env", "PGPASSWORD=one\nSTOCKADE_DATABASE_PASSWORD=two\n");
    let said = desk.ends(&format!("secrets import --file {two}"), "", 2);
    assert!(said.contains("has two values"), "{said}");
}

#[test]
fn a_database_whose_address_is_sealed_opens_and_a_missing_one_is_named() {
    let mut desk = Desk::new();
    let file = desk.path(&format!("{CANARY}.db"));
    desk.environment.push(("STOCKADE_DATABASE_URL", "sealed:database.url".to_owned()));
    let said = desk.ends("audit key", "", 2);
    assert!(
        said.contains("STOCKADE_DATABASE_URL") && said.contains("secrets put database.url"),
        "{said}"
    );
    // Before there is any key of the installation: the address comes first.
    let put = desk.begun("secrets put database.url", &format!("sqlite:{}\n", file.display()));
    assert!(put.wait_with_output().expect("ends").status.success());
    assert!(!desk.path("data/stockade.db").exists());
    desk.ends("setup-link", "", 0);
    assert!(file.exists() && !desk.path("data/stockade.db").exists());
    desk.ends("audit verify", "", 0);
    assert_eq!(desk.json("secrets list")[0]["used_by"], "database.url");
    let said = desk.ends("secrets remove database.url", "", 2);
    assert!(said.contains("change the setting first"), "{said}");
    // A password alone, in the place of it: no server is there, and the way to it is all that can be seen.
    let address = "postgres://u:sealed:database.password@127.0.0.1:1/d".to_owned();
    desk.environment = vec![("STOCKADE_DATABASE_URL", address)];
    let said = desk.ends("audit key", "", 2);
    assert!(said.contains("secrets put database.password"), "{said}");
    let put = desk.ends("secrets put database.password", &format!("{CANARY}\n"), 3);
    assert!(put.contains("the audit log does not hold it"), "{put}");
    let said = desk.ends("audit key", "", 1);
    assert!(!said.contains("sealed:"), "{said}");
}

#[test]
fn a_secret_in_the_configuration_is_refused_and_taken_over_by_the_command_that_it_names() {
    let desk = Desk::new();
    let file = desk.write("data/stockade.toml", &format!("[mail]\npassword = \"{CANARY}\"\n"));
    let said = desk.ends("audit key", "", 2);
    let command = format!("stockade secrets import --file {file}");
    assert!(said.contains("stockade.toml:2: mail.password is a secret"), "{said}");
    assert!(said.contains(&command), "{said}");
    desk.ends(command.strip_prefix("stockade ").expect("our name"), "", 0);
    desk.write("data/stockade.toml", "[mail]\nuser = \"u\"\n");
    desk.ends("audit key", "", 0);
    assert_eq!(desk.json("secrets list")[0]["used_by"], "signs in at mail.server");
}

/// What a server says on stderr until it says that it is ready on stdout.
fn served(desk: &Desk) -> String {
    let log = desk.path("log");
    let mut command = desk.command("serve --json --listen 127.0.0.1:0");
    command.stderr(std::fs::File::create(&log).expect("a log"));
    let mut server = command.spawn().expect("starts");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("reads");
    server.kill().and_then(|()| server.wait()).expect("ends");
    let said = std::fs::read_to_string(&log).expect("text");
    assert!(line.starts_with('{'), "{said}");
    said
}

#[test]
fn a_server_says_which_secrets_lie_in_plain_text_and_how_to_take_them_over() {
    let mut desk = Desk::new();
    let quiet = served(&desk);
    assert!(!quiet.contains("plain text"), "{quiet}");
    for name in ["STOCKADE_MAIL_PASSWORD", "STOCKADE_VENDOR_X", "PGPASSWORD"] {
        desk.environment = vec![(name, CANARY.to_owned())];
        let said = served(&desk);
        assert!(said.contains(name) && said.contains("stockade secrets import --env"), "{said}");
        assert!(said.contains("plain text") && !said.contains(CANARY), "{said}");
    }
}

#[test]
fn a_put_that_is_killed_leaves_the_store_of_before_or_of_after() {
    let desk = Desk::new();
    desk.ends("secrets put vendor.stays", "stays", 0);
    let mut whole = 0;
    for turn in 0..24_u64 {
        let mut child = desk.begun("secrets put vendor.moves", &format!("{CANARY}-{turn}\n"));
        let moment = Instant::now() + Duration::from_millis(turn * 5 % 120);
        while Instant::now() < moment {
            std::thread::yield_now();
        }
        child.kill().and_then(|()| child.wait()).expect("ends");
        let names = desk.names();
        assert!(names.contains(&"vendor.stays".to_owned()), "{names:?}");
        whole += usize::from(names.len() == 2);
    }
    println!("{whole} of 24 looks found a second secret");
    // What a killed one left beside the store goes with the next that ends.
    std::fs::write(desk.path("data/stockade.secrets.00112233aabbccdd.new"), "cut").expect("writes");
    desk.ends("secrets put vendor.moves", "the last", 0);
    let left = std::fs::read_dir(desk.path("data")).expect("lists");
    let left = left.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    assert_eq!(
        left.filter(|name| name.rsplit('.').next() == Some("new")).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
}

#[test]
fn a_full_disk_is_named_and_the_store_stays_as_it_was() {
    let desk = Desk::new();
    let data = desk.path("data");
    std::fs::create_dir(&data).expect("a directory");
    let run = |program: &str, words: &[&str]| {
        let status = Command::new(program).args(words).arg(&data).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !run("mount", &["-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs"]) {
        println!("skipped: this user may not mount a small disk to fill");
        return;
    }
    let first = desk.begun("secrets put vendor.x", "of before").wait_with_output().expect("ends");
    let before = std::fs::read(data.join("stockade.secrets"));
    // Filled to the last byte.
    let mut filling = std::fs::File::create(data.join("filling")).expect("makes");
    for size in [65_536, 4096, 1] {
        while filling.write_all(&vec![0; size]).is_ok() {}
    }
    let value = "x".repeat(16_000);
    let full = desk.begun("secrets put vendor.x", &value).wait_with_output().expect("ends");
    let after = std::fs::read(data.join("stockade.secrets"));
    drop(filling);
    std::fs::remove_file(data.join("filling")).expect("removes");
    let then = desk.begun("secrets put vendor.x", &value).wait_with_output().expect("ends");
    let names = desk.command("secrets list --json").output().expect("ends");
    assert!(run("umount", &["-l"]), "unmounts");
    assert!(first.status.success(), "{}", told(&first));
    assert_eq!(full.status.code(), Some(1), "{}", told(&full));
    assert!(told(&full).contains("No space left"), "{}", told(&full));
    assert_eq!(before.expect("reads"), after.expect("reads"));
    assert!(then.status.success() && names.status.success(), "{}", told(&then));
}

#[test]
fn a_typed_secret_is_asked_for_twice_and_not_shown() {
    let desk = Desk::new();
    let words =
        format!("{STOCKADE} --data-dir {} secrets put mail.password", desk.path("data").display());
    let typed = |keys: &str| {
        let mut script = Command::new("timeout");
        script
            .args(["120", "script", "-qec", &words, "/dev/null"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin");
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut terminal = script.spawn().ok()?;
        let mut keyboard = terminal.stdin.take().expect("a pipe");
        let mut screen = terminal.stdout.take().expect("a pipe");
        let mut seen = Vec::new();
        // Each line waits for its question.
        for (question, line) in [("not shown", keys), ("the same again", CANARY)] {
            while !String::from_utf8_lossy(&seen).contains(question) {
                let mut byte = [0];
                if std::io::Read::read(&mut screen, &mut byte).expect("reads") == 0 {
                    break;
                }
                seen.push(byte[0]);
            }
            keyboard.write_all(format!("{line}\n").as_bytes()).expect("types");
        }
        std::io::Read::read_to_end(&mut screen, &mut seen).expect("reads");
        let code = terminal.wait().expect("ends").code();
        Some((code, String::from_utf8_lossy(&seen).into_owned()))
    };
    let has_script = Command::new("script").arg("--version").output().is_ok();
    let Some((code, seen)) = typed(CANARY).filter(|_| has_script) else {
        println!("skipped: there is no script(1) to make a terminal");
        return;
    };
    assert_eq!(code, Some(0), "{seen}");
    assert!(!seen.contains(CANARY) && seen.contains("fingerprint"), "{seen}");
    let (code, seen) = typed("something else").expect("it ran a moment ago");
    assert_eq!(code, Some(1), "{seen}");
    assert!(seen.contains("the two differ") && !seen.contains(CANARY), "{seen}");
    assert_eq!(desk.names(), ["mail.password"]);
}
