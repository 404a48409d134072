//! Which edits are under way, who has them, how long it took.

use std::collections::{BTreeMap, HashMap};

use rowcast_protocol::{EditId, ErrorReply, Seq};
use tokio::time::Instant;

use crate::{findings::Findings, latency::Latencies};

/// An edit that was sent and is not settled: acked, and delivered to every device.
#[derive(Debug)]
struct Sent {
    at: Instant,
    /// The device that sent it.
    by: usize,
    /// Devices that do not have it yet.
    left: usize,
    acked: Option<Seq>,
    delivered: Option<Seq>,
}

/// All edits of a run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    open: HashMap<EditId, Sent>,
    /// While measuring: since when.
    since: Option<Instant>,
    acks: u64,
    all_acks: u64,
    again: u64,
    errors: BTreeMap<&'static str, u64>,
    ack: Latencies,
    own: Latencies,
    other: Latencies,
    pub(super) findings: Findings,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    /// Acks that came while measuring.
    pub(super) acks: u64,
    pub(super) ack: Latencies,
    /// From an edit to the device that sent it.
    pub(super) own: Latencies,
    /// From an edit to every other device.
    pub(super) other: Latencies,
}

impl Ledger {
    /// An edit goes out from device `by`; `devices` follow its channel.
    pub(super) fn sent(&mut self, id: EditId, by: usize, devices: usize) {
        let sent = Sent { at: Instant::now(), by, left: devices, acked: None, delivered: None };
        self.open.insert(id, sent);
    }

    /// The hub acked an edit.
    pub(super) fn acked(&mut self, id: EditId, seq: Seq, now: Instant) {
        self.all_acks += 1;
        let Some(sent) = self.open.get_mut(&id) else {
            return self
                .findings
                .add(|| format!("an ack came for edit {id}, which is not under way"));
        };
        if let Some(before) = sent.acked.replace(seq) {
            self.findings.add(|| format!("edit {id} was acked twice, at {before} and {seq}"));
        }
        if self.since.is_some() {
            self.acks += 1;
            self.ack.record(now - sent.at);
        }
        self.settle(id);
    }

    /// A device has an entry that names an edit.
    pub(super) fn delivered(&mut self, id: EditId, seq: Seq, to: usize, now: Instant) {
        let Some(sent) = self.open.get_mut(&id) else {
            // Of somebody who is no part of this run.
            return;
        };
        if sent.delivered.replace(seq).is_some_and(|before| before != seq) {
            self.findings.add(|| format!("edit {id} stands in two entries, the second is {seq}"));
        }
        if sent.left == 0 {
            return self.findings.add(|| format!("edit {id} was delivered once too often"));
        }
        sent.left -= 1;
        if self.since.is_some() {
            let latencies = if sent.by == to { &mut self.own } else { &mut self.other };
            latencies.record(now - sent.at);
        }
        self.settle(id);
    }

    /// An edit failed. `true`: send it again.
    pub(super) fn failed(&mut self, id: EditId, error: &ErrorReply) -> bool {
        *self.errors.entry(error.code.as_str()).or_default() += 1;
        if error.retry {
            self.again += 1;
            return true;
        }
        self.open.remove(&id);
        self.findings
            .add(|| format!("edit {id} was refused: {}: {}", error.code.as_str(), error.message));
        false
    }

    fn settle(&mut self, id: EditId) {
        let Some(Sent { left: 0, acked: Some(acked), delivered, .. }) = self.open.get(&id) else {
            return;
        };
        if *delivered != Some(*acked) {
            let (acked, delivered) = (*acked, *delivered);
            self.findings
                .add(|| format!("edit {id} was acked at {acked} and stands in {delivered:?}"));
        }
        self.open.remove(&id);
    }

    /// Edits that are not settled yet.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// How many acks there were in all, how many edits were sent again, and errors by code.
    pub(super) fn totals(&self) -> (u64, u64, BTreeMap<&'static str, u64>) {
        (self.all_acks, self.again, self.errors.clone())
    }

    /// Says of each edit that is not settled what is missing. Deliveries are forgiven where a
    /// snapshot took their place.
    pub(super) fn close(&mut self, forgive_deliveries: bool) {
        let open: Vec<_> = self.open.drain().collect();
        for (id, Sent { acked, left, .. }) in open {
            match acked {
                None => self.findings.add(|| format!("edit {id} was never acked")),
                Some(seq) if !forgive_deliveries => self
                    .findings
                    .add(|| format!("edit {id}, acked at {seq}, did not reach {left} devices")),
                Some(_) => {}
            }
        }
    }

    /// Begins to measure.
    pub(super) fn begin_measuring(&mut self) {
        self.since = Some(Instant::now());
    }

    /// Ends measuring.
    pub(super) fn end_measuring(&mut self) -> Measured {
        self.since = None;
        Measured {
            acks: std::mem::take(&mut self.acks),
            ack: std::mem::take(&mut self.ack),
            own: std::mem::take(&mut self.own),
            other: std::mem::take(&mut self.other),
        }
    }
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::ErrorCode;
    use uuid::Uuid;

    use super::*;

    fn edit() -> EditId {
        EditId(Uuid::now_v7())
    }

    #[test]
    fn an_edit_is_settled_when_it_is_acked_and_everybody_has_it() {
        let (mut ledger, id, now) = (Ledger::default(), edit(), Instant::now());
        ledger.begin_measuring();
        ledger.sent(id, 0, 2);
        ledger.delivered(id, 9, 1, now);
        ledger.acked(id, 9, now);
        assert_eq!(ledger.open(), 1);
        ledger.delivered(id, 9, 0, now);
        assert_eq!(ledger.open(), 0);
        let measured = ledger.end_measuring();
        assert_eq!(measured.acks, 1);
        assert_eq!(measured.own.summary().map(|summary| summary.count), Some(1));
        assert_eq!(measured.other.summary().map(|summary| summary.count), Some(1));
        assert!(ledger.findings.is_empty());
    }

    #[test]
    fn an_ack_that_names_another_entry_is_found() {
        let (mut ledger, id, now) = (Ledger::default(), edit(), Instant::now());
        ledger.sent(id, 0, 1);
        ledger.acked(id, 9, now);
        ledger.delivered(id, 10, 0, now);
        assert!(ledger.findings.told().1[0].contains("acked at 9"));
    }

    #[test]
    fn what_never_came_is_found_at_the_end() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let (unacked, undelivered) = (edit(), edit());
        ledger.sent(unacked, 0, 1);
        ledger.sent(undelivered, 0, 1);
        ledger.delivered(unacked, 1, 0, now);
        ledger.acked(undelivered, 2, now);
        ledger.close(false);
        assert_eq!(ledger.findings.told().0, 2);
    }

    #[test]
    fn a_retryable_error_keeps_the_edit_and_another_is_a_finding() {
        let (mut ledger, id) = (Ledger::default(), edit());
        ledger.sent(id, 0, 1);
        assert!(ledger.failed(id, &ErrorReply::new(ErrorCode::Busy, "")));
        assert_eq!(ledger.open(), 1);
        assert!(!ledger.failed(id, &ErrorReply::new(ErrorCode::Check, "")));
        assert_eq!((ledger.open(), ledger.findings.told().0), (0, 1));
    }
}
