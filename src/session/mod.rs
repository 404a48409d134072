//! One socket: greeting, requests, the private lane.
//!
//! A session is a task. It reads, answers and ends; what its channels send goes past it, from the
//! flush loop straight to the socket. It wakes for three reasons: bytes came in, the kernel has
//! room again after it had none, or somebody wants the socket closed. It names neither the store
//! nor another node.

use std::{cell::RefCell, io, sync::Arc, time::Duration};

use rowcast_protocol::{CloseCode, DecodeError, ErrorCode, ErrorReply, Limits, Request};
use tokio::io::{Interest, Ready};
use tracing::debug;

use crate::hub::{Socket, batches::Batches, frame, socket::Written};

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
pub mod sweep;

pub use door::{Door, Full, Held, Room};
use inbound::{Inbound, Incoming};
pub use places::{Place, Places};
pub use schema::SchemaNews;
pub use services::{Services, SessionSettings};
pub use shares::Shares;

use self::{greeting::Greeted, rate::Rate};

/// Bytes read from a socket at a time, into a buffer that all sessions of a thread share.
const READ_BYTES: usize = 64 * 1024;
/// How long a closing socket may take to drain and to answer.
const FAREWELL: Duration = Duration::from_secs(2);
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
        let rate = Rate::new(&services.settings);
        let mut inbound =
            Inbound::new(arrival.socket.codec, services.settings.limits.message_bytes);
        inbound.keep_early(arrival.early);
        deadline::expect_greeting(&arrival.socket, services.settings.greeting);
        Self {
            services,
            socket: arrival.socket,
            inbound,
            header_token: arrival.token,
            greeted: None,
            rate,
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
        if let Err(code) = self.receive(&[]).await {
            return code;
        }
        loop {
            if let Some(code) = self.socket.closing() {
                return code;
            }
            let Ok(ready) = self.wait().await else { return CloseCode::Normal };
            if ready.is_writable() && self.socket.is_blocked() {
                self.write_on();
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
        let bound = self.services.settings.out_bytes;
        let full = self.socket.queued() >= bound;
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
                () = self.socket.room_below(bound) => Ok(Ready::EMPTY),
            },
        }
    }

    /// Writes what was left behind; then what each channel has for this socket since.
    fn write_on(&self) {
        if self.socket.write_on() == Written::Blocked {
            return;
        }
        for subscription in self.greeted.iter().flat_map(|greeted| &greeted.subscriptions) {
            let mut batches = Batches::new(&subscription.channel);
            while subscription.flush(&mut batches) {}
        }
    }

    /// Reads once; `false`: the other side is gone.
    async fn read(&mut self) -> Result<bool, CloseCode> {
        let taken = READ_BUFFER.with_borrow_mut(|buffer| {
            let read = self.socket.stream.try_read(buffer);
            match read {
                Ok(0) => Ok(None),
                Ok(length) => self.inbound.feed(buffer.get(..length).unwrap_or_default()).map(Some),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Some(Vec::new())),
                Err(_) => Ok(None),
            }
        });
        let Some(incoming) = taken? else { return Ok(false) };
        // What handling needs is allocated while it runs, not held by every idle socket.
        Box::pin(self.handle_all(incoming)).await?;
        Ok(true)
    }

    async fn receive(&mut self, bytes: &[u8]) -> Result<(), CloseCode> {
        let incoming = self.inbound.feed(bytes)?;
        Box::pin(self.handle_all(incoming)).await
    }

    async fn handle_all(&mut self, incoming: Vec<Incoming>) -> Result<(), CloseCode> {
        deadline::note_input(&self.socket, &incoming, self.inbound.is_unfinished());
        for item in incoming {
            match item {
                Incoming::Message(bytes) => self.message(&bytes).await?,
                Incoming::Control(frame) => self.socket.send_frame(frame),
                Incoming::Heard => {}
                Incoming::Closed(frame) => {
                    self.socket.send_frame(frame);
                    return Err(CloseCode::Normal);
                }
            }
        }
        Ok(())
    }

    async fn message(&mut self, bytes: &[u8]) -> Result<(), CloseCode> {
        let request = match self.socket.codec.decode_request(bytes, self.limits()) {
            Ok(request) => request,
            Err(error) => return self.bad_message(error),
        };
        if let Some(wait) = self.rate.take()? {
            self.refuse(&request, rate_limited(wait));
            return Ok(());
        }
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
        let mut rest = [0; 512];
        while socket.stream.readable().await.is_ok() {
            match socket.stream.try_read(&mut rest) {
                Ok(0) => return,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {}
            }
        }
    };
    // Whoever does not answer in time is cut off; there is nothing more to say.
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
}
