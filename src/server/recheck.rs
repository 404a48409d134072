//! Looking at access again: whoever lost the right to read a channel is taken out of it.
//!
//! [`Recheck`] does so at once when the rows that grant access to a channel changed, as far as this
//! node hears of it; [`net`] slowly and always, for what nobody was told.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rowcast_protocol::{ChannelName, ErrorCode};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    auth::Access,
    hub::{AccessWatcher, Channel, Hub, Subscription},
    planted::{self, Bug},
    store::StoreError,
};

/// How long to wait when the database cannot say.
const RETRY: Duration = Duration::from_millis(200);

/// People whose roles are read at a time.
const AT_ONCE: usize = 1_000;

/// Within this time everybody who follows a channel is looked at once more, whatever was heard: a
/// change may have escaped the recorder. The channels are spread over it.
const NET: Duration = Duration::from_secs(30);

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
    fn access_changed(&self, name: &ChannelName, channel: Option<&Arc<Channel>>) {
        if planted::is(Bug::RemovedMemberReads) {
            return;
        }
        let change = self.access.forget_channel(name);
        let Some(channel) = channel else { return };
        channel.doubt_access(change);
        if !channel.rechecking().swap(true, Ordering::AcqRel) {
            let (access, channel) = (Arc::clone(&self.access), Arc::clone(channel));
            self.tracker.spawn(async move { until_settled(&access, &channel).await });
        }
    }
}

/// Looks until there was a look after every change. Until then nothing is written to anybody who is
/// in doubt.
async fn until_settled(access: &Access, channel: &Arc<Channel>) {
    loop {
        let change = channel.access_changed();
        while let Err(error) = recheck(access, channel).await {
            warn!(channel = %channel.name(), %error, "access cannot be checked");
            tokio::time::sleep(RETRY).await;
        }
        channel.mark_dirty();
        channel.rechecking().store(false, Ordering::Release);
        let is_settled = channel.access_changed() == change;
        if is_settled || channel.rechecking().swap(true, Ordering::AcqRel) {
            return;
        }
    }
}

/// Looks at everybody's access once.
async fn recheck(access: &Access, channel: &Arc<Channel>) -> Result<(), StoreError> {
    let mut by_user: HashMap<Arc<str>, Vec<Arc<Subscription>>> = HashMap::new();
    for subscription in channel.everybody() {
        let user = Arc::clone(&subscription.subscriber.user);
        by_user.entry(user).or_default().push(subscription);
    }
    let users: Vec<Arc<str>> = by_user.keys().cloned().collect();
    for some in users.chunks(AT_ONCE) {
        let (look, roles) = access.roles_now(channel.name(), some).await?;
        for (user, role) in some.iter().zip(roles) {
            let subscriptions = by_user.get(user).into_iter().flatten();
            match role {
                Some(role) => subscriptions.for_each(|of| of.learn_role(look, role)),
                None => {
                    let words = "you have no access to this channel any more";
                    subscriptions.for_each(|of| of.remove(ErrorCode::Forbidden, words));
                    info!(channel = %channel.name(), %user, "access was taken away");
                }
            }
        }
    }
    Ok(())
}

/// Looks at everybody again and again, the channels one after the other.
pub(super) async fn net(access: Arc<Access>, hub: Hub, stop: CancellationToken) {
    let look = async {
        loop {
            let names = hub.open_channels();
            let pause = NET / u32::try_from(names.len()).unwrap_or(u32::MAX).max(1);
            for name in &names {
                tokio::time::sleep(pause).await;
                if let Some(channel) = hub.get(name)
                    && let Err(error) = recheck(&access, &channel).await
                {
                    warn!(channel = %name, %error, "access cannot be checked");
                }
            }
            if names.is_empty() {
                tokio::time::sleep(NET).await;
            }
        }
    };
    stop.run_until_cancelled(look).await;
}
