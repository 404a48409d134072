//! What a greeted client may ask.

use std::sync::{Arc, atomic::Ordering};

use rowcast_protocol::{
    ChannelName, Edit, ErrorCode, ErrorReply, Reply, Request, Role, SignalItem, Value,
    reply::{Ack, Done, HistoryPage, Pong, Start, Subscribed, Unsubscribed},
    request::{EditRequest, History, Ref, SendSignal, SetState, Subscribe, Unsubscribe},
};

use super::{Session, greeting::Greeted, schema};
use crate::{
    commit::EditResult,
    hub::{
        Subscription,
        catchup::{self, Begin},
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

type Answer = Result<(), ErrorReply>;

fn error(code: ErrorCode, message: impl Into<String>) -> ErrorReply {
    ErrorReply::new(code, message)
}

fn unreadable(code: ErrorCode, failure: &dyn std::fmt::Display) -> ErrorReply {
    tracing::warn!(error = %failure, "the database could not answer a request");
    error(code, "the database could not answer; try again later")
}

fn unknown_channel(name: &ChannelName) -> ErrorReply {
    error(ErrorCode::UnknownChannel, format!("there is no channel `{name}` for you"))
}

impl Session {
    pub(super) async fn request(&mut self, request: Request) {
        let label = KindLabel { kind: kind(&request) };
        self.services.metrics.requests.get_or_create(&label).inc();
        let reference = reference(&request);
        let channel = channel_of(&request).cloned();
        let answer = match request {
            Request::Edit(request) => self.edit(request).await,
            Request::State(request) => self.state(request),
            Request::Signal(request) => self.signal(request),
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
        };
        if let Err(error) = answer {
            self.send_error(ErrorReply { reference, channel, ..error });
        }
    }

    // --- channels ----------------------------------------------------------------------------

    async fn subscribe(&mut self, request: Subscribe) -> Answer {
        let services = Arc::clone(&self.services);
        let greeted = greeted(&mut self.greeted)?;
        let name = &request.channel;
        let more = greeted.position(name).is_none();
        if more && greeted.subscriptions.len() >= services.settings.subscriptions {
            let limit = services.settings.subscriptions as u64;
            let words = format!("one socket may follow {limit} channels; unsubscribe from some");
            return Err(ErrorReply { limit: Some(limit), ..error(ErrorCode::TooMany, words) });
        }
        if let Some(meta) = &request.meta {
            check_size("meta", meta, services.settings.presence_meta_bytes)?;
        }
        let user = Arc::clone(&greeted.subscriber.user);
        let role = services
            .access
            .role(name, &user)
            .await
            .map_err(|error| unreadable(error.code(), &error))?;
        let role = role.ok_or_else(|| unknown_channel(name))?;
        let channel =
            services.hub.open(name).await.map_err(|error| unreadable(error.code(), &error))?;
        let begin = catchup::beginning(&channel, request.cursor, self.socket.codec)
            .await
            .map_err(|error| unreadable(error.code(), &error))?;
        let subscription = Arc::new(Subscription::new(
            greeted.subscriber.clone(),
            Arc::clone(&self.socket),
            Arc::clone(&channel),
            request.presence,
            role,
        ));
        match greeted.position(name) {
            Some(index) => {
                let old = greeted.subscriptions.swap_remove(index);
                old.end();
                channel.replace(&old, Arc::clone(&subscription));
            }
            None => channel.enter(Arc::clone(&subscription)),
        }
        greeted.subscriptions.push(Arc::clone(&subscription));
        self.answer_subscribed(request.reference, &subscription, begin);
        subscription.appear(request.meta);
        catchup::begin(subscription, begin);
        Ok(())
    }

    fn answer_subscribed(&self, reference: Ref, subscription: &Subscription, begin: Begin) {
        let head = subscription.channel.head();
        let (start, reason) = match begin {
            Begin::After(_) => (Start::Resume, None),
            Begin::Snapshot(reason) => (Start::Snapshot, Some(reason)),
        };
        // Rows that come are of these tables.
        schema::is_told(&self.socket, &self.services.checker.schema().wire);
        self.socket.send(&Reply::Subscribed(Subscribed {
            reference,
            channel: subscription.channel.name().clone(),
            start,
            reason,
            epoch: head.epoch,
            head: head.seq,
            role: subscription.role(),
        }));
    }

    fn unsubscribe(&mut self, request: &Unsubscribe) -> Answer {
        let greeted = greeted(&mut self.greeted)?;
        let index =
            greeted.position(&request.channel).ok_or_else(|| not_subscribed(&request.channel))?;
        let subscription = greeted.subscriptions.swap_remove(index);
        subscription.end();
        subscription.channel.leave(&subscription);
        self.socket.send(&Reply::Unsubscribed(Unsubscribed {
            reference: request.reference,
            channel: request.channel.clone(),
        }));
        Ok(())
    }

    async fn history(&mut self, request: History) -> Answer {
        let services = Arc::clone(&self.services);
        let greeted = greeted(&mut self.greeted)?;
        role_in(greeted, &services, &request.channel).await?;
        let row = services.checker.row(&request.channel, &request.table, &request.key)?;
        let limit = request.limit.unwrap_or(50).clamp(1, 100);
        let (changes, more) = services
            .hub
            .history(&request.channel, &row, request.before, limit)
            .await
            .map_err(|error| unreadable(error.code(), &error))?;
        self.socket.send(&Reply::HistoryPage(HistoryPage {
            reference: request.reference,
            channel: request.channel,
            changes,
            more,
        }));
        Ok(())
    }

    // --- edits -------------------------------------------------------------------------------

    async fn edit(&mut self, request: EditRequest) -> Answer {
        let services = Arc::clone(&self.services);
        let greeted = greeted(&mut self.greeted)?;
        let EditRequest { reference, edit } = request;
        let failed = |error: ErrorReply| ErrorReply { id: Some(edit.id), ..error };
        let role = match greeted.role(&edit.channel) {
            Some(role) => role,
            None => role_in(greeted, &services, &edit.channel).await.map_err(failed)?,
        };
        let refused = |error| failed(ErrorReply::from(error));
        let user = &greeted.subscriber.user;
        let checked = services.checker.edit(user, role, &edit).map_err(refused)?;
        services.access.may_enter(&checked).await.map_err(refused)?;
        let reply = self.edit_reply(reference, &edit);
        services.committer.submit(checked, reply).map_err(|_| {
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

    fn state(&mut self, request: SetState) -> Answer {
        let settings = &self.services.settings;
        let greeted = greeted(&mut self.greeted)?;
        if request.key.is_empty() || request.key.len() > 64 {
            return Err(error(ErrorCode::BadMessage, "a state's key has 1 to 64 bytes"));
        }
        let subscription = greeted.subscription(&request.channel)?;
        subscription.has_state.store(true, Ordering::Release);
        let bounds = StateBounds { keys: settings.state_keys, bytes: settings.state_bytes };
        subscription
            .channel
            .set_state(&greeted.subscriber, request.key, request.value, bounds)
            .map_err(|too_much| match too_much {
                TooMuchState::Keys => over(ErrorCode::TooMany, bounds.keys, "states; clear some"),
                TooMuchState::Bytes => over(ErrorCode::TooLarge, bounds.bytes, "bytes of state"),
            })?;
        self.done(request.reference);
        Ok(())
    }

    fn signal(&mut self, request: SendSignal) -> Answer {
        let greeted = greeted(&mut self.greeted)?;
        if request.name.is_empty() || request.name.len() > 64 {
            return Err(error(ErrorCode::BadMessage, "a signal's name has 1 to 64 bytes"));
        }
        let subscription = greeted.subscription(&request.channel)?;
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
    fn position(&mut self, channel: &ChannelName) -> Option<usize> {
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

    /// The role that a subscription already knows.
    fn role(&self, channel: &ChannelName) -> Option<Role> {
        self.subscription(channel).ok().map(|subscription| subscription.role())
    }
}

async fn role_in(
    greeted: &Greeted,
    services: &super::Services,
    channel: &ChannelName,
) -> Result<Role, ErrorReply> {
    if let Some(role) = greeted.role(channel) {
        return Ok(role);
    }
    let role = services.access.role(channel, &greeted.subscriber.user).await;
    role.map_err(|error| unreadable(error.code(), &error))?.ok_or_else(|| unknown_channel(channel))
}

fn greeted(greeted: &mut Option<Greeted>) -> Result<&mut Greeted, ErrorReply> {
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

fn not_subscribed(channel: &ChannelName) -> ErrorReply {
    error(ErrorCode::NotSubscribed, format!("subscribe to `{channel}` first"))
}

fn over(code: ErrorCode, limit: usize, what: &str) -> ErrorReply {
    let words = format!("one session may hold {limit} {what} in a channel");
    ErrorReply { limit: Some(limit as u64), ..error(code, words) }
}

fn check_size(member: &str, value: &Value, limit: usize) -> Answer {
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
