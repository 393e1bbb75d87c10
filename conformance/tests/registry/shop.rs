//! A registry, a folder, and the commands as somebody types them there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use landbridge_conformance::{landbridge, tool};
use landbridge_oci::lock::Lock;
use landbridge_testbed::{Registry, filter_module, workspace};

/// The password of the test's keys.
const PASSWORD: &str = "a test's password";
/// Said rather than asked: the test's checkout may be dirty.
const REVISION: &str = "0123456789012345678901234567890123456789";

pub(crate) struct Shop {
    pub(crate) registry: Registry,
}

impl Shop {
    pub(crate) async fn open(name: &str) -> Self {
        let registry = Registry::start(name).await.unwrap();
        let registry = registry.expect("`cargo xtask conformance` provides a registry");
        Self { registry }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.registry.scratch().join(name)
    }

    /// A repository in the registry, or an image with its tag.
    pub(crate) fn at(&self, what: &str) -> String {
        format!("{}/{what}", self.registry.address())
    }

    /// A program, ready for its arguments, at home nowhere and with nobody's credentials.
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command: Command = match program {
            "landbridge" => landbridge(),
            other => tool(other),
        };
        let home = self.path("home");
        fs::create_dir_all(&home).unwrap();
        command
            .args(args)
            .current_dir(self.registry.scratch())
            .env("HOME", &home)
            .env("DOCKER_CONFIG", &home)
            // Cargo's and rustup's are at home, and ours are elsewhere.
            .env("CARGO_HOME", cargo_home("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", cargo_home("RUSTUP_HOME", ".rustup"))
            .env("COSIGN_PASSWORD", PASSWORD)
            .env_remove("REGISTRY_AUTH_FILE");
        command.output().unwrap()
    }

    /// What a program printed that did as it was told.
    pub(crate) fn ok(&self, program: &str, args: &[&str]) -> String {
        let output = self.run(program, args);
        assert!(output.status.success(), "{program} {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a program said that would not.
    pub(crate) fn refused(&self, program: &str, args: &[&str]) -> String {
        let output = self.run(program, args);
        assert!(!output.status.success(), "{program} {args:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Makes `NAME.key` and `NAME.pub`, by cosign.
    pub(crate) fn keys(&self, name: &str) -> (String, String) {
        self.ok(
            "cosign",
            &["generate-key-pair", "--output-key-prefix", name],
        );
        (format!("{name}.key"), format!("{name}.pub"))
    }

    /// `landbridge package` or `landbridge push`, of the filters as they were built.
    pub(crate) fn ship(&self, args: &[&str]) -> Lock {
        let modules = filter_module("authz").unwrap();
        let modules = modules.parent().unwrap().to_str().unwrap();
        let checkout = workspace().to_str().unwrap();
        let all = [
            args,
            &["--modules", modules, "--checkout", checkout],
            &[
                "--revision",
                REVISION,
                "--source",
                "https://example.com/landbridge",
            ],
        ];
        let said = self.ok("landbridge", &[&all.concat()[..], &["--json"]].concat());
        let lock = Lock::read(&self.path("landbridge.lock.json")).unwrap();
        assert_eq!(said, lock.to_json().unwrap());
        lock
    }
}

/// The module of a filter, as it was built.
pub(crate) fn built(filter: &str) -> Vec<u8> {
    fs::read(filter_module(filter).unwrap()).unwrap()
}

fn cargo_home(variable: &str, folder: &str) -> PathBuf {
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(folder))
}
