//! One socket's place in one channel: a cursor over the log, and cursors over state, presence and
//! signals. A slow reader costs these numbers and nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
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
    /// What the person may do, and the number of the look that found it: the lowest two bits are the
    /// role, 0 before the first look. So the newest look counts, in whatever order they arrive.
    role: AtomicU64,
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
    /// The client has not been told yet.
    Opening,
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
    ) -> Self {
        let place = Place {
            mode: Mode::Opening,
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
            role: AtomicU64::new(0),
            has_state: AtomicBool::new(false),
            place: Mutex::new(place),
        }
    }

    /// What the person may do here; `None`: that is not known since access changed.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        let word = self.role.load(Ordering::Acquire);
        if word >> 2 < self.channel.access_changed() {
            return None;
        }
        match word & 3 {
            1 => Some(Role::Viewer),
            2 => Some(Role::Editor),
            3 => Some(Role::Owner),
            _ => None,
        }
    }

    /// Takes what a look has found; one that an older look finds later counts no more.
    pub fn learn_role(&self, look: u64, role: Role) {
        let role = match role {
            Role::Viewer => 1,
            Role::Editor => 2,
            Role::Owner => 3,
        };
        self.role.fetch_max(look << 2 | role, Ordering::AcqRel);
    }

    /// Whether it is not known if the person may still read here. Nothing is written meanwhile.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.role().is_none()
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
        let was = std::mem::replace(&mut self.place.lock().mode, Mode::Gone);
        self.channel.leave(self);
        if was == Mode::CatchingUp || was == Mode::Live {
            let channel = self.channel.name().clone();
            let message = message.to_owned();
            self.socket.send(&News::Removed(Removed { channel, code, message }));
        }
    }

    /// Tells the client something of the channel, unless it is over. Whether it was told.
    pub fn tell(&self, news: &News) -> bool {
        let place = self.place.lock();
        if place.mode == Mode::Gone {
            return false;
        }
        self.socket.send(news);
        true
    }

    /// Begins: `tell` tells the client, then it is seen by others if it is to be. `false`: it was
    /// ended before, and nothing has happened.
    pub fn open(&self, meta: Option<Value>, tell: impl FnOnce()) -> bool {
        let mut place = self.place.lock();
        if place.mode == Mode::Gone {
            return false;
        }
        place.mode = Mode::CatchingUp;
        tell();
        if self.presence == PresenceMode::Join {
            self.channel.join(&self.subscriber, meta.unwrap_or_default());
        }
        true
    }

    /// Writes what is new, without waiting. `true`: there is more, come again.
    pub fn flush(self: &Arc<Self>, batches: &mut Batches<'_>) -> bool {
        let mut place = self.place.lock();
        if place.mode != Mode::Live
            || self.is_in_doubt()
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
