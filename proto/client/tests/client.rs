//! The client finds the active one of several servers, and every statement is answered once, in its
//! place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "client/scripted.rs"]
mod scripted;

use std::time::Duration;

use probity_client::{AddressError, Failure, RegistrationClient};
use probity_proto::v1::{RegisterResult, Submission, register_result::Result as Outcome};
use probity_proto::{Code, Reason, Verdict};
use rcgen::{CertificateParams, KeyPair};
use tonic::transport::{Certificate, ClientTlsConfig};

use scripted::{Ledger, Server, Step, Unheard, place};

const HOUR: Duration = Duration::from_secs(3_600);

fn submissions(names: &[&str]) -> Vec<Submission> {
    let submission = |name: &&str| Submission { statement: name.as_bytes().to_vec().into(), expected_revision: None };
    names.iter().map(submission).collect()
}

/// What became of each, in a word: its place in the log, or the reason.
fn words(results: &[RegisterResult]) -> Vec<String> {
    let word = |result: &RegisterResult| match result.result.as_ref().unwrap() {
        Outcome::Recorded(recorded) if recorded.already_recorded => format!("{} again", recorded.index),
        Outcome::Recorded(recorded) => recorded.index.to_string(),
        Outcome::Refused(refused) => refused.reason.clone(),
    };
    results.iter().map(word).collect()
}

fn client(servers: &[&str]) -> RegistrationClient {
    RegistrationClient::new(servers).unwrap()
}

fn standby(active: Option<&str>) -> Step {
    let verdict = Verdict::new(Code::Unavailable, "STANDBY", "another server is active");
    Step::fail(match active {
        Some(address) => verdict.with("active", address),
        None => verdict.retry(Duration::from_millis(10)),
    })
}

fn halted(why: &str) -> Step {
    Step::fail(Verdict::new(Code::Unavailable, "HALTED", why))
}

fn overloaded(retry: Duration) -> Step {
    Step::fail(Verdict::new(Code::ResourceExhausted, "OVERLOADED", "too much is waiting").retry(retry))
}

#[tokio::test]
async fn a_standby_points_to_the_active_server_which_is_asked_first_from_then_on() {
    let active = Server::start(&Ledger::default(), vec![Step::Take]);
    let standing_by = Server::start(&Ledger::default(), vec![standby(Some(&active.address))]);
    let client = client(&[&standing_by.address, &active.address]);
    assert_eq!(words(&client.register(submissions(&["a", "b"])).await.unwrap()), ["0", "1"]);
    assert_eq!(words(&client.register(submissions(&["c"])).await.unwrap()), ["2"]);
    assert_eq!(words(&client.clone().register(submissions(&["d"])).await.unwrap()), ["3"]);
    assert_eq!((standing_by.calls().len(), active.calls().len()), (1, 3));
}

#[tokio::test]
async fn a_standby_may_name_a_server_that_was_not_configured() {
    let active = Server::start(&Ledger::default(), vec![Step::Take]);
    let standing_by = Server::start(&Ledger::default(), vec![standby(Some(&active.address))]);
    let client = client(&[&standing_by.address]);
    assert_eq!(words(&client.register(submissions(&["a"])).await.unwrap()), ["0"]);
    assert_eq!(words(&client.register(submissions(&["b"])).await.unwrap()), ["1"]);
    assert_eq!(standing_by.calls().len(), 1);
}

#[tokio::test]
async fn where_a_standby_knows_of_no_active_server_the_next_one_is_tried() {
    for none in [None, Some("no address")] {
        let active = Server::start(&Ledger::default(), vec![Step::Take]);
        let standing_by = Server::start(&Ledger::default(), vec![standby(none)]);
        let results = client(&[&standing_by.address, &active.address]).register(submissions(&["a"])).await.unwrap();
        assert_eq!(words(&results), ["0"]);
        assert_eq!(standing_by.calls().len(), 1);
    }
}

#[tokio::test]
async fn when_the_active_server_dies_in_a_call_the_other_takes_over() {
    let ledger = Ledger::default();
    let dies = Server::start(&ledger, vec![Step::TakeAndDie(2)]);
    let takes_over = Server::start(&ledger, vec![standby(Some(&dies.address)), standby(None), Step::Take]);
    let client = client(&[&dies.address, &takes_over.address]);
    let results = client.register(submissions(&["a", "b", "c", "d"])).await.unwrap();
    assert_eq!(words(&results), ["0 again", "1 again", "2", "3"]);
    assert_eq!(ledger.statements(), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_connection_lost_after_recording_is_answered_from_the_log() {
    let ledger = Ledger::default();
    let server = Server::start(&ledger, vec![Step::TakeAndDrop, Step::Take]);
    let results = client(&[&server.address]).register(submissions(&["a", "b"])).await.unwrap();
    assert_eq!(words(&results), ["0 again", "1 again"]);
    assert_eq!(server.calls(), [["a", "b"], ["a", "b"]]);
    assert_eq!(ledger.statements(), ["a", "b"]);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_for_the_next() {
    let hangs = Server::start(&Ledger::default(), vec![Step::Hang]);
    let answers = Server::start(&Ledger::default(), vec![Step::Take]);
    let client = client(&[&hangs.address, &answers.address]).attempt_timeout(Duration::from_millis(300));
    assert_eq!(words(&client.register(submissions(&["a"])).await.unwrap())[0].split(' ').next(), Some("0"));
    assert!(!hangs.calls().is_empty());
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_back_is_not_used_again() {
    let server = Server::start(&Ledger::default(), vec![Step::Take, Step::Hang, Step::Take]);
    let client = client(&[&server.address]);
    client.register(submissions(&["a"])).await.unwrap();
    assert_eq!(server.connections(), 1);
    let impatient = client.clone().attempt_timeout(Duration::from_millis(300));
    impatient.register(submissions(&["b"])).await.unwrap();
    assert!(server.connections() > 1);
}

#[tokio::test]
async fn only_what_was_refused_for_now_is_sent_again() {
    let refused = vec![None, Some("SHUTTING_DOWN"), Some("NOT_AUTHORISED"), Some("NOT_SETTLED"), None, Some("HALTED")];
    let server = Server::start(&Ledger::default(), vec![Step::Part(refused), Step::Take]);
    let names = ["a", "b", "c", "d", "e", "f"];
    let results = client(&[&server.address]).register(submissions(&names)).await.unwrap();
    assert_eq!(words(&results), ["0", "2", "NOT_AUTHORISED", "3", "1", "HALTED"]);
    assert_eq!(server.calls(), [names.to_vec(), vec!["b", "d"]]);
}

#[tokio::test]
async fn what_a_server_no_longer_took_goes_to_the_active_one() {
    let ledger = Ledger::default();
    let active = Server::start(&ledger, vec![Step::Take]);
    let part = Step::Part(vec![None, Some("NOT_SETTLED"), Some("STANDBY"), Some("STANDBY")]).naming(&active.address);
    let steps_down = Server::start(&ledger, vec![part]);
    let results = client(&[&steps_down.address]).register(submissions(&["a", "b", "c", "d"])).await.unwrap();
    assert_eq!(words(&results), ["0", "1", "2", "3"]);
    assert_eq!(active.calls(), [["b", "c", "d"]]);
    assert_eq!(steps_down.calls().len(), 1);
}

#[tokio::test]
async fn answers_that_there_are_come_with_the_error() {
    let part = Step::Part(vec![Some("NOT_SETTLED"), None]);
    let status = Step::fail(Verdict::new(Code::DataLoss, "DAMAGED", "a block is damaged"));
    let server = Server::start(&Ledger::default(), vec![part, status]);
    let error = client(&[&server.address]).register(submissions(&["a", "b"])).await.unwrap_err();
    let expected = format!("{} answered DataLoss: a block is damaged; 1 of 2 statements were answered", server.address);
    assert_eq!(error.to_string(), expected);
    assert!(error.answered[0].is_none());
    assert_eq!(words(&[error.answered[1].clone().unwrap()]), ["0"]);
}

#[tokio::test]
async fn two_standbys_that_name_each_other_are_asked_at_leisure_until_the_deadline() {
    let ((a, at_a), (b, at_b)) = (place(), place());
    let first = Server::start_at(a, &Ledger::default(), vec![standby(Some(&at_b))]);
    let second = Server::start_at(b, &Ledger::default(), vec![standby(Some(&at_a))]);
    let client = client(&[&first.address, &second.address]).deadline(Duration::from_secs(1));
    let error = client.register(submissions(&["a"])).await.unwrap_err();
    let Failure::Exhausted { tried, attempts, last, .. } = &error.failure else { panic!("{error}") };
    assert_eq!(tried, &[first.address.clone(), second.address.clone()]);
    assert_eq!(Reason::of(last).unwrap().reason, "STANDBY");
    // Three in a row, and then a wait: of 25 ms at the least, twice that, and so on.
    assert!(*attempts <= 3 * 8, "{attempts} attempts");
    // The deadline may come before the last one gets there.
    let unheard = *attempts as usize - first.calls().len() - second.calls().len();
    assert!(unheard <= 1, "{unheard} of {attempts} attempts reached no server");
}

#[tokio::test]
async fn where_nobody_listens_the_error_says_who_was_tried_and_why_it_failed() {
    let (a, b) = (Unheard::new(), Unheard::new());
    let client = client(&[&a.address, &b.address]).deadline(Duration::from_secs(1));
    let error = client.register(submissions(&["a"])).await.unwrap_err();
    let Failure::Exhausted { tried, .. } = &error.failure else { panic!("{error}") };
    assert_eq!(tried, &[a.address.clone(), b.address.clone()]);
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn an_attempt_that_the_deadline_cut_short_does_not_hide_what_went_wrong_before() {
    let steps = vec![Step::fail(Verdict::new(Code::Unavailable, "SHUTTING_DOWN", "this server ends")), Step::Hang];
    let server = Server::start(&Ledger::default(), steps);
    let client = client(&[&server.address]).deadline(Duration::from_secs(2));
    let error = client.register(submissions(&["a"])).await.unwrap_err();
    assert!(error.to_string().ends_with("this server ends"), "{error}");
}

#[tokio::test]
async fn an_overloaded_server_is_tried_again_after_the_time_that_it_gives() {
    let server = Server::start(&Ledger::default(), vec![overloaded(Duration::from_millis(10)), Step::Take]);
    let other = Server::start(&Ledger::default(), vec![Step::Take]);
    let results = client(&[&server.address, &other.address]).register(submissions(&["a"])).await.unwrap();
    assert_eq!(words(&results), ["0"]);
    assert_eq!((server.calls().len(), other.calls().len()), (2, 0));
}

#[tokio::test]
async fn a_wait_that_reaches_past_the_deadline_is_not_begun() {
    let server = Server::start(&Ledger::default(), vec![overloaded(HOUR), Step::Take]);
    let error = client(&[&server.address]).register(submissions(&["a"])).await.unwrap_err();
    let Failure::Exhausted { last, .. } = &error.failure else { panic!("{error}") };
    assert_eq!(Reason::of(last).unwrap().reason, "OVERLOADED");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn another_server_is_asked_once_where_one_is_halted() {
    let sound = Server::start(&Ledger::default(), vec![Step::Take]);
    let halts = Server::start(&Ledger::default(), vec![halted("roots differ")]);
    let results = client(&[&halts.address, &sound.address]).register(submissions(&["a"])).await.unwrap();
    assert_eq!(words(&results), ["0"]);

    for other in [standby(None), standby(Some(&halts.address)), halted("roots differ as well"), Step::TakeAndDrop] {
        let other = Server::start(&Ledger::default(), vec![other]);
        let before = halts.calls().len();
        let error = client(&[&halts.address, &other.address]).register(submissions(&["a"])).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{} answered Unavailable: roots differ", halts.address));
        assert_eq!((halts.calls().len() - before, other.calls().len()), (1, 1));
    }
}

#[tokio::test]
async fn other_answers_are_returned_as_they_are() {
    let answers = [
        (Code::InvalidArgument, "TOO_MANY_STATEMENTS"),
        (Code::Unavailable, "NO_ROOM"),
        (Code::ResourceExhausted, "WITHOUT_A_TIME"),
    ];
    for (code, reason) in answers {
        let no = Step::fail(Verdict::new(code, reason, "no").with("limit", 4_096));
        let server = Server::start(&Ledger::default(), vec![no]);
        let other = Server::start(&Ledger::default(), vec![Step::Take]);
        let error = client(&[&server.address, &other.address]).register(submissions(&["a"])).await.unwrap_err();
        let Failure::Status { status, .. } = &error.failure else { panic!("{error}") };
        assert_eq!(status.code(), code);
        let said = Reason::of(status).unwrap();
        assert_eq!((said.reason.as_str(), said.metadata["limit"].as_str()), (reason, "4096"));
        assert_eq!((server.calls().len(), other.calls().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_every_statement_is_not_believed() {
    let server = Server::start(&Ledger::default(), vec![Step::Part(vec![None])]);
    let error = client(&[&server.address]).register(submissions(&["a", "b"])).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Miscounted { expected: 2, found: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_not_followed() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    let ca = certificate.clone();
    let configure = move |endpoint: tonic::transport::Endpoint| {
        endpoint.tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&ca)))
    };
    let bare = Server::start(&Ledger::default(), vec![Step::Take]);
    let steps = vec![Step::Take, standby(Some(&bare.address))];
    let safe = Server::start_tls((certificate, key.serialize_pem()), &Ledger::default(), steps);

    let client = RegistrationClient::configured([&safe.address], configure.clone()).unwrap();
    assert_eq!(words(&client.register(submissions(&["a"])).await.unwrap()), ["0"]);
    let error = client.register(submissions(&["b"])).await.unwrap_err();
    let Failure::Redirect { from, to, downgrade } = &error.failure else { panic!("{error}") };
    assert_eq!((from, to, *downgrade), (&safe.address, &bare.address, safe.address.contains("127.0.0.1")));
    assert!(bare.calls().is_empty());

    // Whoever configures an address without TLS has chosen it.
    let client = RegistrationClient::configured([&safe.address, &bare.address], configure).unwrap();
    assert_eq!(words(&client.register(submissions(&["b"])).await.unwrap()), ["0"]);
}

#[tokio::test]
async fn nothing_is_sent_where_there_is_nothing_to_record() {
    assert!(client(&[&Unheard::new().address]).register(Vec::new()).await.unwrap().is_empty());
}

#[test]
fn a_client_is_not_made_of_bad_addresses() {
    assert!(matches!(RegistrationClient::new(Vec::<String>::new()), Err(AddressError::Missing)));
    for bad in ["", "registrar-a", "registrar-a:7170", "ftp://registrar-a:7170", "http://"] {
        assert!(matches!(RegistrationClient::new([bad]), Err(AddressError::Malformed { .. })), "{bad}");
    }
}

#[tokio::test]
async fn a_standby_cannot_send_statements_to_a_host_that_was_not_configured() {
    let standing_by = Server::start(&Ledger::default(), vec![standby(Some("http://ledger.example:7170"))]);
    let error = client(&[&standing_by.address]).register(submissions(&["a"])).await.unwrap_err();
    let Failure::Redirect { to, downgrade: false, .. } = &error.failure else { panic!("{error}") };
    assert_eq!(to, "http://ledger.example:7170");
    assert!(error.to_string().contains("none that was configured"), "{error}");
}

#[tokio::test]
async fn an_answer_without_proof_is_no_answer_of_a_pinned_ledger() {
    let key = |seed| probity_statement::SecretKey::from_seed(&[seed; 32]).unwrap();
    let origin = "ledger.test/pinned".parse().unwrap();
    let secrets = probity_statement::LedgerSecrets { origin, checkpoint: key(1), clock: key(2), receipt: key(3) };
    let server = Server::start(&Ledger::default(), vec![Step::Take]);
    let error = client(&[&server.address]).pinned(secrets.public()).register(submissions(&["a"])).await.unwrap_err();
    let Failure::Unproven { address, index: 0, .. } = &error.failure else { panic!("{error}") };
    assert_eq!(address, &server.address);
    assert!(error.answered.iter().all(Option::is_none));
}
