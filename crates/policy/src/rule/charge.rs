//! What a rule wants counted on a shared counter before the act may go on.

use chrono::{DateTime, Datelike, Timelike};
use sha2::{Digest, Sha256};

pub(crate) use crate::decision::Unit;
use crate::model::Mode;
use crate::request::Request;

/// An amount, the counter it goes to and what becomes of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Charge {
    /// Which of the policy's counters: [`counter`].
    pub(crate) counter: String,
    /// The period in words for people: `2026-11-20`, `2026-11`, `2026-11-20T12:05`.
    pub(crate) period: String,
    pub(crate) unit: Unit,
    pub(crate) amount: u64,
    pub(crate) cap: u64,
    /// A total above this is worth a warning, though the act may go on.
    pub(crate) warn_above: Option<u64>,
    /// The agent is to be paused when the cap refuses.
    pub(crate) pause_agent: bool,
    /// A refusal is at most this strong, whatever the policy's mode.
    pub(crate) at_most: Mode,
    /// The message of a refusal.
    pub(crate) message: String,
}

impl Charge {
    /// A charge of nothing; the caller fills in counter, amount and cap.
    pub(crate) fn of(unit: Unit, period: String, message: String) -> Self {
        Self {
            counter: String::new(),
            period,
            unit,
            amount: 0,
            cap: 0,
            warn_above: None,
            pause_agent: false,
            at_most: Mode::Block,
            message,
        }
    }
}

/// A calendar window of a counter, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    Minute,
    Hour,
    Day,
    /// From this day of the month (1–31, clamped to the month's last day).
    Month(u32),
}

impl Window {
    /// Reads `1m`, `1h`, `1d`, `1mo`, or the word; months begin on `reset_day`.
    pub(crate) fn parse(word: &str, reset_day: u32) -> Option<Self> {
        Some(match word {
            "1m" | "minute" => Self::Minute,
            "1h" | "hour" => Self::Hour,
            "1d" | "day" => Self::Day,
            "1mo" | "month" => Self::Month(reset_day),
            _ => return None,
        })
    }

    /// `minute`, `hour`, `day`, `month`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Window::Minute => "minute",
            Window::Hour => "hour",
            Window::Day => "day",
            Window::Month(_) => "month",
        }
    }

    /// The window that holds a moment, in words that sort by time.
    pub(crate) fn period(self, now_ms: i64) -> String {
        let now = DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
        let day = now.date_naive();
        match self {
            Window::Minute => format!("{day}T{:02}:{:02}", now.hour(), now.minute()),
            Window::Hour => format!("{day}T{:02}", now.hour()),
            Window::Day => day.to_string(),
            Window::Month(reset_day) => {
                let days = u32::from(day.num_days_in_month());
                let begins = reset_day.clamp(1, days);
                let month = if day.day() >= begins {
                    Some(day)
                } else {
                    day.checked_sub_months(chrono::Months::new(1))
                };
                let month = month.unwrap_or(day);
                format!("{:04}-{:02}", month.year(), month.month())
            }
        }
    }
}

/// What a counter is kept for each of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Org,
    Agent,
    /// The person behind the act, whichever agents act for them.
    User,
    Session,
    Workspace,
}

impl Holder {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "org" | "organization" => Self::Org,
            "agent" => Self::Agent,
            "user" => Self::User,
            "session" => Self::Session,
            "workspace" => Self::Workspace,
            _ => return None,
        })
    }

    /// For messages: `the organisation`, `this agent`, …
    pub(crate) fn word(self) -> &'static str {
        match self {
            Holder::Org => "all agents",
            Holder::Agent => "this agent",
            Holder::User => "this user",
            Holder::Session => "this session",
            Holder::Workspace => "this workspace",
        }
    }

    /// Who holds the counter for a request. A request that names no user, session or workspace is
    /// counted for its agent: what is not said must not be a way around the cap.
    pub(crate) fn of(self, request: &Request) -> (Self, String) {
        let who = match self {
            Holder::Org => return (self, String::new()),
            Holder::Agent => String::new(),
            Holder::User => request.person().to_lowercase(),
            Holder::Session => request.session_id.clone(),
            Holder::Workspace => workspace(request).to_owned(),
        };
        if who.is_empty() {
            (Holder::Agent, agent(request))
        } else {
            (self, who)
        }
    }

    /// Its counter in a period.
    pub(crate) fn counter(self, who: &str, period: &str) -> String {
        let scope = match self {
            Holder::Org => "all",
            Holder::Agent => "agent",
            Holder::User => "user",
            Holder::Session => "session",
            Holder::Workspace => "workspace",
        };
        counter(scope, who, period)
    }
}

fn agent(request: &Request) -> String {
    if request.agent.id.is_nil() {
        request.agent.external_id.clone()
    } else {
        request.agent.id.to_string()
    }
}

/// The agent's tag `workspace:<name>`, which was registered; else what the application says.
fn workspace(request: &Request) -> &str {
    let mut tags = request.agent.tags.iter();
    let tagged = tags.find_map(|tag| tag.strip_prefix("workspace:"));
    let metadata = request.metadata.as_ref();
    let said = || metadata?.get("workspace")?.as_str();
    tagged.or_else(said).unwrap_or_default()
}

/// The name of a counter: what it counts for (`agent`, `user`, …), hashed because it comes from
/// the request, and the period. Safe as a part of a NATS subject.
pub(crate) fn counter(scope: &str, who: &str, period: &str) -> String {
    let period: String = period.chars().filter(char::is_ascii_alphanumeric).collect();
    if who.is_empty() {
        return format!("{scope}_{period}");
    }
    let digest = Sha256::digest(who.as_bytes());
    let who = hex::encode(digest.get(..12).unwrap_or_default());
    format!("{scope}_{who}_{period}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T12:05:59Z.
    const NOW: i64 = 1_795_176_359_000;

    #[test]
    fn periods_are_calendar_windows_in_utc() {
        assert_eq!(Window::Minute.period(NOW), "2026-11-20T12:05");
        assert_eq!(Window::Hour.period(NOW), "2026-11-20T12");
        assert_eq!(Window::Day.period(NOW), "2026-11-20");
        assert_eq!(Window::Month(1).period(NOW), "2026-11");
        assert_eq!(Window::Month(20).period(NOW), "2026-11");
        assert_eq!(Window::Month(21).period(NOW), "2026-10");
    }

    #[test]
    fn a_reset_day_beyond_the_month_is_its_last_day() {
        // 2026-11-30T00:00:00Z and a second before.
        let last_day = 1_795_996_800_000;
        assert_eq!(Window::Month(31).period(last_day), "2026-11");
        assert_eq!(Window::Month(31).period(last_day - 1), "2026-10");
    }

    #[test]
    fn counters_are_apart_by_scope_and_holder_and_safe_in_a_subject() {
        let name = counter("user", "a@b.com > *", "2026-11-20T12:05");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        assert_ne!(name, counter("user", "a@b.org", "2026-11-20T12:05"));
        assert_ne!(name, counter("agent", "a@b.com > *", "2026-11-20T12:05"));
        assert_eq!(counter("all", "", "2026-11-20"), "all_20261120");
    }
}
