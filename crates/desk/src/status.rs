//! How the node and its partners are, for officers.

use crate::Desk;
use crate::error::DeskError;
use domain::name::{AgencyId, AgreementId};
use domain::report::{Link, NodeStatus, PartnerStatus, UpkeepStatus};
use domain::time::Timestamp;

/// What the node knows of a connection and the desk does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkReport {
    /// The link.
    pub link: Link,
    /// When a pull last ended well.
    pub last_sync: Option<Timestamp>,
    /// Why the link is down.
    pub note: String,
}

impl Desk {
    /// Live records of a partner held here under an agreement.
    fn records_of(&self, partner: &AgencyId, agreement: &AgreementId) -> u64 {
        self.store.classes(partner, agreement).iter().map(|entry| entry.records).sum()
    }

    /// The status; `link_of` tells what the node knows of each partner's connection, and `upkeep` how
    /// the last upkeep went. The holds that are due for review are counted here.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn status(
        &self,
        version: &str,
        upkeep: UpkeepStatus,
        link_of: impl Fn(&AgencyId) -> LinkReport,
    ) -> Result<NodeStatus, DeskError> {
        let counts = self.store.count();
        let agreements = self.agreement_statuses();
        let partners = self.partners().into_iter().map(|partner| {
            let LinkReport { link, last_sync, note } = link_of(&partner.agency);
            let per_agreement = |count: &dyn Fn(&AgreementId) -> u64| {
                agreements.iter().map(|known| count(&known.agreement)).sum()
            };
            PartnerStatus {
                records_in: per_agreement(&|id| self.records_of(&partner.agency, id)),
                classes_out: per_agreement(&|id| self.classes_granted(&partner.agency, id)),
                agency: partner.agency,
                country: partner.country,
                link,
                last_sync,
                note,
            }
        });
        Ok(NodeStatus {
            agency: self.own.clone(),
            version: version.to_owned(),
            clock: self.now(),
            own_records: counts.own,
            audit_size: self.store.head().tree_size,
            partners: partners.collect(),
            agreements,
            upkeep: UpkeepStatus { reviews_due: self.reviews_due()?, ..upkeep },
            overdue_duties: self.overdue_duties()?,
            recovery: String::new(),
        })
    }
}
