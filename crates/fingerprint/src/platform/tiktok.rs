//! TikTok: names ignore capitals; short links stay as they are.

use domain::value::Platform;

use super::{Canonical, Exposure, Outcome, page_at, page_of};
use crate::link::Link;
use crate::refused::Refused;

/// Hosts and first path segments of short links, which only TikTok can resolve.
const SHORT_HOSTS: &[&str] = &["vm.tiktok.com", "vt.tiktok.com"];
/// First path segments that show no account.
const RESERVED: &[&str] = &["discover", "embed", "legal", "music", "place", "search", "t", "tag"];

/// 2 to 24 of letters, digits, underscore and dots, no dot at the end.
pub(super) fn handle(name: &str) -> Result<Canonical, Refused> {
    if name.ends_with('.') {
        return Err(Refused::HandleInvalid);
    }
    super::plain_handle(Platform::Tiktok, name, 2..=24, "._")
}

pub(super) fn link(link: Link) -> Result<Outcome, Refused> {
    let path = link.path();
    match path.as_slice() {
        [] => Err(Refused::LinkNamesNobody),
        [code, ..] if SHORT_HOSTS.contains(&link.host.as_str()) => {
            page_of(&link.host, &[code], Exposure::Named)
        }
        [name] | [name, "live" | "playlist"] if name.starts_with('@') => {
            handle(name.trim_start_matches('@')).map(Outcome::Names)
        }
        [name, kind @ ("video" | "photo"), id] if name.starts_with('@') => {
            let name = name.to_ascii_lowercase();
            page_of("www.tiktok.com", &[&name, kind, id], Exposure::Named)
        }
        [first, ..] if RESERVED.contains(first) => page_at(link.url, "www.tiktok.com"),
        _ => page_at(link.url, "www.tiktok.com"),
    }
}
