//! Decides the fate of every attribute: a candidate, or skipped with a reason.

use super::document::{
    Attribute, Distribution, Document, Event, Flag, Form, Object, Seen, Title, Uuid, Value,
};
use super::marking::Marking;
use super::meaning::{Context, Meaning, meaning};
use super::reason::{Place, Reason, Skipped};
use crate::Labelling;
use domain::digest::Fingerprint;
use domain::label::Evaluation;
use domain::value::{Basis, Pap, Platform, Tlp};
use fingerprint::{Hint, InputKind, NegativeBank, Normalised, Refused, normalise};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a file would become. Nothing is submitted by making it.
#[derive(Debug)]
pub struct Plan {
    /// The form of the file.
    pub form: Form,
    /// One plan for each event; none if the file is no event.
    pub events: Vec<EventPlan>,
    /// Places where an event should stand and something else does.
    pub misshapen: u32,
}

/// What one event would become.
#[derive(Debug)]
pub struct EventPlan {
    /// Its global id.
    pub uuid: Option<Uuid>,
    /// What it is called; may name persons.
    pub title: Title,
    /// What can be submitted.
    pub candidates: Vec<Candidate>,
    /// What cannot, with the reasons.
    pub skipped: Vec<Skipped>,
    /// How many of each; they add up.
    pub counts: Counts,
    /// What a person should know before deciding.
    pub notes: Vec<Note>,
}

/// How many there are. `candidates + skipped = attributes + object_attributes + proposals`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attributes of the event itself.
    pub attributes: usize,
    /// Objects.
    pub objects: usize,
    /// Attributes of its objects.
    pub object_attributes: usize,
    /// Proposals of others.
    pub proposals: usize,
    /// Attributes that become submissions.
    pub candidates: usize,
    /// Attributes and proposals that do not.
    pub skipped: usize,
    /// Those, by reason.
    pub by_reason: BTreeMap<Reason, usize>,
}

/// What a person should know about an event before deciding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Some candidates carry no TLP tag: RED, or what the labels file says.
    Unmarked,
    /// The labels file is looser than a marking of the file: the marking stays.
    MarkingKept,
    /// The server's distribution level widens nothing here.
    DistributionIgnored(Distribution),
    /// Lists that are no lists were read over.
    Misshapen,
}

impl Note {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unmarked => "UNMARKED",
            Self::MarkingKept => "MARKING_KEPT",
            Self::DistributionIgnored(_) => "DISTRIBUTION_IGNORED",
            Self::Misshapen => "MISSHAPEN",
        }
    }
}

/// Where a candidate's TLP comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Marked {
    /// From the file's tags, made stricter by the labels file if that is stricter.
    ByTags,
    /// From the labels file: the data is unmarked.
    ByLabels,
    /// From nobody: RED.
    ByNobody,
}

/// One attribute that can be submitted. The raw value is gone; only its canonical form is kept.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Where it stands in the event.
    pub place: Place,
    /// What it was read as.
    pub input: InputKind,
    /// The normalised value.
    pub normalised: Normalised,
    /// How far it may travel.
    pub tlp: Tlp,
    /// Where that comes from.
    pub marked: Marked,
    /// What its tags say may be done with it.
    pub pap: Option<Pap>,
    /// What its tags say about its source and its credibility.
    pub evaluation: Option<Evaluation>,
    /// ASSESSMENT if its tags say how likely it is.
    pub basis: Option<Basis>,
    /// Whether its tags say that it is training data.
    pub exercise: bool,
    /// When it was seen, as far as the file says.
    pub seen: Seen,
    /// Whether its author meant it for detection.
    pub flag: Flag,
    /// Makes a second import of the same edition of the attribute harmless.
    pub(super) edition: Option<Edition>,
}

/// The global ids and the time of the last edit: the same as long as the attribute is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edition {
    pub(super) event: Uuid,
    pub(super) attribute: Uuid,
    pub(super) edited_s: u64,
}

/// Plans the import of a document. Without a labels file, what is unmarked stays TLP RED. What the
/// bank holds is skipped.
pub fn plan(document: Document, labelling: Option<&Labelling>, bank: &NegativeBank) -> Plan {
    let events = document.events.into_iter();
    Plan {
        form: document.form,
        events: events.map(|event| plan_event(event, labelling, bank)).collect(),
        misshapen: document.misshapen,
    }
}

fn plan_event(event: Event, labelling: Option<&Labelling>, bank: &NegativeBank) -> EventPlan {
    let mut planning = Planning::new(&event, labelling, bank);
    for (position, attribute) in event.attributes.iter().enumerate() {
        planning.decide(attribute, position, None, Surroundings::of_event(&event));
    }
    for (number, object) in event.objects.iter().enumerate() {
        let context = Context::of(object);
        let surroundings = Surroundings::of_object(&event, object, number, &context);
        for (position, attribute) in object.attributes.iter().enumerate() {
            planning.decide(attribute, position, Some(object), surroundings);
        }
    }
    planning.skip_proposals(&event);
    planning.drop_protected();
    planning.finish(event)
}

/// What the place of an attribute adds to it.
#[derive(Clone, Copy)]
struct Surroundings<'a> {
    object: Option<u32>,
    context: Option<&'a Context<'a>>,
    seen: Seen,
    deleted: bool,
}

impl<'a> Surroundings<'a> {
    /// What nobody dates was seen on the date of the event.
    fn of_event(event: &Event) -> Self {
        let seen = Seen { first: event.date, last: event.date };
        Self { object: None, context: None, seen, deleted: false }
    }

    fn of_object(event: &Event, object: &Object, number: usize, context: &'a Context<'a>) -> Self {
        Self {
            object: Some(number_of(number)),
            context: Some(context),
            seen: object.seen.or(Self::of_event(event).seen),
            deleted: object.deleted,
        }
    }
}

/// An event while its attributes are decided.
struct Planning<'a> {
    labelling: Option<&'a Labelling>,
    bank: &'a NegativeBank,
    event: Option<Uuid>,
    marking: Marking,
    candidates: Vec<Candidate>,
    skipped: Vec<Skipped>,
    known: HashMap<Fingerprint, usize>,
    protected: HashSet<Fingerprint>,
    attributes_seen: HashSet<Uuid>,
    marking_kept: bool,
}

/// An attribute's fate before repeats are found.
enum Fate {
    Identifier(InputKind, Normalised),
    Skipped(Reason, Option<Refused>),
}

impl From<Reason> for Fate {
    fn from(reason: Reason) -> Self {
        Self::Skipped(reason, None)
    }
}

impl<'a> Planning<'a> {
    fn new(event: &Event, labelling: Option<&'a Labelling>, bank: &'a NegativeBank) -> Self {
        Self {
            labelling,
            bank,
            event: event.uuid,
            marking: event.marking,
            candidates: Vec::new(),
            skipped: Vec::new(),
            known: HashMap::new(),
            protected: HashSet::new(),
            attributes_seen: HashSet::new(),
            marking_kept: false,
        }
    }

    fn decide(
        &mut self,
        attribute: &Attribute,
        position: usize,
        object: Option<&Object>,
        around: Surroundings<'_>,
    ) {
        let place = Place {
            attribute_type: attribute.attribute_type.clone(),
            object: around.object,
            object_name: object.and_then(|object| object.name.clone()),
            relation: attribute.relation.clone(),
            position: number_of(position),
            uuid: attribute.uuid,
        };
        match self.fate(attribute, around) {
            Fate::Skipped(reason, refused) => {
                self.skipped.push(Skipped { place, reason, refused });
            }
            Fate::Identifier(input, normalised) => {
                let candidate = self.candidate(attribute, place, input, normalised, around);
                self.keep(candidate);
            }
        }
    }

    /// The order of the questions is the order of the reasons a person reads.
    fn fate(&mut self, attribute: &Attribute, around: Surroundings<'_>) -> Fate {
        if attribute.misshapen {
            return Reason::Misshapen.into();
        }
        if attribute.deleted || around.deleted {
            return Reason::Deleted.into();
        }
        if attribute.ambiguous {
            return Reason::DuplicateKey.into();
        }
        let meaning = meaning(attribute, around.context);
        if let Meaning::Skip(reason) = meaning {
            return reason.into();
        }
        let value = match &attribute.value {
            Value::Text(value) => value.as_str(),
            Value::Missing => return Reason::ValueMissing.into(),
            Value::TooLong => return Reason::ValueTooLong.into(),
            Value::NotText => return Reason::ValueNotText.into(),
        };
        let (input, found) = self.normalise(meaning, value);
        if let Meaning::Protected(_) = meaning {
            self.protected.extend(found.ok().map(|normalised| normalised.fingerprint()));
            return Reason::ProtectedPerson.into();
        }
        if let Some(reason) = self.marking.merged(attribute.marking).stop {
            return reason.into();
        }
        match found {
            Ok(normalised) if self.bank.holds(&normalised).is_some() => Reason::NegativeBank.into(),
            Ok(normalised) => Fate::Identifier(input, normalised),
            Err(refused) => Fate::Skipped(Reason::ValueRefused, Some(refused)),
        }
    }

    fn normalise(&self, meaning: Meaning, value: &str) -> (InputKind, Result<Normalised, Refused>) {
        let region = self.labelling.and_then(|labelling| labelling.region.clone());
        let on = |input, platform: Option<Platform>, value: &str| {
            (input, normalise(input, value, &Hint { region: region.clone(), platform }))
        };
        match meaning {
            Meaning::Identifier(input, platform) => on(input, platform, value),
            Meaning::Protected(input) => on(input, None, value),
            Meaning::HashAfterName => {
                let hash = value.rsplit_once('|').map_or("", |(_, hash)| hash);
                on(InputKind::Sha256, None, hash)
            }
            Meaning::Account(platform) => {
                let is_number = value.trim().bytes().all(|byte| byte.is_ascii_digit());
                let input = if is_number { InputKind::NumericId } else { InputKind::Handle };
                on(input, Some(platform), value)
            }
            Meaning::FacebookGroup => {
                let id = value.trim();
                let is_id = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
                if !is_id {
                    return (InputKind::Link, Err(Refused::NumericIdInvalid));
                }
                on(InputKind::Link, None, &format!("https://www.facebook.com/groups/{id}"))
            }
            Meaning::Skip(_) => (InputKind::Text, Err(Refused::Empty)),
        }
    }

    fn candidate(
        &mut self,
        attribute: &Attribute,
        place: Place,
        input: InputKind,
        normalised: Normalised,
        around: Surroundings<'_>,
    ) -> Candidate {
        let marking = self.marking.merged(attribute.marking);
        let labelled = self.labelling.and_then(|labelling| labelling.tlp);
        let (tlp, marked) = match (marking.tlp, labelled) {
            (Some(tag), label) => {
                self.marking_kept |= label.is_some_and(|label| label < tag);
                (label.map_or(tag, |label| label.max(tag)), Marked::ByTags)
            }
            (None, Some(label)) => (label, Marked::ByLabels),
            (None, None) => (Tlp::Red, Marked::ByNobody),
        };
        let unique = attribute.uuid.filter(|uuid| self.attributes_seen.insert(*uuid));
        let edition = self.event.zip(unique).map(|(event, attribute_uuid)| Edition {
            event,
            attribute: attribute_uuid,
            edited_s: attribute.edited_s,
        });
        Candidate {
            place,
            input,
            normalised,
            tlp,
            marked,
            pap: marking.pap,
            evaluation: marking.evaluation(),
            basis: marking.basis,
            exercise: marking.exercise,
            seen: attribute.seen.or(around.seen),
            flag: attribute.flag,
            edition,
        }
    }

    /// A repeat makes the first one stricter and its time of observation longer.
    fn keep(&mut self, candidate: Candidate) {
        let x = candidate.normalised.fingerprint();
        let first = self.known.get(&x).and_then(|index| self.candidates.get_mut(*index));
        match first {
            Some(first) => {
                first.merge(&candidate);
                let (place, reason) = (candidate.place, Reason::Repeated);
                self.skipped.push(Skipped { place, reason, refused: None });
            }
            None => {
                self.known.insert(x, self.candidates.len());
                self.candidates.push(candidate);
            }
        }
    }

    fn skip_proposals(&mut self, event: &Event) {
        let of = |attributes: &[Attribute]| attributes.iter().map(proposals_of).sum::<usize>();
        let in_objects: usize = event.objects.iter().map(|object| of(&object.attributes)).sum();
        let proposals = index_of(event.proposals) + of(&event.attributes) + in_objects;
        let skipped = Skipped { place: Place::default(), reason: Reason::Proposal, refused: None };
        self.skipped.extend(core::iter::repeat_n(skipped, proposals));
    }

    /// What belongs to a protected person anywhere in the event is a candidate nowhere in it.
    fn drop_protected(&mut self) {
        let is_protected =
            |candidate: &Candidate| self.protected.contains(&candidate.normalised.fingerprint());
        let (protected, kept) = core::mem::take(&mut self.candidates)
            .into_iter()
            .partition::<Vec<_>, _>(|candidate| is_protected(candidate));
        self.candidates = kept;
        let reason = Reason::ProtectedPerson;
        let skipped =
            |candidate: Candidate| Skipped { place: candidate.place, reason, refused: None };
        self.skipped.extend(protected.into_iter().map(skipped));
    }

    fn finish(self, event: Event) -> EventPlan {
        let mut by_reason = BTreeMap::new();
        for skipped in &self.skipped {
            *by_reason.entry(skipped.reason).or_insert(0) += 1;
        }
        let object_attributes = event.objects.iter().map(|object| object.attributes.len()).sum();
        let counts = Counts {
            attributes: event.attributes.len(),
            objects: event.objects.len(),
            object_attributes,
            proposals: by_reason.get(&Reason::Proposal).copied().unwrap_or(0),
            candidates: self.candidates.len(),
            skipped: self.skipped.len(),
            by_reason,
        };
        let unmarked = self.candidates.iter().any(|c| c.marked != Marked::ByTags);
        let notes = [
            unmarked.then_some(Note::Unmarked),
            self.marking_kept.then_some(Note::MarkingKept),
            event.distribution.map(Note::DistributionIgnored),
            (event.misshapen > 0).then_some(Note::Misshapen),
        ];
        EventPlan {
            uuid: event.uuid,
            title: event.title,
            candidates: self.candidates,
            skipped: self.skipped,
            counts,
            notes: notes.into_iter().flatten().collect(),
        }
    }
}

impl Candidate {
    /// Takes over what another description of the same thing says more strictly.
    fn merge(&mut self, other: &Self) {
        self.tlp = self.tlp.max(other.tlp);
        self.marked = self.marked.max(other.marked);
        self.pap = self.pap.max(other.pap);
        self.evaluation = worse(self.evaluation, other.evaluation);
        self.basis = self.basis.max(other.basis);
        self.exercise |= other.exercise;
        self.seen = Seen {
            first: [self.seen.first, other.seen.first].into_iter().flatten().min(),
            last: self.seen.last.max(other.seen.last),
        };
    }
}

/// The less reliable source and the less credible information of two evaluations of one scheme.
fn worse(one: Option<Evaluation>, other: Option<Evaluation>) -> Option<Evaluation> {
    let (Some(a), Some(b)) = (one, other) else {
        return one.or(other);
    };
    let (source, information) = (a.source().max(b.source()), a.information().max(b.information()));
    Evaluation::new(a.scheme(), source, information).ok()
}

fn proposals_of(attribute: &Attribute) -> usize {
    index_of(attribute.proposals)
}

/// Lists hold at most a million elements, so these conversions never saturate.
fn number_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn index_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
