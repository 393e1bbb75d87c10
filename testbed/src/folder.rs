//! Where a mesh keeps its configuration, certificates and logs.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, tools};

#[derive(Clone)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn make(name: &str) -> Result<Self, Error> {
        static MESHES: AtomicU32 = AtomicU32::new(0);
        let number = MESHES.fetch_add(1, Ordering::Relaxed);
        let name: String = name
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        let name = format!("{name}-{}-{number}", std::process::id());
        let path = tools::workspace().join("target/testbed").join(name);
        fs::create_dir_all(&path)
            .map_err(Error::io(format!("make the folder `{}`", path.display())))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that only we may read: some hold keys.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf, Error> {
        let path = self.path(name);
        let mut options = fs::OpenOptions::new();
        options.create(true).write(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(&path)
            .and_then(|mut file| file.write_all(content.as_bytes()))
            .map_err(Error::io(format!("write `{}`", path.display())))?;
        Ok(path)
    }

    /// Is done with it. It stays where it may tell something: a test fails, this start `failed`, or
    /// `LANDBRIDGE_KEEP` is set.
    pub(crate) fn leave(&self, what: &str, failed: bool) {
        let kept =
            failed || std::thread::panicking() || std::env::var_os("LANDBRIDGE_KEEP").is_some();
        if kept {
            eprintln!("{what} in {}", self.0.display());
        } else {
            // A folder too many is no failure.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
