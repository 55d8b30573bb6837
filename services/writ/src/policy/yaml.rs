//! YAML as JSON values that remember their lines. JSON is YAML.

use std::collections::BTreeMap;

use saphyr::{
    LoadableYamlNode, Mapping, MarkedYaml, Scalar, ScanError, Yaml, YamlData, YamlEmitter,
};
use serde_json::{Map, Number, Value};

use super::problem::below;
use crate::failure::Failure;

/// Fields that are written before others.
const FIRST: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "id",
    "description",
    "policyType",
    "enforcementMode",
];

/// One document of a file.
#[derive(Debug)]
pub(super) struct Document {
    /// What it says.
    pub(super) value: Value,
    lines: BTreeMap<String, usize>,
}

/// Why a text is no YAML, or none that JSON could say.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) line: usize,
    pub(super) message: String,
}

impl Document {
    /// The line of the value at a JSON pointer, or of the nearest one above it.
    pub(super) fn line(&self, pointer: &str) -> usize {
        let mut pointer = pointer;
        loop {
            if let Some(line) = self.lines.get(pointer) {
                return *line;
            }
            match pointer.rsplit_once('/') {
                Some((above, _)) => pointer = above,
                None => return 0,
            }
        }
    }
}

/// Every document of a text, also those of a list; empty ones are left out.
pub(super) fn read(text: &str) -> Result<Vec<Document>, Unreadable> {
    let nodes = MarkedYaml::load_from_str(text).map_err(|error| scan_error(&error))?;
    let mut documents = Vec::new();
    for node in &nodes {
        let listed = node.data.as_sequence();
        let several = listed.map_or(std::slice::from_ref(node), Vec::as_slice);
        for node in several {
            documents.push(document(node)?);
        }
    }
    documents.retain(|it| !it.value.is_null());
    Ok(documents)
}

fn document(node: &MarkedYaml<'_>) -> Result<Document, Unreadable> {
    let mut lines = BTreeMap::new();
    lines.insert(String::new(), node.span.start.line());
    let value = value(node, "", &mut lines)?;
    Ok(Document { value, lines })
}

/// Documents as a file.
pub(crate) fn write(documents: &[Value]) -> Result<String, Failure> {
    let mut text = String::new();
    for document in documents {
        let mut emitter = YamlEmitter::new(&mut text);
        emitter.multiline(true);
        let written = emitter.dump(&node(document));
        written.map_err(|error| Failure::Unavailable(format!("cannot write YAML: {error}")))?;
        text.push('\n');
    }
    Ok(text)
}

fn node(value: &Value) -> Yaml<'_> {
    match value {
        Value::Null => Yaml::Value(Scalar::Null),
        Value::Bool(yes) => Yaml::Value(Scalar::Boolean(*yes)),
        Value::Number(number) => Yaml::Value(match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Scalar::Integer(whole),
            (None, float) => Scalar::FloatingPoint(float.unwrap_or_default().into()),
        }),
        Value::String(text) => Yaml::Value(Scalar::String(text.as_str().into())),
        Value::Array(items) => Yaml::Sequence(items.iter().map(node).collect()),
        Value::Object(fields) => {
            let rank = |name: &str| FIRST.iter().position(|it| *it == name);
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_by_key(|name| rank(name).unwrap_or(FIRST.len()));
            let pairs = names.into_iter().filter_map(|name| {
                let key = Yaml::Value(Scalar::String(name.as_str().into()));
                Some((key, node(fields.get(name)?)))
            });
            Yaml::Mapping(pairs.collect::<Mapping<'_>>())
        }
    }
}

fn scan_error(error: &ScanError) -> Unreadable {
    let (line, column) = (error.marker().line(), error.marker().col() + 1);
    Unreadable {
        line,
        message: format!("not YAML: {} (column {column})", error.info()),
    }
}

fn value(
    node: &MarkedYaml<'_>,
    pointer: &str,
    lines: &mut BTreeMap<String, usize>,
) -> Result<Value, Unreadable> {
    match &node.data {
        YamlData::Value(scalar) => of_scalar(scalar).ok_or_else(|| {
            let message = "a number that JSON does not have";
            unreadable(node, message)
        }),
        YamlData::Sequence(items) => {
            let mut list = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let pointer = below(pointer, &index.to_string());
                lines.insert(pointer.clone(), item.span.start.line());
                list.push(value(item, &pointer, lines)?);
            }
            Ok(Value::Array(list))
        }
        YamlData::Mapping(fields) => {
            let mut object = Map::new();
            for (key, field) in fields {
                let YamlData::Value(Scalar::String(name)) = &key.data else {
                    return Err(unreadable(key, "a field's name must be text: quote it"));
                };
                let pointer = below(pointer, name);
                lines.insert(pointer.clone(), key.span.start.line());
                object.insert(name.to_string(), value(field, &pointer, lines)?);
            }
            Ok(Value::Object(object))
        }
        YamlData::Tagged(..) => Err(unreadable(node, "tags (!…) are not supported")),
        YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
            Err(unreadable(node, "not a value"))
        }
    }
}

fn unreadable(node: &MarkedYaml<'_>, message: &str) -> Unreadable {
    Unreadable {
        line: node.span.start.line(),
        message: message.to_owned(),
    }
}

fn of_scalar(scalar: &Scalar<'_>) -> Option<Value> {
    Some(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(yes) => Value::Bool(*yes),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::FloatingPoint(number) => Value::Number(Number::from_f64(number.into_inner())?),
        Scalar::String(text) => Value::from(text.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_remember_the_line_their_name_is_on() {
        let text = "# first\na: 1\nb:\n  - x\n  - y:\n      z: 0.5\n---\nc: 'no'\n";
        let documents = read(text).unwrap();
        assert_eq!(
            documents[0].value,
            json!({"a": 1, "b": ["x", {"y": {"z": 0.5}}]})
        );
        assert_eq!(documents[1].value, json!({"c": "no"}));
        let line = |pointer| documents[0].line(pointer);
        assert_eq!((line("/a"), line("/b/1/y"), line("/b/1/y/z")), (2, 5, 6));
        assert_eq!(line("/b/1/y/missing"), 5);
        assert_eq!(documents[1].line("/c"), 8);
    }

    #[test]
    fn what_json_cannot_say_is_refused_with_its_line() {
        for (text, line, said) in [
            ("a: 1\na: 2\n", 2, "duplicated"),
            ("a: .inf\n", 1, "number"),
            ("x: y\n1: a\n", 2, "quote"),
            ("a: 1\nb: !tag x\n", 2, "tags"),
            ("a: [1\nb: 2\n", 2, "not YAML"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(said), "{text}: {}", error.message);
            assert_eq!(error.line, line, "{text}: {}", error.message);
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let value = json!({
            "kind": "Policy", "apiVersion": "v", "a": ["yes", "- x", "1", "~", "", " ", "a: b", "#"],
            "b": {"n": 5, "f": 0.1, "big": 1e300, "neg": -3, "t": true, "none": null},
            "text": "two\nlines\n", "tail": "x\n\n", "odd": "\u{1}\u{85}\u{2028}\"'\\ \t|",
            "patterns": ["\\bproject\\s+(x|y)\\b", "{}", "[]", "&a", "*b", "!c", "%d", "@e", "`f"],
            "empty": {"l": [], "o": {}},
        });
        let text = write(&[value.clone(), json!({"c": 1})]).unwrap();
        assert!(
            text.starts_with("---\napiVersion: v\nkind: Policy\n"),
            "{text}"
        );
        let back = read(&text).unwrap();
        assert_eq!(back[0].value, value, "{text}");
        assert_eq!(back[1].value, json!({"c": 1}), "{text}");
    }

    #[test]
    fn the_documents_of_a_list_are_documents() {
        let documents = read("[\n {\"a\": 1},\n {\"a\": 2}\n]").unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[1].line("/a"), 3);
    }

    #[test]
    fn nested_aliases_do_not_fill_the_memory() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..9 {
            let aliases = vec![format!("*a{}", n - 1); 10].join(",");
            bomb.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
        }
        assert!(read(&bomb).unwrap_err().message.contains("budget"));
    }
}
