//! What a party declares about an agreement through all its versions: one signed hash chain per
//! party, the heads that say where the chain ends, and the replacement of a lost authority key.
//!
//! Every message names the hash of the first version, so that nothing said about one agreement can
//! be played back into another.

use crate::language::Language;
use domain::encoding::{self, Malformed};
use domain::envelope::Payload;
use domain::name::{AgencyId, Digest};
use domain::signature::PublicKey;
use domain::time::Timestamp;
use minicbor::{Decode, Encode};

/// The largest declaration, head or key replacement, in bytes.
pub const DECLARATION_BYTES_MAX: usize = 1024;
/// The most declarations of one party. The last place is kept for leaving, so that a party can
/// always stop.
pub const DECLARATIONS_MAX: u32 = 1024;
/// The most replacements of one party's authority key.
pub const REPLACEMENTS_MAX: u32 = 16;
/// A party of which no head is younger than this is suspended, in milliseconds: seven days.
pub const HEAD_AGE_MAX_MS: u64 = 7 * Timestamp::DAY_MS;

/// How much a party stops.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(flat)]
pub enum Scope {
    /// Everything to and from this party.
    #[n(1)]
    All,
    /// One direction that this party is an end of.
    #[n(2)]
    Pair {
        /// The party it leaves.
        #[n(0)]
        from: AgencyId,
        /// The party it reaches.
        #[n(1)]
        to: AgencyId,
    },
}

/// What a party does. Numbers are stable; one that is not listed is refused, never skipped.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Step {
    /// Puts the first version up for signature.
    #[n(1)]
    Propose {
        /// The hash of the version.
        #[n(0)]
        agreement: Digest,
        /// Until when every party must have signed; a later signature does not count.
        #[n(1)]
        sign_by: Timestamp,
    },
    /// Signs a version.
    #[n(2)]
    Sign {
        /// The hash of the version.
        #[n(0)]
        agreement: Digest,
        /// The hash of the rendering that the signatory was shown.
        #[n(1)]
        shown: Digest,
        /// The language of that rendering.
        #[n(2)]
        language: Language,
    },
    /// Refuses a version, for ever.
    #[n(3)]
    Reject {
        /// The hash of the version.
        #[n(0)]
        agreement: Digest,
    },
    /// Stops at once.
    #[n(4)]
    Suspend {
        /// What stops.
        #[n(0)]
        scope: Scope,
    },
    /// Ends this party's own suspension of the same scope.
    #[n(5)]
    Lift {
        /// What may go on.
        #[n(0)]
        scope: Scope,
    },
    /// Leaves the agreement: every version that this party signed before.
    #[n(6)]
    Withdraw,
    /// Puts a later version up for signature.
    #[n(7)]
    Amend {
        /// The hash of the new version.
        #[n(0)]
        agreement: Digest,
        /// The hash of the version that it supersedes.
        #[n(1)]
        supersedes: Digest,
        /// Until when every party must have signed.
        #[n(2)]
        sign_by: Timestamp,
    },
    /// Accepts the replacement of another party's authority key.
    #[n(8)]
    AcceptKey {
        /// The payload hash of the replacement.
        #[n(0)]
        replacement: Digest,
    },
}

impl Step {
    /// Does it only ever take away? What narrows counts wherever it is found; what widens counts
    /// only in its place of an unbroken chain.
    pub const fn narrows(&self) -> bool {
        matches!(self, Self::Reject { .. } | Self::Suspend { .. } | Self::Withdraw)
    }
}

/// One link of a party's chain.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Declaration {
    /// The party that speaks.
    #[n(1)]
    pub party: AgencyId,
    /// The place in its chain, from 1.
    #[n(2)]
    pub n: u32,
    /// The payload hash of the declaration before, from the second on.
    #[n(3)]
    pub previous: Option<Digest>,
    /// The hash of the first version of the agreement: its name for ever.
    #[n(4)]
    pub first: Digest,
    /// When it was made, by the party's clock.
    #[n(5)]
    pub made_at: Timestamp,
    /// What it does.
    #[n(6)]
    pub step: Step,
}

impl Declaration {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.n == 0 || self.n > DECLARATIONS_MAX {
            return Err("a place outside the chain");
        }
        if (self.n == 1) != self.previous.is_none() {
            return Err("a first declaration with a predecessor, or a later one without");
        }
        if self.n == DECLARATIONS_MAX && self.step != Step::Withdraw {
            return Err("the last place of a chain is for leaving");
        }
        let scope = match &self.step {
            Step::Suspend { scope } | Step::Lift { scope } => scope,
            _ => return Ok(()),
        };
        match scope {
            Scope::Pair { from, to }
                if from == to || (*from != self.party && *to != self.party) =>
            {
                Err("a party stops and lifts only directions that it is an end of")
            }
            _ => Ok(()),
        }
    }
}

impl Payload for Declaration {
    const TYPE: &'static str = "application/vnd.malines.declaration.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let declaration: Self = exact("declaration", bytes)?;
        declaration.check().map_err(|why| not_valid("declaration", why))?;
        Ok(declaration)
    }
}

/// Where a party's chain ends, signed afresh at least every seven days: silence is seen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Head {
    /// The party that speaks.
    #[n(1)]
    pub party: AgencyId,
    /// The hash of the first version of the agreement.
    #[n(2)]
    pub first: Digest,
    /// How many declarations it has made; 0 is none.
    #[n(3)]
    pub n: u32,
    /// The payload hash of the last of them.
    #[n(4)]
    pub last: Option<Digest>,
    /// When it was made, by the party's clock.
    #[n(5)]
    pub made_at: Timestamp,
}

impl Payload for Head {
    const TYPE: &'static str = "application/vnd.malines.declaration-head.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let head: Self = exact("head", bytes)?;
        if head.n > DECLARATIONS_MAX || (head.n == 0) != head.last.is_none() {
            return Err(not_valid("head", "a place outside the chain, or without its hash"));
        }
        Ok(head)
    }
}

/// A new authority key, signed by the agency's root key. It takes the old key's voice away at once;
/// the new one is heard when every other party has accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyReplacement {
    /// The party.
    #[n(1)]
    pub party: AgencyId,
    /// The hash of the first version of the agreement.
    #[n(2)]
    pub first: Digest,
    /// 1 for the first replacement, then one more each time.
    #[n(3)]
    pub sequence: u32,
    /// The new authority key.
    #[n(4)]
    pub new_key: PublicKey,
    /// The last declaration that the old key made; 0 is none.
    #[n(5)]
    pub after: u32,
    /// Its payload hash: what else the old key signed is void.
    #[n(6)]
    pub after_hash: Option<Digest>,
    /// When it was made, by the party's clock.
    #[n(7)]
    pub made_at: Timestamp,
}

impl Payload for KeyReplacement {
    const TYPE: &'static str = "application/vnd.malines.key-replacement.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let replacement: Self = exact("key replacement", bytes)?;
        let counted = (1..=REPLACEMENTS_MAX).contains(&replacement.sequence);
        let placed = replacement.after < DECLARATIONS_MAX
            && (replacement.after == 0) == replacement.after_hash.is_none();
        if counted && placed {
            Ok(replacement)
        } else {
            Err(not_valid("key replacement", "a sequence or a place that cannot be"))
        }
    }
}

/// Decodes exactly what the encoder of this release writes: an unknown field is refused.
pub(crate) fn exact<T: Encode<()> + for<'b> Decode<'b, ()>>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, Malformed> {
    let value: T = encoding::from_bytes(what, bytes, DECLARATION_BYTES_MAX)?;
    if encoding::to_bytes(&value) == bytes {
        Ok(value)
    } else {
        Err(not_valid(what, "a field that this release does not know, or a list out of order"))
    }
}

pub(crate) fn not_valid(what: &'static str, why: &str) -> Malformed {
    Malformed::NotValid { what, why: why.to_owned() }
}
