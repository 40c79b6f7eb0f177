//! `ComplianceService`.

use probity_proto::v1;
use probity_proto::v1::compliance_service_server::ComplianceService;
use probity_query::{AccessDenied, Listing, QueryContext, QueryError, RequestContext, Scope};
use probity_schemas::Identity;
use tonic::{Request, Response, Status};

use crate::gate;
use crate::inbox::{self, Asker};
use crate::query::{self, Wanted};
use crate::verdicts::adopted::{self, Packs};
use crate::verdicts::{explain, list};

/// How many questions to the deployment gate are answered at once.
const QUESTIONS_MOST: usize = 1_000;

/// The standing questions and inboxes over gRPC.
#[derive(Debug, Clone)]
pub struct ComplianceHandler {
    context: QueryContext,
    packs: Packs,
}

impl ComplianceHandler {
    /// Answers from the view of `context`.
    pub fn new(context: QueryContext) -> Self {
        Self { context, packs: Packs::default() }
    }

    fn at(&self, at_ms: Option<u64>) -> u64 {
        at_ms.unwrap_or_else(|| self.context.now_ms())
    }
}

#[tonic::async_trait]
impl ComplianceService for ComplianceHandler {
    async fn list_questions(
        &self,
        request: Request<v1::ListQuestionsRequest>,
    ) -> Result<Response<v1::ListQuestionsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::ListQuestionsRequest { namespace, at_ms, min_tree_size } = request.into_inner();
        let (namespace, at_ms) = (query::namespace(&namespace)?, self.at(at_ms));
        let query = move |view: &_, scope: &_| query::counts(view, namespace.as_ref(), scope, at_ms);
        let (as_of, counted) = self.context.answer(caller, min_tree_size, query).await?;
        Ok(Response::new(v1::ListQuestionsResponse { as_of: Some(as_of), ..counted }))
    }

    async fn list_deficiencies(
        &self,
        request: Request<v1::ListDeficienciesRequest>,
    ) -> Result<Response<v1::ListDeficienciesResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let wanted = Wanted {
            question: query::question(&request.question)?,
            namespace: query::namespace(&request.namespace)?,
            subject: request.subject,
            at_ms: request.at_ms.unwrap_or_else(|| listing.now_ms()),
            over: request.over,
        };
        let query = move |view: &_, scope: &_, page: &_| query::deficiencies(view, &wanted, scope, page);
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (deficiencies, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListDeficienciesResponse { as_of: Some(as_of), deficiencies, next_page_token }))
    }

    async fn get_approval(
        &self,
        request: Request<v1::GetApprovalRequest>,
    ) -> Result<Response<v1::GetApprovalResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::GetApprovalRequest { subject, at_ms, min_tree_size } = request.into_inner();
        let at_ms = self.at(at_ms);
        let query = move |view: &_, scope: &_| query::approvals(view, &subject, scope, at_ms);
        let (as_of, approvals) = self.context.answer(caller, min_tree_size, query).await?;
        Ok(Response::new(v1::GetApprovalResponse { as_of: Some(as_of), approvals }))
    }

    async fn get_inbox(&self, request: Request<v1::GetInboxRequest>) -> Result<Response<v1::GetInboxResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::GetInboxRequest { identity, at_ms, min_tree_size } = request.into_inner();
        let invalid = |error| QueryError::Invalid { field: "identity", reason: format!("{error}") };
        let identity: Identity = identity.parse().map_err(invalid)?;
        let (access, at_ms, own) = (self.context.access().clone(), self.at(at_ms), caller.is_from(&identity));
        let query = move |view: &_, scope: &Scope| {
            if !own && *scope != Scope::Everything {
                return Err(AccessDenied::NotYours { identity }.into());
            }
            let asker = Asker { identity: &identity, access: &*access, at_ms };
            inbox::items(view, &asker, scope)
        };
        let (as_of, items) = self.context.answer(caller, min_tree_size, query).await?;
        Ok(Response::new(v1::GetInboxResponse { as_of: Some(as_of), items }))
    }

    async fn list_incident_clocks(
        &self,
        request: Request<v1::ListIncidentClocksRequest>,
    ) -> Result<Response<v1::ListIncidentClocksResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let (namespace, at_ms) =
            (query::namespace(&request.namespace)?, request.at_ms.unwrap_or_else(|| listing.now_ms()));
        let open_only = request.open_only;
        let query = move |view: &_, scope: &_, page: &_| {
            query::incidents(view, namespace.as_ref(), open_only, scope, at_ms, page)
        };
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (incidents, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListIncidentClocksResponse { as_of: Some(as_of), incidents, next_page_token }))
    }

    async fn list_packs(
        &self,
        request: Request<v1::ListPacksRequest>,
    ) -> Result<Response<v1::ListPacksResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::ListPacksRequest { at_ms, min_tree_size } = request.into_inner();
        let (packs, at_ms) = (self.packs.clone(), self.at(at_ms));
        let query = move |view: &_, scope: &_| adopted::list(&packs, view, scope, at_ms);
        let (as_of, packs) = self.context.answer(caller, min_tree_size, query).await?;
        Ok(Response::new(v1::ListPacksResponse { as_of: Some(as_of), packs }))
    }

    async fn list_verdicts(
        &self,
        request: Request<v1::ListVerdictsRequest>,
    ) -> Result<Response<v1::ListVerdictsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let wanted = list::Wanted {
            namespace: query::namespace(&request.namespace)?,
            verdicts: list::verdicts(&request.verdicts)?,
            at_ms: request.at_ms.unwrap_or_else(|| listing.now_ms()),
            known: request.known.unwrap_or(u64::MAX),
            pack: request.pack,
            control: request.control,
            subject: request.subject,
            all_versions: request.all_versions,
        };
        let packs = self.packs.clone();
        let query = move |view: &_, scope: &_, page: &_| list::list(&packs, view, &wanted, scope, page);
        let (as_of, (found, packs)) = self.context.page(caller, listing, query).await?;
        Ok(Response::new(v1::ListVerdictsResponse {
            as_of: Some(as_of),
            verdicts: found.items,
            next_page_token: found.next_page_token,
            packs: u32::try_from(packs).unwrap_or(u32::MAX),
        }))
    }

    async fn count_verdicts(
        &self,
        request: Request<v1::CountVerdictsRequest>,
    ) -> Result<Response<v1::CountVerdictsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let wanted = list::Wanted {
            namespace: query::namespace(&request.namespace)?,
            at_ms: request.at_ms.unwrap_or_else(|| listing.now_ms()),
            known: u64::MAX,
            pack: request.pack,
            all_versions: request.all_versions,
            ..list::Wanted::default()
        };
        let packs = self.packs.clone();
        let query = move |view: &_, scope: &_, page: &_| list::count(&packs, view, &wanted, scope, page);
        let (as_of, counted) = self.context.page(caller, listing, query).await?;
        Ok(Response::new(v1::CountVerdictsResponse {
            as_of: Some(as_of),
            counts: counted.counts,
            models: counted.models,
            versions: counted.versions,
            next_page_token: counted.next_page_token,
        }))
    }

    async fn check_deployment(
        &self,
        request: Request<v1::CheckDeploymentRequest>,
    ) -> Result<Response<v1::CheckDeploymentResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::CheckDeploymentRequest { questions, max_age_s, at_ms, min_tree_size } = request.into_inner();
        if questions.len() > QUESTIONS_MOST {
            let reason = format!("{} questions, at most {QUESTIONS_MOST} are answered at once", questions.len());
            return Err(QueryError::Invalid { field: "questions", reason }.into());
        }
        let asked = questions.iter().map(gate::asked).collect::<Result<Vec<_>, _>>()?;
        let at_ms = self.at(at_ms);
        let query = move |view: &_, scope: &_| {
            asked.iter().map(|asked| gate::decide(view, asked, scope, at_ms)).collect::<Result<Vec<_>, _>>()
        };
        let (as_of, mut decisions) = self.context.answer(caller, min_tree_size, query).await?;
        let now_ms = self.context.now_ms();
        let head = self.context.access().tree_size();
        let stale = max_age_s.and_then(|most_s| gate::stale(&as_of, head, now_ms, most_s));
        for (decision, question) in decisions.iter_mut().zip(questions) {
            if let Some(stale) = &stale {
                *decision = stale.clone();
            }
            decision.artifact = question.artifact;
        }
        Ok(Response::new(v1::CheckDeploymentResponse { as_of: Some(as_of), decisions }))
    }

    async fn explain_verdict(
        &self,
        request: Request<v1::ExplainVerdictRequest>,
    ) -> Result<Response<v1::ExplainVerdictResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let (packs, at_ms, least) = (self.packs.clone(), self.at(request.at_ms), request.min_tree_size);
        let query = move |view: &_, scope: &_| explain::explain(&packs, view, &request, scope, at_ms);
        let (as_of, explained) = self.context.answer(caller, least, query).await?;
        Ok(Response::new(v1::ExplainVerdictResponse { as_of: Some(as_of), ..explained }))
    }
}
