//! From a request that writes to a durable edit.

use futures_util::FutureExt as _;
use rowcast_protocol::{
    Edit, EditId, Epoch, ErrorCode, Op, Role, Seq,
    request::{Delete, Update},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Visit,
    precondition::{Conditions, Tags},
};
use crate::{
    http::{WorkerApp, caller::Caller, problem::Problem},
    reads::tag,
};

/// An edit is durable.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Ack {
    /// The edit.
    #[schema(value_type = String, example = "0199f0a2-0000-7000-8000-000000000001")]
    pub(super) id: EditId,
    /// Its channel.
    #[schema(example = "project:0199f0a2-0000-7000-8000-00000000000a")]
    pub(super) channel: String,
    /// The incarnation of the channel's log.
    #[schema(value_type = String, example = "00c0ffee00c0ffee")]
    pub(super) epoch: Epoch,
    /// The entry in which the edit stands; if it changed nothing, the newest entry.
    #[schema(value_type = u64)]
    pub(super) seq: Seq,
    /// Whether this is the stored outcome of an earlier request.
    pub(super) replayed: bool,
}

/// Somebody who writes into a channel.
pub(super) struct Writer<'a> {
    pub(super) worker: &'a WorkerApp,
    pub(super) caller: &'a Caller,
    pub(super) visit: &'a Visit,
}

impl Writer<'_> {
    /// Applies operations as one edit.
    pub(super) async fn edit(&self, id: EditId, ops: Vec<Op>) -> Result<Ack, Problem> {
        let services = &self.worker.app.services;
        let edit = Edit { id, channel: self.visit.channel.clone(), ops };
        let checked = services.checker.edit(self.caller.user(), self.role(), &edit);
        let checked = checked?;
        services.access.may_enter(&checked).await?;
        let applied = services.committer.apply(checked, self.visit.looked).await?;
        Ok(self.ack(id, applied.epoch, applied.seq, applied.replayed))
    }

    /// Applies one operation to a row, if the row is in a state that the request asked for.
    pub(super) async fn change(
        &self,
        table: &str,
        conditions: &Conditions,
        op: Op,
    ) -> Result<Ack, Problem> {
        let id = conditions.edit_id(self.caller.user(), 0);
        match &conditions.if_match {
            Some(tags) => self.change_tagged(table, conditions, tags, id, op).boxed().await,
            None => self.edit(id, vec![op]).await,
        }
    }

    /// The row is read, and the edit holds only while it still is as it was read. A repetition is
    /// answered from memory: by now the row has another tag.
    async fn change_tagged(
        &self,
        table: &str,
        conditions: &Conditions,
        tags: &Tags,
        id: EditId,
        op: Op,
    ) -> Result<Ack, Problem> {
        let services = &self.worker.app.services;
        let (checker, reads) = (&services.checker, &self.worker.app.reads);
        let check = |op: Op| {
            let edit = Edit { id, channel: self.visit.channel.clone(), ops: vec![op] };
            checker.edit(self.caller.user(), self.role(), &edit)
        };
        let plain = checker.with_tag(check(op.clone())?, &tags.text());
        if conditions.is_named() {
            let outcome = reads.outcome(&plain).boxed().await;
            self.visit.is_still_open(self.worker, self.caller).await?;
            if let Some(outcome) = outcome? {
                let applied = outcome?;
                return Ok(self.ack(id, applied.epoch, applied.seq, true));
            }
        }
        let row = checker.row(&self.visit.channel, table, key_in(&op))?;
        let now = reads.row(&self.visit.channel, &row).boxed().await;
        self.visit.is_still_open(self.worker, self.caller).await?;
        let now = now?;
        if !tags.hold(&tag::of(&now)) {
            return Err(other_state().with_row(Some(now)));
        }
        let mut guarded = check(guarded(op, now))?;
        guarded.hash = plain.hash;
        match services.committer.apply(guarded, self.visit.looked).await {
            Ok(applied) => Ok(self.ack(id, applied.epoch, applied.seq, applied.replayed)),
            Err(error) if error.code == ErrorCode::GuardFailed => {
                Err(other_state().with_row(error.row))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn ack(&self, id: EditId, epoch: Epoch, seq: Seq, replayed: bool) -> Ack {
        Ack { id, channel: self.visit.channel.to_string(), epoch, seq, replayed }
    }

    fn role(&self) -> Role {
        self.visit.role
    }
}

fn key_in(op: &Op) -> &rowcast_protocol::Value {
    const NONE: &rowcast_protocol::Value = &rowcast_protocol::Value::Null;
    match op {
        Op::Update(Update { key, .. }) | Op::Delete(Delete { key, .. }) => key,
        Op::Insert(_) | Op::Move(_) => NONE,
    }
}

/// The operation, applied only while its row holds these values.
fn guarded(op: Op, row: rowcast_protocol::Fields) -> Op {
    match op {
        Op::Update(update) => Op::Update(Update { guard: row, ..update }),
        Op::Delete(delete) => Op::Delete(Delete { guard: row, ..delete }),
        other => other,
    }
}

fn other_state() -> Problem {
    let words = "the row has changed since; it is in `row` as it is now";
    Problem::new(ErrorCode::GuardFailed, words)
        .with_status(axum::http::StatusCode::PRECONDITION_FAILED)
}
