//! Who is told of people that come in with tokens of their own.

use async_trait::async_trait;
use uuid::Uuid;
use writ_access::issuer::SignIn;
use writ_access::{Caller, Refusal};

/// Told by the gate, before the request goes on.
#[async_trait]
pub trait Visitors: std::fmt::Debug + Send + Sync {
    /// Somebody was let in. Told with each request: whether the sign-in is a new one is theirs to
    /// know. `traceparent` is the request's, or empty.
    async fn signed_in(&self, caller: &Caller, sign_in: SignIn, traceparent: &str);

    /// A token of this issuer of this organisation was not believed, or was nobody's.
    fn refused(&self, org: Uuid, issuer: Uuid, refusal: Refusal);
}
