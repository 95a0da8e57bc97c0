//! No value reaches SQL as text: a statement is a literal, or put together here, from our own words.
//!
//! The driver takes a `&'static str`, or a text that is declared safe by a word of its own. So it
//! is enough to know every place that says the word, and what it puts in.

use crate::{
    STATEMENTS_FROM_PARTS,
    code::{code_of, without_tests},
    tree::{self, File},
};

/// What declares a text safe.
const DECLARED: &str = "AssertSqlSafe(";

fn from_parts(file: &File) -> Vec<String> {
    let code = without_tests(&code_of(&file.text));
    let mut findings = Vec::new();
    let in_store = file.path.starts_with("crates/store/src/");
    if code.contains("sqlx::") && !in_store {
        findings.push(format!("{}: only `store` speaks SQL", file.path));
    }
    // A leaked text is `'static` whatever is in it.
    if in_store && [".leak()", "::leak("].iter().any(|word| code.contains(word)) {
        findings.push(format!("{}: a leaked text passes for a literal", file.path));
    }
    let known = STATEMENTS_FROM_PARTS.iter().find(|(path, ..)| *path == file.path);
    let (count, listed) = (code.matches(DECLARED).count(), known.map_or(0, |(_, n, _)| *n));
    if count != listed {
        findings.push(format!(
            "{}: {count} statements are put together, STATEMENTS_FROM_PARTS says {listed}: see that \
             no part comes from outside, then say so there",
            file.path
        ));
    }
    findings
}

#[test]
fn statements_are_literals_or_made_of_our_own_words() {
    let mut files = tree::files("crates", &["rs"]);
    files.retain(|file| file.path.contains("/src/"));
    tree::none(&files.iter().flat_map(from_parts).collect::<Vec<_>>());
    for (path, _, what) in STATEMENTS_FROM_PARTS {
        assert!(files.iter().any(|file| file.path == path), "{path} ({what}) is gone");
    }
}

#[test]
fn the_statement_rule_bites() {
    let check = |path: &str, text: &str, want: usize| {
        let findings = from_parts(&File::sample(path, text));
        assert_eq!(findings.len(), want, "{text}: {findings:?}");
    };
    let (listed, once) = ("crates/store/src/copy.rs", "sql(AssertSqlSafe(text))");
    check(listed, once, 0);
    check(listed, &format!("{once}; {once}"), 1);
    check(listed, "sql(\"SELECT 1\")", 1);
    check("crates/store/src/new.rs", once, 1);
    check("crates/store/src/new.rs", &format!("// {once}\n#[cfg(test)]\nmod t {{ {once} }}"), 0);
    check("crates/store/src/new.rs", "sql(Box::leak(text))", 1);
    check("crates/stockade/src/desk/mod.rs", "sqlx::query(\"SELECT 1\")", 1);
}
