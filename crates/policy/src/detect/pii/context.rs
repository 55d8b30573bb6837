//! What the words around a number say it is.

use std::sync::LazyLock;

use super::text::Text;
use super::words::Words;

/// A number's name ends at most so many bytes before it.
const REACH_BEFORE: usize = 40;
/// Or starts at most so many bytes after it.
const REACH_AFTER: usize = 16;

/// What a word announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Card,
    Ssn,
    Phone,
    Birth,
    Passport,
    /// A number of something else: an order, a version, an account.
    Other,
}

/// Words that name a number, longest match first; a name stands before its number or soon after.
const WORDS: &[(Topic, &str)] = &[
    (
        Topic::Card,
        "card|card number|visa|mastercard|amex|american express|discover|maestro|diners|unionpay|jcb|\
         cc#|cc #|cc no|ccnum|cc_num|cc number|pan:|pan |pan=|tarjeta|carte|karte|cartão|\
         kaart|карт",
    ),
    (
        Topic::Ssn,
        "ssn|social security number|ss#|ss #|ss no|soc sec|soc. sec|social security|social_security|\
         socialsecurity|social-security|social sec|social number|social:|social is|\
         taxpayer id|tax id|taxid|tax_id|tin:|itin|seguro social|número de seguro|\
         sécurité sociale|sozialversicherung",
    ),
    (
        Topic::Phone,
        "phone|mobile|cell|tel|tel.|call|fax|dial|text me|text us|texted|sms|\
         whatsapp|hotline|contact|reach|my number|her number|his number|their number|\
         our number|phone number|telefon|teléfono|telefono|téléphone|telefone|móvil|celular|\
         cellulare|handy|rufnummer|portable|numéro|número|numero|mobil|puhelin|телефон|\
         Телефон|тел.|Тел.|電話|电话|手机|携帯|전화|휴대폰|هاتف|फ़ोन|फोन",
    ),
    (
        Topic::Birth,
        "dob|d.o.b|date of birth|dateofbirth|date_of_birth|birth|born|geboren|geburt|\
         geb.|geb am|née le|né le|naissance|nacimiento|nacido|nacida|nació|nascimento|\
         nascido|nascida|nasceu|nascita|nato il|nata il|nato a|geboorte|födelse|född|\
         fødsel|født|syntym|urodz|ur. |narozen|narodz|született|születés|născut|naștere|\
         doğum|роди|рожд|Роди|Рожд|народж|Народж|γέννησ|出生|生年月日|生まれ|생년월일|출생|ميلاد|जन्म|\
         ngày sinh",
    ),
    (
        Topic::Passport,
        "passport|passport number|pasaporte|passeport|reisepass|passaporte|passaporto|паспорт",
    ),
    (
        Topic::Other,
        "order|invoice|tracking|ticket|case|ref|reference|account|acct|routing|isbn|ean|\
         upc|sku|serial|version|build|order number|account number|invoice number|\
         ticket number|case number|item number|tracking number|serial number|\
         reference number|routing number|part number|model number|student number|\
         member number|record number|batch|epoch|timestamp|uuid|amount|population|total|\
         zip|postcode|expires|expiry|exp.|issued|hired|created|updated|policy number|\
         license|licence|order id|user id|customer id|transaction",
    ),
];

static MATCHER: LazyLock<Option<Words<Topic>>> = LazyLock::new(|| Words::of(WORDS));

/// A word that names a number: what it announces, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    topic: Topic,
    start: u32,
    end: u32,
}

/// What the nearest word before a place announces, else the first one soon after `end`.
pub(super) fn topic(t: Text<'_>, start: usize, end: usize) -> Option<Topic> {
    let names = t.names.get_or_init(|| names(t.bytes()));
    let next = names.partition_point(|name| (name.end as usize) <= start);
    let before = next.checked_sub(1).and_then(|at| names.get(at));
    let near = |name: &&Named| start - (name.end as usize) <= REACH_BEFORE;
    let after = || {
        let at = next
            + names
                .get(next..)?
                .iter()
                .take(4)
                .position(|name| (name.start as usize) >= end)?;
        names
            .get(at)
            .filter(|name| (name.start as usize) - end <= REACH_AFTER)
    };
    before.filter(near).or_else(after).map(|name| name.topic)
}

/// Whether a place is about something.
pub(super) fn is_about(t: Text<'_>, start: usize, end: usize, wanted: Topic) -> bool {
    topic(t, start, end) == Some(wanted)
}

/// Words after which a dotted number counts parts of something.
const VERSIONED: &str = "version|versions|ver|v|release|releases|build|firmware|driver|section|sections|\
    sec|clause|chapter|figure|fig|table|item|appendix|patch|update|sdk|library|\
    package|schema|oid|edition|paragraph|para|revision|rev|requirement|rule|article|\
    art|step|annex|part|tag|upgrade|upgraded|hotfix|kernel|plugin|app|software|\
    abschnitt|kapitel|ausgabe|versión|sección|capítulo|versão|seção";

/// Whether the word right before a place says that a version or a section follows.
pub(super) fn version_before(t: Text<'_>, at: usize) -> bool {
    let mut at = at;
    // `version number: 1.2.3.4`, `upgraded to 1.2.3.4`
    for _ in 0..2 {
        let between = |b: u8| {
            matches!(
                b,
                b' ' | b':' | b'=' | b'"' | b'\'' | b'(' | b'#' | b'.' | b'`'
            )
        };
        let end = t.run_back(at, 6, between);
        let start = t.run_back(end, 24, |b| b.is_ascii_alphabetic() || b >= 0x80);
        let word = t.slice(start, end).to_lowercase();
        if VERSIONED.split('|').any(|known| known == word) || t.slice(start, end).ends_with('§') {
            return true;
        }
        if !matches!(
            word.as_str(),
            "number" | "no" | "is" | "to" | "from" | "and" | "or"
        ) {
            return false;
        }
        at = start;
    }
    false
}

/// All words of a text that name a number, in order.
fn names(text: &[u8]) -> Vec<Named> {
    let Some(words) = MATCHER.as_ref() else {
        return Vec::new();
    };
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let own = words
        .find(text)
        .filter(|(_, start, end)| is_word_of_its_own(text, *start, *end));
    own.map(|(topic, start, end)| Named {
        topic,
        start: place(start),
        end: place(end),
    })
    .collect()
}

/// A short word within a longer one is an accident (`hotel`), unless capitals set it apart
/// (`homeTel`); a long one is not (`birthdate`).
fn is_word_of_its_own(text: &[u8], start: usize, end: usize) -> bool {
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    let before = start.checked_sub(1).map_or(0, byte);
    let capital = before.is_ascii_lowercase() && byte(start).is_ascii_uppercase();
    let last = byte(end - 1);
    let runs_on = last.is_ascii_alphabetic() && byte(end).is_ascii_lowercase();
    end - start > 4 || !runs_on && (capital || !before.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use std::cell::OnceCell;

    use super::*;

    fn of(text: &str) -> Option<Topic> {
        let at = text.find('#').unwrap();
        topic(Text::new(text, &OnceCell::new()), at, at + 1)
    }

    #[test]
    fn nearest_word_before_a_number_names_it() {
        assert_eq!(of("ssn # "), Some(Topic::Ssn));
        assert_eq!(of("ssn 1, phone #"), Some(Topic::Phone));
        assert_eq!(of("phone for order number #"), Some(Topic::Other));
        assert_eq!(of("# is my ssn"), Some(Topic::Ssn));
        assert_eq!(of("customerPhone: #"), Some(Topic::Phone));
        assert_eq!(of("\"birthDate\": #"), Some(Topic::Birth));
    }

    #[test]
    fn short_words_within_others_say_nothing() {
        assert_eq!(of("hotel #"), None);
        assert_eq!(of("excellent string #"), None);
        assert_eq!(of("nothing at all #"), None);
    }
}
