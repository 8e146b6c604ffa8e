//! Shows messages in logs without what they hold: no identifier, no reference, no free text.

use crate::v1;
use core::fmt;

macro_rules! shows_only_its_name {
    ($($name:ident)+) => { $(
        impl fmt::Debug for v1::$name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+ };
}

shows_only_its_name! {
    Submission QueryRequest AskRequest Case OpenCaseRequest Envelope Changes CorrectRequest Difference
    AskPermissionRequest PendingApproval UseInCourtRequest DisputeRecordRequest DisputeStanding RuleOnDisputesRequest EraseRequest HoldStanding PastVersion PlaceHoldRequest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_fingerprint_token_or_reference() {
        let submission = v1::Submission { fingerprint: vec![171; 32], ..Default::default() };
        let submit = v1::SubmitRequest { submissions: vec![submission], dry_run: false };
        let query = v1::QueryRequest { fingerprints: vec![vec![171; 32]], ..Default::default() };
        let ask = v1::AskRequest { tokens: vec![171; 32].into(), ..Default::default() };
        let case = v1::Case { reference: "171".into(), ..Default::default() };
        let opening = v1::OpenCaseRequest { reference: "171".into(), ..Default::default() };
        let cases = v1::ListCasesResponse { cases: vec![case] };
        let reason = || "171".to_owned();
        let correct = v1::CorrectRequest { reason: reason(), ..Default::default() };
        let erase = v1::EraseRequest { reason: reason(), ..Default::default() };
        let hold = v1::HoldStanding { reason: reason(), ..Default::default() };
        let holds = v1::ListHoldsResponse { holds: vec![hold] };
        let place = v1::PlaceHoldRequest { authority: reason(), ..Default::default() };
        let past = v1::PastVersion { reason: Some(reason()), ..Default::default() };
        let says = vec![v1::Difference { after: reason(), ..Default::default() }];
        let read = v1::ReadHoldResponse { says, ..Default::default() };
        let kept = format!("{correct:?}{erase:?}{holds:?}{place:?}{past:?}{read:?}");
        let shown = format!("{submit:?}{query:?}{ask:?}{opening:?}{cases:?}{kept}");
        assert!(!shown.contains("171") && shown.contains("Submission(..)"), "{shown}");
    }
}
