//! The sweep: once a second somebody looks at the deadlines of all sockets. It runs beside the
//! workers, so that it goes on when one of them does not.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use rowcast_protocol::{CloseCode, News, news::TokenExpiring};

use super::{deadline::millis, services::SessionSettings};
use crate::{
    hub::{Socket, frame},
    instant::instant,
    planted::{self, Bug},
};

/// How often the sockets of a worker are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Sockets that are looked at before others have a turn.
const TURN: usize = 1000;

/// The sockets of one worker.
#[derive(Debug, Default)]
pub struct Sockets(Mutex<Vec<Weak<Socket>>>);

impl Sockets {
    /// Adds a socket; it is dropped from the list when it ends.
    pub fn add(&self, socket: &Arc<Socket>) {
        self.0.lock().push(Arc::downgrade(socket));
    }

    /// Those that are open.
    #[must_use]
    pub fn open(&self) -> Vec<Arc<Socket>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Looks at the deadlines, once a second, for ever.
    pub async fn run_sweep(&self, settings: &SessionSettings) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.0.lock().retain(|socket| socket.strong_count() > 0);
            for some in self.open().chunks(TURN) {
                for socket in some {
                    look_at(socket, settings);
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

fn look_at(socket: &Arc<Socket>, settings: &SessionSettings) {
    let vitals = &socket.vitals;
    let renew_by = vitals.renew_by.load(Ordering::Acquire);
    if renew_by != 0 && vitals.now() > renew_by {
        return socket.close(CloseCode::TokenExpired);
    }
    warn_of_expiry(socket, vitals.now(), settings);
    let now = socket.worker_time();
    if let Some(code) = missed(socket, now, settings) {
        return socket.close(code);
    }
    let silent = now.saturating_sub(vitals.heard.load(Ordering::Relaxed)) > millis(settings.ping);
    if silent && vitals.pinged.load(Ordering::Relaxed) == 0 {
        vitals.pinged.store(now, Ordering::Relaxed);
        socket.send_frame(frame::control_frame(9, &[]));
    }
}

/// What the client has not done in time, by the worker's clock.
fn missed(socket: &Socket, now: u64, settings: &SessionSettings) -> Option<CloseCode> {
    let vitals = &socket.vitals;
    let due = |since: u64, wait: Duration| match since {
        0 => u64::MAX,
        since => since.saturating_add(millis(wait)),
    };
    let greet_by = due(vitals.greet_by.load(Ordering::Acquire), Duration::ZERO);
    let finish_by = due(vitals.unfinished.load(Ordering::Relaxed), settings.message);
    let answer_by = due(vitals.pinged.load(Ordering::Relaxed), settings.pong);
    let (by, code) = [
        (greet_by, CloseCode::GreetingTimeout),
        (finish_by, CloseCode::MessageTimeout),
        (answer_by, CloseCode::Silent),
    ]
    .into_iter()
    .find(|(by, _)| now > *by)?;
    (!may_have_come(socket, by, settings)).then_some(code)
}

/// Whether what is waited for may lie unread: there are bytes, and nobody has read since. Not if
/// they are not read because the client does not read.
fn may_have_come(socket: &Socket, by: u64, settings: &SessionSettings) -> bool {
    !planted::is(Bug::LatenessCounts)
        && socket.vitals.read.load(Ordering::Relaxed) <= by
        && socket.queued() < settings.out_bytes
        && socket.has_unread_bytes()
}

fn warn_of_expiry(socket: &Arc<Socket>, now: u64, settings: &SessionSettings) {
    let warn_at = socket.vitals.warn_at.load(Ordering::Acquire);
    if warn_at == 0 || now < warn_at {
        return;
    }
    socket.vitals.warn_at.store(0, Ordering::Release);
    let expires = socket.vitals.renew_by.load(Ordering::Acquire).saturating_sub(now);
    let left = Duration::from_millis(expires).saturating_sub(settings.token_grace);
    let expires = jiff::Timestamp::now().saturating_add(left).unwrap_or(jiff::Timestamp::MAX);
    socket.send(&News::TokenExpiring(TokenExpiring { expires: instant(expires) }));
}
