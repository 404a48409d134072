//! What each source says counts, and what is wrong is named.

use std::{collections::BTreeMap, fs, path::Path};

use super::*;

/// The settings of a file with this text under these variables.
fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rowcast.toml");
    fs::write(&file, text).unwrap();
    let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Config::load(Some(&file), variables)
}

fn defaults() -> Config {
    load("", &[]).unwrap()
}

/// The problems, with the folder of the file left out.
#[track_caller]
fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let ConfigError::Wrong(problems) = load(text, variables).unwrap_err() else {
        panic!("another error was expected")
    };
    let shown = problems.into_iter().map(|problem| {
        let source = problem.source.split('/').next_back().unwrap().to_owned();
        Problem { source, ..problem }.to_string()
    });
    shown.collect()
}

#[test]
fn the_defaults_are_settings_and_name_every_one() {
    let config = defaults();
    assert_eq!(config.limits.message_bytes, 65_536);
    assert_eq!(config.limits.ping.as_secs(), 60);
    assert_eq!(config.store.keep_log.as_secs(), 7 * 24 * 60 * 60);
    assert_eq!(config.limits.of_messages(), rowcast_protocol::Limits::default());
    assert_eq!(config.declarations.tables.len(), 6);
    assert_eq!(config.declarations.access.len(), 2);
}

#[test]
fn the_file_stands_above_the_defaults_and_variables_above_the_file() {
    let text = "[limits]\ndepth = 20\nops = 7\n[server]\nlisten = \"0.0.0.0:1\"";
    let config = load(text, &[("ROWCAST_LIMITS__OPS", "9"), ("HOME", "/root")]).unwrap();
    assert_eq!((config.limits.depth, config.limits.ops), (20, 9));
    assert_eq!(config.server.listen.port(), 1);
}

#[test]
fn variables_are_read_as_the_setting_wants_them() {
    let config = load(
        "",
        &[
            ("ROWCAST_AUTH__ISSUER", "42"),
            ("ROWCAST_SERVER__ORIGINS", "https://a.example, https://b.example"),
            ("ROWCAST_SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
            ("ROWCAST_DEMO__ENABLED", "false"),
            ("ROWCAST_LOG__FORMAT", "json"),
            ("ROWCAST_LIMITS__DEPTH", ""),
            ("ROWCAST_PORT", "tcp://10.0.0.1:80"),
            ("ROWCAST_SERVICE_HOST", "10.0.0.1"),
        ],
    );
    let config = config.unwrap();
    assert_eq!(config.auth.issuer, "42");
    assert_eq!(config.server.origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.server.trusted_proxies.len(), 1);
    assert_eq!(config.demo.enabled, Demo::Off);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.limits.depth, 16);
}

#[test]
fn the_database_of_this_program_stands_above_the_common_variable() {
    let common = ("DATABASE_URL", "postgres://a/b");
    assert_eq!(load("", &[common]).unwrap().store.url.expose(), "postgres://a/b");
    let own = ("ROWCAST_STORE__URL", "sqlite:own.db");
    assert_eq!(load("", &[own, common]).unwrap().store.url.expose(), "sqlite:own.db");
}

#[test]
fn a_file_named_by_a_variable_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.toml");
    fs::write(&file, "[limits]\nops = 3").unwrap();
    let variable = ("ROWCAST_CONFIG".to_owned(), file.display().to_string());
    assert_eq!(Config::load(None, [variable]).unwrap().limits.ops, 3);
}

#[test]
fn a_file_that_was_named_and_is_not_there_is_an_error() {
    let error = Config::load(Some(Path::new("/nowhere/rowcast.toml")), []).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the settings in /nowhere/rowcast.toml"));
}

#[test]
fn a_file_that_is_no_toml_names_the_line() {
    let error = load("[limits]\ndepth = = 3", &[]).unwrap_err().to_string();
    assert!(error.contains("is not TOML") && error.contains("line 2"), "{error}");
}

#[test]
fn a_setting_that_does_not_exist_is_named_with_its_line() {
    let problem = &problems("[server]\nworkers = 1\nwrokers = 2", &[])[0];
    assert!(
        problem.starts_with(
            "server.wrokers (rowcast.toml, line 3): there is no such setting; there are: listen"
        ),
        "{problem}"
    );
    let problem = &problems("limitz.depth = 1", &[])[0];
    assert!(problem.starts_with("limitz (rowcast.toml, line 1): there is no such"), "{problem}");
}

#[test]
fn a_variable_without_a_setting_is_named() {
    let problem = &problems("", &[("ROWCAST_LIMITS__DEPHT", "3")])[0];
    let start = "limits.depht (the variable ROWCAST_LIMITS__DEPHT): there is no such setting";
    assert!(problem.starts_with(start), "{problem}");
}

#[test]
fn a_value_of_the_wrong_type_is_shown_with_what_is_expected() {
    assert_eq!(
        problems("[limits]\nops = 1\ndepth = \"deep\"", &[]),
        [
            "limits.depth (rowcast.toml, line 3): is string \"deep\"; expected a whole number, 0 or more"
        ]
    );
    assert_eq!(
        problems("", &[("ROWCAST_LIMITS__PING_SECONDS", "-1")]),
        ["limits.ping_seconds (the variable ROWCAST_LIMITS__PING_SECONDS): is signed int `-1`; \
          expected a whole number, 0 or more"]
    );
    let problem = &problems("[log]\nformat = \"xml\"", &[])[0];
    assert_eq!(
        problem,
        "log.format (rowcast.toml, line 2): is \"xml\"; expected one of: people, json"
    );
    let problem = &problems("[demo]\nenabled = \"perhaps\"", &[])[0];
    assert_eq!(problem, "demo.enabled (rowcast.toml, line 2): expected true, false or \"auto\"");
    let problem = &problems("[server]\nlisten = \"localhost\"", &[])[0];
    assert!(problem.starts_with("server.listen (rowcast.toml, line 2)"), "{problem}");
    assert!(problem.ends_with("an address and a port such as \"127.0.0.1:7070\""), "{problem}");
    let problem = &problems("", &[("ROWCAST_SERVER__TRUSTED_PROXIES", "10.0.0")])[0];
    assert!(problem.ends_with("addresses such as \"10.0.0.0/8\""), "{problem}");
}

#[test]
fn a_level_of_the_log_is_one_of_the_levels() {
    for level in ["warn", "info,rowcast::commit=debug", "off"] {
        assert_eq!(load("", &[("ROWCAST_LOG__LEVEL", level)]).unwrap().log.level, level);
    }
    let problem = &problems("", &[("ROWCAST_LOG__LEVEL", "loud")])[0];
    assert!(problem.contains("is \"loud\"; expected error, warn, info"), "{problem}");
}

#[test]
fn all_broken_rules_are_told_at_once() {
    let text = "[limits]\nrequests_per_second = 500\ndepth = 1000\nentry_bytes = 2048";
    assert_eq!(
        problems(text, &[("ROWCAST_AUTH__LEEWAY_SECONDS", "61")]),
        [
            "limits.depth (rowcast.toml, line 3): is 1000; expected 4 to 64",
            "limits.requests_burst (the defaults): is 400; expected at least \
             limits.requests_per_second, 500",
            "limits.entry_bytes (rowcast.toml, line 4): is 2048; expected at least \
             limits.message_bytes, 65536",
            "auth.leeway_seconds (the variable ROWCAST_AUTH__LEEWAY_SECONDS): is 61; expected 0 to 60",
        ]
    );
}

#[test]
fn origins_are_whole_origins() {
    for good in ["https://a.example", "http://localhost:3000", "http://[::1]:80"] {
        assert!(load("", &[("ROWCAST_SERVER__ORIGINS", good)]).is_ok(), "{good}");
    }
    for bad in [
        "*",
        "a.example",
        "https://a.example/",
        "https://A.example",
        "https://",
        "ftp://a",
        "https://u@a",
    ] {
        let problem = &problems("", &[("ROWCAST_SERVER__ORIGINS", bad)])[0];
        assert!(problem.starts_with("server.origins.0 (the variable"), "{problem}");
    }
}

#[test]
fn a_database_that_is_not_supported_is_refused_without_its_password() {
    let problem = &problems("", &[("DATABASE_URL", "mysql://a:s3cret@b/c")])[0];
    assert_eq!(
        problem,
        "store.url (the variable DATABASE_URL): is \"mysql://a:***@b/c\"; \
         expected sqlite:FILE or postgres://USER@HOST/DATABASE"
    );
}

fn issuer(more: &str) -> String {
    format!("[[auth.issuers]]\nissuer = \"https://i\"\naudience = \"a\"\n{more}")
}

#[test]
fn an_issuer_has_one_source_of_keys_and_one_kind_of_algorithm() {
    assert!(
        load(&issuer("jwks_url = \"https://i/k\"\nalgorithms = [\"RS256\", \"ES256\"]"), &[])
            .is_ok()
    );
    assert!(load(&issuer("jwks_file = \"k\"\nalgorithms = [\"HS256\"]"), &[]).is_ok());
    for (more, setting, line) in [
        ("algorithms = [\"RS256\"]", "jwks_url", 1),
        ("jwks_url = \"https://i\"\njwks_file = \"k\"\nalgorithms = [\"RS256\"]", "jwks_url", 4),
        ("jwks_url = \"http://i\"\nalgorithms = [\"RS256\"]", "jwks_url", 4),
        ("jwks_file = \"k\"\nalgorithms = []", "algorithms", 5),
        ("jwks_file = \"k\"\nalgorithms = [\"HS256\", \"RS256\"]", "algorithms", 5),
        ("jwks_url = \"https://i\"\nalgorithms = [\"HS256\"]", "algorithms", 5),
    ] {
        let problem = &problems(&issuer(more), &[])[0];
        let start = format!("auth.issuers.0.{setting} (rowcast.toml, line {line})");
        assert!(problem.starts_with(&start), "{problem}");
    }
    let problem = &problems(&issuer("jwks_file = \"k\"\nalgorithms = [\"none\"]"), &[])[0];
    assert!(problem.starts_with("auth.issuers.0.algorithms"), "{problem}");
}

#[test]
fn own_tables_are_added_and_replace_shipped_ones_by_name() {
    let text = "[[tables]]\nname = \"tasks\"\nchannel = \"project:{project_id}\"\n\
                [[tables]]\nname = \"notes\"\nchannel = \"project:{project_id}\"\ninsert = \"editor\"";
    let tables = load(text, &[]).unwrap().declarations.tables;
    assert_eq!(tables.len(), 7);
    assert_eq!(tables.iter().filter(|table| table.name == "tasks").count(), 1);
    assert!(tables.iter().find(|table| table.name == "tasks").unwrap().insert.is_none());
}

#[test]
fn the_shipped_tables_can_be_left_out() {
    let text = "shipped_tables = false\n[[tables]]\nname = \"notes\"\nchannel = \"team:{team}\"\n\
                [[access]]\nkind = \"team\"\nown = \"viewer\"";
    let declared = load(text, &[]).unwrap().declarations;
    assert_eq!((declared.tables.len(), declared.access.len()), (1, 1));
}

#[test]
fn a_table_needs_a_channel_that_somebody_may_reach() {
    let table = |channel: &str| format!("[[tables]]\nname = \"notes\"\nchannel = \"{channel}\"");
    for bad in ["notes", "Team:{id}", "team:id", "team:{}"] {
        let problem = &problems(&table(bad), &[])[0];
        assert!(problem.starts_with("tables.notes.channel (rowcast.toml"), "{problem}");
        assert!(problem.ends_with("expected kind:{column}"), "{problem}");
    }
    let problem = &problems(&table("team:{id}"), &[])[0];
    assert!(problem.ends_with("no [[access]] says who may reach it"), "{problem}");
    let twice = [table("user:{id}"), table("user:{other}")].join("\n");
    assert!(problems(&twice, &[])[0].ends_with("is declared twice"));
}

#[test]
fn a_table_of_members_is_live_on_the_same_channels() {
    let text = "[[access]]\nkind = \"project\"\nmembers = { table = \"people\", channel = \"a\", user = \"b\", role = \"c\" }";
    assert_eq!(
        problems(text, &[]),
        ["access.project.members (rowcast.toml, line 3): names `people`, \
          which is not live on these channels"]
    );
}

#[test]
fn an_unknown_member_of_a_table_or_a_rule_is_an_error() {
    let text = "[[tables]]\nname = \"a\"\nchannel = \"user:{id}\"\ndelet = \"owner\"";
    assert!(problems(text, &[])[0].starts_with("tables.0.delet (rowcast.toml, line 4)"));
    let text = "[[access]]\nkind = \"team\"\nown = \"owner\"\nowm = \"viewer\"";
    let problem = &problems(text, &[])[0];
    assert!(problem.contains("owm"), "{problem}");
}

#[test]
fn what_counts_can_be_written_and_read_again() {
    let config = load(&issuer("jwks_file = \"k\"\nalgorithms = [\"HS256\"]"), &[]).unwrap();
    assert_eq!(load(&config.to_toml().unwrap(), &[]).unwrap(), config);
    let secret = load("", &[("DATABASE_URL", "postgres://a:s3cret@b/c")]).unwrap();
    assert!(!secret.to_toml().unwrap().contains("s3cret"));
    assert!(!format!("{secret:?}").contains("s3cret"));
}

#[test]
fn a_demo_project_is_for_this_machine_unless_told() {
    let here = load("", &[]).unwrap().server;
    let everywhere = load("", &[("ROWCAST_SERVER__LISTEN", "0.0.0.0:1")]).unwrap().server;
    assert!(Demo::Auto.wanted(&here) && !Demo::Auto.wanted(&everywhere));
    assert!(Demo::On.wanted(&everywhere) && !Demo::Off.wanted(&here));
    for proxied in [
        ("ROWCAST_SERVER__PUBLIC_URL", "https://board.example"),
        ("ROWCAST_SERVER__TRUSTED_PROXIES", "127.0.0.1"),
    ] {
        assert!(!Demo::Auto.wanted(&load("", &[proxied]).unwrap().server));
    }
}

#[test]
fn a_sqlite_file_has_no_question_mark_and_a_kind_one_access() {
    let url = |url| load("", &[("DATABASE_URL", url)]);
    assert!(url("sqlite:a.db").is_ok() && url("sqlite:a.db?mode=rwc").is_ok());
    assert!(url("sqlite:a?b.db").unwrap_err().to_string().contains("store.url"));
    let own = "[[access]]\nkind = \"user\"\nown = \"owner\"\n";
    assert!(load(own, &[]).is_ok());
    let twice = load(&own.repeat(2), &[]).unwrap_err().to_string();
    assert!(twice.contains("access.user"), "{twice}");
}

/// Settings with their defaults in `rowcast.toml`; without one if they stand in a comment.
fn settings() -> BTreeMap<String, Option<String>> {
    let mut section = String::new();
    let mut settings = BTreeMap::new();
    for line in DEFAULTS.lines().take_while(|line| !line.starts_with("# Live tables")) {
        let (is_comment, line) = match line.strip_prefix("# ") {
            Some(line) => (true, line),
            None => (false, line),
        };
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            header.trim_matches(['[', ']']).clone_into(&mut section);
        } else if let Some((name, value)) = line.split_once(" = ")
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            let name = format!("{section}.{name}");
            let value = (!is_comment).then(|| value.to_owned());
            settings.insert(name.trim_start_matches('.').to_owned(), value);
        }
    }
    settings
}

#[test]
fn the_page_for_operators_names_every_setting_with_its_default() {
    let page = include_str!("../../docs/running.md");
    let (_, tables) = page.split_once("## Every setting").unwrap();
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let mut named: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (name, rest) in rows.filter(|(name, _)| !name.contains('[')) {
        let default = rest.split(" | ").next().unwrap();
        let default = default.strip_prefix('`').map(|default| default.trim_end_matches('`'));
        named.insert(name.to_owned(), default.map(str::to_owned));
    }
    let mut settings = settings();
    // Those of an issuer that have a default show it in the example.
    settings.insert("auth.issuers.jwks_file".to_owned(), None);
    for (name, default) in named.iter_mut().filter(|(name, _)| name.starts_with("auth.issuers.")) {
        assert!(settings.contains_key(name), "{name}");
        *default = None;
    }
    assert_eq!(named, settings);
}
