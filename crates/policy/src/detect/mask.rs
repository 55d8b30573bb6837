//! Replaces found values in a text.

use crate::decision::Evidence;

/// Replaces every exact finding in `input` by `[REDACTED:<kind>]`; `None` when nothing was found
/// there. Overlapping findings become one, named after the first.
pub(crate) fn redact(input: &str, findings: &[Evidence]) -> Option<String> {
    let mut spans: Vec<_> = findings
        .iter()
        .filter(|finding| finding.location == "input")
        .filter_map(|finding| Some((finding.span?, finding.kind.as_str())))
        .collect();
    spans.sort_unstable_by_key(|(span, kind)| (span.start, std::cmp::Reverse(span.end), *kind));
    let mut out = String::with_capacity(input.len());
    let mut done = 0;
    for (span, kind) in &spans {
        if span.start >= done {
            out.push_str(input.get(done..span.start)?);
            out.push_str("[REDACTED:");
            out.push_str(kind);
            out.push(']');
        }
        done = done.max(span.end);
    }
    out.push_str(input.get(done..)?);
    (!spans.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Span;

    fn finding(kind: &str, start: usize, end: usize) -> Evidence {
        let span = Some(Span { start, end });
        Evidence {
            kind: kind.to_owned(),
            location: "input".to_owned(),
            span,
        }
    }

    #[test]
    fn overlapping_findings_are_replaced_once() {
        let found = [finding("b", 4, 9), finding("a", 2, 6), finding("c", 10, 11)];
        assert_eq!(
            redact("0123456789abc", &found).unwrap(),
            "01[REDACTED:a]9[REDACTED:c]bc"
        );
    }

    #[test]
    fn nothing_found_changes_nothing() {
        assert_eq!(redact("abc", &[]), None);
    }
}
