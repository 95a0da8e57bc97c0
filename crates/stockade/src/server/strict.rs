//! JSON as one reader and another agree on it: what RFC 8259 leaves open is refused.
//!
//! Readers differ on a key that comes twice, on numbers that no double holds and on what stands
//! behind the value (RFC 8259 §4, §6, §9; RFC 7493 asks for the same bounds). Where two readers
//! of one text differ, one of them can be shown what the other does not see.

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use std::{collections::BTreeSet, fmt, fmt::Write};

/// Objects and arrays in one another.
pub const DEPTH_MAX: usize = 16;
/// Keys of one object, and items of one array.
pub const MEMBERS_MAX: usize = 10_000;
/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 128;
/// Bytes of a text: twice the longest that any field takes.
pub const TEXT_BYTES_MAX: usize = 128 * 1024;
/// Beyond it a double no longer holds every integer (RFC 7493 §2.2).
pub const EXACT_MAX: u64 = (1 << 53) - 1;

/// Where a text is not what it should be, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The place, as RFC 6901 writes it.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// Reads a text to its end and keeps nothing.
pub fn check(bytes: &[u8]) -> Result<(), Fault> {
    let whole = |detail: &str| Fault {
        pointer: String::new(),
        detail: detail.to_owned(),
        line: 1,
        column: 1,
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(whole("there is no JSON: the body is empty"));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(whole("the text begins with a byte order mark"));
    }
    let mut path = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Walk { path: &mut path, depth: 0 }.deserialize(&mut reader);
    let ended = read.and_then(|()| {
        reader.end().map_err(|error| {
            let (line, column) = (error.line(), error.column());
            // The words of the reader say "trailing characters"; its place is what counts.
            serde_json::Error::custom(format!(
                "there is more after the JSON value at line {line} column {column}"
            ))
        })
    });
    ended.map_err(|error| {
        let (detail, placed) = unplaced(&error);
        let (line, column) = placed.unwrap_or((error.line(), error.column()));
        Fault { pointer: pointer(&path), detail, line, column }
    })
}

/// serde's message without the place at its end, and that place.
#[must_use]
pub fn unplaced(error: &serde_json::Error) -> (String, Option<(usize, usize)>) {
    let text = error.to_string();
    let Some((message, place)) = text.rsplit_once(" at line ") else { return (text, None) };
    let placed = place
        .split_once(" column ")
        .and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
    (message.to_owned(), placed)
}

/// One step from a value to a value in it.
#[derive(Debug)]
pub enum Step {
    /// Into an object.
    Key(String),
    /// Into an array.
    Item(usize),
}

/// Steps as a JSON pointer (RFC 6901).
#[must_use]
pub fn pointer(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        text.push('/');
        match step {
            Step::Key(key) => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
            // Writing to a text cannot fail.
            Step::Item(item) => drop(write!(text, "{item}")),
        }
    }
    text
}

/// Walks through a value; at an error the path stays where it is.
struct Walk<'a> {
    path: &'a mut Vec<Step>,
    depth: usize,
}

impl Walk<'_> {
    fn inner<E: Error>(&mut self) -> Result<usize, E> {
        let depth = self.depth + 1;
        if depth > DEPTH_MAX {
            return Err(E::custom(format!("deeper than {DEPTH_MAX} objects and arrays")));
        }
        Ok(depth)
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        if number <= EXACT_MAX { Ok(()) } else { Err(inexact()) }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.visit_u64(number.unsigned_abs())
    }

    #[allow(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        if number.abs() <= EXACT_MAX as f64 { Ok(()) } else { Err(inexact()) }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(E::custom(format!("a text of more than {TEXT_BYTES_MAX} bytes")));
        }
        clean(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let depth = self.inner()?;
        for item in 0.. {
            if item == MEMBERS_MAX {
                return Err(A::Error::custom(format!("more than {MEMBERS_MAX} items")));
            }
            self.path.push(Step::Item(item));
            let next = items.next_element_seed(Walk { path: &mut *self.path, depth })?;
            self.path.pop();
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let depth = self.inner()?;
        let mut seen = BTreeSet::new();
        while let Some(key) = members.next_key::<String>()? {
            if key.len() > KEY_BYTES_MAX {
                return Err(A::Error::custom(format!("a key of more than {KEY_BYTES_MAX} bytes")));
            }
            if seen.len() == MEMBERS_MAX {
                return Err(A::Error::custom(format!("more than {MEMBERS_MAX} keys")));
            }
            self.path.push(Step::Key(key.clone()));
            clean::<A::Error>(&key)?;
            if !seen.insert(key) {
                return Err(A::Error::custom("the key comes twice: duplicate field"));
            }
            members.next_value_seed(Walk { path: &mut *self.path, depth })?;
            self.path.pop();
        }
        Ok(())
    }
}

/// Why a number is refused that some readers would round.
pub(super) fn inexact<E: Error>() -> E {
    E::custom(format!("a number beyond {EXACT_MAX}, which readers round differently"))
}

/// NUL ends a text for some readers and databases.
fn clean<E: Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') { Err(E::custom("a text holds the character NUL")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn refused(text: &str, pointer: &str, word: &str) {
        let fault = check(text.as_bytes()).expect_err(text);
        assert_eq!(fault.pointer, pointer, "{text}: {fault:?}");
        assert!(fault.detail.contains(word), "{text}: {fault:?}");
        assert!(!fault.detail.contains(" at line "), "{fault:?}");
    }

    #[test]
    fn what_readers_disagree_on_is_refused_at_its_place() {
        refused("", "", "empty");
        refused(" \n\t", "", "empty");
        refused("\u{feff}{}", "", "byte order mark");
        refused("{} {}", "", "more after");
        refused("{}x", "", "more after");
        refused(r#"{"a":1,"a":2}"#, "/a", "twice");
        refused(r#"{"a":1,"\u0061":2}"#, "/a", "twice");
        refused(r#"{"a":{"b":[0,{"c":1,"c":1}]}}"#, "/a/b/1/c", "twice");
        refused(r#"{"a/b~":[9007199254740992]}"#, "/a~1b~0/0", "beyond");
        refused(r#"{"n":-9007199254740992}"#, "/n", "beyond");
        refused(r#"{"n":123456789012345678901234567890}"#, "/n", "beyond");
        refused(r#"{"n":1e400}"#, "/n", "out of range");
        refused(r#"{"n":01}"#, "/n", "invalid number");
        refused(r#"{"n":NaN}"#, "/n", "expected");
        refused(r#"{"n":'x'}"#, "/n", "expected");
        refused(r#"["a\u0000b"]"#, "/0", "NUL");
        refused(r#"["\ud800"]"#, "/0", "hex escape");
        refused("[\"a\nb\"]", "/0", "control character");
        refused(r#"{"a":1,}"#, "", "trailing comma");
        refused("[1,]", "/1", "trailing comma");
        refused("// x\n{}", "", "expected");
        refused(r#"{"a":1"#, "", "EOF");
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(check(deep(DEPTH_MAX).as_bytes()), Ok(()));
        refused(&deep(DEPTH_MAX + 1), &"/0".repeat(DEPTH_MAX), "deeper");
        refused(&deep(100_000), &"/0".repeat(DEPTH_MAX), "deeper");
        refused(&json!({ "a": "x".repeat(TEXT_BYTES_MAX + 1) }).to_string(), "/a", "text of more");
        refused(&json!({ "k".repeat(KEY_BYTES_MAX + 1): 1 }).to_string(), "", "key of more");
        refused(&json!(vec![0; MEMBERS_MAX + 1]).to_string(), "", "items");
        assert!(check(b"[\"\xff\"]").expect_err("no UTF-8").detail.contains("unicode"));
        let fault = check(b"{\n  \"a\": 1,\n  \"a\": 2 }").expect_err("twice");
        assert_eq!(fault.line, 3);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9_007_199_254_740_991i64..=9_007_199_254_740_991).prop_map(Value::from),
            (-1e15..1e15).prop_map(Value::from),
            "[^\u{0}]{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[^\u{0}]{0,8}", inner, 0..6)
                    .prop_map(|map| map.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_everybody_reads_alike_is_taken(value in value()) {
            prop_assert_eq!(check(value.to_string().as_bytes()), Ok(()));
            prop_assert_eq!(check(format!("{value:#}\n").as_bytes()), Ok(()));
        }

        /// A fault's pointer leads to a value or to the key that came twice.
        #[test]
        fn a_key_that_comes_twice_is_found_wherever_it_is(value in value(), key in "[a-z~/]{1,6}") {
            let text = format!(r#"{{"x":[{value},{{"{key}":{value},"{key}":0}}]}}"#);
            let fault = check(text.as_bytes()).expect_err("twice");
            let key = key.replace('~', "~0").replace('/', "~1");
            prop_assert_eq!(fault.pointer, format!("/x/1/{key}"));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }
    }
}
