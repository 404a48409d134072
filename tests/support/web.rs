//! A program that speaks HTTP with a hub, as somebody or as nobody.

use std::net::SocketAddr;

use serde_json::Value;

use super::http::{self, Browser};

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    browser: Browser,
    headers: Vec<(&'static str, String)>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    whole: http::Answer,
    /// The body; null if there is none.
    pub(crate) body: Value,
}

impl Web {
    /// Nobody in particular.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { browser: Browser::at(address), headers: Vec::new() }
    }

    /// The same, with a bearer token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        self.with("Authorization", format!("Bearer {token}"))
    }

    /// The same, with a header.
    pub(crate) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut web = self.clone();
        web.headers.push((name, value.into()));
        web
    }

    /// Asks for something.
    pub(crate) async fn gets(&self, path: &str) -> Answer {
        self.asks("GET", path, None).await
    }

    /// Sends something.
    pub(crate) async fn posts(&self, path: &str, body: Value) -> Answer {
        self.asks("POST", path, Some(body)).await
    }

    /// Changes something.
    pub(crate) async fn patches(&self, path: &str, body: Value) -> Answer {
        self.asks("PATCH", path, Some(body)).await
    }

    /// Deletes something.
    pub(crate) async fn deletes(&self, path: &str) -> Answer {
        self.asks("DELETE", path, None).await
    }

    async fn asks(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let whole = self.browser.ask(method, path, &headers, body).await;
        Answer { status: whole.status, body: whole.json(), whole }
    }
}

impl Answer {
    /// The same, if it has this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}", self.whole);
        self
    }

    /// The problem, if it is one of this status and code.
    #[track_caller]
    pub(crate) fn fails(self, status: u16, code: &str) -> Value {
        self.whole.fails(status, code)
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.whole.headers.get(name).map(String::as_str)
    }

    /// A member of the body that is text.
    #[track_caller]
    pub(crate) fn text(&self, member: &str) -> String {
        let text = self.body[member].as_str();
        text.unwrap_or_else(|| panic!("{member} is not in {:#}", self.body)).to_owned()
    }
}
