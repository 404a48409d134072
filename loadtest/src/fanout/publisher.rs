//! Publishes whenever the window allows.

use std::{cell::RefCell, rc::Rc};

use rowcast_protocol::{ChannelName, Fields, Op, Request, request::SendSignal};
use tokio::time::Instant;
use uuid::Uuid;

use super::board::Board;
use crate::{
    rows,
    wire::{Outbox, marked},
};

/// What is published, and where.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) channel: ChannelName,
    /// The rows that are edited in turn; none: signals are sent.
    pub(super) rows: Vec<Uuid>,
    /// Bytes of a payload.
    pub(super) payload: usize,
}

impl Publisher {
    /// Publishes until the socket ends.
    pub(super) async fn run(self, outbox: Rc<Outbox>, board: Rc<RefCell<Board>>) {
        let wake = board.borrow().wake();
        loop {
            let now = Instant::now();
            while let Some(number) = next(&board, now) {
                outbox.queue(&self.request(number));
            }
            if outbox.flush().await.is_err() {
                return; // its subscriber says why
            }
            wake.notified().await;
        }
    }

    fn request(&self, number: u64) -> Request {
        let payload = marked(number, self.payload);
        let row =
            usize::try_from(number).ok().and_then(|n| self.rows.get(n % self.rows.len().max(1)));
        match row {
            Some(row) => {
                let update = rows::update(*row, Fields::from_iter([("title", payload)]));
                rows::request(number, &self.channel, vec![Op::Update(update)])
            }
            None => Request::Signal(SendSignal {
                reference: None,
                channel: self.channel.clone(),
                name: "load".to_owned(),
                body: payload.into(),
            }),
        }
    }
}

fn next(board: &RefCell<Board>, now: Instant) -> Option<u64> {
    board.borrow_mut().publish(now)
}
