//! Decides what a link points at: an account, a number, a group, a wallet, or a page of the web.

use domain::name::Country;
use domain::value::Platform;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::platform::{self, Canonical, Outcome};
use crate::refused::Refused;
use crate::{email, phone, wallet, web};

/// Redirects that wrap a link, at most.
const REDIRECTS_MAX: usize = 3;
/// Path segments and query parameters that are looked at, at most.
const PARTS_MAX: usize = 64;

/// A link taken apart, percent-decoded, for the rules of the platforms.
pub(crate) struct Link {
    /// The parsed address.
    pub url: Url,
    /// The host without `www.`, in lower case; for application schemes the action.
    pub host: String,
    /// The path, without empty segments.
    pub segments: Vec<String>,
    query: Vec<(String, String)>,
    /// What follows `#`.
    pub fragment: String,
}

impl Link {
    fn new(url: Url) -> Self {
        let mut segments: Vec<String> = url
            .path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .take(PARTS_MAX)
            .map(decoded)
            .collect();
        let mut host = url.host_str().map(str::to_ascii_lowercase).unwrap_or_default();
        if host.is_empty() && !segments.is_empty() {
            // `tg:resolve?domain=` means the same as `tg://resolve?domain=`.
            host = segments.remove(0).to_ascii_lowercase();
        }
        let host = host.strip_prefix("www.").map(str::to_owned).unwrap_or(host);
        let query = url
            .query_pairs()
            .take(PARTS_MAX)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let fragment = decoded(url.fragment().unwrap_or_default());
        Self { url, host, segments, query, fragment }
    }

    /// The path as slices to match on.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The first parameter of that name which is not empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = |(key, value): &&(String, String)| key == name && !value.is_empty();
        self.query.iter().find(found).map(|(_, value)| value.as_str())
    }
}

/// What the link points at. `region` serves `tel:` links without `+`.
pub(crate) fn resolve(raw: &str, region: Option<&Country>) -> Result<Canonical, Refused> {
    resolve_within(raw, region, 0)
}

/// The same for a link that stands in `nested` others.
pub(crate) fn resolve_within(
    raw: &str,
    region: Option<&Country>,
    nested: usize,
) -> Result<Canonical, Refused> {
    let mut address = raw.to_owned();
    for _ in 0..=REDIRECTS_MAX {
        let url = web::parse(&address)?;
        match url.scheme() {
            "mailto" => return email::canonical(&decoded(url.path())).map(Canonical::email),
            "tel" => {
                let number = phone::canonical(&decoded(url.as_str()), region)?;
                return Ok(Canonical::phone(number, None));
            }
            "bitcoin" | "ethereum" => {
                return wallet::canonical(url.as_str()).map(Canonical::wallet);
            }
            _ => {}
        }
        match platform::outcome(Link::new(url))? {
            Outcome::Names(canonical) => return Ok(canonical),
            Outcome::Redirect(target) => address = target,
            Outcome::Page(url, exposure) => return Ok(Canonical::page(&url, exposure, nested)),
        }
    }
    Err(Refused::LinkTooDeep)
}

/// The platform a host belongs to, for prompts.
pub(crate) fn platform_of(raw: &str) -> Option<Platform> {
    platform::of_host(&Link::new(web::parse(raw).ok()?))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
