//! What must happen by when on a socket. Noted here, looked at by the sweep once a second: no
//! timer per socket.

use std::{sync::atomic::Ordering, time::Duration};

use rowcast_protocol::CloseCode;

use super::inbound::Incoming;
use crate::{
    hub::Socket,
    planted::{self, Bug},
};

/// The greeting must come in time.
pub(super) fn expect_greeting(socket: &Socket, within: Duration) {
    set(socket, within, CloseCode::GreetingTimeout);
}

/// A new token must come before this time has passed.
pub(super) fn expect_renewal(socket: &Socket, within: Duration) {
    let within = if planted::is(Bug::TokenForEver) { Duration::MAX } else { within };
    set(socket, within, CloseCode::TokenExpired);
}

fn set(socket: &Socket, within: Duration, code: CloseCode) {
    let vitals = &socket.vitals;
    let deadline = vitals.now().saturating_add(millis(within));
    vitals.deadline_code.store(code.number(), Ordering::Relaxed);
    vitals.deadline.store(deadline, Ordering::Release);
}

/// Bytes came in: signs of life, and perhaps half a message.
pub(super) fn note_input(socket: &Socket, incoming: &[Incoming], unfinished: bool) {
    let vitals = &socket.vitals;
    let now = vitals.now();
    if !incoming.is_empty() {
        vitals.heard.store(now, Ordering::Relaxed);
        vitals.pinged.store(0, Ordering::Relaxed);
    }
    if !unfinished {
        vitals.unfinished.store(0, Ordering::Relaxed);
    } else if vitals.unfinished.load(Ordering::Relaxed) == 0
        || incoming.iter().any(|item| matches!(item, Incoming::Message(_)))
    {
        // Another message was finished, so this one began just now.
        vitals.unfinished.store(now, Ordering::Relaxed);
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
