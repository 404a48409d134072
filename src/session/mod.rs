//! One socket: greeting, requests, the private lane.
//!
//! A session is a task. It reads, answers and ends; what its channels send goes past it, from the
//! flush loop straight to the socket. It wakes for three reasons: bytes came in, the kernel has
//! room again after it had none, or somebody wants the socket closed. It names neither the store
//! nor another node.

use std::{cell::RefCell, io, sync::Arc, time::Duration};

use rowcast_protocol::{CloseCode, Codec, DecodeError, ErrorCode, ErrorReply, Limits, Request};
use tokio::io::{Interest, Ready};
use tracing::debug;

use crate::{
    hub::{Socket, batches::Batches, frame, socket::Written},
    planted::{self, Bug},
};

mod deadline;
mod door;
mod frames;
mod greeting;
mod inbound;
mod places;
mod rate;
mod requests;
mod schema;
pub mod services;
mod shares;
mod subscribing;
pub mod sweep;
mod turn;

pub use door::{Door, Full, Held, Room};
use inbound::{Inbound, Incoming};
pub use places::{Place, Places};
pub use rate::{PersonLimits, PersonRates};
pub use schema::SchemaNews;
pub use services::{Services, SessionSettings};
pub use shares::Shares;

use self::{
    greeting::Greeted,
    rate::{FrameRate, MessageLimits, Rate},
    turn::Turn,
};

/// Bytes read from a socket at a time, into a buffer that all sessions of a thread share.
const READ_BYTES: usize = 64 * 1024;
/// How long a closing socket may take to drain and to answer.
const FAREWELL: Duration = Duration::from_secs(2);
/// Bytes of a closing socket that are still read, so that the other side gets to the last frame.
const FAREWELL_BYTES: usize = 4 * 1024 * 1024;
/// Malformed messages after which a socket is closed.
const MAX_BAD_MESSAGES: u32 = 100;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// What is known of a socket before its first message.
#[derive(Debug)]
pub struct Arrival {
    /// The outgoing half.
    pub socket: Arc<Socket>,
    /// Bytes that came with the upgrade.
    pub early: Vec<u8>,
    /// The bearer token of the upgrade request.
    pub token: Option<String>,
    /// Its places at the door.
    pub held: Arc<Held>,
}

/// One socket's session.
#[derive(Debug)]
struct Session {
    services: Arc<Services>,
    socket: Arc<Socket>,
    inbound: Inbound,
    header_token: Option<String>,
    greeted: Option<Greeted>,
    rate: Rate,
    turn: Turn,
    bad_messages: u32,
    /// Its places at the door, until the session ends.
    held: Arc<Held>,
}

/// Runs a session to its end.
pub async fn run(services: Arc<Services>, arrival: Arrival) {
    let metrics = Arc::clone(&services.metrics);
    metrics.sockets.inc();
    metrics.sockets_opened.inc();
    let guard = Ending { socket: Arc::clone(&arrival.socket), metrics };
    let mut session = Session::new(services, arrival);
    let code = session.run_inner().await;
    session.leave_all();
    debug!(code = code.number(), user = session.user(), "a session ended");
    Box::pin(farewell(&guard.socket, code)).await;
}

/// What must happen however a session ends, a panic included.
struct Ending {
    socket: Arc<Socket>,
    metrics: Arc<crate::metrics::Metrics>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.socket.end();
        self.metrics.sockets.dec();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.leave_all();
    }
}

impl Session {
    fn new(services: Arc<Services>, arrival: Arrival) -> Self {
        let settings = &services.settings;
        let (bytes, frames) = (settings.limits.message_bytes, FrameRate::new(settings));
        let mut inbound = Inbound::new(bytes, frames);
        inbound.keep_early(arrival.early);
        if !planted::is(Bug::Echo) {
            deadline::expect_greeting(&arrival.socket, services.settings.greeting);
        }
        Self {
            services,
            socket: arrival.socket,
            inbound,
            header_token: arrival.token,
            greeted: None,
            rate: Rate::default(),
            turn: Turn::default(),
            bad_messages: 0,
            held: arrival.held,
        }
    }

    fn user(&self) -> &str {
        self.greeted.as_ref().map_or("", |greeted| &greeted.subscriber.user)
    }

    fn limits(&self) -> &Limits {
        &self.services.settings.limits
    }

    async fn run_inner(&mut self) -> CloseCode {
        let early = self.inbound.feed(&[], self.socket.vitals.now());
        if let Err(code) = Box::pin(self.handle_all(early)).await {
            return code;
        }
        loop {
            if let Some(code) = self.socket.closing() {
                return code;
            }
            let Ok(ready) = self.wait().await else { return CloseCode::Normal };
            if ready.is_writable() && self.socket.is_blocked() {
                self.write_on().await;
            }
            if ready.is_readable() || ready.is_read_closed() || ready.is_error() {
                match self.read().await {
                    Ok(true) => {}
                    Ok(false) => return CloseCode::Normal,
                    Err(code) => return code,
                }
            }
        }
    }

    /// Waits for bytes (unless too much waits to go out), for room (if the kernel had none), or for
    /// somebody who wants something of the session.
    async fn wait(&self) -> io::Result<Ready> {
        let full = self.is_full();
        let interest = match (full, self.socket.is_blocked()) {
            (false, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (true, true) => Some(Interest::WRITABLE),
            (true, false) => None,
        };
        let wake = self.socket.wake.notified();
        match interest {
            Some(interest) => tokio::select! {
                () = wake => Ok(Ready::EMPTY),
                ready = self.socket.stream.ready(interest) => ready,
            },
            None => tokio::select! {
                () = wake => Ok(Ready::EMPTY),
                () = self.socket.room_below(self.services.settings.out_bytes) => Ok(Ready::EMPTY),
            },
        }
    }

    /// Whether so much waits to go out that nothing more is worked on.
    fn is_full(&self) -> bool {
        self.socket.queued() >= self.services.settings.out_bytes
    }

    /// Waits until less waits to go out: what one read brought may have long answers.
    ///
    /// # Errors
    /// If the socket is to be closed.
    async fn room(&self) -> Result<(), CloseCode> {
        loop {
            if let Some(code) = self.socket.closing() {
                return Err(code);
            }
            if !self.is_full() {
                return Ok(());
            }
            let ready = self.wait().await.map_err(|_| CloseCode::Normal)?;
            if ready.is_writable() {
                self.socket.write_on();
            }
        }
    }

    /// Writes what was left behind; then what each channel has for this socket since.
    async fn write_on(&mut self) {
        if self.socket.write_on() != Written::All {
            return;
        }
        let subscriptions = self.greeted.as_ref().map(|greeted| greeted.subscriptions.clone());
        for subscription in subscriptions.into_iter().flatten() {
            let mut batches = Batches::new(&subscription.channel);
            while subscription.flush(&mut batches) {
                self.turn.worked(turn::BATCH).await;
            }
            self.turn.worked(1).await;
        }
    }

    /// Reads once; `false`: the other side is gone.
    async fn read(&mut self) -> Result<bool, CloseCode> {
        let (inbound, now) = (&mut self.inbound, self.socket.vitals.now());
        let taken =
            READ_BUFFER.with_borrow_mut(|buffer| match self.socket.stream.try_read(buffer) {
                Ok(0) => None,
                Ok(length) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    Some((length, inbound.feed(bytes, now)))
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some((0, Vec::new())),
                Err(_) => None,
            });
        let Some((length, incoming)) = taken else { return Ok(false) };
        if length > 0 {
            // What handling needs is allocated while it runs, not held by every idle socket.
            Box::pin(self.handle_all(incoming)).await?;
            self.turn.worked(turn::read(length)).await;
        }
        Ok(true)
    }

    async fn handle_all(&mut self, incoming: Vec<Incoming>) -> Result<(), CloseCode> {
        let (now, unfinished) = (self.socket.worker_time(), self.inbound.is_unfinished());
        deadline::note_input(&self.socket, &incoming, now, unfinished);
        for item in incoming {
            match item {
                Incoming::Message(codec, bytes) => {
                    self.room().await?;
                    self.message(codec, &bytes).await?;
                    self.turn.worked(turn::MESSAGE).await;
                }
                Incoming::Control(frame) => self.socket.send_frame(frame),
                Incoming::Heard => {}
                Incoming::Closed(frame) => {
                    self.socket.send_frame(frame);
                    return Err(CloseCode::Normal);
                }
                Incoming::Broken(code) => return Err(code),
            }
        }
        Ok(())
    }

    async fn message(&mut self, codec: Codec, bytes: &[u8]) -> Result<(), CloseCode> {
        let limits = MessageLimits::of(&self.services.settings);
        if let Some(wait) = self.rate.take(bytes.len(), self.socket.vitals.now(), limits)? {
            let reference = self.socket.codec.reference(bytes);
            self.send_error(ErrorReply { reference, ..rate_limited(wait) });
            return Ok(());
        }
        if planted::is(Bug::Echo) {
            self.socket.send_frame(frame::data_frame(codec, bytes));
            return Ok(());
        }
        if codec != self.socket.codec {
            return Err(CloseCode::Unsupported);
        }
        let request = match codec.decode_request(bytes, self.limits()) {
            Ok(request) => request,
            Err(error) => return self.bad_message(error),
        };
        match (request, self.greeted.is_some()) {
            (Request::Hello(hello), false) => Box::pin(self.greet(hello)).await,
            (request, false) => {
                self.refuse(
                    &request,
                    ErrorReply::new(ErrorCode::NotGreeted, "greet first: send `hello`"),
                );
                Err(CloseCode::BadMessages)
            }
            (request, true) => {
                self.request(request).await;
                Ok(())
            }
        }
    }

    fn bad_message(&mut self, error: DecodeError) -> Result<(), CloseCode> {
        self.bad_messages += 1;
        self.send_error(ErrorReply {
            reference: error.reference,
            path: error.path,
            limit: error.limit,
            ..ErrorReply::new(error.code, error.message)
        });
        let hopeless = self.greeted.is_none() || self.bad_messages > MAX_BAD_MESSAGES;
        if hopeless { Err(CloseCode::BadMessages) } else { Ok(()) }
    }

    fn refuse(&self, request: &Request, error: ErrorReply) {
        self.send_error(ErrorReply { reference: requests::reference(request), ..error });
    }

    fn send_error(&self, error: ErrorReply) {
        self.services.send_error(&self.socket, error);
    }

    fn leave_all(&mut self) {
        for subscription in self.greeted.iter_mut().flat_map(|g| g.subscriptions.drain(..)) {
            subscription.end();
            subscription.channel.leave(&subscription);
        }
    }
}

fn rate_limited(wait: Duration) -> ErrorReply {
    let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    ErrorReply {
        retry_after_ms: Some(wait),
        ..ErrorReply::new(ErrorCode::RateLimited, format!("too many requests; wait {wait} ms"))
    }
}

/// Writes what is queued and the close frame, then gives the other side a moment to answer.
async fn farewell(socket: &Socket, code: CloseCode) {
    let goodbye = async {
        if code != CloseCode::Normal {
            let mut payload = code.number().to_be_bytes().to_vec();
            payload.extend_from_slice(code.reason().as_bytes());
            socket.write_last(frame::control_frame(8, &payload));
        }
        while socket.queued() > 0 && socket.stream.writable().await.is_ok() {
            socket.write_on();
        }
        // Nothing more goes out, and the other side need not wait to learn it.
        socket.ends_writing();
        drain(socket).await;
    };
    // Whoever does not answer in time is cut off; there is nothing more to say.
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
}

/// Reads on until the other side has closed too, within bounds. Frames that come are not looked at.
async fn drain(socket: &Socket) {
    let mut left = FAREWELL_BYTES;
    while left > 0 && socket.stream.readable().await.is_ok() {
        let read = READ_BUFFER.with_borrow_mut(|buffer| socket.stream.try_read(buffer));
        match read {
            Ok(0) => return,
            Ok(length) => left = left.saturating_sub(length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        tokio::task::yield_now().await;
    }
}
