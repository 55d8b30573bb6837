//! Verdicts of models, kept for a while. Each organisation has its own and only so many: nobody
//! learns from another's, or pushes another's out.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;
use writ_contract::OrgId;

use super::model::Verdict;

/// A model may be exchanged under its name; after this it is asked again.
const KEPT: Duration = Duration::from_secs(600);

/// What was asked, by digest.
pub(super) type Key = [u8; 32];

/// All organisations' verdicts.
#[derive(Debug)]
pub(super) struct Cache {
    size: usize,
    orgs: Mutex<HashMap<OrgId, Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    verdicts: HashMap<Key, (Instant, Verdict)>,
    /// Oldest first.
    order: VecDeque<Key>,
}

impl Cache {
    /// Keeps at most `size` verdicts of each organisation.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            orgs: Mutex::default(),
        }
    }

    pub(super) fn get(&self, org: OrgId, key: &Key) -> Option<Verdict> {
        let orgs = self.orgs.lock().ok()?;
        let (at, verdict) = orgs.get(&org)?.verdicts.get(key)?;
        (at.elapsed() < KEPT).then(|| verdict.clone())
    }

    pub(super) fn put(&self, org: OrgId, key: Key, verdict: Verdict) {
        let Ok(mut orgs) = self.orgs.lock() else {
            return;
        };
        let kept = orgs.entry(org).or_default();
        let entry = (Instant::now(), verdict);
        if kept.verdicts.insert(key, entry).is_none() {
            kept.order.push_back(key);
        }
        while kept.order.len() > self.size {
            if let Some(oldest) = kept.order.pop_front() {
                kept.verdicts.remove(&oldest);
            }
        }
    }
}

/// Framed, so that no two questions share their bytes.
pub(super) fn key(name: &str, model: &str, instruction: &str, texts: &[String]) -> Key {
    let mut hasher = Sha256::new();
    let parts = [name, model, instruction].into_iter();
    for part in parts.chain(texts.iter().map(String::as_str)) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::model::read;
    use super::*;

    fn verdict() -> Verdict {
        let said = r#"{\"violates\": true, \"confidence\": 1}"#;
        let body = format!(r#"{{"choices": [{{"message": {{"content": "{said}"}}}}]}}"#);
        read(Some(body.as_bytes())).unwrap()
    }

    const ONE: OrgId = OrgId(Uuid::from_u128(1));
    const OTHER: OrgId = OrgId(Uuid::from_u128(2));

    #[tokio::test(start_paused = true)]
    async fn a_verdict_is_kept_for_its_organisation_and_for_a_while() {
        let cache = Cache::new(8);
        cache.put(ONE, [1; 32], verdict());
        assert_eq!(cache.get(ONE, &[1; 32]), Some(verdict()));
        assert_eq!(cache.get(OTHER, &[1; 32]), None);
        tokio::time::advance(KEPT).await;
        assert_eq!(cache.get(ONE, &[1; 32]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_organisation_pushes_out_only_its_own() {
        let cache = Cache::new(2);
        cache.put(OTHER, [0; 32], verdict());
        for n in 1..=3 {
            cache.put(ONE, [n; 32], verdict());
        }
        let kept = [1, 2, 3].map(|n| cache.get(ONE, &[n; 32]).is_some());
        assert_eq!(kept, [false, true, true]);
        assert!(cache.get(OTHER, &[0; 32]).is_some());
        assert_eq!(cache.orgs.lock().unwrap()[&ONE].verdicts.len(), 2);
    }

    #[test]
    fn a_text_moved_between_fields_is_another_question() {
        let texts = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let keys = [
            key("n", "m", "ab", &texts(&["c"])),
            key("n", "m", "a", &texts(&["bc"])),
            key("n", "m", "ab", &texts(&["c", ""])),
            key("nm", "", "ab", &texts(&["c"])),
        ];
        for (i, one) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|other| other != one));
        }
    }
}
