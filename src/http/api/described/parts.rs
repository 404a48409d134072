//! Pieces of the description that many resources share.

use rowcast_protocol::Role;
use serde_json::{Value, json};

/// What a failed request may be answered with.
const PROBLEMS: [(&str, &str); 9] = [
    ("400", "The request cannot be understood; `errors` names the field"),
    ("401", "No token, or one that is no good"),
    ("403", "The role in the channel does not allow it"),
    ("404", "No such channel for this person, or no such row"),
    ("409", "The edit meets another row, or an id was used for other content"),
    ("413", "Too large"),
    ("415", "The body is not JSON"),
    ("422", "A field does not exist, or cannot hold this"),
    ("429", "Too many requests; `Retry-After` says when to try again"),
];

/// What the hub cannot do at present.
const TROUBLE: (&str, &str) = ("503", "The database is away, busy, or the question too large");

pub(super) fn component(table: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    table.chars().map(plain).collect()
}

/// The name within the braces of a channel's pattern.
pub(super) fn parameter_of(pattern: &str) -> &str {
    let inside = pattern.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    inside.map_or("", |(name, _)| name)
}

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub(super) fn query(name: &str, words: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "description": words, "schema": schema})
}

pub(super) fn header(name: &str, words: &str) -> Value {
    json!({"name": name, "in": "header", "description": words,
        "schema": {"type": "string", "pattern": r#"^(\*|(W/)?"[!#-~]*")$"#}})
}

pub(super) fn if_match() -> Value {
    header("If-Match", "The tag that the row must have; else 412 and the row as it is")
}

pub(super) fn idempotency() -> Value {
    json!({"name": "Idempotency-Key", "in": "header",
        "description": "The same key with the same content is applied once",
        "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"}})
}

pub(super) fn needs(role: Role) -> &'static str {
    match role {
        Role::Viewer => "For everybody in the channel.",
        Role::Editor => "For editors and owners.",
        Role::Owner => "For owners.",
    }
}

pub(super) fn body(schema: &Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

pub(super) fn answer(words: &str, schema: &Value) -> Value {
    json!({"description": words, "content": {"application/json": {"schema": schema}}})
}

pub(super) fn tagged(words: &str, schema: &Value) -> Value {
    let mut answer = answer(words, schema);
    let tag = json!({"ETag": {"description": "Names the state of the row",
        "schema": {"type": "string"}}});
    put(&mut answer, "headers", tag);
    answer
}

pub(super) fn page(row: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["items", "limit", "cursor_log"],
        "properties": {
            "items": {"type": "array", "items": row},
            "next": {"type": "string", "description": "Where the next page begins"},
            "total": {"type": "integer"},
            "limit": {"type": "integer", "description": "How many rows a page has at most. It ends after about 512 KiB too: there are more rows as long as there is a `next`"},
            "offset": {"type": "integer",
                "description": "How many rows were skipped; absent after a cursor"},
            "cursor_log": {"type": "string",
                "description": "Where the log stood; usable in `entries` and in `subscribe`"},
        },
    })
}

pub(super) fn changed(good: Value) -> Value {
    let mut all = responses(good, &["400", "403", "404", "409", "413", "415", "422"]);
    put(&mut all, "412", problem("The row has another tag"));
    all
}

/// The good answers, and problems: these, and those that every request may meet.
pub(super) fn responses(good: Value, problems: &[&str]) -> Value {
    let mut all = good;
    let met = |status: &str| problems.contains(&status) || ["401", "429"].contains(&status);
    for (status, words) in PROBLEMS.into_iter().filter(|(status, _)| met(status)).chain([TROUBLE]) {
        put(&mut all, status, problem(words));
    }
    all
}

pub(super) fn problem(words: &str) -> Value {
    json!({"description": words,
        "content": {"application/problem+json": {"schema": reference("Problem")}}})
}

/// Gives an object one more member.
pub(super) fn put(object: &mut Value, name: &str, member: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), member);
    }
}
