//! One evaluation as Cedar sees it: a principal, an action, a resource with its labels, a context.

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
    Schema,
};
use domain::class::Class;
use domain::indicator::{Kind, Tier};
use domain::question::QuestionTerms;
use domain::value::TransferBasis;
use policy::{Evaluation, Matter};
use std::collections::{HashMap, HashSet};
use std::str::FromStr;

type Attributes = HashMap<String, RestrictedExpression>;

/// What Cedar is asked.
pub(crate) struct Asked {
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
    context: Vec<(String, RestrictedExpression)>,
    pub(crate) entities: Entities,
}

impl Asked {
    /// Builds and validates the entities.
    pub(crate) fn new(evaluation: &Evaluation<'_>, schema: &Schema) -> Result<Self, String> {
        let (own, peer) = (agency(evaluation.own)?, agency(evaluation.peer)?);
        let (principal, own_uid) = (peer.uid(), own.uid());
        let resource = match evaluation.matter {
            Matter::Class(class) | Matter::Match { class, .. } => class_entity(class)?,
            Matter::Terms(terms) => question_entity(terms)?,
        };
        let mut context = vec![
            ("own".to_owned(), reference(own_uid.clone())),
            ("channel".to_owned(), label("Channel", evaluation.channel.as_str())?),
        ];
        if evaluation.action != policy::Action::Submit {
            let transfer = evaluation.transfer_basis.unwrap_or(TransferBasis::None);
            context.push(("transfer".to_owned(), label("Transfer", transfer.as_str())?));
        }
        if let Matter::Match { terms, .. } = evaluation.matter {
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
        let entities = Entities::from_entities(all, Some(schema)).map_err(|e| e.to_string())?;
        let action = uid("Action", evaluation.action.as_str())?;
        Ok(Self { principal, action, resource: resource_uid, context, entities })
    }

    /// The request, as if so many persons had approved; validated against the schema.
    pub(crate) fn request(&self, approvals: u8, schema: &Schema) -> Result<Request, String> {
        let approvals = RestrictedExpression::new_long(i64::from(approvals));
        let pairs = self.context.iter().cloned().chain([("approvals".to_owned(), approvals)]);
        let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
        Request::new(
            self.principal.clone(),
            self.action.clone(),
            self.resource.clone(),
            context,
            Some(schema),
        )
        .map_err(|error| error.to_string())
    }
}

fn agency(party: &agreement::Party) -> Result<Entity, String> {
    let attributes = Attributes::from([
        ("country".to_owned(), RestrictedExpression::new_string(party.country.to_string())),
        ("kind".to_owned(), label("AgencyKind", party.kind.as_str())?),
        ("role".to_owned(), label("Role", party.role.as_str())?),
    ]);
    entity("Agency", party.agency.as_str(), attributes)
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

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind = EntityTypeName::from_str(kind).map_err(|error| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}
