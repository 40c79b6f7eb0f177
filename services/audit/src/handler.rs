//! The view over gRPC.

use probity_projection::View;
use probity_proto::v1;
use probity_proto::v1::audit_service_server::AuditService;
use probity_query::{Listing, Page, Paged, QueryContext, QueryError, RequestContext, Scope};
use probity_schemas::{EventId, Identity, ParseError, Subject};
use tonic::{Request, Response, Status};

use crate::timeline::{self, Question};
use crate::{called, people, serving, versions};

/// Answers [`AuditService`].
#[derive(Debug, Clone)]
pub struct AuditHandler {
    context: QueryContext,
}

impl AuditHandler {
    /// Answers from the view of `context`.
    pub fn new(context: QueryContext) -> Self {
        Self { context }
    }
}

fn invalid(field: &'static str, error: impl ToString) -> QueryError {
    QueryError::Invalid { field, reason: error.to_string() }
}

/// Reads a field; nothing where it is empty.
fn read<T: std::str::FromStr<Err = ParseError>>(field: &'static str, text: &str) -> Result<Option<T>, QueryError> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|error| invalid(field, error)),
    }
}

fn needed(field: &'static str, text: &str) -> Result<Subject, QueryError> {
    read(field, text)?.ok_or_else(|| invalid(field, "it is empty"))
}

/// Reads types and makes sure that there are such.
fn types(text: &str) -> Result<Option<probity_schemas::TypePattern>, QueryError> {
    let pattern: Option<probity_schemas::TypePattern> = read("type", text)?;
    match &pattern {
        Some(asked) if !probity_schemas::catalogue().any(|info| asked.covers(info)) => Err(match text.contains('*') {
            true => invalid("type", format!("there are no types {text}")),
            false => {
                invalid("type", probity_schemas::newest(text).map_or_else(|error| error.to_string(), |_| String::new()))
            }
        }),
        _ => Ok(pattern),
    }
}

/// A page of a timeline. One of a subject that nobody knows is no empty one.
fn listed(view: &View, scope: &Scope, question: &Question, page: &Page) -> Result<Paged<v1::Entered>, QueryError> {
    let found = timeline::events(view, scope, question, page)?;
    if let Some(subject) = &question.subject
        && page.after.is_none()
        && found.items.is_empty()
        && found.next_page_token.is_empty()
    {
        timeline::must_know(view, scope, &subject.to_string())?;
    }
    Ok(found)
}

#[tonic::async_trait]
impl AuditService for AuditHandler {
    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let question = Question {
            subject: read("subject", &request.subject)?,
            signer: read("signer", &request.signer)?,
            types: types(&request.r#type)?,
            namespaces: read("namespace", &request.namespace)?,
            at_ms: request.at_ms,
            known_by: request.known_by,
            descending: request.descending,
            by_occurred: request.by_occurred,
            brief: request.brief,
            ..Question::default()
        };
        let listing = Listing::of(&request, self.context.now_ms())?;
        let query = move |view: &_, scope: &_, page: &_, known_size| {
            listed(view, scope, &Question { known_size, ..question }, page)
        };
        let (as_of, page) = self.context.page_as_of(caller, listing, query).await?;
        let next_page_token = page.next_page_token;
        Ok(Response::new(v1::ListEventsResponse { as_of: Some(as_of), events: page.items, next_page_token }))
    }

    async fn get_event(&self, request: Request<v1::GetEventRequest>) -> Result<Response<v1::GetEventResponse>, Status> {
        use v1::get_event_request::Which;
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let which = request.which.ok_or_else(|| invalid("which", "name the event by its index or its id"))?;
        let id: Option<EventId> = match &which {
            Which::Index(_) => None,
            Which::Id(id) => Some(read("id", id)?.ok_or_else(|| invalid("id", "it is empty"))?),
        };
        let signer: Option<Identity> = read("signer", &request.signer)?;
        let query = move |view: &_, scope: &_| match (which, id) {
            (Which::Index(index), None) => timeline::event(view, scope, index),
            (_, Some(id)) => timeline::event(view, scope, timeline::find(view, scope, &id, signer.as_ref())?),
            (Which::Id(_), None) => Err(invalid("id", "it is empty")),
        };
        let (as_of, event) = self.context.answer(caller, request.min_tree_size, query).await?;
        Ok(Response::new(v1::GetEventResponse { as_of: Some(as_of), ..event }))
    }

    async fn get_serving(
        &self,
        request: Request<v1::GetServingRequest>,
    ) -> Result<Response<v1::GetServingResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let subject = needed("subject", &request.subject)?;
        let at_ms = request.at_ms.unwrap_or_else(|| self.context.now_ms());
        let query = move |view: &_, scope: &_| serving::at(view, scope, &subject, at_ms, request.known_by);
        let (as_of, served) = self.context.answer(caller, request.min_tree_size, query).await?;
        Ok(Response::new(v1::GetServingResponse { as_of: Some(as_of), served, at_ms }))
    }

    async fn compare(&self, request: Request<v1::CompareRequest>) -> Result<Response<v1::CompareResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let (from, to) = (request.from_tree_size, Some(request.to_tree_size).filter(|to| *to > 0));
        if to.is_some_and(|to| to < from) {
            return Err(invalid("to_tree_size", "it is before from_tree_size").into());
        }
        self.context.must_reach("from_tree_size", from)?;
        self.context.must_reach("to_tree_size", request.to_tree_size)?;
        let question = Question {
            subject: read("subject", &request.subject)?,
            namespaces: read("namespace", &request.namespace)?,
            from,
            to,
            ..Question::default()
        };
        let listing = Listing::of(&request, self.context.now_ms())?;
        let listing = listing.at_least(request.to_tree_size);
        let query = move |view: &_, scope: &_, page: &_, known_size| {
            listed(view, scope, &Question { known_size, ..question }, page)
        };
        let (as_of, page) = self.context.page_as_of(caller, listing, query).await?;
        let next_page_token = page.next_page_token;
        Ok(Response::new(v1::CompareResponse { as_of: Some(as_of), events: page.items, next_page_token }))
    }

    async fn compare_versions(
        &self,
        request: Request<v1::CompareVersionsRequest>,
    ) -> Result<Response<v1::CompareVersionsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let request = request.into_inner();
        let [from, to] = [("from", &request.from), ("to", &request.to)].map(|(field, text)| {
            let version = needed(field, text)?;
            match version.version {
                Some(_) => Ok(version),
                None => Err(invalid(field, format!("{text} names no version; write model:namespace/name@version"))),
            }
        });
        let (from, to) = (from?, to?);
        let query = move |view: &_, scope: &_| versions::compare(view, scope, &from, &to);
        let (as_of, (differences, indices)) = self.context.answer(caller, request.min_tree_size, query).await?;
        Ok(Response::new(v1::CompareVersionsResponse { as_of: Some(as_of), differences, indices }))
    }
    async fn find_subjects(
        &self,
        request: Request<v1::FindSubjectsRequest>,
    ) -> Result<Response<v1::FindSubjectsResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::FindSubjectsRequest { name, min_tree_size } = request.into_inner();
        let names = called::meant(&name)?;
        let query = move |view: &_, scope: &_| called::subjects(view, scope, &names);
        let (as_of, found) = self.context.answer(caller, min_tree_size, query).await?;
        Ok(Response::new(v1::FindSubjectsResponse { as_of: Some(as_of), ..found }))
    }
    async fn list_people(
        &self,
        request: Request<v1::ListPeopleRequest>,
    ) -> Result<Response<v1::ListPeopleResponse>, Status> {
        let caller = RequestContext::of(&request);
        let v1::ListPeopleRequest { namespace, role, min_tree_size } = request.into_inner();
        let wanted = people::Wanted { namespace: read("namespace", &namespace)?, role };
        let (access, now) = (self.context.access().clone(), self.context.now_ms() / 1_000);
        let query = move |_: &_, scope: &Scope| {
            scope.reaches(wanted.namespace.as_ref())?;
            Ok(people::people(access.roster(now), &wanted, scope))
        };
        let (as_of, people) = self.context.answer(caller, min_tree_size, query).await?;
        Ok(Response::new(v1::ListPeopleResponse { as_of: Some(as_of), people }))
    }
}
