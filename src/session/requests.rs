//! What a greeted client may ask.

use std::sync::{Arc, atomic::Ordering};

use rowcast_protocol::{
    ChannelName, Edit, EditId, ErrorCode, ErrorReply, Reply, Request, Role, SignalItem, Value,
    reply::{Ack, Done, HistoryPage, Pong},
    request::{EditRequest, History, Ref, SendSignal, SetState},
};

use super::{Session, greeting::Greeted};
use crate::{
    commit::EditResult,
    hub::{
        Subscription,
        ephemera::{StateBounds, TooMuchState},
    },
    instant::instant,
    metrics::KindLabel,
};

/// A request's `ref`.
pub(super) fn reference(request: &Request) -> Option<Ref> {
    match request {
        Request::Hello(request) => Some(request.reference),
        Request::Renew(request) => Some(request.reference),
        Request::Subscribe(request) => Some(request.reference),
        Request::Unsubscribe(request) => Some(request.reference),
        Request::Edit(request) => Some(request.reference),
        Request::State(request) => request.reference,
        Request::Signal(request) => request.reference,
        Request::History(request) => Some(request.reference),
        Request::Ping(request) => Some(request.reference),
    }
}

fn kind(request: &Request) -> &'static str {
    match request {
        Request::Hello(_) => "hello",
        Request::Renew(_) => "renew",
        Request::Subscribe(_) => "subscribe",
        Request::Unsubscribe(_) => "unsubscribe",
        Request::Edit(_) => "edit",
        Request::State(_) => "state",
        Request::Signal(_) => "signal",
        Request::History(_) => "history",
        Request::Ping(_) => "ping",
    }
}

pub(super) type Answer = Result<(), ErrorReply>;

pub(super) fn error(code: ErrorCode, message: impl Into<String>) -> ErrorReply {
    ErrorReply::new(code, message)
}

pub(super) fn unreadable(code: ErrorCode, failure: &dyn std::fmt::Display) -> ErrorReply {
    tracing::warn!(error = %failure, "the database could not answer a request");
    error(code, "the database could not answer; try again later")
}

pub(super) fn unknown_channel(name: &ChannelName) -> ErrorReply {
    error(ErrorCode::UnknownChannel, format!("there is no channel `{name}` for you"))
}

impl Session {
    pub(super) async fn request(&mut self, request: Request) {
        let label = KindLabel { kind: kind(&request) };
        self.services.metrics.requests.get_or_create(&label).inc();
        let (reference, channel) = (reference(&request), channel_of(&request).cloned());
        let misspelled = channel.as_ref().filter(|name| !self.services.checker.is_channel(name));
        let answer = match misspelled {
            Some(name) => Err(ErrorReply { id: edit_id(&request), ..unknown_channel(name) }),
            None => self.handle(request).await,
        };
        if let Err(error) = answer {
            self.send_error(ErrorReply { reference, channel, ..error });
        }
    }

    async fn handle(&mut self, request: Request) -> Answer {
        match request {
            Request::Edit(request) => self.edit(request).await,
            Request::State(request) => self.state(request).await,
            Request::Signal(request) => self.signal(request).await,
            Request::Ping(ping) => {
                let time = instant(jiff::Timestamp::now());
                self.socket.send(&Reply::Pong(Pong { reference: ping.reference, time }));
                Ok(())
            }
            Request::Subscribe(request) => Box::pin(self.subscribe(request)).await,
            Request::Unsubscribe(request) => self.unsubscribe(&request),
            Request::History(request) => Box::pin(self.history(request)).await,
            Request::Renew(request) => {
                Box::pin(self.renew(request)).await;
                Ok(())
            }
            Request::Hello(_) => Err(error(ErrorCode::AlreadyGreeted, "this socket has greeted")),
        }
    }

    async fn history(&mut self, request: History) -> Answer {
        let services = Arc::clone(&self.services);
        let greeted = greeted(&mut self.greeted)?;
        role_in(greeted, &services, &request.channel).await?;
        let row = services.checker.row(&request.channel, &request.table, &request.key)?;
        let limit = request.limit.unwrap_or(50).clamp(1, 100);
        let _turn = services.turns.take(&greeted.subscriber.user).await?;
        let past = services
            .hub
            .history(&request.channel, &row, request.before, limit)
            .await
            .map_err(|error| unreadable(error.code(), &error))?;
        // Reading may have taken long.
        role_in(greeted, &services, &request.channel).await?;
        self.socket.send(&Reply::HistoryPage(HistoryPage {
            reference: request.reference,
            channel: request.channel,
            changes: past.changes,
            more: past.next.is_some(),
            next: past.next,
        }));
        Ok(())
    }

    // --- edits -------------------------------------------------------------------------------

    async fn edit(&mut self, request: EditRequest) -> Answer {
        let services = Arc::clone(&self.services);
        let greeted = greeted(&mut self.greeted)?;
        let EditRequest { reference, edit } = request;
        let failed = |error: ErrorReply| ErrorReply { id: Some(edit.id), ..error };
        let looked = services.access.look();
        let role = role_in(greeted, &services, &edit.channel).await.map_err(failed)?;
        let refused = |error| failed(ErrorReply::from(error));
        let user = &greeted.subscriber.user;
        let checked = services.checker.edit(user, role, &edit).map_err(refused)?;
        services.access.may_enter(&checked).await.map_err(refused)?;
        let reply = self.edit_reply(reference, &edit);
        services.committer.submit(checked, looked, reply).map_err(|_| {
            let words = "the database does not keep up; send the same edit again";
            let code = ErrorCode::RateLimited;
            failed(ErrorReply { retry_after_ms: Some(1000), ..error(code, words) })
        })
    }

    /// What answers an edit once it is durable, from whichever thread.
    fn edit_reply(&self, reference: Ref, edit: &Edit) -> Box<dyn FnOnce(EditResult) + Send> {
        let (socket, services) = (Arc::clone(&self.socket), Arc::clone(&self.services));
        let (id, channel) = (edit.id, edit.channel.clone());
        Box::new(move |outcome| match outcome {
            Ok(applied) => socket.send(&Reply::Ack(Ack {
                reference,
                id,
                channel,
                epoch: applied.epoch,
                seq: applied.seq,
                replayed: applied.replayed,
            })),
            Err(mut error) => {
                if socket.queued() >= services.settings.out_bytes {
                    // Many edits may be under way at once, each refused with its row. Whoever does
                    // not read them does without.
                    error.row = None;
                }
                let (reference, id, channel) = (Some(reference), Some(id), Some(channel));
                let error = ErrorReply { reference, id, channel, ..error.into() };
                services.send_error(&socket, error);
            }
        })
    }

    // --- state and signals -------------------------------------------------------------------

    async fn state(&mut self, request: SetState) -> Answer {
        let services = Arc::clone(&self.services);
        let settings = &services.settings;
        let greeted = greeted(&mut self.greeted)?;
        if request.key.is_empty() || request.key.len() > 64 {
            return Err(error(ErrorCode::BadMessage, "a state's key has 1 to 64 bytes"));
        }
        let subscription = still_subscribed(greeted, &services, &request.channel).await?;
        subscription.has_state.store(true, Ordering::Release);
        let bounds = StateBounds {
            keys: settings.state_keys,
            bytes: settings.state_bytes,
            channel_bytes: settings.channel_state_bytes,
        };
        subscription
            .channel
            .set_state(&greeted.subscriber, request.key, request.value, bounds)
            .map_err(|too_much| match too_much {
                TooMuchState::Keys => over(ErrorCode::TooMany, bounds.keys, "states; clear some"),
                TooMuchState::Bytes => over(ErrorCode::TooLarge, bounds.bytes, "bytes of state"),
                TooMuchState::Channel => channel_is_full(bounds.channel_bytes),
            })?;
        self.done(request.reference);
        Ok(())
    }

    async fn signal(&mut self, request: SendSignal) -> Answer {
        let services = Arc::clone(&self.services);
        let greeted = greeted(&mut self.greeted)?;
        if request.name.is_empty() || request.name.len() > 64 {
            return Err(error(ErrorCode::BadMessage, "a signal's name has 1 to 64 bytes"));
        }
        let subscription = still_subscribed(greeted, &services, &request.channel).await?;
        subscription.channel.signal(&SignalItem {
            session: greeted.subscriber.session.to_string(),
            user: greeted.subscriber.user.to_string(),
            name: request.name,
            body: request.body,
        });
        self.done(request.reference);
        Ok(())
    }

    fn done(&self, reference: Option<Ref>) {
        if let Some(reference) = reference {
            self.socket.send(&Reply::Done(Done { reference }));
        }
    }
}

impl Greeted {
    pub(super) fn position(&mut self, channel: &ChannelName) -> Option<usize> {
        // Those that were taken away from outside are forgotten when they are met.
        self.subscriptions.retain(|subscription| !subscription.is_gone());
        self.subscriptions.iter().position(|other| other.channel.name() == channel)
    }

    fn subscription(&self, channel: &ChannelName) -> Result<&Arc<Subscription>, ErrorReply> {
        self.subscriptions
            .iter()
            .find(|other| other.channel.name() == channel && !other.is_gone())
            .ok_or_else(|| not_subscribed(channel))
    }
}

/// What the person may do in a channel. A subscription knows it, unless access has changed and nobody
/// has looked since.
async fn role_in(
    greeted: &Greeted,
    services: &super::Services,
    channel: &ChannelName,
) -> Result<Role, ErrorReply> {
    if let Some(role) = greeted.subscription(channel).ok().and_then(|of| of.role()) {
        return Ok(role);
    }
    let role = services.access.role(channel, &greeted.subscriber.user).await;
    role.map_err(|error| unreadable(error.code(), &error))?.ok_or_else(|| unknown_channel(channel))
}

/// The subscription to a channel of a person who may still read it.
async fn still_subscribed<'a>(
    greeted: &'a Greeted,
    services: &super::Services,
    channel: &ChannelName,
) -> Result<&'a Arc<Subscription>, ErrorReply> {
    let subscription = greeted.subscription(channel)?;
    role_in(greeted, services, channel).await?;
    Ok(subscription)
}

pub(super) fn greeted(greeted: &mut Option<Greeted>) -> Result<&mut Greeted, ErrorReply> {
    greeted.as_mut().ok_or_else(|| error(ErrorCode::NotGreeted, "greet first: send `hello`"))
}

fn channel_of(request: &Request) -> Option<&ChannelName> {
    match request {
        Request::Subscribe(request) => Some(&request.channel),
        Request::Unsubscribe(request) => Some(&request.channel),
        Request::Edit(request) => Some(&request.edit.channel),
        Request::State(request) => Some(&request.channel),
        Request::Signal(request) => Some(&request.channel),
        Request::History(request) => Some(&request.channel),
        Request::Hello(_) | Request::Renew(_) | Request::Ping(_) => None,
    }
}

pub(super) fn not_subscribed(channel: &ChannelName) -> ErrorReply {
    error(ErrorCode::NotSubscribed, format!("subscribe to `{channel}` first"))
}

fn edit_id(request: &Request) -> Option<EditId> {
    match request {
        Request::Edit(request) => Some(request.edit.id),
        _ => None,
    }
}

fn over(code: ErrorCode, limit: usize, what: &str) -> ErrorReply {
    let words = format!("one session may hold {limit} {what} in a channel");
    ErrorReply { limit: Some(limit as u64), ..error(code, words) }
}

fn channel_is_full(limit: usize) -> ErrorReply {
    let words = format!("all sessions of a channel may hold {limit} bytes of state");
    ErrorReply { limit: Some(limit as u64), ..error(ErrorCode::TooLarge, words) }
}

pub(super) fn check_size(member: &str, value: &Value, limit: usize) -> Answer {
    let size = rowcast_protocol::Codec::Json.encode(value).len();
    if size <= limit {
        return Ok(());
    }
    let words = format!("`{member}` may have {limit} bytes, this one has {size}");
    Err(ErrorReply {
        limit: Some(limit as u64),
        path: Some(member.to_owned()),
        ..error(ErrorCode::TooLarge, words)
    })
}
