//! Runs a lowered expression with fuel.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use chrono::DateTime;
use serde_json::Value as Json;

use super::cost;
use super::node::{Compare, Func, Loop, LoopKind, Node, Var};
use super::ops;
use super::value::Value;
use crate::context::Context;
use crate::model::Tier;

/// Bytes of text one step reads or writes.
const BYTES_A_STEP: usize = 64;

/// Why an expression has no answer for a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EvalError {
    #[error("there is no field '{0}'; test it with has() first")]
    NoSuchField(String),
    #[error("there is no element at this index")]
    NoSuchElement,
    #[error("{what} cannot take {given}")]
    WrongType {
        what: &'static str,
        given: &'static str,
    },
    #[error("a number is out of range")]
    OutOfRange,
    #[error("division by zero")]
    DivisionByZero,
    #[error("a text cannot be read as {0}")]
    BadConversion(&'static str),
    #[error("it needs more than {max} steps on this request", max = cost::MAX)]
    OutOfFuel,
}

static EMPTY: LazyLock<Json> = LazyLock::new(|| Json::Object(serde_json::Map::new()));

type Evaluated<'a> = Result<Value<'a>, EvalError>;

/// Evaluates to a boolean, and says how many steps it took.
pub(super) fn evaluate(root: &Node, context: &Context<'_>) -> Result<(bool, u64), EvalError> {
    let mut run = Run {
        context,
        locals: Vec::new(),
        fuel: cost::MAX,
    };
    let holds = run.boolean(root, "the result")?;
    Ok((holds, cost::MAX.saturating_sub(run.fuel)))
}

struct Run<'a, 'c> {
    context: &'a Context<'c>,
    locals: Vec<Value<'a>>,
    fuel: u64,
}

impl<'a> Run<'a, '_> {
    fn burn(&mut self, steps: usize) -> Result<(), EvalError> {
        let left = self.fuel.checked_sub(steps as u64);
        self.fuel = left.unwrap_or(0);
        left.map(|_| ()).ok_or(EvalError::OutOfFuel)
    }

    fn read(&mut self, text: &str) -> Result<(), EvalError> {
        self.burn(text.len() / BYTES_A_STEP)
    }

    fn value(&mut self, node: &Node) -> Evaluated<'a> {
        self.burn(1)?;
        match node {
            Node::Const(value) => Ok(value.clone()),
            Node::Var(var) => Ok(self.variable(*var)),
            Node::Local(slot) => self
                .locals
                .get(*slot)
                .cloned()
                .ok_or(EvalError::NoSuchElement),
            Node::Field(operand, field) => {
                let operand = self.value(operand)?;
                let found = field_of(&operand, field)?;
                found
                    .map(Value::of)
                    .ok_or_else(|| EvalError::NoSuchField(field.clone()))
            }
            Node::Has(operand, field) => {
                let operand = self.value(operand)?;
                Ok(Value::Bool(field_of(&operand, field)?.is_some()))
            }
            Node::Index(operand, index) => self.index(operand, index),
            Node::Not(inner) => Ok(Value::Bool(!self.boolean(inner, "!")?)),
            Node::Neg(inner) => ops::negate(&self.value(inner)?),
            Node::And(a, b) => self.logical(a, b, false).map(Value::Bool),
            Node::Or(a, b) => self.logical(a, b, true).map(Value::Bool),
            Node::If(condition, yes, no) => {
                let branch = if self.boolean(condition, "?:")? {
                    yes
                } else {
                    no
                };
                self.value(branch)
            }
            Node::Arith(op, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                self.burn(ops::weight(&a) + ops::weight(&b))?;
                ops::arithmetic(*op, a, b)
            }
            Node::Compare(op, a, b) => self.compared(*op, a, b).map(Value::Bool),
            Node::In(item, list) => self.contained(item, list),
            Node::List(items) => {
                let items = items
                    .iter()
                    .map(|item| self.value(item))
                    .collect::<Result<Vec<_>, _>>();
                Ok(Value::List(Arc::new(items?)))
            }
            Node::Call(func, subject, argument) => self.call(*func, subject, argument.as_deref()),
            Node::Matches(subject, regex) => {
                let subject = self.value(subject)?;
                let text = text_of(&subject, "matches")?;
                self.burn(text.len() / (BYTES_A_STEP / 4))?;
                Ok(Value::Bool(regex.is_match(text)))
            }
            Node::Loop(inner) => self.looped(inner),
        }
    }

    /// What most conditions are made of is decided without making values of the answers.
    fn boolean(&mut self, node: &Node, what: &'static str) -> Result<bool, EvalError> {
        match node {
            Node::Compare(op, a, b) => {
                self.burn(1)?;
                self.compared(*op, a, b)
            }
            Node::And(a, b) => {
                self.burn(1)?;
                self.logical(a, b, false)
            }
            Node::Or(a, b) => {
                self.burn(1)?;
                self.logical(a, b, true)
            }
            other => boolean(&self.value(other)?, what),
        }
    }

    fn compared(&mut self, op: Compare, a: &Node, b: &Node) -> Result<bool, EvalError> {
        let (a, b) = (self.operand(a)?, self.operand(b)?);
        self.burn(ops::weight(&a).min(ops::weight(&b)))?;
        ops::compare(op, &a, &b)
    }

    /// A value that is only looked at: a constant stays where it is.
    fn operand<'n>(&mut self, node: &'n Node) -> Result<Cow<'n, Value<'a>>, EvalError>
    where
        'a: 'n,
    {
        if let Node::Const(value) = node {
            self.burn(1)?;
            return Ok(Cow::Borrowed(value));
        }
        self.value(node).map(Cow::Owned)
    }

    /// CEL's logic: the deciding value wins over an error on the other side. Running out of fuel is
    /// no such error, or an attacker could buy an answer with it.
    fn logical(&mut self, a: &Node, b: &Node, decides: bool) -> Result<bool, EvalError> {
        let left = self.boolean(a, "a condition");
        match left {
            Ok(value) if value == decides => return Ok(decides),
            Err(EvalError::OutOfFuel) => return Err(EvalError::OutOfFuel),
            Ok(_) | Err(_) => {}
        }
        match self.boolean(b, "a condition") {
            Ok(value) if value == decides => Ok(decides),
            Err(error) => Err(error),
            Ok(_) => left,
        }
    }

    fn index(&mut self, operand: &Node, index: &Node) -> Evaluated<'a> {
        let (operand, index) = (self.value(operand)?, self.value(index)?);
        if let (Value::Json(Json::Object(fields)), Some(key)) = (&operand, index.text()) {
            let found = fields.get(key).map(Value::of);
            return found.ok_or_else(|| EvalError::NoSuchField(key.chars().take(64).collect()));
        }
        match (operand.list_len(), &index) {
            (Some(_), Value::Int(i)) => {
                let item = usize::try_from(*i).ok().and_then(|i| operand.item(i));
                item.ok_or(EvalError::NoSuchElement)
            }
            (Some(_), other) => Err(EvalError::WrongType {
                what: "an index",
                given: other.type_name(),
            }),
            (None, _) => Err(EvalError::WrongType {
                what: "[]",
                given: operand.type_name(),
            }),
        }
    }

    fn contained(&mut self, item: &Node, list: &Node) -> Evaluated<'a> {
        let (item, list) = (self.value(item)?, self.value(list)?);
        if let (Value::Json(Json::Object(fields)), Some(key)) = (&list, item.text()) {
            return Ok(Value::Bool(fields.contains_key(key)));
        }
        let Some(length) = list.list_len() else {
            return Err(EvalError::WrongType {
                what: "in",
                given: list.type_name(),
            });
        };
        for i in 0..length {
            let Some(other) = list.item(i) else { break };
            self.burn(1 + ops::weight(&item).min(ops::weight(&other)))?;
            if ops::equal(&item, &other) {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    fn call(&mut self, func: Func, subject: &Node, argument: Option<&Node>) -> Evaluated<'a> {
        let subject = self.value(subject)?;
        let argument = argument.map(|node| self.value(node)).transpose()?;
        if let Some(text) = subject.text() {
            self.read(text)?;
        }
        ops::call(func, subject, argument.as_ref())
    }

    fn looped(&mut self, inner: &Loop) -> Evaluated<'a> {
        let range = self.value(&inner.range)?;
        let range = keys_of(range);
        let Some(length) = range.list_len() else {
            return Err(EvalError::WrongType {
                what: "a loop",
                given: range.type_name(),
            });
        };
        let mut state = LoopState::default();
        for i in 0..length {
            let Some(item) = range.item(i) else { break };
            self.locals.push(item.clone());
            let round = self.round(inner, item, &mut state);
            self.locals.pop();
            if round? {
                break;
            }
        }
        state.result(inner.kind)
    }

    /// One element; true when the loop is decided.
    fn round(
        &mut self,
        inner: &Loop,
        item: Value<'a>,
        state: &mut LoopState<'a>,
    ) -> Result<bool, EvalError> {
        self.burn(1)?;
        if let Some(filter) = &inner.filter
            && !self.boolean(filter, "map")?
        {
            return Ok(false);
        }
        if inner.kind == LoopKind::Map {
            state.made.push(self.value(&inner.body)?);
            return Ok(false);
        }
        match (inner.kind, self.boolean(&inner.body, "a loop's condition")) {
            (_, Err(EvalError::OutOfFuel)) => return Err(EvalError::OutOfFuel),
            // An element that decides makes errors at others irrelevant, as in `||` and `&&`.
            (LoopKind::All, Ok(false)) | (LoopKind::Exists, Ok(true)) => {
                state.decided = true;
                return Ok(true);
            }
            (LoopKind::ExistsOne, Ok(true)) => state.count += 1,
            (LoopKind::Filter, Ok(true)) => state.made.push(item),
            (_, Ok(_)) => {}
            (LoopKind::All | LoopKind::Exists, Err(error)) => state.error = Some(error),
            (_, Err(error)) => return Err(error),
        }
        Ok(false)
    }

    fn variable(&self, var: Var) -> Value<'a> {
        let request = self.context.request;
        match var {
            Var::Input => Value::Text(&request.input),
            Var::Output => Value::Text(request.output.as_deref().unwrap_or_default()),
            Var::AgentId => Value::made(request.agent.id.to_string()),
            Var::AgentName => Value::Text(&request.agent.name),
            Var::Environment => Value::Text(request.environment()),
            Var::Tools => Value::Texts(&request.tools),
            Var::Metadata => Value::Json(object(request.metadata.as_ref())),
            Var::Cost => Value::Double(request.estimated_cost.unwrap_or(0.0)),
            Var::OrgId => Value::made(request.org_id.to_string()),
            Var::Now => Value::Time(
                DateTime::from_timestamp_millis(self.context.facts.now_ms).unwrap_or_default(),
            ),
            Var::Phase => Value::Text(request.phase.as_str()),
            Var::User => Value::Json(&self.context.claims().user),
            Var::Tier => Value::Text(request.tier.map_or("", Tier::as_str)),
            Var::Delegation => Value::Json(&self.context.claims().delegation),
            Var::Session => Value::Text(&request.session_id),
        }
    }
}

#[derive(Default)]
struct LoopState<'a> {
    decided: bool,
    count: usize,
    made: Vec<Value<'a>>,
    error: Option<EvalError>,
}

impl<'a> LoopState<'a> {
    fn result(self, kind: LoopKind) -> Evaluated<'a> {
        match (kind, self.error) {
            (LoopKind::All | LoopKind::Exists, Some(error)) if !self.decided => Err(error),
            (LoopKind::All, _) => Ok(Value::Bool(!self.decided)),
            (LoopKind::Exists, _) => Ok(Value::Bool(self.decided)),
            (LoopKind::ExistsOne, _) => Ok(Value::Bool(self.count == 1)),
            (LoopKind::Filter | LoopKind::Map, _) => Ok(Value::List(Arc::new(self.made))),
        }
    }
}

fn object(json: Option<&Json>) -> &Json {
    json.filter(|json| json.is_object()).unwrap_or(&EMPTY)
}

/// A loop over an object runs over its keys.
fn keys_of(range: Value<'_>) -> Value<'_> {
    match range {
        Value::Json(Json::Object(fields)) => {
            let mut keys: Vec<&str> = fields.keys().map(String::as_str).collect();
            keys.sort_unstable();
            Value::List(Arc::new(keys.into_iter().map(Value::Text).collect()))
        }
        other => other,
    }
}

fn field_of<'a>(operand: &Value<'a>, field: &str) -> Result<Option<&'a Json>, EvalError> {
    match operand {
        Value::Json(Json::Object(fields)) => Ok(fields.get(field)),
        other => Err(EvalError::WrongType {
            what: "a field access",
            given: other.type_name(),
        }),
    }
}

fn boolean(value: &Value<'_>, what: &'static str) -> Result<bool, EvalError> {
    match value {
        Value::Bool(b) => Ok(*b),
        other => Err(EvalError::WrongType {
            what,
            given: other.type_name(),
        }),
    }
}

fn text_of<'v>(value: &'v Value<'_>, what: &'static str) -> Result<&'v str, EvalError> {
    value.text().ok_or(EvalError::WrongType {
        what,
        given: value.type_name(),
    })
}
