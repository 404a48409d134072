//! The lanes: bounded queues of edits, each with a task that commits them in batches.

use std::{
    collections::HashSet,
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use rand::RngExt as _;
use rowcast_protocol::{ChannelName, EditId, ErrorCode};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{
    hub::Hub,
    metrics::Metrics,
    planted::{self, Bug},
    store::{
        CheckedEdit, Committed, EditError, Store, StoreError,
        edit::CheckedOp,
        rights::{LOOK_AGAIN, Looked, Rights},
    },
};

/// What became of an edit.
pub type EditResult = Result<crate::store::Applied, EditError>;
/// Called once with what became of an edit.
type Reply = Box<dyn FnOnce(EditResult) + Send>;

/// How edits are gathered.
#[derive(Debug, Clone, Copy)]
pub struct CommitSettings {
    /// Lanes at most; a store may want fewer.
    pub lanes: usize,
    /// Edits that may wait in one lane.
    pub queue: usize,
    /// Edits in one batch.
    pub batch_edits: usize,
    /// Operations in one batch; below the bound of an entry, so that a batch makes one entry.
    pub batch_ops: usize,
    /// How long a batch is tried again while the database is busy or away.
    pub patience: Duration,
}

impl Default for CommitSettings {
    fn default() -> Self {
        Self {
            lanes: 4,
            queue: 4096,
            batch_edits: 256,
            batch_ops: 800,
            patience: Duration::from_secs(5),
        }
    }
}

/// The lane is full: the database does not keep up.
#[derive(Debug, Clone, Copy)]
pub struct QueueFull;

struct Queued {
    edit: CheckedEdit,
    /// When its person's rights were looked at.
    looked: Looked,
    reply: Reply,
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
    lanes: Arc<[mpsc::Sender<Queued>]>,
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
        let shared = Shared { parts, settings };
        let lanes = (0..count)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(settings.queue.max(1));
                tracker.spawn(run(shared.clone(), receiver));
                sender
            })
            .collect();
        Self { lanes, hasher: RandomState::new() }
    }

    /// Queues an edit behind the others of its channel. `looked` is when the rights were looked at that
    /// it was checked against.
    ///
    /// # Errors
    /// If the queue is full; `reply` is not called then.
    pub fn submit(&self, edit: CheckedEdit, looked: Looked, reply: Reply) -> Result<(), QueueFull> {
        let lane = self.lane_of(&edit.channel).ok_or(QueueFull)?;
        lane.try_send(Queued { edit, looked, reply }).map_err(|_| QueueFull)
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

    fn lane_of(&self, channel: &ChannelName) -> Option<&mpsc::Sender<Queued>> {
        let count = self.lanes.len() as u64;
        let index = self.hasher.hash_one(channel).checked_rem(count)?;
        self.lanes.get(usize::try_from(index).ok()?)
    }
}

async fn run(shared: Shared, mut queue: mpsc::Receiver<Queued>) {
    let mut held_back: Option<Queued> = None;
    // While the database is away, edits that queue up must not wait one after the other.
    let mut patience = shared.settings.patience;
    loop {
        let first = match held_back.take() {
            Some(queued) => queued,
            None => match queue.recv().await {
                Some(queued) => queued,
                None => return,
            },
        };
        let (batch, next) = gather(first, &mut queue, &shared.settings);
        held_back = next;
        let committed = commit(&shared, batch, patience).await;
        patience = if committed { shared.settings.patience } else { Duration::ZERO };
    }
}

/// What is queued already, within the bounds of a batch. The same edit sent twice waits for the
/// next batch, where it finds the outcome of the first.
fn gather(
    first: Queued,
    queue: &mut mpsc::Receiver<Queued>,
    settings: &CommitSettings,
) -> (Vec<Queued>, Option<Queued>) {
    let mut ids = HashSet::from([identity(&first.edit)]);
    let mut ops = first.edit.ops.len();
    let mut batch = vec![first];
    while batch.len() < settings.batch_edits {
        let Ok(queued) = queue.try_recv() else { break };
        ops += queued.edit.ops.len();
        if ops > settings.batch_ops || !ids.insert(identity(&queued.edit)) {
            return (batch, Some(queued));
        }
        batch.push(queued);
    }
    (batch, None)
}

fn identity(edit: &CheckedEdit) -> (Arc<str>, EditId) {
    (Arc::clone(&edit.user), edit.id)
}

/// Edits that are committed together.
struct Batch {
    edits: Vec<CheckedEdit>,
    /// Who waits for each.
    waiting: Vec<Waiting>,
}

struct Waiting {
    looked: Looked,
    reply: Reply,
}

impl Batch {
    fn new(queued: Vec<Queued>) -> Self {
        let parts = queued
            .into_iter()
            .map(|Queued { edit, looked, reply }| (edit, Waiting { looked, reply }));
        let (edits, waiting) = parts.unzip();
        Self { edits, waiting }
    }

    /// Takes out the edits whose people may no longer make them, and refuses these. While nobody's
    /// rights change and nothing waits for long, there is nothing to ask.
    async fn refuse_forbidden(&mut self, parts: &Parts) -> Result<(), StoreError> {
        let mut place = 0;
        while let (Some(edit), Some(waiting)) = (self.edits.get(place), self.waiting.get_mut(place))
        {
            let looked = waiting.looked;
            if looked.at.elapsed() >= LOOK_AGAIN || parts.rights.has_changed(looked) {
                waiting.looked = parts.rights.look();
                let refused = parts.rights.refusal(edit).await;
                if let Some(refused) = refused.map_err(Arc::unwrap_or_clone)? {
                    self.edits.remove(place);
                    (self.waiting.remove(place).reply)(Err(refused));
                    continue;
                }
            }
            place += 1;
        }
        Ok(())
    }

    fn answer(self, outcomes: impl IntoIterator<Item = EditResult>) {
        for (waiting, outcome) in self.waiting.into_iter().zip(outcomes) {
            (waiting.reply)(outcome);
        }
    }
}

/// Commits a batch and answers its edits; `false`: the database did not take it.
async fn commit(shared: &Shared, queued: Vec<Queued>, patience: Duration) -> bool {
    let parts = &shared.parts;
    let mut batch = Batch::new(queued);
    if planted::is(Bug::AckBeforeCommit) {
        let replies = batch.waiting.drain(..).map(|waiting| waiting.reply).collect();
        planted::ack(&parts.hub, &batch.edits, replies);
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
            batch.answer(committed.outcomes);
            true
        }
        Err(error) => {
            let answer = || Err(EditError::new(error.code(), public_words(error.code())));
            batch.answer(std::iter::repeat_with(answer));
            false
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
    parts.store.commit(&batch.edits).await
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
