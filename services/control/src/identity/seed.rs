//! Organisations and keys that an installation begins with. The caller keeps the file, which is
//! the only place where the keys can be read; applying it again changes nothing.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_access::{ApiKey, Caller, Prefix, Role};
use writ_contract::{KeyId, OrgId};
use writ_service_kit::{Clock, ids};

use super::key::{Key, hash};
use super::member::{self, Member};
use super::organization::Limits;
use super::{Identity, Organization, random, store};
use crate::error::Error;
use crate::write::{About, Actor};

/// What to create if it is missing. Contains keys in plain text: keep it like a password.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The organisations.
    pub organizations: Vec<SeedOrganization>,
}

/// One organisation.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedOrganization {
    /// Its id, as a bare UUID.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Traces a calendar month; absent is unlimited.
    #[serde(default)]
    pub max_traces_per_month: Option<u64>,
    /// Agents that are not archived; absent is unlimited.
    #[serde(default)]
    pub max_agents: Option<u64>,
    /// Policies; absent is unlimited.
    #[serde(default)]
    pub max_policies: Option<u64>,
    /// People; absent is unlimited.
    #[serde(default)]
    pub max_users: Option<u64>,
    /// Name of the plan; empty is none.
    #[serde(default)]
    pub plan: String,
    /// `govern` or `refuse`.
    #[serde(default = "govern")]
    pub on_plan_limit: String,
    /// Its first keys.
    pub keys: Vec<SeedKey>,
}

/// One key and the person who holds it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedKey {
    /// Its id, as a bare UUID.
    pub id: Uuid,
    /// The person's id, as a bare UUID.
    pub person: Uuid,
    /// Name of key and person.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The whole key.
    pub key: String,
}

fn govern() -> String {
    "govern".to_owned()
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.organizations.iter().map(|org| &org.name))
            .finish()
    }
}

impl std::fmt::Debug for SeedOrganization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeedOrganization")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SeedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeedKey")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl SeedOrganization {
    /// A new organisation with an Owner's and a Developer's key, both live, held by two people.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate(name: &str, clock: &dyn Clock) -> Result<Self, Error> {
        let keys = [("owner", Role::Owner), ("developer", Role::Developer)];
        let keys = keys.map(|(label, role)| {
            Ok::<_, Error>(SeedKey {
                id: ids::new_v7(clock),
                person: ids::new_v7(clock),
                name: format!("{name} {label}"),
                role,
                key: ApiKey::generate(Prefix::Live, random()?)
                    .expose()
                    .to_owned(),
            })
        });
        Ok(Self {
            id: ids::new_v7(clock),
            name: name.to_owned(),
            max_traces_per_month: None,
            max_agents: None,
            max_policies: None,
            max_users: None,
            plan: String::new(),
            on_plan_limit: govern(),
            keys: keys.into_iter().collect::<Result<_, _>>()?,
        })
    }

    /// The key of this role.
    #[must_use]
    pub fn key(&self, role: Role) -> Option<&str> {
        self.keys
            .iter()
            .find(|key| key.role == role)
            .map(|key| key.key.as_str())
    }
}

impl Identity {
    /// Creates what is missing of a seed. Its facts are on the log once the relay has run.
    ///
    /// # Errors
    /// A key that is none, or the store's trouble.
    pub async fn apply(&self, seed: &Seed) -> Result<(), Error> {
        for organization in &seed.organizations {
            self.apply_organization(organization).await?;
            for key in &organization.keys {
                self.apply_key(organization.id, key).await?;
            }
        }
        Ok(())
    }

    async fn apply_organization(&self, seed: &SeedOrganization) -> Result<(), Error> {
        let organization = Organization {
            on_plan_limit: seed.on_plan_limit.clone(),
            plan: seed.plan.clone(),
            limits: Limits {
                agents: seed.max_agents,
                policies: seed.max_policies,
                users: seed.max_users,
                traces: seed.max_traces_per_month,
            },
            ..Organization::new(seed.id, &seed.name, self.writes.clock().now())
        };
        let mut tx = self.writes.begin(seed.id).await?;
        if !store::insert_organization(&mut tx, &organization).await? {
            return Ok(());
        }
        let id = OrgId(seed.id).to_string();
        let about = About {
            id: &id,
            version: 1,
            verb: "created",
            action: "organization.create",
            reason_code: "",
        };
        let event = self
            .writes
            .event(&Actor::system(seed.id), about, &organization.fact());
        self.writes.store(tx, &[event]).await?;
        Ok(())
    }

    async fn apply_key(&self, org: Uuid, seed: &SeedKey) -> Result<(), Error> {
        let mut tx = self.writes.begin(org).await?;
        if store::has_key(&mut tx, seed.id).await? {
            return Ok(());
        }
        let now = self.writes.clock().now();
        let parsed = ApiKey::parse(&seed.key)
            .map_err(|error| Error::Bug(format!("{}: {error}", KeyId(seed.id))))?;
        let holder = Member::with_key(seed.person, &seed.name, None, seed.role, now)?;
        let key = Key {
            id: seed.id,
            name: seed.name.clone(),
            prefix: parsed.prefix().as_str().to_owned(),
            public_id: parsed.public_id().to_owned(),
            secret_hash: hash(&seed.key, self.bcrypt_cost, random()?)?,
            mac: writ_access::key::mac(&self.pepper, &seed.key).to_vec(),
            role: seed.role,
            person: seed.person,
            test: parsed.prefix().is_test(),
            expires_at: None,
            revoked_at: None,
            leaked: false,
            cidrs: Vec::new(),
            environments: Vec::new(),
            signature_required: false,
            version: 1,
            created_at: now,
        };
        let actor = Actor::of(&Caller::system(org), "");
        let mut events = Vec::new();
        if member::store::insert(&mut tx, &holder).await? {
            events.push(self.member_event(&actor, &holder, "added", "member.add"));
        }
        store::insert_key(&mut tx, &key).await?;
        events.push(self.key_event(&actor, &key, "issued", "key.issue"));
        self.writes.store(tx, &events).await?;
        Ok(())
    }
}
