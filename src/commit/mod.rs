//! From an edit as a client sent it to an edit that is durable.
//!
//! [`check`] holds an edit against the live tables. Then group commit: edits from many sockets
//! become few transactions. A few lanes; channels hash to lanes, so the edits of one channel stay
//! in order; a batch mixes channels. While one batch commits the next one gathers. Whoever lost the
//! right to an edit while it waited is refused ([`Rights`](crate::store::rights::Rights)). An edit is
//! answered when it is durable.

pub mod check;
mod checker;
mod lane;
mod load;
mod waiting;

pub use checker::Checker;
pub use lane::{CommitSettings, Committer, EditResult, Parts};
pub use load::QueueFull;
