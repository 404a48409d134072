//! The flush loop: one per worker thread, walks the subscribers that the worker owns.
//!
//! Nobody is woken for a delivery. Whoever changes a channel marks it dirty, which costs one atomic
//! swap when it is dirty already. Once the tasks that are ready have run, the loop takes each dirty
//! channel and gives each subscriber what lies after its cursor: framed once per distinct cursor,
//! so usually once in all, and written without waiting. Measured beside other servers in the
//! project's load reports.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    batches::Batches, channel::Channel, clock::WorkerClock, socket::Socket,
    subscription::Subscription,
};

/// Subscribers and sockets that are served before other tasks of the worker have a turn.
const TURN: usize = 1024;

/// What a worker's flush loop has to do.
#[derive(Debug)]
pub struct Flusher {
    /// The worker's index.
    worker: usize,
    /// The worker's time.
    pub clock: WorkerClock,
    channels: Mutex<Vec<Arc<Channel>>>,
    /// Those that just went live. They are served apart, so that a newcomer does not cost a walk
    /// over everybody who follows the channel.
    newcomers: Mutex<Vec<Arc<Subscription>>>,
    sockets: Mutex<Vec<Arc<Socket>>>,
    wake: Notify,
}

impl Flusher {
    /// A loop with nothing to do, for the worker with this index.
    #[must_use]
    pub fn new(worker: usize) -> Self {
        Self {
            worker,
            clock: WorkerClock::default(),
            channels: Mutex::default(),
            newcomers: Mutex::default(),
            sockets: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// The worker's index.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// A channel has news for this worker's subscribers. Called once per dirty mark.
    pub fn schedule_channel(&self, channel: Arc<Channel>) {
        self.channels.lock().push(channel);
        self.wake.notify_one();
    }

    /// A subscription just went live.
    pub fn schedule_newcomer(&self, subscription: Arc<Subscription>) {
        self.newcomers.lock().push(subscription);
        self.wake.notify_one();
    }

    /// A socket has private frames to write.
    pub fn schedule_socket(&self, socket: Arc<Socket>) {
        self.sockets.lock().push(socket);
        self.wake.notify_one();
    }

    /// Runs until it is dropped.
    pub async fn run(&self) {
        loop {
            self.wake.notified().await;
            // Let everything that is ready publish first.
            tokio::task::yield_now().await;
            self.flush().await;
        }
    }

    async fn flush(&self) {
        // Taken before the loops: a lock in the head of a `for` is held until its end, and a flush
        // may schedule the same channel again.
        let channels = std::mem::take(&mut *self.channels.lock());
        let mut served = 0;
        for channel in channels {
            served += self.flush_channel(&channel);
            take_turns(&mut served).await;
        }
        let newcomers = std::mem::take(&mut *self.newcomers.lock());
        for of_one_channel in newcomers.chunk_by(|a, b| Arc::ptr_eq(&a.channel, &b.channel)) {
            self.flush_newcomers(of_one_channel);
        }
        let sockets = std::mem::take(&mut *self.sockets.lock());
        for socket in sockets {
            socket.flush_scheduled();
            served += 1;
            take_turns(&mut served).await;
        }
    }

    fn flush_newcomers(&self, newcomers: &[Arc<Subscription>]) {
        let Some(first) = newcomers.first() else { return };
        let mut batches = Batches::new(&first.channel);
        for newcomer in newcomers {
            if newcomer.flush(&mut batches) {
                self.schedule_newcomer(Arc::clone(newcomer));
            }
        }
    }

    /// Returns how many subscribers there were.
    fn flush_channel(&self, channel: &Arc<Channel>) -> usize {
        let readers = channel.readers(self.worker);
        readers.clean();
        let mut batches = Batches::new(channel);
        let (mut again, mut served) = (false, 0);
        readers.each(|subscription| {
            again |= subscription.flush(&mut batches);
            served += 1;
        });
        if again {
            channel.mark_dirty_for(self.worker);
        }
        served
    }
}

/// Lets others go on after a while.
async fn take_turns(served: &mut usize) {
    if *served >= TURN {
        *served = 0;
        tokio::task::yield_now().await;
    }
}
