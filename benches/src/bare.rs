//! The limit beside a node: the same call over the same connections with nothing behind it but a
//! hash set, or not even that.

use crate::door::Answers;
use crate::record::Author;
use domain::token::TokenKey;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::ask_response::Answer;
use wire::v1::peer_service_server::PeerService;

/// The size of an answer without many matches, as a node pads it.
const ANSWER_BYTES: usize = wire::convert::question::ANSWER_STEP_BYTES;
/// What an answer needs beside its padding, near enough.
const FRAME_BYTES: usize = 40;
const TOKEN_BYTES: usize = domain::digest::DIGEST_BYTES;

/// Tokens are random: their first eight bytes are a hash already.
#[derive(Debug, Clone, Copy, Default)]
pub struct TakeFirst(u64);

impl Hasher for TakeFirst {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    // A hash set writes the length of a slice or an array before its bytes.
    fn write_usize(&mut self, _: usize) {}
}

/// What stands behind the call.
pub enum Behind {
    /// A set of tokens; the answer holds the slots that were found and is padded as a node pads.
    Set(HashSet<[u8; TOKEN_BYTES], BuildHasherDefault<TakeFirst>>),
    /// Nothing: the answer is what was asked.
    Echo,
}

impl Behind {
    /// The set of the tokens of the first records under a key.
    pub fn set(key: &TokenKey, records: u64) -> Self {
        let tokens = (0..records).map(|number| *key.token(&Author::fingerprint(number)).as_bytes());
        Self::Set(tokens.collect())
    }

    fn answer(&self, request: &v1::AskRequest) -> v1::AskResponse {
        let (payload, padding) = match self {
            Self::Echo => (Vec::new(), request.tokens.to_vec()),
            Self::Set(set) => {
                let (tokens, _) = request.tokens.as_chunks::<TOKEN_BYTES>();
                let found = (0_u16..).zip(tokens).filter(|(_, token)| set.contains(*token));
                let slots: Vec<u8> = found.flat_map(|(slot, _)| slot.to_be_bytes()).collect();
                let filling = ANSWER_BYTES.saturating_sub(FRAME_BYTES + slots.len());
                (slots, vec![0; filling])
            }
        };
        let matches = (!payload.is_empty()).then(|| v1::Envelope {
            payload,
            payload_type: String::new(),
            signatures: Vec::new(),
        });
        let matched = v1::Matched { as_of_ms: request.asked_at_ms, matches };
        v1::AskResponse { answer: Some(Answer::Matched(matched)), padding }
    }
}

/// The service.
pub struct Bare {
    /// What answers.
    pub behind: Behind,
}

fn elsewhere<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("this server only answers questions"))
}

#[tonic::async_trait]
impl PeerService for Bare {
    type WatchStream = Answers<v1::WatchResponse>;
    type PullStream = Answers<v1::PullResponse>;

    async fn ask(
        &self,
        request: Request<v1::AskRequest>,
    ) -> Result<Response<v1::AskResponse>, Status> {
        Ok(Response::new(self.behind.answer(request.get_ref())))
    }

    async fn hello(
        &self,
        _: Request<v1::HelloRequest>,
    ) -> Result<Response<v1::HelloResponse>, Status> {
        elsewhere()
    }

    async fn fetch_token_keys(
        &self,
        _: Request<v1::FetchTokenKeysRequest>,
    ) -> Result<Response<v1::FetchTokenKeysResponse>, Status> {
        elsewhere()
    }

    async fn watch(
        &self,
        _: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        elsewhere()
    }

    async fn pull(
        &self,
        _: Request<v1::PullRequest>,
    ) -> Result<Response<Self::PullStream>, Status> {
        elsewhere()
    }

    async fn acknowledge_changes(
        &self,
        _: Request<v1::AcknowledgeChangesRequest>,
    ) -> Result<Response<v1::AcknowledgeChangesResponse>, Status> {
        elsewhere()
    }

    async fn raise_dispute(
        &self,
        _: Request<v1::RaiseDisputeRequest>,
    ) -> Result<Response<v1::RaiseDisputeResponse>, Status> {
        elsewhere()
    }

    async fn answer_dispute(
        &self,
        _: Request<v1::AnswerDisputeRequest>,
    ) -> Result<Response<v1::AnswerDisputeResponse>, Status> {
        elsewhere()
    }

    async fn report_violation(
        &self,
        _: Request<v1::ReportViolationRequest>,
    ) -> Result<Response<v1::ReportViolationResponse>, Status> {
        elsewhere()
    }

    async fn ask_permission(
        &self,
        _: Request<v1::AskPermissionRequest>,
    ) -> Result<Response<v1::AskPermissionResponse>, Status> {
        elsewhere()
    }

    async fn acknowledge_purge(
        &self,
        _: Request<v1::AcknowledgePurgeRequest>,
    ) -> Result<Response<v1::AcknowledgePurgeResponse>, Status> {
        elsewhere()
    }

    async fn list_dockets(
        &self,
        _: Request<v1::ListDocketsRequest>,
    ) -> Result<Response<v1::ListDocketsResponse>, Status> {
        elsewhere()
    }

    type FetchPapersStream = Answers<v1::FetchPapersResponse>;

    async fn fetch_papers(
        &self,
        _: Request<v1::FetchPapersRequest>,
    ) -> Result<Response<Self::FetchPapersStream>, Status> {
        elsewhere()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_finds_its_tokens_and_nothing_else() {
        let key = TokenKey::from_bytes([7; 32]);
        let behind = Behind::set(&key, 100);
        let ask = |numbers: &[u64]| {
            let token = |number: &u64| *key.token(&Author::fingerprint(*number)).as_bytes();
            let tokens: Vec<u8> = numbers.iter().flat_map(token).collect();
            let request = v1::AskRequest { tokens: tokens.into(), ..Default::default() };
            match behind.answer(&request).answer {
                Some(Answer::Matched(matched)) => matched.matches.map(|matches| matches.payload),
                _ => panic!("no answer"),
            }
        };
        assert_eq!(ask(&[5, 1000, 99]), Some(vec![0, 0, 0, 2]));
        assert_eq!(ask(&[100, 101]), None);
    }
}
