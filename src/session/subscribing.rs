//! Subscribing and unsubscribing.
//!
//! A subscription enters its channel first; then its person's role is looked up, not remembered. So a
//! change of access is either seen by that look, or it comes after the entering and has the
//! subscription looked at again. Until the client has been told, nothing of the channel is written.

use std::sync::Arc;

use rowcast_protocol::{
    ChannelName, ErrorCode, ErrorReply, Reply, Role,
    reply::{Start, Subscribed, Unsubscribed},
    request::{Ref, Subscribe, Unsubscribe},
};

use super::{
    Services, Session,
    greeting::Greeted,
    requests::{Answer, check_size, error, greeted, not_subscribed, unknown_channel, unreadable},
    schema,
};
use crate::{
    hub::{
        Channel, Socket, Subscription,
        catchup::{self, Begin},
    },
    planted::{self, Bug},
};

/// A subscription in its channel of which the client has not heard. It is taken out again unless it
/// is kept.
struct Entered(Option<Arc<Subscription>>);

impl Entered {
    fn new(subscription: &Arc<Subscription>) -> Self {
        subscription.channel.enter(Arc::clone(subscription));
        Self(Some(Arc::clone(subscription)))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(subscription) = self.0.take() {
            subscription.channel.withdraw(&subscription);
        }
    }
}

impl Session {
    pub(super) async fn subscribe(&mut self, request: Subscribe) -> Answer {
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
        let early = match planted::is(Bug::RoleBeforeEntering) {
            true => Some(look(&services, name, &user).await?),
            false => None,
        };
        let channel = open(&services, name, &user).await?;
        let subscription = Arc::new(Subscription::new(
            greeted.subscriber.clone(),
            Arc::clone(&self.socket),
            channel,
            request.presence,
        ));
        let entered = Entered::new(&subscription);
        let (look, role) = match early {
            Some(early) => early,
            None => look(&services, name, &user).await?,
        };
        let Some(role) = role else {
            greeted.expel(name);
            return Err(unknown_channel(name));
        };
        subscription.learn_role(look, role);
        let codec = self.socket.codec;
        let begin = catchup::beginning(&subscription.channel, request.cursor, codec).await;
        let begin = begin.map_err(|error| unreadable(error.code(), &error))?;
        admitted(&services, &self.socket, begin)?;
        let reply = subscribed(request.reference, &subscription.channel, role, begin);
        // Rows that come are of these tables.
        schema::is_told(&self.socket, &services.checker.schema().wire);
        if !subscription.open(request.meta, || self.socket.send(&reply)) {
            greeted.expel(name);
            return Err(unknown_channel(name));
        }
        entered.keep();
        if let Some(index) = greeted.position(name) {
            let old = greeted.subscriptions.swap_remove(index);
            subscription.channel.replace(&old, &subscription);
        }
        greeted.subscriptions.push(Arc::clone(&subscription));
        catchup::begin(subscription, begin);
        Ok(())
    }

    pub(super) fn unsubscribe(&mut self, request: &Unsubscribe) -> Answer {
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
}

impl Greeted {
    /// Ends the subscription that a person has from before, who may not read the channel any more.
    fn expel(&mut self, name: &ChannelName) {
        if let Some(index) = self.position(name) {
            let words = "you have no access to this channel any more";
            self.subscriptions.swap_remove(index).remove(ErrorCode::Forbidden, words);
        }
    }
}

/// The channel. One that nobody follows here is not made for somebody who may not read it.
async fn open(
    services: &Services,
    name: &ChannelName,
    user: &Arc<str>,
) -> Result<Arc<Channel>, ErrorReply> {
    if let Some(channel) = services.hub.get(name) {
        return Ok(channel);
    }
    let role = services.access.role(name, user).await;
    role.map_err(|error| unreadable(error.code(), &error))?.ok_or_else(|| unknown_channel(name))?;
    services.hub.open(name).await.map_err(|error| unreadable(error.code(), &error))
}

/// What the person may do, looked up now, and the number of the look.
async fn look(
    services: &Services,
    name: &ChannelName,
    user: &Arc<str>,
) -> Result<(u64, Option<Role>), ErrorReply> {
    let looked = services.access.roles_now(name, std::slice::from_ref(user)).await;
    let (look, roles) = looked.map_err(|error| unreadable(error.code(), &error))?;
    Ok((look, roles.first().copied().flatten()))
}

/// Whether the node has time for a snapshot, if it takes one.
fn admitted(services: &Services, socket: &Socket, begin: Begin) -> Answer {
    let Begin::Snapshot(_) = begin else { return Ok(()) };
    let Some(wait) = services.hub.come_back_in(socket) else { return Ok(()) };
    let words = "too many snapshots are being sent; come back later";
    let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    Err(ErrorReply { retry_after_ms: Some(wait), ..error(ErrorCode::Busy, words) })
}

fn subscribed(reference: Ref, channel: &Channel, role: Role, begin: Begin) -> Reply {
    let head = channel.head();
    let (start, reason) = match begin {
        Begin::After(_) => (Start::Resume, None),
        Begin::Snapshot(reason) => (Start::Snapshot, Some(reason)),
    };
    Reply::Subscribed(Subscribed {
        reference,
        channel: channel.name().clone(),
        start,
        reason,
        epoch: head.epoch,
        head: head.seq,
        role,
    })
}
