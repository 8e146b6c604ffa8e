//! Why a value is not hashed: a closed list that names the rule and never repeats the value.

/// The rule that refused a raw value. No variant carries any part of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// Nothing, or nothing but spaces.
    #[error("the value is empty")]
    Empty,
    /// Longer than the stated maximum.
    #[error("the value is longer than {bytes_max} bytes")]
    TooLong {
        /// The maximum, in bytes.
        bytes_max: usize,
    },
    /// A number without `+` and without a country to read it in.
    #[error("a telephone number without + needs a country")]
    RegionRequired,
    /// A country that has no telephone numbering plan.
    #[error("no telephone numbering plan is known for that country")]
    RegionUnknown,
    /// Letters or signs that do not belong in a telephone number.
    #[error("a telephone number holds digits, spaces and - . ( ) / only")]
    PhoneCharacter,
    /// An extension behind a switchboard.
    #[error("a telephone number with an extension is a switchboard, not one line")]
    PhoneExtension,
    /// Not a number that the country's numbering plan assigns.
    #[error("no numbering plan assigns that telephone number")]
    PhoneInvalid,
    /// Not `name@domain`.
    #[error("that is not an e-mail address")]
    EmailInvalid,
    /// The part after `@` is not a registered-looking domain.
    #[error("the part after @ is not a domain name")]
    EmailDomain,
    /// Something else than letters and digits.
    #[error("an IBAN holds letters A to Z and digits only")]
    IbanCharacter,
    /// A country that issues no IBAN.
    #[error("no country issues an IBAN that begins like that")]
    IbanCountry,
    /// Not the length that the country uses.
    #[error("the IBAN is not as long as that country's IBANs are")]
    IbanLength,
    /// ISO 7064 mod 97-10 does not give 1.
    #[error("the check digits of the IBAN do not fit")]
    IbanChecksum,
    /// No address form of a supported chain.
    #[error("that is not a Bitcoin, Ethereum or TRON address")]
    WalletUnknown,
    /// The address has the right form and a wrong checksum.
    #[error("the checksum of the wallet address does not fit")]
    WalletChecksum,
    /// Handles, numeric ids, channels and invite codes mean nothing without the platform.
    #[error("which platform is it on?")]
    PlatformRequired,
    /// The link belongs to another platform than the one named.
    #[error("the link belongs to another platform than the one named")]
    PlatformMismatch,
    /// The platform has no identifiers of that kind, or version 1 knows no rule for them.
    #[error("normalisation version 1 knows no identifiers of that kind on that platform")]
    KindNotOnPlatform,
    /// The value is well formed and is of another kind than the one named.
    #[error("the value is of another kind than the one named")]
    KindMismatch,
    /// Not a handle that the platform allows.
    #[error("that platform does not allow such a handle")]
    HandleInvalid,
    /// Not a positive number of at most 20 digits.
    #[error("a numeric id is 1 to 20 digits, not beginning with zero")]
    NumericIdInvalid,
    /// Not a channel id of that platform.
    #[error("that is not a channel id of that platform")]
    ChannelIdInvalid,
    /// Not an invite code of that platform.
    #[error("that is not an invite code of that platform")]
    InviteCodeInvalid,
    /// Cannot be parsed as a URL.
    #[error("that is not a URL")]
    UrlInvalid,
    /// Neither http, https nor a supported application scheme.
    #[error("that kind of URL is not supported")]
    UrlScheme,
    /// A user name or password before the host: a trick to show another host.
    #[error("the URL has a user name or password before the host")]
    UrlUserinfo,
    /// No host, or a host without a dot.
    #[error("the URL has no public host")]
    UrlHost,
    /// A link to a platform that points at no account, group, post or message.
    #[error("the link points at no account, group or post")]
    LinkNamesNobody,
    /// Redirects inside redirects.
    #[error("the link wraps more than three redirects")]
    LinkTooDeep,
    /// Not 64 hexadecimal digits.
    #[error("the hash of a file is 64 hexadecimal digits")]
    DigestInvalid,
    /// The hash of no bytes at all, which every empty file shares.
    #[error("an empty file says nothing")]
    FileEmpty,
    /// Longer than the stated maximum.
    #[error("the file is longer than {bytes_max} bytes")]
    FileTooLong {
        /// The maximum, in bytes.
        bytes_max: u64,
    },
    /// The operating system did not let us read it.
    #[error("the file could not be read: {0}")]
    FileUnreadable(std::io::ErrorKind),
    /// Too few letters once identifiers are cut out.
    #[error("fewer than {letters_min} letters are left once identifiers are cut out")]
    TextTooShort {
        /// The minimum, in letters.
        letters_min: usize,
    },
    /// A marked span that does not lie in the text.
    #[error("a marked span does not lie in the text")]
    SpanInvalid,
}

impl Refused {
    /// The stable code, the same in vectors, JSON and documentation.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "EMPTY",
            Self::TooLong { .. } => "TOO_LONG",
            Self::RegionRequired => "REGION_REQUIRED",
            Self::RegionUnknown => "REGION_UNKNOWN",
            Self::PhoneCharacter => "PHONE_CHARACTER",
            Self::PhoneExtension => "PHONE_EXTENSION",
            Self::PhoneInvalid => "PHONE_INVALID",
            Self::EmailInvalid => "EMAIL_INVALID",
            Self::EmailDomain => "EMAIL_DOMAIN",
            Self::IbanCharacter => "IBAN_CHARACTER",
            Self::IbanCountry => "IBAN_COUNTRY",
            Self::IbanLength => "IBAN_LENGTH",
            Self::IbanChecksum => "IBAN_CHECKSUM",
            Self::WalletUnknown => "WALLET_UNKNOWN",
            Self::WalletChecksum => "WALLET_CHECKSUM",
            Self::PlatformRequired => "PLATFORM_REQUIRED",
            Self::PlatformMismatch => "PLATFORM_MISMATCH",
            Self::KindNotOnPlatform => "KIND_NOT_ON_PLATFORM",
            Self::KindMismatch => "KIND_MISMATCH",
            Self::HandleInvalid => "HANDLE_INVALID",
            Self::NumericIdInvalid => "NUMERIC_ID_INVALID",
            Self::ChannelIdInvalid => "CHANNEL_ID_INVALID",
            Self::InviteCodeInvalid => "INVITE_CODE_INVALID",
            Self::UrlInvalid => "URL_INVALID",
            Self::UrlScheme => "URL_SCHEME",
            Self::UrlUserinfo => "URL_USERINFO",
            Self::UrlHost => "URL_HOST",
            Self::LinkNamesNobody => "LINK_NAMES_NOBODY",
            Self::LinkTooDeep => "LINK_TOO_DEEP",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::FileEmpty => "FILE_EMPTY",
            Self::FileTooLong { .. } => "FILE_TOO_LONG",
            Self::FileUnreadable(_) => "FILE_UNREADABLE",
            Self::TextTooShort { .. } => "TEXT_TOO_SHORT",
            Self::SpanInvalid => "SPAN_INVALID",
        }
    }

    /// What the person can do next.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Empty => "type or paste the value again",
            Self::TooLong { .. } => "give one identifier at a time",
            Self::RegionRequired => "write it as +CC..., or name the country it is dialled in",
            Self::RegionUnknown => "use the two capital letters of ISO 3166-1, for example MA",
            Self::PhoneCharacter => "give one number without words around it",
            Self::PhoneExtension => "leave the extension out if the line itself is meant",
            Self::PhoneInvalid => "compare it with the source; check the country and count digits",
            Self::EmailInvalid | Self::EmailDomain => "give it as name@example.org, nothing else",
            Self::IbanCharacter | Self::IbanCountry | Self::IbanLength | Self::IbanChecksum => {
                "compare it with the source; one wrong character is enough"
            }
            Self::WalletUnknown => "give the whole address; other chains cannot be compared yet",
            Self::WalletChecksum => "copy it again; one wrong character is enough",
            Self::PlatformRequired => "name the platform, or paste the link to the account",
            Self::PlatformMismatch => "name the platform of the link, or none",
            Self::KindNotOnPlatform => "give the telephone number or the link instead",
            Self::KindMismatch => "choose the kind that fits, or paste it as a link",
            Self::HandleInvalid => "give the handle, not the display name; watch for look-alikes",
            Self::NumericIdInvalid | Self::ChannelIdInvalid => "copy the id from the address",
            Self::InviteCodeInvalid => "paste the whole invite link; capitals matter",
            Self::UrlInvalid | Self::UrlHost => "paste the link from its beginning to its end",
            Self::UrlScheme => "http, https and the links of messengers can be compared",
            Self::UrlUserinfo => "look at what follows the @: that is the true host",
            Self::LinkNamesNobody => "open the account or group and copy its own link",
            Self::LinkTooDeep => "copy the link that the last redirect leads to",
            Self::DigestInvalid => "give SHA-256 or BLAKE3 in hexadecimal, or the file itself",
            Self::FileEmpty | Self::FileUnreadable(_) => "check the path and the file",
            Self::FileTooLong { .. } => "cut the recording, or hash a still picture of it",
            Self::TextTooShort { .. } => "submit the telephone numbers, handles and links alone",
            Self::SpanInvalid => "mark the spans again, in bytes from the start of the text",
        }
    }
}
