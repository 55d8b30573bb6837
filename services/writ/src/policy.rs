//! `writ policy`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use writ_policy::{Mode, PolicyType, schema};

use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column};
use crate::target::read;

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("TYPE", "/policyType"),
    ("MODE", "/enforcementMode"),
    ("ACTIVE", "/isActive"),
    ("VERSION", "/version"),
];

/// What a policy may say, as in `POST /policies`.
const FIELDS: &[&str] = &[
    "name",
    "description",
    "policyType",
    "enforcementMode",
    "ruleDefinition",
    "appliesToAgents",
    "isActive",
    "evaluationOrder",
    "severity",
    "onError",
];

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Policies of the organisation
    List(ListArgs),
    /// One policy with its rule
    Show {
        /// Its id
        id: String,
    },
    /// Create the policies of a file
    Create {
        /// YAML or JSON, one policy or several; - is standard input
        #[arg(short, long)]
        file: PathBuf,
    },
    /// Check the policies of a file, offline, as the server will: shape, patterns, expressions
    Validate {
        /// YAML or JSON, one policy or several; - is standard input
        #[arg(short, long)]
        file: PathBuf,
    },
    /// Delete a policy
    Delete {
        /// Its id
        id: String,
    },
}

pub(crate) async fn run(command: PolicyCommand, context: &Context) -> Result<(), Failure> {
    if let PolicyCommand::Validate { file } = &command {
        return validate(&documents(file)?);
    }
    let api = context.api()?;
    match command {
        PolicyCommand::Validate { .. } => Ok(()),
        PolicyCommand::List(page) => {
            let policies = list::fetch(&api, &["policies"], &[], &page).await?;
            output::rows(context.format, &policies, COLUMNS)
        }
        PolicyCommand::Show { id } => {
            let body = api.get(&["policies", &id], &[]).await?;
            output::object(context.format, &list::data(body))
        }
        PolicyCommand::Create { file } => {
            let mut created = Vec::new();
            for policy in documents(&file)? {
                let answer = api.send(Method::POST, &["policies"], Some(&policy)).await?;
                created.push(list::data(answer));
            }
            output::rows(context.format, &created, COLUMNS)
        }
        PolicyCommand::Delete { id } => {
            let answer = api.send(Method::DELETE, &["policies", &id], None).await?;
            output::object(context.format, &list::data(answer))
        }
    }
}

fn validate(policies: &[Value]) -> Result<(), Failure> {
    let mut wrong = 0;
    for (number, policy) in (1..).zip(policies) {
        let name = policy.get("name").and_then(Value::as_str);
        let name = name.map_or_else(|| format!("policy {number}"), str::to_owned);
        let problems = problems(policy);
        if problems.is_empty() {
            output::check(true, &name, "")?;
        } else {
            wrong += 1;
            output::check(false, &name, &problems.join("; "))?;
        }
    }
    match wrong {
        0 => Ok(()),
        _ => Err(Failure::Refused(format!(
            "{wrong} of {} policies would be refused",
            policies.len()
        ))),
    }
}

/// What the server would refuse, apart from what only it knows: agents, ids, roles.
fn problems(policy: &Value) -> Vec<String> {
    let word = |field: &str| {
        policy
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let mut found = unknown(policy);
    if word("name").trim().is_empty() {
        found.push("name: must not be empty".to_owned());
    }
    if let Err(error) = word("enforcementMode").parse::<Mode>() {
        found.push(format!("enforcementMode: {error}"));
    }
    match word("policyType").parse::<PolicyType>() {
        Err(error) => found.push(format!("policyType: {error}")),
        Ok(kind) => {
            let rule = policy.get("ruleDefinition").unwrap_or(&Value::Null);
            let refused = schema::validate(kind, rule).err().unwrap_or_default();
            found.extend(refused.iter().map(|it| format!("ruleDefinition{it}")));
        }
    }
    found
}

/// Fields the server refuses by name.
fn unknown(policy: &Value) -> Vec<String> {
    let fields = policy.as_object().into_iter().flatten();
    let strange = fields.filter(|(field, _)| !FIELDS.contains(&field.as_str()));
    strange
        .map(|(field, _)| format!("unknown field '{field}'"))
        .collect()
}

/// The policies of a file: YAML documents, each one policy or a list of them. JSON is YAML.
fn documents(file: &Path) -> Result<Vec<Value>, Failure> {
    let wrong = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = read(file)?;
    let mut policies = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let document = Value::deserialize(document).map_err(|error| wrong(error.to_string()))?;
        if let Value::Array(several) = document {
            policies.extend(several);
        } else if !document.is_null() {
            policies.push(document);
        }
    }
    if policies.is_empty() {
        return Err(wrong("no policy in it".into()));
    }
    Ok(policies)
}
