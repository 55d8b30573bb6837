//! The decision engine: given policies and one act an agent is about to do, says whether it may.
//!
//! * [`Policy`] is what an administrator wrote; [`schema::validate`] says what is wrong with one
//!   before it is stored.
//! * [`PolicySet::compile`] turns policies into an immutable set, indexed by agent. It never fails
//!   as a whole: a policy that cannot be compiled fails whenever it is judged, and its `onError`
//!   says what that means (block and approval policies deny, the others warn).
//! * [`evaluate`] judges a [`Request`] and answers with a [`Decision`]. Every policy in scope is
//!   judged and every hit listed; the strongest decides: block, then require_approval, then allow.
//!
//! Beside the policies of the set an agent's own [`Limits`] are judged: what its registration says,
//! and the bundle of its autonomy level, listed as `Registration: <field>` and `Autonomy: <level>`.
//!
//! The engine is pure. It does no IO and has no clock and no randomness: time and anything else it
//! may not find out by itself come in as [`Facts`]. The same policies, request and facts give the
//! same decision, byte for byte, whatever the order in which the policies were given.
//!
//! What it cannot do alone it asks for: an amount to be reserved on a shared counter is a
//! [`Reservation`], which the service performs; a refusal is turned into the violation that the
//! reservation carries, with [`Decision::add`]. What somebody else must say first is a [`Call`], put
//! by the service and answered to [`resume`]. Duties that go with an answer (mask these spans,
//! log this access) are [`Obligation`]s.
//!
//! All work is bounded: patterns run in linear time, text beyond 16 MB is an error of the policies
//! that scan, and expressions are limited when they are written and fuelled while they run.
//! Messages and evidence say what was found and where, never the text itself; the words of somebody
//! who was asked are passed on cut and cleaned.

mod built_in;
mod context;
pub mod decision;
pub mod detect;
mod evaluate;
mod expr;
pub mod model;
pub mod outside;
pub mod request;
mod rule;
pub mod schema;
pub mod set;
mod text;
mod types;

pub use decision::{
    Considered, Decision, Evidence, Obligation, Outcome, Reservation, Span, Unit, Violation,
};
pub use evaluate::{ENGINE_VERSION, Evaluation, decide_alone, evaluate, resume};
pub use model::{
    ChainTrigger, Exception, Mode, OnError, Phase, Policy, PolicyType, Selectors, Severity, Tier,
};
pub use outside::{Answer, Answers, Call, Question};
pub use request::{
    AgentRef, Delegation, Facts, Hop, Limits, OnBehalfOf, Request, ToolDescriptor, ToolOutput,
};
pub use schema::Problem;
pub use set::PolicySet;
