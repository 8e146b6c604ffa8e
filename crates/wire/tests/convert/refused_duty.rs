//! What is refused of acknowledgements and of the list of duties.

use crate::refused::{TOO_LATE, one, refuses};
use crate::strategy;
use wire::convert::duty::{DutiesAfter, ListedDuty};
use wire::convert::{Why, duty};
use wire::v1;

#[test]
fn an_acknowledgement() {
    let good = v1::AcknowledgeChangesRequest { acknowledgement: Some(v1::Envelope::default()) };
    refuses(
        &good,
        duty::from_acknowledgement,
        &[("acknowledgement", Why::Missing, |m| m.acknowledgement = None)],
    );
}

#[test]
fn a_list_of_duties() {
    let mut good = v1::Duty::from(one(strategy::listed_duty()));
    good.kept_until_ms = Some(1);
    refuses(
        &good,
        ListedDuty::try_from,
        &[
            ("place", Why::Step, |m| m.place.clear()),
            ("place", Why::Step, |m| m.place = vec![0; 257]),
            ("debtor", Why::Unknown, |m| m.debtor = 0),
            ("debtor", Why::Unknown, |m| m.debtor = 3),
            ("agency", Why::NotWellFormed, |m| m.agency.clear()),
            ("agreement", Why::NotWellFormed, |m| m.agreement = "x".into()),
            ("record_id", Why::Length { bytes: 16 }, |m| m.record_id.clear()),
            ("asked", Why::Unknown, |m| m.asked = 0),
            ("asked", Why::Unknown, |m| m.asked = 7),
            ("since_ms", Why::OutOfRange, |m| m.since_ms = TOO_LATE),
            ("due_ms", Why::OutOfRange, |m| m.due_ms = TOO_LATE),
            ("kept_until_ms", Why::OutOfRange, |m| m.kept_until_ms = Some(TOO_LATE)),
        ],
    );
    let page = v1::ListDutiesResponse { duties: vec![good; 256] };
    refuses(
        &page,
        Vec::<ListedDuty>::try_from,
        &[("duties", Why::TooMany { max: 256 }, |m| m.duties.push(v1::Duty::default()))],
    );
    refuses(
        &v1::ListDutiesRequest { after: vec![1; 256] },
        DutiesAfter::try_from,
        &[("after", Why::TooLong { max: 256 }, |m| m.after.push(0))],
    );
}
