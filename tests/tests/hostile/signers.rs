//! Keys that are not the signer's, and signatures that are not the key's.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use crate::attempt::Attempt;
use crate::forge::{Forged, complete};
use crate::scene::{Scene, new_key, thing};

pub(crate) fn keys(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let tree =
        json!({ "type": "model.registered", "subject": thing("model", "pd"), "data": { "purpose": "Estimates." } });
    for round in 0..20 {
        let mut push = |what: &str, forged: Forged, reason: &'static [&'static str]| {
            attempts.push(Attempt::new(format!("{what} ({round})"), forged.sealed(), reason));
        };
        let mut by = |who| Forged::new(who, &complete(tree.clone(), random));
        push("a stranger", by(scene.who("stranger")), &["UNKNOWN_KEY"]);
        push("someone whom nobody confirmed", by(scene.who("waiting")), &["UNKNOWN_KEY"]);
        push("a revoked key", by(scene.who("revoked")), &["KEY_REVOKED"]);
        let developer = &scene.who("developer").identity;
        push("a stranger's key for a developer", by(scene.who("stranger")).by(developer), &["UNKNOWN_KEY"]);
        push("an operator's key for a developer", by(scene.who("operator")).by(developer), &["NOT_THE_ISSUERS_KEY"]);
        push("a revoked key for a developer", by(scene.who("revoked")).by(developer), &["NOT_THE_ISSUERS_KEY"]);
        push(
            "an administrator's key for the ledger",
            by(scene.who("ada")).by(&scene.recovery.identity),
            &["NOT_THE_ISSUERS_KEY"],
        );
        push("a recovery key for a fact", by(&scene.recovery), &["RECOVERY_KEY_ONLY"]);
        push("a recovery key for a developer", by(&scene.recovery).by(developer), &["NOT_THE_ISSUERS_KEY"]);
        let mut lent = by(scene.who("developer"));
        lent.kid = scene.who("jack").key.public().id().0.to_vec();
        push("another's kid", lent, &["BAD_SIGNATURE"]);
        let mut zero = by(scene.who("developer"));
        zero.kid = vec![0; 32];
        push("no key at all", zero, &["UNKNOWN_KEY"]);
        push("an operator's model", by(scene.who("operator")), &["NOT_AUTHORISED"]);
    }
    attempts
}

/// The order of the group, in the order of bytes that signatures have.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Points of small order, and encodings of points that are not canonical.
const POINTS: [[u8; 32]; 4] = [[0; 32], first(0x01, 0x00), first(0xec, 0x7f), [0xff; 32]];

/// A byte, 30 more of nothing or of everything, and the last one.
const fn first(byte: u8, last: u8) -> [u8; 32] {
    let mut point = [if last == 0 { 0 } else { 0xff }; 32];
    point[0] = byte;
    point[31] = last;
    point
}

pub(crate) fn signatures(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for round in 0..30 {
        let forged = scene.sound(random);
        let header = forged.header();
        let sound = forged.signature(&header);
        let mut push = |what: &str, signature: &[u8]| {
            let statement = forged.assembled(&header, signature);
            attempts.push(Attempt::new(format!("{what} ({round})"), statement, &["BAD_SIGNATURE"]));
        };
        push("nothing", &[0; 64]);
        push("everything", &[0xff; 64]);
        push("R and S swapped", &[&sound[32..], &sound[..32]].concat());
        push("S plus the order", &[&sound[..32], &plus_order(&sound[32..])].concat());
        for point in POINTS {
            push("R of small order", &[&point[..], &sound[32..]].concat());
            push("R of small order and S of nothing", &[&point[..], &[0; 32]].concat());
        }
        let mut sign = sound;
        sign[31] ^= 0x80;
        push("the other R", &sign);
        let other = scene.sound(random);
        push("another statement's signature", &other.signature(&other.header()));
        push("the event signed, without its envelope", &scene.who("developer").key.sign(&forged.payload));
        push("a stranger's signature", &new_key().sign(&forged.payload));
        let random_bytes: [u8; 64] = std::array::from_fn(|_| random.random());
        push("noise", &random_bytes);
    }
    attempts
}

/// The same scalar modulo the order of the group, written another way.
fn plus_order(scalar: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    let mut carry = 0;
    for (at, byte) in sum.iter_mut().enumerate() {
        let digit = u16::from(scalar[at]) + u16::from(ORDER[at]) + carry;
        *byte = digit as u8;
        carry = digit >> 8;
    }
    sum
}
