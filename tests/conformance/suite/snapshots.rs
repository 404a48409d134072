//! Snapshots: pages read while writers go on, and the entries after them, give the table.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rowcast::store::edit::CheckedPlace;
use rowcast_protocol::Value;

use crate::{
    bench::{Bench, P, Replica, board, project, text},
    harness::Harness,
};

impl<H: Harness> Bench<H> {
    /// Something random happens to the cards, inside or outside.
    async fn happens(&self, random: &mut StdRng) {
        let key = random.random_range(0..40_i64);
        let title = text(format!("t{}", random.random_range(0..5)));
        let place = match random.random_range(0..3) {
            0 => CheckedPlace::First,
            1 => CheckedPlace::Last,
            _ => CheckedPlace::After(vec![Value::Int(random.random_range(0..40))]),
        };
        let fields = [("id", Value::Int(key)), ("board", text("b")), ("title", title.clone())];
        let key_value = Value::Int(key);
        let op = match random.random_range(0..10) {
            0 | 1 => self.insert("cards", &fields),
            2 => self.insert_at("cards", &fields, Some(place)),
            3 => self.delete("cards", &key_value),
            4 => self.place(key, place),
            5 => self.move_to("cards", &key_value, &board("c"), text("c")),
            6 | 7 => self.set("cards", &key_value, &[("title", title)]),
            _ => return self.happens_outside(random, key).await,
        };
        let second = self.set("cards", &Value::Int((key + 1) % 40), &[("count", Value::Int(key))]);
        let edits =
            [self.edit("ada", &board("b"), vec![op]), self.edit("ben", &board("b"), vec![second])];
        self.commit(&edits).await;
    }

    async fn happens_outside(&self, random: &mut StdRng, key: i64) {
        let from = key - 3;
        let sql = match random.random_range(0..5) {
            0 => format!("UPDATE cards SET title = title || '.' WHERE id BETWEEN {from} AND {key}"),
            1 => format!("UPDATE cards SET board = 'b' WHERE board = 'c' AND id > {key}"),
            2 => format!("DELETE FROM cards WHERE id = {key}"),
            3 => format!("UPDATE cards SET id = id + 100 WHERE id = {key}"),
            _ => format!(
                "BEGIN; UPDATE cards SET count = count + 1 WHERE id >= {key};
                 DELETE FROM cards WHERE id > 99; COMMIT"
            ),
        };
        let _ = self.outsider().await.try_run(&sql).await;
        if random.random_bool(0.5) {
            self.number().await;
        }
    }
}

pub(crate) async fn pages_and_entries_together_give_the_table<H: Harness>() {
    for seed in 0..4 {
        let bench = Bench::<H>::fresh().await;
        let mut random = StdRng::seed_from_u64(seed);
        for key in 0..25 {
            bench
                .outsider()
                .await
                .run(&format!("INSERT INTO cards(id, board, title) VALUES ({key}, 'b', 't')"))
                .await;
        }
        let mut replica = Replica::default();
        let (mut place, mut first) = (None, None);
        loop {
            let page = bench.store.snapshot_page(&board("b"), place, 4).await.unwrap();
            first.get_or_insert(page.head);
            replica.take_page(page.table.as_ref().unwrap(), page.rows);
            for _ in 0..4 {
                bench.happens(&mut random).await;
            }
            match page.next {
                Some(next) => place = Some(next),
                None => break,
            }
        }
        bench.number().await;
        for entry in bench.after(&board("b"), first.unwrap()).await {
            replica.apply(&entry);
        }
        assert_eq!(replica, bench.rows(&board("b")).await, "seed {seed}");
        bench.log_gives_the_rows(&board("b")).await;
        bench.log_gives_the_rows(&board("c")).await;
    }
}

pub(crate) async fn an_empty_channel_has_an_empty_page<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let page = bench.store.snapshot_page(&board("nothing"), None, 10).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (0, None));
    assert_eq!((page.head.seq, page.head.tag), (0, 0));
    let page = bench.store.snapshot_page(&project("no-uuid"), None, 10).await.unwrap();
    assert!(page.rows.is_empty());
}

pub(crate) async fn composite_keys_are_paged<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for n in 0..20 {
        bench
            .outside(&format!(
                "INSERT INTO users(id, name) VALUES ('u{n}', 'U');
                 INSERT INTO members(project_id, user_id, role) VALUES ('{P}', 'u{n}', 'viewer')"
            ))
            .await;
    }
    let rows = bench.rows(&project(P)).await.rows;
    assert_eq!(rows.keys().filter(|(table, _)| table == "members").count(), 23);
    bench.log_gives_the_rows(&project(P)).await;
}
