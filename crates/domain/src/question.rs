//! Live questions: what is asked, what a partner answers, and the difference between "no match",
//! "refused", "not asked" and "did not answer".

use crate::digest::{Commitment, DIGEST_BYTES};
use crate::encoding::{self, Malformed};
use crate::envelope::Payload;
use crate::indicator::Kind;
use crate::label::{Evaluation, HandlingSet};
use crate::name::{AgencyId, AgreementId, Clause, Digest, RecordId};
use crate::refusal::RefusalCode;
use crate::time::Timestamp;
use crate::token::{Token, TokenEpoch};
use crate::value::{Basis, Channel, ContentClass, Offence, Pap, Purpose, Role, Tlp, Urgency};

/// The steps a batch of tokens is padded to, so that its size says little.
pub const PADDING_STEPS: [usize; 4] = [16, 64, 256, 1024];
/// The most tokens of one question.
pub const TOKENS_MAX: usize = 1024;
/// The most matches reported for one token.
pub const MATCHES_PER_TOKEN_MAX: usize = 8;
/// The most matches of one answer.
pub const MATCHES_MAX: usize = 1024;

/// What decides whether a question may be asked and answered: never the tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct QuestionTerms {
    /// The agreement it is asked under.
    #[n(1)]
    pub agreement: AgreementId,
    /// The clause the asker relies on.
    #[n(2)]
    pub clause: Clause,
    /// For what.
    #[n(3)]
    pub purpose: Purpose,
    /// About which offence.
    #[n(4)]
    pub offence: Offence,
    /// The kind of the identifiers asked about.
    #[n(5)]
    pub kind: Kind,
    /// Who asks: an analyst, an authority, a machine.
    #[n(6)]
    pub channel: Channel,
    /// How soon.
    #[n(7)]
    pub urgency: Urgency,
    /// Training data only.
    #[n(8)]
    pub exercise: bool,
}

/// A question to one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The terms.
    pub terms: QuestionTerms,
    /// Whose records.
    pub owner: AgencyId,
    /// The epoch of the owner's token key the tokens were made under.
    pub epoch: TokenEpoch,
    /// A salted commitment to the case, the same for all questions of one case to one owner.
    pub case: Commitment,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// The tokens, padded with random ones to a step of [`PADDING_STEPS`].
    pub tokens: Vec<Token>,
}

impl Question {
    /// A salted commitment to what was asked: both logs hold it, neither holds the tokens.
    pub fn commitment(&self) -> Digest {
        let mut hasher_input = vec![0; self.tokens.len() * DIGEST_BYTES];
        let (places, _) = hasher_input.as_chunks_mut::<DIGEST_BYTES>();
        for (place, token) in places.iter_mut().zip(&self.tokens) {
            *place = *token.as_bytes();
        }
        // The padding tokens are random, so the commitment cannot be tested with a guess.
        Digest::from_bytes(crate::digest::derive(
            "malines question v1",
            &[
                &encoding::to_bytes(&self.terms),
                self.owner.as_str().as_bytes(),
                &self.epoch.0.to_le_bytes(),
                self.case.as_bytes(),
                &self.asked_at.as_millis().to_le_bytes(),
                &hasher_input,
            ],
        ))
    }
}

/// The smallest step that holds `count` tokens; `None` above [`TOKENS_MAX`].
///
/// A batch always holds at least one random token, so that its commitment is salted.
pub fn padded_count(count: usize) -> Option<usize> {
    PADDING_STEPS
        .into_iter()
        .find(|step| count < *step)
        .or((count == TOKENS_MAX).then_some(TOKENS_MAX))
}

/// What an owner says of one matching record: enough to decide on a release request, no more.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct MatchSummary {
    /// Which token of the question, from 0.
    #[n(1)]
    pub slot: u32,
    /// A random reference, bound to this asker and case, by which a release is requested.
    #[n(2)]
    pub follow_up: RecordId,
    /// The kind.
    #[n(3)]
    pub kind: Kind,
    /// What the account does, for account records.
    #[n(4)]
    pub role: Option<Role>,
    /// What the content is, for content records.
    #[n(5)]
    pub class: Option<ContentClass>,
    /// How far it may travel.
    #[n(6)]
    pub tlp: Tlp,
    /// What may be done with it.
    #[n(7)]
    pub pap: Pap,
    /// Under which restrictions.
    #[n(8)]
    pub handling: HandlingSet,
    /// How good it is.
    #[n(9)]
    pub evaluation: Evaluation,
    /// Fact or assessment.
    #[n(10)]
    pub basis: Basis,
    /// Last seen.
    #[n(11)]
    pub observed_last: Timestamp,
}

/// The matches of one answer, signed by the owner; made only when there is one.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Matches {
    /// The owner.
    #[n(1)]
    pub owner: AgencyId,
    /// The asker.
    #[n(2)]
    pub asker: AgencyId,
    /// The commitment of the question.
    #[n(3)]
    pub question: Digest,
    /// When it was answered.
    #[n(4)]
    pub as_of: Timestamp,
    /// The matches, at most [`MATCHES_MAX`], ascending by slot.
    #[n(5)]
    pub matches: Vec<MatchSummary>,
}

impl Payload for Matches {
    const TYPE: &'static str = "application/vnd.malines.matches.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        encoding::from_bytes("matches", bytes, crate::envelope::PAYLOAD_BYTES_MAX)
    }
}

/// What one partner said, or why it said nothing. Five different things, never mixed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartnerAnswer {
    /// At least one match.
    Match(Vec<MatchSummary>),
    /// Nothing in what this partner may show this asker for this purpose.
    NoMatch,
    /// Refused, for a reason computed from the question alone.
    Refused(RefusalCode),
    /// Our own policy did not let the question leave.
    NotAsked(RefusalCode),
    /// It did not answer in time, or could not be reached.
    NoAnswer(NoAnswer),
}

/// Why a partner did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The connection could not be made.
    Unreachable,
    /// It did not answer in time.
    TimedOut,
    /// Its certificate, signature or message was not what it must be.
    Misbehaved,
    /// Its token key of that agreement has not arrived yet.
    NoTokenKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_padded_to_steps_with_room_for_a_random_token() {
        assert_eq!(padded_count(1), Some(16));
        assert_eq!(padded_count(16), Some(64));
        assert_eq!(padded_count(1000), Some(1024));
        assert_eq!(padded_count(1024), Some(1024));
        assert_eq!(padded_count(1025), None);
    }
}
