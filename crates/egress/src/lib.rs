//! The only outbound HTTP client: webhooks, validators, models and identity providers go through it, nothing else goes out.
//!
//! A tenant names the host, so every address is classified before a packet leaves: literal
//! addresses when the URL is read, names when they are resolved, and the connection is made to the
//! very address that was classified. No redirects, no proxies, bounded time and size.

pub mod client;
pub mod names;
pub mod rules;
pub mod sign;

pub use client::{Answer, Client, EgressError, Limits};
pub use names::{Names, SystemNames};
pub use rules::{Rules, UrlRefusal};
pub use sign::{Message, Secret, SecretRefusal, Unsignable, sign, sign_question};
pub use writ_address::{Class, Reach, classify};
