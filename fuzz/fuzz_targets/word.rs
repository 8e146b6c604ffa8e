//! Values, names and numbers as text, from a form, a file or a command line.
#![no_main]

use domain::name::{AgencyId, AgreementId, Clause, LoCode, RecordId};
use domain::refusal::RefusalCode;
use domain::value::{Offence, Platform, Purpose, Tlp};
use libfuzzer_sys::fuzz_target;
use std::fmt::{Debug, Display};
use std::str::FromStr;

fuzz_target!(|text: &str| {
    there_and_back::<AgencyId>(text);
    there_and_back::<AgreementId>(text);
    there_and_back::<Clause>(text);
    there_and_back::<LoCode>(text);
    there_and_back::<RecordId>(text);
    there_and_back::<RefusalCode>(text);
    there_and_back::<Offence>(text);
    there_and_back::<Platform>(text);
    there_and_back::<Purpose>(text);
    there_and_back::<Tlp>(text);
});

fn there_and_back<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    assert_eq!(value.to_string().parse::<T>().ok(), Some(value));
}
