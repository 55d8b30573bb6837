//! Rules with an effect, of which the most specific one wins.

use serde::Deserialize;

use super::times::{Windows, Written};
use crate::context::subject::Subject;
use crate::rule::names::{Case, Globs, Name};
use crate::schema::Problem;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// A rule as it is written: an absent condition is fulfilled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    effect: Effect,
    users: Option<Vec<String>>,
    roles: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    tools: Option<Vec<String>>,
    environments: Option<Vec<String>>,
    time_windows: Option<Vec<Written>>,
}

#[derive(Debug)]
pub(crate) struct AccessRule {
    pub(crate) effect: Effect,
    users: Option<Globs>,
    roles: Option<Globs>,
    /// All of them must be held.
    scopes: Option<Vec<Globs>>,
    tools: Option<Globs>,
    environments: Option<Globs>,
    times: Option<Windows>,
}

/// Whether a rule is about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    No,
    /// It would be, were the roles or scopes proven.
    Unproven,
    Yes,
}

impl AccessRule {
    pub(crate) fn compile(path: &str, written: Definition, problems: &mut Vec<Problem>) -> Self {
        let effect = written.effect;
        // What forbids ignores case.
        let case = match effect {
            Effect::Allow => Case::Exact,
            Effect::Deny => Case::Ignored,
        };
        let mut globs = |field: &str, list: Option<Vec<String>>, case| {
            list.map(|list| Globs::compile(&format!("{path}/{field}"), &list, case, problems))
        };
        let users = globs("users", written.users, Case::Ignored);
        let roles = globs("roles", written.roles, case);
        let tools = globs("tools", written.tools, case);
        let environments = globs("environments", written.environments, case);
        let scopes = written
            .scopes
            .map(|list| each(&format!("{path}/scopes"), list, case, problems));
        let times = written.time_windows;
        let times = times.map(|w| Windows::compile(&format!("{path}/time_windows"), &w, problems));
        Self {
            effect,
            users,
            roles,
            scopes,
            tools,
            environments,
            times,
        }
    }

    pub(crate) fn fit(
        &self,
        subject: &Subject<'_>,
        tool: Option<&Name<'_>>,
        now_ms: i64,
        allow_asserted: bool,
    ) -> Fit {
        let any = |globs: &Option<Globs>, names: &[Name<'_>]| {
            globs
                .as_ref()
                .is_none_or(|globs| names.iter().any(|name| globs.matches(name)))
        };
        let tools = &self.tools;
        let fits = any(&self.users, &subject.users)
            && any(&self.roles, &subject.roles)
            && any(
                &self.environments,
                std::slice::from_ref(&subject.environment),
            )
            && self
                .scopes
                .as_ref()
                .is_none_or(|scopes| holds_all(scopes, subject))
            && tools
                .as_ref()
                .is_none_or(|globs| tool.is_some_and(|tool| globs.matches(tool)))
            && self.times.as_ref().is_none_or(|times| times.open(now_ms));
        let unproven = (self.roles.is_some() && !subject.roles_verified)
            || (self.scopes.is_some() && !subject.scopes_verified);
        match fits {
            false => Fit::No,
            true if self.effect == Effect::Allow && unproven && !allow_asserted => Fit::Unproven,
            true => Fit::Yes,
        }
    }

    /// Whether it speaks only of acts that name a tool.
    pub(crate) fn names_tools(&self) -> bool {
        self.tools.is_some()
    }

    /// user+tool > user > role+tool > role > tool > default; a scope counts as a role, and neither
    /// counts beside a user.
    pub(crate) fn rank(&self) -> u8 {
        let who = if self.users.is_some() {
            4
        } else if self.roles.is_some() || self.scopes.is_some() {
            2
        } else {
            0
        };
        who + u8::from(self.tools.is_some())
    }

    /// What its rank comes from, in words.
    pub(crate) fn about(&self) -> &'static str {
        match (self.rank(), self.tools.is_some()) {
            (4.., true) => "user and tool",
            (4.., false) => "user",
            (2.., true) => "role and tool",
            (2.., false) => "role",
            (_, true) => "tool",
            (_, false) => "everybody",
        }
    }
}

/// One list for each entry, because each of them must be found.
pub(super) fn each(
    path: &str,
    list: Vec<String>,
    case: Case,
    problems: &mut Vec<Problem>,
) -> Vec<Globs> {
    let mut compiled = Vec::with_capacity(list.len());
    for (i, entry) in list.into_iter().enumerate() {
        let mut own = Vec::new();
        compiled.push(Globs::compile(path, &[entry], case, &mut own));
        let placed = own
            .into_iter()
            .map(|p| Problem::at(format!("{path}/{i}"), p.message));
        problems.extend(placed);
    }
    compiled
}

pub(super) fn holds_all(wanted: &[Globs], subject: &Subject<'_>) -> bool {
    let held = |globs: &Globs| subject.scopes.iter().any(|scope| globs.matches(scope));
    wanted.iter().all(held)
}
