//! The service alone, against a real NATS and a real Postgres.

mod answers;
mod faults;
mod life;
mod redeem;
mod store;
mod world;
