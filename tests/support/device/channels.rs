//! What a device does with channels and the rows that it has of them.

use std::{future::Future, panic::Location};

use rowcast_protocol::{
    ChannelName, Cursor, ErrorReply, Fields, Reply, Request, Value,
    reply::Subscribed,
    request::{PresenceMode, Subscribe, Unsubscribe},
};

use super::{
    super::{view::View, waiting::in_time},
    Device, subscribe,
};

impl Device {
    /// What it has of a channel.
    #[track_caller]
    pub(crate) fn view(&self, channel: &ChannelName) -> &View {
        match self.views.get(channel) {
            Some(view) => view,
            None => panic!("{}: nothing is known of {channel}", Location::caller()),
        }
    }

    /// Subscribes without a cursor, and waits until the rows are whole.
    #[track_caller]
    pub(crate) fn subscribes(&mut self, channel: &ChannelName) -> impl Future<Output = Subscribed> {
        self.subscribes_as(channel, None, PresenceMode::Off, None)
    }

    /// Subscribes and is seen.
    #[track_caller]
    pub(crate) fn joins(&mut self, channel: &ChannelName) -> impl Future<Output = Subscribed> {
        self.subscribes_as(channel, None, PresenceMode::Join, None)
    }

    /// Subscribes from where another device, or this one before, stood.
    #[track_caller]
    pub(crate) fn resumes(
        &mut self,
        channel: &ChannelName,
        view: &View,
    ) -> impl Future<Output = Subscribed> {
        self.views.insert(channel.clone(), view.clone());
        self.subscribes_as(channel, view.cursor, PresenceMode::Off, None)
    }

    /// Subscribes, and waits until it has what there was when it did.
    #[track_caller]
    pub(crate) fn subscribes_as(
        &mut self,
        channel: &ChannelName,
        cursor: Option<Cursor>,
        presence: PresenceMode,
        meta: Option<Value>,
    ) -> impl Future<Output = Subscribed> {
        let place = Location::caller();
        async move {
            let channel = channel.clone();
            let reference = self.next_ref();
            let request = Subscribe { reference, channel: channel.clone(), cursor, presence, meta };
            self.send(&Request::Subscribe(request)).await;
            let subscribed = match self.reply_at(place, reference).await {
                Reply::Subscribed(subscribed) => subscribed,
                other => panic!("{place}: {other:?} instead of `subscribed`"),
            };
            let head = subscribed.head;
            let catching_up = self.until(|device| {
                device.views.get(&channel).is_some_and(|view| view.is_whole() && view.seq >= head)
            });
            in_time(place, "the rows to be whole", catching_up).await;
            subscribed
        }
    }

    /// A subscription that must fail.
    #[track_caller]
    pub(crate) fn fails_to_subscribe(
        &mut self,
        channel: &ChannelName,
    ) -> impl Future<Output = ErrorReply> {
        let channel = channel.clone();
        self.fails(move |reference| Request::Subscribe(subscribe(reference, &channel)))
    }

    /// Unsubscribes.
    #[track_caller]
    pub(crate) fn unsubscribes(&mut self, channel: &ChannelName) -> impl Future<Output = Reply> {
        let channel = channel.clone();
        self.asks(|reference| Request::Unsubscribe(Unsubscribe { reference, channel }))
    }

    async fn until(&mut self, mut is_so: impl FnMut(&Self) -> bool) {
        while !is_so(self) {
            if let Err(over) = self.receive().await {
                panic!("the socket ended ({over:?}); before it: {:?}", self.inbox);
            }
        }
    }

    /// Waits until its view of a channel is so.
    #[track_caller]
    pub(crate) fn sees(
        &mut self,
        channel: &ChannelName,
        what: &str,
        mut is_so: impl FnMut(&View) -> bool,
    ) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let looking = self.until(|device| {
                device.views.get(channel).is_some_and(|view| view.is_whole() && is_so(view))
            });
            in_time(place, what, looking).await;
        }
    }

    /// Waits until a task has this title.
    #[track_caller]
    pub(crate) fn sees_title(
        &mut self,
        channel: &ChannelName,
        task: &str,
        title: &str,
    ) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let wanted = Value::from(title);
            let what = format!("task {task} to be called {title:?}");
            let looking = self.until(|device| {
                let row = device.views.get(channel).and_then(|view| view.row("tasks", task));
                row.and_then(|row| row.get("title")) == Some(&wanted)
            });
            in_time(place, &what, looking).await;
        }
    }

    /// Waits until a row is gone.
    #[track_caller]
    pub(crate) fn sees_no(
        &mut self,
        channel: &ChannelName,
        table: &str,
        key: &str,
    ) -> impl Future<Output = ()> {
        self.sees(channel, "the row to go", |view| view.row(table, key).is_none())
    }

    /// A task as this device has it.
    #[track_caller]
    pub(crate) fn task(&self, channel: &ChannelName, task: &str) -> Fields {
        match self.view(channel).row("tasks", task) {
            Some(row) => row.clone(),
            None => panic!("{}: there is no task {task}", Location::caller()),
        }
    }
}
