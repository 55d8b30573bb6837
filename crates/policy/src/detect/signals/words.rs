//! Lists of words used in the phrases.

/// Lists of words used in the phrases; longer names first where one begins with another.
pub(super) const WORDS: &[(&str, &str)] = &[
    (
        "@DROP",
        r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|bypass(?:ing)?|overrid(?:e|ing)|overrule|discard|dismiss|neglect|abandon|violate|disobey|break|set aside|skip|omit|pay no (?:attention|heed) to|(?:do not|don'?t|stop|never|no longer|cease) (?:follow|obey|adher|comply|listen|heed|car)(?:ing|e)?(?: (?:to|with|about))?)",
    ),
    (
        "@PRIOR",
        r"(?:previous(?:ly)?|prior|preceding|above|earlier|existing|former|past|initial|original|foregoing|before|system|developers?|safety|ethical|built.in|hidden)",
    ),
    (
        "@ORDERS",
        r"(?:instruct(?:ions?|ed)|directions?|directives?|rules?|guidelines?|prompts?|commands?|orders|constraints?|restrictions?|polic(?:y|ies)|programming|training|guardrails?|safeguards?|filters?|protocols?|limitations?)",
    ),
    ("@GAP2", r"(?:\w+\W{1,4}){0,2}"),
    ("@GAP4", r"(?:\w+\W{1,4}){0,4}"),
    (
        "@SHOW",
        r"(?:reveal|show|print|output|display|repeat|tell|give|share|expose|disclose|leak|dump|recite|write|return|summari[sz]e|translate|list|provide|quote|paste|echo|spell out|what (?:is|are|was|were)|what'?s)",
    ),
    (
        "@SECRET",
        r"(?:(?:api|secret|private|access|signing|encryption|admin|ssh) (?:keys?|tokens?|passwords?)|passwords?|credentials?|secrets?|\.env|connection strings?|private keys?)",
    ),
];
