//! Lists of `tag=value` between semicolons (RFC 6376, section 3.2), as DKIM and DMARC write them.

/// The tags in their order, each name in small letters; `None` if it is no such list or a tag comes twice.
pub fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let mut tags: Vec<(String, String)> = Vec::new();
    let mut parts: Vec<&str> = text.split(';').map(str::trim).collect();
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    for part in parts {
        let (name, value) = part.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if name.is_empty() || !name.bytes().all(letters) || tags.iter().any(|(n, _)| *n == name) {
            return None;
        }
        tags.push((name, value.trim().to_owned()));
    }
    Some(tags)
}

/// A tag's value.
pub fn value<'a>(tags: &'a [(String, String)], name: &str) -> Option<&'a str> {
    tags.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}
