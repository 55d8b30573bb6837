//! A running server: found or started, held by a lease, gone when nobody holds it.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use writ_servers::{free_port, wait_for_port};

const WATCH: &str = include_str!("watch.sh");
const START: Duration = Duration::from_secs(60);

/// Seconds a shared server outlives its last test: the next one of a run finds it warm.
const GRACE: &str = "10";

/// How to start one kind of server.
pub(crate) trait Kind {
    /// Folder name and `what` of messages.
    const NAME: &'static str;
    /// Fills an empty folder and says how to start the server over it.
    fn command(&self, dir: &Path, ports: [u16; 2]) -> anyhow::Result<Command>;
    /// Whether it is process `pid` that answers: what is left of a killed one may hold the port yet.
    fn is_ready(&self, _dir: &Path, _pid: &str) -> bool {
        true
    }
}

/// A signal for a server of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It dies at once.
    Kill,
    /// It ends by itself.
    Term,
    /// It stands still: connections stay, nothing answers.
    Stop,
    /// It goes on.
    Cont,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Term => "TERM",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Instance {
    dir: PathBuf,
    pub(crate) ports: [u16; 2],
    _lease: File,
}

impl Instance {
    /// The server all tests share: the running one, or a new one.
    pub(crate) fn shared<K: Kind>(kind: &K) -> anyhow::Result<Self> {
        let home = home::<K>()?;
        let start = home.join("start.lock");
        let guard = open(&start)?;
        guard.lock()?;
        let current = home.join("current");
        if let Some(running) = find_running(&current) {
            return Ok(running);
        }
        let new = start_new(kind, &home, Some(&start), GRACE)?;
        let [first, second] = new.ports;
        std::fs::write(
            &current,
            format!("{}\n{first}\n{second}\n", new.dir.display()),
        )?;
        Ok(new)
    }

    /// A server of this test alone.
    pub(crate) fn own<K: Kind>(kind: &K) -> anyhow::Result<Self> {
        start_new(kind, &home::<K>()?, None, "0")
    }

    /// Signals the server process.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = std::fs::read_to_string(self.dir.join("pid"))?;
        let status = Command::new("kill")
            .args(["-s", signal.name(), pid.trim()])
            .status()?;
        anyhow::ensure!(status.success(), "no server process {}", pid.trim());
        Ok(())
    }

    /// Starts it again over the same folder and ports, after it ended. A killed Postgres leaves
    /// children that hold its memory for a moment: so it is tried again.
    pub(crate) fn restart<K: Kind>(&self, kind: &K) -> anyhow::Result<()> {
        let command = kind.command(&self.dir, self.ports)?;
        let started = Instant::now();
        loop {
            run_watched(&self.dir, &self.dir.join("lock"), "0", &command)?;
            match self.wait(kind) {
                Ok(()) => return Ok(()),
                Err(error) if started.elapsed() > START => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn wait<K: Kind>(&self, kind: &K) -> anyhow::Result<()> {
        let alive = || self.is_alive();
        wait_for_port(self.ports[0], START, alive)
            .and_then(|()| self.wait_until_ready(kind))
            .with_context(|| std::fs::read_to_string(self.dir.join("log")).unwrap_or_default())
    }

    fn wait_until_ready<K: Kind>(&self, kind: &K) -> anyhow::Result<()> {
        let started = Instant::now();
        while !kind.is_ready(&self.dir, self.pid().trim()) {
            let waiting = started.elapsed() < START;
            anyhow::ensure!(waiting && self.is_alive(), "it ended as it started");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Empty before the watch wrote it.
    fn pid(&self) -> String {
        std::fs::read_to_string(self.dir.join("pid")).unwrap_or_default()
    }

    /// Before the watch wrote the process id it counts as alive.
    fn is_alive(&self) -> bool {
        let pid = self.pid();
        pid.trim().is_empty() || Path::new("/proc").join(pid.trim()).exists()
    }
}

fn home<K: Kind>() -> anyhow::Result<PathBuf> {
    let user = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self")?);
    let home = std::env::temp_dir()
        .join(format!("writ-test-{user}"))
        .join(K::NAME);
    std::fs::create_dir_all(&home)?;
    Ok(home)
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The lease is taken before the check: with it the server cannot be ended by its watch.
fn find_running(current: &Path) -> Option<Instance> {
    let text = std::fs::read_to_string(current).ok()?;
    let mut lines = text.lines();
    let dir = PathBuf::from(lines.next()?);
    let ports = [lines.next()?.parse().ok()?, lines.next()?.parse().ok()?];
    let lease = File::open(dir.join("lease")).ok()?;
    lease.lock_shared().ok()?;
    let instance = Instance {
        dir,
        ports,
        _lease: lease,
    };
    let answers = wait_for_port(instance.ports[0], Duration::from_secs(2), || {
        instance.is_alive()
    });
    answers.is_ok().then_some(instance)
}

/// Another program may take a port between choosing and binding it: so it is tried again.
fn start_new<K: Kind>(
    kind: &K,
    home: &Path,
    start: Option<&Path>,
    grace: &str,
) -> anyhow::Result<Instance> {
    let mut last = anyhow::anyhow!("not tried");
    for _ in 0..3 {
        let dir = home.join(crate::namespace());
        std::fs::create_dir_all(&dir)?;
        let lease = open(&dir.join("lease"))?;
        lease.lock_shared()?;
        let ports = [free_port()?, free_port()?];
        let command = kind.command(&dir, ports)?;
        run_watched(&dir, start.unwrap_or(&dir.join("lock")), grace, &command)?;
        let instance = Instance {
            dir,
            ports,
            _lease: lease,
        };
        match instance.wait(kind) {
            Ok(()) => return Ok(instance),
            Err(error) => last = error,
        }
    }
    Err(last.context(format!("{} does not start", K::NAME)))
}

/// In a process group of its own, so that ending a test by its group leaves the watch to clean up.
fn run_watched(dir: &Path, start: &Path, grace: &str, server: &Command) -> anyhow::Result<()> {
    std::fs::write(dir.join("pid"), "")?;
    let mut watch = Command::new("sh");
    watch
        .args(["-c", WATCH, "watch"])
        .arg(dir)
        .arg(start)
        .arg(grace);
    watch.arg(server.get_program()).args(server.get_args());
    watch.envs(
        server
            .get_envs()
            .filter_map(|(key, value)| Some((key, value?))),
    );
    watch
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    watch.spawn().context("cannot start sh")?;
    Ok(())
}
