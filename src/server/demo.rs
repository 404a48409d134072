//! The demo: a project in a new database, and at each start a link for each of two people.

use std::{fmt, net::SocketAddr, sync::Arc};

use tracing::warn;

use super::error::ServeError;
use crate::{
    auth::{DemoCodes, DemoPerson},
    config::Config,
    http::DemoDesk,
    store::{
        Made, Store, StoreError,
        demo::{PEOPLE, email, seed},
    },
};

/// A link that lets one demo person in, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoLink {
    /// The person's name.
    pub name: String,
    /// The link. The code stands in its fragment, which browsers do not send.
    pub url: String,
}

impl fmt::Display for DemoLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:<4} {}", self.name, self.url)
    }
}

/// Makes the demo project in a new database, if it is wanted, and the links to it. A database that has
/// its demo already gets new links, for whoever of its people has no password yet.
pub(super) async fn prepare(
    config: &Config,
    made: Made,
    store: &Arc<dyn Store>,
    address: SocketAddr,
) -> Result<(Vec<DemoLink>, Option<DemoDesk>), ServeError> {
    let shipped = config.declarations.tables.iter().any(|table| table.name == "tasks");
    if !shipped || !config.demo.enabled.wanted(&config.server) {
        return Ok((Vec::new(), None));
    }
    if made == Made::New {
        seed(&config.store.url).await?;
    }
    let codes = DemoCodes::new();
    let mut links = Vec::new();
    for (id, name) in PEOPLE {
        let Some(person) = person(store, id).await? else { continue };
        let Some(code) = codes.make(person) else {
            warn!("there are too many demo codes");
            continue;
        };
        let url = format!("http://{address}/#code={code}");
        links.push(DemoLink { name: name.to_owned(), url });
    }
    let desk = (!links.is_empty()).then_some(DemoDesk { codes });
    Ok((links, desk))
}

/// A person of the demo, if they are still as they were made: whoever has a password signs in by it.
async fn person(store: &Arc<dyn Store>, id: &str) -> Result<Option<DemoPerson>, StoreError> {
    let accounts = Arc::clone(store).accounts();
    let account = accounts.account(id).await?;
    let as_made = account.is_some_and(|account| {
        account.password.is_none() && !account.closed && account.email == email(id)
    });
    if !as_made {
        return Ok(None);
    }
    let project = accounts.projects(id, None, 1).await?.into_iter().next();
    Ok(Some(DemoPerson { id: id.to_owned(), project: project.map(|project| project.id) }))
}
