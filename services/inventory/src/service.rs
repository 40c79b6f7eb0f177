//! `InventoryService`.

use probity_proto::v1;
use probity_proto::v1::inventory_service_server::InventoryService;
use probity_query::{Listing, QueryContext, RequestContext, one_of};
use tonic::{Request, Response, Status};

use crate::asked;
use crate::query::{self, Filter, Problems};

/// The inventory over gRPC.
#[derive(Debug, Clone)]
pub struct InventoryHandler {
    context: QueryContext,
}

impl InventoryHandler {
    /// Answers from the view of `context`.
    pub fn new(context: QueryContext) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl InventoryService for InventoryHandler {
    async fn list_use_cases(
        &self,
        request: Request<v1::ListUseCasesRequest>,
    ) -> Result<Response<v1::ListUseCasesResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let filter = request.filter.unwrap_or_default();
        asked::filter(&filter, asked::USE_CASE_STATES.iter().copied())?;
        let filter = Filter::of(filter)?;
        let query = move |view: &_, scope: &_, page: &_| query::use_cases(view, &filter, scope, page);
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (use_cases, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListUseCasesResponse { as_of: Some(as_of), use_cases, next_page_token }))
    }

    async fn list_models(
        &self,
        request: Request<v1::ListModelsRequest>,
    ) -> Result<Response<v1::ListModelsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let filter = request.filter.unwrap_or_default();
        asked::filter(&filter, asked::states())?;
        let (filter, names) = (Filter::of(filter)?, request.models);
        let query = move |view: &_, scope: &_, page: &_| match names.is_empty() {
            true => query::models(view, &filter, scope, page),
            false => query::models_named(view, &names, scope, page),
        };
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (models, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListModelsResponse { as_of: Some(as_of), models, next_page_token }))
    }

    async fn get_model(&self, request: Request<v1::GetModelRequest>) -> Result<Response<v1::GetModelResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::GetModelRequest { model, min_tree_size } = request.into_inner();
        let query = move |view: &_, scope: &_| crate::dossier::dossier(view, &model, scope);
        let (as_of, dossier) = self.context.answer(caller, min_tree_size, query).await?;
        Ok(Response::new(v1::GetModelResponse { as_of: Some(as_of), ..dossier }))
    }

    async fn list_versions(
        &self,
        request: Request<v1::ListVersionsRequest>,
    ) -> Result<Response<v1::ListVersionsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let v1::ListVersionsRequest { model, state, .. } = request;
        one_of("state", &state, asked::states())?;
        let query = move |view: &_, scope: &_, page: &_| query::versions(view, &model, &state, scope, page);
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (versions, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListVersionsResponse { as_of: Some(as_of), versions, next_page_token }))
    }

    async fn list_deployments(
        &self,
        request: Request<v1::ListDeploymentsRequest>,
    ) -> Result<Response<v1::ListDeploymentsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        asked::deployments(&request)?;
        let properties = [
            ("use_case", request.use_case.as_str()),
            ("region", &request.region),
            ("environment", &request.environment),
            ("state", &request.state),
        ];
        let (filter, model) = (Filter::by(&request.namespace, &properties)?, request.model);
        let query = move |view: &_, scope: &_, page: &_| query::deployments(view, &filter, &model, scope, page);
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (deployments, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListDeploymentsResponse { as_of: Some(as_of), deployments, next_page_token }))
    }

    async fn list_datasets(
        &self,
        request: Request<v1::ListDatasetsRequest>,
    ) -> Result<Response<v1::ListDatasetsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let v1::ListDatasetsRequest { namespace, state, .. } = request;
        one_of("state", &state, asked::DATASET_STATES.iter().copied())?;
        let filter = Filter::by(&namespace, &[("state", &state)])?;
        let query = move |view: &_, scope: &_, page: &_| query::datasets(view, &filter, scope, page);
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (datasets, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListDatasetsResponse { as_of: Some(as_of), datasets, next_page_token }))
    }

    async fn list_monitors(
        &self,
        request: Request<v1::ListMonitorsRequest>,
    ) -> Result<Response<v1::ListMonitorsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let namespace = query::namespace(&request.namespace)?;
        let (subject, state) = (request.subject, request.state);
        one_of("state", &state, asked::MONITOR_STATES.iter().copied())?;
        let query = move |view: &_, scope: &_, page: &_| {
            query::monitors(view, namespace.as_ref(), &subject, &state, scope, page)
        };
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (monitors, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListMonitorsResponse { as_of: Some(as_of), monitors, next_page_token }))
    }

    async fn list_problems(
        &self,
        request: Request<v1::ListProblemsRequest>,
    ) -> Result<Response<v1::ListProblemsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        asked::problems(&request)?;
        let open = Some(request.state.as_str()).filter(|state| !state.is_empty()).map(|state| state == "open");
        let namespace = query::namespace(&request.namespace)?;
        let (subject, kind, team) = (request.subject, request.kind, request.team);
        let problems = Problems { namespace, subject, kind, team, open };
        let query = move |view: &_, scope: &_, page: &_| query::problems(view, &problems, scope, page);
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (problems, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListProblemsResponse { as_of: Some(as_of), problems, next_page_token }))
    }

    async fn list_value(
        &self,
        request: Request<v1::ListValueRequest>,
    ) -> Result<Response<v1::ListValueResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let v1::ListValueRequest { namespace, subject, .. } = request;
        let namespace = query::namespace(&namespace)?;
        let query = move |view: &_, scope: &_, page: &_| query::value(view, namespace.as_ref(), &subject, scope, page);
        let (as_of, found) = self.context.page(caller, listing, query).await?;
        let (value, next_page_token) = (found.items, found.next_page_token);
        Ok(Response::new(v1::ListValueResponse { as_of: Some(as_of), value, next_page_token }))
    }

    async fn count(&self, request: Request<v1::CountRequest>) -> Result<Response<v1::CountResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::CountRequest { kind, by, namespace, min_tree_size } = request.into_inner();
        let namespace = query::namespace(&namespace)?;
        let query = move |view: &_, scope: &_| query::counts(view, &kind, &by, namespace.as_ref(), scope);
        let (as_of, counts) = self.context.answer(caller, min_tree_size, query).await?;
        Ok(Response::new(v1::CountResponse { as_of: Some(as_of), counts }))
    }
}
