//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use rowcast_protocol::Codec;
use serde::{Deserialize, Serialize};

use crate::machine::Cores;

const EXAMPLES: &str = "\
Examples:
  rowcast-loadtest connect --spawn --sockets 15000
  rowcast-loadtest fanout --spawn --hub-cpus 0 --client-cpus 1 --windows 1,4,16,64
  rowcast-loadtest fanout --spawn --edits --json fanout.json
  rowcast-loadtest edits --spawn --editors 10 --rate 500 --seconds 20
  rowcast-loadtest edits --spawn --editors 32 --window 64 --devices 1
  rowcast-loadtest edits --spawn --beside-pgbench --database-url postgres://localhost/postgres
  rowcast-loadtest record --database-url postgres://localhost/postgres
  rowcast-loadtest hostile --spawn --hub-cpus 0 --client-cpus 1
  rowcast-loadtest compare --spawn --against ../before/target/release/rowcast
  rowcast-loadtest connect --url ws://10.0.0.5:7070 --pid 4711 \\
      --token-command 'rowcast token --user {user}' --database-url postgres://10.0.0.5/app

With --spawn a hub of its own is started on a free port, with a fresh SQLite file or a database made
beside the one that --database-url names; both are removed at the end. ROWCAST_ variables reach it.
The exit code is 0 when the run came to its end and found nothing wrong, 1 otherwise.";

/// Load on a Rowcast hub: figures, and whether every stream was right.
#[derive(Debug, Parser)]
#[command(name = "rowcast-loadtest", version, after_help = EXAMPLES)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
}

/// What is done to the hub.
#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Many idle sockets that follow a channel: how fast they come, what each costs in memory
    Connect(ConnectArgs),
    /// One channel, many subscribers: deliveries per CPU second of the hub, latencies
    Fanout(FanoutArgs),
    /// Editors on projects: durable edits a second, latencies, every stream checked
    Edits(EditsArgs),
    /// What recording costs writers who know nothing of the hub
    Record(RecordArgs),
    /// Clients that mean harm beside clients that do not: what the others feel of it
    Hostile(HostileArgs),
    /// Two builds of the hub, in turn: the ratio of all figures
    Compare(CompareArgs),
    /// A part of `connect` in a process of its own
    #[command(hide = true)]
    Worker,
}

/// Which hub, and how figures are put out.
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct HubArgs {
    /// Start a hub for this run
    #[arg(long, conflicts_with_all = ["url", "pid", "token", "token_command", "channel"])]
    #[arg(required_unless_present = "url")]
    pub(crate) spawn: bool,
    /// The hub's program for --spawn; target/release/rowcast, built if missing, unless told
    #[arg(long, value_name = "FILE", requires = "spawn")]
    pub(crate) hub: Option<PathBuf>,
    /// The hub's database; with --spawn, a server on which a database is made
    #[arg(long, value_name = "URL")]
    #[serde(skip)]
    pub(crate) database_url: Option<String>,
    /// A hub that runs already, ws://HOST:PORT
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The process of that hub, on this machine, for CPU time and memory
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// A token for that hub; may be given many times
    #[arg(long)]
    #[serde(skip)]
    pub(crate) token: Vec<String>,
    /// A command that prints a token for {user}
    #[arg(long, value_name = "COMMAND", conflicts_with = "token")]
    #[serde(skip)]
    pub(crate) token_command: Option<String>,
    /// A channel to use, where the database is not named; may be given many times
    #[arg(long)]
    pub(crate) channel: Vec<String>,
    /// How messages are encoded
    #[arg(long, value_enum, default_value_t = CodecName::Json)]
    pub(crate) codec: CodecName,
    /// Keep the hub on these cores, such as 0 or 0-2
    #[arg(long, value_name = "CORES", requires = "spawn")]
    pub(crate) hub_cpus: Option<Cores>,
    /// Keep this program on these cores
    #[arg(long, value_name = "CORES")]
    pub(crate) client_cpus: Option<Cores>,
    /// Write all figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) json: Option<PathBuf>,
}

/// The encodings, as they are named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CodecName {
    Json,
    Msgpack,
}

impl From<CodecName> for Codec {
    fn from(name: CodecName) -> Self {
        match name {
            CodecName::Json => Self::Json,
            CodecName::Msgpack => Self::MsgPack,
        }
    }
}

/// `connect`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    /// How many sockets
    #[arg(long, default_value_t = 10_000)]
    pub(crate) sockets: usize,
    /// Over how many processes they are spread; as few as their open files allow, unless told
    #[arg(long)]
    pub(crate) processes: Option<usize>,
    /// How many channels they follow, one each
    #[arg(long, default_value_t = 1)]
    pub(crate) projects: usize,
    /// How many people they belong to
    #[arg(long, default_value_t = 50)]
    pub(crate) people: usize,
    /// How many sockets of a process are opened before they greet
    #[arg(long, default_value_t = 500)]
    pub(crate) wave: usize,
    /// How long they stay idle before memory is read, seconds
    #[arg(long, default_value_t = 3)]
    pub(crate) hold: u64,
}

/// `fanout`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct FanoutArgs {
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    /// How many sockets follow the channel; the first of them publishes
    #[arg(long, default_value_t = 1_000)]
    pub(crate) subscribers: usize,
    /// How many publishes are under way at once; one measurement for each number
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64])]
    pub(crate) windows: Vec<usize>,
    /// Publish edits of rows instead of signals
    #[arg(long)]
    pub(crate) edits: bool,
    /// Bytes of a payload
    #[arg(long, default_value_t = 100)]
    pub(crate) payload: usize,
    /// How long each measurement takes, seconds
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// How long the load runs before each measurement, seconds
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warmup: f64,
}

/// Which operations editors send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MixName {
    /// One field of one row
    Updates,
    /// Mostly fields; also new rows, deleted rows, rows moved by hand
    Mixed,
}

/// `edits`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct EditsArgs {
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    /// How many people edit
    #[arg(long, default_value_t = 10)]
    pub(crate) editors: usize,
    /// How many projects they edit; more than editors: each edits several
    #[arg(long, default_value_t = 1)]
    pub(crate) projects: usize,
    /// Sockets of each person: one edits, the others watch
    #[arg(long, default_value_t = 2)]
    pub(crate) devices: usize,
    /// Tasks in each project
    #[arg(long, default_value_t = 100)]
    pub(crate) rows: usize,
    /// Flat out: how many edits of one person are under way at once
    #[arg(long, default_value_t = 16, conflicts_with_all = ["think", "rate"])]
    pub(crate) window: usize,
    /// Wait so long after each ack, milliseconds
    #[arg(long, value_name = "MS", conflicts_with = "rate")]
    pub(crate) think: Option<u64>,
    /// So many edits a second in all, evenly, without waiting for acks
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Which operations
    #[arg(long, value_enum, default_value_t = MixName::Mixed)]
    pub(crate) mix: MixName,
    /// How long is measured, seconds
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// How long editors edit before that, seconds
    #[arg(long, default_value_t = 2.0)]
    pub(crate) warmup: f64,
    /// What chance begins with; the same seed makes the same edits
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Flat out on one project and on a thousand, each beside pgbench on a database like it
    #[arg(long, requires = "spawn", requires = "database_url", conflicts_with_all = ["think", "rate"])]
    pub(crate) beside_pgbench: bool,
}

/// `record`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct RecordArgs {
    /// The hub's program; target/release/rowcast, built if missing, unless told
    #[arg(long, value_name = "FILE")]
    pub(crate) hub: Option<PathBuf>,
    /// A Postgres server on which a database is made; a fresh SQLite file unless told
    #[arg(long, value_name = "URL")]
    #[serde(skip)]
    pub(crate) database_url: Option<String>,
    /// Rows of the large UPDATE
    #[arg(long, default_value_t = 100_000)]
    pub(crate) rows: usize,
    /// Projects over which they are spread
    #[arg(long, default_value_t = 1_000)]
    pub(crate) projects: usize,
    /// Transactions of one row, in each of four blocks of a round
    #[arg(long, default_value_t = 300)]
    pub(crate) transactions: usize,
    /// Rounds, with and without triggers in turn; the median counts
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Write all figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) json: Option<PathBuf>,
}

/// `hostile`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct HostileArgs {
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    /// Which attacks, one after the other, each on a hub of its own; all unless told
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    pub(crate) only: Vec<Kind>,
    /// How many sockets mean no harm
    #[arg(long, default_value_t = 50)]
    pub(crate) normal: usize,
    /// How many edits a second these make in all; each reaches all of them
    #[arg(long, default_value_t = 200.0)]
    pub(crate) rate: f64,
    /// How often without the attack and with it, in turn
    #[arg(long, default_value_t = 2)]
    pub(crate) rounds: usize,
    /// How long each of both is measured, seconds
    #[arg(long, default_value_t = 4.0)]
    pub(crate) seconds: f64,
    /// How long the storm of subscribers is measured, which has one round, seconds
    #[arg(long, default_value_t = 30.0)]
    pub(crate) storm_seconds: f64,
    /// How many subscribe at once in that storm
    #[arg(long, default_value_t = 10_000)]
    pub(crate) subscribers: usize,
    /// Rows that each of them asks for
    #[arg(long, default_value_t = 40_000)]
    pub(crate) rows: usize,
    /// What the p99 under an attack may be, as a multiple of what it is without
    #[arg(long, default_value_t = 2.0)]
    pub(crate) factor: f64,
    /// A p99 up to here is never too long, milliseconds
    #[arg(long, default_value_t = 10.0, value_name = "MS")]
    pub(crate) floor: f64,
}

/// What a hostile client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Sends pongs that nobody asked for, without a token
    Pongs,
    /// Asks over 50 sockets and reads no answer
    Unread,
    /// Asks for lists of 60 rows of 1 MB
    Lists,
    /// Sends 300 requests for the history of large rows at once
    Pipelined,
    /// Has edits refused that meet a row of 1 MB
    Refusals,
    /// Writes rows of 1 MB
    LargeRows,
    /// Sends edits that are refused, as fast as it can
    Refused,
    /// Sends signals of 60 KB into six channels
    Signals,
    /// Asks over 20 sockets for the history of a row in a long log
    Scans,
    /// Opens 300 connections with eight HTTP requests each and reads no answer
    UnreadHttp,
    /// Subscribes with thousands of sockets at once to a channel of many rows
    Storm,
}

/// `compare`
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    /// The program of the hub to compare with
    #[arg(long, value_name = "FILE", requires = "spawn")]
    pub(crate) against: PathBuf,
    /// What is measured
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WORKS")]
    #[arg(default_values_t = [WorkName::Signals, WorkName::Entries, WorkName::FlatOut, WorkName::Steady, WorkName::Connect])]
    pub(crate) works: Vec<WorkName>,
    /// Numbers of idle sockets
    #[arg(long, value_delimiter = ',', default_values_t = [2_500, 19_000])]
    pub(crate) sockets: Vec<usize>,
    /// How often both are measured
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// How long each measurement takes, seconds
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// The smallest ratio that is no finding
    #[arg(long, default_value_t = 0.97)]
    pub(crate) least: f64,
}

/// What two builds are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WorkName {
    /// Fan-out of signals to 1,000 subscribers
    Signals,
    /// Fan-out of edits to 1,000 subscribers
    Entries,
    /// Edits without a pause
    FlatOut,
    /// 500 edits a second
    Steady,
    /// Idle sockets: CPU time and memory of each
    Connect,
}

/// Seconds from the command line; what is no time is none.
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn either_a_hub_is_named_or_started() {
        let parse =
            |words: &[&str]| CommandLine::try_parse_from([&["x", "connect"], words].concat());
        assert!(parse(&[]).is_err());
        assert!(parse(&["--spawn"]).is_ok());
        assert!(parse(&["--url", "ws://h:1"]).is_ok());
        assert!(parse(&["--spawn", "--url", "ws://h:1"]).is_err());
    }
}
