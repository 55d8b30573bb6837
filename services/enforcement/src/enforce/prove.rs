//! What a request shows beside what it says, checked offline before it is judged.

use serde_json::Value;
use writ_access::{Caller, delegation};

use super::Enforcer;
use crate::domain::{Ask, Proof, prove};

impl Enforcer {
    /// Takes a delegation token into account: what it proves takes the place of what the request
    /// says. One that is not believed refuses the act when it is judged, so that it is recorded.
    /// The policies and whoever they ask do not see the token itself.
    pub fn show(&self, caller: &Caller, ask: &mut Ask, token: Option<&str>) {
        let said = ask.request.metadata.as_mut().and_then(out_of_metadata);
        let said = said.as_ref().map(|said| said.as_str().unwrap_or("?"));
        let token = token.or(said).map(str::trim);
        let Some(token) = token.filter(|token| !token.is_empty()) else {
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

/// Where a client puts it that can send nothing but metadata. What is no text is no token, and is
/// refused as one.
fn out_of_metadata(metadata: &mut Value) -> Option<Value> {
    let said = metadata.as_object_mut()?.remove("delegationToken")?;
    (!said.is_null()).then_some(said)
}
