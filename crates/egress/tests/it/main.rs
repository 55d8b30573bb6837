//! The client against real listeners.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of a test binary: a failure here is a failed test"
)]

mod answers;
mod canary;

use std::net::IpAddr;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use writ_egress::Names;

/// What `main` does in a service.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap()
    });
}

/// Answers look-ups from a script; the last line repeats.
struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Self {
        let answers = answers
            .iter()
            .map(|line| line.iter().map(|text| text.parse().unwrap()).collect())
            .collect();
        Self {
            answers,
            asked: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl Names for Scripted {
    async fn lookup(&self, _name: &str) -> std::io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.answers[asked.min(self.answers.len() - 1)].clone())
    }
}
