//! Sends edits: flat out within a window, with thinking time, or by a clock.

use std::{cell::Cell, rc::Rc, time::Duration};

use rowcast_protocol::Edit;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    device::{Device, Shared, request},
    mix::{Board, Mix},
};
use crate::cli::EditsArgs;

/// How an editor paces itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// So many edits under way at once.
    FlatOut { window: usize },
    /// So long after each ack.
    Think { time: Duration },
    /// One in each interval, beginning after `first`, acked or not.
    Clock { first: Duration, interval: Duration },
}

/// Edits that may have no ack while the clock goes on; beyond, the hub has lost the race.
const MOST_UNDER_WAY: usize = 10_000;

impl Pace {
    /// As the command line says, for one of the editors.
    pub(super) fn of(args: &EditsArgs, editor: usize) -> Self {
        match (args.think, args.rate) {
            (Some(ms), _) => Self::Think { time: Duration::from_millis(ms) },
            (_, Some(rate)) => {
                let between = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
                let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
                let first = between.saturating_mul(number(editor));
                Self::Clock { first, interval: between.saturating_mul(number(args.editors)) }
            }
            _ => Self::FlatOut { window: args.window.max(1) },
        }
    }
}

/// One editor.
#[derive(Debug)]
pub(super) struct Editor {
    pub(super) device: Rc<Device>,
    pub(super) shared: Rc<Shared>,
    pub(super) boards: Vec<Board>,
    pub(super) mix: Mix,
    pub(super) pace: Pace,
    /// How many devices follow each channel.
    pub(super) audience: usize,
    pub(super) stop: Rc<Cell<bool>>,
}

impl Editor {
    /// Edits until it is stopped or the socket ends.
    pub(super) async fn run(mut self) {
        // A socket that is gone is told of by its reader.
        let _told = match self.pace {
            Pace::FlatOut { window } => self.flat_out(window).await,
            Pace::Think { time } => self.think(time).await,
            Pace::Clock { first, interval } => self.by_the_clock(first, interval).await,
        };
    }

    async fn flat_out(&mut self, window: usize) -> std::io::Result<()> {
        while !self.stop.get() {
            while self.under_way() < window {
                self.queue_one();
            }
            self.device.outbox.flush().await?;
            self.device.under_way.room.notified().await;
        }
        Ok(())
    }

    async fn think(&mut self, time: Duration) -> std::io::Result<()> {
        while !self.stop.get() {
            self.queue_one();
            self.device.outbox.flush().await?;
            while self.under_way() > 0 {
                self.device.under_way.room.notified().await;
            }
            sleep(time).await;
        }
        Ok(())
    }

    async fn by_the_clock(&mut self, first: Duration, interval: Duration) -> std::io::Result<()> {
        let mut due = Instant::now() + first;
        while !self.stop.get() {
            sleep_until(due).await;
            due += interval;
            if !self.stop.get() && self.under_way() < MOST_UNDER_WAY {
                self.queue_one();
                self.device.outbox.flush().await?;
            }
        }
        Ok(())
    }

    fn under_way(&self) -> usize {
        self.device.under_way.edits.borrow().len()
    }

    fn queue_one(&mut self) {
        let Some(edit) = self.mix.next(&self.boards) else { return };
        self.shared.ledger.borrow_mut().sent(edit.id, self.device.number, self.audience);
        self.device.under_way.edits.borrow_mut().insert(edit.id, Edit::clone(&edit));
        self.device.outbox.queue(&request(edit));
    }
}
