//! `probity why`: one verdict, down to the signed statements.

use anyhow::Result;
use clap::Args;
use probity_proto::v1;
use probity_schemas::SubjectKind;
use probity_terminal::{Answer, indented, outln};

use crate::after::AfterArgs;
use crate::output;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// A version; or a model, for the version that serves or else the newest.
    subject: String,
    /// The control, such as art-9.
    control: String,
    /// The pack it is of, where several have one of that name.
    #[arg(long, value_name = "NAME")]
    pack: Option<String>,
    /// As of this moment: RFC 3339, a date, or a distance such as -30d.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    #[command(flatten)]
    after: AfterArgs,
}

/// Yes where the record supports it, or nothing is asked.
pub(crate) async fn run(args: WhyArgs, session: &Session) -> Result<Answer> {
    let at_ms = session.moment("--at", args.at.as_deref())?;
    let mut client = session.server.connect().await?;
    let request = v1::ExplainVerdictRequest {
        subject: client.subject_or_empty(&args.subject, &[SubjectKind::Model]).await?,
        pack: args.pack.unwrap_or_default(),
        control: args.control,
        at_ms,
        min_tree_size: args.after.min_tree_size(&client),
    };
    let Some(answer) = session.answered(client.compliance.explain_verdict(request).await)? else {
        return Ok(Answer::No);
    };
    let verdict = answer.verdict.clone().unwrap_or_default();
    let clean = match verdict.verdict.as_str() {
        "fail" | "indeterminate" => Answer::No,
        _ => Answer::Yes,
    };
    if session.json {
        output::json(&answer)?;
        return Ok(clean);
    }
    let control = answer.control.clone().unwrap_or_default();
    let people = session.people()?;
    let line = |indent, text: &str| outln!("{}", indented(indent, text));
    line(0, &format!("{}: {}", verdict.version, verdict.verdict));
    line(2, &verdict.reason);
    line(0, &format!("{} of {} {} ({})", control.id, verdict.pack, verdict.edition, verdict.pack_digest));
    line(2, &format!("{}: {}", control.article, control.requirement));
    line(2, &format!("applies to {}; {} answers for it", control.applies_to, control.responsible));
    if let Some(due_ms) = verdict.due_ms {
        line(2, &format!("due by {}", output::second(due_ms)));
    }
    if let Some(until_ms) = verdict.until_ms {
        line(2, &format!("may change by itself at {}", output::second(until_ms)));
    }
    if !answer.sources.is_empty() {
        outln!("rests on");
        let mut table = output::table(&["INDEX", "WHAT", "ABOUT", "WHO", "WHEN"]).drops(&["WHO", "ABOUT"]);
        for source in &answer.sources {
            table.add_row(vec![
                source.index.to_string(),
                source.r#type.clone(),
                source.subject.clone(),
                people.show(&source.signer),
                output::second(source.time_ms),
            ]);
        }
        table.print();
    }
    outln!("came about");
    if answer.cut {
        line(2, "(there is more before this)");
    }
    for span in &answer.spans {
        line(2, &format!("{} {}: {}", output::second(span.from_ms), span.verdict, span.reason));
    }
    output::as_of(answer.as_of.as_ref());
    Ok(clean)
}
