//! What an officer signs to change the policy: from which rules, to which, and with what effect.

use crate::closed::closed;
use crate::encoding::{self, Malformed};
use crate::envelope::Payload;
use crate::name::{AgencyId, Digest, OfficerId};
use crate::time::Timestamp;

/// The largest consent, in bytes.
pub const CONSENT_BYTES_MAX: usize = 1024;
/// How far the instant of a consent may be from the clock of the node that takes it, in milliseconds.
pub const CONSENT_AGE_MS_MAX: u64 = 15 * 60_000;

closed! {
    /// What a consent is for.
    PolicyStep, "policy step" {
        /// The rules are put in force once there are signatures enough.
        Activate = 1 "ACTIVATE",
        /// All sharing stops at once.
        Freeze = 2 "FREEZE",
    }
}

/// The statement of one officer. It is worth nothing for other rules than it names, on either side.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct PolicyConsent {
    /// The agency.
    #[n(1)]
    pub agency: AgencyId,
    /// The pseudonym of who signs.
    #[n(2)]
    pub officer: OfficerId,
    /// For what.
    #[n(3)]
    pub step: PolicyStep,
    /// The hash of the rules in force.
    #[n(4)]
    pub from: Digest,
    /// The hash of the rules to come.
    #[n(5)]
    pub to: Digest,
    /// The hash of what the change does, with its counts; zeros for a freeze.
    #[n(6)]
    pub difference: Digest,
    /// When it was signed.
    #[n(7)]
    pub at: Timestamp,
}

impl Payload for PolicyConsent {
    const TYPE: &'static str = "application/vnd.malines.policy-consent.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let consent: Self = encoding::from_bytes("policy consent", bytes, CONSENT_BYTES_MAX)?;
        if consent.to_payload() == bytes {
            return Ok(consent);
        }
        let why = "it says more than this version knows".to_owned();
        Err(Malformed::NotValid { what: "policy consent", why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Signed;
    use crate::signature::{SecretKey, Signer as _};

    #[test]
    fn a_consent_opens_with_the_key_of_who_signed_and_with_no_other() {
        let consent = PolicyConsent {
            agency: "be-fedpol".parse().unwrap(),
            officer: "BE-7".parse().unwrap(),
            step: PolicyStep::Activate,
            from: Digest::from_bytes([1; 32]),
            to: Digest::from_bytes([2; 32]),
            difference: Digest::from_bytes([3; 32]),
            at: Timestamp::from_millis(5),
        };
        // RFC 8949 by hand: what is signed never changes its bytes.
        let hash = |byte: &str| byte.repeat(32);
        let [one, two, three] = ["01", "02", "03"].map(hash);
        let expected = [
            "a7",
            "0169",
            "62652d666564706f6c",
            "0264",
            "42452d37",
            "0301",
            "045820",
            &one,
            "055820",
            &two,
            "065820",
            &three,
            "0705",
        ];
        let hex: String = consent.to_payload().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected.concat());
        let (mine, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let (_, envelope) = Signed::seal(consent.clone(), &mine).into_parts();
        let opened = Signed::<PolicyConsent>::open(envelope.clone(), &mine.public_key());
        assert_eq!(opened.unwrap().message(), &consent);
        assert!(Signed::<PolicyConsent>::open(envelope.clone(), &other.public_key()).is_err());
        let mut longer = envelope;
        longer.payload.push(0);
        assert!(Signed::<PolicyConsent>::open(longer, &mine.public_key()).is_err());
    }
}
