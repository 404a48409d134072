//! Any bytes as MessagePack, from either side: no panic, no hang, no memory beyond the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rowcast_protocol::{Codec, Limits};

fuzz_target!(|bytes: &[u8]| {
    let _ = Codec::MsgPack.decode_request(bytes, &Limits::default());
    let _ = Codec::MsgPack.decode_server(bytes);
});
