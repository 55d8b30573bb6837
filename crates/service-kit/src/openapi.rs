//! The API as a document: OpenAPI 3.1, made from the table of endpoints.
//!
//! What a request may carry is read from the arguments of its handler ([`Part`]); a route says the
//! rest of itself where it is declared: [`Routes::says`](crate::routes::Routes::says),
//! [`Routes::answers`](crate::routes::Routes::answers).

mod document;
mod input;
mod part;
mod schemas;

use schemars::{JsonSchema, Schema, SchemaGenerator};

pub use document::{Problem, document};
pub use input::Input;
pub use part::{Part, Parts};

/// What a route says of itself, beside its method, path and access.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content: Content,
}

/// What an answer carries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    /// JSON of this shape.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// Something else, by its media type.
    Other(&'static str),
}

/// The words and shapes of one route.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) summary: &'static str,
    pub(crate) more: &'static str,
    pub(crate) parts: fn(&mut Input<'_>),
    pub(crate) takes: Option<fn(&mut Input<'_>)>,
    pub(crate) answers: Vec<Answer>,
}

impl Said {
    pub(crate) fn of<T: Parts>() -> Self {
        Self {
            summary: "",
            more: "",
            parts: T::describe,
            takes: None,
            answers: Vec::new(),
        }
    }

    pub(crate) fn answer<A: JsonSchema>(&mut self, status: u16) {
        let content = Content::Json(|schemas| schemas.subschema_for::<A>());
        self.answers.push(Answer { status, content });
    }
}
