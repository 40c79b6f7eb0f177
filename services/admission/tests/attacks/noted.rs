//! What an event says besides is noted, whichever way it takes effect.

use serde_json::json;

use crate::scene::world::{
    APPROVER, COMPLIANCE, DEPLOYER, DEVELOPER, RISK_OFFICER, World, digest, model, subject, version,
};
use crate::tried;

/// A text that looks as if it was sealed under a key; what is inside does not matter here.
fn sealed_text(kid: &[u8; 16]) -> String {
    use base64::Engine as _;
    let mut bytes = vec![0xd0, 0x83, 0x56, 0xa2, 0x01, 0x18, 0x18, 0x04, 0x50];
    bytes.extend(kid);
    bytes.extend([0xa1, 0x05, 0x4c]);
    bytes.extend([1; 12]);
    bytes.extend([0x58, 0x30]);
    bytes.extend([2; 48]);
    format!("sealed:{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

fn erasing(on: serde_json::Value, kid: &[u8; 16]) -> serde_json::Value {
    let key: String = kid.iter().map(|byte| format!("{byte:02x}")).collect();
    let data = json!({ "key": key, "kind": "sealing-key", "legal_basis": "GDPR Art. 17" });
    json!({ "type": "payload.erased", "subject": on, "data": data })
}

#[test]
fn an_authorisation_by_a_plan_notes_its_evidence_and_its_sealed_texts() {
    let mut world = World::plan_approved();
    world.version("2", 0.8);
    let mut data = World::authorization();
    data["version"] = version("2");
    data["digest"] = json!(digest("2"));
    let kid = [3; 16];
    let evidence = json!({ "digest": digest("ticket"), "kind": "ticket", "media_type": "text/plain" });
    world.record_with(
        DEPLOYER,
        json!({
            "type": "deployment.authorized", "subject": subject("endpoint", "eu"), "data": data,
            "evidence": [evidence], "title": sealed_text(&kid),
        }),
    );
    // The document can be rested on.
    world.record(DEVELOPER, "approval.requested", version("2"), json!({ "gate": "production" }));
    let mut approval = world.approval();
    approval["digests"] = json!([digest("2")]);
    approval["evidence_seen"] = json!([digest("report"), digest("ticket")]);
    let granting = json!({
        "type": "approval.granted", "subject": version("2"), "regarding": world.ids["approval.requested"], "data": approval,
    });
    assert_eq!(tried(&world, APPROVER, granting), "ok");
    // The sealed text is the endpoint's, so a hold over it keeps the key.
    assert_eq!(tried(&world, COMPLIANCE, erasing(model(), &kid)), "ok");
    let hold = json!({ "scope": "All.", "legal_basis": "Litigation." });
    world.record(RISK_OFFICER, "hold.set", subject("endpoint", "eu"), hold);
    assert_eq!(tried(&world, COMPLIANCE, erasing(model(), &kid)), "ON_HOLD");
}

#[test]
fn a_hold_keeps_the_keys_of_what_an_event_is_about_besides_its_subject() {
    let mut world = World::registered();
    let kid = [4; 16];
    world.record_with(
        DEVELOPER,
        json!({
            "type": "evidence.attached", "subject": model(), "about": [subject("usecase", "loans")],
            "data": { "document_kind": "report", "digest": digest("r") }, "title": sealed_text(&kid),
        }),
    );
    let hold = json!({ "scope": "All.", "legal_basis": "Litigation." });
    world.record(RISK_OFFICER, "hold.set", subject("usecase", "loans"), hold);
    assert_eq!(tried(&world, COMPLIANCE, erasing(model(), &kid)), "ON_HOLD");
    let mut other = erasing(model(), &[5; 16]);
    assert_eq!(tried(&world, COMPLIANCE, other.clone()), "ok");
    other["about"] = json!([subject("usecase", "loans")]);
    assert_eq!(tried(&world, COMPLIANCE, other), "ON_HOLD");
}
