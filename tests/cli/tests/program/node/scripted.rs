//! The calls of the node with fixed answers.

use super::*;
use domain::approval::Approval;
use domain::envelope::Payload as _;

#[tonic::async_trait]
impl OfficerService for Scripted {
    async fn status(
        &self,
        request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        self.hear("status", request.get_ref());
        Ok(Response::new(node_status().into()))
    }

    async fn open_case(
        &self,
        request: Request<v1::OpenCaseRequest>,
    ) -> Result<Response<v1::OpenCaseResponse>, Status> {
        self.hear("open_case", request.get_ref());
        let opening = CaseOpening::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        if opening.agreement.as_str() != "malines-2026" {
            let refusal = Refusal::by_rule(RefusalCode::AgreementUnknown, "C01-agreement");
            return Err(to_status(&refusal, Reader::Officer));
        }
        if opening.clause.as_str() != "4.2" {
            let rule = "code.clause; clauses that cover it: 4.1, 4.2";
            let refusal = Refusal::by_rule(RefusalCode::PurposeNotCovered, rule);
            return Err(to_status(&refusal, Reader::Officer));
        }
        let opened = Case { reference: opening.reference, ..case(13) };
        Ok(Response::new(opened.into()))
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        let after = request.get_ref().after_number;
        let cases: Vec<Case> =
            [3, 12].into_iter().filter(|number| *number > after).map(case).collect();
        Ok(Response::new(cases.into()))
    }

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let name = if request.get_ref().dry_run { "submit-dry" } else { "submit-real" };
        self.hear(name, request.get_ref());
        let (submissions, mode) = submission::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let results: Vec<SubmissionResult> = submissions
            .iter()
            .enumerate()
            .map(|(number, one)| self.receive(number, one, mode))
            .collect();
        Ok(Response::new(results.into()))
    }

    async fn query(
        &self,
        request: Request<v1::QueryRequest>,
    ) -> Result<Response<v1::QueryResponse>, Status> {
        let name = if request.get_ref().dry_run { "query-dry" } else { "query-real" };
        self.hear(name, request.get_ref());
        let (query, mode) =
            query::from_request(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        if query.kind == Kind::Wallet {
            return Err(to_status(
                &Refusal::by_rule(RefusalCode::NoCase, "C02-case"),
                Reader::Officer,
            ));
        }
        let names = ["es-pn", "fr-oltim", "ma-dgsn"];
        let rows = names.iter().zip(answers(query.kind)).map(|(name, answer)| AnswerRow {
            agency: name.parse().unwrap(),
            note: match &answer {
                PartnerAnswer::NotAsked(_) => "C03-transfer-basis".to_owned(),
                PartnerAnswer::NoAnswer(_) => "no answer within 10 s".to_owned(),
                _ => String::new(),
            },
            answer: (mode == Mode::Real).then_some(answer),
            as_of: at(21),
        });
        let answers = rows.filter(|row| query.ask.contains(&row.agency)).collect();
        let held =
            if query.kind == Kind::Url { vec![hit(query.kind, "es-pn", 12)] } else { Vec::new() };
        let allowance = Allowance { asked_today: 12, per_day: 1000 };
        let report = QueryReport { held, answers, audit_sequence: 40_214, allowance };
        Ok(Response::new(report.into()))
    }

    async fn list_hits(
        &self,
        request: Request<v1::ListHitsRequest>,
    ) -> Result<Response<v1::ListHitsResponse>, Status> {
        let after =
            HitsAfter::try_from(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        let hits = match after {
            HitsAfter(None) => {
                vec![hit(Kind::Url, "es-pn", 12), hit(Kind::InviteCode, "fr-oltim", 3)]
            }
            HitsAfter(Some(_)) => Vec::new(),
        };
        Ok(Response::new(hits.into()))
    }

    async fn withdraw(
        &self,
        request: Request<v1::WithdrawRequest>,
    ) -> Result<Response<v1::WithdrawResponse>, Status> {
        self.hear("withdraw", request.get_ref());
        let record = RecordReference::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let mut bytes = [0; 16];
        bytes[..record.as_bytes().len()].copy_from_slice(record.as_bytes());
        if bytes[0] == 0xff {
            return Err(to_status(&Refusal::new(RefusalCode::NotHeld), Reader::Officer));
        }
        let partners = ["es-pn", "fr-oltim"].iter().map(|name| name.parse().unwrap()).collect();
        let receipt = WithdrawalReceipt {
            record_id: RecordId::from_bytes(bytes),
            audit_sequence: 40_215,
            partners,
        };
        Ok(Response::new(receipt.into()))
    }

    async fn correct(
        &self,
        request: Request<v1::CorrectRequest>,
    ) -> Result<Response<v1::CorrectResponse>, Status> {
        let name = if request.get_ref().dry_run { "correct-dry" } else { "correct-real" };
        self.hear(name, request.get_ref());
        let (record, wanted, _) = correction::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let record_id = known(record.as_bytes())?;
        let is_first = record_id.as_bytes()[0] == 0x5f;
        let mut differences = Vec::new();
        let mut differs = |key: &str, before: &str, after: String| {
            let key = STATEMENT_KEYS.into_iter().find(|known| *known == key).unwrap();
            differences.push(Difference { key, before: before.to_owned(), after });
        };
        if let Some(tlp) = wanted.changes.tlp.filter(|_| is_first) {
            differs("tlp", "AMBER", tlp.to_string());
        }
        if let Some(audience) = wanted.changes.audience.filter(|_| is_first) {
            let names: Vec<String> = audience.iter().map(ToString::to_string).collect();
            differs("audience", "es-pn", names.join(", "));
        }
        let repeated = if differences.is_empty() { Repeated::Yes } else { Repeated::No };
        let receipt = CorrectionReceipt {
            record_id,
            version: Version { epoch: 1, n: if repeated == Repeated::Yes { 1 } else { 2 } },
            repeated,
            audit_sequence: 40_216,
            differences,
            outlook: outlook(Kind::Url),
            told: vec!["es-pn".parse().unwrap()],
        };
        Ok(Response::new(receipt.into()))
    }

    async fn history(
        &self,
        request: Request<v1::HistoryRequest>,
    ) -> Result<Response<v1::HistoryResponse>, Status> {
        let record = RecordReference::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let record_id = known(record.as_bytes())?;
        let differs = |key, before: &str, after: &str| Difference {
            key,
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let first = PastVersion {
            version: Version::FIRST,
            made_at: at(2),
            made_by: Some("BE-1042".parse().unwrap()),
            reason: None,
            case: None,
            differences: vec![differs("tlp", "", "GREEN"), differs("audience", "", "es-pn")],
        };
        let second = PastVersion {
            version: Version { epoch: 1, n: 2 },
            made_at: at(9),
            made_by: Some("BE-1077".parse().unwrap()),
            reason: Some("the source asked for \u{202e}more care".to_owned()),
            case: Some(CaseId::from_bytes([12; 16])),
            differences: vec![differs("tlp", "GREEN", "AMBER")],
        };
        Ok(Response::new(History { record_id, versions: vec![first, second] }.into()))
    }

    async fn place_hold(
        &self,
        request: Request<v1::PlaceHoldRequest>,
    ) -> Result<Response<v1::PlaceHoldResponse>, Status> {
        self.hear("place_hold", request.get_ref());
        let (record, order) =
            hold::from_request(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        let record_id = known(record.as_bytes())?;
        if order.review_at.as_date().0 > 2090 {
            return Err(to_status(&RefusalCode::RetentionImpossible.into(), Reader::Officer));
        }
        Ok(Response::new(hold_receipt(record_id, 40_217).into()))
    }

    async fn list_holds(
        &self,
        request: Request<v1::ListHoldsRequest>,
    ) -> Result<Response<v1::ListHoldsResponse>, Status> {
        let HoldsAfter(after) =
            HoldsAfter::try_from(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        let holds = if after.is_none() { vec![hold_standing()] } else { Vec::new() };
        Ok(Response::new(holds.into()))
    }

    async fn read_hold(
        &self,
        request: Request<v1::ReadHoldRequest>,
    ) -> Result<Response<v1::ReadHoldResponse>, Status> {
        self.hear("read_hold", request.get_ref());
        let hold = HoldReference::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        known(hold.as_bytes())?;
        let says =
            |key, after: &str| Difference { key, before: String::new(), after: after.to_owned() };
        let reading = HeldReading {
            standing: hold_standing(),
            version: Version { epoch: 1, n: 2 },
            made_at: at(2),
            says: vec![says("tlp", "AMBER"), says("audience", "be-fedpol")],
            older: vec![PastVersion {
                version: Version::FIRST,
                made_at: at(1),
                made_by: None,
                reason: None,
                case: None,
                differences: vec![says("tlp", "GREEN"), says("audience", "be-fedpol")],
            }],
        };
        Ok(Response::new(reading.into()))
    }

    async fn lift_hold(
        &self,
        request: Request<v1::LiftHoldRequest>,
    ) -> Result<Response<v1::LiftHoldResponse>, Status> {
        self.hear("lift_hold", request.get_ref());
        let (hold, _) = hold::from_lift_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        known(hold.as_bytes())?;
        let receipt = hold_receipt(hold_standing().hold.record_id, 40_218);
        Ok(Response::new(receipt.into()))
    }

    async fn dispute_record(
        &self,
        request: Request<v1::DisputeRecordRequest>,
    ) -> Result<Response<v1::DisputeRecordResponse>, Status> {
        self.hear("dispute_record", request.get_ref());
        let (record, _) = dispute::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        Ok(Response::new(dispute_receipt(known(record.as_bytes())?)?.into()))
    }

    async fn list_disputes(
        &self,
        request: Request<v1::ListDisputesRequest>,
    ) -> Result<Response<v1::ListDisputesResponse>, Status> {
        let is_first = request.into_inner().after.is_empty();
        Ok(Response::new(if is_first { disputes() } else { Vec::new() }.into()))
    }

    async fn rule_on_disputes(
        &self,
        request: Request<v1::RuleOnDisputesRequest>,
    ) -> Result<Response<v1::RuleOnDisputesResponse>, Status> {
        self.hear("rule_on_disputes", request.get_ref());
        let (record, ruling) =
            dispute::from_ruling(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        Ok(Response::new(answer_receipt(known(record.as_bytes())?, ruling.verdict).into()))
    }

    async fn lift_dispute(
        &self,
        request: Request<v1::LiftDisputeRequest>,
    ) -> Result<Response<v1::LiftDisputeResponse>, Status> {
        self.hear("lift_dispute", request.get_ref());
        let record_id = known(&request.into_inner().record_id)?;
        Ok(Response::new(LiftReceipt { record_id, audit_sequence: 40_222 }.into()))
    }

    async fn list_duties(
        &self,
        request: Request<v1::ListDutiesRequest>,
    ) -> Result<Response<v1::ListDutiesResponse>, Status> {
        self.hear("list_duties", request.get_ref());
        let DutiesAfter(after) = DutiesAfter::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        Ok(Response::new(duties(after).into()))
    }

    async fn erase(
        &self,
        request: Request<v1::EraseRequest>,
    ) -> Result<Response<v1::EraseResponse>, Status> {
        self.hear("erase", request.get_ref());
        let (records, _) = erasure::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let results = records.iter().map(|record| match record.as_bytes()[0] {
            0xff => Err(Refusal::new(RefusalCode::NotHeld)),
            0xee => Err(Refusal::by_rule(RefusalCode::UnderHold, "hold H-88888888")),
            first => Ok(ErasureReceipt {
                record_id: filled(record.as_bytes()),
                origin: if first == 0x5f { "be-fedpol" } else { "es-pn" }.parse().unwrap(),
                told: if first == 0x5f { vec!["es-pn".parse().unwrap()] } else { Vec::new() },
                audit_sequence: 40_219,
            }),
        });
        let results: Vec<ErasureResult> = results.collect();
        Ok(Response::new(results.into()))
    }

    async fn record_reach(
        &self,
        request: Request<v1::RecordReachRequest>,
    ) -> Result<Response<v1::RecordReachResponse>, Status> {
        let record = RecordReference::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        Ok(Response::new(reach(known(record.as_bytes())?)))
    }

    async fn read_policy(
        &self,
        request: Request<v1::ReadPolicyRequest>,
    ) -> Result<Response<v1::ReadPolicyResponse>, Status> {
        Ok(Response::new(rules(request.into_inner())?))
    }

    async fn read_census(
        &self,
        _: Request<v1::ReadCensusRequest>,
    ) -> Result<Response<v1::ReadCensusResponse>, Status> {
        Ok(Response::new(census()))
    }

    async fn list_proposals(
        &self,
        _: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        Ok(Response::new(v1::ListProposalsResponse { proposals: vec![proposal()] }))
    }

    async fn sign_policy(
        &self,
        request: Request<v1::SignPolicyRequest>,
    ) -> Result<Response<v1::SignPolicyResponse>, Status> {
        self.hear("sign_policy", request.get_ref());
        Ok(Response::new(v1::SignPolicyResponse { proposal: Some(proposal()) }))
    }

    async fn activate_policy(
        &self,
        request: Request<v1::ActivatePolicyRequest>,
    ) -> Result<Response<v1::ActivatePolicyResponse>, Status> {
        self.hear("activate_policy", request.get_ref());
        let rule = "code.policy-signatures";
        Err(to_status(&Refusal::by_rule(RefusalCode::NeedsApproval, rule), Reader::Officer))
    }

    async fn freeze_policy(
        &self,
        request: Request<v1::FreezePolicyRequest>,
    ) -> Result<Response<v1::FreezePolicyResponse>, Status> {
        self.hear("freeze_policy", request.get_ref());
        Ok(Response::new(v1::FreezePolicyResponse { activated: Some(activated()) }))
    }

    async fn audit_head(
        &self,
        _: Request<v1::AuditHeadRequest>,
    ) -> Result<Response<v1::AuditHeadResponse>, Status> {
        let head =
            crate::kit::vector_json("audit/journal.json")["head"].as_str().unwrap().to_owned();
        Ok(Response::new(SignedNote(head).into()))
    }

    type AuditExportStream =
        tokio_stream::Iter<std::vec::IntoIter<Result<v1::AuditExportResponse, Status>>>;

    async fn audit_export(
        &self,
        _: Request<v1::AuditExportRequest>,
    ) -> Result<Response<Self::AuditExportStream>, Status> {
        let (log, _) = export();
        let pieces: Vec<_> = chunks(&log).map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(pieces)))
    }

    async fn approve(
        &self,
        request: Request<v1::ApproveRequest>,
    ) -> Result<Response<v1::ApproveResponse>, Status> {
        self.hear("approve", request.get_ref());
        let (_, signed) = wire::convert::approval::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let said = Approval::from_payload(&signed.payload).unwrap();
        Ok(Response::new(approval_receipt(&said, &signed).into()))
    }

    async fn use_in_court(
        &self,
        request: Request<v1::UseInCourtRequest>,
    ) -> Result<Response<v1::UseInCourtResponse>, Status> {
        self.hear("use_in_court", request.get_ref());
        let record_id = known(&request.into_inner().record_id)?;
        Ok(Response::new(court_use(record_id).into()))
    }

    async fn list_approvals(
        &self,
        request: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        let is_first = request.into_inner().after.is_empty();
        Ok(Response::new(if is_first { approvals() } else { Default::default() }.into()))
    }

    async fn end_approval(
        &self,
        _: Request<v1::EndApprovalRequest>,
    ) -> Result<Response<v1::EndApprovalResponse>, Status> {
        Err(unscripted())
    }

    type ReadDocketStream =
        tokio_stream::Iter<std::vec::IntoIter<Result<v1::ReadDocketResponse, Status>>>;

    async fn read_docket(
        &self,
        _: Request<v1::ReadDocketRequest>,
    ) -> Result<Response<Self::ReadDocketStream>, Status> {
        let docket = self.docket.lock().unwrap();
        let papers = docket.iter().flat_map(|docket| docket.papers().values().cloned()).collect();
        let messages: Vec<_> = docket::to_read(papers).map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(messages)))
    }

    async fn file_papers(
        &self,
        request: Request<v1::FilePapersRequest>,
    ) -> Result<Response<v1::FilePapersResponse>, Status> {
        let papers = docket::from_filing(request.into_inner()).unwrap();
        let mut kept = self.docket.lock().unwrap();
        let (docket, taken) = match kept.take() {
            None => {
                let docket = Docket::open(papers).unwrap();
                let taken = docket.papers().len();
                (docket, taken)
            }
            Some(mut docket) => {
                let taken = docket.admit_all(papers).unwrap().taken.len();
                (docket, taken)
            }
        };
        let filed = PapersFiled {
            agreement: docket.register().id().clone(),
            taken: u32::try_from(taken).unwrap(),
            standing: "as the node says".to_owned(),
        };
        *kept = Some(docket);
        Ok(Response::new(filed.into()))
    }
}
