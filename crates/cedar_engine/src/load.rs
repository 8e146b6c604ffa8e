//! Loads policy files: reads, names, lints and validates every rule before any is used.

use crate::typo::Lists;
use crate::weighing::{FREEZE_ID, FREEZE_RULE};
use crate::{CedarError, SCHEMA, nesting};
use cedar_policy::{
    ActionConstraint, Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};
use domain::name::Digest;
use domain::value::AgencyKind;
use policy::rulebook::ACTIONS;
pub use policy::rulebook::Layer;
use std::collections::{BTreeMap, BTreeSet};

/// The largest rules, in bytes, with the stop of all sharing; without it [`FREEZE_BYTES`] less.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;
/// The room that is kept for the stop of all sharing, in bytes.
const FREEZE_BYTES: usize = 1024;
/// The most rules of one node, floor and local together; the stop of all sharing is not counted.
pub const RULES_MAX: usize = 512;
/// The longest rule id, in bytes.
const RULE_ID_BYTES_MAX: usize = 64;
/// The longest reason or law, in bytes.
const ANNOTATION_BYTES_MAX: usize = 1024;
/// The stack of the thread that reads policies, in bytes; reserved, hardly ever used.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// The annotations a rule may carry; another is most likely a slip of the pen.
const ANNOTATIONS: [&str; 8] =
    ["id", "reason", "reason_fr", "reason_es", "reason_nl", "reason_ar", "law", "approval"];

/// What people read about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// The file it stands in.
    pub layer: Layer,
    /// Why it exists, in English.
    pub reason: String,
    /// The law it rests on.
    pub law: Option<String>,
    /// The kind of authority whose approval it looks at.
    pub approval: Option<AgencyKind>,
}

/// The hash that an agreement pins: over the exact bytes of the floor and of the schema.
pub fn floor_hash(floor: &str) -> Digest {
    let parts = [floor.as_bytes(), SCHEMA.as_bytes()];
    Digest::from_bytes(domain::digest::derive("malines policy floor v1", &parts))
}

/// The hash of everything in use.
pub(crate) fn bundle_hash(floor: &str, local: &str) -> Digest {
    let parts = [floor.as_bytes(), SCHEMA.as_bytes(), local.as_bytes()];
    Digest::from_bytes(domain::digest::derive("malines policy bundle v1", &parts))
}

/// Rules that passed every check.
pub(crate) struct Loaded {
    pub(crate) schema: Schema,
    pub(crate) policies: PolicySet,
    pub(crate) rules: BTreeMap<String, Rule>,
    pub(crate) warnings: Vec<String>,
}

/// Reads and checks both files on a thread of its own: Cedar's parser and validator recurse through
/// a rule, up to [`nesting::OPERATORS_MAX`] levels of several kilobytes each.
pub(crate) fn load(floor: &str, local: &str) -> Result<Loaded, CedarError> {
    let failed = |why: &str| CedarError::NotCedar { layer: Layer::Local, why: why.to_owned() };
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("policy".into()).stack_size(STACK_BYTES);
        let reader = builder.spawn_scoped(scope, || load_here(floor, local));
        let reader = reader.map_err(|_| failed("no thread to read it on; try again"))?;
        reader.join().unwrap_or_else(|_| Err(failed("the parser gave up; remove the last change")))
    })
}

fn load_here(floor: &str, local: &str) -> Result<Loaded, CedarError> {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
        .map_err(|error| CedarError::Schema(error.to_string()))?;
    let mut policies = PolicySet::new();
    let mut rules = BTreeMap::new();
    for (layer, text) in [(Layer::Floor, floor), (Layer::Local, local)] {
        for policy in read(layer, text)? {
            let rule = lint(layer, &policy)?;
            if rule.id == FREEZE_ID && !text.contains(FREEZE_RULE) {
                let why = "this id is kept for the stop of all sharing; give the rule another";
                return Err(bad(layer, &rule.id, why));
            }
            if rules.len() >= RULES_MAX && rule.id != FREEZE_ID {
                let rules_max = RULES_MAX;
                return Err(CedarError::TooManyRules { rules: rules.len() + 1, rules_max });
            }
            let id = rule.id.clone();
            let twice = |_| bad(layer, &id, "this id is used twice; give each rule its own");
            policies.add(policy.new_id(PolicyId::new(&id))).map_err(twice)?;
            rules.insert(id, rule);
        }
    }
    let lists = Lists::of(SCHEMA);
    for policy in policies.policies() {
        if let Some(why) = lists.unknown_in(policy) {
            return Err(CedarError::Invalid { rule: policy.id().to_string(), why });
        }
    }
    let mut warnings = hollow(&policies, &rules);
    warnings.extend(validate(&schema, &policies)?);
    Ok(Loaded { schema, policies, rules, warnings })
}

fn read(layer: Layer, text: &str) -> Result<Vec<Policy>, CedarError> {
    let kept = if text.contains(FREEZE_RULE) { 0 } else { FREEZE_BYTES };
    let (bytes, bytes_max) = (text.len(), POLICY_BYTES_MAX - kept);
    if bytes > bytes_max {
        return Err(CedarError::TooLarge { layer, bytes, bytes_max });
    }
    nesting::check(text).map_err(|why| CedarError::NotCedar { layer, why: why.into() })?;
    let parsed: PolicySet = text.parse().map_err(|error: cedar_policy::ParseErrors| {
        let why = error.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        CedarError::NotCedar { layer, why }
    })?;
    if parsed.templates().next().is_some() {
        return Err(bad(layer, "with a slot", "templates are not used; write the rule out"));
    }
    let mut policies: Vec<Policy> = parsed.policies().cloned().collect();
    policies.sort_by_key(place_of);
    Ok(policies)
}

/// Cedar names rules `policy0`, `policy1` ... in the order of the file.
fn place_of(policy: &Policy) -> usize {
    let name = policy.id().to_string();
    name.trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

/// The rules about rules: an id, a reason, no unknown annotation, no permit in the floor.
fn lint(layer: Layer, policy: &Policy) -> Result<Rule, CedarError> {
    let nameless = || format!("number {} of the file", place_of(policy).saturating_add(1));
    let id = policy.annotation("id").map(str::to_owned).unwrap_or_default();
    if id.is_empty() {
        return Err(bad(layer, &nameless(), "it has no @id; give it one, like @id(\"L01-links\")"));
    }
    if !is_rule_id(&id) {
        let why = "an id is 3 to 64 letters, digits, dots and hyphens, and starts with a letter; \
                   `code.` is kept for rules of the program";
        return Err(bad(layer, &nameless(), why));
    }
    if layer == Layer::Local && is_floor_id(&id) {
        let why = "ids that start with C and a digit are the floor's; name it after your country";
        return Err(bad(layer, &id, why));
    }
    for (key, value) in policy.annotations() {
        if !ANNOTATIONS.contains(&key) {
            let known = ANNOTATIONS.join(", ");
            return Err(bad(layer, &id, &format!("unknown annotation `@{key}`; known: {known}")));
        }
        if value.trim().is_empty() || value.len() > ANNOTATION_BYTES_MAX {
            return Err(bad(layer, &id, &format!("`@{key}` is empty or longer than a paragraph")));
        }
    }
    let reason = policy.annotation("reason").map(str::to_owned);
    let reason =
        reason.ok_or_else(|| bad(layer, &id, "it has no @reason; say why, in a sentence"))?;
    if layer == Layer::Floor && policy.effect() == Effect::Permit {
        return Err(bad(layer, &id, "the floor only forbids; permits stand in the local policy"));
    }
    let approval = match policy.annotation("approval") {
        None => None,
        Some(word) => {
            let authority: AgencyKind =
                word.parse().map_err(|error| bad(layer, &id, &format!("@approval: {error}")))?;
            Some(authority)
        }
    };
    let looks = looks_at_approvals(policy).map_err(|why| bad(layer, &id, &why))?;
    if looks != approval.is_some() {
        let why = "a rule that looks at context.approvals, and only such a rule, says whose: \
                   @approval(\"PROSECUTION\")";
        return Err(bad(layer, &id, why));
    }
    let law = policy.annotation("law").map(str::to_owned);
    Ok(Rule { id, layer, reason, law, approval })
}

fn is_rule_id(id: &str) -> bool {
    (3..=RULE_ID_BYTES_MAX).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && !id.starts_with("code.")
}

/// The floor's ids, like `C02-tlp-red-automated`, mean the same in every country's log.
fn is_floor_id(id: &str) -> bool {
    let mut bytes = id.bytes();
    bytes.next() == Some(b'C') && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
}

/// Looks at the conditions alone: a reason may mention approvals, and so may a comment.
fn looks_at_approvals(policy: &Policy) -> Result<bool, String> {
    let structure = policy.to_json().map_err(|error| error.to_string())?;
    let conditions = structure.get("conditions");
    Ok(conditions.is_some_and(|conditions| conditions.to_string().contains("\"approvals\"")))
}

/// Local rules that ask for approvals where nobody can give one. The floor asks for them everywhere on
/// purpose: what is protected is shown to nobody, and people can approve that the record itself goes.
fn hollow(policies: &PolicySet, rules: &BTreeMap<String, Rule>) -> Vec<String> {
    let mut hollow: Vec<String> = policies.policies().filter_map(|policy| {
        let rule = rules.get(&policy.id().to_string())?;
        let nobody: Vec<&str> = ACTIONS
            .iter()
            .filter(|action| !action.takes_approvals() && is_about(policy, action.as_str()))
            .map(|action| action.as_str())
            .collect();
        let asks = rule.layer == Layer::Local && rule.approval.is_some();
        (asks && !nobody.is_empty()).then(|| {
            let (id, nobody) = (&rule.id, nobody.join(", "));
            format!(
                "rule {id} asks for approvals for {nobody}, where nobody approves: people approve that \
                 one record goes to one partner (Share, Receive)"
            )
        })
    }).collect();
    hollow.sort_unstable();
    hollow
}

fn is_about(policy: &Policy, action: &str) -> bool {
    let is_it = |uid: &cedar_policy::EntityUid| uid.id().unescaped() == action;
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => is_it(&one),
        ActionConstraint::In(some) => some.iter().any(is_it),
    }
}

fn validate(schema: &Schema, policies: &PolicySet) -> Result<Vec<String>, CedarError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    if let Some(error) = result.validation_errors().next() {
        let (rule, why) = (error.policy_id().to_string(), error.to_string());
        return Err(CedarError::Invalid { rule, why });
    }
    let warnings: BTreeSet<String> =
        result.validation_warnings().map(ToString::to_string).collect();
    Ok(warnings.into_iter().collect())
}

fn bad(layer: Layer, rule: &str, why: &str) -> CedarError {
    CedarError::BadRule { layer, rule: rule.to_owned(), why: why.to_owned() }
}
