//! The service as a process of its own, to be killed.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use writ_contract::Service;

use super::{EXPORT_NAME, KEY_NAME, PEPPER, Stage, signer};

/// The real program over a stage's servers, always at the same address.
pub(crate) struct Process {
    dir: PathBuf,
    at: SocketAddr,
    child: Child,
}

impl Process {
    /// Starts it; it is ready some time later.
    pub(crate) fn start(stage: &Stage) -> Self {
        let dir = std::env::temp_dir().join(format!("{}-ledger", stage.prefix));
        std::fs::create_dir_all(&dir).unwrap();
        // Free now, and nobody is given it again for a while.
        let at = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .unwrap();
        std::fs::write(dir.join("ledger.toml"), settings(stage, at)).unwrap();
        let child = spawn(&dir);
        Self { dir, at, child }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after it was killed.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.dir);
    }

    /// The body of a public resource; `None` when there is none now, or nobody to ask.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.at).ok()?;
        let patience = Some(Duration::from_secs(2));
        stream.set_read_timeout(patience).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: ledger\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
    }

    /// What it logged in all its lives.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// It must not outlive a test that was killed.
fn spawn(dir: &std::path::Path) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("log"))
        .unwrap();
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(env!("CARGO_BIN_EXE_writ-audit-ledger"))
        .arg("--config")
        .arg(dir.join("ledger.toml"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn settings(stage: &Stage, at: SocketAddr) -> String {
    let mut owners = String::new();
    for service in Service::ALL {
        let key = hex::encode(signer(service).public_key());
        writeln!(owners, "{} = \"{key}\"", service.name()).unwrap();
    }
    let [log, checkpoint, export] = [4, stage.seeds.0, 78].map(|seed| hex::encode([seed; 32]));
    format!(
        "[host]\nlisten = \"{at}\"\n\
         [host.nats]\nurl = \"{}\"\nprefix = \"{}\"\n\
         [store]\napi_url = \"{}\"\nwriter_url = \"{}\"\nowner_url = \"{}\"\n\
         [log]\nsigning_seed = \"{log}\"\n[log.owner_keys]\n{owners}\
         [access]\nkey_pepper = \"{PEPPER}\"\n\
         [ledger]\nkey_name = \"{KEY_NAME}\"\nsigning_seed = \"{checkpoint}\"\n\
         export_key_name = \"{EXPORT_NAME}\"\nexport_seed = \"{export}\"\n",
        stage.nats_url,
        stage.prefix,
        stage.db.url_for("ledger_api"),
        stage.db.url_for("ledger_writer"),
        stage.db.owner_url,
    )
}
