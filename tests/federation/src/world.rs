//! The four agencies together: founded, bound by an agreement that they sign, and running.

use crate::cast::{ALL, Agency};
use crate::draft::now;
use crate::member::Member;
use crate::patience::until;
use crate::record_log;
use agreement::Terms;
use desk::agreements::Bundle;
use domain::name::AgreementId;
use domain::report::Link;
use domain::signature::Signer as _;
use domain::time::Timestamp;
use node::bundle;
use std::fs;
use std::ops::{Index, IndexMut};
use std::sync::Arc;
use wire::tls::registry::{PeerRegistry, Snapshot};

/// The four agencies, in a folder that goes away with them.
pub struct Federation {
    /// What the authorities are asked to sign.
    pub terms: Terms,
    members: Vec<Member>,
    // The last one: the nodes let go of their folders first.
    _folder: tempfile::TempDir,
}

impl Federation {
    /// Makes the four agencies and the terms of the example agreement between them. Nobody has
    /// signed, nothing runs.
    pub fn found() -> Self {
        record_log::begin();
        let folder = tempfile::tempdir().unwrap();
        let found = |agency: Agency| Member::found(agency, &folder.path().join(agency.as_str()));
        let members: Vec<Member> = ALL.into_iter().map(found).collect();
        let example = include_str!("../../../deploy/agreement.toml");
        let mut terms = node::terms_file::read(example).unwrap();
        for party in &mut terms.parties {
            let member = members.iter().find(|member| member.id == party.agency).unwrap();
            party.root_key = member.root_key().public_key();
            party.authority_key = member.authority_key().public_key();
        }
        terms.valid_from = now().minus_ms(Timestamp::DAY_MS);
        terms.valid_to = now().plus_days(365);
        Self { terms, members, _folder: folder }
    }

    /// The four, bound by the example agreement, running and linked.
    pub async fn four() -> Self {
        let mut world = Self::found();
        world.hand_out(&world.signed_by(&ALL));
        world.start(&ALL).await;
        world.linked(&ALL).await;
        world
    }

    /// The four, bound by the example agreement; only these run, and are linked.
    pub async fn of(running: &[Agency]) -> Self {
        let mut world = Self::found();
        world.hand_out(&world.signed_by(&ALL));
        world.start(running).await;
        world.linked(running).await;
        world
    }

    /// The terms with the signatures of these authorities and the manifests of the parties.
    pub fn signed_by(&self, signers: &[Agency]) -> Bundle {
        let mut bundle = bundle::draft(self.terms.clone()).unwrap();
        for member in &self.members {
            if self.terms.parties.iter().any(|party| party.agency == member.id) {
                bundle = bundle::add_manifest(&bundle, &member.manifest_envelope).unwrap();
            }
        }
        for signer in signers {
            let member = &self[*signer];
            bundle = bundle::sign(&bundle, &member.id, &member.authority_key(), now()).unwrap();
        }
        bundle
    }

    /// Puts a bundle into the folder of every party.
    pub fn hand_out(&self, bundle: &Bundle) {
        let read = bundle::verify(bundle).unwrap().agreement;
        for member in self.members.iter().filter(|member| read.party(&member.id).is_some()) {
            let name = format!("{}.bundle", read.agreement_id);
            fs::write(member.config.agreements_folder.join(name), bundle.to_bytes()).unwrap();
        }
    }

    /// The bundle that was handed out. Signing the same terms anew would be another word of the same
    /// authorities, and two words for one place are none.
    pub fn on_file(&self, agreement: &str) -> Bundle {
        let name = format!("{agreement}.bundle");
        let mut folders = self.members.iter().map(|member| &member.config.agreements_folder);
        let file = folders.find_map(|folder| fs::read(folder.join(&name)).ok());
        Bundle::from_bytes(&file.unwrap()).unwrap()
    }

    /// Has the running nodes take a bundle, as an operator would while they run.
    pub async fn install(&self, agencies: &[Agency], bundle: &Bundle) -> Vec<AgreementId> {
        let mut installed = Vec::new();
        for agency in agencies {
            installed.push(self[*agency].desk().install(bundle).await.unwrap());
        }
        installed
    }

    /// Starts nodes, all at once.
    pub async fn start(&mut self, agencies: &[Agency]) {
        let members = self.members.iter_mut().filter(|member| agencies.contains(&member.agency));
        futures_util::future::join_all(members.map(Member::start)).await;
    }

    /// Waits until each of these nodes has pulled from each other of them.
    pub async fn linked(&self, agencies: &[Agency]) {
        for agency in agencies {
            let officer = self[*agency].officer().await;
            let others: Vec<_> = agencies.iter().filter(|other| *other != agency).collect();
            let begun = std::time::Instant::now();
            loop {
                let status = officer.status().await.unwrap();
                let is_up = |other: &&Agency| {
                    let id = other.id();
                    let up = |partner: &domain::report::PartnerStatus| {
                        partner.agency == id && partner.link == Link::Up
                    };
                    status.partners.iter().any(up)
                };
                if others.iter().all(is_up) {
                    break;
                }
                let waited = begun.elapsed();
                assert!(waited < crate::patience::PATIENCE, "no link: {:?}", status.partners);
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
        }
    }

    /// Waits until the second holds so many live records of the first.
    pub async fn arrived(&self, origin: Agency, receiver: Agency, records: u64) {
        let what = format!("{receiver:?} holds {records} records of {origin:?}");
        until(&what, || self[receiver].records_from(origin) == records).await;
    }

    /// Whom an agency knows: every other member.
    pub fn registry_of(&self, own: Agency) -> Arc<PeerRegistry> {
        let mut snapshot = Snapshot::new(own.id());
        for other in own.others() {
            let member = &self[other];
            snapshot = snapshot.with_peer(member.id.clone(), member.peer_entry()).unwrap();
        }
        PeerRegistry::new(snapshot)
    }
}

impl Index<Agency> for Federation {
    type Output = Member;

    fn index(&self, agency: Agency) -> &Member {
        self.members.iter().find(|member| member.agency == agency).unwrap()
    }
}

impl IndexMut<Agency> for Federation {
    fn index_mut(&mut self, agency: Agency) -> &mut Member {
        self.members.iter_mut().find(|member| member.agency == agency).unwrap()
    }
}
