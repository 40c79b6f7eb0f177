//! Writes `json/`, `samples/`, `cddl/data.cddl` and the reference page `ops/reference/events.md` from the Rust types.
//!
//! `cargo run -p probity-schemas --example generate` writes and removes files; with `-- --check`
//! it only names those that are stale and exits with 1.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

mod files;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Event(#[from] probity_schemas::EventError),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("usage: generate [--check]");
            return ExitCode::from(2);
        }
    };
    match run(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), check) {
        Ok(stale) if check && !stale.is_empty() => {
            for path in stale {
                eprintln!("stale: {path}");
            }
            eprintln!("run: cargo run -p probity-schemas --example generate");
            ExitCode::from(1)
        }
        Ok(stale) => {
            println!("{} files {}", stale.len(), if check { "stale" } else { "written or removed" });
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(3)
        }
    }
}

/// Finds the files that aren't what they should be and, unless only checking, puts them right.
fn run(root: &Path, check: bool) -> Result<Vec<String>, Failure> {
    let wanted = files::files()?;
    let found = existing(root)?;
    let mut stale = Vec::new();
    for (path, content) in &wanted {
        if found.get(path) != Some(content) {
            stale.push(path.clone());
            if !check {
                let path = root.join(path);
                let folder = path.parent().unwrap_or(root);
                fs::create_dir_all(folder)
                    .and_then(|()| fs::write(&path, content))
                    .map_err(|source| Failure::Io { path, source })?;
            }
        }
    }
    for path in found.into_keys().filter(|path| !wanted.contains_key(path)) {
        if !check {
            let path = root.join(&path);
            fs::remove_file(&path).map_err(|source| Failure::Io { path, source })?;
        }
        stale.push(path);
    }
    Ok(stale)
}

/// The generated files there are, by their path within the repository.
fn existing(root: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut files = BTreeMap::new();
    for folder in files::FOLDERS {
        let path = root.join(folder);
        let io = |source| Failure::Io { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(io)?;
        for entry in fs::read_dir(&path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let content = fs::read_to_string(entry.path()).map_err(io)?;
            files.insert(format!("{folder}/{}", entry.file_name().to_string_lossy()), content);
        }
    }
    for file in [files::PAGE, files::GRAMMAR] {
        if let Ok(content) = fs::read_to_string(root.join(file)) {
            files.insert(file.to_owned(), content);
        }
    }
    Ok(files)
}
