//! `probity key`: make and show keys.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use probity_schemas::{Identity, Name, NamespacePattern, Origin, Title};
use probity_statement::{Possession, PublicKey, SecretKey, Signer as Key};
use probity_terminal::{Answer, keyfile, outln, wrong_use};
use serde_json::json;
use uuid::Uuid;

use crate::people::People;
use crate::session::PeopleArgs;
use crate::{agent, output, resolve, signing};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a new Ed25519 key: FILE (PKCS#8 PEM, mode 0600) and its public half beside it (.pub).
    /// Or write down whose a key in ssh-agent is.
    New(NewArgs),
    /// Show a key: whose it is, its thumbprint, and what an administrator needs to enrol it.
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Where to write the private key, such as ada.key; or agent:<comment, path or SHA256:
    /// fingerprint> for a key that ssh-agent holds already, which stays there.
    #[arg(value_name = "FILE|agent:KEY")]
    file: String,
    #[command(flatten)]
    whose: Whose,
    /// For a key in ssh-agent: write its public half with the identity to this file, as `probity
    /// init` takes it.
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Encrypt the private key with a passphrase, asked for or taken from PROBITY_KEY_PASSPHRASE.
    #[arg(long)]
    passphrase: bool,
}

/// Exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// A new person. The name goes to the directory of people only; the ledger sees person:<uuid>.
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// A service, such as feature-store.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// A further key of a person or service that has one: by name or identity.
    #[arg(long = "as", value_name = "NAME|IDENTITY")]
    identity: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A private or public key file, or agent:<comment, path or SHA256: fingerprint> for a key in
    /// ssh-agent.
    #[arg(value_name = "FILE|agent:KEY")]
    file: String,
    /// Prove possession of the private key to the ledger of this origin: prints the data of
    /// authority.enrolled.
    #[arg(long, value_name = "ORIGIN")]
    enrol_in: Option<Origin>,
    /// Persons responsible for a service, for --enrol-in: by name or identity.
    #[arg(long, value_name = "NAME|IDENTITY", requires = "enrol_in")]
    responsible: Vec<String>,
    /// Also print the event that gives this role; can be repeated.
    #[arg(long = "role", value_name = "ROLE", requires_all = ["enrol_in", "namespaces"])]
    roles: Vec<Name>,
    /// Where the roles hold: a namespace such as credit, with everything in it (credit/*), or all
    /// (*); can be repeated.
    #[arg(long = "in", value_name = "NAMESPACES", requires = "roles")]
    namespaces: Vec<NamespacePattern>,
    /// Whose key it is, where the file does not say: by name or identity.
    #[arg(long = "as", value_name = "NAME|IDENTITY")]
    identity: Option<String>,
}

pub(crate) fn run(command: KeyCommand, people: &PeopleArgs, json: bool) -> Result<Answer> {
    match command {
        KeyCommand::New(args) => new(args, people, json),
        KeyCommand::Show(args) => show(args, people, json),
    }
}

fn new(args: NewArgs, people: &PeopleArgs, json: bool) -> Result<Answer> {
    let Whose { person, service, identity } = args.whose;
    if let Some(name) = &person {
        Title::honest(name).map_err(|error| wrong_use!("--person {name:?}: {error}"))?;
    }
    let identity = match (&person, service, identity) {
        (Some(_), _, _) => Identity::Person(Uuid::new_v4()),
        (None, Some(name), _) => {
            Identity::Service(name.parse().map_err(|error| wrong_use!("--service {name:?}: {error}"))?)
        }
        (None, None, Some(name)) => resolve::identity(&name, &people.load()?)?,
        (None, None, None) => return Err(wrong_use!("say whose key it is: --person, --service or --as")),
    };
    let (key, written) = match agent::selector(&args.file) {
        Some(selector) => adopt(selector, &identity, args.public.as_deref(), people)?,
        None if args.public.is_some() => {
            return Err(wrong_use!("--public is for keys in ssh-agent; a key file gets its public half beside it"));
        }
        None => make(Path::new(&args.file), &identity, args.passphrase)?,
    };
    if let Some(name) = &person {
        People::remember(&people.file(), &identity, name)?;
    }
    let kid = key.id().to_string();
    if json {
        output::json(&json!({ "identity": identity, "kid": kid, "file": args.file }))?;
    } else {
        outln!("{written}");
        outln!("identity  {identity}");
        outln!("kid       {kid}");
    }
    Ok(Answer::Yes)
}

/// Makes a key file. Returns what was done, in words.
fn make(file: &Path, identity: &Identity, passphrase: bool) -> Result<(PublicKey, String)> {
    let passphrase = match passphrase {
        true => Some(keyfile::ask_new_passphrase()?),
        false => None,
    };
    let key = SecretKey::generate(&mut rand::rng())?;
    keyfile::write(file, identity, &key, passphrase.as_ref().map(|text| text.as_str()))?;
    let written = format!("{} and {} written", file.display(), keyfile::public_path(file).display());
    Ok((key.public().clone(), written))
}

/// Writes down whose a key in ssh-agent is. Returns what was done, in words.
fn adopt(
    selector: &str,
    identity: &Identity,
    public: Option<&Path>,
    people: &PeopleArgs,
) -> Result<(PublicKey, String)> {
    let (key, _) = agent::find(selector)?;
    if let Some(path) = public {
        keyfile::write_public(path, identity, key.public())?;
    }
    People::remember_key(&people.file(), key.public().id(), identity)?;
    let public = public.map(|path| format!("; {} written", path.display())).unwrap_or_default();
    let written = format!("{} {} stays in ssh-agent{public}", key.fingerprint(), key.comment());
    Ok((key.public().clone(), written))
}

fn show(args: ShowArgs, people: &PeopleArgs, json: bool) -> Result<Answer> {
    let named = |name: &String| resolve::identity(name, &people.load()?);
    let identity = args.identity.as_ref().map(named).transpose()?;
    let responsible: Vec<Identity> = args.responsible.iter().map(named).collect::<Result<_>>()?;
    let Some(origin) = args.enrol_in else {
        let public = public(&args.file, identity, people)?;
        let identity = public.identity.map(|identity| identity.to_string());
        let kid = public.key.id().to_string();
        if json {
            output::json(&json!({ "identity": identity, "kid": kid, "public_key": public.key.to_string() }))?;
        } else {
            let identity = identity.unwrap_or_else(|| "(the file does not say)".to_owned());
            outln!("identity    {}", people.load()?.show_both(&identity));
            outln!("kid         {kid}");
            outln!("public key  {}", public.key);
        }
        return Ok(Answer::Yes);
    };
    let signer = signing::open(&args.file, identity, people)?;
    let possession = Possession::prove_with(&signer.key, &origin, &signer.identity)?;
    let enrolled = enrolling(&signer.identity, signer.key.public(), possession, &responsible);
    if args.roles.is_empty() {
        output::json(&enrolled)?;
    } else {
        let granted = args.roles.iter().map(|role| granting(&signer.identity, role, &args.namespaces));
        output::json(&std::iter::once(enrolled).chain(granted).collect::<Vec<_>>())?;
    }
    Ok(Answer::Yes)
}

/// The public half of a key, and whose it is where that is known.
fn public(key: &str, identity: Option<Identity>, people: &PeopleArgs) -> Result<keyfile::PublicKeyFile> {
    if let Some(selector) = agent::selector(key) {
        let (key, of_file) = agent::find(selector)?;
        let holder = people.load()?.holder(key.public().id()).cloned();
        return Ok(keyfile::PublicKeyFile { identity: identity.or(of_file).or(holder), key: key.public().clone() });
    }
    let public = match keyfile::read_public(Path::new(key)) {
        Ok(public) => public,
        Err(_) => {
            let signer = keyfile::read(Path::new(key), identity.clone())?;
            keyfile::PublicKeyFile { identity: Some(signer.identity), key: signer.key.public().clone() }
        }
    };
    Ok(keyfile::PublicKeyFile { identity: identity.or(public.identity), key: public.key })
}

/// The event that enrols a key, for an administrator to record.
pub(crate) fn enrolment(
    signer: &probity_terminal::Signer,
    origin: &Origin,
    responsible: &[Identity],
) -> serde_json::Value {
    let possession = Possession::prove(&signer.key, origin, &signer.identity);
    enrolling(&signer.identity, signer.key.public(), possession, responsible)
}

fn enrolling(
    identity: &Identity,
    key: &PublicKey,
    possession: Possession,
    responsible: &[Identity],
) -> serde_json::Value {
    let kind = if matches!(identity, Identity::Person(_)) { "person" } else { "service" };
    let mut data = json!({
        "kind": kind,
        "kid": key.id().to_string(),
        "public_key": key.to_string(),
        "possession": hex::encode(possession.0),
    });
    if !responsible.is_empty() {
        data["responsible"] = json!(responsible);
    }
    json!({ "type": "authority.enrolled", "subject": identity.subject(), "data": data })
}

/// The event that gives a role, for an administrator to record.
pub(crate) fn granting(identity: &Identity, role: &Name, namespaces: &[NamespacePattern]) -> serde_json::Value {
    let data = json!({ "role": role, "namespaces": namespaces });
    json!({ "type": "authority.role_granted", "subject": identity.subject(), "data": data })
}
