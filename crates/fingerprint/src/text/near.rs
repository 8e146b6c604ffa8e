//! Finds handles that stand beside the name of a platform, or that no word of a language looks like.
//!
//! Cut are: a word with an underscore in it, anywhere; the word after the name of a platform and a
//! colon, an equals sign or an arrow; a word of letters and digits, or with a dot inside, within
//! two small words of the name of a platform (`malines93 sur telegram`); and the word between a verb
//! of calling and a platform (`add malines on snap`). Digits that stand for letters in arabizi
//! (`7arraga`, `l7rig`) and figures with a unit (`24h`, `3000eur`) are no signs of a handle.
//!
//! What this cannot see: a handle that is a plain word without sign or verb (`snap malines`), in
//! arabizi digits, or whose platform is not named. A person marks those.

use core::ops::Range;

use super::slot::SlotKind;
use super::{is_word_character, normalise_text, normalised_word, unified_arabic};

/// Names of platforms that are hardly anything else. Those in Latin letters are also labels: the
/// word after them and a colon is a handle.
pub(super) const PLATFORMS: &[&str] = &[
    "botim",
    "discord",
    "facebook",
    "fb",
    "ig",
    "imo",
    "insta",
    "instagram",
    "kik",
    "line",
    "linkedin",
    "messenger",
    "signal",
    "skype",
    "snap",
    "snapchat",
    "telegram",
    "telegramme",
    "tg",
    "threads",
    "tiktok",
    "twitter",
    "viber",
    "vk",
    "vkontakte",
    "wechat",
    "weixin",
    "whatsapp",
    "whatsap",
    "watsap",
    "youtube",
    "zalo",
    "zangi",
];
/// Labels that mean something else too: only a colon makes a label of them.
pub(super) const LABELS: &[&str] = &["wa", "x"];
/// The rest: in pieces, in Arabic, or also an everyday word.
const MORE_PLATFORMS: &[&str] = &[
    "odnoklassniki",
    "tok",
    "whats",
    "تلغرام",
    "تليغرام",
    "تيليغرام",
    "تلجرام",
    "تليجرام",
    "تيليجرام",
    "تلقرام",
    "واتساب",
    "واتسب",
    "واتس",
    "واتسات",
    "سناب",
    "سنابشات",
    "فيسبوك",
    "فايسبوك",
    "فيس",
    "انستغرام",
    "انستجرام",
    "انستقرام",
    "انستا",
    "تيكتوك",
    "تويتر",
    "يوتيوب",
    "فايبر",
    "سكايب",
    "سيغنال",
    "سيجنال",
    "لاين",
    "ديسكورد",
    "ايمو",
    "ماسنجر",
    "مسنجر",
    "لينكدان",
    "لينكدن",
];
/// Also everyday words: beside them only a mix of letters and digits is a handle.
const WEAK_PLATFORMS: &[&str] = &["ok", "kick", "x"];
/// Small words between a handle and a platform: English, French, Spanish, Dutch, Arabic, arabizi.
const SMALL: &[&str] = &[
    "a",
    "add",
    "agrega",
    "agregame",
    "ajoute",
    "ajoutez",
    "ajouter",
    "al",
    "app",
    "at",
    "au",
    "by",
    "compte",
    "cuenta",
    "c",
    "chat",
    "contact",
    "dans",
    "de",
    "dyali",
    "el",
    "en",
    "es",
    "est",
    "f",
    "fi",
    "fel",
    "fl",
    "follow",
    "handle",
    "id",
    "in",
    "is",
    "la",
    "le",
    "li",
    "ma",
    "me",
    "mi",
    "mijn",
    "moi",
    "mon",
    "mn",
    "my",
    "name",
    "nom",
    "naam",
    "on",
    "op",
    "our",
    "par",
    "por",
    "pseudo",
    "sigue",
    "su",
    "sur",
    "the",
    "toe",
    "under",
    "user",
    "username",
    "usuario",
    "via",
    "voeg",
    "volg",
    "with",
    "avec",
    "zid",
    "zidni",
    "zidouni",
    "3and",
    "3end",
    "3la",
    "3lina",
    "3nd",
    "على",
    "علي",
    "في",
    "عبر",
    "ع",
    "حسابي",
    "حساب",
    "اضف",
    "ضيف",
    "ضيفني",
    "ضيفوني",
    "اسمي",
    "باسم",
    "هو",
];
/// Verbs after which somebody's name follows.
const VERBS: &[&str] = &[
    "add",
    "agrega",
    "ajoute",
    "ajouter",
    "ajoutez",
    "busca",
    "cherche",
    "cherchez",
    "contact",
    "contacta",
    "contacte",
    "contactez",
    "contacter",
    "contacteer",
    "dm",
    "ecrivez",
    "escribe",
    "follow",
    "message",
    "msg",
    "search",
    "sigue",
    "suivez",
    "voeg",
    "volg",
    "zid",
    "zidou",
    "zoek",
    "اضف",
    "ضيف",
    "تابع",
    "تابعوا",
    "راسل",
    "راسلوا",
    "ابحث",
];
/// Who is meant by the verb and is no handle.
const PRONOUNS: &[&str] = &[
    "him",
    "her",
    "it",
    "me",
    "mich",
    "mij",
    "moi",
    "nos",
    "nous",
    "nosotros",
    "ons",
    "them",
    "us",
    "vous",
    "you",
    "lui",
    "leur",
    "hem",
    "haar",
    "now",
    "here",
    "ici",
    "aqui",
    "hier",
    "maintenant",
    "directly",
    "directement",
    "only",
    "first",
    "anytime",
    "info",
    "معنا",
    "نا",
    "ني",
    "هنا",
    "الان",
];

/// Small words looked over between a handle and its platform, at most.
const SMALL_WORDS_MAX: usize = 2;
/// No handle is shorter, in characters.
const NAME_CHARACTERS_MIN: usize = 3;
/// A mix of letters and digits of this length can be a handle.
const MIX_CHARACTERS_MIN: usize = 4;

/// A word as it is compared, and the run of letters, digits and `_ . - ·` in which it stands. The
/// words are those of the normalised text, so that a text and its normal form are cut alike.
struct Word {
    text: String,
    span: Range<usize>,
}

/// The handles among what is not claimed yet, in the order of the text.
pub(super) fn handles(text: &[char], claimed: &[(Range<usize>, SlotKind)]) -> Vec<Range<usize>> {
    let mut words: Vec<Word> = Vec::new();
    let mut runs: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let mut from = 0;
    let end = core::iter::once(text.len()..text.len());
    for claim in claimed.iter().map(|(span, _)| span.clone()).chain(end) {
        for run in runs_in(text, from..claim.start) {
            let first = words.len();
            push_words(text, &run, &mut words);
            runs.push((run, first..words.len()));
        }
        // What is cut stands between its neighbours and is none itself.
        words.push(Word { text: String::new(), span: claim.clone() });
        from = claim.end;
    }
    let is_one = |run: &Range<usize>, of: &Range<usize>| {
        let name: String = text.get(run.clone()).unwrap_or_default().iter().collect();
        is_handle(text, &words, of, &name)
    };
    runs.iter().filter(|(run, of)| is_one(run, of)).map(|(run, _)| run.clone()).collect()
}

/// Is the word one of the small ones that may stand between a label and its handle?
pub(super) fn is_small(word: &str) -> bool {
    SMALL.contains(&word)
}

/// Is the run that holds these words a handle?
fn is_handle(text: &[char], words: &[Word], of: &Range<usize>, name: &str) -> bool {
    if has_underscore(name) {
        return true;
    }
    let could_be = |word: &Word| {
        platform(&word.text).is_none()
            && !is_small(&word.text)
            && word.text.chars().count() >= NAME_CHARACTERS_MIN
    };
    if !words.get(of.clone()).unwrap_or_default().iter().any(could_be) {
        return false;
    }
    let is_one = |at: usize| {
        let word = words.get(at).filter(|word| could_be(word));
        word.is_some_and(|word| {
            (is_mix(&word.text) && is_beside(words, at..at + 1)) || is_called(words, &(at..at + 1))
        })
    };
    is_labelled(text, words, of.start)
        || (has_dot(name) && is_beside(words, of.clone()))
        || is_called(words, of)
        || of.clone().any(is_one)
}

/// `malines_fict`, `_malines`; not `_malines_`, which is emphasis in messengers.
fn has_underscore(name: &str) -> bool {
    let inner = name.trim_matches('_');
    let is_emphasis = name.starts_with('_') == name.ends_with('_') && !inner.contains('_');
    name.contains('_')
        && !is_emphasis
        && inner.chars().filter(|character| character.is_alphanumeric()).count() >= 2
}

/// `malines.fict`.
fn has_dot(name: &str) -> bool {
    name.split('.').filter(|part| part.chars().count() >= 2).count() >= 2
        && name.contains(char::is_alphabetic)
}

/// A mix of letters and digits that is neither arabizi nor a figure with its unit.
fn is_mix(name: &str) -> bool {
    name.chars().count() >= MIX_CHARACTERS_MIN
        && name.contains(|character: char| character.is_ascii_digit())
        && name.contains(char::is_alphabetic)
        && !is_arabizi(name)
        && !is_figure(name)
}

/// Single digits that stand for Arabic letters.
fn is_arabizi(name: &str) -> bool {
    let mut before = false;
    name.chars().all(|character| {
        let is_digit = character.is_ascii_digit();
        let fits = !is_digit || (!before && "2356789".contains(character));
        before = is_digit;
        fits
    })
}

/// `24h`, `24h24`, `3000eur`, `4x4`: digits, up to three letters, digits.
fn is_figure(name: &str) -> bool {
    let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
    let letters = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    rest.len() < name.len()
        && letters.chars().count() <= 3
        && letters.chars().all(char::is_alphabetic)
}

/// Stands right behind a platform and a sign that points at what follows.
fn is_labelled(text: &[char], words: &[Word], at: usize) -> bool {
    let Some(start) = words.get(at).map(|word| word.span.start) else {
        return false;
    };
    let mut from = at;
    for _ in 0..=SMALL_WORDS_MAX {
        let Some(before) = from.checked_sub(1).and_then(|before| words.get(before)) else {
            return false;
        };
        from -= 1;
        if is_small(&before.text) {
            continue;
        }
        let between = text.get(before.span.end..start).unwrap_or_default();
        let points = |sign: &&char| ":=>→➡⇒👉📲📩☎👈»".contains(**sign);
        return platform(&before.text) == Some(Strength::Strong)
            && between.iter().any(|sign| points(&sign))
            && !between.contains(&'\n');
    }
    false
}

/// Is there a platform on either side, with at most two small words between?
fn is_beside(words: &[Word], of: Range<usize>) -> bool {
    let names = |mut others: core::iter::Take<&mut dyn Iterator<Item = &Word>>| {
        others.find(|word| !is_small(&word.text)).is_some_and(|word| platform(&word.text).is_some())
    };
    let most = SMALL_WORDS_MAX + 1;
    let behind: &mut dyn Iterator<Item = &Word> = &mut words.iter().skip(of.end);
    let before: &mut dyn Iterator<Item = &Word> = &mut words.iter().take(of.start).rev();
    names(behind.take(most)) || names(before.take(most))
}

/// `add malines on snap`: a verb in front, a small word and a platform behind.
fn is_called(words: &[Word], of: &Range<usize>) -> bool {
    let near = |at: Option<usize>| at.and_then(|at| words.get(at)).map(|word| word.text.as_str());
    let is = |at: Option<usize>, list: &[&str]| near(at).is_some_and(|word| list.contains(&word));
    let is_platform = |at| near(Some(at)).and_then(platform) == Some(Strength::Strong);
    let behind = of.end;
    is(of.start.checked_sub(1), VERBS)
        && !is(Some(of.start), PRONOUNS)
        && is(Some(behind), SMALL)
        && (is_platform(behind + 1) || (is(Some(behind + 1), SMALL) && is_platform(behind + 2)))
}

/// How surely a word is the name of a platform.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    Strong,
    Weak,
}

fn platform(word: &str) -> Option<Strength> {
    let is_one = |word: &str| PLATFORMS.contains(&word) || MORE_PLATFORMS.contains(&word);
    // The Arabic article, alone or behind a preposition.
    let articles = ["ال", "عال", "بال", "فال", "لل", "ع", "ب"];
    let bare = || articles.iter().filter_map(|article| word.strip_prefix(article)).any(is_one);
    if is_one(word) || bare() {
        Some(Strength::Strong)
    } else if WEAK_PLATFORMS.contains(&word) {
        Some(Strength::Weak)
    } else {
        None
    }
}

/// Runs of letters, digits and `_ . - ·` within a span, without the signs at their ends.
fn runs_in(text: &[char], within: Range<usize>) -> Vec<Range<usize>> {
    let is_part = |character: char| is_word_character(character) || "_.-·".contains(character);
    let is_edge = |character: &&char| ".-·".contains(**character);
    let mut runs = Vec::new();
    let mut at = within.start;
    while at < within.end {
        let rest = text.get(at..within.end).unwrap_or_default();
        let length = rest.iter().take_while(|character| is_part(**character)).count();
        let run = rest.get(..length).unwrap_or_default();
        let head = run.iter().take_while(is_edge).count();
        let tail = run.iter().rev().take_while(is_edge).count();
        if head < length {
            runs.push(at + head..at + length - tail);
        }
        at += length.max(1);
    }
    runs
}

/// The words of a run, as the normalised text has them.
fn push_words(text: &[char], span: &Range<usize>, words: &mut Vec<Word>) {
    let mut at = span.start;
    while at < span.end {
        let rest = text.get(at..span.end).unwrap_or_default();
        let length = rest.iter().take_while(|character| is_word_character(**character)).count();
        let word: String = rest.iter().take(length).collect();
        let word = folded(&word);
        if !word.is_empty() {
            words.push(Word { text: word, span: at..at + length });
        }
        at += length.max(1);
    }
}

/// What [`normalise_text`] makes of a word, quicker for the commonest ones.
fn folded(word: &str) -> String {
    if word.is_empty() {
        String::new()
    } else if word.is_ascii() {
        normalised_word(&word.to_ascii_lowercase())
    } else if word.chars().all(|character| ('\u{0600}'..='\u{06FF}').contains(&character)) {
        let unified: String = word.chars().filter_map(unified_arabic).collect();
        if unified.is_empty() { unified } else { normalised_word(&unified) }
    } else {
        normalise_text(word)
    }
}
