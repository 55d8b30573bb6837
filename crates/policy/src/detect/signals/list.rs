//! The phrases. A blank stands for any gap between words, `@NAME` for a list of words.

use super::{Family, Signal, signal};

/// Lists of words used in the phrases; longer names first where one begins with another.
pub(super) const WORDS: &[(&str, &str)] = &[
    (
        "@DROP",
        r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|bypass(?:ing)?|overrid(?:e|ing)|overrule|discard|dismiss|neglect|abandon|violate|disobey|break|set aside|skip|omit|pay no (?:attention|heed) to|(?:do not|don.?t|stop|never|no longer|cease) (?:follow|obey|adher|comply|listen|heed|car)(?:ing|e)?(?: (?:to|with|about))?)",
    ),
    (
        "@PRIOR",
        r"(?:previous(?:ly)?|prior|preceding|above|earlier|existing|former|past|initial|original|foregoing|old|before|system|developers?|safety|ethical|content|built.in|default|operational|hidden|standing)",
    ),
    (
        "@ORDERS",
        r"(?:instruct(?:ions?|ed)|directions?|directives?|rules?|guidelines?|prompts?|commands?|orders|constraints?|restrictions?|polic(?:y|ies)|programming|training|guardrails?|safeguards?|filters?|protocols?|limitations?)",
    ),
    ("@GAP2", r"(?:\w+\W{1,4}){0,2}"),
    ("@GAP4", r"(?:\w+\W{1,4}){0,4}"),
    (
        "@SHOW",
        r"(?:reveal|show|print|output|display|repeat|tell|give|share|expose|disclose|leak|dump|recite|write|return|summari[sz]e|translate|list|provide|quote|paste|echo|spell out|what (?:is|are|was|were)|what.s)",
    ),
    (
        "@SECRET",
        r"(?:(?:api|secret|private|access|signing|encryption|admin|ssh) (?:keys?|tokens?|passwords?)|passwords?|credentials?|secrets?|environment variables?|env vars?|\.env|(?:customer|user|personal) (?:data|records?|emails?)|connection strings?|private keys?)",
    ),
];

/// Phrases looked for in every reading with word gaps.
pub(super) const PHRASES: &[Signal] = &[
    // Orders to drop the rules.
    signal(
        "instruction_override",
        Family::Override,
        700,
        r"\b@DROP @GAP4(?:@PRIOR) @GAP2@ORDERS\b",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"\b@DROP (?:all|any|every|everything|anything|each|what(?:ever)?|your|my|the|these|those|of|his|their) @GAP4(?:above|before|previously|prior|earlier|so far|up to now|until now|beforehand)\b",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"\b@DROP (?:all |any |every |each )(?:of )?(?:your |the |my |these |those |its )?@GAP2@ORDERS\b",
    ),
    signal(
        "instruction_override",
        Family::Override,
        600,
        r"\b@DROP (?:your|these|those) @GAP2@ORDERS\b",
    ),
    signal(
        "instruction_override",
        Family::Override,
        600,
        r"\b@ORDERS (?:above|before this|so far|given|you (?:were|have been|got)|from (?:your|the) (?:developers?|creators?|system)) @GAP4(?:are|is|were) (?:now )?(?:outdated|void|null|obsolete|invalid|cancel+ed|superseded|no longer|wrong|fake|lifted|revoked)\b",
    ),
    signal(
        "instruction_override",
        Family::Override,
        600,
        r"\b(?:@PRIOR|your|all) @GAP2@ORDERS @GAP2(?:are|is) (?:now |hereby )?(?:outdated|void|null|obsolete|invalid|cancel+ed|superseded|suspended|lifted|revoked|no longer)\b",
    ),
    signal(
        "new_instructions",
        Family::Override,
        500,
        r"\b(?:here (?:are|is)|follow|these are|obey|your) (?:the |your |my |only )?(?:new|updated|real|actual|true) (?:system )?(?:instructions?|orders|task is|directives?|objective|goal|purpose|rules are)\b",
    ),
    signal(
        "new_instructions",
        Family::Override,
        450,
        r"\bnew (?:system )?(?:instructions?|directives?|prompt|task)\s*[:=]",
    ),
    signal(
        "new_instructions",
        Family::Override,
        550,
        r"\bfrom now on @GAP4(?:you (?:are|will|must|shall|should|can|have|respond|answer|act|only)|only|answer|respond|ignore|act|pretend)\b",
    ),
    // Asking for the hidden prompt.
    signal(
        "prompt_leak",
        Family::Leak,
        650,
        r"\b@SHOW @GAP4(?:your|the|its|my|this) @GAP2(?:system|initial|original|hidden|secret|internal|starting|developer|full|base|pre|first|above|previous) @GAP2(?:prompts?|instructions?|messages?|directives?|guidelines|rules|text|config(?:uration)?)\b",
    ),
    signal(
        "prompt_leak",
        Family::Leak,
        600,
        r"\b(?:repeat|print|output|reveal|show|write|copy|return) @GAP4(?:everything|all|words|text|content|lines|messages?) @GAP2(?:above|before|prior|preceding|previous)\b",
    ),
    signal(
        "prompt_leak",
        Family::Leak,
        550,
        r"\bwhat @GAP4(?:were|are) you (?:told|instructed|given|asked)(?: to do)? @GAP2(?:before|at the|in the|prior|initially)\b",
    ),
    signal(
        "prompt_leak",
        Family::Leak,
        550,
        r"\b(?:reveal|leak|dump|disclose|expose|print|output) (?:me )?(?:your|the) (?:system )?(?:prompt|instructions|configuration)\b",
    ),
    // A new self.
    signal(
        "persona",
        Family::Jailbreak,
        700,
        r"\b(?:do anything now|jailbroken|jailbreak mode|dan mode|developer mode (?:enabled|on|output)|god mode|sudo mode|unfiltered mode|evil mode|chaos mode|opposite mode)\b",
    ),
    signal(
        "persona",
        Family::Jailbreak,
        650,
        r"\b(?:you are|act as|become|pretend to be|play|called|named|are now|as) @GAP2(?:dan|stan|dude|aim|evilbot|evil.?gpt|mongo tom|ucar|betterdan|devmode|basedgpt|maximum|anti.?dan)\b",
    ),
    signal(
        "persona",
        Family::Jailbreak,
        600,
        r"\b(?:you are|act as|become|pretend|imagine|roleplay|simulate|respond as|answer as|persona|an? ai|chatbot|model|assistant) @GAP4(?:with(?:out)?|no|free (?:of|from)|not bound by|unbound by|has no|have no|lacks?) @GAP2(?:any )?(?:restrictions?|rules?|limits?|limitations?|filters?|censorship|guidelines?|ethics|ethical|moral(?:s|ity)?|safety|boundaries|constraints?)\b",
    ),
    signal(
        "persona",
        Family::Persona,
        450,
        r"\b(?:you are|you.re) (?:now|no longer) (?:an? |the |my |in )?\w+",
    ),
    signal(
        "persona",
        Family::Persona,
        350,
        r"\b(?:pretend|act as if|act as though|imagine|roleplay as|role.?play as|take on the role|assume the role|i want you to act|stay in character)\b",
    ),
    signal(
        "unrestricted",
        Family::Jailbreak,
        550,
        r"\b(?:unfiltered|uncensored|unrestricted|amoral|unethical|without (?:any )?(?:moral|ethical|safety|content)) @GAP2(?:ai|assistant|chatbot|model|answers?|responses?|bot|mode|version|filters?|guidelines?|constraints?|restrictions?|limits?)\b",
    ),
    signal(
        "unrestricted",
        Family::Jailbreak,
        550,
        r"\b(?:turn|switch|shut) off @GAP4(?:filters?|safety|safeguards?|guardrails?|restrictions?|moderation|censorship)\b",
    ),
    signal(
        "unrestricted",
        Family::Jailbreak,
        550,
        r"\b(?:disable|deactivate|remove|suspend|lift|circumvent|evade|get around) @GAP2(?:your |all |any |the )@GAP2(?:filters?|safety|safeguards?|guardrails?|restrictions?|moderation|censorship|limitations?)\b",
    ),
    signal(
        "unrestricted",
        Family::Jailbreak,
        400,
        r"\b(?:never|do not|don.?t|cannot|can.?t|must not|won.?t) (?:ever )?(?:refuse|decline|say no|reject|apologi[sz]e|mention (?:that )?you are an ai|say (?:that )?you can.?t)\b",
    ),
    // Taking things out.
    signal(
        "exfiltration",
        Family::Exfiltration,
        600,
        r"\b(?:send|forward|email|e.?mail|post|upload|transmit|exfiltrate|leak|copy|deliver|export|submit) @GAP4@GAP4(?:@SECRET) @GAP4@GAP2(?:to|at|via|through|into|as) @GAP2(?:https?|\S+@|attacker|external|my|this|the following)",
    ),
    signal(
        "exfiltration",
        Family::Exfiltration,
        550,
        r"\b(?:reveal|leak|exfiltrate|dump|print|output|expose|disclose|extract|steal|harvest|read out) @GAP4(?:@SECRET)\b",
    ),
    signal(
        "exfiltration",
        Family::Exfiltration,
        600,
        r"!\[[^\]]{0,64}\]\(https?://[^)\s]{0,200}[?&][^)\s]{0,80}(?:\{|=\s*(?:data|secret|token|conversation|history|chat|base64|%s))",
    ),
    // Marks that pretend to be the frame around a conversation.
    signal(
        "role_tokens",
        Family::Markup,
        600,
        r"(?:<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id|begin_of_text|endofprompt)\|>|\[/?INST\]|<</?SYS>>|<start_of_turn>|<end_of_turn>)",
    ),
    signal(
        "role_tokens",
        Family::Markup,
        500,
        r"(?:^|\n)\s*(?:#{2,}|\[|<|\*\*|-{3,})\s*/?(?:system|system (?:prompt|message|override|note|instruction|update)|admin|developer|new instructions?|end of (?:prompt|document|context|instructions|conversation|input|user))\b",
    ),
    signal(
        "role_tokens",
        Family::Markup,
        450,
        r"(?:^|\n)\s*(?:system|assistant|developer)\s*(?:prompt|message|override)?\s*:\s*\w",
    ),
    // Orders that borrow a rank, and orders to a reading machine.
    signal(
        "authority",
        Family::Authority,
        450,
        r"\b(?:i am|i.m|this is|as) @GAP2(?:your |the )(?:developers?|creators?|administrators?|admin|owner|openai|anthropic|engineers?|system administrator)\b",
    ),
    signal(
        "authority",
        Family::Authority,
        450,
        r"\b(?:admin(?:istrator)?|debug|maintenance|test|developer|root|diagnostic) (?:mode|override|access|privileges?) (?:enabled|activated|granted|on|engaged|code)\b",
    ),
    signal(
        "addressed_machine",
        Family::Authority,
        500,
        r"\b(?:attention|note to|message (?:to|for)|instructions? (?:to|for)|important|hey|dear|if you are|to) @GAP2(?:an? |any |all |the )?@GAP2(?:ai|llm|language model|assistants?|chatbots?|ai agents?|bots?|automated systems?|summari[sz]ers?) @GAP2(?:reading|processing|summari[sz]ing|that|who|which|model|assistant|must|should|please|:)",
    ),
    signal(
        "addressed_machine",
        Family::Authority,
        450,
        r"\b(?:assistant|ai|llm|model|chatbot|agent)s?\s*[,:]\s*(?:please )?(?:ignore|disregard|forget|send|forward|reveal|delete|execute|run|call|transfer|output|print|reply|respond|say)\b",
    ),
    signal(
        "concealment",
        Family::Concealment,
        500,
        r"\b(?:do not|don.?t|never|without) (?:tell|telling|mention|mentioning|inform|informing|alert|alerting|notify|notifying|reveal|revealing|disclose|disclosing|let) @GAP4(?:users?|anyone|humans?|this (?:to|step|instruction|message)|them|him|her)\b",
    ),
    // The same in other languages, accents removed.
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"\b(?:ignora|ignore|ignorez|ignorer|ignoriere|ignorier|olvida|olvidate|oublie[zr]?|vergiss|vergessen|missachte|dimentica|esquece|esqueca|desconsidere|desconsidera|ignoreer|negeer|vergeet|zignoruj|zapomnij|unut|abaikan|lupakan|ignorera|glom|ignorer|glem|nu tine cont) @GAP4@GAP2(?:instruc\w+|instruk\w+|anweisung\w*|instruct\w+|istruzion\w+|regeln?|reglas?|regras?|regles?|regole|regels|consignes?|ordenes|ordens|vorgaben|befehle?|indicaciones|directives?|richtlinien|polecenia|talimat\w*|aturan|perintah|zasad\w*|kural\w*)",
    ),
    signal(
        "prompt_leak",
        Family::Leak,
        600,
        r"\b(?:muestra|muestrame|revela|revele|dime|affiche[zr]?|montre|revele[zr]?|zeig\w*|verrate|nenne|gib|mostra(?:mi)?|rivela|mostre|toon|onthul|pokaz|ujawnij|goster|tampilkan) @GAP4(?:system.?prompt|prompt|instruc\w+|systeem\w*|systemanweisung\w*|istruzion\w+|instruk\w+|consignes|anweisungen)",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"(?:忽略|无视|忘记|忘掉|無視|忘れて|不要理会|不要遵守|忽視).{0,40}(?:指令|指示|规则|規則|提示|命令|要求|ルール)",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"(?:指令|指示|规则|規則|命令|ルール|プロンプト).{0,24}(?:忽略|无视|無視|忘れ|忘记|従わ)",
    ),
    signal(
        "prompt_leak",
        Family::Leak,
        600,
        r"(?:系统提示|系統提示|システムプロンプト|시스템 프롬프트|системн\S{0,12} (?:промпт|подсказк|инструкц|запрос))",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"(?:이전|모든|위의|앞선).{0,30}(?:지시|명령|규칙|지침).{0,20}(?:무시|잊)",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"(?:(?:и|И)гнориру|(?:з|З)абуд|(?:п|П)роигнорируи|(?:н|Н)е обраща|(?:о|О)тмени|(?:і|І)гнору|(?:з|З)абуд).{0,60}(?:инструкц|указани|правил|команд|подсказ|вказівк|інструкц|вказивк)",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"(?:تجاهل|انس|انسى).{0,60}(?:تعليمات|أوامر|التعليمات|القواعد|الأوامر)",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"(?:अनदेखा|नजरअंदाज|नज़रअंदाज़|भूल|अनदेखी).{0,60}",
    ),
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"(?:निर्देश|नियम|आदेश).{0,60}(?:अनदेख|नजरअंदाज|नज़रअंदाज़|भूल)",
    ),
];

/// Phrases looked for in text without gaps.
pub(super) const SQUEEZED: &[Signal] = &[
    signal(
        "instruction_override",
        Family::Override,
        650,
        r"(?:ignore|disregard|forget|override|bypass)(?:all|any|every|the|your|my|of|these|those)*(?:previous|prior|above|earlier|preceding|existing|system)(?:system|developer|given)?(?:instructions?|rules?|prompts?|directives?|guidelines?|orders|commands)",
    ),
    signal(
        "instruction_override",
        Family::Override,
        600,
        r"(?:ignore|disregard|forget|override|bypass)(?:all|every)(?:of|the|your|my|these|those)*(?:instructions?|rules?|prompts?|directives?|guidelines?)",
    ),
    signal(
        "instruction_override",
        Family::Override,
        600,
        r"(?:ignore|disregard|forget)everything(?:above|before|youweretold|yousawbefore)",
    ),
    signal(
        "prompt_leak",
        Family::Leak,
        600,
        r"(?:reveal|show|print|output|repeat|display|leak|dump)(?:me)?(?:your|the|all)*(?:system|hidden|secret|initial|original)(?:prompts?|instructions?|messages?|rules?)",
    ),
    signal(
        "persona",
        Family::Jailbreak,
        600,
        r"(?:youarenow|actas|pretendtobe)(?:dan|anunrestricted|anunfiltered|anuncensored)|doanythingnow",
    ),
];
