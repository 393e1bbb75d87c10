//! A directory with files in it, in which `landbridge` is run.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "shared by tests, each of which uses a part, and fails by panicking"
)]

use std::fs;
use std::path::Path;
use tempfile::TempDir;

pub(crate) const MESH: &str = include_str!("../../../policies/corpus/mesh.yaml");

pub(crate) const POLICY: &str = "\
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: orders, namespace: shop, labels: {team: shop}}
spec:
  rules:
  - name: read
    from: [{source: {clusters: [use1-a]}}]
    to: [{operation: {methods: [GET], paths: [\"/orders/*\"]}}]
";

/// How a command ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// All of it, for a snapshot.
    pub(crate) fn told(&self) -> String {
        format!(
            "exit code {}\n--- stdout\n{}--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

pub(crate) struct Scene(TempDir);

impl Scene {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            scene.write(name, text.as_bytes());
        }
        scene
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "", &[])
    }

    pub(crate) fn run_with(&self, args: &[&str], stdin: &str, env: &[(&str, &str)]) -> Ran {
        let output = assert_cmd::cargo::cargo_bin_cmd!("landbridge")
            .current_dir(self.path())
            .args(args)
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .envs(env.iter().copied())
            .write_stdin(stdin)
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
