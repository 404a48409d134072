//! What settings must be together. Every rule names the setting, what it is and what is expected.

use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::{
    AccountsConfig, AuthConfig, Config, HttpConfig, IssuerConfig, LimitsConfig, ServerConfig,
    StoreConfig,
};
use crate::store::{Declarations, declaration::AccessRule};

/// A setting and what is wrong with it.
type Broken = (String, String);

/// All rules that do not hold.
pub(super) fn broken(config: &Config) -> Vec<Broken> {
    [
        server(&config.server),
        store(&config.store),
        limits(&config.limits),
        http(&config.http),
        auth(&config.auth),
        accounts(&config.accounts),
        config.auth.issuers.iter().enumerate().flat_map(|(at, one)| issuer(at, one)).collect(),
        log(&config.log.level),
        declarations(&config.declarations),
    ]
    .concat()
}

/// The rule, if it does not hold.
fn unless(holds: bool, setting: &str, words: impl FnOnce() -> String) -> Option<Broken> {
    (!holds).then(|| (setting.to_owned(), words()))
}

fn within(setting: &str, value: u128, least: u128, most: u128) -> Option<Broken> {
    unless((least..=most).contains(&value), setting, || {
        format!("is {value}; expected {least} to {most}")
    })
}

fn size(setting: &str, value: usize, least: u32, most: u32) -> Option<Broken> {
    within(setting, value as u128, u128::from(least), u128::from(most))
}

fn lasting(setting: &str, value: Duration, unit: u64, least: u32, most: u32) -> Option<Broken> {
    within(setting, value.as_millis() / u128::from(unit), u128::from(least), u128::from(most))
}

const MILLISECONDS: u64 = 1;
const SECONDS: u64 = 1_000;
const MINUTES: u64 = 60 * SECONDS;
const DAYS: u64 = 24 * 60 * MINUTES;

fn server(server: &ServerConfig) -> Vec<Broken> {
    let expected = "expected an origin such as \"https://app.example.org\", without a path";
    let public = server.public_url.iter().map(|url| ("server.public_url".to_owned(), url));
    let others = server.origins.iter().enumerate();
    let others = others.map(|(at, url)| (format!("server.origins.{at}"), url));
    let urls = public.chain(others);
    urls.filter(|(_, url)| !is_origin(url))
        .map(|(setting, url)| (setting, format!("is \"{url}\"; {expected}")))
        .chain(size("server.workers", server.workers, 0, 1_024))
        .chain(lasting("server.drain_seconds", server.drain, SECONDS, 0, 3_600))
        .collect()
}

/// `scheme://host[:port]` in lower case, as browsers send it.
fn is_origin(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let parsed = url.parse::<http::Uri>();
    let named = parsed.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    let plain = |host: &str| !host.contains(['/', '?', '#', '@']);
    named && host.is_some_and(plain) && !url.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn store(store: &StoreConfig) -> Vec<Broken> {
    let plain = unless(!store.url.has_file_with_question_mark(), "store.url", || {
        format!("is \"{}\"; the name of a SQLite file cannot have a `?`", store.url)
    });
    let url = unless(store.url.kind().is_some(), "store.url", || {
        let expected = "expected sqlite:FILE or postgres://USER@HOST/DATABASE";
        format!("is \"{}\"; {expected}", store.url)
    });
    [
        url,
        plain,
        within("store.pool", u128::from(store.pool), 1, 1_000),
        size("store.lanes", store.lanes, 1, 64),
        size("store.batch_edits", store.batch_edits, 1, 10_000),
        size("store.batch_bytes", store.batch_bytes, 65_536, 64 << 20),
        lasting("store.poll_ms", store.poll, MILLISECONDS, 10, 5_000),
        lasting("store.log_days", store.keep_log, DAYS, 1, 36_500),
        lasting("store.outcome_days", store.keep_outcomes, DAYS, 1, 36_500),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn http(http: &HttpConfig) -> Vec<Broken> {
    [
        size("http.body_bytes", http.body_bytes, 1_024, 64 << 20),
        size("http.unread_bytes", http.unread_bytes, 1 << 20, u32::MAX),
        lasting("http.timeout_seconds", http.timeout, SECONDS, 1, 3_600),
        burst("http.person_burst", http.person_burst, http.person_per_second),
        burst("http.address_burst", http.address_burst, http.address_per_second),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn burst(setting: &str, burst: u32, rate: u32) -> Option<Broken> {
    unless(burst >= rate, setting, || {
        format!("is {burst}; expected at least what is allowed in a second, {rate}")
    })
}

fn limits(limits: &LimitsConfig) -> Vec<Broken> {
    [sizes_of_messages(limits), waits(limits), sizes_of_the_hub(limits)].concat()
}

fn sizes_of_messages(limits: &LimitsConfig) -> Vec<Broken> {
    let (rate, burst) = (limits.requests_per_second, limits.requests_burst);
    let burst = unless(burst >= rate, "limits.requests_burst", || {
        format!("is {burst}; expected at least limits.requests_per_second, {rate}")
    });
    [
        size("limits.message_bytes", limits.message_bytes, 1_024, 16 << 20),
        size("limits.depth", limits.depth, 4, 64),
        size("limits.values", limits.values, 16, 1_000_000),
        size("limits.ops", limits.ops, 1, 10_000),
        size("limits.subscriptions", limits.subscriptions, 1, 100_000),
        within("limits.requests_per_second", u128::from(rate), 1, 1_000_000),
        within("limits.frames_per_second", limits.frames_per_second.into(), 1, 1_000_000_000),
        within("limits.bytes_per_second", limits.bytes_per_second.into(), 1_024, 1 << 40),
        within(
            "limits.person_requests_per_second",
            limits.person_requests_per_second.into(),
            0,
            1_000_000_000,
        ),
        within("limits.person_bytes_per_second", limits.person_bytes_per_second.into(), 0, 1 << 40),
        burst,
        size("limits.sockets_not_greeted", limits.sockets_not_greeted, 1, 1_000_000),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn waits(limits: &LimitsConfig) -> Vec<Broken> {
    [
        ("limits.first_byte_seconds", limits.first_byte),
        ("limits.header_seconds", limits.header),
        ("limits.write_seconds", limits.write),
        ("limits.greeting_seconds", limits.greeting),
        ("limits.message_seconds", limits.message),
        ("limits.ping_seconds", limits.ping),
        ("limits.pong_seconds", limits.pong),
    ]
    .into_iter()
    .filter_map(|(setting, wait)| lasting(setting, wait, SECONDS, 1, 3_600))
    .collect()
}

fn sizes_of_the_hub(limits: &LimitsConfig) -> Vec<Broken> {
    let (entry, message) = (limits.entry_bytes, limits.message_bytes);
    let entry = unless(entry >= message, "limits.entry_bytes", || {
        format!("is {entry}; expected at least limits.message_bytes, {message}")
    });
    [
        size("limits.out_bytes", limits.out_bytes, 131_072, 256 << 20),
        size("limits.tail_bytes", limits.tail_bytes, 65_536, 1 << 30),
        size("limits.state_keys", limits.state_keys, 1, 100_000),
        size("limits.state_bytes", limits.state_bytes, 64, 16 << 20),
        size("limits.channel_state_bytes", limits.channel_state_bytes, 1_024, 1 << 30),
        size("limits.signal_ring", limits.signal_ring, 1, 1_000_000),
        size("limits.signal_ring_bytes", limits.signal_ring_bytes, 1_024, 1 << 30),
        size("limits.snapshots", limits.snapshots, 1, 100_000),
        size("limits.snapshots_waiting", limits.snapshots_waiting, 1, 10_000_000),
        size("limits.presence_meta_bytes", limits.presence_meta_bytes, 0, 1 << 20),
        size("limits.entry_changes", limits.entry_changes, 1, 1_000_000),
        size("limits.entry_bytes", limits.entry_bytes, 1_024, 64 << 20),
        size("limits.list_items", limits.list_items, 1, 1_000_000),
        size("limits.row_bytes", limits.row_bytes, 1_024, 64 << 20),
        lasting("limits.edit_ms", limits.edit_time, MILLISECONDS, 100, 60_000),
        entry,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn auth(auth: &AuthConfig) -> Vec<Broken> {
    let own = |algorithm: &Algorithm| matches!(algorithm, Algorithm::EdDSA | Algorithm::ES256);
    let allowed = !auth.algorithms.is_empty() && auth.algorithms.iter().all(own);
    let repeated = auth.issuers.iter().enumerate().filter_map(|(at, one)| {
        let earlier = auth.issuers.iter().take(at).map(|issuer| &issuer.issuer);
        let known = earlier.chain([&auth.issuer]).any(|issuer| *issuer == one.issuer);
        let setting = format!("auth.issuers.{at}.issuer");
        unless(!known, &setting, || format!("is \"{}\", which stands already", one.issuer))
    });
    [
        unless(!auth.issuer.is_empty(), "auth.issuer", || "is empty; expected a name".to_owned()),
        unless(!auth.audience.is_empty(), "auth.audience", || {
            "is empty; expected a name".to_owned()
        }),
        unless(allowed, "auth.algorithms", || {
            format!("is {:?}; expected EdDSA, ES256 or both", auth.algorithms)
        }),
        lasting("auth.token_minutes", auth.token_life, MINUTES, 1, 525_600),
        lasting("auth.grace_seconds", auth.grace, SECONDS, 0, 3_600),
        lasting("auth.leeway_seconds", auth.leeway, SECONDS, 0, 60),
    ]
    .into_iter()
    .flatten()
    .chain(repeated)
    .collect()
}

fn accounts(accounts: &AccountsConfig) -> Vec<Broken> {
    let attempts = u128::from(accounts.attempts_per_minute);
    [
        lasting("accounts.access_minutes", accounts.access_life, MINUTES, 1, 1_440),
        lasting("accounts.refresh_days", accounts.refresh_life, DAYS, 1, 3_650),
        within("accounts.hashing", u128::from(accounts.hashing), 1, 256),
        within("accounts.attempts_per_minute", attempts, 0, 1_000_000),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn issuer(at: usize, issuer: &IssuerConfig) -> Vec<Broken> {
    let setting = |name: &str| format!("auth.issuers.{at}.{name}");
    let one_source = issuer.jwks_url.is_some() != issuer.jwks_file.is_some();
    let url = issuer.jwks_url.as_deref().unwrap_or("https://");
    let secure =
        url.starts_with("https://") || (issuer.allow_private && url.starts_with("http://"));
    let shared = issuer.algorithms.iter().filter(|algorithm| is_shared_secret(**algorithm)).count();
    let unmixed = shared == 0 || shared == issuer.algorithms.len();
    [
        unless(one_source, &setting("jwks_url"), || {
            "expected either jwks_url or jwks_file".to_owned()
        }),
        unless(secure, &setting("jwks_url"), || {
            format!("is \"{url}\"; expected https://…, or http://… with allow_private = true")
        }),
        unless(!issuer.algorithms.is_empty(), &setting("algorithms"), || {
            "is empty; expected for example [\"RS256\"]".to_owned()
        }),
        unless(unmixed, &setting("algorithms"), || {
            "has HS… beside others; a key is either a shared secret or not".to_owned()
        }),
        unless(shared == 0 || issuer.jwks_url.is_none(), &setting("algorithms"), || {
            "has HS…; shared secrets come from a jwks_file, never from a URL".to_owned()
        }),
        unless(!issuer.audience.is_empty(), &setting("audience"), || {
            "is empty; expected what its tokens name this hub".to_owned()
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn is_shared_secret(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
}

fn log(level: &str) -> Vec<Broken> {
    let known = tracing_subscriber::EnvFilter::try_new(level).is_ok()
        && !level.is_empty()
        && level.split(',').all(is_level_or_part);
    let words = || format!("is \"{level}\"; expected error, warn, info, debug or trace");
    unless(known, "log.level", words).into_iter().collect()
}

/// A level, or one for a part. A word alone would be taken as the name of a part, typed amiss or not.
fn is_level_or_part(directive: &str) -> bool {
    use tracing_subscriber::filter::LevelFilter;
    directive.contains(['=', '[', ']', '}']) || directive.trim().parse::<LevelFilter>().is_ok()
}

fn declarations(declared: &Declarations) -> Vec<Broken> {
    let channels = declared.tables.iter().map(|table| {
        let setting = format!("tables.{}.channel", table.name);
        let kind = kind_of(&table.channel);
        let known = kind.is_some_and(|kind| declared.access.iter().any(|rule| rule.kind == kind));
        let twins = declared
            .tables
            .iter()
            .filter(|other| (&other.name, kind_of(&other.channel)) == (&table.name, kind));
        [
            unless(kind.is_some(), &setting, || {
                format!("is \"{}\"; expected kind:{{column}}", table.channel)
            }),
            unless(kind.is_none() || known, &setting, || {
                format!("is \"{}\", and no [[access]] says who may reach it", table.channel)
            }),
            unless(twins.count() == 1, &setting, || "is declared twice".to_owned()),
        ]
    });
    let rules = declared.access.iter().filter_map(|access| {
        let AccessRule::Members(members) = &access.rule else { return None };
        let live = declared.tables.iter().any(|table| {
            table.name == members.table && kind_of(&table.channel) == Some(&access.kind)
        });
        unless(live, &format!("access.{}.members", access.kind), || {
            format!("names `{}`, which is not live on these channels", members.table)
        })
    });
    let repeated = declared.access.iter().enumerate().filter_map(|(at, access)| {
        let earlier = declared.access.iter().take(at);
        let words = || "has two [[access]]; one says all about a kind".to_owned();
        let twice = earlier.filter(|other| other.kind == access.kind).count() > 0;
        unless(!twice, &format!("access.{}", access.kind), words)
    });
    channels.flatten().flatten().chain(rules).chain(repeated).collect()
}

/// The kind in `kind:{column}`.
fn kind_of(channel: &str) -> Option<&str> {
    let (kind, column) = channel.split_once(":{")?;
    let column = column.strip_suffix('}')?;
    let is_kind = kind.starts_with(|first: char| first.is_ascii_lowercase())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    (is_kind && !column.is_empty() && !column.contains(['{', '}'])).then_some(kind)
}
