//! JetStream as Writ uses it: streams asserted from the contract's table, facts published under
//! their owner's signature, decisions appended in packs behind the kill fence, ordered broadcast
//! readers, durable sinks, counters and dead letters.
//!
//! What is true when a call returns is said on each function: *stored* means acknowledged by the
//! stream, which on a server with `sync_interval: always` is on disk.

mod announce;
mod body;
mod counter;
mod fence;
mod keys;
mod lane;
mod log;
mod publish;
mod reader;
mod resume;
mod signing;
mod sink;
mod streams;

pub use announce::{Announcement, Announcements, Announcer};
pub use body::{BodyError, StoredBody};
pub use counter::{CounterError, Increment, Increments};
pub use fence::{Fence, Fences};
pub use keys::KeyFeed;
pub use lane::{AppendError, Draft, Lanes, Recorded};
pub use log::{EventLog, LogConfig, LogConfigError};
pub use publish::{Expect, PublishError, Published};
pub use reader::{Content, Delivered, Reader, ReaderError, Start};
pub use resume::{Position, Resumed, StreamState};
pub use signing::{BadSignature, Owners, Signer};
pub use sink::{Batch, Sink, SinkError, Work};
pub use streams::{StreamProblem, StreamSettings, assert_streams};
