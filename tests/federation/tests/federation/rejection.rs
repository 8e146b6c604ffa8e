//! A party that says no ends it, at every node, and no later signature mends it.

use agreement::{Agreement, Phase, Step};
use federation::cast::Agency::*;
use federation::draft::{link, now};
use federation::patience::{stays, until};
use federation::world::{Federation, sign};

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_agreement_carries_nothing_whatever_is_signed_afterwards() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&[Belgium, Spain, France]));
    world.start(&[Belgium, Morocco]).await;
    world[Belgium].submit(link(Belgium, "early")).await.unwrap();
    let agreement = Agreement::new(world.terms.clone()).unwrap();
    let rejected = world.said_by(Morocco, Step::Reject { agreement: agreement.hash() });
    world.file(&[Morocco], vec![rejected]).await;
    let is_over = |at| world.on_file(at).state(now()).phase() == Phase::Rejected;
    until("both know", || is_over(Belgium) && is_over(Morocco)).await;
    let late = world.said_by(Morocco, sign(&agreement));
    world.file(&[Morocco], vec![late]).await;
    stays("nothing leaves", || {
        is_over(Belgium) && is_over(Morocco) && world[Morocco].records_from(Belgium) == 0
    })
    .await;
}
