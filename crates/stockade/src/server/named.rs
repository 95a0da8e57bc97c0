//! Objects by the names of their fields, at every level: serde's structs would take a list of values in
//! the order of their fields too, which nobody is promised and which the next field in between changes.
//!
//! What serde gathers before it knows the type (untagged and internally tagged enums, flattened fields)
//! it reads by itself; no body has such.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use std::fmt;

/// Reads with another reader, and takes no list for a struct.
#[derive(Debug)]
pub struct Named<D>(pub D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Named<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Inside(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Inside(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Inside(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Inside(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Inside(visitor))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// A visitor whose inner values are read the same way.
struct Inside<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.0.visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.0.visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.0.visit_u64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.0.visit_f64(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        self.0.visit_str(value)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<V::Value, E> {
        self.0.visit_borrowed_str(value)
    }

    fn visit_string<E: Error>(self, value: String) -> Result<V::Value, E> {
        self.0.visit_string(value)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Named(from))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Named(from))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Inside(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Inside(members))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Inside(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Inside<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Named(from))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Inside<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Inside(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Inside<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Inside(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Inside<A> {
    type Error = A::Error;
    type Variant = Inside<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, variant) = self.0.variant_seed(seed)?;
        Ok((name, Inside(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Inside<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Inside(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Inside(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Fields(fields, visitor))
    }
}

/// The fields of a variant, as those of a struct.
struct Fields<V>(&'static [&'static str], V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        Named(from).deserialize_struct("", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: u32,
        b: Option<f64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Kind {
        Plain,
        Held(Pair),
        Laid { a: u32 },
        Two(u32, String),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Whole(u32);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Everything {
        pair: Pair,
        #[serde(default)]
        maybe: Option<Pair>,
        #[serde(default)]
        list: Vec<Pair>,
        #[serde(default)]
        by_name: BTreeMap<String, Pair>,
        #[serde(default)]
        kinds: Vec<Kind>,
        #[serde(default)]
        tuple: Option<(u32, String)>,
        #[serde(default)]
        whole: Option<Whole>,
        #[serde(default)]
        any: Value,
    }

    fn read(text: &str) -> Result<Everything, serde_json::Error> {
        Everything::deserialize(Named(&mut serde_json::Deserializer::from_str(text)))
    }

    #[test]
    fn a_list_is_no_struct_at_any_level() {
        let check = |field: &str, value: Value| {
            let mut body = json!({ "pair": { "a": 1 } });
            body[field] = value;
            let text = body.to_string();
            let refused = read(&text).expect_err(&text).to_string();
            assert!(refused.contains("invalid type: sequence"), "{text}: {refused}");
            // Twin: serde by itself takes it.
            serde_json::from_str::<Everything>(&text).expect(&text);
        };
        check("pair", json!([1, 2.5]));
        check("maybe", json!([1, null]));
        check("list", json!([{ "a": 1 }, [1, 2.5]]));
        check("by_name", json!({ "x": [1, 2.5] }));
        check("kinds", json!([{ "held": [1, 2.5] }]));
        check("kinds", json!([{ "laid": [1] }]));
        assert!(read(r#"[{"a":1}]"#).is_err());
    }

    #[test]
    fn everything_else_is_read_as_serde_reads_it() {
        let whole = json!({
            "pair": { "a": 1, "b": 2 }, "maybe": { "a": 4_000_000_000_u32, "b": -2.5 },
            "list": [{ "a": 1, "b": null }], "by_name": { "x": { "a": 0 } },
            "kinds": ["plain", { "held": { "a": 1 } }, { "laid": { "a": 7 } }, { "two": [1, "\u{e9}"] }],
            "tuple": [1, "x"], "whole": 3, "any": { "deep": [[1, -1, 1.5, true, null, "t"]] },
        });
        let text = whole.to_string();
        assert_eq!(read(&text).expect("reads"), serde_json::from_str(&text).expect("reads"));
        for wrong in [
            json!({ "pair": { "a": -1 } }),
            json!({ "pair": { "a": 1.5 } }),
            json!({ "pair": { "a": 1, "c": 1 } }),
            json!({ "pair": {} }),
            json!({ "pair": { "a": 1 }, "kinds": ["other"] }),
            json!({ "pair": { "a": 1 }, "tuple": [1] }),
            json!({ "pair": { "a": 1 }, "whole": null, "list": null }),
        ] {
            let text = wrong.to_string();
            let by_serde = serde_json::from_str::<Everything>(&text).expect_err(&text);
            assert_eq!(read(&text).expect_err(&text).to_string(), by_serde.to_string());
        }
    }
}
