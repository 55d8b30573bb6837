//! NATS: accounts from the topology, streams from the contract's table.

use anyhow::Context;
use writ_contract::{Service, Topology};
use writ_eventlog::{StreamSettings, assert_streams};
use writ_servers::OnOrphaned;
use writ_service_kit::config::Secret;
use writ_service_kit::process::NatsConfig;

use super::Plan;
use crate::accounts::{self, OPERATOR, Publisher};
use crate::children::Kept;
use crate::layout::write_private;
use crate::orgs::Org;
use crate::secrets::Secrets;
use crate::url::{Parts, split};

const CONFIG: &str = include_str!("../../../../infra/nats/nats.conf");

/// How to reach NATS.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Where it is, without credentials.
    pub url: String,
    /// On a server that was given: the one user everybody is. Here each service has its own.
    everybody: Option<Parts>,
}

pub(super) fn start(plan: Plan<'_>, children: &mut Vec<Kept>) -> anyhow::Result<Broker> {
    if let Some(url) = &plan.args.nats_url {
        let parts = split(url);
        return Ok(Broker {
            url: parts.url.clone(),
            everybody: Some(parts),
        });
    }
    let publishers: Vec<Publisher> = plan
        .orgs
        .iter()
        .map(|org| Publisher {
            org: org.id,
            password: org.publisher_password.clone(),
        })
        .collect();
    let accounts = accounts::render(&Topology::default(), plan.secrets, &publishers);
    let config = plan.layout.path("nats/nats.conf");
    write_private(&plan.layout.path("nats/accounts.conf"), &accounts)?;
    write_private(&config, CONFIG)?;
    let (tools, port) = (plan.tools()?, plan.ports.nats());
    let store = plan.layout.path("nats/store");
    let make = move || {
        Ok(writ_servers::nats::command(
            &tools,
            &config,
            &store,
            port,
            OnOrphaned::Stop,
        ))
    };
    children.push(plan.serve("nats", port, "TERM", Box::new(make))?);
    Ok(Broker {
        url: format!("nats://127.0.0.1:{port}"),
        everybody: None,
    })
}

impl Broker {
    /// How `service` connects.
    #[must_use]
    pub fn config(&self, service: Service, secrets: &Secrets) -> NatsConfig {
        self.login(service.name(), secrets.get(&format!("nats_{service}")))
    }

    fn login(&self, user: &str, password: &str) -> NatsConfig {
        let (user, password) = match &self.everybody {
            Some(parts) => (parts.user.as_str(), parts.password.as_str()),
            None => (user, password),
        };
        NatsConfig {
            url: self.url.clone(),
            user: user.to_owned(),
            password: Secret::new(password),
            ..NatsConfig::default()
        }
    }

    /// For people and tests: may do everything in Writ's account.
    #[must_use]
    pub fn operator_url(&self, secrets: &Secrets) -> String {
        self.url_with(OPERATOR, secrets.get("nats_operator"))
    }

    /// For programs outside of Writ: may request `writ.in.trace.<org>` and nothing else.
    #[must_use]
    pub fn publisher_url(&self, org: &Org) -> String {
        self.url_with(&org.id.to_string(), &org.publisher_password)
    }

    fn url_with(&self, user: &str, password: &str) -> String {
        let login = self.login(user, password);
        match (self.url.split_once("://"), login.user.as_str()) {
            (Some((scheme, host)), user) if !user.is_empty() => {
                format!("{scheme}://{user}:{}@{host}", login.password.expose())
            }
            _ => self.url.clone(),
        }
    }
}

/// Makes the missing streams and durables; says what differs without being unsafe.
pub(super) async fn prepare(broker: &Broker, secrets: &Secrets) -> anyhow::Result<()> {
    let login = broker.login(OPERATOR, secrets.get("nats_operator"));
    let client = writ_service_kit::process::connect(&login, OPERATOR).await?;
    client.flush().await.context("does not answer")?;
    let settings = StreamSettings::default();
    for line in assert_streams(&client, &Topology::default(), settings).await? {
        tracing::warn!("stream differs from the table: {line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_the_one_user_of_a_given_server() {
        let mut broker = Broker {
            url: "nats://h:1".into(),
            everybody: None,
        };
        assert_eq!(broker.url_with("a", "b"), "nats://a:b@h:1");
        broker.everybody = Some(split("nats://x:y@h:1"));
        assert_eq!(broker.url_with("a", "b"), "nats://x:y@h:1");
        broker.everybody = Some(split("nats://h:1"));
        assert_eq!(broker.url_with("a", "b"), "nats://h:1");
    }
}
