//! How far a record reaches, and how many records of each class there are: what the gate would decide.

use crate::error::DeskError;
use crate::{Desk, pair_key};
use agreement::{Agreement, Party};
use domain::approval::ApprovedAct;
use domain::class::Class;
use domain::name::{AgencyId, AgreementId, Digest, RecordId};
use domain::question::QuestionTerms;
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use domain::value::{Channel, TransferBasis, Urgency};
use policy::approval::Subject;
use policy::difference::{Census, PARTNERS_MAX, Partner, Way, wider};
use policy::reach::{Granted, Life, PartnerReach, Reach};
use policy::situation::AgencyLabels;
use policy::{Action, Decision, Verdict, invariant};
use std::sync::PoisonError;
use store::Withdrawn;

impl Desk {
    /// Who could get a record now, and who is granted it. Asks the gate, as everything that moves does;
    /// reads no content and writes nothing.
    ///
    /// # Errors
    /// A refusal: not held here, withdrawn, or of an agreement that is not known here.
    pub fn reach(&self, record_id: RecordId) -> Result<Reach, DeskError> {
        let now = self.now();
        let row = self.store.hit_row(&record_id).ok_or(RefusalCode::NotHeld)?;
        if row.withdrawn == Withdrawn::Yes {
            return Err(RefusalCode::Withdrawn.into());
        }
        let entry = row.class.and_then(|number| self.store.class(number));
        let entry = entry.ok_or(RefusalCode::NotHeld)?;
        let (class, hash) = (entry.class, entry.hash);
        let agreement = self.agreement(&class.agreement).ok_or(RefusalCode::AgreementUnknown)?;
        let partners = self.others_in(&agreement).map(|party| {
            let partner = self.partner_labels(&agreement, party);
            let granted = self.is_granted(&party.agency, &class.agreement, &hash, &record_id);
            let subject = Subject { record_id, version: row.version, class: &class };
            let decide =
                |way| (way, self.decide_way(&agreement, &party.agency, way, &subject, now));
            PartnerReach { partner, granted, ways: Way::ALL.map(decide).to_vec() }
        });
        let partners = partners.collect();
        let life = if now < row.expiry { Life::Live } else { Life::Expired };
        Ok(Reach { record_id, life, own: self.own_labels(&agreement)?, class, partners })
    }

    /// How many records of each class this agency stated under an agreement, those withdrawn or
    /// erased left out (what expired counts until the hourly upkeep), and who its
    /// partners are. From memory.
    ///
    /// # Errors
    /// A refusal if the agreement is not known here.
    pub fn census(&self, agreement: &AgreementId) -> Result<Census, DeskError> {
        let known = self.agreement(agreement).ok_or(RefusalCode::AgreementUnknown)?;
        let partners =
            self.others_in(&known).map(|party| self.partner_labels(&known, party)).collect();
        let classes = self.store.classes(&self.own, agreement).into_iter();
        let classes = classes.filter(|entry| entry.records > 0);
        let mut classes: Vec<(Class, u64)> =
            classes.map(|entry| (Class::clone(&entry.class), entry.records)).collect();
        // The numbers of classes are an accident of history; pages and hashes need one order.
        classes.sort_by_cached_key(|(class, _)| class.hash());
        Ok(Census { own: self.own_labels(&known)?, partners, classes })
    }

    /// The agreements that a census can be made of, ascending.
    pub fn agreement_ids(&self) -> Vec<AgreementId> {
        self.agreement_statuses().into_iter().map(|status| status.agreement).collect()
    }

    fn others_in<'a>(&'a self, agreement: &'a Agreement) -> impl Iterator<Item = &'a Party> {
        let others = agreement.parties.iter().filter(|party| party.agency != self.own);
        others.take(PARTNERS_MAX)
    }

    fn own_labels(&self, agreement: &Agreement) -> Result<AgencyLabels, DeskError> {
        let own = agreement.party(&self.own).ok_or(RefusalCode::NotAParty)?;
        Ok(AgencyLabels::of(own))
    }

    fn partner_labels(&self, agreement: &Agreement, party: &Party) -> Partner {
        let pair = agreement.pair(&self.own, &party.agency);
        let transfer = pair.map_or(TransferBasis::None, |pair| pair.transfer_basis);
        Partner { labels: AgencyLabels::of(party), transfer }
    }

    /// Is the class in what the partner was granted last, or the record alone, by approval?
    fn is_granted(
        &self,
        peer: &AgencyId,
        agreement: &AgreementId,
        class: &Digest,
        record_id: &RecordId,
    ) -> Granted {
        let mut kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.kept_grants(&mut kept, &pair_key(peer, agreement));
        let is_granted = known.is_ok_and(|known| {
            let classes = &known.grants().classes;
            let mut alone = classes.values().filter_map(|grant| grant.only);
            classes.contains_key(class) || alone.any(|only| only == *record_id)
        });
        if is_granted { Granted::Yes } else { Granted::No }
    }

    /// What the gate decides for the most open of the situations of a way.
    fn decide_way(
        &self,
        agreement: &Agreement,
        peer: &AgencyId,
        way: Way,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Verdict {
        let class = subject.class;
        let share =
            |channel| verdict(self.gate.decide_class(Action::Share, peer, class, channel, now));
        match way {
            Way::Machine => share(Channel::Automated),
            Way::Hand => {
                let of_class = wider(share(Channel::Analyst), share(Channel::Authority));
                let (signed, _) = self.approvals_for(&subject.record_id, peer, &ApprovedAct::Share);
                if signed.is_empty() {
                    return of_class;
                }
                let of_record =
                    self.gate.decide_record(Action::Share, peer, subject, &signed, now).0;
                wider(of_class, verdict(of_record))
            }
            Way::Match => {
                let mut widest = None;
                for terms in questions(agreement, class) {
                    let shown = verdict(self.gate.decide_answer(peer, &terms, class, now));
                    widest = Some(match widest {
                        Some(known) => wider(known, shown),
                        None => shown,
                    });
                }
                widest.unwrap_or_else(|| Verdict::Deny { rules: vec!["code.clause".to_owned()] })
            }
        }
    }
}

/// The questions that a record of a class could be a match for, asked by an analyst.
fn questions(agreement: &Agreement, class: &Class) -> Vec<QuestionTerms> {
    let mut questions = Vec::new();
    for clause in &agreement.clauses {
        for purpose in class.purposes.intersection(&clause.purposes) {
            for offence in class.offences.intersection(&clause.offences) {
                questions.push(QuestionTerms {
                    agreement: class.agreement.clone(),
                    clause: clause.clause.clone(),
                    purpose: *purpose,
                    offence: *offence,
                    kind: class.kind,
                    channel: Channel::Analyst,
                    urgency: Urgency::Normal,
                    exercise: class.exercise,
                });
            }
        }
    }
    questions
}

fn verdict(decision: Decision) -> Verdict {
    match decision {
        Decision::Allow(permit) => Verdict::Allow { rules: permit.rules().to_vec() },
        Decision::NeedsApproval { authority, persons, rule } => {
            Verdict::NeedsApproval { authority, persons, rule }
        }
        Decision::Deny(refusal) => {
            let rule = refusal.rule.unwrap_or_else(|| invariant::DEFAULT_DENY.to_owned());
            Verdict::Deny { rules: vec![rule] }
        }
    }
}
