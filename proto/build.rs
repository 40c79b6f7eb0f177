//! Generates the messages and services from `probity/v1/*.proto`, with a compiler written in Rust: no system `protoc`.

use std::path::PathBuf;
use std::{env, error, fs};

use prost::Message;
use prost_types::FileDescriptorSet;

const FILES: [&str; 6] = [
    "probity/v1/registration.proto",
    "probity/v1/log.proto",
    "probity/v1/inventory.proto",
    "probity/v1/audit.proto",
    "probity/v1/lineage.proto",
    "probity/v1/compliance.proto",
];

/// Whose messages commands print as JSON.
const VIEWS: [&str; 5] = ["view", "inventory", "audit", "lineage", "compliance"];

fn main() -> Result<(), Box<dyn error::Error>> {
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut builder = tonic_prost_build::configure().bytes(".");
    for message in answers(&descriptors) {
        builder = builder.type_attribute(message, "#[derive(serde::Serialize)]");
    }
    builder = builder.field_attribute(".probity.v1.AsOf.root", "#[serde(serialize_with = \"crate::json::hex\")]");
    builder.compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=probity");
    Ok(())
}

/// The messages of the views, without what they are asked with.
fn answers(descriptors: &FileDescriptorSet) -> Vec<String> {
    let of_view = |name: &str| VIEWS.iter().any(|view| name == format!("probity/v1/{view}.proto"));
    let files = descriptors.file.iter().filter(|file| of_view(file.name()));
    let messages = files.flat_map(|file| &file.message_type).map(|message| message.name());
    messages.filter(|name| !name.ends_with("Request")).map(|name| format!(".probity.v1.{name}")).collect()
}
