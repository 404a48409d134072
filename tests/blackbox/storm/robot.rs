//! A client of a run: follows every project, makes random edits, keeps to the protocol whatever
//! happens to its network, and writes down what it saw.

use std::{collections::BTreeMap, collections::VecDeque, sync::Arc, time::Duration};

use rand::{RngExt as _, rngs::StdRng};
use rowcast_protocol::{
    ChannelName, Codec, Edit, EditId, ErrorCode, ErrorReply, News, Reply, Request, ServerMessage,
    TableSchema,
    news::Entries,
    reply::{Ack, Start, Subscribed},
    request::{EditRequest, PresenceMode, Ref, Subscribe},
};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::{
    edits::{self, Made},
    fate::Fate,
    history::History,
    run::THE_END,
};
use crate::support::{
    device::Device,
    link::Link,
    stream::{Over, Stream},
    view::{Broken, View},
};

/// Edits under way at once.
const WINDOW: usize = 12;
/// How long a client waits before it connects again or sends an edit again, at most.
const AGAIN: Duration = Duration::from_millis(150);
/// How long it makes no edits in a channel after one was refused for want of a right.
const BARRED: Duration = Duration::from_millis(300);

/// A client.
pub(super) struct Robot {
    pub(super) name: String,
    pub(super) user: String,
    pub(super) token: String,
    pub(super) codec: Codec,
    pub(super) link: Arc<Link>,
    pub(super) projects: Vec<ChannelName>,
    pub(super) dice: StdRng,
    pub(super) fate: Arc<Fate>,
    pub(super) history: History,
    pub(super) views: BTreeMap<ChannelName, View>,
    /// Edits without an outcome, in the order in which they were made.
    pub(super) pending: VecDeque<Pending>,
    /// An edit that was acked, to be sent again now and then.
    pub(super) settled: Option<Edit>,
    pub(super) schema: Vec<TableSchema>,
    pub(super) last_ref: Ref,
    /// Subscriptions that were asked for, and when.
    pub(super) asked: BTreeMap<Ref, (ChannelName, u64)>,
    /// Channels that are not followed, and when to ask for them again.
    pub(super) absent: BTreeMap<ChannelName, Instant>,
    /// Channels in which an edit was refused for want of a right, and until when no other is made.
    pub(super) barred: BTreeMap<ChannelName, Instant>,
}

/// An edit without an outcome.
pub(super) struct Pending {
    edit: Edit,
    /// When it may be sent again; `None`: it is under way.
    again: Option<Instant>,
}

impl Robot {
    /// Lives through the run.
    pub(super) async fn runs(mut self) {
        self.notes(json!({"what": "client", "client": self.name, "user": self.user}));
        loop {
            match self.connects().await {
                Some(mut stream) => {
                    if self.lives(&mut stream).await.is_ok() {
                        break;
                    }
                    for channel in self.projects.clone() {
                        self.notes(json!({"what": "over", "channel": channel}));
                        let view = self.views.entry(channel).or_default();
                        if !view.is_whole() {
                            *view = View::default();
                        }
                    }
                }
                None => tokio::time::sleep(self.a_moment()).await,
            }
        }
        self.ends();
    }

    fn a_moment(&mut self) -> Duration {
        AGAIN.mul_f64(self.dice.random_range(0.1..1.0))
    }

    fn notes(&mut self, line: Json) {
        self.history.notes(line);
    }

    async fn connects(&mut self) -> Option<Stream> {
        let connecting = async {
            let stream = Stream::connect(self.link.address, self.codec, &[]).await.ok()?;
            Device::try_greet(stream, &self.token).await
        };
        let greeted = tokio::time::timeout(Duration::from_secs(5), connecting).await.ok()??;
        let (stream, welcome) = greeted;
        self.schema = welcome.schema.tables.unwrap_or_default();
        Some(stream)
    }

    /// One connection; `Ok`: the run is over.
    async fn lives(&mut self, stream: &mut Stream) -> Result<(), Over> {
        self.asked.clear();
        self.absent.clear();
        for channel in self.projects.clone() {
            self.subscribes(stream, &channel).await?;
        }
        for pending in &mut self.pending {
            pending.again = Some(Instant::now());
        }
        let end = self.fate.end.subscribe();
        while !(*end.borrow() && self.has_seen_the_end()) {
            self.sends_what_is_due(stream).await?;
            let due = self.pending.iter().filter_map(|pending| pending.again);
            let due = due.chain(self.absent.values().copied()).min();
            let wake = due.unwrap_or_else(|| Instant::now() + AGAIN);
            tokio::select! {
                message = stream.next() => self.takes(stream, message?).await?,
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        Ok(())
    }

    fn next_ref(&mut self) -> Ref {
        self.last_ref += 1;
        self.last_ref
    }

    async fn subscribes(&mut self, stream: &mut Stream, channel: &ChannelName) -> Result<(), Over> {
        let cursor = self.views.get(channel).and_then(|view| view.cursor);
        let reference = self.next_ref();
        self.asked.insert(reference, (channel.clone(), self.history.now()));
        let (channel, presence) = (channel.clone(), PresenceMode::Join);
        stream
            .send(&Request::Subscribe(Subscribe {
                reference,
                channel,
                cursor,
                presence,
                meta: None,
            }))
            .await
    }

    // --- edits -------------------------------------------------------------------------------

    async fn sends_what_is_due(&mut self, stream: &mut Stream) -> Result<(), Over> {
        let now = Instant::now();
        for index in 0..self.pending.len() {
            if self.pending[index].again.is_some_and(|at| at <= now) {
                self.pending[index].again = None;
                let edit = self.pending[index].edit.clone();
                self.sends(stream, &edit).await?;
            }
        }
        while let Some(channel) =
            self.absent.iter().find(|(_, at)| **at <= now).map(|(of, _)| of.clone())
        {
            self.absent.remove(&channel);
            self.subscribes(stream, &channel).await?;
        }
        self.barred.retain(|_, until| *until > now);
        let is_open = |channel: &&ChannelName| !self.barred.contains_key(*channel);
        let open: Vec<ChannelName> = self.projects.iter().filter(is_open).cloned().collect();
        while !open.is_empty() && self.pending.len() < WINDOW && self.fate.takes_one() {
            let made = edits::random(&mut self.dice, &open, &self.views, &self.name);
            self.notes(made.as_sent());
            let Made { edit, .. } = made;
            self.pending.push_back(Pending { edit: edit.clone(), again: None });
            self.sends(stream, &edit).await?;
        }
        if let Some(edit) = self.settled.take_if(|_| self.dice.random_range(0..20) == 0) {
            self.sends(stream, &edit).await?;
        }
        Ok(())
    }

    async fn sends(&mut self, stream: &mut Stream, edit: &Edit) -> Result<(), Over> {
        let reference = self.next_ref();
        stream.send(&Request::Edit(EditRequest { reference, edit: edit.clone() })).await
    }

    fn takes_ack(&mut self, ack: &Ack) {
        self.notes(json!({
            "what": "ack", "edit": ack.id, "channel": ack.channel,
            "epoch": ack.epoch, "seq": ack.seq,
        }));
        if let Some(edit) = self.is_settled(ack.id) {
            self.settled = Some(edit);
        }
    }

    fn is_settled(&mut self, id: EditId) -> Option<Edit> {
        let index = self.pending.iter().position(|pending| pending.edit.id == id)?;
        self.fate.settles_one();
        self.pending.remove(index).map(|pending| pending.edit)
    }

    /// An error of an edit; or somebody is no member, and asks again. Anything else ends the
    /// connection, and all begins anew.
    fn takes_error(&mut self, error: &ErrorReply) -> Result<(), Over> {
        let Some(id) = error.id else {
            let asked = error.reference.and_then(|reference| self.asked.remove(&reference));
            let Some((channel, _)) = asked else { return Err(Over(None)) };
            if error.code != ErrorCode::UnknownChannel {
                return Err(Over(None));
            }
            self.comes_back_to(channel);
            return Ok(());
        };
        self.notes(json!({
            "what": "refused", "edit": id, "code": error.code, "retry": error.retry,
        }));
        if !error.retry {
            let edit = self.is_settled(id);
            if matches!(error.code, ErrorCode::UnknownChannel | ErrorCode::Forbidden)
                && let Some(edit) = edit
            {
                self.barred.insert(edit.channel, Instant::now() + BARRED);
            }
            return Ok(());
        }
        self.fate.meets_trouble();
        let wait = error.retry_after_ms.map_or_else(|| self.a_moment(), Duration::from_millis);
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.edit.id == id) {
            pending.again = Some(Instant::now() + wait);
        }
        Ok(())
    }

    // --- what comes --------------------------------------------------------------------------

    async fn takes(&mut self, stream: &mut Stream, message: ServerMessage) -> Result<(), Over> {
        match message {
            ServerMessage::Reply(Reply::Ack(ack)) => self.takes_ack(&ack),
            ServerMessage::Reply(Reply::Error(error)) => self.takes_error(&error)?,
            ServerMessage::Reply(Reply::Subscribed(subscribed)) => self.is_subscribed(&subscribed),
            ServerMessage::Reply(_) => {}
            ServerMessage::News(news) => return self.takes_news(stream, news).await,
        }
        Ok(())
    }

    fn comes_back_to(&mut self, channel: ChannelName) {
        let at = Instant::now() + self.a_moment();
        self.absent.insert(channel, at);
    }

    fn is_subscribed(&mut self, subscribed: &Subscribed) {
        let asked = self.asked.remove(&subscribed.reference).map(|(_, at)| at);
        let view = self.views.entry(subscribed.channel.clone()).or_default();
        let from = view.cursor.map(|_| json!({"epoch": view.epoch, "seq": view.seq}));
        if subscribed.start == Start::Resume && view.cursor.is_none() {
            *view = View::default();
        }
        self.notes(json!({
            "what": "subscribed", "channel": subscribed.channel, "start": subscribed.start,
            "epoch": subscribed.epoch, "head": subscribed.head, "from": from, "asked": asked,
        }));
    }

    async fn takes_news(&mut self, stream: &mut Stream, news: News) -> Result<(), Over> {
        match news {
            News::SnapshotBegin(begin) => {
                self.views.entry(begin.channel.clone()).or_default().begins(&begin);
                self.notes(json!({
                    "what": "snapshot_begin", "channel": begin.channel, "epoch": begin.epoch,
                }));
            }
            News::Snapshot(page) => {
                self.views.entry(page.channel.clone()).or_default().takes(&page, &self.schema);
                self.notes(json!({
                    "what": "rows", "channel": page.channel, "table": page.table,
                    "seq": page.seq, "rows": page.rows,
                }));
            }
            News::SnapshotEnd(end) => {
                self.views.entry(end.channel.clone()).or_default().ends(&end);
                self.notes(json!({
                    "what": "snapshot_end", "channel": end.channel,
                    "seq": end.seq, "show": end.show,
                }));
            }
            News::Entries(entries) => return self.takes_entries(stream, entries).await,
            News::Removed(removed) => self.is_removed(removed.channel),
            _ => {}
        }
        Ok(())
    }

    /// Forgets the rows, as one should, or tries to go on from where they are.
    fn is_removed(&mut self, channel: ChannelName) {
        let view = self.views.entry(channel.clone()).or_default();
        let forgets = self.dice.random_range(0..2) == 0;
        if forgets || !view.is_whole() {
            *view = View::default();
        }
        self.notes(json!({"what": if forgets { "removed" } else { "over" }, "channel": channel}));
        self.comes_back_to(channel);
    }

    async fn takes_entries(&mut self, stream: &mut Stream, news: Entries) -> Result<(), Over> {
        self.notes(json!({
            "what": "entries", "channel": news.channel, "entries": news.entries,
        }));
        let view = self.views.entry(news.channel.clone()).or_default();
        let broken = view.applies(&news);
        view.entries.clear();
        match broken {
            Ok(()) => Ok(()),
            Err(Broken::Gap(_)) => self.subscribes(stream, &news.channel).await,
            Err(Broken::Reset) => {
                *view = View::default();
                self.subscribes(stream, &news.channel).await
            }
        }
    }

    // --- the end -----------------------------------------------------------------------------

    fn has_seen_the_end(&self) -> bool {
        let marked = |channel: &ChannelName| {
            let view = self.views.get(channel).filter(|view| view.is_whole());
            let end = rowcast_protocol::Value::from(THE_END);
            view.is_some_and(|view| view.table("tasks").any(|row| row.get("title") == Some(&end)))
        };
        self.pending.is_empty() && self.projects.iter().all(marked)
    }

    fn ends(mut self) {
        for (channel, view) in std::mem::take(&mut self.views) {
            let mut tables: BTreeMap<&str, Vec<_>> = BTreeMap::new();
            for ((table, _), row) in &view.rows {
                tables.entry(table).or_default().push(row);
            }
            let line = json!({
                "what": "final", "channel": channel, "epoch": view.epoch,
                "seq": view.seq, "rows": tables,
            });
            self.notes(line);
        }
        self.history.ends();
    }
}
