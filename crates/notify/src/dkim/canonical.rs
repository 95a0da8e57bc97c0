//! The relaxed forms of RFC 6376, section 3.4, and what is signed of a message.

use crate::Error;

/// The most header fields of a message that is signed.
const FIELDS_MAX: usize = 64;

/// A message cut into its fields and its body.
pub struct Parts<'a> {
    fields: Vec<(&'a str, &'a [u8])>,
    /// All that follows the empty line.
    pub body: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Cuts; refuses what servers read in different ways: bare CR or LF, a field without a name.
    pub fn of(message: &'a [u8]) -> Result<Self, Error> {
        let refused = |why| Error::Message { why };
        if has_bare_line_end(message) {
            return Err(refused("a line ends in CR or LF alone"));
        }
        let end = message.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or_else(|| refused("it has no empty line behind its header"))?;
        let head = message.get(..end + 2).unwrap_or_default();
        let body = message.get(end + 4..).unwrap_or_default();
        let mut fields = Vec::new();
        let mut rest = head;
        while !rest.is_empty() {
            let (field, after) = rest.split_at(field_end(rest));
            let colon = field.iter().position(|b| *b == b':');
            let colon = colon.ok_or_else(|| refused("a header field has no colon"))?;
            let name = std::str::from_utf8(field.get(..colon).unwrap_or_default());
            let name = name.map_err(|_| refused("a header field's name is not ASCII"))?;
            let name = name.trim_end_matches([' ', '\t']);
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(refused("a header field has no proper name"));
            }
            if fields.len() == FIELDS_MAX {
                return Err(refused("it has more than 64 header fields"));
            }
            fields.push((name, field.get(colon + 1..).unwrap_or_default()));
            rest = after;
        }
        Ok(Self { fields, body })
    }

    /// How many fields of this name there are.
    pub fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count()
    }

    /// The value of the `nth` field of this name, counted from the bottom.
    fn value_from_bottom(&self, name: &str, nth: usize) -> Option<&'a [u8]> {
        let same = self.fields.iter().rev().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        same.map(|(_, value)| *value).nth(nth)
    }

    /// The same for the verifier of the tests.
    #[cfg(test)]
    pub fn known_value(&self, name: &str, nth: usize) -> &'a [u8] {
        self.value_from_bottom(name, nth).expect("is there")
    }
}

/// Where the first field with its continuation lines ends.
fn field_end(text: &[u8]) -> usize {
    let mut end = 0;
    for line in text.split_inclusive(|b| *b == b'\n') {
        if end > 0 && !matches!(line.first(), Some(b' ' | b'\t')) {
            break;
        }
        end += line.len();
    }
    end
}

fn has_bare_line_end(text: &[u8]) -> bool {
    let mut before = 0;
    for byte in text {
        if (*byte == b'\n') != (before == b'\r') {
            return true;
        }
        before = *byte;
    }
    before == b'\r'
}

/// The text that is signed: the named fields from the bottom up, a missing one as nothing, and the
/// signature's own field without the line's end (section 3.7).
pub fn signed_text(parts: &Parts<'_>, names: &[&str], own: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let earlier = names.iter().take(at).filter(|other| other.eq_ignore_ascii_case(name));
        if let Some(value) = parts.value_from_bottom(name, earlier.count()) {
            text.extend(header(name, value));
        }
    }
    text.extend_from_slice(own.strip_suffix(b"\r\n").unwrap_or(own));
    text
}

/// A field in its relaxed form, with its line end.
pub fn header(name: &str, value: &[u8]) -> Vec<u8> {
    let mut out = name.to_ascii_lowercase().into_bytes();
    out.push(b':');
    let unfolded: Vec<u8> = value.iter().copied().filter(|b| !b"\r\n".contains(b)).collect();
    out.extend(reduced(&unfolded));
    out.extend_from_slice(b"\r\n");
    out
}

/// A body in its relaxed form.
pub fn body(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut empty = 0;
    for line in text.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        let leading = matches!(line.first(), Some(b' ' | b'\t'));
        let line = reduced(line);
        if line.is_empty() {
            empty += 1;
            continue;
        }
        (0..empty).for_each(|_| out.extend_from_slice(b"\r\n"));
        empty = 0;
        if leading {
            out.push(b' ');
        }
        out.extend(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Runs of spaces and tabs as one space, none at either end.
fn reduced(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for word in text.split(|b| b" \t".contains(b)).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
    out
}
