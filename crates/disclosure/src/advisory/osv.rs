//! An advisory as OSV has it (<https://ossf.github.io/osv-schema/>, 1.6).

use super::{Advisory, Issuer, Range, moment};
use serde_json::{Value, json};

impl Advisory {
    /// The document. It names no package: what this program is, is in no registry that OSV lists.
    #[must_use]
    pub fn osv(&self, issuer: &Issuer<'_>) -> String {
        let draft = &self.draft;
        let mut references = vec![json!({ "type": "ADVISORY", "url": issuer.page(self.id) })];
        references.extend(
            draft
                .links()
                .iter()
                .map(|link| json!({ "type": link.kind.to_ascii_uppercase(), "url": link.url })),
        );
        let mut document = json!({
            "schema_version": "1.6.0",
            "id": self.id.to_string(),
            "modified": moment(self.last().at),
            "published": moment(self.published()),
            "summary": draft.title(),
            "details": format!("{}\n\n{}\n\n{}", draft.summary(), draft.details(), draft.advice()),
            "severity": [{ "type": "CVSS_V3", "score": draft.vector() }],
            "affected": [{
                "ranges": draft.ranges().iter().map(range).collect::<Vec<Value>>(),
                "database_specific": { "product": "Stockade" },
            }],
            "references": references,
            "database_specific": { "severity": draft.severity().as_str() },
        });
        let fields = document.as_object_mut();
        if let (Some(fields), Some(origin)) = (fields, &self.origin) {
            if let Some(Value::Object(more)) = fields.get_mut("database_specific") {
                more.insert("received".to_owned(), json!(moment(origin.received)));
                more.insert("report_sha256".to_owned(), json!(origin.sha256));
                more.insert("report_leaf".to_owned(), json!(origin.leaf));
            }
            if let Some(name) = &origin.thanks {
                let credits = json!([{ "name": name, "type": "REPORTER" }]);
                fields.insert("credits".to_owned(), credits);
            }
        }
        format!("{document:#}\n")
    }
}

/// A range for each: one that has no end would swallow what follows it.
fn range(range: &Range) -> Value {
    let mut events = vec![json!({ "introduced": range.introduced.to_string() })];
    events.extend(range.fixed.map(|fixed| json!({ "fixed": fixed.to_string() })));
    json!({ "type": "SEMVER", "events": events })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{csaf::tests::issuer, samples::advisory},
        *,
    };

    #[test]
    fn the_document_says_what_the_advisory_says_and_names_only_who_is_thanked() {
        let mut one = advisory();
        let read =
            |one: &Advisory| -> Value { serde_json::from_str(&one.osv(&issuer())).expect("JSON") };
        let said = read(&one);
        assert_eq!(said["id"], "STOCKADE-2026-007");
        assert_eq!(
            (&said["published"], &said["modified"]),
            (&json!("2026-05-01T12:00:00Z"), &json!("2026-05-03T12:00:00Z"))
        );
        let ranges = &said["affected"][0]["ranges"];
        assert_eq!(ranges[0]["events"], json!([{ "introduced": "0.1.0" }, { "fixed": "0.2.1" }]));
        assert_eq!(ranges[1]["events"][1]["fixed"], "0.3.2");
        assert_eq!(said["credits"][0]["name"], "Ada L.");
        assert_eq!(said["database_specific"]["report_leaf"], 41);
        assert_eq!(
            said["references"][0]["url"],
            "https://trade.example/security/advisories/STOCKADE-2026-007"
        );
        if let Some(origin) = &mut one.origin {
            origin.thanks = None;
        }
        assert!(read(&one)["credits"].is_null(), "nobody is named against their wish");
        one.origin = None;
        let said = read(&one);
        assert_eq!(said["database_specific"], json!({ "severity": "medium" }));
    }
}
