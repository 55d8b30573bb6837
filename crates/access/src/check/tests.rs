use std::sync::Mutex;

use async_trait::async_trait;
use futures::executor::block_on;

use super::*;
use crate::key::{Prefix, mac};
use crate::record::Membership;
use crate::role::Role;
use crate::signature::sign_request;

/// Hears of the record only when it catches up, and counts how often it does.
struct Late {
    record: KeyRecord,
    caught_up: Mutex<u32>,
}

#[async_trait]
impl KeyLookup for Late {
    fn get(&self, public_id: &str) -> Option<Arc<KeyRecord>> {
        let heard = *self.caught_up.lock().unwrap() > 0;
        (heard && public_id == self.record.public_id).then(|| Arc::new(self.record.clone()))
    }

    fn membership(&self, _: Uuid, _: &str) -> Option<Membership> {
        None
    }

    async fn catch_up(&self) {
        *self.caught_up.lock().unwrap() += 1;
    }
}

fn setup(signature_required: bool) -> (ApiKey, Arc<Late>, Checker) {
    let pepper = Pepper::new([4; 32]).unwrap();
    let key = ApiKey::generate(Prefix::Test, [1; 32]);
    let record = KeyRecord {
        key_id: Uuid::from_u128(1),
        org_id: Uuid::from_u128(2),
        person: None,
        public_id: key.public_id().into(),
        mac: mac(&pepper, key.expose()),
        role: Role::Admin,
        test: true,
        expires_at_ms: None,
        revoked: false,
        cidrs: vec![],
        environments: vec![],
        signature_required,
    };
    let feed = Arc::new(Late {
        record,
        caught_up: Mutex::new(0),
    });
    let checker = Checker::new(feed.clone(), pepper);
    (key, feed, checker)
}

#[test]
fn an_unheard_key_catches_up_once_and_works() {
    let (key, feed, checker) = setup(false);
    let presented = Presented {
        x_api_key: Some(key.expose()),
        ..Presented::default()
    };
    let caller = block_on(checker.check(presented, 0)).unwrap();
    assert_eq!(caller.org_id(), Uuid::from_u128(2));
    block_on(checker.check(presented, 0)).unwrap();
    assert_eq!(*feed.caught_up.lock().unwrap(), 1);
}

#[test]
fn a_malformed_key_costs_no_catch_up() {
    let (_, feed, checker) = setup(false);
    let presented = Presented {
        authorization: Some("Bearer nonsense"),
        ..Presented::default()
    };
    let refused = block_on(checker.check(presented, 0)).unwrap_err();
    assert_eq!(refused, Refusal::Key(AuthRefusal::Malformed));
    assert_eq!(*feed.caught_up.lock().unwrap(), 0);
}

#[test]
fn a_request_without_credential_is_refused() {
    let (_, _, checker) = setup(false);
    let refused = block_on(checker.check(Presented::default(), 0)).unwrap_err();
    assert_eq!(refused, Refusal::Missing);
}

#[test]
fn a_key_that_requires_signatures_accepts_only_signed_requests() {
    let (key, _, checker) = setup(true);
    let unsigned = Presented {
        x_api_key: Some(key.expose()),
        raw_body: b"{}",
        ..Presented::default()
    };
    let refused = block_on(checker.check(unsigned, 5_000)).unwrap_err();
    assert_eq!(refused.code(), "SIGNATURE_INVALID");
    let cannot_sign = Presented {
        unsigned: true,
        ..unsigned
    };
    assert!(block_on(checker.check(cannot_sign, 5_000)).is_ok());
    let signature = sign_request(key.expose(), "5", b"{}");
    let signed = Presented {
        timestamp: Some("5"),
        signature: Some(&signature),
        ..unsigned
    };
    assert!(block_on(checker.check(signed, 5_000)).is_ok());
}
