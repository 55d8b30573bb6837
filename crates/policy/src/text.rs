//! The texts of a request, each with the path it was found at.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

use crate::request::Request;

/// Bytes of text one request may bring to the scanners; more is an error of the scanning policies.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Texts one request may bring to the scanners.
pub(crate) const MAX_TEXTS: usize = 100_000;
/// Object keys shorter than this are not scanned as text.
const SCANNED_KEY: usize = 16;
/// Whole numbers with fewer digits identify nobody.
const SCANNED_NUMBER: u64 = 100_000_000;

/// Which field of the request a text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Input,
    Metadata,
    History,
    ToolOutput,
    Output,
}

/// One text.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    pub(crate) part: Part,
    /// Written by the application itself (a system message), so it may give orders.
    pub(crate) trusted: bool,
    pub(crate) raw: Cow<'a, str>,
    node: usize,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Root(&'static str),
    Item(&'static str, usize, &'static str),
    Key(&'a str),
    Index(usize),
}

#[derive(Debug)]
struct Node<'a> {
    parent: Option<usize>,
    step: Step<'a>,
}

/// All texts of a request in a fixed order.
#[derive(Debug, Default)]
pub(crate) struct Texts<'a> {
    texts: Vec<Text<'a>>,
    nodes: Vec<Node<'a>>,
    /// Values that are no content.
    known: Vec<&'a Value>,
    bytes: usize,
    truncated: bool,
}

impl<'a> Texts<'a> {
    /// Collects every string of a request; object keys and long numbers count as strings.
    pub(crate) fn of(request: &'a Request) -> Self {
        let mut texts = Self::default();
        let root = texts.node(None, Step::Root("input"));
        texts.push(Part::Input, false, Cow::Borrowed(&request.input), root);
        if let Some(metadata) = &request.metadata {
            let root = texts.node(None, Step::Root("metadata"));
            texts.known = names(request, metadata);
            texts.walk(Part::Metadata, metadata, root, system_messages(metadata));
        }
        for (i, message) in request.conversation_history.iter().enumerate() {
            let root = texts.node(None, Step::Item("conversationHistory", i, ""));
            let trusted = is_system(message).then_some(message);
            texts.walk(Part::History, message, root, trusted.into_iter().collect());
        }
        for (i, tool) in request.tool_outputs.iter().enumerate() {
            let input = texts.node(None, Step::Item("toolOutputs", i, ".input"));
            texts.walk(Part::ToolOutput, &tool.input, input, Vec::new());
            let output = texts.node(None, Step::Item("toolOutputs", i, ".output"));
            texts.walk(Part::ToolOutput, &tool.output, output, Vec::new());
        }
        if let Some(output) = &request.output {
            let root = texts.node(None, Step::Root("output"));
            texts.push(Part::Output, false, Cow::Borrowed(output), root);
        }
        texts
    }

    /// Whether there was more text than the scanners take.
    pub(crate) fn truncated(&self) -> bool {
        self.truncated
    }

    /// Bytes of all texts together.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Text<'a>)> {
        self.texts.iter().enumerate()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Text<'a>> {
        self.texts.get(index)
    }

    /// The name of the nearest field that holds a text.
    pub(crate) fn field(&self, index: usize) -> Option<&'a str> {
        let mut node = self.nodes.get(self.texts.get(index)?.node)?;
        loop {
            match node.step {
                Step::Key(key) => return Some(key),
                Step::Index(_) => node = self.nodes.get(node.parent?)?,
                Step::Root(_) | Step::Item(..) => return None,
            }
        }
    }

    /// Which tool's answer a text is part of; `None` for its arguments and everything else.
    pub(crate) fn tool_output(&self, index: usize) -> Option<usize> {
        let mut node = self.nodes.get(self.texts.get(index)?.node)?;
        while let Some(parent) = node.parent {
            node = self.nodes.get(parent)?;
        }
        match node.step {
            Step::Item("toolOutputs", i, ".output") => Some(i),
            Step::Root(_) | Step::Item(..) | Step::Key(_) | Step::Index(_) => None,
        }
    }

    /// The path of a text, with every key that could itself be data replaced by `*`.
    pub(crate) fn location(&self, index: usize) -> String {
        let mut steps = Vec::new();
        let mut at = self.texts.get(index).map(|text| text.node);
        while let Some(node) = at.and_then(|node| self.nodes.get(node)) {
            steps.push(node.step);
            at = node.parent;
        }
        let mut path = String::new();
        for step in steps.iter().rev() {
            // Writing to a String cannot fail.
            let _ok = match step {
                Step::Root(name) => path.write_str(name),
                Step::Item(name, i, field) => write!(path, "{name}[{i}]{field}"),
                Step::Key(key) if is_plain_name(key) => write!(path, ".{key}"),
                Step::Key(_) => path.write_str(".*"),
                Step::Index(i) => write!(path, "[{i}]"),
            };
        }
        path
    }

    fn node(&mut self, parent: Option<usize>, step: Step<'a>) -> usize {
        self.nodes.push(Node { parent, step });
        self.nodes.len() - 1
    }

    fn push(&mut self, part: Part, trusted: bool, raw: Cow<'a, str>, node: usize) {
        let bytes = self.bytes.saturating_add(raw.len());
        if bytes > MAX_BYTES || self.texts.len() >= MAX_TEXTS {
            self.truncated = true;
        } else if !raw.is_empty() {
            self.bytes = bytes;
            self.texts.push(Text {
                part,
                trusted,
                raw,
                node,
            });
        }
    }

    /// Walks without recursion, so that depth costs heap and not stack.
    fn walk(&mut self, part: Part, value: &'a Value, root: usize, trusted: Vec<&'a Value>) {
        let mut stack = vec![(value, root, false)];
        while let Some((value, node, inherited)) = stack.pop() {
            if self.truncated {
                return;
            }
            if self.known.iter().any(|known| std::ptr::eq(*known, value)) {
                continue;
            }
            let trust = inherited || trusted.iter().any(|t| std::ptr::eq(*t, value));
            let first = stack.len();
            match value {
                Value::String(s) => self.push(part, trust, Cow::Borrowed(s), node),
                Value::Number(n) if n.as_u64().is_some_and(|n| n >= SCANNED_NUMBER) => {
                    self.push(part, trust, Cow::Owned(n.to_string()), node);
                }
                Value::Array(items) => {
                    for (i, item) in items.iter().enumerate() {
                        stack.push((item, self.node(Some(node), Step::Index(i)), trust));
                    }
                }
                Value::Object(fields) => {
                    for (key, field) in fields {
                        let child = self.node(Some(node), Step::Key(key));
                        if key.len() >= SCANNED_KEY {
                            self.push(part, trust, Cow::Borrowed(key), child);
                        }
                        stack.push((field, child, trust));
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
            if let Some(children) = stack.get_mut(first..) {
                children.reverse();
            }
        }
    }
}

/// The system messages of an adapter's `metadata.messages`: the application's own orders.
fn system_messages(metadata: &Value) -> Vec<&Value> {
    let messages = metadata.get("messages").and_then(Value::as_array);
    messages
        .into_iter()
        .flatten()
        .filter(|message| is_system(message))
        .collect()
}

/// What metadata calls the person behind the act, once the request has taken it from there: a name
/// of somebody known, not data that was found.
fn names<'a>(request: &Request, metadata: &'a Value) -> Vec<&'a Value> {
    let person = metadata
        .get("onBehalfOf")
        .filter(|_| request.on_behalf_of.is_some());
    let fields = person
        .into_iter()
        .flat_map(|person| ["userId", "email"].map(|field| person.get(field)));
    fields.flatten().collect()
}

fn is_system(message: &Value) -> bool {
    let role = message.get("role").and_then(Value::as_str);
    matches!(role, Some("system" | "developer"))
}

/// A key may be shown when it reads like a field name and cannot be a number or a secret.
fn is_plain_name(key: &str) -> bool {
    key.len() <= 32
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && key.chars().filter(char::is_ascii_digit).count() <= 3
}
