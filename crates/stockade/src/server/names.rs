//! Names and examples in the published table and document.

use identity::{Level, Permission};
use serde_json::{Map, Value, json};

/// A permission's name: the variant's own in snake case, so that a new one names itself.
#[must_use]
pub fn permission(permission: Permission) -> String {
    let mut name = String::new();
    for c in format!("{permission:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// A level's name.
#[must_use]
pub const fn level(level: Level) -> &'static str {
    match level {
        Level::Read => "read",
        Level::Write => "write",
        Level::Dangerous => "dangerous",
    }
}

/// A place for a person: `axes[0].name, line 3, column 5` for `/axes/0/name`.
#[must_use]
pub fn place(pointer: &str, line: &str) -> String {
    let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let mut place = String::new();
    for step in steps {
        let is_item = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        if is_item {
            place.push('[');
        } else if !place.is_empty() {
            place.push('.');
        }
        place.push_str(&step);
        if is_item {
            place.push(']');
        }
    }
    if place.is_empty() { line.to_owned() } else { format!("{place}, {line}") }
}

/// Schemas in schemas: deeper ones are left out of an example.
const DEPTH: usize = 8;

/// An example of what a schema takes: what its field's name suggests, else the least of its kind.
#[must_use]
pub fn example(field: &str, schema: &Value, schemas: &Value) -> Value {
    made(field, schema, schemas, DEPTH)
}

fn made(field: &str, schema: &Value, schemas: &Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or_default();
        return schemas.get(name).map_or(Value::Null, |found| made(field, found, schemas, depth));
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    let choices = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|word| schema.get(word));
    if let Some(choices) = choices.and_then(Value::as_array) {
        let real = choices.iter().find(|one| one.get("type") != Some(&json!("null")));
        return real.map_or(Value::Null, |one| made(field, one, schemas, depth));
    }
    match kind(schema) {
        "object" => {
            let fields = schema.get("properties").and_then(Value::as_object);
            let fields = fields.into_iter().flatten();
            let made = fields.map(|(name, one)| (name.clone(), made(name, one, schemas, depth)));
            Value::Object(made.collect::<Map<_, _>>())
        }
        "array" => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(1, 4);
            (0..least).map(|_| made(field, items, schemas, depth)).collect()
        }
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        _ if schema.get("format") == Some(&json!("uuid")) => {
            json!("01890000-0000-7000-8000-000000000000")
        }
        _ => json!(text(field)),
    }
}

/// A schema's type; of a nullable one the type beside null.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(one)) => one,
        Some(Value::Array(many)) => {
            many.iter().filter_map(Value::as_str).find(|one| *one != "null").unwrap_or_default()
        }
        _ => "",
    }
}

fn text(field: &str) -> &'static str {
    match field {
        "email" => "ada@example.org",
        "password" => "correct horse battery staple",
        "code" => "123456",
        "display_name" => "Ada",
        "dataset" => "sample-daily",
        "date" => "2024-01-31",
        "symbol" => "AAA",
        "values" => "5..100:5",
        "conditions" => "$fast < $slow",
        "text" => "rank(close)",
        "name" => "fast",
        "price" => "close",
        "prefix" => "192.0.2.0/24",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_as_in_the_source() {
        assert_eq!(permission(Permission::AuditExport), "audit_export");
        assert_eq!(permission(Permission::OwnSessions), "own_sessions");
    }

    #[test]
    fn a_place_is_what_a_person_would_write() {
        let check = |pointer: &str, want: &str| assert_eq!(place(pointer, "line 1"), want);
        check("", "line 1");
        check("/email", "email, line 1");
        check("/axes/0/name", "axes[0].name, line 1");
        check("/a~1b~0", "a/b~, line 1");
    }

    #[test]
    fn an_example_is_what_the_schema_takes() {
        let schemas = json!({ "Kind": { "type": "string", "enum": ["totp", "recovery"] } });
        let check = |schema: Value, want: Value| {
            assert_eq!(example("email", &schema, &schemas), want, "{schema}");
        };
        check(json!({ "type": "string" }), json!("ada@example.org"));
        check(json!({ "type": ["integer", "null"] }), json!(1));
        check(json!({ "$ref": "#/components/schemas/Kind" }), json!("totp"));
        check(json!({ "oneOf": [{ "type": "null" }, { "type": "boolean" }] }), json!(true));
        let fields = json!({ "a": { "type": "array", "items": { "type": "number" } } });
        check(json!({ "type": "object", "properties": fields }), json!({ "a": [1] }));
        check(json!({ "$ref": "#/components/schemas/Absent" }), Value::Null);
    }
}
