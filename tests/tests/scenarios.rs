//! The scenarios in `tests/scenarios` replay through the real binary as they are told: every event gets a receipt that
//! verifies, every refusal comes where it belongs, and the verifier judges it all again. To add one, add a file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use probity_tests::scenario::{Scenario, read_all, replay};

/// What only the ledger or the importer records; `import.rs` and the suites of single crates show those.
const RECORDED_BY_PROGRAMS: [&str; 2] = ["ledger", "import"];

/// How many replay at once; they wait for the disk more than they compute.
const AT_ONCE: usize = 10;

fn scenarios() -> Vec<(String, Scenario)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let all = read_all(&directory).unwrap();
    assert!(!all.is_empty(), "no scenario in {}", directory.display());
    let unread: Vec<String> =
        all.iter().filter_map(|(name, read)| Some(format!("{name}: {:#}", read.as_ref().err()?))).collect();
    assert!(unread.is_empty(), "\n{}", unread.join("\n"));
    all.into_iter().map(|(name, read)| (name, read.unwrap())).collect()
}

#[test]
fn every_scenario_replays_as_it_is_told() {
    let wanted = std::env::var("SCENARIO").unwrap_or_default();
    let scenarios: Vec<_> = scenarios().into_iter().filter(|(name, _)| name.contains(&wanted)).collect();
    assert!(!scenarios.is_empty(), "no scenario is called {wanted:?}");
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((name, scenario)) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let home = tempfile::tempdir().unwrap();
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    let told: BTreeSet<&str> = scenario.types().collect();
                    match runtime.block_on(replay(scenario, home.path())) {
                        Ok(replayed) if told.iter().all(|told| replayed.types.contains(*told)) => {
                            let (statements, refused) = (replayed.statements, replayed.refused);
                            println!("{name}: {statements} statements, {refused} refused");
                        }
                        Ok(replayed) => {
                            let told = format!("{name}: it tells of {told:?} and recorded {:?}", replayed.types);
                            failures.lock().unwrap().push(told);
                        }
                        Err(error) => failures.lock().unwrap().push(format!("{name}: {error:#}")),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), scenarios.len(), failures.join("\n"));
}

#[test]
fn every_type_of_the_vocabulary_occurs_in_a_scenario() {
    let scenarios = scenarios();
    let told: BTreeSet<&str> = scenarios.iter().flat_map(|(_, scenario)| scenario.types()).collect();
    let missing: Vec<&str> = probity_schemas::catalogue()
        .filter(|info| !RECORDED_BY_PROGRAMS.contains(&info.family()))
        .map(|info| info.event_type)
        .filter(|event_type| !told.contains(event_type))
        .collect();
    assert!(missing.is_empty(), "no scenario records {missing:?}");
}

#[test]
fn a_field_that_a_scenario_cannot_have_is_named_with_its_place() {
    let text = "title: A\nstory: B\npeople: {}\nsteps:\n  - who: ada\n    typ: model.registered\n";
    let error = Scenario::parse(text).unwrap_err().to_string();
    assert!(error.contains("`typ`") && error.contains("line 6"), "{error}");
    let error = Scenario::parse("title: A\nstory: B\npeople: {}\nsteps:\n  - who: ada\n").unwrap_err().to_string();
    assert!(error.contains("step 1"), "{error}");
}
