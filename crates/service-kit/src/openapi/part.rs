//! What the arguments of handlers read from a request.

use axum::extract::{Extension, Path, Query, RawQuery, Request, State};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use schemars::JsonSchema;

use super::Input;
use crate::json::{Lenient, Strict};
use crate::routes::{Attempt, Authed, Holder, Repeatable};

/// An argument of a handler.
#[diagnostic::on_unimplemented(
    message = "the API's document does not know what the argument `{Self}` reads from a request",
    note = "implement `writ_service_kit::openapi::Part` for it (an empty `impl` when it reads \
            nothing a client chooses), or derive `schemars::JsonSchema` for the type in it"
)]
pub trait Part {
    /// Adds what it reads.
    fn describe(_: &mut Input<'_>) {}
}

/// All arguments of a handler; the first is axum's own marker.
pub trait Parts {
    /// Adds what they read.
    fn describe(input: &mut Input<'_>);
}

impl Parts for ((),) {
    fn describe(_: &mut Input<'_>) {}
}

macro_rules! arguments {
    ($($name:ident)*) => {
        impl<M, $($name: Part),*> Parts for (M, $($name,)*) {
            fn describe(input: &mut Input<'_>) {
                $($name::describe(input);)*
            }
        }
    };
}

arguments!(A);
arguments!(A B);
arguments!(A B C);
arguments!(A B C D);
arguments!(A B C D E);
arguments!(A B C D E F);
arguments!(A B C D E F G);
arguments!(A B C D E F G H);

macro_rules! silent {
    ($($name:ty),*) => { $(impl Part for $name {})* };
}

// Who calls is in the security of the route; bodies that a handler reads by itself are named with
// `Routes::takes`, and what a path carries is in its text.
silent!(
    Attempt, Authed, Bytes, Holder, HeaderMap, Method, RawQuery, Request, Uri
);

impl<T> Part for State<T> {}
impl<T> Part for Extension<T> {}
impl<T> Part for Path<T> {}

impl<T: Part, E> Part for Result<T, E> {
    fn describe(input: &mut Input<'_>) {
        T::describe(input);
    }
}

impl<T: Part> Part for Option<T> {
    fn describe(input: &mut Input<'_>) {
        T::describe(input);
    }
}

impl<T: JsonSchema> Part for Query<T> {
    fn describe(input: &mut Input<'_>) {
        input.query::<T>();
    }
}

impl<T: JsonSchema> Part for Strict<T> {
    fn describe(input: &mut Input<'_>) {
        input.body::<T>(true);
    }
}

impl<T: JsonSchema> Part for Lenient<T> {
    fn describe(input: &mut Input<'_>) {
        input.body::<T>(false);
    }
}

impl Part for Repeatable {
    fn describe(input: &mut Input<'_>) {
        if input.writes() {
            input.header(
                "Idempotency-Key",
                "A name for this request: sent again under the same name, it is answered as it \
                 was, and nothing is done twice. 1 to 255 visible ASCII characters, kept for a day.",
            );
            input.refuses(422);
        }
    }
}
