//! What a device does with what is not stored, and with the past of rows.

use std::future::Future;

use rowcast_protocol::{
    ChannelName, News, PresentPerson, Reply, Request, SignalItem, StateItem, Value, news::Removed,
    request::History,
};

use super::{Device, signal, state};

impl Device {
    /// Sets a state, or clears it with null, and waits until the hub has it.
    pub(crate) async fn sets(&mut self, channel: &ChannelName, key: &str, value: Value) {
        let reply = self.asks(|r| state(Some(r), channel, key, value)).await;
        assert!(matches!(reply, Reply::Done(_)), "{reply:?}");
    }

    /// Sends a signal, and waits until the hub has taken it.
    pub(crate) async fn signals(&mut self, channel: &ChannelName, name: &str, body: Value) {
        let reply = self.asks(|r| signal(Some(r), channel, name, body)).await;
        assert!(matches!(reply, Reply::Done(_)), "{reply:?}");
    }

    /// Waits for the next list of states.
    #[track_caller]
    pub(crate) fn hears_states(&mut self) -> impl Future<Output = (bool, Vec<StateItem>)> {
        self.hears_news("states", |news| match news {
            News::States(states) => Some((states.full, states.states.clone())),
            _ => None,
        })
    }

    /// Waits for the next signals.
    #[track_caller]
    pub(crate) fn hears_signals(&mut self) -> impl Future<Output = Vec<SignalItem>> {
        self.hears_news("signals", |news| match news {
            News::Signals(signals) => Some(signals.signals.clone()),
            _ => None,
        })
    }

    /// Waits for the next news of who is here: those who came or changed, and those who left.
    #[track_caller]
    pub(crate) fn hears_presence(
        &mut self,
    ) -> impl Future<Output = (Vec<PresentPerson>, Vec<String>)> {
        self.hears_news("presence", |news| match news {
            News::Presence(presence) => Some((presence.here.clone(), presence.left.clone())),
            _ => None,
        })
    }

    /// Waits until the hub takes it out of a channel.
    #[track_caller]
    pub(crate) fn is_removed(&mut self) -> impl Future<Output = Removed> {
        self.hears_news("`removed`", |news| match news {
            News::Removed(removed) => Some(removed.clone()),
            _ => None,
        })
    }

    /// The past of a task.
    #[track_caller]
    pub(crate) fn asks_for_history(
        &mut self,
        channel: &ChannelName,
        task: &str,
        limit: u32,
    ) -> impl Future<Output = Reply> {
        let (channel, key) = (channel.clone(), Value::from(task));
        self.asks(move |reference| {
            let (table, limit) = ("tasks".to_owned(), Some(limit));
            Request::History(History { reference, channel, table, key, before: None, limit })
        })
    }
}
