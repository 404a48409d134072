//! The demo: a project in a new database, and a link for each of two people.

use std::{fmt, net::SocketAddr};

use tracing::warn;

use super::error::ServeError;
use crate::{
    auth::{DemoCodes, DemoPerson},
    config::Config,
    http::DemoDesk,
    store::{
        Made,
        demo::{PEOPLE, seed},
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

/// Makes the demo project in a new database, if it is wanted, and the links to it.
pub(super) async fn prepare(
    config: &Config,
    made: Made,
    address: SocketAddr,
) -> Result<(Vec<DemoLink>, Option<DemoDesk>), ServeError> {
    let shipped = config.declarations.tables.iter().any(|table| table.name == "tasks");
    if made == Made::Before || !shipped || !config.demo.enabled.wanted(&config.server) {
        return Ok((Vec::new(), None));
    }
    let project = seed(&config.store.url).await?;
    let codes = DemoCodes::new();
    let links = PEOPLE
        .into_iter()
        .filter_map(|(id, name)| {
            let person = DemoPerson { id: id.to_owned(), name: name.to_owned() };
            let code = codes.make(person);
            if code.is_none() {
                warn!("there are too many demo codes");
            }
            let url = format!("http://{address}/#code={}", code?);
            Some(DemoLink { name: name.to_owned(), url })
        })
        .collect();
    let desk = DemoDesk { codes, project: project.id().to_owned() };
    Ok((links, Some(desk)))
}
