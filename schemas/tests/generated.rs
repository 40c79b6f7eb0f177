//! What is generated from the types is committed, and never behind them.

use std::{collections::BTreeSet, fs, path::Path};

#[path = "../examples/generate/files.rs"]
mod files;

#[test]
fn the_committed_schemas_samples_and_page_are_what_the_types_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let wanted = files::files().unwrap();
    let stale: Vec<_> = wanted
        .iter()
        .filter(|(path, content)| fs::read_to_string(root.join(path)).ok().as_ref() != Some(content))
        .map(|(path, _)| path)
        .collect();
    assert!(stale.is_empty(), "run `cargo run -p probity-schemas --example generate`: {stale:#?}");
}

#[test]
fn no_generated_file_outlives_its_type() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let wanted: BTreeSet<_> = files::files().unwrap().into_keys().collect();
    for folder in files::FOLDERS {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy());
            assert!(wanted.contains(&path), "{path} has no type");
        }
    }
}
