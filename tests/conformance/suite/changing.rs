//! Tables that somebody changes while the hub runs: nothing is acked that is not recorded, every channel
//! is reset of which a change may have been missed, and the schema follows.

use rowcast::store::{Applied, CheckedEdit, EditError, ReadAfter, fold::EntryLimits};
use rowcast_protocol::{ChannelName, Cursor, ErrorCode, Value, reply::SnapshotReason};

use crate::{
    bench::{Bench, Replica, board, text},
    harness::Harness,
};

/// The columns of `cards`, in order.
const COLUMNS: &str =
    "id, board, title, slug, secret, count, parent, weight, price, tags, done, day, at, raw, pos";

/// Makes `cards` anew, as migrations do: another table, the rows, the old one away, its name. With
/// another column.
fn rebuilding<H: Harness>(between: &str) -> String {
    format!(
        "{};
         INSERT INTO cards_new ({COLUMNS}) SELECT {COLUMNS} FROM cards;
         {}; {between}
         ALTER TABLE cards_new RENAME TO cards;",
        H::COPY,
        H::DROP_CARDS,
    )
}

impl<H: Harness> Bench<H> {
    /// What one edit of a card's title came to.
    async fn titled(&self, key: i64, title: &str) -> Result<Applied, EditError> {
        self.outcome_of(self.retitling(key, title)).await
    }

    fn retitling(&self, key: i64, title: &str) -> CheckedEdit {
        let op = self.set("cards", &Value::Int(key), &[("title", text(title))]);
        self.edit("ada", &board("b"), vec![op])
    }

    async fn outcome_of(&self, edit: CheckedEdit) -> Result<Applied, EditError> {
        let mut committed = self.store.commit(&[edit]).await.unwrap();
        self.remember(&committed.appended);
        committed.outcomes.remove(0)
    }

    /// Takes over what changed, and numbers what that left to number.
    async fn refreshed(&self) {
        self.refresh().await;
        self.number().await;
    }

    /// That whoever stood here is told to take a snapshot.
    async fn is_reset_since(&self, channel: &ChannelName, cursor: Cursor) {
        let read = self.store.read_after(channel, cursor, 1 << 20).await.unwrap();
        assert_eq!(read, ReadAfter::Snapshot(SnapshotReason::Reset), "{channel}");
    }

    /// That the entry in which an edit stands names it.
    async fn names_its_edit(&self, applied: Applied) {
        let entry = self.store.entry(&board("b"), applied.seq).await.unwrap().unwrap();
        assert_eq!(entry.stored.entry.edits.len(), 1, "{entry:?}");
    }

    #[track_caller]
    fn live(&self, table: &str) -> bool {
        self.store.schema().tables.iter().any(|live| live.name == table)
    }

    fn has_column(&self, table: &str, column: &str) -> bool {
        let schema = self.store.schema();
        let table = schema.tables.iter().find(|live| live.name == table).unwrap();
        table.column(column).is_some()
    }

    /// That the store records: whoever takes a snapshot now and follows the log holds the rows.
    async fn is_recorded(&self) {
        let mut replica: Replica = self.rows(&board("b")).await;
        let cursor = self.head(&board("b")).await;
        self.titled(1, "by an edit").await.unwrap();
        self.outside("UPDATE cards SET count = count + 1").await;
        self.outside("INSERT INTO cards (id, board, title) VALUES (100, 'b', 'outside')").await;
        for entry in self.after(&board("b"), cursor).await {
            replica.apply(&entry);
        }
        assert_eq!(replica, self.rows(&board("b")).await);
        self.outside("DELETE FROM cards WHERE id = 100").await;
    }
}

async fn bench<H: Harness>() -> Bench<H> {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    bench.card(2, None).await;
    bench.outside("INSERT INTO cards (id, board, title) VALUES (3, 'c', 'elsewhere')").await;
    bench
}

pub(crate) async fn a_new_column_is_live_at_once<H: Harness>() {
    let bench = bench::<H>().await;
    let before = bench.store.schema();
    let (b, c) = (bench.head(&board("b")).await, bench.head(&board("c")).await);
    let checked_before = bench.retitling(2, "checked before");
    bench.outsider().await.run("ALTER TABLE cards ADD COLUMN note TEXT DEFAULT 'new'").await;
    bench.outsider().await.run("UPDATE cards SET note = 'written before anybody looked'").await;
    bench.refreshed().await;
    assert!(bench.has_column("cards", "note"));
    assert_ne!(bench.store.schema().wire.hash, before.wire.hash);
    bench.is_reset_since(&board("b"), b).await;
    bench.is_reset_since(&board("c"), c).await;
    bench.outcome_of(checked_before).await.unwrap();
    let op = bench.set("cards", &Value::Int(1), &[("note", text("by an edit"))]);
    bench.applies("ada", &board("b"), vec![op]).await;
    assert_eq!(bench.field(&board("b"), "cards", &Value::Int(1), "note").await, text("by an edit"));
    bench.is_recorded().await;
    let head = bench.head(&board("b")).await;
    bench.refreshed().await;
    assert_eq!(bench.head(&board("b")).await, head, "nothing changed, so nothing is reset");
}

pub(crate) async fn edits_that_meet_a_migration_are_named_where_they_stand<H: Harness>() {
    let bench = bench::<H>().await;
    let edit = bench.retitling(1, "checked before");
    bench.outsider().await.run("ALTER TABLE cards RENAME COLUMN weight TO heavy").await;
    let applied = bench.outcome_of(edit).await.unwrap();
    bench.names_its_edit(applied).await;
    bench.refreshed().await;
    bench.is_recorded().await;
}

pub(crate) async fn a_table_made_anew_takes_no_edit_unrecorded<H: Harness>() {
    let bench = bench::<H>().await;
    let b = bench.head(&board("b")).await;
    let edit = bench.retitling(1, "checked before");
    bench.outsider().await.run(&rebuilding::<H>("")).await;
    bench.outsider().await.run("UPDATE cards SET title = 'unseen' WHERE id = 2").await;
    let applied = bench.outcome_of(edit).await.unwrap();
    bench.number().await;
    bench.names_its_edit(applied).await;
    bench.is_reset_since(&board("b"), b).await;
    bench.refreshed().await;
    assert!(bench.has_column("cards", "note"));
    bench.is_recorded().await;
}

pub(crate) async fn a_table_that_is_gone_takes_its_rows_along_and_comes_back<H: Harness>() {
    let bench = bench::<H>().await;
    let b = bench.head(&board("b")).await;
    let edit = bench.retitling(1, "while it is away");
    let steps = rebuilding::<H>("-- apart --");
    let (away, back) = steps.split_once("-- apart --").unwrap();
    bench.outsider().await.run(away).await;
    let error = bench.outcome_of(edit.clone()).await.unwrap_err();
    assert!(error.code.is_retryable(), "{error:?}");
    bench.refreshed().await;
    assert!(!bench.live("cards"));
    let kept = bench.store.schema();
    let (found, said) = (kept.find("cards", "board").unwrap_err(), &kept.unwatched[0].why);
    assert_eq!(found.code, ErrorCode::Unavailable);
    assert!(said.contains("`cards` is not in the database"), "{said}");
    bench.is_reset_since(&board("b"), b).await;
    let b = bench.head(&board("b")).await;
    assert_eq!(bench.rows(&board("b")).await.rows.len(), 0);
    bench.outsider().await.run(back).await;
    bench.refreshed().await;
    assert!(bench.live("cards"));
    bench.is_reset_since(&board("b"), b).await;
    bench.outcome_of(edit).await.unwrap();
    bench.is_recorded().await;
}

pub(crate) async fn a_table_that_no_longer_fits_is_left_alone_until_it_does<H: Harness>() {
    let bench = bench::<H>().await;
    bench.outsider().await.run("ALTER TABLE cards RENAME COLUMN board TO panel").await;
    bench.refreshed().await;
    assert!(!bench.live("cards"));
    assert!(bench.store.schema().unwatched[0].why.contains("`board`"));
    bench.outsider().await.run("UPDATE cards SET title = 'nobody looks' WHERE id = 1").await;
    bench.outsider().await.run("ALTER TABLE cards RENAME COLUMN panel TO board").await;
    let b = bench.head(&board("b")).await;
    bench.refreshed().await;
    assert!(bench.live("cards"));
    bench.is_reset_since(&board("b"), b).await;
    bench.is_recorded().await;
}

pub(crate) async fn a_renamed_column_breaks_no_writer<H: Harness>() {
    let bench = bench::<H>().await;
    let edit = {
        let op = bench.set("cards", &Value::Int(1), &[("slug", text("s"))]);
        bench.edit("ada", &board("b"), vec![op])
    };
    let title = bench.retitling(2, "checked before");
    let b = bench.head(&board("b")).await;
    bench.outsider().await.run("ALTER TABLE cards RENAME COLUMN slug TO short").await;
    bench.outsider().await.run("UPDATE cards SET short = 'outside' WHERE id = 2").await;
    let error = bench.outcome_of(edit.clone()).await.unwrap_err();
    assert!(error.code.is_retryable(), "{error:?}");
    assert_eq!(bench.store.outcome(&edit).await.unwrap(), None, "it is not kept as refused");
    bench.refreshed().await;
    bench.outcome_of(title).await.unwrap();
    assert!(bench.has_column("cards", "short") && !bench.has_column("cards", "slug"));
    bench.is_reset_since(&board("b"), b).await;
    bench.is_recorded().await;
}

pub(crate) async fn triggers_that_went_away_come_back_and_what_they_missed_is_reset<H: Harness>() {
    let bench = bench::<H>().await;
    bench.harness.drop_a_trigger("cards").await;
    let b = bench.head(&board("b")).await;
    bench.outsider().await.run("INSERT INTO cards (id, board, title) VALUES (7, 'b', 'x')").await;
    let applied = bench.titled(1, "acked, so recorded").await.unwrap();
    bench.number().await;
    bench.names_its_edit(applied).await;
    bench.refreshed().await;
    bench.is_reset_since(&board("b"), b).await;
    bench.is_recorded().await;
}

pub(crate) async fn a_mended_table_is_reset<H: Harness>() {
    let bench = bench::<H>().await;
    bench.harness.unrecorded("cards", "UPDATE cards SET title = 'unseen'").await;
    bench.refreshed().await;
    let b = bench.head(&board("b")).await;
    bench.remember(&bench.store.mend("cards").await.unwrap());
    bench.number().await;
    bench.is_reset_since(&board("b"), b).await;
    bench.is_recorded().await;
    bench.store.mend("nothing of the kind").await.unwrap_err();
}

pub(crate) async fn a_table_changed_while_no_hub_ran_is_reset_by_the_next<H: Harness>() {
    let bench = bench::<H>().await;
    let b = bench.head(&board("b")).await;
    bench.store.close().await;
    bench.outsider().await.run(&rebuilding::<H>("")).await;
    bench.outsider().await.run("UPDATE cards SET title = 'unseen'").await;
    bench.harness.migrate(&crate::bench::declarations()).await.unwrap();
    let store = bench.harness.open(&crate::bench::declarations(), EntryLimits::default()).await;
    let bench = bench.reopened(store.unwrap());
    bench.number().await;
    bench.is_reset_since(&board("b"), b).await;
    bench.is_recorded().await;
}
