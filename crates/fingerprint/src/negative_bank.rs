//! Contacts of rescue, aid, lawyers, the press and families, which are never indexed.
//!
//! A shipped list of public contacts of organisations (`negative_bank.tsv`), to which an agency adds
//! its own. It is compared by fingerprint, so every spelling of a contact is held; of a listed host
//! everything is held that stands under it, pages and e-mail addresses alike. A page of a platform
//! that shows a post of a listed account is not: its address does not name the account.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::digest::Fingerprint;
use domain::indicator::Kind;

use crate::input::{Hint, InputKind};
use crate::normalise::{Normalised, normalise};
use crate::refused::Refused;
use crate::{link, page, web};

/// The most rows of a file.
pub const BANK_ROWS_MAX: usize = 100_000;

/// Columns of a row.
const COLUMNS: usize = 5;

static SHIPPED: LazyLock<NegativeBank> = LazyLock::new(|| {
    let mut bank = NegativeBank::default();
    // A test holds every row to be well formed; one that is not would be missing, and nothing else.
    for (line, row) in rows(include_str!("negative_bank.tsv")) {
        let _ = bank.take(line, row);
    }
    bank
});

macro_rules! reasons {
    ($( $(#[$meta:meta])* $variant:ident $code:literal, )+) => {
        /// Why a contact is never indexed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum BankReason {
            $( $(#[$meta])* $variant, )+
        }

        impl BankReason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The stable code, as it stands in the file.
            pub const fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )+ }
            }
        }
    };
}

reasons! {
    /// Rescue at sea and on land, and emergency services.
    Rescue "RESCUE",
    /// Humanitarian organisations.
    Humanitarian "HUMANITARIAN",
    /// Lawyers and defenders of rights.
    LegalAid "LEGAL_AID",
    /// The press.
    Press "PRESS",
    /// Families; only in an agency's own file.
    Family "FAMILY",
}

/// What is wrong with a row, and where. Never repeats the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BankFault {
    /// The line, from 1.
    pub line: usize,
    /// The rule that is broken.
    pub why: BankRule,
}

/// The rules of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BankRule {
    /// More rows than [`BANK_ROWS_MAX`].
    #[error("the file holds more than {BANK_ROWS_MAX} rows")]
    TooManyRows,
    /// Not five columns, or an empty one.
    #[error("a row is kind, value, who, why and source, with tabs between")]
    Columns,
    /// No such kind, or no such platform behind it.
    #[error("not a kind, or not a platform behind its `/`")]
    Kind,
    /// No such reason.
    #[error("the reason is RESCUE, HUMANITARIAN, LEGAL_AID, PRESS or FAMILY")]
    Reason,
    /// Not a domain of its own: a platform, a blog host and a shortener belong to many.
    #[error("a host is a domain that belongs to one organisation")]
    Host,
    /// The normalisation refuses the value.
    #[error("{0}")]
    Value(Refused),
}

/// The contacts that are never indexed.
#[derive(Clone, Default)]
pub struct NegativeBank {
    contacts: HashMap<Fingerprint, BankReason>,
    hosts: HashMap<String, BankReason>,
}

impl core::fmt::Debug for NegativeBank {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NegativeBank({} contacts, {} hosts)", self.contacts.len(), self.hosts.len())
    }
}

impl NegativeBank {
    /// The contacts that come with this program.
    pub fn shipped() -> Self {
        SHIPPED.clone()
    }

    /// These and an agency's own, from the text of a file of the same form. Where both list one
    /// contact, the reason that was there first stays.
    ///
    /// # Errors
    ///
    /// [`BankFault`] with the line of the first row that cannot be used; a bank with a hole is none.
    pub fn with(mut self, text: &str) -> Result<Self, BankFault> {
        for (count, (line, row)) in (1..).zip(rows(text)) {
            if count > BANK_ROWS_MAX {
                return Err(BankFault { line, why: BankRule::TooManyRows });
            }
            self.take(line, row)?;
        }
        Ok(self)
    }

    /// Why the value is never indexed; `None` if it is on no list.
    pub fn holds(&self, value: &Normalised) -> Option<BankReason> {
        if let Some(reason) = self.contacts.get(&value.fingerprint()) {
            return Some(*reason);
        }
        let text = core::str::from_utf8(value.canonical()).ok()?;
        let host = match value.kind {
            Kind::Url | Kind::UrlWithIdentifier => {
                url::Url::parse(text).ok()?.host_str()?.to_owned()
            }
            Kind::Email => text.rsplit_once('@')?.1.to_owned(),
            _ => return None,
        };
        self.holds_host(&host)
    }

    fn holds_host(&self, host: &str) -> Option<BankReason> {
        let mut rest = Some(host);
        while let Some(domain) = rest {
            if let Some(reason) = self.hosts.get(domain) {
                return Some(*reason);
            }
            rest = domain.split_once('.').map(|(_, parent)| parent);
        }
        None
    }

    fn take(&mut self, line: usize, row: &str) -> Result<(), BankFault> {
        let fault = |why| BankFault { line, why };
        let columns: Vec<&str> = row.split('\t').map(str::trim).collect();
        let [kind, value, _, why, _] = columns.as_slice() else {
            return Err(fault(BankRule::Columns));
        };
        if columns.len() != COLUMNS || columns.iter().any(|column| column.is_empty()) {
            return Err(fault(BankRule::Columns));
        }
        let reason = BankReason::ALL.iter().find(|reason| reason.code() == *why);
        let reason = *reason.ok_or(fault(BankRule::Reason))?;
        if *kind == "host" {
            let host = own_host(value).ok_or(fault(BankRule::Host))?;
            self.hosts.entry(host).or_insert(reason);
            return Ok(());
        }
        let (kind, platform) = kind.split_once('/').map_or((*kind, None), |(k, p)| (k, Some(p)));
        let kind = kind.parse::<InputKind>().map_err(|_| fault(BankRule::Kind))?;
        let platform = platform.map(|platform| platform.to_ascii_uppercase().parse()).transpose();
        let platform = platform.map_err(|_| fault(BankRule::Kind))?;
        let found = normalise(kind, value, &Hint { region: None, platform });
        let found = found.map_err(|refused| fault(BankRule::Value(refused)))?;
        self.contacts.entry(found.fingerprint()).or_insert(reason);
        Ok(())
    }
}

/// The domain in ASCII, without `www.`, unless it belongs to many.
fn own_host(value: &str) -> Option<String> {
    let url = web::parse(value).ok()?;
    let host = url.domain()?.to_owned();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
    let is_shared = page::is_listed(host) || link::platform_of(host).is_some();
    (is_bare && !is_shared && host.contains('.')).then(|| host.to_owned())
}

fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.trim_start_matches('\u{feff}').lines()).filter(|(_, row)| {
        let row = row.trim();
        !row.is_empty() && !row.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::value::Platform;

    fn of(kind: InputKind, platform: Option<Platform>, raw: &str) -> Normalised {
        let found = normalise(kind, raw, &Hint { region: None, platform });
        found.unwrap_or_else(|refused| panic!("{raw}: {refused}"))
    }

    fn why(raw: &str) -> Option<BankReason> {
        NegativeBank::shipped().holds(&of(InputKind::Link, None, raw))
    }

    #[test]
    fn every_shipped_row_counts_and_names_its_source() {
        let mut bank = NegativeBank::default();
        let mut count = 0;
        for (line, row) in rows(include_str!("negative_bank.tsv")) {
            let before = bank.contacts.len() + bank.hosts.len();
            bank.take(line, row).unwrap();
            assert_eq!(bank.contacts.len() + bank.hosts.len(), before + 1, "line {line} twice");
            assert!(!row.ends_with("FAMILY") && row.split('\t').nth(4).unwrap().contains('.'));
            count += 1;
        }
        assert!(count >= 40, "{count}");
        let shipped = NegativeBank::shipped();
        assert_eq!(format!("{shipped:?}"), format!("{bank:?}"));
    }

    #[test]
    fn every_shipped_contact_is_held_in_many_spellings() {
        let bank = NegativeBank::shipped();
        for (line, row) in rows(include_str!("negative_bank.tsv")) {
            let columns: Vec<&str> = row.split('\t').collect();
            let (kind, value) = (columns[0], columns[1]);
            let name = value.trim_start_matches('@');
            let links = |hosts: &[&str]| -> Vec<Normalised> {
                let spellings = hosts.iter().flat_map(|host| {
                    [format!("https://{host}/{name}"), format!("{host}/{}/", name.to_uppercase())]
                });
                spellings.map(|raw| of(InputKind::Link, None, &raw)).collect()
            };
            let on = |platform, raw: &str| of(InputKind::Handle, Some(platform), raw);
            let spellings = match kind {
                "host" => [
                    format!("https://{value}"),
                    format!("http://www.{value}/contact?utm_source=x"),
                    format!("hxxps://fr.help.{}./user/malines", value.to_uppercase()),
                    format!("https://l.facebook.com/l.php?u=https%3A%2F%2F{value}%2Fmalines"),
                    format!("mailto:Contact@{value}"),
                ]
                .iter()
                .map(|raw| of(InputKind::Link, None, raw))
                .collect(),
                "handle/x" => {
                    let mut all = links(&["x.com", "twitter.com", "mobile.twitter.com"]);
                    all.push(on(Platform::X, &format!(" @{} ", name.to_lowercase())));
                    all
                }
                "handle/instagram" => links(&["instagram.com", "www.instagram.com/_u"]),
                "handle/facebook" => links(&["facebook.com", "m.facebook.com", "fb.com", "m.me"]),
                "phone" => {
                    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
                    vec![
                        of(InputKind::Phone, Some(Platform::Whatsapp), value),
                        of(InputKind::Phone, None, &format!("+{digits}")),
                        of(InputKind::Link, None, &format!("https://wa.me/{digits}")),
                        of(InputKind::Link, None, &format!("tel:+{digits}")),
                    ]
                }
                other => panic!("line {line}: no spellings for {other}"),
            };
            for spelling in spellings {
                assert!(bank.holds(&spelling).is_some(), "line {line}: {}", spelling.masked());
            }
        }
    }

    #[test]
    fn others_are_not_held() {
        for raw in [
            "https://visa-rapide.example/offre-2026",
            "https://voyages-sans-visa.example/reserver",
            "https://unhcr.org.visa-rapide.example/contact",
            "https://not-unhcr.org/contact",
            "https://t.me/malines_fict",
            "https://x.com/refugees_fict",
            "https://t.me/refugees",
            "https://wa.me/33199001234",
            "mailto:malines@example.org",
        ] {
            assert_eq!(why(raw), None, "{raw}");
        }
        for sample in [
            include_str!("../../../deploy/samples/advertisement.csv"),
            include_str!("../../../deploy/samples/weak.csv"),
        ] {
            for word in sample.split([',', '\n']).filter(|word| word.contains("://")) {
                assert_eq!(why(word), None, "{word}");
            }
        }
        assert_eq!(why("https://help.unhcr.org/maroc"), Some(BankReason::Humanitarian));
        assert_eq!(why("https://www.reuters.com/world/x"), Some(BankReason::Press));
    }

    #[test]
    fn an_agency_adds_its_own() {
        let own = "\u{feff}# ours\r\n\nphone\t+33 1 99 00 12 34\ta shelter\tHUMANITARIAN\tits site\r\n\
            handle/telegram\t@malines_family\ta family\tFAMILY\tour file 7\n\
            host\thttps://www.shelter.example/\ta shelter\tHUMANITARIAN\tits site\n";
        let bank = NegativeBank::shipped().with(own).unwrap();
        for (raw, reason) in [
            ("https://wa.me/33199001234", BankReason::Humanitarian),
            ("https://t.me/Malines_Family", BankReason::Family),
            ("https://fr.shelter.example/contact", BankReason::Humanitarian),
            ("https://alarmphone.org/", BankReason::Rescue),
        ] {
            assert_eq!(bank.holds(&of(InputKind::Link, None, raw)), Some(reason), "{raw}");
        }
        assert!(!format!("{bank:?}").contains("shelter"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (row, rule) in [
            ("phone\t+33199001234\ta\tRESCUE", BankRule::Columns),
            ("phone\t\ta\tRESCUE\tb", BankRule::Columns),
            ("phone\t+33199001234\ta\tRESCUE\tb\tc", BankRule::Columns),
            ("fax\t+33199001234\ta\tRESCUE\tb", BankRule::Kind),
            ("handle/fax\tmalines\ta\tRESCUE\tb", BankRule::Kind),
            ("phone\t+33199001234\ta\tPOLICE\tb", BankRule::Reason),
            ("host\tlinktr.ee\ta\tRESCUE\tb", BankRule::Host),
            ("host\twww.facebook.com\ta\tRESCUE\tb", BankRule::Host),
            ("host\texample.org/a\ta\tRESCUE\tb", BankRule::Host),
            ("host\torg\ta\tRESCUE\tb", BankRule::Host),
            ("phone\t+331990012\ta\tRESCUE\tb", BankRule::Value(Refused::PhoneInvalid)),
            ("handle\tmalines\ta\tRESCUE\tb", BankRule::Value(Refused::PlatformRequired)),
        ] {
            let fault = NegativeBank::shipped().with(&format!("# a\n\n{row}\n")).unwrap_err();
            assert_eq!(fault, BankFault { line: 3, why: rule }, "{row}");
            assert!(!fault.to_string().contains("1990"), "{fault}");
        }
        let many = "host\texample.org\ta\tPRESS\tb\n".repeat(BANK_ROWS_MAX + 1);
        let fault = NegativeBank::default().with(&many).unwrap_err();
        assert_eq!(fault, BankFault { line: BANK_ROWS_MAX + 1, why: BankRule::TooManyRows });
    }
}
