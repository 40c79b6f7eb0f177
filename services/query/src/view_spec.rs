//! What a server has to know of a view to offer it.

use futures::future::LocalBoxFuture;
use probity_projection::{FollowError, Follower, Projector, ViewReader};
use tonic::service::Routes;

use crate::context::QueryContext;

/// A view as a server offers it. Each view's crate has one, and servers list them.
#[derive(Debug, Clone, Copy)]
pub struct ViewSpec {
    /// The view's name, which is also that of the role.
    pub name: &'static str,
    /// What it answers, as the end of a sentence that begins with "answers".
    pub about: &'static str,
    /// The full name of the gRPC service that answers from it.
    pub service: &'static str,
    /// Adds the view's projector to a follower; [`ViewSpec::follow`] of the projector.
    pub follow: for<'a> fn(&'a mut Follower) -> LocalBoxFuture<'a, Result<ViewReader, FollowError>>,
    /// Adds the view's service to a server's routes.
    pub serve: fn(Routes, QueryContext) -> Routes,
}

impl ViewSpec {
    /// Adds a projector to a follower, and gives what reads the view.
    pub fn follow<P: Projector>(follower: &mut Follower) -> LocalBoxFuture<'_, Result<ViewReader, FollowError>> {
        Box::pin(follower.add::<P>())
    }
}
