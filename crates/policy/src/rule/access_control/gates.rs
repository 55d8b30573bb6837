//! Lists of who, what, where and when; every one that is given must let the act through.

use super::Definition;
use super::rules::{each, holds_all};
use super::times::Windows;
use crate::context::Context;
use crate::context::subject::Subject;
use crate::decision::Evidence;
use crate::rule::names::{Case, Globs, Name};
use crate::rule::{Verdict, shown};
use crate::schema::Problem;

#[derive(Debug)]
pub(super) struct Gates {
    tools: Gate,
    environments: Gate,
    users: Gate,
    roles: Gate,
    scopes: Vec<Globs>,
    times: Option<Windows>,
}

/// What is allowed, if that is limited, and what is denied all the same.
#[derive(Debug)]
struct Gate {
    allowed: Option<Globs>,
    denied: Globs,
}

impl Gates {
    pub(super) fn compile(definition: Definition, problems: &mut Vec<Problem>) -> Self {
        let d = definition;
        let mut gate = |field: &str, allowed: Option<Vec<String>>, denied: &[String], case| Gate {
            allowed: allowed
                .map(|list| Globs::compile(&format!("/allowed_{field}"), &list, case, problems)),
            denied: Globs::compile(&format!("/denied_{field}"), denied, Case::Ignored, problems),
        };
        Self {
            tools: gate("tools", d.allowed_tools, &d.denied_tools, Case::Exact),
            environments: gate(
                "environments",
                d.allowed_environments,
                &d.denied_environments,
                Case::Exact,
            ),
            // Selectors know persons without case, too.
            users: gate("users", d.allowed_users, &d.denied_users, Case::Ignored),
            roles: gate("roles", d.allowed_roles, &d.denied_roles, Case::Exact),
            scopes: each("/required_scopes", d.required_scopes, Case::Exact, problems),
            times: d
                .time_windows
                .map(|w| Windows::compile("/time_windows", &w, problems)),
        }
    }

    /// The first gate that is closed.
    pub(super) fn judge(&self, context: &Context<'_>, allow_asserted: bool) -> Option<Verdict> {
        let subject = context.subject();
        let roles_count = subject.roles_verified || allow_asserted;
        let scopes_count = subject.scopes_verified || allow_asserted;
        self.judge_tools(context.tools())
            .or_else(|| self.judge_environment(&subject.environment))
            .or_else(|| self.judge_users(&subject.users))
            .or_else(|| self.judge_roles(&subject.roles, roles_count))
            .or_else(|| self.judge_scopes(subject, scopes_count))
            .or_else(|| {
                let times = self.times.as_ref()?;
                let open = times.open(context.facts.now_ms);
                (!open).then(|| stop("outside the allowed times", "time_windows", "time"))
            })
    }

    fn judge_tools(&self, tools: &[Name<'_>]) -> Option<Verdict> {
        tools.iter().enumerate().find_map(|(i, tool)| {
            let closed = self.tools.judge(std::slice::from_ref(tool), true)?;
            let why = match closed {
                Closed::Denied => "is denied",
                Closed::Missing => "is not on the list",
            };
            let message = format!("tool '{}' {why}", shown(&tool.given));
            Some(stop(&message, closed.kind(), &format!("tools[{i}]")))
        })
    }

    fn judge_environment(&self, environment: &Name<'_>) -> Option<Verdict> {
        let closed = self
            .environments
            .judge(std::slice::from_ref(environment), true)?;
        let message = match closed {
            Closed::Denied => "this environment is denied",
            Closed::Missing => "this environment is not on the list",
        };
        Some(stop(message, closed.kind(), "environment"))
    }

    fn judge_users(&self, users: &[Name<'_>]) -> Option<Verdict> {
        let closed = self.users.judge(users, true)?;
        let message = match closed {
            Closed::Denied => "this person is denied",
            Closed::Missing if users.is_empty() => {
                "only listed persons may do this, and nobody is named"
            }
            Closed::Missing => "this person is not on the list",
        };
        Some(stop(message, closed.kind(), "onBehalfOf"))
    }

    fn judge_roles(&self, roles: &[Name<'_>], count: bool) -> Option<Verdict> {
        let closed = self.roles.judge(roles, count)?;
        let message = match closed {
            Closed::Denied => "a role of this person is denied",
            Closed::Missing if count || roles.is_empty() => "no listed role is held",
            Closed::Missing => "no listed role is proven, only asserted",
        };
        Some(stop(message, closed.kind(), "onBehalfOf.roles"))
    }

    fn judge_scopes(&self, subject: &Subject<'_>, count: bool) -> Option<Verdict> {
        let held = holds_all(&self.scopes, subject);
        if self.scopes.is_empty() || (held && count) {
            return None;
        }
        let message = if held {
            "the required scopes are not proven, only asserted"
        } else {
            "a required scope is not held"
        };
        Some(stop(message, "required_scopes", "scopes"))
    }
}

/// Why a gate is closed.
#[derive(Debug, Clone, Copy)]
enum Closed {
    Denied,
    Missing,
}

impl Closed {
    fn kind(self) -> &'static str {
        match self {
            Closed::Denied => "denied",
            Closed::Missing => "not_allowed",
        }
    }
}

impl Gate {
    /// Denied by one denied name; allowed by one allowed name that counts.
    fn judge(&self, names: &[Name<'_>], count: bool) -> Option<Closed> {
        if names.iter().any(|name| self.denied.matches(name)) {
            return Some(Closed::Denied);
        }
        let allowed = self.allowed.as_ref()?;
        let found = count && names.iter().any(|name| allowed.matches(name));
        (!found).then_some(Closed::Missing)
    }
}

fn stop(message: &str, kind: &str, location: &str) -> Verdict {
    let evidence = Evidence {
        kind: kind.to_owned(),
        location: location.to_owned(),
        span: None,
    };
    Verdict::hit(message.to_owned(), vec![evidence])
}
