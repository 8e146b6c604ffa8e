//! How a node and its partners are, as its officers see it.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::query::NOTE_CHARACTERS_MAX;
use crate::v1;
use domain::name::AgencyId;
use domain::record::AUDIENCE_MAX;
use domain::report::{AgreementStatus, Link, NodeStatus, PartnerStatus, UpkeepStatus};

/// The most agreements of one node.
pub const AGREEMENTS_MAX: usize = 64;
/// The most partners of one node.
pub const PARTNERS_MAX: usize = 256;
/// The longest version of a program, in characters.
pub const VERSION_CHARACTERS_MAX: usize = 64;
/// The longest words on how an agreement stands, in characters: every party can be named.
pub const STANDING_CHARACTERS_MAX: usize = 4096;

impl From<NodeStatus> for v1::StatusResponse {
    fn from(status: NodeStatus) -> Self {
        Self {
            agency: status.agency.to_string(),
            version: field::fit(&status.version, VERSION_CHARACTERS_MAX),
            clock_ms: status.clock.as_millis(),
            own_records: status.own_records,
            audit_size: status.audit_size,
            agreements: status.agreements.into_iter().map(Into::into).collect(),
            partners: status.partners.into_iter().map(Into::into).collect(),
            upkeep: Some(status.upkeep.into()),
            recovery: field::fit(&status.recovery, NOTE_CHARACTERS_MAX),
            overdue_duties: status.overdue_duties,
        }
    }
}

impl TryFrom<v1::StatusResponse> for NodeStatus {
    type Error = Invalid;

    fn try_from(status: v1::StatusResponse) -> Result<Self, Invalid> {
        let (agreements, partners) = (status.agreements, status.partners);
        Ok(Self {
            agency: field::name("agency", &status.agency)?,
            version: field::text("version", status.version, VERSION_CHARACTERS_MAX)?,
            clock: field::instant("clock_ms", status.clock_ms)?,
            own_records: status.own_records,
            audit_size: status.audit_size,
            agreements: field::list("agreements", agreements, AGREEMENTS_MAX, TryFrom::try_from)?,
            partners: field::list("partners", partners, PARTNERS_MAX, TryFrom::try_from)?,
            upkeep: field::present("upkeep", status.upkeep)?.try_into()?,
            recovery: field::text("recovery", status.recovery, NOTE_CHARACTERS_MAX)?,
            overdue_duties: status.overdue_duties,
        })
    }
}

impl From<UpkeepStatus> for v1::UpkeepStatus {
    fn from(status: UpkeepStatus) -> Self {
        Self {
            last_ms: status.last.map(|at| at.as_millis()),
            overdue: status.overdue,
            reviews_due: status.reviews_due,
            note: field::fit(&status.note, NOTE_CHARACTERS_MAX),
        }
    }
}

impl TryFrom<v1::UpkeepStatus> for UpkeepStatus {
    type Error = Invalid;

    fn try_from(status: v1::UpkeepStatus) -> Result<Self, Invalid> {
        let last = status.last_ms.map(|at| field::instant("last_ms", at));
        Ok(Self {
            last: last.transpose()?,
            overdue: status.overdue,
            reviews_due: status.reviews_due,
            note: field::text("note", status.note, NOTE_CHARACTERS_MAX)?,
        })
    }
}

impl From<AgreementStatus> for v1::AgreementStatus {
    fn from(status: AgreementStatus) -> Self {
        Self {
            agreement: status.agreement.to_string(),
            standing: field::fit(&status.standing, STANDING_CHARACTERS_MAX),
            valid_until_ms: status.valid_until.as_millis(),
            parties: status.parties.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::AgreementStatus> for AgreementStatus {
    type Error = Invalid;

    fn try_from(status: v1::AgreementStatus) -> Result<Self, Invalid> {
        let read = |party: String| field::name::<AgencyId>("parties", &party);
        Ok(Self {
            agreement: field::name("agreement", &status.agreement)?,
            standing: field::text("standing", status.standing, STANDING_CHARACTERS_MAX)?,
            valid_until: field::instant("valid_until_ms", status.valid_until_ms)?,
            parties: field::distinct("parties", status.parties, AUDIENCE_MAX, read)?,
        })
    }
}

impl From<PartnerStatus> for v1::PartnerStatus {
    fn from(status: PartnerStatus) -> Self {
        let link = match status.link {
            Link::Up => v1::LinkState::Up,
            Link::Down => v1::LinkState::Down,
            Link::Connecting => v1::LinkState::Connecting,
        };
        Self {
            agency: status.agency.to_string(),
            country: status.country.to_string(),
            link: link.into(),
            records_in: status.records_in,
            classes_out: status.classes_out,
            last_sync_ms: status.last_sync.map(|at| at.as_millis()),
            note: field::fit(&status.note, NOTE_CHARACTERS_MAX),
        }
    }
}

impl TryFrom<v1::PartnerStatus> for PartnerStatus {
    type Error = Invalid;

    fn try_from(status: v1::PartnerStatus) -> Result<Self, Invalid> {
        let link = match v1::LinkState::try_from(status.link) {
            Ok(v1::LinkState::Up) => Link::Up,
            Ok(v1::LinkState::Down) => Link::Down,
            Ok(v1::LinkState::Connecting) => Link::Connecting,
            Ok(v1::LinkState::Unspecified) | Err(_) => {
                return Err(Invalid::new("link", Why::Unknown));
            }
        };
        let last_sync = status.last_sync_ms.map(|at| field::instant("last_sync_ms", at));
        Ok(Self {
            agency: field::name("agency", &status.agency)?,
            country: field::name("country", &status.country)?,
            link,
            records_in: status.records_in,
            classes_out: status.classes_out,
            last_sync: last_sync.transpose()?,
            note: field::text("note", status.note, NOTE_CHARACTERS_MAX)?,
        })
    }
}
