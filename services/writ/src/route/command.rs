//! The arguments of a route.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, value_parser};

use super::document::{Field, Kind, Operation};
use super::names;

pub(super) const BODY: &str = "body-file";
pub(super) const LIMIT: &str = "limit";

/// The command of a route.
pub(super) fn of(verb: &str, operation: &Operation) -> Command {
    let more = &operation.description;
    let mut command = Command::new(verb.to_owned())
        .about(operation.summary.clone())
        .long_about(format!("{}\n\n{more}", operation.summary));
    let parameters = operation
        .parameters
        .iter()
        .filter(|it| !it.is_place_in_list());
    for field in parameters {
        command = command.arg(argument(field, &operation.tag));
    }
    for field in operation.body.iter().flatten() {
        command = command.arg(argument(field, &operation.tag));
    }
    if operation.body.is_some() {
        let help = "The body as JSON, from a file or - for standard input; flags stand over it";
        let body = Arg::new(BODY).long("body").value_name("FILE").help(help);
        command = command.arg(body.value_parser(value_parser!(std::path::PathBuf)));
    }
    if operation.paged {
        let limit = Arg::new(LIMIT).long("limit").value_name("N");
        let limit = limit.help("At most this many").default_value("50");
        command = command.arg(limit.value_parser(value_parser!(usize)));
    }
    command
}

/// Under which name clap has a field.
pub(super) fn id(field: &Field) -> String {
    format!("{}:{}", field.place, field.name)
}

impl Field {
    /// Pages are fetched until there are enough.
    fn is_place_in_list(&self) -> bool {
        self.place == "query" && ["cursor", "limit"].contains(&self.name.as_str())
    }
}

fn argument(field: &Field, tag: &str) -> Arg {
    let arg = Arg::new(id(field)).help(field.help.clone());
    if field.place == "path" {
        return arg
            .required(true)
            .value_name(field.name.to_ascii_uppercase());
    }
    let (flag, plain) = (names::flag(&field.name, tag), names::plain(&field.name));
    let arg = if flag == plain {
        arg
    } else {
        let help = format!("{} (--{plain} is something else)", field.help);
        arg.help(help.trim_start().to_owned())
    };
    let arg = arg.long(flag);
    match &field.kind {
        Kind::Text => arg.value_name("TEXT"),
        Kind::Whole | Kind::Number => arg.value_name("N"),
        Kind::Truth => arg
            .value_name("BOOL")
            .value_parser(PossibleValuesParser::new(["true", "false"])),
        Kind::OneOf(words) => {
            let words = PossibleValuesParser::new(words.clone());
            arg.value_name("WORD").value_parser(words)
        }
        Kind::Texts => arg.action(ArgAction::Append).value_name("TEXT"),
        Kind::Json => arg.value_name("JSON"),
    }
}
