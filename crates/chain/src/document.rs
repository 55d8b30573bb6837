//! What the ledger gives out beside bundles, in one small file: a signed statement, or an Action Receipt.
//!
//! A text is what its own fields say, and that is asked once: something with a `statement` is a signed
//! statement and never anything less, whatever else it says of itself.

mod action_receipt;
mod report;

pub use action_receipt::{ACTION_RECEIPT, InvalidActionReceipt, differences};
pub use report::{Report, ReportRefusal, VerifiedReport};

use crate::checkpoint::{self, Checkpoint};
use crate::coverage::{self, Coverage};
use crate::keys::Trusted;
use crate::receipt::{self, Receipt};
use crate::statement::{self, Signed, Unreadable};
use crate::verify::{Class, KnownHead, Log, Misuse, Seen};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

/// What a text is.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// Of one entry.
    Receipt(Signed<Receipt>),
    /// Of an agent's time.
    Coverage(Signed<Coverage>),
    /// Of a framework's controls.
    Report(Signed<Report>),
    /// Portable, hashed and not signed.
    ActionReceipt(Value),
    /// A statement that cannot be read, and what it says it is.
    Unreadable(Kind),
}

/// Kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The receipt of an entry.
    Receipt,
    /// A statement of coverage.
    Coverage,
    /// A compliance report.
    Report,
    /// An Action Receipt.
    ActionReceipt,
    /// A statement of no format that is known.
    Unknown,
}

/// What a reader demands of a document beside the keys.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Checkpoints kept from earlier.
    pub seen: Vec<Seen>,
    /// How many trusted witnesses must have cosigned; of a receipt alone.
    pub quorum: Option<usize>,
}

/// What came of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// The trusted keys that signed: the export key, then those of its checkpoints.
    pub signed_by: Vec<String>,
    /// The size of the organisation's head it is over.
    pub sealed: Option<u64>,
    /// The trusted witnesses that cosigned, and when (seconds since 1970).
    pub witnesses: Vec<(String, u64)>,
    /// What does not hold.
    pub findings: Vec<(Class, String)>,
}

impl Document {
    /// Reads a text; `None` for one that is no document, such as a bundle.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let kind = kind_of(&value)?;
        Some(match kind {
            Kind::Receipt => read(text, Self::Receipt, kind),
            Kind::Coverage => read(text, Self::Coverage, kind),
            Kind::Report => read(text, Self::Report, kind),
            Kind::ActionReceipt => match statement::exact(text) {
                Ok(value) => Self::ActionReceipt(value),
                Err(Unreadable) => Self::Unreadable(kind),
            },
            Kind::Unknown => Self::Unreadable(kind),
        })
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Receipt(_) => Kind::Receipt,
            Self::Coverage(_) => Kind::Coverage,
            Self::Report(_) => Kind::Report,
            Self::ActionReceipt(_) => Kind::ActionReceipt,
            Self::Unreadable(kind) => *kind,
        }
    }

    /// Whose ledger it says it is of.
    #[must_use]
    pub fn org(&self) -> Option<Uuid> {
        match self {
            Self::Receipt(signed) => Some(signed.statement.org),
            Self::Coverage(signed) => Some(signed.statement.org),
            Self::Report(signed) => signed.statement.org().parse().ok(),
            Self::ActionReceipt(_) | Self::Unreadable(_) => None,
        }
    }

    /// Checks all it states against the keys and the checkpoints that the reader trusts.
    ///
    /// # Errors
    /// [`Misuse`] for a demand that cannot be met by any document of its kind, or a kept checkpoint of
    /// another organisation.
    pub fn check(&self, trusted: &Trusted, told: &Told) -> Result<Checked, Misuse> {
        self.can_show(told)?;
        let checked = match self {
            Self::Receipt(signed) => of_receipt(signed, trusted),
            Self::Coverage(signed) => of_coverage(signed, trusted),
            Self::Report(signed) => of_report(signed, trusted),
            Self::ActionReceipt(value) => action_receipt::check(value)
                .map(|()| (Checked::default(), None))
                .map_err(|why| (Class::BadContent, why.to_string())),
            Self::Unreadable(_) => Err((Class::BadContent, Unreadable.to_string())),
        };
        let (mut checked, heads) = match checked {
            Ok(checked) => checked,
            Err(finding) => {
                return Ok(Checked {
                    findings: vec![finding],
                    ..Checked::default()
                });
            }
        };
        if let Some(heads) = heads {
            heads.compare(&told.seen, &mut checked)?;
        }
        let (have, want) = (checked.witnesses.len(), told.quorum.unwrap_or(0));
        if have < want {
            let text = format!("{have} trusted witnesses cosigned, {want} must");
            checked.findings.push((Class::MissingQuorum, text));
        }
        Ok(checked)
    }

    fn can_show(&self, told: &Told) -> Result<(), Misuse> {
        let what = match self.kind() {
            Kind::Receipt | Kind::Unknown => return Ok(()),
            Kind::ActionReceipt if told.quorum.is_none() && told.seen.is_empty() => return Ok(()),
            Kind::ActionReceipt => "an Action Receipt holds no checkpoint: no --quorum, no --seen",
            Kind::Coverage | Kind::Report if told.quorum.is_none() => return Ok(()),
            Kind::Coverage | Kind::Report => {
                "--quorum is for an export or a receipt: this statement holds no checkpoint that \
                 witnesses sign"
            }
        };
        Err(Misuse(what.to_owned()))
    }
}

impl Checked {
    /// The worst kind of trouble.
    #[must_use]
    pub fn class(&self) -> Class {
        let classes = self.findings.iter().map(|(class, _)| *class);
        classes.max().unwrap_or(Class::Clean)
    }
}

fn kind_of(value: &Value) -> Option<Kind> {
    let within = value.get("data").unwrap_or(value);
    if within.get("statement").is_some() || value.get("statement").is_some() {
        let format = within.pointer("/statement/format").and_then(Value::as_str);
        let name = format.and_then(|it| it.split('/').next());
        return Some(match name {
            Some("writ-receipt") => Kind::Receipt,
            Some("writ-coverage") => Kind::Coverage,
            Some("writ-compliance-report") => Kind::Report,
            _ => Kind::Unknown,
        });
    }
    let version = value.get("version").and_then(Value::as_str);
    (version == Some(ACTION_RECEIPT)).then_some(Kind::ActionReceipt)
}

fn read<T>(text: &str, of: impl Fn(Signed<T>) -> Document, kind: Kind) -> Document
where
    T: statement::Statement + DeserializeOwned,
{
    statement::read(text).map_or(Document::Unreadable(kind), of)
}

/// The heads a statement is over.
struct Heads {
    org: Uuid,
    own: Checkpoint,
    global: Option<Checkpoint>,
}

type Found = Result<(Checked, Option<Heads>), (Class, String)>;

fn of_receipt(signed: &Signed<Receipt>, trusted: &Trusted) -> Found {
    let verified = receipt::verify(signed, trusted);
    let verified = verified.map_err(|why| (why.class(), why.to_string()))?;
    let it = &signed.statement;
    let mut by = vec![signed.key_name.clone()];
    by.extend_from_slice(verified.signed_by());
    let checked = Checked {
        signed_by: by,
        sealed: Some(verified.size()),
        witnesses: verified.witnesses().to_vec(),
        ..Checked::default()
    };
    let own = checkpoint::unverified(&it.inclusion.checkpoint);
    let global = checkpoint::unverified(&it.global.checkpoint);
    let heads = own.map(|own| Heads {
        org: it.org,
        own,
        global,
    });
    Ok((checked, heads))
}

fn of_coverage(signed: &Signed<Coverage>, trusted: &Trusted) -> Found {
    let verified = coverage::verify(signed, trusted);
    verified.map_err(|why| (why.class(), why.to_string()))?;
    let it = &signed.statement;
    let head = checkpoint::open(&it.checkpoint, &trusted.checkpoint);
    let head = head.map_err(|why| (Class::BadContent, why.to_string()))?;
    let (own, by) = (head.checkpoint().clone(), head.signed_by());
    Ok(over(&signed.key_name, it.org, own, by))
}

fn of_report(signed: &Signed<Report>, trusted: &Trusted) -> Found {
    let verified = report::verify(signed, trusted);
    let verified = verified.map_err(|why| (why.class(), why.to_string()))?;
    let VerifiedReport { org, head, by } = verified;
    Ok(over(&signed.key_name, org, head, &by))
}

/// What came of a statement over one head, of the organisation.
fn over(key: &str, org: Uuid, own: Checkpoint, by: &[String]) -> (Checked, Option<Heads>) {
    let checked = Checked {
        signed_by: [&[key.to_owned()], by].concat(),
        sealed: Some(own.size),
        ..Checked::default()
    };
    let heads = Heads {
        org,
        own,
        global: None,
    };
    (checked, Some(heads))
}

impl Heads {
    /// Compares with what was kept: a head of the same size has the same root.
    fn compare(&self, seen: &[Seen], checked: &mut Checked) -> Result<(), Misuse> {
        for seen in seen {
            let ours = match seen.of(self.org)? {
                Log::Global => self.global.as_ref(),
                Log::Of(_) => Some(&self.own),
            };
            let (log, KnownHead { size, root }) = (seen.log, seen.head);
            let finding = match ours {
                Some(ours) if ours.size == size && ours.root == root => continue,
                Some(ours) if ours.size == size => (
                    Class::BadContent,
                    format!("another root of {log} was signed earlier, at size {size}"),
                ),
                Some(_) if log == Log::Global && seen.is_vouched_for(&checked.witnesses) => {
                    continue;
                }
                Some(_) | None => (
                    Class::IncompleteRange,
                    format!(
                        "the kept head of {size} of {log} cannot be compared: nothing here leads to it"
                    ),
                ),
            };
            checked.findings.push(finding);
        }
        Ok(())
    }
}
