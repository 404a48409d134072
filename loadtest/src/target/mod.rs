//! What is loaded: a hub, the people and channels to use, the database behind it.

mod binary;
mod database;
mod running;
mod seed;
mod spawned;

use std::time::Duration;

use rowcast_protocol::ChannelName;
use serde::Serialize;
use tokio::time::{Instant, timeout};

pub(crate) use binary::{HubBinary, printed};
pub(crate) use database::{Database, Kind, Scratch};
pub(crate) use seed::{Project, insert_projects, insert_tasks, row_id};
pub(crate) use spawned::{Limits, Spawned};

use crate::{
    cli::HubArgs,
    error::LoadError,
    process::{Memory, Process},
    wire::Address,
};

/// How many people and channels a scenario wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) people: usize,
    pub(crate) projects: usize,
    /// Of a hub that is started.
    pub(crate) limits: Limits,
}

/// Somebody who may edit every channel.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
}

/// A hub that can be loaded.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: Address,
    /// At least one.
    pub(crate) people: Vec<Person>,
    /// At least one.
    pub(crate) channels: Vec<ChannelName>,
    /// The database behind it, if known.
    pub(crate) database: Option<Database>,
    /// The hub's process, if known.
    pub(crate) process: Option<Process>,
    spawned: Option<Spawned>,
}

impl Target {
    /// Starts a hub, or takes the one that was named.
    pub(crate) async fn prepare(hub: &HubArgs, wanted: Wanted) -> Result<Self, LoadError> {
        if hub.spawn { Self::spawn(hub, wanted).await } else { running::find(hub, wanted).await }
    }

    async fn spawn(hub: &HubArgs, wanted: Wanted) -> Result<Self, LoadError> {
        let binary = HubBinary::find(hub.hub.as_deref()).await?;
        let mut spawned =
            Spawned::prepare(binary, hub.database_url.as_deref(), wanted.limits).await?;
        match interruptible(Self::with_hub(&mut spawned, hub, wanted)).await {
            Ok(parts) => Ok(parts.into_target(spawned)),
            Err(error) => {
                spawned.close().await;
                Err(error)
            }
        }
    }

    async fn with_hub(
        spawned: &mut Spawned,
        hub: &HubArgs,
        wanted: Wanted,
    ) -> Result<Parts, LoadError> {
        let database = spawned.database().await?;
        let names = seed::people(wanted.people);
        seed::insert_people(&database, &names).await?;
        let projects = insert_projects(&database, &names, wanted.projects).await?;
        let (address, process) = spawned.start(hub.hub_cpus.as_ref()).await?;
        let mut people = Vec::new();
        for name in &names {
            people.push(Person { token: spawned.token(name).await? });
        }
        let channels = projects.iter().map(Project::channel).collect();
        Ok(Parts { address, people, channels, database, process })
    }

    /// A channel by its number, around again from the beginning.
    pub(crate) fn channel(&self, number: usize) -> Option<&ChannelName> {
        self.channels.iter().cycle().nth(number % self.channels.len().max(1))
    }

    /// A token by its number, around again from the beginning.
    pub(crate) fn token(&self, number: usize) -> &str {
        let person = self.people.iter().cycle().nth(number % self.people.len().max(1));
        person.map_or("", |person| &person.token)
    }

    /// What the hub has used so far, if its process is known.
    pub(crate) fn cpu(&self) -> Result<Option<Duration>, LoadError> {
        let reading = self.process.map(Process::cpu).transpose();
        reading.map_err(LoadError::io("cannot read what the hub used"))
    }

    /// The hub's memory, if its process is known.
    pub(crate) fn memory(&self) -> Result<Option<Memory>, LoadError> {
        let reading = self.process.map(Process::memory).transpose();
        reading.map_err(LoadError::io("cannot read the hub's memory"))
    }

    /// An error with the hub's last words, if the hub has ended.
    pub(crate) fn check_alive(&mut self) -> Result<(), LoadError> {
        self.spawned.as_mut().map_or(Ok(()), Spawned::check_alive)
    }

    /// What a report says of it.
    pub(crate) fn described(&self) -> Described {
        Described {
            address: self.address.socket.to_string(),
            store: self.database.as_ref().map(|database| database.kind().name()),
            spawned: self.spawned.is_some(),
        }
    }

    /// Stops a hub that was started, and removes its database.
    pub(crate) async fn close(self) {
        if let Some(database) = self.database {
            database.close().await;
        }
        if let Some(spawned) = self.spawned {
            spawned.close().await;
        }
    }
}

/// What a started hub has, beside its process.
struct Parts {
    address: Address,
    people: Vec<Person>,
    channels: Vec<ChannelName>,
    database: Database,
    process: Process,
}

impl Parts {
    fn into_target(self, spawned: Spawned) -> Target {
        let Self { address, people, channels, database, process } = self;
        let (database, process) = (Some(database), Some(process));
        Target { address, people, channels, database, process, spawned: Some(spawned) }
    }
}

/// What a report says of the hub.
#[derive(Debug, Serialize)]
pub(crate) struct Described {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<&'static str>,
    spawned: bool,
}

/// Measures what the hub's process uses meanwhile.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    hub: Option<Duration>,
    own: Option<Duration>,
}

/// What was used.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Used {
    /// How long it took.
    pub(crate) seconds: f64,
    /// CPU seconds of the hub, if its process is known.
    pub(crate) hub_cpu_seconds: Option<f64>,
    /// CPU seconds of this program.
    pub(crate) client_cpu_seconds: Option<f64>,
}

impl Meter {
    /// Begins.
    pub(crate) fn begin(target: &Target) -> Result<Self, LoadError> {
        let own = Process::own().cpu().ok();
        Ok(Self { began: Instant::now(), hub: target.cpu()?, own })
    }

    /// What was used since it began.
    pub(crate) fn used(&self, target: &Target) -> Result<Used, LoadError> {
        let since = |before: Option<Duration>, now: Option<Duration>| {
            Some(now?.saturating_sub(before?).as_secs_f64())
        };
        Ok(Used {
            seconds: self.began.elapsed().as_secs_f64(),
            hub_cpu_seconds: since(self.hub, target.cpu()?),
            client_cpu_seconds: since(self.own, Process::own().cpu().ok()),
        })
    }
}

/// Does something that an interrupt ends, so that what was made for it can be removed.
pub(crate) async fn interruptible<T>(
    task: impl Future<Output = Result<T, LoadError>>,
) -> Result<T, LoadError> {
    tokio::select! {
        outcome = task => outcome,
        _ = tokio::signal::ctrl_c() => Err(LoadError::Interrupted),
    }
}

/// Waits no longer than this, and says for what.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    task: impl Future<Output = T>,
) -> Result<T, LoadError> {
    let too_long = |_| LoadError::TooLong { what: what.to_owned(), seconds: limit.as_secs() };
    timeout(limit, task).await.map_err(too_long)
}
