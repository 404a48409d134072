//! Looking at access again: whoever lost the right to read a channel is taken out of it.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use rowcast_protocol::{ErrorCode, Role};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{
    auth::Access,
    hub::{AccessWatcher, Channel, Subscription},
    planted::{self, Bug},
};

/// How long to wait when the database cannot say.
const RETRY: Duration = Duration::from_millis(200);

/// Re-checks the open subscriptions of a channel when the rows that grant access to it changed.
pub(super) struct Recheck {
    access: Arc<Access>,
    tracker: TaskTracker,
}

impl fmt::Debug for Recheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recheck")
    }
}

impl Recheck {
    pub(super) fn new(access: Arc<Access>, tracker: TaskTracker) -> Arc<Self> {
        Arc::new(Self { access, tracker })
    }
}

impl AccessWatcher for Recheck {
    fn access_changed(&self, channel: &Arc<Channel>) {
        if planted::is(Bug::RemovedMemberReads) {
            return;
        }
        self.access.forget_channel(channel.name());
        let (access, channel) = (Arc::clone(&self.access), Arc::clone(channel));
        self.tracker.spawn(async move { recheck(&access, &channel).await });
    }
}

async fn recheck(access: &Access, channel: &Arc<Channel>) {
    let mut by_user: HashMap<Arc<str>, Vec<Arc<Subscription>>> = HashMap::new();
    for subscription in channel.everybody() {
        let user = Arc::clone(&subscription.subscriber.user);
        by_user.entry(user).or_default().push(subscription);
    }
    for (user, subscriptions) in by_user {
        let role = role_now(access, channel, &user).await;
        for subscription in &subscriptions {
            match role {
                Some(role) => subscription.set_role(role),
                None => {
                    let words = "you have no access to this channel any more";
                    subscription.remove(ErrorCode::Forbidden, words);
                }
            }
        }
        if role.is_none() {
            info!(channel = %channel.name(), %user, "access was taken away");
        }
    }
}

/// What the database says, as soon as it can. Until then nothing that needs the database works
/// either.
async fn role_now(access: &Access, channel: &Channel, user: &Arc<str>) -> Option<Role> {
    loop {
        match access.role(channel.name(), user).await {
            Ok(role) => return role,
            Err(error) => warn!(channel = %channel.name(), %error, "access cannot be checked"),
        }
        tokio::time::sleep(RETRY).await;
    }
}
