//! A command for every route of the API, made from its document: what has a handwritten command
//! keeps that one.

mod command;
mod document;
mod names;
mod request;

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::Value;

use crate::cli::Context;
use crate::failure::{Failure, REFUSED};
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
    "getReceiptOfEntry",
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
    pub(crate) async fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let request = request::of(self.operation, self.matches)?;
        let api = context.api()?;
        if self.operation.paged {
            let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
            let items = list::some(&api, &path, &request.query, request.limit).await?;
            output::found(context.format, &items)?;
            return Ok(ExitCode::SUCCESS);
        }
        let answer = merged(api.call(&request).await?);
        match answer.as_array() {
            Some(items) => output::found(context.format, items)?,
            None => output::object(context.format, &answer)?,
        }
        ending(&answer)
    }
}

/// The `data` of an answer; what else the answer says, such as a receipt, is in it when it has
/// fields.
fn merged(answer: Value) -> Value {
    let Value::Object(mut answer) = answer else {
        return answer;
    };
    match answer.remove("data") {
        Some(Value::Object(mut data)) => {
            for (name, value) in answer {
                data.entry(name).or_insert(value);
            }
            Value::Object(data)
        }
        Some(data) => data,
        None => Value::Object(answer),
    }
}

/// How the command ends: a decision may be no, and of many things some may not have been taken.
/// Why is told beside the answer.
fn ending(answer: &Value) -> Result<ExitCode, Failure> {
    let list = |name: &str| answer.get(name).and_then(Value::as_array);
    let count = answer.get("rejected").and_then(Value::as_u64);
    let (reasons, said) = if answer.get("allowed") == Some(&Value::Bool(false)) {
        (list("violations"), "message")
    } else if count.is_some_and(|rejected| rejected > 0) {
        (list("errors"), "error")
    } else {
        return Ok(ExitCode::SUCCESS);
    };
    for reason in reasons.into_iter().flatten() {
        if let Some(text) = reason.get(said).and_then(Value::as_str) {
            output::note(&format!("refused: {text}"))?;
        }
    }
    Ok(ExitCode::from(REFUSED))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;
    use serde_json::json;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_list_in_an_answer_is_not_lost() {
        let operations = document::operations();
        let mut marks = operations.iter();
        let marks = marks.find(|it| it.id == "listFalsePositivesOfPolicy");
        assert!(marks.unwrap().paged);
        assert_eq!(merged(json!({"data": [1, 2]})), json!([1, 2]));
        let receipt = json!({"data": {"id": 1}, "receipt": 2, "id": 3});
        assert_eq!(merged(receipt), json!({"id": 1, "receipt": 2}));
        for whole in [json!({"allowed": true}), json!([1]), json!(null)] {
            assert_eq!(merged(whole.clone()), whole);
        }
    }

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
