//! Any bytes as JSON, from either side: no panic, no hang, no memory beyond the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rowcast_protocol::{Codec, Limits};

fuzz_target!(|bytes: &[u8]| {
    let _ = Codec::Json.decode_request(bytes, &Limits::default());
    let _ = Codec::Json.decode_server(bytes);
});
