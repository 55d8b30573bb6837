//! How much of everything the server accepts.

use writ_policy::model::MAX_EVALUATION_ORDER;
use writ_policy::{Policy, Selectors};

/// Characters of a name.
pub(super) const NAME: usize = 200;
/// Agents a policy names.
pub(super) const AGENTS: usize = 1_000;
const DESCRIPTION: usize = 4_096;
const RULE: usize = 64 * 1024;
const METADATA: usize = 16 * 1024;
/// Entries of one selector, and the length of each.
const SELECTED: usize = 200;
const WORD: usize = 256;

/// What a field has too much of.
pub(super) fn exceeded(field: &str, policy: &Policy) -> Option<String> {
    let text = policy.description.as_deref().unwrap_or_default();
    let at_most = |most: usize, what: &str, is: usize| {
        (is > most).then(|| format!("at most {most} {what}, not {is}"))
    };
    match field {
        "description" => at_most(DESCRIPTION, "characters", text.trim().chars().count()),
        "evaluationOrder" => (policy.evaluation_order > MAX_EVALUATION_ORDER)
            .then(|| format!("at most {MAX_EVALUATION_ORDER}")),
        "ruleDefinition" => at_most(RULE, "bytes", policy.rule_definition.to_string().len()),
        "metadata" => {
            let length = policy.metadata.as_ref().map(|it| it.to_string().len());
            at_most(METADATA, "bytes", length.unwrap_or_default())
        }
        "selectors" => selected(&policy.selectors),
        _ => None,
    }
}

fn selected(selectors: &Selectors) -> Option<String> {
    let lists = [
        ("tags", &selectors.tags),
        ("environments", &selectors.environments),
        ("users", &selectors.users),
    ];
    lists.into_iter().find_map(|(name, words)| {
        let length = |word: &String| word.trim().chars().count();
        if words.len() > SELECTED {
            return Some(format!("{name}: at most {SELECTED}, not {}", words.len()));
        }
        let wrong = words.iter().any(|it| !(1..=WORD).contains(&length(it)));
        wrong.then(|| format!("{name}: each must have 1 to {WORD} characters"))
    })
}
