//! Faults on purpose, to show that the tests can fail.
//!
//! Only with the feature `planted-bugs`, and then only the one that the setting `bug` names (the
//! variable `ROWCAST_BUG`), is there at all; in every other build [`is`] is false and its places
//! compile to nothing. `tests/planted.sh` plants each and expects a test to fail.

use rowcast_protocol::Epoch;
use serde::{Deserialize, Serialize};

use crate::{
    hub::Hub,
    store::{Applied, CheckedEdit, EditError},
};

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bug {
    /// An edit is acked before it is committed.
    AckBeforeCommit,
    /// An ack names the newest entry instead of its own (on PostgreSQL).
    AckAtHead,
    /// Now and then a number of a log is left out (on SQLite).
    SkippedNumber,
    /// Transactions are numbered in the order in which they began (on PostgreSQL).
    NumberingAtTouch,
    /// Entries of a node get lost on their way to its channels. No bug: it must be repaired.
    LostNews,
    /// As before, and nobody notices.
    NoGapCheck,
    /// An edit that is sent again is applied again (on SQLite).
    NoDedupe,
    /// A subscriber goes live where the log stands, not where its snapshot or its cursor ends.
    SubscribeAfterRead,
    /// A cursor of another history is continued.
    CursorTagIgnored,
    /// A snapshot is shared after a reset has made it void.
    StaleSnapshot,
    /// Nobody looks at access again when it changed.
    RemovedMemberReads,
    /// A subscription rests on a role that was looked up before it entered.
    RoleBeforeEntering,
    /// Any spelling of a channel's id is taken for the channel.
    AnySpelling,
    /// Rows may refer to rows of other channels.
    ReferenceAcross,
    /// Every page of the Web may connect.
    OriginUnchecked,
    /// A socket that takes no more is written to nevertheless, into memory.
    UnboundedQueue,
    /// A token lives for ever once it was good.
    TokenForEver,
    /// A state stays when its session has left.
    StateStays,
    /// Nobody looks whether the triggers are still there.
    TriggersLostUnnoticed,
    /// Time in which a worker did not get to its sockets counts against their deadlines, and nobody
    /// looks whether the bytes that are waited for have come.
    LatenessCounts,
    /// Every message comes back as it was sent, without a greeting. No bug: a foreign test suite judges
    /// the WebSocket under the protocol that way; see `tests/autobahn`.
    Echo,
}

#[cfg(feature = "planted-bugs")]
static PLANTED: std::sync::OnceLock<Bug> = std::sync::OnceLock::new();

/// Plants a bug for the rest of the process.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    if let Some(bug) = bug {
        tracing::warn!(?bug, "this hub is broken on purpose");
        let _ = PLANTED.set(bug);
    }
}

/// Whether this bug is planted.
#[cfg(feature = "planted-bugs")]
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(&bug)
}

/// No bug is planted.
#[cfg(not(feature = "planted-bugs"))]
#[inline]
pub const fn is(_: Bug) -> bool {
    false
}

/// Acks edits at the place where they will probably stand.
pub(crate) fn ack(
    hub: &Hub,
    edits: &[CheckedEdit],
    replies: Vec<impl FnOnce(Result<Applied, EditError>)>,
) {
    for (edit, reply) in edits.iter().zip(replies) {
        let head = hub.get(&edit.channel).map(|channel| channel.head());
        let (epoch, seq) = head.map_or((Epoch(0), 0), |head| (head.epoch, head.seq + 1));
        reply(Ok(Applied { epoch, seq, replayed: false }));
    }
}

/// Whether some news gets lost now: every seventh, with [`Bug::LostNews`] or [`Bug::NoGapCheck`].
pub(crate) fn loses_news(seq: u64) -> bool {
    (is(Bug::LostNews) || is(Bug::NoGapCheck)) && seq % 7 == 6
}

/// The functions of the PostgreSQL store, perhaps with a bug.
pub(crate) fn functions(sql: &str) -> std::borrow::Cow<'_, str> {
    let replaced = |from: &str, to: &str| {
        debug_assert!(sql.contains(from), "there is no such place any more");
        sql.replace(from, to).into()
    };
    if is(Bug::NumberingAtTouch) {
        return replaced("max(p.id) AS last", "min(p.id) AS last");
    }
    if is(Bug::AckAtHead) {
        return replaced("coalesce(own.seq, head.seq, 0)", "coalesce(head.seq, 0)");
    }
    sql.into()
}
