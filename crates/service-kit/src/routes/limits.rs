//! Rate limits per organisation, key and class (GCRA).

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Class;
use crate::error::ApiError;

type Key = (Uuid, Option<Uuid>);
type Bucket =
    RateLimiter<Key, DefaultKeyedStateStore<Key>, DefaultClock, StateInformationMiddleware>;

/// Forgotten keys are swept out once in this many checks.
const SWEEP_EVERY: u32 = 16_384;

/// Calls a minute for each key; the product's documented limits. 0 switches a bucket off.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Management calls.
    pub control_per_minute: u32,
    /// Trace calls.
    pub ingest_per_minute: u32,
    /// Decisions.
    pub enforce_per_minute: u32,
    /// Status polls, heartbeats, approval polls and the like.
    pub generous_per_minute: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            control_per_minute: 100,
            ingest_per_minute: 1_000,
            enforce_per_minute: 10_000,
            generous_per_minute: 20_000,
        }
    }
}

/// The buckets of one service.
pub struct Limits {
    control: Option<Counted>,
    ingest: Option<Counted>,
    enforce: Option<Counted>,
    generous: Option<Counted>,
}

struct Counted {
    bucket: Bucket,
    checks: AtomicU32,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Limits")
    }
}

impl Limits {
    /// Buckets as configured.
    #[must_use]
    pub fn new(config: &LimitsConfig) -> Self {
        Self {
            control: Counted::new(config.control_per_minute),
            ingest: Counted::new(config.ingest_per_minute),
            enforce: Counted::new(config.enforce_per_minute),
            generous: Counted::new(config.generous_per_minute),
        }
    }

    pub(crate) fn check(&self, class: Class, org: Uuid, key: Option<Uuid>) -> Verdict {
        let counted = match class {
            Class::Control => &self.control,
            Class::Ingest => &self.ingest,
            Class::Enforce => &self.enforce,
            Class::Generous => &self.generous,
            Class::Unlimited => return Verdict::Uncounted,
        };
        counted
            .as_ref()
            .map_or(Verdict::Uncounted, |counted| counted.check(&(org, key)))
    }
}

impl Counted {
    fn new(per_minute: u32) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?);
        let bucket = RateLimiter::dashmap(quota).with_middleware::<StateInformationMiddleware>();
        Some(Self {
            bucket,
            checks: AtomicU32::new(0),
        })
    }

    fn check(&self, key: &Key) -> Verdict {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.bucket.retain_recent();
        }
        match self.bucket.check_key(key) {
            Ok(state) => Verdict::Within {
                limit: state.quota().burst_size().get(),
                remaining: state.remaining_burst_capacity(),
            },
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.bucket.clock().now());
                Verdict::Over {
                    limit: not_until.quota().burst_size().get(),
                    retry_after_s: wait.as_secs().saturating_add(1),
                }
            }
        }
    }
}

/// What the limiter said about one call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict {
    Uncounted,
    Within { limit: u32, remaining: u32 },
    Over { limit: u32, retry_after_s: u64 },
}

impl Verdict {
    pub(crate) fn refusal(&self) -> Option<ApiError> {
        let Self::Over { retry_after_s, .. } = self else {
            return None;
        };
        let message = format!("too many calls with this key, try again in {retry_after_s} s");
        let mut error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
            .with_header(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
        error.headers.extend(self.headers());
        Some(error)
    }

    /// The `RateLimit-*` fields (draft-ietf-httpapi-ratelimit-headers-06).
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let (limit, remaining, reset) = match *self {
            Self::Uncounted => return Vec::new(),
            // A full minute refills the bucket, so what was used takes its share of it.
            Self::Within { limit, remaining } => {
                let used = u64::from(limit.saturating_sub(remaining));
                (
                    limit,
                    remaining,
                    (used * 60).div_ceil(u64::from(limit.max(1))),
                )
            }
            Self::Over {
                limit,
                retry_after_s,
            } => (limit, 0, retry_after_s),
        };
        vec![
            (
                HeaderName::from_static("ratelimit-limit"),
                HeaderValue::from(limit),
            ),
            (
                HeaderName::from_static("ratelimit-remaining"),
                HeaderValue::from(remaining),
            ),
            (
                HeaderName::from_static("ratelimit-reset"),
                HeaderValue::from(reset),
            ),
        ]
    }
}
