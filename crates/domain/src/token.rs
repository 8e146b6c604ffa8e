//! Tokens of tier 1: what is sent instead of a fingerprint, keyed per agreement, owner and epoch.

use crate::digest::{self, DIGEST_BYTES, Fingerprint};
use crate::encoding::{self, Malformed};
use crate::envelope::Payload;
use crate::name::{AgencyId, AgreementId, RecordId};
use crate::record::Version;
use crate::time::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The most rows of one sheet.
pub const SHEET_ROWS_MAX: usize = 512;
/// The largest sheet payload, in bytes.
pub const SHEET_BYTES_MAX: usize = 64 * 1024;
/// The largest sealed token key payload, in bytes.
pub const SEALED_KEY_BYTES_MAX: usize = 1024;

/// The epoch of a token key, from 1. At most two are live at a time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, minicbor::Encode, minicbor::Decode,
)]
#[cbor(transparent)]
pub struct TokenEpoch(#[n(0)] pub u32);

/// 32 random bytes an owner draws per agreement and epoch.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct TokenKey([u8; DIGEST_BYTES]);

impl TokenKey {
    /// Takes 32 bytes from a cryptographic generator, or out of a sealed key.
    pub const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// Draws a fresh key.
    pub fn random(rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut bytes = [0; DIGEST_BYTES];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The bytes, to be sealed.
    pub const fn expose(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    /// The token of a fingerprint: BLAKE3 keyed, 32 bytes.
    pub fn token(&self, x: &Fingerprint) -> Token {
        Token(digest::keyed(&self.0, &[x.expose()]))
    }
}

impl core::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// What stands for an identifier under one key. Whoever has the key can test guesses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Token(#[cbor(with = "minicbor::bytes")] [u8; DIGEST_BYTES]);

impl Token {
    /// Takes 32 bytes.
    pub const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl core::fmt::Debug for Token {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// One row of a sheet: this version of this record has this token.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct SheetRow {
    /// The record.
    #[n(0)]
    pub record_id: RecordId,
    /// Its version.
    #[n(1)]
    pub version: Version,
    /// Its token.
    #[n(2)]
    pub token: Token,
}

/// The tokens of up to [`SHEET_ROWS_MAX`] tier-1 records of one owner, under one signature. Made
/// for one partner out of rows that partner may see; never forwarded.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct TokenSheet {
    /// The agreement.
    #[n(1)]
    pub agreement: AgreementId,
    /// Whose records and whose key.
    #[n(2)]
    pub owner: AgencyId,
    /// For whom the sheet was made.
    #[n(3)]
    pub recipient: AgencyId,
    /// The epoch of the key.
    #[n(4)]
    pub epoch: TokenEpoch,
    /// The rows.
    #[n(5)]
    pub rows: Vec<SheetRow>,
}

impl Payload for TokenSheet {
    const TYPE: &'static str = "application/vnd.malines.token-sheet.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let sheet: Self = encoding::from_bytes("token sheet", bytes, SHEET_BYTES_MAX)?;
        if sheet.rows.len() > SHEET_ROWS_MAX {
            let (bytes, bytes_max) = (sheet.rows.len(), SHEET_ROWS_MAX);
            return Err(Malformed::TooLarge { bytes, bytes_max });
        }
        Ok(sheet)
    }
}

/// A token key, sealed to one partner's node with HPKE (RFC 9180) and signed by its owner.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct SealedTokenKey {
    /// The agreement.
    #[n(1)]
    pub agreement: AgreementId,
    /// Whose key.
    #[n(2)]
    pub owner: AgencyId,
    /// Who can open it.
    #[n(3)]
    pub recipient: AgencyId,
    /// The epoch of the key.
    #[n(4)]
    pub epoch: TokenEpoch,
    /// From when it is live.
    #[n(5)]
    pub live_from: Timestamp,
    /// Until when it is live.
    #[n(6)]
    pub live_until: Timestamp,
    /// The encapsulated key of HPKE base mode (X25519, HKDF-SHA256, ChaCha20-Poly1305).
    #[cbor(n(7), with = "minicbor::bytes")]
    pub encapsulated: Vec<u8>,
    /// The sealed 32 bytes and their tag.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl SealedTokenKey {
    /// What HPKE binds the key to: the `info` of RFC 9180 section 5.1.
    pub fn info(
        agreement: &AgreementId,
        owner: &AgencyId,
        recipient: &AgencyId,
        epoch: TokenEpoch,
    ) -> Vec<u8> {
        let context = ("malines token key v1", agreement, owner, recipient, epoch);
        encoding::to_bytes(&context)
    }
}

impl Payload for SealedTokenKey {
    const TYPE: &'static str = "application/vnd.malines.token-key.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        encoding::from_bytes("sealed token key", bytes, SEALED_KEY_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_two_keys_do_not_meet() {
        let x = Fingerprint::from_bytes([1; 32]);
        let (a, b) = (TokenKey::from_bytes([2; 32]), TokenKey::from_bytes([3; 32]));
        assert_eq!(a.token(&x), a.token(&x));
        assert_ne!(a.token(&x), b.token(&x));
        assert_eq!(format!("{:?}{a:?}", a.token(&x)), "Token(..)TokenKey(..)");
    }

    #[test]
    fn a_full_sheet_fits_its_limit_and_a_longer_one_is_refused() {
        let row = SheetRow {
            record_id: RecordId::from_bytes([1; 16]),
            version: Version { epoch: u32::MAX, n: u32::MAX },
            token: Token::from_bytes([2; 32]),
        };
        let mut sheet = TokenSheet {
            agreement: "malines-2026".parse().unwrap(),
            owner: "be-fedpol".parse().unwrap(),
            recipient: "es-pn".parse().unwrap(),
            epoch: TokenEpoch(1),
            rows: vec![row.clone(); SHEET_ROWS_MAX],
        };
        assert_eq!(TokenSheet::from_payload(&sheet.to_payload()), Ok(sheet.clone()));
        sheet.rows.push(row);
        assert!(TokenSheet::from_payload(&sheet.to_payload()).is_err());
    }
}
