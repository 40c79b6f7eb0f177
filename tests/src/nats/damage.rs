//! What can happen to the files of a server: messages lost behind an acknowledgement.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::NatsServer;

/// The length of a message's record is its first word; the upper bits are flags.
const LENGTH: u32 = 0x3fff_ffff;

impl NatsServer {
    /// The files in which a stream's messages are, in order.
    ///
    /// # Errors
    /// There is no such stream.
    pub fn message_files(&self, stream: &str) -> Result<Vec<PathBuf>> {
        let directory = self.store_dir().join("$G/streams").join(stream).join("msgs");
        let entries = std::fs::read_dir(&directory).with_context(|| format!("{}", directory.display()))?;
        let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        files.retain(|path| path.extension().is_some_and(|extension| extension == "blk"));
        files.sort();
        Ok(files)
    }

    /// Cuts the last `count` messages from a stopped server's newest file, as a power failure does that comes before
    /// they were synced.
    ///
    /// # Errors
    /// The server runs, or its file does not hold as many.
    pub fn lose(&self, stream: &str, count: usize) -> Result<()> {
        ensure!(!self.is_running(), "the server must be stopped first");
        let file = self.message_files(stream)?.pop().context("no file of messages")?;
        let bytes = std::fs::read(&file)?;
        let mut ends = vec![0];
        let mut at = 0;
        while let Some(word) = bytes.get(at..at + 4).and_then(|word| word.first_chunk()) {
            at += (u32::from_le_bytes(*word) & LENGTH) as usize;
            ends.push(at);
        }
        let kept = ends.len().checked_sub(1 + count).context("there are not as many messages")?;
        std::fs::OpenOptions::new().write(true).open(&file)?.set_len(ends[kept] as u64)?;
        // What the server wrote to start faster would remember them.
        let directory = file.parent().context("a file without a directory")?;
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "blk") {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}
