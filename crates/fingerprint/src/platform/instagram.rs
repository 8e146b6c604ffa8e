//! Instagram: names ignore capitals; dots count.

use domain::value::Platform;

use super::{
    Canonical, Outcome, POST_CODE_CHARACTERS, has_single_inner_dots, of_post, page_at, page_of,
};
use crate::link::Link;
use crate::refused::Refused;

/// First path segments that are no names of accounts.
const RESERVED: &[&str] = &[
    "about",
    "accounts",
    "api",
    "ar",
    "challenge",
    "channel",
    "developer",
    "direct",
    "download",
    "emails",
    "explore",
    "graphql",
    "j",
    "legal",
    "locations",
    "m",
    "oauth",
    "p",
    "press",
    "reel",
    "reels",
    "s",
    "share",
    "stories",
    "topics",
    "tv",
    "web",
];
/// Path segments before the code of a post; all three show the same post.
const POSTS: &[&str] = &["p", "reel", "tv"];
/// Second path segments that show another page of the same account.
const TABS: &[&str] = &["channel", "followers", "following", "live", "reels", "tagged"];

/// 1 to 30 of letters, digits, underscore and single inner dots.
pub(super) fn handle(name: &str) -> Result<Canonical, Refused> {
    if !has_single_inner_dots(name) {
        return Err(Refused::HandleInvalid);
    }
    super::plain_handle(Platform::Instagram, name, 1..=30, "._")
}

pub(super) fn link(link: Link) -> Result<Outcome, Refused> {
    let path = link.path();
    if link.url.scheme() == "instagram" {
        let name = link.parameter("username").filter(|_| link.host == "user");
        return handle(name.ok_or(Refused::LinkNamesNobody)?).map(Outcome::Names);
    }
    if link.host == "l.instagram.com" {
        let target = link.parameter("u").ok_or(Refused::LinkNamesNobody)?;
        return Ok(Outcome::Redirect(target.to_owned()));
    }
    match path.as_slice() {
        [] => Err(Refused::LinkNamesNobody),
        [post, code, ..] | [_, post, code] if POSTS.contains(post) => {
            page_of("www.instagram.com", &["p", code], of_post(code, POST_CODE_CHARACTERS))
        }
        ["reels", code] => {
            page_of("www.instagram.com", &["p", code], of_post(code, POST_CODE_CHARACTERS))
        }
        ["m", name] if link.host == "ig.me" => handle(name).map(Outcome::Names),
        ["_u", name, ..] => handle(name).map(Outcome::Names),
        ["stories", name, ..] if *name != "highlights" => handle(name).map(Outcome::Names),
        [first, ..] if RESERVED.contains(first) => {
            let host = if link.host == "ig.me" { "ig.me" } else { "www.instagram.com" };
            page_at(link.url, host)
        }
        [name] => handle(name).map(Outcome::Names),
        [name, tab] if TABS.contains(tab) => handle(name).map(Outcome::Names),
        _ => page_at(link.url, "www.instagram.com"),
    }
}
