//! Arbitrary input never panics, never grows without bound, and a canonical form is its own.
#![allow(clippy::unwrap_used, reason = "tests")]

use domain::indicator::Kind;
use domain::value::Platform;
use fingerprint::text::{TEXT_BYTES_MAX, ad_text, normalise_text};
use fingerprint::{
    CANONICAL_BYTES_MAX, Hint, InputKind, Normalised, Refused, look_alike, normalise, recognise,
};
use proptest::prelude::*;

fn kinds() -> impl Strategy<Value = InputKind> {
    proptest::sample::select(InputKind::ALL)
}

fn hints() -> impl Strategy<Value = Hint> {
    let region =
        proptest::sample::select(vec![None, Some("FR"), Some("MA"), Some("US"), Some("QQ")]);
    let platform = proptest::option::of(proptest::sample::select(Platform::ALL));
    (region, platform).prop_map(|(region, platform)| Hint {
        region: region.map(|region| region.parse().unwrap()),
        platform,
    })
}

/// Text that comes close to what the rules look for.
fn near_misses() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "https://",
        "t.me/",
        "wa.me/",
        "facebook.com/",
        "x.com/",
        "youtube.com/",
        "instagram.com/",
        "signal.me/#p/",
        "vk.com/",
        "bit.ly/",
        "site.example/offers/",
        "?url=https://",
        "?ref=",
        "/user/",
        "%2F",
        "tg://resolve?domain=",
        "skype:",
        "mailto:",
        "tel:",
        "ethereum:",
        "0x",
        "bc1",
        "groups/",
        "profile.php?id=",
        "@",
        "＠",
        "+",
        "+33",
        "019900",
        "1234",
        "٠١٢",
        "..",
        ".",
        "/",
        "//",
        "?u=",
        "?",
        "&",
        "=",
        "%",
        "%2",
        "%40",
        "%25",
        "#",
        ":",
        "-100",
        "<number>",
        "<",
        ">",
        "FR14",
        "UC",
        "live:",
        "channel/",
        " ",
        "\n",
        "\u{200B}",
        "\u{202E}",
        "é",
        "e\u{301}",
        "İ",
        "ﬁ",
        "ŉ",
        "ᾳ",
        "\u{345}",
        "가",
        "ﷺ",
        "ـ",
        "7arraga",
        "boooat",
        "malines_fict",
        "example.org",
        "x",
    ]);
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// How a person would say what the canonical form is.
fn spoken(found: &Normalised) -> Option<(InputKind, String)> {
    let kind = match found.kind {
        Kind::Phone => InputKind::Phone,
        Kind::Email => InputKind::Email,
        Kind::Iban => InputKind::Iban,
        Kind::NumericId => InputKind::NumericId,
        Kind::Handle => InputKind::Handle,
        Kind::Wallet => InputKind::Wallet,
        Kind::ChannelId => InputKind::ChannelId,
        Kind::UrlWithIdentifier | Kind::Url => InputKind::Url,
        Kind::InviteCodeShort | Kind::InviteCode => InputKind::InviteCode,
        Kind::AdText => InputKind::Text,
        Kind::Sha256 => return Some((InputKind::Sha256, hex::encode(found.canonical()))),
        Kind::Blake3 => return Some((InputKind::Blake3, hex::encode(found.canonical()))),
    };
    Some((kind, String::from_utf8(found.canonical().to_vec()).ok()?))
}

fn check(kind: InputKind, raw: &str, hint: &Hint) -> Result<(), TestCaseError> {
    let _ = recognise(raw);
    let Ok(found) = normalise(kind, raw, hint) else {
        return Ok(());
    };
    prop_assert!(found.canonical().len() <= CANONICAL_BYTES_MAX);
    prop_assert!(found.canonical().len() <= 18 * raw.len() + 64);
    let (kind, text) = spoken(&found).unwrap();
    let again = normalise(kind, &text, &Hint { region: None, platform: found.platform });
    if found.kind == Kind::AdText {
        // Where a cut brings words side by side, a second look may find one more handle between them;
        // it never finds more text.
        match again {
            Ok(again) => prop_assert!(again.canonical().len() <= found.canonical().len() + 16),
            Err(refused) => {
                let too_short = matches!(refused, Refused::TextTooShort { .. });
                prop_assert!(too_short, "{:?}", refused);
            }
        }
        return Ok(());
    }
    prop_assert_eq!(
        again.as_ref().map(|again| (again.kind, again.canonical())),
        Ok((found.kind, found.canonical()))
    );
    prop_assert_eq!(again.unwrap().fingerprint(), found.fingerprint());
    let masked = found.masked();
    // Words of one or two characters also occur in the name of the kind.
    let shown = format!("{found:?}");
    prop_assert!(text.len() < 8 || !shown.contains(&text), "{}", shown);
    prop_assert!(text.len() < 8 || !masked.contains(&text), "{}", masked);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_strings(kind in kinds(), raw in any::<String>(), hint in hints()) {
        check(kind, &raw, &hint)?;
    }

    #[test]
    fn near_misses_of_the_rules(kind in kinds(), raw in near_misses(), hint in hints()) {
        check(kind, &raw, &hint)?;
    }

    #[test]
    fn texts(raw in "(\\PC|[a-zé7] ?|[0-9+ .-]{1,9}|@[a-z]{3}|<number>){0,60}") {
        let once = normalise_text(&raw);
        prop_assert_eq!(&normalise_text(&once), &once);
        let Ok(ad) = ad_text(&raw, &[]) else { return Ok(()) };
        let mut end = 0;
        for slot in &ad.slots {
            prop_assert!(slot.span.start >= end && slot.span.start < slot.span.end);
            prop_assert!(raw.get(slot.span.clone()).is_some());
            end = slot.span.end;
        }
        let text = core::str::from_utf8(ad.normalised.canonical()).unwrap();
        let longest = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        prop_assert!(longest.unwrap_or_default() < 5, "{}", text);
    }

    /// What is cut is cut once: the normal form of a text has nothing left to cut.
    #[test]
    fn handles_beside_platforms(pieces in proptest::collection::vec(
        (
            proptest::sample::select(vec![
                "snap", "Telegram", "insta", "تلغرام", "فيسبوک", "ok", "x", "tok", "whats", "sur",
                "على", "3la", "add", "contact", "malines", "malines93", "MALINES.fict", "m_f",
                "_m_", "7arraga", "24h", "me", "handle", "boooat", "départ", "12", "12345", "é",
            ]),
            proptest::sample::select(vec![
                " ", " ", " ", ": ", "-", ".", " → ", "/", "·", "_", "\n", ", ", "'", "\u{200B}",
            ]),
        ),
        0..14,
    )) {
        let raw: String = pieces.iter().map(|(word, sign)| format!("{word}{sign}")).collect();
        check(InputKind::Text, &raw, &Hint::default())?;
    }

    #[test]
    fn look_alikes(handle in any::<String>()) {
        let _ = look_alike(Platform::Telegram, &handle);
    }
}

#[test]
fn the_longest_texts_are_treated_in_time() {
    for piece in [
        "@",
        "((",
        "a ",
        "x: ",
        "1 ",
        "FR14 ",
        "<",
        "\u{FDFA}",
        "t.me/ ",
        "snap ",
        "add a on snap ",
        "a_b ",
        "1\u{200B}",
        "a.b/",
    ] {
        let raw = piece.repeat(TEXT_BYTES_MAX / piece.len());
        let started = std::time::Instant::now();
        let found = ad_text(&raw, &[]);
        assert!(started.elapsed().as_secs() < 20, "{piece}: {:?}", started.elapsed());
        if let Ok(ad) = found {
            assert!(ad.normalised.canonical().len() <= CANONICAL_BYTES_MAX);
        }
    }
}
