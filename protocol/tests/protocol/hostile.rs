//! Bytes that mean harm: cut off, nested, lying, huge, random. Never a panic, always an error that
//! fits, with the `ref` where it could be read.

use proptest::prelude::*;
use rowcast_protocol::{Codec, ErrorCode, Limits, codec::DecodeError};

use crate::{
    samples::{Fixture, fixtures, json, request, unhex},
    strategies::any_request,
};

#[test]
fn every_truncation_of_every_request_is_refused() {
    for fixture in fixtures("request") {
        for codec in Codec::ALL {
            let whole = fixture.bytes(codec);
            for length in 0..whole.len() {
                let error = request(codec, &whole[..length]).unwrap_err();
                assert_eq!(error.code, ErrorCode::BadMessage, "{} at {length}", fixture.name);
            }
        }
    }
}

#[test]
fn a_message_cut_off_behind_its_ref_is_answered_with_the_ref() {
    for fixture in fixtures("request").iter().filter(|fixture| fixture.kind() == "edit") {
        for codec in Codec::ALL {
            let whole = fixture.bytes(codec);
            for length in 40..whole.len() {
                let error = request(codec, &whole[..length]).unwrap_err();
                assert_eq!(error.reference, Some(5), "{} at {length}", fixture.name);
            }
        }
    }
}

#[test]
fn bytes_after_the_message_are_refused() {
    for fixture in fixtures("request") {
        for codec in Codec::ALL {
            let twice = [fixture.bytes(codec), fixture.bytes(codec)].concat();
            let error = request(codec, &twice).unwrap_err();
            assert_eq!(error.code, ErrorCode::BadMessage, "{}", fixture.name);
        }
    }
}

/// A `state` whose value is this text of JSON.
fn state_json(value: &str) -> Result<(), DecodeError> {
    json(&format!(r#"{{"type":"state","ref":9,"channel":"project:a","key":"k","value":{value}}}"#))
        .map(drop)
}

/// A `state` whose value is these bytes of MessagePack.
fn state_msgpack(value: &[u8]) -> Result<(), DecodeError> {
    let head = b"\x85\xa4type\xa5state\xa3ref\x09\xa7channel\xa9project:a\xa3key\xa1k\xa5value";
    request(Codec::MsgPack, &[head, value].concat()).map(drop)
}

#[track_caller]
fn assert_refused(outcome: Result<(), DecodeError>, code: ErrorCode) {
    let error = outcome.unwrap_err();
    assert_eq!((error.code, error.reference), (code, Some(9)), "{error}");
}

#[test]
fn nesting_is_allowed_to_the_limit_and_no_deeper() {
    let json = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let packed = |depth: usize| [vec![0x91; depth - 1], vec![0x90]].concat();
    // The message itself is one of the sixteen.
    assert!(state_json(&json(15)).is_ok());
    assert!(state_msgpack(&packed(15)).is_ok());
    for depth in [16, 127, 128, 1_025, 30_000] {
        assert_refused(state_json(&json(depth)), ErrorCode::TooDeep);
        assert_refused(state_msgpack(&packed(depth)), ErrorCode::TooDeep);
    }
    assert_refused(state_json(&r#"{"a":"#.repeat(9_000)), ErrorCode::TooDeep);
    assert_refused(state_msgpack(&b"\x81\xa1a".repeat(9_000)), ErrorCode::TooDeep);
    assert_refused(state_json(&"[".repeat(60_000)), ErrorCode::TooDeep);
}

#[test]
fn small_bytes_that_would_become_many_values_are_refused() {
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
    for (item, count) in [("0", 10_001), ("[]", 10_001), ("{}", 10_001), (r#"{"a":0}"#, 5_001)] {
        assert_refused(state_json(&list(item, count)), ErrorCode::TooMany);
    }
    for (item, count) in [(&b"\xc0"[..], 10_001_u32), (b"\x90", 10_001), (b"\x81\xa0\xc0", 5_001)] {
        let head = [&b"\xdd"[..], &count.to_be_bytes()].concat();
        let list = [head, item.repeat(count as usize)].concat();
        assert_refused(state_msgpack(&list), ErrorCode::TooMany);
    }
    assert!(state_json(&list("0", 9_994)).is_ok());
    assert!(state_msgpack(&[&b"\xdd\0\0\x27\x0a"[..], &[0; 9_994]].concat()).is_ok());
}

#[test]
fn a_message_above_the_size_is_too_large_before_anything_is_read() {
    let limits = Limits { message_bytes: 30, ..Limits::default() };
    let error = Codec::Json.decode_request(&[b'['; 31], &limits).unwrap_err();
    assert_eq!((error.code, error.limit), (ErrorCode::TooLarge, Some(30)));
}

#[test]
fn lengths_that_lie_are_refused() {
    for lie in [
        "dfffffffff",
        "ddffffffff",
        "dbffffffff",
        "c6ffffffff",
        "deffff",
        "dcffff",
        "daffff",
        "c5ffff",
        "d9ff",
        "c4ff",
        "8f",
        "9f",
        "bf",
        "dd00000002c0",
        "df00000001a161",
    ] {
        assert_refused(state_msgpack(&unhex(lie)), ErrorCode::BadMessage);
    }
}

#[test]
fn messagepack_that_is_none_of_the_protocols_is_refused() {
    for (wrong, why) in [
        ("c1", "a byte that is never used"),
        ("d40000", "an extension"),
        ("c7010000", "an extension with a length"),
        ("d6ff00000000", "a timestamp extension"),
        ("a1ff", "text that is not UTF-8"),
        ("d902c328", "text that is not UTF-8"),
        ("8101c0", "a name that is a number"),
        ("81c0c0", "a name that is null"),
        ("8190c0", "a name that is a list"),
        ("82a161c0a161c0", "a name that stands twice"),
        ("cb7ff8000000000000", "not a number"),
        ("cbfff0000000000000", "an infinity"),
        ("ca7f800000", "a short infinity"),
    ] {
        let error = state_msgpack(&unhex(wrong)).expect_err(why);
        assert_eq!((error.code, error.reference), (ErrorCode::BadMessage, Some(9)), "{why}");
    }
}

#[test]
fn json_that_is_none_is_refused() {
    for wrong in [
        "01",
        "+1",
        "NaN",
        "'a'",
        "\"\u{1}\"",
        r#""\ud800""#,
        r#""\x""#,
        "[1,]",
        "{,}",
        r#"{"a":1,}"#,
        "{1:2}",
        "tru",
        "[1}",
        "{]",
        "]",
        "//",
        "\u{feff}1",
    ] {
        assert_refused(state_json(wrong), ErrorCode::BadMessage);
    }
}

#[test]
fn messages_that_are_no_objects_are_refused() {
    for text in ["", " ", "null", "7", r#""ping""#, r#"["ping",1]"#, "[]", "{}"] {
        assert_eq!(json(text).unwrap_err().code, ErrorCode::BadMessage, "{text}");
    }
    for hex in ["", "c0", "07", "a470696e67", "92a470696e6701", "90", "80"] {
        let error = request(Codec::MsgPack, &unhex(hex)).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadMessage, "{hex}");
    }
}

#[test]
fn brackets_and_commas_in_text_are_text() {
    let limits = Limits { depth: 2, values: 8, ..Limits::default() };
    for text in ["[[[[{{{{", ",,,,,,,,,,", r#"\"[[[["#, r"\\", r#"\\\"{{{"#, r#"}\"]\\"#] {
        for value in [format!(r#""{text}""#), format!(r#"{{"{text}":"{text}"}}"#)] {
            let message = format!(
                r#"{{"type":"state","ref":9,"channel":"project:a","key":"k","value":{value}}}"#
            );
            Codec::Json.decode_request(message.as_bytes(), &limits).unwrap();
        }
    }
    // Text that ends early hides nothing: what follows is seen again.
    assert_refused(state_json(&format!(r#"["\\",{}]"#, "[".repeat(40))), ErrorCode::TooDeep);
    // Closing brackets in advance buy no depth.
    assert!(state_json(&format!("{}{}", "]".repeat(50), "[".repeat(60))).is_err());
}

/// What stands in for a member: one value of every kind.
const OTHERS: [&str; 8] =
    ["null", "true", "-1", "1.5", r#""x""#, "[]", r#"{"a":1}"#, "9223372036854775808"];

#[test]
fn every_member_of_every_request_may_have_any_wrong_type() {
    for fixture in fixtures("request") {
        let message: serde_json::Value = serde_json::from_slice(&fixture.json).unwrap();
        for path in paths(&message) {
            for other in OTHERS {
                let mut changed = message.clone();
                *changed.pointer_mut(&path).unwrap() = serde_json::from_str(other).unwrap();
                check_changed(&fixture, &path, &changed);
            }
        }
    }
}

/// The message is understood alike in both encodings, or refused alike with its `ref`.
fn check_changed(fixture: &Fixture, path: &str, changed: &serde_json::Value) {
    let outcomes = Codec::ALL.map(|codec| {
        request(codec, &codec.encode(changed))
            .map_err(|error| (error.code, error.path, error.reference))
    });
    let name = &fixture.name;
    assert_eq!(outcomes[0], outcomes[1], "{name} with another {path}: {changed}");
    if let Err((code, _, reference)) = &outcomes[0] {
        assert!(
            matches!(code, ErrorCode::BadMessage | ErrorCode::UnknownType | ErrorCode::BadCursor),
            "{name} {path}"
        );
        assert!(path == "/ref" || *reference == changed["ref"].as_u64(), "{name} {path}");
    }
}

/// The JSON pointers of everything within a value.
fn paths(value: &serde_json::Value) -> Vec<String> {
    let below: Vec<(String, &serde_json::Value)> = match value {
        serde_json::Value::Object(members) => {
            let escaped = |name: &String| name.replace('~', "~0").replace('/', "~1");
            members.iter().map(|(name, item)| (format!("/{}", escaped(name)), item)).collect()
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (format!("/{index}"), item)).collect()
        }
        _ => Vec::new(),
    };
    let deeper = below.into_iter().flat_map(|(step, item)| {
        let inner = paths(item).into_iter().map(move |path| format!("{step}{path}"));
        inner.collect::<Vec<_>>()
    });
    std::iter::once(String::new()).chain(deeper).collect()
}

/// Whatever the bytes, decoding ends with a request or with one of the decoder's codes.
fn survives(codec: Codec, bytes: &[u8]) {
    if let Err(error) = request(codec, bytes) {
        assert!(matches!(
            error.code,
            ErrorCode::BadMessage
                | ErrorCode::BadCursor
                | ErrorCode::UnknownType
                | ErrorCode::TooLarge
                | ErrorCode::TooDeep
                | ErrorCode::TooMany
        ));
        assert!(error.message.len() < 500, "an error does not repeat the message: {error}");
    }
    drop(codec.decode_server(bytes));
}

#[test]
fn lies_put_anywhere_into_any_request_do_no_harm() {
    let lies =
        ["dfffffffff", "ddffffffff", "dbffffffff", "c6ffffffff", "deffff", "dcffff", "c7ff00"];
    for fixture in fixtures("request") {
        for at in 0..fixture.msgpack.len() {
            for lie in lies {
                let mut bytes = fixture.msgpack.clone();
                let end = bytes.len().min(at + 1);
                bytes.splice(at..end, unhex(lie));
                survives(Codec::MsgPack, &bytes);
            }
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes: Vec<u8>) {
        for codec in Codec::ALL {
            survives(codec, &bytes);
        }
    }

    #[test]
    fn requests_with_changed_bytes_do_no_harm(
        request in any_request(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for codec in Codec::ALL {
            let mut bytes = codec.encode(&request).to_vec();
            for (index, byte) in &changes {
                let at = index.index(bytes.len());
                bytes[at] = *byte;
            }
            survives(codec, &bytes);
        }
    }

    #[test]
    fn texts_of_json_like_marks_do_no_harm(text in r#"[\[\]{},:"\\0a ]{0,60}"#) {
        survives(Codec::Json, text.as_bytes());
    }
}
