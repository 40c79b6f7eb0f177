//! The packs that are shipped: they load, and every control says of its examples what it is to say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use probity_controls::Pack;
use probity_controls::examples::Examples;

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/controls");
    let mut packs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    packs.retain(|path| {
        path.extension().is_some_and(|it| it == "toml") && !path.to_string_lossy().contains(".examples.")
    });
    packs.sort();
    packs
}

fn load(path: &Path) -> Pack {
    let text = fs::read_to_string(path).unwrap();
    Pack::load(&text).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(|fault| format!("{}: {fault}", path.display())).collect();
        panic!("{}", faults.join("\n"))
    })
}

#[test]
fn every_shipped_pack_says_of_its_examples_what_it_is_to_say() {
    let packs = shipped();
    assert!(!packs.is_empty());
    let mut wrong = Vec::new();
    for path in packs {
        let pack = load(&path);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(name, pack.name, "a pack's file has its name");
        let examples = path.with_file_name(format!("{name}.examples.toml"));
        let text = fs::read_to_string(&examples).unwrap_or_else(|error| panic!("{}: {error}", examples.display()));
        let mut examples = Examples::load(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        for (control, case) in examples.missing(&pack) {
            wrong.push(format!("{name}: {control} has no example of {case:?}"));
        }
        for outcome in examples.run(&pack).unwrap() {
            if !outcome.is_as_expected() {
                let (example, judgement) = (outcome.example, &outcome.judgement);
                wrong.push(format!(
                    "{name}.examples.toml:{}: {} ({:?}, {}): expected {}, came out {}: {}",
                    example.line,
                    example.control,
                    example.case,
                    example.says,
                    example.expected,
                    judgement.verdict,
                    judgement.reason
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_shipped_pack_has_twelve_controls_or_more_and_never_calls_anything_compliant() {
    for path in shipped() {
        let pack = load(&path);
        assert!(pack.controls.len() >= 12, "{}: {} controls", pack.name, pack.controls.len());
        let text = fs::read_to_string(&path).unwrap().to_lowercase();
        assert!(!text.contains("compliant"), "{}: the record supports a control or does not", pack.name);
    }
}
