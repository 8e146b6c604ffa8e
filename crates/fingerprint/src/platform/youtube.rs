//! YouTube: channel ids keep their capitals; @handles ignore them and may be in any script.

use domain::value::Platform;
use unicode_normalization::UnicodeNormalization;

use super::{Canonical, Exposure, Outcome, channel_id, page_at};
use crate::link::Link;
use crate::refused::Refused;
use crate::unicode::{is_letter, is_mark};

/// First path segments before the id of a video.
const VIDEOS: &[&str] = &["embed", "live", "shorts", "v"];
/// The length of a video's id, in characters.
const VIDEO_CHARACTERS: usize = 11;

/// 3 to 30 letters and digits of any script, and `_ - . ·` inside. `user/NAME` and `c/NAME` are the
/// names of before 2022, which live in spaces of their own.
pub(super) fn handle(name: &str) -> Result<Canonical, Refused> {
    for space in ["user/", "c/"] {
        if let Some(old) = name.strip_prefix(space) {
            let folded = folded(old, 1..=100)?;
            return Ok(Canonical::handle(Platform::Youtube, format!("{space}{folded}")));
        }
    }
    Ok(Canonical::handle(Platform::Youtube, folded(name, 3..=30)?))
}

/// `UC` and 22 characters of base64url.
pub(super) fn channel(text: &str) -> Option<String> {
    let code = text.strip_prefix("UC")?;
    let well_formed = code.len() == 22
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    well_formed.then(|| text.to_owned())
}

pub(super) fn link(link: Link) -> Result<Outcome, Refused> {
    let path = link.path();
    if link.host == "youtu.be" {
        return match path.as_slice() {
            [id, ..] => video(id),
            [] => Err(Refused::LinkNamesNobody),
        };
    }
    match path.as_slice() {
        [] => Err(Refused::LinkNamesNobody),
        ["channel", id, ..] => channel_id(Platform::Youtube, id).map(Outcome::Names),
        [space @ ("user" | "c"), name, ..] => {
            handle(&format!("{space}/{name}")).map(Outcome::Names)
        }
        ["watch", ..] => video(link.parameter("v").ok_or(Refused::LinkNamesNobody)?),
        ["redirect", ..] => match link.parameter("q") {
            Some(target) => Ok(Outcome::Redirect(target.to_owned())),
            None => Err(Refused::LinkNamesNobody),
        },
        [kind, id, ..] if VIDEOS.contains(kind) => video(id),
        [name, ..] if name.starts_with('@') => {
            handle(&crate::unicode::tidy(name.trim_start_matches('@'))).map(Outcome::Names)
        }
        _ => page_at(link.url, "www.youtube.com"),
    }
}

/// Every way of showing one video is one address.
fn video(id: &str) -> Result<Outcome, Refused> {
    let well_formed = id.len() == VIDEO_CHARACTERS
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !well_formed {
        return Err(Refused::UrlInvalid);
    }
    let url = format!("https://www.youtube.com/watch?v={id}");
    let url = url::Url::parse(&url).map_err(|_| Refused::UrlInvalid)?;
    Ok(Outcome::Page(url, Exposure::Drawn))
}

fn folded(name: &str, lengths: core::ops::RangeInclusive<usize>) -> Result<String, Refused> {
    let folded: String = caseless::default_case_fold_str(name).nfkc().collect();
    let signs = ['_', '-', '.', '·'];
    let allowed = |character: char| {
        is_letter(character)
            || is_mark(character)
            || character.is_ascii_digit()
            || signs.contains(&character)
    };
    let well_formed = lengths.contains(&folded.chars().count())
        && folded.chars().all(allowed)
        && !folded.starts_with(signs)
        && !folded.ends_with(signs);
    if well_formed { Ok(folded) } else { Err(Refused::HandleInvalid) }
}
