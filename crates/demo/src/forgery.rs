//! Two forged certificates, dialled at Belgium: one by a stranger, one by a member that claims to
//! be another.

use crate::cast::{Agency, BELGIUM};
use crate::stage::Stage;
use anyhow::Context as _;
use domain::signature::SecretKey;
use domain::time::{Clock as _, SystemClock};
use node::certificate::{Authority, Certifies};
use node::config::Config;
use node::key_file::{KeyKind, system_entropy};
use std::fs;
use wire::connect::{DialFailure, DialLimits, Dialler, Target};
use wire::tls::Port;
use wire::tls::credentials::{Credentials, authority_from_pem};
use wire::tls::registry::{PeerEntry, PeerRegistry, Snapshot, Standing};

/// A stranger makes an authority of its own and certifies a node that says it is `claims`.
pub(crate) fn by_stranger(stage: &Stage, claims: Agency) -> anyhow::Result<DialFailure> {
    let key = SecretKey::from_seed(&system_entropy().bytes());
    let authority = Authority::new(&"xx-nobody".parse()?, Certifies::Nodes, key);
    let own = authority.certificate(SystemClock.now())?;
    dial(stage, &authority, &own, claims)
}

/// A member's real authority certifies a node that says it is `claims`.
pub(crate) fn by_member(
    stage: &Stage,
    member: Agency,
    claims: Agency,
) -> anyhow::Result<DialFailure> {
    let config = Config::load(&stage.home(member).join("node.toml"))?;
    let key = config.key(KeyKind::NodeAuthority, &config.unlock()?)?;
    let authority = Authority::new(&member.id.parse()?, Certifies::Nodes, key.to_signing());
    let own = authority_certificate(stage, member)?;
    dial(stage, &authority, &own, claims)
}

fn dial(
    stage: &Stage,
    authority: &Authority,
    own: &str,
    claims: Agency,
) -> anyhow::Result<DialFailure> {
    let now = SystemClock.now();
    let caller = format!("spiffe://{}/node/node-1", claims.id).parse();
    let caller = caller.ok().context("a name that cannot be")?;
    let issued = authority.issue(&caller, own, now, 1)?;
    let credentials = Credentials::from_pem(issued.chain.as_bytes(), issued.key.as_bytes(), now)?;
    let belgian = authority_from_pem(authority_certificate(stage, BELGIUM)?.as_bytes(), now)?;
    let belgian = PeerEntry { authorities: vec![belgian], standing: Standing::Active };
    let registry = Snapshot::new(claims.id.parse()?).with_peer(BELGIUM.id.parse()?, belgian)?;
    let registry = PeerRegistry::new(registry);
    let dialler = Dialler::new(Port::Partner, credentials, registry, DialLimits::default());
    let config = Config::load(&stage.home(BELGIUM).join("node.toml"))?;
    let target = Target { address: config.partner_listen.to_string(), agency: BELGIUM.id.parse()? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(dialler.dial(target)) {
        Ok(_) => anyhow::bail!("Belgium let a forged certificate in"),
        Err(failure) => Ok(failure),
    }
}

/// The authority's certificate stands below the node's own.
fn authority_certificate(stage: &Stage, agency: Agency) -> anyhow::Result<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let chain = fs::read_to_string(stage.home(agency).join("tls").join("node.pem"))?;
    let (_, authority) = chain.rsplit_once(BEGIN).context("no authority's certificate")?;
    Ok(format!("{BEGIN}{authority}"))
}
