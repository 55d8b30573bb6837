//! Child processes: started again when they die, gone when this process is, however it ends.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::layout::append_private;

/// Rest before a dead child is started again.
const REST: Duration = Duration::from_millis(500);
/// A server that dies this often before it ever answered will not come up.
const TRIES: u32 = 4;

/// A child that is kept running until [`Kept::stop`].
#[derive(Debug)]
pub struct Kept {
    name: String,
    stop_signal: &'static str,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    /// 0 while none runs.
    pid: AtomicU32,
    deaths: AtomicU32,
}

/// How to start a child, each time anew.
pub type Make = Box<dyn Fn() -> anyhow::Result<Command> + Send>;

impl Kept {
    /// Starts the child with its output appended to `log`. The commands must come from
    /// `writ-servers` or [`tied`]: their parent-death signal is bound to the thread that waits for
    /// them here, which lives exactly as long as they should.
    ///
    /// # Errors
    /// When it cannot be started at all; later deaths are logged and mended.
    pub fn start(
        name: &str,
        stop_signal: &'static str,
        log: &Path,
        make: Make,
    ) -> anyhow::Result<Self> {
        let log = append_private(log)?;
        let shared = Arc::new(Shared::default());
        let (first, started) = mpsc::channel();
        let keeper = Keeper {
            name: name.to_owned(),
            log,
            make,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name(format!("keep {name}"))
            .spawn(move || keeper.run(&first))?;
        started
            .recv()?
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            stop_signal,
            shared,
            thread: Some(thread),
        })
    }

    /// False when it died so often that waiting for it to answer is in vain.
    #[must_use]
    pub fn may_come_up(&self) -> bool {
        self.shared.deaths.load(Ordering::Acquire) < TRIES
    }

    /// Asks it to end, waits, and kills it when that takes longer than `patience`.
    pub fn stop(mut self, patience: Duration) {
        self.shared.stopping.store(true, Ordering::Release);
        self.signal(self.stop_signal);
        let until = Instant::now() + patience;
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        if !thread.is_finished() {
            tracing::warn!(child = self.name, "did not stop in time: killed");
            self.signal("KILL");
        }
        if thread.join().is_err() {
            tracing::error!(child = self.name, "its keeper panicked");
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.shared.pid.load(Ordering::Acquire);
        if pid != 0 {
            let mut kill = Command::new("kill");
            kill.args(["-s", signal, &pid.to_string()])
                .stderr(Stdio::null());
            // It may have ended by itself between the two lines.
            drop(kill.status());
        }
    }
}

struct Keeper {
    name: String,
    log: File,
    make: Make,
    shared: Arc<Shared>,
}

impl Keeper {
    fn run(&self, first: &mpsc::Sender<anyhow::Result<()>>) {
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(error) => return drop(first.send(Err(error))),
        };
        drop(first.send(Ok(())));
        loop {
            let ended = child.wait();
            self.shared.pid.store(0, Ordering::Release);
            self.shared.deaths.fetch_add(1, Ordering::AcqRel);
            if self.stopping() {
                return;
            }
            tracing::warn!(child = self.name, ?ended, "died: starting it again");
            child = loop {
                std::thread::sleep(REST);
                if self.stopping() {
                    return;
                }
                match self.spawn() {
                    Ok(child) => break child,
                    Err(error) => tracing::error!(child = self.name, %error, "cannot start"),
                }
            };
        }
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let mut command = (self.make)()?;
        let (out, errors) = (self.log.try_clone()?, self.log.try_clone()?);
        // In a group of its own: ctrl-c reaches this process, which stops it in its turn.
        command.process_group(0);
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .spawn()?;
        self.shared.pid.store(child.id(), Ordering::Release);
        Ok(child)
    }

    fn stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }
}

/// A command that gets SIGTERM when the thread that starts it ends.
#[must_use]
pub fn tied(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Make {
        Box::new(|| {
            let mut command = tied(Path::new("sleep"));
            command.arg("600");
            Ok(command)
        })
    }

    fn pid(kept: &Kept) -> u32 {
        kept.shared.pid.load(Ordering::Acquire)
    }

    #[test]
    fn killed_child_is_started_again_until_it_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::start("sleeper", "TERM", &dir.path().join("log"), sleeper()).unwrap();
        let first = pid(&kept);
        kept.signal("KILL");
        let until = Instant::now() + Duration::from_secs(10);
        while (pid(&kept) == first || pid(&kept) == 0) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let second = pid(&kept);
        assert!(second != 0 && second != first);
        kept.stop(Duration::from_secs(5));
        assert!(!Path::new("/proc").join(second.to_string()).exists());
    }

    #[test]
    fn program_that_does_not_exist_is_an_error_not_a_loop() {
        let dir = tempfile::tempdir().unwrap();
        let make: Make = Box::new(|| Ok(Command::new("/no/such/program")));
        assert!(Kept::start("nothing", "TERM", &dir.path().join("log"), make).is_err());
    }
}
