//! Decisions: kept ones, ones made anew beside bare Cedar, and a change of rules compared for a
//! million records.

use agreement::{Agreement, Register};
use anyhow::Context as _;
use cedar_engine::{COMMON_FLOOR, Engine, Reading, SCHEMA};
use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use domain::class::Class;
use domain::label::EvaluationBand;
use domain::time::{Clock as _, SystemClock, Timestamp};
use domain::value::{
    Basis, Channel, Depicts, Handling, Offence, Onward, Pap, Purpose, Subject, Tlp, TransferBasis,
};
use malines_benches::agreed::{self, ASKER, OWNER};
use malines_benches::measure::{Meter, Processor, Samples};
use malines_benches::program;
use malines_benches::report::{Goal, Report};
use malines_benches::settings::Settings;
use policy::difference::{Census, Partner, count, difference};
use policy::label_space::{Only, ordinary};
use policy::situation::AgencyLabels;
use policy::survey::Survey;
use policy::{Action, Gate};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Classes of one agency that are decided: close to the most it may have.
const CLASSES: usize = 4000;
/// Records in the comparison.
const RECORDS: u64 = 1_000_000;

fn main() -> anyhow::Result<()> {
    program::run("policy: decisions kept and made anew, and a change compared", measure)
}

async fn measure(settings: &Settings, _: &Path) -> anyhow::Result<()> {
    let classes: Vec<Arc<Class>> = classes(settings.pick(CLASSES, 400))?;
    let now = SystemClock.now();
    let world = World::new()?;
    let (mut kept, mut anew, mut bare, mut compared) =
        (Samples::default(), Samples::default(), Samples::default(), Samples::default());
    for round in 0..=settings.rounds {
        let figures = [
            world.kept(&classes, settings.pick(25_000, 500), now)?,
            world.anew(&classes, now)?,
            world.bare(&classes)?,
            world.compared(&classes)?,
        ];
        // The first round warms up.
        if round > 0 {
            for (samples, figure) in
                [&mut kept, &mut anew, &mut bare, &mut compared].into_iter().zip(figures)
            {
                samples.push(figure);
            }
        }
    }
    let mut report = Report::new();
    report.goal("kept decisions", "per CPU s", &kept, Goal::AtLeast(50e6));
    report.figure("decisions made anew, over the gate", "ns CPU", &anew);
    report.figure("the same with Cedar alone", "ns CPU", &bare);
    report.goal("made anew over bare Cedar", "ratio", &anew.over(&bare), Goal::AtMost(1.2));
    let what = format!("a change compared, {RECORDS} records, {} classes", classes.len());
    report.goal(&what, "s", &compared, Goal::AtMost(10.0));
    report.print();
    Ok(())
}

/// A gate under an agreement in force, and the same rules in Cedar's own hands.
struct World {
    agreement: Arc<Agreement>,
    register: Arc<Register>,
    cedar: Bare,
}

impl World {
    fn new() -> anyhow::Result<Self> {
        let now = SystemClock.now();
        let docket = agreed::docket(now)?;
        let agreement = Arc::clone(docket.version(&docket.state(now)));
        Ok(Self { agreement, register: Arc::clone(docket.register()), cedar: Bare::new()? })
    }

    fn gate(&self) -> anyhow::Result<Gate> {
        let engine = Engine::load(COMMON_FLOOR, agreed::local_policy(OWNER)?)?;
        let gate = Gate::new(agreed::agency(OWNER)?, Arc::new(engine));
        gate.replace_agreements(vec![Arc::clone(&self.register)])?;
        Ok(gate)
    }

    /// Kept decisions for each processor second.
    fn kept(&self, classes: &[Arc<Class>], times: u64, now: Timestamp) -> anyhow::Result<f64> {
        let gate = self.gate()?;
        let peer = agreed::agency(ASKER)?;
        let view = gate.view(Action::Share, &peer, Channel::Automated, now);
        let numbers: Option<Vec<_>> = classes.iter().map(|class| gate.number(class, now)).collect();
        let numbers = numbers.context("a class without a number")?;
        for number in &numbers {
            view.decide(*number);
        }
        let meter = Meter::begin(Processor::own())?;
        let mut allowed = 0_u64;
        for _ in 0..times {
            for number in &numbers {
                let decision = view.kept(*number);
                allowed += u64::from(decision.is_some_and(|decision| decision.is_allow()));
            }
        }
        let spent = meter.end()?;
        anyhow::ensure!(allowed > 0, "nothing was allowed");
        Ok(spent.per_processor_second(times * numbers.len() as u64))
    }

    /// Nanoseconds of the processor for a decision that nothing is kept of.
    fn anew(&self, classes: &[Arc<Class>], now: Timestamp) -> anyhow::Result<f64> {
        let peer = agreed::agency(ASKER)?;
        let gate = self.gate()?;
        let mut allowed = 0_usize;
        let meter = Meter::begin(Processor::own())?;
        for class in classes {
            let decision = gate.decide_class(Action::Share, &peer, class, Channel::Automated, now);
            allowed += usize::from(decision.is_allow());
        }
        let spent = meter.end()?;
        anyhow::ensure!(allowed > 0, "nothing was allowed");
        Ok(spent.processor_s * 1e9 / classes.len() as f64)
    }

    /// The same requests, built, validated and authorised by Cedar with nothing of ours around it.
    fn bare(&self, classes: &[Arc<Class>]) -> anyhow::Result<f64> {
        let mut allowed = 0_usize;
        let meter = Meter::begin(Processor::own())?;
        for class in classes {
            allowed += usize::from(self.cedar.is_allowed(class)?);
        }
        let spent = meter.end()?;
        anyhow::ensure!(allowed > 0, "nothing was allowed");
        Ok(spent.processor_s * 1e9 / classes.len() as f64)
    }

    /// Seconds for what `malines policy diff --counts` does, from text to counts.
    fn compared(&self, classes: &[Arc<Class>]) -> anyhow::Result<f64> {
        let old = agreed::local_policy(OWNER)?;
        let new = old.replace("Band::\"WEAK\"", "Band::\"FAIR\"");
        let party = |name: &str| -> anyhow::Result<AgencyLabels> {
            let party = self.agreement.party(&agreed::agency(name)?);
            Ok(AgencyLabels::of(party.context("no party")?))
        };
        let mut partners = Vec::new();
        for name in ["es-pn", "fr-oltim", "ma-dgsn"] {
            let agency = agreed::agency(name)?;
            let labels = AgencyLabels { agency, ..party(ASKER)? };
            partners.push(Partner { labels, transfer: TransferBasis::IntraLed });
        }
        let each = RECORDS / classes.len() as u64;
        let classes = classes.iter().map(|class| ((**class).clone(), each)).collect();
        let census = Census { own: party(OWNER)?, partners, classes };
        let begun = std::time::Instant::now();
        let (old, new) = (Engine::load(COMMON_FLOOR, old)?, Engine::load(COMMON_FLOOR, &new)?);
        let reading = Reading::of(&[&old, &new])?;
        let [before, after] = reading.rulebooks() else {
            anyhow::bail!("two policies were read");
        };
        let only = Only::everything();
        let survey = Survey { conditions: reading.conditions(), oracle: &reading, only: &only };
        let found = difference(&survey, before, after)?;
        let rows = count(&survey, before, after, &census)?;
        let seconds = begun.elapsed().as_secs_f64();
        anyhow::ensure!(found.opened > 0 && !rows.is_empty(), "nothing changed");
        Ok(seconds)
    }
}

/// Cedar with the rules and the schema, and nothing of ours.
struct Bare {
    authorizer: Authorizer,
    schema: Schema,
    rules: PolicySet,
    types: HashMap<&'static str, EntityTypeName>,
}

/// The types that a request about a class needs.
const TYPES: [&str; 21] = [
    "Action",
    "Agency",
    "AgencyKind",
    "Role",
    "Class",
    "Agreement",
    "Kind",
    "Tier",
    "Purpose",
    "Offence",
    "Tlp",
    "Pap",
    "Handling",
    "Scheme",
    "Band",
    "Basis",
    "Subject",
    "Age",
    "Depicts",
    "Onward",
    "Channel",
];

type Attributes = HashMap<String, RestrictedExpression>;

impl Bare {
    fn new() -> anyhow::Result<Self> {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA)?;
        let text = format!("{COMMON_FLOOR}\n{}", agreed::local_policy(OWNER)?);
        let rules: PolicySet = text.parse()?;
        let checked = Validator::new(schema.clone()).validate(&rules, ValidationMode::Strict);
        anyhow::ensure!(checked.validation_passed(), "the rules do not fit the schema");
        let mut types = HashMap::from([("Transfer", "Transfer".parse()?)]);
        for name in TYPES {
            types.insert(name, name.parse()?);
        }
        Ok(Self { authorizer: Authorizer::new(), schema, rules, types })
    }

    fn uid(&self, kind: &str, id: &str) -> anyhow::Result<EntityUid> {
        let kind = self.types.get(kind).context("a type that is not listed")?;
        Ok(EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id)))
    }

    fn word(&self, kind: &str, id: &str) -> anyhow::Result<RestrictedExpression> {
        Ok(RestrictedExpression::new_entity_uid(self.uid(kind, id)?))
    }

    fn words<'w>(
        &self,
        kind: &str,
        ids: impl Iterator<Item = &'w str>,
    ) -> anyhow::Result<RestrictedExpression> {
        let words: anyhow::Result<Vec<_>> = ids.map(|id| self.word(kind, id)).collect();
        Ok(RestrictedExpression::new_set(words?))
    }

    fn agency(&self, name: &str, country: &str, role: &str) -> anyhow::Result<Entity> {
        let attributes = Attributes::from([
            ("country".to_owned(), RestrictedExpression::new_string(country.to_owned())),
            ("kind".to_owned(), self.word("AgencyKind", "POLICE")?),
            ("role".to_owned(), self.word("Role", role)?),
        ]);
        Ok(Entity::new(self.uid("Agency", name)?, attributes, HashSet::new())?)
    }

    fn class(&self, class: &Class) -> anyhow::Result<Entity> {
        let audience = class.audience.iter().map(|agency| agency.as_str());
        let purposes = class.purposes.iter().map(|purpose| purpose.as_str());
        let offences = class.offences.iter().map(|offence| offence.as_str());
        let handling: Vec<Handling> = class.handling.iter().collect();
        let attributes = Attributes::from([
            ("agreement".to_owned(), self.word("Agreement", class.agreement.as_str())?),
            ("origin".to_owned(), self.word("Agency", class.origin.as_str())?),
            ("audience".to_owned(), self.words("Agency", audience)?),
            ("kind".to_owned(), self.word("Kind", class.kind.as_str())?),
            ("tier".to_owned(), self.word("Tier", "KEYED")?),
            ("purposes".to_owned(), self.words("Purpose", purposes)?),
            ("offences".to_owned(), self.words("Offence", offences)?),
            ("tlp".to_owned(), self.word("Tlp", class.tlp.as_str())?),
            ("pap".to_owned(), self.word("Pap", class.pap.as_str())?),
            (
                "handling".to_owned(),
                self.words("Handling", handling.iter().map(|code| code.as_str()))?,
            ),
            ("scheme".to_owned(), self.word("Scheme", class.scheme.as_str())?),
            ("band".to_owned(), self.word("Band", class.band.as_str())?),
            ("basis".to_owned(), self.word("Basis", class.basis.as_str())?),
            ("subject".to_owned(), self.word("Subject", class.subject.as_str())?),
            ("age".to_owned(), self.word("Age", class.age.as_str())?),
            ("depicts".to_owned(), self.word("Depicts", class.depicts.as_str())?),
            ("onward".to_owned(), self.word("Onward", class.onward.as_str())?),
            ("exercise".to_owned(), RestrictedExpression::new_bool(class.exercise)),
        ]);
        Ok(Entity::new(self.uid("Class", "class")?, attributes, HashSet::new())?)
    }

    fn is_allowed(&self, class: &Class) -> anyhow::Result<bool> {
        let (own, peer) = (self.agency(OWNER, "BE", "LEADER")?, self.agency(ASKER, "ES", "PARTY")?);
        let (own_uid, peer_uid) = (own.uid(), peer.uid());
        let class = self.class(class)?;
        let class_uid = class.uid();
        let entities = Entities::from_entities([own, peer, class], Some(&self.schema))?;
        let context = Context::from_pairs([
            ("own".to_owned(), RestrictedExpression::new_entity_uid(own_uid)),
            ("channel".to_owned(), self.word("Channel", "AUTOMATED")?),
            ("transfer".to_owned(), self.word("Transfer", "INTRA_LED")?),
            ("approvals".to_owned(), RestrictedExpression::new_long(0)),
        ])?;
        let action = self.uid("Action", "Share")?;
        let request = Request::new(peer_uid, action, class_uid, context, Some(&self.schema))?;
        let response = self.authorizer.is_authorized(&request, &self.rules, &entities);
        Ok(response.decision() == cedar_policy::Decision::Allow)
    }
}

/// Different classes that an agency could have: what policy allows and what it refuses, mixed, and
/// nothing that the program refuses before any rule is asked.
fn classes(count: usize) -> anyhow::Result<Vec<Arc<Class>>> {
    let base = Class {
        agreement: agreed::agreement_id()?,
        origin: agreed::agency(OWNER)?,
        ..ordinary(Action::Share).class
    };
    let audiences: [BTreeSet<_>; 2] = [
        BTreeSet::from([agreed::agency(ASKER)?]),
        BTreeSet::from([agreed::agency(ASKER)?, agreed::agency("fr-oltim")?]),
    ];
    let tlps = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict];
    let paps = [Pap::Clear, Pap::Green, Pap::Amber, Pap::Red];
    let bands = [EvaluationBand::Strong, EvaluationBand::Fair, EvaluationBand::Weak];
    let handlings = [&[][..], &[Handling::H1], &[Handling::H1, Handling::H2]];
    let subjects = [Subject::SuspectFacilitator, Subject::Convicted, Subject::ContactOrAssociate];
    let mut classes = Vec::with_capacity(count);
    for number in 0..count {
        let mut rest = number;
        let mut pick = |size: usize| {
            let picked = rest % size;
            rest /= size;
            picked
        };
        let mut class = base.clone();
        class.tlp = tlps.get(pick(4)).copied().context("a marking")?;
        class.band = bands.get(pick(3)).copied().context("a band")?;
        class.pap = paps.get(pick(4)).copied().context("a marking")?;
        class.handling = handlings.get(pick(3)).context("codes")?.iter().copied().collect();
        class.subject = subjects.get(pick(3)).copied().context("a subject")?;
        class.audience = audiences.get(pick(2)).context("an audience")?.clone();
        class.basis = if pick(2) == 0 { Basis::Fact } else { Basis::Assessment };
        class.depicts = if pick(2) == 0 { Depicts::Nobody } else { Depicts::Adults };
        class.exercise = pick(2) == 1;
        class.purposes = match pick(2) {
            0 => [Purpose::Investigation].into(),
            _ => [Purpose::Investigation, Purpose::Prosecution].into(),
        };
        class.offences = [Offence::MigrantSmuggling].into();
        class.onward = Onward::Never;
        classes.push(Arc::new(class));
    }
    Ok(classes)
}
