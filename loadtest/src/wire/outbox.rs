//! The outgoing half of a socket: many may send, one at a time writes.

use std::{
    cell::{Cell, RefCell},
    io,
};

use rowcast_protocol::{Codec, Request};
use tokio::net::tcp::OwnedWriteHalf;

use super::frame;

/// What one task sends at a time is written in one call where the kernel takes it.
///
/// Bounded by its users: each has a window of requests under way.
#[derive(Debug)]
pub(crate) struct Outbox {
    half: OwnedWriteHalf,
    codec: Codec,
    waiting: RefCell<Vec<u8>>,
    writing: Cell<bool>,
}

impl Outbox {
    pub(crate) fn new(half: OwnedWriteHalf, codec: Codec) -> Self {
        Self { half, codec, waiting: RefCell::default(), writing: Cell::new(false) }
    }

    /// Queues a request; [`flush`](Self::flush) writes it.
    pub(crate) fn queue(&self, request: &Request) {
        let payload = self.codec.encode(request);
        frame::push_message(&mut self.waiting.borrow_mut(), self.codec, &payload);
    }

    /// Queues a pong that nobody asked for.
    pub(crate) fn queue_pong(&self) {
        frame::push_frame(&mut self.waiting.borrow_mut(), frame::PONG, b"");
    }

    /// Writes what is queued.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        if self.writing.replace(true) {
            return Ok(()); // whoever is writing takes this along
        }
        let written = self.write().await;
        self.writing.set(false);
        written
    }

    async fn write(&self) -> io::Result<()> {
        loop {
            match self.write_now() {
                Ok(true) => return Ok(()),
                Ok(false) => self.half.writable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes what the kernel takes; whether that was all.
    fn write_now(&self) -> io::Result<bool> {
        let mut waiting = self.waiting.borrow_mut();
        while !waiting.is_empty() {
            match self.half.try_write(&waiting) {
                Ok(taken) => drop(waiting.drain(..taken)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Answers a control frame as soon as the kernel takes it.
    pub(super) fn control(&self, opcode: u8, payload: &[u8]) {
        frame::push_frame(&mut self.waiting.borrow_mut(), opcode, payload);
        if !self.writing.get() {
            // What is left goes out with the next request; an error shows when reading.
            let _later = self.write_now();
        }
    }
}
