//! The committed code generated from `proto/` is what today's generator makes.
//!
//! `MALINES_REGENERATE=1 cargo test -p malines-wire --test generated` writes it anew.

use std::path::{Path, PathBuf};

#[test]
fn committed_code_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let proto = root.join("../../proto");
    let files = ["docket", "officer", "peer", "record", "value"]
        .map(|name| PathBuf::from(format!("malines/v1/{name}.proto")));
    let descriptors = protox::compile(files, [&proto]).expect("the protos compile");
    let out = tempfile::tempdir().expect("a temporary folder");
    tonic_prost_build::configure()
        .out_dir(out.path())
        .bytes(".malines.v1.AskRequest.tokens")
        // Their Debug is written by hand: it shows no identifier and no free text.
        .skip_debug([
            ".malines.v1.AskPermissionRequest",
            ".malines.v1.AskRequest",
            ".malines.v1.Case",
            ".malines.v1.Changes",
            ".malines.v1.CorrectRequest",
            ".malines.v1.Difference",
            ".malines.v1.DisputeRecordRequest",
            ".malines.v1.DisputeStanding",
            ".malines.v1.Envelope",
            ".malines.v1.EraseRequest",
            ".malines.v1.HoldStanding",
            ".malines.v1.OpenCaseRequest",
            ".malines.v1.PastVersion",
            ".malines.v1.PendingApproval",
            ".malines.v1.PlaceHoldRequest",
            ".malines.v1.QueryRequest",
            ".malines.v1.RuleOnDisputesRequest",
            ".malines.v1.Submission",
            ".malines.v1.UseInCourtRequest",
        ])
        .build_transport(false)
        .compile_fds(descriptors)
        .expect("the code is generated");
    let fresh = std::fs::read_to_string(out.path().join("malines.v1.rs")).expect("one file");
    let committed = root.join("src/gen/malines.v1.rs");
    if std::env::var_os("MALINES_REGENERATE").is_some() {
        std::fs::write(&committed, &fresh).expect("the folder can be written");
    }
    let kept = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(kept == fresh, "stale: run with MALINES_REGENERATE=1");
}
