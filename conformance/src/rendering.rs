//! What `landbridge render istio` makes of documents.

use std::fs;
use std::path::{Path, PathBuf};

use landbridge_testbed::workspace;

use crate::landbridge;

/// The documents and settings that `deploy/` comes with.
pub const EXAMPLE: &str = "deploy/example/documents";
/// What `deploy/` says of the mesh beside its documents.
pub const SETTINGS: &str = "deploy/example/settings.yaml";
/// What stands for the lock file of modules that were pushed. Nobody pulls anything here.
const LOCK: &str = "deploy/example/landbridge.lock.json";

/// A folder that was rendered into.
#[derive(Debug)]
pub struct Rendering {
    folder: PathBuf,
}

impl Rendering {
    /// Renders documents, given as paths from the root of the workspace, into a folder.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn new(folder: PathBuf, documents: &str, args: &[&str]) -> Self {
        fs::create_dir_all(&folder).expect("a folder can be made");
        let mut command = landbridge();
        command
            .current_dir(workspace())
            .args(["render", "istio", documents])
            .args(["--lock", LOCK, "-o"])
            .arg(&folder)
            .args(args);
        let output = command.output().expect("landbridge runs");
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self { folder }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The clusters that something was rendered for.
    ///
    /// # Panics
    ///
    /// If the folder cannot be read.
    pub fn clusters(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).expect("the folder can be read");
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let mut names: Vec<String> = folders
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// One cluster's manifests as one stream, as `kubectl apply -f FOLDER` reads them.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn manifests(&self, cluster: &str) -> String {
        let folder = self.folder.join(cluster);
        let entries = fs::read_dir(&folder).expect("the cluster's folder can be read");
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| !file.ends_with("kustomization.yaml"));
        files.sort();
        assert!(!files.is_empty(), "nothing in {}", folder.display());
        let texts = files.iter().map(|file| {
            let text = fs::read_to_string(file).expect("a rendered file can be read");
            format!("---\n{text}")
        });
        texts.collect()
    }

    /// One cluster's values for the chart.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn values(&self, cluster: &str) -> String {
        let file = self.folder.join(cluster).join("values.yaml");
        fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }
}
