//! Corrections: what may be changed about a record, and what differs between two versions of it.
//!
//! A correction is a new version of the same statement about the same thing. What the thing is, whose
//! statement it is and under which agreement never change: a different thing is a new record.

use crate::envelope::Envelope;
use crate::indicator::Body;
use crate::label::{Evaluation, HandlingSet};
use crate::name::{AgencyId, CaseId, OfficerId, RecordId};
use crate::record::{Benefit, Statement, Version};
use crate::refusal::RefusalCode;
use crate::submission::{Outlook, Repeated};
use crate::time::Timestamp;
use crate::value::{
    Age, Basis, ContentClass, Depicts, Offence, Onward, Pap, Purpose, Role, Subject, Tlp,
};
use std::collections::BTreeSet;

/// The longest reason that a person gives for what it does to a record, in characters.
pub const REASON_CHARACTERS_MAX: usize = 1000;
/// The most versions of one record.
pub const VERSIONS_MAX: usize = 256;
/// The largest kept older version with its reason, in bytes.
pub const SUPERSEDED_BYTES_MAX: usize = 300 * 1024;

/// What a correction changes; `None` stays as it is. Its `Debug` shows no text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// What it may be used for.
    pub purposes: Option<BTreeSet<Purpose>>,
    /// The offences it is about.
    pub offences: Option<BTreeSet<Offence>>,
    /// How far it may travel.
    pub tlp: Option<Tlp>,
    /// What may be done with it.
    pub pap: Option<Pap>,
    /// The handling codes.
    pub handling: Option<HandlingSet>,
    /// The evaluation.
    pub evaluation: Option<Evaluation>,
    /// Fact or assessment.
    pub basis: Option<Basis>,
    /// Whose account or act.
    pub subject: Option<Subject>,
    /// That person's age.
    pub age: Option<Age>,
    /// Why a presumed adult is one; stays here. At most [`REASON_CHARACTERS_MAX`] characters.
    pub presumed_adult_reason: Option<String>,
    /// Who is pictured.
    pub depicts: Option<Depicts>,
    /// The benefit.
    pub benefit: Option<Benefit>,
    /// Who may ever get it; empty means nobody.
    pub audience: Option<BTreeSet<AgencyId>>,
    /// The onward rule.
    pub onward: Option<Onward>,
    /// First seen.
    pub observed_first: Option<Timestamp>,
    /// Last seen.
    pub observed_last: Option<Timestamp>,
    /// When it ends by itself.
    pub valid_until: Option<Timestamp>,
    /// When a person must look at it again.
    pub review_at: Option<Timestamp>,
    /// What the account does for the business; of an account record only.
    pub role: Option<Role>,
    /// What the content is; of a content record only.
    pub class: Option<ContentClass>,
}

impl core::fmt::Debug for Changes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Changes(..)")
    }
}

impl Changes {
    /// Writes the changes into a statement; the rules of [`crate::record::Record`] still have to
    /// hold for what comes of it.
    ///
    /// # Errors
    /// [`RefusalCode::BodyImpossible`] for a role of something that is no account, or a content class
    /// of something that is no file.
    pub fn apply(&self, statement: &mut Statement) -> Result<(), RefusalCode> {
        let s = statement;
        set(&mut s.purposes, &self.purposes);
        set(&mut s.offences, &self.offences);
        set(&mut s.labels.tlp, &self.tlp);
        set(&mut s.labels.pap, &self.pap);
        set(&mut s.labels.handling, &self.handling);
        set(&mut s.labels.evaluation, &self.evaluation);
        set(&mut s.labels.basis, &self.basis);
        set(&mut s.subject, &self.subject);
        set(&mut s.age, &self.age);
        set(&mut s.depicts, &self.depicts);
        if self.benefit.is_some() {
            s.benefit.clone_from(&self.benefit);
        }
        set(&mut s.audience, &self.audience);
        set(&mut s.onward, &self.onward);
        set(&mut s.observed_first, &self.observed_first);
        set(&mut s.observed_last, &self.observed_last);
        set(&mut s.valid_until, &self.valid_until);
        set(&mut s.review_at, &self.review_at);
        match (&mut s.body, self.role, self.class) {
            (_, None, None) => {}
            (Body::Account(body), Some(role), None) => body.role = role,
            (Body::Content(body), None, Some(class)) => body.class = class,
            _ => return Err(RefusalCode::BodyImpossible),
        }
        let given = self.presumed_adult_reason.as_deref();
        let reasoned = given.map_or(s.presumed_adult_reasoned, |reason| !reason.trim().is_empty());
        s.presumed_adult_reasoned = s.age == Age::PresumedAdult && reasoned;
        Ok(())
    }
}

fn set<T: Clone>(to: &mut T, from: &Option<T>) {
    if let Some(from) = from {
        to.clone_from(from);
    }
}

/// What an officer says to correct a record. Its `Debug` shows no reason.
#[derive(Clone, PartialEq, Eq)]
pub struct Correction {
    /// The case it is done for.
    pub case: CaseId,
    /// The version that the officer looked at; a record that has moved on is not corrected.
    pub expected: Option<Version>,
    /// Why, 1 to [`REASON_CHARACTERS_MAX`] characters; kept sealed, never leaves.
    pub reason: String,
    /// What changes.
    pub changes: Changes,
}

impl core::fmt::Debug for Correction {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Correction({:?}, {:?}, ..)", self.case, self.expected)
    }
}

/// One thing that two versions say differently, in words. Its `Debug` shows no values.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key, as in an answers file: `tlp`, `audience`.
    pub key: &'static str,
    /// What the version before said; empty for nothing.
    pub before: String,
    /// What the version after says; empty for nothing.
    pub after: String,
}

impl core::fmt::Debug for Difference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Difference({}, ..)", self.key)
    }
}

/// The keys of what a statement says, in the order in which people read them.
pub const STATEMENT_KEYS: [&str; 22] = [
    "purposes",
    "offences",
    "tlp",
    "pap",
    "handling",
    "evaluation",
    "basis",
    "subject",
    "age",
    "presumed_adult_reason",
    "depicts",
    "benefit",
    "audience",
    "onward",
    "observed_first",
    "observed_last",
    "valid_until",
    "review_at",
    "role",
    "media",
    "class",
    "matching",
];

/// What a statement says, in words, in the order of [`STATEMENT_KEYS`]. Of a reason that stays at
/// the origin only that there is one.
fn values(s: &Statement) -> [String; STATEMENT_KEYS.len()] {
    let reason = if s.presumed_adult_reasoned { "given" } else { "" };
    let (role, media, class) = match &s.body {
        Body::Account(body) => (body.role.to_string(), String::new(), String::new()),
        Body::Content(body) => (String::new(), body.media.to_string(), body.class.to_string()),
        Body::Ad(_) => Default::default(),
    };
    [
        words(&s.purposes),
        words(&s.offences),
        s.labels.tlp.to_string(),
        s.labels.pap.to_string(),
        words(s.labels.handling.iter()),
        format!("{} {}", s.labels.evaluation.scheme(), s.labels.evaluation),
        s.labels.basis.to_string(),
        s.subject.to_string(),
        s.age.to_string(),
        reason.to_owned(),
        s.depicts.to_string(),
        s.benefit.as_ref().map(|benefit| benefit.ground.clone()).unwrap_or_default(),
        words(&s.audience),
        s.onward.to_string(),
        s.observed_first.to_string(),
        s.observed_last.to_string(),
        s.valid_until.to_string(),
        s.review_at.to_string(),
        role,
        media,
        class,
        s.matching.map(|stop| format!("stopped: {stop}")).unwrap_or_default(),
    ]
}

fn words<T: ToString>(members: impl IntoIterator<Item = T>) -> String {
    members.into_iter().map(|member| member.to_string()).collect::<Vec<_>>().join(", ")
}

/// What two versions of a statement say differently; with nothing before, all that the other says.
pub fn differences(before: Option<&Statement>, after: &Statement) -> Vec<Difference> {
    let before = before.map(values).unwrap_or_default();
    let pairs = STATEMENT_KEYS.into_iter().zip(before.into_iter().zip(values(after)));
    pairs
        .filter(|(_, (before, after))| before != after)
        .map(|(key, (before, after))| Difference { key, before, after })
        .collect()
}

/// An own version that a correction superseded, with what was said about it: sealed at the origin.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Superseded {
    /// The exact bytes and signatures of the older version.
    #[n(1)]
    pub envelope: Envelope,
    /// Who had made it.
    #[n(2)]
    pub made_by: Option<OfficerId>,
    /// Why a presumed adult was one.
    #[n(3)]
    pub presumed_adult_reason: Option<String>,
    /// When it was superseded.
    #[n(4)]
    pub superseded_at: Timestamp,
    /// Why.
    #[n(5)]
    pub reason: String,
    /// The case it was done for; `None` if no officer did it.
    #[n(6)]
    pub case: Option<CaseId>,
}

impl core::fmt::Debug for Superseded {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Superseded({}, ..)", self.superseded_at)
    }
}

/// What came of a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionReceipt {
    /// The record.
    pub record_id: RecordId,
    /// The version that it has now, or would have.
    pub version: Version,
    /// Was everything so already?
    pub repeated: Repeated,
    /// The sequence number of the audit entry; 0 if nothing was written.
    pub audit_sequence: u64,
    /// What changes.
    pub differences: Vec<Difference>,
    /// Where it goes from now on.
    pub outlook: Vec<Outlook>,
    /// The partners that were granted it before and will be told.
    pub told: Vec<AgencyId>,
}

/// The versions of an own record, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The record.
    pub record_id: RecordId,
    /// Its versions, at most [`VERSIONS_MAX`].
    pub versions: Vec<PastVersion>,
}

/// One version of an own record. Its `Debug` shows no reason.
#[derive(Clone, PartialEq, Eq)]
pub struct PastVersion {
    /// The version.
    pub version: Version,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who made it.
    pub made_by: Option<OfficerId>,
    /// Why; `None` for the first.
    pub reason: Option<String>,
    /// The case it was made for; `None` for the first.
    pub case: Option<CaseId>,
    /// What it says otherwise than the version before; of the first, all that it says.
    pub differences: Vec<Difference>,
}

impl core::fmt::Debug for PastVersion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PastVersion({}, ..)", self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::record::tests::account;

    #[test]
    fn nothing_given_changes_nothing() {
        let mut corrected = account();
        Changes::default().apply(&mut corrected).unwrap();
        assert_eq!(corrected, account());
        assert_eq!(differences(Some(&account()), &corrected), []);
    }

    #[test]
    fn what_is_given_changes_and_is_told_in_words() {
        let changes = Changes {
            tlp: Some(Tlp::Red),
            audience: Some(BTreeSet::new()),
            role: Some(Role::Money),
            ..Changes::default()
        };
        let mut corrected = account();
        changes.apply(&mut corrected).unwrap();
        let differences = differences(Some(&account()), &corrected);
        let keys: Vec<&str> = differences.iter().map(|difference| difference.key).collect();
        assert_eq!(keys, ["tlp", "audience", "role"]);
        assert_eq!(differences[0].after, "RED");
        assert_eq!(differences[1].after, "");
        assert!(Record::new(corrected).is_ok());
    }

    #[test]
    fn a_first_version_tells_all_that_it_says() {
        let all = differences(None, &account());
        assert!(all.len() > 12 && all.iter().all(|difference| difference.before.is_empty()));
    }

    #[test]
    fn a_thing_does_not_become_another_family_and_a_reason_goes_with_the_age() {
        let class = Changes { class: Some(ContentClass::SmugglerAd), ..Changes::default() };
        assert_eq!(class.apply(&mut account()), Err(RefusalCode::BodyImpossible));
        let presumed = Changes {
            age: Some(Age::PresumedAdult),
            presumed_adult_reason: Some("looks like thirty".into()),
            ..Changes::default()
        };
        let mut corrected = account();
        presumed.apply(&mut corrected).unwrap();
        assert!(corrected.presumed_adult_reasoned);
        let adult = Changes { age: Some(Age::Adult), ..Changes::default() };
        adult.apply(&mut corrected).unwrap();
        assert!(!corrected.presumed_adult_reasoned);
    }
}
