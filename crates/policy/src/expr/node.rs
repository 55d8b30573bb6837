//! The lowered form of an expression.

use regex::Regex;

use super::value::Value;

/// What is known about a value before any request is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Double,
    String,
    Timestamp,
    Duration,
    Null,
    List(Box<Type>),
    /// Comes from the request's free JSON.
    Dyn,
}

impl Type {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Type::Bool => "a boolean",
            Type::Int => "an integer",
            Type::Double => "a double",
            Type::String => "a string",
            Type::Timestamp => "a timestamp",
            Type::Duration => "a duration",
            Type::Null => "null",
            Type::List(_) => "a list",
            Type::Dyn => "any value",
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Double)
    }

    /// Whether a value of this type may turn out to be of the other.
    pub(super) fn may_be(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::List(a), Type::List(b)) => a.may_be(b),
            (a, b) => a == b || (a.is_number() && b.is_number()),
        }
    }
}

/// What an expression may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Var {
    Input,
    Output,
    AgentId,
    AgentName,
    Environment,
    Tools,
    Metadata,
    Cost,
    OrgId,
    Now,
    Phase,
    User,
    Tier,
    Delegation,
    Session,
}

/// Name, variable and type of everything an expression may read.
pub(super) const VARS: &[(&str, Var)] = &[
    ("input", Var::Input),
    ("output", Var::Output),
    ("agentId", Var::AgentId),
    ("agentName", Var::AgentName),
    ("environment", Var::Environment),
    ("tools", Var::Tools),
    ("metadata", Var::Metadata),
    ("cost", Var::Cost),
    ("orgId", Var::OrgId),
    ("now", Var::Now),
    ("phase", Var::Phase),
    ("user", Var::User),
    ("tier", Var::Tier),
    ("delegation", Var::Delegation),
    ("session", Var::Session),
];

impl Var {
    pub(super) fn kind(self) -> Type {
        match self {
            Var::Input
            | Var::Output
            | Var::AgentId
            | Var::AgentName
            | Var::Environment
            | Var::OrgId
            | Var::Phase
            | Var::Tier
            | Var::Session => Type::String,
            Var::Tools => Type::List(Box::new(Type::String)),
            Var::Metadata | Var::User | Var::Delegation => Type::Dyn,
            Var::Cost => Type::Double,
            Var::Now => Type::Timestamp,
        }
    }
}

/// Arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// Comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Functions of one value, and of a value and an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Func {
    Size,
    StartsWith,
    EndsWith,
    Contains,
    LowerAscii,
    UpperAscii,
    Trim,
    Int,
    Double,
    String,
    Timestamp,
    Duration,
    Clock(Clock),
}

/// Parts of a point in time; the argument is an offset in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    FullYear,
    Month,
    DayOfYear,
    DayOfMonth,
    Date,
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// What a loop over a list does with its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// One step of a lowered expression.
#[derive(Debug)]
pub(super) enum Node {
    Const(Value<'static>),
    Var(Var),
    /// A loop variable, counted from the outermost loop.
    Local(usize),
    Field(Box<Node>, String),
    Has(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Neg(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Arith(Arith, Box<Node>, Box<Node>),
    Compare(Compare, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    List(Vec<Node>),
    Call(Func, Box<Node>, Option<Box<Node>>),
    Matches(Box<Node>, Box<Regex>),
    Loop(Box<Loop>),
}

/// A loop over a list, or over the keys of an object.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) range: Node,
    /// Only of `map` with three arguments.
    pub(super) filter: Option<Node>,
    pub(super) body: Node,
}
