//! `probity compliance pack`: control packs as files, and as the ledger has adopted them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use probity_controls::examples::Examples;
use probity_controls::shipped::{SHIPPED, shipped};
use probity_controls::{Control, Pack, helpers};
use probity_proto::v1;
use probity_schemas::NamespacePattern;
use probity_terminal::{Answer, errln, indented, outln, wrong_use};
use serde_json::json;

use super::record::{Draft, FieldArgs, SignArgs, record};
use crate::session::{Session, SessionArgs};
use crate::{names, output};

#[derive(Debug, Subcommand)]
pub(crate) enum PackCommand {
    /// List the packs that are in force, and those that come with the product.
    List(ListArgs),
    /// Show a pack: what it asks for, to what it applies, and what it does not cover.
    Show(FileArgs),
    /// Print a pack that comes with the product, to be changed and published.
    Export(ExportArgs),
    /// Find what is wrong with a pack: unknown names, wrong types, missing sources.
    Check(FileArgs),
    /// Run a pack's examples, which stand in NAME.examples.toml beside it.
    Test(TestArgs),
    /// Show what changes from one edition of a pack to another.
    Diff(DiffArgs),
    /// Publish a pack; it is in force once a second person has confirmed it.
    Publish(Box<PublishArgs>),
    /// Show the functions that rules have beside those of CEL.
    Functions,
}

impl PackCommand {
    pub(super) fn records(&self) -> bool {
        matches!(self, Self::Publish(_))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// As of this moment: RFC 3339, a date, or a distance such as -30d.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// A file, or the name of a pack that comes with the product.
    #[arg(value_name = "PACK")]
    pack: String,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The name of a pack that comes with the product.
    name: String,
    /// Its examples instead.
    #[arg(long)]
    examples: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// A file, or the name of a pack that comes with the product.
    #[arg(value_name = "PACK")]
    pack: String,
    /// The file of examples, where it is another one.
    #[arg(long, value_name = "FILE")]
    examples: Option<PathBuf>,
    /// Only this control.
    #[arg(long, value_name = "ID")]
    control: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier edition: a file, or a name.
    before: String,
    /// The later one.
    after: String,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// A file, or the name of a pack that comes with the product.
    #[arg(value_name = "PACK")]
    pack: String,
    /// Where it is to hold: namespaces, such as credit/*; can be repeated. Everywhere where it is not given.
    #[arg(long = "for", value_name = "NAMESPACES")]
    namespaces: Vec<NamespacePattern>,
    /// The namespace of the policy's own name.
    #[arg(long, value_name = "NAMESPACE", default_value = "controls", value_parser = names::namespace)]
    policy_namespace: String,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    sign: SignArgs,
}

pub(super) async fn run(command: PackCommand, session: SessionArgs, json: bool) -> Result<Answer> {
    match command {
        PackCommand::List(args) => list(args, &session.open_to_read(json)).await,
        PackCommand::Show(args) => show(&args.pack, &session.open_to_read(json)),
        PackCommand::Export(args) => export(&args),
        PackCommand::Check(args) => check(&args.pack),
        PackCommand::Test(args) => test(&args, &session.open_to_read(json)),
        PackCommand::Diff(args) => diff(&args),
        PackCommand::Publish(args) => publish(*args, &session.open(json)).await,
        PackCommand::Functions => functions(),
    }
}

/// A pack's text, and the file that it stands in.
struct Written {
    text: String,
    file: Option<PathBuf>,
    shown: String,
}

fn written(pack: &str) -> Result<Written> {
    let path = Path::new(pack);
    if let Some(shipped) = shipped(pack).filter(|_| !path.exists()) {
        return Ok(Written { text: shipped.text.to_owned(), file: None, shown: pack.to_owned() });
    }
    if !path.exists() {
        let names = SHIPPED.iter().map(|shipped| shipped.name);
        return Err(match probity_schemas::nearest(pack, names.clone()) {
            Some(nearest) => wrong_use!("there is no file {pack}, and no pack of that name; did you mean {nearest}?"),
            None => wrong_use!(
                "there is no file {pack}; the packs that come with the product are {}",
                names.collect::<Vec<_>>().join(", ")
            ),
        });
    }
    let text = fs::read_to_string(path).with_context(|| format!("{pack} cannot be read"))?;
    Ok(Written { text, file: Some(path.to_owned()), shown: pack.to_owned() })
}

/// Reads a pack; what is wrong with it is said line by line.
fn load(written: &Written) -> Result<Pack> {
    Pack::load(&written.text).map_err(|faults| {
        for fault in &faults {
            errln!("probity: {}:{}:{}: {}", written.shown, fault.line, fault.column, faulty(fault));
        }
        let count = faults.len();
        wrong_use!("{} has {count} {}", written.shown, if count == 1 { "fault" } else { "faults" })
    })
}

fn faulty(fault: &probity_controls::PackFault) -> String {
    match &fault.control {
        Some(control) => format!("control {control}: {}", fault.message),
        None => fault.message.clone(),
    }
}

fn check(pack: &str) -> Result<Answer> {
    let written = written(pack)?;
    let pack = load(&written)?;
    outln!("{} {}: {} controls, nothing wrong", pack.name, pack.edition, pack.controls.len());
    outln!("{}", pack.digest);
    Ok(Answer::Yes)
}

fn export(args: &ExportArgs) -> Result<Answer> {
    let names = || SHIPPED.iter().map(|shipped| shipped.name);
    let found = shipped(&args.name).ok_or_else(|| {
        wrong_use!("the packs that come with the product are {}", names().collect::<Vec<_>>().join(", "))
    })?;
    let text = if args.examples { found.examples } else { found.text };
    outln!("{}", text.trim_end());
    Ok(Answer::Yes)
}

fn show(pack: &str, session: &Session) -> Result<Answer> {
    let pack = load(&written(pack)?)?;
    if session.json {
        let controls: Vec<_> = pack.controls.iter().map(described).collect();
        output::json(&json!({
            "name": pack.name, "edition": pack.edition, "title": pack.title, "jurisdiction": pack.jurisdiction,
            "digest": pack.digest, "sources": pack.sources, "not_covered": pack.not_covered,
            "interpretations": pack.interpretations, "parameters": pack.parameters, "controls": controls,
        }))?;
        return Ok(Answer::Yes);
    }
    outln!("{} {} ({}): {}", pack.name, pack.edition, pack.jurisdiction, pack.title);
    outln!("{}", pack.digest);
    let section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            outln!("\n{title}");
            lines.iter().for_each(|line| outln!("{}", indented(2, line)));
        }
    };
    section("Sources", pack.sources.iter().map(|source| format!("{}: {}", source.title, source.articles)).collect());
    let yes = |chosen| if chosen { "yes" } else { "no" };
    let answers = pack.interpretations.iter();
    section(
        "Interpretations",
        answers.map(|(name, it)| format!("{name} = {}: {}", yes(it.chosen), it.question)).collect(),
    );
    let parameters = pack.parameters.iter();
    section("Parameters", parameters.map(|(name, it)| format!("{name} = {}: {}", it.value, it.meaning)).collect());
    section("Not covered", pack.not_covered.clone());
    outln!();
    let mut table = output::table(&["CONTROL", "ARTICLE", "ASKS FOR", "OF", "SEVERITY", "RESPONSIBLE"])
        .folds(&["ASKS FOR", "ARTICLE", "OF"])
        .drops(&["OF", "RESPONSIBLE", "ARTICLE", "SEVERITY"])
        .states(&["SEVERITY"]);
    for control in &pack.controls {
        table.add_row(vec![
            control.id.clone(),
            control.article.clone(),
            control.requirement.clone(),
            control.applies_to.clone(),
            control.severity.as_str().to_owned(),
            control.responsible.clone(),
        ]);
    }
    table.print();
    Ok(Answer::Yes)
}

fn described(control: &Control) -> serde_json::Value {
    json!({
        "id": control.id, "article": control.article, "requirement": control.requirement,
        "applies_to": control.applies_to, "severity": control.severity, "responsible": control.responsible,
        "evidence": control.evidence, "lacks": control.lacks,
    })
}

fn test(args: &TestArgs, session: &Session) -> Result<Answer> {
    let written = written(&args.pack)?;
    let pack = load(&written)?;
    let (text, shown) = match (&args.examples, &written.file) {
        (Some(file), _) => (fs::read_to_string(file), file.display().to_string()),
        (None, Some(file)) => {
            let beside = file.with_extension("examples.toml");
            (fs::read_to_string(&beside), beside.display().to_string())
        }
        (None, None) => {
            let examples = shipped(&args.pack).map_or("", |shipped| shipped.examples);
            (Ok(examples.to_owned()), format!("{}.examples.toml", args.pack))
        }
    };
    let text = text.with_context(|| format!("the examples in {shown} cannot be read"))?;
    let mut examples = Examples::load(&text)
        .map_err(|fault| wrong_use!("{shown}:{}:{}: {}", fault.line, fault.column, fault.message))?;
    let missing = examples.missing(&pack);
    let outcomes = examples
        .run(&pack)
        .map_err(|(control, line)| wrong_use!("{shown}:{line}: {} has no control {control}", pack.name))?;
    let asked = |control: &str| args.control.as_ref().is_none_or(|asked| asked == control);
    let outcomes: Vec<_> = outcomes.into_iter().filter(|outcome| asked(&outcome.example.control)).collect();
    let wrong = outcomes.iter().filter(|outcome| !outcome.is_as_expected()).count();
    if session.json {
        let rows: Vec<_> = outcomes
            .iter()
            .map(|outcome| {
                json!({
                    "control": outcome.example.control, "says": outcome.example.says, "line": outcome.example.line,
                    "expected": outcome.example.expected.as_str(), "verdict": outcome.judgement.verdict.as_str(),
                    "reason": outcome.judgement.reason,
                })
            })
            .collect();
        output::json(&rows)?;
    } else {
        let mut table = output::table(&["", "CONTROL", "EXAMPLE", "VERDICT", "WHY"])
            .folds(&["EXAMPLE", "WHY"])
            .drops(&["WHY"])
            .states(&["VERDICT"]);
        for outcome in &outcomes {
            let verdict = match outcome.is_as_expected() {
                true => outcome.judgement.verdict.to_string(),
                false => format!("{}, not {}", outcome.judgement.verdict, outcome.example.expected),
            };
            table.add_row(vec![
                if outcome.is_as_expected() { "ok" } else { "WRONG" }.to_owned(),
                outcome.example.control.clone(),
                outcome.example.says.clone(),
                verdict,
                outcome.judgement.reason.clone(),
            ]);
        }
        table.print();
        for (control, case) in missing.iter().filter(|(control, _)| asked(control)) {
            outln!("{control} has no example of a case {}", format!("{case:?}").to_lowercase());
        }
        outln!("{} examples, {wrong} come out otherwise", outcomes.len());
    }
    Ok(if wrong == 0 { Answer::Yes } else { Answer::No })
}

fn diff(args: &DiffArgs) -> Result<Answer> {
    let (before, after) = (load(&written(&args.before)?)?, load(&written(&args.after)?)?);
    outln!("{} {} to {} {}", before.name, before.edition, after.name, after.edition);
    let mut same = true;
    let mut line = |mark: char, text: String| {
        same = false;
        outln!("{mark} {text}");
    };
    for control in &before.controls {
        if after.control(&control.id).is_none() {
            line('-', format!("{}: {}", control.id, control.requirement));
        }
    }
    for control in &after.controls {
        let Some(known) = before.control(&control.id) else {
            line('+', format!("{}: {}", control.id, control.requirement));
            continue;
        };
        let changed: Vec<&str> = known.differences(control);
        if !changed.is_empty() {
            line('~', format!("{}: {}", control.id, changed.join(", ")));
        }
    }
    for (name, parameter) in &after.parameters {
        match before.parameters.get(name) {
            None => line('+', format!("parameter {name} = {}", parameter.value)),
            Some(known) if known.value != parameter.value => {
                line('~', format!("parameter {name}: {} to {}", known.value, parameter.value));
            }
            Some(_) => {}
        }
    }
    for (name, it) in &after.interpretations {
        if before.interpretations.get(name).is_some_and(|known| known.chosen != it.chosen) {
            line('~', format!("interpretation {name}: {} to {}", !it.chosen, it.chosen));
        }
    }
    if same {
        outln!("they ask for the same");
    }
    Ok(if same { Answer::Yes } else { Answer::No })
}

fn functions() -> Result<Answer> {
    let mut table = output::table(&["FUNCTION", "WHAT IT SAYS"]).folds(&["WHAT IT SAYS"]);
    for (signature, doc) in helpers() {
        table.add_row(vec![signature, doc.to_owned()]);
    }
    table.print();
    Ok(Answer::Yes)
}

async fn publish(args: PublishArgs, session: &Session) -> Result<Answer> {
    let written = written(&args.pack)?;
    let pack = load(&written)?;
    let namespaces = match args.namespaces.is_empty() {
        true => vec![NamespacePattern::All],
        false => args.namespaces,
    };
    let subject = format!("policy:{}/{}@{}", args.policy_namespace, pack.name, pack.edition);
    let content = json!({
        "name": pack.name, "edition": pack.edition, "digest": pack.digest,
        "namespaces": namespaces, "text": written.text,
    });
    let data = json!({ "kind": "control-pack", "content": content });
    let mut draft = Draft::filled("policy.published", &subject, data)?;
    draft.apply(&args.fields)?;
    record(vec![draft], &args.sign, session).await
}

async fn list(args: ListArgs, session: &Session) -> Result<Answer> {
    let at_ms = session.moment("--at", args.at.as_deref())?;
    let mut client = session.server.connect().await?;
    let request = v1::ListPacksRequest { at_ms, min_tree_size: 0 };
    let Some(answer) = session.answered(client.compliance.list_packs(request).await)? else { return Ok(Answer::No) };
    if session.json {
        output::json(&answer)?;
        return Ok(Answer::Yes);
    }
    match answer.packs.is_empty() {
        true => outln!("no control pack is in force; adopt one with: probity compliance pack publish NAME"),
        false => {
            let mut table = output::table(&["PACK", "EDITION", "HOLDS IN", "SINCE", "CONTROLS", "INDEX", "DIGEST"])
                .folds(&["HOLDS IN"])
                .drops(&["DIGEST", "INDEX", "SINCE"]);
            for pack in &answer.packs {
                let name = if pack.name.is_empty() { pack.subject.clone() } else { pack.name.clone() };
                table.add_row(vec![
                    name,
                    pack.edition.clone(),
                    pack.namespaces.join(", "),
                    output::second(pack.since_ms),
                    pack.controls.len().to_string(),
                    pack.index.to_string(),
                    pack.digest.clone(),
                ]);
            }
            table.print();
        }
    }
    for pack in &answer.packs {
        if !pack.fault.is_empty() {
            outln!("{} cannot be judged by: {}", pack.subject, pack.fault);
        }
        if !pack.dropped.is_empty() {
            outln!("{} {} no longer asks for {}", pack.name, pack.edition, pack.dropped.join(", "));
        }
    }
    let others: Vec<&str> = SHIPPED.iter().map(|shipped| shipped.name).collect();
    let others: Vec<&str> =
        others.into_iter().filter(|name| answer.packs.iter().all(|pack| pack.name != *name)).collect();
    if !others.is_empty() {
        outln!("come with the product, not in force: {}", others.join(", "));
    }
    output::as_of(answer.as_of.as_ref());
    Ok(Answer::Yes)
}
