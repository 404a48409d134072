//! Commits a batch: looks up stored outcomes, numbers outsiders' changes, applies the edits,
//! numbers what they did, stores what became of them; one transaction.
//!
//! A batch is tried three ways. First as fast as it goes: edits together where that is possible,
//! savepoints only where an edit may have to be taken back. If anything in that goes wrong, edit by
//! edit, each behind a savepoint. If even that breaks the transaction (a deferred constraint at
//! `COMMIT`, a trigger that rolls back), every edit in a transaction of its own.

use tokio::time::Instant;

use super::{
    super::{
        Appended, Committed, Standing, edit::CheckedEdit, error::StoreError, weight::ENOUGH_TIME,
    },
    attempt::{Manner, Trouble, attempt},
    connection::{Connection, nth, store_error},
    facts::Facts,
    log::{self, Draft, Forget, Numbered},
    outside,
    raw::{Bound, own},
};

/// Commits a batch.
pub(super) async fn commit(
    facts: &Facts,
    connection: &mut Connection,
    edits: &[CheckedEdit],
    standing: Standing<'_>,
) -> Result<Committed, StoreError> {
    for manner in [Manner::Fast, Manner::EditByEdit] {
        match attempt(facts, connection, edits, manner, None, standing).await {
            Ok(committed) => return Ok(committed),
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Spoilt(error)) => tracing::debug!(%error, ?manner, "a batch was spoilt"),
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
) -> Result<Committed, StoreError> {
    let mut all = Committed { outcomes: Vec::new(), appended: Vec::new(), left_unnumbered: false };
    let began = Instant::now();
    for edit in edits.chunks(1) {
        match one(facts, connection, edit, standing).await {
            Ok(committed) => {
                all.outcomes.extend(committed.outcomes);
                all.appended.extend(committed.appended);
                all.left_unnumbered |= committed.left_unnumbered;
                if began.elapsed() > ENOUGH_TIME {
                    break;
                }
            }
            Err(error) if all.outcomes.is_empty() => return Err(error),
            Err(error) => {
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
) -> Result<Committed, StoreError> {
    let tried = match attempt(facts, connection, edit, Manner::EditByEdit, None, standing).await {
        Err(Trouble::Spoilt(refusal)) => {
            attempt(facts, connection, edit, Manner::EditByEdit, Some(refusal), standing).await
        }
        tried => tried,
    };
    tried.map_err(|trouble| match trouble {
        Trouble::Store(error) => error,
        Trouble::Spoilt(error) => StoreError::Failed(error.to_string()),
    })
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
