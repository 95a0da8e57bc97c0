//! The text that the processor signs: keys in order at every depth, written as `JSON.stringify` writes.
//!
//! An object of ECMAScript keeps keys that are array indexes in front, by number, whatever order they were put in;
//! the others are sorted by UTF-16 code units before. Numbers are doubles in their shortest text. The standard
//! library gives the digits; only their arrangement is ours, and vectors of another engine hold it.

use super::json::{Node, Object};
use std::fmt::Write as _;

/// The canonical text of a body.
pub(super) fn text(object: &Object) -> String {
    let mut out = String::new();
    write_object(&mut out, object);
    out
}

/// A number's text after it went through a double.
pub(super) fn number(literal: &str) -> String {
    ecmascript(literal.parse().unwrap_or_default())
}

fn write(out: &mut String, node: &Node) {
    match node {
        Node::Null => out.push_str("null"),
        Node::Bool(true) => out.push_str("true"),
        Node::Bool(false) => out.push_str("false"),
        Node::Number(literal) => out.push_str(&number(literal)),
        Node::Text(text) => write_text(out, text),
        Node::List(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Node::Object(object) => write_object(out, object),
    }
}

fn write_object(out: &mut String, Object(members): &Object) {
    let mut members: Vec<&(String, Node)> = members.iter().collect();
    members.sort_by_cached_key(|(key, _)| place(key));
    out.push('{');
    for (place, (key, value)) in members.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_text(out, key);
        out.push(':');
        write(out, value);
    }
    out.push('}');
}

/// Where a key stands: indexes first by their number, then all others by their code units.
fn place(key: &str) -> (bool, u32, Vec<u16>) {
    match index(key) {
        Some(index) => (false, index, Vec::new()),
        None => (true, 0, key.encode_utf16().collect()),
    }
}

/// The array index that a key is (ECMA-262 §6.1.7), if it is one.
fn index(key: &str) -> Option<u32> {
    let canonical = key == "0" || !key.starts_with(['0', '+']);
    key.parse().ok().filter(|index| canonical && *index < u32::MAX)
}

/// A text in quotes (ECMA-262 §25.5.2.3).
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a text cannot fail.
            c if c < ' ' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A finite double as ECMAScript writes it (ECMA-262 §6.1.6.1.20).
fn ecmascript(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    // The shortest digits that read as the same double, with the point behind the first.
    let shortest = format!("{:e}", value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = mantissa.replace('.', "");
    let (count, exponent): (i32, i32) =
        (i32::try_from(digits.len()).unwrap_or(0), exponent.parse().unwrap_or(0));
    // So many digits stand before the point.
    let point = exponent + 1;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let at = |place: i32| digits.split_at(usize::try_from(place).unwrap_or(0));
    if (count..=21).contains(&point) {
        return format!("{sign}{digits}{}", zeros(point - count));
    }
    if (1..=21).contains(&point) {
        let (whole, behind) = at(point);
        return format!("{sign}{whole}.{behind}");
    }
    if (-5..=0).contains(&point) {
        return format!("{sign}0.{}{digits}", zeros(-point));
    }
    let (first, rest) = at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let direction = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{first}{dot}{rest}e{direction}{}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_written_as_ecmascript_writes_it() {
        let check = |literal: &str, want: &str| assert_eq!(number(literal), want, "{literal}");
        check("-0", "0");
        check("15.0", "15");
        check("1E+2", "100");
        check("1e-7", "1e-7");
        check("0.000001", "0.000001");
        check("1e21", "1e+21");
        check("1e20", "100000000000000000000");
        check("123456789012345680000", "123456789012345680000");
        check("1.5e300", "1.5e+300");
        check("-2.5e-9", "-2.5e-9");
        check("5e-324", "5e-324");
        check("1e-400", "0");
        check("0.1", "0.1");
        check("9007199254740993", "9007199254740992");
        check("0.098536372162356170", "0.09853637216235617");
    }

    #[test]
    fn keys_stand_in_the_order_of_an_object_of_ecmascript() {
        let body = r#"{"b":1,"10":1,"9":1,"01":1,"-1":1,"4294967295":1,"4294967294":1,
            "a":{"z":[{"y":1,"x":2}],"B":1},"":1,"\uff5e":1,"😀":1,"+1":1}"#;
        let object = Object::read(body.as_bytes()).expect("an object");
        assert_eq!(
            text(&object),
            "{\"9\":1,\"10\":1,\"4294967294\":1,\"\":1,\"+1\":1,\"-1\":1,\"01\":1,\
             \"4294967295\":1,\"a\":{\"B\":1,\"z\":[{\"x\":2,\"y\":1}]},\"b\":1,\"😀\":1,\"\u{ff5e}\":1}"
        );
    }

    #[test]
    fn a_text_is_escaped_no_more_than_it_must_be() {
        let body = r#"{"a":"\u0000\u001f\b\f\n\r\t\"\\\/\u007f\u2028ß€"}"#;
        let object = Object::read(body.as_bytes()).expect("an object");
        let want = "{\"a\":\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\u{7f}\u{2028}ß€\"}";
        assert_eq!(text(&object), want);
    }

    proptest! {
        /// Whatever is written reads as the same double, and is its own canonical text.
        #[test]
        fn a_number_survives_its_text(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let written = ecmascript(value);
            let back: f64 = written.parse().expect("a number");
            prop_assert_eq!(back.abs().to_bits(), value.abs().to_bits());
            prop_assert_eq!(written.starts_with('-'), value < 0.0);
            prop_assert_eq!(number(&written), written);
        }
    }
}
