//! What an edit needs its person to be allowed, to be looked at when it is checked and again when it
//! is about to be committed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use rowcast_protocol::{ChannelName, ErrorCode, Role};
use tokio::time::Instant;

use super::{CheckedEdit, CheckedOp, EditError, StoreError};

/// How long an edit may be under way before its person's rights are looked at again, though nobody
/// heard of a change: what another node did is not heard of at once. Together with the time for
/// which answers are remembered it stays below a second.
pub const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How old the last look at people's rights may be when their edits are applied, though it was young
/// when the commit began: a commit may wait for somebody's lock. Together with the time for which
/// answers are remembered, and with the time that a commit takes then, it stays below a second.
pub const OLDEST_LOOK: Duration = Duration::from_millis(300);

/// When a person's rights were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// The newest number of looks and changes before.
    pub number: u64,
    /// The time.
    pub at: Instant,
}

/// Who knows whether people may still do what they asked for.
#[async_trait]
pub trait Rights: Send + Sync + std::fmt::Debug + 'static {
    /// To be called before a role is looked up that an edit rests on.
    fn look(&self) -> Looked;

    /// Whether anybody's rights have changed since, as far as this node knows.
    fn has_changed(&self, since: Looked) -> bool;

    /// Why the person of an edit may not make it, as it is now.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn refusal(&self, edit: &CheckedEdit) -> Result<Option<EditError>, Arc<StoreError>>;

    /// Whether the people of these edits may all make them, read now and not remembered.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn are_allowed(&self, edits: &[CheckedEdit]) -> Result<bool, StoreError>;
}

/// What the rights of a batch's people rest on while it is committed.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a>(Option<(Instant, &'a dyn Rights)>);

impl<'a> Standing<'a> {
    /// Nobody asks for rights.
    pub const UNASKED: Self = Self(None);

    /// The oldest look at them, and who can look again.
    #[must_use]
    pub fn since(looked: Instant, rights: &'a dyn Rights) -> Self {
        Self(Some((looked, rights)))
    }

    /// How long the look counts from now on; `None`: for ever.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.0.map(|(looked, _)| OLDEST_LOOK.saturating_sub(looked.elapsed()))
    }

    /// To be asked when nothing has to be waited for any more: looks again, if the look is too old by
    /// now.
    ///
    /// # Errors
    /// [`StoreError::NotAllowed`], or that the database cannot be read.
    pub async fn holds(&self, edits: &[CheckedEdit]) -> Result<(), StoreError> {
        let Some((looked, rights)) = self.0 else { return Ok(()) };
        if looked.elapsed() < OLDEST_LOOK || rights.are_allowed(edits).await? {
            return Ok(());
        }
        Err(StoreError::NotAllowed)
    }
}

/// A role that an edit needs in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need<'a> {
    /// The channel.
    pub channel: &'a ChannelName,
    /// The least role; `None`: no role is enough.
    pub least: Option<Role>,
    /// The place of the operation in its edit.
    op: usize,
    table: &'a str,
}

impl Need<'_> {
    /// Why a role is not enough.
    #[must_use]
    pub fn refusal(&self, role: Option<Role>) -> Option<EditError> {
        let Self { channel, least, op, table } = self;
        let error = match role {
            None => EditError::new(
                ErrorCode::UnknownChannel,
                format!("there is no channel {channel} for this person"),
            ),
            Some(role) if least.is_some_and(|least| role >= least) => return None,
            Some(_) => EditError::new(
                ErrorCode::Forbidden,
                format!("the role in {channel} does not allow this"),
            ),
        };
        Some(error.in_op(*op).in_table(table))
    }
}

/// The roles that an edit needs. A move takes a row out of one channel and puts it into another.
#[must_use]
pub fn needs(edit: &CheckedEdit) -> Vec<Need<'_>> {
    let mut all: Vec<Need<'_>> = Vec::with_capacity(1);
    for (op, checked) in edit.ops.iter().enumerate() {
        let Some(table) = edit.schema.tables.get(checked.table()) else { continue };
        let here = &edit.channel;
        let wanted = match checked {
            CheckedOp::Insert { .. } => [Some((here, table.insert)), None, None],
            CheckedOp::Update { .. } => [Some((here, table.update)), None, None],
            CheckedOp::Delete { .. } => [Some((here, table.delete)), None, None],
            CheckedOp::Move { to, .. } => {
                [Some((here, table.update)), Some((here, table.delete)), Some((to, table.insert))]
            }
        };
        for (channel, least) in wanted.into_iter().flatten() {
            if !all.iter().any(|need| need.channel == channel && need.least == least) {
                all.push(Need { channel, least, op, table: &table.name });
            }
        }
    }
    all
}
