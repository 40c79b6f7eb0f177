//! The gRPC service.

use probity_projection::{Asked, Desk};
use probity_proto::v1;
use probity_proto::v1::lineage_service_server::LineageService;
use tonic::{Request, Response, Status};

use crate::impact::impact;
use crate::path::find_path;
use crate::walk::walk;

/// Answers questions about lineage.
#[derive(Debug, Clone)]
pub struct LineageHandler {
    desk: Desk,
}

impl LineageHandler {
    /// A handler that asks at this desk.
    pub fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[tonic::async_trait]
impl LineageService for LineageHandler {
    async fn walk(&self, request: Request<v1::WalkRequest>) -> Result<Response<v1::WalkResponse>, Status> {
        let asked = Asked::of(&request);
        let request = request.into_inner();
        let least = request.min_tree_size;
        let (as_of, answer) = self.desk.answer(asked, least, move |view, scope| walk(view, scope, &request)).await?;
        Ok(Response::new(v1::WalkResponse { as_of: Some(as_of), ..answer }))
    }

    async fn find_path(&self, request: Request<v1::FindPathRequest>) -> Result<Response<v1::FindPathResponse>, Status> {
        let asked = Asked::of(&request);
        let request = request.into_inner();
        let least = request.min_tree_size;
        let (as_of, answer) =
            self.desk.answer(asked, least, move |view, scope| find_path(view, scope, &request)).await?;
        Ok(Response::new(v1::FindPathResponse { as_of: Some(as_of), ..answer }))
    }

    async fn get_impact(
        &self,
        request: Request<v1::GetImpactRequest>,
    ) -> Result<Response<v1::GetImpactResponse>, Status> {
        let asked = Asked::of(&request);
        let request = request.into_inner();
        let least = request.min_tree_size;
        let (as_of, answer) = self.desk.answer(asked, least, move |view, scope| impact(view, scope, &request)).await?;
        Ok(Response::new(v1::GetImpactResponse { as_of: Some(as_of), ..answer }))
    }
}
