//! Which role a person has in a channel, remembered for a moment.
//!
//! Every edit and every page asks, so answers are kept for [`REMEMBERED`], and whoever asks at the
//! same time shares one read. A change of members that this node hears of is forgotten at once with
//! [`Access::forget_channel`], whether anybody follows the channel here or not; one that it does not
//! hear of (another node numbered it) counts after that time at the latest.
//!
//! Looks and changes are numbered in one row, so that it can be said of each answer which changes it
//! may have missed. An open subscription rests on no remembered answer: it asks with
//! [`Access::roles_now`] after it has entered its channel, so that each change is either seen by
//! that look or comes after it and has the subscription looked at again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use rowcast_protocol::{ChannelName, Role};
use tokio::time::Instant;

pub use crate::store::rights::Looked;
use crate::store::{
    CheckedEdit, CheckedOp, EditError, Store, StoreError,
    rights::{Need, Rights, needs},
};

/// How long an answer counts, from the moment it was asked for.
pub const REMEMBERED: Duration = Duration::from_millis(500);

/// How many answers are kept at most.
const MOST: usize = 100_000;

/// A role, or none, or why it cannot be known at present.
pub type Answer = Result<Option<Role>, Arc<StoreError>>;

/// The roles of people in channels.
#[derive(Debug)]
pub struct Access {
    store: Arc<dyn Store>,
    answers: Mutex<Answers>,
    /// The number of the newest look or change.
    newest: AtomicU64,
    /// The number of the newest change.
    changed: AtomicU64,
}

/// By channel and person. A failed read is shared by those who wait for it and then forgotten.
#[derive(Debug, Default)]
struct Answers {
    channels: HashMap<ChannelName, HashMap<Arc<str>, Asked>>,
    count: usize,
}

#[derive(Debug, Clone)]
struct Asked {
    number: u64,
    at: Instant,
    answer: Shared<BoxFuture<'static, Answer>>,
}

impl Asked {
    fn counts(&self) -> bool {
        let failed = self.answer.peek().is_some_and(Result::is_err);
        !failed && self.at.elapsed() < REMEMBERED
    }
}

impl Access {
    /// Asks this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        let (newest, changed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { store, answers: Mutex::default(), newest, changed }
    }

    /// What a person may do in a channel; `None`: nothing, or there is no such channel.
    ///
    /// Neither the answer nor the wait for it is older than the newest [`Access::forget_channel`].
    ///
    /// # Errors
    /// If the store cannot be read now.
    pub async fn role(&self, channel: &ChannelName, user: &Arc<str>) -> Answer {
        loop {
            let asked = self.asked(channel, user);
            let answer = asked.answer.await;
            let unchanged = self.changed.load(Ordering::Acquire) <= asked.number;
            if answer.is_err() || unchanged || self.knows(channel, user, asked.number) {
                return answer;
            }
        }
    }

    /// What these people may do in a channel, read now, in their order; and the number of this look.
    ///
    /// # Errors
    /// If the store cannot be read now.
    pub async fn roles_now(
        &self,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<(u64, Vec<Option<Role>>), StoreError> {
        let number = self.next();
        let roles = self.store.roles(channel, users).await?;
        self.answers.lock().forget_older(channel, users, number);
        Ok((number, roles))
    }

    /// What others see of a person, if the database knows and can say.
    pub async fn name_of(&self, user: &str) -> Option<String> {
        // A name is a courtesy: without one the id has to do.
        self.store.person_name(user).await.ok().flatten()
    }

    /// Forgets what it knows about a channel: its members changed. Returns the number of the change;
    /// looks with a lower one may not have seen it.
    pub fn forget_channel(&self, channel: &ChannelName) -> u64 {
        let mut answers = self.answers.lock();
        let number = self.next();
        self.changed.fetch_max(number, Ordering::AcqRel);
        answers.forget(channel);
        number
    }

    /// Drops the answers that no longer count, so that people who came once cost nothing.
    pub fn forget_old(&self) {
        self.answers.lock().drop_old();
    }

    /// Whether the person may bring the row of a move into the channel it goes to, and take it out of
    /// where it is. Other edits need nothing beyond their own channel.
    ///
    /// # Errors
    /// `unknown_channel` or `forbidden`; or that the store cannot be read now.
    pub async fn may_enter(&self, edit: &CheckedEdit) -> Result<(), EditError> {
        if !edit.ops.iter().any(|op| matches!(op, CheckedOp::Move { .. })) {
            return Ok(());
        }
        let refused = self.refusal(edit).await.map_err(|error| unreadable(&error))?;
        refused.map_or(Ok(()), Err)
    }

    /// To be called before a role is asked for that an edit rests on.
    #[must_use]
    pub fn look(&self) -> Looked {
        Looked { number: self.newest.load(Ordering::Acquire), at: Instant::now() }
    }

    fn next(&self) -> u64 {
        self.newest.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn asked(&self, channel: &ChannelName, user: &Arc<str>) -> Asked {
        let mut answers = self.answers.lock();
        if let Some(asked) = answers.known(channel, user) {
            return asked;
        }
        let (store, of, person) = (Arc::clone(&self.store), channel.clone(), Arc::clone(user));
        let answer = async move { store.role(&of, &person).await.map_err(Arc::new) };
        let answer = answer.boxed().shared();
        let asked = Asked { number: self.next(), at: Instant::now(), answer };
        answers.remember(channel, user, asked.clone());
        asked
    }

    /// Whether the answer with this number was not forgotten since.
    fn knows(&self, channel: &ChannelName, user: &Arc<str>, number: u64) -> bool {
        let answers = self.answers.lock();
        answers.of(channel, user).is_some_and(|asked| asked.number == number)
    }
}

#[async_trait]
impl Rights for Access {
    fn look(&self) -> Looked {
        self.look()
    }

    fn has_changed(&self, since: Looked) -> bool {
        self.changed.load(Ordering::Acquire) > since.number
    }

    async fn refusal(&self, edit: &CheckedEdit) -> Result<Option<EditError>, Arc<StoreError>> {
        for need in needs(edit) {
            let role = self.role(need.channel, &edit.user).await?;
            if let Some(refused) = need.refusal(role) {
                return Ok(Some(refused));
            }
        }
        Ok(None)
    }

    async fn are_allowed(&self, edits: &[CheckedEdit]) -> Result<bool, StoreError> {
        let mut by_channel: HashMap<&ChannelName, Vec<(Arc<str>, Need<'_>)>> = HashMap::new();
        for edit in edits {
            for need in needs(edit) {
                by_channel.entry(need.channel).or_default().push((Arc::clone(&edit.user), need));
            }
        }
        for (channel, wanted) in by_channel {
            let users: BTreeSet<Arc<str>> =
                wanted.iter().map(|(user, _)| Arc::clone(user)).collect();
            let users: Vec<_> = users.into_iter().collect();
            let (_, roles) = self.roles_now(channel, &users).await?;
            let roles: HashMap<_, _> = users.iter().zip(roles).collect();
            let role_of = |user| roles.get(user).copied().flatten();
            if wanted.iter().any(|(user, need)| need.refusal(role_of(user)).is_some()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Answers {
    fn of(&self, channel: &ChannelName, user: &Arc<str>) -> Option<&Asked> {
        self.channels.get(channel)?.get(user)
    }

    fn known(&self, channel: &ChannelName, user: &Arc<str>) -> Option<Asked> {
        self.of(channel, user).filter(|asked| asked.counts()).cloned()
    }

    fn remember(&mut self, channel: &ChannelName, user: &Arc<str>, asked: Asked) {
        if self.count >= MOST {
            self.sweep();
        }
        let people = self.channels.entry(channel.clone()).or_default();
        if people.insert(Arc::clone(user), asked).is_none() {
            self.count += 1;
        }
    }

    /// Drops what no longer counts; everything, if that is not enough.
    fn sweep(&mut self) {
        self.drop_old();
        if self.count >= MOST {
            *self = Self::default();
        }
    }

    fn drop_old(&mut self) {
        self.channels.retain(|_, people| {
            people.retain(|_, asked| asked.counts());
            !people.is_empty()
        });
        self.count = self.channels.values().map(HashMap::len).sum();
    }

    /// Forgets the answers for these people that are older than a look.
    fn forget_older(&mut self, channel: &ChannelName, users: &[Arc<str>], number: u64) {
        let Some(people) = self.channels.get_mut(channel) else { return };
        for user in users {
            if people.get(user).is_some_and(|asked| asked.number < number) {
                people.remove(user);
                self.count -= 1;
            }
        }
    }

    fn forget(&mut self, channel: &ChannelName) {
        let people = self.channels.remove(channel);
        self.count -= people.map_or(0, |people| people.len());
    }
}

fn unreadable(error: &StoreError) -> EditError {
    tracing::warn!(%error, "cannot read a role");
    EditError::new(error.code(), "the person's role cannot be read at present")
}
