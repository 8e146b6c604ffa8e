//! What can be compared: the kinds of indicator, their tiers, and the bodies of the three families.

use crate::closed::closed;
use crate::name::{ClusterId, LoCode, RecordId};
use crate::time::Timestamp;
use crate::value::{Claim, ContentClass, Media, Platform, Role, Service, Transport};

closed! {
    /// The kind of one comparable thing. It decides the tier, that is, how it may travel.
    Kind, "kind of indicator" {
        /// A telephone number in E.164. Meets across WhatsApp, Telegram, Signal and Viber.
        Phone = 1 "PHONE",
        /// An e-mail address.
        Email = 2 "EMAIL",
        /// An international bank account number (ISO 13616).
        Iban = 3 "IBAN",
        /// The numeric id of an account.
        NumericId = 4 "NUMERIC_ID",
        /// The handle of an account.
        Handle = 5 "HANDLE",
        /// A cryptocurrency wallet.
        Wallet = 6 "WALLET",
        /// The id of a channel.
        ChannelId = 7 "CHANNEL_ID",
        /// A URL whose path or query holds an e-mail address, a handle or seven or more digits.
        UrlWithIdentifier = 8 "URL_WITH_IDENTIFIER",
        /// An invite code of fewer than 16 characters: can be guessed.
        InviteCodeShort = 9 "INVITE_CODE_SHORT",
        /// An invite code of 16 or more characters.
        InviteCode = 10 "INVITE_CODE",
        /// Any other URL.
        Url = 11 "URL",
        /// The SHA-256 of a file.
        Sha256 = 12 "SHA256",
        /// The BLAKE3 of a file.
        Blake3 = 13 "BLAKE3",
        /// The exact normalised text of an advertisement, identifiers cut out.
        AdText = 14 "AD_TEXT",
    }
}

/// How a kind travels. Policy may only move a kind to a stricter tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Replicated under a token keyed per agreement, owner and epoch.
    Keyed,
    /// Never replicated; a live question only, until sealed sets exist.
    Sealed,
}

/// The family a kind belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// An account, a number, a wallet, a link, an invite code.
    Account,
    /// A file.
    Content,
    /// A smuggler-ad signature.
    Ad,
}

impl Kind {
    /// The tier of the kind (records.md, "From identifier to what is stored and sent").
    pub const fn tier(self) -> Tier {
        match self {
            Self::Phone
            | Self::Email
            | Self::Iban
            | Self::NumericId
            | Self::Handle
            | Self::Wallet
            | Self::ChannelId
            | Self::UrlWithIdentifier
            | Self::InviteCodeShort => Tier::Sealed,
            Self::InviteCode | Self::Url | Self::Sha256 | Self::Blake3 | Self::AdText => {
                Tier::Keyed
            }
        }
    }

    /// The family whose body a record of this kind carries.
    pub const fn family(self) -> Family {
        match self {
            Self::Sha256 | Self::Blake3 => Family::Content,
            Self::AdText => Family::Ad,
            _ => Family::Account,
        }
    }

    /// Does the platform enter the digest? Not for kinds that meet across platforms.
    pub const fn is_platform_bound(self) -> bool {
        matches!(
            self,
            Self::NumericId
                | Self::Handle
                | Self::ChannelId
                | Self::InviteCode
                | Self::InviteCodeShort
        )
    }
}

/// The version of the normalisation rules a fingerprint was made under.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, minicbor::Encode, minicbor::Decode,
)]
#[cbor(transparent)]
pub struct NormalisationVersion(#[n(0)] pub u32);

impl NormalisationVersion {
    /// The version this release writes.
    pub const CURRENT: Self = Self(1);
}

/// An account, a number, a wallet, a link or an invite code of the smuggling business.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct AccountBody {
    /// The platform; absent for kinds that have none.
    #[n(1)]
    pub platform: Option<Platform>,
    /// What the account does for the business.
    #[n(2)]
    pub role: Role,
    /// Handles are recycled: from when this one was the advertiser's.
    #[n(3)]
    pub handle_from: Option<Timestamp>,
    /// Until when this one was the advertiser's.
    #[n(4)]
    pub handle_until: Option<Timestamp>,
    /// Joins the identifiers of one account under one agreement; random, never reused.
    #[n(5)]
    pub cluster: ClusterId,
}

/// A file: a picture, a video, a sound, a document or a text.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ContentBody {
    /// The medium.
    #[n(1)]
    pub media: Media,
    /// What the content is.
    #[n(2)]
    pub class: ContentClass,
    /// The facilitator's advertisement it is linked to; required for PROOF_OF_CROSSING.
    #[n(3)]
    pub linked_ad: Option<RecordId>,
    /// Joins the hashes of one file under one agreement.
    #[n(4)]
    pub cluster: ClusterId,
}

/// The length of an advertisement's text after normalisation, in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum LengthClass {
    /// Under 40 letters: exact token only.
    #[n(1)]
    Short,
    /// 40 to 399 letters.
    #[n(2)]
    Medium,
    /// 400 letters or more.
    #[n(3)]
    Long,
}

/// A route from one place to another, as UN/LOCODE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Route {
    /// The place of departure.
    #[n(1)]
    pub from: LoCode,
    /// The place of arrival.
    #[n(2)]
    pub to: LoCode,
}

/// The typed slots of an advertisement that name nobody; identifiers are sibling records.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct AdBody {
    /// BCP 47 language, at most 16 characters.
    #[n(1)]
    pub language: String,
    /// ISO 15924 script, four letters.
    #[n(2)]
    pub script: String,
    /// The length class.
    #[n(3)]
    pub length: LengthClass,
    /// The services offered, at most 5, ascending.
    #[n(4)]
    pub services: Vec<Service>,
    /// The transports named, at most 7, ascending.
    #[n(5)]
    pub transports: Vec<Transport>,
    /// The claims made, at most 3, ascending.
    #[n(6)]
    pub claims: Vec<Claim>,
    /// The route.
    #[n(7)]
    pub route: Option<Route>,
    /// The price in euro, rounded down to 500.
    #[n(8)]
    pub price_from_eur: Option<u32>,
    /// The price in euro, rounded up to 500.
    #[n(9)]
    pub price_to_eur: Option<u32>,
    /// The first day of the journey on offer.
    #[n(10)]
    pub date_from: Option<Timestamp>,
    /// The last day of the journey on offer.
    #[n(11)]
    pub date_to: Option<Timestamp>,
    /// The family of templates it belongs to.
    #[n(12)]
    pub template: Option<ClusterId>,
    /// The pictures it shows, at most 16.
    #[n(13)]
    pub linked_content: Vec<RecordId>,
    /// Joins the advertisement and its sibling records under one agreement.
    #[n(14)]
    pub cluster: ClusterId,
}

/// The body of a record: what the comparable thing is, without the thing.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub enum Body {
    /// An account.
    #[n(1)]
    Account(#[n(1)] AccountBody),
    /// A file.
    #[n(2)]
    Content(#[n(1)] ContentBody),
    /// An advertisement.
    #[n(3)]
    Ad(#[n(1)] AdBody),
}

impl Body {
    /// The family of the body.
    pub const fn family(&self) -> Family {
        match self {
            Self::Account(_) => Family::Account,
            Self::Content(_) => Family::Content,
            Self::Ad(_) => Family::Ad,
        }
    }

    /// The cluster that joins sibling records.
    pub const fn cluster(&self) -> ClusterId {
        match self {
            Self::Account(body) => body.cluster,
            Self::Content(body) => body.cluster,
            Self::Ad(body) => body.cluster,
        }
    }
}
