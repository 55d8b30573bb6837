//! Who asks, where and with which rights, in the forms that rules compare.

use crate::request::Request;
use crate::rule::names::Name;

/// The person behind a request and what the act may use.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) environment: Name<'a>,
    /// The person's id and e-mail address; empty when nobody is named.
    pub(crate) users: Vec<Name<'a>>,
    pub(crate) roles: Vec<Name<'a>>,
    /// The roles are proven, not only said by the client.
    pub(crate) roles_verified: bool,
    /// What every step of the delegation and the person allow; empty when nothing says so.
    pub(crate) scopes: Vec<Name<'a>>,
    /// A proven step grants the scopes: what is only asserted beside it can but narrow them.
    pub(crate) scopes_verified: bool,
}

impl<'a> Subject<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        let person = request.on_behalf_of.as_ref();
        let ids = person.into_iter().flat_map(|p| [&p.user_id, &p.email]);
        let roles = person.into_iter().flat_map(|p| &p.roles);
        let scopes = request.effective_scopes().into_iter().flatten();
        Self {
            environment: Name::new(request.environment()),
            users: ids.filter(|id| !id.is_empty()).map(Name::new).collect(),
            roles: roles.map(Name::new).collect(),
            roles_verified: person.is_some_and(|p| p.verified),
            scopes: scopes.map(Name::new).collect(),
            scopes_verified: grants_are_proven(request),
        }
    }
}

fn grants_are_proven(request: &Request) -> bool {
    let person = request.on_behalf_of.as_ref();
    let delegation = request.delegation.as_ref();
    person.is_some_and(|p| p.verified && p.scopes.is_some())
        || delegation.is_some_and(|d| {
            d.verified && (d.scopes.is_some() || d.chain.iter().any(|hop| hop.scopes.is_some()))
        })
}
