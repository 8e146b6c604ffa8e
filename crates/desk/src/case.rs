//! Cases: an officer names agreement, clause, purpose, offence and reference once.

use crate::error::DeskError;
use crate::{Desk, put};
use agreement::Agreement;
use domain::digest::{Commitment, Fingerprint, Salt};
use domain::encoding;
use domain::event::{Act, Event};
use domain::name::{AgencyId, CaseId, OfficerId};
use domain::refusal::{Refusal, RefusalCode};
use domain::report::{CaseOpening, PAGE_MAX};
use domain::submission::{Case, is_case_reference};
use std::sync::PoisonError;
use store::{Batch, Precondition, RowState, Secrecy, Table};
use zeroize::Zeroizing;

/// The longest a case stays open, in days.
pub const OPEN_DAYS_MAX: u32 = 366;
/// The largest stored case, in bytes.
const CASE_BYTES_MAX: usize = 2048;
/// How often a number that another officer took in the same instant is drawn again.
const NUMBER_TRIES_MAX: usize = 16;

impl Desk {
    /// Opens a case.
    ///
    /// # Errors
    /// A refusal: unknown agreement, a purpose or an offence that it or the clause does not cover for
    /// this agency, a reference that is none.
    pub async fn open_case(
        &self,
        officer: &OfficerId,
        opening: CaseOpening,
    ) -> Result<Case, DeskError> {
        let agreement = self.covering(&opening.agreement, opening.purpose, opening.offence)?;
        check_clause(&agreement, &self.own, &opening)?;
        let reference = opening.reference.trim();
        if !is_case_reference(reference) || !(1..=OPEN_DAYS_MAX).contains(&opening.open_days) {
            return Err(RefusalCode::Malformed.into());
        }
        let now = self.now();
        for _ in 0..NUMBER_TRIES_MAX {
            let case = Case {
                case_id: CaseId::from_bytes(self.entropy.bytes()),
                number: self.next_case_number(),
                agreement: opening.agreement.clone(),
                clause: opening.clause.clone(),
                purpose: opening.purpose,
                offence: opening.offence,
                reference: reference.to_owned(),
                opened_at: now,
                open_until: now.plus_days(opening.open_days),
            };
            match self.keep_case(officer, &case).await {
                Err(store::Error::Conflict(_)) => {}
                kept => return Ok(kept.map(|()| case)?),
            }
        }
        Err(DeskError::Unavailable("too many cases are being opened at once"))
    }

    async fn keep_case(&self, officer: &OfficerId, case: &Case) -> store::Result<()> {
        let mut event = Event::new(case.opened_at, Act::CaseOpened);
        event.shared.agreement = Some(case.agreement.clone());
        event.shared.purpose = Some(case.purpose);
        event.local.officer = Some(officer.clone());
        let key = case.number.to_be_bytes();
        let free =
            Precondition::Row { table: Table::Case, key: key.to_vec(), is: RowState::Absent };
        let batch = Batch::new()
            .provided(free)
            .with(put(Table::Case, &key, encoding::to_bytes(case), Secrecy::Sealed))
            .saying(event);
        self.store.commit(batch).await?;
        let mut cases = self.cases.write().unwrap_or_else(PoisonError::into_inner);
        cases.insert(case.case_id, case.number);
        Ok(())
    }

    pub(crate) fn load_cases(&self) -> Result<(), DeskError> {
        let mut after = 0;
        loop {
            let page = self.list_cases(after)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.number;
            let mut cases = self.cases.write().unwrap_or_else(PoisonError::into_inner);
            cases.extend(page.iter().map(|case| (case.case_id, case.number)));
        }
    }

    fn next_case_number(&self) -> u32 {
        let cases = self.cases.read().unwrap_or_else(PoisonError::into_inner);
        cases.values().max().map_or(1, |last| last.saturating_add(1))
    }

    /// A page of cases with numbers after `after`, at most [`PAGE_MAX`].
    ///
    /// # Errors
    /// A store that fails or is damaged.
    pub fn list_cases(&self, after: u32) -> Result<Vec<Case>, DeskError> {
        let after = after.to_be_bytes();
        let rows = self.store.scan(Table::Case, &[], Some(&after), PAGE_MAX)?;
        let decode = |(_, value): (Vec<u8>, Vec<u8>)| {
            Ok(encoding::from_bytes("case", &value, CASE_BYTES_MAX)?)
        };
        rows.into_iter().map(decode).collect()
    }

    /// The open case of that id.
    ///
    /// # Errors
    /// [`RefusalCode::NoCase`] if there is none or it is closed.
    pub fn open_case_of(&self, case_id: &CaseId) -> Result<Case, DeskError> {
        let case = self.case_of(case_id)?.ok_or(RefusalCode::NoCase)?;
        if self.now() < case.open_until { Ok(case) } else { Err(RefusalCode::NoCase.into()) }
    }

    /// The case of that id, open or closed.
    pub(crate) fn case_of(&self, case_id: &CaseId) -> Result<Option<Case>, DeskError> {
        let number = {
            let cases = self.cases.read().unwrap_or_else(PoisonError::into_inner);
            cases.get(case_id).copied()
        };
        let Some(number) = number else { return Ok(None) };
        let row = self.store.get(Table::Case, &number.to_be_bytes())?.map(Zeroizing::new);
        let row = row.ok_or(DeskError::Fault("a case without its row"))?;
        Ok(Some(encoding::from_bytes("case", &row, CASE_BYTES_MAX)?))
    }

    /// What a partner is told instead of the case: the same for all questions of one case to one
    /// partner, and different for every partner.
    pub(crate) fn case_commitment(&self, case: &Case, owner: &AgencyId) -> Commitment {
        let parts = [case.case_id.as_bytes().as_slice(), owner.as_str().as_bytes()];
        let salt = Salt::from_bytes(self.derive_secret("case salt", &parts));
        let reference = domain::digest::hash(&[case.reference.as_bytes()]);
        Commitment::new(&salt, &Fingerprint::from_bytes(reference))
    }
}

/// Nobody opens a case that every question would be refused in: the clause binds this agency and
/// covers purpose and offence. The refusal names the clauses that would do.
fn check_clause(
    agreement: &Agreement,
    own: &AgencyId,
    opening: &CaseOpening,
) -> Result<(), Refusal> {
    let CaseOpening { clause, purpose, offence, .. } = opening;
    let of_purpose = agreement
        .clauses
        .iter()
        .filter(|terms| terms.binds.contains(own) && terms.purposes.contains(purpose));
    let usable: Vec<&str> = of_purpose
        .clone()
        .filter(|terms| terms.offences.contains(offence))
        .map(|terms| terms.clause.as_str())
        .collect();
    if usable.contains(&clause.as_str()) {
        return Ok(());
    }
    let (code, rule) = match of_purpose.into_iter().any(|terms| terms.clause == *clause) {
        true => (RefusalCode::OffenceNotCovered, "code.clause-offence"),
        false => (RefusalCode::PurposeNotCovered, "code.clause"),
    };
    let usable = if usable.is_empty() { "none".to_owned() } else { usable.join(", ") };
    Err(Refusal::by_rule(code, &format!("{rule}; clauses that cover it: {usable}")))
}
