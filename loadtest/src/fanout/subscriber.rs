//! One subscriber. Frames are scanned; the first subscriber's are decoded as well, and both must
//! find the same.

use std::{cell::RefCell, rc::Rc};

use rowcast_protocol::{Codec, News, Reply, Seq, ServerMessage};

use super::board::Board;
use crate::wire::{Decoder, Link, LinkError, Scanner};

/// Frames without payloads are decoded up to this length: errors are short, snapshots are not.
const SHORT: usize = 4_096;

#[derive(Debug)]
pub(super) struct Subscriber {
    number: usize,
    expected: u64,
    seq: Option<Seq>,
    decoder: Decoder,
    scanner: Rc<RefCell<Scanner>>,
    board: Rc<RefCell<Board>>,
}

impl Subscriber {
    pub(super) fn new(
        number: usize,
        codec: Codec,
        scanner: Rc<RefCell<Scanner>>,
        board: Rc<RefCell<Board>>,
    ) -> Self {
        Self { number, expected: 0, seq: None, decoder: Decoder::new(codec), scanner, board }
    }

    /// Reads until the socket ends.
    pub(super) async fn run(mut self, mut link: Link) {
        loop {
            let mut failed = Ok(());
            let received = link
                .receiver
                .receive(|payload| {
                    if let Err(error) = self.take(payload) {
                        failed = Err(error);
                    }
                })
                .await;
            if let Err(error) = received.and(failed) {
                let what = format!("subscriber {}", self.number);
                return self.board.borrow_mut().fail(what, error);
            }
        }
    }

    fn take(&mut self, payload: &[u8]) -> Result<(), LinkError> {
        let found = {
            let mut scanner = self.scanner.borrow_mut();
            let numbers = scanner.scan(payload);
            if !numbers.is_empty() {
                self.expected = self.board.borrow_mut().delivered(numbers, self.expected);
            }
            numbers.len()
        };
        let sample = self.number == 0;
        if (sample && found > 0) || (found == 0 && payload.len() < SHORT) {
            self.decode(payload, found)?;
        }
        Ok(())
    }

    fn decode(&mut self, payload: &[u8], found: usize) -> Result<(), LinkError> {
        let decoded = match self.decoder.message(payload)? {
            Some(ServerMessage::Reply(Reply::Error(error))) => return Err(LinkError::Error(error)),
            Some(ServerMessage::News(News::Missed(missed))) => {
                let words = || format!("a subscriber missed {} signals", missed.signals);
                self.board.borrow_mut().find(words);
                return Ok(());
            }
            Some(ServerMessage::News(News::Signals(signals))) => signals.signals.len(),
            Some(ServerMessage::News(News::Entries(entries))) => {
                entries.entries.iter().for_each(|entry| self.follow(entry.seq));
                entries.entries.iter().map(|entry| entry.changes.len()).sum()
            }
            _ => return Ok(()),
        };
        if decoded != found && found > 0 {
            let words = || format!("the scanner found {found} payloads where {decoded} are");
            self.board.borrow_mut().find(words);
        }
        Ok(())
    }

    fn follow(&mut self, seq: Seq) {
        if let Some(before) = self.seq.replace(seq)
            && seq != before + 1
        {
            self.board.borrow_mut().find(|| format!("entry {seq} came after {before}"));
        }
    }
}
