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
/// A mix of letters and digits of this length can be a handle.
const MIX_CHARACTERS_MIN: usize = 4;

/// A run of letters, digits and `_ . - ·`, folded, and where it stands.
struct Word {
    text: String,
    span: Range<usize>,
}

/// The handles among the words that are not claimed yet, in the order of the text.
pub(super) fn handles(text: &[char], claimed: &[(Range<usize>, SlotKind)]) -> Vec<Range<usize>> {
    let words = words(text);
    let mut claims = claimed.iter().map(|(span, _)| span).peekable();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        while claims.next_if(|claim| claim.end <= word.span.start).is_some() {}
        let is_claimed = claims.peek().is_some_and(|claim| claim.start < word.span.end);
        if !is_claimed && is_handle(text, &words, at) {
            found.push(word.span.clone());
        }
    }
    found
}

/// Is the word one of the small ones that may stand between a label and its handle?
pub(super) fn is_small(word: &str) -> bool {
    SMALL.contains(&word)
}

fn is_handle(text: &[char], words: &[Word], at: usize) -> bool {
    let Some(word) = words.get(at) else {
        return false;
    };
    let name = word.text.as_str();
    if has_underscore(name) {
        return true;
    }
    if platform(name).is_some() || is_small(name) || name.chars().count() < 3 {
        return false;
    }
    is_labelled(text, words, at)
        || (has_signs(name) && is_beside(words, at))
        || is_called(words, at)
}

/// `malines_fict`, `_malines`; not `_malines_`, which is emphasis in messengers.
fn has_underscore(name: &str) -> bool {
    let inner = name.trim_matches('_');
    let is_emphasis = name.starts_with('_') == name.ends_with('_') && !inner.contains('_');
    name.contains('_')
        && !is_emphasis
        && inner.chars().filter(|character| character.is_alphanumeric()).count() >= 2
}

/// A mix of letters and digits that is neither arabizi nor a figure with its unit, or a dot inside.
fn has_signs(name: &str) -> bool {
    let has_dot = name.split('.').filter(|part| part.chars().count() >= 2).count() >= 2
        && name.contains(char::is_alphabetic);
    let is_mix = name.chars().count() >= MIX_CHARACTERS_MIN
        && name.contains(|c: char| c.is_ascii_digit())
        && name.contains(char::is_alphabetic);
    has_dot || (is_mix && !is_arabizi(name) && !is_figure(name))
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
fn is_beside(words: &[Word], at: usize) -> bool {
    let found = |mut others: &mut dyn Iterator<Item = &Word>| {
        let mut others = (&mut others).take(SMALL_WORDS_MAX + 1);
        others.find(|word| !is_small(&word.text)).is_some_and(|word| platform(&word.text).is_some())
    };
    found(&mut words.iter().skip(at + 1)) || found(&mut words.iter().take(at).rev())
}

/// `add malines on snap`: a verb in front, a small word and a platform behind.
fn is_called(words: &[Word], at: usize) -> bool {
    let near = |at: Option<usize>| at.and_then(|at| words.get(at)).map(|word| word.text.as_str());
    let is = |at: Option<usize>, list: &[&str]| near(at).is_some_and(|word| list.contains(&word));
    let is_platform = |at| near(Some(at)).and_then(platform) == Some(Strength::Strong);
    is(at.checked_sub(1), VERBS)
        && !is(Some(at), PRONOUNS)
        && is(Some(at + 1), SMALL)
        && (is_platform(at + 2) || (is(Some(at + 2), SMALL) && is_platform(at + 3)))
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

fn words(text: &[char]) -> Vec<Word> {
    let is_part =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '.' | '-' | '·');
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(character) = text.get(at) {
        if !is_part(*character) {
            at += 1;
            continue;
        }
        let start = at;
        while text.get(at).is_some_and(|character| is_part(*character)) {
            at += 1;
        }
        let run = text.get(start..at).unwrap_or_default();
        let is_edge = |character: &&char| matches!(**character, '.' | '-' | '·');
        let head = run.iter().take_while(is_edge).count();
        let tail = run.iter().rev().take_while(is_edge).count();
        let span = start + head..at.saturating_sub(tail);
        if span.is_empty() || span.len() > WORD_CHARACTERS_MAX {
            continue;
        }
        let name: String = text
            .get(span.clone())
            .unwrap_or_default()
            .iter()
            .flat_map(|c| c.to_lowercase())
            .collect();
        words.push(Word { text: name, span });
    }
    words
}

/// No handle is longer, in characters.
const WORD_CHARACTERS_MAX: usize = 128;
