//! Which role a person has in a channel, remembered for a moment.
//!
//! Every edit and every page asks, so answers are kept for [`REMEMBERED`], and whoever asks at the
//! same time shares one read. A change of members that the hub sees is forgotten at once with
//! [`Access::forget_channel`]; one that it does not see counts after that time at the latest.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use rowcast_protocol::{ChannelName, ErrorCode, Role};
use tokio::time::Instant;

use crate::store::{CheckedEdit, CheckedOp, EditError, LiveTable, Store, StoreError};

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
}

/// By channel and person. A failed read is shared by those who wait for it and then forgotten.
#[derive(Debug, Default)]
struct Answers {
    channels: HashMap<ChannelName, HashMap<Arc<str>, Asked>>,
    count: usize,
}

#[derive(Debug, Clone)]
struct Asked {
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
        Self { store, answers: Mutex::default() }
    }

    /// What a person may do in a channel; `None`: nothing, or there is no such channel.
    ///
    /// An answer asked for after [`Access::forget_channel`] returned was read after it.
    ///
    /// # Errors
    /// If the store cannot be read now.
    pub async fn role(&self, channel: &ChannelName, user: &Arc<str>) -> Answer {
        let answer = self.answer(channel, user);
        answer.await
    }

    /// What others see of a person, if the database knows and can say.
    pub async fn name_of(&self, user: &str) -> Option<String> {
        // A name is a courtesy: without one the id has to do.
        self.store.person_name(user).await.ok().flatten()
    }

    /// Forgets what it knows about a channel: its members changed.
    pub fn forget_channel(&self, channel: &ChannelName) {
        self.answers.lock().forget(channel);
    }

    /// Drops the answers that no longer count, so that people who came once cost nothing.
    pub fn forget_old(&self) {
        self.answers.lock().drop_old();
    }

    /// Whether the person may bring the row of a move into the channel it goes to: its role there
    /// must allow inserting. Other edits need nothing beyond their own channel.
    ///
    /// # Errors
    /// `unknown_channel` or `forbidden`; or that the store cannot be read now.
    pub async fn may_enter(&self, edit: &CheckedEdit) -> Result<(), EditError> {
        let Some((at, CheckedOp::Move { table, to, .. })) =
            edit.ops.iter().enumerate().find(|(_, op)| matches!(op, CheckedOp::Move { .. }))
        else {
            return Ok(());
        };
        let role = self.role(to, &edit.user).await.map_err(|error| unreadable(&error))?;
        let table = edit.schema.tables.get(*table).map(|table| &**table);
        enter(role, table, to)
            .map_err(|error| error.in_op(at).in_table(table.map_or("", |table| &table.name)))
    }

    fn answer(&self, channel: &ChannelName, user: &Arc<str>) -> Shared<BoxFuture<'static, Answer>> {
        let mut answers = self.answers.lock();
        if let Some(asked) = answers.known(channel, user) {
            return asked;
        }
        let (store, of, person) = (Arc::clone(&self.store), channel.clone(), Arc::clone(user));
        let answer = async move { store.role(&of, &person).await.map_err(Arc::new) };
        let answer = answer.boxed().shared();
        answers.remember(channel, user, Asked { at: Instant::now(), answer: answer.clone() });
        answer
    }
}

impl Answers {
    fn known(
        &self,
        channel: &ChannelName,
        user: &Arc<str>,
    ) -> Option<Shared<BoxFuture<'static, Answer>>> {
        let asked = self.channels.get(channel)?.get(user)?;
        asked.counts().then(|| asked.answer.clone())
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

    fn forget(&mut self, channel: &ChannelName) {
        let people = self.channels.remove(channel);
        self.count -= people.map_or(0, |people| people.len());
    }
}

fn enter(role: Option<Role>, table: Option<&LiveTable>, to: &ChannelName) -> Result<(), EditError> {
    let Some(role) = role else {
        return Err(EditError::new(
            ErrorCode::UnknownChannel,
            format!("there is no channel {to} for this person"),
        ));
    };
    if table.and_then(|table| table.insert).is_some_and(|least| role >= least) {
        return Ok(());
    }
    Err(EditError::new(ErrorCode::Forbidden, format!("the role in {to} does not allow inserting")))
}

fn unreadable(error: &StoreError) -> EditError {
    tracing::warn!(%error, "cannot read a role");
    EditError::new(error.code(), "the person's role cannot be read at present")
}
