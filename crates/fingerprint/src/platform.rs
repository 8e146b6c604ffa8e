//! The rules of the platforms: which names, ids and links each of them uses.
//!
//! One module per family of platforms; each says what a handle is, and what its links point at.
//! A link to a platform that its module does not understand stays a page of the web, and counts as
//! naming somebody unless it is known to be a post or a video whose code cannot be guessed.

mod facebook;
mod instagram;
mod messenger;
mod snapchat;
mod telegram;
mod tiktok;
mod whatsapp;
mod x;
mod youtube;

use domain::indicator::Kind;
use domain::value::Platform;
use url::Url;

use crate::link::Link;
use crate::refused::Refused;
use crate::unicode::{is_digits, tidy, tidy_without_spaces};
use crate::{page, web};

/// Invite codes of at least this many characters cannot be guessed.
const LONG_CODE_CHARACTERS: usize = 16;
/// The longest invite code, in characters.
const CODE_CHARACTERS_MAX: usize = 128;
/// The shortest invite code, in characters.
const CODE_CHARACTERS_MIN: usize = 6;
/// Codes of posts of at least this many characters cannot be guessed: 60 bits.
const POST_CODE_CHARACTERS: usize = 10;
/// The longest numeric id, in digits: 64 bits.
const NUMERIC_DIGITS_MAX: usize = 20;

/// A value in canonical form, with the kind that decides its tier.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Canonical {
    pub(crate) kind: Kind,
    pub(crate) platform: Option<Platform>,
    pub(crate) text: String,
}

/// May a page be treated as naming nobody, if nothing in its address looks like an identifier?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// A site of no platform: what follows its host decides ([`crate::page`]).
    Site,
    /// A post or a video under a code that the platform drew and nobody can guess.
    Drawn,
    /// The address names somebody, or is a short code that only the platform can resolve.
    Named,
}

/// What a link turns out to be.
pub(crate) enum Outcome {
    /// An account, a number, a channel, an invitation.
    Names(Canonical),
    /// A wrapper around another link.
    Redirect(String),
    /// A page.
    Page(Url, Exposure),
}

impl Canonical {
    pub(crate) fn phone(text: String, platform: Option<Platform>) -> Self {
        Self { kind: Kind::Phone, platform, text }
    }

    pub(crate) fn email(text: String) -> Self {
        Self { kind: Kind::Email, platform: None, text }
    }

    pub(crate) fn wallet(text: String) -> Self {
        Self { kind: Kind::Wallet, platform: None, text }
    }

    fn handle(platform: Platform, text: String) -> Self {
        Self { kind: Kind::Handle, platform: Some(platform), text }
    }

    fn channel(platform: Platform, text: String) -> Self {
        Self { kind: Kind::ChannelId, platform: Some(platform), text }
    }

    /// A page; `nested` is how many links its address stands in.
    pub(crate) fn page(url: &Url, exposure: Exposure, nested: usize) -> Self {
        let text = web::canonical(url);
        let named = match exposure {
            Exposure::Named => true,
            Exposure::Drawn => web::holds_identifier(&text),
            // Judged in canonical form, so that it does not depend on what was dropped.
            Exposure::Site => {
                web::holds_identifier(&text)
                    || Url::parse(&text).map_or(true, |url| page::names_somebody(&url, nested))
            }
        };
        let kind = if named { Kind::UrlWithIdentifier } else { Kind::Url };
        Self { kind, platform: None, text }
    }
}

/// A handle as typed, with or without `@`.
pub(crate) fn handle(platform: Platform, raw: &str) -> Result<Canonical, Refused> {
    let text = tidy(raw);
    let name = text.trim_start_matches('@');
    if name.is_empty() {
        return Err(Refused::Empty);
    }
    match platform {
        Platform::Telegram => telegram::handle(name),
        Platform::Facebook => facebook::handle(name),
        Platform::Instagram => instagram::handle(name),
        Platform::X => x::handle(name),
        Platform::Tiktok => tiktok::handle(name),
        Platform::Snapchat => snapchat::handle(name),
        Platform::Youtube => youtube::handle(name),
        Platform::Signal => messenger::signal_handle(name),
        Platform::Viber => messenger::viber_handle(name),
        Platform::Skype => messenger::skype_handle(name),
        Platform::Whatsapp => Err(Refused::KindNotOnPlatform),
    }
}

/// The numeric id of an account. A bot's id of a Telegram channel (`-100...`) is that channel.
pub(crate) fn numeric_id(platform: Platform, raw: &str) -> Result<Canonical, Refused> {
    let text = tidy_without_spaces(raw);
    match platform {
        Platform::Telegram => {
            if let Some(channel) = telegram::channel_of_dialog(&text) {
                return Ok(Canonical::channel(platform, channel));
            }
        }
        Platform::Facebook | Platform::Instagram | Platform::X | Platform::Tiktok => {}
        _ => return Err(Refused::KindNotOnPlatform),
    }
    let text = checked_number(&text).ok_or(Refused::NumericIdInvalid)?;
    Ok(Canonical { kind: Kind::NumericId, platform: Some(platform), text })
}

/// The id of a channel: Telegram's number, YouTube's `UC` and 22 characters.
pub(crate) fn channel_id(platform: Platform, raw: &str) -> Result<Canonical, Refused> {
    let text = tidy_without_spaces(raw);
    let text = match platform {
        Platform::Telegram => telegram::channel_of_dialog(&text).or_else(|| checked_number(&text)),
        Platform::Youtube => youtube::channel(&text),
        _ => return Err(Refused::KindNotOnPlatform),
    };
    Ok(Canonical::channel(platform, text.ok_or(Refused::ChannelIdInvalid)?))
}

/// An invite code without its link; `channel/CODE` and the like as in the canonical form.
pub(crate) fn invite_code(platform: Platform, raw: &str) -> Result<Canonical, Refused> {
    let text = tidy(raw);
    let prefixes: &[&str] = match platform {
        Platform::Whatsapp => &["channel", "message", "qr"],
        Platform::Telegram => &["addlist", "contact"],
        Platform::Signal => &["eu"],
        Platform::Facebook | Platform::Viber | Platform::Skype => &[],
        _ => return Err(Refused::KindNotOnPlatform),
    };
    match text.split_once('/') {
        Some((prefix, code)) => {
            let known = prefixes.iter().find(|known| **known == prefix);
            invite(platform, known.ok_or(Refused::InviteCodeInvalid)?, code)
        }
        None => invite(platform, "", text.trim_start_matches('+')),
    }
}

/// An invite code, capitals kept. `space` keeps groups, channels and contacts apart.
fn invite(platform: Platform, space: &str, code: &str) -> Result<Canonical, Refused> {
    let characters = code.chars().count();
    let well_formed = (CODE_CHARACTERS_MIN..=CODE_CHARACTERS_MAX).contains(&characters)
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !well_formed {
        return Err(Refused::InviteCodeInvalid);
    }
    let kind =
        if characters < LONG_CODE_CHARACTERS { Kind::InviteCodeShort } else { Kind::InviteCode };
    let text = if space.is_empty() { code.to_owned() } else { format!("{space}/{code}") };
    Ok(Canonical { kind, platform: Some(platform), text })
}

/// The digits, if they are a positive number without leading zeros.
fn checked_number(text: &str) -> Option<String> {
    let well_formed = is_digits(text) && !text.starts_with('0') && text.len() <= NUMERIC_DIGITS_MAX;
    well_formed.then(|| text.to_owned())
}

/// A handle in lower case, if its length and every character are allowed.
fn plain_handle(
    platform: Platform,
    name: &str,
    lengths: core::ops::RangeInclusive<usize>,
    signs: &str,
) -> Result<Canonical, Refused> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || signs.contains(character);
    if lengths.contains(&name.len()) && name.chars().all(allowed) {
        Ok(Canonical::handle(platform, name.to_ascii_lowercase()))
    } else {
        Err(Refused::HandleInvalid)
    }
}

/// How exposed is a post under this code?
fn of_post(code: &str, characters_min: usize) -> Exposure {
    let is_code = (characters_min..=CODE_CHARACTERS_MAX).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_code { Exposure::Drawn } else { Exposure::Named }
}

/// Dots neither at the ends nor beside each other.
fn has_single_inner_dots(name: &str) -> bool {
    !name.starts_with('.') && !name.ends_with('.') && !name.contains("..")
}

/// What the link is, by the rules of the platform its host belongs to.
pub(crate) fn outcome(link: Link) -> Result<Outcome, Refused> {
    match of_host(&link) {
        Some(Platform::Telegram) => telegram::link(link),
        Some(Platform::Whatsapp) => whatsapp::link(link),
        Some(Platform::Facebook) => facebook::link(link),
        Some(Platform::Instagram) => instagram::link(link),
        Some(Platform::X) => x::link(link),
        Some(Platform::Tiktok) => tiktok::link(link),
        Some(Platform::Snapchat) => snapchat::link(link),
        Some(Platform::Youtube) => youtube::link(link),
        Some(Platform::Signal) => messenger::signal_link(link),
        Some(Platform::Viber) => messenger::viber_link(link),
        Some(Platform::Skype) => messenger::skype_link(link),
        None if web::is_web(&link.url) => Ok(Outcome::Page(link.url, Exposure::Site)),
        None => Err(Refused::UrlScheme),
    }
}

/// The platform whose link this is.
pub(crate) fn of_host(link: &Link) -> Option<Platform> {
    let within = |domain: &str| {
        link.host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    match link.url.scheme() {
        "tg" => return Some(Platform::Telegram),
        "whatsapp" => return Some(Platform::Whatsapp),
        "fb" => return Some(Platform::Facebook),
        "instagram" => return Some(Platform::Instagram),
        "twitter" => return Some(Platform::X),
        "snapchat" => return Some(Platform::Snapchat),
        "sgnl" => return Some(Platform::Signal),
        "viber" => return Some(Platform::Viber),
        "skype" => return Some(Platform::Skype),
        _ => {}
    }
    const HOSTS: &[(&str, Platform)] = &[
        ("t.me", Platform::Telegram),
        ("telegram.me", Platform::Telegram),
        ("telegram.dog", Platform::Telegram),
        ("web.telegram.org", Platform::Telegram),
        ("wa.me", Platform::Whatsapp),
        ("whatsapp.com", Platform::Whatsapp),
        ("facebook.com", Platform::Facebook),
        ("fb.com", Platform::Facebook),
        ("m.me", Platform::Facebook),
        ("messenger.com", Platform::Facebook),
        ("instagram.com", Platform::Instagram),
        ("instagr.am", Platform::Instagram),
        ("ig.me", Platform::Instagram),
        ("x.com", Platform::X),
        ("twitter.com", Platform::X),
        ("tiktok.com", Platform::Tiktok),
        ("snapchat.com", Platform::Snapchat),
        ("youtube.com", Platform::Youtube),
        ("youtu.be", Platform::Youtube),
        ("signal.me", Platform::Signal),
        ("signal.group", Platform::Signal),
        ("signal.link", Platform::Signal),
        ("signal.art", Platform::Signal),
        ("viber.com", Platform::Viber),
        ("skype.com", Platform::Skype),
    ];
    HOSTS.iter().find(|(domain, _)| within(domain)).map(|(_, platform)| *platform)
}

/// A page that may name somebody, under the one host by which we know the platform.
fn page_at(mut url: Url, host: &str) -> Result<Outcome, Refused> {
    url.set_scheme("https").map_err(|()| Refused::UrlScheme)?;
    url.set_host(Some(host)).map_err(|_| Refused::UrlHost)?;
    Ok(Outcome::Page(url, Exposure::Named))
}

/// A page whose path alone says what it shows: all parameters are dropped.
fn page_of(host: &str, path: &[&str], exposure: Exposure) -> Result<Outcome, Refused> {
    let mut url = Url::parse(&format!("https://{host}/")).map_err(|_| Refused::UrlInvalid)?;
    url.path_segments_mut().map_err(|()| Refused::UrlInvalid)?.pop_if_empty().extend(path);
    Ok(Outcome::Page(url, exposure))
}
