//! The ideas that attacks over several messages are made of.

/// One idea; the number is its place in [`PATTERNS`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Idea {
    /// What is guarded.
    Target,
    /// Other people's data.
    Data,
    /// What guards it.
    Control,
    /// Asking for the rest of it.
    More,
    /// From the example to the real thing.
    Real,
    /// Past the guards, or unseen.
    Evade,
    /// To somewhere else.
    Outside,
    /// Who the user says to be.
    Claim,
    /// Only a story.
    Fiction,
    /// Nothing is forbidden.
    Lawless,
    /// A demand.
    Act,
    /// Doing what a text says.
    Indirect,
    /// Very much of it.
    Amount,
    /// Spelt so that it is not seen.
    Trick,
}

pub(super) const COUNT: usize = 14;

/// What each idea looks like, in the order of [`Idea`].
pub(super) const PATTERNS: [&str; COUNT] = [
    r"\b(?:instructions?|(?:system )?prompts?|guidelines?|rules?|secrets?|(?:api |ssh |the |real |which |your )?keys?|tokens?|passwords?|pass(?:word|code|phrase)|credentials?|the code|code is|hidden|internal|confidential|restricted|private|sensitive|vault|treasure|salar(?:y|ies)|bonus(?:es)?|ssh|\.env|config|hashes|memory about|system message|first (?:note|sentence|paragraph|line)|given a text|off.limits)\b",
    r"\b(?:customers?|users?|employees|colleagues?|everyone'?s?|people'?s?|clients?|patients?|records?|database|tables?|address(?:es)?|phone numbers?|e-?mails?|invoices|documents|minutes|contacts?|files?)\b",
    r"\b(?:logs?|audit(?:or|ors)?|approv(?:al|als|e|er|ed|es)|checks?|limits?|rights|admin(?:s|istrator)?|owner|root|filters?|firewall|alarms?|monitoring|restrictions?|permissions?|polic(?:y|ies)|review|safeguards?|block(?:s|ed)?)\b",
    r"\b(?:the rest|and the (?:rest|others?|next|remaining)|all of (?:them|it)|the others|completely|in full|to the end|every(?:thing| detail| line| word)|whole|exact(?:ly)?|word for word|verbatim|as (?:they|it) (?:were|was|are|is) (?:given|written)|continue|go on|leave (?:nothing|anything) out|do not leave|second and third|read it out|copy the words|without the|not shorten|too$|too\.)",
    r"\b(?:the real|real (?:one|ones|key|people|systems|data|rules|name|thing)|same as (?:yours|ours|our|your)|realistic|for real|actual|of yours|yourself|about you|would it work|your (?:own|first|real|original))\b",
    r"\b(?:without (?:asking|telling|her|him|them|filter|filters|rules|limits|approval|review|notice|the mail)|(?:don'?t|do not|never|not) (?:notify|mention|tell|say|ask|log|report|inform|let|warn|record)|no (?:need to ask|trace|filter|questions|rules|limits)|no ?(?:body|one) (?:notices|knows|sees|will)|nobody|hide|secretly|quietly|silently|trace|skip|bypass|circumvent|ignore|get around|turn off|switch off|disable|before (?:he|she|they) sees?|come later|afterwards|get the approval|remove it from|nothing happened|in (?:his|her|their) name|off duty|just below)\b",
    r"(?:\b(?:gmail|my (?:private|personal|own|gmail|home)|pastebin|public|press|outside|external|everyone|my stick|usb|upload|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\b|\S@\S|https?:)",
    r"\b(?:i'?m (?:the|your|an?|in) (?:admin\w*|developer|boss|owner|security|creator|tester|engineer)|i am (?:the|your|above|an?) (?:\w+ )?(?:admin\w*|developer|boss|owner|security|creator|them)|i work in security|remember (?:that )?i(?:'m| am)|admins? (?:skip|may|can)|security may|my boss (?:is|said)|above them|we test you|for the test|we(?:'re| are) testing|friends?|trust me|she said|he said|you like me|other (?:assistants|bots|models))\b",
    r"\b(?:story|pretend|play (?:a|the|my)|you play|film|novel|character|game|imagine|role|poem|let'?s (?:play|write|agree)|pirate|hero|code word)\b",
    r"\b(?:no (?:rules|limits|filters?|restrictions)|without (?:rules|limits|filters?|restrictions)|not bound|hates? (?:the )?rules|never refuses|free of|drop (?:the|their|all|them)|break (?:the|your) rules?|ignore (?:it|them|that rule|the rules?)|not supposed|rule is (?:right|wrong|silly)|silly|you could|follow mine|jailbreaks?)\b",
    r"(?:^|[.,:;!?] |\band |\bthen |\bnow |\bplease |\bjust |\bso )(?:print|show|read|quote|copy|tell|list|dump|export|send|post|upload|mail|apply|delete|drop|transfer|approve|mark|run|execute|give|open|write|sign|do (?:it|what)|say|make|start|put|save|publish|forward|set|change|move|wipe|grant|pay|reveal|spell)\b",
    r"\b(?:hidden text|the (?:text|command|instruction|comment|note|page|mail|document|line) says|what (?:it|the \w+ \w+|the \w+) says|what it asks|follow (?:it|that|the) ?(?:instruction|command|text)?|run the command|an instruction|a command in)\b",
    r"\b(?:\d{1,3}(?:[,.]\d{3})+|\d{5,}|ten more|everyone|all (?:users|files|tables|records|customers))\b",
    r"\b(?:backwards|base64|morse|letters?|with dots|spell|encode|rhymes|first letter|reverse|one (?:letter|word) at a time)\b",
];
