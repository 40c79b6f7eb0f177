//! Lists longer than a page: asked page by page, all of one moment.

use clap::Args;
use probity_proto::{Reason, v1};
use tonic::{Code, Response, Status};

/// How often a list is begun again when the ledger moved on between two of its pages.
const ATTEMPTS: u32 = 8;
/// Items on a page at most, as servers give them.
const PAGE: u32 = 1_000;

/// How much of a list is wanted.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LimitArgs {
    /// So many at most.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Everything, however much it is.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl LimitArgs {
    /// How many items at most.
    pub(crate) fn most(self) -> usize {
        if self.all { usize::MAX } else { self.limit as usize }
    }
}

/// A request for a page.
pub(crate) trait ListRequest: Clone {
    fn set_page(&mut self, size: u32, token: String);
}

/// A page.
pub(crate) trait ListAnswer: Default {
    fn count(&self) -> usize;
    fn next_page_token(&self) -> &str;
    /// Adds the items of the next page, and takes the rest from it.
    fn append(&mut self, next: Self);
}

macro_rules! lists {
    ($($request:ident => $answer:ident . $items:ident),* $(,)?) => {$(
        impl ListRequest for v1::$request {
            fn set_page(&mut self, size: u32, token: String) {
                (self.page_size, self.page_token) = (size, token);
            }
        }

        impl ListAnswer for v1::$answer {
            fn count(&self) -> usize {
                self.$items.len()
            }

            fn next_page_token(&self) -> &str {
                &self.next_page_token
            }

            fn append(&mut self, mut next: Self) {
                let mut items = std::mem::take(&mut self.$items);
                items.append(&mut next.$items);
                *self = Self { $items: items, ..next };
            }
        }
    )*};
}

lists! {
    CompareRequest => CompareResponse.events,
    GetImpactRequest => GetImpactResponse.affected,
    ListDatasetsRequest => ListDatasetsResponse.datasets,
    ListDeficienciesRequest => ListDeficienciesResponse.deficiencies,
    ListDeploymentsRequest => ListDeploymentsResponse.deployments,
    ListEventsRequest => ListEventsResponse.events,
    ListIncidentClocksRequest => ListIncidentClocksResponse.incidents,
    ListModelsRequest => ListModelsResponse.models,
    ListMonitorsRequest => ListMonitorsResponse.monitors,
    ListProblemsRequest => ListProblemsResponse.problems,
    ListUseCasesRequest => ListUseCasesResponse.use_cases,
    ListVerdictsRequest => ListVerdictsResponse.verdicts,
    ListValueRequest => ListValueResponse.value,
}

/// Models of which verdicts are counted in one answer.
const COUNTED: u32 = 200;

impl ListRequest for v1::CountVerdictsRequest {
    fn set_page(&mut self, size: u32, token: String) {
        (self.page_size, self.page_token) = (size.min(COUNTED), token);
    }
}

impl ListAnswer for v1::CountVerdictsResponse {
    fn count(&self) -> usize {
        self.counts.len()
    }

    fn next_page_token(&self) -> &str {
        &self.next_page_token
    }

    fn append(&mut self, mut next: Self) {
        let mut counts = std::mem::take(&mut self.counts);
        counts.append(&mut next.counts);
        let (models, versions) = (self.models + next.models, self.versions + next.versions);
        *self = Self { counts, models, versions, ..next };
    }
}

/// The first `limit` items of a list, page by page. The answer has a token where there are more.
///
/// # Errors
/// The first call that failed. Where the ledger moves on between two pages, the list is begun
/// again, a few times.
pub(crate) async fn first<Q: ListRequest, A: ListAnswer>(
    limit: usize,
    request: Q,
    mut ask: impl AsyncFnMut(Q) -> Result<Response<A>, Status>,
) -> Result<Response<A>, Status> {
    let mut attempt = 1;
    loop {
        match once(limit, request.clone(), &mut ask).await {
            Err(status) if has_moved(&status) && attempt < ATTEMPTS => attempt += 1,
            answer => return answer,
        }
    }
}

async fn once<Q: ListRequest, A: ListAnswer>(
    limit: usize,
    request: Q,
    ask: &mut impl AsyncFnMut(Q) -> Result<Response<A>, Status>,
) -> Result<Response<A>, Status> {
    let mut all = A::default();
    loop {
        let wanted = u32::try_from(limit - all.count()).unwrap_or(u32::MAX).min(PAGE);
        let mut page = request.clone();
        page.set_page(wanted, all.next_page_token().to_owned());
        all.append(ask(page).await?.into_inner());
        if all.next_page_token().is_empty() || all.count() >= limit {
            return Ok(Response::new(all));
        }
    }
}

fn has_moved(status: &Status) -> bool {
    status.code() == Code::Aborted && Reason::of(status).is_some_and(|found| found.reason == "VIEW_MOVED")
}
