//! One socket of a run: it reads, folds, and tells the ledger what came.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use rowcast_protocol::{
    ChannelName, Codec, Edit, EditId, ErrorReply, News, Reply, Request, ServerMessage,
    edit::EditRequest,
    news::Entries,
    request::{PresenceMode, Subscribe},
};
use tokio::{sync::Notify, time::Instant};

use super::{
    decoding::{Decoding, decoder},
    ledger::Ledger,
    replica::{Keys, Next, Replica},
};
use crate::wire::{Decoder, LinkError, Outbox, Receiver};

/// How long to wait before an edit is sent again, unless the hub says.
const BEFORE_AGAIN: Duration = Duration::from_millis(200);

/// Shared by all devices of a run.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) ledger: RefCell<Ledger>,
    decoding: RefCell<Decoding>,
    /// Told when an edit is settled or a replica is whole.
    pub(super) progress: Notify,
    /// Why the run cannot go on.
    failure: RefCell<Option<(String, LinkError)>>,
    pub(super) failed: Notify,
}

impl Shared {
    /// Why the run cannot go on.
    pub(super) fn failure(&self) -> Option<(String, LinkError)> {
        self.failure.borrow_mut().take()
    }

    fn fail(&self, what: String, error: LinkError) {
        self.failure.borrow_mut().get_or_insert((what, error));
        self.failed.notify_one();
    }
}

/// The edits of one editor that have no ack.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    pub(super) edits: RefCell<HashMap<EditId, Edit>>,
    /// Told when one is acked or refused.
    pub(super) room: Notify,
}

/// What a device holds of its channels.
pub(super) type Replicas = HashMap<ChannelName, RefCell<Replica>>;

/// One socket.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) number: usize,
    pub(super) outbox: Rc<Outbox>,
    pub(super) replicas: Rc<Replicas>,
    pub(super) under_way: Rc<UnderWay>,
    shared: Rc<Shared>,
}

impl Device {
    pub(super) fn new(
        number: usize,
        channels: &[ChannelName],
        keys: &Rc<Keys>,
        outbox: Rc<Outbox>,
        shared: Rc<Shared>,
    ) -> Self {
        let replica =
            |channel: &ChannelName| (channel.clone(), RefCell::new(Replica::new(Rc::clone(keys))));
        let replicas = Rc::new(channels.iter().map(replica).collect());
        Self { number, outbox, replicas, under_way: Rc::default(), shared }
    }

    /// Whether all its rows are whole.
    pub(super) fn is_whole(&self) -> bool {
        self.replicas.values().all(|replica| replica.borrow().is_whole())
    }

    /// Reads until the socket ends.
    pub(super) async fn run(self: Rc<Self>, mut receiver: Receiver, codec: Codec) {
        let mut decoder = decoder(codec);
        loop {
            let mut failed = Ok(());
            let received = receiver
                .receive(|payload| {
                    if let Err(error) = self.take(&mut decoder, payload) {
                        failed = Err(error);
                    }
                })
                .await;
            self.shared.progress.notify_waiters();
            if let Err(error) = received.and(failed) {
                return self.shared.fail(format!("device {}", self.number), error);
            }
        }
    }

    fn take(&self, decoder: &mut Decoder, payload: &[u8]) -> Result<(), LinkError> {
        let message = self.shared.decoding.borrow_mut().message(decoder, payload)?;
        match message.as_deref() {
            Some(ServerMessage::Reply(Reply::Ack(ack))) => {
                self.shared.ledger.borrow_mut().acked(ack.id, ack.seq, Instant::now());
                self.forget(ack.id);
            }
            Some(ServerMessage::Reply(Reply::Error(error))) => self.error(error)?,
            Some(ServerMessage::News(news)) => self.news(news),
            _ => {}
        }
        Ok(())
    }

    fn forget(&self, id: EditId) {
        self.under_way.edits.borrow_mut().remove(&id);
        self.under_way.room.notify_one();
    }

    fn error(&self, error: &ErrorReply) -> Result<(), LinkError> {
        let Some(id) = error.id else { return Err(LinkError::Error(Box::new(error.clone()))) };
        if !self.shared.ledger.borrow_mut().failed(id, error) {
            self.forget(id);
        } else if let Some(edit) = self.under_way.edits.borrow().get(&id) {
            let wait = error.retry_after_ms.map_or(BEFORE_AGAIN, Duration::from_millis);
            tokio::task::spawn_local(send(Rc::clone(&self.outbox), request(edit.clone()), wait));
        }
        Ok(())
    }

    fn news(&self, news: &News) {
        let outcome = match news {
            News::Entries(entries) => self.entries(entries),
            News::SnapshotBegin(begin) => {
                self.with(&begin.channel, |replica| replica.begin(begin));
                Ok(())
            }
            News::Snapshot(page) => {
                self.with(&page.channel, |replica| replica.page(page)).unwrap_or(Ok(()))
            }
            News::SnapshotEnd(end) => {
                self.with(&end.channel, |replica| replica.end(end)).unwrap_or(Ok(()))
            }
            News::Removed(_) | News::Drain(_) | News::Missed(_) | News::Degraded(_) => {
                return self.find(|| format!("the hub said {news:?}"));
            }
            _ => Ok(()),
        };
        if let Err(fault) = outcome {
            self.find(|| fault.to_string());
        }
    }

    fn entries(&self, news: &Entries) -> Result<(), super::replica::Fault> {
        let (now, number) = (Instant::now(), self.number);
        let mut ledger = self.shared.ledger.borrow_mut();
        let applied = self.with(&news.channel, |replica| {
            replica.entries(news, |entry| {
                let edits = entry.edits.iter();
                edits.for_each(|edit| ledger.delivered(edit.id, entry.seq, number, now));
            })
        });
        if applied.unwrap_or(Ok(Next::GoOn))? == Next::SubscribeAgain {
            let again = Subscribe {
                reference: 0,
                channel: news.channel.clone(),
                cursor: None,
                presence: PresenceMode::Off,
                meta: None,
            };
            let request = Request::Subscribe(again);
            tokio::task::spawn_local(send(Rc::clone(&self.outbox), request, Duration::ZERO));
        }
        Ok(())
    }

    fn with<T>(&self, channel: &ChannelName, change: impl FnOnce(&mut Replica) -> T) -> Option<T> {
        self.replicas.get(channel).map(|replica| change(&mut replica.borrow_mut()))
    }

    fn find(&self, words: impl FnOnce() -> String) {
        let number = self.number;
        self.shared.ledger.borrow_mut().findings.add(|| format!("device {number}: {}", words()));
    }
}

/// The request for an edit; its id stands for a `ref` as well.
pub(super) fn request(edit: Edit) -> Request {
    let reference = u64::try_from(edit.id.0.as_u128() & 0x001f_ffff_ffff_ffff).unwrap_or(0);
    Request::Edit(EditRequest { reference, edit })
}

async fn send(outbox: Rc<Outbox>, request: Request, wait: Duration) {
    tokio::time::sleep(wait).await;
    outbox.queue(&request);
    // A socket that is gone is told of by its reader.
    let _told = outbox.flush().await;
}
