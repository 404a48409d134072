//! What a client is told about an honest mistake: the right code, the member, the `ref`.

use rowcast_protocol::{Codec, ErrorCode, Limits, Place, Request, request::PresenceMode};

use crate::samples::{json, request};

/// An edit with these operations, as JSON.
fn edit(ops: &str) -> String {
    format!(
        r#"{{"type":"edit","ref":5,"id":"0199f0a3-1b00-7c3e-9d55-7a5e0c2f4b10","channel":"project:a","ops":{ops}}}"#
    )
}

/// Asserts that a message is refused, in both encodings, with this path and these words.
#[track_caller]
fn refused(message: &str, path: &str, words: &str) {
    let value: serde_json::Value = serde_json::from_str(message).unwrap();
    for codec in Codec::ALL {
        let error = request(codec, &codec.encode(&value)).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadMessage, "{message}");
        assert_eq!(error.path.as_deref().unwrap_or_default(), path, "{codec:?} {message}: {error}");
        assert!(error.message.contains(words), "{codec:?} {message}: {error}");
        assert_eq!(error.reference, Some(5), "{message}");
    }
}

#[test]
fn an_operation_with_a_wrong_member_is_refused_by_name() {
    for (ops, path, words) in [
        (
            r#"[{"op":"update","table":"t","key":1,"row":{}}]"#,
            "ops[0]",
            "`update` has no member `row`",
        ),
        (
            r#"[{"op":"insert","table":"t","row":{},"if":{}}]"#,
            "ops[0]",
            "`insert` has no member `if`",
        ),
        (
            r#"[{"op":"delete","table":"t","key":1,"set":{}}]"#,
            "ops[0]",
            "`delete` has no member `set`",
        ),
        (
            r#"[{"op":"move","table":"t","key":1,"to":"project:b","place":"first"}]"#,
            "ops[0]",
            "`move` has no member `place`",
        ),
        (
            r#"[{"op":"update","table":"t","key":1,"fi":{}}]"#,
            "ops[0]",
            "no operation has a member `fi`",
        ),
        (r#"[{"op":"update","table":"t"}]"#, "ops[0]", "`update` needs a member `key`"),
        (r#"[{"op":"insert","table":"t","row":null}]"#, "ops[0]", "`insert` needs a member `row`"),
        (r#"[{"op":"delete","key":1}]"#, "ops[0]", "`delete` needs a member `table`"),
        (r#"[{"op":"move","table":"t","key":1}]"#, "ops[0]", "`move` needs a member `to`"),
        (r#"[{"table":"t","key":1}]"#, "ops[0]", "an operation needs a member `op`"),
        (r#"[{"op":"upsert","table":"t","key":1}]"#, "ops[0]", "no `op` is called `upsert`"),
    ] {
        refused(&edit(ops), path, words);
    }
}

#[test]
fn the_path_leads_into_the_operation_that_is_wrong() {
    let good = r#"{"op":"delete","table":"t","key":1}"#;
    for (op, path) in [
        (r#"{"op":"update","table":"t","key":1,"set":[]}"#, "ops[1].set"),
        (r#"{"op":"update","table":7,"key":1}"#, "ops[1].table"),
        (r#"{"op":"update","table":"t","key":1,"if":"x"}"#, "ops[1].if"),
        (r#"{"op":"move","table":"t","key":1,"to":"nowhere"}"#, "ops[1].to"),
        (r#"{"op":"update","table":"t","key":1,"place":"middle"}"#, "ops[1].place"),
        (r#"{"op":"update","table":"t","key":1,"place":{"after":1,"before":2}}"#, "ops[1].place"),
        (r#"{"op":"update","table":"t","key":1,"place":{"beside":1}}"#, "ops[1].place"),
        (r#"{"op":"update","table":"t","key":1,"place":{}}"#, "ops[1].place"),
        (r#"["update","t",1]"#, "ops[1]"),
    ] {
        refused(&edit(&format!("[{good},{op}]")), path, "");
    }
}

#[test]
fn a_request_with_a_wrong_member_is_refused_with_its_path() {
    for (message, path) in [
        (r#"{"ref":5}"#, "type"),
        (r#"{"type":7,"ref":5}"#, "type"),
        (r#"{"type":["ping"],"ref":5}"#, "type"),
        (r#"{"type":"subscribe","ref":5}"#, ""),
        (r#"{"type":"subscribe","ref":5,"channel":"Project:a"}"#, "channel"),
        (r#"{"type":"subscribe","ref":5,"channel":"project:a","presence":"loud"}"#, "presence"),
        (r#"{"type":"subscribe","ref":5,"channel":"project:a","presence":1}"#, "presence"),
        (
            r#"{"type":"history","ref":5,"channel":"project:a","table":"t","key":1,"limit":-1}"#,
            "limit",
        ),
        (r#"{"type":"edit","ref":5,"id":"7","channel":"project:a","ops":[]}"#, "id"),
    ] {
        refused(message, path, "");
    }
    refused(&edit("[]"), "ops", "at least one operation");
    refused(&edit("{}"), "ops", "");
}

#[test]
fn a_cursor_that_no_hub_gave_out_has_a_code_of_its_own() {
    // Not base64, too short, too long, of a wrong type.
    for cursor in [r#""abc!""#, r#""n459""#, r#""n459bFtKOSgAAAAAAAAAKRorPE0AAAA""#, "41"] {
        let error = json(&format!(
            r#"{{"type":"subscribe","ref":5,"channel":"project:a","cursor":{cursor}}}"#
        ))
        .unwrap_err();
        assert_eq!((error.code, error.reference), (ErrorCode::BadCursor, Some(5)), "{cursor}");
        assert_eq!(error.path.as_deref(), Some("cursor"));
    }
}

#[test]
fn ids_have_one_spelling() {
    let begin = |epoch: &str| {
        let message = format!(
            r#"{{"type":"snapshot_begin","channel":"project:a","epoch":"{epoch}","reason":"ahead"}}"#
        );
        Codec::Json.decode_server(message.as_bytes())
    };
    assert!(begin("00000000000000ff").is_ok());
    for epoch in ["ff", "00000000000000FF", "+0000000000000ff", "00000000000000fff", ""] {
        assert!(begin(epoch).is_err(), "{epoch}");
    }
    let id = "0199f0a3-1b00-7c3e-9d55-7a5e0c2f4b10";
    for other in [id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}")] {
        let message = edit(r#"[{"op":"delete","table":"t","key":1}]"#).replace(id, &other);
        assert_eq!(json(&message).unwrap_err().path.as_deref(), Some("id"), "{other}");
    }
}

#[test]
fn a_ref_of_a_wrong_type_is_named() {
    for wrong in [r#""5""#, "-5", "5.5", "null", "[5]", r#"{"n":5}"#, "true"] {
        let error = json(&format!(r#"{{"type":"ping","ref":{wrong}}}"#)).unwrap_err();
        assert_eq!((error.code, error.reference), (ErrorCode::BadMessage, None), "{wrong}");
        assert_eq!(error.path.as_deref(), Some("ref"), "{wrong}");
    }
}

#[test]
fn an_unknown_type_is_told_apart_and_named_briefly() {
    let error = json(&format!(r#"{{"type":"{}","ref":5}}"#, "x".repeat(1_000))).unwrap_err();
    assert_eq!((error.code, error.reference), (ErrorCode::UnknownType, Some(5)));
    assert!(error.message.len() < 100);
}

#[test]
fn members_that_stand_twice_are_refused_wherever_they_are() {
    for message in [
        r#"{"type":"ping","type":"ping","ref":5}"#.to_owned(),
        r#"{"type":"ping","ref":5,"ref":5}"#.to_owned(),
        r#"{"type":"subscribe","ref":5,"channel":"project:a","channel":"project:b"}"#.to_owned(),
        edit(r#"[{"op":"delete","op":"delete","table":"t","key":1}]"#),
        edit(r#"[{"op":"delete","table":"t","key":null,"key":1}]"#),
        edit(r#"[{"op":"insert","table":"t","row":{"a":1,"a":2}}]"#),
        edit(r#"[{"op":"insert","table":"t","row":{"a":{"b":1,"b":1}}}]"#),
        edit(r#"[{"op":"update","table":"t","key":1,"if":{},"if":{}}]"#),
    ] {
        let error = json(&message).unwrap_err();
        assert_eq!((error.code, error.reference), (ErrorCode::BadMessage, Some(5)), "{message}");
    }
}

#[test]
fn what_is_optional_may_be_null() {
    let Request::Subscribe(subscribe) = json(
        r#"{"type":"subscribe","ref":5,"channel":"project:a","cursor":null,"presence":null,"meta":null}"#,
    )
    .unwrap() else {
        panic!("a subscribe")
    };
    assert_eq!((subscribe.presence, subscribe.cursor), (PresenceMode::Off, None));
    let op =
        r#"{"op":"update","table":"t","key":null,"row":null,"set":null,"place":null,"if":null}"#;
    assert!(json(&edit(&format!("[{op}]"))).is_ok());
}

#[test]
fn members_that_nobody_knows_are_ignored_outside_operations() {
    assert!(json(r#"{"colour":{"deep":[1]},"type":"ping","ref":5}"#).is_ok());
}

#[test]
fn members_may_come_in_any_order() {
    let Request::Edit(edit) = json(
        r#"{"ops":[{"place":{"after":[1,"x"]},"key":1,"table":"t","op":"update"}],
            "channel":"project:a","id":"0199f0a3-1b00-7c3e-9d55-7a5e0c2f4b10","ref":5,"type":"edit"}"#,
    )
    .unwrap() else {
        panic!("an edit")
    };
    let rowcast_protocol::Op::Update(update) = &edit.edit.ops[0] else { panic!("an update") };
    assert!(matches!(&update.place, Some(Place::After(_))));
}

#[test]
fn more_operations_than_allowed_are_too_many() {
    let ops = vec![r#"{"op":"delete","table":"t","key":1}"#; 501].join(",");
    let limits = Limits { message_bytes: 1 << 20, ..Limits::default() };
    let error =
        Codec::Json.decode_request(edit(&format!("[{ops}]")).as_bytes(), &limits).unwrap_err();
    assert_eq!(
        (error.code, error.limit, error.reference),
        (ErrorCode::TooMany, Some(500), Some(5))
    );
}
