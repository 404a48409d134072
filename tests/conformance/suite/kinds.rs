//! Wire values: the same bytes from every store, recorded or read.

use rowcast_protocol::{Change, ChannelName, Codec};

use crate::{bench::Bench, harness::Harness};

const GOLDEN: &str = include_str!("../kinds.json");

fn channel() -> ChannelName {
    ChannelName::new("kinds:here").unwrap()
}

pub(crate) async fn every_kind_of_column_has_the_same_bytes<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(H::KINDS).await;
    let rows = bench.rows(&channel()).await.rows;
    let lines: Vec<String> = rows
        .values()
        .map(|row| String::from_utf8(Codec::Json.encode(row).to_vec()).unwrap())
        .collect();
    assert_eq!(lines.join("\n"), GOLDEN.trim_end());
}

pub(crate) async fn recorded_values_equal_read_ones<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(H::KINDS).await;
    bench.log_gives_the_rows(&channel()).await;
    for stored in bench.log(&channel()).await {
        for change in stored.changes {
            let Change::Insert(row) = change else { panic!("{change:?}") };
            let bytes = row.row.get("bytes").unwrap();
            assert!(bytes.is_null() || bytes.kind() == "bytes", "{bytes:?}");
        }
    }
    bench.outside("UPDATE kinds SET place = 'there'").await;
    bench.log_gives_the_rows(&ChannelName::new("kinds:there").unwrap()).await;
}
