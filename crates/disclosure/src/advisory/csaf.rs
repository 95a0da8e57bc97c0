//! An advisory as CSAF 2.0 has it (OASIS), by the profile `csaf_security_advisory`, and what a provider puts beside.

use super::{Advisory, AdvisoryId, Range, moment};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Where the documents lie at a server.
const FOLDER: &str = "/.well-known/csaf";

/// Who publishes.
#[derive(Debug, Clone, Copy)]
pub struct Issuer<'a> {
    /// `https://HOST`, which is also its namespace.
    pub origin: &'a str,
    /// Where to write, if anywhere.
    pub contact: Option<&'a str>,
    /// The fingerprint of the key that signs the files.
    pub fingerprint: &'a str,
}

impl Issuer<'_> {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin.trim_end_matches('/'))
    }

    /// The page of an advisory.
    pub(super) fn page(&self, id: AdvisoryId) -> String {
        self.at(&format!("/security/advisories/{id}"))
    }

    fn publisher(&self) -> Value {
        let host = self.origin.trim_start_matches("https://").trim_end_matches('/');
        let mut publisher = json!({
            "category": "vendor",
            "name": format!("Stockade at {host}"),
            "namespace": self.at(""),
        });
        if let (Value::Object(fields), Some(contact)) = (&mut publisher, self.contact) {
            fields.insert("contact_details".to_owned(), json!(contact));
        }
        publisher
    }

    /// `provider-metadata.json`. The files of each document are hashed and signed, and the key is public: that is
    /// what a trusted provider has beyond a provider (§7.2.3).
    #[must_use]
    pub fn metadata(&self, updated: Timestamp) -> String {
        let document = json!({
            "canonical_url": self.at(&format!("{FOLDER}/provider-metadata.json")),
            "distributions": [{ "directory_url": self.at(&format!("{FOLDER}/")) }],
            "last_updated": moment(updated),
            "list_on_CSAF_aggregators": true,
            "metadata_version": "2.0",
            "mirror_on_CSAF_aggregators": true,
            "pgp_keys": [{
                "fingerprint": self.fingerprint,
                "url": self.at("/.well-known/stockade/security-key.asc"),
            }],
            "publisher": self.publisher(),
            "role": "csaf_trusted_provider",
        });
        format!("{document:#}\n")
    }
}

impl Advisory {
    /// The document.
    #[must_use]
    pub fn csaf(&self, issuer: &Issuer<'_>) -> String {
        let document = json!({
            "document": self.head(issuer),
            "product_tree": { "branches": [{
                "category": "vendor",
                "name": "Stockade",
                "branches": [{
                    "category": "product_name",
                    "name": "Stockade",
                    "branches": self.versions(),
                }],
            }] },
            "vulnerabilities": [self.weakness()],
        });
        format!("{document:#}\n")
    }

    fn head(&self, issuer: &Issuer<'_>) -> Value {
        let draft = &self.draft;
        let revision = |number: u32, at: Timestamp, note: &str| json!({ "number": number.to_string(), "date": moment(at), "summary": note });
        let history: Vec<Value> =
            self.revisions().map(|one| revision(one.number, one.at, &one.note)).collect();
        let own = issuer.at(&format!("{FOLDER}/{}", self.path()));
        let references = [
            json!({ "category": "self", "summary": "This document", "url": own }),
            json!({ "category": "self", "summary": "As a page", "url": issuer.page(self.id) }),
        ];
        json!({
            "category": "csaf_security_advisory",
            "csaf_version": "2.0",
            "title": draft.title(),
            "lang": "en",
            "aggregate_severity": { "text": draft.severity().as_str() },
            "distribution": { "tlp": { "label": "WHITE" } },
            "notes": [{ "category": "summary", "text": draft.summary() }],
            "publisher": issuer.publisher(),
            "references": references,
            "tracking": {
                "id": self.id.to_string(),
                "status": "final",
                "version": self.last().number.to_string(),
                "initial_release_date": moment(self.published()),
                "current_release_date": moment(self.last().at),
                "revision_history": history,
                // Without the engine's version: an upgrade changes no document that is out.
                "generator": {
                    "date": moment(self.last().at),
                    "engine": { "name": "Stockade" },
                },
            },
        })
    }

    /// A branch for each range that has it, and for each version that has it no more.
    fn versions(&self) -> Vec<Value> {
        let mut branches = Vec::new();
        for (at, range) in self.draft.ranges().iter().enumerate() {
            let Range { introduced, fixed } = range;
            let (name, said) = match fixed {
                Some(fixed) => (
                    format!("vers:semver/>={introduced}|<{fixed}"),
                    format!("Stockade from {introduced} on, before {fixed}"),
                ),
                None => (
                    format!("vers:semver/>={introduced}"),
                    format!("Stockade from {introduced} on"),
                ),
            };
            branches.push(json!({
                "category": "product_version_range",
                "name": name,
                "product": { "name": said, "product_id": affected(at) },
            }));
            if let Some(version) = fixed {
                branches.push(json!({
                    "category": "product_version",
                    "name": version.to_string(),
                    "product": {
                        "name": format!("Stockade {version}"),
                        "product_id": mended(at),
                    },
                }));
            }
        }
        branches
    }

    fn weakness(&self) -> Value {
        let draft = &self.draft;
        let of = |has_fix: bool| -> Vec<String> {
            let ranges = draft.ranges().iter().enumerate();
            ranges
                .filter(|(_, range)| range.fixed.is_some() == has_fix)
                .map(|(at, _)| affected(at))
                .collect()
        };
        let (with_fix, without) = (of(true), of(false));
        let all: Vec<String> = (0..draft.ranges().len()).map(affected).collect();
        let fixes: Vec<String> = draft
            .ranges()
            .iter()
            .enumerate()
            .filter(|(_, range)| range.fixed.is_some())
            .map(|(at, _)| mended(at))
            .collect();
        let mut status = Map::new();
        status.insert("known_affected".to_owned(), json!(all));
        if !fixes.is_empty() {
            status.insert("fixed".to_owned(), json!(fixes));
        }
        let remedy = |category: &str, products: Vec<String>| {
            (!products.is_empty()).then(|| {
                json!({ "category": category, "details": draft.advice(), "product_ids": products })
            })
        };
        let remedies: Vec<Value> = [remedy("vendor_fix", with_fix), remedy("mitigation", without)]
            .into_iter()
            .flatten()
            .collect();
        let score: Value = serde_json::from_str(draft.score()).unwrap_or_default();
        let mut weakness = json!({
            "title": draft.title(),
            "ids": [{ "system_name": "Stockade", "text": self.id.to_string() }],
            "notes": [{ "category": "description", "text": draft.details() }],
            "product_status": status,
            "release_date": moment(self.published()),
            "remediations": remedies,
            "scores": [{
                "cvss_v3": {
                    "version": "3.1",
                    "vectorString": draft.vector(),
                    "baseScore": score,
                    "baseSeverity": draft.severity().as_str().to_ascii_uppercase(),
                },
                "products": all,
            }],
        });
        if let Value::Object(fields) = &mut weakness {
            self.add_outside(fields);
        }
        weakness
    }

    /// Who reported it and when, and where more is said.
    fn add_outside(&self, fields: &mut Map<String, Value>) {
        let links: Vec<Value> = self
            .draft
            .links()
            .iter()
            .map(|link| json!({ "category": "external", "summary": link.kind, "url": link.url }))
            .collect();
        if !links.is_empty() {
            fields.insert("references".to_owned(), Value::Array(links));
        }
        let Some(origin) = &self.origin else { return };
        fields.insert("discovery_date".to_owned(), json!(moment(origin.received)));
        if let Some(Value::Array(notes)) = fields.get_mut("notes") {
            let said = format!(
                "Reported on {}. The report's SHA-256 is {}, and leaf {} of the server's log holds it since.",
                moment(origin.received),
                origin.sha256,
                origin.leaf
            );
            notes.push(json!({ "category": "general", "title": "The report", "text": said }));
        }
        if let Some(name) = &origin.thanks {
            fields.insert("acknowledgments".to_owned(), json!([{ "names": [name] }]));
        }
    }
}

/// The list of all documents, for `index.txt`.
#[must_use]
pub fn csaf_index(advisories: &[Advisory]) -> String {
    advisories.iter().fold(String::new(), |text, one| text + &one.path() + "\n")
}

/// The same with the time of the last change, the newest first, for `changes.csv`.
#[must_use]
pub fn csaf_changes(advisories: &[Advisory]) -> String {
    let mut all: Vec<&Advisory> = advisories.iter().collect();
    all.sort_by_key(|one| std::cmp::Reverse((one.last().at, one.id)));
    let mut text = String::new();
    for one in all {
        let _ = writeln!(text, "\"{}\",\"{}\"", one.path(), moment(one.last().at));
    }
    text
}

fn affected(at: usize) -> String {
    format!("affected-{}", at + 1)
}

fn mended(at: usize) -> String {
    format!("fixed-{}", at + 1)
}

#[cfg(test)]
pub(super) mod tests {
    use super::{
        super::{
            Draft, Revision, Wording,
            samples::{advisory, at, wording},
        },
        *,
    };

    pub(in crate::advisory) fn issuer() -> Issuer<'static> {
        Issuer {
            origin: "https://trade.example",
            contact: Some("security@trade.example"),
            fingerprint: "8A0C1D2E3F405162738495A6B7C8D9EAFB0C1D2E",
        }
    }

    fn read(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn the_document_dates_itself_and_gives_each_version_its_status() {
        let said = read(&advisory().csaf(&issuer()));
        let tracking = &said["document"]["tracking"];
        assert_eq!(tracking["version"], "2");
        assert_eq!(tracking["initial_release_date"], "2026-05-01T12:00:00Z");
        assert_eq!(tracking["current_release_date"], "2026-05-03T12:00:00Z");
        assert_eq!(tracking["revision_history"].as_array().expect("a list").len(), 2);
        let generator = json!({ "date": "2026-05-03T12:00:00Z", "engine": { "name": "Stockade" } });
        assert_eq!(
            tracking["generator"], generator,
            "it is as old as the last revision, and so is the document"
        );
        let weakness = &said["vulnerabilities"][0];
        let status = &weakness["product_status"];
        assert_eq!(status["known_affected"], json!(["affected-1", "affected-2"]));
        assert_eq!(status["fixed"], json!(["fixed-1", "fixed-2"]));
        let score = &weakness["scores"][0]["cvss_v3"];
        assert_eq!((&score["baseScore"], &score["baseSeverity"]), (&json!(6.5), &json!("MEDIUM")));
        assert_eq!(weakness["acknowledgments"], json!([{ "names": ["Ada L."] }]));
        let note = weakness["notes"][1]["text"].as_str().expect("a note");
        assert!(note.contains("leaf 41") && note.contains(&"ab".repeat(32)), "{note}");
    }

    #[test]
    fn where_there_is_no_fix_yet_none_is_promised() {
        let affected = "0.1.0..0.2.1, 0.3.0..".to_owned();
        let draft = Draft::new(&Wording { affected, ..wording() }).expect("is one");
        let said = read(&Advisory { draft, ..advisory() }.csaf(&issuer()));
        let weakness = &said["vulnerabilities"][0];
        assert_eq!(weakness["product_status"]["fixed"], json!(["fixed-1"]));
        let remedies = weakness["remediations"].as_array().expect("a list");
        let said: Vec<_> =
            remedies.iter().map(|one| (&one["category"], &one["product_ids"])).collect();
        assert_eq!(
            said,
            [
                (&json!("vendor_fix"), &json!(["affected-1"])),
                (&json!("mitigation"), &json!(["affected-2"]))
            ]
        );
    }

    #[test]
    fn the_lists_name_every_document_and_the_last_change_first() {
        let old = Advisory {
            id: "STOCKADE-2025-001".parse().expect("a name"),
            first: Revision { number: 1, at: at("2025-02-01"), note: "Published".to_owned() },
            changes: vec![Revision { number: 2, at: at("2026-06-01"), note: "More".to_owned() }],
            ..advisory()
        };
        let all = [advisory(), old];
        assert_eq!(csaf_index(&all), "2026/stockade-2026-007.json\n2025/stockade-2025-001.json\n");
        assert_eq!(
            csaf_changes(&all),
            "\"2025/stockade-2025-001.json\",\"2026-06-01T12:00:00Z\"\n\
             \"2026/stockade-2026-007.json\",\"2026-05-03T12:00:00Z\"\n"
        );
        assert_eq!((csaf_index(&[]).as_str(), csaf_changes(&[]).as_str()), ("", ""));
        let metadata = read(&issuer().metadata(at("2026-06-01")));
        assert_eq!(metadata["role"], "csaf_trusted_provider");
        assert_eq!(
            metadata["canonical_url"],
            "https://trade.example/.well-known/csaf/provider-metadata.json"
        );
    }
}
