//! Headers that make a request conditional (`If-Match`, `If-None-Match`) or repeatable
//! (`Idempotency-Key`).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
};
use rowcast_protocol::EditId;
use uuid::Uuid;

use crate::http::problem::Problem;

/// The header that makes a write repeatable.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Under which ids are made from persons and keys.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f5c_1f0e_2f2b_4e63_9c39_7d6a_52d0_1b7e);

/// The tags of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`: whatever the state.
    Any,
    /// One of these.
    These(Vec<String>),
}

impl Tags {
    fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Problem> {
        if !headers.contains_key(name) {
            return Ok(None);
        }
        let mut tags = Vec::new();
        for value in headers.get_all(name) {
            let malformed = || Problem::bad_field(name.as_str(), "expected `*` or tags in quotes");
            let text = value.to_str().map_err(|_| malformed())?;
            if text.trim() == "*" {
                return Ok(Some(Self::Any));
            }
            tags.extend(tags_in(text).ok_or_else(malformed)?);
        }
        Ok(Some(Self::These(tags)))
    }

    /// Whether a state is among them.
    pub(super) fn hold(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|other| other == tag),
        }
    }

    /// The same in one form.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::These(tags) => tags.join(","),
        }
    }
}

/// The tags of a list. What they name is the state of a row, not the bytes of an answer: so one that a
/// proxy weakened (`W/`), or named after its own compression, still names the same state.
fn tags_in(list: &str) -> Option<Vec<String>> {
    let (mut tags, mut rest) = (Vec::new(), list.trim());
    loop {
        let tag = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (tag, after) = tag.split_once('"')?;
        tags.push(unsuffixed(tag).to_owned());
        rest = match after.trim_start() {
            "" => return Some(tags),
            more => more.strip_prefix(',')?.trim_start(),
        };
    }
}

/// A tag without what proxies put behind it when they compress.
fn unsuffixed(tag: &str) -> &str {
    let suffixes = ["--gzip", "-gzip", ";gzip", "-br", "-deflate", "-zstd"];
    suffixes.iter().find_map(|suffix| tag.strip_suffix(suffix)).unwrap_or(tag)
}

/// The states that a row must not be in, or the answer is "not modified".
#[derive(Debug)]
pub(super) struct IfNoneMatch(pub(super) Option<Tags>);

/// What a write depends on.
#[derive(Debug)]
pub(super) struct Conditions {
    /// The states that the row may be in.
    pub(super) if_match: Option<Tags>,
    key: Option<String>,
}

impl Conditions {
    /// Whether the client named the write, so that it may be a repetition.
    pub(super) fn is_named(&self) -> bool {
        self.key.is_some()
    }

    /// The id of a person's edit: the key itself if it is a UUID, else one made from person and
    /// key; `nth` tells the edits of one request apart. Without a key a new one.
    pub(super) fn edit_id(&self, user: &str, nth: usize) -> EditId {
        let Some(key) = &self.key else { return EditId(Uuid::now_v7()) };
        match Uuid::try_parse(key) {
            Ok(id) if nth == 0 && key.len() == 36 => EditId(id),
            _ => EditId(Uuid::new_v5(&NAMESPACE, format!("{user}\n{key}\n{nth}").as_bytes())),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Tags::of(&parts.headers, &header::IF_NONE_MATCH).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let if_match = Tags::of(&parts.headers, &header::IF_MATCH)?;
        let key = parts.headers.get(IDEMPOTENCY_KEY).map(well_formed).transpose()?;
        Ok(Self { if_match, key })
    }
}

fn well_formed(key: &HeaderValue) -> Result<String, Problem> {
    let text = key.to_str().unwrap_or("");
    if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    let words = "a key has 1 to 64 visible characters";
    Err(Problem::bad_field(IDEMPOTENCY_KEY.as_str(), words))
}

#[cfg(test)]
mod tests {
    use super::tags_in;

    #[test]
    fn tags_are_read_as_proxies_leave_them() {
        let tags = |list: &str| tags_in(list).map(|tags| tags.join(" "));
        assert_eq!(tags(r#""a""#).as_deref(), Some("a"));
        assert_eq!(tags(r#"W/"a-gzip" , "b,c","d--gzip""#).as_deref(), Some("a b,c d"));
        for wrong in ["a", "", r#""a" "b""#, r#""a","#, r#"W/a"#, r#""a"#] {
            assert_eq!(tags(wrong), None, "{wrong}");
        }
    }
}
