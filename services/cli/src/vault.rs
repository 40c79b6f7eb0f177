//! The vault: sealing keys, one file each, and whose texts they seal. VaultKey outside the ledger,
//! so that it can forget.
//!
//! A file is named by its key's id and holds the key, when it was made, and the label of the person
//! or case it is for. Labels stand nowhere else. Destroying the file is erasing what was sealed
//! under the key, wherever the log has been copied.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use probity_importer::{Sealer, SealerError};
use probity_schemas::{Clock, EventId, Origin, SystemClock, Text};
use probity_statement::{SealingKey, SealingKeyId};
use probity_terminal::keyfile::write_new;
use probity_terminal::wrong_use;
use rand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// What a key file ends with.
const KEY_FILE: &str = "sealing-key";
/// What a key file ends with while it is being destroyed.
const DESTROYING: &str = "destroying";
/// What the note of an erasure under way ends with: the signed statement that announces it.
const ERASURE: &str = "erasure";

/// A directory of sealing keys.
#[derive(Debug, Clone)]
pub(crate) struct Vault {
    dir: PathBuf,
    trial: bool,
}

/// A sealing key and what it is for.
#[derive(Debug)]
pub(crate) struct VaultKey {
    pub(crate) label: String,
    /// When it was made, in Unix milliseconds.
    pub(crate) made: u64,
    pub(crate) key: SealingKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    label: String,
    made: u64,
    key: String,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Vault {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), trial: false }
    }

    /// The same vault, in which nothing is written: a key that is needed is made and forgotten.
    pub(crate) fn trial(self) -> Self {
        Self { trial: true, ..self }
    }

    /// Every key, by label. Where there is no directory, there is none.
    pub(crate) fn keys(&self) -> Result<Vec<VaultKey>> {
        let mut keys = self.files(KEY_FILE)?.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
        keys.sort_by(|a, b| a.label.cmp(&b.label));
        Ok(keys)
    }

    fn files(&self, extension: &str) -> Result<Vec<PathBuf>> {
        let list = || -> std::io::Result<Vec<PathBuf>> {
            let paths = fs::read_dir(&self.dir)?.map(|entry| Ok(entry?.path()));
            paths
                .filter(|path| path.as_ref().map_or(true, |path| path.extension().is_some_and(|it| it == extension)))
                .collect()
        };
        match list() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            files => files.with_context(|| format!("cannot read the vault {}", self.dir.display())),
        }
    }

    /// The key of this id, where it is here.
    pub(crate) fn key(&self, id: SealingKeyId) -> Result<Option<SealingKey>> {
        let path = self.path(id, KEY_FILE);
        if path.exists() { read(&path).map(|kept| Some(kept.key)) } else { Ok(None) }
    }

    /// The vault with its keys read, and kept from others until this is dropped: two processes must not
    /// make a key each for one label, since only one of them would be destroyed one day.
    pub(crate) fn hold(&self) -> Result<HeldVault<'_>> {
        if self.trial {
            return Ok(HeldVault { vault: self, keys: self.by_label()?, _lock: None });
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .with_context(|| format!("cannot make the vault {}", self.dir.display()))?;
        let lock = File::open(&self.dir).and_then(|dir| dir.lock().map(|()| dir));
        let lock = lock.with_context(|| format!("cannot lock the vault {}", self.dir.display()))?;
        Ok(HeldVault { vault: self, keys: self.by_label()?, _lock: Some(lock) })
    }

    /// The key of this label, where it has one.
    pub(crate) fn of(&self, label: &str) -> Result<Option<SealingKey>> {
        Ok(self.keys()?.into_iter().find(|kept| kept.label == label).map(|kept| kept.key))
    }

    fn by_label(&self) -> Result<HashMap<String, SealingKey>> {
        Ok(self.keys()?.into_iter().map(|kept| (kept.label, kept.key)).collect())
    }

    /// The key of this label; made where it has none.
    pub(crate) fn key_for(&self, label: &str) -> Result<SealingKey> {
        self.hold()?.key_for(label)
    }

    /// Destroys a key: overwritten, removed, and the directory made durable. A copy elsewhere, such
    /// as in a backup, is not reached.
    pub(crate) fn destroy(&self, id: SealingKeyId) -> Result<()> {
        let (path, doomed) = (self.path(id, KEY_FILE), self.path(id, DESTROYING));
        fs::rename(&path, &doomed).with_context(|| format!("cannot destroy {}", path.display()))?;
        destroy(&doomed)?;
        self.sync()
    }

    /// Finishes what [`destroy`](Self::destroy) began and was kept from finishing. Returns how many
    /// keys that were.
    pub(crate) fn finish_destroying(&self) -> Result<usize> {
        let doomed: Vec<PathBuf> = self.files(DESTROYING)?;
        for path in &doomed {
            destroy(path)?;
            let note = path.with_extension(ERASURE);
            if note.exists() {
                fs::remove_file(&note).with_context(|| format!("cannot remove {}", note.display()))?;
            }
        }
        if !doomed.is_empty() {
            self.sync()?;
        }
        Ok(doomed.len())
    }

    /// Notes that the erasure of a key is about to be recorded.
    pub(crate) fn begin_erasure(&self, id: SealingKeyId, statement: &[u8]) -> Result<()> {
        write_new(&self.path(id, ERASURE), 0o600, &hex::encode(statement))?;
        self.sync()
    }

    /// The statement of an erasure that was begun and not finished.
    pub(crate) fn erasure(&self, id: SealingKeyId) -> Result<Option<Vec<u8>>> {
        let path = self.path(id, ERASURE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(hex::decode(text).with_context(|| format!("{} is damaged", path.display()))?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Forgets that an erasure was begun.
    pub(crate) fn end_erasure(&self, id: SealingKeyId) -> Result<()> {
        let path = self.path(id, ERASURE);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        self.sync()
    }

    /// Opens a sealed text of an event. None where its key is not here.
    pub(crate) fn open(&self, text: &str, origin: &Origin, event: &EventId) -> Result<Option<Zeroizing<String>>> {
        let Some(id) = SealingKeyId::of(text) else { return Ok(None) };
        let Some(key) = self.key(id)? else { return Ok(None) };
        Ok(Some(key.open(text, origin, event)?))
    }

    fn path(&self, id: SealingKeyId, extension: &str) -> PathBuf {
        self.dir.join(format!("{id}.{extension}"))
    }

    fn sync(&self) -> Result<()> {
        let sync = || File::open(&self.dir)?.sync_all();
        sync().with_context(|| format!("cannot make the vault {} durable", self.dir.display()))
    }
}

/// A vault that one process holds.
#[derive(Debug)]
pub(crate) struct HeldVault<'v> {
    vault: &'v Vault,
    keys: HashMap<String, SealingKey>,
    _lock: Option<File>,
}

impl HeldVault<'_> {
    /// The key of this label; made where it has none.
    pub(crate) fn key_for(&mut self, label: &str) -> Result<SealingKey> {
        let vault = self.vault;
        if let Some(key) = self.keys.get(label) {
            return match vault.erasure(key.id())? {
                None => Ok(key.clone()),
                Some(_) => {
                    Err(wrong_use!("the key of {label:?} is about to be destroyed; finish that with probity erase"))
                }
            };
        }
        let key = SealingKey::generate(&mut rand::rng());
        if !vault.trial {
            let hex = hex::encode(*key.to_bytes());
            let file = KeyFile { label: label.to_owned(), made: SystemClock.now_ms(), key: hex };
            let text = Zeroizing::new(toml::to_string(&file).context("cannot encode a sealing key")?);
            let (partial, path) = (vault.path(key.id(), "partial"), vault.path(key.id(), KEY_FILE));
            write_new(&partial, 0o600, &text)?;
            fs::rename(&partial, &path).with_context(|| format!("cannot write {}", path.display()))?;
            vault.sync()?;
        }
        self.keys.insert(label.to_owned(), key.clone());
        Ok(key)
    }

    /// Opens a sealed text of an event. None where its key is not here.
    fn open(&self, text: &str, origin: &Origin, event: &EventId) -> Result<Option<Zeroizing<String>>> {
        let id = SealingKeyId::of(text);
        let Some(key) = self.keys.values().find(|key| Some(key.id()) == id) else { return Ok(None) };
        Ok(Some(key.open(text, origin, event)?))
    }
}

/// A vault that seals what an import says.
pub(crate) struct VaultSealer<'v> {
    vault: RefCell<HeldVault<'v>>,
    origin: &'v Origin,
}

impl<'v> VaultSealer<'v> {
    /// Holds a vault, to seal for the ledger of this origin.
    pub(crate) fn hold(vault: &'v Vault, origin: &'v Origin) -> Result<Self> {
        Ok(Self { vault: RefCell::new(vault.hold()?), origin })
    }
}

impl Sealer for VaultSealer<'_> {
    /// An import makes the same statements each time it is run, so the nonce is no chance: it is a hash
    /// of the key and of everything that is sealed, which no two texts have in common.
    fn seal(&self, text: &Text, label: &str, event: &EventId, place: &str) -> Result<Text, SealerError> {
        let key = self.vault.borrow_mut().key_for(label).map_err(sealer)?;
        let mut hash = Sha256::new();
        hash.update(b"probity import nonce v1\n");
        hash.update(*key.to_bytes());
        hash.update(event.as_uuid().as_bytes());
        for part in [self.origin.as_str(), place, text.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&hash[..12]);
        key.seal(text, self.origin, event, nonce).map_err(|error| sealer(error.into()))
    }

    fn open(&self, sealed: &str, event: &EventId) -> Result<Option<String>, SealerError> {
        let opened = self.vault.borrow().open(sealed, self.origin, event).map_err(sealer)?;
        Ok(opened.map(|text| text.as_str().to_owned()))
    }
}

fn sealer(error: anyhow::Error) -> SealerError {
    SealerError(error.into())
}

fn destroy(path: &Path) -> Result<()> {
    let overwrite = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        let length = file.metadata()?.len();
        file.write_all(&vec![0; usize::try_from(length).unwrap_or(4_096)])?;
        file.sync_all()?;
        fs::remove_file(path)
    };
    overwrite().with_context(|| format!("cannot destroy {}", path.display()))
}

fn read(path: &Path) -> Result<VaultKey> {
    let here = || path.display().to_string();
    let mode = fs::metadata(path).with_context(here)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display());
    }
    let text = Zeroizing::new(fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?);
    let file: KeyFile = toml::from_str(&text).with_context(|| format!("{} holds no sealing key", path.display()))?;
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(&file.key, &mut *bytes).with_context(|| format!("{} holds no sealing key", path.display()))?;
    let key = SealingKey::from_bytes(*bytes);
    if path.file_stem().and_then(|stem| stem.to_str()) != Some(key.id().to_string().as_str()) {
        bail!("{} holds another key than it is named by", path.display());
    }
    Ok(VaultKey { label: file.label.clone(), made: file.made, key })
}

/// A text that is to be sealed, and the label of the person or case it is for.
pub(crate) fn to_be_sealed(value: &Value) -> Option<(&str, &str)> {
    match value {
        Value::Object(entries) if entries.len() == 2 => {
            Some((entries.get("seal")?.as_str()?, entries.get("for")?.as_str()?))
        }
        _ => None,
    }
}

/// Replaces every `{"seal": TEXT, "for": LABEL}` in an event by the sealed text. False if there is
/// none.
pub(crate) fn seal_texts(tree: &mut Value, origin: &Origin, event: &EventId, vault: Option<&Vault>) -> Result<bool> {
    if let Some((text, label)) = to_be_sealed(tree) {
        let vault =
            vault.ok_or_else(|| wrong_use!("a text is to be sealed: say where its key is kept, with --vault"))?;
        let plain: Text = text.parse().map_err(|error| wrong_use!("a text to be sealed: {error}"))?;
        let mut nonce = [0; 12];
        rand::rng().fill_bytes(&mut nonce);
        let sealed = vault.key_for(label)?.seal(&plain, origin, event, nonce)?;
        *tree = sealed.as_str().into();
        return Ok(true);
    }
    within(tree).into_iter().try_fold(false, |any, part| Ok(seal_texts(part, origin, event, vault)? || any))
}

/// Puts the texts themselves in the place of those that are to be sealed: to see whether the rest
/// is right.
pub(crate) fn show_texts(tree: &mut Value) {
    match to_be_sealed(tree) {
        Some((text, _)) => *tree = text.into(),
        None => within(tree).into_iter().for_each(show_texts),
    }
}

fn within(tree: &mut Value) -> Vec<&mut Value> {
    match tree {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(entries) => entries.values_mut().collect(),
        _ => Vec::new(),
    }
}
