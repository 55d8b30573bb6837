//! Whether a text is program code, or has a block of it.

/// Lines that look like code before a text without a fence counts as code.
const LINES: usize = 3;

/// A fenced block that is not prose, or at least three lines of code, a third of all.
pub(super) fn is_code(text: &str) -> bool {
    let (mut lines, mut code) = (0_usize, 0_usize);
    let mut fenced = None;
    for line in text.lines().map(str::trim) {
        if let Some(language) = line
            .strip_prefix("```")
            .or_else(|| line.strip_prefix("~~~"))
        {
            match fenced {
                // A language that is one, or code inside.
                None => fenced = Some(is_language(language.trim())),
                Some(true) => return true,
                Some(false) => fenced = None,
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        lines += 1;
        let looks = looks_like_code(line);
        code += usize::from(looks);
        if looks && fenced == Some(false) {
            fenced = Some(true);
        }
    }
    // A fence that nothing closes was cut off.
    fenced == Some(true) || (code >= LINES && code * 3 >= lines)
}

fn is_language(word: &str) -> bool {
    let prose = [
        "text",
        "txt",
        "plain",
        "plaintext",
        "markdown",
        "md",
        "json",
        "yaml",
        "csv",
    ];
    !word.is_empty() && !prose.iter().any(|p| word.eq_ignore_ascii_case(p))
}

/// Beginnings that only programs have.
const BEGINNINGS: [&str; 38] = [
    "def ",
    "class ",
    "import ",
    "from ",
    "return ",
    "return;",
    "if (",
    "if(",
    "for (",
    "for(",
    "while (",
    "while(",
    "} else",
    "function ",
    "const ",
    "let ",
    "var ",
    "public ",
    "private ",
    "protected ",
    "static ",
    "#include",
    "#define",
    "using ",
    "namespace ",
    "package ",
    "func ",
    "fn ",
    "pub ",
    "impl ",
    "use ",
    "struct ",
    "enum ",
    "async ",
    "await ",
    "try {",
    "catch (",
    "#!/",
];

/// A line of code begins as one and ends, or is joined, as only code is.
fn looks_like_code(line: &str) -> bool {
    let ends = line.ends_with([';', '{', '}', ')', ':', ']']) || line.ends_with("=>");
    let joins = [
        "==", "!=", "=>", "->", "::", "();", "&&", "||", " = ", "+=", "</", "/>", "()",
    ];
    let joined = joins.iter().any(|join| line.contains(join));
    let begins = BEGINNINGS.iter().any(|word| line.starts_with(word));
    let braces = matches!(line, "{" | "}" | "};" | "});" | "})" | "*/");
    let module = (line.starts_with("import ") || line.starts_with("from "))
        && (line.contains(" import ") || line.split_whitespace().count() == 2);
    braces
        || module
        || line.starts_with("#include")
        || line.starts_with("#!/")
        || (ends && (begins || joined))
        || (begins && joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_code_with_and_without_a_fence() {
        for text in [
            "Here you go:\n```python\nprint(1)\n```",
            "```\nlet a = 1;\n```",
            "```rust\nfn main() {",
            "import os\nfrom sys import argv\n\ndef main():\n    print(argv[1])\n",
            "#include <stdio.h>\nint main() {\n  return 0;\n}\n",
            "const a = () => 1;\nlet b = a();\nif (b == 1) {\n}",
        ] {
            assert!(is_code(text), "{text}");
        }
    }

    #[test]
    fn prose_and_data_are_not_code() {
        for text in [
            "The total is 5; the rest follows.",
            "```\nDear Ana,\nthank you.\n```",
            "```json\n{\"a\": 1}\n```",
            "Let us import the goods from Spain.\nPublic opinion (see below):\nFor all of us",
            "- one\n- two\n- three",
            "",
        ] {
            assert!(!is_code(text), "{text}");
        }
    }
}
