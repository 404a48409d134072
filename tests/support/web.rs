//! A program that speaks HTTP with a hub, as somebody or as nobody.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    address: SocketAddr,
    headers: Vec<(&'static str, String)>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    /// The body; null if there is none.
    pub(crate) body: Value,
}

impl Web {
    /// Nobody in particular.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
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
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.address
        );
        for (name, value) in &self.headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            let length = body.len();
            request += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
        }
        request += &format!("\r\n{body}");
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        Answer::read(&answer)
    }
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = if body.is_empty() { Value::Null } else { parsed(body) };
        Self { status: status.expect("a status"), head: head.to_owned(), body }
    }

    /// The same, if it has this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {:#}", self.head, self.body);
        self
    }

    /// The problem, if it is one of this status and code.
    #[track_caller]
    pub(crate) fn fails(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code()), (status, code), "{} {:#}", self.head, self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self.body
    }

    /// The code of the problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// A member of the body that is text.
    #[track_caller]
    pub(crate) fn text(&self, member: &str) -> String {
        let text = self.body[member].as_str();
        text.unwrap_or_else(|| panic!("{member} is not in {:#}", self.body)).to_owned()
    }
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}
