//! A ClickHouse server for development and tests: `libchdb.so` holds the whole engine, and its
//! 26.x version opens ClickHouse's own HTTP and native listeners from a query.
//!
//! `unsafe` lives here and nowhere else: a C library is loaded and three of its functions called.

mod engine;
mod stop;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;

use clap::Parser;

/// Serve a ClickHouse data folder on loopback until SIGTERM.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The library (`libchdb.so`, 26.x).
    #[arg(long)]
    lib: PathBuf,
    /// The data folder; made when absent.
    #[arg(long)]
    path: PathBuf,
    /// Port of the HTTP interface.
    #[arg(long)]
    http_port: u16,
    /// Port of the native interface.
    #[arg(long)]
    tcp_port: u16,
    /// `config.xml`; it names its users file.
    #[arg(long)]
    config: PathBuf,
    /// Made before serving, so that users may have it as their default database.
    #[arg(long)]
    database: String,
    /// Make the database and end.
    #[arg(long, hide = true)]
    create_only: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    std::fs::create_dir_all(&args.path)?;
    if args.create_only {
        return engine::Engine::open(&args.lib)?
            .run(&args.command_line(&[], &args.create_database()));
    }
    if !args
        .path
        .join(format!("metadata/{}.sql", args.database))
        .exists()
    {
        create_in_a_child()?;
    }
    let asked = stop::on_signal(args.http_port)?;
    engine::Engine::open(&args.lib)?.run(&args.command_line(&args.listeners(), &serve()))?;
    anyhow::ensure!(asked.load(Ordering::Acquire), "the engine ended by itself");
    Ok(())
}

/// The engine runs once in a process, and the user it runs as under the configuration may not
/// create databases: so a child does it first, without the configuration.
fn create_in_a_child() -> anyhow::Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--create-only")
        .status()?;
    anyhow::ensure!(status.success(), "the database could not be made");
    Ok(())
}

/// The last query never ends: while it runs, the engine serves its listeners, merges and TTLs.
fn serve() -> String {
    format!(
        "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; {}",
        stop::HOLD_QUERY
    )
}

impl Args {
    /// The arguments of `clickhouse local`.
    fn command_line(&self, options: &[String], query: &str) -> Vec<String> {
        let mut line = vec![
            "clickhouse".to_owned(),
            format!("--path={}", self.path.display()),
        ];
        line.extend_from_slice(options);
        line.extend(["--query".to_owned(), query.to_owned()]);
        line
    }

    fn listeners(&self) -> [String; 4] {
        [
            format!("--config-file={}", self.config.display()),
            format!("--http_port={}", self.http_port),
            format!("--tcp_port={}", self.tcp_port),
            "--listen_host=127.0.0.1".to_owned(),
        ]
    }

    fn create_database(&self) -> String {
        format!(
            "CREATE DATABASE IF NOT EXISTS `{}` ENGINE = Atomic",
            self.database
        )
    }
}
