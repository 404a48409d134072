//! Commits: a batch is one call, tried again within bounds, cut in halves where it is to blame.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use futures_util::FutureExt as _;
use rowcast_protocol::ChannelName;
use sqlx::{Acquire as _, PgConnection, types::Json};
use tokio::time::Instant;

use super::{
    PostgresStore,
    answer::Answer,
    entry::EntryRow,
    failure::{Blame, Failure, blame},
    place::{Placed, Placements, is_looked_at_later, make_room, placements, places_rows},
    plan::{KnownFailures, Plan, plan},
    references::Checks,
    value::column_with_nul,
};
use crate::store::{
    Appended, Applied, CheckedEdit, CheckedOp, Committed, EditError, LiveSchema, Standing,
    StoreError, StoredEntry, fold::EntryLimits, placing::NO_ROOM, weight::ENOUGH_TIME,
};

/// Batches are expected to be committed within this time, unless the last one took longer.
const SOON: Duration = Duration::from_millis(100);

/// How often a batch is tried that others got in the way of.
const TRIES: u32 = 4;

const CALL: &str = "SELECT kind, place, data::text, channel, seq, tag, \
    to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, \
    actor, edits::text, reset, changes \
    FROM rowcast.commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

const NUMBER: &str = "SELECT channel, seq, tag, \
    to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, \
    actor, edits::text, reset, changes \
    FROM rowcast.number_pending($1, $2, $3, $4)";

/// About how many records one call numbers.
const NUMBER_AT_ONCE: i32 = 2_000;

/// How edits are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// A batch in one statement, or each half of it.
    Together,
    /// As before, in a transaction that looks at people's rights at its end, because the batch has
    /// waited for others.
    Looking,
    /// Each edit in a transaction of its own, after one of them has taken too long. The locks are
    /// taken before its time begins.
    Apart,
}

/// What a call commits, and how.
#[derive(Clone, Copy)]
struct Call<'a> {
    schema: &'a LiveSchema,
    edits: &'a [CheckedEdit],
    manner: Manner,
    standing: Standing<'a>,
}

/// What became of a part of a batch.
enum Part {
    Done(Box<Answer>),
    /// Some edit of it is to blame.
    Cut(Manner),
    /// What these first edits do decides where the rows of the others go.
    CutBehind(usize),
    /// Room was made for its first edit in a hand-made order; it is to be tried again.
    RoomMade,
    /// The database refuses this one edit for reasons of its own.
    Refused(StoreError),
}

impl PostgresStore {
    /// Commits a batch; see [`Store::commit`](crate::store::Store::commit).
    pub(super) async fn commit_edits(
        &self,
        schema: &LiveSchema,
        edits: &[CheckedEdit],
        standing: Standing<'_>,
    ) -> Result<Committed, StoreError> {
        let mut whole =
            Committed { outcomes: Vec::new(), appended: Vec::new(), left_unnumbered: false };
        let mut left = vec![(edits, self.first_manner(standing))];
        let (mut refused, mut began, mut room_since) = (None, None, None);
        let called = Instant::now();
        while let Some((part, manner)) = left.pop() {
            if began.is_some_and(|began: Instant| began.elapsed() > ENOUGH_TIME)
                && !whole.outcomes.is_empty()
            {
                break;
            }
            if part.is_empty() {
                continue;
            }
            match self.commit_part(schema, part, manner, standing).await {
                Ok(Part::Done(answer)) => {
                    refused = None;
                    self.add_answer(schema, &mut whole, part, *answer)?;
                }
                Ok(Part::Cut(Manner::Together)) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    left.extend([(second, manner), (first, manner)]);
                }
                Ok(Part::CutBehind(count)) => {
                    let (first, second) = part.split_at_checked(count).unwrap_or((part, &[]));
                    left.extend([(second, manner), (first, manner)]);
                }
                Ok(Part::RoomMade) => {
                    left.push((part, manner));
                    if *room_since.get_or_insert_with(Instant::now) + ENOUGH_TIME < Instant::now() {
                        whole.left_unnumbered = true;
                        break;
                    }
                }
                Ok(Part::Cut(Manner::Looking)) => left.push((part, Manner::Looking)),
                Ok(Part::Cut(Manner::Apart)) => {
                    began = Some(Instant::now());
                    left.extend(part.chunks(1).rev().map(|edit| (edit, Manner::Apart)));
                }
                // Once it is its own fault, twice in a row it is the database's; so it is if the database
                // refuses everything.
                Ok(Part::Refused(error))
                    if refused.is_none() && (edits.len() > 1 || self.takes_writes().await) =>
                {
                    let words = "the database refused this edit; send it again later";
                    whole.outcomes.push(Err(EditError::new(error.code(), words)));
                    refused = Some(error);
                }
                Ok(Part::Refused(error)) | Err(error) => {
                    whole.outcomes.truncate(whole.outcomes.len() - usize::from(refused.is_some()));
                    if whole.outcomes.is_empty() {
                        return Err(error);
                    }
                    tracing::warn!(%error, "the rest of a batch could not be committed");
                    break;
                }
            }
        }
        self.is_slow.store(called.elapsed() > SOON, Ordering::Relaxed);
        Ok(whole)
    }

    /// A batch that will probably take longer than the look at its people's rights counts looks again
    /// by itself, instead of being given up and run once more.
    fn first_manner(&self, standing: Standing<'_>) -> Manner {
        match standing.left() {
            Some(left) if left < SOON || self.is_slow.load(Ordering::Relaxed) => Manner::Looking,
            _ => Manner::Together,
        }
    }

    /// Commits a part, or tells that it must be cut.
    async fn commit_part(
        &self,
        schema: &LiveSchema,
        edits: &[CheckedEdit],
        manner: Manner,
        standing: Standing<'_>,
    ) -> Result<Part, StoreError> {
        let mut known = known_failures(edits);
        for attempt in 1.. {
            let mut lent = self.pools.committer().await?;
            let call = Call { schema, edits, manner, standing };
            let error = match self.call(lent.connection(), call, &mut known).boxed().await {
                Ok(Some(part)) => return Ok(part),
                Ok(None) => return Err(StoreError::NotAllowed),
                Err(error) => error,
            };
            let found = error.blame();
            let again = match (&found, manner) {
                (Blame::Time, Manner::Together | Manner::Looking) => {
                    return Ok(Part::Cut(Manner::Apart));
                }
                (Blame::Wait, _) => return Ok(Part::Cut(Manner::Looking)),
                (Blame::Edits(_) | Blame::Unknown(_), _) if edits.len() > 1 => {
                    return Ok(Part::Cut(Manner::Together));
                }
                (Blame::Unknown(_), _) => attempt < 2,
                (Blame::Again, _) => attempt < TRIES,
                _ => false,
            };
            if let Some(failure) = found.into_failure().filter(|_| !again && known.is_empty()) {
                known.insert(0, serde_json::to_value(failure).unwrap_or_default());
                continue;
            }
            let is_refusal = !again && matches!(error.blame(), Blame::Unknown(_));
            let error = lent.failed(error.error);
            if is_refusal {
                return Ok(Part::Refused(error));
            }
            let again = again
                || match error {
                    StoreError::Busy(_) => attempt < TRIES,
                    // A connection that broke, perhaps while it lay idle: the edits' ids make it
                    // safe.
                    StoreError::Unavailable(_) => attempt < 2,
                    _ => false,
                };
            if !again {
                return Err(error);
            }
            drop(lent);
            tokio::time::sleep(jitter(attempt)).await;
        }
        Err(StoreError::Busy("the batch was tried too often".to_owned()))
    }

    /// One call; where rows are placed by hand, inside a transaction that reads the orders first.
    /// `None`: somebody has lost a right meanwhile.
    async fn call(
        &self,
        connection: &mut PgConnection,
        call: Call<'_>,
        known: &mut KnownFailures,
    ) -> Result<Option<Part>, CallError> {
        let Call { schema, edits, manner, standing } = call;
        let tables = &schema.tables;
        let places = edits.iter().any(places_rows);
        if manner == Manner::Together && !places {
            let plan = plan(tables, edits, &Placements::new(), known);
            let left = standing.left();
            let answer = self.call_planned(connection, call, plan, known, left).await?;
            return Ok(Some(Part::Done(Box::new(answer))));
        }
        let mut transaction = connection.begin().await?;
        let begin = sqlx::query("SELECT rowcast.begin_batch($1)").bind(channels_of(edits));
        let begun = begin.execute(&mut *transaction).await;
        begun.map_err(|error| CallError { error, waiting: true })?;
        let mut placed = Placements::new();
        if places {
            match placements(&mut transaction, tables, edits, known).boxed().await? {
                Placed::All(found) => placed = found,
                Placed::NoRoom(0, op) => {
                    if room_for(&mut transaction, schema, edits, op).boxed().await? {
                        transaction.commit().await?;
                        return Ok(Some(Part::RoomMade));
                    }
                    known.insert(0, no_room_at(op));
                }
                Placed::NoRoom(edit, _) => return Ok(Some(Part::CutBehind(edit))),
            }
        }
        let plan = plan(tables, edits, &placed, known);
        let answer = self.call_planned(&mut transaction, call, plan, known, None).await?;
        // An edit that was refused left its rows where they were, unlike what was counted on.
        let failed = answer.failures.keys().filter(|index| !known.contains_key(index)).min();
        if let Some(failed) = failed.filter(|failed| is_looked_at_later(edits, **failed)) {
            return Ok(Some(Part::CutBehind(failed + 1)));
        }
        // If it is not known, it is asked again before the next attempt.
        if standing.holds(edits).await.is_err() {
            transaction.rollback().await?;
            return Ok(None);
        }
        transaction.commit().await?;
        Ok(Some(Part::Done(Box::new(answer))))
    }

    async fn call_planned(
        &self,
        connection: &mut PgConnection,
        Call { schema, edits, .. }: Call<'_>,
        plan: Plan,
        known: &KnownFailures,
        longest: Option<Duration>,
    ) -> Result<Answer, sqlx::Error> {
        let longest = longest.and_then(|longest| i32::try_from(longest.as_millis()).ok());
        let (mut statements, mut rows) = (Vec::new(), Vec::new());
        let (mut probes, mut locks) = (Vec::new(), Vec::new());
        let mut checks = Checks::default();
        let mut touched: BTreeMap<i64, &str> = BTreeMap::new();
        for (step, nth) in plan.steps.into_iter().zip(1..) {
            let Some(table) = schema.tables.get(step.shape.table) else { continue };
            touched.extend(table.relations.first().map(|own| (own.oid, own.sql_name.as_str())));
            let told = checks.told(&schema.tables, &step.shape, nth);
            statements.push(step.shape.statement(table, self.options.edits, told.as_deref()));
            probes.push(Some(step.shape.probe(table)));
            locks.push(step.shape.lock(table));
            rows.push(Json(rowcast_protocol::Value::List(step.rows)));
        }
        probes.append(&mut locks);
        let (changes, bytes) = bounds(self.options.limits);
        let query = sqlx::query(CALL)
            .bind(channels_of(edits))
            .bind(Json(plan.list))
            .bind(Json(list_of(known)))
            .bind(statements)
            .bind(probes)
            .bind(rows)
            .bind(plan.several)
            .bind(changes)
            .bind(bytes)
            .bind(Json(touched))
            .bind(Json(checks.json()))
            .bind(longest);
        Answer::from_rows(query.fetch_all(connection).await?)
    }

    /// Whether the database takes any writes.
    async fn takes_writes(&self) -> bool {
        let Ok(mut lent) = self.pools.committer().await else { return false };
        let written = write_nothing(lent.connection()).await;
        lent.settle(written).is_ok()
    }

    fn add_answer(
        &self,
        schema: &LiveSchema,
        whole: &mut Committed,
        edits: &[CheckedEdit],
        mut answer: Answer,
    ) -> Result<(), StoreError> {
        for (index, edit) in edits.iter().enumerate() {
            whole.outcomes.push(self.outcome(index, edit, &mut answer));
        }
        whole.appended.extend(self.appended(schema, answer.entries)?);
        whole.left_unnumbered |= answer.left;
        Ok(())
    }

    fn outcome(
        &self,
        index: usize,
        edit: &CheckedEdit,
        answer: &mut Answer,
    ) -> Result<Applied, EditError> {
        let applied = |seq, replayed| Ok(Applied { epoch: self.epoch, seq, replayed });
        if let Some(stored) = answer.stored.remove(&index) {
            if stored.hash.as_bytes() != &edit.hash {
                return Err(EditError::conflict());
            }
            return match stored.failure {
                Some(failure) => Err(failure.explain(&edit.schema, edit)),
                None => applied(stored.seq.unwrap_or(0), true),
            };
        }
        match answer.failures.remove(&index) {
            Some(failure) => Err(failure.explain(&edit.schema, edit)),
            None => applied(answer.heads.get(edit.channel.as_str()).copied().unwrap_or(0), false),
        }
    }

    /// Entries, grouped by their channels.
    fn appended(
        &self,
        schema: &LiveSchema,
        rows: Vec<EntryRow>,
    ) -> Result<Vec<Appended>, StoreError> {
        let mut all: Vec<Appended> = Vec::new();
        for row in rows {
            let Ok(channel) = ChannelName::new(&row.channel) else { continue };
            let stored: StoredEntry = row.decode(schema)?.stored;
            match all.last_mut().filter(|appended| appended.channel == channel) {
                Some(appended) => appended.entries.push(stored),
                None => {
                    all.push(Appended { channel, epoch: self.epoch, entries: vec![stored] });
                }
            }
        }
        Ok(all)
    }

    /// Numbers what outsiders left; see [`Store::number`](crate::store::Store::number).
    pub(super) async fn number_pending(&self) -> Result<Vec<Appended>, StoreError> {
        let schema = self.schema.load_full();
        let kinds = schema.kinds();
        let (changes, bytes) = bounds(self.options.limits);
        let mut lent = self.pools.numberer().await?;
        let query = sqlx::query(NUMBER).bind(kinds).bind(NUMBER_AT_ONCE).bind(changes).bind(bytes);
        let rows = query.fetch_all(lent.connection()).await;
        let rows = lent.settle(rows)?;
        let entries: Result<Vec<EntryRow>, _> = rows.iter().map(EntryRow::read).collect();
        self.appended(&schema, lent.settle(entries)?)
    }
}

fn bounds(limits: EntryLimits) -> (i32, i32) {
    let bound = |limit: usize| i32::try_from(limit).unwrap_or(i32::MAX);
    (bound(limits.changes), bound(limits.bytes))
}

/// Why a call failed.
struct CallError {
    error: sqlx::Error,
    /// While it waited for the locks of channels, which takes nobody's own time.
    waiting: bool,
}

impl From<sqlx::Error> for CallError {
    fn from(error: sqlx::Error) -> Self {
        Self { error, waiting: false }
    }
}

impl CallError {
    fn blame(&self) -> Blame {
        if self.waiting { Blame::Nobody } else { blame(&self.error) }
    }
}

async fn write_nothing(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "INSERT INTO rowcast.fact (name, value) VALUES ('probe', '') ON CONFLICT (name) DO NOTHING",
    )
    .execute(&mut *transaction)
    .await?;
    transaction.rollback().await
}

/// One step towards room for a row of the first edit.
async fn room_for(
    connection: &mut PgConnection,
    schema: &LiveSchema,
    edits: &[CheckedEdit],
    op: usize,
) -> Result<bool, sqlx::Error> {
    let Some(edit) = edits.first() else { return Ok(false) };
    let Some(op) = edit.ops.get(op) else { return Ok(false) };
    make_room(connection, &schema.tables, edit.channel.id(), op).await
}

fn no_room_at(op: usize) -> serde_json::Value {
    let failure = Failure {
        o: op,
        code: "RC423".to_owned(),
        message: Some(NO_ROOM.to_owned()),
        ..Failure::default()
    };
    serde_json::to_value(failure).unwrap_or_default()
}

/// The channels of a batch, and those that its rows are moved to.
fn channels_of(edits: &[CheckedEdit]) -> Vec<String> {
    let moved_to = edits.iter().flat_map(|edit| &edit.ops).filter_map(|op| match op {
        CheckedOp::Move { to, .. } => Some(to),
        _ => None,
    });
    let all = edits.iter().map(|edit| &edit.channel).chain(moved_to);
    let mut names: Vec<String> = all.map(|channel| channel.as_str().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn known_failures(edits: &[CheckedEdit]) -> KnownFailures {
    let mut known = KnownFailures::new();
    for (index, edit) in edits.iter().enumerate() {
        let broken = edit.ops.iter().enumerate().find(|(_, op)| column_with_nul(op).is_some());
        if let Some((place, _)) = broken {
            let failure = Failure {
                o: place,
                code: "RC400".to_owned(),
                message: Some("text cannot hold the character U+0000".to_owned()),
                ..Failure::default()
            };
            known.insert(index, serde_json::to_value(failure).unwrap_or_default());
        }
    }
    known
}

fn list_of(known: &KnownFailures) -> Vec<serde_json::Value> {
    let with_index = |(index, failure): (&usize, &serde_json::Value)| {
        let mut failure = failure.clone();
        if let Some(members) = failure.as_object_mut() {
            members.insert("e".to_owned(), serde_json::Value::from(*index));
        }
        failure
    };
    known.iter().map(with_index).collect()
}

/// A moment that grows with the attempts, different for everybody.
fn jitter(attempt: u32) -> Duration {
    Duration::from_millis(rand::random_range(1..=10_u64 << attempt.min(6)))
}
