//! One try at a batch: one transaction, or nothing.

use std::collections::{BTreeSet, HashMap};

use rowcast_protocol::{ChannelName, Seq};
use tokio::time::Instant;

use super::{
    super::{
        Applied, Committed, Standing,
        edit::{CheckedEdit, CheckedOp},
        error::{EditError, StoreError},
        weight::{ENOUGH_BYTES, ENOUGH_TIME},
    },
    apply, backlog,
    connection::{Connection, store_error},
    constraint,
    facts::{Facts, SCHEMA_VERSION},
    log::{self, Draft, Forget, Numbered},
    outcomes::{self, Outcome},
    outside, own,
    raw::{Bound, own as column},
    sets::{self, Step},
    transaction::{Done, Halt, Mark, OWN, Transaction},
};

/// How careful a try is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Edits together where possible.
    Fast,
    /// Edit by edit, each behind a savepoint.
    EditByEdit,
}

/// Why a try was given up; nothing of it remains.
pub(super) enum Trouble {
    /// The database failed: nothing was decided.
    Store(StoreError),
    /// An edit spoilt the whole transaction.
    Spoilt(EditError),
    /// There is no room for the row of an operation, by the edit's index and its own.
    NoRoom(usize, usize),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        match constraint::refused_at_commit(&error) {
            Some(refused) => Self::Spoilt(refused),
            None => Self::Store(store_error(error)),
        }
    }
}

impl From<Halt> for Trouble {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Edit(error) | Halt::LeftOut(error) => Self::Spoilt(error),
            Halt::Sql(error) => error.into(),
            Halt::Store(error) => Self::Store(error),
            Halt::NoRoom { op } => Self::NoRoom(0, op),
        }
    }
}

/// What became of an edit.
enum Fate {
    /// It was decided in an earlier commit.
    Stored(Result<Applied, EditError>),
    /// It was applied now.
    Applied,
    /// It is refused now.
    Refused(EditError),
}

/// One try. `refusal` decides against all edits that are not decided yet.
pub(super) async fn attempt(
    facts: &Facts,
    connection: &mut Connection,
    edits: &[CheckedEdit],
    manner: Manner,
    refusal: Option<EditError>,
    standing: Standing<'_>,
) -> Result<Committed, Trouble> {
    let draft = Draft::default();
    let tried = Attempt { facts, edits, manner, refusal, standing, draft, is_backlog_left: false };
    let tried = tried.run(connection).await;
    if tried.is_err() {
        connection.work_freely();
        // Fails if the database rolled back by itself.
        let _ = connection.run("ROLLBACK", Bound::none()).await;
    }
    tried
}

struct Attempt<'a> {
    facts: &'a Facts,
    edits: &'a [CheckedEdit],
    manner: Manner,
    refusal: Option<EditError>,
    standing: Standing<'a>,
    draft: Draft,
    /// Whether outsiders' records of other channels are left to the poller.
    is_backlog_left: bool,
}

impl Attempt<'_> {
    async fn run(mut self, connection: &mut Connection) -> Result<Committed, Trouble> {
        let mut fates = self.begin(connection).await?;
        // From here on nobody else writes, and nothing has to be waited for.
        self.standing.holds(self.edits).await?;
        let mut places = HashMap::new();
        if let Some(refusal) = self.refusal.take() {
            for index in self.undecided(&fates) {
                fates.insert(index, Fate::Refused(refusal.clone()));
            }
        } else {
            let mut transaction = Transaction::new(self.facts, connection);
            let applied = self.apply(&mut transaction, &mut fates).await;
            transaction.connection.work_freely();
            applied?;
            let done = transaction.done;
            self.number_before(connection, &done).await?;
            places = own::fold(self.edits, done, self.facts.limits, &mut self.draft)
                .map_err(Trouble::Spoilt)?;
        }
        let nothing_new = self.draft.entries.is_empty()
            && fates.values().all(|fate| matches!(fate, Fate::Stored(_)));
        if nothing_new {
            connection.run("ROLLBACK", Bound::none()).await?;
            return Ok(self.report(&fates, &HashMap::new(), None));
        }
        self.draft.ask = self.heads_to_ask(&fates, &places);
        let numbered = log::number_draft(connection, &self.draft).await?;
        let seqs = self.seqs(&fates, &places, &numbered);
        let outcomes = self.outcomes(&fates, &seqs);
        let forget = if self.is_backlog_left { Forget::Own } else { Forget::All };
        log::write_and_commit(connection, &self.draft, &numbered, &outcomes, forget).await?;
        Ok(self.report(&fates, &seqs, Some(&numbered)))
    }

    /// Begins the transaction, finds stored outcomes and numbers what outsiders left.
    async fn begin(
        &mut self,
        connection: &mut Connection,
    ) -> Result<HashMap<usize, Fate>, StoreError> {
        let (lookup, arguments) = outcomes::lookup(self.edits);
        let sql = format!(
            "BEGIN IMMEDIATE;
             SELECT EXISTS (SELECT 1 FROM rowcast_pending), ({SCHEMA_VERSION});
             INSERT INTO rowcast_pending (id, shape, op) VALUES ({OWN}, 0, ''); {lookup}"
        );
        let answers = connection.run(sql, arguments).await.map_err(store_error)?;
        let mut answers = answers.into_iter().skip(1);
        let pending = answers.next().unwrap_or_default().rows;
        let stored = answers.nth(1).unwrap_or_default().rows;
        let Some(pending) = pending.first() else {
            return Err(StoreError::Failed("a batch could not begin".to_owned()));
        };
        self.facts.must_be(column(pending, 1)?)?;
        if column(pending, 0)? {
            let channels = self.edits.iter().map(|edit| edit.channel.clone()).collect();
            let draft = &mut self.draft;
            self.is_backlog_left =
                outside::before_batch(connection, self.facts, draft, &channels).await?;
        }
        let stored = outcomes::found(self.facts, self.edits, &stored)?;
        Ok(stored.into_iter().map(|(index, outcome)| (index, Fate::Stored(outcome))).collect())
    }

    /// Numbers what outsiders left on other channels that the edits had an effect on.
    async fn number_before(
        &mut self,
        connection: &mut Connection,
        done: &[Done],
    ) -> Result<(), StoreError> {
        if !self.is_backlog_left {
            return Ok(());
        }
        let own: BTreeSet<&ChannelName> = self.edits.iter().map(|edit| &edit.channel).collect();
        let beside = done.iter().map(|done| &done.channel).filter(|name| !own.contains(name));
        let beside: BTreeSet<ChannelName> = beside.cloned().collect();
        if !beside.is_empty() {
            let draft = &mut self.draft;
            backlog::number_concerning(connection, self.facts, draft, &beside).await?;
        }
        Ok(())
    }

    fn undecided(&self, fates: &HashMap<usize, Fate>) -> Vec<usize> {
        (0..self.edits.len()).filter(|index| !fates.contains_key(index)).collect()
    }

    /// Applies the edits, in order as far as it can be told. Ends early once that is enough for a
    /// transaction; the edits that come later are left out then.
    async fn apply(
        &mut self,
        transaction: &mut Transaction<'_>,
        fates: &mut HashMap<usize, Fate>,
    ) -> Result<(), Trouble> {
        let open = self.undecided(fates);
        let steps = match self.manner {
            Manner::Fast => sets::plan(self.facts, self.edits, &open),
            Manner::EditByEdit => open.iter().copied().map(Step::Alone).collect(),
        };
        let began = Instant::now();
        for step in steps {
            transaction.connection.work_at_most(self.facts.edits.time);
            match step {
                Step::Together(group) => {
                    fates.extend(group.edits().map(|index| (index, Fate::Applied)));
                    for (index, error) in sets::apply(transaction, self.edits, &group).await? {
                        fates.insert(index, Fate::Refused(error));
                    }
                }
                Step::Alone(index) => {
                    let fate = match self.alone(transaction, index).await? {
                        Ok(()) => Fate::Applied,
                        Err(error) => Fate::Refused(error),
                    };
                    fates.insert(index, fate);
                }
            }
            let is_enough = transaction.bytes > ENOUGH_BYTES || began.elapsed() > ENOUGH_TIME;
            if is_enough && self.end_here(fates) {
                break;
            }
        }
        Ok(())
    }

    /// Leaves out the edits that were not decided yet, if all of them come after all others.
    fn end_here(&mut self, fates: &mut HashMap<usize, Fate>) -> bool {
        let first_open = (0..self.edits.len()).find(|index| !fates.contains_key(index));
        let Some(first_open) = first_open else { return false };
        let is_later =
            |(index, fate): (&usize, &Fate)| *index < first_open || matches!(fate, Fate::Stored(_));
        let Some(decided) = self.edits.get(..first_open).filter(|_| fates.iter().all(is_later))
        else {
            return false;
        };
        self.edits = decided;
        fates.retain(|index, _| *index < first_open);
        true
    }

    /// Applies one edit, or takes it back whole.
    async fn alone(
        &self,
        transaction: &mut Transaction<'_>,
        index: usize,
    ) -> Result<Result<(), EditError>, Trouble> {
        let Some(edit) = self.edits.get(index) else { return Ok(Ok(())) };
        let mark = if self.manner == Manner::EditByEdit || !is_one_statement(edit) {
            Some(transaction.savepoint().await?)
        } else {
            None
        };
        let before = transaction.done.len();
        let error = match apply::edit(transaction, index, edit).await {
            Ok(()) => self.size(transaction, before, edit),
            Err(Halt::Edit(error)) => Some(error),
            Err(Halt::LeftOut(error)) if mark.is_some() => Some(error),
            Err(Halt::NoRoom { op }) => return Err(Trouble::NoRoom(index, op)),
            Err(halt) => return Err(halt.into()),
        };
        match (mark, error) {
            (Some(_), None) => transaction.keep().await?,
            (Some(mark), Some(error)) => {
                take_back(transaction, mark, &error).await?;
                return Ok(Err(error));
            }
            (None, None) => {}
            // What one statement did was taken back with it, unless it was too large.
            (None, Some(error))
                if transaction.done.len() == before && transaction.is_open().await? =>
            {
                return Ok(Err(error));
            }
            (None, Some(error)) => return Err(Trouble::Spoilt(error)),
        }
        Ok(Ok(()))
    }

    fn size(
        &self,
        transaction: &Transaction<'_>,
        before: usize,
        edit: &CheckedEdit,
    ) -> Option<EditError> {
        let done = transaction.done.get(before..).unwrap_or_default();
        let limits = self.facts.limits;
        own::is_too_large(done, &edit.channel, limits).then(|| own::too_large(limits))
    }

    /// Channels in which an edit was applied and changed nothing: it acks the head.
    fn heads_to_ask(
        &self,
        fates: &HashMap<usize, Fate>,
        places: &HashMap<usize, usize>,
    ) -> Vec<ChannelName> {
        let idle = |index: &usize| {
            !places.contains_key(index) && matches!(fates.get(index), Some(Fate::Applied))
        };
        let edits = self.edits.iter().enumerate().filter(|(index, _)| idle(index));
        let mut channels: Vec<ChannelName> = edits.map(|(_, edit)| edit.channel.clone()).collect();
        channels.sort();
        channels.dedup();
        channels
    }

    /// The number that each applied edit acks.
    fn seqs(
        &self,
        fates: &HashMap<usize, Fate>,
        places: &HashMap<usize, usize>,
        numbered: &Numbered,
    ) -> HashMap<usize, Seq> {
        let applied = self
            .edits
            .iter()
            .enumerate()
            .filter(|(index, _)| matches!(fates.get(index), Some(Fate::Applied)));
        applied
            .map(|(index, edit)| {
                let entry = places.get(&index).and_then(|place| numbered.seq(*place));
                let head = || numbered.heads.get(&edit.channel).copied().unwrap_or_default();
                (index, entry.unwrap_or_else(head))
            })
            .collect()
    }

    /// What is to be stored: nothing that was stored, nothing that may be tried again.
    fn outcomes<'a>(
        &'a self,
        fates: &'a HashMap<usize, Fate>,
        seqs: &HashMap<usize, Seq>,
    ) -> Vec<Outcome<'a>> {
        let edits = self.edits.iter().enumerate();
        edits
            .filter_map(|(index, edit)| match fates.get(&index)? {
                Fate::Stored(_) => None,
                Fate::Applied => Some(Outcome { edit, result: Ok(*seqs.get(&index)?) }),
                Fate::Refused(error) if error.code.is_retryable() => None,
                Fate::Refused(error) => Some(Outcome { edit, result: Err(error) }),
            })
            .collect()
    }

    fn report(
        self,
        fates: &HashMap<usize, Fate>,
        seqs: &HashMap<usize, Seq>,
        numbered: Option<&Numbered>,
    ) -> Committed {
        let epoch = self.facts.epoch;
        let outcome = |index: usize| match fates.get(&index) {
            Some(Fate::Stored(outcome)) => outcome.clone(),
            Some(Fate::Refused(error)) => Err(error.clone()),
            Some(Fate::Applied) | None => {
                let seq = seqs.get(&index).copied().unwrap_or_default();
                Ok(Applied { epoch, seq, replayed: false })
            }
        };
        Committed {
            outcomes: (0..self.edits.len()).map(outcome).collect(),
            appended: numbered
                .map(|numbered| log::appended(self.facts, self.draft, numbered))
                .unwrap_or_default(),
            left_unnumbered: self.is_backlog_left,
        }
    }
}

/// Takes an edit back; if the database has rolled back everything by itself, the edit spoilt it.
async fn take_back(
    transaction: &mut Transaction<'_>,
    mark: Mark,
    error: &EditError,
) -> Result<(), Trouble> {
    transaction.take_back(mark).await.map_err(|failure| match failure {
        StoreError::Failed(_) => Trouble::Spoilt(error.clone()),
        failure => Trouble::Store(failure),
    })
}

/// Whether an edit is one statement that changes one row, which the database takes back by itself.
fn is_one_statement(edit: &CheckedEdit) -> bool {
    match edit.ops.as_slice() {
        [CheckedOp::Delete { .. }] => false,
        [op] => op.place().is_none(),
        _ => false,
    }
}
