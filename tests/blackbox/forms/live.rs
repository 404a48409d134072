//! What the live queries of the JavaScript client make of the same rows.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use rowcast_protocol::{
    Codec, ColumnType, ServerMessage,
    news::{News, SnapshotPage},
};
use serde::Deserialize;

use super::{
    Case, Faults, Tables,
    order::{holds_of, in_order, known, known_in_order},
    people::{People, channel},
    wants,
};
use crate::support::checker::tests;

impl People {
    /// What the JavaScript client finds and how it sorts, of the same rows in both encodings.
    pub(super) fn query_live(&self, tables: &Tables, faults: &mut Faults) {
        for table in ["forms", "strict"] {
            let of_table = tables.by_column().into_iter().filter(|((of, _), _)| *of == table);
            let columns: Vec<(String, Vec<&Case>)> = of_table
                .filter(|((_, column), _)| {
                    !matches!(self.kind(table, column).0, ColumnType::Json | ColumnType::List)
                })
                .map(|((_, column), cases)| (column.to_owned(), cases))
                .collect();
            for (device, codec) in Codec::ALL.into_iter().enumerate() {
                if !columns.is_empty() {
                    self.queries_agree(table, &columns, device, codec, faults);
                }
            }
        }
    }

    fn queries_agree(
        &self,
        table: &str,
        columns: &[(String, Vec<&Case>)],
        device: usize,
        codec: Codec,
        faults: &mut Faults,
    ) {
        let view = self.devices[device].view(&channel());
        let page = SnapshotPage {
            channel: channel(),
            table: table.to_owned(),
            seq: view.seq,
            rows: view.table(table).cloned().collect(),
        };
        let frame = codec.encode(&ServerMessage::News(News::Snapshot(page)));
        let types = columns.iter().map(|(c, _)| (c.clone(), self.kind(table, c).0));
        let asked = serde_json::json!({
            "codec": if codec == Codec::Json { "json" } else { "msgpack" },
            "frame": frame.to_vec(),
            "types": types.collect::<BTreeMap<_, _>>(),
        });
        let answers = live_queries(&asked.to_string());
        let answers: BTreeMap<String, Queried> = serde_json::from_str(&answers).expect("answers");
        for (column, cases) in columns {
            faults.note(answers[column].agrees(cases));
        }
    }
}

/// What a live query of a column gives.
#[derive(Debug, Deserialize)]
struct Queried {
    up: Vec<usize>,
    down: Vec<usize>,
    /// By row and test: who passes when compared with the row's own value.
    found: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
}

impl Queried {
    fn agrees(&self, cases: &[&Case]) -> Result<(), String> {
        for (sorted, down) in [(&self.up, false), (&self.down, true)] {
            let sorted = known_in_order(sorted, cases);
            wants!(sorted, in_order(cases, down), "{}: a live query's order", cases[0].what);
        }
        for case in cases {
            for (test, found) in &self.found[&case.id.to_string()] {
                let Some(rank) = case.rank else {
                    let is_found = test != "eq" || found.contains(&case.id);
                    wants!(is_found, true, "{}: not found by a live query", case.what);
                    continue;
                };
                let holds = holds_of(test);
                let wanted = cases.iter().filter(|o| o.rank.is_some_and(|r| holds(r.cmp(&rank))));
                let wanted: Vec<usize> = wanted.map(|case| case.id).collect();
                wants!(known(found, cases), wanted, "{}: live query: {test}", case.what);
            }
        }
        Ok(())
    }
}

fn live_queries(asked: &str) -> String {
    let mut program = Command::new("node")
        .arg(tests().join("blackbox/forms/queries.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut input = program.stdin.take().expect("it is piped");
    input.write_all(asked.as_bytes()).expect("it reads");
    drop(input);
    let output = program.wait_with_output().expect("it ends");
    assert!(output.status.success(), "node failed");
    String::from_utf8(output.stdout).expect("it writes JSON")
}
