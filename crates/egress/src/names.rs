//! Name resolution with a check of every answer.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::rules::Rules;

/// Where names are looked up.
#[async_trait]
pub trait Names: Send + Sync {
    /// All addresses of a name.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|socket| socket.ip()).collect())
    }
}

/// Hands the connector only addresses that were admitted. One forbidden answer refuses the name: a
/// host with both kinds is a trap or a mistake.
pub(crate) struct GuardedNames {
    pub(crate) names: Arc<dyn Names>,
    pub(crate) rules: Arc<Rules>,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, rules) = (self.names.clone(), self.rules.clone());
        Box::pin(async move {
            let found = names
                .lookup(name.as_str())
                .await
                .map_err(|_| NameRefusal::Unresolved)?;
            if found.is_empty() {
                return Err(NameRefusal::Unresolved.into());
            }
            for address in &found {
                rules
                    .admit(*address)
                    .map_err(|class| NameRefusal::Forbidden(class.range))?;
            }
            // Port 0 is replaced by the URL's.
            let sockets = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

/// Why a name gives no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameRefusal {
    #[error("the name does not resolve")]
    Unresolved,
    #[error("the name resolves to a forbidden address ({0})")]
    Forbidden(&'static str),
}

impl NameRefusal {
    /// Finds itself in the chain of a client error.
    pub(crate) fn within(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(refusal) = error.downcast_ref::<Self>() {
                return Some(*refusal);
            }
            next = error.source();
        }
        None
    }
}
