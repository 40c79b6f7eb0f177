//! How much callers may have under way at once: calls of each kind in all and of one caller, and
//! bytes that were sent and are not answered.
//!
//! A call counts until its answer has been taken or its caller has gone. What is refused here has
//! cost next to nothing, and has no part in what others wait for.
//!
//! When the server stops, calls end here too: streams at once, the others a little later.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{BoxFuture, Either, FutureExt as _, Ready, ready as at_once};
use http_body::{Body as HttpBody, Frame, SizeHint};
use probity_proto::{Code, Verdict, v1};
use probity_query::Caller;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::caller::Callers;
use crate::config::LimitsSection;
use crate::measured::{End, Measured};

/// The longest question, in bytes. The longest sensible one names a thousand models.
const MAX_QUESTION: usize = 256 << 10;

/// When a caller who was turned away should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a call takes of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CallKind {
    /// A question with one answer.
    Read,
    /// Statements to record.
    Write,
    /// An answer that goes on: entries of the log, changes of health, reflection.
    Stream,
}

impl CallKind {
    pub(crate) const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Stream];

    /// Its name in refusals and metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Stream => "streams",
        }
    }

    fn place(self) -> usize {
        self as usize
    }
}

/// Who has a call under way, as far as callers are told apart for this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum CallerKey {
    /// Whoever holds this client certificate (SHA-256 of its DER).
    Certificate([u8; 32]),
    /// All who show none.
    Unknown,
    /// Those on this machine, who are the operator: the limits of one caller are not theirs.
    Local,
}

/// Which calls still go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// All, and more are let in.
    Open,
    /// Those that will end by themselves.
    Closing,
    /// None.
    Closed,
}

/// The calls that are under way.
#[derive(Debug)]
pub(crate) struct Calls {
    limits: LimitsSection,
    stage: watch::Sender<Stage>,
    open: Mutex<Open>,
    /// Bytes that were received for calls that are under way.
    received: AtomicUsize,
    /// The paths of all methods, and whether they answer with a stream.
    methods: HashMap<String, bool>,
    measured: Measured,
}

#[derive(Debug, Default)]
struct Open {
    all: [usize; 3],
    of: HashMap<CallerKey, Own>,
}

/// What one caller has under way.
#[derive(Debug, Default)]
struct Own {
    calls: [usize; 3],
    received: usize,
}

impl Calls {
    pub(crate) fn new(limits: LimitsSection) -> Arc<Self> {
        let (open, received) = (Mutex::default(), AtomicUsize::new(0));
        let stage = watch::Sender::new(Stage::Open);
        Arc::new(Self { limits, stage, open, received, methods: methods(), measured: Measured::default() })
    }

    /// Lets no more calls in, and ends the streams, of which many would never end by themselves.
    pub(crate) fn close(&self) {
        self.stage.send_replace(Stage::Closing);
    }

    /// Ends every call that is still under way.
    pub(crate) fn end_all(&self) {
        self.stage.send_replace(Stage::Closed);
    }

    /// Resolves once calls of this kind are to end.
    fn ended(&self, kind: CallKind) -> BoxFuture<'static, ()> {
        let mut stage = self.stage.subscribe();
        let last = if kind == CallKind::Stream { Stage::Closing } else { Stage::Closed };
        let ended = async move {
            if stage.wait_for(|stage| *stage >= last).await.is_err() {
                std::future::pending().await
            }
        };
        ended.boxed()
    }

    /// How many calls of a kind are under way.
    pub(crate) fn count(&self, kind: CallKind) -> usize {
        self.open().all[kind.place()]
    }

    /// Bytes that were received for calls that are under way.
    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }

    /// What was counted of calls that have ended.
    pub(crate) fn measured(&self) -> &Measured {
        &self.measured
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        // Each change is made as a whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kind(&self, path: &str) -> CallKind {
        match path {
            "/probity.v1.RegistrationService/Register" => CallKind::Write,
            path if self.methods.get(path) == Some(&true) => CallKind::Stream,
            _ => CallKind::Read,
        }
    }

    /// At most how many calls of a kind there may be in all, and of one caller.
    fn limits(&self, kind: CallKind) -> (usize, usize) {
        let limits = &self.limits;
        match kind {
            CallKind::Read => (limits.reads, limits.reads_per_caller),
            CallKind::Write => (limits.writes, limits.writes_per_caller),
            CallKind::Stream => (limits.streams, limits.streams_per_caller),
        }
    }

    /// The path of a method that there is.
    fn method(&self, path: &str) -> Option<String> {
        self.methods.get_key_value(path).map(|(path, _)| path.clone())
    }

    fn begin(self: &Arc<Self>, path: &str, key: CallerKey) -> Result<Arc<Permit>, Verdict> {
        let kind = self.kind(path);
        if *self.stage.borrow() > Stage::Open {
            return Err(shutting_down(kind));
        }
        let (most, most_of_one) = self.limits(kind);
        let mut open = self.open();
        let all = open.all[kind.place()];
        let own = open.of.get(&key).map_or(0, |own| own.calls[kind.place()]);
        let refused = |whose: &str, limit: usize| {
            let message = format!("{limit} {} {whose} are under way, which is as many as may be", kind.as_str());
            Verdict::new(Code::ResourceExhausted, "TOO_MANY_CALLS", message)
                .with("kind", kind.as_str())
                .with("limit", limit)
                .retry(RETRY_AFTER)
        };
        if key != CallerKey::Local && own >= most_of_one {
            return Err(refused("of this caller", most_of_one));
        }
        if all >= most {
            return Err(refused("in all", most));
        }
        open.all[kind.place()] += 1;
        open.of.entry(key.clone()).or_default().calls[kind.place()] += 1;
        let (method, received) = (self.method(path), AtomicUsize::new(0));
        Ok(Arc::new(Permit {
            calls: self.clone(),
            kind,
            key,
            received,
            method,
            began: Instant::now(),
            end: OnceLock::new(),
        }))
    }
}

/// What a caller is told whose call is not answered because the server stops.
fn shutting_down(kind: CallKind) -> Verdict {
    let message = match kind {
        CallKind::Write => "the server is shutting down; whether it is recorded is not known: send it again",
        CallKind::Read | CallKind::Stream => "the server is shutting down; ask again in a while",
    };
    Verdict::new(Code::Unavailable, "SHUTTING_DOWN", message).retry(RETRY_AFTER)
}

/// The paths of all methods, and whether they answer with a stream.
fn methods() -> HashMap<String, bool> {
    let sets = [
        v1::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let files = sets.iter().filter_map(|set| FileDescriptorSet::decode(*set).ok()).flat_map(|set| set.file);
    let mut paths = HashMap::new();
    for file in files {
        for service in &file.service {
            paths.extend(service.method.iter().map(|method| {
                (format!("/{}.{}/{}", file.package(), service.name(), method.name()), method.server_streaming())
            }));
        }
    }
    paths
}

/// A call that is under way.
#[derive(Debug)]
struct Permit {
    calls: Arc<Calls>,
    kind: CallKind,
    key: CallerKey,
    received: AtomicUsize,
    /// Its path, if there is such a method.
    method: Option<String>,
    began: Instant,
    /// How it ended, once that was said.
    end: OnceLock<End>,
}

impl Permit {
    /// Takes note of how the call ended, where headers or trailers say so.
    fn ends(&self, headers: &HeaderMap) {
        if let Some(end) = End::of(headers) {
            // What was said first counts.
            let _ = self.end.set(end);
        }
    }

    /// Takes note of bytes that came for this call.
    fn receive(&self, bytes: usize) -> Result<(), Verdict> {
        let call = self.received.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = self.calls.received.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let own = self.calls.open().of.get_mut(&self.key).map_or(0, |own| {
            own.received += bytes;
            own.received
        });
        if self.kind != CallKind::Write && call > MAX_QUESTION {
            let message = format!("a question has {MAX_QUESTION} bytes at most");
            return Err(Verdict::new(Code::InvalidArgument, "QUESTION_TOO_LONG", message).with("limit", MAX_QUESTION));
        }
        let limits = &self.calls.limits;
        let refused = |whose: &str, mib: usize| {
            let message = format!("{mib} MiB {whose} wait to be answered, which is as many as may; try again");
            Verdict::new(Code::ResourceExhausted, "OVERLOADED", message).with("limit", mib << 20).retry(RETRY_AFTER)
        };
        if self.key != CallerKey::Local && own > limits.received_mib_per_caller << 20 {
            return Err(refused("of this caller", limits.received_mib_per_caller));
        }
        match all > limits.received_mib << 20 {
            true => Err(refused("in all", limits.received_mib)),
            false => Ok(()),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let end = self.end.get().unwrap_or(&End::Left);
        self.calls.measured.call(self.method.as_deref(), end, self.began.elapsed());
        let received = self.received.load(Ordering::Relaxed);
        self.calls.received.fetch_sub(received, Ordering::Relaxed);
        let (mut open, place) = (self.calls.open(), self.kind.place());
        open.all[place] -= 1;
        if let Some(own) = open.of.get_mut(&self.key) {
            own.calls[place] -= 1;
            own.received = own.received.saturating_sub(received);
            if own.calls.iter().all(|count| *count == 0) {
                open.of.remove(&self.key);
            }
        }
    }
}

/// A body of a request or an answer, for as long as which the call is under way.
struct Counted {
    body: Body,
    permit: Arc<Permit>,
    way: Way,
}

/// Which way a body goes.
enum Way {
    /// From the caller.
    In,
    /// To the caller, until it has to end.
    Out { ended: Option<BoxFuture<'static, ()>> },
}

impl Counted {
    /// The end of an answer that goes on no further.
    fn cut_off(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Way::Out { ended: Some(ended) } = &mut self.way else { return Poll::Pending };
        ready!(ended.as_mut().poll(cx));
        self.way = Way::Out { ended: None };
        self.body = Body::empty();
        let mut trailers = HeaderMap::new();
        let status = Status::from(shutting_down(self.permit.kind));
        let added = status.add_header(&mut trailers);
        self.permit.ends(&trailers);
        Poll::Ready(Some(added.map(|()| Frame::trailers(trailers))))
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => return self.cut_off(cx),
        };
        if let (Some(Ok(frame)), Way::Out { .. }) = (&frame, &self.way)
            && let Some(trailers) = frame.trailers_ref()
        {
            self.permit.ends(trailers);
        }
        let bytes = match (&frame, &self.way) {
            (Some(Ok(frame)), Way::In) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        Poll::Ready(match self.permit.receive(bytes) {
            Err(verdict) if bytes > 0 => Some(Err(verdict.into())),
            _ => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Says of every call who sent it, and lets it through if there is room for it.
#[derive(Debug, Clone)]
pub(crate) struct Gatekeeper {
    callers: Callers,
    calls: Arc<Calls>,
}

impl Gatekeeper {
    pub(crate) fn new(callers: Callers, calls: Arc<Calls>) -> Self {
        Self { callers, calls }
    }
}

impl<S> Layer<S> for Gatekeeper {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, keeper: self.clone() }
    }
}

/// A service behind a [`Gatekeeper`].
#[derive(Debug, Clone)]
pub(crate) struct Guarded<S> {
    inner: S,
    keeper: Gatekeeper,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<Answering<S::Future>, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (caller, key) = self.keeper.callers.of(request.extensions());
        let path = request.uri().path();
        let permit = match self.keeper.calls.begin(path, key) {
            Ok(permit) => permit,
            Err(verdict) => {
                let answer = Status::from(verdict).into_http();
                let method = self.keeper.calls.method(path);
                if let Some(end) = End::of(answer.headers()) {
                    self.keeper.calls.measured.call(method.as_deref(), &end, Duration::ZERO);
                }
                return Either::Right(at_once(Ok(answer)));
            }
        };
        request.extensions_mut().insert::<Caller>(caller);
        let incoming = permit.clone();
        let request = request.map(|body| Body::new(Counted { body, permit: incoming, way: Way::In }));
        let ended = Some(self.keeper.calls.ended(permit.kind));
        Either::Left(Answering { answer: Box::pin(self.inner.call(request)), permit, ended })
    }
}

/// A call on its way to an answer.
pub(crate) struct Answering<F> {
    answer: Pin<Box<F>>,
    permit: Arc<Permit>,
    ended: Option<BoxFuture<'static, ()>>,
}

impl<F: Future<Output = Result<Response<Body>, E>>, E> Future for Answering<F> {
    type Output = Result<Response<Body>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(answer) = self.answer.as_mut().poll(cx) else {
            let Some(ended) = &mut self.ended else { return Poll::Pending };
            ready!(ended.as_mut().poll(cx));
            let answer: Response<Body> = Status::from(shutting_down(self.permit.kind)).into_http();
            self.permit.ends(answer.headers());
            return Poll::Ready(Ok(answer));
        };
        if let Ok(answer) = &answer {
            self.permit.ends(answer.headers());
        }
        let (permit, way) = (self.permit.clone(), Way::Out { ended: self.ended.take() });
        Poll::Ready(Ok(answer?.map(|body| Body::new(Counted { body, permit, way }))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str = "/probity.v1.RegistrationService/Register";
    const READ: &str = "/probity.v1.LogService/GetEntry";
    const HOSTILE: CallerKey = CallerKey::Certificate([1; 32]);
    const OTHER: CallerKey = CallerKey::Certificate([2; 32]);

    #[test]
    fn one_caller_cannot_take_the_room_of_all() {
        let calls = Calls::new(LimitsSection::default());
        let (most, most_of_one) = calls.limits(CallKind::Write);
        assert!(most_of_one < most);
        let held: Vec<_> = (0..most_of_one).map(|_| calls.begin(WRITE, HOSTILE).unwrap()).collect();
        assert!(calls.begin(WRITE, HOSTILE).is_err());
        // They begin to send as much as they can, and never end.
        let mut taken = 0;
        while held[taken % held.len()].receive(1 << 20).is_ok() {
            taken += 1;
        }
        assert_eq!(taken, LimitsSection::default().received_mib_per_caller);
        let other = calls.begin(WRITE, OTHER).unwrap();
        assert!(other.receive(16 << 20).is_ok());
        // A question is no place for it.
        assert!(calls.begin(READ, OTHER).unwrap().receive(MAX_QUESTION + 1).is_err());
        drop((held, other));
        assert_eq!((calls.received(), calls.count(CallKind::Write)), (0, 0));
        assert!(calls.open().of.is_empty());
    }

    #[test]
    fn methods_are_of_the_kind_that_they_are() {
        let calls = Calls::new(LimitsSection::default());
        for (path, kind) in [
            ("/probity.v1.RegistrationService/Register", CallKind::Write),
            ("/probity.v1.LogService/ListEntries", CallKind::Stream),
            ("/grpc.health.v1.Health/Watch", CallKind::Stream),
            ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", CallKind::Stream),
            ("/probity.v1.LogService/GetEntry", CallKind::Read),
            ("/probity.v1.InventoryService/ListModels", CallKind::Read),
        ] {
            assert_eq!(calls.kind(path), kind, "{path}");
        }
    }
}
