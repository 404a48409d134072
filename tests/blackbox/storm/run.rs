//! One run, from the plan to the verdict.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rowcast_protocol::{ChannelName, Codec};
use tokio::task::JoinSet;

use super::{
    dump,
    fate::Fate,
    history::History,
    outsider,
    plan::{Fault, PROJECTS, Plan, ROBOTS},
    robot::Robot,
};
use crate::support::{
    checker,
    database::{Database, Kind},
    hub::Hub,
    link::{Link, Weather},
    waiting::{eventually, patience},
    world::{self, id},
};

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
    let mut hub = Hub::start(&database, &SETTINGS).await;
    let channels: Vec<ChannelName> =
        (0..PROJECTS).map(|number| world::project(&project_number(number))).collect();
    furnish(&database).await;
    let fate = Arc::new(Fate::new(plan.edits));
    let mut links = Vec::new();
    for _ in 0..ROBOTS {
        links.push(Arc::new(Link::to(hub.address).await));
    }
    let mut robots = JoinSet::new();
    for (number, link) in links.iter().enumerate() {
        robots.spawn(robot(number, &plan, link, &channels, &fate, &folder, &database).runs());
    }
    let mut writer = JoinSet::new();
    let dice = plan.dice(ROBOTS as u64);
    writer.spawn(outsider::writes(Arc::clone(&database), Arc::clone(&fate), dice));
    strike(&plan, &fate, &links, &mut hub, &database).await;
    fate.settles(plan.edits).await;
    fate.calm.send_replace(true);
    let outside = writer.join_next().await.expect("it ran").expect("it did not fail");
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
    verdict(&folder, &plan, outside);
}

fn verdict(folder: &Path, plan: &Plan, outside: usize) {
    match checker::judge(folder) {
        Ok(words) => {
            println!("{outside} outside transactions; {words}");
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

async fn furnish(database: &Database) {
    let users: Vec<String> = (0..ROBOTS / 2).map(|number| user(number * 2)).collect();
    let rows =
        |row: &dyn Fn(&String) -> String| users.iter().map(row).collect::<Vec<_>>().join(", ");
    let mut sql = format!(
        "INSERT INTO users (id, name) VALUES {}",
        rows(&|user| format!("('{user}', '{user}')"))
    );
    for number in 0..PROJECTS {
        let project = project_number(number);
        let members = rows(&|user| format!("('{project}', '{user}', 'owner')"));
        sql += &format!(
            "; INSERT INTO projects (id, name) VALUES ('{project}', 'Project {number}'); \
             INSERT INTO members (project_id, user_id, role) VALUES {members}"
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
    folder: &Path,
    database: &Database,
) -> Robot {
    let (name, user) = (format!("client-{number}"), user(number));
    Robot {
        token: world::token(database, &user, Duration::from_secs(24 * 3600)),
        codec: if number.is_multiple_of(2) { Codec::Json } else { Codec::MsgPack },
        link: Arc::clone(link),
        projects: channels.to_vec(),
        dice: plan.dice(number as u64),
        fate: Arc::clone(fate),
        history: History::new(folder, &name),
        views: std::collections::BTreeMap::new(),
        pending: std::collections::VecDeque::new(),
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
