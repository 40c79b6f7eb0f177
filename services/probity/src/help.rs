//! The commands of `probity --help`, grouped by what a person does.

use std::fmt::Write as _;

use clap::Command;

/// The groups and their commands. A test sees to it that every command is in one.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Found a ledger", &["demo", "init", "key"]),
    (
        "Record",
        &["record", "approve", "reject", "confirm", "suspend", "resume", "correct", "import", "hold", "vault", "erase"],
    ),
    (
        "Ask",
        &[
            "models",
            "model",
            "needs",
            "list",
            "people",
            "inbox",
            "compliance",
            "why",
            "check",
            "history",
            "compare",
            "lineage",
            "impact",
        ],
    ),
    ("Prove", &["entry", "receipt", "checkpoint", "verify"]),
    ("Operate", &["serve", "rules", "views", "backup", "restore", "repair", "clock", "config"]),
];

/// Columns in which the descriptions are wrapped.
const WIDTH: usize = 100;
/// Columns before a description.
const INDENT: usize = 14;

/// Lists the commands by group in the help of `command`.
pub(crate) fn grouped(command: Command) -> Command {
    let mut commands = String::new();
    for (heading, names) in GROUPS {
        let _ = writeln!(commands, "{heading}:");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = wrapped(&about.map(ToString::to_string).unwrap_or_default());
            let _ = writeln!(commands, "  {name:<11} {about}");
        }
        commands.push('\n');
    }
    let template = format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{commands}Options:\n{{options}}");
    command.help_template(template)
}

/// Breaks a description into lines, all but the first indented.
fn wrapped(text: &str) -> String {
    let (mut lines, mut column) = (String::new(), INDENT);
    for word in text.split_whitespace() {
        match column + word.len() {
            _ if column == INDENT => {}
            end if end >= WIDTH => {
                let _ = write!(lines, "\n{:INDENT$}", "");
                column = INDENT;
            }
            _ => {
                lines.push(' ');
                column += 1;
            }
        }
        lines.push_str(word);
        column += word.len();
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::Cli;

    #[test]
    fn every_command_is_in_one_group() {
        let command = Cli::command();
        let there_are: BTreeSet<&str> = command.get_subcommands().map(Command::get_name).collect();
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<&str>>(), there_are);
        assert_eq!(listed.len(), there_are.len());
    }

    #[test]
    fn the_help_groups_the_commands() {
        insta::assert_snapshot!(grouped(Cli::command()).render_help());
    }

    #[test]
    fn options_of_the_client_are_where_there_is_a_server_to_talk_to() {
        let mut command = Cli::command();
        command.build();
        for local in [
            "init", "serve", "rules", "views", "backup", "restore", "repair", "clock", "config", "key", "vault",
            "demo", "verify",
        ] {
            let help = command.find_subcommand_mut(local).unwrap().render_long_help().to_string();
            assert!(!help.contains("--server"), "{local}: {help}");
        }
        for remote in ["models", "record", "receipt", "checkpoint", "list", "hold"] {
            let help = command.find_subcommand_mut(remote).unwrap().render_long_help().to_string();
            assert!(help.contains("--server"), "{remote}: {help}");
        }
    }
}
