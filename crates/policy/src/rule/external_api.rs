//! `external_api`: which hosts an act may reach.

mod domains;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Failure, Rule, Verdict, and_more, read};
use crate::context::Context;
use crate::decision::Evidence;
use crate::detect::hosts::{Found, Host};
use crate::schema::Problem;
use crate::text::Part;
use domains::{Domains, Reach};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "allow")]
    allowed_domains: Option<Vec<String>>,
    #[serde(default, alias = "deny")]
    denied_domains: Vec<String>,
    #[serde(alias = "schemes")]
    allowed_schemes: Option<Vec<String>>,
    #[serde(default = "yes")]
    block_private_networks: bool,
    #[serde(default = "yes")]
    block_disguised_hosts: bool,
    #[serde(default = "yes")]
    scan_input: bool,
    #[serde(default = "yes")]
    scan_output: bool,
    #[serde(default)]
    scan_history: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug)]
pub(crate) struct ExternalApi {
    allowed: Option<Domains>,
    denied: Domains,
    schemes: Option<BTreeSet<String>>,
    block_private_networks: bool,
    block_disguised_hosts: bool,
    scan_input: bool,
    scan_output: bool,
    scan_history: bool,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(ExternalApi::new(read(definition)?)?))
}

impl ExternalApi {
    fn new(definition: Definition) -> Result<Self, Vec<Problem>> {
        let d = definition;
        let mut problems = Vec::new();
        let allowed = d
            .allowed_domains
            .map(|list| Domains::compile("/allowed_domains", &list, Reach::Exact, &mut problems));
        let denied = Domains::compile(
            "/denied_domains",
            &d.denied_domains,
            Reach::Below,
            &mut problems,
        );
        let lower = |list: Vec<String>| list.iter().map(|s| s.to_ascii_lowercase()).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            allowed,
            denied,
            schemes: d.allowed_schemes.map(lower),
            block_private_networks: d.block_private_networks,
            block_disguised_hosts: d.block_disguised_hosts,
            scan_input: d.scan_input,
            scan_output: d.scan_output,
            scan_history: d.scan_history,
        })
    }

    fn scans(&self, part: Part) -> bool {
        match part {
            Part::Input | Part::Metadata => self.scan_input,
            Part::ToolOutput | Part::Output => self.scan_output,
            Part::History => self.scan_history,
        }
    }

    /// What is wrong with a host: the kind, and words for the message.
    fn refuses(&self, found: &Found, part: Part) -> Option<(&'static str, &'static str)> {
        let host = found.host.as_ref();
        if host.is_some_and(|host| self.denied.matches(host)) {
            return Some(("denied_domain", "a denied host"));
        }
        // In what tools answer, an address that is only mentioned is no target.
        let target = found.certain || matches!(part, Part::Input | Part::Metadata);
        let numeric = matches!(host, Some(Host::Address(_)));
        let meant = found.certain || numeric || host.is_some_and(is_localhost);
        if self.block_private_networks && target && meant && host.is_some_and(Host::is_private) {
            return Some(("private_network", "a host in a private network"));
        }
        if !found.certain {
            return None;
        }
        if self.block_disguised_hosts && found.disguise.is_some() {
            return Some(("disguised_host", "a host in disguise"));
        }
        let schemes = self.schemes.as_ref().filter(|_| !found.scheme.is_empty());
        if schemes.is_some_and(|schemes| !schemes.contains(&found.scheme)) {
            return Some(("scheme_not_allowed", "a scheme that is not allowed"));
        }
        let allowed = self.allowed.as_ref();
        let missing = host
            .zip(allowed)
            .is_some_and(|(host, list)| !list.matches(host));
        missing.then_some(("domain_not_allowed", "a host that is not on the allow list"))
    }
}

fn is_localhost(host: &Host) -> bool {
    matches!(host, Host::Name(name) if name == "localhost")
}

impl Rule for ExternalApi {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        if context.texts.truncated() {
            return Err(Failure::TooMuchText);
        }
        let hosts = context.hosts();
        if hosts.too_many {
            return Err(Failure::TooManyMatches);
        }
        let mut first = None;
        let mut evidence = Vec::new();
        for (index, found) in &hosts.found {
            let Some(part) = context.texts.get(*index).map(|text| text.part) else {
                continue;
            };
            if !self.scans(part) {
                continue;
            }
            if let Some((kind, words)) = self.refuses(found, part) {
                let location = context.texts.location(*index);
                first.get_or_insert_with(|| format!("{words} in {location}"));
                evidence.push(Evidence {
                    kind: kind.to_owned(),
                    location,
                    span: found.span,
                });
            }
        }
        // A host in a URL is mentioned, too.
        let mut seen = BTreeSet::new();
        evidence.retain(|e: &Evidence| seen.insert(e.clone()));
        let verdict = match first {
            None if hosts.found.is_empty() => Verdict::clear("no host is named"),
            None => Verdict::clear("every host may be reached"),
            Some(message) => {
                let more = and_more(evidence.len());
                Verdict::hit(format!("{message}{more}"), evidence)
            }
        };
        Ok(verdict.costing(context.texts.bytes()))
    }
}
