//! The real program, asked over HTTP and killed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper that fails is a test that fails"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use writ_chain::Hash;
use writ_chain::checkpoint::{Checkpoint, sign};
use writ_chain::cosignature::{WitnessSigner, cosigned, cosigned_lines};
use writ_chain::keys::NamedSigner;
use writ_chain::merkle::{leaf_hash, prove_consistency, root_of};

const ORIGIN: &str = "log.test/global";

fn log() -> NamedSigner {
    NamedSigner::from_seed("log.test", &[1; 32]).unwrap()
}

fn key() -> WitnessSigner {
    WitnessSigner::from_seed("witness.test", &[2; 32]).unwrap()
}

/// A running witness.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(folder: &Path) -> Self {
        let config = folder.join("witness.toml");
        let seed = "02".repeat(32);
        let text = format!(
            "data_dir = {:?}\nname = \"witness.test\"\nsigning_seed = \"{seed}\"\n
             [logs]\n\"{ORIGIN}\" = [\"{}\"]\n",
            folder.join("data"),
            log().verifier()
        );
        std::fs::write(&config, text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_writ-witness"))
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (found, address) = std::sync::mpsc::channel();
        for stream in [
            Box::new(out) as Box<dyn std::io::Read + Send>,
            Box::new(errors),
        ] {
            let found = found.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if let Some((_, after)) = line.split_once("127.0.0.1:") {
                        let port: String = after.chars().take_while(char::is_ascii_digit).collect();
                        drop(found.send(format!("127.0.0.1:{port}")));
                    }
                }
            });
        }
        drop(found);
        let address = address.recv().unwrap();
        Self {
            child,
            url: format!("http://{address}"),
        }
    }

    async fn add(&self, old: u64, new: u64) -> (u16, String) {
        self.post(request(old, new, &note(new, root(new)))).await
    }

    async fn post(&self, body: String) -> (u16, String) {
        let url = format!("{}/add-checkpoint", self.url);
        let answer = client().post(url).body(body).send().await;
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The latest size it cosigned, as it says itself.
    async fn latest(&self) -> u64 {
        let beyond = 1_000_000;
        let (status, size) = self
            .post(request(beyond, beyond, &note(beyond, [7; 32])))
            .await;
        assert_eq!(status, 409, "{size}");
        size.trim_end().parse().unwrap()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn client() -> reqwest::Client {
    // The second time there is one already.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::new()
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn root(size: u64) -> Hash {
    root_of(&leaves(size)[..], size).unwrap()
}

fn note(size: u64, root: Hash) -> String {
    let head = Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root,
        extensions: Vec::new(),
    };
    sign(&head, &[&log()]).unwrap()
}

fn request(old: u64, new: u64, note: &str) -> String {
    let mut body = format!("old {old}\n");
    if old < new {
        for hash in prove_consistency(&leaves(new)[..], old, new).unwrap() {
            body.push_str(&format!("{}\n", BASE64.encode(hash)));
        }
    }
    format!("{body}\n{note}")
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    (dir, path)
}

#[tokio::test]
async fn it_cosigns_a_log_that_grows_and_nothing_else() {
    let (_dir, path) = folder();
    let witness = Running::start(&path);
    let (status, line) = witness.add(0, 5).await;
    assert_eq!(status, 200, "{line}");
    let text = format!("{ORIGIN}\n5\n{}\n", BASE64.encode(root(5)));
    let trusted = [key().verifier().clone()];
    assert_eq!(cosigned_lines(&text, &line, &trusted).unwrap().len(), 1);
    assert_eq!(witness.add(5, 9).await.0, 200);
    assert_eq!(witness.add(9, 9).await.0, 200);
    assert_eq!(witness.add(5, 12).await, (409, "9\n".to_owned()));
    assert_eq!(witness.add(12, 9).await.0, 400);
    let forked = request(9, 12, &note(12, [9; 32]));
    assert_eq!(witness.post(forked).await.0, 422);
    let changed = request(9, 12, &note(12, root(12))).replace("\n12\n", "\n13\n");
    assert_eq!(witness.post(changed).await.0, 403);
    let elsewhere = request(0, 12, &note(12, root(12))).replace(ORIGIN, "other");
    assert_eq!(witness.post(elsewhere).await.0, 404);
    assert_eq!(witness.post("nonsense".to_owned()).await.0, 400);
    assert_eq!(witness.latest().await, 9);
}

#[tokio::test]
async fn monitors_read_what_it_cosigned_last() {
    let (_dir, path) = folder();
    let witness = Running::start(&path);
    let hash = {
        use sha2::{Digest, Sha256};
        hex::encode(Sha256::digest(ORIGIN))
    };
    let url = format!("{}/{hash}/checkpoint", witness.url);
    assert_eq!(
        client().get(&url).send().await.unwrap().status().as_u16(),
        404
    );
    witness.add(0, 3).await;
    let kept = client()
        .get(&url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(kept.starts_with(&note(3, root(3))), "{kept}");
    let ours = cosigned(&kept, &[key().verifier().clone()]).unwrap();
    assert_eq!(ours.len(), 1);
}

/// Killed in the middle of its work 20 times: what was answered is never forgotten.
#[tokio::test]
async fn a_witness_that_is_killed_never_knows_less_than_it_answered() {
    let (_dir, path) = folder();
    let (mut answered, mut kept) = (0, 0);
    for round in 0..20_u64 {
        let witness = Running::start(&path);
        let latest = witness.latest().await;
        assert!(
            latest >= answered,
            "{answered} was answered, {latest} is known"
        );
        kept = latest;
        let url = witness.url.clone();
        let adding = tokio::spawn(async move {
            let (mut old, mut last) = (latest, latest);
            for new in latest + 1..latest + 40 {
                let body = request(old, new, &note(new, root(new)));
                let client = client();
                let sent = client.post(format!("{url}/add-checkpoint")).body(body);
                match sent.send().await {
                    Ok(answer) if answer.status().as_u16() == 200 => last = new,
                    Ok(answer) => panic!("{}", answer.status()),
                    Err(_) => break,
                }
                old = new;
            }
            last
        });
        tokio::time::sleep(std::time::Duration::from_millis(5 + round * 7 % 60)).await;
        witness.kill();
        answered = adding.await.unwrap();
    }
    assert!(kept > 0, "something was cosigned between the kills");
}

#[tokio::test]
async fn a_store_that_is_not_its_own_is_not_used() {
    let (_dir, path) = folder();
    let witness = Running::start(&path);
    witness.add(0, 3).await;
    let second = Command::new(env!("CARGO_BIN_EXE_writ-witness"))
        .args(["--config", path.join("witness.toml").to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!second.status.success(), "two witnesses in one folder");
    witness.kill();
    let mut files = std::fs::read_dir(path.join("data")).unwrap();
    let kept = files.find_map(|file| {
        let file = file.unwrap().path();
        (file.extension()? == "checkpoint").then_some(file)
    });
    let kept = kept.unwrap();
    let text = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, text.replace("\n3\n", "\n2\n")).unwrap();
    let damaged = Command::new(env!("CARGO_BIN_EXE_writ-witness"))
        .args(["--config", path.join("witness.toml").to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!damaged.status.success(), "a damaged store");
}
