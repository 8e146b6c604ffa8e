//! Live questions between nodes, and their answers: one size for "no match", for a small match and
//! for a refusal.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::value::{WireValue as _, value};
use crate::v1;
use domain::digest::{Commitment, DIGEST_BYTES};
use domain::envelope::{Envelope, Signed};
use domain::name::AgencyId;
use domain::question::{MatchSummary, Matches, PADDING_STEPS, Question, QuestionTerms};
use domain::refusal::{Refusal, RefusalCode};
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch};
use policy::{Action, Released};
use prost::Message as _;

/// An encoded answer is a multiple of so many bytes.
pub const ANSWER_STEP_BYTES: usize = 4096;
/// The most padding of one answer, in bytes: less than two steps.
const PADDING_BYTES_MAX: usize = 2 * ANSWER_STEP_BYTES;

impl From<QuestionTerms> for v1::QuestionTerms {
    fn from(terms: QuestionTerms) -> Self {
        Self {
            agreement: terms.agreement.to_string(),
            clause: terms.clause.to_string(),
            purpose: terms.purpose.to_wire(),
            offence: terms.offence.to_wire(),
            kind: terms.kind.to_wire(),
            channel: terms.channel.to_wire(),
            urgency: terms.urgency.to_wire(),
            exercise: terms.exercise,
        }
    }
}

impl TryFrom<v1::QuestionTerms> for QuestionTerms {
    type Error = Invalid;

    fn try_from(terms: v1::QuestionTerms) -> Result<Self, Invalid> {
        Ok(Self {
            agreement: field::name("agreement", &terms.agreement)?,
            clause: field::name("clause", &terms.clause)?,
            purpose: value("purpose", terms.purpose)?,
            offence: value("offence", terms.offence)?,
            kind: value("kind", terms.kind)?,
            channel: value("channel", terms.channel)?,
            urgency: value("urgency", terms.urgency)?,
            exercise: terms.exercise,
        })
    }
}

/// The request for a question, as it was padded. The owner is not in it: it is whoever is called.
///
/// # Errors
/// [`Why::Step`] if the tokens are not padded to a step: their number would tell too much.
pub fn to_request(question: &Question) -> Result<v1::AskRequest, Invalid> {
    if !PADDING_STEPS.contains(&question.tokens.len()) {
        return Err(Invalid::new("tokens", Why::Step));
    }
    let tokens: Vec<u8> = question.tokens.iter().flat_map(|token| *token.as_bytes()).collect();
    Ok(v1::AskRequest {
        terms: Some(question.terms.clone().into()),
        token_epoch: question.epoch.0,
        case_commitment: question.case.as_bytes().to_vec(),
        asked_at_ms: question.asked_at.as_millis(),
        tokens: tokens.into(),
    })
}

/// Reads a question to `owner`, the agency that is called: ourselves.
///
/// # Errors
/// [`Invalid`]; tokens that are not padded to a step are refused.
pub fn from_request(request: v1::AskRequest, owner: AgencyId) -> Result<Question, Invalid> {
    let (tokens, rest) = request.tokens.as_chunks::<DIGEST_BYTES>();
    let tokens_max = PADDING_STEPS.into_iter().max().unwrap_or_default();
    field::at_most("tokens", tokens.len(), tokens_max)?;
    if !rest.is_empty() || !PADDING_STEPS.contains(&tokens.len()) {
        return Err(Invalid::new("tokens", Why::Step));
    }
    if request.token_epoch == 0 {
        return Err(Invalid::new("token_epoch", Why::Missing));
    }
    let case = field::bytes("case_commitment", &request.case_commitment)?;
    Ok(Question {
        terms: field::present("terms", request.terms)?.try_into()?,
        owner,
        epoch: TokenEpoch(request.token_epoch),
        case: Commitment::from_bytes(case),
        asked_at: field::instant("asked_at_ms", request.asked_at_ms)?,
        tokens: tokens.iter().copied().map(Token::from_bytes).collect(),
    })
}

/// What a partner answered. Nothing in it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Refused, for a reason computed from the question alone.
    Refused(RefusalCode),
    /// Nothing in what this partner may show us for this purpose.
    NoMatch {
        /// As of when.
        as_of: Timestamp,
    },
    /// Signed matches, to be opened with the partner's key as [`Matches`].
    Match {
        /// As of when.
        as_of: Timestamp,
        /// The signed matches.
        matches: Envelope,
    },
}

impl TryFrom<v1::AskResponse> for Answer {
    type Error = Invalid;

    fn try_from(response: v1::AskResponse) -> Result<Self, Invalid> {
        if response.padding.len() > PADDING_BYTES_MAX {
            return Err(Invalid::new("padding", Why::TooLong { max: PADDING_BYTES_MAX }));
        }
        match field::present("answer", response.answer)? {
            v1::ask_response::Answer::Refused(code) => {
                let code = value::<RefusalCode>("refused", code)?;
                if code.is_of_the_question() {
                    Ok(Self::Refused(code))
                } else {
                    Err(Invalid::new("refused", Why::NotForPartners))
                }
            }
            v1::ask_response::Answer::Matched(matched) => {
                let as_of = field::instant("as_of_ms", matched.as_of_ms)?;
                Ok(match matched.matches {
                    None => Self::NoMatch { as_of },
                    Some(matches) => Self::Match { as_of, matches: matches.try_into()? },
                })
            }
        }
    }
}

/// What we answer to a partner.
#[derive(Debug)]
pub enum Reply {
    /// No. A partner is told why only if its question alone decided; else it is "no match".
    Refused(Refusal),
    /// Nothing that this partner may see.
    NoMatch,
    /// Matches, signed, with every summary in them as policy released it.
    Match {
        /// What is sent.
        signed: Box<Signed<Matches>>,
        /// The same summaries, in the same order.
        released: Vec<Released<MatchSummary>>,
    },
}

/// The answer to `asker`, padded.
///
/// # Errors
/// [`RefusalCode::PolicyFault`] if a match was not released, or not to this asker, or if the signed
/// message names another asker: nothing is sent.
pub fn to_response(
    reply: Reply,
    asker: &AgencyId,
    as_of: Timestamp,
) -> Result<v1::AskResponse, Refusal> {
    let answer = match reply {
        Reply::Refused(refusal) => match refusal.for_peer() {
            Some(code) => v1::ask_response::Answer::Refused(code.to_wire()),
            None => matched(as_of, None),
        },
        Reply::NoMatch => matched(as_of, None),
        Reply::Match { signed, released } => {
            check_released(signed.message(), &released, asker)?;
            let (message, envelope) = signed.into_parts();
            matched(message.as_of, Some(envelope))
        }
    };
    Ok(padded(answer))
}

/// The rule named when something would be sent that policy did not release to that partner.
pub const RELEASED_RULE: &str = "code.released";

fn check_released(
    message: &Matches,
    released: &[Released<MatchSummary>],
    asker: &AgencyId,
) -> Result<(), Refusal> {
    let to_asker = |released: &Released<MatchSummary>| {
        released.peer() == asker && released.permit().action() == Action::Show
    };
    let fits = message.asker == *asker
        && !message.matches.is_empty()
        && message.matches.iter().eq(released.iter().map(AsRef::as_ref))
        && released.iter().all(to_asker);
    if fits { Ok(()) } else { Err(Refusal::by_rule(RefusalCode::PolicyFault, RELEASED_RULE)) }
}

fn matched(as_of: Timestamp, matches: Option<Envelope>) -> v1::ask_response::Answer {
    v1::ask_response::Answer::Matched(v1::Matched {
        as_of_ms: as_of.as_millis(),
        matches: matches.map(Into::into),
    })
}

/// Fills the message to a multiple of [`ANSWER_STEP_BYTES`].
fn padded(answer: v1::ask_response::Answer) -> v1::AskResponse {
    let mut response = v1::AskResponse { answer: Some(answer), padding: Vec::new() };
    let bare = response.encoded_len();
    let to_step = (ANSWER_STEP_BYTES - bare % ANSWER_STEP_BYTES) % ANSWER_STEP_BYTES;
    if to_step > 0 {
        // A few gaps cannot be filled exactly, because a field has a head of two or three bytes:
        // those go on to the next step.
        let filling = padding_bytes(to_step).or_else(|| padding_bytes(to_step + ANSWER_STEP_BYTES));
        response.padding = vec![0; filling.unwrap_or_default()];
    }
    response
}

/// How many bytes of padding make a field of exactly `field_bytes`; `None` if none do.
fn padding_bytes(field_bytes: usize) -> Option<usize> {
    (1..=3)
        .filter_map(|length| field_bytes.checked_sub(1 + length))
        .find(|bytes| *bytes > 0 && 1 + prost::length_delimiter_len(*bytes) + bytes == field_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::envelope::PAYLOAD_BYTES_MAX;

    fn envelope(payload_bytes: usize) -> Envelope {
        Envelope {
            payload: vec![7; payload_bytes],
            payload_type: "application/vnd.malines.matches.v1+cbor".into(),
            signatures: Vec::new(),
        }
    }

    /// Whatever its content, an answer has the size of a step, and the padding is read back.
    #[test]
    fn every_answer_is_padded_to_a_step() {
        let as_of = Timestamp::from_millis(1_795_000_000_000);
        let sizes = (3800..4400).chain([0, 1, 100, 8000, PAYLOAD_BYTES_MAX]);
        for size in sizes {
            let response = padded(matched(as_of, Some(envelope(size))));
            assert_eq!(response.encoded_len() % ANSWER_STEP_BYTES, 0, "{size}");
            let expected = Answer::Match { as_of, matches: envelope(size) };
            assert_eq!(Answer::try_from(response), Ok(expected));
        }
    }

    #[test]
    fn refused_and_no_match_and_one_match_have_one_size() {
        let (asker, as_of) = ("es-pn".parse().unwrap(), Timestamp::from_millis(1));
        let size = |reply| to_response(reply, &asker, as_of).unwrap().encoded_len();
        let no_match = size(Reply::NoMatch);
        assert_eq!(no_match, ANSWER_STEP_BYTES);
        let refused = Reply::Refused(RefusalCode::QuotaSpent.into());
        assert_eq!(size(refused), no_match);
        assert_eq!(padded(matched(as_of, Some(envelope(400)))).encoded_len(), no_match);
    }

    #[test]
    fn a_reason_that_depends_on_a_record_is_no_match() {
        let (asker, as_of) = ("es-pn".parse().unwrap(), Timestamp::from_millis(1));
        let no_match = to_response(Reply::NoMatch, &asker, as_of).unwrap();
        for code in RefusalCode::ALL {
            let reply = Reply::Refused(Refusal::by_rule(*code, "be.7"));
            let response = to_response(reply, &asker, as_of).unwrap();
            if code.is_of_the_question() {
                assert_eq!(Answer::try_from(response), Ok(Answer::Refused(*code)));
            } else {
                assert_eq!(response.encode_to_vec(), no_match.encode_to_vec(), "{code}");
            }
        }
    }

    #[test]
    fn a_partner_that_tells_too_much_is_refused() {
        for code in RefusalCode::ALL.iter().filter(|code| !code.is_of_the_question()) {
            let answer = v1::ask_response::Answer::Refused(code.to_wire());
            let response = v1::AskResponse { answer: Some(answer), padding: Vec::new() };
            let invalid = Answer::try_from(response).unwrap_err();
            assert_eq!(invalid, Invalid::new("refused", Why::NotForPartners));
        }
    }
}
