//! Sentences that tell how things stand: that there is nothing, what comes next, what to know.

/// A sentence that is told and asks nothing, always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Before what went wrong.
    Error,
    /// After an answer that names no key of a record, or several.
    ChooseNamed,
    /// Where cases are listed and none is open.
    NoCase,
    /// Under a key that stands in its file as it is.
    KeyUnprotected,
    /// How such a key is protected.
    ProtectKey,
    /// After a partner did not permit a use in court.
    MagistratesSeeQuestion,
    /// Under proofs that looked at some labels only.
    LookedAtInPart,
    /// Where proposals of rules are listed and there is none.
    NoProposal,
    /// Where legal holds are listed and there is none.
    NoHold,
    /// Under a record that is read because a hold keeps it.
    ReadForProceeding,
    /// Where agreements are shown and there is none.
    NoAgreement,
    /// When everybody who must erase was ordered to before.
    NobodyHasToErase,
    /// Where matches are listed and there is none.
    NothingMatched,
    /// Under the signed head of the audit log.
    HeadUnverified,
    /// After a dispute was upheld.
    NobodyMatches,
    /// Where disputes are listed and there is none.
    NoDispute,
    /// Before a question that stays on this node.
    AsksNoPartner,
    /// After a question that stayed on this node and found nothing.
    NoMatchHere,
    /// After a person that no record can be about ended a submission.
    NothingSent,
    /// Under the labels of training data, in their columns.
    Exercise,
    /// Where overdue duties are listed and there is none.
    NothingOverdue,
    /// Where duties are listed and there is none.
    EverybodyAnswered,
    /// Before a person corrects the days of a record.
    DaysFromNow,
    /// After a correction that changes nothing.
    SaysSoAlready,
    /// Where partners are shown and there is none.
    NoPartner,
    /// When a file to be imported holds no event.
    NoEvent,
    /// Where approvals that are asked for are listed and there is none.
    NothingToApprove,
    /// Under a list of approvals that is cut short.
    MoreToApprove,
    /// After an approval that others have to join.
    AnotherApproves,
}

/// The sentence in English.
pub(crate) const fn notice(notice: Notice) -> &'static str {
    match notice {
        Notice::Error => "error:",
        Notice::ChooseNamed => "  choose one of those named",
        Notice::NoCase => "no case is open",
        Notice::KeyUnprotected => "not protected: whoever reads the file has the key",
        Notice::ProtectKey => "hint: malines key protect FILE",
        Notice::MagistratesSeeQuestion => "next: its magistrates see the question; ask again later",
        Notice::LookedAtInPart => "looked at in part: this says nothing about the rest",
        Notice::NoProposal => "no change of rules waits for signatures",
        Notice::NoHold => "no record is under a legal hold",
        Notice::ReadForProceeding => {
            "read for this proceeding only; the reading is in the audit log"
        }
        Notice::NoAgreement => "no agreement is on file: nobody is let in, and nothing is shared",
        Notice::NobodyHasToErase => "nobody has to erase anything of yours under it now",
        Notice::NothingMatched => "nothing matched so far",
        Notice::HeadUnverified => {
            "not verified here: keep it, and give it to `malines audit verify --head`"
        }
        Notice::NobodyMatches => "nobody matches with it now: correct it or withdraw it",
        Notice::NoDispute => "no record is disputed, neither by us nor of ours",
        Notice::AsksNoPartner => "asks no partner: looks only at what is held here",
        Notice::NoMatchHere => "no match in what is held here; no partner was asked",
        Notice::NothingSent => {
            "nothing was sent, not even to your own node, and nothing of it is kept here"
        }
        Notice::Exercise => "exercise  training data, kept apart for ever",
        Notice::NothingOverdue => "nothing is overdue",
        Notice::EverybodyAnswered => "everybody has answered, and nobody waits for us",
        Notice::DaysFromNow => {
            "an end and a review are named as `valid_days` and `review_days` from now"
        }
        Notice::SaysSoAlready => "it says so already; nothing is to be corrected",
        Notice::NoPartner => "no partners yet: they come with an agreement",
        Notice::NoEvent => "this is no event: nothing in it can be imported",
        Notice::NothingToApprove => "nothing waits for an approval",
        Notice::MoreToApprove => "more waits than is listed; approve or withdraw some first",
        Notice::AnotherApproves => "next: another magistrate or deputy approves it, too",
    }
}
