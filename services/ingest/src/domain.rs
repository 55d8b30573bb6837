//! Decisions over values: what a body holds, whether a trace is taken, what a window sums to.

mod admit;
mod behind;
mod body;
mod bypass;
mod evidence;
mod fields;
mod forgery;
mod meter;
#[cfg(test)]
mod props;
mod recent;
mod registry;
mod resolution;
mod simulation;
mod trace;
mod usage;

pub(crate) use admit::{Refusal, Refused, admit, begun_before, proven};
pub(crate) use body::{NotTraces, split};
pub(crate) use bypass::{Bypass, Dropped, Hopeless, Report};
pub(crate) use fields::InvalidField;
pub(crate) use forgery::{Forged, Forgeries, Seen};
pub(crate) use meter::{Meter, Sum, Window};
pub(crate) use recent::Recent;
pub(crate) use registry::{Agent, Organization, Registry};
pub(crate) use resolution::{About, Observed, Resolution};
pub(crate) use simulation::{Draft, Judged, Past, Said};
pub(crate) use trace::Trace;
pub(crate) use usage::{COUNTED, Month, Spent, TRACES, Usage};
