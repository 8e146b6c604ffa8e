//! Facebook and Messenger: names ignore capitals and dots; a name of digits alone is the numeric id.

use domain::value::Platform;

use super::{Canonical, Exposure, Outcome, invite, numeric_id, page_at};
use crate::link::Link;
use crate::refused::Refused;
use crate::unicode::is_digits;

/// First path segments that are no names of accounts.
const RESERVED: &[&str] = &[
    "about",
    "ads",
    "business",
    "dialog",
    "events",
    "friends",
    "gaming",
    "groups",
    "hashtag",
    "help",
    "home.php",
    "legal",
    "login",
    "login.php",
    "marketplace",
    "media",
    "messages",
    "notes",
    "notifications",
    "p",
    "pages",
    "people",
    "permalink.php",
    "pg",
    "photo",
    "photo.php",
    "photos",
    "plugins",
    "policies",
    "privacy",
    "profile.php",
    "public",
    "reel",
    "reels",
    "search",
    "settings",
    "share",
    "share.php",
    "sharer",
    "sharer.php",
    "stories",
    "story.php",
    "video.php",
    "videos",
    "watch",
];
/// Second path segments that show another page of the same account.
const TABS: &[&str] = &[
    "about",
    "community",
    "events",
    "followers",
    "friends",
    "likes",
    "live",
    "map",
    "members",
    "mentions",
    "photos",
    "posts",
    "reels",
    "reels_tab",
    "reviews",
    "videos",
];
/// Subdomains that are not the site itself.
const OTHER_SITES: &[&str] = &["developers", "graph", "newsroom", "research", "transparency"];
/// Digits at the end of `Some-Name-1234567890` that are the id, at least.
const TRAILING_ID_DIGITS_MIN: usize = 9;

/// 5 to 50 of letters and digits; capitals and dots do not count. `groups/NAME` is a group.
pub(super) fn handle(name: &str) -> Result<Canonical, Refused> {
    if let Some(group) = name.strip_prefix("groups/") {
        return self::group(group);
    }
    if is_digits(name) {
        return numeric_id(Platform::Facebook, name);
    }
    super::plain_handle(Platform::Facebook, &name.replace('.', ""), 5..=50, "")
}

pub(super) fn link(link: Link) -> Result<Outcome, Refused> {
    let host = link.host.clone();
    if link.url.scheme() == "fb" {
        return match (host.as_str(), link.path().as_slice()) {
            ("profile" | "page" | "group", [id, ..]) => numbered(id),
            _ => Err(Refused::LinkNamesNobody),
        };
    }
    match host.as_str() {
        "l.facebook.com" | "lm.facebook.com" | "l.messenger.com" => {
            let target = link.parameter("u").ok_or(Refused::LinkNamesNobody)?;
            Ok(Outcome::Redirect(target.to_owned()))
        }
        "m.me" => match link.path().as_slice() {
            ["j", code, ..] => invite(Platform::Facebook, "", code).map(Outcome::Names),
            [name, ..] => handle(name).map(Outcome::Names),
            [] => Err(Refused::LinkNamesNobody),
        },
        "messenger.com" => match link.path().as_slice() {
            ["t", name, ..] => handle(name).map(Outcome::Names),
            _ => Err(Refused::LinkNamesNobody),
        },
        _ if OTHER_SITES.iter().any(|site| host.split('.').next() == Some(site)) => {
            Ok(Outcome::Page(link.url, Exposure::Named))
        }
        _ => site(link),
    }
}

/// facebook.com under any of its hosts.
fn site(link: Link) -> Result<Outcome, Refused> {
    let path = link.path();
    match path.as_slice() {
        [] => Err(Refused::LinkNamesNobody),
        ["l.php", ..] => match link.parameter("u") {
            Some(target) => Ok(Outcome::Redirect(target.to_owned())),
            None => Err(Refused::LinkNamesNobody),
        },
        ["profile.php", ..] => match link.parameter("id") {
            Some(id) => numbered(id),
            None => Err(Refused::LinkNamesNobody),
        },
        ["people" | "pages", _, id, ..] => numbered(id),
        ["messages", "t", name, ..] => handle(name).map(Outcome::Names),
        ["groups", name] => group(name).map(Outcome::Names),
        ["groups", name, tab, ..] if TABS.contains(tab) && path.len() == 3 => {
            group(name).map(Outcome::Names)
        }
        ["p" | "pg", name, ..] => named(name).map(Outcome::Names),
        [first, ..] if RESERVED.contains(&first.to_ascii_lowercase().as_str()) => {
            page_at(link.url, "www.facebook.com")
        }
        [name] => named(name).map(Outcome::Names),
        [name, tab] if TABS.contains(tab) => named(name).map(Outcome::Names),
        _ => page_at(link.url, "www.facebook.com"),
    }
}

fn numbered(id: &str) -> Result<Outcome, Refused> {
    numeric_id(Platform::Facebook, id).map(Outcome::Names)
}

/// A name, or a title that ends in the numeric id.
fn named(name: &str) -> Result<Canonical, Refused> {
    match name.rsplit_once('-') {
        Some((_, id)) if is_digits(id) && id.len() >= TRAILING_ID_DIGITS_MIN => {
            numeric_id(Platform::Facebook, id)
        }
        _ => handle(name),
    }
}

/// A group by its number, or by its name, whose dots count.
fn group(name: &str) -> Result<Canonical, Refused> {
    if is_digits(name) {
        return numeric_id(Platform::Facebook, name);
    }
    let found = super::plain_handle(Platform::Facebook, name, 2..=100, "._-")?;
    Ok(Canonical { text: format!("groups/{}", found.text), ..found })
}
