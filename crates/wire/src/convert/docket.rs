//! Papers of agreements, between nodes and from officers: carried as they are, verified by whoever
//! files them.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::node::STANDING_CHARACTERS_MAX;
use crate::v1;
use agreement::docket::PAPERS_MAX;
use agreement::{AGREEMENT_BYTES_MAX, Paper};
use domain::envelope::Envelope;
use domain::name::{AgreementId, Digest};
use domain::report::PapersFiled;
use std::collections::BTreeSet;

/// The most papers of one message.
pub const PAPERS_PER_MESSAGE_MAX: usize = 512;
/// Papers beyond so many bytes begin the next message.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The most dockets of one list.
pub const DOCKETS_MAX: usize = 256;

impl From<Paper> for v1::Paper {
    fn from(paper: Paper) -> Self {
        let paper = match paper {
            Paper::Version { bytes } => v1::paper::Paper::Version(bytes),
            Paper::Signed { envelope } => v1::paper::Paper::Signed(envelope.into()),
        };
        Self { paper: Some(paper) }
    }
}

impl TryFrom<v1::Paper> for Paper {
    type Error = Invalid;

    fn try_from(message: v1::Paper) -> Result<Self, Invalid> {
        match message.paper {
            None => Err(Invalid::new("paper", Why::Missing)),
            Some(v1::paper::Paper::Version(bytes)) if bytes.len() > AGREEMENT_BYTES_MAX => {
                Err(Invalid::new("version", Why::TooLong { max: AGREEMENT_BYTES_MAX }))
            }
            Some(v1::paper::Paper::Version(bytes)) => Ok(Paper::Version { bytes }),
            Some(v1::paper::Paper::Signed(envelope)) => {
                Ok(Paper::Signed { envelope: Envelope::try_from(envelope)? })
            }
        }
    }
}

fn papers(list: Vec<v1::Paper>) -> Result<Vec<Paper>, Invalid> {
    field::list("papers", list, PAPERS_PER_MESSAGE_MAX, Paper::try_from)
}

/// Papers in messages that are not too large.
fn in_messages(papers: Vec<Paper>) -> Vec<Vec<v1::Paper>> {
    let mut messages = Vec::new();
    let mut message: Vec<v1::Paper> = Vec::new();
    let mut bytes = 0;
    for paper in papers {
        let size = paper.size_bytes();
        let full = bytes + size > MESSAGE_BYTES_MAX || message.len() == PAPERS_PER_MESSAGE_MAX;
        if full && !message.is_empty() {
            messages.push(core::mem::take(&mut message));
            bytes = 0;
        }
        bytes += size;
        message.push(paper.into());
    }
    if !message.is_empty() {
        messages.push(message);
    }
    messages
}

/// What a partner is told of the agreements shared with it.
pub fn to_dockets(dockets: Vec<(AgreementId, Digest)>) -> v1::ListDocketsResponse {
    let dockets = dockets.into_iter().take(DOCKETS_MAX).map(|(agreement, root)| v1::DocketRoot {
        agreement: agreement.to_string(),
        root: root.as_bytes().to_vec(),
    });
    v1::ListDocketsResponse { dockets: dockets.collect() }
}

/// What a partner told of the agreements shared with it.
///
/// # Errors
/// [`Invalid`].
pub fn from_dockets(
    response: v1::ListDocketsResponse,
) -> Result<Vec<(AgreementId, Digest)>, Invalid> {
    field::list("dockets", response.dockets, DOCKETS_MAX, |docket| {
        let agreement = field::name("agreement", &docket.agreement)?;
        Ok((agreement, Digest::from_bytes(field::bytes("root", &docket.root)?)))
    })
}

/// Asks for the papers of an agreement that are not among these.
pub fn to_fetch(agreement: &AgreementId, held: &BTreeSet<Digest>) -> v1::FetchPapersRequest {
    let mut bytes = Vec::with_capacity(held.len() * Digest::BYTES);
    for hash in held {
        bytes.extend_from_slice(hash.as_bytes());
    }
    v1::FetchPapersRequest { agreement: agreement.to_string(), held: bytes }
}

/// Which papers of which agreement a partner holds.
///
/// # Errors
/// [`Invalid`].
pub fn from_fetch(
    request: v1::FetchPapersRequest,
) -> Result<(AgreementId, BTreeSet<Digest>), Invalid> {
    let agreement = field::name("agreement", &request.agreement)?;
    if request.held.len() > PAPERS_MAX * Digest::BYTES {
        return Err(Invalid::new("held", Why::TooLong { max: PAPERS_MAX * Digest::BYTES }));
    }
    let (hashes, rest) = request.held.as_chunks::<{ Digest::BYTES }>();
    if !rest.is_empty() {
        return Err(Invalid::new("held", Why::Step));
    }
    Ok((agreement, hashes.iter().map(|hash| Digest::from_bytes(*hash)).collect()))
}

/// Papers for a partner, message by message.
pub fn to_fetched(papers: Vec<Paper>) -> impl Iterator<Item = v1::FetchPapersResponse> {
    in_messages(papers).into_iter().map(|papers| v1::FetchPapersResponse { papers })
}

/// One message of papers from a partner.
///
/// # Errors
/// [`Invalid`].
pub fn from_fetched(response: v1::FetchPapersResponse) -> Result<Vec<Paper>, Invalid> {
    papers(response.papers)
}

/// Which docket an officer reads.
///
/// # Errors
/// [`Invalid`].
pub fn from_read_request(request: &v1::ReadDocketRequest) -> Result<AgreementId, Invalid> {
    field::name("agreement", &request.agreement)
}

/// Papers for an officer, message by message.
pub fn to_read(papers: Vec<Paper>) -> impl Iterator<Item = v1::ReadDocketResponse> {
    in_messages(papers).into_iter().map(|papers| v1::ReadDocketResponse { papers })
}

/// One message of papers from the own node.
///
/// # Errors
/// [`Invalid`].
pub fn from_read(response: v1::ReadDocketResponse) -> Result<Vec<Paper>, Invalid> {
    papers(response.papers)
}

/// Papers that an officer files.
pub fn to_filing(papers: Vec<Paper>) -> v1::FilePapersRequest {
    v1::FilePapersRequest { papers: papers.into_iter().map(Into::into).collect() }
}

/// Papers that an officer files.
///
/// # Errors
/// [`Invalid`]: none, too many, or not well formed.
pub fn from_filing(request: v1::FilePapersRequest) -> Result<Vec<Paper>, Invalid> {
    if request.papers.is_empty() {
        return Err(Invalid::new("papers", Why::Missing));
    }
    papers(request.papers)
}

impl From<PapersFiled> for v1::FilePapersResponse {
    fn from(filed: PapersFiled) -> Self {
        Self {
            agreement: filed.agreement.to_string(),
            taken: filed.taken,
            standing: field::fit(&filed.standing, STANDING_CHARACTERS_MAX),
        }
    }
}

impl TryFrom<v1::FilePapersResponse> for PapersFiled {
    type Error = Invalid;

    fn try_from(response: v1::FilePapersResponse) -> Result<Self, Invalid> {
        Ok(Self {
            agreement: field::name("agreement", &response.agreement)?,
            taken: response.taken,
            standing: field::text("standing", response.standing, STANDING_CHARACTERS_MAX)?,
        })
    }
}
