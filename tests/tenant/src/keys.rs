//! The key files of the Azure Arc agent: a client that can read one gets a token.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use ring::rand::{SecureRandom, SystemRandom};

/// Size above which no client may read a key file or send it.
pub(crate) const LARGEST: usize = 4096;

/// The directory and the files in it.
pub(crate) struct Keys {
    directory: PathBuf,
    issued: Mutex<HashMap<String, PathBuf>>,
}

impl Keys {
    /// A new directory, so that two of these worlds do not share their keys.
    pub(crate) fn new() -> io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("fake-arc-tokens-{}", random()?));
        fs::create_dir(&directory)?;
        Ok(Keys { directory, issued: Mutex::default() })
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a key of at least `size` bytes as `<name>.key`. Returns its text and its path.
    pub(crate) fn issue(&self, name: &str, size: usize) -> io::Result<(String, PathBuf)> {
        let text = format!("{:a<size$}", format!("fake-arc-key-{}", random()?));
        let path = self.directory.join(format!("{name}.key"));
        fs::write(&path, &text)?;
        self.lock().insert(text.clone(), path.clone());
        Ok((text, path))
    }

    /// Whether this is the text of a key file. Removes the file.
    pub(crate) fn redeem(&self, text: &str) -> bool {
        let path = self.lock().remove(text);
        path.is_some_and(|path| {
            let _ = fs::remove_file(path);
            true
        })
    }

    /// Removes all keys.
    pub(crate) fn clear(&self) {
        for (_, path) in self.lock().drain() {
            let _ = fs::remove_file(path);
        }
    }

    /// Removes the directory.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.directory);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, PathBuf>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.remove();
    }
}

fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no random numbers"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
