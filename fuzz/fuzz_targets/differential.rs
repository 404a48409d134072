//! A request that one encoding understands is the same request in the other, and both count its
//! depth and its values alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rowcast_protocol::{Codec, Limits};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Ok(request) = Codec::Json.decode_request(bytes, &limits) else { return };
    // Numbers may be longer in MessagePack, and `presence`, `value` and `body` are always written.
    let wider = Limits { message_bytes: usize::MAX, values: limits.values + 1, ..limits };
    let packed = Codec::MsgPack.encode(&request);
    let unpacked = Codec::MsgPack.decode_request(&packed, &wider).expect("it was a request before");
    assert_eq!(request, unpacked);
    let json = Codec::Json.encode(&unpacked);
    assert_eq!(
        request,
        Codec::Json.decode_request(&json, &wider).expect("it was a request before")
    );
});
