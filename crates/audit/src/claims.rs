//! The register of claims as data: what is promised, how it is observed, and how far the build keeps it.
//!
//! `cargo xtask register --write` makes the list from `crates/audit/register`; the tests of `xtask`
//! refuse one that is stale.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// What decides whether a claim is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimKind {
    /// The software alone.
    Sw,
    /// The deployment: its machine, its network, its domain.
    Dep,
    /// People, whose word is kept with its date.
    Org,
}

/// Whose duty a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duty {
    /// The product's, or of whoever runs the service.
    Platform,
    /// Of whoever runs the machine.
    Host,
}

/// How far the build keeps a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Build {
    /// The named tests hold it.
    #[serde(rename = "held")]
    Held,
    /// Some of it is there.
    #[serde(rename = "part")]
    Part,
    /// Nothing is there.
    #[serde(rename = "not yet")]
    NotYet,
    /// Replaced by something else, for the reason given.
    #[serde(rename = "not applicable")]
    NotApplicable,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its stable id: `M13`, `S04`.
    pub id: String,
    /// What is claimed, in English.
    pub words: String,
    /// The same in German.
    pub words_de: String,
    /// What decides.
    pub kind: ClaimKind,
    /// Whose duty it is.
    pub owner: Duty,
    /// The crate that answers, or `ui`.
    #[serde(rename = "crate")]
    pub krate: String,
    /// How far the build keeps it.
    pub build: Build,
    /// What is missing; beside a held row, a remark.
    #[serde(default)]
    pub reason: String,
    /// The name of what observes it; `none` where nothing does.
    pub probe: String,
    /// What an outsider runs with a plain tool; `$HOST` is the server.
    pub command: String,
    /// For how many hours an observation is believed.
    pub fresh_hours: u32,
    /// The tests that hold it.
    #[serde(default)]
    pub tests: Vec<String>,
}

static CLAIMS: LazyLock<Vec<Claim>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../register/claims.json"))
        .expect("the list is made by `cargo xtask register --write`, and a test reads it")
});

/// All claims, in the order of their ids: M before S.
#[must_use]
pub fn claims() -> &'static [Claim] {
    &CLAIMS
}

/// The claim of this id.
#[must_use]
pub fn claim(id: &str) -> Option<&'static Claim> {
    claims().iter().find(|claim| claim.id == id)
}
