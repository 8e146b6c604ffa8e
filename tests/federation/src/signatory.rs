//! Officers of the Belgian node who sign for rules.

use crate::cast::{AGREEMENT, Agency::Belgium};
use crate::draft::now;
use crate::member::Member;
use cedar_engine::{Engine, freeze, weigh};
use domain::envelope::{Envelope, Signed};
use domain::name::{Digest, OfficerId};
use domain::policy_consent::{PolicyConsent, PolicyStep};
use domain::signature::SecretKey;
use domain::time::Timestamp;
use node::officer::OfficerRole;
use policy::Evaluator as _;
use policy::label_space::Only;
use policy::proposal::{Activated, Proposal, Which};
use wire::client::{CallFailure, OfficerClient};
use wire::convert::policy::{CensusAfter, ProposalReference};
use wire::tls::Port;

/// An officer with a signing key, connected.
pub struct Signatory {
    /// The pseudonym.
    pub officer: OfficerId,
    /// The key that signs.
    pub key: SecretKey,
    /// The connection to the node.
    pub client: OfficerClient,
}

impl Signatory {
    /// Enrols an officer of Belgium's node and connects.
    pub async fn of(member: &Member, pseudonym: &str, role: OfficerRole) -> Self {
        let profile = member.enrol_as(pseudonym, role);
        let text = std::fs::read_to_string(profile.join(format!("{pseudonym}.signing"))).unwrap();
        let mut seed = [0; 32];
        domain::hexadecimal::decode(text.trim().as_bytes(), &mut seed).unwrap();
        let channel = member.dial_as(&profile, Port::Officer).await.unwrap();
        Self {
            officer: pseudonym.parse().unwrap(),
            key: SecretKey::from_seed(&seed),
            client: OfficerClient::new(channel),
        }
    }

    /// The same officer, after the node was started again.
    pub async fn of_again(member: &Member, known: Self) -> Self {
        let profile = member.home().join("profiles").join(known.officer.as_str());
        let channel = member.dial_as(&profile, Port::Officer).await.unwrap();
        Self { client: OfficerClient::new(channel), ..known }
    }

    /// What a change does, weighed on this officer's own machine.
    pub async fn weighed(&self, local: &str) -> (Digest, Digest, Digest) {
        let active = self.client.read_policy(Which::Active).await.unwrap();
        let asked = CensusAfter { agreement: AGREEMENT.parse().unwrap(), after: 0 };
        let census = self.client.read_census(asked).await.unwrap().census;
        let (old, new) = (
            Engine::load(&active.floor, &active.local).unwrap(),
            Engine::load(&active.floor, local).unwrap(),
        );
        assert_eq!(old.bundle_hash(), active.bundle);
        let weighed = weigh(&old, &new, &Only::everything(), &[census]).unwrap();
        (active.bundle, new.bundle_hash(), weighed.hash)
    }

    /// A signature for what was weighed.
    pub fn consent(
        &self,
        step: PolicyStep,
        of: (Digest, Digest, Digest),
        at: Timestamp,
    ) -> Envelope {
        let (from, to, difference) = of;
        let (agency, officer) = (Belgium.id(), self.officer.clone());
        let consent = PolicyConsent { agency, officer, step, from, to, difference, at };
        Signed::seal(consent, &self.key).into_parts().1
    }

    /// Proposes rules, or signs for proposed ones.
    ///
    /// # Errors
    /// The refusal.
    pub async fn sign(&self, local: &str) -> Result<Proposal, CallFailure> {
        let consent = self.consent(PolicyStep::Activate, self.weighed(local).await, now());
        self.client.sign_policy(local.to_owned(), consent).await
    }

    /// Puts a proposal in force.
    ///
    /// # Errors
    /// The refusal.
    pub async fn activate(&self, proposal: &Proposal) -> Result<Activated, CallFailure> {
        let named = ProposalReference(proposal.difference.as_bytes()[..3].to_vec());
        self.client.activate_policy(named).await
    }

    /// Stops all sharing.
    ///
    /// # Errors
    /// The refusal.
    pub async fn freeze(&self) -> Result<Activated, CallFailure> {
        let active = self.client.read_policy(Which::Active).await.unwrap();
        let (frozen, _) = freeze(&active.local).unwrap();
        let of = (active.bundle, frozen.bundle_hash(), Digest::from_bytes([0; 32]));
        self.client.freeze_policy(self.consent(PolicyStep::Freeze, of, now())).await
    }
}
