//! A record past the day of its review is a duty of its agency until somebody has looked at it.

use domain::correction::{Changes, Correction};
use domain::duty::{Asked, Debtor};
use domain::report::Mode;
use domain::submission::Submission;
use federation::cast::{Agency, Agency::*};
use federation::draft::{link, now};
use federation::patience::until;
use federation::world::Federation;
use std::time::Duration;

/// How long after now the review of a record is, in milliseconds: more than handing it in takes.
const SOON_MS: u64 = 3_000;

fn soon(by: Agency, path: &str) -> Submission {
    Submission { review_at: now().plus_ms(SOON_MS), ..link(by, path) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_owed_until_the_record_was_looked_at_or_is_gone() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let belgium = &world[Belgium];
    let mut wanted = ["later", "gone", "ended"].map(|path| soon(Belgium, path)).to_vec();
    wanted[2].valid_until = now().plus_ms(4 * SOON_MS);
    let ids = belgium.submit_all(wanted).await;
    belgium.submit(link(Belgium, "not due")).await.unwrap();
    let theirs = world[Spain].submit(soon(Spain, "theirs")).await.unwrap().record_id;
    until("Belgium has it", || belgium.holds(&theirs)).await;
    let survey = || belgium.desk().survey_reviews(&|| false).unwrap();
    tokio::time::sleep(Duration::from_millis(SOON_MS + 200)).await;
    let due = survey();
    assert_eq!(due.len(), 3, "its own, and those alone");
    assert_eq!(belgium.desk().owe_reviews(due.clone()).await.unwrap(), 3);
    assert_eq!(belgium.desk().owe_reviews(survey()).await.unwrap(), 0, "each once");
    let officer = belgium.officer().await;
    let listed = officer.list_duties(None).await.unwrap();
    assert!(
        listed
            .iter()
            .all(|one| { one.duty.asked == Asked::Review && one.duty.debtor == Debtor::Ourselves })
    );
    assert!(
        listed.iter().all(|one| one.duty.is_overdue(now()) && ids.contains(&one.duty.record_id))
    );
    assert_eq!(officer.status().await.unwrap().overdue_duties, 3);

    let case = belgium.open_case("BR20.F1.12/26").await.case_id;
    let changes = Changes { review_at: Some(now().plus_days(30)), ..Changes::default() };
    let (reason, expected) = ("still needed".to_owned(), None);
    let correction = Correction { case, reason, changes, expected };
    officer.correct(ids[0].into(), correction, Mode::Real).await.unwrap();
    officer.withdraw(ids[1].into()).await.unwrap();
    let reviews = || {
        let duties = belgium.desk().list_duties(None).unwrap();
        let reviews = duties.into_iter().filter(|(_, duty)| duty.asked == Asked::Review);
        reviews.map(|(_, duty)| duty.record_id).collect::<Vec<_>>()
    };
    assert_eq!(reviews(), [ids[2]], "who looks at it has done it");
    let is_over = || !belgium.store().hit_row(&ids[2]).is_some_and(|row| row.is_live(now()));
    until("it ends", is_over).await;
    assert_eq!(belgium.desk().settle_reviews(&|| false).await.unwrap(), 1);
    assert_eq!(reviews(), []);
    // What was found before is not owed for what was looked at since.
    assert_eq!(belgium.desk().owe_reviews(due).await.unwrap(), 0);
}
