//! A hub that runs already, somewhere.

use std::net::SocketAddr;

use rowcast_protocol::ChannelName;
use tokio::{net::lookup_host, process::Command};
use url::Url;

use super::{Database, Person, Project, Target, Wanted, binary::printed, seed};
use crate::{cli::HubArgs, error::LoadError, process::Process, wire::Address};

/// Takes the hub that was named, with people and channels that were named or are written into its
/// database.
pub(super) async fn find(hub: &HubArgs, wanted: Wanted) -> Result<Target, LoadError> {
    let address = address(hub).await?;
    let database = match &hub.database_url {
        Some(url) => Some(Database::connect(url).await?),
        None => None,
    };
    let names = seed::people(wanted.people);
    let channels = match &database {
        Some(database) if hub.channel.is_empty() => written(database, &names, wanted).await?,
        _ => named(hub)?,
    };
    let people = people(hub, &names).await?;
    let process = hub.pid.map(Process::new);
    Ok(Target { address, people, channels, database, process, spawned: None })
}

async fn address(hub: &HubArgs) -> Result<Address, LoadError> {
    let text = hub.url.as_deref().unwrap_or_default();
    let bad =
        |error: &str| LoadError::Usage(format!("--url is `{text}`: {error}; write ws://HOST:PORT"));
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "ws" | "http") {
        return Err(bad("only plain connections; load the hub behind its proxy"));
    }
    let name = url.host_str().ok_or_else(|| bad("no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let found = lookup_host((name, port)).await.map_err(|error| bad(&error.to_string()))?;
    let socket: Vec<SocketAddr> = found.collect();
    let socket = *socket.first().ok_or_else(|| bad("no address"))?;
    Ok(Address { socket, host: format!("{name}:{port}") })
}

async fn written(
    database: &Database,
    people: &[String],
    wanted: Wanted,
) -> Result<Vec<ChannelName>, LoadError> {
    seed::insert_people(database, people).await?;
    let projects = seed::insert_projects(database, people, wanted.projects).await?;
    Ok(projects.iter().map(Project::channel).collect())
}

fn named(hub: &HubArgs) -> Result<Vec<ChannelName>, LoadError> {
    if hub.channel.is_empty() {
        let words = "name channels with --channel, or the database with --database-url so that \
                     projects can be written into it";
        return Err(LoadError::Usage(words.to_owned()));
    }
    let name = |name: &String| {
        ChannelName::new(name).map_err(|error| LoadError::Usage(format!("--channel: {error}")))
    };
    hub.channel.iter().map(name).collect()
}

async fn people(hub: &HubArgs, names: &[String]) -> Result<Vec<Person>, LoadError> {
    let Some(command) = &hub.token_command else {
        let people: Vec<_> =
            hub.token.iter().map(|token| Person { token: token.clone() }).collect();
        let words = "name a --token, or a --token-command such as `rowcast token --user {user}`";
        return if people.is_empty() {
            Err(LoadError::Usage(words.to_owned()))
        } else {
            Ok(people)
        };
    };
    let mut people = Vec::new();
    for name in names {
        let mut shell = Command::new("sh");
        shell.args(["-c", &command.replace("{user}", name)]);
        people.push(Person { token: printed(shell).await?.trim().to_owned() });
    }
    Ok(people)
}
