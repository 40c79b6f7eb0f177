//! Requests as a whole: the same again, too many, too large, and bytes that are no request at all.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;
use probity_schemas::Event;
use probity_statement::{MAX_STATEMENT_LENGTH, SignedStatement};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::attempt::Attempt;
use crate::forge::{Forged, complete};
use crate::scene::{Scene, thing};

/// What honest people said, again and again, by anyone: the old answer every time. And their ids with other words.
pub(crate) async fn replays(scene: &mut Scene, random: &mut StdRng) -> usize {
    let size = scene.size().await;
    let mut log = scene.server.log().await.unwrap();
    let mut receipts = Vec::new();
    for (index, statement) in scene.honest.clone() {
        let receipt = log.get_receipt(v1::GetReceiptRequest { index }).await.unwrap().into_inner().receipt;
        receipts.push((index, statement, receipt));
    }
    let mut clients = Vec::new();
    for _ in 0..4 {
        let (mut client, known) = (scene.server.registration().await.unwrap(), receipts.clone());
        clients.push(tokio::spawn(async move {
            for round in 1..4 {
                let again = known.iter().flat_map(|known| std::iter::repeat_n(known, round));
                // Whatever revision is expected: what was recorded is answered for ever.
                let submission = |statement: &Bytes| v1::Submission {
                    statement: statement.clone(),
                    expected_revision: Some(u64::MAX),
                };
                let submissions = again.clone().map(|(_, statement, _)| submission(statement)).collect();
                let results = client.register(v1::RegisterRequest { submissions }).await.unwrap().into_inner().results;
                for ((index, _, receipt), result) in again.zip(results) {
                    match result.result.unwrap() {
                        Outcome::Recorded(recorded) => {
                            assert_eq!((recorded.index, &recorded.receipt), (*index, receipt));
                            assert!(recorded.already_recorded);
                        }
                        Outcome::Refused(refused) => panic!("index {index}: {refused:?}"),
                    }
                }
            }
            6 * known.len()
        }));
    }
    let mut count = 0;
    for client in clients {
        count += client.await.unwrap();
    }
    assert_eq!(scene.size().await, size);

    let mut attempts = Vec::new();
    for (index, statement) in &scene.honest {
        let known = SignedStatement::parse(statement.clone()).unwrap();
        let signers = ["developer", "ada", "ben", "jack", "both", "approver", "operator", "compliance", "pipeline"];
        let Some(signer) = signers.into_iter().find(|name| scene.who(name).identity == *known.issuer()) else {
            continue;
        };
        let id = known.event().unwrap().id;
        for number in 0..3 {
            let mut event = serde_json::to_value(known.event().unwrap()).unwrap();
            event["title"] = json!(format!("Other words {number}"));
            let what = format!("the id of index {index} with other words");
            let bytes = Forged::new(scene.who(signer), &event).sealed();
            attempts.push(Attempt::new(what, bytes, &["EVENT_ID_TAKEN"]).says("index", index).says("id", id));
        }
    }
    count += attempts.len();
    scene.withstands("ids of others", attempts, random).await;
    count
}

/// Statements and requests that are too large: each is refused as what it is.
pub(crate) async fn sizes(scene: &mut Scene) -> usize {
    let mut random: StdRng = rand::make_rng();
    let mut attempts = vec![Attempt::new("nothing", Vec::new(), &["MALFORMED_STATEMENT"])];
    for length in [1, 63, 10_000, MAX_STATEMENT_LENGTH] {
        attempts.push(Attempt::new(format!("{length} zeroes"), vec![0; length], &["MALFORMED_STATEMENT"]));
    }
    for length in [MAX_STATEMENT_LENGTH + 1, 100_000, 1 << 20, 4 << 20] {
        attempts.push(
            Attempt::new(format!("{length} zeroes"), vec![0; length], &["STATEMENT_TOO_LONG"]).says("length", length),
        );
    }
    for texts in [4, 5, 60] {
        let mut tree =
            json!({ "type": "model.registered", "subject": thing("model", "large"), "data": { "purpose": "Large." } });
        tree["attributes"] = json!({ "texts": vec!["x".repeat(16_384); texts] });
        let bytes = Forged::new(scene.who("developer"), &complete(tree, &mut random)).sealed();
        attempts.push(Attempt::new("a signed one that is too long", bytes, &["STATEMENT_TOO_LONG"]));
    }
    let count = attempts.len();
    scene.withstands("sizes", attempts, &mut random).await;

    let mut client = scene.server.registration().await.unwrap();
    let mut register = async |count: usize, length: usize| {
        let submission = v1::Submission { statement: vec![0; length].into(), expected_revision: None };
        client.register(v1::RegisterRequest { submissions: vec![submission; count] }).await
    };
    assert_eq!(register(0, 0).await.unwrap().into_inner().results.len(), 0);
    let most = register(1_024, 1).await.unwrap().into_inner().results;
    assert!(most.iter().all(|result| matches!(&result.result, Some(Outcome::Refused(_)))) && most.len() == 1_024);
    for count in [1_025, 100_000] {
        let status = register(count, 1).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert_eq!(status.get_details_error_info().unwrap().reason, "TOO_MANY_STATEMENTS");
    }
    let status = register(1, 20 << 20).await.unwrap_err();
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status}");
    scene.is_as_before("requests that are too large").await;
    count + 1_024
}

/// Bytes as they are, for a message that is none.
#[derive(Debug, Clone, Copy, Default)]
struct Raw;

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining()).to_vec()))
    }
}

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

/// Messages that are no protocol buffers, methods that are none, and connections that speak something else.
pub(crate) async fn raw(scene: &mut Scene, random: &mut StdRng) {
    let mut client = tonic::client::Grpc::new(scene.server.channel().await.unwrap());
    let mut call = async |path: &'static str, message: Vec<u8>| {
        client.ready().await.unwrap();
        client.unary(Request::new(message), path.parse().unwrap(), Raw).await.map_err(|status| status.code())
    };
    const REGISTER: &str = "/probity.v1.RegistrationService/Register";
    for message in
        [&[0xff_u8][..], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0x0a, 0x7f, 0x0a], &[0x0b], &[0x0a, 0x02, 0x08, 0x01]]
    {
        let code = call(REGISTER, message.to_vec()).await.unwrap_err();
        assert_eq!(code, Code::Internal, "the library's word for a message that cannot be decoded: {message:?}");
    }
    for _ in 0..300 {
        let noise: Vec<u8> = (0..random.random_range(0..300)).map(|_| random.random()).collect();
        // Some noise is a message with fields nobody knows: then nothing was asked.
        assert!(matches!(call(REGISTER, noise).await, Ok(_) | Err(Code::Internal)));
    }
    for path in ["/probity.v1.RegistrationService/Delete", "/probity.v1.AdminService/Halt", "/", "/%2e%2e/keys"] {
        assert_eq!(call(path, Vec::new()).await.unwrap_err(), Code::Unimplemented, "{path}");
    }
    scene.is_as_before("messages that are none").await;

    let address = scene.server.address.trim_start_matches("http://").to_owned();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let noise: Vec<u8> = (0..10_000).map(|_| random.random()).collect();
    // A frame of SETTINGS, then one of a length that is not allowed, of a stream that is not open, of continued headers.
    let settings = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    let frames = [
        vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
        vec![0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0, 0, 1, 9, 0, 0, 0, 0, 3, 0x82],
        vec![0, 0, 4, 3, 0, 0, 0, 0, 5, 0, 0, 0, 0],
    ];
    let mut openings = vec![
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        vec![0; 100],
        noise.clone(),
        preface.clone(),
        [preface.clone(), noise].concat(),
    ];
    openings.extend(frames.map(|frame| [preface.clone(), settings.clone(), frame].concat()));
    // Connections that say nothing more stay open meanwhile.
    let mut idle = Vec::new();
    for opening in openings {
        let address = address.clone();
        let stream = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            // Whether it hangs up, answers or waits is its own affair.
            drop(stream.write_all(&opening));
            drop(stream.read(&mut [0; 1_024]));
            stream
        });
        idle.push(stream.await.unwrap());
    }
    for _ in 0..100 {
        idle.push(TcpStream::connect(&address).unwrap());
    }
    scene.is_as_before("connections that say something else").await;
}

/// Events to be prepared that are none: each is refused with its reason, in a status that arrives.
pub(crate) async fn prepared(scene: &mut Scene) {
    let mut client = scene.server.registration().await.unwrap();
    let issuer = scene.who("developer").identity.to_string();
    let kid = Bytes::copy_from_slice(&scene.who("developer").key.public().id().0);
    let model =
        json!({ "type": "model.registered", "subject": thing("model", "a"), "data": { "purpose": "Estimates." } });
    let with = |field: &str, value: Value| {
        let mut tree = model.clone();
        tree[field] = value;
        tree.to_string()
    };
    let sample = probity_schemas::newest("approval.granted").unwrap().sample().unwrap();
    let act: Event = sample;
    let long = "\u{202e}x".repeat(8_000);
    for (what, issuer, kid, event, reason) in [
        ("no JSON", &issuer, &kid, "{".to_owned(), "NOT_JSON"),
        ("depth", &issuer, &kid, "[".repeat(100_000), "NOT_JSON"),
        ("a list", &issuer, &kid, "[]".to_owned(), "WRONG_SHAPE"),
        // Read as the first by some and as the second by others.
        (
            "a field twice",
            &issuer,
            &kid,
            model.to_string().replacen('{', r#"{"data":{"purpose":"Nothing."},"#, 1),
            "NOT_JSON",
        ),
        ("a long type", &issuer, &kid, with("type", json!(long)), "UNKNOWN_TYPE"),
        ("a long field", &issuer, &kid, with(&long, json!(1)), "UNKNOWN_FIELD"),
        ("a long name", &issuer, &kid, with("subject", thing("model", &long)), "FIELD_REFUSED"),
        ("a large number", &issuer, &kid, with("occurred", json!(1e300)), "WRONG_SHAPE"),
        ("an act", &issuer, &kid, serde_json::to_string(&act).unwrap(), "ACT_NOT_PREPARED"),
        ("a long issuer", &long, &kid, model.to_string(), "MALFORMED_ISSUER"),
        ("half a kid", &issuer, &kid.slice(..16), model.to_string(), "MALFORMED_KID"),
    ] {
        let request = v1::PrepareRequest { issuer: issuer.clone(), kid: kid.clone(), event_json: event };
        let status = client.prepare(request).await.unwrap_err();
        let info = status.get_details_error_info().unwrap_or_else(|| panic!("{what}: no reason arrived: {status:?}"));
        assert_eq!(info.reason, reason, "{what}: {status}");
        assert!(status.message().len() < 2_048 && !status.message().contains('\u{202e}'), "{what}: {status}");
    }
    scene.is_as_before("events to be prepared").await;
}
