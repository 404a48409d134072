//! One socket's place in one channel: a cursor over the log, and cursors over state, presence and
//! signals. A slow reader costs these numbers and nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use bytes::Bytes;
use parking_lot::Mutex;
use rowcast_protocol::{
    Cursor, ErrorCode, News, Role, Value, news::Removed, request::PresenceMode,
};

use super::{
    batches::Batches,
    catchup::{self, Begin},
    channel::Channel,
    latest::Version,
    socket::{Socket, Written},
};
use crate::planted::{self, Bug};

/// Who subscribes, as others see it.
#[derive(Debug, Clone)]
pub struct Subscriber {
    /// The session's name.
    pub session: Arc<str>,
    /// The person.
    pub user: Arc<str>,
    /// What others see of the person.
    pub name: Arc<str>,
}

/// One socket's place in one channel.
#[derive(Debug)]
pub struct Subscription {
    /// Whose it is.
    pub subscriber: Subscriber,
    /// Where its frames go.
    pub socket: Arc<Socket>,
    /// What it follows.
    pub channel: Arc<Channel>,
    /// Whether it sees presence, and is seen.
    pub presence: PresenceMode,
    role: AtomicU8,
    /// Whether it ever set a state, so that there may be some to clear.
    pub has_state: AtomicBool,
    place: Mutex<Place>,
}

#[derive(Debug)]
struct Place {
    mode: Mode,
    log: Cursor,
    states: Version,
    presence: Version,
    signals: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A task reads for it; the flush loop passes it by.
    CatchingUp,
    /// The flush loop serves it.
    Live,
    /// It is over.
    Gone,
}

/// What is to be written, and the place after it; `None`: nothing new.
type Due<P> = Option<(Bytes, P)>;

impl Subscription {
    /// A subscription that catches up first.
    #[must_use]
    pub fn new(
        subscriber: Subscriber,
        socket: Arc<Socket>,
        channel: Arc<Channel>,
        presence: PresenceMode,
        role: Role,
    ) -> Self {
        let place = Place {
            mode: Mode::CatchingUp,
            log: channel.head(),
            states: 0,
            presence: 0,
            signals: channel.ephemera().heads().signals,
        };
        Self {
            subscriber,
            socket,
            channel,
            presence,
            role: AtomicU8::new(role as u8),
            has_state: AtomicBool::new(false),
            place: Mutex::new(place),
        }
    }

    /// What the person may do here.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.role.load(Ordering::Relaxed) {
            role if role == Role::Owner as u8 => Role::Owner,
            role if role == Role::Editor as u8 => Role::Editor,
            _ => Role::Viewer,
        }
    }

    /// Takes a changed role.
    pub fn set_role(&self, role: Role) {
        self.role.store(role as u8, Ordering::Relaxed);
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.place.lock().mode == Mode::Gone
    }

    /// The number of the last entry that was written.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place.lock().log.seq
    }

    /// From now on the flush loop serves it, from this place.
    pub fn go_live(self: &Arc<Self>, log: Cursor) {
        {
            let mut place = self.place.lock();
            if place.mode == Mode::Gone {
                return;
            }
            place.mode = Mode::Live;
            let late = planted::is(Bug::SubscribeAfterRead);
            place.log = if late { self.channel.head() } else { log };
        }
        self.socket.flusher().schedule_newcomer(Arc::clone(self));
    }

    /// Ends it: nothing more of the channel is written.
    pub fn end(&self) {
        self.place.lock().mode = Mode::Gone;
    }

    /// Ends it because the person may not read here any more, and says so.
    pub fn remove(self: &Arc<Self>, code: ErrorCode, message: &str) {
        self.end();
        self.channel.leave(self);
        let channel = self.channel.name().clone();
        let message = message.to_owned();
        self.socket.send(&News::Removed(Removed { channel, code, message }));
    }

    /// Adds itself to presence if it is to be seen.
    pub fn appear(&self, meta: Option<Value>) {
        if self.presence == PresenceMode::Join {
            self.channel.join(&self.subscriber, meta.unwrap_or_default());
        }
    }

    /// Writes what is new, without waiting. `true`: there is more, come again.
    pub fn flush(self: &Arc<Self>, batches: &mut Batches<'_>) -> bool {
        let mut place = self.place.lock();
        if place.mode != Mode::Live
            || (self.socket.is_blocked() && !planted::is(Bug::UnboundedQueue))
        {
            return false;
        }
        let codec = self.socket.codec;
        let Some((frames, after)) = batches.log(codec, place.log) else {
            place.mode = Mode::CatchingUp;
            let from = place.log;
            drop(place);
            catchup::spawn(Arc::clone(self), Begin::After(from));
            return false;
        };
        let more = after.seq < batches.channel().head().seq;
        let (before, bytes) = (place.log.seq, frames.len());
        let written = self.write(Some((frames, after)), &mut place.log);
        if place.log.seq > before {
            batches.count(place.log.seq - before, bytes);
        }
        if !written {
            return false;
        }
        let ephemeral = batches.channel().ephemera().heads();
        let states = (place.states < ephemeral.states).then(|| batches.states(codec, place.states));
        let seen = self.presence != PresenceMode::Off && place.presence < ephemeral.presence;
        let presence = seen.then(|| batches.presence(codec, place.presence));
        let signals =
            (place.signals < ephemeral.signals).then(|| batches.signals(codec, place.signals));
        self.write(states, &mut place.states)
            && self.write(presence, &mut place.presence)
            && self.write(signals, &mut place.signals)
            && more
    }

    /// Writes frames and moves the place behind them. `false`: the socket took no more.
    fn write<P>(&self, due: Due<P>, place: &mut P) -> bool {
        let Some((frames, after)) = due else { return true };
        if !frames.is_empty() {
            match self.socket.write_shared(frames) {
                None => return false,
                Some(Written::Blocked | Written::Broken) => {
                    *place = after;
                    return false;
                }
                Some(Written::All) => {}
            }
        }
        *place = after;
        true
    }
}
