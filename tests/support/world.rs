//! A small world: a hub on a database of its own, four people, two projects, three tasks.
//!
//! Ada owns both projects, Bob edits in both, Vera only watches the first, Eve belongs to none. Ada
//! speaks JSON and Bob MessagePack, so that most sentences are said in both encodings.

use std::time::Duration;

use rowcast::{
    auth::{OwnKeys, keys::Grant},
    config::Config,
};
use rowcast_protocol::{ChannelName, Codec};

use super::{
    database::{Database, Kind, Outsider},
    device::Device,
    edits::new_task,
    hub::Hub,
};

/// How long tokens hold unless a test says otherwise.
const LIFE: Duration = Duration::from_secs(3600);

/// A hub and what is in it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) hub: Hub,
    pub(crate) database: Database,
    /// The first project's channel.
    pub(crate) project: ChannelName,
    /// The second project's channel.
    pub(crate) other: ChannelName,
    keys: OwnKeys,
}

/// The id with this number: of tasks, projects and whatever else wants one.
pub(crate) fn id(number: u32) -> String {
    format!("0199f0a2-0000-7000-8000-{number:012x}")
}

/// The first project's id.
pub(crate) fn project_id() -> String {
    id(0xa)
}

/// Where the first project's tasks are over HTTP.
pub(crate) fn tasks() -> String {
    format!("/channels/project:{}/tasks", project_id())
}

/// Where one of them is.
pub(crate) fn task(number: u32) -> String {
    format!("{}/{}", tasks(), id(number))
}

/// The second project's id.
pub(crate) fn other_id() -> String {
    id(0xb)
}

/// The channel of a project.
pub(crate) fn project(id: &str) -> ChannelName {
    ChannelName::new(&format!("project:{id}")).expect("a channel's name")
}

/// The channel of a person.
pub(crate) fn person(id: &str) -> ChannelName {
    ChannelName::new(&format!("user:{id}")).expect("a channel's name")
}

fn keys(database: &Database) -> OwnKeys {
    let auth = Config::load(None, []).expect("the defaults are right").auth;
    OwnKeys::load(&auth, &database.folder.path().join("keys")).expect("the hub made a key")
}

/// A token for somebody on the hub of a database.
pub(crate) fn token(database: &Database, user: &str, life: Duration) -> String {
    keys(database).issue(user, None, life).expect("the key signs").token
}

impl World {
    /// A world with the default settings.
    pub(crate) async fn on(kind: Kind) -> Self {
        Self::with(kind, &[]).await
    }

    /// A world with settings such as `("LIMITS__OPS", "5")`.
    pub(crate) async fn with(kind: Kind, settings: &[(&str, &str)]) -> Self {
        Self::within(Database::create(kind).await, settings).await
    }

    /// A world in a database.
    pub(crate) async fn within(database: Database, settings: &[(&str, &str)]) -> Self {
        let hub = Hub::start(&database, settings).await;
        let world = Self {
            hub,
            keys: keys(&database),
            project: project(&project_id()),
            other: project(&other_id()),
            database,
        };
        world.is_furnished().await;
        world
    }

    async fn is_furnished(&self) {
        let (one, other) = (project_id(), other_id());
        let sql = format!(
            "INSERT INTO users (id, name) VALUES \
                 ('ada', 'Ada'), ('bob', 'Bob'), ('vera', 'Vera'), ('eve', 'Eve');
             INSERT INTO projects (id, name) VALUES ('{one}', 'Apollo'), ('{other}', 'Gemini');
             INSERT INTO members (project_id, user_id, name, role) VALUES \
                 ('{one}', 'ada', 'Ada', 'owner'), ('{one}', 'bob', 'Bob', 'editor'), \
                 ('{one}', 'vera', 'Vera', 'viewer'), \
                 ('{other}', 'ada', 'Ada', 'owner'), ('{other}', 'bob', 'Bob', 'editor')"
        );
        self.outsider().await.runs(&sql).await;
        // An edit is numbered after everything before it: from here on the logs stand still.
        let mut ada = self.ada().await;
        let tasks = (1..=3).map(|number| new_task(&id(number), &format!("Task {number}")));
        ada.edits(&self.project, tasks.collect()).await;
        ada.edits(&self.other, vec![new_task(&id(9), "Task 9")]).await;
    }

    /// A connection of somebody else to the database.
    pub(crate) async fn outsider(&self) -> Outsider {
        self.database.outsider().await
    }

    /// A token for somebody.
    pub(crate) fn token(&self, user: &str, life: Duration) -> String {
        self.keys.issue(user, None, life).expect("the key signs").token
    }

    /// A token for an admin.
    pub(crate) fn admin_token(&self, user: &str) -> String {
        let grant = Grant { user, name: None, session: None, admin: true, life: LIFE };
        self.keys.sign(grant).expect("the key signs").token
    }

    /// A device of Ada's, in JSON.
    pub(crate) async fn ada(&self) -> Device {
        self.device("ada", Codec::Json).await
    }

    /// A device of Bob's, in MessagePack.
    pub(crate) async fn bob(&self) -> Device {
        self.device("bob", Codec::MsgPack).await
    }

    /// A device of Vera's, who may only watch.
    pub(crate) async fn vera(&self) -> Device {
        self.device("vera", Codec::Json).await
    }

    /// A device of Eve's, who belongs nowhere.
    pub(crate) async fn eve(&self) -> Device {
        self.device("eve", Codec::MsgPack).await
    }

    /// A device of somebody.
    pub(crate) async fn device(&self, user: &str, codec: Codec) -> Device {
        self.device_at(self.hub.address, user, codec).await
    }

    /// A device that connects elsewhere, such as to a [`super::link::Link`].
    pub(crate) async fn device_at(
        &self,
        address: std::net::SocketAddr,
        user: &str,
        codec: Codec,
    ) -> Device {
        let greeted = Device::connect(address, codec, &self.token(user, LIFE)).await;
        greeted.unwrap_or_else(|error| panic!("{user} is not welcome: {error:?}"))
    }
}
