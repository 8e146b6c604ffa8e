//! The partners as this node reaches them: one connection each, who is to be nudged, how the links are.

use desk::Desk;
use desk::query::{Asking, AskingPermission, Peers, PermissionReply, Reply, Silence};
use desk::status::LinkReport;
use domain::court_use::PermissionQuestion;
use domain::name::{AgencyId, OfficerId};
use domain::question::{NoAnswer, Question};
use domain::report::Link;
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tonic::transport::Channel;
use wire::client::{CallFailure, PeerClient};
use wire::connect::{Dialler, Target};
use wire::convert::question::Answer;
use wire::tls::registry::{CertificatePin, PeerEntry, RegistryFault, Snapshot, Standing};

/// How long a partner has to answer a live question, in milliseconds.
pub(crate) const ASK_MS_MAX: u64 = 10_000;

/// Who of the own agency may come in.
#[derive(Debug, Clone)]
pub(crate) struct Officers {
    /// The authorities that certify them.
    pub authorities: Vec<CertificatePin>,
    /// Those whose certificate counts no more.
    pub revoked: BTreeSet<OfficerId>,
}

/// Whom the node may talk to: derived from the agreements and manifests, never typed by hand. One whose manifest contradicts
/// another's is left out, so that it cannot keep the rest from being enforced.
pub(crate) fn snapshot(desk: &Desk, officers: &Officers) -> Result<Snapshot, RegistryFault> {
    let mut snapshot = Snapshot::new(desk.own().clone())
        .with_officer_authorities(officers.authorities.clone())?
        .with_revoked_officers(officers.revoked.clone())?;
    for partner in desk.partners() {
        let pins = partner.manifest.node_authorities.iter();
        let authorities = pins.map(|pin| CertificatePin::from_bytes(*pin.as_bytes())).collect();
        // One without an agreement in force is let in to tell and be told papers; every other call
        // is refused at its door.
        let standing = Standing::Active;
        let agency = partner.agency.clone();
        match snapshot.clone().with_peer(partner.agency, PeerEntry { authorities, standing }) {
            Ok(with_peer) => snapshot = with_peer,
            Err(fault) => tracing::error!(%agency, %fault, "a partner is left out of the registry"),
        }
    }
    Ok(snapshot)
}

/// One connection to each partner, made when it is needed and kept.
pub(crate) struct Partners {
    desk: Arc<Desk>,
    dialler: Dialler,
    channels: Mutex<BTreeMap<AgencyId, (String, Channel)>>,
}

impl Partners {
    pub(crate) fn new(desk: Arc<Desk>, dialler: Dialler) -> Self {
        Self { desk, dialler, channels: Mutex::default() }
    }

    /// A client of a partner; dials if there is no connection yet, trying its addresses in order.
    pub(crate) async fn client(&self, peer: &AgencyId) -> Result<PeerClient, CallFailure> {
        let partner = self.desk.partner(peer).ok_or(CallFailure::Unavailable)?;
        let manifest = partner.manifest;
        if let Some(channel) = self.kept(peer, &manifest.addresses) {
            return Ok(PeerClient::new(channel));
        }
        let mut failure = CallFailure::Unavailable;
        for address in &manifest.addresses {
            let target = Target { address: address.clone(), agency: peer.clone() };
            match self.dialler.dial(target).await {
                Ok(channel) => {
                    let kept = (address.clone(), channel.clone());
                    let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
                    channels.insert(peer.clone(), kept);
                    return Ok(PeerClient::new(channel));
                }
                Err(reason) => failure = reason.into(),
            }
        }
        Err(failure)
    }

    fn kept(&self, peer: &AgencyId, addresses: &[String]) -> Option<Channel> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let (address, channel) = channels.get(peer)?;
        addresses.contains(address).then(|| channel.clone())
    }

    /// Forgets a connection that failed; the next use dials once.
    pub(crate) fn forget(&self, peer: &AgencyId) {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).remove(peer);
    }
}

impl Peers for Partners {
    fn ask<'a>(&'a self, peer: &'a AgencyId, question: &'a Question) -> Asking<'a> {
        Box::pin(async move {
            let asked = async {
                let client = self.client(peer).await?;
                client.ask(question, ASK_MS_MAX).await
            };
            Ok(match self.heard(peer, asked).await? {
                Answer::Refused(code) => Reply::Refused(code),
                Answer::NoMatch { as_of } => Reply::Matched { as_of, matches: None },
                Answer::Match { as_of, matches } => {
                    Reply::Matched { as_of, matches: Some(matches) }
                }
            })
        })
    }

    fn permission<'a>(
        &'a self,
        peer: &'a AgencyId,
        question: &'a PermissionQuestion,
    ) -> AskingPermission<'a> {
        Box::pin(self.heard(peer, async {
            let client = self.client(peer).await?;
            match client.ask_permission(question.clone(), ASK_MS_MAX).await {
                Ok(approvals) => Ok(PermissionReply::Signed(approvals)),
                Err(CallFailure::Refused(refusal)) => Ok(PermissionReply::Refused(refusal.code)),
                Err(failure) => Err(failure),
            }
        }))
    }
}

impl Partners {
    /// What a partner said within the time that a question has, or why it said nothing.
    async fn heard<T>(
        &self,
        peer: &AgencyId,
        asked: impl Future<Output = Result<T, CallFailure>>,
    ) -> Result<T, Silence> {
        let deadline = std::time::Duration::from_millis(ASK_MS_MAX);
        match tokio::time::timeout(deadline, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => {
                self.forget(peer);
                Err(Silence { kind: failure.no_answer(), note: failure.to_string() })
            }
            Err(_) => {
                self.forget(peer);
                let note = "it did not answer in time".to_owned();
                Err(Silence { kind: NoAnswer::TimedOut, note })
            }
        }
    }
}

/// Tells watchers, without content, that something they may see has changed.
#[derive(Default)]
pub(crate) struct Nudges(Mutex<BTreeMap<AgencyId, watch::Sender<u64>>>);

impl Nudges {
    /// A watcher's end.
    pub(crate) fn watch(&self, peer: &AgencyId) -> watch::Receiver<u64> {
        let mut watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.entry(peer.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Nudges these partners, those that watch.
    pub(crate) fn nudge<'a>(&self, peers: impl Iterator<Item = &'a AgencyId>) {
        let watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for watcher in peers.filter_map(|peer| watchers.get(peer)) {
            watcher.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

/// How the links to the partners are.
#[derive(Default)]
pub(crate) struct Links(Mutex<BTreeMap<AgencyId, LinkReport>>);

impl Links {
    pub(crate) fn report(&self, peer: &AgencyId) -> LinkReport {
        let links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.get(peer).cloned().unwrap_or(LinkReport {
            link: Link::Connecting,
            last_sync: None,
            note: String::new(),
        })
    }

    pub(crate) fn up(&self, peer: &AgencyId, now: Timestamp) {
        let report = LinkReport { link: Link::Up, last_sync: Some(now), note: String::new() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(peer.clone(), report);
    }

    pub(crate) fn down(&self, peer: &AgencyId, note: String) {
        let last_sync = self.report(peer).last_sync;
        let report = LinkReport { link: Link::Down, last_sync, note };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(peer.clone(), report);
    }
}
