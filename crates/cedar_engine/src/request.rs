//! One evaluation as Cedar sees it: a principal, an action, a resource with its labels, a context.

use agreement::terms::PartyRole;
use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
    Schema,
};
use domain::class::Class;
use domain::indicator::{Kind, Tier};
use domain::name::{AgencyId, Country};
use domain::question::QuestionTerms;
use domain::value::{AgencyKind, Channel, TransferBasis};
use policy::situation::{AgencyLabels, Situation};
use policy::{Action, Approvals, Evaluation, Matter};
use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::LazyLock;

type Attributes = HashMap<String, RestrictedExpression>;

/// Whether what was built is held against the schema.
#[derive(Clone, Copy)]
pub(crate) enum Check<'s> {
    /// It is: for decisions.
    Against(&'s Schema),
    /// It is not: for tools that ask about values taken from closed lists.
    AsBuilt,
}

impl<'s> Check<'s> {
    const fn schema(self) -> Option<&'s Schema> {
        match self {
            Self::Against(schema) => Some(schema),
            Self::AsBuilt => None,
        }
    }
}

/// An agency as a rule sees it.
#[derive(Clone, Copy)]
pub(crate) struct AgencyView<'a> {
    agency: &'a AgencyId,
    country: &'a Country,
    kind: AgencyKind,
    role: PartyRole,
}

/// Everything that a rule sees.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    action: Action,
    own: AgencyView<'a>,
    peer: AgencyView<'a>,
    transfer: Option<TransferBasis>,
    channel: Channel,
    /// Who has approved.
    pub(crate) approvals: Approvals,
    matter: Matter<'a>,
}

impl<'a> From<&Evaluation<'a>> for Scene<'a> {
    fn from(evaluation: &Evaluation<'a>) -> Self {
        let view = |party: &'a agreement::Party| AgencyView {
            agency: &party.agency,
            country: &party.country,
            kind: party.kind,
            role: party.role,
        };
        Self {
            action: evaluation.action,
            own: view(evaluation.own),
            peer: view(evaluation.peer),
            transfer: evaluation.transfer_basis,
            channel: evaluation.channel,
            approvals: evaluation.approvals,
            matter: evaluation.matter,
        }
    }
}

impl<'a> From<&'a Situation> for Scene<'a> {
    fn from(situation: &'a Situation) -> Self {
        let view = |labels: &'a AgencyLabels| AgencyView {
            agency: &labels.agency,
            country: &labels.country,
            kind: labels.kind,
            role: labels.role,
        };
        let (class, terms) = (&situation.class, &situation.terms);
        Self {
            action: situation.action,
            own: view(&situation.own),
            peer: view(&situation.peer),
            transfer: Some(situation.transfer),
            channel: situation.channel,
            // Asked for, not taken from the situation.
            approvals: Approvals::NONE,
            matter: match situation.action {
                Action::Ask | Action::Answer => Matter::Terms(terms),
                Action::Show => Matter::Match { terms, class },
                _ => Matter::Class(class),
            },
        }
    }
}

/// What Cedar is asked.
pub(crate) struct Asked {
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
    context: Vec<(String, RestrictedExpression)>,
    pub(crate) entities: Entities,
}

impl Asked {
    /// Builds the entities.
    pub(crate) fn new(scene: &Scene<'_>, check: Check<'_>) -> Result<Self, String> {
        let (own, peer) = (agency(scene.own)?, agency(scene.peer)?);
        let (principal, own_uid) = (peer.uid(), own.uid());
        let resource = match scene.matter {
            Matter::Class(class) | Matter::Match { class, .. } => class_entity(class)?,
            Matter::Terms(terms) => question_entity(terms)?,
        };
        let mut context = vec![
            ("own".to_owned(), reference(own_uid.clone())),
            ("channel".to_owned(), label("Channel", scene.channel.as_str())?),
        ];
        if scene.action != Action::Submit {
            let transfer = scene.transfer.unwrap_or(TransferBasis::None);
            context.push(("transfer".to_owned(), label("Transfer", transfer.as_str())?));
        }
        if let Matter::Match { terms, .. } = scene.matter {
            context.extend([
                ("purpose".to_owned(), label("Purpose", terms.purpose.as_str())?),
                ("offence".to_owned(), label("Offence", terms.offence.as_str())?),
                ("urgency".to_owned(), label("Urgency", terms.urgency.as_str())?),
                ("exercise".to_owned(), RestrictedExpression::new_bool(terms.exercise)),
            ]);
        }
        let resource_uid = resource.uid();
        let mut all = vec![peer, resource];
        if own_uid != principal {
            all.push(own);
        }
        let entities = Entities::from_entities(all, check.schema()).map_err(|e| e.to_string())?;
        let action = uid("Action", scene.action.as_str())?;
        Ok(Self { principal, action, resource: resource_uid, context, entities })
    }

    /// The request, as if so many persons had approved.
    pub(crate) fn request(&self, approvals: u8, check: Check<'_>) -> Result<Request, String> {
        let approvals = RestrictedExpression::new_long(i64::from(approvals));
        let pairs = self.context.iter().cloned().chain([("approvals".to_owned(), approvals)]);
        let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
        Request::new(
            self.principal.clone(),
            self.action.clone(),
            self.resource.clone(),
            context,
            check.schema(),
        )
        .map_err(|error| error.to_string())
    }
}

fn agency(view: AgencyView<'_>) -> Result<Entity, String> {
    let attributes = Attributes::from([
        ("country".to_owned(), RestrictedExpression::new_string(view.country.to_string())),
        ("kind".to_owned(), label("AgencyKind", view.kind.as_str())?),
        ("role".to_owned(), label("Role", view.role.as_str())?),
    ]);
    entity("Agency", view.agency.as_str(), attributes)
}

fn class_entity(class: &Class) -> Result<Entity, String> {
    let audience = class.audience.iter().map(|agency| named("Agency", agency.as_str()));
    let handling = class.handling.iter().map(|code| label("Handling", code.as_str()));
    let purposes = class.purposes.iter().map(|purpose| label("Purpose", purpose.as_str()));
    let offences = class.offences.iter().map(|offence| label("Offence", offence.as_str()));
    let attributes = Attributes::from([
        ("agreement".to_owned(), named("Agreement", class.agreement.as_str())?),
        ("origin".to_owned(), named("Agency", class.origin.as_str())?),
        ("audience".to_owned(), set(audience)?),
        ("kind".to_owned(), label("Kind", class.kind.as_str())?),
        ("tier".to_owned(), tier(class.kind)?),
        ("purposes".to_owned(), set(purposes)?),
        ("offences".to_owned(), set(offences)?),
        ("tlp".to_owned(), label("Tlp", class.tlp.as_str())?),
        ("pap".to_owned(), label("Pap", class.pap.as_str())?),
        ("handling".to_owned(), set(handling)?),
        ("scheme".to_owned(), label("Scheme", class.scheme.as_str())?),
        ("band".to_owned(), label("Band", class.band.as_str())?),
        ("basis".to_owned(), label("Basis", class.basis.as_str())?),
        ("subject".to_owned(), label("Subject", class.subject.as_str())?),
        ("age".to_owned(), label("Age", class.age.as_str())?),
        ("depicts".to_owned(), label("Depicts", class.depicts.as_str())?),
        ("onward".to_owned(), label("Onward", class.onward.as_str())?),
        ("exercise".to_owned(), RestrictedExpression::new_bool(class.exercise)),
    ]);
    entity("Class", "class", attributes)
}

fn question_entity(terms: &QuestionTerms) -> Result<Entity, String> {
    let attributes = Attributes::from([
        ("agreement".to_owned(), named("Agreement", terms.agreement.as_str())?),
        ("kind".to_owned(), label("Kind", terms.kind.as_str())?),
        ("tier".to_owned(), tier(terms.kind)?),
        ("purpose".to_owned(), label("Purpose", terms.purpose.as_str())?),
        ("offence".to_owned(), label("Offence", terms.offence.as_str())?),
        ("urgency".to_owned(), label("Urgency", terms.urgency.as_str())?),
        ("exercise".to_owned(), RestrictedExpression::new_bool(terms.exercise)),
    ]);
    entity("Question", "question", attributes)
}

fn tier(kind: Kind) -> Result<RestrictedExpression, String> {
    label(
        "Tier",
        match kind.tier() {
            Tier::Keyed => "KEYED",
            Tier::Sealed => "SEALED",
        },
    )
}

fn entity(kind: &str, id: &str, attributes: Attributes) -> Result<Entity, String> {
    Entity::new(uid(kind, id)?, attributes, HashSet::new()).map_err(|error| error.to_string())
}

/// A value of an enumeration; the schema knows whether it exists.
fn label(kind: &str, word: &str) -> Result<RestrictedExpression, String> {
    uid(kind, word).map(reference)
}

fn named(kind: &str, id: &str) -> Result<RestrictedExpression, String> {
    uid(kind, id).map(reference)
}

fn set(
    members: impl Iterator<Item = Result<RestrictedExpression, String>>,
) -> Result<RestrictedExpression, String> {
    members.collect::<Result<Vec<_>, _>>().map(RestrictedExpression::new_set)
}

fn reference(uid: EntityUid) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid)
}

/// The names of the schema's types, read once: reading one costs as much as a rule.
static TYPES: LazyLock<HashMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
    let names = crate::SCHEMA.lines().filter_map(|line| line.strip_prefix("entity "));
    let names = names.filter_map(|line| line.split([' ', ';']).next());
    let named = |name| EntityTypeName::from_str(name).ok().map(|kind| (name, kind));
    names.chain(["Action"]).filter_map(named).collect()
});

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind = TYPES.get(kind).ok_or_else(|| format!("no type {kind} in the schema"))?;
    Ok(EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id)))
}
