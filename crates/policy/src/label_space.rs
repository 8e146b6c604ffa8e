//! Every record, partner and question that rules could ever tell apart, as a finite space.
//!
//! Values that no condition can tell apart collapse to one. Labels that no condition joins are
//! independent, so the space of one action is a product of small parts; each part is tried value by
//! value, the policy language says which conditions hold, and values with the same answers form a
//! group. A point is one group of each part: what is true of every point is true of every record.

mod building;
mod walk;

pub(crate) use walk::{Cut, CutTest};

use crate::decision::Action;
use crate::evaluator::Verdict;
use crate::rulebook::{Approved, CONDITIONS_MAX, Condition, Rulebook, Says, Truth};
use crate::situation::{APPROVALS_MAX, AgencyLabels, Dimension, Situation, WrongWord};
use agreement::terms::PartyRole;
use building::Building;
use core::ops::ControlFlow;
use domain::class::Class;
use domain::indicator::Kind;
use domain::label::{EvaluationBand, EvaluationScheme, HandlingSet};
use domain::name::{AgencyId, AgreementId, Clause, Country, InvalidName};
use domain::question::QuestionTerms;
use domain::value::{
    Age, AgencyKind, Basis, Channel, Depicts, Offence, Onward, Pap, Purpose, Subject, Tlp,
    TransferBasis, Urgency,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most points of one action that are walked.
pub const POINTS_MAX: u64 = 10_000_000;
/// The most values of labels that conditions join, tried one by one.
pub const TOGETHER_MAX: u64 = 131_072;
/// How much a set without a word weighs, more than any change of words.
const EMPTY_WEIGHT: usize = 64;
/// How many values of a group are kept to be shown.
const MEMBERS_MAX: usize = 64;
/// Stand-ins for agencies that no rule names.
const STAND_INS: [&str; 4] = ["our-agency", "their-agency", "third-agency", "fourth-agency"];
/// Stands in for an agreement that no rule names.
const ANY_AGREEMENT: &str = "any-agreement";
/// Stand-ins for countries that no rule names: codes that ISO 3166-1 leaves to its users.
const COUNTRIES: [&str; 2] = ["XA", "XB"];

/// What the policy language says of its own conditions.
pub trait Oracle {
    /// Whether the condition at this place holds; it depends on the labels that the condition looks
    /// at, and on nothing else.
    fn truth(&self, condition: usize, situation: &Situation) -> Truth;
}

/// Names that rules mention where any name could stand; each keeps a value of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Agencies.
    pub agencies: BTreeSet<String>,
    /// Agreements.
    pub agreements: BTreeSet<String>,
    /// Countries.
    pub countries: BTreeSet<String>,
    /// Offences: sixteen have too many sets to try each.
    pub offences: BTreeSet<String>,
    /// Does a rule look at the letters of a country, so that every country needs a look?
    pub by_letter: bool,
}

/// The conditions of the rules that are looked at together.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    list: Vec<Condition>,
    /// The names in them.
    pub named: Named,
}

impl Conditions {
    /// The place of a condition, a new one if need be.
    ///
    /// # Errors
    /// [`SpaceError::TooManyConditions`].
    pub fn place(&mut self, condition: Condition) -> Result<usize, SpaceError> {
        if let Some(place) = self.list.iter().position(|known| *known == condition) {
            return Ok(place);
        }
        if self.list.len() >= CONDITIONS_MAX {
            return Err(SpaceError::TooManyConditions);
        }
        if let Says::Words(dimension, _, words) = &condition.says {
            self.named.note(*dimension, words);
        }
        self.list.push(condition);
        Ok(self.list.len() - 1)
    }

    /// The condition at a place.
    pub fn at(&self, place: usize) -> Option<&Condition> {
        self.list.get(place)
    }

    /// What holds of some conditions in a situation, for each number of persons who approved.
    pub(crate) fn approved(
        &self,
        situation: &mut Situation,
        places: &[usize],
        oracle: &dyn Oracle,
    ) -> Approved {
        let mut approved = Approved::default();
        let looks = |place: &usize| {
            let found = self.at(*place);
            found.is_none_or(|one| one.dimensions.contains(&Dimension::Approvals))
        };
        let looks_at_approvals = places.iter().any(looks);
        for (persons, bits) in (0..=APPROVALS_MAX).zip(&mut approved) {
            if persons > 0 && !looks_at_approvals {
                break;
            }
            situation.approvals = persons;
            for place in places {
                let truth = match self.at(*place) {
                    None => Truth::Fault,
                    Some(Condition { says: Says::Rule(_), .. }) => oracle.truth(*place, situation),
                    Some(condition) => condition.says.holds_by_words(situation),
                };
                bits.put(*place, truth);
            }
        }
        if !looks_at_approvals {
            let [none, ..] = approved;
            approved = [none; APPROVALS_MAX as usize + 1];
        }
        approved
    }

    /// Every condition.
    pub fn all(&self) -> &[Condition] {
        &self.list
    }
}

impl Named {
    fn note(&mut self, dimension: Dimension, words: &[String]) {
        let names = match dimension {
            Dimension::Own | Dimension::Peer | Dimension::Origin | Dimension::Audience => {
                &mut self.agencies
            }
            Dimension::Agreement => &mut self.agreements,
            Dimension::OwnCountry | Dimension::PeerCountry => &mut self.countries,
            Dimension::Offence | Dimension::Offences => &mut self.offences,
            _ => return,
        };
        names.extend(words.iter().cloned());
    }

    /// The names that can stand in a dimension without a list of words.
    pub(crate) fn of(&self, dimension: Dimension) -> impl Iterator<Item = &String> {
        let names = match dimension {
            Dimension::Own | Dimension::Peer | Dimension::Origin | Dimension::Audience => {
                Some(&self.agencies)
            }
            Dimension::Agreement => Some(&self.agreements),
            Dimension::OwnCountry | Dimension::PeerCountry => Some(&self.countries),
            _ => None,
        };
        names.into_iter().flatten()
    }

    /// The first offences that no rule names: two behave like all the others.
    fn other_offences(&self) -> impl Iterator<Item = &'static str> {
        Offence::WORDS.iter().copied().filter(|word| !self.offences.contains(*word)).take(2)
    }
}

/// What is looked at only: for some dimensions the words that may stand in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Only(BTreeMap<Dimension, Vec<String>>);

impl Only {
    /// Everything.
    pub const fn everything() -> Self {
        Self(BTreeMap::new())
    }

    /// With one dimension held to these words.
    ///
    /// # Errors
    /// [`WrongWord`] if a word is not one of its own.
    pub fn with(mut self, dimension: Dimension, words: Vec<String>) -> Result<Self, WrongWord> {
        let mut trial = ordinary(Action::Share);
        for word in &words {
            trial.set(dimension, core::slice::from_ref(word))?;
        }
        self.0.insert(dimension, words);
        Ok(self)
    }

    fn allows(&self, dimension: Dimension, word: &str) -> bool {
        self.0.get(&dimension).is_none_or(|words| words.iter().any(|known| known == word))
    }
}

/// Why a space is not walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// More than [`POINTS_MAX`].
    #[error(
        "{action} has {points} combinations of labels, more than the {POINTS_MAX} looked at; most come from {most}"
    )]
    TooManyPoints {
        /// The action.
        action: Action,
        /// How many.
        points: u64,
        /// The labels with the most groups.
        most: String,
    },
    /// More than [`TOGETHER_MAX`].
    #[error(
        "rules about {action} join {dimensions}: {values} values, more than the {TOGETHER_MAX} tried"
    )]
    TooManyTogether {
        /// The action.
        action: Action,
        /// The labels.
        dimensions: String,
        /// How many values they have together.
        values: u64,
    },
    /// More than [`CONDITIONS_MAX`].
    #[error("the rules have more than {CONDITIONS_MAX} different conditions")]
    TooManyConditions,
    /// A name that stands for agencies or agreements that no rule names.
    #[error("a rule names `{0}`, which stands here for what no rule names")]
    NameTaken(String),
    /// A record or a question that is outside of what is looked at.
    #[error("these labels are outside of what is looked at")]
    Outside,
    /// A word that cannot stand where it stands.
    #[error(transparent)]
    Word(#[from] WrongWord),
}

impl SpaceError {
    /// What to do next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooManyPoints { .. } | Self::TooManyTogether { .. } => {
                "look at a part of it: `--only channel=AUTOMATED`, `--only kind=URL`, `--only own=AGENCY`"
            }
            Self::TooManyConditions => "join rules that differ in a label only",
            Self::NameTaken(_) => "give that agency or agreement another name in the rules",
            Self::Outside => "leave out `--only`",
            Self::Word(_) => "use a word of the list",
        }
    }
}

/// Words for some dimensions.
pub(crate) type Values = Vec<(Dimension, Vec<String>)>;

/// Labels that conditions join.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) dimensions: Vec<Dimension>,
    /// The conditions that look at them.
    conditions: Vec<usize>,
    pub(crate) groups: Vec<Group>,
    of: HashMap<Vec<Vec<String>>, usize>,
}

/// Values of a part that no condition tells apart.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) approved: Approved,
    /// Some of them, at least one; the most ordinary first.
    pub(crate) members: Vec<Values>,
}

/// The space of one action.
#[derive(Debug)]
pub struct LabelSpace {
    pub(crate) action: Action,
    pub(crate) parts: Vec<Part>,
    named: Named,
}

impl LabelSpace {
    /// Tries every value of every part. The conditions are those of the rules about the action.
    ///
    /// # Errors
    /// [`SpaceError`].
    pub fn new(
        action: Action,
        in_use: &[usize],
        conditions: &Conditions,
        oracle: &dyn Oracle,
        only: &Only,
    ) -> Result<Self, SpaceError> {
        let mut named = conditions.named.clone();
        for (dimension, words) in &only.0 {
            named.note(*dimension, words);
        }
        let names = named.agencies.iter().chain(&named.agreements);
        let taken = |name: &&String| STAND_INS.contains(&name.as_str()) || **name == ANY_AGREEMENT;
        if let Some(name) = names
            .chain(&named.countries)
            .find(|name| taken(name) || (!named.by_letter && COUNTRIES.contains(&name.as_str())))
        {
            return Err(SpaceError::NameTaken(name.clone()));
        }
        let building = Building { action, conditions, named, only };
        let mut parts = Vec::new();
        for (dimensions, together) in building.joined(in_use) {
            parts.push(building.part(dimensions, &together, oracle)?);
        }
        // The small ones first: what is decided early is decided for many points at once.
        parts.sort_by_key(|part| part.groups.len());
        Ok(Self { action, parts, named: building.named })
    }

    /// How many points it has.
    pub fn points(&self) -> u64 {
        let sizes = self.parts.iter().map(|part| part.groups.len() as u64);
        sizes.fold(1, u64::saturating_mul)
    }

    /// The point that a situation falls on, as another situation: no rule tells the two apart.
    /// `None` if the situation is outside of what is looked at.
    pub fn representative(&self, situation: &Situation) -> Option<Situation> {
        let choice = self.find(situation)?;
        Some(self.situation(&choice))
    }

    /// What rules say of a situation, without asking the policy language again; `None` if it is
    /// outside of what is looked at. The space must have been made for these rules.
    pub fn verdict(&self, rulebook: &Rulebook, situation: &Situation) -> Option<Verdict> {
        let choice = self.find(situation)?;
        Some(rulebook.about(self.action).verdict(&self.approved(&choice)))
    }

    /// A situation at a point, the first of its groups.
    pub(crate) fn situation(&self, choice: &[usize]) -> Situation {
        let mut situation = ordinary(self.action);
        for (part, group) in self.parts.iter().zip(choice) {
            let members = part.groups.get(*group).and_then(|group| group.members.first());
            put(&mut situation, members.into_iter().flatten());
        }
        situation
    }

    /// The groups that a situation falls into.
    pub(crate) fn find(&self, situation: &Situation) -> Option<Vec<usize>> {
        let canonical = self.canonical(situation);
        self.parts
            .iter()
            .map(|part| {
                let key: Vec<Vec<String>> =
                    part.dimensions.iter().map(|one| canonical.words(*one)).collect();
                part.of.get(&key).copied()
            })
            .collect()
    }

    /// What holds at a point.
    pub(crate) fn approved(&self, choice: &[usize]) -> Approved {
        let mut approved = Approved::default();
        for (part, group) in self.parts.iter().zip(choice) {
            if let Some(group) = part.groups.get(*group) {
                join(&mut approved, &group.approved);
            }
        }
        approved
    }

    /// Visits every point until told to stop, but for those that all of the cuts settle: they are
    /// passed over many at a time. Without a cut every point is visited.
    ///
    /// # Errors
    /// [`SpaceError::TooManyPoints`]; then none is visited.
    pub(crate) fn walk(
        &self,
        cuts: &[Cut<'_>],
        visit: &mut dyn FnMut(&Approved, &[usize]) -> ControlFlow<()>,
    ) -> Result<(), SpaceError> {
        let points = self.points();
        if points > POINTS_MAX {
            let mut parts: Vec<&Part> = self.parts.iter().collect();
            parts.sort_by_key(|part| core::cmp::Reverse(part.groups.len()));
            let most = parts
                .iter()
                .take(3)
                .map(|part| format!("{} ({})", listed(&part.dimensions), part.groups.len()));
            let most = most.collect::<Vec<_>>().join("; ");
            return Err(SpaceError::TooManyPoints { action: self.action, points, most });
        }
        let mut walk = walk::Walk {
            settled_at: self.parts.iter().map(|_| Vec::new()).collect(),
            all: if cuts.is_empty() { u64::MAX } else { (1 << cuts.len().min(63)) - 1 },
            choice: Vec::with_capacity(self.parts.len()),
            visit,
        };
        for (number, cut) in cuts.iter().enumerate().take(63) {
            for test in &cut.0 {
                let is_in = |part: &Part| {
                    test.conditions.iter().any(|place| part.conditions.contains(place))
                };
                let last = self.parts.iter().rposition(is_in).unwrap_or(0);
                if let Some(tests) = walk.settled_at.get_mut(last) {
                    tests.push((1 << number, test));
                }
            }
        }
        // A stop is the visitor's own business.
        let _ = walk.on(&self.parts, &Approved::default(), 0);
        Ok(())
    }

    /// The same situation in the names that stand for what no rule names.
    fn canonical(&self, situation: &Situation) -> Situation {
        let mut canonical = situation.clone();
        let named = &self.named;
        let [our, their, third, fourth] = STAND_INS;
        let (own, peer) = (&situation.own.agency, &situation.peer.agency);
        let origin = &situation.class.origin;
        let name_of = |agency: &AgencyId, otherwise: &str| -> String {
            match agency.as_str() {
                known if named.agencies.contains(known) => known.to_owned(),
                _ if agency == own => our.to_owned(),
                _ if agency == peer => their.to_owned(),
                _ => otherwise.to_owned(),
            }
        };
        let in_audience =
            |agency: &AgencyId| name_of(agency, if agency == origin { third } else { fourth });
        let audience: BTreeSet<String> = situation.class.audience.iter().map(in_audience).collect();
        let [own_country, peer_country] = COUNTRIES;
        let country = |country: &Country, otherwise: &str| match country.to_string() {
            known if named.by_letter || named.countries.contains(&known) => known,
            _ if *country == situation.own.country => own_country.to_owned(),
            _ => otherwise.to_owned(),
        };
        let agreement = match situation.words(Dimension::Agreement).pop() {
            Some(known) if named.agreements.contains(&known) => known,
            _ => ANY_AGREEMENT.to_owned(),
        };
        let values = [
            (Dimension::Own, vec![name_of(own, our)]),
            (Dimension::Peer, vec![name_of(peer, their)]),
            (Dimension::Origin, vec![name_of(origin, third)]),
            (Dimension::Audience, audience.into_iter().collect()),
            (Dimension::Agreement, vec![agreement]),
            (Dimension::OwnCountry, vec![country(&situation.own.country, own_country)]),
            (Dimension::PeerCountry, vec![country(&situation.peer.country, peer_country)]),
        ];
        put(&mut canonical, &values);
        canonical_offences(named, &mut canonical);
        canonical
    }
}

/// Unnamed offences: the one that is asked about, and any other.
fn canonical_offences(named: &Named, canonical: &mut Situation) {
    let others: Vec<Offence> =
        named.other_offences().filter_map(|word| word.parse().ok()).collect();
    let [asked_other, another] = others.as_slice() else {
        return;
    };
    let is_named = |offence: &Offence| named.offences.contains(offence.as_str());
    let asked = canonical.terms.offence;
    let offences = canonical.class.offences.iter().map(|offence| match offence {
        known if is_named(known) => *known,
        other if *other == asked => *asked_other,
        _ => *another,
    });
    canonical.class.offences = offences.collect();
    if !is_named(&asked) {
        canonical.terms.offence = *asked_other;
    }
}

/// How much a person would have to change.
pub(crate) fn weight(here: &Values, there: &[(Dimension, Vec<String>)]) -> usize {
    let words_of = |dimension: Dimension| {
        here.iter().find(|(known, _)| *known == dimension).map(|(_, words)| words)
    };
    let apart = |(dimension, words): &(Dimension, Vec<String>)| {
        let known = words_of(*dimension).map(Vec::as_slice).unwrap_or_default();
        let new = words.iter().filter(|word| !known.contains(word)).count();
        let gone = known.iter().filter(|word| !words.contains(word)).count();
        // To say nothing is no advice.
        let empty = if words.is_empty() && !known.is_empty() { EMPTY_WEIGHT } else { 0 };
        new + gone + empty
    };
    there.iter().map(apart).sum()
}

fn join(approved: &mut Approved, more: &Approved) {
    for (bits, more) in approved.iter_mut().zip(more) {
        bits.join(more);
    }
}

/// Words that come from a situation or from the lists fit.
fn put<'v>(
    situation: &mut Situation,
    values: impl IntoIterator<Item = &'v (Dimension, Vec<String>)>,
) {
    for (dimension, words) in values {
        let _ = situation.set(*dimension, words);
    }
}

fn listed(dimensions: &[Dimension]) -> String {
    let words: Vec<&str> = dimensions.iter().map(|one| one.as_str()).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(" and ") }
}

/// An ordinary situation: a link of a suspect, AMBER, stated by us for the other side.
pub fn ordinary(action: Action) -> Situation {
    try_ordinary(action).unwrap_or_else(|_| unreachable!("the stand-ins are names"))
}

fn try_ordinary(action: Action) -> Result<Situation, InvalidName> {
    let [our, their, ..] = STAND_INS;
    let [own_country, peer_country] = COUNTRIES;
    let labels = |agency: &str, country: &str| -> Result<AgencyLabels, InvalidName> {
        Ok(AgencyLabels {
            agency: agency.parse()?,
            country: country.parse()?,
            kind: AgencyKind::Police,
            role: PartyRole::Party,
        })
    };
    let own = labels(our, own_country)?;
    let peer = if action == Action::Submit { own.clone() } else { labels(their, peer_country)? };
    let origin = if action == Action::Receive { &peer } else { &own };
    let agreement: AgreementId = ANY_AGREEMENT.parse()?;
    let class = Class {
        agreement: agreement.clone(),
        kind: Kind::Url,
        purposes: [Purpose::Investigation].into(),
        offences: [Offence::MigrantSmuggling].into(),
        tlp: Tlp::Amber,
        pap: Pap::Amber,
        handling: HandlingSet::EMPTY,
        scheme: EvaluationScheme::Europol4x4,
        band: EvaluationBand::Strong,
        basis: Basis::Fact,
        subject: Subject::SuspectFacilitator,
        age: Age::Adult,
        depicts: Depicts::Nobody,
        audience: [own.agency.clone(), peer.agency.clone()].into(),
        onward: Onward::Never,
        origin: origin.agency.clone(),
        exercise: false,
    };
    let clause: Clause = "1".parse()?;
    let terms = QuestionTerms {
        agreement,
        clause,
        purpose: Purpose::Investigation,
        offence: Offence::MigrantSmuggling,
        kind: Kind::Url,
        channel: Channel::Analyst,
        urgency: Urgency::Normal,
        exercise: false,
    };
    let channel = match action {
        Action::Share | Action::Receive => Channel::Automated,
        _ => Channel::Analyst,
    };
    let transfer = TransferBasis::IntraLed;
    Ok(Situation { action, own, peer, transfer, channel, approvals: 0, class, terms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rulebook::Test;

    struct Nobody;
    impl Oracle for Nobody {
        fn truth(&self, _: usize, _: &Situation) -> Truth {
            Truth::Fails
        }
    }

    fn space(conditions: &[Condition], only: &Only) -> Result<LabelSpace, SpaceError> {
        let mut all = Conditions::default();
        let places: Vec<usize> =
            conditions.iter().map(|one| all.place(one.clone()).unwrap()).collect();
        LabelSpace::new(Action::Share, &places, &all, &Nobody, only)
    }

    #[test]
    fn values_that_nothing_tells_apart_are_one() {
        let red = Condition::words(Dimension::Tlp, Test::Any, &["RED"]);
        let machine = Condition::words(Dimension::Channel, Test::Any, &["AUTOMATED"]);
        let speech = Condition::words(Dimension::Offences, Test::Any, &["TERRORISM_APOLOGY"]);
        let space = space(&[red, machine, speech], &Only::everything()).unwrap();
        assert_eq!(space.points(), 8);
        let mut amber = ordinary(Action::Share);
        let mut green = amber.clone();
        green.class.tlp = Tlp::Green;
        green.class.offences = [Offence::Terrorism, Offence::IllicitGoods].into();
        assert_eq!(space.representative(&amber), space.representative(&green));
        amber.class.tlp = Tlp::Red;
        assert_ne!(space.representative(&amber), space.representative(&green));
    }

    #[test]
    fn what_is_left_out_is_not_there() {
        let red = Condition::words(Dimension::Tlp, Test::Any, &["RED"]);
        let only = Only::everything().with(Dimension::Tlp, vec!["GREEN".to_owned()]).unwrap();
        let space = space(&[red], &only).unwrap();
        assert_eq!(space.points(), 1);
        assert_eq!(space.representative(&ordinary(Action::Share)), None);
        assert!(Only::everything().with(Dimension::Tlp, vec!["AMBRE".to_owned()]).is_err());
    }

    #[test]
    fn a_space_that_is_too_large_is_not_walked_and_says_what_to_restrict() {
        let each = |dimension: Dimension| -> Vec<Condition> {
            let words = dimension.words().unwrap();
            words.iter().map(|word| Condition::words(dimension, Test::Any, &[word])).collect()
        };
        let mut conditions = Vec::new();
        for dimension in [
            Dimension::Kind,
            Dimension::Purposes,
            Dimension::Tlp,
            Dimension::Pap,
            Dimension::Handling,
            Dimension::Subject,
            Dimension::Age,
            Dimension::Channel,
        ] {
            conditions.extend(each(dimension));
        }
        let wide = space(&conditions, &Only::everything()).unwrap();
        let error = wide.walk(&[], &mut |_, _| panic!("visited")).unwrap_err();
        assert!(error.to_string().contains("most come from purposes (128)"), "{error}");
        assert!(error.hint().contains("--only"));
        let mut only = Only::everything();
        for (dimension, word) in [
            (Dimension::Kind, "URL"),
            (Dimension::Purposes, "INVESTIGATION"),
            (Dimension::Handling, "H3"),
        ] {
            only = only.with(dimension, vec![word.to_owned()]).unwrap();
        }
        let narrow = space(&conditions, &only).unwrap();
        let mut visited = 0;
        narrow
            .walk(&[], &mut |_, _| {
                visited += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(visited, narrow.points());
        assert_eq!(visited, 2 * 5 * 4 * 2 * 8 * 5 * 3);
    }

    #[test]
    fn a_rule_may_not_name_a_stand_in() {
        let own = Condition::words(Dimension::Own, Test::Any, &["our-agency"]);
        assert!(matches!(space(&[own], &Only::everything()), Err(SpaceError::NameTaken(_))));
    }
}
