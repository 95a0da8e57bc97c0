//! The routes by which advisories are read: by people, and by programs that know CSAF or OSV.

use super::{Cost, Rule, Table, Words, handlers::advisories};

pub(super) fn advisories_of(table: Table) -> Table {
    let public = Rule::Open("what is known of a weakness and its fix is told to everybody");
    let (html, json, text) = ("text/html", "application/json", "text/plain");
    table
        .get(
            "/security/advisories",
            public,
            Words::new(Cost::Moderate, "Every advisory, as a page without script")
                .query::<advisories::Tongue>()
                .media(html),
            advisories::list,
        )
        .get(
            "/security/advisories/{name}",
            public,
            Words::new(Cost::Moderate, "One advisory, as a page without script")
                .query::<advisories::Tongue>()
                .media(html),
            advisories::advisory,
        )
        .get(
            "/.well-known/stockade/advisories/{name}",
            public,
            Words::new(
                Cost::Moderate,
                "An advisory as OSV has it (`NAME.osv.json`), or `index.json`, the list of them",
            )
            .media(json),
            advisories::osv,
        )
        .get(
            "/.well-known/csaf/",
            public,
            Words::new(Cost::Moderate, "What is there, for whoever walks by hand")
                .query::<advisories::Tongue>()
                .media(html),
            advisories::folder,
        )
        .get(
            "/.well-known/csaf/provider-metadata.json",
            public,
            Words::new(Cost::Moderate, "Who publishes advisories here, and where (CSAF 2.0)")
                .media(json),
            advisories::metadata,
        )
        .get(
            "/.well-known/csaf/index.txt",
            public,
            Words::new(Cost::Moderate, "The documents of CSAF, a line each").media(text),
            advisories::index,
        )
        .get(
            "/.well-known/csaf/changes.csv",
            public,
            Words::new(Cost::Moderate, "The same, the last change first").media("text/csv"),
            advisories::changes,
        )
        .get(
            "/.well-known/csaf/{*place}",
            public,
            Words::new(
                Cost::Moderate,
                "A document of CSAF, its digests (`.sha256`, `.sha512`), its signature (`.asc`), or the list of a year",
            )
            .query::<advisories::Tongue>()
            .media(json)
            .media(text)
            .media(html),
            advisories::csaf,
        )
}
