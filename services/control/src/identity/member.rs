//! Members: the people of an organisation, and what they may do in it.

mod commands;
pub(super) mod store;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_access::issuer::{email_mac, subject_mac};
use writ_access::{Caller, Pepper, Role};
use writ_contract::{IssuerId, PersonId, wire};

use super::organization::said;
use crate::error::Refusal;

const NAME: usize = 200;
const TEAMS: usize = 20;
const TEAM: usize = 64;
/// RFC 5321, 4.5.3.1.3, without the angle brackets.
const EMAIL: usize = 254;
/// OpenID Connect Core 1.0, 2: 255 ASCII characters.
const SUBJECT: usize = 255;

/// A member's row, with the name and the address that are in no fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `per_…` on the wire.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// Nobody else's in the organisation.
    pub email: Option<String>,
    /// Whom an identity provider calls this member. Nobody else's either.
    pub sign_in: Option<SignIn>,
    /// The most that keys of this person may do.
    pub role: Role,
    /// May decide approvals whatever the role.
    pub approver: bool,
    /// Agents of these teams are this member's, too.
    pub teams: Vec<String>,
    /// When this person left.
    pub removed_at: Option<DateTime<Utc>>,
    /// Dense from 1; 0 is a person from before there were members, not yet a fact.
    pub version: u64,
    /// When this person came.
    pub created_at: DateTime<Utc>,
    /// When something about the member changed last.
    pub updated_at: DateTime<Utc>,
}

/// Somebody as an identity provider knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    /// The id of the OIDC issuer here.
    pub issuer: IssuerId,
    /// `sub` of its tokens.
    pub subject: String,
}

/// A member to be added.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "MemberBody")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Add {
    /// Required.
    name: Option<String>,
    email: Option<String>,
    /// Who it is to an OIDC issuer, whose tokens are then good for this member.
    sign_in: Option<SignIn>,
    /// `viewer`, `developer`, `admin` or `owner`; at most one's own. Required.
    role: Option<String>,
    /// May decide approvals, whatever the role.
    approver: bool,
    /// Agents that were handed over to one of these teams are this member's, too.
    teams: Vec<String>,
}

/// What changes about a member; absent fields stay.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "MemberPatch")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    name: Option<String>,
    /// Null takes it away.
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<String>")]
    email: Option<Option<String>>,
    /// Who it is to an OIDC issuer; null takes it away.
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<SignIn>")]
    sign_in: Option<Option<SignIn>>,
    /// `viewer`, `developer`, `admin` or `owner`; at most one's own.
    role: Option<String>,
    /// May decide approvals, whatever the role.
    approver: Option<bool>,
    /// Agents that were handed over to one of these teams are this member's, too.
    teams: Option<Vec<String>>,
}

impl Add {
    /// Who it is to an OIDC issuer, if that is said.
    #[must_use]
    pub fn sign_in(&self) -> Option<&SignIn> {
        self.sign_in.as_ref()
    }

    /// The member to be, if `caller` may give its role.
    pub(super) fn member(
        &self,
        caller: &Caller,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Member, Refusal> {
        let role = self
            .role
            .as_deref()
            .ok_or_else(|| Refusal::field("role", "is required"))?;
        let member = Member {
            id,
            name: self.name.as_deref().unwrap_or_default().trim().to_owned(),
            email: self.email.clone(),
            sign_in: self.sign_in.clone(),
            role: role_of(role)?,
            approver: self.approver,
            teams: self.teams.clone(),
            removed_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        may_give(caller, member.role)?;
        member.valid()
    }
}

impl Change {
    /// Who it is to an OIDC issuer, if that is said.
    #[must_use]
    pub fn sign_in(&self) -> Option<&SignIn> {
        self.sign_in.as_ref()?.as_ref()
    }
}

impl Member {
    /// Somebody who comes with a key of this role.
    pub(super) fn with_key(
        id: Uuid,
        name: &str,
        email: Option<&str>,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let member = Self {
            id,
            name: name.trim().to_owned(),
            email: email.map(ToOwned::to_owned),
            sign_in: None,
            role,
            approver: false,
            teams: Vec::new(),
            removed_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        member.valid()
    }

    /// After a change; the same when nothing changes.
    pub(super) fn changed(
        &self,
        caller: &Caller,
        change: &Change,
        if_match: Option<u64>,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        may_give(caller, self.role)?;
        if if_match.is_some_and(|seen| seen != self.version) {
            return Err(Refusal::VersionMismatch {
                current: self.version,
            });
        }
        let role = change.role.as_deref().map(role_of).transpose()?;
        let own = self.clone();
        let next = Self {
            name: change
                .name
                .as_deref()
                .map_or(own.name, |name| name.trim().to_owned()),
            email: change.email.clone().unwrap_or(own.email),
            sign_in: change.sign_in.clone().unwrap_or(own.sign_in),
            role: role.unwrap_or(self.role),
            approver: change.approver.unwrap_or(self.approver),
            teams: change.teams.clone().unwrap_or(own.teams),
            ..own
        };
        may_give(caller, next.role)?;
        if next == *self {
            return Ok(next);
        }
        Self {
            version: self.version + 1,
            updated_at: now,
            ..next
        }
        .valid()
    }

    /// After leaving.
    pub(super) fn removed(&self, caller: &Caller, now: DateTime<Utc>) -> Result<Self, Refusal> {
        may_give(caller, self.role)?;
        Ok(Self {
            removed_at: Some(now),
            approver: false,
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        })
    }

    /// Whether an organisation loses an Owner when this becomes `next`.
    pub(super) fn stops_owning(&self, next: &Self) -> bool {
        self.role == Role::Owner && (next.role != Role::Owner || next.removed_at.is_some())
    }

    /// The full state as a fact; address and subject only as codes under `pepper`.
    #[must_use]
    pub fn fact(&self, org: Uuid, pepper: &Pepper) -> wire::Member {
        // Who has left is found by nothing any more.
        let here = self.removed_at.is_none();
        let email = self.email.as_deref().filter(|_| here);
        let email = email.map(|email| email_mac(pepper, org, email).to_vec());
        let link = self.sign_in.as_ref().filter(|_| here);
        let subject = link.map(|link| subject_mac(pepper, link.issuer.0, &link.subject).to_vec());
        wire::Member {
            email_mac: email.unwrap_or_default(),
            subject_mac: subject.unwrap_or_default(),
            person: PersonId(self.id).to_string(),
            role: self.role.as_str().to_owned(),
            approver: self.approver,
            removed: self.removed_at.is_some(),
        }
    }

    fn valid(self) -> Result<Self, Refusal> {
        let mut problems = Vec::new();
        if self.name.is_empty() || self.name.chars().count() > NAME {
            problems.push(format!("name: 1 to {NAME} characters"));
        }
        if self.email.as_deref().is_some_and(|email| !is_email(email)) {
            problems.push("email: not an e-mail address".to_owned());
        }
        let linked = self.sign_in.as_ref().map(|link| link.subject.as_str());
        if linked.is_some_and(|subject| subject.trim().is_empty() || subject.len() > SUBJECT) {
            problems.push(format!("signIn.subject: 1 to {SUBJECT} bytes"));
        }
        let odd = |team: &String| team.trim().is_empty() || team.chars().count() > TEAM;
        if self.teams.len() > TEAMS || self.teams.iter().any(odd) {
            problems.push(format!(
                "teams: at most {TEAMS} names of 1 to {TEAM} characters"
            ));
        }
        if problems.is_empty() {
            Ok(self)
        } else {
            Err(Refusal::Invalid(problems))
        }
    }
}

/// Something before and after one `@`; only a message sent there tells more.
fn is_email(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let parts = text.rsplit_once('@');
    text.len() <= EMAIL
        && !text.contains(odd)
        && parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

fn role_of(word: &str) -> Result<Role, Refusal> {
    word.parse()
        .map_err(|_| Refusal::field("role", "viewer, developer, admin or owner"))
}

/// Nobody gives, takes or changes a role above their own.
fn may_give(caller: &Caller, role: Role) -> Result<(), Refusal> {
    caller.require(role).map_err(|_| Refusal::RoleTooHigh(role))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owner() -> Caller {
        Caller::system(Uuid::nil())
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn add(json: Value) -> Result<Member, Refusal> {
        let add: Add = serde_json::from_value(json).unwrap();
        add.member(&owner(), Uuid::from_u128(1), now())
    }

    fn ada() -> Member {
        add(json!({"name": " Ada ", "email": "ada@example.com", "role": "admin"})).unwrap()
    }

    fn change(json: Value) -> Change {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn every_wrong_field_of_a_member_is_named() {
        let refused = add(json!({"name": " ", "email": "a b@c", "role": "viewer"})).unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.contains("name:") && refused.contains("email:"),
            "{refused}"
        );
        for email in ["ada", "@example.com", "ada@", "ada@\u{0}"] {
            assert!(add(json!({"name": "a", "email": email, "role": "viewer"})).is_err());
        }
        assert!(add(json!({"name": "Ada"})).is_err());
    }

    #[test]
    fn absent_fields_stay_and_the_same_again_is_no_change() {
        let ada = ada();
        assert_eq!(ada.name, "Ada");
        let same = change(json!({"role": "admin", "email": "ada@example.com"}));
        assert_eq!(ada.changed(&owner(), &same, Some(1), now()).unwrap(), ada);
        let silent = change(json!({"email": null, "approver": true}));
        let silent = ada.changed(&owner(), &silent, None, now()).unwrap();
        assert_eq!(
            (silent.email, silent.approver, silent.version),
            (None, true, 2)
        );
        let stale = ada.changed(&owner(), &change(json!({})), Some(9), now());
        assert_eq!(stale, Err(Refusal::VersionMismatch { current: 1 }));
    }

    #[test]
    fn an_owner_is_lost_by_leaving_and_by_another_role() {
        let owner_of = |role| Member { role, ..ada() };
        let boss = owner_of(Role::Owner);
        assert!(boss.stops_owning(&owner_of(Role::Admin)));
        assert!(boss.stops_owning(&boss.removed(&owner(), now()).unwrap()));
        assert!(!boss.stops_owning(&boss));
        assert!(!owner_of(Role::Admin).stops_owning(&owner_of(Role::Viewer)));
    }

    #[test]
    fn who_leaves_decides_nothing_more() {
        let left = Member {
            approver: true,
            ..ada()
        }
        .removed(&owner(), now());
        let pepper = Pepper::new([1; 32]).unwrap();
        let fact = left.unwrap().fact(Uuid::nil(), &pepper);
        assert!(fact.removed && !fact.approver);
        assert!(fact.email_mac.is_empty());
        assert_eq!(ada().fact(Uuid::nil(), &pepper).email_mac.len(), 32);
    }
}
