//! The words every other crate speaks.
//!
//! Owns: agencies, agreements' names, purposes, offences, labels, indicators, records, envelopes,
//! tokens, classes, questions, answers, refusals, audit events, and the exact bytes of each.
//!
//! **Invariant:** no input or output, no clock of its own, no randomness of its own, no protobuf,
//! and no raw identifier: the most sensitive thing here is a [`digest::Fingerprint`].
//!
//! Path through it: [`value`] and [`name`] are the vocabulary; [`indicator`] says what can be
//! compared; [`digest`] hides it; [`record`] states it under an agreement; [`envelope`] signs it;
//! [`class`] is what policy may see of it; [`token`] is what a partner can match.

pub mod acknowledgement;
pub mod approval;
pub mod class;
pub mod closed;
pub mod correction;
pub mod court_use;
pub mod digest;
pub mod dispute;
pub mod duty;
pub mod encoding;
pub mod envelope;
pub mod event;
pub mod hexadecimal;
pub mod hold;
pub mod indicator;
pub mod label;
pub mod manifest;
pub mod name;
pub mod policy_consent;
pub mod question;
pub mod record;
pub mod refusal;
pub mod report;
pub mod signature;
pub mod submission;
pub mod time;
pub mod token;
pub mod value;
pub mod violation;
pub mod withdrawal;
