//! `probity config`: check a configuration before a server meets it.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_terminal::{self as terminal, Answer, errln, outln};
use serde_json::json;

use crate::checking;
use crate::config::{Draft, Mistake, Place};

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read a configuration file with the environment over it, open what it names, and say
    /// everything that is wrong.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration file.
    file: PathBuf,
    /// Read the file only, and open nothing that it names: for a configuration of another machine.
    #[arg(long)]
    file_only: bool,
}

pub(crate) async fn run(command: ConfigCommand, json: bool) -> Result<Answer> {
    let ConfigCommand::Check(args) = command;
    let draft = Draft::read(Some(&args.file), None, std::env::vars())?;
    let (config, mut mistakes) = draft.config();
    let (mut warnings, mut summary) = (Vec::new(), Vec::new());
    if let Some(config) = config {
        let written = mistakes.clone();
        let sections: Vec<&str> = written.iter().filter_map(|mistake| mistake.key.split(['.', '[']).next()).collect();
        // What could not be read was left out: what only follows from that is no mistake of its own.
        let faults = config.faults().into_iter();
        let faults = faults.filter(|fault| !sections.iter().any(|section| fault.may_come_of(section)));
        mistakes.extend(faults.map(|fault| draft.mistake(fault.key(), fault.to_string())));
        if !args.file_only {
            let found = checking::open_all(&config).await;
            mistakes.extend(found.faults.into_iter().map(|(key, message)| draft.mistake(key, message)));
            warnings.extend(found.warnings.into_iter().map(|(key, message)| draft.mistake(key, message)));
        }
        let tls = if config.tls.is_some() { "with TLS" } else { "without TLS (loopback only)" };
        summary.push(format!("ledger  {}", config.ledger.directory.display()));
        summary.push(format!("anchor  {}", config.anchor().display()));
        summary.push(format!("gRPC    {} {tls}", config.listen.grpc));
    }
    mistakes.sort_by_key(|mistake| match mistake.place {
        Some(Place::Line { line, .. }) => line,
        Some(Place::Variable(_)) | None => usize::MAX,
    });
    if json {
        let lines: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
        let mut document = json!({
            "ok": mistakes.is_empty(),
            "mistakes": mistakes.iter().map(told).collect::<Vec<_>>(),
            "warnings": warnings.iter().map(told).collect::<Vec<_>>(),
        });
        if !lines.is_empty() {
            document["error"] = lines.join("\n").into();
        }
        terminal::json(&document)?;
    }
    for mistake in &mistakes {
        errln!("probity: {mistake}");
    }
    for warning in &warnings {
        errln!("probity: warning: {warning}");
    }
    if !mistakes.is_empty() {
        return Ok(Answer::No);
    }
    if !json {
        let opened = if args.file_only { "ok; nothing that it names was opened" } else { "ok" };
        outln!("{}: {opened}", args.file.display());
        for line in summary {
            outln!("{line}");
        }
    }
    Ok(Answer::Yes)
}

fn told(mistake: &Mistake) -> serde_json::Value {
    let mut told = json!({ "key": mistake.key, "message": mistake.message });
    match &mistake.place {
        Some(Place::Line { file, line }) => {
            told["file"] = file.display().to_string().into();
            told["line"] = (*line).into();
        }
        Some(Place::Variable(variable)) => told["variable"] = variable.clone().into(),
        None => {}
    }
    told
}
