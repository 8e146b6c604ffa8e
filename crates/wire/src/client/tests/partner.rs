//! What the node at the other end answers a partner, in the tests of the clients.

use super::*;

#[tonic::async_trait]
impl PeerService for Node {
    type WatchStream = Items<v1::WatchResponse>;
    type PullStream = Items<v1::PullResponse>;

    async fn hello(
        &self,
        request: Request<v1::HelloRequest>,
    ) -> Result<Response<v1::HelloResponse>, Status> {
        let hello = Hello::try_from(request.into_inner()).unwrap();
        let protocol = match self.0 {
            Manner::Newer => PROTOCOL_MAX + 1,
            _ => hello.agreed().unwrap(),
        };
        let (incarnation, epoch) = ([1; 16], message(UpToDate::No).epoch);
        let reply = HelloReply { protocol, clock: hello.clock, incarnation, epoch };
        self.answers(reply.into(), v1::HelloResponse::default()).await
    }

    async fn fetch_token_keys(
        &self,
        request: Request<v1::FetchTokenKeysRequest>,
    ) -> Result<Response<v1::FetchTokenKeysResponse>, Status> {
        assert_eq!(pull::from_fetch(&request.into_inner()).unwrap().as_str(), "malines-2026");
        let keys = |count| v1::FetchTokenKeysResponse { keys: vec![Default::default(); count] };
        self.answers(keys(1), keys(3)).await
    }

    async fn watch(
        &self,
        _: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.answers(items(vec![v1::WatchResponse {}; 2]), items(Vec::new())).await
    }

    async fn pull(
        &self,
        request: Request<v1::PullRequest>,
    ) -> Result<Response<Self::PullStream>, Status> {
        PullRequest::try_from(request.into_inner()).unwrap();
        let first = pull::to_notice(message(UpToDate::No)).unwrap();
        let last = pull::to_notice(message(UpToDate::Yes)).unwrap();
        let good = match self.0 {
            Manner::Short => vec![first.clone()],
            _ => vec![first.clone(), last.clone(), last],
        };
        self.answers(items(good), items(vec![first, v1::PullResponse::default()])).await
    }

    async fn acknowledge_changes(
        &self,
        request: Request<v1::AcknowledgeChangesRequest>,
    ) -> Result<Response<v1::AcknowledgeChangesResponse>, Status> {
        crate::convert::duty::from_acknowledgement(request.into_inner()).unwrap();
        let done = v1::AcknowledgeChangesResponse {};
        self.answers(done, done).await
    }

    async fn raise_dispute(
        &self,
        _: Request<v1::RaiseDisputeRequest>,
    ) -> Result<Response<v1::RaiseDisputeResponse>, Status> {
        let done = v1::RaiseDisputeResponse {};
        self.answers(done, done).await
    }

    async fn answer_dispute(
        &self,
        _: Request<v1::AnswerDisputeRequest>,
    ) -> Result<Response<v1::AnswerDisputeResponse>, Status> {
        let done = v1::AnswerDisputeResponse {};
        self.answers(done, done).await
    }

    async fn report_violation(
        &self,
        _: Request<v1::ReportViolationRequest>,
    ) -> Result<Response<v1::ReportViolationResponse>, Status> {
        let done = v1::ReportViolationResponse {};
        self.answers(done, done).await
    }

    async fn ask_permission(
        &self,
        _: Request<v1::AskPermissionRequest>,
    ) -> Result<Response<v1::AskPermissionResponse>, Status> {
        let wrong = vec![v1::Envelope::default(); 17];
        let (good, wrong) = (Vec::new(), v1::AskPermissionResponse { approvals: wrong });
        self.answers(v1::AskPermissionResponse { approvals: good }, wrong).await
    }

    async fn acknowledge_purge(
        &self,
        request: Request<v1::AcknowledgePurgeRequest>,
    ) -> Result<Response<v1::AcknowledgePurgeResponse>, Status> {
        pull::from_acknowledgement(request.into_inner()).unwrap();
        let done = v1::AcknowledgePurgeResponse {};
        self.answers(done, done).await
    }

    async fn ask(
        &self,
        request: Request<v1::AskRequest>,
    ) -> Result<Response<v1::AskResponse>, Status> {
        let asked = question::from_request(request.into_inner(), agency("es-pn")).unwrap();
        let mut answer =
            question::to_response(Reply::NoMatch, &agency("be-fedpol"), asked.asked_at).unwrap();
        if self.0 == Manner::Huge {
            answer.padding = vec![0; DECODE_BYTES_MAX];
        }
        self.answers(answer, v1::AskResponse::default()).await
    }

    async fn list_dockets(
        &self,
        _: Request<v1::ListDocketsRequest>,
    ) -> Result<Response<v1::ListDocketsResponse>, Status> {
        let root = domain::name::Digest::from_bytes([5; 32]);
        let good = docket::to_dockets(vec![("malines-2026".parse().unwrap(), root)]);
        let wrong = v1::ListDocketsResponse { dockets: vec![v1::DocketRoot::default()] };
        self.answers(good, wrong).await
    }

    type FetchPapersStream = Items<v1::FetchPapersResponse>;

    async fn fetch_papers(
        &self,
        request: Request<v1::FetchPapersRequest>,
    ) -> Result<Response<Self::FetchPapersStream>, Status> {
        docket::from_fetch(request.into_inner()).unwrap();
        let wrong = v1::FetchPapersResponse { papers: vec![v1::Paper::default()] };
        self.answers(items(docket::to_fetched(papers()).collect()), items(vec![wrong])).await
    }
}
