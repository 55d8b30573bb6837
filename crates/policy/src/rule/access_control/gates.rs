//! Lists of who, what, where and when; every one that is given must let the act through.

use super::Definition;
use super::rules::{each, holds_all};
use super::times::Windows;
use crate::context::Context;
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
        self.judge_tools(context.tools())
            .or_else(|| self.judge_environment(&subject.environment))
            .or_else(|| {
                let (denied, unknown) = ("this person is denied", "this person is not on the list");
                let unnamed = "only listed persons may do this, and nobody is named";
                let empty = if subject.users.is_empty() {
                    unnamed
                } else {
                    unknown
                };
                self.users
                    .judge(&subject.users, true, "onBehalfOf", denied, empty)
            })
            .or_else(|| {
                let proven = subject.roles_verified || allow_asserted;
                let (denied, missing) =
                    ("a role of this person is denied", "no listed role is held");
                let unproven = "no listed role is proven, only asserted";
                let missing = if proven || subject.roles.is_empty() {
                    missing
                } else {
                    unproven
                };
                self.roles
                    .judge(&subject.roles, proven, "onBehalfOf.roles", denied, missing)
            })
            .or_else(|| {
                let proven = subject.scopes_verified || allow_asserted;
                let open = self.scopes.is_empty() || (proven && holds_all(&self.scopes, subject));
                let missing = "a required scope is not held";
                let unproven = "the required scopes are not proven, only asserted";
                let asserted = !proven && holds_all(&self.scopes, subject);
                let message = if asserted { unproven } else { missing };
                (!open).then(|| stop(message, "required_scopes", "scopes"))
            })
            .or_else(|| {
                let closed = |times: &Windows| !times.open(context.facts.now_ms);
                let shut = self.times.as_ref().is_some_and(closed);
                shut.then(|| stop("outside the allowed times", "time_windows", "time"))
            })
    }

    fn judge_tools(&self, tools: &[Name<'_>]) -> Option<Verdict> {
        let mut numbered = tools.iter().enumerate();
        numbered.find_map(|(i, tool)| {
            let name = shown(&tool.given);
            let denied = format!("tool '{name}' is denied");
            let missing = format!("tool '{name}' is not on the list");
            let tool = std::slice::from_ref(tool);
            self.tools
                .judge(tool, true, &format!("tools[{i}]"), &denied, &missing)
        })
    }

    fn judge_environment(&self, environment: &Name<'_>) -> Option<Verdict> {
        let (denied, missing) = (
            "this environment is denied",
            "this environment is not on the list",
        );
        let names = std::slice::from_ref(environment);
        self.environments
            .judge(names, true, "environment", denied, missing)
    }
}

impl Gate {
    /// Denied by one denied name; allowed by one allowed name that counts.
    fn judge(
        &self,
        names: &[Name<'_>],
        counts: bool,
        location: &str,
        denied: &str,
        missing: &str,
    ) -> Option<Verdict> {
        if names.iter().any(|name| self.denied.matches(name)) {
            return Some(stop(denied, "denied", location));
        }
        let allowed = self.allowed.as_ref()?;
        let found = counts && names.iter().any(|name| allowed.matches(name));
        (!found).then(|| stop(missing, "not_allowed", location))
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
