//! The outgoing half of one socket, shared by its session and the flush loop.
//!
//! Two things go out: frames of channels, shared by all subscribers and written without waiting;
//! and the session's own frames (replies, pages), the private lane, queued and written with the
//! next flush. Once the kernel takes no more, the socket is *blocked*: the flush loop passes it by,
//! and its session writes on when there is room again. What is queued is bounded by whoever
//! queues: the flush loop adds nothing to a blocked socket, the session stops reading.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;
use rowcast_protocol::{CloseCode, Codec};
use serde::Serialize;
use tokio::{net::TcpStream, sync::Notify, time::Instant};

use super::{flush::Flusher, frame};
use crate::planted::{self, Bug};

/// Frames that one write call takes at most.
const WRITE_SLICES: usize = 32;

/// One socket's outgoing half.
#[derive(Debug)]
pub struct Socket {
    /// The plain stream under the WebSocket. The session reads from it.
    pub stream: TcpStream,
    /// How messages are encoded.
    pub codec: Codec,
    flusher: Arc<Flusher>,
    out: Mutex<Out>,
    /// Wakes the session: it must look at the socket again.
    pub wake: Notify,
    /// Wakes whoever waits for room in the queue.
    room: Notify,
    /// The code to close with, once somebody wants it closed; 0 before.
    closing: AtomicU16,
    /// Whether the session has ended.
    ended: AtomicBool,
    /// Deadlines, looked at once a second by the sweep.
    pub vitals: Vitals,
    /// Who greeted; looked at when something ends before its time.
    holder: Mutex<Option<Holder>>,
}

/// Whose socket it is, and what that rests on.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The person.
    pub user: Arc<str>,
    /// The session of the token, or its service.
    pub credential: Option<Arc<str>>,
}

/// What the sweep looks at, in milliseconds. What the client must do is measured with the worker's
/// clock, which stands still while the worker is late; tokens expire by the time since the socket
/// began.
#[derive(Debug)]
pub struct Vitals {
    began: Instant,
    /// When bytes were last read.
    pub read: AtomicU64,
    /// When the last whole message, ping or pong came, or the client took what had to wait.
    pub heard: AtomicU64,
    /// When a ping was sent that was not answered yet; 0: none.
    pub pinged: AtomicU64,
    /// When a message was begun that is not finished yet; 0: none.
    pub unfinished: AtomicU64,
    /// By when the client must have greeted; 0: it has.
    pub greet_by: AtomicU64,
    /// By when the token must be renewed, in the socket's time; 0: it never must.
    pub renew_by: AtomicU64,
    /// When the client must be told that its token expires, in the socket's time; 0: not any more.
    pub warn_at: AtomicU64,
    /// Which schema the client was told last; 0: none yet.
    pub schema: AtomicU64,
}

impl Vitals {
    /// Milliseconds since the socket began, at least 1.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

#[derive(Debug, Default)]
struct Out {
    queue: VecDeque<Bytes>,
    bytes: usize,
    blocked: bool,
    scheduled: bool,
    /// The connection is broken: nothing is kept for it any more.
    broken: bool,
}

/// Whether a write left something behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The kernel took everything.
    All,
    /// The rest is queued; the session writes on.
    Blocked,
    /// The connection is broken.
    Broken,
}

impl Socket {
    /// Notes whose socket it is.
    pub fn is_held_by(&self, holder: Holder) {
        *self.holder.lock() = Some(holder);
    }

    /// Whether somebody greeted of whom this is true.
    pub fn holder_is(&self, what: impl FnOnce(&Holder) -> bool) -> bool {
        self.holder.lock().as_ref().is_some_and(what)
    }

    /// Takes a stream whose upgrade is done.
    #[must_use]
    pub fn new(stream: TcpStream, codec: Codec, flusher: Arc<Flusher>) -> Self {
        let vitals = Vitals {
            began: Instant::now(),
            read: AtomicU64::new(0),
            heard: AtomicU64::new(flusher.clock.now()),
            pinged: AtomicU64::new(0),
            unfinished: AtomicU64::new(0),
            greet_by: AtomicU64::new(0),
            renew_by: AtomicU64::new(0),
            warn_at: AtomicU64::new(0),
            schema: AtomicU64::new(0),
        };
        Self {
            stream,
            codec,
            flusher,
            out: Mutex::default(),
            wake: Notify::new(),
            room: Notify::new(),
            closing: AtomicU16::new(0),
            ended: AtomicBool::new(false),
            vitals,
            holder: Mutex::default(),
        }
    }

    /// The worker that owns the socket.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.flusher.worker()
    }

    /// The time of the worker that owns the socket.
    #[must_use]
    pub fn worker_time(&self) -> u64 {
        self.flusher.clock.now()
    }

    /// The flush loop of the worker that owns the socket.
    pub(super) fn flusher(&self) -> &Flusher {
        &self.flusher
    }

    /// By how much that worker is late at present.
    #[must_use]
    pub fn worker_late(&self) -> Duration {
        self.flusher.clock.late()
    }

    /// Queues a message on the private lane.
    pub fn send<T: Serialize>(self: &Arc<Self>, message: &T) {
        self.send_frame(frame::message_frames(self.codec, &self.codec.encode(message)));
    }

    /// Queues whole frames on the private lane.
    pub fn send_frame(self: &Arc<Self>, frame: Bytes) {
        let schedule = {
            let mut out = self.out.lock();
            if out.broken {
                return;
            }
            out.bytes += frame.len();
            out.queue.push_back(frame);
            !out.blocked && !std::mem::replace(&mut out.scheduled, true)
        };
        if schedule {
            self.flusher.schedule_socket(Arc::clone(self));
        }
    }

    /// Whether the kernel takes no more at present.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.out.lock().blocked
    }

    /// Bytes that wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.out.lock().bytes
    }

    /// Writes frames of a channel, after what the private lane holds. Nothing is done on a blocked
    /// socket: the caller keeps its cursor.
    pub fn write_shared(&self, frames: Bytes) -> Option<Written> {
        let mut out = self.out.lock();
        if out.broken || (out.blocked && !planted::is(Bug::UnboundedQueue)) {
            return None;
        }
        out.bytes += frames.len();
        out.queue.push_back(frames);
        let written = out.write(&self.stream);
        drop(out);
        self.after(written);
        Some(written)
    }

    /// Writes what the private lane holds; called by the flush loop.
    pub fn flush_scheduled(&self) {
        let mut out = self.out.lock();
        out.scheduled = false;
        if !out.blocked {
            let written = out.write(&self.stream);
            drop(out);
            self.after(written);
        }
    }

    /// Writes on after the kernel has room again; called by the session. That it has is a sign of
    /// life: the client took something.
    pub fn write_on(&self) -> Written {
        let mut out = self.out.lock();
        let before = out.bytes;
        let written = out.write(&self.stream);
        let took = out.bytes < before;
        drop(out);
        if took {
            self.vitals.heard.store(self.worker_time(), Ordering::Relaxed);
            self.vitals.pinged.store(0, Ordering::Relaxed);
        }
        match written {
            Written::Blocked => {}
            Written::All => self.room.notify_waiters(),
            Written::Broken => self.close(CloseCode::Normal),
        }
        written
    }

    fn after(&self, written: Written) {
        match written {
            Written::Blocked => self.wake.notify_one(),
            Written::All => self.room.notify_waiters(),
            Written::Broken => self.close(CloseCode::Normal),
        }
    }

    /// Whether bytes have come that were not read yet.
    #[must_use]
    pub fn has_unread_bytes(&self) -> bool {
        rustix::io::ioctl_fionread(&self.stream).is_ok_and(|bytes| bytes > 0)
    }

    /// Waits until less than `bytes` wait, or the socket closes. For long private news (pages).
    pub async fn room_below(&self, bytes: usize) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.queued() < bytes || self.is_closing() {
                return;
            }
            room.await;
        }
    }

    /// Asks the session to close. The first code wins.
    pub fn close(&self, code: CloseCode) {
        let _ =
            self.closing.compare_exchange(0, code.number(), Ordering::AcqRel, Ordering::Acquire);
        self.wake.notify_one();
        self.room.notify_waiters();
    }

    /// The code to close with, once somebody wants it closed.
    #[must_use]
    pub fn closing(&self) -> Option<CloseCode> {
        CloseCode::from_number(self.closing.load(Ordering::Acquire))
    }

    /// Whether the socket is closing or has ended.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire) != 0 || self.ended.load(Ordering::Acquire)
    }

    /// Writes the last frame, past the flush loop: the session is ending.
    pub fn write_last(&self, frame: Bytes) {
        let mut out = self.out.lock();
        out.bytes += frame.len();
        out.queue.push_back(frame);
        let _ = out.write(&self.stream);
    }

    /// Tells the other side that nothing more comes.
    pub fn ends_writing(&self) {
        // A connection that is broken has told it.
        let _ = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Write);
    }

    /// Says that the session has ended. What others still queue for it is dropped.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        let mut out = self.out.lock();
        out.broken = true;
        out.drop_all();
        drop(out);
        self.room.notify_waiters();
    }
}

impl Out {
    /// Writes until the queue is empty or the kernel takes no more. What waits for a broken
    /// connection is dropped at once.
    fn write(&mut self, stream: &TcpStream) -> Written {
        if self.broken {
            return Written::Broken;
        }
        while !self.queue.is_empty() {
            match write_some(&self.queue, stream) {
                Ok(taken) if taken > 0 => self.advance(taken),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Written::Blocked;
                }
                Ok(_) | Err(_) => {
                    self.broken = true;
                    self.drop_all();
                    return Written::Broken;
                }
            }
        }
        self.queue.shrink_to(4);
        self.blocked = false;
        Written::All
    }

    fn drop_all(&mut self) {
        self.queue = VecDeque::new();
        self.bytes = 0;
        self.blocked = false;
    }

    fn advance(&mut self, mut taken: usize) {
        self.bytes -= taken;
        while let Some(first) = self.queue.front_mut() {
            if first.len() > taken {
                first.advance(taken);
                return;
            }
            taken -= first.len();
            self.queue.pop_front();
        }
    }
}

fn write_some(queue: &VecDeque<Bytes>, stream: &TcpStream) -> io::Result<usize> {
    if let (1, Some(only)) = (queue.len(), queue.front()) {
        return stream.try_write(only);
    }
    let slices: Vec<_> = queue.iter().take(WRITE_SLICES).map(|frame| IoSlice::new(frame)).collect();
    stream.try_write_vectored(&slices)
}
