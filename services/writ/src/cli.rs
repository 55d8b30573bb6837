//! The command line as one value, and where each command is done.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::api::Api;
use crate::failure::{EXIT_CODES, Failure};
use crate::output::{self, Format};
use crate::route::Routes;
use crate::target::TargetArgs;
use crate::{
    agent, approval, audit, compliance, contexts, detect, dev, doctor, key, pause, policy, privacy,
    server, setup, topology, trace, webhook,
};

/// Writ decides whether an AI agent may act, before it acts
#[derive(Parser)]
#[command(name = "writ", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    target: TargetArgs,
    /// How results are written
    #[arg(short, long, value_enum, default_value = "table", global = true)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start Writ here, with its stores; arguments go to writ-dev (`writ dev --help`)
    #[command(disable_help_flag = true)]
    Dev {
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ARGS"
        )]
        args: Vec<OsString>,
    },
    /// Check everything Writ rests on and say what to do
    Doctor(doctor::DoctorArgs),
    /// Make streams, schemas and tables, before the services start; what is there is left alone
    Setup(setup::SetupArgs),
    /// Agents: list, register, pause, resume, watch
    #[command(subcommand)]
    Agent(agent::AgentCommand),
    /// Pauses beyond one agent: the organization, a tag, an environment, a tool
    #[command(subcommand)]
    Pause(pause::PauseCommand),
    /// Policies: list, and as code: validate, test, diff, apply, export
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Held actions: list, approve, deny
    #[command(subcommand)]
    Approval(approval::ApprovalCommand),
    /// Traces of agents
    #[command(subcommand)]
    Trace(trace::TraceCommand),
    /// The signed record: verify, export, log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Evidence about the controls of a framework: report, package
    #[command(subcommand)]
    Compliance(compliance::ComplianceCommand),
    /// Requests of data subjects: receive, list, hold, complete, refuse, export
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
    /// API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Webhook endpoints
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Servers and their keys by name, kept in your configuration folder
    #[command(subcommand)]
    Context(contexts::ContextCommand),
    /// The server that commands go to
    #[command(subcommand)]
    Server(server::ServerCommand),
    /// The detectors that policies use, over a file of texts, offline
    #[command(subcommand)]
    Detect(detect::DetectCommand),
    /// Streams, subjects and who may do what with them
    #[command(subcommand)]
    Topology(topology::TopologyCommand),
    /// Print a completion script: `writ completion bash > /etc/bash_completion.d/writ`
    Completion {
        /// The shell it is for
        shell: clap_complete::Shell,
    },
}

/// What every command is given.
pub(crate) struct Context {
    /// Which server.
    pub(crate) target: TargetArgs,
    /// How to write.
    pub(crate) format: Format,
}

impl Context {
    /// A client of the chosen server.
    pub(crate) fn api(&self) -> Result<Api, Failure> {
        Api::new(self.target.resolve(&self.target.dev_env())?)
    }
}

/// What was asked, and how.
pub(crate) struct Asked {
    context: Context,
    what: What,
}

enum What {
    Command(Box<Command>),
    /// A route that has no command of its own.
    Route(Box<Routes>, Box<ArgMatches>),
}

/// Reads a command line.
pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Asked, clap::Error> {
    let routes = Routes::beside(&Cli::command());
    let matches = routes.add_to(Cli::command()).try_get_matches_from(words)?;
    if routes.asked(&matches).is_some() {
        let format = matches.get_one("output").copied();
        let context = Context {
            target: TargetArgs::from_arg_matches(&matches)?,
            format: format.unwrap_or(Format::Table),
        };
        let what = What::Route(Box::new(routes), Box::new(matches));
        return Ok(Asked { context, what });
    }
    let cli = Cli::from_arg_matches(&matches)?;
    let context = Context {
        target: cli.target,
        format: cli.output,
    };
    let what = What::Command(Box::new(cli.command));
    Ok(Asked { context, what })
}

/// Does what was asked; failures become one line and an exit code.
pub(crate) fn run(asked: Asked) -> ExitCode {
    let Asked { context, what } = asked;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(what.execute(&context))),
        Err(error) => Err(Failure::Unavailable(format!("cannot start: {error}"))),
    };
    done.unwrap_or_else(|failure| output::failure(&failure))
}

impl What {
    async fn execute(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Command(command) => execute(*command, context).await,
            Self::Route(routes, matches) => {
                let route = routes.asked(&matches);
                let route = route.ok_or_else(|| Failure::Usage("no such command".into()))?;
                route.run(context).await
            }
        }
    }
}

async fn execute(command: Command, context: &Context) -> Result<ExitCode, Failure> {
    let has_junit = matches!(&command, Command::Policy(command) if command.has_junit());
    if context.format == Format::Junit && !has_junit {
        let why = "-o junit: only policy validate and policy test have it";
        return Err(Failure::Usage(why.into()));
    }
    match command {
        Command::Dev { args } => return Err(dev::become_writ_dev(&args)),
        Command::Doctor(args) => return doctor::run(args, context).await,
        Command::Audit(command) => return audit::run(command, context).await,
        Command::Policy(command) => return policy::run(command, context).await,
        Command::Agent(command) => agent::run(command, context).await?,
        Command::Pause(command) => pause::run(command, context).await?,
        Command::Approval(command) => approval::run(command, context).await?,
        Command::Trace(command) => trace::run(command, context).await?,
        Command::Privacy(command) => privacy::run(command, context).await?,
        Command::Compliance(command) => compliance::run(command, context).await?,
        Command::Key(command) => key::run(command, context).await?,
        Command::Webhook(command) => webhook::run(command, context).await?,
        Command::Server(command) => server::run(&command, context).await?,
        Command::Setup(args) => setup::run(args).await?,
        Command::Context(command) => contexts::run(command, context)?,
        Command::Detect(command) => detect::run(&command)?,
        Command::Topology(command) => topology::run(&command)?,
        Command::Completion { shell } => completion(shell)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn completion(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    let cli = Cli::command();
    let mut cli = Routes::beside(&cli).add_to(cli);
    clap_complete::generate(shell, &mut cli, "writ", &mut script);
    output::raw(&script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        let cli = Cli::command();
        Routes::beside(&cli).add_to(cli).debug_assert();
    }

    #[test]
    fn arguments_of_dev_are_passed_on_untouched() {
        let cli = Cli::try_parse_from(["writ", "dev", "--processes", "--help", "-x"]).unwrap();
        let Command::Dev { args } = cli.command else {
            panic!("not dev");
        };
        assert_eq!(args, ["--processes", "--help", "-x"]);
    }
}
