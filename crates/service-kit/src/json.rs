//! JSON from outside: replaced characters, bounded depth, lenient and strict bodies;
//! and the two shapes that answers have.

mod answer;
mod depth;
mod extract;
mod sanitize;

pub use answer::{Data, Page};
pub use depth::{TooDeep, check_depth};
pub use extract::{DEPTH, Lenient, Strict, parse_lenient, parse_strict};
pub use sanitize::sanitize;
