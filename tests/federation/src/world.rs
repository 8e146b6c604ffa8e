//! The four agencies together: founded, bound by an agreement that they sign, and running.

use crate::cast::{AGREEMENT, ALL, Agency};
use crate::draft::now;
use crate::member::Member;
use crate::patience::until;
use crate::record_log;
use agreement::declaration::Step;
use agreement::docket::{self, Docket, Paper};
use agreement::{Agreement, Language, Terms, WhyNot};
use domain::report::{Link, PapersFiled};
use domain::signature::Signer as _;
use domain::time::Timestamp;
use std::collections::BTreeSet;
use std::fs;
use std::ops::{Index, IndexMut};
use std::sync::Arc;
use wire::tls::registry::{PeerRegistry, Snapshot};

/// The four agencies, in a folder that goes away with them.
pub struct Federation {
    /// What the authorities are asked to sign.
    pub terms: Terms,
    /// Whose authorities certify the operator's key of their node.
    pub certified: Vec<Agency>,
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
        let mut terms = cli::terms_file::read(example).unwrap();
        for party in &mut terms.parties {
            let member = members.iter().find(|member| member.id == party.agency).unwrap();
            party.root_key = member.root_key().public_key();
            party.authority_key = member.authority_key().public_key();
        }
        terms.valid_from = now().minus_ms(Timestamp::DAY_MS);
        terms.valid_to = now().plus_days(365);
        Self { terms, certified: ALL.to_vec(), members, _folder: folder }
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

    /// The terms with the signatures of these authorities, the manifests of the parties, and the
    /// certificates of their operators.
    pub fn signed_by(&self, signers: &[Agency]) -> Docket {
        self.signed_at(signers, now())
    }

    /// The same, signed at some time.
    pub fn signed_at(&self, signers: &[Agency], at: Timestamp) -> Docket {
        let agreement = Agreement::new(self.terms.clone()).unwrap();
        let step = sign(&agreement);
        let mut docket = Docket::new(agreement).unwrap();
        for member in &self.members {
            if self.terms.parties.iter().all(|party| party.agency != member.id) {
                continue;
            }
            docket.admit(member.manifest_envelope.clone().into()).unwrap();
            if self.certified.contains(&member.agency) {
                docket.admit(member.operator_certificate()).unwrap();
            }
        }
        for signer in signers {
            let member = &self[*signer];
            docket.declare(&member.id, step.clone(), at, &member.authority_key()).unwrap();
        }
        docket
    }

    /// Puts a docket into the folder of every party.
    pub fn hand_out(&self, docket: &Docket) {
        let agreement = docket.register().id();
        let version = docket.version(&docket.state(now()));
        for member in self.members.iter().filter(|member| version.party(&member.id).is_some()) {
            let path = member.config.agreements_folder.join(format!("{agreement}.docket"));
            fs::write(path, docket.to_file()).unwrap();
        }
    }

    /// What a member has on file of the agreement: at its node, or in its folder while that is down.
    pub fn on_file(&self, agency: Agency) -> Docket {
        if let Some(desk) = self[agency].running_desk() {
            return Docket::clone(&desk.docket(&AGREEMENT.parse().unwrap()).unwrap());
        }
        let folder = &self[agency].config.agreements_folder;
        let bytes = fs::read(folder.join(format!("{AGREEMENT}.docket"))).unwrap();
        Docket::open(docket::from_file(&bytes).unwrap()).unwrap()
    }

    /// What stops a direction now, as one of the members sees it.
    pub fn why_not(&self, seen_by: Agency, from: Agency, to: Agency) -> BTreeSet<WhyNot> {
        self.on_file(seen_by).state(now()).why_not(&from.id(), &to.id())
    }

    /// Where the agreement stands, as the officer of a running node reads it.
    pub async fn standing(&self, agency: Agency) -> String {
        let status = self[agency].officer().await.status().await.unwrap();
        let [agreement] = status.agreements.as_slice() else { panic!("one agreement") };
        agreement.standing.clone()
    }

    /// What a party's authority says next about the agreement; nobody is told yet.
    pub fn said_by(&self, party: Agency, step: Step) -> Paper {
        let member = &self[party];
        self.on_file(party).declare(&member.id, step, now(), &member.authority_key()).unwrap()
    }

    /// The officers of these members file papers at their running nodes.
    pub async fn file(&self, agencies: &[Agency], papers: Vec<Paper>) -> Vec<PapersFiled> {
        let mut filed = Vec::new();
        for agency in agencies {
            let officer = self[*agency].officer().await;
            filed.push(officer.file_papers(papers.clone()).await.unwrap());
        }
        filed
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

/// A signature under a version, as whoever read it in English gives it.
pub fn sign(agreement: &Agreement) -> Step {
    let language = Language::English;
    let shown = agreement::rendering::shown(agreement, language);
    Step::Sign { agreement: agreement.hash(), shown, language }
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
