//! Snapchat: names ignore capitals.

use domain::value::Platform;

use super::{Canonical, Outcome, of_post, page_at, page_of};
use crate::link::Link;
use crate::refused::Refused;

/// The codes of public videos are longer than any name, in characters.
const VIDEO_CHARACTERS: usize = 16;

/// 3 to 15 characters, a letter first, then letters, digits, hyphen, underscore and dot.
pub(super) fn handle(name: &str) -> Result<Canonical, Refused> {
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || name.ends_with('.') {
        return Err(Refused::HandleInvalid);
    }
    super::plain_handle(Platform::Snapchat, name, 3..=15, "-_.")
}

pub(super) fn link(link: Link) -> Result<Outcome, Refused> {
    let path = link.path();
    if link.url.scheme() == "snapchat" {
        return match (link.host.as_str(), path.as_slice()) {
            ("add", [name, ..]) => handle(name).map(Outcome::Names),
            _ => Err(Refused::LinkNamesNobody),
        };
    }
    match path.as_slice() {
        [] => Err(Refused::LinkNamesNobody),
        ["add" | "s", name, ..] => handle(name.trim_start_matches('@')).map(Outcome::Names),
        [name] if name.starts_with('@') => handle(name.trim_start_matches('@')).map(Outcome::Names),
        ["spotlight", code] => {
            page_of("www.snapchat.com", &["spotlight", code], of_post(code, VIDEO_CHARACTERS))
        }
        _ => page_at(link.url, "www.snapchat.com"),
    }
}
