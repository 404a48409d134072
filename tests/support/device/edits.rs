//! What a device does with edits.

use std::{future::Future, panic::Location};

use rowcast_protocol::{
    ChannelName, Edit, ErrorReply, Op, Reply, Request,
    reply::Ack,
    request::{EditRequest, Ref},
};

use super::{super::edits::edit, Device};

impl Device {
    /// Sends an edit without waiting, and returns its `ref`.
    pub(crate) async fn sends(&mut self, edit: &Edit) -> Ref {
        let reference = self.next_ref();
        self.send(&Request::Edit(EditRequest { reference, edit: edit.clone() })).await;
        reference
    }

    /// Sends this edit, perhaps again, and waits for what becomes of it.
    #[track_caller]
    pub(crate) fn tries(&mut self, edit: &Edit) -> impl Future<Output = Result<Ack, ErrorReply>> {
        let place = Location::caller();
        async move {
            let reference = self.sends(edit).await;
            match self.reply_at(place, reference).await {
                Reply::Ack(ack) => {
                    assert_eq!((ack.id, &ack.channel), (edit.id, &edit.channel), "{place}");
                    Ok(ack)
                }
                Reply::Error(error) => {
                    assert_eq!(error.id, Some(edit.id), "{place}: {error:?}");
                    Err(*error)
                }
                other => panic!("{place}: {other:?} answers no edit"),
            }
        }
    }

    /// Makes an edit that must succeed.
    #[track_caller]
    pub(crate) fn edits(
        &mut self,
        channel: &ChannelName,
        ops: Vec<Op>,
    ) -> impl Future<Output = Ack> {
        let place = Location::caller();
        let edit = edit(channel, ops);
        async move {
            match self.tries(&edit).await {
                Ok(ack) => ack,
                Err(error) => panic!("{place}: the edit was refused: {error:?}"),
            }
        }
    }

    /// Makes an edit that must be refused.
    #[track_caller]
    pub(crate) fn is_refused(
        &mut self,
        channel: &ChannelName,
        ops: Vec<Op>,
    ) -> impl Future<Output = ErrorReply> {
        let place = Location::caller();
        let edit = edit(channel, ops);
        async move {
            match self.tries(&edit).await {
                Ok(ack) => panic!("{place}: the edit was applied: {ack:?}"),
                Err(error) => error,
            }
        }
    }
}
