//! What a call of `commit_batch` answers.

use std::collections::HashMap;

use serde::Deserialize;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{entry::EntryRow, failure::Failure};

/// What a call answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) stored: HashMap<usize, Stored>,
    pub(super) failures: HashMap<usize, Failure>,
    pub(super) heads: HashMap<String, u64>,
    pub(super) entries: Vec<EntryRow>,
    pub(super) left: bool,
}

/// An outcome that was stored before.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) hash: Uuid,
    pub(super) seq: Option<u64>,
    pub(super) failure: Option<Failure>,
}

impl Answer {
    /// Reads the rows of the call.
    pub(super) fn from_rows(rows: Vec<PgRow>) -> Result<Self, sqlx::Error> {
        let mut answer = Self::default();
        for row in rows {
            answer.take(&row)?;
        }
        Ok(answer)
    }

    fn take(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        match row.try_get::<&str, _>("kind")? {
            "e" => self.entries.push(EntryRow::read(row)?),
            "h" => self.heads = data(row)?,
            "l" => self.left = true,
            "s" => {
                self.stored.insert(place(row)?, data(row)?);
            }
            _ => {
                self.failures.insert(place(row)?, data(row)?);
            }
        }
        Ok(())
    }
}

fn place(row: &PgRow) -> Result<usize, sqlx::Error> {
    let place: i32 = row.try_get("place")?;
    usize::try_from(place).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn data<T: for<'de> Deserialize<'de>>(row: &PgRow) -> Result<T, sqlx::Error> {
    let text: &str = row.try_get("data")?;
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}
