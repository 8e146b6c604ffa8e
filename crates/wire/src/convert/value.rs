//! The closed lists: the same stable numbers in the domain and on the wire, 0 and unknown refused.

use crate::convert::invalid::{Invalid, Why};
use crate::v1;
use domain::{court_use, dispute, duty, hold, indicator, label, refusal, value};

/// A value of a closed list, as the number that the contract gives it.
pub trait WireValue: Copy + Ord + 'static {
    /// Every value, in the order of the numbers.
    const ALL: &'static [Self];

    /// The number.
    fn to_wire(self) -> i32;

    /// The value of a number; `None` for 0 and for what is not known here.
    fn of_wire(number: i32) -> Option<Self>;
}

/// Reads a value.
///
/// # Errors
/// [`Why::Unknown`].
pub(crate) fn value<T: WireValue>(what: &'static str, number: i32) -> Result<T, Invalid> {
    T::of_wire(number).ok_or(Invalid::new(what, Why::Unknown))
}

/// Reads a value that may be absent; 0 is not absent.
pub(crate) fn optional<T: WireValue>(
    what: &'static str,
    number: Option<i32>,
) -> Result<Option<T>, Invalid> {
    number.map(|number| value(what, number)).transpose()
}

/// The numbers of a set.
pub(crate) fn numbers<'a, T: WireValue>(values: impl IntoIterator<Item = &'a T>) -> Vec<i32> {
    values.into_iter().map(|value| value.to_wire()).collect()
}

macro_rules! same_numbers {
    ($($what:literal $wire:ident = $domain:path;)+) => { $(
        impl WireValue for $domain {
            const ALL: &'static [Self] = <$domain>::ALL;

            fn to_wire(self) -> i32 {
                i32::from(self as u8)
            }

            fn of_wire(number: i32) -> Option<Self> {
                Self::try_from(u32::try_from(number).ok()?).ok()
            }
        }

        impl From<$domain> for v1::$wire {
            fn from(value: $domain) -> Self {
                Self::try_from(value.to_wire()).unwrap_or(Self::Unspecified)
            }
        }

        impl TryFrom<v1::$wire> for $domain {
            type Error = Invalid;

            fn try_from(value: v1::$wire) -> Result<Self, Invalid> {
                self::value($what, value as i32)
            }
        }
    )+ };
}

same_numbers! {
    "kind" Kind = indicator::Kind;
    "platform" Platform = value::Platform;
    "role" Role = value::Role;
    "media" Media = value::Media;
    "class" ContentClass = value::ContentClass;
    "service" Service = value::Service;
    "transport" Transport = value::Transport;
    "claim" Claim = value::Claim;
    "tlp" Tlp = value::Tlp;
    "pap" Pap = value::Pap;
    "handling" Handling = value::Handling;
    "scheme" EvaluationScheme = label::EvaluationScheme;
    "basis" Basis = value::Basis;
    "subject" Subject = value::Subject;
    "age" Age = value::Age;
    "depicts" Depicts = value::Depicts;
    "purpose" Purpose = value::Purpose;
    "offence" Offence = value::Offence;
    "action_intent" ActionIntent = value::ActionIntent;
    "channel" Channel = value::Channel;
    "urgency" Urgency = value::Urgency;
    "onward" Onward = value::Onward;
    "code" RefusalCode = refusal::RefusalCode;
    "ground" HoldGround = hold::HoldGround;
    "debtor" Debtor = duty::Debtor;
    "asked" Asked = duty::Asked;
    "reason" DisputeReason = dispute::DisputeReason;
    "verdict" Verdict = dispute::Verdict;
    "rejection" RejectionReason = dispute::RejectionReason;
    "matching" MatchingStop = dispute::MatchingStop;
    "side" DisputeSide = dispute::DisputeSide;
    "state" DisputeState = dispute::DisputeState;
    "state" CourtUse = court_use::CourtUse;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Display;

    /// Every number of the one is a number of the other, under the same word.
    fn agrees<T, W>(prefix: &str, wire_word: fn(&W) -> &'static str)
    where
        T: WireValue + Display + PartialEq + std::fmt::Debug + TryFrom<W>,
        W: TryFrom<i32> + From<T> + Copy,
    {
        assert!(T::of_wire(0).is_none() && T::of_wire(-1).is_none());
        let mut count = 0;
        for number in 1..1000 {
            match (T::of_wire(number), W::try_from(number)) {
                (Some(value), Ok(word)) => {
                    count += 1;
                    assert_eq!(value.to_wire(), number);
                    assert_eq!(wire_word(&word), format!("{prefix}_{value}"));
                    assert_eq!(wire_word(&W::from(value)), wire_word(&word));
                    assert_eq!(T::try_from(word).ok(), Some(value));
                }
                (None, Err(_)) => {}
                (value, _) => panic!("{prefix} {number} is on one side only: {value:?}"),
            }
        }
        assert_eq!(count, T::ALL.len());
        let nothing = W::try_from(0).ok().unwrap();
        assert!(wire_word(&nothing).ends_with("_UNSPECIFIED"));
        assert!(T::try_from(nothing).is_err());
    }

    #[test]
    fn numbers_and_words_are_the_same_on_both_sides() {
        agrees::<indicator::Kind, v1::Kind>("KIND", v1::Kind::as_str_name);
        agrees::<value::Platform, v1::Platform>("PLATFORM", v1::Platform::as_str_name);
        agrees::<value::Role, v1::Role>("ROLE", v1::Role::as_str_name);
        agrees::<value::Media, v1::Media>("MEDIA", v1::Media::as_str_name);
        agrees::<value::ContentClass, v1::ContentClass>(
            "CONTENT_CLASS",
            v1::ContentClass::as_str_name,
        );
        agrees::<value::Service, v1::Service>("SERVICE", v1::Service::as_str_name);
        agrees::<value::Transport, v1::Transport>("TRANSPORT", v1::Transport::as_str_name);
        agrees::<value::Claim, v1::Claim>("CLAIM", v1::Claim::as_str_name);
        agrees::<value::Tlp, v1::Tlp>("TLP", v1::Tlp::as_str_name);
        agrees::<value::Pap, v1::Pap>("PAP", v1::Pap::as_str_name);
        agrees::<value::Handling, v1::Handling>("HANDLING", v1::Handling::as_str_name);
        agrees::<label::EvaluationScheme, v1::EvaluationScheme>(
            "EVALUATION_SCHEME",
            v1::EvaluationScheme::as_str_name,
        );
        agrees::<value::Basis, v1::Basis>("BASIS", v1::Basis::as_str_name);
        agrees::<value::Subject, v1::Subject>("SUBJECT", v1::Subject::as_str_name);
        agrees::<value::Age, v1::Age>("AGE", v1::Age::as_str_name);
        agrees::<value::Depicts, v1::Depicts>("DEPICTS", v1::Depicts::as_str_name);
        agrees::<value::Purpose, v1::Purpose>("PURPOSE", v1::Purpose::as_str_name);
        agrees::<value::Offence, v1::Offence>("OFFENCE", v1::Offence::as_str_name);
        agrees::<value::ActionIntent, v1::ActionIntent>(
            "ACTION_INTENT",
            v1::ActionIntent::as_str_name,
        );
        agrees::<value::Channel, v1::Channel>("CHANNEL", v1::Channel::as_str_name);
        agrees::<value::Urgency, v1::Urgency>("URGENCY", v1::Urgency::as_str_name);
        agrees::<value::Onward, v1::Onward>("ONWARD", v1::Onward::as_str_name);
        agrees::<court_use::CourtUse, v1::CourtUse>("COURT_USE", v1::CourtUse::as_str_name);
        agrees::<hold::HoldGround, v1::HoldGround>("HOLD_GROUND", v1::HoldGround::as_str_name);
        agrees::<duty::Debtor, v1::Debtor>("DEBTOR", v1::Debtor::as_str_name);
        agrees::<duty::Asked, v1::Asked>("ASKED", v1::Asked::as_str_name);
        agrees::<dispute::Verdict, v1::Verdict>("VERDICT", v1::Verdict::as_str_name);
        agrees::<dispute::DisputeReason, v1::DisputeReason>(
            "DISPUTE_REASON",
            v1::DisputeReason::as_str_name,
        );
        agrees::<dispute::RejectionReason, v1::RejectionReason>(
            "REJECTION_REASON",
            v1::RejectionReason::as_str_name,
        );
        agrees::<dispute::MatchingStop, v1::MatchingStop>(
            "MATCHING_STOP",
            v1::MatchingStop::as_str_name,
        );
        agrees::<dispute::DisputeSide, v1::DisputeSide>(
            "DISPUTE_SIDE",
            v1::DisputeSide::as_str_name,
        );
        agrees::<dispute::DisputeState, v1::DisputeState>(
            "DISPUTE_STATE",
            v1::DisputeState::as_str_name,
        );
        agrees::<refusal::RefusalCode, v1::RefusalCode>(
            "REFUSAL_CODE",
            v1::RefusalCode::as_str_name,
        );
    }
}
