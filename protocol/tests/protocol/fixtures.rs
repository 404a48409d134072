//! Every fixture is decoded, and encoded again to the same bytes.

use std::collections::BTreeSet;

use rowcast_protocol::{Codec, ErrorCode, News, Reply, ServerMessage, Value};

use crate::samples::{decode_any, fixtures, unhex};

const KINDS: [(&str, &str); 3] = [
    ("request", "hello renew subscribe unsubscribe edit state signal history ping"),
    ("reply", "welcome renewed subscribed unsubscribed ack done history_page pong error"),
    (
        "news",
        "entries part snapshot_begin snapshot snapshot_end states presence signals missed removed \
         token_expiring drain degraded schema",
    ),
];

#[test]
fn every_fixture_is_decoded_and_encoded_to_the_same_bytes() {
    for (folder, _) in KINDS {
        for fixture in fixtures(folder) {
            for codec in Codec::ALL {
                let bytes = fixture.bytes(codec);
                let message = decode_any(codec, bytes)
                    .unwrap_or_else(|error| panic!("{folder}/{}: {error}", fixture.name));
                let again = message.encode(codec);
                assert!(
                    again == bytes,
                    "{folder}/{} in {codec:?}:\n{}\n{}",
                    fixture.name,
                    String::from_utf8_lossy(bytes),
                    String::from_utf8_lossy(&again),
                );
            }
        }
    }
}

#[test]
fn both_encodings_of_a_fixture_mean_the_same() {
    for (folder, _) in KINDS {
        for fixture in fixtures(folder).into_iter().filter(|fixture| fixture.kind() != "part") {
            let message = decode_any(Codec::MsgPack, &fixture.msgpack).unwrap();
            let json = message.encode(Codec::Json);
            assert!(json == fixture.json, "{}: {}", fixture.name, String::from_utf8_lossy(&json));
        }
    }
}

#[test]
fn every_type_of_message_has_a_fixture_in_its_own_folder() {
    for (folder, kinds) in KINDS {
        let found = fixtures(folder);
        let found: BTreeSet<&str> = found.iter().map(|fixture| fixture.kind()).collect();
        assert_eq!(found, kinds.split_whitespace().collect(), "{folder}");
    }
}

#[test]
fn every_error_code_has_a_fixture_that_says_whether_to_retry() {
    let found: BTreeSet<(String, bool)> = fixtures("reply")
        .iter()
        .filter_map(|fixture| match Codec::Json.decode_server(&fixture.json).unwrap() {
            ServerMessage::Reply(Reply::Error(error)) => {
                Some((error.code.as_str().to_owned(), error.retry))
            }
            _ => None,
        })
        .collect();
    let all = ErrorCode::ALL.iter().map(|code| (code.as_str().to_owned(), code.is_retryable()));
    assert_eq!(found, all.collect());
}

#[test]
fn the_parts_put_together_are_a_message() {
    for codec in Codec::ALL {
        let pieces = fixtures("news").into_iter().filter(|fixture| fixture.kind() == "part");
        let whole: Vec<u8> = pieces
            .flat_map(|part| piece(codec.decode_server(part.bytes(codec)).unwrap()))
            .collect();
        let message = codec.decode_server(&whole).unwrap();
        assert!(matches!(message, ServerMessage::News(News::Missed(_))));
    }
}

fn piece(message: ServerMessage) -> Vec<u8> {
    match message {
        ServerMessage::News(News::Part(part)) => match part.data {
            Value::Text(text) => text.into_bytes(),
            Value::Bytes(bytes) => bytes,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_of_a_later_version_are_told_apart_from_broken_ones() {
    let later = Codec::Json.decode_server(br#"{"type":"weather","channel":"project:a"}"#);
    assert_eq!(later.unwrap_err().code, ErrorCode::UnknownType);
    let broken = Codec::MsgPack.decode_server(&unhex("81a474797065a4646f6e65"));
    assert_eq!(broken.unwrap_err().code, ErrorCode::BadMessage);
}
