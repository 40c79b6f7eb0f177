//! Servers on loopback that do what a test tells them, each on a thread of its own so that it can
//! die like a process.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::v1::registration_service_server::{RegistrationService, RegistrationServiceServer};
use probity_proto::v1::{
    CheckRequest, CheckResponse, PrepareRequest, PrepareResponse, Recorded, Refused, RegisterRequest, RegisterResponse,
    RegisterResult, Submission,
};
use probity_proto::{Code, Verdict};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server as Transport, ServerTlsConfig};
use tonic::{Request, Response, Status, async_trait};

/// What several servers write to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<String>>>);

impl Ledger {
    /// What is recorded, in order.
    pub(crate) fn statements(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn record(&self, submission: &Submission) -> RegisterResult {
        let mut log = self.0.lock().unwrap();
        let name = name(submission);
        let before = log.iter().position(|other| *other == name);
        let index = before.unwrap_or_else(|| {
            log.push(name);
            log.len() - 1
        });
        let recorded = Recorded { index: index as u64, already_recorded: before.is_some(), ..Recorded::default() };
        RegisterResult { result: Some(Outcome::Recorded(recorded)) }
    }
}

fn name(submission: &Submission) -> String {
    String::from_utf8(submission.statement.to_vec()).unwrap()
}

/// What a server does with one call. The last step is repeated.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Records everything.
    Take,
    /// Records everything, loses its connections, and is there again.
    TakeAndDrop,
    /// Records so many and is gone.
    TakeAndDie(usize),
    /// Answers for each: recorded, or refused for this reason.
    Part(Vec<Option<&'static str>>),
    /// The same; standbys name this address.
    PartNaming(Vec<Option<&'static str>>, String),
    /// Fails the call.
    Fail(Status),
    /// Never answers.
    Hang,
}

impl Step {
    pub(crate) fn fail(verdict: Verdict) -> Self {
        Self::Fail(verdict.into())
    }

    pub(crate) fn naming(self, active: &str) -> Self {
        match self {
            Self::Part(refused) => Self::PartNaming(refused, active.to_owned()),
            other => other,
        }
    }
}

/// How a server's connections end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Life {
    On,
    Again,
    Over,
}

struct Script {
    ledger: Ledger,
    steps: Mutex<VecDeque<Step>>,
    calls: Mutex<Vec<Vec<String>>>,
    life: watch::Sender<Life>,
    connections: AtomicUsize,
}

/// A server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) address: String,
    script: Arc<Script>,
    thread: Option<thread::JoinHandle<()>>,
}

/// An address that is taken and at which nobody listens.
pub(crate) struct Unheard {
    pub(crate) address: String,
    _socket: TcpSocket,
}

impl Unheard {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self { address: format!("http://{}", socket.local_addr().unwrap()), _socket: socket }
    }
}

/// A place for a server whose address is needed before it starts.
pub(crate) fn place() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

impl Server {
    pub(crate) fn start(ledger: &Ledger, steps: Vec<Step>) -> Self {
        Self::run(place().0, None, ledger, steps)
    }

    pub(crate) fn start_at(place: TcpListener, ledger: &Ledger, steps: Vec<Step>) -> Self {
        Self::run(place, None, ledger, steps)
    }

    /// With this certificate for `localhost` and its key.
    pub(crate) fn start_tls(pem: (String, String), ledger: &Ledger, steps: Vec<Step>) -> Self {
        Self::run(place().0, Some(pem), ledger, steps)
    }

    fn run(listener: TcpListener, pem: Option<(String, String)>, ledger: &Ledger, steps: Vec<Step>) -> Self {
        let address = listener.local_addr().unwrap();
        let address = match pem {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        listener.set_nonblocking(true).unwrap();
        let (life, ends) = watch::channel(Life::On);
        let (steps, calls) = (Mutex::new(steps.into()), Mutex::default());
        let script = Arc::new(Script { ledger: ledger.clone(), steps, calls, life, connections: AtomicUsize::new(0) });
        let theirs = Arc::clone(&script);
        let thread = thread::spawn(move || live(&listener, pem, &theirs, ends));
        Self { address, script, thread: Some(thread) }
    }

    /// The statements of each call so far.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        self.script.calls.lock().unwrap().clone()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.script.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.script.life.send_replace(Life::Over);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Serves until life is over. Dropping a runtime drops its connections, as the end of a process
/// would.
fn live(listener: &TcpListener, pem: Option<(String, String)>, script: &Arc<Script>, mut ends: watch::Receiver<Life>) {
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let life = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener.try_clone().unwrap()).unwrap();
            let mut server = Transport::builder();
            if let Some((certificate, key)) = &pem {
                let identity = Identity::from_pem(certificate, key);
                server = server.tls_config(ServerTlsConfig::new().identity(identity)).unwrap();
            }
            let service = RegistrationServiceServer::new(Scripted(Arc::clone(script)));
            let incoming = TcpListenerStream::new(listener).map(|connection| {
                script.connections.fetch_add(1, Ordering::SeqCst);
                connection
            });
            tokio::select! {
                served = server.add_service(service).serve_with_incoming(incoming) => {
                    served.unwrap();
                    Life::Over
                }
                life = ends.wait_for(|life| *life != Life::On) => *life.unwrap(),
            }
        });
        drop(runtime);
        if life == Life::Over {
            return;
        }
        // Unless it is over by now.
        script.life.send_if_modified(|life| {
            let again = *life == Life::Again;
            if again {
                *life = Life::On;
            }
            again
        });
    }
}

struct Scripted(Arc<Script>);

impl Scripted {
    /// Ends this server's connections, this call's among them.
    async fn lose<T>(&self, life: Life) -> T {
        self.0.life.send_replace(life);
        std::future::pending().await
    }
}

fn answer(results: Vec<RegisterResult>) -> Result<Response<RegisterResponse>, Status> {
    Ok(Response::new(RegisterResponse { results }))
}

#[async_trait]
impl RegistrationService for Scripted {
    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Err(Status::unimplemented("nothing is asked here"))
    }

    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<RegisterResponse>, Status> {
        let submissions = request.into_inner().submissions;
        self.0.calls.lock().unwrap().push(submissions.iter().map(name).collect());
        let step = {
            let mut steps = self.0.steps.lock().unwrap();
            if steps.len() > 1 { steps.pop_front() } else { steps.front().cloned() }.unwrap()
        };
        let record = |submissions: &[Submission]| submissions.iter().map(|one| self.0.ledger.record(one)).collect();
        let part = |refused: Vec<Option<&'static str>>, active: Option<&str>| {
            let result = |(submission, reason): (&Submission, Option<&'static str>)| match reason {
                None => self.0.ledger.record(submission),
                Some(reason) => refuse(reason, active),
            };
            submissions.iter().zip(refused).map(result).collect()
        };
        match step {
            Step::Take => answer(record(&submissions)),
            Step::Part(refused) => answer(part(refused, None)),
            Step::PartNaming(refused, active) => answer(part(refused, Some(&active))),
            Step::Fail(status) => Err(status),
            Step::Hang => std::future::pending().await,
            Step::TakeAndDrop => {
                let _: Vec<_> = record(&submissions);
                self.lose(Life::Again).await
            }
            Step::TakeAndDie(count) => {
                let _: Vec<_> = record(&submissions[..count]);
                self.lose(Life::Over).await
            }
        }
    }

    async fn prepare(&self, _: Request<PrepareRequest>) -> Result<Response<PrepareResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }
}

fn refuse(reason: &'static str, active: Option<&str>) -> RegisterResult {
    let code = if reason == "NOT_AUTHORISED" { Code::PermissionDenied } else { Code::Unavailable };
    let verdict = Verdict::new(code, reason, reason);
    let verdict = match active.filter(|_| reason == "STANDBY") {
        Some(active) => verdict.with("active", active),
        None => verdict,
    };
    RegisterResult { result: Some(Outcome::Refused(Refused::from(verdict))) }
}
