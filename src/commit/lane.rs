//! The lanes: bounded queues of edits, each with a task that commits them in batches.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use rand::RngExt as _;
use rowcast_protocol::{ChannelName, ErrorCode};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::{
    load::{LaneLoad, QueueFull},
    waiting::Waiting,
};
use crate::{
    hub::Hub,
    metrics::Metrics,
    planted::{self, Bug},
    store::{
        CheckedEdit, Committed, EditError, Standing, Store, StoreError,
        edit::CheckedOp,
        rights::{LOOK_AGAIN, Looked, Rights},
    },
};

/// What became of an edit.
pub type EditResult = Result<crate::store::Applied, EditError>;
/// Called once with what became of an edit.
pub(super) type Reply = Box<dyn FnOnce(EditResult) + Send>;

/// How edits are gathered.
#[derive(Debug, Clone, Copy)]
pub struct CommitSettings {
    /// Lanes at most; a store may want fewer.
    pub lanes: usize,
    /// Edits that may wait in one lane before they are sorted by person, and after it.
    pub queue: usize,
    /// Bytes of edits that may wait in one lane.
    pub queue_bytes: usize,
    /// Edits in one batch.
    pub batch_edits: usize,
    /// Bytes of edits in one batch, unless one alone has more.
    pub batch_bytes: usize,
    /// Operations in one batch; below the bound of an entry, so that a batch makes one entry.
    pub batch_ops: usize,
    /// How long a batch is tried again while the database is busy or away.
    pub patience: Duration,
}

impl Default for CommitSettings {
    fn default() -> Self {
        Self {
            lanes: 4,
            queue: 2048,
            queue_bytes: 32 << 20,
            batch_edits: 256,
            batch_bytes: 1 << 20,
            batch_ops: 800,
            patience: Duration::from_secs(5),
        }
    }
}

/// An edit that waits, and who is to be told.
pub(super) struct Queued {
    pub(super) edit: CheckedEdit,
    pub(super) bytes: usize,
    /// When its person's rights were looked at.
    pub(super) looked: Looked,
    pub(super) reply: Reply,
}

/// The way into a lane.
#[derive(Debug)]
struct Lane {
    queue: mpsc::Sender<Queued>,
    load: Arc<LaneLoad>,
}

/// What the lanes work with.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Where edits are committed.
    pub store: Arc<dyn Store>,
    /// Where new entries go.
    pub hub: Hub,
    /// Who may still do what they asked for.
    pub rights: Arc<dyn Rights>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Wakes the poller when something was left unnumbered.
    pub unnumbered: Arc<Notify>,
}

/// Takes edits and answers each once it is durable or refused. Cheap to clone.
#[derive(Clone)]
pub struct Committer {
    lanes: Arc<[Lane]>,
    queue_bytes: usize,
    hasher: RandomState,
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").field("lanes", &self.lanes.len()).finish()
    }
}

/// What all lanes use.
#[derive(Clone)]
struct Shared {
    parts: Parts,
    settings: CommitSettings,
}

impl Committer {
    /// Starts the lanes. They end when every handle is dropped and their queues are empty.
    #[must_use]
    pub fn start(parts: Parts, settings: CommitSettings, tracker: &TaskTracker) -> Self {
        let count = settings.lanes.min(parts.store.lanes()).max(1);
        let queue_bytes = settings.queue_bytes;
        let shared = Shared { parts, settings };
        let lanes = (0..count)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(settings.queue.max(1));
                let load = Arc::<LaneLoad>::default();
                tracker.spawn(run(shared.clone(), Arc::clone(&load), receiver));
                Lane { queue: sender, load }
            })
            .collect();
        Self { lanes, queue_bytes, hasher: RandomState::new() }
    }

    /// Queues an edit behind the others of its channel. `looked` is when the rights were looked at that
    /// it was checked against.
    ///
    /// # Errors
    /// If the queue is full; `reply` is not called then.
    pub fn submit(&self, edit: CheckedEdit, looked: Looked, reply: Reply) -> Result<(), QueueFull> {
        let lane = self.lane_of(&edit.channel).ok_or(QueueFull)?;
        let bytes = edit.bytes();
        lane.load.add(bytes, self.queue_bytes)?;
        lane.queue.try_send(Queued { edit, bytes, looked, reply }).map_err(|_| {
            lane.load.sub(bytes);
            QueueFull
        })
    }

    /// Applies an edit: done once it is durable or refused.
    ///
    /// # Errors
    /// Why it was not applied; `rate_limited` if the queue is full.
    pub async fn apply(&self, edit: CheckedEdit, looked: Looked) -> EditResult {
        let (reply, outcome) = oneshot::channel();
        // Whoever went away does not hear it.
        let reply = Box::new(move |outcome| drop(reply.send(outcome)));
        self.submit(edit, looked, reply).map_err(|QueueFull| {
            let words = "the database does not keep up; send the same edit again";
            EditError::new(ErrorCode::RateLimited, words)
        })?;
        outcome.await.unwrap_or_else(|_| {
            let words = "this node is stopping; send the same edit again with the same id";
            Err(EditError::new(ErrorCode::Draining, words))
        })
    }

    fn lane_of(&self, channel: &ChannelName) -> Option<&Lane> {
        let count = self.lanes.len() as u64;
        let index = self.hasher.hash_one(channel).checked_rem(count)?;
        self.lanes.get(usize::try_from(index).ok()?)
    }
}

async fn run(shared: Shared, lane: Arc<LaneLoad>, mut queue: mpsc::Receiver<Queued>) {
    let mut waiting = Waiting::default();
    // While the database is away, edits that queue up must not wait one after the other.
    let mut patience = shared.settings.patience;
    // Few after a heavy batch, until batches turn out light again.
    let mut most = shared.settings.batch_edits;
    loop {
        if waiting.is_empty() {
            let Some(queued) = queue.recv().await else { return };
            waiting.push(queued);
        }
        while waiting.len() < shared.settings.queue
            && let Ok(queued) = queue.try_recv()
        {
            take_in(&shared, &lane, &mut waiting, queued);
        }
        let batch = waiting.gather(&shared.settings, most);
        let count = batch.len();
        let bytes: usize = batch.iter().map(|queued| queued.bytes).sum();
        let committed = commit(&shared, batch, patience).await;
        patience = if committed.is_ok() { shared.settings.patience } else { Duration::ZERO };
        let left = committed.unwrap_or_default();
        most = if left.is_empty() { most * 2 } else { count - left.len() };
        most = most.clamp(1, shared.settings.batch_edits);
        lane.sub(bytes - left.iter().map(|queued| queued.bytes).sum::<usize>());
        waiting.put_back(left.into_iter());
    }
}

/// Lets an edit wait, unless its person has so many waiting that others would find no room.
fn take_in(shared: &Shared, lane: &LaneLoad, waiting: &mut Waiting, queued: Queued) {
    if waiting.of(&queued.edit.user) < shared.settings.queue.div_ceil(2) {
        waiting.push(queued);
        return;
    }
    lane.sub(queued.bytes);
    let words = "too many of your edits are waiting already; send the same edit again";
    (queued.reply)(Err(EditError::new(ErrorCode::RateLimited, words)));
}

/// Edits that are committed together.
struct Batch {
    edits: Vec<CheckedEdit>,
    /// Who waits for each.
    waiting: Vec<Waiter>,
    /// Whether somebody has lost a right.
    must_look: bool,
}

struct Waiter {
    bytes: usize,
    looked: Looked,
    reply: Reply,
}

impl Batch {
    fn new(queued: Vec<Queued>) -> Self {
        let parts = queued
            .into_iter()
            .map(|Queued { edit, bytes, looked, reply }| (edit, Waiter { bytes, looked, reply }));
        let (edits, waiting) = parts.unzip();
        Self { edits, waiting, must_look: false }
    }

    /// Takes out the edits whose people may no longer make them, and refuses these. While nobody's
    /// rights change and nothing waits for long, there is nothing to ask; and where everybody still
    /// may, one question is enough for all.
    async fn refuse_forbidden(&mut self, parts: &Parts) -> Result<(), StoreError> {
        let must_look = std::mem::take(&mut self.must_look);
        let is_in_doubt = |Waiter { looked, .. }: &Waiter| {
            looked.at.elapsed() >= LOOK_AGAIN || parts.rights.has_changed(*looked)
        };
        if !must_look && !self.waiting.iter().any(is_in_doubt) {
            return Ok(());
        }
        let looked = parts.rights.look();
        if parts.rights.are_allowed(&self.edits).await? {
            self.waiting.iter_mut().for_each(|waiter| waiter.looked = looked);
            return Ok(());
        }
        let mut place = 0;
        while let (Some(edit), Some(waiting)) = (self.edits.get(place), self.waiting.get_mut(place))
        {
            waiting.looked = parts.rights.look();
            let refused = parts.rights.refusal(edit).await;
            if let Some(refused) = refused.map_err(Arc::unwrap_or_clone)? {
                self.edits.remove(place);
                (self.waiting.remove(place).reply)(Err(refused));
            } else {
                place += 1;
            }
        }
        Ok(())
    }

    /// Has all rights looked at again before the next attempt.
    fn look_again(&mut self) {
        self.must_look = true;
    }

    /// Answers the first edits; returns the others.
    fn answer(self, outcomes: impl IntoIterator<Item = EditResult>) -> Vec<Queued> {
        let mut outcomes = outcomes.into_iter();
        let mut left = Vec::new();
        for (edit, waiter) in self.edits.into_iter().zip(self.waiting) {
            let Waiter { bytes, looked, reply } = waiter;
            match outcomes.next() {
                Some(outcome) => reply(outcome),
                None => left.push(Queued { edit, bytes, looked, reply }),
            }
        }
        left
    }
}

/// Commits a batch and answers its edits. Returns those that were left for the next one, because this
/// one was heavy; an error: the database did not take it.
async fn commit(
    shared: &Shared,
    queued: Vec<Queued>,
    patience: Duration,
) -> Result<Vec<Queued>, ()> {
    let parts = &shared.parts;
    let mut batch = Batch::new(queued);
    if planted::is(Bug::AckBeforeCommit) {
        let replies = batch.waiting.iter_mut().map(|waiter| {
            let silent: Reply = Box::new(drop);
            std::mem::replace(&mut waiter.reply, silent)
        });
        planted::ack(&parts.hub, &batch.edits, replies.collect());
    }
    parts.metrics.batches.inc();
    #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
    parts.metrics.batch_edits.observe(batch.edits.len() as f64);
    match commit_patiently(shared, &mut batch, patience).await {
        Ok(committed) => {
            for appended in &committed.appended {
                parts.hub.append(appended);
            }
            if committed.left_unnumbered || batch.edits.iter().any(is_move) {
                parts.unnumbered.notify_one();
            }
            let applied = committed.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            parts.metrics.edits.inc_by(applied as u64);
            Ok(batch.answer(committed.outcomes))
        }
        Err(error) => {
            let answer = || Err(EditError::new(error.code(), public_words(error.code())));
            batch.answer(std::iter::repeat_with(answer));
            Err(())
        }
    }
}

fn is_move(edit: &CheckedEdit) -> bool {
    matches!(edit.ops.first(), Some(CheckedOp::Move { .. }))
}

/// Commits, again and again while the database is busy or away and patience lasts. It may be
/// unknown whether a broken commit happened; the ids of the edits make trying again harmless.
async fn commit_patiently(
    shared: &Shared,
    batch: &mut Batch,
    patience: Duration,
) -> Result<Committed, StoreError> {
    let metrics = &shared.parts.metrics;
    let began = Instant::now();
    let mut wait = Duration::from_millis(20);
    loop {
        let attempt = Instant::now();
        let result = try_commit(&shared.parts, batch).await;
        metrics.commit_seconds.observe(attempt.elapsed().as_secs_f64());
        metrics.recent_commits.observe(attempt.elapsed());
        let error = match result {
            Ok(committed) => {
                if metrics.store_up.set(1) == 0 {
                    info!("the database takes edits again");
                }
                return Ok(committed);
            }
            // Whoever lost a right is refused, and the others are not to wait.
            Err(StoreError::NotAllowed) => continue,
            Err(error) => error,
        };
        metrics.store_up.set(0);
        let pointless = !error.code().is_retryable() || matches!(error, StoreError::Failed(_));
        if pointless || began.elapsed() + wait > patience {
            warn!(%error, edits = batch.edits.len(), "a batch was not committed");
            return Err(error);
        }
        tokio::time::sleep(jittered(wait)).await;
        wait = (wait * 2).min(Duration::from_secs(1));
    }
}

/// One attempt, with the edits that are still allowed.
async fn try_commit(parts: &Parts, batch: &mut Batch) -> Result<Committed, StoreError> {
    batch.refuse_forbidden(parts).await?;
    if batch.edits.is_empty() {
        return Ok(Committed::default());
    }
    let looked = batch.waiting.iter().map(|waiter| waiter.looked.at).min();
    let looked = looked.unwrap_or_else(Instant::now);
    let committed =
        parts.store.commit_while(&batch.edits, Standing::since(looked, &*parts.rights)).await;
    if matches!(committed, Err(StoreError::NotAllowed)) {
        batch.look_again();
    }
    committed
}

fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.0))
}

/// What a client reads; the database's own words stay in the log.
fn public_words(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::ReadOnly => "the database takes no writes at present; try again later",
        ErrorCode::StorageFull => {
            "the database's disk is full; nothing was stored, try again later"
        }
        ErrorCode::Busy => "the database is busy; nothing was stored, try again",
        ErrorCode::Unavailable => {
            "the database cannot be reached; send the same edit again with the same id"
        }
        _ => "the edit could not be stored; the operator's log says why",
    }
}
