//! What must happen by when on a socket. Noted here, looked at by the sweep once a second: no
//! timer per socket.

use std::{sync::atomic::Ordering, time::Duration};

use super::inbound::Incoming;
use crate::{
    hub::Socket,
    planted::{self, Bug},
};

/// The greeting must come in time.
pub(super) fn expect_greeting(socket: &Socket, within: Duration) {
    let greet_by = socket.worker_time().saturating_add(millis(within));
    socket.vitals.greet_by.store(greet_by, Ordering::Release);
}

/// The greeting has come. What it takes to answer it is no business of the client.
pub(super) fn greeting_came(socket: &Socket) {
    socket.vitals.greet_by.store(0, Ordering::Release);
}

/// A new token must come before this time has passed.
pub(super) fn expect_renewal(socket: &Socket, within: Duration) {
    let within = if planted::is(Bug::TokenForEver) { Duration::MAX } else { within };
    let renew_by = socket.vitals.now().saturating_add(millis(within));
    socket.vitals.renew_by.store(renew_by, Ordering::Release);
}

/// Bytes came in: signs of life, and perhaps half a message.
pub(super) fn note_input(socket: &Socket, incoming: &[Incoming], now: u64, unfinished: bool) {
    let vitals = &socket.vitals;
    vitals.read.store(now, Ordering::Relaxed);
    if !incoming.is_empty() {
        vitals.heard.store(now, Ordering::Relaxed);
        vitals.pinged.store(0, Ordering::Relaxed);
    }
    if !unfinished {
        vitals.unfinished.store(0, Ordering::Relaxed);
    } else if vitals.unfinished.load(Ordering::Relaxed) == 0
        || incoming.iter().any(|item| matches!(item, Incoming::Message(..)))
    {
        // Another message was finished, so this one began just now.
        vitals.unfinished.store(now, Ordering::Relaxed);
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
