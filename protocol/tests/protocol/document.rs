//! `PROTOCOL.md` says what the code does: its examples are messages, its tables are the enums.

use std::collections::BTreeSet;

use rowcast_protocol::{CloseCode, Codec, ErrorCode, code::Reconnect};

use crate::samples::{Message, decode_any};

const DOCUMENT: &str = include_str!("../../PROTOCOL.md");

/// The lines of all blocks of this kind.
fn lines_of(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks = DOCUMENT.split(&fence).skip(1);
    blocks.flat_map(|block| block.split("\n```").next().unwrap().lines()).collect()
}

/// Decodes an example, and checks that nothing in it was ignored: encoded again it says the same.
#[track_caller]
fn check(example: &str) -> Message {
    let message = decode_any(Codec::Json, example.as_bytes())
        .unwrap_or_else(|error| panic!("{error} at {:?}:\n{example}", error.path));
    let again: serde_json::Value = serde_json::from_slice(&message.encode(Codec::Json)).unwrap();
    let mut shown: serde_json::Value = serde_json::from_str(example).unwrap();
    if shown["type"] == "subscribe" && shown["presence"].is_null() {
        shown["presence"] = "off".into();
    }
    assert_eq!(again, shown);
    message
}

#[test]
fn every_example_is_a_message() {
    let examples = lines_of("json");
    let kinds: BTreeSet<String> = examples
        .iter()
        .map(|example| {
            check(example);
            let shown: serde_json::Value = serde_json::from_str(example).unwrap();
            shown["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kinds.len(), 32, "each of the 32 types of message has an example: {kinds:?}");
}

#[test]
fn the_session_shown_is_made_of_requests_and_answers() {
    let lines = lines_of("session");
    assert!(lines.len() > 20);
    for line in lines {
        let (arrow, example) = line.split_once(' ').unwrap();
        match check(example) {
            Message::FromClient(_) => assert_eq!(arrow, "→"),
            Message::FromHub(_) => assert_eq!(arrow, "←"),
        }
    }
}

/// The cells of a table between `<!-- name -->` and `<!-- end -->`, without its head.
fn table(name: &str) -> Vec<Vec<&'static str>> {
    let begin = format!("<!-- {name} -->\n");
    let text = DOCUMENT.split(&begin).nth(1).unwrap().split("<!-- end -->").next().unwrap();
    text.lines()
        .skip(2)
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_table_of_error_codes_is_the_enum() {
    let rows = table("error-codes");
    let shown: Vec<(&str, &str)> =
        rows.iter().map(|row| (row[0].trim_matches('`'), row[1])).collect();
    let real: Vec<(&str, &str)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.as_str(), if code.is_retryable() { "yes" } else { "no" }))
        .collect();
    assert_eq!(shown, real);
}

#[test]
fn the_table_of_close_codes_is_the_enum() {
    let rows = table("close-codes");
    let shown: Vec<_> = rows.iter().map(|row| (row[0].to_owned(), row[1], row[2])).collect();
    let real: Vec<_> = CloseCode::ALL
        .iter()
        .map(|code| (code.number().to_string(), code.reason(), words(code.reconnect())))
        .collect();
    assert_eq!(shown, real);
}

fn words(reconnect: Reconnect) -> &'static str {
    match reconnect {
        Reconnect::WithBackoff => "backoff",
        Reconnect::AsToldByDrain => "as drain told",
        Reconnect::WithNewToken => "new token",
        Reconnect::Never => "never",
    }
}
