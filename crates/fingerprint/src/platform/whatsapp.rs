//! WhatsApp: accounts are telephone numbers; groups and channels are invite codes.

use domain::value::Platform;

use super::{Canonical, Outcome, invite, page_at};
use crate::link::Link;
use crate::phone;
use crate::refused::Refused;

pub(super) fn link(link: Link) -> Result<Outcome, Refused> {
    if link.url.scheme() == "whatsapp" {
        return match link.host.as_str() {
            "chat" => group(link.parameter("code")),
            "send" => number(link.parameter("phone")),
            _ => Err(Refused::LinkNamesNobody),
        };
    }
    let path = link.path();
    match (link.host.as_str(), path.as_slice()) {
        ("chat.whatsapp.com", ["invite", code, ..] | [code, ..]) => group(Some(code)),
        (
            "wa.me" | "api.whatsapp.com" | "web.whatsapp.com" | "whatsapp.com",
            [space @ ("message" | "qr"), code, ..],
        ) => invite(Platform::Whatsapp, space, code).map(Outcome::Names),
        ("wa.me" | "whatsapp.com", ["c" | "catalog", digits, ..]) => number(Some(digits)),
        ("wa.me", ["p", _, digits, ..]) => number(Some(digits)),
        ("wa.me", [digits, ..]) => number(Some(digits)),
        ("whatsapp.com" | "web.whatsapp.com", ["channel", code, ..]) => {
            invite(Platform::Whatsapp, "channel", code).map(Outcome::Names)
        }
        ("wa.me", [])
        | ("api.whatsapp.com" | "web.whatsapp.com" | "whatsapp.com", ["send", ..]) => {
            number(link.parameter("phone"))
        }
        (_, []) => Err(Refused::LinkNamesNobody),
        _ => {
            let host = link.host.clone();
            page_at(link.url, &host)
        }
    }
}

fn number(digits: Option<&str>) -> Result<Outcome, Refused> {
    let number = phone::from_link(digits.ok_or(Refused::LinkNamesNobody)?)?;
    Ok(Outcome::Names(Canonical::phone(number, Some(Platform::Whatsapp))))
}

fn group(code: Option<&str>) -> Result<Outcome, Refused> {
    let code = code.ok_or(Refused::LinkNamesNobody)?;
    invite(Platform::Whatsapp, "", code).map(Outcome::Names)
}
