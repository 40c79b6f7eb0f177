//! The command line that starts what `probity init` has made.

use super::InitArgs;
use crate::config::NatsSection;

impl InitArgs {
    /// The command line that serves the new directory, with the anchor and the credentials that
    /// were given here.
    pub(super) fn serve_command(&self, nats: Option<&NatsSection>) -> String {
        let mut command = String::new();
        if let Some(anchor) = &self.anchor {
            command.push_str(&format!("PROBITY_LEDGER__ANCHOR={} ", quoted(&anchor.display().to_string())));
        }
        if nats.is_some_and(|nats| nats.password.is_some()) {
            command.push_str("PROBITY_NATS__PASSWORD=… ");
        }
        command.push_str(&format!("probity serve {}", quoted(&self.directory.display().to_string())));
        for (flag, value) in self.nats.flags() {
            command.push_str(&format!(" {flag} {}", quoted(&value)));
        }
        command
    }
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:,@%+=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Arguments {
        #[command(flatten)]
        init: InitArgs,
    }

    fn command(words: &[&str]) -> String {
        let init = Arguments::parse_from([&["init"], words].concat()).init;
        let nats = init.nats.clone().section();
        init.serve_command(nats.as_ref())
    }

    #[test]
    fn the_start_command_has_the_credentials_that_were_given() {
        let founded = ["ledger", "--origin", "ledger.test/x", "--administrator", "ada.pub"];
        assert_eq!(command(&founded), "probity serve ledger");
        let nats = ["--nats", "nats://a:4222,nats://b:4222", "--nats-user", "ada's", "--nats-ca", "ca.pem"];
        assert_eq!(
            command(&[&founded[..], &nats].concat()),
            r"probity serve ledger --nats nats://a:4222,nats://b:4222 --nats-user 'ada'\''s' --nats-ca ca.pem"
        );
        let keys = ["--nats-credentials", "r.creds", "--nats-nkey", "r.nk"];
        let client = ["--nats-certificate", "c.pem", "--nats-private-key", "c.key", "--anchor", "/mnt/anchor"];
        assert_eq!(
            command(&[&founded[..], &nats[..2], &keys, &client].concat()),
            "PROBITY_LEDGER__ANCHOR=/mnt/anchor probity serve ledger --nats nats://a:4222,nats://b:4222 \
             --nats-credentials r.creds --nats-nkey r.nk --nats-certificate c.pem --nats-private-key c.key"
        );
    }
}
