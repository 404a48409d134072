//! `[store]`: the database, how edits are committed and how long the log is kept.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize, Serializer};

use super::seconds::{days, millis};

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// Which database.
    pub url: DatabaseUrl,
    /// The most connections for reading (and, on Postgres, beside them one for each lane).
    pub pool: u32,
    /// The most commits that run at once; a store with one writer takes one.
    pub lanes: usize,
    /// The most edits of one transaction.
    pub batch_edits: usize,
    /// The most bytes of edits of one transaction.
    pub batch_bytes: usize,
    /// How often the hub looks for what outside writers left.
    #[serde(rename = "poll_ms", with = "millis")]
    pub poll: Duration,
    /// How long entries of the log are kept.
    #[serde(rename = "log_days", with = "days")]
    pub keep_log: Duration,
    /// How long the outcomes of edits are kept; an edit sent again later is a new one.
    #[serde(rename = "outcome_days", with = "days")]
    pub keep_outcomes: Duration,
}

/// The URL of a database. Shown without its password wherever it is printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

/// What kind of database a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseKind {
    /// `sqlite:FILE`, also `sqlite://FILE`.
    Sqlite(PathBuf),
    /// `postgres://…` or `postgresql://…`.
    Postgres,
}

impl DatabaseUrl {
    /// Takes a URL as it is.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole URL with its password, for connecting alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What kind of database this is; `None` if it is none that is supported.
    #[must_use]
    pub fn kind(&self) -> Option<DatabaseKind> {
        if self.0.starts_with("postgres://") || self.0.starts_with("postgresql://") {
            return Some(DatabaseKind::Postgres);
        }
        let file = self.0.strip_prefix("sqlite:")?;
        let file = file.strip_prefix("//").unwrap_or(file);
        let file = file.split_once('?').map_or(file, |(file, _)| file);
        (!file.is_empty()).then(|| DatabaseKind::Sqlite(PathBuf::from(file)))
    }

    /// Whether something stands behind a `?` that is not how other programs say that the file is made.
    #[must_use]
    pub(super) fn has_file_with_question_mark(&self) -> bool {
        let Some((_, behind)) = self.0.strip_prefix("sqlite:").and_then(|url| url.split_once('?'))
        else {
            return false;
        };
        !matches!(behind, "mode=rwc" | "mode=rw")
    }

    /// The folder beside the database: that of the SQLite file, else the current one.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        match self.kind() {
            Some(DatabaseKind::Sqlite(file)) => file.parent().map(Path::to_owned),
            Some(DatabaseKind::Postgres) | None => None,
        }
        .unwrap_or_default()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(r, q)| (r, Some(q)));
        if !scheme.is_empty() {
            write!(f, "{scheme}://")?;
        }
        match rest.rsplit_once('@') {
            Some((user, host)) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                let hidden = if password.is_empty() { "" } else { ":***" };
                write!(f, "{name}{hidden}@{host}")?;
            }
            None => f.write_str(rest)?,
        }
        let shown = |pair: &str| match pair.split_once('=') {
            Some((name, _)) if name.contains("password") => format!("{name}=***"),
            _ => pair.to_owned(),
        };
        let query = query.map(|query| query.split('&').map(shown).collect::<Vec<_>>().join("&"));
        query.map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://ada:s3cret@db:5432/x", "postgres://ada:***@db:5432/x"),
            ("postgres://ada:a@b@db/x?sslmode=require", "postgres://ada:***@db/x?sslmode=require"),
            ("postgres://db/x?user=ada&password=s3cret", "postgres://db/x?user=ada&password=***"),
            ("postgres://ada@db/x", "postgres://ada@db/x"),
            ("sqlite:rowcast.db", "sqlite:rowcast.db"),
        ] {
            assert_eq!(DatabaseUrl::new(url).to_string(), shown);
            assert_eq!(format!("{:?}", DatabaseUrl::new(url)), format!("DatabaseUrl({shown})"));
        }
    }

    #[test]
    fn the_scheme_says_which_database() {
        let file = |name: &str| Some(DatabaseKind::Sqlite(PathBuf::from(name)));
        assert_eq!(DatabaseUrl::new("sqlite:a.db").kind(), file("a.db"));
        assert_eq!(DatabaseUrl::new("sqlite://a.db").kind(), file("a.db"));
        assert_eq!(DatabaseUrl::new("sqlite:///v/a.db?x=1").kind(), file("/v/a.db"));
        assert_eq!(DatabaseUrl::new("sqlite:///v/a.db").folder(), PathBuf::from("/v"));
        assert_eq!(DatabaseUrl::new("postgresql://h/d").kind(), Some(DatabaseKind::Postgres));
        assert_eq!(DatabaseUrl::new("mysql://h/d").kind(), None);
        assert_eq!(DatabaseUrl::new("sqlite:").kind(), None);
    }
}
