//! A body as it was written: keys in their order, numbers with their digits.
//!
//! The parser is `serde_json`, asked part by part for the text of each value, so that no number passes through a
//! double on its way.

use crate::Error;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeSet, fmt};

/// Bytes of a body.
pub const BYTES_MAX: usize = 64 * 1024;
/// Objects and lists in one another.
pub const DEPTH_MAX: usize = 16;

/// What is refused because two readers may see two things in it.
const SHAPE: Error = Error::Shape { depth: DEPTH_MAX };

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Object),
}

/// An object: each key once, in the order of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object(pub(super) Vec<(String, Node)>);

impl Object {
    /// Reads a body: one object and nothing behind it.
    pub(super) fn read(raw: &[u8]) -> Result<Self, Error> {
        if raw.len() > BYTES_MAX {
            return Err(Error::Size { found: raw.len(), limit: BYTES_MAX });
        }
        let text = std::str::from_utf8(raw).map_err(|_| SHAPE)?;
        let whole: &RawValue = serde_json::from_str(text).map_err(|_| SHAPE)?;
        match node(whole.get(), 0)? {
            Node::Object(object) => Ok(object),
            _ => Err(SHAPE),
        }
    }

    /// A value by its key; what is null is not there.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value).filter(|value| **value != Node::Null)
    }
}

fn node(text: &str, depth: usize) -> Result<Node, Error> {
    let inner = |text: &RawValue| node(text.get(), depth + 1);
    Ok(match text.bytes().next() {
        Some(b'{' | b'[') if depth == DEPTH_MAX => return Err(SHAPE),
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(|_| SHAPE)?;
            let member = |(key, value)| Ok((key, inner(value)?));
            Node::Object(Object(members.into_iter().map(member).collect::<Result<_, Error>>()?))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| SHAPE)?;
            Node::List(items.into_iter().map(inner).collect::<Result<_, Error>>()?)
        }
        Some(b'"') => Node::Text(serde_json::from_str(text).map_err(|_| SHAPE)?),
        Some(b't') => Node::Bool(true),
        Some(b'f') => Node::Bool(false),
        Some(b'n') => Node::Null,
        // What no double holds would be infinite to one reader and a number to another.
        Some(_) if text.parse().is_ok_and(f64::is_finite) => Node::Number(text.to_owned()),
        Some(_) | None => return Err(SHAPE),
    })
}

/// The members of an object, their values unread; a key that comes twice is refused.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
                while let Some((key, value)) = members.next_entry::<String, &RawValue>()? {
                    if !seen.insert(key.clone()) {
                        return Err(serde::de::Error::custom("the key comes twice"));
                    }
                    all.push((key, value));
                }
                Ok(all)
            }
        }
        from.deserialize_map(Read).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn what_two_readers_may_see_differently_is_refused() {
        let refused = |text: &[u8]| {
            let shown = String::from_utf8_lossy(text).chars().take(60).collect::<String>();
            assert!(matches!(Object::read(text), Err(Error::Shape { .. })), "{shown}");
        };
        for text in [
            "",
            " ",
            "null",
            "7",
            "\"{}\"",
            "[]",
            "[{}]",
            "{}{}",
            "{} x",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":+1}",
            "{\"a\":1e400}",
            "{\"a\":-1e400}",
            "\u{feff}{}",
            "// x\n{}",
            "{\"a\":1",
            "{\"a\":\"x\ny\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"x\":[{\"a\":{\"b\":1,\"b\":2}}]}",
            "{\"\\udc00\":1}",
        ] {
            refused(text.as_bytes());
        }
        refused(b"{\"a\":\"\xff\xfe\"}");
        refused(b"{\"a\":\"\xc0\xaf\"}");
        let deep = |levels: usize| {
            format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels)).into_bytes()
        };
        assert!(Object::read(&deep(DEPTH_MAX)).is_ok());
        refused(&deep(DEPTH_MAX + 1));
        refused(&deep(5000));
        let lists =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(Object::read(lists(DEPTH_MAX - 1).as_bytes()).is_ok());
        refused(lists(DEPTH_MAX).as_bytes());
        refused(lists(20_000).as_bytes());
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(BYTES_MAX));
        let refusal = Object::read(long.as_bytes()).expect_err("long");
        assert_eq!(refusal, Error::Size { found: long.len(), limit: BYTES_MAX });
    }

    #[test]
    fn numbers_keep_their_digits_and_what_is_null_is_not_there() {
        let text = r#" {"a":15.0,"b":9007199254740993,"c":1e-7,"d":null,"e":[null,-0]} "#;
        let object = Object::read(text.as_bytes()).expect("an object");
        let number = |text: &str| Some(Node::Number(text.to_owned()));
        assert_eq!(object.get("a").cloned(), number("15.0"));
        assert_eq!(object.get("b").cloned(), number("9007199254740993"));
        assert_eq!(object.get("c").cloned(), number("1e-7"));
        assert_eq!(object.get("d"), None);
        let list = Node::List(vec![Node::Null, Node::Number("-0".to_owned())]);
        assert_eq!(object.get("e"), Some(&list));
    }

    /// The same value as the parser's own.
    fn value(node: &Node) -> Value {
        match node {
            Node::Null => Value::Null,
            Node::Bool(bool) => Value::Bool(*bool),
            Node::Number(literal) => serde_json::from_str(literal).expect("a number"),
            Node::Text(text) => Value::String(text.clone()),
            Node::List(items) => items.iter().map(value).collect(),
            Node::Object(Object(members)) => {
                members.iter().map(|(key, inner)| (key.clone(), value(inner))).collect()
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e15..1e15).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| map.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_what_the_parser_reads(inner in any_value()) {
            let whole = serde_json::json!({ "x": inner });
            for text in [whole.to_string(), format!("{whole:#}")] {
                let read = Object::read(text.as_bytes()).expect("an object");
                // Its doubles are not always the nearest ones, so it reads the text as well.
                let other: Value = serde_json::from_str(&text).expect("JSON");
                prop_assert_eq!(value(&Node::Object(read)), other);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Object::read(&bytes);
        }
    }
}
