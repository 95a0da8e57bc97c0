//! The web UI under its strict policy: nothing inline, nothing from elsewhere, no word missing.

use crate::tree::{self, File};
use std::collections::BTreeSet;

/// Addresses that may stand in the UI's sources: what is linked to, or a name that is no address.
const ADDRESSES: [(&str, &str); 4] = [
    ("https://stockade.invalid", "a base for parsing; the name resolves nowhere by RFC 2606"),
    ("https://www.tradingview.com", "the attribution that the chart library's licence asks for"),
    ("http://www.w3.org/2000/svg", "the name of a namespace, never fetched"),
    ("https://localhost", "the development server"),
];

/// What the policy would block, or what would weaken it.
const BLOCKED: [(&str, &str); 10] = [
    ("style=\"", "an inline style is blocked: use a class"),
    ("style='", "an inline style is blocked: use a class"),
    ("onclick=\"", "an inline handler is blocked"),
    ("onload=\"", "an inline handler is blocked"),
    ("javascript:", "a script address is blocked"),
    ("{@html", "text goes in as text"),
    (".innerHTML", "text goes in as text"),
    ("insertAdjacentHTML", "text goes in as text"),
    ("eval(", "text is never run"),
    ("new Function(", "text is never run"),
];

/// What the browser keeps for the pages under which name, and what it holds: nothing private.
const KEPT: [(&str, &str); 6] = [
    ("stockade.theme", "light or dark"),
    ("stockade.language", "en or de"),
    ("stockade.shortcuts", "whether keys are shortcuts"),
    ("stockade.signed_in", "that a session was there, so that it is worth renewing"),
    ("stockade.refresh", "the name of a lock between tabs; nothing is stored"),
    ("stockade.refreshed", "when a tab last renewed the session"),
];

/// The files that reach the browser's storage, all by names of [`KEPT`].
const KEEPERS: [&str; 6] = [
    "ui/src/theme-boot.js",
    "ui/src/lib/theme.svelte.ts",
    "ui/src/lib/i18n/index.svelte.ts",
    "ui/src/lib/shortcuts-choice.svelte.ts",
    "ui/src/lib/session.svelte.ts",
    "ui/src/lib/api/client.ts",
];

/// Storage under a name that is not listed, from a file that is not, or of another kind.
fn kept(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let mut say = |what: &str| findings.push(format!("{}:{}: {what}", file.path, number + 1));
        let others =
            ["sessionStorage", "indexedDB", "document.cookie", "cookieStore", "caches.open"];
        for word in others.iter().filter(|word| line.contains(**word)) {
            say(&format!("{word}: what the browser keeps is in localStorage, and listed"));
        }
        if line.contains("localStorage") && !KEEPERS.contains(&file.path.as_str()) {
            say("localStorage: the file is not in KEEPERS");
        }
        for tail in line.split(['\'', '"', '`']).filter(|text| text.starts_with("stockade.")) {
            if !KEPT.iter().any(|(name, _)| *name == tail) && !tail.starts_with("stockade.invalid")
            {
                say(&format!("{tail} is not in KEPT: say what it holds"));
            }
        }
        // A name is a constant of the file or stands in the call; a value made elsewhere is none.
        let stored = line.split_once("localStorage.setItem(").map(|(_, call)| call);
        if stored.is_some_and(|call| !call.starts_with(['\'', 'S', 'H'])) {
            say("the name of what is stored is no constant");
        }
    }
    findings
}

fn blocked(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for (word, why) in BLOCKED.iter().filter(|(word, _)| holds(line, word)) {
            findings.push(format!("{}:{}: {word} {why}", file.path, number + 1));
        }
    }
    if file.extension() == "html" {
        let scripts = file.text.split("<script").skip(1);
        let inline =
            scripts.filter(|tail| tail.split('>').next().is_none_or(|tag| !tag.contains("src=")));
        findings.extend(inline.map(|_| format!("{}: an inline script is blocked", file.path)));
        if file.text.contains("<style") {
            findings.push(format!("{}: an inline style sheet is blocked", file.path));
        }
    }
    findings
}

/// The word at a word boundary: `medieval(` is not `eval(`.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().last());
        !word.starts_with(char::is_alphabetic)
            || before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.'))
    })
}

fn elsewhere(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for scheme in ["http://", "https://", "wss://", "url(//", "src=\"//"] {
            for (at, _) in line.match_indices(scheme) {
                let address = line.get(at..).unwrap_or_default();
                if !ADDRESSES.iter().any(|(known, _)| address.starts_with(known)) {
                    findings.push(format!("{}:{}: an address elsewhere", file.path, number + 1));
                }
            }
        }
    }
    findings
}

/// The keys of a message table: every `name:` or `"name":` at the start of a line.
fn keys(table: &str) -> BTreeSet<String> {
    let key = |line: &str| {
        let line = line.trim_start();
        let (name, _) = match line.strip_prefix(['"', '\'']) {
            Some(quoted) => quoted.split_once(['"', '\'']).filter(|(_, t)| t.starts_with(':'))?,
            None => line.split_once(':')?,
        };
        let named =
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
        named.then(|| name.to_owned())
    };
    table.lines().filter_map(key).collect()
}

fn missing_messages(one: &File, other: &File) -> Vec<String> {
    let (a, b) = (keys(&one.text), keys(&other.text));
    let lacks = |file: &File, key: &String| format!("{} lacks the message {key}", file.path);
    let first = a.difference(&b).map(|key| lacks(other, key));
    first.chain(b.difference(&a).map(|key| lacks(one, key))).collect()
}

fn sources() -> Vec<File> {
    let mut files = tree::files("ui/src", &["svelte", "ts", "html", "css"]);
    // A test may hold a bad sample; it is not in the build.
    files.retain(|file| !file.path.contains(".test."));
    files.push(tree::file("ui/index.html"));
    // The server's own pages stand under the same policy.
    files.extend(tree::files("crates", &["html"]));
    files
}

#[test]
fn nothing_in_the_ui_would_be_blocked() {
    tree::none(&sources().iter().flat_map(blocked).collect::<Vec<_>>());
}

#[test]
fn nothing_in_the_ui_comes_from_elsewhere() {
    tree::none(&sources().iter().flat_map(elsewhere).collect::<Vec<_>>());
}

#[test]
fn the_browser_keeps_what_is_listed_and_nothing_else() {
    let mut files = tree::files("ui/src", &["svelte", "ts", "js"]);
    files.retain(|file| !file.path.contains(".test."));
    tree::none(&files.iter().flat_map(kept).collect::<Vec<_>>());
    for (name, holds) in KEPT {
        let used = files.iter().any(|file| file.text.contains(&format!("'{name}'")));
        assert!(used, "{name} ({holds}) is in no source: its line in KEPT can go");
    }
}

#[test]
fn both_languages_have_every_message() {
    let files = tree::files("ui/src", &["ts", "json"]);
    let english = files.iter().filter(|file| file.stem() == "en");
    let mut findings = Vec::new();
    for table in english {
        let path = table.path.replace("/en.", "/de.");
        match files.iter().find(|file| file.path == path) {
            Some(german) => findings.extend(missing_messages(table, german)),
            None => findings.push(format!("{path} is missing")),
        }
    }
    tree::none(&findings);
}

#[test]
fn the_page_rules_bite() {
    let check = |rule: fn(&File) -> Vec<String>, text: &str, want: usize| {
        let findings = rule(&File::sample("ui/index.html", text));
        assert_eq!(findings.len(), want, "{text}: {findings:?}");
    };
    check(blocked, "<p style=\"color: red\">", 1);
    check(blocked, "<script>alert(1)</script>", 1);
    check(blocked, "<script type=\"module\" src=\"/src/main.ts\"></script>", 0);
    check(blocked, "<style>p {}</style>", 1);
    check(blocked, "element.innerHTML = text", 1);
    check(blocked, "medieval(x)", 0);
    check(blocked, "const x = eval(text)", 1);
    check(elsewhere, "<img src=\"https://example.org/a.png\">", 1);
    check(elsewhere, "<a href=\"https://www.tradingview.com/\">", 0);
    check(elsewhere, "@import url(//fonts.example.org/a.css)", 1);
    let keeps = |path: &str, text: &str| kept(&File::sample(path, text)).len();
    let theme = "ui/src/lib/theme.svelte.ts";
    assert_eq!(keeps(theme, "localStorage.setItem('stockade.theme', theme);"), 0);
    assert_eq!(keeps(theme, "localStorage.setItem('stockade.token', token);"), 1);
    assert_eq!(keeps(theme, "localStorage.setItem(name, token);"), 1);
    assert_eq!(keeps("ui/src/App.svelte", "localStorage.setItem('stockade.theme', x);"), 1);
    assert_eq!(keeps("ui/src/App.svelte", "sessionStorage.x = 1; document.cookie = 'a';"), 2);
    let table = |path: &str, text: &str| File::sample(path, text);
    let english = table("en.ts", "  \"a.b\": \"A\",\n  c: \"C: d\",\n");
    assert_eq!(missing_messages(&english, &table("de.ts", "  'a.b': 'A',\n")).len(), 1);
    assert!(missing_messages(&english, &table("de.ts", "  'a.b': 'A',\n  c: 'C'\n")).is_empty());
}
