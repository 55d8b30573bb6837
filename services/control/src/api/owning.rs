//! Who may speak for an agent: its owners and Admins.

use writ_access::Role;

use super::State;
use super::extract::By;
use crate::error::{Error, Refusal};
use crate::registry::{Agent, Holder};

/// Whose agents a caller may speak for.
#[derive(Debug)]
pub(super) enum Rights {
    /// An Admin: everybody's.
    All,
    /// Those of this person, if the key is anybody's.
    Own(Option<Holder>),
}

impl Rights {
    /// The caller's, as they are now.
    pub(super) async fn of(state: &State, by: &By) -> Result<Self, Error> {
        if by.caller.require(Role::Admin).is_ok() {
            return Ok(Self::All);
        }
        let Some(id) = by.person() else {
            return Ok(Self::Own(None));
        };
        match state.identity.member(by.org(), id.0).await {
            Ok(member) => Ok(Self::Own(Some(Holder {
                person: id.to_string(),
                email: member.email,
                teams: member.teams,
            }))),
            Err(Error::Refused(Refusal::MemberNotFound)) => Ok(Self::Own(None)),
            Err(error) => Err(error),
        }
    }

    /// Whether it may speak for this agent.
    pub(super) fn over(&self, agent: &Agent) -> bool {
        match self {
            Self::All => true,
            Self::Own(holder) => holder.as_ref().is_some_and(|me| agent.belongs_to(me)),
        }
    }

    /// The person whose own agents are meant; `None` for everybody's.
    pub(super) fn own(&self) -> Option<Option<&Holder>> {
        match self {
            Self::All => None,
            Self::Own(holder) => Some(holder.as_ref()),
        }
    }
}
