//! From the parser's tree to the typed form; whatever cannot be lowered is refused by name.

mod operators;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, ListExpr, SelectExpr, operators as names};

use super::functions;
use super::node::{Compare, Loop, LoopKind, Node, Type, VARS};
use operators::{arithmetic, arithmetic_type, comparison, constant, fold_list, loop_kind};

const MAX_NODES: usize = 1000;
const MAX_DEPTH: usize = 32;
const MAX_LOOPS: usize = 2;

/// Why a tree cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("has more than {MAX_NODES} parts")]
    TooManyNodes,
    #[error("is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("loops are nested deeper than {MAX_LOOPS}")]
    TooManyLoops,
    #[error("unknown name '{0}'; known: {known}", known = known())]
    UnknownName(String),
    #[error("unknown function '{0}' with {1} argument(s)")]
    UnknownFunction(String, usize),
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    #[error("'{what}' cannot take {given}")]
    WrongType { what: String, given: &'static str },
    #[error("'{what}' cannot take {left} and {right}")]
    WrongTypes {
        what: &'static str,
        left: &'static str,
        right: &'static str,
    },
    #[error("{0}")]
    BadLiteral(String),
}

fn known() -> String {
    VARS.iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) type Lowered = Result<(Node, Type), Refusal>;

/// Lowers a tree and finds its type.
pub(super) fn lower(tree: &IdedExpr) -> Lowered {
    let mut lowering = Lowering {
        nodes: 0,
        depth: 0,
        locals: Vec::new(),
    };
    lowering.node(&tree.expr)
}

/// The walk through the tree.
pub(super) struct Lowering<'t> {
    nodes: usize,
    depth: usize,
    locals: Vec<(&'t str, Type)>,
}

impl<'t> Lowering<'t> {
    pub(super) fn node(&mut self, expr: &'t Expr) -> Lowered {
        self.nodes += 1;
        self.depth += 1;
        if self.nodes > MAX_NODES {
            return Err(Refusal::TooManyNodes);
        }
        if self.depth > MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        let lowered = match expr {
            Expr::Literal(literal) => constant(literal),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::List(list) => self.list(list),
            Expr::Call(call) => self.call(call),
            Expr::Map(_) => Err(Refusal::Unsupported("a map literal")),
            Expr::Struct(_) => Err(Refusal::Unsupported("a message literal")),
            Expr::Comprehension(_) | Expr::Unspecified => Err(Refusal::Unsupported("this form")),
        };
        self.depth -= 1;
        lowered
    }

    fn name(&self, name: &str) -> Lowered {
        let local = self
            .locals
            .iter()
            .enumerate()
            .rev()
            .find(|(_, (n, _))| *n == name);
        if let Some((slot, (_, kind))) = local {
            return Ok((Node::Local(slot), kind.clone()));
        }
        let var = VARS.iter().find(|(n, _)| *n == name);
        match var {
            Some((_, var)) => Ok((Node::Var(*var), var.kind())),
            None => Err(Refusal::UnknownName(name.chars().take(64).collect())),
        }
    }

    fn select(&mut self, select: &'t SelectExpr) -> Lowered {
        let (operand, kind) = self.node(&select.operand.expr)?;
        if kind != Type::Dyn {
            let what = format!(".{}", select.field);
            return Err(Refusal::WrongType {
                what,
                given: kind.name(),
            });
        }
        let (operand, field) = (Box::new(operand), select.field.clone());
        if select.test {
            return Ok((Node::Has(operand, field), Type::Bool));
        }
        Ok((Node::Field(operand, field), Type::Dyn))
    }

    fn list(&mut self, list: &'t ListExpr) -> Lowered {
        if !list.optional_indices.is_empty() {
            return Err(Refusal::Unsupported("an optional element"));
        }
        let mut nodes = Vec::with_capacity(list.elements.len());
        let mut kind: Option<Type> = None;
        for element in &list.elements {
            let (node, element_kind) = self.node(&element.expr)?;
            kind = match kind {
                None => Some(element_kind),
                Some(kind) if kind == element_kind => Some(kind),
                Some(_) => Some(Type::Dyn),
            };
            nodes.push(node);
        }
        let kind = Type::List(Box::new(kind.unwrap_or(Type::Dyn)));
        Ok((fold_list(nodes), kind))
    }

    fn call(&mut self, call: &'t CallExpr) -> Lowered {
        let args = call.args.as_slice();
        match (call.func_name.as_str(), &call.target, args) {
            (names::LOGICAL_AND, None, [a, b]) => self.logical(a, b, "&&", Node::And),
            (names::LOGICAL_OR, None, [a, b]) => self.logical(a, b, "||", Node::Or),
            (names::LOGICAL_NOT, None, [a]) => {
                let node = self.boolean(a, "!")?;
                Ok((Node::Not(Box::new(node)), Type::Bool))
            }
            (names::NEGATE, None, [a]) => self.negate(a),
            (names::CONDITIONAL, None, [a, b, c]) => self.conditional(a, b, c),
            (names::INDEX, None, [a, b]) => self.index(a, b),
            (names::IN, None, [a, b]) => self.contained(a, b),
            (names::HAS, None, [a]) => self.has(&a.expr),
            (name, None, [a, b]) if arithmetic(name).is_some() => self.arithmetic(name, a, b),
            (name, None, [a, b]) if comparison(name).is_some() => self.comparison(name, a, b),
            (name, Some(target), args) => match (loop_kind(name), args) {
                (Some(kind), [var, body]) => self.looped(kind, target, var, None, body),
                (Some(LoopKind::Map), [var, filter, body]) => {
                    self.looped(LoopKind::Map, target, var, Some(filter), body)
                }
                _ => functions::lower(self, name, target, args),
            },
            (name, None, [target]) => functions::lower(self, name, target, &[]),
            (name, None, args) => Err(Refusal::UnknownFunction(
                name.chars().take(64).collect(),
                args.len(),
            )),
        }
    }

    fn boolean(&mut self, expr: &'t IdedExpr, what: &'static str) -> Result<Node, Refusal> {
        let (node, kind) = self.node(&expr.expr)?;
        if kind.may_be(&Type::Bool) {
            return Ok(node);
        }
        Err(Refusal::WrongType {
            what: what.to_owned(),
            given: kind.name(),
        })
    }

    fn logical(
        &mut self,
        a: &'t IdedExpr,
        b: &'t IdedExpr,
        what: &'static str,
        make: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Lowered {
        let left = self.boolean(a, what)?;
        let right = self.boolean(b, what)?;
        Ok((make(Box::new(left), Box::new(right)), Type::Bool))
    }

    fn negate(&mut self, a: &'t IdedExpr) -> Lowered {
        let (node, kind) = self.node(&a.expr)?;
        if matches!(kind, Type::Int | Type::Double | Type::Dyn) {
            return Ok((Node::Neg(Box::new(node)), kind));
        }
        Err(Refusal::WrongType {
            what: "-".to_owned(),
            given: kind.name(),
        })
    }

    fn conditional(&mut self, a: &'t IdedExpr, b: &'t IdedExpr, c: &'t IdedExpr) -> Lowered {
        let condition = self.boolean(a, "?:")?;
        let (yes, yes_kind) = self.node(&b.expr)?;
        let (no, no_kind) = self.node(&c.expr)?;
        if !yes_kind.may_be(&no_kind) {
            let (left, right) = (yes_kind.name(), no_kind.name());
            return Err(Refusal::WrongTypes {
                what: "?:",
                left,
                right,
            });
        }
        let kind = if yes_kind == no_kind {
            yes_kind
        } else {
            Type::Dyn
        };
        Ok((
            Node::If(Box::new(condition), Box::new(yes), Box::new(no)),
            kind,
        ))
    }

    fn index(&mut self, a: &'t IdedExpr, b: &'t IdedExpr) -> Lowered {
        let (operand, kind) = self.node(&a.expr)?;
        let (index, index_kind) = self.node(&b.expr)?;
        let item = match (&kind, &index_kind) {
            (Type::List(item), Type::Int | Type::Dyn) => (**item).clone(),
            (Type::Dyn, Type::Int | Type::String | Type::Dyn) => Type::Dyn,
            (a, b) => {
                let (left, right) = (a.name(), b.name());
                return Err(Refusal::WrongTypes {
                    what: "[]",
                    left,
                    right,
                });
            }
        };
        Ok((Node::Index(Box::new(operand), Box::new(index)), item))
    }

    fn contained(&mut self, a: &'t IdedExpr, b: &'t IdedExpr) -> Lowered {
        let (item, item_kind) = self.node(&a.expr)?;
        let (list, list_kind) = self.node(&b.expr)?;
        let fits = match &list_kind {
            Type::List(of) => item_kind.may_be(of),
            other => *other == Type::Dyn,
        };
        if !fits {
            let (left, right) = (item_kind.name(), list_kind.name());
            return Err(Refusal::WrongTypes {
                what: "in",
                left,
                right,
            });
        }
        Ok((Node::In(Box::new(item), Box::new(list)), Type::Bool))
    }

    fn has(&mut self, argument: &'t Expr) -> Lowered {
        let Expr::Select(select) = argument else {
            return Err(Refusal::BadLiteral(
                "has() takes a field, as in has(metadata.x)".into(),
            ));
        };
        match self.select(select)? {
            (Node::Field(operand, field), _) => Ok((Node::Has(operand, field), Type::Bool)),
            other => Ok(other),
        }
    }

    fn arithmetic(&mut self, name: &str, a: &'t IdedExpr, b: &'t IdedExpr) -> Lowered {
        let Some((op, sign)) = arithmetic(name) else {
            return Err(Refusal::Unsupported("this"));
        };
        let (left, left_kind) = self.node(&a.expr)?;
        let (right, right_kind) = self.node(&b.expr)?;
        let Some(kind) = arithmetic_type(op, &left_kind, &right_kind) else {
            let (left, right) = (left_kind.name(), right_kind.name());
            return Err(Refusal::WrongTypes {
                what: sign,
                left,
                right,
            });
        };
        Ok((Node::Arith(op, Box::new(left), Box::new(right)), kind))
    }

    fn comparison(&mut self, name: &str, a: &'t IdedExpr, b: &'t IdedExpr) -> Lowered {
        let Some((op, sign)) = comparison(name) else {
            return Err(Refusal::Unsupported("this"));
        };
        let (left, left_kind) = self.node(&a.expr)?;
        let (right, right_kind) = self.node(&b.expr)?;
        let equality = matches!(op, Compare::Eq | Compare::Ne);
        let ordered = |kind: &Type| !matches!(kind, Type::List(_) | Type::Null);
        if !left_kind.may_be(&right_kind)
            || !(equality || ordered(&left_kind) && ordered(&right_kind))
        {
            let (left, right) = (left_kind.name(), right_kind.name());
            return Err(Refusal::WrongTypes {
                what: sign,
                left,
                right,
            });
        }
        Ok((
            Node::Compare(op, Box::new(left), Box::new(right)),
            Type::Bool,
        ))
    }

    fn looped(
        &mut self,
        kind: LoopKind,
        target: &'t IdedExpr,
        var: &'t IdedExpr,
        filter: Option<&'t IdedExpr>,
        body: &'t IdedExpr,
    ) -> Lowered {
        let (range, range_kind) = self.node(&target.expr)?;
        let item = match &range_kind {
            Type::List(item) => (**item).clone(),
            Type::Dyn => Type::Dyn,
            other => {
                let what = format!("{kind:?}").to_lowercase();
                return Err(Refusal::WrongType {
                    what,
                    given: other.name(),
                });
            }
        };
        let Expr::Ident(name) = &var.expr else {
            return Err(Refusal::BadLiteral(
                "a loop variable must be a simple name".into(),
            ));
        };
        if self.locals.len() >= MAX_LOOPS {
            return Err(Refusal::TooManyLoops);
        }
        self.locals.push((name, item.clone()));
        let filter = filter.map(|f| self.boolean(f, "map")).transpose();
        let body = match kind {
            LoopKind::Map => self.node(&body.expr),
            _ => self
                .boolean(body, "a loop's condition")
                .map(|node| (node, Type::Bool)),
        };
        self.locals.pop();
        let ((body, body_kind), filter) = (body?, filter?);
        let kind_of_loop = match kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => Type::Bool,
            LoopKind::Filter => Type::List(Box::new(item)),
            LoopKind::Map => Type::List(Box::new(body_kind)),
        };
        Ok((
            Node::Loop(Box::new(Loop {
                kind,
                range,
                filter,
                body,
            })),
            kind_of_loop,
        ))
    }
}
