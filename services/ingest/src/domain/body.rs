//! The traces in a body: one, a list, or `{"traces": [...]}`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A body that holds no traces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTraces {
    /// Not JSON.
    #[error("malformed JSON: {0}")]
    Malformed(String),
    /// Not the Protobuf message of an exporter.
    #[error("no OTLP export: {0}")]
    Export(String),
    /// JSON of another shape.
    #[error("expected {{\"traces\": [...]}}, a list of traces or one trace")]
    Shape,
}

/// The text of each trace, in order. A single trace that is wrong stays among them: it is refused
/// alone.
///
/// # Errors
/// [`NotTraces`].
pub(crate) fn split(text: &str) -> Result<Vec<&str>, NotTraces> {
    match text.trim_start().bytes().next() {
        Some(b'[') => list(text),
        Some(b'{') => {
            let fields: BTreeMap<String, &RawValue> = parse(text)?;
            match fields.get("traces") {
                Some(traces) if traces.get().starts_with('[') => list(traces.get()),
                Some(_) => Err(NotTraces::Shape),
                None if fields.contains_key("traceId") => Ok(vec![text.trim()]),
                None => Err(NotTraces::Shape),
            }
        }
        _ => Err(NotTraces::Shape),
    }
}

fn list(text: &str) -> Result<Vec<&str>, NotTraces> {
    let items: Vec<&RawValue> = parse(text)?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, NotTraces> {
    serde_json::from_str(text).map_err(|error| NotTraces::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_shapes_hold_traces() {
        for body in [
            r#" {"traces":[{"traceId":"a"}],"more":1}"#,
            r#"[{"traceId":"a"}]"#,
            r#" {"traceId":"a"} "#,
        ] {
            assert_eq!(split(body), Ok(vec![r#"{"traceId":"a"}"#]), "{body}");
        }
        assert_eq!(split(r#"{"traces":[]}"#), Ok(vec![]));
        assert_eq!(split(r#"[1,"x",{}]"#), Ok(vec!["1", "\"x\"", "{}"]));
    }

    #[test]
    fn other_shapes_and_broken_text_are_refused() {
        for body in ["", "{}", r#"{"traces":null}"#, "7", "\"x\""] {
            assert_eq!(split(body), Err(NotTraces::Shape), "{body}");
        }
        assert!(matches!(split("[1,"), Err(NotTraces::Malformed(_))));
    }

    #[test]
    fn a_trace_of_any_depth_does_not_end_the_others() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        let body = format!(r#"{{"traces":[{{"traceId":"a"}},{{"input":{deep}}}]}}"#);
        assert_eq!(split(&body).map(|traces| traces.len()), Ok(2));
    }
}
