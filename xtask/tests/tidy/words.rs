//! Words that must not stand in a source: clocks in cores, reasons left out, work left undone.

use crate::{
    CORE_WORDS, CRATES, Floor, STARTERS, UNSAFE_MODULES,
    code::{code_of, without_tests},
    tree::{self, File},
};

/// What a core must be given instead of reaching for it.
const NO_CORE_WORD: [(&str, &str); 18] = [
    ("Instant::now", "take `now` as an argument"),
    ("SystemTime", "take `now` as an argument"),
    ("Timestamp::now", "take `now` as an argument"),
    ("Zoned::now", "take `now` as an argument"),
    ("std::fs", "an adapter reads and writes"),
    ("std::env", "configuration is an argument"),
    ("TcpStream", "an adapter has the sockets"),
    ("UdpSocket", "an adapter has the sockets"),
    ("std::process", "a core starts nothing"),
    ("thread::spawn", "the app decides what runs where"),
    ("thread::sleep", "return a deadline"),
    ("HashMap", "use BTreeMap: its order is always the same"),
    ("HashSet", "use BTreeSet: its order is always the same"),
    ("thread_rng", "entropy is an argument"),
    ("SystemRandom", "entropy is an argument"),
    ("async fn", "async starts at the adapters"),
    ("println!", "a core returns, the app speaks"),
    ("eprintln!", "a core returns, the app speaks"),
];

/// What is not left in any source.
const LEFT_UNDONE: [&str; 4] = ["todo!", "unimplemented!", "dbg!", "#[ignore]"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["utils", "util", "common", "helpers", "helper", "types", "manager", "misc"];

fn core_words(file: &File) -> Vec<String> {
    let code = without_tests(&code_of(&file.text));
    let mut findings = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for (word, instead) in NO_CORE_WORD.iter().filter(|(word, _)| line.contains(word)) {
            if CORE_WORDS.iter().any(|(path, known, _)| (*path, *known) == (&file.path, *word)) {
                continue;
            }
            findings.push(format!("{}:{}: {word} in a core: {instead}", file.path, number + 1));
        }
    }
    findings
}

fn left_undone(file: &File) -> Vec<String> {
    let code = code_of(&file.text);
    let in_code = LEFT_UNDONE.iter().filter(|word| code.contains(**word));
    let marks = ["FIXME", "XXX"];
    let in_text = marks.iter().filter(|word| file.text.contains(&format!("// {word}")));
    in_code.chain(in_text).map(|word| format!("{}: {word} is left behind", file.path)).collect()
}

fn empty_name(file: &File) -> Option<String> {
    let bad =
        file.path.trim_end_matches(".rs").split(['/', '.']).find(|p| EMPTY_NAMES.contains(p))?;
    Some(format!("{}: {bad:?} is no noun: say what is inside", file.path))
}

/// Attributes that silence a lint without saying why.
fn waivers_without_reason(file: &File) -> Vec<String> {
    let code = code_of(&file.text);
    let mut findings = Vec::new();
    for word in ["[allow(", "[expect(", " allow(", " expect("] {
        for (at, _) in code.match_indices(word) {
            // ` allow(` is a waiver only inside `cfg_attr(…)`.
            let line_start = code.get(..at).and_then(|b| b.rfind('\n')).map_or(0, |n| n + 1);
            let line = code.get(line_start..at).unwrap_or_default();
            if word.starts_with(' ') && !line.contains("cfg_attr(") {
                continue;
            }
            let end =
                code.get(at..).and_then(|tail| tail.find(")]")).map_or(code.len(), |n| at + n);
            if !code.get(at..end).is_some_and(|inside| inside.contains("reason =")) {
                let number = code.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
                findings.push(format!("{}:{number}: a waiver without its reason", file.path));
            }
        }
    }
    findings
}

/// A test waits on a condition, never for a time.
fn sleeping_tests(file: &File) -> Vec<String> {
    let code = code_of(&file.text);
    let tests = if file.path.contains("/tests/") {
        code.clone()
    } else {
        code.split_once("#[cfg(test)]").map(|(_, tests)| tests.to_owned()).unwrap_or_default()
    };
    let sleeps = tests.contains("thread::sleep") || tests.contains("time::sleep");
    sleeps.then(|| format!("{}: a test sleeps", file.path)).into_iter().collect()
}

/// Unsafe code outside the named modules, or inside them without its argument.
fn bare_unsafe(file: &File) -> Vec<String> {
    let named = UNSAFE_MODULES.iter().any(|(module, _)| *module == file.path);
    let code = code_of(&file.text);
    if !code.contains("unsafe {") && !code.contains("unsafe fn") {
        return Vec::new();
    }
    if !named {
        return vec![format!("{}: unsafe code outside UNSAFE_MODULES", file.path)];
    }
    let argued = file.text.contains("// SAFETY:");
    if argued { Vec::new() } else { vec![format!("{}: no `// SAFETY:`", file.path)] }
}

/// A program that a crate starts: nothing that was sent or made is ever run. The lint says so of
/// one way to start one, line by line; here no waiver helps.
fn started_programs(file: &File) -> Vec<String> {
    if file.path.contains("/tests/") {
        return Vec::new();
    }
    let code = without_tests(&code_of(&file.text));
    if STARTERS.iter().any(|(path, _)| *path == file.path) {
        // One program, one constant argument, nothing of the environment.
        let once = |word: &str| code.matches(word).count() == 1;
        let bound = "command.arg(WORKER).env_clear()";
        let is_bound = once("Command::new") && once(".arg") && code.contains(bound);
        return if is_bound { Vec::new() } else { vec![format!("{}: not {bound}", file.path)] };
    }
    let words = ["Command::new", "process::Command", "CommandExt"];
    let found = words.iter().filter(|word| code.contains(**word));
    found.map(|word| format!("{}: {word}: only xtask starts programs", file.path)).collect()
}

/// The names of what sends text to a telephone.
const TELEPHONE: [&str; 5] = ["sms", "twilio", "vonage", "nexmo", "messagebird"];

/// A telephone can be taken over by whoever talks to its company: no code goes there.
fn telephone(file: &File) -> Option<String> {
    // `SmsGateway` is two words, and so is `sMsg`.
    let mut text = String::with_capacity(file.text.len());
    for c in file.text.chars() {
        if c.is_uppercase() && text.ends_with(char::is_lowercase) {
            text.push(' ');
        }
        text.push(c);
    }
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    let found = words.find(|word| TELEPHONE.iter().any(|name| word.starts_with(name)))?;
    Some(format!("{}: {found:?}: no code goes by telephone", file.path))
}

fn opening(file: &File) -> Option<String> {
    let mut lines = file.text.lines();
    let knows = lines.next().is_some_and(|l| l.starts_with("//! Knows: ") && l.ends_with('.'));
    let never =
        lines.next().is_some_and(|l| l.starts_with("//! Never knows: ") && l.ends_with('.'));
    let what = "must open with `//! Knows: ….` and `//! Never knows: ….`";
    (!knows || !never).then(|| format!("{} {what}", file.path))
}

fn rust() -> Vec<File> {
    let mut files = tree::files("crates", &["rs"]);
    files.extend(tree::files("xtask", &["rs"]));
    assert!(files.len() > 20, "the sources were not found");
    files
}

#[test]
fn cores_have_no_clock_no_files_no_threads() {
    let cores = CRATES.iter().filter(|(_, floor)| *floor <= Floor::Core);
    let files = cores.flat_map(|(name, _)| tree::files(&format!("crates/{name}/src"), &["rs"]));
    tree::none(&files.flat_map(|file| core_words(&file)).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_undone() {
    tree::none(&rust().iter().flat_map(left_undone).collect::<Vec<_>>());
}

#[test]
fn every_waiver_has_its_reason() {
    tree::none(&rust().iter().flat_map(waivers_without_reason).collect::<Vec<_>>());
}

#[test]
fn no_test_sleeps() {
    let files = tree::files("crates", &["rs"]);
    tree::none(&files.iter().flat_map(sleeping_tests).collect::<Vec<_>>());
}

#[test]
fn no_crate_starts_a_program() {
    let files = tree::files("crates", &["rs"]);
    tree::none(&files.iter().flat_map(started_programs).collect::<Vec<_>>());
}

#[test]
fn no_code_goes_by_telephone() {
    let mut files = tree::files("crates", &["rs"]);
    files.extend(tree::files("ui/src", &["ts", "svelte"]));
    files.extend(["Cargo.lock", "ui/package-lock.json"].map(tree::file));
    assert!(files.iter().all(|file| !file.text.is_empty()), "a file was not found");
    tree::none(&files.iter().filter_map(telephone).collect::<Vec<_>>());
}

#[test]
fn modules_are_named_for_what_is_inside() {
    let mut files = rust();
    files.extend(tree::files("ui/src", &["ts", "svelte"]));
    tree::none(&files.iter().filter_map(empty_name).collect::<Vec<_>>());
}

#[test]
fn every_crate_says_what_it_knows_and_never_knows() {
    let mut findings = Vec::new();
    for (name, floor) in CRATES {
        let folder = if floor == Floor::Chore { name.into() } else { format!("crates/{name}") };
        let roots =
            ["src/lib.rs", "src/main.rs"].map(|root| tree::file(&format!("{folder}/{root}")));
        let Some(root) = roots.iter().find(|root| !root.text.is_empty()) else {
            findings.push(format!("{folder} has no source"));
            continue;
        };
        findings.extend(opening(root));
        // `deny` leaves room for one module that says why; `forbid` leaves none.
        let allowed = UNSAFE_MODULES.iter().any(|(file, _)| file.starts_with(&folder));
        let word = if allowed { "#![deny(unsafe_code)]" } else { "#![forbid(unsafe_code)]" };
        if !root.text.contains(word) {
            findings.push(format!("{} does not say {word}", root.path));
        }
    }
    tree::none(&findings);
}

#[test]
fn unsafe_code_stands_where_the_table_says() {
    tree::none(&rust().iter().flat_map(bare_unsafe).collect::<Vec<_>>());
}

#[test]
fn the_word_rules_bite() {
    let check = |rule: fn(&File) -> Vec<String>, text: &str, want: usize| {
        let file = File::sample("crates/factor/tests/sample.rs", text);
        assert_eq!(rule(&file).len(), want, "{text}");
    };
    check(core_words, "fn f() { let t = Instant::now(); }", 1);
    check(core_words, "use std::collections::HashMap; // HashSet\nuse std::fs;", 2);
    check(core_words, "fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }", 0);
    check(core_words, "const WORD: &str = \"std::fs\";", 0);
    check(left_undone, "fn f() { todo!() }", 1);
    check(left_undone, concat!("// FIX", "ME later"), 1);
    check(left_undone, "#[test]\n#[ignore]\nfn f() {}", 1);
    check(left_undone, "fn f() { done() } // todo!", 0);
    check(waivers_without_reason, "#[allow(dead_code)]\nfn f() {}", 1);
    check(waivers_without_reason, "#![allow(\n  dead_code,\n  unused\n)]", 1);
    check(waivers_without_reason, "#[cfg_attr(test, allow(dead_code))]", 1);
    check(waivers_without_reason, "#[expect(dead_code, reason = \"because\")]", 0);
    check(waivers_without_reason, "let x = y.expect(\"holds\");", 0);
    check(bare_unsafe, "fn f() { unsafe { g() } }", 1);
    check(bare_unsafe, "fn f() {} // unsafe { g() }", 0);
    let (module, _) = UNSAFE_MODULES[0];
    assert_eq!(bare_unsafe(&File::sample(module, "unsafe { g() }")).len(), 1);
    assert!(bare_unsafe(&File::sample(module, "// SAFETY: seen\nunsafe { g() }")).is_empty());
    check(sleeping_tests, "fn f() { std::thread::sleep(x); }", 1);
    check(sleeping_tests, "fn f() { tokio::time::sleep(x).await; }", 1);
    let start = |path: &str, text: &str| started_programs(&File::sample(path, text)).len();
    assert_eq!(start("crates/x/src/a.rs", "use std::process::Command;"), 1);
    assert_eq!(start("crates/x/src/a.rs", "fn f() { Command::new(\"sh\"); }"), 1);
    assert_eq!(start("crates/x/src/a.rs", "fn f() {} // Command::new"), 0);
    assert_eq!(start("crates/x/src/a.rs", "#[cfg(test)]\nmod t { use std::process::Command; }"), 0);
    assert_eq!(start("crates/x/tests/a.rs", "use std::process::Command;"), 0);
    let (starter, _) = STARTERS[0];
    let bound = "let mut command = Command::new(x); command.arg(WORKER).env_clear();";
    assert_eq!(start(starter, bound), 0);
    assert_eq!(start(starter, &bound.replace(".env_clear()", "")), 1);
    assert_eq!(start(starter, &format!("{bound} command.arg(typed);")), 1);
    assert_eq!(start(starter, &format!("{bound} Command::new(\"sh\");")), 1);
    let dials = |text: &str| telephone(&File::sample("crates/x/src/a.rs", text)).is_some();
    assert!(dials("enum Channel { Mail, SmsGateway }") && dials("const SMS: u8 = 0;"));
    assert!(dials("name = \"twilio-rs\""));
    assert!(!dials("fn f() { mechanisms(); answer.sMsg }"));
}

#[test]
fn the_naming_rules_bite() {
    let name = |path: &str| empty_name(&File::sample(path, ""));
    assert!(name("crates/edge/src/utils.rs").is_some());
    assert!(name("ui/src/helpers/date.ts").is_some());
    assert!(name("crates/edge/src/listener.rs").is_none());
    let open = |text: &str| opening(&File::sample("crates/x/src/lib.rs", text));
    assert!(open("//! Knows: a.\n//! Never knows: b.\n").is_none());
    assert!(open("//! A crate.\n//! Never knows: b.\n").is_some());
    assert!(open("//! Knows: a.\n\n//! Never knows: b.\n").is_some());
}
