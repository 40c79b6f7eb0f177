//! The directory of people: `person:<uuid>` → name, kept outside the log so that a name can be
//! erased.
//!
//! A TOML file with a table `[people]`, identity → name, and a table `[keys]`, thumbprint →
//! identity, for keys that cannot say themselves whose they are. Names are for display only;
//! nothing that is signed holds one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};
use probity_schemas::Identity;
use probity_statement::KeyId;
use serde::{Deserialize, Serialize};

/// The environment variable that names the directory file.
pub(crate) const VARIABLE: &str = "PROBITY_PEOPLE";

/// The file's name.
const FILE: &str = "people.toml";

/// The directory file where none is named: the first that is there, else one in the present
/// directory.
pub(crate) fn find() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let beside_configuration = set("PROBITY_CONFIG").and_then(|file| Some(file.parent()?.join(FILE)));
    let configured = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let configured = configured.or_else(|| set("HOME").map(|home| home.join(".config")));
    let of_user = configured.map(|directory| directory.join("probity").join(FILE));
    let here = PathBuf::from(FILE);
    let places = [Some(here.clone()), beside_configuration, of_user];
    places.into_iter().flatten().find(|place| place.is_file()).unwrap_or(here)
}

/// The names that are known here.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct People {
    #[serde(default)]
    people: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    keys: BTreeMap<String, Identity>,
}

impl People {
    /// Reads the directory file; without one, no names are known.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => {
                toml::from_str(&text).with_context(|| format!("{} is not a directory of people", path.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Adds or changes a name and writes the file, replacing it as a whole.
    pub(crate) fn remember(path: &Path, identity: &Identity, name: &str) -> Result<()> {
        Self::change(path, |people| drop(people.people.insert(identity.to_string(), name.to_owned())))
    }

    /// Writes down whose a key is.
    pub(crate) fn remember_key(path: &Path, key: KeyId, identity: &Identity) -> Result<()> {
        Self::change(path, |people| drop(people.keys.insert(key.to_string(), identity.clone())))
    }

    /// Whose a key is, where that is written down.
    pub(crate) fn holder(&self, key: KeyId) -> Option<&Identity> {
        self.keys.get(&key.to_string())
    }

    fn change(path: &Path, change: impl FnOnce(&mut Self)) -> Result<()> {
        let mut people = Self::load(path)?;
        change(&mut people);
        let mut partial: PathBuf = path.to_owned();
        partial.as_mut_os_string().push(".partial");
        let text = toml::to_string(&people).context("cannot encode the directory of people")?;
        let write = || {
            // Names are personal data: they are for whoever runs this command, and for nobody else here.
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
            // A file that was left over keeps the mode it had.
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())?;
            fs::rename(&partial, path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Who is called so: by the whole name, else by a part of it. Upper and lower case do not matter.
    pub(crate) fn called(&self, text: &str) -> Vec<(&str, &str)> {
        let wanted = text.to_lowercase();
        let all = || self.people.iter().map(|(identity, name)| (identity.as_str(), name.as_str()));
        let whole: Vec<_> = all().filter(|(_, name)| name.to_lowercase() == wanted).collect();
        if !whole.is_empty() {
            return whole;
        }
        // A part begins where a word does.
        let begins = |name: &str| {
            let name = name.to_lowercase();
            name.match_indices(&wanted).any(|(at, _)| !name[..at].ends_with(char::is_alphanumeric))
        };
        all().filter(|(_, name)| !wanted.is_empty() && begins(name)).collect()
    }

    /// The name most similar to one that nobody has.
    pub(crate) fn nearest(&self, text: &str) -> Option<&str> {
        let lower: Vec<(String, &str)> =
            self.people.values().map(|name| (name.to_lowercase(), name.as_str())).collect();
        let found = probity_schemas::nearest(&text.to_lowercase(), lower.iter().map(|(lower, _)| lower.as_str()))?;
        lower.iter().find(|(lower, _)| lower == found).map(|(_, name)| *name)
    }

    /// Everyone in it, with their names.
    pub(crate) fn everyone(&self) -> impl Iterator<Item = (&str, &str)> {
        self.people.iter().map(|(identity, name)| (identity.as_str(), name.as_str()))
    }

    /// A text with the names of people in the place of their identities, where they are known.
    pub(crate) fn spell_out(&self, text: &str) -> String {
        let mut spelt = text.to_owned();
        for (identity, name) in self.everyone() {
            let subject =
                identity.parse::<Identity>().map(|identity| identity.subject().to_string()).unwrap_or_default();
            if !subject.is_empty() && spelt.contains(&subject) {
                spelt = spelt.replace(&subject, name);
            }
            if spelt.contains(identity) {
                spelt = spelt.replace(identity, name);
            }
        }
        spelt
    }

    /// The name and the identity, or the identity alone.
    pub(crate) fn show_both(&self, identity: &str) -> String {
        match self.people.get(identity) {
            Some(name) => format!("{name} ({identity})"),
            None => identity.to_owned(),
        }
    }

    /// The name of an identity where it is known, else the identity itself.
    pub(crate) fn show(&self, identity: &str) -> String {
        match self.people.get(identity) {
            Some(name) => name.clone(),
            None => identity.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_for_its_owner_only_whatever_was_there_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("people.toml");
        let who: Identity = "person:00000000-0000-4000-8000-000000000001".parse().unwrap();
        fs::write(&path, "[people]\n").unwrap();
        fs::write(dir.path().join("people.toml.partial"), "left over").unwrap();
        People::remember(&path, &who, "Ada Lovelace").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(People::load(&path).unwrap().show(&who.to_string()), "Ada Lovelace");
    }
}
