//! Whose an agent is: the person who registered it, the member of its `ownerEmail`, its teams.

use super::Agent;

/// Somebody who may own agents, as control knows them at this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// The `per_` id.
    pub person: String,
    /// The member's address, as an Admin entered it.
    pub email: Option<String>,
    /// The member's teams.
    pub teams: Vec<String>,
}

impl Holder {
    pub(super) fn owns(&self, owners: &[String], email: Option<&str>, teams: &[String]) -> bool {
        let named = email.zip(self.email.as_deref());
        owners.contains(&self.person)
            || named.is_some_and(|(theirs, mine)| theirs.eq_ignore_ascii_case(mine))
            || teams.iter().any(|team| self.teams.contains(team))
    }
}

impl Agent {
    /// Whether it is anybody's. One that a key of nobody registered is every Developer's.
    #[must_use]
    pub fn is_owned(&self) -> bool {
        let someone = !self.owners.is_empty() || !self.teams.is_empty();
        someone || self.owner_email.is_some()
    }

    /// Whether it is one of this person's.
    #[must_use]
    pub fn belongs_to(&self, holder: &Holder) -> bool {
        holder.owns(&self.owners, self.owner_email.as_deref(), &self.teams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_belongs_to_who_registered_it_to_its_address_and_to_its_teams() {
        let ada = Holder {
            person: "per_1".into(),
            email: Some("ada@example.com".into()),
            teams: vec!["payments".into()],
        };
        assert!(ada.owns(&["per_1".into()], None, &[]));
        assert!(ada.owns(&[], Some("Ada@Example.com"), &[]));
        assert!(ada.owns(&[], None, &["search".into(), "payments".into()]));
        assert!(!ada.owns(
            &["per_2".into()],
            Some("bob@example.com"),
            &["search".into()]
        ));
        let nobody = Holder {
            person: "per_3".into(),
            ..Holder::default()
        };
        assert!(!nobody.owns(&[], None, &[]));
    }
}
