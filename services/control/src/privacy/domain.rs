//! What a request of a data subject may become.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;
use writ_contract::digest::OrgDigestKey;
use writ_contract::{PersonId, PrivacyRequestId, wire};

use crate::error::{PrivacyRefusal, Refusal};

/// GDPR, Art. 12(3), gives one month.
const ANSWER_WITHIN: TimeDelta = TimeDelta::days(30);
/// How long before its end somebody is told.
const SOON: TimeDelta = TimeDelta::days(5);
/// No request is older.
const EARLIEST: i32 = 2000;
const NAMES: usize = 10;
const NAME: usize = 254;
const WORDS: usize = 2000;
/// Who erases, beside control.
const ERASERS: [&str; 2] = ["ingest", "approval"];

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $($variant:ident = $word:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant),+
        }

        impl $name {
            const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its word on the wire and in rows.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one with this word.
            #[must_use]
            pub fn read(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == word)
            }
        }
    };
}

words!(
    /// What the subject asks for.
    Wish: Access = "access", Rectification = "rectification", Erasure = "erasure",
    Portability = "portability"
);
words!(
    /// How far it is.
    Stage: Open = "open", Erasing = "erasing", Completed = "completed", Refused = "refused"
);
words!(
    /// What was told of its end.
    Due: Untold = "", Soon = "soon", Overdue = "overdue"
);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `prq_…` on the wire.
    pub id: Uuid,
    /// What is asked for.
    pub wish: Wish,
    /// Who the subject is, as the application and the members' table say it; empty once erased.
    pub names: Vec<String>,
    /// Somebody's words about it.
    pub note: Option<String>,
    /// Why nothing may be erased; absent when it may.
    pub hold: Option<String>,
    /// The member the subject is or was.
    pub person: Option<Uuid>,
    /// Keyed digests of the names.
    pub digests: Vec<Vec<u8>>,
    /// How far it is.
    pub stage: Stage,
    /// Who still has to erase.
    pub awaiting: Vec<String>,
    /// What was told of its end.
    pub due: Due,
    /// When it came in.
    pub received_at: DateTime<Utc>,
    /// When it has to be answered.
    pub due_at: DateTime<Utc>,
    /// When it was.
    pub closed_at: Option<DateTime<Utc>>,
    /// Dense from 1.
    pub version: u64,
}

/// A request that comes in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "PrivacyRequestBody")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Receive {
    /// `access`, `rectification`, `erasure` or `portability`. Required.
    r#type: Option<String>,
    /// Who it is: the id or e-mail address the application sends, or `per_…` of a member. Required.
    subject: Option<String>,
    /// Other ids and addresses of the same person; at most 9.
    aliases: Vec<String>,
    /// When it came in, not before the year 2000 and not in the future; now when absent. The 30 days
    /// count from here.
    received_at: Option<DateTime<Utc>>,
    note: Option<String>,
}

/// What changes about a request; absent fields stay.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "PrivacyRequestPatch")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// Why nothing may be erased; null ends the hold.
    #[serde(deserialize_with = "said")]
    #[schemars(with = "Option<String>")]
    legal_hold: Option<Option<String>>,
    note: Option<String>,
}

/// Tells a null from a field that is not there.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Why a request is refused.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "PrivacyRequestRefusal")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Refuse {
    /// For the subject. Required.
    reason: Option<String>,
}

impl Receive {
    /// The person's id, when the subject is a member.
    pub(super) fn person(&self) -> Option<Uuid> {
        let subject = self.subject.as_deref()?.trim();
        let id = subject.strip_prefix(PersonId::PREFIX).map(|_| subject);
        id?.parse::<PersonId>().ok().map(|id| id.0)
    }

    /// The request, with every wrong field named. `address` is the member's e-mail address.
    pub(super) fn request(
        &self,
        id: Uuid,
        address: Option<String>,
        key: &OrgDigestKey,
        now: DateTime<Utc>,
    ) -> Result<Request, Refusal> {
        let mut problems = Vec::new();
        let wish = self.r#type.as_deref().and_then(Wish::read);
        if wish.is_none() {
            problems.push("type: access, rectification, erasure or portability".to_owned());
        }
        let subject = self.subject.iter().chain(&self.aliases).cloned();
        let mut names: Vec<String> = subject
            .chain(address)
            .map(|name| name.trim().to_owned())
            .collect();
        names.sort_unstable();
        names.dedup();
        let plausible = |name: &String| !name.is_empty() && name.chars().count() <= NAME;
        if self.subject.is_none() || names.len() > NAMES || !names.iter().all(plausible) {
            problems.push(format!(
                "subject: is required; with aliases at most {NAMES} of 1 to {NAME} characters"
            ));
        }
        let received_at = self.received_at.unwrap_or(now);
        if received_at > now {
            problems.push("receivedAt: lies in the future".to_owned());
        }
        if received_at.year() < EARLIEST {
            problems.push(format!("receivedAt: must not be before {EARLIEST}-01-01"));
        }
        problems.extend(too_long("note", self.note.as_deref()));
        let Some(wish) = wish.filter(|_| problems.is_empty()) else {
            return Err(Refusal::Invalid(problems));
        };
        Ok(Request {
            id,
            wish,
            digests: names.iter().map(|name| key.user(name).to_vec()).collect(),
            names,
            note: self.note.clone(),
            hold: None,
            person: self.person(),
            stage: Stage::Open,
            awaiting: Vec::new(),
            due: Due::Untold,
            received_at,
            due_at: received_at + ANSWER_WITHIN,
            closed_at: None,
            version: 1,
        })
    }
}

impl Refuse {
    pub(super) fn reason(&self) -> Result<String, Refusal> {
        let reason = self.reason.as_deref().map(str::trim).unwrap_or_default();
        if reason.is_empty() {
            return Err(Refusal::field("reason", "is required"));
        }
        match too_long("reason", Some(reason)) {
            Some(problem) => Err(Refusal::Invalid(vec![problem])),
            None => Ok(reason.to_owned()),
        }
    }
}

impl Request {
    /// After a change; the same when nothing changes.
    pub(super) fn changed(&self, change: &Change) -> Result<Self, Refusal> {
        let hold = change.legal_hold.clone().unwrap_or(self.hold.clone());
        let words = [
            ("legalHold", hold.as_deref()),
            ("note", change.note.as_deref()),
        ];
        let mut problems: Vec<String> = words
            .into_iter()
            .filter_map(|(field, text)| too_long(field, text))
            .collect();
        if hold.as_deref().is_some_and(|why| why.trim().is_empty()) {
            problems.push("legalHold: say why, or null".to_owned());
        }
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        let next = Self {
            hold,
            note: change.note.clone().or(self.note.clone()),
            ..self.clone()
        };
        if next == *self {
            return Ok(next);
        }
        self.open()?;
        Ok(next.next())
    }

    /// Answered, or for an erasure: begun.
    pub(super) fn completed(&self, now: DateTime<Utc>) -> Result<Self, Refusal> {
        self.open()?;
        if self.wish != Wish::Erasure {
            return Ok(self.clone().closed(Stage::Completed, now));
        }
        if self.hold.is_some() {
            return Err(PrivacyRefusal::LegalHold.into());
        }
        Ok(Self {
            stage: Stage::Erasing,
            names: Vec::new(),
            note: None,
            awaiting: ERASERS.map(str::to_owned).to_vec(),
            ..self.clone().next()
        })
    }

    /// Not answered, and why.
    pub(super) fn refused(&self, reason: String, now: DateTime<Utc>) -> Result<Self, Refusal> {
        self.open()?;
        let refused = self.clone().closed(Stage::Refused, now);
        Ok(Self {
            note: Some(reason),
            ..refused
        })
    }

    /// After one of those who erase has done it; `None` when that was known.
    pub(super) fn erased_by(&self, who: &str, now: DateTime<Utc>) -> Option<Self> {
        let mut next = self.clone();
        next.awaiting.retain(|it| it != who);
        let news = self.stage == Stage::Erasing && next.awaiting.len() < self.awaiting.len();
        news.then(|| {
            if next.awaiting.is_empty() {
                next.closed(Stage::Completed, now)
            } else {
                next.next()
            }
        })
    }

    /// What there is to tell of its end; `None` when there is nothing new.
    pub(super) fn told(&self, now: DateTime<Utc>) -> Option<Self> {
        let due = match self.due {
            Due::Untold | Due::Soon if now >= self.due_at => Due::Overdue,
            Due::Untold if now >= self.due_at - SOON => Due::Soon,
            Due::Untold | Due::Soon | Due::Overdue => return None,
        };
        let open = self.stage == Stage::Open;
        open.then(|| Self {
            due,
            ..self.clone().next()
        })
    }

    /// The full state as a fact: no name, no words.
    #[must_use]
    pub fn fact(&self) -> wire::PrivacyRequest {
        wire::PrivacyRequest {
            request_id: PrivacyRequestId(self.id).to_bytes(),
            kind: self.wish.as_str().to_owned(),
            state: self.stage.as_str().to_owned(),
            legal_hold: self.hold.is_some(),
            person: self
                .person
                .map_or_else(String::new, |id| PersonId(id).to_string()),
            subject_digests: self.digests.clone(),
            received_at_us: self.received_at.timestamp_micros(),
            due_at_us: self.due_at.timestamp_micros(),
            closed_at_us: self.closed_at.map(|at| at.timestamp_micros()),
            due: self.due.as_str().to_owned(),
        }
    }

    fn open(&self) -> Result<(), Refusal> {
        if self.stage == Stage::Open {
            Ok(())
        } else {
            Err(PrivacyRefusal::Closed(self.stage.as_str()).into())
        }
    }

    fn closed(self, stage: Stage, now: DateTime<Utc>) -> Self {
        Self {
            stage,
            closed_at: Some(now),
            ..self.next()
        }
    }

    fn next(self) -> Self {
        Self {
            version: self.version + 1,
            ..self
        }
    }
}

fn too_long(field: &str, text: Option<&str>) -> Option<String> {
    let long = text.is_some_and(|text| text.chars().count() > WORDS);
    long.then(|| format!("{field}: at most {WORDS} characters"))
}

#[cfg(test)]
mod tests;
