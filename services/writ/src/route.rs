//! A command for every route of the API, made from its document: what has a handwritten command
//! keeps that one.

mod command;
mod document;
mod names;
mod request;

use clap::{ArgMatches, Command};
use serde_json::Value;

use crate::cli::Context;
use crate::failure::Failure;
use crate::list;
use crate::output;
use document::Operation;

/// Routes that a handwritten command of another name does.
const HANDWRITTEN: &[&str] = &[
    "approveRequest",
    "getComplianceReport",
    "denyRequest",
    "getCoverage",
    "getReceipt",
    "issueKey",
    "listAuditLogEntries",
];

/// The commands of routes, by noun and verb.
pub(crate) struct Routes {
    all: Vec<Route>,
}

struct Route {
    noun: String,
    verb: String,
    operation: Operation,
}

impl Routes {
    /// Those that `cli` has no command for.
    pub(crate) fn beside(cli: &Command) -> Self {
        let mut all: Vec<Route> = Vec::new();
        for operation in document::operations() {
            let (noun, verb) = names::of(&operation);
            let there = cli
                .find_subcommand(&noun)
                .is_some_and(|noun| noun.find_subcommand(&verb).is_some());
            if !there && !HANDWRITTEN.contains(&operation.id.as_str()) {
                all.push(Route {
                    noun,
                    verb,
                    operation,
                });
            }
        }
        Self { all }
    }

    /// The command line with them in it.
    pub(crate) fn add_to(&self, mut cli: Command) -> Command {
        for route in &self.all {
            let verb = command::of(&route.verb, &route.operation);
            if cli.find_subcommand(&route.noun).is_none() {
                let noun = Command::new(route.noun.clone())
                    .about(names::about(&route.operation.tag))
                    .subcommand_required(true)
                    .arg_required_else_help(true);
                cli = cli.subcommand(noun);
            }
            cli = cli.mut_subcommand(&route.noun, |noun| noun.subcommand(verb));
        }
        cli
    }

    /// The route that was asked for, if it is one of these.
    pub(crate) fn asked<'a>(&'a self, matches: &'a ArgMatches) -> Option<Asked<'a>> {
        let (noun, matches) = matches.subcommand()?;
        let (verb, matches) = matches.subcommand()?;
        let mut routes = self.all.iter();
        let route = routes.find(|route| route.noun == noun && route.verb == verb)?;
        let operation = &route.operation;
        Some(Asked { operation, matches })
    }
}

/// A route and its arguments.
pub(crate) struct Asked<'a> {
    operation: &'a Operation,
    matches: &'a ArgMatches,
}

impl Asked<'_> {
    /// Calls it and shows the answer.
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        let request = request::of(self.operation, self.matches)?;
        let api = context.api()?;
        if self.operation.paged {
            let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
            let items = list::some(&api, &path, &request.query, request.limit).await?;
            return output::found(context.format, &items);
        }
        match merged(api.call(&request).await?) {
            Value::Array(items) => output::found(context.format, &items),
            one @ (Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)) => output::object(context.format, &one),
        }
    }
}

/// The `data` of an answer, with what else the answer says, such as a receipt, in it.
fn merged(mut answer: Value) -> Value {
    let Some(Value::Object(mut data)) = answer.get_mut("data").map(Value::take) else {
        return answer;
    };
    let beside = answer.as_object_mut().into_iter().flatten();
    for (name, value) in beside.filter(|(name, _)| *name != "data") {
        data.entry(name.clone()).or_insert_with(|| value.take());
    }
    Value::Object(data)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_route_has_one_command() {
        let cli = Cli::command();
        let routes = Routes::beside(&cli);
        let whole = routes.add_to(cli);
        let operations = document::operations();
        assert!(operations.len() > 50, "{}", operations.len());
        let mut taken = BTreeSet::new();
        for operation in &operations {
            let (noun, verb) = names::of(operation);
            assert!(!verb.is_empty(), "{}: no verb", operation.id);
            assert!(
                taken.insert((noun.clone(), verb.clone())),
                "{}: another route is `writ {noun} {verb}` too: give it another summary",
                operation.id
            );
            let there = whole.find_subcommand(&noun);
            let there = there.is_some_and(|noun| noun.find_subcommand(&verb).is_some());
            let own_name = HANDWRITTEN.contains(&operation.id.as_str());
            assert!(there || own_name, "{}: no command", operation.id);
        }
    }
}
