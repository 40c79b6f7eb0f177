//! `probity import`: record an inventory from a CSV file.
//!
//! What a file says is planned by `probity-importer`; here it is read, signed, sent and summed up.
//! Running it again is always safe: it sends only what the ledger does not hold yet.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use probity_client::{Failure, RegisterError};
use probity_importer::{Effect, History, Mapping, Plan, Refusal, Sheet, Summary, digest};
use probity_proto::retry_after;
use probity_proto::v1::{self, check_result::Result as Checked, register_result::Result as Outcome};
use probity_schemas::{Event, Identity, Name, Text};
use probity_statement::{LedgerKeys, SIGNATURE_LENGTH, SignedStatement, Signer as _, Unsigned};
use probity_terminal::{Answer, Signer, clear_no, errln, outln, wrong_use};
use serde_json::json;
use tonic::Code;

use super::record::{at_terminal, check_receipt, sign, yes};
use crate::client::{Client, failed};
use crate::output;
use crate::session::Session;
use crate::signing::{AnyKey, KeyArgs};
use crate::vault::{Vault, VaultSealer};

/// Statements in one call, and bytes of them: a server's memory is shared.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 2 << 20;
/// How often a call is made again when the server cannot take it just now.
const ATTEMPTS: u32 = 8;
/// The first pause between attempts, where the server does not say how long; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The inventory, a CSV file with a header.
    file: PathBuf,
    /// What its columns mean: a TOML file as described in ops/import/README.md.
    #[arg(long, value_name = "TOML")]
    mapping: PathBuf,
    /// The importer's.
    #[command(flatten)]
    key: KeyArgs,
    /// Where to write what is not, or not as it stood, recorded: CSV, or JSON if it ends with
    /// .json. By default beside the file, as FILE.report.csv.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What this edition of the file is called in amendments; by default its digest.
    #[arg(long, value_name = "LABEL")]
    edition: Option<Text>,
    /// The directory of sealing keys, for columns that the mapping seals. Keys that are missing are made.
    #[arg(long, env = "PROBITY_VAULT", value_name = "DIR")]
    vault: Option<PathBuf>,
    /// Write the report and record nothing: takes no server, and the ledger for empty.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: ImportArgs, session: &Session) -> Result<Answer> {
    let text = fs::read_to_string(&args.mapping).with_context(|| format!("cannot read {}", args.mapping.display()))?;
    let mapping = Mapping::parse(&text).map_err(|error| wrong_use!("{}: {error}", args.mapping.display()))?;
    let bytes = fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let sheet = Sheet::read(&bytes, &mapping).map_err(|error| wrong_use!("{}: {error}", args.file.display()))?;
    let edition = args.edition.as_ref().map(Text::as_str);
    let report = args.report.clone().unwrap_or_else(|| args.file.with_extension("report.csv"));
    if report == args.file || report == args.mapping {
        return Err(wrong_use!("the report would overwrite {}; give another file with --report", report.display()));
    }

    let Some(signer) = signer(&args, session)? else {
        let importer = args.key.identity(session)?.unwrap_or(Identity::Service("importer".parse::<Name>()?));
        // Keys are made for counting, and forgotten.
        let vault = Vault::new(args.vault.as_deref().unwrap_or(Path::new(""))).trial();
        let nowhere = "import.invalid/dry-run".parse()?;
        let sealer = VaultSealer::hold(&vault, &nowhere)?;
        let plan = Plan::sealed(&mapping, &sheet, &History::new(mapping.system()), &importer, edition, &sealer);
        write_report(&plan, &report)?;
        warn_of_addresses(&plan);
        return finish(&plan.summary(), &report, &Ending::DryRun, session);
    };
    let mut client = session.server.connect().await?;
    let ledger = client.ledger().clone();
    let history = history(&mut client, &signer.identity, &mapping).await?;
    let vault = match &args.vault {
        Some(directory) => Some(Vault::new(directory)),
        None if mapping.seals() => {
            return Err(wrong_use!("the mapping seals columns; say where the keys are kept, with --vault DIR"));
        }
        None => None,
    };
    let mut plan = match vault.as_ref().filter(|_| mapping.seals()) {
        Some(vault) => {
            let sealer = VaultSealer::hold(vault, &ledger.origin)?;
            Plan::sealed(&mapping, &sheet, &history, &signer.identity, edition, &sealer)
        }
        None => Plan::new(&mapping, &sheet, &history, &signer.identity, edition),
    };
    lacks_no_role(&plan, &signer, &mut client).await?;
    if warn_of_addresses(&plan) && at_terminal() && !yes("Record them in clear?")? {
        write_report(&plan, &report)?;
        return Err(wrong_use!("nothing is recorded; the cells are named in {}", report.display()));
    }
    let mut sender = Sender { client, signer: &signer, ledger: &ledger, recorded: 0 };
    let (refusals, lacking) = sender.send_all(&plan).await?;
    plan.refuse(refusals);
    let report_digest = write_report(&plan, &report)?;
    if !lacking.is_empty() {
        errln!(
            "{} lacks the role importer in: {}. An administrator grants it with authority.role_granted; then run this \
             again.",
            signer.identity,
            lacking.into_iter().collect::<Vec<_>>().join(", ")
        );
    }
    let ending = match plan.completed(report_digest)? {
        Some(event) => Ending::Completed(sender.send_completed(&event).await?),
        None => Ending::NothingNew,
    };
    // The next query finds everything that was imported.
    sender.client.remember(sender.recorded);
    if let Err(error) = sender.client.wait_for_views(sender.recorded).await {
        errln!("probity: everything is recorded, but not every view has taken it in yet: {error:#}");
    }
    finish(&plan.summary(), &report, &ending, session)
}

/// Makes sure, before the first row, that the importer may record in every namespace of the file.
///
/// Nothing rests on the answer: a server that does not give one is no obstacle.
async fn lacks_no_role(plan: &Plan, signer: &Signer<AnyKey>, client: &mut Client) -> Result<()> {
    /// Statements that a server answers for at once, at most.
    const MOST: usize = 64;
    let mut namespaces = BTreeSet::new();
    let mut submissions = Vec::new();
    for event in plan.events() {
        if submissions.len() < MOST && namespaces.insert(event.subject.namespace.to_string()) {
            let kid = signer.key.public().id();
            let unsigned = Unsigned::new(event, &signer.identity, client.ledger().origin.as_str(), kid)?;
            let mut statement = unsigned.prefix();
            statement.extend([0; SIGNATURE_LENGTH]);
            submissions.push(v1::Submission { statement: statement.into(), expected_revision: None });
        }
    }
    let Ok(answer) = client.door.check(v1::CheckRequest { submissions }).await else { return Ok(()) };
    let mut lacking = BTreeSet::new();
    for result in answer.into_inner().results {
        let Some(Checked::Refused(refused)) = result.result else { continue };
        match refused.reason.as_str() {
            "NOT_AUTHORISED" => lacking.extend(refused.metadata.get("namespace").cloned()),
            "UNKNOWN_KEY" | "KEY_REVOKED" => {
                return Err(clear_no!(
                    "nothing was recorded: the ledger does not accept this key: {}",
                    refused.message
                ));
            }
            _ => {}
        }
    }
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(clear_no!(
            "nothing was recorded: {} lacks the role importer in: {}. An administrator grants it with \
             authority.role_granted; then run this again",
            signer.identity,
            lacking.into_iter().collect::<Vec<_>>().join(", ")
        )),
    }
}

/// The signer; none in a dry run.
fn signer(args: &ImportArgs, session: &Session) -> Result<Option<Signer<AnyKey>>> {
    if args.dry_run { Ok(None) } else { args.key.open(session).map(Some) }
}

/// What this importer recorded from the mapping's system before.
async fn history(client: &mut Client, importer: &Identity, mapping: &Mapping) -> Result<History> {
    let request = v1::ListEntriesRequest { start: 0, end: 0, issuer: importer.to_string() };
    let mut entries = client.log.list_entries(request).await.map_err(failed)?.into_inner();
    let mut history = History::new(mapping.system());
    let progress = output::progress("reading what is recorded", "statements");
    while let Some(entry) = entries.message().await.map_err(failed)? {
        let event = SignedStatement::parse(entry.statement).and_then(|statement| statement.event());
        history.take_in(&event.with_context(|| format!("index {}", entry.index))?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(history)
}

/// Says which columns hold e-mail addresses that would be recorded in clear; whether there are any.
fn warn_of_addresses(plan: &Plan) -> bool {
    let columns = plan.addresses();
    for (column, cells) in &columns {
        errln!("warning  {cells} cells of the column {column:?} hold e-mail addresses");
    }
    if !columns.is_empty() {
        errln!(
            "The ledger keeps them in clear for ever. In the mapping, personal = \"leave-out\" leaves a column out, and \
             personal = \"keep\" says that it may stand there."
        );
    }
    !columns.is_empty()
}

fn write_report(plan: &Plan, path: &Path) -> Result<probity_schemas::Digest> {
    let json = path.extension().is_some_and(|extension| extension == "json");
    let bytes = if json { plan.report().to_json()? } else { plan.report().to_csv()? };
    fs::write(path, &bytes).with_context(|| format!("cannot write the report {}", path.display()))?;
    for entry in plan.report().entries().iter().filter(|entry| entry.effect == Effect::RowRefused).take(3) {
        let line = entry.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        errln!("refused  {line}{}", entry.reason);
    }
    Ok(digest(&bytes))
}

/// Signs events and hands them to the ledger.
struct Sender<'a> {
    client: Client,
    signer: &'a Signer<AnyKey>,
    ledger: &'a LedgerKeys,
    /// The tree size that holds everything recorded so far.
    recorded: u64,
}

impl Sender<'_> {
    /// Sends all events of a plan. Returns what was refused, and the namespaces in which the
    /// importer has no role.
    async fn send_all(&mut self, plan: &Plan) -> Result<(Vec<Refusal>, BTreeSet<String>)> {
        let progress = output::progress("recording", "statements");
        progress.set_length(plan.events().len() as u64);
        let (mut refusals, mut lacking) = (Vec::new(), BTreeSet::new());
        let mut events = plan.events().enumerate().peekable();
        while events.peek().is_some() {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while batch.len() < BATCH && bytes < BATCH_BYTES {
                let Some((index, event)) = events.next() else { break };
                let statement = sign(event, self.signer, self.ledger)?;
                bytes += statement.bytes().len();
                batch.push((index, statement));
            }
            for (event, refused) in self.send(&batch).await? {
                if refused.code == Code::Unauthenticated as i32 {
                    bail!("the ledger does not accept the key of {}: {}", self.signer.identity, refused.message);
                }
                if refused.reason == "NOT_AUTHORISED" {
                    lacking.extend(refused.metadata.get("namespace").cloned());
                }
                refusals.push(Refusal { event, code: refused.reason, message: refused.message });
            }
            progress.inc(batch.len() as u64);
        }
        progress.finish_and_clear();
        Ok((refusals, lacking))
    }

    /// Records the event that sums up the import.
    async fn send_completed(&mut self, event: &Event) -> Result<String> {
        let statement = sign(event, self.signer, self.ledger)?;
        match self.send(&[(0, statement)]).await?.pop() {
            None => Ok(event.id.to_string()),
            Some((_, refused)) => {
                let namespace = &event.subject.namespace;
                let said = refused.message;
                bail!("import.completed is not recorded: {said}. Grant the importer its role in {namespace} as well")
            }
        }
    }

    /// Sends statements until the ledger has taken or refused each of them; returns the refused
    /// ones.
    async fn send(&mut self, batch: &[(usize, SignedStatement)]) -> Result<Vec<(usize, v1::Refused)>> {
        let mut waiting: Vec<&(usize, SignedStatement)> = batch.iter().collect();
        let mut refused = Vec::new();
        let mut attempt = 0;
        while !waiting.is_empty() {
            attempt += 1;
            let (again, pause, why) = match self.call(&waiting).await {
                Ok(results) => {
                    let mut again = Vec::new();
                    let mut why = String::new();
                    for (submitted, result) in waiting.iter().zip(results) {
                        match result.result {
                            Some(Outcome::Recorded(recorded)) => {
                                check_receipt(&recorded, &submitted.1, self.ledger)?;
                                self.recorded = self.recorded.max(recorded.index + 1);
                            }
                            Some(Outcome::Refused(not_now)) if is_transient(not_now.code) => {
                                again.push(*submitted);
                                why = not_now.message;
                            }
                            Some(Outcome::Refused(no)) => refused.push((submitted.0, no)),
                            None => bail!("the server gave an empty answer; it is newer than this client"),
                        }
                    }
                    (again, None, why)
                }
                Err(RegisterError { failure: Failure::Status { status, .. }, .. })
                    if is_transient(status.code() as i32) =>
                {
                    (waiting.clone(), retry_after(&status), status.message().to_owned())
                }
                Err(error @ RegisterError { failure: Failure::Exhausted { .. }, .. }) => {
                    bail!("{error}. What was taken is recorded; run this again later")
                }
                Err(error) => return Err(error.into()),
            };
            waiting = again;
            if waiting.is_empty() {
                break;
            }
            if attempt == ATTEMPTS {
                bail!("the server cannot take more now: {why}. What it took is recorded; run this again later");
            }
            tokio::time::sleep(pause.unwrap_or(PAUSE * 2u32.pow(attempt - 1))).await;
        }
        Ok(refused)
    }

    async fn call(&self, batch: &[&(usize, SignedStatement)]) -> Result<Vec<v1::RegisterResult>, RegisterError> {
        let submission = |(_, statement): &&(usize, SignedStatement)| v1::Submission {
            statement: statement.bytes().clone(),
            expected_revision: None,
        };
        self.client.registration.register(batch.iter().map(submission).collect()).await
    }
}

/// Whether the same call can succeed later.
fn is_transient(code: i32) -> bool {
    code == Code::ResourceExhausted as i32 || code == Code::Unavailable as i32
}

/// How an import ends.
enum Ending {
    DryRun,
    /// Everything was recorded before, or everything was refused.
    NothingNew,
    /// `import.completed` is recorded under this id.
    Completed(String),
}

/// Prints the summary.
fn finish(summary: &Summary, report: &Path, ending: &Ending, session: &Session) -> Result<Answer> {
    if session.json {
        let mut document = serde_json::to_value(summary)?;
        document["report"] = json!(report);
        document["dry_run"] = json!(matches!(ending, Ending::DryRun));
        if let Ending::Completed(id) = ending {
            document["import_completed"] = json!(id);
        }
        output::json(&document)?;
    } else {
        let mut table = output::table(&["rows", ""]);
        let rows = [
            ("in the file", summary.rows),
            ("recorded", summary.recorded),
            ("already recorded", summary.already_recorded),
            ("changed", summary.changed),
            ("refused, or not whole", summary.refused),
            ("skipped by the mapping", summary.skipped),
            ("taken for one with an earlier row", summary.repeated),
            ("vanished", summary.vanished),
        ];
        for (what, count) in rows {
            table.add_row([what.to_owned(), count.to_string()]);
        }
        table.print();
        outln!();
        let mut table = output::table(&["events", ""]);
        for (what, count) in &summary.events {
            table.add_row([(*what).to_owned(), count.to_string()]);
        }
        table.add_row(["already recorded".to_owned(), summary.events_already_recorded.to_string()]);
        table.print();
        outln!();
        outln!("{} cells are named in {}", summary.cells_reported, report.display());
        match ending {
            Ending::DryRun => outln!("Dry run: nothing was recorded."),
            Ending::NothingNew => outln!("This import adds nothing: import.completed is not recorded."),
            Ending::Completed(id) => outln!("import.completed {id}"),
        }
    }
    Ok(if summary.refused == 0 { Answer::Yes } else { Answer::No })
}
