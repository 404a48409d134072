//! Commands as somebody types them.

use std::path::Path;

use crate::auth::OwnKeys;

use super::*;

/// What a command prints, what it complains about, and whether it was done.
struct Done {
    out: String,
    err: String,
    code: ExitCode,
}

fn rowcast(arguments: &[&str], variables: &[(&str, &str)]) -> Done {
    let arguments = std::iter::once(&"rowcast").chain(arguments).map(OsString::from);
    let quiet = [("ROWCAST_LOG__LEVEL", "off")];
    let variables =
        quiet.iter().chain(variables).map(|(name, text)| ((*name).into(), (*text).into()));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(arguments, Some(variables.collect()), &mut out, &mut err);
    Done { out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap(), code }
}

fn key_folder(folder: &Path) -> [(&'static str, &str); 1] {
    [("ROWCAST_AUTH__KEY_FOLDER", folder.to_str().unwrap())]
}

#[test]
fn the_arguments_are_consistent() {
    <CommandLine as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn help_gives_examples() {
    let done = rowcast(&["--help"], &[]);
    assert_eq!(done.code, ExitCode::SUCCESS);
    assert!(done.out.contains("rowcast token --user ada"), "{}", done.out);
}

#[test]
fn an_unknown_command_is_a_mistake() {
    let done = rowcast(&["srve"], &[]);
    assert_eq!(done.code, ExitCode::from(2));
    assert!(done.err.contains("serve"), "{}", done.err);
}

#[test]
fn the_settings_are_printed_without_passwords() {
    let done = rowcast(&["config"], &[("DATABASE_URL", "postgres://ada:s3cret@db/x")]);
    assert_eq!(done.code, ExitCode::SUCCESS);
    assert!(done.out.contains("postgres://ada:***@db/x"), "{}", done.out);
    assert_eq!(rowcast(&["config", "--defaults"], &[]).out, crate::config::DEFAULTS);
}

#[test]
fn wrong_settings_stop_every_command() {
    let done = rowcast(&["token", "--user", "ada"], &[("ROWCAST_LIMITS__DEPTH", "1")]);
    assert_eq!(done.code, ExitCode::FAILURE);
    assert_eq!(
        done.err,
        "rowcast: limits.depth (the variable ROWCAST_LIMITS__DEPTH): is 1; expected 4 to 64\n"
    );
}

#[test]
fn a_token_is_good_for_the_hub_with_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let variables = key_folder(folder.path());
    let done = rowcast(&["token", "--user", "ada", "--name", "Ada", "--minutes", "5"], &variables);
    assert_eq!(done.code, ExitCode::SUCCESS, "{}", done.err);
    let auth = Config::load(None, []).unwrap().auth;
    let keys = OwnKeys::load(&auth, folder.path()).unwrap();
    let verifier = crate::auth::Verifier::new(&auth, &keys).unwrap();
    let identity = wait_for(verifier.verify(done.out.trim())).unwrap().unwrap();
    assert_eq!((&*identity.user, identity.name.as_deref()), ("ada", Some("Ada")));
    let left = identity.expires.as_second() - jiff::Timestamp::now().as_second();
    assert!((290..=300).contains(&left), "{left}");
}

#[test]
fn a_token_is_for_a_person_who_can_have_a_channel() {
    let done = rowcast(&["token", "--user", "a b"], &[]);
    assert_eq!(done.code, ExitCode::FAILURE);
    assert!(done.err.starts_with("rowcast: `a b` is no id of a person"), "{}", done.err);
    assert_eq!(rowcast(&["token"], &[]).code, ExitCode::from(2));
}

#[test]
fn the_doctor_says_bad_where_there_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("keys");
    let keys = key_folder(&absent)[0];
    let done =
        rowcast(&["doctor", "--json"], &[keys, ("DATABASE_URL", "postgres://127.0.0.1:1/x")]);
    assert_eq!(done.code, ExitCode::FAILURE);
    let findings: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(findings[0]["verdict"], "good");
    assert_eq!(findings[1]["verdict"], "bad");
    assert_eq!(findings[1]["subject"], "database");
    assert!(!absent.exists(), "an examination changes nothing");
}

#[test]
fn nothing_is_erased_before_it_was_told_and_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("hub.db").display());
    let database = [("DATABASE_URL", url.as_str())];
    assert_eq!(rowcast(&["migrate"], &database).code, ExitCode::SUCCESS);
    let sql = "INSERT INTO users (id, name) VALUES ('ada', 'Ada')";
    let people = |sql: &'static str| {
        let url = url.clone();
        wait_for(async move {
            use sqlx::Connection as _;
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            let count = sqlx::query(sql).fetch_all(&mut connection).await.unwrap().len();
            connection.close().await.unwrap();
            count
        })
        .unwrap()
    };
    people(sql);
    let told = rowcast(&["erase", "--user", "ada"], &database);
    assert_eq!(told.code, ExitCode::SUCCESS, "{}", told.err);
    assert!(told.out.contains("Nothing was done"), "{}", told.out);
    assert_eq!(people("SELECT * FROM users"), 1);
    let done = rowcast(&["erase", "--user", "ada", "--yes"], &database);
    assert_eq!(done.code, ExitCode::SUCCESS, "{}", done.err);
    assert!(done.out.contains("Done: 1 rows"), "{}", done.out);
    assert_eq!(people("SELECT * FROM users"), 0);
    let unknown = rowcast(&["erase", "--table", "planets", "--key", "1"], &database);
    assert_eq!(unknown.err, "rowcast: there is no live table `planets`\n");
    let misshapen = rowcast(&["erase", "--table", "tasks", "--key", "1"], &database);
    assert!(misshapen.err.starts_with("rowcast: this is no key of the table"), "{}", misshapen.err);
    for asked in
        [&["erase"][..], &["erase", "--table", "tasks"], &["erase", "--user", "a", "--table", "t"]]
    {
        assert_eq!(rowcast(asked, &database).code, ExitCode::from(2), "{asked:?}");
    }
}

#[test]
fn no_token_is_signed_with_a_key_that_no_hub_knows() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("nowhere.db").display());
    let done = rowcast(&["token", "--user", "ada"], &[("DATABASE_URL", &url)]);
    assert_eq!(done.code, ExitCode::FAILURE);
    assert!(done.err.contains("no hub has made a key in"), "{}", done.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}
