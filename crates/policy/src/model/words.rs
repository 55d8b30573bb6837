//! The words of a policy: enums whose wire form is a fixed word.

/// A word that is not in the list it was looked up in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} '{given}'; known: {known}")]
pub struct UnknownWord {
    /// Which list: "policy type", "enforcement mode", …
    pub what: &'static str,
    /// What was given, cut at 64 characters.
    pub given: String,
    /// The accepted words, comma separated.
    pub known: String,
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, given: &str, known: &[&str]) -> Self {
        Self {
            what,
            given: given.chars().take(64).collect(),
            known: known.join(", "),
        }
    }
}

/// Makes an enum whose wire form is a fixed word, with accepted aliases.
macro_rules! words {
    ($name:ident, $what:literal, [$($variant:ident = $word:literal $(| $alias:literal)*),+ $(,)?]) => {
        impl $name {
            /// Every variant, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::UnknownWord;

            fn from_str(s: &str) -> Result<Self, $crate::model::UnknownWord> {
                match s {
                    $($word $(| $alias)* => Ok($name::$variant),)+
                    _ => Err($crate::model::UnknownWord::new($what, s, &[$($word),+])),
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($word),+] })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use words;

/// What a hit does, from recording it to stopping the act; ordered by strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Allow and record.
    Monitor,
    /// Allow and flag.
    Warn,
    /// Hold until a human decides.
    RequireApproval,
    /// Refuse.
    Block,
}

words!(
    Mode,
    "enforcement mode",
    [
        Monitor = "monitor" | "log_only",
        Warn = "warn",
        RequireApproval = "require_approval",
        Block = "block" | "hard_block",
    ]
);

impl Mode {
    /// Block and approval policies deny when they cannot be judged; the others record it.
    #[must_use]
    pub fn default_on_error(self) -> OnError {
        match self {
            Mode::Monitor | Mode::Warn => OnError::Warn,
            Mode::RequireApproval | Mode::Block => OnError::Deny,
        }
    }
}

/// How grave a hit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// The default.
    #[default]
    Medium,
    /// Needs attention today.
    High,
    /// Needs attention now.
    Critical,
}

words!(
    Severity,
    "severity",
    [
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    ]
);

/// What an error while judging a policy means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnError {
    /// The act is refused.
    Deny,
    /// The act may pass; only the list of considered policies says that this one failed.
    Allow,
    /// The act may pass with a warning.
    Warn,
}

words!(
    OnError,
    "onError",
    [Deny = "deny", Allow = "allow", Warn = "warn"]
);

/// When a policy with prerequisites is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChainTrigger {
    /// When every prerequisite passed.
    #[default]
    AllPassed,
    /// When a prerequisite was violated or failed.
    AnyViolated,
    /// In any case, after its prerequisites.
    Always,
}

words!(
    ChainTrigger,
    "chain trigger",
    [
        AllPassed = "all_passed",
        AnyViolated = "any_violated",
        Always = "always",
    ]
);

/// Which kind of caller is behind an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// A person waits for the answer.
    Interactive,
    /// An agent that another agent started.
    Subagent,
    /// Scheduled or batch work.
    Background,
    /// A program that calls directly.
    Api,
}

words!(
    Tier,
    "tier",
    [
        Interactive = "interactive",
        Subagent = "subagent",
        Background = "background",
        Api = "api",
    ]
);

/// Whether an act is about to happen or has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Phase {
    /// Before the act.
    #[default]
    Pre,
    /// After it, with its output.
    Post,
}

words!(Phase, "phase", [Pre = "pre", Post = "post"]);
