//! The greeting: who this is, and what the client should know; and renewing the token.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use rowcast_protocol::{
    CloseCode, ErrorCode, ErrorReply, Reply, Schema,
    reply::{Person, Renewed, Welcome, WelcomeLimits},
    request::{Hello, Ref, Renew},
};
use uuid::Uuid;

use super::{Place, Session, deadline, schema};
use crate::{
    auth::{Identity, shown_name},
    hub::{Holder, Subscriber, Subscription},
    instant::instant,
};

/// What the hub calls itself.
const SERVER: &str = concat!("rowcast/", env!("CARGO_PKG_VERSION"));

/// What is known once the client has greeted.
#[derive(Debug)]
pub(super) struct Greeted {
    pub(super) subscriber: Subscriber,
    pub(super) subscriptions: Vec<Arc<Subscription>>,
    /// Held until the session ends.
    _place: Place,
}

/// When a token ends; those of some services never do.
fn end_of(identity: &Identity) -> Option<String> {
    (identity.expires < Timestamp::MAX).then(|| instant(identity.expires))
}

impl Session {
    pub(super) async fn greet(&mut self, hello: Hello) -> Result<(), CloseCode> {
        deadline::greeting_came(&self.socket);
        let token = hello.token.or_else(|| self.header_token.take());
        let identity = match self.verify(token.as_deref()).await {
            Ok(identity) => identity,
            Err((error, code)) => {
                self.send_error(ErrorReply { reference: Some(hello.reference), ..error });
                return Err(code);
            }
        };
        let user = Arc::clone(&identity.user);
        let Some(place) = self.services.people.take(Arc::clone(&user)) else {
            return Err(CloseCode::Overloaded);
        };
        self.rate.belongs_to(self.services.person_rates.of(&user));
        self.held.greeted();
        let name = self.name_of(&identity).await;
        let session: Arc<str> = Uuid::now_v7().simple().to_string().into();
        self.expect_renewal(identity.expires);
        let welcome =
            self.welcome(hello.reference, &identity, &name, &session, hello.schema.as_deref());
        let subscriber = Subscriber { session, user, name: name.into() };
        self.hold(&identity)?;
        self.greeted = Some(Greeted { subscriber, subscriptions: Vec::new(), _place: place });
        let welcomed = welcome.schema.clone();
        self.socket.send(&Reply::Welcome(Box::new(welcome)));
        schema::greeted(&self.socket, &welcomed, &self.services.checker.schema().wire);
        if let Some(news) = self.services.degraded_news() {
            self.socket.send(&news);
        }
        Ok(())
    }

    async fn verify(&self, token: Option<&str>) -> Result<Identity, (ErrorReply, CloseCode)> {
        let Some(token) = token else {
            let words = "send a token in `hello` or in the Authorization header";
            return Err((ErrorReply::new(ErrorCode::Unauthorized, words), CloseCode::Unauthorized));
        };
        self.services.verifier.verify(token).await.map_err(|error| {
            let close = match error.code() {
                ErrorCode::TokenExpired => CloseCode::TokenExpired,
                ErrorCode::Unavailable => CloseCode::Internal,
                _ => CloseCode::Unauthorized,
            };
            (ErrorReply::new(error.code(), error.to_string()), close)
        })
    }

    async fn name_of(&self, identity: &Identity) -> String {
        if let Some(name) = &identity.name {
            return name.clone();
        }
        // A name is a courtesy; without one the id has to do.
        let known = self.services.access.name_of(&identity.user).await;
        let known = known.map(|name| shown_name(&name)).filter(|name| !name.is_empty());
        known.unwrap_or_else(|| identity.user.to_string())
    }

    /// Notes what the socket rests on, so that it is closed when that ends. What ended since the
    /// token was verified is seen here.
    fn hold(&self, identity: &Identity) -> Result<(), CloseCode> {
        let (user, credential) = (Arc::clone(&identity.user), identity.session.clone());
        self.socket.is_held_by(Holder { user, credential });
        let ended = self.services.verifier.has_ended(identity);
        if ended { Err(CloseCode::Unauthorized) } else { Ok(()) }
    }

    fn expect_renewal(&self, expires: Timestamp) {
        let settings = &self.services.settings;
        let left = expires.duration_since(Timestamp::now());
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
        deadline::expect_renewal(&self.socket, left + settings.token_grace);
        let ahead = settings.token_warning.min(left / 4);
        let warn_at = self.socket.vitals.now() + deadline::millis(left.saturating_sub(ahead));
        self.socket.vitals.warn_at.store(warn_at, Ordering::Release);
    }

    fn welcome(
        &self,
        reference: Ref,
        identity: &Identity,
        name: &str,
        session: &str,
        known_schema: Option<&str>,
    ) -> Welcome {
        let known = self.services.checker.schema();
        let wire = &known.wire;
        let schema = if known_schema == Some(wire.hash.as_str()) {
            Schema { hash: wire.hash.clone(), tables: None }
        } else {
            wire.clone()
        };
        let settings = &self.services.settings;
        Welcome {
            reference,
            session: session.to_owned(),
            user: Person { id: identity.user.to_string(), name: name.to_owned() },
            expires: end_of(identity),
            time: instant(Timestamp::now()),
            server: SERVER.to_owned(),
            schema,
            limits: WelcomeLimits {
                message_bytes: settings.limits.message_bytes as u64,
                depth: settings.limits.depth as u64,
                ops: settings.limits.ops as u64,
                subscriptions: settings.subscriptions as u64,
                requests_per_second: u64::from(settings.requests_per_second),
                ping_seconds: settings.ping.as_secs(),
            },
        }
    }

    pub(super) async fn renew(&self, renew: Renew) {
        let reply = match self.verify(Some(&renew.token)).await {
            Ok(identity) if *identity.user == *self.user() => {
                if let Err(code) = self.hold(&identity) {
                    return self.socket.close(code);
                }
                self.expect_renewal(identity.expires);
                Ok(Renewed { reference: renew.reference, expires: end_of(&identity) })
            }
            Ok(_) => Err(ErrorReply::new(
                ErrorCode::Unauthorized,
                "the new token names somebody else; open a socket for that person",
            )),
            Err((error, _)) => Err(error),
        };
        match reply {
            Ok(renewed) => self.socket.send(&Reply::Renewed(renewed)),
            Err(error) => {
                self.send_error(ErrorReply { reference: Some(renew.reference), ..error });
            }
        }
    }
}
