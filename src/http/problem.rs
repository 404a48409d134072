//! Errors over HTTP: problem documents of RFC 9457, with a code from one closed table.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rowcast_protocol::{ErrorCode, ErrorReply, Fields, Value};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! http_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $status:ident;)+) => {
        /// Codes that only HTTP has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum HttpCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl HttpCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }
        }
    };
}

http_codes! {
    /// The resource does not know this method; `Allow` lists those it knows.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED;
    /// The body is not JSON, or does not say that it is.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE;
    /// The answer took longer than the hub lets it; a narrower request may do.
    TooSlow = "too_slow", SERVICE_UNAVAILABLE;
    /// The log cannot be continued from this cursor: read the tables again.
    CursorGone = "cursor_gone", GONE;
    /// Somebody has registered with this address.
    EmailTaken = "email_taken", CONFLICT;
    /// The password is too easy to guess.
    WeakPassword = "weak_password", UNPROCESSABLE_ENTITY;
    /// The password is not this person's.
    WrongPassword = "wrong_password", UNAUTHORIZED;
    /// A project keeps at least one owner.
    LastOwner = "last_owner", CONFLICT;
    /// The refresh token was used before; its whole session has ended.
    RefreshReused = "refresh_reused", UNAUTHORIZED;
    /// The refresh token was just used, perhaps by another tab; nothing has ended.
    RefreshRaced = "refresh_raced", CONFLICT;
    /// The link is unknown, has expired, or was withdrawn.
    LinkExpired = "link_expired", GONE;
}

/// A code of the closed table: the protocol's, or one that only HTTP has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// As on sockets.
    Wire(ErrorCode),
    /// Over HTTP alone.
    Http(HttpCode),
}

impl Code {
    /// Every code.
    pub fn all() -> impl Iterator<Item = Self> {
        let wire = ErrorCode::ALL.iter().copied().map(Self::Wire);
        wire.chain(HttpCode::ALL.iter().copied().map(Self::Http))
    }

    /// The code as it stands in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wire(code) => code.as_str(),
            Self::Http(code) => code.as_str(),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Wire(code) => wire_status(code),
            Self::Http(code) => code.status(),
        }
    }

    /// The code in words: `edit_conflict` is "Edit conflict".
    fn title(self) -> String {
        let words = self.as_str().replace('_', " ");
        let mut letters = words.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or(words)
    }
}

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        Self::Wire(code)
    }
}

impl From<HttpCode> for Code {
    fn from(code: HttpCode) -> Self {
        Self::Http(code)
    }
}

fn wire_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadMessage
        | ErrorCode::UnknownType
        | ErrorCode::TooDeep
        | ErrorCode::TooMany
        | ErrorCode::NotGreeted
        | ErrorCode::AlreadyGreeted
        | ErrorCode::NotSubscribed
        | ErrorCode::BadCursor => StatusCode::BAD_REQUEST,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Unauthorized | ErrorCode::TokenExpired => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::UnknownChannel | ErrorCode::UnknownTable | ErrorCode::NotFound => {
            StatusCode::NOT_FOUND
        }
        ErrorCode::UnknownField
        | ErrorCode::WrongType
        | ErrorCode::ReadonlyField
        | ErrorCode::NotNull
        | ErrorCode::Check
        | ErrorCode::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Unique
        | ErrorCode::ForeignKey
        | ErrorCode::GuardFailed
        | ErrorCode::EditConflict => StatusCode::CONFLICT,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy | ErrorCode::Unavailable | ErrorCode::ReadOnly | ErrorCode::Draining => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorCode::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, parameter or header; for a body the path of the member, such as `ops[0].set`.
    pub field: String,
    /// What is wrong, for people.
    pub message: String,
}

/// A problem document of RFC 9457.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// Names the kind of problem; ends with the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:rowcast:problem:not_found")]
    pub kind: String,
    /// The kind of problem in words.
    #[schema(example = "Not found")]
    pub title: String,
    /// The status of the answer.
    #[schema(example = 404)]
    pub status: u16,
    /// What was wrong and what to do, for people.
    pub detail: String,
    /// Why, from a closed table.
    #[schema(example = "not_found")]
    pub code: &'static str,
    /// The index of the operation that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<u32>,
    /// The table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The constraint of the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// The row's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = serde_json::Value)]
    pub key: Option<Value>,
    /// The row as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub row: Option<Fields>,
    /// Rows that stand in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Value>,
    /// The limit that was exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// When to try again, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What is wrong, field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The request's id, also in the header `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// An error, on its way to be answered. What HTTP handlers return as `Err`.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Document>);

impl Problem {
    /// A problem of this kind, with the status that belongs to it.
    #[must_use]
    pub fn new(code: impl Into<Code>, detail: impl Into<String>) -> Self {
        let code = code.into();
        Self(Box::new(Document {
            kind: format!("urn:rowcast:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: detail.into(),
            code: code.as_str(),
            op: None,
            table: None,
            field: None,
            constraint: None,
            key: None,
            row: None,
            rows: Vec::new(),
            limit: None,
            retry_after_ms: None,
            errors: Vec::new(),
            request_id: None,
        }))
    }

    /// A request that cannot be understood because of this field, parameter or header.
    #[must_use]
    pub fn bad_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        Self::new(ErrorCode::BadMessage, format!("`{field}`: {message}")).with_field(field, message)
    }

    /// A fault of the hub. The words go to the operator's log alone.
    #[must_use]
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(ErrorCode::Internal, "the hub failed; the operator's log says more")
    }

    /// The same with one more field named.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.errors.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status.as_u16();
        self
    }

    /// The same, saying when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The same with the row as it is.
    #[must_use]
    pub fn with_row(mut self, row: Option<Fields>) -> Self {
        self.0.row = row;
        self
    }

    /// The same with rows that stand in the way.
    #[must_use]
    pub fn with_rows(mut self, rows: Vec<Value>) -> Self {
        self.0.rows = rows;
        self
    }

    /// The same, naming the request.
    #[must_use]
    pub(super) fn of_request(mut self, id: &str) -> Self {
        self.0.request_id = Some(id.to_owned());
        self
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.0
    }

    /// The document, to stand within an answer.
    #[must_use]
    pub fn into_document(self) -> Document {
        *self.0
    }

    /// The whole answer as bytes, for a connection that is not served.
    #[must_use]
    pub fn bare_answer(&self) -> Vec<u8> {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = rowcast_protocol::Codec::Json.encode(&*self.0);
        let wait = self.0.retry_after_ms.unwrap_or(0).div_ceil(1000);
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\n\
             cache-control: no-store\r\nretry-after: {wait}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), &body].concat()
    }

    fn headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.0.retry_after_ms {
            headers.insert(header::RETRY_AFTER, wait.div_ceil(1000).into());
        }
        if self.0.status == StatusCode::UNAUTHORIZED.as_u16() {
            let challenge = if self.0.code == ErrorCode::TokenExpired.as_str() {
                r#"Bearer realm="rowcast", error="invalid_token", error_description="expired""#
            } else {
                r#"Bearer realm="rowcast""#
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
}

/// Whatever converts into the protocol's error becomes a problem: an edit's error, say.
impl<E: Into<ErrorReply>> From<E> for Problem {
    fn from(error: E) -> Self {
        let error: ErrorReply = error.into();
        let mut problem = Self::new(error.code, error.message);
        let document = &mut *problem.0;
        let field = error.field.clone().or(error.path);
        if let Some(field) = field {
            document.errors = vec![FieldError { field, message: document.detail.clone() }];
        }
        document.op = error.op;
        document.table = error.table;
        document.field = error.field;
        document.constraint = error.constraint;
        document.key = error.key;
        document.row = error.row;
        document.limit = error.limit;
        document.retry_after_ms =
            error.retry_after_ms.or_else(|| error.code.is_retryable().then_some(1000));
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, rowcast_protocol::Codec::Json.encode(&*self.0)).into_response();
        self.headers(&mut response);
        // The outermost layer adds the request's id, and counts.
        response.extensions_mut().insert(self);
        response
    }
}
