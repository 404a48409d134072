//! The socket protocol of Rowcast: messages, codecs, codes and limits.
//!
//! `PROTOCOL.md` beside this crate is normative; these types follow it. The crate knows bytes and
//! serde and nothing else: no sockets, no database, no clock.
//!
//! Three kinds of message never share a type: a [`Request`] carries a `ref`, its [`Reply`] carries
//! the same `ref`, and [`News`] is about a channel or the session and answers nothing.
//!
//! Reading order: [`value`] (what a field may hold), [`name`] (channels, edit ids), [`position`]
//! (epochs, seqs, cursors), [`request`] and [`edit`], [`reply`], [`news`], [`codec`] (JSON and MessagePack),
//! [`scan`] (limits checked before decoding), [`code`] (the two closed tables).

pub mod code;
pub mod codec;
mod draft;
pub mod edit;
mod head;
pub mod name;
pub mod news;
mod number;
pub mod position;
pub mod reply;
pub mod request;
pub mod scan;
pub mod schema;
pub mod value;

pub use code::{CloseCode, ErrorCode};
pub use codec::{Codec, DecodeError};
pub use edit::{Edit, Op, Place};
pub use name::{ChannelName, EditId};
pub use news::{Change, Entry, News, PresentPerson, SignalItem, StateItem};
pub use position::{Cursor, Epoch, Seq};
pub use reply::{ErrorReply, Reply, ServerMessage};
pub use request::Request;
pub use scan::Limits;
pub use schema::{ColumnSchema, ColumnType, Role, Schema, TableSchema};
pub use value::{Fields, Value};
