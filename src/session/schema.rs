//! Telling sessions that the tables have changed.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use rowcast_protocol::{Codec, News, Schema};

use super::sweep::Sockets;
use crate::hub::{Socket, frame};

/// A schema on its way to every session: encoded once.
#[derive(Debug)]
pub struct SchemaNews {
    number: u64,
    frames: [(Codec, Bytes); 2],
}

impl SchemaNews {
    /// The news that the tables are these now.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let news = News::Schema(schema.clone());
        let framed = |codec: Codec| (codec, frame::message_frames(codec, &codec.encode(&news)));
        Self { number: number(schema), frames: Codec::ALL.map(framed) }
    }

    /// Tells every session that has greeted and does not know it yet.
    pub fn tell(&self, sockets: &[Arc<Sockets>]) {
        for socket in sockets.iter().flat_map(|sockets| sockets.open()) {
            let told = &socket.vitals.schema;
            if told.load(Ordering::Acquire) != 0 {
                self.tell_one(&socket);
            }
        }
    }

    fn tell_one(&self, socket: &Arc<Socket>) {
        if socket.vitals.schema.swap(self.number, Ordering::AcqRel) == self.number {
            return;
        }
        let frames = self.frames.iter().find(|(codec, _)| *codec == socket.codec);
        if let Some((_, frames)) = frames {
            socket.send_frame(frames.clone());
        }
    }
}

/// The `welcome` with this schema was sent. If the tables have changed since it was made, the session is
/// told of that too.
pub(super) fn greeted(socket: &Arc<Socket>, welcomed: &Schema, now: &Schema) {
    socket.vitals.schema.store(number(welcomed), Ordering::Release);
    if now.hash != welcomed.hash {
        SchemaNews::new(now).tell_one(socket);
    }
}

/// Tells a session what the tables are unless it knows.
pub(super) fn is_told(socket: &Arc<Socket>, now: &Schema) {
    if socket.vitals.schema.load(Ordering::Acquire) != number(now) {
        SchemaNews::new(now).tell_one(socket);
    }
}

/// The hash as a number, never 0.
fn number(schema: &Schema) -> u64 {
    u64::from_str_radix(&schema.hash, 16).unwrap_or(0).max(1)
}
