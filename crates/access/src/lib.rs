//! Who is calling and what they may do: decisions over values.
//!
//! No clock, no socket, no store: time, randomness and key records are arguments. A [`Caller`]
//! exists only after every check passed, so a handler that holds one needs no further boolean.

pub mod agent_token;
pub mod caller;
pub mod check;
pub mod credentials;
pub mod delegation;
mod digest;
pub mod issuer;
pub mod jwt;
pub mod key;
pub mod record;
pub mod role;
pub mod signature;

pub use caller::{Caller, Forbidden};
pub use check::{Checker, Presented, Refusal};
pub use key::{ApiKey, KeyFormat, ParsedKey, Pepper, Prefix};
pub use record::{AuthRefusal, KeyLookup, KeyRecord, Membership, authenticate};
pub use role::Role;
pub use signature::{SignatureRefusal, verify_request};

pub use ipnet::IpNet;
