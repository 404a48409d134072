//! Commits a batch: looks up stored outcomes, numbers outsiders' changes, applies the edits,
//! numbers what they did, stores what became of them; one transaction.
//!
//! A batch is tried three ways. First as fast as it goes: edits together where that is possible,
//! savepoints only where an edit may have to be taken back. If anything in that goes wrong, edit by
//! edit, each behind a savepoint. If even that breaks the transaction (a deferred constraint at
//! `COMMIT`, a trigger that rolls back), every edit in a transaction of its own.

use futures_util::FutureExt as _;
use rowcast_protocol::ErrorCode;
use tokio::time::Instant;

use super::{
    super::{
        Appended, Committed, Standing,
        edit::CheckedEdit,
        error::{EditError, StoreError},
        placing::NO_ROOM,
        weight::ENOUGH_TIME,
    },
    attempt::{Manner, Trouble, attempt},
    connection::{Connection, nth, store_error},
    facts::Facts,
    log::{self, Draft, Forget, Numbered},
    outside, place,
    raw::{Bound, own},
};

/// Commits a batch. Where there is no room for a row that is placed by hand, room is made first, for as
/// long as one batch may take.
pub(super) async fn commit(
    facts: &Facts,
    connection: &mut Connection,
    mut edits: &[CheckedEdit],
    standing: Standing<'_>,
) -> Result<Committed, StoreError> {
    let began = Instant::now();
    let mut all = Committed::default();
    loop {
        match as_they_are(facts, connection, edits, standing).boxed().await {
            Ok(committed) => {
                add(&mut all, committed);
                return Ok(all);
            }
            Err(Trouble::NoRoom(edit, op)) => {
                let (before, rest) = edits.split_at_checked(edit).unwrap_or((&[], edits));
                if let ([], Some((first, _))) = (before, rest.split_first()) {
                    let made = make_room(facts, connection, first, op, standing).await?;
                    add(&mut all, made);
                    if !all.outcomes.is_empty() || began.elapsed() > ENOUGH_TIME {
                        return Ok(all);
                    }
                } else {
                    edits = before;
                }
            }
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Spoilt(error)) => return Err(StoreError::Failed(error.to_string())),
        }
    }
}

fn add(all: &mut Committed, more: Committed) {
    all.outcomes.extend(more.outcomes);
    all.appended.extend(more.appended);
    all.left_unnumbered |= more.left_unnumbered;
}

/// Makes room for the row of an operation; where there is none to be made, the edit is refused.
async fn make_room(
    facts: &Facts,
    connection: &mut Connection,
    edit: &CheckedEdit,
    op: usize,
    standing: Standing<'_>,
) -> Result<Committed, StoreError> {
    let is_made = match edit.ops.get(op) {
        Some(op) => place::make_room(facts, connection, &edit.channel, op).boxed().await?,
        None => false,
    };
    if is_made {
        let (appended, left_unnumbered) = number(facts, connection).await?;
        return Ok(Committed { outcomes: Vec::new(), appended, left_unnumbered });
    }
    let refusal = Some(EditError::new(ErrorCode::Refused, NO_ROOM).in_op(op));
    let alone = std::slice::from_ref(edit);
    attempt(facts, connection, alone, Manner::EditByEdit, refusal, standing)
        .boxed()
        .await
        .map_err(failed)
}

fn failed(trouble: Trouble) -> StoreError {
    match trouble {
        Trouble::Store(error) => error,
        Trouble::Spoilt(error) => StoreError::Failed(error.to_string()),
        Trouble::NoRoom(..) => StoreError::Failed("there is no room for a row".to_owned()),
    }
}

/// Commits a batch as the orders made by hand are.
async fn as_they_are(
    facts: &Facts,
    connection: &mut Connection,
    edits: &[CheckedEdit],
    standing: Standing<'_>,
) -> Result<Committed, Trouble> {
    for manner in [Manner::Fast, Manner::EditByEdit] {
        match attempt(facts, connection, edits, manner, None, standing).boxed().await {
            Err(Trouble::Spoilt(error)) => tracing::debug!(%error, ?manner, "a batch was spoilt"),
            tried => return tried,
        }
    }
    apart(facts, connection, edits, standing).await
}

/// Commits each edit in a transaction of its own, until it is time for others or something stops it;
/// what was committed by then is told.
async fn apart(
    facts: &Facts,
    connection: &mut Connection,
    edits: &[CheckedEdit],
    standing: Standing<'_>,
) -> Result<Committed, Trouble> {
    let mut all = Committed::default();
    let began = Instant::now();
    for edit in edits.chunks(1) {
        match one(facts, connection, edit, standing).await {
            Ok(committed) => {
                add(&mut all, committed);
                if began.elapsed() > ENOUGH_TIME {
                    break;
                }
            }
            Err(trouble) if all.outcomes.is_empty() => return Err(trouble),
            Err(Trouble::NoRoom(..)) => break,
            Err(trouble) => {
                let error = failed(trouble);
                tracing::warn!(%error, "the rest of a batch could not be committed");
                break;
            }
        }
    }
    Ok(all)
}

/// Commits one edit, or that it is refused because it cannot be committed.
async fn one(
    facts: &Facts,
    connection: &mut Connection,
    edit: &[CheckedEdit],
    standing: Standing<'_>,
) -> Result<Committed, Trouble> {
    match attempt(facts, connection, edit, Manner::EditByEdit, None, standing).boxed().await {
        Err(Trouble::Spoilt(refusal)) => {
            attempt(facts, connection, edit, Manner::EditByEdit, Some(refusal), standing)
                .boxed()
                .await
        }
        tried => tried,
    }
}

/// Numbers one pass of what outsiders left. Returns also whether more is waiting.
pub(super) async fn number(
    facts: &Facts,
    connection: &mut Connection,
) -> Result<(Vec<Appended>, bool), StoreError> {
    connection.run("BEGIN IMMEDIATE", Bound::none()).await.map_err(store_error)?;
    let mut draft = Draft::default();
    let numbered = number_begun(facts, connection, &mut draft).await;
    if numbered.is_err() {
        let _ = connection.run("ROLLBACK", Bound::none()).await;
    }
    let (numbered, more) = numbered?;
    Ok((log::appended(facts, draft, &numbered), more))
}

async fn number_begun(
    facts: &Facts,
    connection: &mut Connection,
    draft: &mut Draft,
) -> Result<(Numbered, bool), StoreError> {
    let more = outside::pass(connection, facts, draft).await?;
    let numbered = log::number_draft(connection, draft).await?;
    let written = log::write_and_commit(connection, draft, &numbered, &[], Forget::Nothing).await;
    written.map_err(store_error)?;
    Ok((numbered, more))
}

/// Whether outsiders left something.
pub(super) async fn is_pending(connection: &mut Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM rowcast_pending)";
    let answers = connection.run(sql, Bound::none()).await.map_err(store_error)?;
    nth(answers, 0).rows.first().map_or(Ok(false), |row| own(row, 0))
}
