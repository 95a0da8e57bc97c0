//! Records of keys (RFC 6376, section 3.6.1).

use super::{Domain, Finding, Known, UNKNOWN, Weight, tags};
use crate::{Asked, Kind, Lookup};

/// What stands under a key's selector, held against the key that signs here.
pub fn examine(
    domain: &Domain,
    key: &(String, &'static str, String),
    known: &Known<'_>,
) -> Result<Finding, Asked> {
    let wanted = domain.dkim_record(key);
    let finding = |weight, text: &str| Finding {
        subject: "DKIM",
        name: wanted.name.clone(),
        weight,
        text: text.to_owned(),
        set: (weight > Weight::Good).then(|| wanted.clone()),
    };
    let texts = match known.ask(&wanted.name, Kind::Txt)? {
        Lookup::Failed => return Ok(finding(Weight::Wrong, UNKNOWN)),
        Lookup::Nothing => return Ok(finding(Weight::Wrong, "the key's record is missing")),
        Lookup::Found(texts) => texts,
    };
    let [text] = texts.as_slice() else {
        let text = "there are several records, and verifiers take any of them: keep this one";
        return Ok(finding(Weight::Wrong, text));
    };
    Ok(match fault(text, key) {
        Some((weight, text)) => finding(weight, text),
        None => finding(Weight::Good, &format!("the {} key is published", key.1)),
    })
}

fn fault(text: &str, key: &(String, &'static str, String)) -> Option<(Weight, &'static str)> {
    let wrong = |text| Some((Weight::Wrong, text));
    let Some(tags) = tags::parse(text) else {
        return wrong("the record is no list of tags: was it cut, or set with its quotes?");
    };
    let value = |name: &'static str| tags::value(&tags, name);
    let listed = |name: &'static str, want: &[&str]| {
        let list = value(name).unwrap_or_default();
        list.is_empty() || list.split(':').any(|word| want.contains(&word.trim()))
    };
    if value("v").is_some_and(|version| version != "DKIM1") {
        return wrong("its version is not DKIM1");
    }
    if value("v").is_some() && tags.first().is_none_or(|(name, _)| name != "v") {
        return wrong("its version does not come first");
    }
    if value("k").unwrap_or("rsa") != key.1 {
        return wrong("it is a key of another kind");
    }
    let public: String = value("p").unwrap_or_default().split_whitespace().collect();
    if public.is_empty() {
        return wrong("the key is revoked: p= is empty");
    }
    if public != key.2 {
        return wrong("it is another key than the one that signs here, or a part of it");
    }
    if !listed("h", &["sha256"]) {
        return wrong("it does not allow SHA-256 (h=)");
    }
    if !listed("s", &["*", "email"]) {
        return wrong("it is not for mail (s=)");
    }
    if value("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        return Some((Weight::Advice, "it says that it is a test (t=y): verifiers ignore it"));
    }
    None
}
