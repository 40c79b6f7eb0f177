//! Bytes that are almost a statement: mutated, not canonical, with other envelopes.

use probity_statement::EVENT_MEDIA_TYPE;
use probity_statement::cbor::Writer;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use crate::attempt::Attempt;
use crate::forge::{encoded, pick};
use crate::scene::Scene;

const ENVELOPE: &[&str] = &["MALFORMED_STATEMENT"];

/// A changed header may still be a header; then the signature is not its.
const HEADER: &[&str] = &[
    "MALFORMED_HEADER",
    "ALGORITHM_NOT_ACCEPTED",
    "WRONG_CONTENT_TYPE",
    "MALFORMED_ISSUER",
    "SUBJECT_MISMATCH",
    "UNKNOWN_KEY",
    "BAD_SIGNATURE",
];

/// And a changed event may still be an event.
const EVENT: &[&str] = &[
    "NOT_CANONICAL",
    "TOO_DEEP",
    "WRONG_SHAPE",
    "UNKNOWN_FIELD",
    "MISSING_FIELD",
    "UNKNOWN_VALUE",
    "FIELD_REFUSED",
    "UNKNOWN_TYPE",
    "UNSUPPORTED_VERSION",
    "WRONG_SUBJECT_KIND",
    "SUBJECT_MISMATCH",
    "BAD_SIGNATURE",
];

/// One change somewhere, and the reasons that fit the place.
pub(crate) fn mutated(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for number in 0..600 {
        let forged = scene.sound(random);
        let (header, sound) = (forged.header(), forged.sealed());
        // 18([h'header', {}, h'payload', h'signature']): each part begins with a head of two or three bytes.
        let header_at = 4..4 + header.len();
        let signature_at = sound.len() - 64..sound.len();
        let payload_at = signature_at.start - 2 - forged.payload.len()..signature_at.start - 2;
        let kid_at = header.windows(32).position(|window| window == forged.kid).unwrap() + header_at.start;
        let mut change = |what: &str, range: std::ops::Range<usize>, reasons| {
            let mut changed = sound.clone();
            let at = random.random_range(range);
            match random.random_range(0..3) {
                0 => changed[at] ^= 1 << random.random_range(0..8),
                1 => changed[at] = !changed[at],
                _ => changed[at] = changed[at].wrapping_add(random.random_range(1..=255)),
            }
            attempts.push(Attempt::new(format!("{what} {number}, byte {at}"), changed, reasons));
        };
        change("signature", signature_at.clone(), &["BAD_SIGNATURE"]);
        change("key", kid_at..kid_at + 32, &["UNKNOWN_KEY"]);
        change("header", header_at.clone(), HEADER);
        change("event", payload_at, EVENT);
        let cut = random.random_range(0..sound.len());
        attempts.push(Attempt::new(format!("cut {number} at {cut}"), sound[..cut].to_vec(), ENVELOPE));
        let mut longer = sound.clone();
        longer.extend((0..random.random_range(1..200)).map(|_| random.random::<u8>()));
        attempts.push(Attempt::new(format!("extended {number}"), longer, ENVELOPE));
        let noise: Vec<u8> = (0..random.random_range(0..400)).map(|_| random.random()).collect();
        attempts.push(Attempt::new(format!("noise {number}"), noise, ENVELOPE));
    }
    attempts
}

/// Encodings that a lenient decoder would take, at a place where a sound value was; all of them signed.
pub(crate) fn flawed(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let canonical: &[&str] = &["NOT_CANONICAL"];
    let deep = |levels: usize| [vec![0x81; levels], vec![0x01]].concat();
    let maps = |levels: usize| [[0xa1, 0x61, b'a'].repeat(levels), vec![0x01]].concat();
    let flaws: Vec<(&str, Vec<u8>, &'static [&'static str])> = vec![
        ("a long integer", vec![0x18, 0x05], canonical),
        ("a longer integer", vec![0x19, 0x00, 0xff], canonical),
        ("the longest integer", vec![0x1b, 0, 0, 0, 0, 0, 0, 0, 1], canonical),
        ("a long negative integer", vec![0x38, 0x05], canonical),
        ("a long text", vec![0x78, 0x01, b'a'], canonical),
        ("a text of indefinite length", vec![0x7f, 0x61, b'a', 0xff], canonical),
        ("a list of indefinite length", vec![0x9f, 0x01, 0xff], canonical),
        ("a map of indefinite length", vec![0xbf, 0x61, b'a', 0x01, 0xff], canonical),
        ("a break", vec![0xff], canonical),
        ("unsorted keys", vec![0xa2, 0x61, b'b', 0x01, 0x61, b'a', 0x01], canonical),
        ("keys by length only", vec![0xa2, 0x62, b'a', b'a', 0x01, 0x61, b'b', 0x01], canonical),
        ("a key twice", vec![0xa2, 0x61, b'a', 0x01, 0x61, b'a', 0x01], canonical),
        ("a numeric key", vec![0xa1, 0x01, 0x01], canonical),
        ("a key that is a list", vec![0xa1, 0x80, 0x01], canonical),
        ("not a number", vec![0xf9, 0x7e, 0x00], canonical),
        ("another not a number", vec![0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1], canonical),
        ("infinity", vec![0xf9, 0x7c, 0x00], canonical),
        ("negative infinity", vec![0xfa, 0xff, 0x80, 0x00, 0x00], canonical),
        ("a long float", vec![0xfb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0], canonical),
        ("null", vec![0xf6], canonical),
        ("undefined", vec![0xf7], canonical),
        ("a simple value", vec![0xf8, 0x20], canonical),
        ("a short simple value in two bytes", vec![0xf8, 0x14], canonical),
        ("bytes", vec![0x41, 0x00], canonical),
        ("a tag", vec![0xc0, 0x61, b'a'], canonical),
        ("a large number", vec![0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0], canonical),
        ("a text that is none", vec![0x62, 0xc3, 0x28], canonical),
        ("half a surrogate", vec![0x63, 0xed, 0xa0, 0x80], canonical),
        ("a list of 2^63", vec![0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0], canonical),
        ("a list of 2^32 - 1", vec![0x9a, 0xff, 0xff, 0xff, 0xff], canonical),
        ("a map of 2^64 - 1", vec![0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], canonical),
        ("a text of 2^64 - 1", vec![0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], canonical),
        ("a reserved head", vec![0x1c], canonical),
        ("the least number", [vec![0x3b], vec![0xff; 8]].concat(), &["UNREADABLE_EVENT"]),
        ("lists 20 deep", deep(20), &["TOO_DEEP"]),
        ("lists 1,000 deep", deep(1_000), &["TOO_DEEP"]),
        ("lists 60,000 deep", deep(60_000), &["TOO_DEEP"]),
        ("maps 20 deep", maps(20), &["TOO_DEEP"]),
        ("maps 20,000 deep", maps(20_000), &["TOO_DEEP"]),
        ("tags 1,000 deep", [vec![0xc6; 1_000], vec![0x01]].concat(), &["NOT_CANONICAL"]),
    ];
    // Marks that are one byte each in the sound encoding, so that a flaw can stand in their place.
    let mark = json!(23);
    let places = [
        json!({ "attributes": { "a": mark } }),
        json!({ "attributes": { "list": [1, mark, 2] } }),
        json!({ "attributes": { "a": { "b": { "c": mark } } } }),
        json!({ "data": { "purpose": mark } }),
        json!({ "data": { "intended_uses": [mark] } }),
        json!({ "subject": mark }),
        json!({ "title": mark }),
        json!({ "occurred": mark }),
    ];
    let mut attempts = Vec::new();
    for round in 0..5 {
        for (at, place) in places.iter().enumerate() {
            for (what, flaw, reasons) in &flaws {
                let mut forged = scene.sound(random);
                let tree = json!({ "id": crate::forge::new_id(random), "type": "model.registered", "v": 1 });
                let mut tree = tree;
                for (field, value) in place.as_object().unwrap() {
                    tree[field] = value.clone();
                }
                let sound = encoded(&tree);
                let found = sound.iter().rposition(|byte| *byte == 0x17).unwrap();
                forged.payload = [&sound[..found], flaw, &sound[found + 1..]].concat();
                // What follows a length that is not there is eaten by it, or the end comes too soon.
                let reasons = if flaw.len() > 60_000 { &["STATEMENT_TOO_LONG", "TOO_DEEP"] } else { *reasons };
                attempts.push(Attempt::new(format!("{what} in place {at}, {round}"), forged.sealed(), reasons));
            }
        }
    }
    // The event itself.
    let whole: [(&str, Vec<u8>, &'static [&'static str]); 9] = [
        ("no event", Vec::new(), canonical),
        ("a list", encoded(&json!([])), &["WRONG_SHAPE"]),
        ("a text", encoded(&json!("model.registered")), &["WRONG_SHAPE"]),
        ("an empty map", encoded(&json!({})), &["MISSING_FIELD", "WRONG_SHAPE"]),
        ("a type that is a number", encoded(&json!({ "type": 1, "v": 1 })), &["WRONG_SHAPE"]),
        ("a version that is a text", encoded(&json!({ "type": "model.registered", "v": "1" })), &["WRONG_SHAPE"]),
        ("a version below zero", encoded(&json!({ "type": "model.registered", "v": -1 })), &["WRONG_SHAPE"]),
        ("a version of 64 bits", encoded(&json!({ "type": "model.registered", "v": u64::MAX })), &["WRONG_SHAPE"]),
        ("two events", [encoded(&json!({ "type": "a", "v": 1 })), vec![0xa0]].concat(), canonical),
    ];
    for (what, payload, reasons) in whole {
        let mut forged = scene.sound(random);
        forged.payload = payload;
        attempts.push(Attempt::new(what, forged.sealed(), reasons));
    }
    attempts
}

/// Sound events in envelopes that are not what statements come in.
pub(crate) fn envelopes(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for round in 0..10 {
        let forged = scene.sound(random);
        let header = forged.header();
        let signature = forged.signature(&header);
        let mut push = |what: &str, bytes: Vec<u8>, reasons| {
            attempts.push(Attempt::new(format!("{what} ({round})"), bytes, reasons));
        };
        let parts = |write: &dyn Fn(&mut Writer)| {
            let mut writer = Writer::new();
            write(&mut writer);
            writer.into_bytes()
        };
        let rest = |writer: &mut Writer| {
            writer.bytes(&forged.payload).bytes(&signature);
        };
        push("no tag", parts(&|w| rest(w.array(4).bytes(&header).map(0))), ENVELOPE);
        for tag in [0, 16, 17, 19, 61, 98, 55_799, u64::MAX] {
            push("another tag", parts(&|w| rest(w.tag(tag).array(4).bytes(&header).map(0))), ENVELOPE);
        }
        push("a tag twice", parts(&|w| rest(w.tag(18).tag(18).array(4).bytes(&header).map(0))), ENVELOPE);
        push(
            "three parts",
            parts(&|w| {
                w.tag(18).array(3).bytes(&header).map(0).bytes(&forged.payload);
            }),
            ENVELOPE,
        );
        push(
            "five parts",
            parts(&|w| {
                rest(w.tag(18).array(5).bytes(&header).map(0));
                w.uint(0);
            }),
            ENVELOPE,
        );
        push(
            "an unprotected header",
            parts(&|w| rest(w.tag(18).array(4).bytes(&header).map(1).uint(4).uint(1))),
            ENVELOPE,
        );
        push(
            "a kid out of sight",
            parts(&|w| rest(w.tag(18).array(4).bytes(&header).map(1).uint(4).bytes(&forged.kid))),
            ENVELOPE,
        );
        push(
            "a detached event",
            parts(&|w| {
                w.tag(18).array(4).bytes(&header).map(0).null().bytes(&signature);
            }),
            ENVELOPE,
        );
        push("a short signature", forged.assembled(&header, &signature[..63]), ENVELOPE);
        push("a long signature", forged.assembled(&header, &[&signature[..], &[0]].concat()), ENVELOPE);
        push("no signature", forged.assembled(&header, &[]), ENVELOPE);
        push("an indefinite list", [vec![0xd2, 0x9f], forged.sealed()[2..].to_vec(), vec![0xff]].concat(), ENVELOPE);

        let alg = *pick(&[0, 1, -1, -7, -9, -35, -37, -47, -53, -257, 5, i64::MAX, i64::MIN], random);
        let mut other = forged.clone();
        other.alg = alg;
        push("another algorithm", other.sealed(), &["ALGORITHM_NOT_ACCEPTED"]);
        for content_type in [
            "",
            "application/json",
            "application/vnd.probity.event+cbor ",
            "Application/vnd.probity.event+cbor",
            "text/\u{202e}plain\u{7}",
        ] {
            let mut other = forged.clone();
            other.content_type = content_type.to_owned();
            push("another content type", other.sealed(), &["WRONG_CONTENT_TYPE"]);
        }
        for audience in [
            "",
            "ledger.test",
            "ledger.test/hostile/",
            "LEDGER.test/hostile",
            "ledger.test/hοstile",
            "\u{202e}ledger\u{1b}[2J",
            &"x".repeat(20_000),
        ] {
            let mut other = forged.clone();
            other.audience = audience.to_owned();
            push("another ledger", other.sealed(), &["WRONG_AUDIENCE"]);
        }
        let another = forged.subject.replace("credit", "claims");
        for subject in [
            "",
            "model",
            &another,
            &forged.subject.to_uppercase(),
            &format!("{}@1", forged.subject),
            &"y".repeat(20_000),
            "\u{202e}\u{1b}[31m",
        ] {
            let mut other = forged.clone();
            other.subject = subject.to_owned();
            push("another subject", other.sealed(), &["SUBJECT_MISMATCH"]);
        }
        let malformed: &[&str] = &["MALFORMED_HEADER"];
        let claims = |w: &mut Writer| {
            w.uint(15).map(3).uint(1).text(&forged.issuer).uint(2).text(&forged.subject).uint(3).text(&forged.audience);
        };
        let mut header =
            |what: &str, write: &dyn Fn(&mut Writer)| push(what, forged.sealed_with(&parts(write)), malformed);
        header("no header", &|_| {});
        header("an empty header", &|w| {
            w.map(0);
        });
        header("alg as a text", &|w| {
            claims(w.map(4).uint(1).text("EdDSA").uint(3).text(EVENT_MEDIA_TYPE).uint(4).bytes(&forged.kid))
        });
        header("no algorithm", &|w| claims(w.map(3).uint(3).text(EVENT_MEDIA_TYPE).uint(4).bytes(&forged.kid)));
        header("critical headers", &|w| {
            claims(
                w.map(5)
                    .uint(1)
                    .int(-8)
                    .uint(2)
                    .array(1)
                    .uint(4)
                    .uint(3)
                    .text(EVENT_MEDIA_TYPE)
                    .uint(4)
                    .bytes(&forged.kid),
            )
        });
        header("a content type by number", &|w| {
            claims(w.map(4).uint(1).int(-8).uint(3).uint(60).uint(4).bytes(&forged.kid))
        });
        header("half a kid", &|w| {
            claims(w.map(4).uint(1).int(-8).uint(3).text(EVENT_MEDIA_TYPE).uint(4).bytes(&forged.kid[..16]))
        });
        header("a kid as a text", &|w| {
            claims(w.map(4).uint(1).int(-8).uint(3).text(EVENT_MEDIA_TYPE).uint(4).text("kid"))
        });
        header("no claims", &|w| {
            w.map(3).uint(1).int(-8).uint(3).text(EVENT_MEDIA_TYPE).uint(4).bytes(&forged.kid);
        });
        header("a claim too many", &|w| {
            w.map(4)
                .uint(1)
                .int(-8)
                .uint(3)
                .text(EVENT_MEDIA_TYPE)
                .uint(4)
                .bytes(&forged.kid)
                .uint(15)
                .map(4)
                .uint(1)
                .text(&forged.issuer)
                .uint(2)
                .text(&forged.subject)
                .uint(3)
                .text(&forged.audience)
                .uint(4)
                .uint(1);
        });
        header("something after the header", &|w| {
            claims(w.map(4).uint(1).int(-8).uint(3).text(EVENT_MEDIA_TYPE).uint(4).bytes(&forged.kid));
            w.uint(0);
        });
    }
    attempts
}
