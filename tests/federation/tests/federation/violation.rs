//! A partner says that it had to refuse what we sent: an entry and an alarm, whoever it is about.

use domain::envelope::Signed;
use domain::event::Act;
use domain::name::Digest;
use domain::refusal::RefusalCode;
use domain::violation::ViolationNotice;
use federation::cast::{AGREEMENT, Agency, Agency::*};
use federation::draft::{now, random};
use federation::envoy::Envoy;
use federation::world::Federation;

fn notice(sender: Agency, receiver: Agency) -> ViolationNotice {
    ViolationNotice {
        sender: sender.id(),
        receiver: receiver.id(),
        agreement: AGREEMENT.parse().unwrap(),
        batch: Digest::from_bytes(random()),
        code: RefusalCode::SmuggledMigrant,
        records: 2,
        at: now(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_an_entry_and_one_that_is_not_the_partners_own_is_an_alarm() {
    let world = Federation::of(&[Belgium]).await;
    let france = Envoy::dial(&world, France, Belgium).await.unwrap();
    let keys = world[France].node_keys();
    let signed = |notice| Signed::seal(notice, &*keys.record).into_parts().1;
    let good = notice(Belgium, France);
    france.client.report_violation(signed(good.clone())).await.unwrap();
    let event = world[Belgium].events_of(Act::ViolationReceived).pop().unwrap();
    assert_eq!((event.shared.peer, event.shared.count), (Some(France.id()), 2));
    assert_eq!((event.shared.exchange, event.shared.code), (Some(good.batch), Some(good.code)));

    let mut elsewhere = good.clone();
    elsewhere.agreement = "other-2026".parse().unwrap();
    let mut early = good;
    early.at = now().plus_days(1);
    let of_others = [notice(Spain, France), notice(Belgium, Spain), elsewhere, early];
    let mut refused: Vec<_> = of_others.map(signed).to_vec();
    let others = world[Spain].node_keys();
    refused.push(Signed::seal(notice(Belgium, France), &*others.record).into_parts().1);
    for envelope in refused {
        assert!(france.client.report_violation(envelope).await.is_err());
    }
    assert_eq!(world[Belgium].count_of(Act::ViolationReceived), 1);
    assert!(world[Belgium].count_of(Act::Alarm) >= 1);
}
