//! The list of claims that the program carries.
#![allow(clippy::expect_used, reason = "a test")]

use audit::{Build, ClaimKind, claim, claims};
use std::collections::BTreeSet;

#[test]
fn the_list_has_all_132_claims_once_and_each_says_how_it_is_seen() {
    let ids: BTreeSet<&str> = claims().iter().map(|claim| claim.id.as_str()).collect();
    let wanted: BTreeSet<String> = (1..=69)
        .map(|number| format!("M{number:02}"))
        .chain((1..=63).map(|number| format!("S{number:02}")))
        .collect();
    assert_eq!(ids, wanted.iter().map(String::as_str).collect());
    assert_eq!(claims().len(), 132);
    for claim in claims() {
        assert!(!claim.words.is_empty() && !claim.words_de.is_empty(), "{}", claim.id);
        assert!(!claim.probe.is_empty() && !claim.command.is_empty(), "{}", claim.id);
        assert!((1..=24 * 366).contains(&claim.fresh_hours), "{}", claim.id);
        let silent = claim.build != Build::Held && claim.reason.is_empty();
        assert!(!silent, "{} is not held and says not why", claim.id);
    }
    assert_eq!(claim("M13").map(|claim| claim.kind), Some(ClaimKind::Sw));
    assert_eq!(claim("M70"), None);
}
