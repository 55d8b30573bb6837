//! The proof that a request was authenticated.

use uuid::Uuid;

use crate::issuer::SignIn;
use crate::record::{KeyRecord, Membership};
use crate::role::Role;

/// The environment in which test keys may not act.
pub const PRODUCTION: &str = "production";

/// An authenticated caller. Only [`crate::authenticate`], a token of a member
/// ([`crate::issuer`]) and [`Caller::system`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    org_id: Uuid,
    key_id: Option<Uuid>,
    person: Option<String>,
    role: Role,
    environments: Vec<String>,
    test: bool,
    approver: bool,
    sign_in: Option<SignIn>,
}

impl Caller {
    pub(crate) fn from_key(record: &KeyRecord) -> Self {
        Self {
            org_id: record.org_id,
            key_id: Some(record.key_id),
            person: record.person.clone(),
            role: record.role,
            environments: record.environments.clone(),
            test: record.test,
            approver: false,
            sign_in: None,
        }
    }

    /// A member who signed in, with at most the role the token leaves.
    pub(crate) fn from_member(
        org_id: Uuid,
        person: String,
        member: Membership,
        most: Role,
        sign_in: SignIn,
    ) -> Self {
        Self {
            person: Some(person),
            role: member.role.min(most),
            approver: member.approver,
            sign_in: Some(sign_in),
            ..Self::system(org_id)
        }
    }

    /// With what the member behind the key may do: no more than its role.
    #[must_use]
    pub(crate) fn bounded_by(self, member: Membership) -> Self {
        Self {
            role: self.role.min(member.role),
            approver: member.approver,
            ..self
        }
    }

    /// Writ itself acting inside one organisation, for internal loops only; never built from input.
    #[must_use]
    pub const fn system(org_id: Uuid) -> Self {
        Self {
            org_id,
            key_id: None,
            person: None,
            role: Role::Owner,
            environments: Vec::new(),
            test: false,
            approver: false,
            sign_in: None,
        }
    }

    /// The organisation everything this caller does belongs to.
    #[must_use]
    pub const fn org_id(&self) -> Uuid {
        self.org_id
    }

    /// Who calls: the key, or the person who signed in without one; absent for Writ itself.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        let person = || self.person.as_deref()?.strip_prefix("per_")?.parse().ok();
        self.key_id.or_else(person)
    }

    /// The key that was presented; absent for who signed in, and for Writ itself.
    #[must_use]
    pub const fn key_id(&self) -> Option<Uuid> {
        self.key_id
    }

    /// The pseudonymous `per_` id of the person behind the key, where one is known.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        self.person.as_deref()
    }

    /// The sign-in, of who came in with a token of a person's own.
    #[must_use]
    pub const fn sign_in(&self) -> Option<SignIn> {
        self.sign_in
    }

    /// The caller's role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The environments the key is limited to; empty means all.
    #[must_use]
    pub fn environments(&self) -> &[String] {
        &self.environments
    }

    /// Whether a test key was presented.
    #[must_use]
    pub const fn is_test(&self) -> bool {
        self.test
    }

    /// Asks for at least `role`.
    ///
    /// # Errors
    /// [`Forbidden::Role`] for a lower one.
    pub fn require(&self, role: Role) -> Result<(), Forbidden> {
        if self.role >= role {
            Ok(())
        } else {
            Err(Forbidden::Role { required: role })
        }
    }

    /// Asks for the right to decide what agents ask approval for: Owners, Admins and whoever was
    /// given it.
    ///
    /// # Errors
    /// [`Forbidden::Approver`].
    pub fn require_approver(&self) -> Result<(), Forbidden> {
        if self.approver || self.role >= Role::Admin {
            Ok(())
        } else {
            Err(Forbidden::Approver)
        }
    }

    /// Whether the key may act in an environment: test keys never in `production`, listed keys only
    /// where they are listed.
    #[must_use]
    pub fn allows_environment(&self, environment: &str) -> bool {
        let production = environment.trim().eq_ignore_ascii_case(PRODUCTION);
        let listed = self.environments.is_empty()
            || self
                .environments
                .iter()
                .any(|allowed| allowed == environment);
        listed && !(self.test && production)
    }

    /// Asks for the right to act in an environment.
    ///
    /// # Errors
    /// [`Forbidden::Environment`] where [`Caller::allows_environment`] says no.
    pub fn require_environment(&self, environment: &str) -> Result<(), Forbidden> {
        if self.allows_environment(environment) {
            Ok(())
        } else {
            Err(Forbidden::Environment)
        }
    }
}

/// The caller is known but may not do this; HTTP 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The role is too low.
    #[error("this needs the role {required} or above")]
    Role {
        /// The lowest role that would do.
        required: Role,
    },
    /// Not one who decides approvals.
    #[error("this needs the role admin or above, or the right to decide approvals")]
    Approver,
    /// The key may not act in this environment.
    #[error("the key may not act in this environment")]
    Environment,
}

impl Forbidden {
    /// The stable word for the error body's `code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Role { .. } | Self::Approver => "FORBIDDEN",
            Self::Environment => "ENVIRONMENT_FORBIDDEN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, test: bool, environments: &[&str]) -> Caller {
        Caller {
            role,
            test,
            environments: environments.iter().map(ToString::to_string).collect(),
            ..Caller::system(Uuid::nil())
        }
    }

    #[test]
    fn a_role_includes_every_lower_one() {
        let admin = caller(Role::Admin, false, &[]);
        assert_eq!(admin.require(Role::Viewer), Ok(()));
        assert_eq!(admin.require(Role::Admin), Ok(()));
        assert_eq!(
            admin.require(Role::Owner),
            Err(Forbidden::Role {
                required: Role::Owner
            })
        );
    }

    #[test]
    fn a_member_caps_the_role_of_its_keys_and_lends_them_its_right_to_approve() {
        let demoted = Membership {
            role: Role::Viewer,
            approver: true,
            removed: false,
        };
        let caller = caller(Role::Admin, false, &[]).bounded_by(demoted);
        assert_eq!(caller.role(), Role::Viewer);
        assert_eq!(caller.require_approver(), Ok(()));
        let raised = Membership {
            role: Role::Owner,
            approver: false,
            removed: false,
        };
        let caller = caller.bounded_by(raised);
        assert_eq!(caller.role(), Role::Viewer);
        assert_eq!(caller.require_approver(), Err(Forbidden::Approver));
    }

    #[test]
    fn a_test_key_never_acts_in_production() {
        let test = caller(Role::Owner, true, &[]);
        assert!(test.allows_environment("staging"));
        assert!(!test.allows_environment("production"));
        assert!(!test.allows_environment("Production "));
        assert!(!caller(Role::Owner, true, &["production"]).allows_environment("production"));
    }

    #[test]
    fn a_listed_key_acts_only_where_it_is_listed() {
        let listed = caller(Role::Developer, false, &["staging", "production"]);
        assert!(listed.allows_environment("production"));
        assert!(!listed.allows_environment("development"));
        assert_eq!(
            listed.require_environment("development"),
            Err(Forbidden::Environment)
        );
    }
}
