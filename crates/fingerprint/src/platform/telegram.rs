//! Telegram. Links checked against Telegram's page "Deep links"; four-letter names are sold there.

use domain::value::Platform;

use super::{Canonical, Outcome, channel_id, checked_number, invite, numeric_id, page_at};
use crate::link::Link;
use crate::phone;
use crate::refused::Refused;
use crate::unicode::is_digits;

/// First path segments, and subdomains of t.me, that are no user names.
const RESERVED: &[&str] = &[
    "addemoji",
    "addlist",
    "addstickers",
    "addstyle",
    "addtheme",
    "auction",
    "auth",
    "boost",
    "call",
    "confirmphone",
    "contact",
    "giftcode",
    "invoice",
    "joinchat",
    "login",
    "nft",
    "proxy",
    "setlanguage",
    "share",
    "socks",
    "www",
];

/// 4 to 32 of letters, digits and underscore; capitals do not count.
pub(super) fn handle(name: &str) -> Result<Canonical, Refused> {
    super::plain_handle(Platform::Telegram, name, 4..=32, "_")
}

/// The id of a channel out of a bot's dialog id: `-(10^12 + id)` (Telegram, "Bot API dialog IDs").
pub(super) fn channel_of_dialog(dialog: &str) -> Option<String> {
    const OFFSET: u64 = 1_000_000_000_000;
    const CHANNEL_MAX: u64 = 997_852_516_352;
    let id = checked_number(dialog.strip_prefix('-')?)?.parse::<u64>().ok()?.checked_sub(OFFSET)?;
    (1..=CHANNEL_MAX).contains(&id).then(|| id.to_string())
}

pub(super) fn link(link: Link) -> Result<Outcome, Refused> {
    if link.url.scheme() == "tg" {
        return application(&link).map(Outcome::Names);
    }
    if link.host == "web.telegram.org" {
        return browser(&link);
    }
    if let Some(name) = link.host.strip_suffix(".t.me") {
        if RESERVED.contains(&name) || name.len() < 4 || name.contains('.') {
            return Err(Refused::LinkNamesNobody);
        }
        return handle(name).map(Outcome::Names);
    }
    let path = link.path();
    match path.as_slice() {
        [] => Err(Refused::LinkNamesNobody),
        ["s", name, ..] => handle(name).map(Outcome::Names),
        ["c", id, ..] => channel_id(Platform::Telegram, id).map(Outcome::Names),
        ["joinchat", code, ..] => invite(Platform::Telegram, "", code).map(Outcome::Names),
        [space @ ("addlist" | "contact"), code, ..] => {
            invite(Platform::Telegram, space, code).map(Outcome::Names)
        }
        ["iv", ..] => match link.parameter("url") {
            Some(target) => Ok(Outcome::Redirect(target.to_owned())),
            None => Err(Refused::LinkNamesNobody),
        },
        [first, ..] if RESERVED.contains(&first.to_ascii_lowercase().as_str()) => {
            page_at(link.url, "t.me")
        }
        [first, ..] => match first.strip_prefix('+') {
            Some(number) if is_digits(number) && (7..=15).contains(&number.len()) => {
                let number = phone::from_link(number)?;
                Ok(Outcome::Names(Canonical::phone(number, Some(Platform::Telegram))))
            }
            Some(code) => invite(Platform::Telegram, "", code).map(Outcome::Names),
            None => handle(first).map(Outcome::Names),
        },
    }
}

/// `tg:` links.
fn application(link: &Link) -> Result<Canonical, Refused> {
    let wanted = |name: &str| link.parameter(name).ok_or(Refused::LinkNamesNobody);
    match link.host.as_str() {
        "resolve" => match link.parameter("phone") {
            Some(number) => {
                Ok(Canonical::phone(phone::from_link(number)?, Some(Platform::Telegram)))
            }
            None => handle(wanted("domain")?),
        },
        "join" => invite(Platform::Telegram, "", wanted("invite")?),
        "addlist" => invite(Platform::Telegram, "addlist", wanted("slug")?),
        "contact" => invite(Platform::Telegram, "contact", wanted("token")?),
        "privatepost" => channel_id(Platform::Telegram, wanted("channel")?),
        "user" => numeric_id(Platform::Telegram, wanted("id")?),
        "openmessage" => numeric_id(Platform::Telegram, wanted("user_id")?),
        _ => Err(Refused::LinkNamesNobody),
    }
}

/// Telegram in a browser keeps the open chat behind `#`.
fn browser(link: &Link) -> Result<Outcome, Refused> {
    let fragment = link.fragment.as_str();
    if let Some(target) = fragment.strip_prefix("?tgaddr=") {
        return Ok(Outcome::Redirect(target.to_owned()));
    }
    if let Some(name) = fragment.strip_prefix('@') {
        return handle(name).map(Outcome::Names);
    }
    match channel_of_dialog(fragment) {
        Some(id) => Ok(Outcome::Names(Canonical::channel(Platform::Telegram, id))),
        None => Err(Refused::LinkNamesNobody),
    }
}
