//! `rowcast token`: a token of a person or of a service.

use std::{io::Write, time::Duration};

use clap::Args;
use jiff::Timestamp;
use rowcast_protocol::Role;
use tokio::time::Instant;
use uuid::Uuid;

use super::{CommandError, database, keys::usual_life, wait_for};
use crate::{
    accounts::{operator, services::Wanted},
    auth::{OwnKeys, is_user_id, keyfiles, keys::Grant},
    config::Config,
};

/// How long a hub that was started at the same time may take to make its key.
const STARTING: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// The person's id
    #[arg(long, required_unless_present = "service")]
    user: Option<String>,
    /// The name that others see
    #[arg(long)]
    name: Option<String>,
    /// Whether the person may see statistics and other people's sessions
    #[arg(long)]
    admin: bool,
    /// How long it holds; `auth.token_minutes` unless told
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=525_600))]
    minutes: Option<u32>,
    /// Make a service of this name instead, whose token can be ended
    #[arg(long, conflicts_with_all = ["user", "name", "admin", "minutes"])]
    service: Option<String>,
    /// A project that the service may reach, and as what: ID=viewer, ID=editor or ID=owner
    #[arg(long, requires = "service", value_name = "ID=ROLE", value_parser = scope)]
    project: Vec<(Uuid, Role)>,
    /// A queue that the service may work on
    #[arg(long, requires = "service")]
    queue: Vec<String>,
    /// After how many days the service's token ends; never unless told
    #[arg(long, requires = "service", value_parser = clap::value_parser!(u16).range(1..=3_650))]
    days: Option<u16>,
}

fn scope(text: &str) -> Result<(Uuid, Role), String> {
    let (id, role) = text.split_once('=').ok_or("write ID=ROLE")?;
    let id = id.parse().map_err(|_| "a project's id is a UUID")?;
    let role = Role::parse(role).ok_or("a role is viewer, editor or owner")?;
    Ok((id, role))
}

/// Prints a token.
pub(super) fn run(
    config: &Config,
    asked: TokenArgs,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    match (asked.service.clone(), asked.user.clone()) {
        (Some(name), _) => of_service(config, name, asked, out),
        (None, user) => of_person(config, &user.unwrap_or_default(), &asked, out),
    }
}

fn of_service(
    config: &Config,
    name: String,
    asked: TokenArgs,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let days = |days: u16| Timestamp::now() + Duration::from_hours(24 * u64::from(days));
    let (projects, queues) = (asked.project, asked.queue);
    let wanted = Wanted { name, projects, queues, expires: asked.days.map(days) };
    let token = wait_for(async {
        let store = database::open(config).await?;
        let accounts = std::sync::Arc::clone(&store).accounts();
        let made = operator::make_service(&*accounts, wanted).await;
        store.close().await;
        Ok::<_, CommandError>(made?.1)
    })??;
    Ok(writeln!(out, "{token}")?)
}

/// A token of a key that no hub knows is refused everywhere: where nobody said where the keys are, the hub must
/// have made one. It may be starting just now.
async fn key_made(config: &Config) -> Result<(), CommandError> {
    let folder = config.key_folder();
    let told = config.auth.key_folder.is_some() || !config.auth.keys.is_empty();
    let began = Instant::now();
    while !told && !keyfiles::has_one(&folder) {
        if began.elapsed() > STARTING {
            return Err(CommandError::NoHub(folder));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn of_person(
    config: &Config,
    user: &str,
    asked: &TokenArgs,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    if !is_user_id(user) {
        return Err(CommandError::BadUser(user.chars().take(64).collect()));
    }
    let minutes = asked.minutes.map(|minutes| Duration::from_mins(minutes.into()));
    let life = minutes.unwrap_or(config.auth.token_life);
    wait_for(key_made(config))??;
    let keys = OwnKeys::load(&config.auth, &config.key_folder())?;
    let (name, admin) = (asked.name.as_deref(), asked.admin);
    let issued = keys.sign(Grant { user, name, session: None, admin, life })?;
    if life > usual_life(config) && config.auth.keys.is_empty() {
        keyfiles::keep_until(&config.key_folder(), issued.expires)?;
    }
    Ok(writeln!(out, "{}", issued.token)?)
}
