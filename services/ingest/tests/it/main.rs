//! `ingest` alone against a real broker and a real ClickHouse.

mod fixture;
mod intake;
mod sink;
