//! JUnit XML, as GitLab, Jenkins and GitHub actions read it.

use std::fmt::Write;

/// One `<testsuite>`.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) cases: Vec<Case>,
}

/// One `<testcase>`.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) line: usize,
    /// Why it failed; empty when it passed.
    pub(super) wrong: Vec<String>,
}

/// The whole document.
pub(super) fn document(suites: &[Suite]) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let cases = || suites.iter().flat_map(|it| &it.cases);
    let failed = cases().filter(|it| !it.wrong.is_empty()).count();
    let total = cases().count();
    line(
        &mut xml,
        format_args!(
            "<testsuites name=\"writ policy\" tests=\"{total}\" failures=\"{failed}\" errors=\"0\">"
        ),
    );
    for suite in suites {
        add(&mut xml, suite);
    }
    xml.push_str("</testsuites>");
    xml
}

fn add(xml: &mut String, suite: &Suite) {
    let failed = suite.cases.iter().filter(|it| !it.wrong.is_empty()).count();
    let (name, file) = (escaped(&suite.name), escaped(&suite.file));
    let total = suite.cases.len();
    line(
        xml,
        format_args!(
            "  <testsuite name=\"{name}\" file=\"{file}\" tests=\"{total}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">"
        ),
    );
    for case in &suite.cases {
        let head = format!(
            "    <testcase name=\"{}\" classname=\"{name}\" file=\"{file}\" line=\"{}\"",
            escaped(&case.name),
            case.line
        );
        let Some(first) = case.wrong.first() else {
            line(xml, format_args!("{head}/>"));
            continue;
        };
        let all = escaped(&case.wrong.join("\n"));
        let first = escaped(first);
        line(xml, format_args!("{head}>"));
        line(
            xml,
            format_args!("      <failure message=\"{first}\" type=\"policy\">{all}</failure>"),
        );
        line(xml, format_args!("    </testcase>"));
    }
    line(xml, format_args!("  </testsuite>"));
}

fn line(xml: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _written = writeln!(xml, "{text}");
}

/// Text that is safe in an attribute and between tags; what XML 1.0 cannot say is replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(c),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out_of_the_document() {
        assert_eq!(
            escaped("a<b>&\"c\"\u{1b}]\n"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}]\n"
        );
    }

    #[test]
    fn failures_are_counted_and_told() {
        let case = |name: &str, wrong: &[&str]| Case {
            name: name.to_owned(),
            line: 3,
            wrong: wrong.iter().map(|it| (*it).to_owned()).collect(),
        };
        let suite = Suite {
            name: "pii".to_owned(),
            file: "pii_test.yaml".to_owned(),
            cases: vec![case("good", &[]), case("bad", &["outcome: no", "x: y"])],
        };
        let xml = document(&[suite]);
        assert!(xml.contains("<testsuites name=\"writ policy\" tests=\"2\" failures=\"1\""));
        assert!(
            xml.contains("<failure message=\"outcome: no\" type=\"policy\">outcome: no\nx: y<")
        );
        assert!(xml.contains(
            "<testcase name=\"good\" classname=\"pii\" file=\"pii_test.yaml\" line=\"3\"/>"
        ));
    }
}
