//! Rules for files as such: length, whitespace, links between documents.

use crate::{
    CRATES, LINES_MAX, LONG_FILES,
    tree::{self, File},
};

fn too_long(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let known = LONG_FILES.iter().find(|(path, ..)| *path == file.path);
    let limit = known.map_or(LINES_MAX, |(_, limit, _)| *limit);
    if lines > limit {
        return Some(format!("{}: {lines} lines, at most {limit}: split it by noun", file.path));
    }
    let eased = known.is_some() && lines <= LINES_MAX;
    eased.then(|| format!("{}: {lines} lines, so its line in LONG_FILES can go", file.path))
}

fn whitespace(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in file.text.split('\n').enumerate() {
        let number = number + 1;
        // A tab inside a line can be what a test is about.
        if line.trim_start_matches(' ').starts_with('\t') {
            findings.push(format!("{}:{number}: a tab", file.path));
        }
        if line.ends_with([' ', '\r', '\t']) {
            findings.push(format!("{}:{number}: space at the end", file.path));
        }
    }
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        findings.push(format!("{}: must end with one line feed", file.path));
    }
    findings
}

/// Relative links of a document that lead nowhere.
fn dead_links(file: &File, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let html = file.text.split("src=\"").skip(1).chain(file.text.split("srcset=\"").skip(1));
    let html = html.filter_map(|tail| tail.split('"').next());
    let links = file.text.split("](").skip(1).filter_map(|tail| tail.split(')').next());
    let local = links.chain(html).filter(|link| !link.contains("://") && !link.starts_with('#'));
    let paths = local.filter_map(|link| link.split('#').next());
    let dead = paths.filter(|path| !exists(&joined(folder, path)));
    dead.map(|path| format!("{}: the link {path} leads nowhere", file.path)).collect()
}

fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn documents() -> Vec<File> {
    let files = tree::files("", &["md"]);
    assert!(files.iter().any(|file| file.path == "README.md"), "README.md was not found");
    files
}

#[test]
fn files_are_short() {
    let files = tree::files("", &["rs", "ts", "svelte", "mjs", "js", "css"]);
    tree::none(&files.iter().filter_map(too_long).collect::<Vec<_>>());
}

#[test]
fn no_tab_and_no_space_at_the_end() {
    let extensions = [
        "rs", "toml", "md", "ts", "svelte", "mjs", "js", "css", "html", "yaml", "yml", "svg", "sql",
    ];
    let files = tree::files("", &extensions);
    tree::none(&files.iter().flat_map(whitespace).collect::<Vec<_>>());
}

#[test]
fn links_between_documents_lead_somewhere() {
    let exists = |path: &str| tree::root().join(path).exists();
    tree::none(&documents().iter().flat_map(|file| dead_links(file, &exists)).collect::<Vec<_>>());
}

#[test]
fn every_crate_and_every_chapter_is_on_the_map() {
    let mut findings = Vec::new();
    let map = tree::file("ARCHITECTURE.md").text;
    for (name, _) in CRATES {
        if !map.contains(&format!("`{name}`")) {
            findings.push(format!("ARCHITECTURE.md does not mention `{name}`"));
        }
    }
    let contents = tree::file("docs/SUMMARY.md").text;
    for chapter in tree::files("docs", &["md"]) {
        let name = chapter.path.trim_start_matches("docs/");
        if name != "SUMMARY.md" && !contents.contains(&format!("({name})")) {
            findings.push(format!("docs/SUMMARY.md does not list {name}"));
        }
    }
    tree::none(&findings);
}

/// Words that stand in a list of texts of a source, and are missing from a document.
fn unsaid(source: &str, list: &str, document: &str) -> Vec<String> {
    let texts = source.split_once(list).and_then(|(_, tail)| tail.split_once(';'));
    let Some(texts) = texts.map(|(_, tail)| tail.split(';').next().unwrap_or_default()) else {
        return vec![format!("{list} was not found")];
    };
    let words: Vec<&str> = texts.split('"').skip(1).step_by(2).collect();
    assert!(!words.is_empty(), "{list} has no texts: {texts}");
    let missing = words.iter().filter(|word| !document.contains(&format!("`{word}`")));
    missing.map(|word| format!("{word} of {list} is not said")).collect()
}

#[test]
fn the_book_says_which_words_count_for_nothing_in_a_password() {
    let policy = tree::file("crates/identity/src/policy.rs").text;
    tree::none(&unsaid(&policy, "const HOUSE_WORDS", &tree::file("docs/accounts.md").text));
}

#[test]
fn the_readme_names_the_two_commands_and_ci_runs_the_second() {
    let readme = tree::file("README.md").text;
    for command in ["cargo xtask demo", "cargo xtask test"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
    let ci = tree::file(".ci/run").text;
    let runs: Vec<&str> = ci.lines().filter(|line| line.contains("cargo")).collect();
    assert_eq!(runs, ["exec cargo xtask test </dev/null"]);
}

/// Test files of a crate with one test executable that its root does not name: they would never be compiled.
fn left_out(root: &File, files: &[File]) -> Vec<String> {
    let named = |file: &File| root.text.contains(&format!("\nmod {};\n", file.stem()));
    let others = files.iter().filter(|file| file.path != root.path && !named(file));
    others.map(|file| format!("{} does not say `mod {};`", root.path, file.stem())).collect()
}

#[test]
fn every_test_file_of_the_server_is_in_its_one_executable() {
    let folder = "crates/stockade/tests";
    let mut files = tree::files(folder, &["rs"]);
    files.retain(|file| file.path.matches('/').count() == folder.matches('/').count() + 1);
    let root = tree::file(&format!("{folder}/whole.rs"));
    assert!(files.iter().any(|file| file.path == root.path), "{} was not found", root.path);
    tree::none(&left_out(&root, &files));
}

#[test]
fn the_file_rules_bite() {
    let long = File::sample("a.rs", &"x\n".repeat(LINES_MAX + 1));
    assert!(too_long(&long).is_some());
    assert!(too_long(&File::sample("a.rs", "x\n")).is_none());
    let check = |text: &str, want: usize| {
        assert_eq!(whitespace(&File::sample("a.rs", text)).len(), want, "{text:?}");
    };
    check("a\nb\n", 0);
    check("a \nb\n", 1);
    check("\ta\n", 1);
    check("  \ta\n", 1);
    check("<\t>\n", 0);
    check("a\r\n", 1);
    check("a", 1);
    check("a\n\n", 1);
    let links = |text: &str| {
        let exists = |path: &str| path == "docs/data.md" || path == "README.md";
        dead_links(&File::sample("docs/index.md", text), &exists).len()
    };
    assert_eq!(links("[a](data.md#x) [b](../README.md) [c](https://example.org) [d](#here)"), 0);
    assert_eq!(links("[a](gone.md) <img src=\"picture.svg\">"), 2);
    let root = File::sample("tests/whole.rs", "//! All.\n\nmod one;\n");
    let files = ["tests/whole.rs", "tests/one.rs", "tests/two.rs"].map(|p| File::sample(p, ""));
    assert_eq!(left_out(&root, &files), ["tests/whole.rs does not say `mod two;`"]);
    let source = "const WORDS: [&str; 2] = [\"one\", \"two\"];\nconst MORE: &str = \"three\";";
    assert_eq!(unsaid(source, "const WORDS", "`one` and `two`").len(), 0);
    assert_eq!(unsaid(source, "const WORDS", "`one` and two").len(), 1);
    assert_eq!(unsaid(source, "const GONE", "`one`").len(), 1);
}
