//! The same in other languages, accents removed.

use super::{Family, Signal};

/// Phrases looked for in every reading with word gaps.
pub(super) const LANGUAGES: &[Signal] = &[
    Signal {
        name: "instruction_override",
        family: Family::Override,
        weight: 650,
        patterns: &[
            r"\b(?:ignora|ignore|ignorez|ignorer|ignoriere|ignorier|olvida|olvidate|oublie[zr]?|vergiss|vergessen|missachte|dimentica|esquece|esqueca|desconsidere|desconsidera|ignoreer|negeer|vergeet|zignoruj|zapomnij|unut|abaikan|lupakan|ignorera|glom|ignorer|glem|nu tine cont) @GAP4@GAP2(?:instruc\w+|instruk\w+|anweisung\w*|instruct\w+|istruzion\w+|regeln?|reglas?|regras?|regles?|regole|regels|consignes?|ordenes|ordens|vorgaben|befehle?|indicaciones|directives?|richtlinien|polecenia|talimat\w*|aturan|perintah|zasad\w*|kural\w*)",
            r"(?:忽略|无视|忘记|忘掉|無視|忘れて|不要理会|不要遵守|忽視).*(?:指令|指示|规则|規則|提示|命令|要求|ルール)",
            r"(?:指令|指示|规则|規則|命令|ルール|プロンプト).*(?:忽略|无视|無視|忘れ|忘记|従わ)",
            r"(?:이전|모든|위의|앞선).*(?:지시|명령|규칙|지침).*(?:무시|잊)",
            r"(?:(?:и|И)гнориру|(?:з|З)абуд|(?:п|П)роигнорируи|(?:н|Н)е обраща|(?:о|О)тмени|(?:і|І)гнору|(?:з|З)абуд).*(?:инструкц|указани|правил|команд|подсказ|вказівк|інструкц|вказивк)",
            r"(?:تجاهل|انس|انسى).*(?:تعليمات|أوامر|التعليمات|القواعد|الأوامر)",
            r"(?:निर्देश|नियम|आदेश).*(?:अनदेख|नजरअंदाज|नज़रअंदाज़|भूल)",
        ],
    },
    Signal {
        name: "prompt_leak",
        family: Family::Leak,
        weight: 450,
        patterns: &[
            r"\b(?:muestra|muestrame|revela|revele|dime|affiche[zr]?|montre|revele[zr]?|zeig\w*|verrate|nenne|gib|mostra(?:mi)?|rivela|mostre|toon|onthul|pokaz|ujawnij|goster|tampilkan) @GAP4(?:system.?prompt|prompt|instruc\w+|systeem\w*|systemanweisung\w*|istruzion\w+|instruk\w+|consignes|anweisungen)",
        ],
    },
    Signal {
        name: "prompt_leak",
        family: Family::Leak,
        weight: 600,
        patterns: &[
            r"(?:系统提示|系統提示|システムプロンプト|시스템 프롬프트|системн\S{0,12} (?:промпт|подсказк|инструкц|запрос))",
        ],
    },
    Signal {
        name: "instruction_override",
        family: Family::Override,
        weight: 600,
        patterns: &[
            r"(?:ignorieren sie|vergessen sie|missachten sie|vergiss|ignoriere|oubliez|ignorez|olvide|ignore|esqueca|dimentica|ignora) (?:\w+ ){0,3}(?:obig\w*|vorherig\w*|bisherig\w*|vorangegangen\w*|alles|bisher|anterior\w*|precedent\w*|todo|tudo|tutto|tout)\b",
            r"\b(?:zaboravi|ignoriraj|zanemari|zapomen|ignoruj|zapomni|zabudni|unohda|felejtsd|ksechase|agnoise|uita|ignora) (?:\w+ ){0,3}(?:sve|svih|prethodn\w*|predchozi\w*|vsechn\w*|wszystk\w*|poprzedni\w*|kaikki|aiem\w*|korabbi\w*|toate|instrukc\w*|instruct\w*|upute|pokyn\w*)\b",
        ],
    },
];
