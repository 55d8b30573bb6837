//! The lines `writ detect` reads.

use serde::Deserialize;
use serde_json::Value;
use writ_policy::detect::injection::{Origin, Turn};

/// One line.
pub(super) struct Row {
    pub(super) id: Value,
    pub(super) content: Content,
    pub(super) origin: Origin,
}

/// What is to be searched.
pub(super) enum Content {
    Text(String),
    Turns(Vec<Turn>),
}

#[derive(Deserialize)]
struct Line {
    id: Value,
    text: Option<String>,
    turns: Option<Vec<Said>>,
    #[serde(default)]
    origin: Place,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Text(String),
    Message {
        role: Option<String>,
        content: String,
    },
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Place {
    #[default]
    User,
    Tool,
    Document,
}

impl Row {
    /// Reads a line; the error says what is wrong with it.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let content = match (line.text, line.turns) {
            (Some(text), None) => Content::Text(text),
            (None, Some(turns)) => Content::Turns(turns.into_iter().map(turn).collect()),
            _ => return Err("needs either `text` or `turns`".into()),
        };
        let origin = match line.origin {
            Place::User => Origin::User,
            Place::Tool | Place::Document => Origin::Document,
        };
        Ok(Self {
            id: line.id,
            content,
            origin,
        })
    }
}

fn turn(said: Said) -> Turn {
    match said {
        Said::Text(text) => Turn { role: None, text },
        Said::Message { role, content } => Turn {
            role,
            text: content,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_both_kinds_of_turns_are_read() {
        let row = Row::read(br#"{"id": 1, "text": "a", "origin": "tool", "more": 2}"#).unwrap();
        assert!(matches!(row.content, Content::Text(text) if text == "a"));
        assert_eq!(row.origin, Origin::Document);
        let row = Row::read(br#"{"id":"x","turns":["a",{"role":"assistant","content":"b"}]}"#);
        let Content::Turns(turns) = row.unwrap().content else {
            panic!("no turns");
        };
        let turns: Vec<_> = turns
            .iter()
            .map(|t| (t.role.as_deref(), &*t.text))
            .collect();
        assert_eq!(turns, [(None, "a"), (Some("assistant"), "b")]);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let why = |line: &str| Row::read(line.as_bytes()).err().unwrap();
        assert!(why(r#"{"text": "a"}"#).contains("missing field `id`"));
        assert!(why(r#"{"id": 1}"#).contains("either `text` or `turns`"));
        assert!(why(r#"{"id": 1, "text": "a", "turns": []}"#).contains("either"));
        assert!(why(r#"{"id": 1, "text": "a", "origin": "mars"}"#).contains("mars"));
        assert!(why("{").contains("EOF"));
    }
}
