//! Signal, Viber and Skype: telephone numbers first, a few names, and invitations.

use domain::value::Platform;

use super::{Canonical, Exposure, Outcome, invite, page_at};
use crate::link::Link;
use crate::phone;
use crate::refused::Refused;

/// `name.42`: 3 to 32 of letters, digits and underscore, not beginning with a digit, a dot, and a
/// number of 2 to 9 digits.
pub(super) fn signal_handle(name: &str) -> Result<Canonical, Refused> {
    let (nickname, number) = name.split_once('.').ok_or(Refused::HandleInvalid)?;
    let number_fits = (2..=9).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && number.bytes().any(|byte| byte != b'0')
        && (number.len() == 2 || !number.starts_with('0'));
    if !number_fits || nickname.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(Refused::HandleInvalid);
    }
    let found = super::plain_handle(Platform::Signal, nickname, 3..=32, "_")?;
    Ok(Canonical { text: format!("{}.{number}", found.text), ..found })
}

/// The name of a public account: 2 to 64 of letters, digits, hyphen, underscore and dot.
pub(super) fn viber_handle(name: &str) -> Result<Canonical, Refused> {
    super::plain_handle(Platform::Viber, name, 2..=64, "-_.")
}

/// 6 to 32 characters, a letter first, then letters, digits and `. , - _`; or the same after
/// `live:`, which is another space of names and stays.
pub(super) fn skype_handle(name: &str) -> Result<Canonical, Refused> {
    let lower = name.to_ascii_lowercase();
    match lower.strip_prefix("live:") {
        Some(rest) => {
            let found = super::plain_handle(Platform::Skype, rest, 2..=64, ".,-_")?;
            Ok(Canonical { text: format!("live:{}", found.text), ..found })
        }
        None if lower.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            super::plain_handle(Platform::Skype, &lower, 6..=32, ".,-_")
        }
        None => Err(Refused::HandleInvalid),
    }
}

/// Signal keeps everything behind `#`, so a link without it points at nobody.
pub(super) fn signal_link(link: Link) -> Result<Outcome, Refused> {
    let fragment = link.fragment.as_str();
    match link.host.as_str() {
        "signal.me" => match fragment.split_once('/') {
            Some(("p", number)) => numbered(Platform::Signal, number),
            Some((space @ "eu", code)) => invite(Platform::Signal, space, code).map(Outcome::Names),
            _ => Err(Refused::LinkNamesNobody),
        },
        "signal.group" => invite(Platform::Signal, "", fragment).map(Outcome::Names),
        _ => Err(Refused::LinkNamesNobody),
    }
}

pub(super) fn viber_link(link: Link) -> Result<Outcome, Refused> {
    if link.url.scheme() == "viber" {
        return match link.host.as_str() {
            "chat" | "contact" | "add" => {
                numbered(Platform::Viber, link.parameter("number").unwrap_or_default())
            }
            "pa" => {
                let name = link.parameter("chatURI").ok_or(Refused::LinkNamesNobody)?;
                viber_handle(name).map(Outcome::Names)
            }
            _ => Err(Refused::LinkNamesNobody),
        };
    }
    match (link.host.as_str(), link.path().as_slice()) {
        ("invite.viber.com", _) => {
            let code = link.parameter("g2").or_else(|| link.parameter("g"));
            let code = code.ok_or(Refused::LinkNamesNobody)?;
            invite(Platform::Viber, "", code).map(Outcome::Names)
        }
        ("chats.viber.com", [name, ..]) => viber_handle(name).map(Outcome::Names),
        (_, []) => Err(Refused::LinkNamesNobody),
        _ => Ok(Outcome::Page(link.url, Exposure::Named)),
    }
}

pub(super) fn skype_link(link: Link) -> Result<Outcome, Refused> {
    if link.url.scheme() == "skype" {
        // The action is the name itself: `skype:live:boat?chat`, `skype:+33...?call`.
        let name = link.url.path();
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        return match name.trim_start_matches('/') {
            "" => Err(Refused::LinkNamesNobody),
            number if number.starts_with('+') => numbered(Platform::Skype, number),
            name => skype_handle(name).map(Outcome::Names),
        };
    }
    match (link.host.as_str(), link.path().as_slice()) {
        ("join.skype.com", ["invite", code, ..] | [code, ..]) => {
            invite(Platform::Skype, "", code).map(Outcome::Names)
        }
        (_, []) => Err(Refused::LinkNamesNobody),
        _ => {
            let host = link.host.clone();
            page_at(link.url, &host)
        }
    }
}

fn numbered(platform: Platform, number: &str) -> Result<Outcome, Refused> {
    if number.is_empty() {
        return Err(Refused::LinkNamesNobody);
    }
    let number = phone::from_link(number)?;
    Ok(Outcome::Names(Canonical::phone(number, Some(platform))))
}
