//! The gRPC service.

use probity_proto::v1;
use probity_proto::v1::lineage_service_server::LineageService;
use probity_query::{Listing, QueryContext, RequestContext};
use tonic::{Request, Response, Status};

use crate::impact::{Totals, impact};
use crate::path::find_path;
use crate::walk::walk;

/// Answers questions about lineage.
#[derive(Debug, Clone)]
pub struct LineageHandler {
    context: QueryContext,
}

impl LineageHandler {
    /// Answers from the view of `context`.
    pub fn new(context: QueryContext) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl LineageService for LineageHandler {
    async fn walk(&self, request: Request<v1::WalkRequest>) -> Result<Response<v1::WalkResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let least = request.min_tree_size;
        let (as_of, answer) =
            self.context.answer(caller, least, move |view, scope| walk(view, scope, &request)).await?;
        Ok(Response::new(v1::WalkResponse { as_of: Some(as_of), ..answer }))
    }

    async fn find_path(&self, request: Request<v1::FindPathRequest>) -> Result<Response<v1::FindPathResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let least = request.min_tree_size;
        let (as_of, answer) =
            self.context.answer(caller, least, move |view, scope| find_path(view, scope, &request)).await?;
        Ok(Response::new(v1::FindPathResponse { as_of: Some(as_of), ..answer }))
    }

    async fn get_impact(
        &self,
        request: Request<v1::GetImpactRequest>,
    ) -> Result<Response<v1::GetImpactResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let listing = Listing::of(&request, self.context.now_ms())?;
        let query = move |view: &_, scope: &_, page: &_| impact(view, scope, &request, page);
        let (as_of, (page, Totals { total, live })) = self.context.page(caller, listing, query).await?;
        let (affected, next_page_token) = (page.items, page.next_page_token);
        Ok(Response::new(v1::GetImpactResponse { as_of: Some(as_of), affected, next_page_token, total, live }))
    }
}
