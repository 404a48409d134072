//! placeholder
use super::*;
use crate::{auth::Keys, config::*, http::DemoDesk, store::*};
use std::{net::SocketAddr, sync::Arc};
#[derive(Debug)]
pub struct DemoLink;
impl std::fmt::Display for DemoLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
    }
}
pub(super) async fn prepare(
    _: &Config,
    _: Made,
    _: SocketAddr,
    _: &Arc<dyn Store>,
    _: &Keys,
) -> Result<(Vec<DemoLink>, Option<DemoDesk>), ServeError> {
    Ok((vec![], None))
}
