//! Decides whether what follows the host of an address names somebody or can be guessed.
//!
//! A page that names nobody is replicated to partners as a keyed token, and whoever holds the key
//! can test guesses against it. So the question is not "does it look like a handle" but "could a
//! list of handles, or of short codes, find it", and the answer is yes unless a reason says no:
//!
//! 1. Under a host of `page/host.txt` (social networks, pages of links, tills, blogs, shorteners)
//!    everything but the bare host names somebody. Short codes count, because they can be counted
//!    through; they are never resolved.
//! 2. Elsewhere a segment `@x`, a segment behind one of `page/naming.txt` (`user`, `in`, `profile`),
//!    a host of rule 1 or of a platform inside the path, and a colon in the path name somebody.
//! 3. Else the first segment that says something has to be *known*: words of `page/word.txt`
//!    (`/offre-2026`), a number of at most six digits, a title (five words, or three with two telling
//!    known ones, and no naming word), a drawn code of twenty characters that is no wallet, one or
//!    two letters, more than a hundred characters, or letters of another script than Latin, which
//!    no platform but YouTube allows in a handle. A single word that the list does not know is
//!    taken for a handle.
//! 4. Behind a known segment words are free (`/annonces/maria`), but not an underscore nor letters
//!    and digits mixed.
//! 5. Names and values of the query have to be known like the first segment. A value that is a link
//!    is normalised itself, and what it points at decides.
//!
//! What this cannot do: a host that is on no list and gives people names in its subdomains, or words
//! behind a known segment, is not seen, and a handle made of known words and hyphens alone
//! (`/fast-boat`) passes for a page. The other way round, pages whose words are not listed are kept
//! back for nothing: they are still asked for live.

use std::collections::HashSet;
use std::sync::LazyLock;

use domain::indicator::Tier;
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;
use url::Url;

use crate::unicode::{is_digits, is_invisible, is_letter, is_mark, with_ascii_digit};
use crate::{link, wallet, web};

/// Links inside the queries of links that are followed, at most; deeper counts as naming somebody.
pub(crate) const NESTED_MAX: usize = 3;
/// How often a part is percent-decoded; more hides something.
const DECODE_ROUNDS_MAX: usize = 3;
/// Fewer letters and digits than this say nothing.
const TELLING_CHARACTERS: usize = 3;
/// No handle is longer, in characters.
const HANDLE_CHARACTERS_MAX: usize = 100;
/// From seven digits on a number is an identifier.
const NUMBER_DIGITS_MAX: usize = 6;
/// From this many words on, and [`TITLE_CHARACTERS_MIN`], a segment is a title.
const TITLE_WORDS_MIN: usize = 5;
/// The same, in characters.
const TITLE_CHARACTERS_MIN: usize = 24;
/// A drawn code has this many characters, at least.
const CODE_CHARACTERS_MIN: usize = 20;
/// And changes between letters and digits so often, at least: names do not.
const CODE_CHANGES_MIN: usize = 6;
/// Platforms in two letters: beside them a word in a title is a handle.
const PLATFORMS_SHORT: [&str; 6] = ["fb", "ig", "tg", "vk", "wa", "yt"];
/// The lengths of MD5, SHA-1 and SHA-256 in hexadecimal.
const DIGEST_CHARACTERS: [usize; 3] = [32, 40, 64];
/// How `http` begins in base64, letters lowered.
const ADDRESS_IN_BASE64: &str = "ahr0c";

/// No wallet is shorter, in characters.
const WALLET_CHARACTERS_MIN: usize = 25;

static HOSTS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| listed(include_str!("page/host.txt")).collect());
static NAMING: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| listed(include_str!("page/naming.txt")).collect());
static WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| listed(include_str!("page/word.txt")).collect());

/// Endings of files, which say nothing.
const FILE_ENDINGS: &[&str] = &[
    "asp", "aspx", "cfm", "gif", "htm", "html", "jpeg", "jpg", "jsp", "mp4", "pdf", "php", "png",
    "shtml", "webm", "webp", "xhtml",
];

/// Could somebody be found who is named behind the host, or in front of a listed one? `nested` is
/// how many links this one stands in.
pub(crate) fn names_somebody(url: &Url, nested: usize) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let query = url.query().unwrap_or_default();
    if is_listed(host) {
        let is_bare = matches!(url.path(), "" | "/") && query.is_empty();
        return !(is_bare && is_listed_itself(host));
    }
    path_names(url.path())
        || query.split('&').any(|pair| parameter_names(pair, nested))
        || holds_wallet(url.path())
        || holds_wallet(query)
}

/// A wallet is a drawn code too, and all that were ever used stand in a public ledger.
fn holds_wallet(text: &str) -> bool {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    decoded
        .split(|character: char| !character.is_ascii_alphanumeric())
        .any(|part| part.len() >= WALLET_CHARACTERS_MIN && wallet::canonical(part).is_ok())
}

/// Is the host, or a domain above it, on the list?
pub(crate) fn is_listed(host: &str) -> bool {
    HOSTS.iter().any(|listed| match listed.strip_suffix(".*") {
        Some(name) => host
            .rsplit_once('.')
            .is_some_and(|(labels, _)| labels.split('.').any(|label| label == name)),
        None => host.strip_suffix(listed).is_some_and(|sub| sub.is_empty() || sub.ends_with('.')),
    })
}

/// A listed domain without a subdomain that could be an account.
fn is_listed_itself(host: &str) -> bool {
    let bare = ["www.", "m.", "mobile."].iter().find_map(|sub| host.strip_prefix(sub));
    let bare = bare.unwrap_or(host);
    HOSTS.iter().any(|listed| match listed.strip_suffix(".*") {
        Some(name) => bare.split('.').next() == Some(name),
        None => bare == *listed,
    })
}

fn path_names(path: &str) -> bool {
    let mut segments = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        match plain(segment) {
            // An escaped slash separates too, for whoever reads the path.
            Some(text) => segments.extend(text.split('/').map(str::to_owned)),
            None => return true,
        }
    }
    segments.retain(|segment| !segment.is_empty());
    let mut known = false;
    let mut segments = segments.iter().peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if points(segment) || (has_naming_word(segment) && !is_last) {
            return true;
        }
        if NAMING.contains(segment.as_str()) || is_language(segment) {
            continue;
        }
        if known {
            if !is_words(segment) && !is_known(segment) {
                return true;
            }
        } else if !is_known(segment) {
            return true;
        }
        // A year or a page number in front makes no site's own word.
        known |= says_something(segment) && !is_digits(segment);
    }
    false
}

/// `name=value`; one without the other is judged like a value.
fn parameter_names(pair: &str, nested: usize) -> bool {
    let decoded = |text: &str| plain(&text.replace('+', " "));
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let (Some(name), Some(folded)) = (decoded(name), decoded(value)) else {
        return true;
    };
    if !name.split(['_', '-', '[', ']', '.']).all(|part| is_known(part) || NAMING.contains(part)) {
        return true;
    }
    if let Some(verdict) = points_by_link(value, nested) {
        return verdict;
    }
    // A path inside a query, such as the page to return to.
    if folded.starts_with('/') {
        return path_names(value);
    }
    let names_number = NAMING.contains(name.as_str()) && !is_digits(&folded);
    let is_short = !says_something(&folded);
    !is_short && (names_number || !is_known(&folded))
}

/// Whether the link in a value points at what may not be replicated or cannot be judged; `None` if
/// it is no link.
fn points_by_link(value: &str, nested: usize) -> Option<bool> {
    let mut text = value.replace('+', " ");
    for _ in 0..=DECODE_ROUNDS_MAX {
        let target = text.trim();
        if web::looks_like_link(target) || target.starts_with("//") {
            if nested >= NESTED_MAX {
                return Some(true);
            }
            let found = link::resolve_within(target, None, nested + 1);
            return Some(!found.is_ok_and(|found| found.kind.tier() == Tier::Keyed));
        }
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            return None;
        }
        text = decoded;
    }
    Some(true)
}

/// Points at somebody whatever stands around it: `@x`, `~x`, `$x`, `scheme:`, a listed host.
fn points(segment: &str) -> bool {
    segment.contains(['@', '~', '$', ':'])
        || (segment.contains('.') && (is_listed(segment) || link::platform_of(segment).is_some()))
}

/// Decoded, without marks, in lower case, digits in ASCII. `None` if it never stops unfolding.
fn plain(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..=DECODE_ROUNDS_MAX {
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            let base: String = text
                .nfkd()
                .filter(|character| !is_mark(*character) && !is_invisible(*character))
                .map(with_ascii_digit)
                .collect();
            return Some(caseless::default_case_fold_str(&base).trim().to_owned());
        }
        text = decoded;
    }
    None
}

fn says_something(segment: &str) -> bool {
    segment.chars().filter(|character| character.is_alphanumeric()).count() >= TELLING_CHARACTERS
}

/// `fr`, `en-gb`.
fn is_language(segment: &str) -> bool {
    let is_code = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_lowercase());
    segment.split(['-', '_']).all(is_code) && segment.len() <= 5
}

/// Rule 3 above: known to be no handle.
fn is_known(segment: &str) -> bool {
    let text = match segment.rsplit_once('.') {
        Some((stem, ending)) if FILE_ENDINGS.contains(&ending) => stem,
        _ => segment,
    };
    if !says_something(text) || text.chars().count() > HANDLE_CHARACTERS_MAX || is_code(text) {
        return true;
    }
    if !is_words(text) {
        return false;
    }
    let words = || text.split(is_between).filter(|word| !word.is_empty());
    if words().all(is_known_word) {
        return true;
    }
    // `follow-malines-on-telegram` is a title that names somebody.
    let count = words().count();
    let telling = words().filter(|word| word.len() > TELLING_CHARACTERS && WORDS.contains(word));
    let is_title = (count >= 3 && telling.count() >= 2)
        || (count >= TITLE_WORDS_MIN && text.chars().count() >= TITLE_CHARACTERS_MIN);
    let names = |word: &str| {
        PLATFORMS_SHORT.contains(&word) || (says_something(word) && NAMING.contains(word))
    };
    is_title && !words().any(names)
}

/// Words and numbers with hyphens, spaces or commas between them, no word of letters and digits.
fn is_words(text: &str) -> bool {
    let stem = match text.rsplit_once('.') {
        Some((stem, ending)) if FILE_ENDINGS.contains(&ending) => stem,
        _ => text,
    };
    stem.split(is_between).all(|word| {
        (is_digits(word) && word.len() <= NUMBER_DIGITS_MAX)
            || word.chars().all(is_letter)
            || !says_something(word)
    }) && !stem.contains(['_', '.'])
}

fn is_between(character: char) -> bool {
    matches!(character, '-' | ' ' | ',' | '+' | '\'' | '\u{2010}'..='\u{2019}')
}

/// `user`, `user-profile`, `users.php`: somebody's name follows.
fn has_naming_word(segment: &str) -> bool {
    let mut words = segment.split(|character: char| !character.is_alphanumeric());
    NAMING.contains(segment) || words.any(|word| says_something(word) && NAMING.contains(word))
}

fn is_known_word(word: &str) -> bool {
    is_digits(word)
        || !says_something(word)
        || WORDS.contains(word)
        || NAMING.contains(word)
        || !word.contains(|character: char| character.is_ascii())
}

/// A code that was drawn: long, and letters and digits in no order.
fn is_code(text: &str) -> bool {
    let code: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let changes = code
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()));
    // What anybody can make of a guess was not drawn: a digest, or an address in base64.
    let is_digest = DIGEST_CHARACTERS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_address = text.to_ascii_lowercase().contains(ADDRESS_IN_BASE64);
    code.len() >= CODE_CHARACTERS_MIN
        && !is_digest
        && !is_address
        && code.iter().all(u8::is_ascii_alphanumeric)
        && changes.count() >= CODE_CHANGES_MIN
}

fn listed(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hint, InputKind, normalise};
    use domain::indicator::Kind;
    use proptest::prelude::*;

    fn kind(raw: &str) -> Kind {
        match normalise(InputKind::Link, raw, &Hint::default()) {
            Ok(found) => found.kind,
            Err(refused) => panic!("{raw}: {refused}"),
        }
    }

    /// Everything that must never be replicated.
    const SEALED: &[&str] = &[
        "https://boats.example/user-profile/malines",
        "https://boats.example/our-team/maria-lopez",
        "https://boats.example/users.php/malines",
        "https://boats.example/tg-malines-fict-boats-to-spain",
        "https://boats.example/photo/0bc83cb571cd1c50ba6f3e8a78ef1346",
        "https://boats.example/go?url=aHR0cHM6Ly92ay5jb20vbWFsaW5lcw",
        "vk.com/malines_fict",
        "https://m.vk.com/malinesfict",
        "linkedin.com/in/malines-fict",
        "https://be.linkedin.com/in/malines-fict/",
        "reddit.com/user/malines",
        "reddit.com/u/malines",
        "linktr.ee/malines",
        "ok.ru/profile/12345",
        "t.me/boost/malines_fict",
        "t.me/addstickers/malines_fict",
        "graph.facebook.com/malines.fict",
        "facebook.com/hashtag/malines",
        "facebook.com/share/1AbCdEf",
        "fb.me/malines",
        "x.com/share?via=malines_fict",
        "x.com/hashtag/malines_fict",
        "x.com/intent/tweet?url=https://t.me/malines_fict",
        "t.me/share/url?url=https://t.me/malines_fict",
        "discord.gg/Ab3dEf",
        "bit.ly/3xY9z",
        "tinyurl.com/3xY9z",
        "cutt.ly/3xY9z",
        "t.co/3xY9z",
        "wa.link/3xY9z",
        "vm.tiktok.com/ZMalines1",
        "snapchat.com/t/AbCd1234",
        "threads.net/@malines",
        "threads.net/malines",
        "pinterest.com/malines",
        "pinterest.fr/malines",
        "www.pinterest.co.uk/malines",
        "malines.tumblr.com",
        "tumblr.com/malines",
        "medium.com/@malines",
        "malines.medium.com",
        "github.com/malines",
        "soundcloud.com/malines",
        "twitch.tv/malines",
        "onlyfans.com/malines",
        "ask.fm/malines",
        "about.me/malines",
        "beacons.ai/malines",
        "bio.link/malines",
        "line.me/ti/p/malines",
        "weibo.com/malines",
        "kick.com/malines",
        "patreon.com/malines",
        "paypal.me/malines",
        "paypal.com/paypalme/malines",
        "cash.app/$malines",
        "ko-fi.com/malines",
        "buymeacoffee.com/malines",
        "mastodon.example/@malines",
        "social.example/users/malines",
        "social.example/web/@malines@other.example",
        "malines-fict.blogspot.com",
        "instagram.com/explore/tags/malines",
        // Hosts that nobody listed.
        "site.example/malines",
        "site.example/malines_fict",
        "site.example/malines-fict",
        "site.example/malines93",
        "site.example/malines.fict",
        "site.example/malines.html",
        "site.example/fr/malines",
        "site.example/2026/malines",
        "site.example/~malines",
        "site.example/%24malines",
        "site.example/profile/malines",
        "site.example/contact-me-malines",
        "site.example/follow-malines-fict-on-telegram-now",
        "site.example/pay/1111111111111111111114oLvT2",
        "site.example/pay?a=1111111111111111111114oLvT2",
        "site.example/pay/bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "site.example/fr/Profil/malines",
        "site.example/blog/author/malines",
        "site.example/offers/malines_fict",
        "site.example/offers/malines93",
        "site.example/go/vk.com/malines",
        "site.example/https://vk.com/malines",
        "site.example/?ref=malines",
        "site.example/offers?malines",
        "site.example/offers?q=malines_fict",
        "site.example/offers?u=https%3A%2F%2Fvk.com%2Fmalines",
        "site.example/offers?u=https%253A%252F%252Fvk.com%252Fmalines",
        "site.example/offers?u=vk.com/malines",
        "site.example/offers?u=mailto:malines@example.org",
        "site.example/offers?next=/malines",
        "site.example/offers?u=http://site.example/?u=http://site.example/?u=http://site.example/?u=http://site.example/",
    ];

    /// What partners replicate.
    const PLAIN: &[&str] = &[
        "https://visa-rapide.example/offre-2026",
        "https://visa-rapide.example/",
        "visa-rapide.example",
        "https://visa-rapide.example/annonces/traversee-espagne-aout",
        "https://visa-rapide.example/traversee-espagne-aout",
        "https://visa-rapide.example/fr/contact",
        "https://visa-rapide.example/contact.php?lang=fr",
        "https://voyages-sans-visa.example/reserver",
        "https://traversee-express-22.example/papiers",
        "https://traversee-express-22.example/departs/novembre?utm_source=fb",
        "https://offre-emploi-espagne.example/contrat",
        "https://boats.example/offers?page=2&sort=price",
        "https://boats.example/a",
        "https://news.example/report-on-boats",
        "https://news.example/2026/11/21/boat",
        "https://news.example/2026/11/five-men-held-after-crossing-to-spain",
        "https://boats.example/boat/123456",
        "https://boats.example/Préparer-mon-départ-en-Espagne",
        "https://boats.example/visas/schengen",
        "https://boats.example/a1b2c3d4e5f6a7b8c9d0",
        "https://boats.example/3f2b8c1e-4d5a-4f6b-8c7d-9e0f1a2b3c4d",
        "https://boats.example/عرض",
        "https://boats.example/go?url=https%3A%2F%2Fother.example%2Foffers",
        "https://boats.example:8443/index.html",
        "bit.ly",
        "https://www.linkedin.com/",
        "https://www.youtube.com/watch?v=Malines_Ex1",
        "https://www.instagram.com/p/MlnsExmpl01",
        "https://www.snapchat.com/spotlight/W7_EDlXWTBiXAEEniNoMPwAAYexamplexample",
    ];

    #[test]
    fn what_could_be_guessed_is_sealed() {
        let wrong: Vec<&&str> =
            SEALED.iter().filter(|raw| kind(raw) != Kind::UrlWithIdentifier).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn ordinary_pages_are_replicated() {
        let wrong: Vec<&&str> = PLAIN.iter().filter(|raw| kind(raw) != Kind::Url).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn one_code_is_one_invitation_on_every_host_of_whatsapp() {
        let of = |raw: &str| normalise(InputKind::Link, raw, &Hint::default()).unwrap();
        for space in ["message", "qr"] {
            let one = of(&format!("https://wa.me/{space}/ABCDEF123456G1"));
            assert_eq!(one.kind, Kind::InviteCodeShort);
            for host in ["api.whatsapp.com", "web.whatsapp.com", "www.whatsapp.com"] {
                let other = of(&format!("https://{host}/{space}/ABCDEF123456G1"));
                assert_eq!(other.fingerprint(), one.fingerprint(), "{host}");
            }
        }
    }

    #[test]
    fn no_disguise_helps() {
        let plain = normalise(InputKind::Link, "https://vk.com/malines", &Hint::default()).unwrap();
        for raw in [
            "vk.com/%6dalines",
            "HTTPS://VK.COM/malines",
            "https://vk.com./malines",
            "https://vk.com:443/malines",
            "https://ｖｋ.com/malines",
            "hxxps://vk[.]com/malines",
            "https://vk.com/x/../malines",
            "https://vk.com/malines#wall",
        ] {
            let found = normalise(InputKind::Link, raw, &Hint::default()).unwrap();
            assert_eq!(found.fingerprint(), plain.fingerprint(), "{raw}");
        }
        for raw in [
            "https://VK.com/MALINES",
            "https://vk.com:8443/malines",
            "https://vk.com//malines",
            "https://vk.com/%256dalines",
            "https://vk.com/?malines",
            "https://xn--bcher-kva.example/malines",
            "https://bücher.example/MALINES",
            "https://site.example/%6Dalines",
            "https://site.example/%256dalines",
            "https://site.example/m%C3%A1lines",
            "https://site.example/ｍａｌｉｎｅｓ",
            "https://site.example/ma%E2%80%8Blines",
            "https://site.example./malines",
            "https://site.example/offers%2Fuser%2Fmalines",
            "https://site.example/offers/..%2f..%2fuser%2fmalines",
            "https://192.0.2.1/malines",
            &format!("https://vk.com/{}", "a".repeat(4000)),
        ] {
            assert_eq!(kind(raw), Kind::UrlWithIdentifier, "{raw}");
        }
        assert!(
            normalise(InputKind::Link, "https://vk.com@site.example/", &Hint::default()).is_err()
        );
    }

    #[test]
    fn the_lists_are_tidy() {
        for (name, list) in [
            ("host", HOSTS.iter().copied().collect::<Vec<_>>()),
            ("naming", NAMING.iter().copied().collect()),
            ("word", WORDS.iter().copied().collect()),
        ] {
            assert!(list.len() > 100, "{name}");
            for entry in list {
                let is_plain =
                    |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.*".contains(&b);
                assert!(entry.bytes().all(is_plain), "{name}: {entry}");
            }
        }
        for host in HOSTS.iter().filter(|host| !host.ends_with(".*")) {
            assert!(host.contains('.'), "{host}");
            let platform = link::platform_of(host);
            assert!(platform.is_none() || *host == "telegram.org", "{host} has rules of its own");
        }
    }

    /// Anything that some platform takes for a handle.
    fn handles() -> impl Strategy<Value = String> {
        prop_oneof![
            "[A-Za-z0-9_]{1,32}",
            "[a-z][a-z0-9._-]{2,14}",
            "[a-z]{3,12}",
            "[a-z]{3,8}[-_.][a-z]{3,8}",
            "(offre|visa|boat|contact)[0-9]{0,3}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_handle_under_a_listed_host_is_replicated(
            handle in handles(),
            host in proptest::sample::select(HOSTS.clone()),
            shape in 0_usize..8,
        ) {
            let host = host.replace(".*", ".fr");
            let raw = match shape {
                0 => format!("https://{host}/{handle}"),
                1 => format!("{host}/{handle}/"),
                2 => format!("http://www.{host}/@{handle}"),
                3 => format!("https://{host}/user/{handle}"),
                4 => format!("https://{host}/?id={handle}"),
                5 => format!("https://{host}/?{handle}"),
                6 => format!("https://site.example/offers?url=https%3A%2F%2F{host}%2F{handle}"),
                _ => format!("https://{host}/posts/{handle}/photos?page=2"),
            };
            if let Ok(found) = normalise(InputKind::Link, &raw, &Hint::default()) {
                prop_assert_eq!(found.kind.tier(), Tier::Sealed, "{}", raw);
            }
        }

        #[test]
        fn no_unlisted_word_under_any_host_is_replicated(word in "[bcdfghjkmpqvwxz]{3,20}[0-9_]{0,4}") {
            for raw in [
                format!("https://site.example/{word}"),
                format!("https://site.example/user/{word}"),
                format!("https://site.example/?q={word}"),
            ] {
                prop_assert_eq!(kind(&raw), Kind::UrlWithIdentifier, "{}", raw);
            }
        }
    }
}
