//! The description of what concerns a whole channel: edits, entries, undoing.

use serde_json::{Value, json};

use super::parts::{answer, body, idempotency, problem, put, query, reference, responses};

pub(super) fn edits() -> Value {
    let one = json!({
        "type": "object",
        "required": ["ops"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "ops": {"type": "array", "minItems": 1, "items": reference("operation")},
        },
    });
    let many = json!({
        "type": "object",
        "required": ["edits"],
        "additionalProperties": false,
        "properties": {"edits": {"type": "array", "maxItems": 100, "items": one}},
    });
    let outcome = json!({"oneOf": [
        {"type": "object", "required": ["ack"], "properties": {"ack": reference("ack")}},
        {"type": "object", "required": ["error"], "properties": {"error": reference("Problem")}},
    ]});
    let outcomes = json!({"type": "object", "required": ["items"],
        "properties": {"items": {"type": "array", "items": outcome}}});
    json!({
        "parameters": [any_channel()],
        "post": {
            "tags": ["Log"],
            "operationId": "edit",
            "summary": "Apply operations together or not at all; or several edits, each on its own",
            "parameters": [idempotency()],
            "requestBody": body(&json!({"anyOf": [one, many]})),
            "responses": responses(
                json!({"200": answer("What became of them",
                    &json!({"anyOf": [reference("ack"), outcomes]}))}),
                &["400", "403", "404", "409", "413", "415", "422"]),
        },
    })
}

pub(super) fn entries() -> Value {
    let schema = json!({"type": "object", "required": ["items", "cursor", "head"], "properties": {
        "items": {"type": "array", "items": reference("entry")},
        "cursor": {"type": "string", "description": "The place after the last of them"},
        "head": {"type": "string", "description": "The newest place"},
    }});
    let mut all =
        responses(json!({"200": answer("Entries, without a gap", &schema)}), &["400", "404"]);
    let gone = problem("The log cannot be continued from here: read the tables again");
    put(&mut all, "410", gone);
    json!({
        "parameters": [any_channel()],
        "get": {
            "tags": ["Log"],
            "operationId": "entries",
            "summary": "What lies after a place in the channel's log",
            "parameters": [
                query("after", "`cursor` or `cursor_log` of an answer; absent: from the beginning",
                    &json!({"type": "string"})),
                query("limit", "How many, 100 unless told",
                    &json!({"type": "integer", "minimum": 1, "maximum": 1000})),
            ],
            "responses": all,
        },
    })
}

pub(super) fn undo() -> Value {
    json!({
        "parameters": [any_channel(), {"name": "seq", "in": "path", "required": true,
            "schema": {"type": "integer", "minimum": 0}}],
        "post": {
            "tags": ["Log"],
            "operationId": "undo",
            "summary": "Undo an entry by its old values, unless others changed its rows since",
            "parameters": [
                query("edit", "This edit of the entry alone",
                    &json!({"type": "string", "format": "uuid"})),
                idempotency(),
            ],
            "responses": responses(json!({"200": answer("Undone", &reference("ack"))}),
                &["400", "403", "404", "409", "422"]),
        },
    })
}

pub(super) fn any_channel() -> Value {
    json!({"name": "channel", "in": "path", "required": true, "schema": {"type": "string"},
        "description": "Kind and id, such as `project:0199f0a2-0000-7000-8000-00000000000a`"})
}
