//! Every stated rule of the public suite, kept by this engine.

use factor::conformance;
use std::collections::BTreeSet;

#[test]
fn every_stated_rule_is_kept() {
    let broken: Vec<String> = conformance()
        .iter()
        .filter(|one| !one.passed)
        .map(|one| {
            let (expected, found) = (&one.expected, &one.found);
            format!(
                "{}: {}\n{}\n  stated {expected}\n  found  {found}",
                one.id, one.expression, one.panel
            )
        })
        .collect();
    assert!(broken.is_empty(), "{} rules are broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn the_suite_names_every_rule_once_and_covers_every_section() {
    let all = conformance();
    let ids: BTreeSet<&str> = all.iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), all.len(), "a name comes twice");
    let sections: BTreeSet<u8> = all.iter().map(|one| one.section).collect();
    assert_eq!(sections, (1..=10).collect());
    let about: BTreeSet<&str> = all.iter().map(|one| one.about).collect();
    let stated = [
        "constant windows",
        "delisting",
        "infinities",
        "late listing",
        "missing",
        "short history",
        "suspension",
        "ties",
        "writing",
    ];
    assert_eq!(about, stated.into());
    for one in &all {
        assert!(one.rule.ends_with('.') && one.panel.contains(' '), "{}", one.id);
        assert!(!one.expected.is_empty() && !one.expression.is_empty(), "{}", one.id);
    }
}
