//! X, formerly Twitter: names ignore capitals.

use domain::value::Platform;

use super::{Canonical, Exposure, Outcome, checked_number, numeric_id, page_at, page_of};
use crate::link::Link;
use crate::refused::Refused;

/// First path segments that are no names of accounts.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "compose",
    "download",
    "explore",
    "hashtag",
    "home",
    "i",
    "intent",
    "jobs",
    "login",
    "messages",
    "notifications",
    "oauth",
    "privacy",
    "search",
    "settings",
    "share",
    "signup",
    "tos",
    "who_to_follow",
];
/// Second path segments that show another page of the same account.
const TABS: &[&str] = &[
    "about",
    "articles",
    "followers",
    "following",
    "header_photo",
    "highlights",
    "likes",
    "lists",
    "media",
    "photo",
    "verified_followers",
    "with_replies",
];

/// 1 to 15 of letters, digits and underscore.
pub(super) fn handle(name: &str) -> Result<Canonical, Refused> {
    super::plain_handle(Platform::X, name, 1..=15, "_")
}

pub(super) fn link(link: Link) -> Result<Outcome, Refused> {
    let path = link.path();
    let by_parameter = || {
        if let Some(id) = link.parameter("user_id") {
            return numeric_id(Platform::X, id).map(Outcome::Names);
        }
        let name = link.parameter("screen_name").ok_or(Refused::LinkNamesNobody)?;
        handle(name.trim_start_matches('@')).map(Outcome::Names)
    };
    if link.url.scheme() == "twitter" {
        return if link.host == "user" { by_parameter() } else { Err(Refused::LinkNamesNobody) };
    }
    match path.as_slice() {
        [] => Err(Refused::LinkNamesNobody),
        ["intent", "user" | "follow", ..] => by_parameter(),
        ["i", "user", id, ..] => numeric_id(Platform::X, id).map(Outcome::Names),
        // The name in front is not looked at by the platform, and accounts are renamed.
        [_, "status" | "statuses", id, ..] | ["i", "web", "status", id, ..]
            if checked_number(id).is_some() =>
        {
            page_of("x.com", &["i", "status", id], Exposure::Named)
        }
        [first, ..] if RESERVED.contains(&first.to_ascii_lowercase().as_str()) => {
            page_at(link.url, "x.com")
        }
        [name] => handle(name.trim_start_matches('@')).map(Outcome::Names),
        [name, tab] if TABS.contains(tab) => handle(name).map(Outcome::Names),
        _ => page_at(link.url, "x.com"),
    }
}
