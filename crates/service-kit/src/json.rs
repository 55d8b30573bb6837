//! JSON from outside: replaced characters, bounded depth, lenient and strict bodies.

mod depth;
mod extract;
mod sanitize;

pub use depth::{TooDeep, check_depth};
pub use extract::{DEPTH, Lenient, Strict, parse_lenient, parse_strict};
pub use sanitize::sanitize;
