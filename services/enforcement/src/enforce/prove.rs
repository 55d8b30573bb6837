//! What a request shows beside what it says, checked offline before it is judged.

use writ_access::{Caller, delegation};

use super::Enforcer;
use crate::domain::{Ask, Proof, prove};

impl Enforcer {
    /// Takes a delegation token into account: what it proves takes the place of what the request
    /// says. One that is not believed refuses the act when it is judged, so that it is recorded.
    pub fn show(&self, caller: &Caller, ask: &mut Ask, token: Option<&str>) {
        let said = ask.request.metadata.as_ref().and_then(in_metadata);
        let Some(token) = token
            .or(said)
            .map(str::trim)
            .filter(|token| !token.is_empty())
        else {
            return;
        };
        let (org, now_ms) = (caller.org_id(), self.clock.now_ms());
        ask.proof = match delegation::verify(token, &*self.keys, org, now_ms) {
            Ok(claims) => {
                prove(&mut ask.request, &claims);
                Proof::Delegated(Box::new(claims))
            }
            Err(why) => Proof::Refused(why),
        };
    }
}

/// Where a client puts it that can send nothing but metadata.
fn in_metadata(metadata: &serde_json::Value) -> Option<&str> {
    metadata.get("delegationToken")?.as_str()
}
