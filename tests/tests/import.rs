//! An inventory goes in through the real binary: every row is in the ledger or named in the report.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::{Path, PathBuf};
use std::process::Output;

use probity_proto::v1;
use probity_statement::SignedStatement;
use probity_tests::{Server, Signer, TestLedger, command};
use serde_json::Value;

struct Scene {
    ledger: TestLedger,
    server: Server,
    key: PathBuf,
    importer: Signer,
}

impl Scene {
    async fn new() -> Self {
        let ledger = TestLedger::found().unwrap();
        let server = ledger.serve(&[]).unwrap();
        let importer = Signer::service("inventory-import").unwrap();
        ledger.enrol(&server, &importer, &["importer"]).await.unwrap();
        let key = ledger.home.path().join("importer.key");
        importer.write_key(&key).unwrap();
        Self { ledger, server, key, importer }
    }

    fn import(&self, file: &Path, mapping: &Path) -> (Output, Value) {
        let report = self.ledger.home.path().join("report.json");
        let output = command()
            .arg("import")
            .arg(file)
            .arg("--mapping")
            .arg(mapping)
            .arg("--key")
            .arg(&self.key)
            .arg("--report")
            .arg(&report)
            .args(["--json", "--server", &self.server.address])
            .output()
            .unwrap();
        let summary = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {} {}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        });
        (output, summary)
    }

    fn probity(&self, words: &[&str]) -> Value {
        let mut command = command();
        let output = command.args(words).args(["--json", "--server", &self.server.address]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn size(&self) -> u64 {
        let mut log = self.server.log().await.unwrap();
        log.get_checkpoint(v1::GetCheckpointRequest { height: None }).await.unwrap().into_inner().tree_size
    }

    /// All events of the importer, as JSON.
    async fn events(&self) -> Vec<Value> {
        let mut log = self.server.log().await.unwrap();
        let request = v1::ListEntriesRequest { start: 0, end: 0, issuer: self.importer.identity.to_string() };
        let mut stream = log.list_entries(request).await.unwrap().into_inner();
        let mut events = Vec::new();
        while let Some(entry) = stream.message().await.unwrap() {
            let event = SignedStatement::parse(entry.statement).unwrap().event().unwrap();
            events.push(serde_json::to_value(&event).unwrap());
        }
        events
    }
}

fn own_sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/importer/tests/data").join(name)
}

fn of_type<'a>(events: &'a [Value], event_type: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == event_type).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_adds_nothing_and_a_changed_cell_is_an_amendment() {
    let scene = Scene::new().await;
    let (file, mapping) = (own_sample("werkzeuge.csv"), own_sample("werkzeuge.toml"));
    let (_, first) = scene.import(&file, &mapping);
    let after_first = scene.size().await;
    assert!(!of_type(&scene.events().await, "import.completed").is_empty(), "{first}");
    scene.import(&file, &mapping);
    assert_eq!(scene.size().await, after_first, "a second run adds nothing");

    let text = std::fs::read_to_string(&file).unwrap();
    let registered = of_type(&scene.events().await, "model.registered").len();
    let purpose = of_type(&scene.events().await, "model.registered")[0]["data"]["purpose"].as_str().unwrap().to_owned();
    assert!(text.contains(&purpose), "the sample's first purpose stands in the file as it is");
    let edited = scene.ledger.home.path().join("werkzeuge.csv");
    std::fs::write(&edited, text.replace(&purpose, &format!("{purpose} (neu)"))).unwrap();
    scene.import(&edited, &mapping);
    let events = scene.events().await;
    assert_eq!(of_type(&events, "model.registered").len(), registered, "nothing is registered twice");
    let amended = of_type(&events, "model.amended");
    assert!(
        amended.iter().any(|event| event["data"]["new"].as_str().is_some_and(|new| new.ends_with("(neu)"))),
        "{amended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_federal_inventory_is_recorded_or_named_in_the_report() {
    let Some(inventory) = std::env::var_os("PROBITY_INVENTORY") else {
        println!("DID NOT RUN: PROBITY_INVENTORY does not name the federal inventory");
        return;
    };
    let scene = Scene::new().await;
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/import/us-federal-2024.toml");
    let (output, _) = scene.import(Path::new(&inventory), &mapping);
    assert_eq!(output.status.code(), Some(1), "three rows of the file repeat others to the letter, and are refused");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("not every view"), "{said}");
    // What asks at once after it finds all of it, in every view.
    let size = scene.size().await;
    for words in [&["models"][..], &["history"], &["compliance"]] {
        let answer = scene.probity(words);
        assert_eq!(answer["as_of"]["tree_size"], size, "{words:?}");
    }
    let events = scene.events().await;
    let models = of_type(&events, "model.registered").len();
    assert_eq!(of_type(&events, "usecase.proposed").len(), models);

    // The file has 2,133 rows; those that are not in the ledger are named.
    let report: Value =
        serde_json::from_slice(&std::fs::read(scene.ledger.home.path().join("report.json")).unwrap()).unwrap();
    let text = report.to_string();
    for line in ["902", "915", "956"] {
        assert!(text.contains(line), "line {line} is not in the report");
    }
    assert_eq!(models + 3, 2_133);
    let completed = of_type(&events, "import.completed");
    assert_eq!(completed.len(), 1);
    assert_eq!(completed[0]["data"]["rows"]["refused"], 3, "{}", completed[0]);

    // What the rows say of their lives is there too.
    for (event_type, at_least) in [
        ("deployment.started", 500),
        ("training.started", 500),
        ("retirement.completed", 50),
        ("risk.assessed", 100),
        ("validation.completed", 50),
        ("evidence.attached", 500),
    ] {
        let found = of_type(&events, event_type).len();
        assert!(found >= at_least, "{found} × {event_type}");
    }
    scene.import(Path::new(&inventory), &mapping);
    assert_eq!(scene.size().await, size, "a second run adds nothing");

    let Scene { ledger, server, .. } = scene;
    server.stop().unwrap();
    let output = command().arg("verify").arg(ledger.directory()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A mapping of three columns, into the namespace `desk`.
const CONTACTS: &str = r#"
    source = { system = "contacts", coverage = "full" }
    columns = { name = "Name", purpose = "Purpose", contact = "Contact" }
    row = { identity = ["name"], namespace = ["desk"], name = { column = "name" } }
    [[event]]
    type = "model.registered"
    subject = "model"
    data.purpose = { column = "purpose" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn e_mail_addresses_are_warned_of_and_a_column_that_is_left_out_never_reaches_the_ledger() {
    let scene = Scene::new().await;
    let home = scene.ledger.home.path();
    let (file, mapping) = (home.join("contacts.csv"), home.join("contacts.toml"));
    std::fs::write(&file, "Name,Purpose,Contact\none,p,jane.roe@example.org\ntwo,p,\n").unwrap();
    std::fs::write(&mapping, CONTACTS.replace(r#""Contact""#, r#"{ header = "Contact", personal = "leave-out" }"#))
        .unwrap();
    let (output, summary) = scene.import(&file, &mapping);
    assert!(output.status.success() && summary["recorded"] == 2, "{summary}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("e-mail"));
    assert!(scene.events().await.iter().all(|event| !event.to_string().contains("jane.roe")));

    // In clear it is recorded, with a warning.
    std::fs::write(&mapping, CONTACTS).unwrap();
    let (output, summary) = scene.import(&file, &mapping);
    assert_eq!(summary["changed"], 1);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 cells of the column \"Contact\" hold e-mail addresses"), "{said}");
}

/// Class, vendor and stage, each with an event that hangs on it.
const LIVES: &str = r#"
    source = { system = "lives", coverage = "full" }
    columns = { name = "Name", class = "Class", vendor = "Vendor", stage = "Stage", live = "Live", retired = "Retired" }
    dates = { columns = ["live", "retired"], forms = ["{yyyy}-{mm}-{dd}"] }
    row = { identity = ["name"], namespace = ["desk"], name = { column = "name" } }
    [[event]]
    type = "model.registered"
    subject = "model"
    data.purpose = "scoring"
    [[event]]
    type = "model.classified"
    subject = "model"
    when = { column = "class", present = true }
    data = { framework = "tiers", class = { column = "class" } }
    [[event]]
    type = "dependency.declared"
    subject = "model"
    when = { column = "vendor", present = true }
    data = { direction = "upstream", kind = "service", reference = { column = "vendor" } }
    [[event]]
    type = "deployment.started"
    subject = "endpoint"
    occurred = "live"
    when = { column = "live", present = true }
    data = { version = { subject = "model" }, environment = "production" }
    [[event]]
    type = "retirement.completed"
    subject = "model"
    occurred = "retired"
    when = { column = "stage", equals = "retired" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_shows_what_the_later_edition_says() {
    let scene = Scene::new().await;
    let home = scene.ledger.home.path();
    let (file, mapping) = (home.join("lives.csv"), home.join("lives.toml"));
    std::fs::write(&mapping, LIVES).unwrap();
    let import = |rows: &str| {
        std::fs::write(&file, format!("Name,Class,Vendor,Stage,Live,Retired\n{rows}")).unwrap();
        let (output, summary) = scene.import(&file, &mapping);
        assert!(output.status.success(), "{summary}");
        let report = std::fs::read(home.join("report.json")).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&report).unwrap(), Value::Array(Vec::new()));
        summary
    };
    let model = |name: &str| scene.probity(&["model", &format!("model:desk/{name}")]);
    import("one,high,Acme,live,2020-03-01,\ntwo,high,Acme,live,2020-03-01,\nthree,low,,live,2020-03-01,\n");
    assert_eq!(shown(&model("one")), shown_as("live", &["high"], &["Acme"], 1));

    let summary = import(
        "one,low,Bolt,live,2020-03-01,\ntwo,high,Acme,retired,2020-03-01,2024-11-30\nthree,,,live,2021-03-01,\n",
    );
    assert_eq!((summary["changed"].as_u64(), summary["refused"].as_u64()), (Some(3), Some(0)));
    assert_eq!(shown(&model("one")), shown_as("live", &["low"], &["Bolt"], 1));
    assert_eq!(shown(&model("two")), shown_as("retired", &["high"], &["Acme"], 0));
    assert_eq!(shown(&model("three")), shown_as("live", &[], &[], 1));

    // The source takes the retirement back.
    import("one,low,Bolt,live,2020-03-01,\ntwo,high,Acme,live,2020-03-01,\nthree,,,live,2021-03-01,\n");
    assert_eq!(shown(&model("two")), shown_as("live", &["high"], &["Acme"], 1));
}

/// State, classes, what it depends on, and at how many places it runs.
fn shown(model: &Value) -> (String, Vec<String>, Vec<String>, usize) {
    let dossier = &model["dossier"];
    let texts = |list: &Value, field: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
    };
    let places = dossier["deployments"].as_array().unwrap();
    let running = places.iter().filter(|place| place["state"] == "running").count();
    assert_eq!(dossier["model"]["endpoints"].as_u64(), Some(running as u64), "{dossier:#}");
    (
        dossier["model"]["state"].as_str().unwrap().to_owned(),
        texts(&dossier["model"]["classes"], "class"),
        texts(&dossier["dependencies"], "what"),
        running,
    )
}

fn shown_as(
    state: &str,
    classes: &[&str],
    vendors: &[&str],
    places: usize,
) -> (String, Vec<String>, Vec<String>, usize) {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    (state.to_owned(), texts(classes), texts(vendors), places)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_sealed_can_be_read_with_the_vault_and_erased_for_good() {
    let scene = Scene::new().await;
    let home = scene.ledger.home.path();
    let clara = Signer::person().unwrap();
    scene.ledger.enrol(&scene.server, &clara, &["compliance"]).await.unwrap();
    let key = home.join("clara.key");
    clara.write_key(&key).unwrap();
    let (file, mapping) = (home.join("models.csv"), home.join("models.toml"));
    std::fs::write(&file, "Model,Purpose,Contact\npd,Scores,ada@example.com\nlgd,Losses,ada@example.com\n").unwrap();
    let columns =
        "[source]\nsystem = \"list\"\ncoverage = \"full\"\n[columns]\nmodel = \"Model\"\npurpose = \"Purpose\"\n";
    let row = "[row]\nidentity = [\"model\"]\nnamespace = [\"credit\"]\nname = { column = \"model\" }\n[[event]]\n\
               type = \"model.registered\"\nsubject = \"model\"\ndata.purpose = { column = \"purpose\" }\n";
    let sealed = "contact = { header = \"Contact\", personal = \"seal\" }\n";
    std::fs::write(&mapping, format!("{columns}{sealed}{row}")).unwrap();
    let vault = home.join("vault");
    let import = |more: &[&str]| {
        let mut command = command();
        command.arg("import").arg(&file).arg("--mapping").arg(&mapping).arg("--key").arg(&scene.key);
        command.args(["--server", &scene.server.address]).args(more).output().unwrap()
    };
    let in_vault = ["--vault", vault.to_str().unwrap()];
    let refused = import(&[]);
    assert!(refused.status.code() == Some(2) && stderr(&refused).contains("--vault DIR"), "{refused:?}");
    assert!(import(&["--dry-run"]).status.success());
    assert!(!vault.exists(), "a dry run makes no key");

    let first = import(&in_vault);
    assert!(first.status.success() && !stderr(&first).contains("e-mail"), "{first:?}");
    let size = scene.size().await;
    let registered = of_type(&scene.events().await, "model.registered")[0].clone();
    assert!(registered["attributes"]["contact"].as_str().unwrap().starts_with("sealed:"), "{registered}");
    import(&in_vault);
    assert_eq!(scene.size().await, size, "the same file and vault add nothing");
    let index =
        (0..size).rev().find(|index| scene.probity(&["entry", &index.to_string()])["event"]["id"] == registered["id"]);
    let index = index.unwrap().to_string();
    let opened = scene.probity(&["entry", &index, "--vault", vault.to_str().unwrap()]);
    assert_eq!(opened["opened"]["/attributes/contact"], "ada@example.com");

    let mut erase = command();
    erase.args(["erase", "ada@example.com", "--legal-basis", "Art. 17 GDPR", "--subject", "model:credit/pd"]);
    erase.args(in_vault).arg("--key").arg(&key).args(["--server", &scene.server.address]);
    let erased = erase.output().unwrap();
    assert!(erased.status.success(), "{erased:?}");
    let size = scene.size().await;
    let again = import(&in_vault);
    assert!(again.status.success(), "{again:?}");
    assert_eq!(scene.size().await, size, "what was erased does not come back");
    let report = std::fs::read_to_string(home.join("models.report.csv")).unwrap();
    assert!(report.contains("not in the vault") && !report.contains("ada@"), "{report}");
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
