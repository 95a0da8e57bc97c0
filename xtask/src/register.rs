//! The register: for each claim and each row of ASVS the tests that hold it, or why none does.
//!
//! The lists are data of `audit`; here they are read and held against the sources. A row whose test
//! is gone, a row that is lost or said twice, a state that nothing supports: each is a finding.

mod claims;
mod page;
mod sources;

use crate::{docs, flags::Flags, machine};
use anyhow::{Context, Result};
use sources::Reference;
use std::{collections::BTreeSet, fs, path::Path, process::ExitCode};
use toml::{Table, Value};

pub use page::page;

const FOLDER: &str = "crates/audit/register";

/// Every list, by the name of its file, and what it is about.
const LISTS: &[(&str, &str)] = &[
    ("claims", "The project's own claims about accounts and isolation"),
    ("claims-log", "The project's own claims about the audit log"),
    ("claims-keys", "The project's own claims about keys"),
    ("claims-machines", "The project's own claims about machines"),
    ("claims-backups", "The project's own claims about backups"),
    ("claims-edge", "The project's own claims about the edge: TLS, headers, limits"),
    ("claims-host", "The project's own claims about the machine and the bot"),
    (
        "claims-supply",
        "The project's own claims about the supply chain, outside tests and disclosure",
    ),
    ("claims-watch", "The project's own claims about watching and alarms"),
    ("claims-code", "The project's other claims about the server and its sources"),
    ("asvs-identity", "ASVS 5.0.0: accounts and sessions"),
    ("asvs-server", "ASVS 5.0.0: the server"),
    ("asvs-ui", "ASVS 5.0.0: the web interface"),
];

/// How far a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    Part,
    NotYet,
    NotApplicable,
}

impl State {
    const ALL: [Self; 4] = [Self::Held, Self::Part, Self::NotYet, Self::NotApplicable];

    const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Part => "part",
            Self::NotYet => "not yet",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// One claim or one row of ASVS.
#[derive(Debug)]
struct Row {
    id: String,
    /// Of ASVS, 1 to 3.
    level: Option<i64>,
    words: String,
    /// A crate, `ui` or `xtask`.
    owner: String,
    state: State,
    tests: Vec<Reference>,
    /// What is missing or why the row does not apply; beside a held row, a remark.
    reason: String,
}

/// One file of rows.
#[derive(Debug)]
struct List {
    name: &'static str,
    title: &'static str,
    rows: Vec<Row>,
}

/// Says how many rows stand how, or what is wrong; with `--write` makes anew what is made from them.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &[], &["--write"])?;
    let root = machine::project();
    let (lists, findings) = read(&root)?;
    if findings.is_empty() && flags.has("--write") {
        write(&root, &lists)?;
    }
    for finding in &findings {
        println!("{finding}");
    }
    print!("{}", page::counts(&lists));
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The list that the program carries, and the page of the book.
fn write(root: &Path, lists: &[List]) -> Result<()> {
    let (observed, _) = claims::read(root)?;
    fs::write(root.join(FOLDER).join(claims::LIST), claims::written(lists, &observed)?)?;
    let path = root.join("docs/register.md");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, docs::renewed(&text, &|_| page())?)?;
    Ok(())
}

/// All lists of a project, and everything that is wrong with them.
fn read(root: &Path) -> Result<(Vec<List>, Vec<String>)> {
    let folder = root.join(FOLDER);
    let file = |name: &str| -> Result<Table> {
        let path = folder.join(format!("{name}.toml"));
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        text.parse().with_context(|| format!("{} is not TOML", path.display()))
    };
    let wanted = file("ids")?;
    let (mut lists, mut findings, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for &(name, title) in LISTS {
        let (rows, wrong) = rows(&file(name)?);
        findings.extend(wrong.into_iter().map(|what| format!("{name}.toml, {what}")));
        let list = List { name, title, rows };
        let ids = wanted.get(name).and_then(|list| list.get("ids"));
        findings.extend(places(&list, &words(ids), &mut seen));
        findings.extend(unsupported(&list));
        findings.extend(strangers(&list, root));
        lists.push(list);
    }
    let (observed, wrong) = claims::read(root)?;
    findings.extend(wrong);
    findings.extend(claims::lost(&lists, &observed));
    Ok((lists, findings))
}

/// The rows of a file, and what cannot be read as one.
fn rows(file: &Table) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for key in file.keys().filter(|key| *key != "row") {
        findings.push(format!("{key}: only [[row]] is known"));
    }
    let tables = file.get("row").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (number, value) in tables.iter().enumerate() {
        match value.as_table().ok_or_else(|| "is no table".to_owned()).and_then(row) {
            Ok(row) => rows.push(row),
            Err(why) => findings.push(format!("row {}: {why}", number + 1)),
        }
    }
    (rows, findings)
}

fn row(table: &Table) -> Result<Row, String> {
    const KEYS: [&str; 7] = ["id", "level", "words", "owner", "state", "tests", "reason"];
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("the key {key} is not known"));
    }
    let text = |key: &str| match table.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
        Some(_) => Err(format!("{key} is empty or no text")),
        None => Err(format!("{key} is missing")),
    };
    let state = text("state")?;
    let known = State::ALL.into_iter().find(|one| one.name() == state);
    let tests = match table.get("tests") {
        None => Vec::new(),
        Some(Value::Array(list)) if list.iter().all(Value::is_str) => words(table.get("tests")),
        Some(_) => return Err("tests is no list of texts".to_owned()),
    };
    let tests: Result<Vec<Reference>, String> = tests.iter().map(|test| test.parse()).collect();
    Ok(Row {
        id: text("id")?,
        level: table.get("level").and_then(Value::as_integer),
        words: text("words")?,
        owner: text("owner")?,
        state: known.ok_or_else(|| format!("the state {state:?} is not known"))?,
        tests: tests?,
        reason: if table.contains_key("reason") { text("reason")? } else { String::new() },
    })
}

fn words(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Rows that are missing, doubled, unasked for, or not in their place.
fn places(list: &List, wanted: &[String], seen: &mut BTreeSet<String>) -> Vec<String> {
    let name = list.name;
    let mut findings = Vec::new();
    for row in &list.rows {
        if !seen.insert(row.id.clone()) {
            findings.push(format!("{name}.toml: {} stands twice", row.id));
        }
        if !wanted.contains(&row.id) {
            findings.push(format!("{name}.toml: {} is not in ids.toml", row.id));
        }
        let of_asvs = row.id.starts_with("v5.0.0-");
        if of_asvs != row.level.is_some_and(|level| (1..=3).contains(&level)) {
            findings.push(format!("{name}.toml: {}: rows of ASVS have a level", row.id));
        }
    }
    let there: Vec<&String> = list.rows.iter().map(|row| &row.id).collect();
    for id in wanted.iter().filter(|id| !there.contains(id)) {
        findings.push(format!("{name}.toml: the row {id} is missing"));
    }
    if findings.is_empty() && !wanted.iter().eq(there.iter().copied()) {
        findings.push(format!("{name}.toml: rows stand in the order of ids.toml"));
    }
    if wanted.is_empty() {
        findings.push(format!("ids.toml has no ids for {name}"));
    }
    findings
}

/// States that the rest of their row does not support.
fn unsupported(list: &List) -> Vec<String> {
    let mut findings = Vec::new();
    for row in &list.rows {
        let mut say = |what: &str| findings.push(format!("{}.toml: {}: {what}", list.name, row.id));
        match row.state {
            State::Held if row.tests.is_empty() => say("it is held, but names no test"),
            State::Part | State::NotYet | State::NotApplicable if row.reason.is_empty() => {
                say("it is not held, and gives no reason");
            }
            State::NotYet if !row.tests.is_empty() => {
                say("nothing is there yet, but tests are named: it is `part`");
            }
            _ => {}
        }
        for (place, test) in row.tests.iter().enumerate() {
            if row.tests.iter().take(place).any(|other| other == test) {
                say(&format!("{test} is named twice"));
            }
        }
    }
    findings
}

/// Tests and owners that the project does not have.
fn strangers(list: &List, root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for row in &list.rows {
        let mut say = |what: &str| findings.push(format!("{}.toml: {}: {what}", list.name, row.id));
        let owned = matches!(row.owner.as_str(), "ui" | "xtask")
            || root.join("crates").join(&row.owner).is_dir();
        if !owned {
            say(&format!("there is no crate {}", row.owner));
        }
        for test in &row.tests {
            if let Err(why) = test.find(root) {
                say(&why);
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests;
