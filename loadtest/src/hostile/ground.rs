//! What an attack finds: the hub, a person, projects with rows; and what it did.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rowcast_protocol::{ChannelName, Codec, Fields, Op};
use uuid::Uuid;

use crate::{
    cli::{HostileArgs, Kind},
    error::LoadError,
    rows,
    target::{Database, Target},
    wire::{Address, Ask, Link, LinkError},
};

/// Rows of 1 MB that lists read.
const LARGE_ROWS: usize = 60;
/// Bytes of a large value.
const LARGE: usize = 1_000_000;
/// Versions of a row that the history of large values has, and bytes of each.
const VERSIONS: usize = 30;
const VERSION: usize = 300_000;
/// Edits, of a hundred rows each, of a long log.
const LONG_LOG: usize = 300;
/// How long the hub may take to number what was written past it.
const NUMBERED: Duration = Duration::from_millis(500);

/// Everything that a hostile client needs.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    pub(super) address: Address,
    pub(super) codec: Codec,
    /// Of the people that are hostile.
    pub(super) tokens: Vec<String>,
    /// The projects that it uses; nobody else does.
    pub(super) channels: Vec<ChannelName>,
    /// A row of the first of them.
    pub(super) row: Uuid,
    /// Sockets of the storm.
    pub(super) sockets: usize,
    pub(super) deeds: Arc<Deeds>,
}

impl Ground {
    /// Writes the rows that this kind of attack needs.
    pub(super) async fn prepare(
        args: &HostileArgs,
        kind: Kind,
        target: &Target,
        normal_people: usize,
    ) -> Result<Self, LoadError> {
        let people = target.people.iter().skip(normal_people);
        let ground = Self {
            address: target.address.clone(),
            codec: args.hub.codec.into(),
            tokens: people.map(|person| person.token.clone()).collect(),
            channels: target.channels.iter().skip(1).cloned().collect(),
            row: Uuid::now_v7(),
            sockets: if kind == Kind::Storm { args.subscribers } else { 0 },
            deeds: Arc::default(),
        };
        let database = target.database.as_ref();
        let database = database.ok_or_else(|| LoadError::Usage("no database".to_owned()))?;
        match kind {
            Kind::Lists | Kind::UnreadHttp | Kind::Refusals => {
                ground.write_rows(database, LARGE_ROWS, LARGE).await?;
            }
            Kind::Storm => ground.write_rows(database, args.rows, 40).await?,
            Kind::Unread | Kind::Pipelined => ground.write_versions(database).await?,
            Kind::Scans => ground.write_long_log(database).await?,
            Kind::LargeRows => ground.write_rows(database, 1, LARGE).await?,
            Kind::Pongs | Kind::Refused | Kind::Signals => {}
        }
        Ok(ground)
    }

    /// A person's token, by number.
    pub(super) fn token(&self, number: usize) -> &str {
        let token = self.tokens.get(number % self.tokens.len().max(1));
        token.map_or("", String::as_str)
    }

    /// The first project.
    #[expect(clippy::expect_used, reason = "there are always seven")]
    pub(super) fn channel(&self) -> &ChannelName {
        self.channels.first().expect("there are projects")
    }

    /// Where it connects from: an address of its own, where the hub is on this machine.
    pub(super) fn source(&self, number: usize) -> Option<SocketAddr> {
        const EACH: usize = 1_500;
        const FIRST_PORT: usize = 11_000;
        let IpAddr::V4(hub) = self.address.socket.ip() else { return None };
        let last = u8::try_from(10 + number / EACH).ok().filter(|_| hub.is_loopback())?;
        let port = u16::try_from(FIRST_PORT + number % EACH).ok()?;
        Some(SocketAddr::new(Ipv4Addr::new(127, 0, 0, last).into(), port))
    }

    /// The first project's tasks in the API.
    pub(super) fn tasks(&self) -> String {
        format!("/api/v1/channels/{}/tasks", self.channel())
    }

    /// One socket that has greeted.
    pub(super) async fn link(&self, number: usize) -> Result<Link, LinkError> {
        let source = self.source(number).map(|source| SocketAddr::new(source.ip(), 0));
        let mut link = Link::open(&self.address, source, self.codec).await?;
        link.greet(self.token(number)).await?;
        Ok(link)
    }

    fn project(&self) -> String {
        self.channel().to_string().replace("project:", "")
    }

    /// Rows past the hub, of which the first is `row`.
    async fn write_rows(
        &self,
        database: &Database,
        count: usize,
        bytes: usize,
    ) -> Result<(), LoadError> {
        let text = text(database, 'x', bytes);
        let project = self.project();
        let ids = std::iter::once(self.row).chain(std::iter::repeat_with(Uuid::now_v7));
        let ids: Vec<_> = ids.take(count.max(1)).collect();
        for some in ids.chunks(1_000) {
            let rows = some.iter().map(|id| format!("('{id}', '{project}', 'A row', {text})"));
            let rows = rows.collect::<Vec<_>>().join(", ");
            let into = "INSERT INTO tasks (id, project_id, title, description) VALUES";
            database.execute(format!("{into} {rows}")).await?;
        }
        tokio::time::sleep(NUMBERED).await;
        Ok(())
    }

    /// One row with a history of large values.
    async fn write_versions(&self, database: &Database) -> Result<(), LoadError> {
        self.write_rows(database, 1, 10).await?;
        let path = format!("{}/{}", self.tasks(), self.row);
        for version in 0..VERSIONS {
            let letter = char::from(b'a' + u8::try_from(version % 26).unwrap_or(0));
            let body = description(letter, VERSION);
            let ask = Ask { method: "PATCH", path: &path, token: self.token(0), body: &body };
            let what = "cannot make a history";
            let answer = ask.send(&self.address, None).await.map_err(LoadError::link(what))?;
            if answer.0 != 200 {
                return Err(LoadError::Usage(format!("{what}: HTTP status {}", answer.0)));
            }
        }
        Ok(())
    }

    /// Many changes after those of one row.
    async fn write_long_log(&self, database: &Database) -> Result<(), LoadError> {
        let cannot = "cannot make a long log";
        self.write_rows(database, 1, 10).await?;
        let mut link = self.link(0).await.map_err(LoadError::link(cannot))?;
        let changed = Fields::from_iter([("title", "changed")]);
        let update = Op::Update(rows::update(self.row, changed));
        let request = rows::request(0, self.channel(), vec![update]);
        link.ask(&request).await.map_err(LoadError::link(cannot))?;
        for _ in 0..LONG_LOG {
            let made = rows::create(&mut link, self.channel(), 100).await;
            made.map_err(LoadError::link(cannot))?;
            // Below the limit of requests.
            tokio::time::sleep(Duration::from_millis(12)).await;
        }
        Ok(())
    }
}

/// An SQL expression for a text of so many bytes.
fn text(database: &Database, letter: char, bytes: usize) -> String {
    match database {
        Database::Sqlite(_) => format!("replace(hex(zeroblob({})), '0', '{letter}')", bytes / 2),
        Database::Postgres(_) => format!("repeat('{letter}', {bytes})"),
    }
}

/// A body that sets a task's description to so many bytes.
pub(super) fn description(letter: char, bytes: usize) -> String {
    format!("{{\"description\": \"{}\"}}", letter.to_string().repeat(bytes))
}

/// What an attack did, and how it fared.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    sent: AtomicU64,
    lost: AtomicU64,
    ended: Mutex<BTreeMap<String, u64>>,
}

impl Deeds {
    /// So many more were sent.
    pub(super) fn sent(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    /// A connection ended so, or something was refused with this code.
    pub(super) fn ended(&self, how: String) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended.entry(how).or_default() += 1;
    }

    /// A socket that meant no harm is gone.
    pub(super) fn lost(&self, error: &LinkError) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.ended(error.code());
    }

    /// Sockets that meant no harm and are gone.
    pub(super) fn losses(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// What was sent, and what became of it.
    pub(super) fn told(&self) -> (u64, BTreeMap<String, u64>) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        (self.sent.load(Ordering::Relaxed), ended.clone())
    }
}
