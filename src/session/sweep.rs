//! The sweep: once a second each worker looks at the deadlines of its sockets.

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
};

/// How often a worker looks.
const EVERY: Duration = Duration::from_secs(1);

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
            self.0.lock().retain(|socket| {
                let socket = socket.upgrade();
                if let Some(socket) = &socket {
                    look_at(socket, settings);
                }
                socket.is_some()
            });
        }
    }
}

fn look_at(socket: &Arc<Socket>, settings: &SessionSettings) {
    let vitals = &socket.vitals;
    let now = vitals.now();
    let passed = |at: u64, wait: Duration| at != 0 && now > at.saturating_add(millis(wait));
    let deadline = vitals.deadline.load(Ordering::Acquire);
    if passed(deadline, Duration::ZERO) {
        let code = CloseCode::from_number(vitals.deadline_code.load(Ordering::Relaxed));
        return socket.close(code.unwrap_or(CloseCode::Internal));
    }
    if passed(vitals.unfinished.load(Ordering::Relaxed), settings.message) {
        return socket.close(CloseCode::MessageTimeout);
    }
    warn_of_expiry(socket, now, settings);
    if passed(vitals.pinged.load(Ordering::Relaxed), settings.pong) {
        return socket.close(CloseCode::Silent);
    }
    let silent = now.saturating_sub(vitals.heard.load(Ordering::Relaxed)) > millis(settings.ping);
    if silent && vitals.pinged.load(Ordering::Relaxed) == 0 {
        vitals.pinged.store(now, Ordering::Relaxed);
        socket.send_frame(frame::control_frame(9, &[]));
    }
}

fn warn_of_expiry(socket: &Arc<Socket>, now: u64, settings: &SessionSettings) {
    let warn_at = socket.vitals.warn_at.load(Ordering::Acquire);
    if warn_at == 0 || now < warn_at {
        return;
    }
    socket.vitals.warn_at.store(0, Ordering::Release);
    let expires = socket.vitals.deadline.load(Ordering::Acquire).saturating_sub(now);
    let left = Duration::from_millis(expires).saturating_sub(settings.token_grace);
    let expires = jiff::Timestamp::now().saturating_add(left).unwrap_or(jiff::Timestamp::MAX);
    socket.send(&News::TokenExpiring(TokenExpiring { expires: instant(expires) }));
}
