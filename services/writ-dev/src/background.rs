//! Running without a terminal: start and return when ready, stop what runs, one stack per folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::args::Args;
use crate::layout::{Layout, append_private};

/// Everything from cold, on a slow machine.
const READY: Duration = Duration::from_secs(180);
/// Services drain for at most 15 s, stores after them.
const STOP: Duration = Duration::from_secs(45);

/// Held while a stack runs in a folder.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the folder for this process.
    ///
    /// # Errors
    /// When a stack runs in it.
    pub fn take(layout: &Layout) -> anyhow::Result<Self> {
        let mut file = open(layout)?;
        if !try_lock(&file)? {
            anyhow::bail!(
                "{} is in use: stop it with `make dev-down`",
                layout.path("").display()
            );
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The kernel does it anyway when the process ends.
        drop(self.0.unlock());
    }
}

/// Starts this program again without a terminal and returns when its stack is ready; also when
/// one runs already.
///
/// # Errors
/// When it ends instead, with the last lines of its log.
pub fn start(args: &Args, layout: &Layout) -> anyhow::Result<()> {
    let log = layout.log("writ-dev");
    let mut child = if try_lock(&open(layout)?)? {
        Some(detached(args, &log)?)
    } else {
        None
    };
    let until = Instant::now() + READY;
    while !layout.env_file().exists() {
        let ended = child.as_mut().map(Child::try_wait).transpose()?.flatten();
        anyhow::ensure!(ended.is_none(), "it ended while starting:\n{}", tail(&log));
        anyhow::ensure!(
            Instant::now() < until,
            "not ready after {READY:?}:\n{}",
            tail(&log)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    writeln!(std::io::stdout(), "ready: {}", layout.env_file().display())?;
    Ok(())
}

/// Stops the stack of a folder and returns when it is gone; also when none runs.
///
/// # Errors
/// When it does not end.
pub fn stop(layout: &Layout) -> anyhow::Result<()> {
    let mut file = open(layout)?;
    if try_lock(&file)? {
        return Ok(());
    }
    let mut pid = String::new();
    file.read_to_string(&mut pid)?;
    signal("TERM", &pid)?;
    let until = Instant::now() + STOP;
    while !try_lock(&file)? {
        if Instant::now() > until {
            // Its children are tied to it.
            signal("KILL", &pid)?;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    crate::envfile::remove(layout)?;
    Ok(())
}

/// `setsid`: closing the terminal, or ctrl-c in it, does not reach it.
fn detached(args: &Args, log: &Path) -> anyhow::Result<Child> {
    let log = append_private(log)?;
    crate::envfile::remove(&Layout::create(&args.dir)?)?;
    let mut command = Command::new("setsid");
    command.arg(std::env::current_exe()?);
    command.args(
        std::env::args_os()
            .skip(1)
            .filter(|arg| arg != "--background"),
    );
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    command.spawn().context("cannot start in the background")
}

fn open(layout: &Layout) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(layout.lock_file())
}

/// True when it was free and is now locked by `file`.
fn try_lock(file: &File) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn signal(name: &str, pid: &str) -> anyhow::Result<()> {
    let pid: u32 = pid
        .trim()
        .parse()
        .context("the lock file holds no process id")?;
    Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .stderr(Stdio::null())
        .status()?;
    Ok(())
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines
        .iter()
        .rev()
        .take(30)
        .rev()
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}
