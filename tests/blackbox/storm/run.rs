//! One run, from the plan to the verdict.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rowcast_protocol::{ChannelName, Codec};
use tokio::{task::JoinSet, time::Instant};

use super::{
    dump,
    fate::Fate,
    history::History,
    hostile::{self, MALLORY},
    members::Members,
    migrator, outsider,
    plan::{Fault, PROJECTS, Plan, ROBOTS},
    robot::Robot,
};
use crate::support::{
    checker,
    database::{Database, Kind},
    device::Device,
    hub::Hub,
    link::{Link, Weather},
    stream::Stream,
    waiting::{eventually, patience},
    world::{self, id},
};

/// How long tokens hold.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// The title of the task that ends every project's log.
pub(super) const THE_END: &str = "the end";

/// Settings of the hub: no client is too fast, and memory is short, so that all ways are taken.
const SETTINGS: [(&str, &str); 4] = [
    ("LIMITS__REQUESTS_PER_SECOND", "1000000"),
    ("LIMITS__REQUESTS_BURST", "1000000"),
    ("LIMITS__TAIL_BYTES", "65536"),
    ("LIMITS__OUT_BYTES", "131072"),
];

/// The id of a project of a run.
pub(super) fn project_number(number: u32) -> String {
    id(0xc00 + number)
}

/// Everything that is about to go wrong, and what holds nevertheless.
pub(super) async fn storm(kind: Kind) {
    let plan = Plan::of_environment(kind);
    let folder = folder_for(kind, &plan);
    println!("ROWCAST_SEED={} ROWCAST_EDITS={} {}", plan.seed, plan.edits, folder.display());
    let database = Arc::new(Database::apart(kind).await);
    migrator::makes_the_table(&database).await;
    std::fs::write(database.settings_file(), migrator::DECLARED).expect("the settings are written");
    let mut hub = Hub::start(&database, &SETTINGS).await;
    let channels: Vec<ChannelName> =
        (0..PROJECTS).map(|number| world::project(&project_number(number))).collect();
    furnish(&database).await;
    let fate = Arc::new(Fate::new(plan.edits));
    let mut links = Vec::new();
    for _ in 0..ROBOTS {
        links.push(Arc::new(Link::to(hub.address).await));
    }
    let began = Instant::now();
    let mut robots = JoinSet::new();
    for (number, link) in links.iter().enumerate() {
        let history = History::new(&folder, &format!("client-{number}"), began);
        robots.spawn(robot(number, &plan, link, &channels, &fate, history, &database).runs());
    }
    let history = History::new(&folder, "members", began);
    let others = others(&plan, &database, &fate, history, hub.address, &channels);
    strike(&plan, &fate, &links, &mut hub, &database).await;
    fate.settles(plan.edits).await;
    fate.calm.send_replace(true);
    let others = others.join_all().await.join(", ");
    the_last_migration_is_known(&hub, &database).await;
    mark_the_end(&database).await;
    fate.end.send_replace(true);
    let ending = async {
        while let Some(robot) = robots.join_next().await {
            robot.expect("it did not fail")
        }
    };
    let ended = tokio::time::timeout(4 * patience(), ending).await;
    assert!(ended.is_ok(), "the clients do not see the end; {}", folder.display());
    drop(hub);
    dump::database(&database, &channels, &folder).await;
    verdict(&folder, &plan, &others);
}

/// Everybody beside the clients; each says in the end what it did.
fn others(
    plan: &Plan,
    database: &Arc<Database>,
    fate: &Arc<Fate>,
    history: History,
    address: SocketAddr,
    channels: &[ChannelName],
) -> JoinSet<String> {
    let (database, fate) = (|| Arc::clone(database), || Arc::clone(fate));
    let dice = |nth: usize| plan.dice((ROBOTS + nth) as u64);
    let token = world::token(&database(), MALLORY, LONG);
    let mut others = JoinSet::new();
    let writer = outsider::writes(database(), fate(), dice(0));
    others.spawn(async { format!("{} outside transactions", writer.await) });
    let members = Members::new(database(), history, dice(1)).change(fate());
    others.spawn(async { format!("{} changes of members", members.await) });
    let migrations = migrator::migrates(database(), fate(), dice(2));
    others.spawn(async { format!("{} migrations", migrations.await) });
    let hostile = hostile::harms(address, token, channels.to_vec(), fate(), dice(3));
    others.spawn(async { format!("{} hostile sockets", hostile.await) });
    others
}

/// Waits until the hub has taken over the table as it is in the end.
async fn the_last_migration_is_known(hub: &Hub, database: &Database) {
    let token = world::token(database, MALLORY, LONG);
    eventually("the hub to know the last migration", async || {
        let Ok(stream) = Stream::connect(hub.address, Codec::Json, &[]).await else { return false };
        let greeted = Device::try_greet(stream, &token).await;
        let tables = greeted.and_then(|(_, welcome)| welcome.schema.tables).unwrap_or_default();
        let mut columns = tables.iter().flat_map(|table| &table.columns);
        columns.any(|column| column.name == migrator::ENDING)
    })
    .await;
}

fn verdict(folder: &Path, plan: &Plan, others: &str) {
    match checker::judge(folder) {
        Ok(words) => {
            println!("{others}; {words}");
            std::fs::remove_dir_all(folder).expect("the history can go");
        }
        Err(words) => {
            let folder = folder.display();
            let again = format!("ROWCAST_SEED={} ROWCAST_EDITS={}", plan.seed, plan.edits);
            panic!("{words}\nthe history: {folder}\nto run it again: {again}");
        }
    }
}

fn folder_for(kind: Kind, plan: &Plan) -> PathBuf {
    let name = format!("storm-{kind:?}-{}-{}", plan.seed, std::process::id()).to_lowercase();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = serde_json::to_string_pretty(plan).expect("a plan is JSON");
    std::fs::write(folder.join("plan.json"), text).expect("the plan is written");
    folder
}

fn user(number: usize) -> String {
    format!("robot-{}", number / 2)
}

/// The people of the clients.
pub(super) fn people() -> Vec<String> {
    (0..ROBOTS / 2).map(|number| user(number * 2)).collect()
}

async fn furnish(database: &Database) {
    let users = people();
    let rows =
        |row: &dyn Fn(&String) -> String| users.iter().map(row).collect::<Vec<_>>().join(", ");
    let mut sql = format!(
        "INSERT INTO users (id, name) VALUES ('{MALLORY}', 'Mallory'), {}",
        rows(&|user| format!("('{user}', '{user}')"))
    );
    for number in 0..PROJECTS {
        let project = project_number(number);
        let members = rows(&|user| format!("('{project}', '{user}', 'owner')"));
        sql += &format!(
            "; INSERT INTO projects (id, name) VALUES ('{project}', 'Project {number}'); \
             INSERT INTO members (project_id, user_id, role) VALUES {members}, \
                 ('{project}', '{MALLORY}', 'viewer')"
        );
    }
    database.outsider().await.runs(&sql).await;
}

fn robot(
    number: usize,
    plan: &Plan,
    link: &Arc<Link>,
    channels: &[ChannelName],
    fate: &Arc<Fate>,
    history: History,
    database: &Database,
) -> Robot {
    let (name, user) = (format!("client-{number}"), user(number));
    Robot {
        token: world::token(database, &user, LONG),
        codec: if number.is_multiple_of(2) { Codec::Json } else { Codec::MsgPack },
        link: Arc::clone(link),
        projects: channels.to_vec(),
        dice: plan.dice(number as u64),
        fate: Arc::clone(fate),
        history,
        views: std::collections::BTreeMap::new(),
        pending: std::collections::VecDeque::new(),
        asked: std::collections::BTreeMap::new(),
        absent: std::collections::BTreeMap::new(),
        barred: std::collections::BTreeMap::new(),
        settled: None,
        schema: Vec::new(),
        last_ref: 0,
        name,
        user,
    }
}

/// Lets go wrong what the plan says, when it says so; in the end the weather is fair.
async fn strike(
    plan: &Plan,
    fate: &Arc<Fate>,
    links: &[Arc<Link>],
    hub: &mut Hub,
    database: &Arc<Database>,
) {
    let mut weather = JoinSet::new();
    for (after, fault) in &plan.faults {
        fate.reaches(*after).await;
        match *fault {
            Fault::Cut(robot) => links[robot].is_cut(),
            Fault::ResetAll => links.iter().for_each(|link| link.is_reset()),
            Fault::Stall(robot, a_while) => {
                weather.spawn(spell(
                    Arc::clone(&links[robot]),
                    Weather::Stalled,
                    Arc::clone(fate),
                    a_while,
                ));
            }
            Fault::Slow(robot, a_while) => {
                weather.spawn(spell(
                    Arc::clone(&links[robot]),
                    Weather::Slow(2000),
                    Arc::clone(fate),
                    a_while,
                ));
            }
            Fault::Break(robot, bytes, a_while) => {
                weather.spawn(spell(
                    Arc::clone(&links[robot]),
                    Weather::CutAfter(bytes),
                    Arc::clone(fate),
                    a_while,
                ));
            }
            Fault::Crash => {
                hub.is_killed();
                hub.starts_again().await;
            }
            Fault::Outage => outage(database, fate).await,
        }
    }
    while weather.join_next().await.is_some() {}
    links.iter().for_each(|link| link.turns(Weather::Fair));
}

/// Bad weather for one client, for a while.
async fn spell(link: Arc<Link>, weather: Weather, fate: Arc<Fate>, a_while: usize) {
    link.turns(weather);
    fate.reaches(fate.settled() + a_while).await;
    if weather == Weather::Stalled {
        link.is_cut();
    }
    link.turns(Weather::Fair);
}

/// The database is away: its server crashes; a file is locked by somebody else.
async fn outage(database: &Arc<Database>, fate: &Fate) {
    if let Some(cluster) = &database.cluster {
        cluster.crashes().await;
        cluster.starts().await;
        return;
    }
    let mut holder = database.outsider().await;
    holder.runs("BEGIN IMMEDIATE").await;
    fate.is_troubled().await;
    holder.runs("ROLLBACK").await;
}

/// One last row in every project: whoever has it has everything before it.
async fn mark_the_end(database: &Database) {
    eventually("the last rows to be written", async || {
        let Ok(mut outsider) = database.tries_outsider().await else { return false };
        let rows: Vec<String> = (0..PROJECTS)
            .map(|number| {
                format!("('{}', '{}', '{THE_END}')", id(0xd00 + number), project_number(number))
            })
            .collect();
        let sql = format!("INSERT INTO tasks (id, project_id, title) VALUES {}", rows.join(", "));
        outsider.tries(&sql).await.is_ok()
    })
    .await;
}
