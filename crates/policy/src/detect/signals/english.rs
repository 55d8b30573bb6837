//! English phrases. A blank stands for any gap between words, `@NAME` for a list of words.

use super::{Family, Signal};

/// Phrases looked for in every reading with word gaps.
pub(super) const ENGLISH: &[Signal] = &[
    Signal {
        name: "instruction_override",
        family: Family::Override,
        weight: 700,
        patterns: &[r"\b@DROP @GAP4(?:@PRIOR) @GAP2@ORDERS\b"],
    },
    Signal {
        name: "instruction_override",
        family: Family::Override,
        weight: 650,
        patterns: &[
            r"\b@DROP (?:all|any|every|everything|anything|what(?:ever)?) @GAP4(?:above|before|previously|prior|earlier|so far|up to now|until now|beforehand)\b",
            r"\b@DROP (?:your|the|of) (?:\w+\W{1,4})?(?:above|so far)\b",
            r"\b@DROP (?:all |any |every |each )(?:of )?(?:your |the |my |these |those |its )?@GAP2@ORDERS\b",
            r"\b@DROP (?:your|its|the) (?:@GAP2)(?:role|purpose|identity|safety|persona|job|limits|ethics|morals)\b",
        ],
    },
    Signal {
        name: "instruction_override",
        family: Family::Override,
        weight: 600,
        patterns: &[
            r"\b@DROP (?:your|these|those) @GAP2@ORDERS\b",
            r"\b@ORDERS (?:above|before this|so far|given|you (?:were|have been|got)|from (?:your|the) (?:developers?|creators?|system)) @GAP4(?:are|is|were) (?:now )?(?:outdated|void|null|obsolete|invalid|cancel+ed|superseded|no longer|wrong|fake|lifted|revoked)\b",
            r"\b(?:@PRIOR|your|all) @GAP2@ORDERS @GAP2(?:are|is) (?:now |hereby )?(?:outdated|void|null|obsolete|invalid|cancel+ed|superseded|suspended|lifted|revoked|no longer)\b",
            r"\b(?:override|turn off|disable|deactivate) (?:your |all |any )(?:@GAP2)(?:safety|security|content) (?:settings?|features?|measures?|checks?|systems?|layers?)\b",
            r"\b(?:rules?|constraints?|restrictions?|limits?|guidelines?|filters?)(?: \d+.\d+)? (?:do |does |will |are |is )?(?:now )?(?:no longer (?:appl(?:y|ies)|bind|valid)|removed|gone|off|disabled)\b",
            r"\b(?:instead of|rather than|without) (?:following|obeying|using|regarding|considering) @GAP2(?:@PRIOR|your) @GAP2@ORDERS\b",
            r"\b(?:stop|quit|never mind|cease) (?:following |obeying )?(?:the|your|any|all) (?:@GAP2)(?:guidelines?|instructions?|rules?|role (?:description|prompt)|orders) (?:from|of|by|given|you|and)\b",
        ],
    },
    Signal {
        name: "new_instructions",
        family: Family::Override,
        weight: 400,
        patterns: &[
            r"\b(?:here (?:are|is)|follow|these are|obey|your) (?:the |your |my |only )?(?:new|updated|real|actual|true) (?:system )?(?:instructions?|orders|task is|directives?|objective|goal|purpose|rules are)\b",
        ],
    },
    Signal {
        name: "new_instructions",
        family: Family::Override,
        weight: 450,
        patterns: &[r"\bnew (?:system )?(?:instructions?|directives?|prompt|task)\s*[:=]"],
    },
    Signal {
        name: "new_instructions",
        family: Family::Override,
        weight: 400,
        patterns: &[
            r"\bfrom now on @GAP4(?:you (?:are|will|must|shall|should|can|have|respond|answer|act|only)|only|answer|respond|ignore|act|pretend)\b",
        ],
    },
    Signal {
        name: "prompt_leak",
        family: Family::Leak,
        weight: 650,
        patterns: &[
            r"\b@SHOW @GAP4(?:your|the|its|my|this) @GAP2(?:system|initial|original|hidden|secret|internal|starting|developer|full|base|pre|first|above|previous) @GAP2(?:prompts?|instructions?|messages?|directives?|guidelines|rules|text|config(?:uration)?)\b",
        ],
    },
    Signal {
        name: "prompt_leak",
        family: Family::Leak,
        weight: 600,
        patterns: &[
            r"\b(?:repeat|print|output|reveal|show|write|copy|return) @GAP4(?:everything|all|words|text|content|lines|messages?) @GAP2(?:above|before|prior|preceding|previous)\b",
            r"\b(?:encode|encrypt|convert|base64|put|translate|rephrase|spell|store|write) @GAP2(?:your|the) @GAP2(?:system|initial|hidden|original|secret) (?:prompt|message|instructions?)\b",
            r"\b(?:summari[sz]e|repeat|print|show|output|copy|quote) (?:me )?(?:everything|anything|all|the text|the words|the content|what is|what was) (?:\w+ )?(?:above|before|preceding|written above)\b",
        ],
    },
    Signal {
        name: "prompt_leak",
        family: Family::Leak,
        weight: 550,
        patterns: &[
            r"\bwhat @GAP4(?:were|are) you (?:told|instructed|given|asked)(?: to do)? @GAP2(?:before|at the|in the|prior|initially)\b",
            r"\b(?:reveal|leak|dump|disclose|expose|print|output) (?:me )?(?:your|the) (?:system )?(?:prompt|instructions|configuration)\b",
            r"\bwhat (?:\w+ ){0,3}(?:is|was|were) (?:\w+ ){0,2}(?:written|said|stated|your (?:exact |first |original |initial )?instructions?|the prompt) (?:\w+ ){0,6}(?:above|beginning|start|before|of this (?:prompt|conversation|chat))\b",
            r"\b(?:your|the) (?:exact |full |complete |entire |original |initial |configuration |initiali[sz]ation |initialisation )(?:system )?(?:prompt|instructions|prompt text|string)s? (?:\w+ ){0,3}(?:here|verbatim|word for word|at the start|at the beginning|text)\b",
            r"\b(?:verbatim|word for word|exact(?:ly)?) @GAP4(?:system|initial|original|hidden) (?:prompt|instructions?|message)\b",
            r"\b(?:prompt texts?|system prompts?|your prompt|full prompt|complete prompt|entire prompt|prompt in its entirety)\W{1,3}(?:verbatim|in full|completely|entirely|now|immediately|to me|here|as is|please)\b",
            r"\b(?:show|showing|see|output|print|printing|copy of|display|displaying|revealing) (?:me )?(?:of )?(?:all |the |your )@GAP2(?:prompt texts?|full prompt|complete prompt|entire prompt|prompts? in (?:full|its entirety)|system configuration|system prompt)\b",
            r"\b(?:list|name|describe|print|reveal) @GAP4(?:names?|parameters|schemas?|definitions?) @GAP4(?:internal|hidden|available) (?:tools|functions|plugins)\b",
            r"\b(?:what|which|any) (?:confidential|secret|hidden|private|internal) (?:context|instructions?|information|rules?|data) (?:were|was|have|did|do|are) you\b",
        ],
    },
    Signal {
        name: "persona",
        family: Family::Jailbreak,
        weight: 700,
        patterns: &[
            r"\b(?:do anything now|jailbroken|jailbreak mode|dan mode|developer mode (?:enabled|on|output)|god mode|sudo mode|unfiltered mode|evil mode|chaos mode|opposite mode)\b",
        ],
    },
    Signal {
        name: "persona",
        family: Family::Jailbreak,
        weight: 650,
        patterns: &[
            r"\b(?:you are|act as|become|pretend to be|play|called|named|are now|as) @GAP2(?:dan|stan|dude|aim|evilbot|evil.?gpt|mongo tom|ucar|betterdan|devmode|basedgpt|maximum|anti.?dan)\b",
        ],
    },
    Signal {
        name: "persona",
        family: Family::Jailbreak,
        weight: 600,
        patterns: &[
            r"\b(?:you are|act as|become|pretend|imagine|roleplay|simulate|respond as|answer as|persona|ai|chatbot|model|assistant) @GAP4(?:with(?:out)?|no|free (?:of|from)|not bound by|unbound by|has no|have no|lacks?) @GAP2(?:any )?(?:restrictions?|rules?|limits?|limitations?|filters?|censorship|guidelines?|ethics|ethical|moral(?:s|ity)?|safety|boundaries|constraints?)\b",
            r"\b(?:enter|activate|switch (?:in)?to|go into|start|engage|boot into|initiate) @GAP2(?:developer|dev|god|dan|jailbreak|debug|admin|unrestricted|evil|chaos|sudo|root|free|opposite) mode\b",
            r"\b(?:never|cannot|can'?t|not|won'?t) refuses?\b@GAP4.*(?:no morals?|immoral|unethical|illegal|hate|harmful|without (?:ethics|morals|warning))|\bno morals?\b.*\b(?:never|not|cannot) refuse",
            r"\b(?:does not|doesn'?t|do not|don'?t|need not|no longer|not) (?:have to |need to )?(?:care about|abide by|adhere to|follow|comply with|obey|respect) @GAP4(?:openai|ethic\w*|moral\w*|law|laws|content polic\w+|usage polic\w+|guidelines|rules (?:set|of|imposed|that)|polic(?:y|ies))\b",
        ],
    },
    Signal {
        name: "persona",
        family: Family::Persona,
        weight: 450,
        patterns: &[r"\b(?:you are|you'?re) (?:now|no longer) (?:an? |the |my |in )?\w+"],
    },
    Signal {
        name: "persona",
        family: Family::Persona,
        weight: 350,
        patterns: &[
            r"\b(?:pretend|act as if|act as though|imagine|roleplay as|role\W?play as|take on the role|assume the role|want you to act|stay in character)\b",
        ],
    },
    Signal {
        name: "unrestricted",
        family: Family::Jailbreak,
        weight: 550,
        patterns: &[
            r"\b(?:unfiltered|uncensored|unrestricted|amoral|unethical|without (?:any )?(?:moral|ethical|safety|content)) @GAP2(?:ai|assistant|chatbot|model|answers?|responses?|bot|mode|filters?|guidelines?|constraints?|restrictions?|limits?)\b",
            r"\b(?:turn|switch|shut) off @GAP4(?:filters?|safety|safeguards?|guardrails?|restrictions?|moderation|censorship)\b",
            r"\b(?:disable|deactivate|remove|suspend|lift|circumvent|evade|get around) (?:your |all (?:of )?your )@GAP2(?:filters?|safety|safeguards?|guardrails?|restrictions?|moderation|censorship|limitations?)\b",
            r"\b(?:respond|answer|reply|act|speak|operate|continue|proceed|output|start over) (?:\w+ ){0,3}without (?:any |all |the )?(?:\w+ )?(?:restrictions?|filters?|limits?|limitations?|censorship|guidelines|safety|constraints?|warnings?|disclaimers?)\b",
            r"\b(?:break|bypass|ignore|skip|circumvent) (?:the|your|this|that|any|all) (?:@GAP2)(?:rules?|restrictions?|filters?|polic(?:y|ies)|approvals?(?: queue| check| step)?|checks?|safeguards?|guardrails?)\W{1,3}(?:just|and|for me|this|once|so|to|now|if|then|anyway|$)",
            r"\b(?:tip|pay|reward) you .*\b(?:bypass|ignore|break|skip|without)\b|\bif you (?:bypass|ignore|break) (?:the|your|any)\b",
        ],
    },
    Signal {
        name: "unrestricted",
        family: Family::Jailbreak,
        weight: 400,
        patterns: &[
            r"\b(?:never|do not|don'?t|cannot|can'?t|must not|won'?t) (?:ever )?(?:refuse|decline|say no|reject|apologi[sz]e|mention (?:that )?you are an ai|say (?:that )?you can'?t)\b",
        ],
    },
    Signal {
        name: "exfiltration",
        family: Family::Exfiltration,
        weight: 600,
        patterns: &[
            r"\b(?:send|forward|email|e-?mail|post|upload|transmit|exfiltrate|leak|copy|deliver|export|submit) @GAP4@GAP4(?:@SECRET) @GAP4@GAP2(?:to|at|via|through|into|as) @GAP2(?:https?|\S+@|attacker|external|my|this|the following)",
            r"!\[[^\]]{0,64}\]\(https?://[^)\s]{0,200}[?&][^)\s]{0,80}(?:\{|=\s*(?:data|secret|token|conversation|history|chat|base64|%s))",
        ],
    },
    Signal {
        name: "exfiltration",
        family: Family::Exfiltration,
        weight: 550,
        patterns: &[
            r"\b(?:reveal|leak|exfiltrate|dump|print|output|expose|disclose|extract|steal|harvest|read out) @GAP4(?:@SECRET)\b",
            r"\b(?:reveal|give|show|tell|send|print) (?:me |us )?(?:the|your|his|their) @GAP2(?:secret(?: value| key)?|api key|admin password|password|token|private key|credentials|license keys?)\b.{0,3}(?:$|[.!?])",
            r"\b(?:send|forward|e-?mail|post|upload|transmit|copy|put|append|embed|include|leak) (?:\w+ ){0,2}(?:all|every|the|your|this|his|their|any) (?:\w+ ){0,3}(?:secrets?|passwords?|conversations?|tokens?|credentials?) (?:\w+\W{1,2}){0,3}(?:to|into|at|via) (?:\w+\W{1,2}){0,2}(?:\S{1,64}@\S|https?:|my server|attacker|image link|markdown image|external)",
        ],
    },
    Signal {
        name: "exfiltration",
        family: Family::Exfiltration,
        weight: 400,
        patterns: &[
            r"\b(?:send|forward|e-?mail|post|upload|transmit|copy|put|append|embed|include|leak) (?:\w+ ){0,2}(?:all|every|the|your|this|his|their|any) (?:\w+ ){0,3}(?:contacts?|records?|secrets?|passwords?|conversations?|histor(?:y|ies)|threads?|inbox|files?|documents?|data|tokens?|keys?|database|credentials?) (?:\w+\W{1,2}){0,3}(?:to|into|at|via) (?:\w+\W{1,2}){0,2}(?:\S{1,64}@\S|https?:|my server|attacker|image link|markdown image|external)",
        ],
    },
    Signal {
        name: "role_tokens",
        family: Family::Markup,
        weight: 600,
        patterns: &[
            r"(?:<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id|begin_of_text|endofprompt)\|>|\[/?inst\]|<</?sys>>|<start_of_turn>|<end_of_turn>)",
        ],
    },
    Signal {
        name: "role_tokens",
        family: Family::Markup,
        weight: 500,
        patterns: &[
            r"@LINE\[/?(?:system|system (?:prompt|message|override|note|instruction|update)|admin|developer|new instructions?|end of (?:prompt|document|context|instructions|conversation|input|user))\b",
            r"@LINE</?(?:system|system (?:prompt|message|override|note|instruction|update)|admin|developer|new instructions?|end of (?:prompt|document|context|instructions|conversation|input|user))\b",
            r"@LINE##+\s*(?:system|system (?:prompt|message|override|note|instruction|update)|admin|developer|new instructions?|end of (?:prompt|document|context|instructions|conversation|input|user))\b",
            r"@LINE\*\*\s*(?:system|system (?:prompt|message|override|note|instruction|update)|admin|developer|new instructions?|end of (?:prompt|document|context|instructions|conversation|input|user))\b",
            r"@LINE---+\s*(?:system|system (?:prompt|message|override|note|instruction|update)|admin|developer|new instructions?|end of (?:prompt|document|context|instructions|conversation|input|user))\b",
            r"\b(?:system_override|system_prompt|override|safety|filters|approval_required|admin_mode|jailbreak|developer_mode)\W{1,4}(?:=|:)?\W{0,3}(?:true|false|none|off|disabled|enabled|1|0)\b",
            r"\bsystem(?: (?:note|message|override))?: (?:please|you|ignore|new|disregard|always|never|forward|send)\b",
        ],
    },
    Signal {
        name: "role_tokens",
        family: Family::Markup,
        weight: 450,
        patterns: &[r"@LINE(?:system|assistant|developer)\s*(?:prompt|message|override)?\s*:\s*\w"],
    },
    Signal {
        name: "authority",
        family: Family::Authority,
        weight: 450,
        patterns: &[
            r"\b(?:am|i'?m|this is|as) @GAP2(?:your |the )(?:developers?|creators?|administrators?|admin|owner|openai|anthropic|engineers?|system administrator)\b",
            r"\b(?:admin(?:istrator)?|debug|maintenance|test|developer|root|diagnostic) (?:mode|override|access|privileges?) (?:enabled|activated|granted|on|engaged|code)\b",
        ],
    },
    Signal {
        name: "addressed_machine",
        family: Family::Authority,
        weight: 400,
        patterns: &[
            r"\b(?:attention|note to|message (?:to|for)|instructions? (?:to|for)|important|if you are) @GAP2(?:an? |any |all |the )?@GAP2(?:ai|llm|language model|assistants?|chatbots?|ai agents?|bots?|automated systems?|summari[sz]ers?) @GAP2(?:reading|processing|summari[sz]ing|that|who|which|model|assistant|must|should|please|:)",
            r"\b(?:task (?:is )?(?:complete|completed|done|finished)|answer: task complete|completed successfully)\W{1,4}(?:now |your )?(?:next|new) (?:task|instruction|step)\b",
        ],
    },
    Signal {
        name: "addressed_machine",
        family: Family::Authority,
        weight: 450,
        patterns: &[
            r"\b(?:assistant|ai|llm|model|chatbot|agent)s?\s*[,:]\s*(?:please )?(?:ignore|disregard|forget|send|forward|reveal|delete|execute|run|call|transfer|output|print|reply|respond|say)\b",
        ],
    },
    Signal {
        name: "concealment",
        family: Family::Concealment,
        weight: 400,
        patterns: &[
            r"\b(?:do not|don'?t|never|without) (?:tell|telling|mention|mentioning|inform|informing|alert|alerting|notify|notifying|reveal|revealing|disclose|disclosing|let) @GAP4(?:users?|anyone|humans?|this (?:to|step|instruction|message)|them|him|her)\b",
        ],
    },
    Signal {
        name: "instruction_override",
        family: Family::Override,
        weight: 550,
        patterns: &[
            r"\b(?:new|updated|this) (?:directive|instruction|order|rule|task|prompt)s? (?:supersedes?|replaces?|overrides?|takes? precedence|cancels?)\b",
            r"\b(?:forget|ignore|disregard) (?:all|everything|anything)(?:\W{1,3}(?:and|now|you)\b|[.,;:!\n]|$)",
            r"\b(?:remove|erase|delete|clear|wipe|drop) (?:all |any |your |the )@GAP2(?:previous|prior|earlier|preceding) (?:tasks?|instructions?|rules|context|memor(?:y|ies)|messages?)\b",
        ],
    },
    Signal {
        name: "persona",
        family: Family::Jailbreak,
        weight: 550,
        patterns: &[
            r"\b(?:as if|like|pretend|imagine|hypothetically|suppose|say) @GAP2(?:you )(?:had|have|were under|are under|were bound by|are bound by) (?:absolutely )?no (?:\w+ )?(?:rules?|constraints?|restrictions?|limits?|limitations?|filters?|guidelines?|policies)\b",
            r"\[(?:normal|classic|gpt|chatgpt|standard)\].*\[(?:jailbreak|dan|evil|developer|unfiltered|uncensored|\w+)\b",
            r"(?:🔒|🔓|\b(?:normal|classic|standard) (?:response|answer|output|mode)\b).*(?:🔓|\b(?:jailbreak|jailbroken|unfiltered|developer mode|dan|evil)\b)",
            r"\b(?:stay|break|breaking|remain|stays) (?:in )?character\b.*\b(?:illegal|unethical|immoral|harmful|no (?:rules|restrictions|limits|morals)|anything|refuse|openai|policy|policies)\b",
            r"\b(?:illegal|unethical|immoral|harmful|refuse|openai|policies)\b.*\b(?:stay|break|breaking|remain|stays) (?:in )?character\b",
        ],
    },
    Signal {
        name: "unrestricted",
        family: Family::Jailbreak,
        weight: 500,
        patterns: &[
            r"\b(?:content |safety )?(?:filters?|safety|guardrails?|moderation|restrictions?) (?:is|are|has been|have been|were|=|:) ?\W{0,2}(?:now |all )?(?:off|disabled|deactivated|removed|lifted|none|suspended)\b",
        ],
    },
    Signal {
        name: "tool_abuse",
        family: Family::Harm,
        weight: 550,
        patterns: &[
            r"\b(?:rm -rf|sudo rm|drop table|truncate table|mkfs|curl \S+ ?\| ?(?:ba|z)?sh|wget \S+ ?\| ?(?:ba|z)?sh)\b.*\b(?:no confirm|without (?:asking|confirm|approval)|silently|now|immediately|tool)\b",
            r"\b(?:use|call|invoke|run|execute) (?:the|your|any) (?:\w+ ){0,3}(?:tool|api|function|plugin)s? (?:\w+ ){0,2}(?:to|and) .*\b(?:no confirmation|without (?:asking|confirmation|approval|telling)|rm -rf|owner role|admin role|delete all|grant|exfiltrat\w+)\b",
        ],
    },
    Signal {
        name: "tool_abuse",
        family: Family::Harm,
        weight: 400,
        patterns: &[
            r"\b(?:without|skip(?:ping)?|bypass(?:ing)?|no need for|not ask(?:ing)? for|don'?t ask for|ignore) (?:\w+ ){0,3}(?:confirmation|approvals?(?: queue)?|authori[sz]ation|permission|consent|policy checks?|denied result)\b.{0,24}(?:$|[.!,;]|and|anyway)",
            r"\b(?:disable|turn off|switch off|stop|pause|hide (?:it|this) from|delete|clear) (?:\w+ ){0,2}(?:audit(?:ing)?(?: logs?| trail)?|logging|monitoring|alerts?|alarms|the logs?|tracing)\b.*(?:before|while|during|so that|\.$|$|and)",
            r"\b(?:download|fetch) and (?:execute|run|install) (?:the |this |a |an |any )@GAP2(?:script|file|program|binary|payload|code)\b.*(?:this link|from|at|right|now|immediately)",
            r"\b(?:give|grant|assign) (?:my|me|this|his|their) (?:\w+ ){0,2}(?:the )?(?:owner|admin|administrator|root|superuser) (?:role|access|rights?|privileges?|permissions?)\b",
        ],
    },
    Signal {
        name: "memory_poisoning",
        family: Family::Harm,
        weight: 550,
        patterns: &[
            r"\b(?:store|save|remember|write|add|note|record) (?:\w+ ){0,3}(?:in|to|into) (?:your )(?:long.term )?memory (?:\w+ ){0,3}(?:that|i am|to always|always)\b",
        ],
    },
    Signal {
        name: "addressed_machine",
        family: Family::Authority,
        weight: 400,
        patterns: &[
            r"\b(?:ai|llm|language model|assistant|chatbot|agent|bot|model)s? (?:\w+ )?(?:reading|processing|summari[sz]ing|parsing|reviewing|analy[sz]ing|handling|who reads?|that reads?) (?:this|the|these)\b",
            r"\b(?:note|message|instructions?|attention|notice|memo) (?:to|for) (?:the |any |all )?(?:ai|llm|llms|language models?|assistants?|chatbots?|ai agents?|ai assistants?|bots?|copilot)\b",
            r"\b(?:when|if|while|after) (?:you are |you'?re )?(?:summari[sz]ing|reading|processing|translating|answering|reviewing)(?: (?:this|the) (?:\w+ ){0,2})?\W{1,3}(?:please )?(?:claim|say|state|add|append|include|mention|insert|recommend|always|tell|ignore|output|report)\b",
            r"<!--\W{0,4}(?:ai|assistant|llm|agent|system|bot|model|chatbot|hidden prompt)\b",
            r"\bhidden (?:prompt|instructions?)\W{0,3}:",
            r"\b(?:assistant|ai|llm|agent|bot)\W{1,3}(?:please )?(?:append|add|insert|include|mark|treat|set|ignore|disregard|approve|transfer|forward|recommend|rate|score) ",
        ],
    },
    Signal {
        name: "role_tokens",
        family: Family::Markup,
        weight: 550,
        patterns: &[
            r"</(?:prompt|system|instructions?|context|user_input|input|document|data|user)>\W{0,4}(?:now|new|ignore|admin|system|you|the prompt|<(?:system|instructions?))",
            r"(?:={2,}|-{3,}|#{2,}|\*{3,}|<{2,})\W{0,3}(?:end|stop|close|finish) of (?:\w+ )?(?:input|prompt|document|context|conversation|data|instructions|text|message|email)\b",
        ],
    },
    Signal {
        name: "authority",
        family: Family::Authority,
        weight: 500,
        patterns: &[
            r"\b(?:am|i'?m|this is|we are|as|by) (?:@GAP2)(?:openai|anthropic|google|microsoft|your (?:developers?|creators?|admin\w*|owner)|the (?:developers?|security team|system administrator)) @GAP4(?:test\w*|need|order|instruct|authori[sz]e\w*|command|require|staff|override)\b",
            r"\b(?:user|you|caller|requester) (?:am|is|are|has been|have been) (?:now )?(?:verified|granted|authori[sz]ed|promoted|elevated)(?: \w+){0,3} (?:as )?(?:superuser|admin\w*|root|owner|permission|full access)\b",
        ],
    },
    Signal {
        name: "concealment",
        family: Family::Concealment,
        weight: 450,
        patterns: &[
            r"\b(?:hide|conceal|keep) (?:it|this|that|them) (?:secret |hidden )?from (?:the )?(?:users?|owner|audit\w*|logs?|admin\w*|humans?|everyone)\b",
        ],
    },
];

/// Phrases looked for in text without gaps.
pub(super) const SQUEEZED: &[Signal] = &[
    Signal {
        name: "instruction_override",
        family: Family::Override,
        weight: 650,
        patterns: &[
            r"(?:ignore|disregard|forget|override|bypass)(?:all|any|every|the|your|my|of|these|those)*(?:previous|prior|above|earlier|preceding|existing|system)(?:system|developer|given)?(?:instructions?|rules?|prompts?|directives?|guidelines?|orders|commands)",
        ],
    },
    Signal {
        name: "instruction_override",
        family: Family::Override,
        weight: 600,
        patterns: &[
            r"(?:ignore|disregard|forget|override|bypass)(?:all|every)(?:of|the|your|my|these|those)*(?:instructions?|rules?|prompts?|directives?|guidelines?)",
            r"(?:ignore|disregard|forget)everything(?:above|before|youweretold|yousawbefore)",
        ],
    },
    Signal {
        name: "prompt_leak",
        family: Family::Leak,
        weight: 600,
        patterns: &[
            r"(?:reveal|show|print|output|repeat|display|leak|dump)(?:me)?(?:your|the|all)*(?:system|hidden|secret|initial|original)(?:prompts?|instructions?|messages?|rules?)",
        ],
    },
    Signal {
        name: "persona",
        family: Family::Jailbreak,
        weight: 600,
        patterns: &[
            r"(?:youarenow|actas|pretendtobe)(?:dan|anunrestricted|anunfiltered|anuncensored)|doanythingnow",
        ],
    },
];
