//! A device of a person: speaks the protocol, keeps views of channels, and waits for what a test
//! expects. What came and was not asked for yet stays in the inbox, in order.

mod channels;
mod edits;
mod ephemeral;

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    net::SocketAddr,
    panic::Location,
};

use rowcast_protocol::{
    ChannelName, Codec, ErrorReply, News, Reply, Request, ServerMessage, TableSchema, Value,
    news::Entries,
    reply::{Start, Welcome},
    request::{Hello, Ping, PresenceMode, Ref, SendSignal, SetState, Subscribe},
};
use tokio_tungstenite::tungstenite;

use super::{
    stream::{Over, Stream},
    view::{Broken, View},
    waiting::in_time,
};

/// A greeted device.
#[derive(Debug)]
pub(crate) struct Device {
    /// What the hub said to the greeting.
    pub(crate) welcome: Welcome,
    pub(crate) stream: Stream,
    /// What came and nobody asked for yet.
    pub(crate) inbox: VecDeque<ServerMessage>,
    /// Channels that must be subscribed to again, without a cursor.
    pub(crate) resets: Vec<ChannelName>,
    views: BTreeMap<ChannelName, View>,
    schema: Vec<TableSchema>,
    last_ref: Ref,
}

impl Device {
    /// Connects and greets with a token.
    ///
    /// # Errors
    /// What the hub answers instead of `welcome`.
    pub(crate) async fn connect(
        address: SocketAddr,
        codec: Codec,
        token: &str,
    ) -> Result<Self, ErrorReply> {
        let stream = Stream::connect(address, codec, &[]).await.expect("the upgrade succeeds");
        Self::greet(stream, Some(token)).await
    }

    /// Greets on a socket that is open.
    ///
    /// # Errors
    /// What the hub answers instead of `welcome`.
    pub(crate) async fn greet(mut stream: Stream, token: Option<&str>) -> Result<Self, ErrorReply> {
        let token = token.map(str::to_owned);
        let client = Some("blackbox/1".to_owned());
        let hello = Request::Hello(Hello { reference: 1, token, client, schema: None });
        stream.send(&hello).await.expect("it is open");
        let answer = in_time(Location::caller(), "`welcome`", stream.next()).await;
        match answer.expect("an answer, not the end") {
            ServerMessage::Reply(Reply::Welcome(welcome)) => {
                let schema = welcome.schema.tables.clone().unwrap_or_default();
                Ok(Self {
                    welcome: *welcome,
                    stream,
                    inbox: VecDeque::new(),
                    resets: Vec::new(),
                    views: BTreeMap::new(),
                    schema,
                    last_ref: 1,
                })
            }
            ServerMessage::Reply(Reply::Error(error)) => Err(*error),
            other => panic!("{other:?} answers no `hello`"),
        }
    }

    /// Greets on a socket that may break at any time.
    pub(crate) async fn try_greet(mut stream: Stream, token: &str) -> Option<(Stream, Welcome)> {
        let token = Some(token.to_owned());
        let hello = Request::Hello(Hello { reference: 0, token, ..Hello::default() });
        stream.send(&hello).await.ok()?;
        match stream.next().await.ok()? {
            ServerMessage::Reply(Reply::Welcome(welcome)) => Some((stream, *welcome)),
            _ => None,
        }
    }

    /// The session's name.
    pub(crate) fn session(&self) -> &str {
        &self.welcome.session
    }

    // --- receiving ---------------------------------------------------------------------------

    /// The next message, applied to the views and put into the inbox.
    async fn receive(&mut self) -> Result<(), Over> {
        let message = self.stream.next().await?;
        self.apply(&message);
        self.inbox.push_back(message);
        Ok(())
    }

    fn apply(&mut self, message: &ServerMessage) {
        let news = match message {
            ServerMessage::News(news) => news,
            ServerMessage::Reply(Reply::Subscribed(subscribed)) => {
                // Until then what came was of the old subscription.
                self.resets.retain(|other| *other != subscribed.channel);
                if subscribed.start == Start::Snapshot {
                    self.view_mut(&subscribed.channel).show = None;
                }
                return;
            }
            ServerMessage::Reply(_) => return,
        };
        match news {
            News::SnapshotBegin(begin) => self.view_mut(&begin.channel).begins(begin),
            News::Snapshot(page) => {
                let view = self.views.entry(page.channel.clone()).or_default();
                view.takes(page, &self.schema);
            }
            News::SnapshotEnd(end) => self.view_mut(&end.channel).ends(end),
            News::Entries(news) => self.apply_entries(news),
            News::Schema(schema) => self.schema = schema.tables.clone().unwrap_or_default(),
            News::Removed(removed) => drop(self.views.remove(&removed.channel)),
            _ => {}
        }
    }

    fn apply_entries(&mut self, news: &Entries) {
        if self.resets.contains(&news.channel) {
            return;
        }
        let view = self.view_mut(&news.channel);
        match view.applies(news) {
            Ok(()) => {}
            Err(Broken::Reset) => self.resets.push(news.channel.clone()),
            Err(Broken::Gap(seq)) => {
                panic!("entry {seq} of {} came after {}", news.channel, view.seq)
            }
        }
    }

    fn view_mut(&mut self, channel: &ChannelName) -> &mut View {
        self.views.entry(channel.clone()).or_default()
    }

    /// Waits for the first message that `pick` takes, among those that came and those that come.
    #[track_caller]
    pub(crate) fn hears<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> impl Future<Output = T> {
        let place = Location::caller();
        async move {
            let mut seen = 0;
            let waiting = async {
                loop {
                    while let Some(message) = self.inbox.get(seen) {
                        if let Some(picked) = pick(message) {
                            self.inbox.remove(seen);
                            return picked;
                        }
                        seen += 1;
                    }
                    if let Err(over) = self.receive().await {
                        let inbox = &self.inbox;
                        panic!("{place}: {over:?} instead of {what}; before it: {inbox:?}");
                    }
                }
            };
            in_time(place, what, waiting).await
        }
    }

    /// Waits for news.
    #[track_caller]
    pub(crate) fn hears_news<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&News) -> Option<T>,
    ) -> impl Future<Output = T> {
        self.hears(what, move |message| match message {
            ServerMessage::News(news) => pick(news),
            ServerMessage::Reply(_) => None,
        })
    }

    /// Waits for the end, and says with which code the hub closed.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) -> impl Future<Output = Option<u16>> {
        let place = Location::caller();
        async move {
            let reading = async {
                loop {
                    if let Err(Over(code)) = self.receive().await {
                        return code;
                    }
                }
            };
            in_time(place, "the hub to close", reading).await
        }
    }

    /// Everything that was sent so far has come: there and back.
    #[track_caller]
    pub(crate) fn is_up_to_date(&mut self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let reference = self.next_ref();
            self.send(&Request::Ping(Ping { reference })).await;
            let reply = self.reply_at(place, reference).await;
            assert!(matches!(reply, Reply::Pong(_)), "{place}: {reply:?}");
        }
    }

    // --- asking ------------------------------------------------------------------------------

    pub(crate) fn next_ref(&mut self) -> Ref {
        self.last_ref += 1;
        self.last_ref
    }

    /// Sends a request and does not wait.
    pub(crate) async fn send(&mut self, request: &Request) {
        self.stream.send(request).await.expect("the socket is open");
    }

    async fn reply_at(&mut self, place: &'static Location<'static>, reference: Ref) -> Reply {
        let what = format!("the reply to request {reference}");
        let hearing = self.hears(&what, |message| match message {
            ServerMessage::Reply(reply) if reference_of(reply) == Some(reference) => {
                Some(reply.clone())
            }
            _ => None,
        });
        in_time(place, &what, hearing).await
    }

    /// Waits for the reply to a request.
    #[track_caller]
    pub(crate) fn reply(&mut self, reference: Ref) -> impl Future<Output = Reply> {
        self.reply_at(Location::caller(), reference)
    }

    /// Sends a request made with a fresh `ref` and waits for its reply.
    #[track_caller]
    pub(crate) fn asks(
        &mut self,
        request: impl FnOnce(Ref) -> Request,
    ) -> impl Future<Output = Reply> {
        let place = Location::caller();
        async move {
            let reference = self.next_ref();
            self.send(&request(reference)).await;
            self.reply_at(place, reference).await
        }
    }

    /// Sends a request that must fail.
    #[track_caller]
    pub(crate) fn fails(
        &mut self,
        request: impl FnOnce(Ref) -> Request,
    ) -> impl Future<Output = ErrorReply> {
        let place = Location::caller();
        let asking = self.asks(request);
        async move {
            match asking.await {
                Reply::Error(error) => *error,
                other => panic!("{place}: {other:?} is no error"),
            }
        }
    }
}

/// A subscription without a cursor.
pub(crate) fn subscribe(reference: Ref, channel: &ChannelName) -> Subscribe {
    let (channel, presence) = (channel.clone(), PresenceMode::Off);
    Subscribe { reference, channel, cursor: None, presence, meta: None }
}

/// A state.
pub(crate) fn state(r: Option<Ref>, channel: &ChannelName, key: &str, value: Value) -> Request {
    let (channel, key) = (channel.clone(), key.to_owned());
    Request::State(SetState { reference: r, channel, key, value })
}

/// A signal.
pub(crate) fn signal(r: Option<Ref>, channel: &ChannelName, name: &str, body: Value) -> Request {
    let (channel, name) = (channel.clone(), name.to_owned());
    Request::Signal(SendSignal { reference: r, channel, name, body })
}

fn reference_of(reply: &Reply) -> Option<Ref> {
    match reply {
        Reply::Welcome(reply) => Some(reply.reference),
        Reply::Renewed(reply) => Some(reply.reference),
        Reply::Subscribed(reply) => Some(reply.reference),
        Reply::Unsubscribed(reply) => Some(reply.reference),
        Reply::Ack(reply) => Some(reply.reference),
        Reply::Done(reply) => Some(reply.reference),
        Reply::HistoryPage(reply) => Some(reply.reference),
        Reply::Pong(reply) => Some(reply.reference),
        Reply::Error(reply) => reply.reference,
    }
}

/// The status with which an upgrade is refused.
pub(crate) fn refused_status(result: Result<Stream, tungstenite::Error>) -> u16 {
    match result {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        other => panic!("the upgrade is not refused: {other:?}"),
    }
}
