//! Names that look like others, paths that lead elsewhere, and texts that do more than to be read.

use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::attempt::Attempt;
use crate::forge::{Forged, complete, new_id};
use crate::scene::{Scene, thing};

/// What is no name: look-alikes, other cases and forms, directions, paths, patterns, control characters.
const NO_NAMES: &[&str] = &[
    "",
    " ",
    "Credit",
    "CREDIT",
    "crеdit",
    "ｃｒｅｄｉｔ",
    "crédit",
    "cre\u{301}dit",
    "cr\u{e9}dit",
    "\u{202e}tiderc",
    "cre\u{200b}dit",
    "credit\u{0}",
    "credit\n",
    "cre\tdit",
    " credit",
    "credit ",
    "\u{feff}credit",
    "cre\u{ad}dit",
    "𝖼redit",
    "ⅽredit",
    "-credit",
    "_credit",
    ".",
    "..",
    "credit.",
    "credit@1",
    "credit:pd",
    "credit*",
    "*",
    "credit%2fpd",
    "credit\\pd",
    "credit\u{2215}pd",
    "credit\u{ff0f}pd",
    "\u{1b}[31mcredit",
    "ſcore",
    "ß",
    "ı",
    "０",
    "१",
];

/// What is no path of names.
const NO_NAMESPACES: &[&str] = &[
    "/",
    "credit/",
    "/credit",
    "credit//x",
    "credit/../x",
    "credit/./x",
    "../credit",
    "credit/*",
    "credit/x/",
    "credit/X",
    "credit\\x",
    "credit/\u{202e}x",
    "credit/ x",
    "./credit",
    "credit/x\u{0}",
    "~/credit",
    "credit/%2e%2e/x",
];

pub(crate) fn names(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let model =
        json!({ "type": "model.registered", "subject": thing("model", "pd"), "data": { "purpose": "Estimates." } });
    let long = ["a".repeat(257), "é".repeat(200), "a/".repeat(128), "\u{202e}".repeat(9_000)];
    let no_names = || NO_NAMES.iter().copied().chain(long.iter().map(String::as_str));
    let mut refused = |random: &mut StdRng, path: &'static str, tree: Value| {
        let what = format!("{path}: {:.60}", tree["subject"].to_string() + &tree["data"].to_string());
        let statement = Forged::new(scene.who("jack"), &complete(tree, random)).sealed();
        attempts.push(Attempt::new(what, statement, &["FIELD_REFUSED"]).says("path", path));
    };
    for name in no_names() {
        for field in ["name", "namespace", "version"] {
            if (field, name) == ("version", "credit.") {
                continue;
            }
            let mut tree = model.clone();
            tree["subject"][field] = json!(name);
            let path = match field {
                "name" => "subject.name",
                "namespace" => "subject.namespace",
                _ => "subject.version",
            };
            refused(random, path, tree);
        }
        let mut tree = model.clone();
        tree["about"] = json!([{ "kind": "model", "namespace": "credit", "name": name }]);
        refused(random, "about[0].name", tree);
    }
    for namespace in no_names().chain(NO_NAMESPACES.iter().copied()) {
        if namespace == "credit/*" || namespace == "*" {
            continue;
        }
        let mut tree = model.clone();
        tree["subject"]["namespace"] = json!(namespace);
        refused(random, "subject.namespace", tree);
        let role = json!({ "role": "developer", "namespaces": [namespace] });
        let subject = json!(scene.who("neighbour").identity.subject());
        let grant = json!({ "type": "authority.role_granted", "subject": subject, "data": role });
        refused(random, "data.namespaces[0]", grant);
    }
    for pattern in ["**", "*/*", "credit/**", "credit*", "credit/*/x", "*credit", "credit/*\u{202c}"] {
        let role = json!({ "role": "developer", "namespaces": ["claims", pattern] });
        let subject = json!(scene.who("neighbour").identity.subject());
        let grant = json!({ "type": "authority.role_granted", "subject": subject, "data": role });
        refused(random, "data.namespaces[1]", grant);
    }
    // Texts that a terminal would obey, or that say nothing.
    for text in
        ["", " ", "\n\t", "\u{0}", "a\u{7}", "\u{1b}[2J", "a\u{8}b", "\u{9b}31m", "a\u{7f}", "sealed:", "sealed:AAAA"]
    {
        let mut tree = model.clone();
        tree["data"]["purpose"] = json!(text);
        refused(random, "data.purpose", tree);
        let mut tree = model.clone();
        tree["title"] = json!(text);
        refused(random, "title", tree);
    }
    // Names that are names, but of something else than what one has rights to.
    for namespace in [
        "credit",
        "credit/retail",
        "cred1t-",
        "cred1tt",
        "credit-/x",
        "credit_",
        "creditt/x",
        "c",
        "c/redit/x",
        "c/red1t",
    ] {
        let mut tree = model.clone();
        tree["subject"]["namespace"] = json!(namespace);
        let statement = Forged::new(scene.who("neighbour"), &complete(tree, random)).sealed();
        let attempt = Attempt::new(format!("a neighbour in {namespace}"), statement, &["NOT_AUTHORISED"]);
        attempts.push(attempt.says("namespace", namespace));
    }
    // A key of a user's own that is longer than any answer should be.
    for key in ["k".repeat(40_000), "\u{1b}[2J".to_owned(), "\u{202e}".repeat(5_000)] {
        let mut nested = json!(1);
        for _ in 0..12 {
            nested = json!({ "a": nested });
        }
        let mut tree = model.clone();
        tree["attributes"] = json!({ key: nested });
        let statement = Forged::new(scene.who("developer"), &complete(tree, random)).sealed();
        attempts.push(Attempt::new("a key that is too much", statement, &["FIELD_REFUSED"]));
        let mut tree = model.clone();
        tree["type"] = json!("\u{1b}[2J\u{202e}".repeat(3_000));
        let statement = Forged::new(scene.who("developer"), &complete(tree, random)).sealed();
        attempts.push(Attempt::new("a type that is too much", statement, &["UNKNOWN_TYPE"]));
    }
    attempts
}

/// Signers whose names are almost somebody's.
pub(crate) fn issuers(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let developer = scene.who("developer").identity.to_string();
    let uuid = developer.trim_start_matches("person:");
    let no_issuers = [
        String::new(),
        uuid.to_owned(),
        format!("person:{}", uuid.to_uppercase()),
        format!("person:{}", uuid.replace('-', "")),
        format!("person:{{{uuid}}}"),
        format!("person:urn:uuid:{uuid}"),
        format!("person: {uuid}"),
        format!("person:{uuid} "),
        format!("person:{uuid}\u{0}"),
        format!("person/{uuid}"),
        format!("Person:{uuid}"),
        format!("реrson:{uuid}"),
        format!("person\u{ff1a}{uuid}"),
        format!("identity:person/{uuid}"),
        "person:00000000-0000-0000-0000-000000000000".to_owned(),
        "person:ada".to_owned(),
        "service:".to_owned(),
        "service:Pipeline".to_owned(),
        "service:pipelіne".to_owned(),
        "service:pipe line".to_owned(),
        "service:../pipeline".to_owned(),
        "service:pipeline/x".to_owned(),
        format!("service:{}", "p".repeat(129)),
        "ledger:".to_owned(),
        "ledger:Ledger.test/hostile".to_owned(),
        "ledger:ledger.test/hostile\u{202e}".to_owned(),
        format!("ledger:{}", "l".repeat(201)),
        "root".to_owned(),
        "*".to_owned(),
        "\u{1b}[2J\u{202e}".repeat(2_000),
    ];
    for issuer in no_issuers {
        for _ in 0..3 {
            let mut forged = scene.sound(random);
            forged.issuer = issuer.clone();
            let what = format!("issuer {:?}", issuer.chars().take(60).collect::<String>());
            attempts.push(Attempt::new(what, forged.sealed(), &["MALFORMED_ISSUER"]));
        }
    }
    // Well written, but somebody else, or nobody.
    let others = ["service:pipeline", "service:pipe-line", "ledger:ledger.test/hostile", "ledger:ledger.test/hostil"];
    for issuer in others {
        for _ in 0..5 {
            let mut forged = scene.sound(random);
            forged.issuer = issuer.to_owned();
            attempts.push(Attempt::new(issuer, forged.sealed(), &["NOT_THE_ISSUERS_KEY"]).says("issuer", issuer));
        }
    }
    for _ in 0..5 {
        let mut forged = scene.sound(random);
        forged.issuer = format!("person:{}", new_id(random));
        attempts.push(Attempt::new("nobody", forged.sealed(), &["NOT_THE_ISSUERS_KEY"]));
    }
    attempts
}
