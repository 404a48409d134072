//! Whoever manages the members of a run's projects: people are removed, lowered, raised and let in
//! again, by plain SQL. Each change is written down: after the commit if it takes rights away, before it
//! begins if it gives them; so the times are on the safe side for the hub, and the checker is never wrong.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rand::{RngExt as _, rngs::StdRng};
use rowcast_protocol::Role;
use serde_json::json;

use super::{
    fate::Fate,
    history::History,
    plan::PROJECTS,
    run::{people, project_number},
};
use crate::support::{
    database::{Database, Outsider},
    world,
};

/// A person in a project.
type Member = (u32, String);

/// Changes members.
pub(super) struct Members {
    pub(super) database: Arc<Database>,
    pub(super) history: History,
    pub(super) dice: StdRng,
    roles: BTreeMap<Member, Option<Role>>,
    connection: Option<Outsider>,
}

impl Members {
    /// Everybody owns every project.
    pub(super) fn new(database: Arc<Database>, history: History, dice: StdRng) -> Self {
        let of_project =
            |project| people().into_iter().map(move |user| ((project, user), Some(Role::Owner)));
        let roles = (0..PROJECTS).flat_map(of_project).collect();
        Self { database, history, dice, roles, connection: None }
    }

    /// Changes roles until the run is told to calm down; in the end all are owners again. How many
    /// changes there were.
    pub(super) async fn change(mut self, fate: Arc<Fate>) -> usize {
        let mut calm = fate.calm.subscribe();
        let mut changes = 0;
        loop {
            let pause = Duration::from_millis(self.dice.random_range(100..400));
            tokio::select! {
                _ = calm.wait_for(|calm| *calm) => break,
                () = tokio::time::sleep(pause) => {}
            }
            let member = self.somebody();
            let role = self.some_role();
            changes += usize::from(self.becomes(&member, role).await);
        }
        let all: Vec<Member> = self.roles.keys().cloned().collect();
        for member in all {
            self.becomes(&member, Some(Role::Owner)).await;
        }
        self.history.ends();
        changes
    }

    fn somebody(&mut self) -> Member {
        let nth = self.dice.random_range(0..self.roles.len());
        self.roles.keys().nth(nth).cloned().expect("there are so many")
    }

    fn some_role(&mut self) -> Option<Role> {
        match self.dice.random_range(0..8) {
            0..3 => None,
            3 => Some(Role::Viewer),
            4 => Some(Role::Editor),
            _ => Some(Role::Owner),
        }
    }

    /// Whether it is a change.
    async fn becomes(&mut self, member: &Member, role: Option<Role>) -> bool {
        let before = self.roles[member];
        if role == before {
            return false;
        }
        if role > before {
            self.notes(member, role);
        }
        let sql = statement(member, role);
        while !self.has_run(&sql).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if role < before {
            self.notes(member, role);
        }
        self.roles.insert(member.clone(), role);
        true
    }

    fn notes(&mut self, (project, user): &Member, role: Option<Role>) {
        let channel = world::project(&project_number(*project));
        self.history.notes(json!({"what": "role", "channel": channel, "user": user, "role": role}));
    }

    async fn has_run(&mut self, sql: &str) -> bool {
        if self.connection.is_none() {
            self.connection = self.database.tries_outsider().await.ok();
        }
        let Some(outsider) = &mut self.connection else { return false };
        let done = outsider.tries(sql).await.is_ok();
        if !done {
            self.connection = None;
        }
        done
    }
}

/// Run twice it does nothing more.
fn statement((project, user): &Member, role: Option<Role>) -> String {
    let project = project_number(*project);
    match role {
        None => {
            format!("DELETE FROM members WHERE project_id = '{project}' AND user_id = '{user}'")
        }
        Some(role) => format!(
            "INSERT INTO members (project_id, user_id, role) VALUES ('{project}', '{user}', '{role}') \
             ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role",
            role = format!("{role:?}").to_lowercase(),
        ),
    }
}
