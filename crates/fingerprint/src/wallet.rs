//! Cryptocurrency addresses whose checksum can be verified: Bitcoin, Ethereum and TRON.
//!
//! The canonical form begins with the chain. An Ethereum address is the same account on every chain
//! that copies Ethereum's addresses, so it begins with `evm:`. The Base58 and the Bech32 address of
//! one Bitcoin key are two addresses. Test networks are refused.

use bech32::Hrp;
use bech32::segwit;
use sha2::{Digest as _, Sha256};
use sha3::Keccak256;

use crate::refused::Refused;
use crate::unicode::tidy_without_spaces;

/// The longest address: Bech32 (BIP-173), in characters.
const ADDRESS_BYTES_MAX: usize = 90;

/// Version bytes of Bitcoin: pay to public key hash, pay to script hash.
const BITCOIN_VERSIONS: &[u8] = &[0x00, 0x05];
/// Version byte of TRON.
const TRON_VERSION: u8 = 0x41;

/// `btc:`, `evm:` or `tron:` and the address, lower-cased where the chain ignores case.
pub(crate) fn canonical(raw: &str) -> Result<String, Refused> {
    let text = tidy_without_spaces(raw);
    if text.is_empty() {
        return Err(Refused::Empty);
    }
    let (chain, address) = split_scheme(&text)?;
    if address.len() > ADDRESS_BYTES_MAX || !address.is_ascii() {
        return Err(Refused::WalletUnknown);
    }
    let found = if let Some(digits) = hexadecimal_address(address) {
        ethereum(digits)
    } else if address.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("bc1")) {
        bitcoin_segwit(address)
    } else {
        base58(address)
    }?;
    match chain {
        Some(chain) if !found.starts_with(chain) => Err(Refused::WalletUnknown),
        _ => Ok(found),
    }
}

/// The chain and the first characters: `tron:TQ5...`.
pub(crate) fn masked(canonical: &str) -> String {
    let (chain, address) = canonical.split_once(':').unwrap_or_default();
    let shown: String = address.chars().take(5).collect();
    format!("{chain}:{shown}...")
}

/// Payment links: `bitcoin:ADDRESS?amount=` (BIP-21), `ethereum:ADDRESS@chain` (ERC-681), and our
/// own canonical form. The amount and the chain number are dropped.
fn split_scheme(text: &str) -> Result<(Option<&'static str>, &str), Refused> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Ok((None, text));
    };
    let chain = match scheme.to_ascii_lowercase().as_str() {
        "bitcoin" | "btc" => "btc:",
        "ethereum" | "evm" => "evm:",
        "tron" => "tron:",
        _ => return Err(Refused::WalletUnknown),
    };
    let rest = rest.strip_prefix("pay-").unwrap_or(rest);
    let end = rest.find(['?', '@']).unwrap_or(rest.len());
    Ok((Some(chain), rest.get(..end).unwrap_or_default()))
}

/// The 40 digits after `0x`.
fn hexadecimal_address(address: &str) -> Option<&str> {
    let digits = address.strip_prefix("0x").or_else(|| address.strip_prefix("0X"))?;
    (digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// ERC-55: capitals carry a checksum, unless all letters have the same case.
fn ethereum(digits: &str) -> Result<String, Refused> {
    let lower = digits.to_ascii_lowercase();
    let upper = digits.to_ascii_uppercase();
    if digits != lower && digits != upper && digits != with_checksum(&lower) {
        return Err(Refused::WalletChecksum);
    }
    Ok(format!("evm:0x{lower}"))
}

fn with_checksum(lower: &str) -> String {
    let hash = Keccak256::digest(lower.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    lower
        .chars()
        .zip(nibbles)
        .map(|(digit, nibble)| if nibble >= 8 { digit.to_ascii_uppercase() } else { digit })
        .collect()
}

/// BIP-173 and BIP-350, main network only.
fn bitcoin_segwit(address: &str) -> Result<String, Refused> {
    let (network, _, _) = segwit::decode(address).map_err(|_| Refused::WalletChecksum)?;
    if network != Hrp::parse("bc").map_err(|_| Refused::WalletUnknown)? {
        return Err(Refused::WalletUnknown);
    }
    Ok(format!("btc:{}", address.to_ascii_lowercase()))
}

/// Base58Check: a version byte, 20 bytes, and the first four bytes of a double SHA-256.
fn base58(address: &str) -> Result<String, Refused> {
    let bytes = bs58::decode(address).into_vec().map_err(|_| Refused::WalletUnknown)?;
    let (Some((payload, checksum)), 25) = (bytes.split_last_chunk::<4>(), bytes.len()) else {
        return Err(Refused::WalletUnknown);
    };
    let chain = match payload.first() {
        Some(version) if BITCOIN_VERSIONS.contains(version) => "btc",
        Some(&TRON_VERSION) => "tron",
        _ => return Err(Refused::WalletUnknown),
    };
    let hash = Sha256::digest(Sha256::digest(payload));
    if hash.starts_with(checksum) {
        Ok(format!("{chain}:{address}"))
    } else {
        Err(Refused::WalletChecksum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_checksums_hold() {
        // ERC-55, "Test Cases".
        let address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        let found = canonical(address).unwrap();
        assert_eq!(found, format!("evm:{}", address.to_ascii_lowercase()));
        assert_eq!(
            canonical("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"),
            Err(Refused::WalletChecksum)
        );
        // BIP-173, "Test vectors", and one changed character.
        let segwit = "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4";
        assert_eq!(canonical(segwit).unwrap(), format!("btc:{}", segwit.to_ascii_lowercase()));
        assert_eq!(
            canonical("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"),
            Err(Refused::WalletChecksum)
        );
        // Version 0 with the checksum of version 1 (BIP-350, "Test vectors").
        assert_eq!(
            canonical("BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL"),
            Err(Refused::WalletChecksum)
        );
    }

    #[test]
    fn base58_is_checked_and_case_sensitive() {
        let nobody = "1111111111111111111114oLvT2"; // the hash of zeros
        assert_eq!(canonical(nobody).unwrap(), format!("btc:{nobody}"));
        assert_eq!(canonical("1111111111111111111114oLvT3"), Err(Refused::WalletChecksum));
        assert_eq!(canonical("1111111111111111111114olvt2"), Err(Refused::WalletUnknown));
        for raw in ["0x1234", "hello", "bc1", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"] {
            assert!(canonical(raw).is_err(), "{raw}");
        }
        assert_eq!(masked(&format!("btc:{nobody}")), "btc:11111...");
    }

    #[test]
    fn payment_links_lose_their_amount() {
        let address = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
        assert_eq!(
            canonical(&format!("ethereum:pay-{address}@1?value=5")).unwrap(),
            format!("evm:{address}")
        );
        assert_eq!(canonical(&format!("bitcoin:{address}")), Err(Refused::WalletUnknown));
    }
}
