//! What an agent's registration says about what it may do.

use super::{Said, policy};
use crate::context::Context;
use crate::decision::Evidence;
use crate::model::{Mode, PolicyType};
use crate::rule::names::{Case, Globs};
use crate::rule::{Failure, Verdict, and_more, shown};

/// Judges the fields of the registration that limit something.
pub(crate) fn registration(context: &Context<'_>) -> Vec<Said> {
    let limits = &context.request.agent.limits;
    let said = |field: &str, list: &[String], policy_type, mode, judge: Judge| {
        if list.is_empty() {
            return None;
        }
        let agent = &context.request.agent.id;
        let parts: [&[u8]; 3] = [b"registration", agent.as_bytes(), field.as_bytes()];
        let policy = policy(format!("Registration: {field}"), &parts, policy_type, mode);
        Some((policy, judge(context, list)))
    };
    let fields = [
        said(
            "allowedActions",
            &limits.allowed_actions,
            PolicyType::AccessControl,
            Mode::Block,
            actions,
        ),
        said(
            "allowedDataSources",
            &limits.allowed_data_sources,
            PolicyType::DataRestriction,
            Mode::Block,
            data_sources,
        ),
        said(
            "requiresHumanApprovalFor",
            &limits.requires_human_approval_for,
            PolicyType::ActionApproval,
            Mode::RequireApproval,
            approvals,
        ),
    ];
    fields.into_iter().flatten().collect()
}

type Judge = fn(&Context<'_>, &[String]) -> Result<Verdict, Failure>;

fn globs(list: &[String], case: Case) -> Result<Globs, Failure> {
    let mut problems = Vec::new();
    let globs = Globs::compile("", list, case, &mut problems);
    match problems.first() {
        None => Ok(globs),
        Some(problem) => Err(Failure::Broken(problem.to_string())),
    }
}

fn actions(context: &Context<'_>, list: &[String]) -> Result<Verdict, Failure> {
    let allowed = globs(list, Case::Exact)?;
    let tools = context.tools().iter().enumerate();
    let others = tools.filter(|(_, tool)| !allowed.matches(tool));
    let found = others.map(|(i, tool)| (tool.given.as_ref(), format!("tools[{i}]")));
    Ok(verdict(found, "action_not_registered", |name| {
        format!("the agent is not registered for action '{name}'")
    }))
}

fn data_sources(context: &Context<'_>, list: &[String]) -> Result<Verdict, Failure> {
    let allowed = globs(list, Case::Exact)?;
    let sources = context
        .data()
        .sources
        .iter()
        .filter(|source| source.certain);
    let others = sources.filter(|source| !allowed.matches(&source.name));
    let found = others.map(|source| (source.name.given.as_ref(), source.location.clone()));
    Ok(verdict(found, "data_source_not_registered", |name| {
        format!("the agent is not registered for data source '{name}'")
    }))
}

fn approvals(context: &Context<'_>, list: &[String]) -> Result<Verdict, Failure> {
    let dangerous = globs(list, Case::Ignored)?;
    let tools = context.tools().iter().enumerate();
    let named = tools.filter(|(_, tool)| dangerous.find_action(tool).is_some());
    let found = named.map(|(i, tool)| (tool.given.as_ref(), format!("tools[{i}]")));
    Ok(verdict(found, "registered_for_approval", |name| {
        format!("action '{name}' needs approval by the agent's registration")
    }))
}

fn verdict<'a>(
    found: impl Iterator<Item = (&'a str, String)>,
    kind: &str,
    message: impl Fn(&str) -> String,
) -> Verdict {
    let (names, locations): (Vec<&str>, Vec<String>) = found.unzip();
    let Some(first) = names.first() else {
        return Verdict::clear("within what the agent is registered for");
    };
    let evidence = locations.into_iter().map(|location| Evidence {
        kind: kind.to_owned(),
        location,
        span: None,
    });
    let message = format!("{}{}", message(&shown(first)), and_more(names.len()));
    Verdict::hit(message, evidence.collect())
}
