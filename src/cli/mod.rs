//! The command line: what can be asked for, and how it is answered.
//!
//! Results go to standard output, everything else to standard error. The exit code is 0 when what
//! was asked for was done, 1 when it was not, 2 when it was not understood.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, IsTerminal as _, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, error::ErrorKind};

use crate::{
    accounts::AccountError,
    auth::keys::KeyError,
    config::{Config, ConfigError},
    server::{self, ServeError},
    store::StoreError,
    telemetry,
};

mod account;
mod database;
mod doctor;
mod erase;
mod keys;
mod mend;
#[cfg(test)]
mod tests;
mod token;

use self::{account::AccountCommand, keys::KeysCommand, token::TokenArgs};

const EXAMPLES: &str = "\
Examples:
  rowcast                                    serve, on SQLite in ./rowcast.db
  DATABASE_URL=postgres://localhost/app rowcast
  rowcast migrate --config /etc/rowcast.toml
  rowcast token --user ada --name \"Ada Lovelace\" --minutes 480
  rowcast token --service importer --project 0199f0a2-0000-7000-8000-00000000000a=editor
  rowcast account create ada@example.org --name \"Ada Lovelace\" --admin
  rowcast keys rotate
  rowcast doctor --json | jq .
  rowcast mend tasks                         record a table anew, and reset its channels
  rowcast erase --user ada --yes             take a person's data out, also out of the log
  rowcast config --defaults > rowcast.toml   begin a settings file of your own

Settings come from rowcast.toml in the current folder (or --config, or ROWCAST_CONFIG); variables
such as ROWCAST_SERVER__LISTEN=0.0.0.0:7070 stand above it. `rowcast config` shows what counts.";

/// A real-time collaboration hub: rows, broadcast.
#[derive(Debug, Parser)]
#[command(name = "rowcast", version, after_help = EXAMPLES)]
struct CommandLine {
    /// The settings file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients (the default)
    Serve,
    /// Bring the database up to date: tables of the engine, live tables, their triggers
    Migrate,
    /// Record live tables anew and have their clients take a fresh snapshot; beside a running hub too
    Mend {
        /// The tables; all declared ones if none is named
        tables: Vec<String>,
    },
    /// Sign a token with the hub's own key and print it
    Token(TokenArgs),
    /// Accounts of people
    #[command(subcommand)]
    Account(AccountCommand),
    /// The keys that sign the hub's own tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Erase a person's data, or the past of a row; says what it would do unless told `--yes`
    Erase(EraseArgs),
    /// Look for what should not be: missing triggers, gaps, settings that weaken durability
    Doctor {
        /// Print findings as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the settings that count, passwords hidden
    Config {
        /// Print the commented defaults instead
        #[arg(long)]
        defaults: bool,
    },
}

#[derive(Debug, Args)]
struct EraseArgs {
    /// The person's id: profile, account, memberships and notifications go, the name goes elsewhere
    #[arg(long, conflicts_with_all = ["table", "key"], required_unless_present = "table")]
    user: Option<String>,
    /// The table of a row whose past goes; the row stays
    #[arg(long, requires = "key")]
    table: Option<String>,
    /// The row's key; several parts with commas between
    #[arg(long, requires = "table")]
    key: Option<String>,
    /// Do it: what is erased does not come back
    #[arg(long)]
    yes: bool,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("the settings cannot be written: {0}")]
    Print(#[from] toml::ser::Error),
    #[error("log.level cannot be used: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error("{0}")]
    Key(#[from] KeyError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Account(#[from] AccountError),
    #[error("the settings name their own keys in auth.keys; change them there")]
    NamedKeys,
    #[error(
        "no hub has made a key in {} yet, and a token of another key would be refused: run this in the \
         hub's folder, or say where its keys or its database are (--config, DATABASE_URL, \
         ROWCAST_AUTH__KEY_FOLDER)",
        .0.display()
    )]
    NoHub(PathBuf),
    #[error("{0}")]
    Serve(#[from] ServeError),
    #[error("`{0}` is no id of a person: letters, digits and . _ ~ @ + | = / : - are allowed")]
    BadUser(String),
    #[error("cannot begin, or cannot write: {0}")]
    Output(#[from] io::Error),
    #[error("there is no live table `{0}`")]
    UnknownTable(String),
    #[error("this is no key of the table: {0}")]
    BadKey(String),
    #[error("{0} declared tables are not live")]
    NotLive(usize),
    #[error("the examination found something bad")]
    FoundBad,
}

/// Does what these arguments ask for. The variables are those of the process unless given.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    variables: Option<BTreeMap<String, String>>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    let asked = match CommandLine::try_parse_from(arguments) {
        Ok(asked) => asked,
        Err(error) => return explain(&error, out, err),
    };
    match perform(asked, variables, out) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough, as `head` does.
        Err(CommandError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Where even this cannot be said, the exit code says it.
            let _unheard = writeln!(err, "rowcast: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Help and version are answers; the rest are mistakes.
fn explain(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let colours = if answer { io::stdout().is_terminal() } else { io::stderr().is_terminal() };
    let text = error.render();
    let text = if colours { text.ansi().to_string() } else { text.to_string() };
    let _unheard = if answer { write!(out, "{text}") } else { write!(err, "{text}") };
    if answer { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

fn perform(
    asked: CommandLine,
    variables: Option<BTreeMap<String, String>>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    if let Some(Command::Config { defaults: true }) = asked.command {
        return Ok(out.write_all(crate::config::DEFAULTS.as_bytes())?);
    }
    let file = asked.config.as_deref();
    let config = match variables {
        Some(variables) => Config::load(file, variables)?,
        None => Config::of_process(file)?,
    };
    telemetry::init(&config.log)?;
    match asked.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            // A socket is an open file: take as many as the system allows. What it does not give,
            // `limits.sockets` turns away with words.
            let _ = rlimit::increase_nofile_limit(u64::MAX);
            Ok(wait_for(server::run(config))??)
        }
        Command::Migrate => migrate(&config, out),
        Command::Mend { tables } => mend::run(&config, &tables, out),
        Command::Erase(asked) => wait_for(erase::run(&config, &asked, out))?,
        Command::Token(asked) => token::run(&config, asked, out),
        Command::Account(asked) => account::run(&config, asked, out),
        Command::Keys(asked) => keys::run(&config, &asked, out),
        Command::Doctor { json } => {
            let findings = wait_for(doctor::examine(&config))?;
            doctor::print(&findings, json, out)?;
            if doctor::is_bad(&findings) { Err(CommandError::FoundBad) } else { Ok(()) }
        }
        Command::Config { .. } => Ok(out.write_all(config.to_toml()?.as_bytes())?),
    }
}

fn wait_for<T>(task: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(task))
}

fn migrate(config: &Config, out: &mut dyn Write) -> Result<(), CommandError> {
    wait_for(database::migrate(config))??;
    let tables = config.declarations.tables.len();
    Ok(writeln!(out, "{} is up to date; {tables} live tables", config.store.url)?)
}
