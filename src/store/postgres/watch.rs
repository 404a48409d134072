//! Notices that somebody has changed the tables, and takes them over as they are.
//!
//! A look is two short questions to the catalogue: which relations the declared names mean, and a hash
//! of the rows that the catalogue has of these. Only when it is another hash the tables are read again
//! and recorded anew, under the lock of `migrate`; what may have been missed is marked and becomes
//! resets. Between two looks nothing is acked unrecorded: a batch looks at the triggers of its tables
//! itself, as the last thing before it commits (see `functions.sql`).

use std::sync::{Arc, atomic::Ordering};

use sqlx::PgConnection;

use super::{
    PostgresStore,
    connect::single,
    failure::store_error,
    migrate::{self, Apply},
    relations, watched,
};
use crate::{
    planted::{self, Bug},
    store::{Appended, Declarations, StoreError},
};

/// The rows that the catalogue has of these relations and their partitions, as one text. A row that is
/// changed gets another `xmin`.
const MARK: &str = "
    WITH relation AS (
        SELECT $1::bigint[] AS wanted
    ), tree AS (
        SELECT unnest(wanted)::oid AS oid FROM relation
        UNION SELECT p.relid FROM relation, unnest(wanted) w(oid), pg_partition_tree(w.oid::oid::regclass) p
    )
    SELECT coalesce(md5(string_agg(r.text, ' ' ORDER BY r.text)), '') FROM (
        SELECT concat('c', c.oid, ' ', c.xmin, ' ', c.relname, ' ', c.relnamespace) AS text
        FROM pg_class c JOIN tree t ON t.oid = c.oid
        UNION ALL
        SELECT concat('a', a.attrelid, ' ', a.attnum, ' ', a.xmin)
        FROM pg_attribute a JOIN tree t ON t.oid = a.attrelid
        UNION ALL
        SELECT concat('t', g.oid, ' ', g.xmin) FROM pg_trigger g JOIN tree t ON t.oid = g.tgrelid
        UNION ALL
        SELECT concat('k', k.oid, ' ', k.xmin) FROM pg_constraint k JOIN tree t ON t.oid = k.conrelid
    ) r";

/// A hash of what the catalogue says of the declared tables.
pub(super) async fn mark(
    connection: &mut PgConnection,
    declarations: &Declarations,
) -> Result<String, sqlx::Error> {
    let names: Vec<&str> = declarations.tables.iter().map(|table| table.name.as_str()).collect();
    let named = relations::named(&mut *connection, &names).await?;
    let oids: Vec<i64> = named.iter().map(|named| named.oid).collect();
    sqlx::query_scalar(MARK).bind(oids).fetch_one(connection).await
}

impl PostgresStore {
    /// See [`Store::refresh`](crate::store::Store::refresh).
    pub(super) async fn look_again(&self) -> Result<Vec<Appended>, StoreError> {
        if planted::is(Bug::TriggersLostUnnoticed) {
            return Ok(Vec::new());
        }
        let mut lent = self.pools.reader().await?;
        let seen = mark(lent.connection(), &self.declarations).await;
        let seen = lent.settle(seen)?;
        drop(lent);
        if *self.seen.lock() == seen && !self.must_look.swap(false, Ordering::AcqRel) {
            return Ok(Vec::new());
        }
        let taken = self.take_over(&[]).await;
        if taken.is_ok() {
            *self.seen.lock() = seen;
        } else {
            self.must_look.store(true, Ordering::Release);
        }
        taken?;
        self.number_pending().await
    }

    /// See [`Store::mend`](crate::store::Store::mend).
    pub(super) async fn mend_table(&self, table: &str) -> Result<Vec<Appended>, StoreError> {
        self.declarations.must_name(table)?;
        self.take_over(&[table.to_owned()]).await?;
        self.number_pending().await
    }

    async fn take_over(&self, mend: &[String]) -> Result<(), StoreError> {
        let mut connection = single(&self.url).await?;
        let apply = Apply { declarations: &self.declarations, mend, strict: false };
        let now = Arc::new(apply.run(&mut connection).await?);
        for table in &now.unwatched {
            tracing::warn!(table = table.name, why = table.why, "a table is not live at present");
        }
        let before = self.schema.load_full();
        if before != now {
            self.schema.store(Arc::clone(&now));
            // Only now this hub shows the tables as they are. Whoever was told to look again before, be it
            // by another hub that noticed the change first, was shown them as they were.
            let changed = now.changed_since(&before).into_iter();
            let marks: Vec<String> =
                changed.flat_map(|(kind, table)| watched::marked_last(kind, table)).collect();
            let marked = migrate::run(&mut connection, &marks).await;
            if marked.is_err() {
                // The next look finds the change again.
                self.schema.store(before);
            }
            marked?;
        }
        sqlx::Connection::close(connection).await.map_err(store_error)
    }
}
