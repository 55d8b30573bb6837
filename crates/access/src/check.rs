//! The whole check of one request, as every edge performs it.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::caller::Caller;
use crate::credentials::{self, CredentialRefusal};
use crate::issuer::{self, IssuerRecord, SignIn, User};
use crate::jwt::TokenRefusal;
use crate::key::{ApiKey, Pepper};
use crate::record::{AuthRefusal, KeyLookup, KeyRecord, authenticate};
use crate::signature::{SignatureRefusal, verify_request};

/// Checks requests against the key records a service has heard of.
#[derive(Clone)]
pub struct Checker {
    keys: Arc<dyn KeyLookup>,
    pepper: Pepper,
}

/// What a request presented, taken from its headers; absent headers are `None`.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `X-API-Key`.
    pub x_api_key: Option<&'a str>,
    /// `X-Execlave-Timestamp`.
    pub timestamp: Option<&'a str>,
    /// `X-Execlave-Signature`.
    pub signature: Option<&'a str>,
    /// `X-Writ-Organization`.
    pub organization: Option<&'a str>,
    /// The body as received, before any decoding.
    pub raw_body: &'a [u8],
    /// The client has no way to sign, so none is required of it.
    pub unsigned: bool,
    /// The client's address, where a trusted hop tells it.
    pub client_ip: Option<IpAddr>,
}

impl Checker {
    /// A checker over a feed of key records.
    #[must_use]
    pub fn new(keys: Arc<dyn KeyLookup>, pepper: Pepper) -> Self {
        Self { keys, pepper }
    }

    /// Authenticates one request: credential, record, expiry, network, then signature.
    ///
    /// A well-formed key nobody has heard of waits for one catch-up with the stream's head before it
    /// is refused, so a key works the moment it was issued.
    ///
    /// # Errors
    /// [`Refusal`]: HTTP 401 everywhere but on enforce, where it is a 403 with `allowed: false`.
    pub async fn check(&self, presented: Presented<'_>, now_ms: i64) -> Result<Caller, Refusal> {
        let (key, record, caller) = self.known(&presented, now_ms).await?;
        let required = record.is_some_and(|record| record.signature_required);
        let required = required && !presented.unsigned;
        verify_request(
            key,
            presented.timestamp,
            presented.signature,
            presented.raw_body,
            now_ms.div_euclid(1_000),
            required,
        )?;
        Ok(caller)
    }

    /// The part of [`Checker::check`] that needs no body: a caller that fails here fails there.
    ///
    /// # Errors
    /// [`Refusal`], never of the signature.
    pub async fn check_credential(
        &self,
        presented: &Presented<'_>,
        now_ms: i64,
    ) -> Result<Caller, Refusal> {
        let (_, _, caller) = self.known(presented, now_ms).await?;
        Ok(caller)
    }

    async fn known<'a>(
        &self,
        presented: &Presented<'a>,
        now_ms: i64,
    ) -> Result<(&'a str, Option<Arc<KeyRecord>>, Caller), Refusal> {
        let key = credentials::from_headers(presented.authorization, presented.x_api_key)?
            .ok_or(Refusal::Missing)?;
        if issuer::is_token(key) {
            let caller = self.person(key, presented.organization, now_ms)?;
            return Ok((key, None, caller));
        }
        let (record, caller) = self.caller(key, presented.client_ip, now_ms).await?;
        Ok((key, record, caller))
    }

    /// Authenticates a bare key, where no signature can be sent (Socket.IO, OTLP, gRPC).
    ///
    /// # Errors
    /// [`Refusal::Key`] as for [`Checker::check`].
    pub async fn check_key(
        &self,
        key: &str,
        client_ip: Option<IpAddr>,
        now_ms: i64,
    ) -> Result<Caller, Refusal> {
        let (_, caller) = self.caller(key, client_ip, now_ms).await?;
        Ok(caller)
    }

    /// The key's holder, who may do no more than the key and no more than a member's role says.
    async fn caller(
        &self,
        key: &str,
        client_ip: Option<IpAddr>,
        now_ms: i64,
    ) -> Result<(Option<Arc<KeyRecord>>, Caller), Refusal> {
        let record = self.find(key).await;
        let caller = authenticate(key, record.as_deref(), &self.pepper, now_ms, client_ip)?;
        let member = caller
            .person()
            .and_then(|person| self.keys.membership(caller.org_id(), person));
        let caller = match member {
            Some(member) if member.removed => return Err(AuthRefusal::Revoked.into()),
            Some(member) => caller.bounded_by(member),
            None => caller,
        };
        Ok((record, caller))
    }

    /// The member a token is of. One that is nobody's asks nobody, so it waits for nothing.
    fn person(
        &self,
        token: &str,
        organization: Option<&str>,
        now_ms: i64,
    ) -> Result<Caller, Refusal> {
        let meant = organization.map(organization_id).transpose()?;
        let issuer = issuer::claimed_issuer(token)?;
        let mut why = Refusal::Token(TokenRefusal::UnknownKey);
        let mut found = Vec::new();
        for issuer in self.keys.issuers(&issuer) {
            if meant.is_some_and(|meant| meant != issuer.org_id) {
                continue;
            }
            match issuer.verify(token, now_ms) {
                Ok(user) => match self.member(&issuer, &user) {
                    Some(caller) => found.push(caller),
                    None => why = Refusal::NotAMember,
                },
                Err(refused) => why = Refusal::Token(refused),
            }
        }
        let only = found.pop().ok_or(why)?;
        if found.is_empty() {
            Ok(only)
        } else {
            Err(Refusal::OrganizationUnsaid)
        }
    }

    /// The organisation and the issuer whose token was refused. `None` where it was no token of an
    /// issuer known here, or more than one organisation may have been meant.
    #[must_use]
    pub fn refused_at(&self, presented: &Presented<'_>) -> Option<(Uuid, Uuid)> {
        let headers = (presented.authorization, presented.x_api_key);
        let token = credentials::from_headers(headers.0, headers.1).ok()??;
        let claimed = issuer::claimed_issuer(token).ok()?;
        let meant = presented.organization.map(organization_id).transpose();
        let meant = meant.ok()?;
        let mut known = self.keys.issuers(&claimed);
        known.retain(|one| meant.is_none_or(|org| org == one.org_id));
        match known.as_slice() {
            [only] => Some((only.org_id, only.id)),
            _ => None,
        }
    }

    /// By the subject a member is linked to, else by the address.
    fn member(&self, issuer: &IssuerRecord, user: &User) -> Option<Caller> {
        let most = issuer.most(user)?;
        let linked = issuer::subject_mac(&self.pepper, issuer.id, &user.subject);
        let known = self.keys.member_by(issuer.org_id, &linked).or_else(|| {
            let email = user.email.as_deref()?;
            let code = issuer::email_mac(&self.pepper, issuer.org_id, email);
            self.keys.member_by(issuer.org_id, &code)
        });
        let (person, member) = known.filter(|(_, member)| !member.removed)?;
        let sign_in = SignIn {
            issuer: issuer.id,
            session: issuer::session_mac(&self.pepper, issuer.id, user),
            believed_until_ms: user.believed_until_ms,
        };
        let org = issuer.org_id;
        Some(Caller::from_member(org, person, member, most, sign_in))
    }

    async fn find(&self, key: &str) -> Option<Arc<KeyRecord>> {
        let public_id = ApiKey::parse(key).ok()?.public_id();
        if let Some(record) = self.keys.get(public_id) {
            return Some(record);
        }
        self.keys.catch_up().await;
        self.keys.get(public_id)
    }
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("client_ip", &self.client_ip)
            .finish_non_exhaustive()
    }
}

/// `org_…` or a bare UUID.
fn organization_id(text: &str) -> Result<Uuid, Refusal> {
    let text = text.trim();
    let bare = text.strip_prefix("org_").unwrap_or(text);
    Uuid::try_parse(bare).map_err(|_| Refusal::NotAMember)
}

/// Why a request was not authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No credential at all.
    #[error("an API key is required")]
    Missing,
    /// The headers carry no usable credential.
    #[error(transparent)]
    Credential(#[from] CredentialRefusal),
    /// The key does not authenticate.
    #[error(transparent)]
    Key(#[from] AuthRefusal),
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureRefusal),
    /// The token of a person is not believed.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// The token is a true one, of nobody who is known here.
    #[error("the token is not one of a member of this organization")]
    NotAMember,
    /// The token is one of members of several organisations.
    #[error("the token is good for several organizations: name one in X-Writ-Organization")]
    OrganizationUnsaid,
    /// A person's token where only agents call.
    #[error("this needs an API key, not a person's token")]
    OnlyKeys,
}

impl Refusal {
    /// The stable word for the error body's `code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing | Self::Credential(_) => "UNAUTHORIZED",
            Self::Key(refusal) => refusal.code(),
            Self::Signature(refusal) => refusal.code(),
            Self::Token(_) => "INVALID_TOKEN",
            Self::NotAMember => "NOT_A_MEMBER",
            Self::OrganizationUnsaid => "ORGANIZATION_UNSAID",
            Self::OnlyKeys => "API_KEY_REQUIRED",
        }
    }

    /// The stable word for what is recorded of it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        if let Self::Token(refusal) = self {
            refusal.reason()
        } else {
            self.code()
        }
    }
}

#[cfg(test)]
mod tests;
