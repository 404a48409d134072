//! What black-box tests use: a real hub process, real databases, outside writers, devices that
//! speak the protocol, and a network that can be cut.
//!
//! Verbs read as sentences (`alice.edits(…)`, `bob.sees(…)`). Every verb waits for an answer, for a
//! bounded time, and fails with the place of its caller; nothing sleeps until something "should be
//! done". Reading order: [`world`], [`device`], [`view`], [`hub`], [`database`], [`link`].

pub(crate) mod checker;
pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod device;
pub(crate) mod edits;
pub(crate) mod gate;
pub(crate) mod http;
pub(crate) mod hub;
pub(crate) mod link;
pub(crate) mod postgres;
pub(crate) mod raw;
pub(crate) mod stream;
pub(crate) mod view;
pub(crate) mod waiting;
pub(crate) mod web;
pub(crate) mod world;

/// Makes one test per store out of each sentence.
macro_rules! on_both_stores {
    ($($name:ident,)+) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    Box::pin(super::$name(crate::support::database::Kind::Sqlite)).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    Box::pin(super::$name(crate::support::database::Kind::Postgres)).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_stores;
