//! What a route says of itself in the API's document; each speaks of the route added last.

use schemars::JsonSchema;

use super::Routes;
use crate::openapi::{Answer, Content, Said};

impl<S> Routes<S> {
    /// A summary of a few words, verb first, which also names the route's function in generated
    /// clients; and what its caller should know beside that, in Markdown, or nothing.
    #[must_use]
    pub fn says(self, summary: &'static str, more: &'static str) -> Self {
        self.last(|said| (said.summary, said.more) = (summary, more))
    }

    /// A JSON answer of this shape; one for each status.
    #[must_use]
    pub fn answers<A: JsonSchema>(self, status: u16) -> Self {
        self.last(|said| said.answer::<A>(status))
    }

    /// The two answers of a route that makes something: 201, and 200 where it was there already.
    #[must_use]
    pub fn makes<A: JsonSchema>(self) -> Self {
        self.answers::<A>(201).answers::<A>(200)
    }

    /// An answer 200 that is not JSON, by its media type.
    #[must_use]
    pub fn sends(self, media: &'static str) -> Self {
        let content = Content::Other(media);
        self.last(|said| {
            said.answers.push(Answer {
                status: 200,
                content,
            })
        })
    }

    /// The shape of a body that the handler reads by itself.
    #[must_use]
    pub fn takes<B: JsonSchema>(self) -> Self {
        self.last(|said| said.takes = Some(|input| input.body::<B>(false)))
    }

    fn last(mut self, change: impl FnOnce(&mut Said)) -> Self {
        if let Some(endpoint) = self.table.last_mut() {
            change(&mut endpoint.said);
        }
        self
    }
}
