//! `malines withdraw`: the owner takes a record back, for ever.

use super::Context;
use crate::arguments::Withdraw;
use crate::error::{Failure, Outcome};
use crate::message::Phrase;
use crate::output::{Format, print_json, record_reference};
use domain::name::RecordId;
use serde_json::json;
use wire::convert::withdrawal::{REFERENCE_BYTES_MIN, RecordReference};

pub(super) fn run(context: &mut Context<'_>, arguments: Withdraw) -> Result<Outcome, Failure> {
    let reference = reference(&arguments.record)?;
    let session = context.session()?;
    if !arguments.yes {
        context.console.confirm(Phrase::WithdrawForEver)?;
    }
    let receipt = session.withdraw(reference)?;
    let partners: Vec<&str> = receipt.partners.iter().map(|agency| agency.as_str()).collect();
    match context.format {
        Format::Json => {
            let value = json!({
                "record_id": receipt.record_id.to_string(),
                "audit_sequence": receipt.audit_sequence,
                "partners": partners,
            });
            print_json(context.console, &value);
        }
        Format::Text => {
            let record = record_reference(&receipt.record_id);
            let told = if partners.is_empty() {
                "no partner is granted it now".to_owned()
            } else {
                format!("will be told: {}", partners.join(", "))
            };
            let line =
                format!("{record} withdrawn, audit entry {}; {told}\n", receipt.audit_sequence);
            context.console.data(&line);
        }
    }
    Ok(Outcome::Done)
}

/// Reads `R-5f2a91c0`, the same without `R-`, or the whole id: whole bytes in hexadecimal.
pub(crate) fn reference(given: &str) -> Result<RecordReference, Failure> {
    let wrong = || Failure::RecordReference { given: given.chars().take(64).collect() };
    let bytes = whole_bytes(given, ["R-", "r-"]).ok_or_else(wrong)?;
    RecordReference::new(&bytes).map_err(|_| wrong())
}

/// The first bytes of an id, or all of them, as people type them after one of these prefixes or none.
pub(super) fn whole_bytes(given: &str, prefixes: [&str; 2]) -> Option<Vec<u8>> {
    let digits = given.trim();
    let cut = prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix));
    let digits = cut.unwrap_or(digits);
    let length = digits.len() / 2;
    if !digits.len().is_multiple_of(2) || !(REFERENCE_BYTES_MIN..=RecordId::BYTES).contains(&length)
    {
        return None;
    }
    let mut bytes = vec![0; length];
    domain::hexadecimal::decode(digits.as_bytes(), &mut bytes)?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_in_the_forms_it_is_printed_in() {
        for given in ["R-abababab", "r-ABABABAB", "ababab", &"ab".repeat(16)] {
            assert!(reference(given).unwrap().names(&RecordId::from_bytes([0xab; 16])), "{given}");
        }
        for bad in ["", "R-", "R-abab", "R-ababa", "R-5T2Q99", &"ab".repeat(17)] {
            assert!(reference(bad).is_err(), "{bad}");
        }
    }
}
