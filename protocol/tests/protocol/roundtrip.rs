//! Whatever is encoded comes back the same, in each encoding and across both.

use proptest::prelude::*;
use rowcast_protocol::{
    Codec, ErrorCode, Limits, Request, ServerMessage, Value, request::SetState,
};

use crate::strategies::{any_request, any_server_message, value};

/// Limits that no arbitrary message exceeds.
const WIDE: Limits = Limits { message_bytes: 1 << 20, depth: 64, values: 100_000, ops: 100 };

proptest! {
    #[test]
    fn requests_come_back_the_same(request in any_request()) {
        for codec in Codec::ALL {
            let bytes = codec.encode(&request);
            prop_assert_eq!(&codec.decode_request(&bytes, &WIDE).unwrap(), &request);
        }
    }

    #[test]
    fn replies_and_news_come_back_the_same(message in any_server_message()) {
        for codec in Codec::ALL {
            let bytes = codec.encode(&message);
            prop_assert_eq!(&codec.decode_server(&bytes).unwrap(), &message);
            prop_assert_eq!(&codec.decode::<ServerMessage>(&bytes).unwrap(), &message);
        }
    }

    #[test]
    fn a_request_from_one_encoding_is_the_same_in_the_other(request in any_request()) {
        let json = Codec::Json.encode(&request);
        let from_json = Codec::Json.decode_request(&json, &WIDE).unwrap();
        let packed = Codec::MsgPack.encode(&from_json);
        let from_packed = Codec::MsgPack.decode_request(&packed, &WIDE).unwrap();
        prop_assert_eq!(Codec::Json.encode(&from_packed), json);
    }

    #[test]
    fn bytes_travel_as_they_are_in_messagepack_and_as_base64_in_json(bytes: Vec<u8>) {
        let value = Value::Bytes(bytes);
        let packed = Codec::MsgPack.encode(&value);
        prop_assert_eq!(&Codec::MsgPack.decode::<Value>(&packed).unwrap(), &value);
        let text: Value = Codec::Json.decode(&Codec::Json.encode(&value)).unwrap();
        prop_assert!(text.as_str().is_some_and(|text| text.len() % 4 == 0));
    }

    /// The limits on depth and on the number of values are exact, and the same in both encodings.
    #[test]
    fn both_encodings_are_measured_alike(value in value()) {
        let request = Request::State(SetState {
            reference: Some(1),
            channel: rowcast_protocol::ChannelName::new("project:a").unwrap(),
            key: "k".to_owned(),
            value: value.clone(),
        });
        let (depth, values) = (1 + depth_of(&value), 5 + count_of(&value));
        for codec in Codec::ALL {
            let bytes = codec.encode(&request);
            let within = |depth, values| {
                codec.decode_request(&bytes, &Limits { depth, values, ..WIDE }).map_err(|error| error.code)
            };
            prop_assert!(within(depth, values).is_ok());
            prop_assert_eq!(within(depth - 1, values), Err(ErrorCode::TooDeep));
            prop_assert_eq!(within(depth, values - 1), Err(ErrorCode::TooMany));
        }
    }
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        Value::Map(fields) => 1 + fields.iter().map(|(_, item)| depth_of(item)).max().unwrap_or(0),
        _ => 0,
    }
}

fn count_of(value: &Value) -> usize {
    1 + match value {
        Value::List(items) => items.iter().map(count_of).sum(),
        Value::Map(fields) => fields.iter().map(|(_, item)| count_of(item)).sum(),
        _ => 0,
    }
}
