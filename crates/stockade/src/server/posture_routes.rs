//! The routes that show how the claims stand, to anyone.

use super::{Cost, Rule, Table, Words, handlers::posture};

pub(super) fn posture_of(table: Table) -> Table {
    let public = Rule::Open("security is there to be seen and checked; it names nobody");
    let html = "text/html";
    scan_of(table, public)
        .get(
            "/security",
            public,
            Words::new(Cost::Moderate, "How every claim stands, as a page without script")
                .query::<posture::Shown>()
                .media(html),
            posture::page,
        )
        .get(
            "/security/style.css",
            public,
            Words::new(Cost::Light, "How that page looks").media("text/css"),
            posture::style,
        )
        .get(
            "/security/badge.svg",
            public,
            Words::new(Cost::Light, "How many claims stand how, as a picture")
                .media("image/svg+xml"),
            posture::badge,
        )
        .get(
            "/security/evidence/{sha256}",
            public,
            Words::new(Cost::Moderate, "A document that a person signed for, where it is public")
                .media("application/octet-stream"),
            posture::evidence,
        )
        .get(
            "/security/{claim}",
            public,
            Words::new(Cost::Moderate, "One claim, and how it stood before")
                .query::<posture::Tongue>()
                .media(html),
            posture::claim,
        )
        .get(
            "/.well-known/stockade/posture.json",
            public,
            Words::new(Cost::Light, "How every claim stands, signed (in-toto in DSSE)")
                .media("application/json"),
            posture::posture,
        )
        .get(
            "/.well-known/stockade/posture-key",
            public,
            Words::new(Cost::Light, "The key that checks it").media("text/plain"),
            posture::key,
        )
}

/// What this program carries of the scan of its sources.
fn scan_of(table: Table, public: Rule) -> Table {
    table
        .get(
            "/security/scan.json",
            public,
            Words::new(Cost::Light, "The last scan of the sources: date, tools, scope, findings")
                .media("application/json"),
            posture::scan,
        )
        .get(
            "/security/sbom.cdx.json",
            public,
            Words::new(Cost::Moderate, "The parts of what is delivered (CycloneDX)")
                .media("application/json"),
            posture::bom,
        )
        .get(
            "/security/findings",
            public,
            Words::new(Cost::Light, "Lesser findings that are known, with their standing")
                .query::<posture::Tongue>()
                .media("text/html"),
            posture::known,
        )
        .get(
            "/security/findings.sarif",
            public,
            Words::new(Cost::Light, "The findings of the last scan (SARIF)")
                .media("application/json"),
            posture::findings,
        )
}
