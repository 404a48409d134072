//! The recorders of PostgreSQL: whatever a table is made of and called, whatever becomes of it, and
//! whoever writes it.

use crate::{bench::Bench, postgres::Postgres};

mod ddl;
mod names;
mod partitions;
mod rights;
mod types;

type PgBench = Bench<Postgres>;
