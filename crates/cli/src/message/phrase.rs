//! Sentences around a question, a match and a forecast: what is asked, and what heads a list.

/// A sentence that is always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phrase {
    /// Before a question leaves.
    Proceed,
    /// Before submissions leave this machine.
    Send,
    /// Before a record is taken back.
    WithdrawForEver,
    /// Before a new version of a record is made.
    Correct,
    /// Before a legal hold ends.
    LiftHold,
    /// Before disputes are answered.
    AnswerDispute,
    /// Before a disputed record is matched again.
    LiftDispute,
    /// Before an officer signs for rules.
    SignPolicy,
    /// Before somebody signs for one record and one partner.
    SignApproval,
    /// Before a partner is told of a case.
    TellTheCase,
    /// Before an approval is taken back.
    RevokeApproval,
    /// Before rules are put in force.
    PutInForce,
    /// Before all sharing stops.
    FreezeSharing,
    /// What happens first to an own record that is to be erased.
    OwnWithdrawnFirst,
    /// What remains of a record that is erased.
    ErasureLeaves,
    /// By when the bytes are gone.
    ErasedWithin,
    /// Before records are erased.
    EraseForEver,
    /// Under every match.
    LeadNotIdentification,
    /// Asks for a value without showing it.
    ValueNotShown,
    /// Asks where a file is.
    PathOfFile,
    /// Asks which answer of a record is wrong.
    WhatIsWrong,
    /// Asks why a record is corrected.
    WhyCorrected,
    /// Beside the bar while partners are asked.
    Asking,
    /// Beside the bar while a log is verified.
    Verifying,
    /// Beside the bar before anything is sent.
    Forecasting,
    /// Beside the bar while records are sent.
    Sending,
    /// Heads the list of what goes to partners.
    Leaves,
    /// Heads the list of what does not.
    Stays,
    /// What never leaves the officer's machine.
    RawStays,
    /// What a "no match" means.
    NoMatchMeans,
    /// What a partner's refusal says about what it holds.
    RefusalSaysNothing,
    /// Before terms are put up for signature.
    ProposeTerms,
    /// Before a version is refused.
    RejectTerms,
    /// Before a party stops.
    SuspendAgreement,
    /// Before a party goes on.
    LiftSuspension,
    /// Before a party leaves.
    LeaveAgreement,
    /// Before others are ordered to erase.
    OrderPurge,
    /// Before a key is certified.
    CertifyOfficer,
    /// Before a certificate ends.
    RevokeOfficer,
    /// Before one officer may act for another.
    GiveMandate,
    /// Before a key is replaced.
    ReplaceAuthorityKey,
    /// Before a partner's new key is accepted.
    AcceptKey,
    /// Under a table in which no direction is open.
    NothingPasses,
    /// Asks for the passphrase of a key file.
    Passphrase,
    /// Asks for a new passphrase.
    NewPassphrase,
    /// Asks for it again.
    PassphraseAgain,
}

/// The sentence in English.
pub(crate) const fn phrase(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::Proceed => "proceed?",
        Phrase::ProposeTerms => "put these terms up for signature?",
        Phrase::RejectTerms => "refuse this version for ever?",
        Phrase::SuspendAgreement => "stop it now?",
        Phrase::LiftSuspension => "end your suspension?",
        Phrase::LeaveAgreement => "leave the agreement for ever?",
        Phrase::OrderPurge => "order them to erase it?",
        Phrase::CertifyOfficer => "certify this key?",
        Phrase::RevokeOfficer => "revoke the certificate?",
        Phrase::GiveMandate => "give this mandate?",
        Phrase::ReplaceAuthorityKey => "replace the authority's key? the old one is silent at once",
        Phrase::AcceptKey => "did its people read you this key by telephone, and do you accept it?",
        Phrase::NothingPasses => "nothing passes under it now",
        Phrase::Passphrase => "passphrase of the key (not shown):",
        Phrase::NewPassphrase => "new passphrase (not shown):",
        Phrase::PassphraseAgain => "the same again:",
        Phrase::Send => "send?",
        Phrase::WithdrawForEver => "withdraw it for ever?",
        Phrase::Correct => "correct it?",
        Phrase::LiftHold => "lift the hold?",
        Phrase::AnswerDispute => "answer all open disputes about it?",
        Phrase::LiftDispute => "match with it again?",
        Phrase::SignPolicy => "sign for this change?",
        Phrase::SignApproval => "sign for this record and this partner?",
        Phrase::TellTheCase => "its originator is told of your case under that name: go on?",
        Phrase::RevokeApproval => "take this approval back?",
        Phrase::PutInForce => "put it in force?",
        Phrase::FreezeSharing => "stop all sharing now?",
        Phrase::OwnWithdrawnFirst => {
            "a record of your own is withdrawn first: partners keep theirs until they are told"
        }
        Phrase::ErasureLeaves => {
            "what remains: its random id, the class of its labels, and the entries of the audit log"
        }
        Phrase::ErasedWithin => "its bytes are gone from the disk of this node within 24 hours",
        Phrase::EraseForEver => "erase for ever?",
        Phrase::LeadNotIdentification => "a match is a lead, not an identification",
        Phrase::ValueNotShown => "value (not shown, not kept):",
        Phrase::PathOfFile => "path of the file:",
        Phrase::WhatIsWrong => "what is wrong? one of the keys above, or nothing more >",
        Phrase::WhyCorrected => "why? (kept sealed in your node) >",
        Phrase::Asking => "asking",
        Phrase::Verifying => "verifying",
        Phrase::Forecasting => "asking what would leave",
        Phrase::Sending => "sending",
        Phrase::Leaves => "LEAVES THIS NODE",
        Phrase::Stays => "STAYS HERE",
        Phrase::RawStays => "the value itself: it never leaves this machine",
        Phrase::NoMatchMeans => "may show you for this purpose",
        Phrase::RefusalSaysNothing => "says nothing about what it holds",
    }
}
