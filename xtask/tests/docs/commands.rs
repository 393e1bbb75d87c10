//! Every command that a page shows works.
//!
//! `landbridge` is really run; `cargo xtask` is parsed by its own command line; a few programs
//! that cannot be run here are listed with the reason. Anything else is a fault, so that no
//! command slips into a page without somebody deciding how it is kept true.

use std::collections::HashSet;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use clap::Parser;

use crate::markdown::Document;
use crate::transcript::{Step, agrees, steps};
use crate::{paths, root, words};

/// Commands that are shown and not run, with the reason. Paths of ours that they name must
/// exist all the same.
const NOT_RUN: &[(&[&str], &str)] = &[
    (&["git", "clone"], "the tests run in a clone"),
    (&["git", "diff"], "shows what the reader changed"),
    (
        &["cd"],
        "commands run in the root of the workspace in any case",
    ),
    (
        &["docker"],
        "needs an engine; `cargo xtask compose` runs testbed/compose.yaml and breaks regions so",
    ),
    (&["kubectl"], "needs a Kubernetes cluster"),
    (&["helm"], "needs a Kubernetes cluster"),
    (&["skopeo"], "asks a registry; conformance tests do it"),
    (&["crane"], "asks a registry; conformance tests do it"),
    (&["cosign"], "asks a registry; conformance tests do it"),
    (&["aws"], "needs an account"),
    (&["eksctl"], "needs an account"),
    (&["istioctl"], "needs a Kubernetes cluster"),
    (&["deploy/eks/connect.sh"], "conformance tests run it"),
    (&["deploy/eks/registry.sh"], "conformance tests run it"),
    (&["deploy/eks/ca.sh"], "conformance tests run it"),
    (
        &["curl"],
        "asks a server that the page has the reader start",
    ),
    (&[".ci/run"], "runs these very tests"),
    (&["cargo", "build"], "takes minutes, and the tests do it"),
    (&["cargo", "test"], "is what is running"),
    (&["cargo", "install"], "writes to the home directory"),
    (&["cargo", "fmt"], "is part of .ci/run"),
    (&["cargo", "clippy"], "is part of .ci/run"),
    (&["rustup", "target", "add"], "changes the toolchain"),
];

pub(crate) fn check(document: &Document) -> Vec<(usize, String)> {
    let steps = document.fences.iter().flat_map(steps);
    steps
        .filter_map(|step| Some((step.line, fault(&step)?)))
        .collect()
}

fn fault(step: &Step) -> Option<String> {
    let line = match words::split(&step.command) {
        Ok(line) => line,
        Err(fault) => return Some(fault),
    };
    // `NAME=value command`: the variable is the reader's.
    let is_assignment = |word: &&str| {
        word.split_once('=')
            .is_some_and(|(name, _)| is_variable(name))
    };
    let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
    let assignments = words.iter().take_while(|word| is_assignment(word)).count();
    match &words[assignments..] {
        [] => None,
        ["cargo", "xtask", args @ ..] => xtask_fault(args),
        [
            "landbridge",
            command @ ("package" | "push" | "pull"),
            args @ ..,
        ] => flags_fault(command, args),
        ["landbridge", args @ ..] | ["cargo", "run", "-q", "-p", "landbridge", "--", args @ ..] => {
            landbridge_fault(args, exit_code(&line.comment), &step.output)
        }
        words => {
            if !NOT_RUN.iter().any(|(prefix, _)| words.starts_with(prefix)) {
                return Some(format!(
                    "nothing keeps `{}` true; see NOT_RUN in xtask/tests/docs/commands.rs",
                    words.join(" ")
                ));
            }
            words
                .iter()
                .find_map(|word| paths::missing(word))
                .or_else(|| cargo_fault(words))
        }
    }
}

fn is_variable(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(inside)
}

/// `# exit 1` after a command says that it exits with 1.
fn exit_code(comment: &str) -> i32 {
    let stated = comment
        .strip_prefix("exit ")
        .and_then(|rest| rest.split([' ', ',', ':']).next());
    stated.and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn xtask_fault(args: &[&str]) -> Option<String> {
    let words = std::iter::once("cargo xtask").chain(args.iter().copied());
    let error = xtask::cli::Cli::try_parse_from(words).err()?;
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion) {
        return None;
    }
    Some(format!(
        "`cargo xtask {}` does not parse: {}",
        args.join(" "),
        error.to_string().trim_end()
    ))
}

/// A package or a path that a cargo command names exists.
fn cargo_fault(words: &[&str]) -> Option<String> {
    let value = |flags: &[&str]| {
        let at = words.iter().position(|word| flags.contains(word))?;
        words.get(at + 1)
    };
    if words[0] != "cargo" {
        return None;
    }
    if let Some(package) = value(&["-p", "--package"])
        && !packages().contains(*package)
    {
        return Some(format!("there is no package `{package}`"));
    }
    let path = value(&["--path"])?;
    (!root().join(path).exists()).then(|| format!("the path `{path}` does not exist"))
}

/// The names of the workspace's packages, as Cargo.lock has them: those without a source.
fn packages() -> &'static HashSet<String> {
    static PACKAGES: OnceLock<HashSet<String>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is there");
        let own = lock
            .split("[[package]]")
            .filter(|package| !package.contains("\nsource = "));
        let name = |package: &str| {
            Some(
                package
                    .split_once("name = \"")?
                    .1
                    .split_once('"')?
                    .0
                    .to_owned(),
            )
        };
        own.filter_map(name).collect()
    })
}

fn landbridge_fault(args: &[&str], code: i32, shown: &[String]) -> Option<String> {
    let command = format!("landbridge {}", args.join(" "));
    // One pipe for both streams gives what a terminal would show, in order.
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut landbridge = Command::new(binary());
    landbridge
        .args(args)
        .current_dir(root())
        .stdin(Stdio::null());
    landbridge.env("NO_COLOR", "1").env("TERM", "dumb");
    landbridge
        .stdout(writer.try_clone().expect("a second end of the pipe"))
        .stderr(writer);
    let mut child = match landbridge.spawn() {
        Ok(child) => child,
        Err(e) => return Some(format!("`{command}` does not start: {e}")),
    };
    drop(landbridge); // and with it our ends of the pipe
    let mut output = Vec::new();
    reader
        .read_to_end(&mut output)
        .expect("what landbridge prints");
    let status = child.wait().expect("landbridge ends");
    let output = String::from_utf8_lossy(&output);

    if status.code() != Some(code) {
        return Some(format!(
            "`{command}` should exit with {code}: {status}\n{}",
            indented(&output)
        ));
    }
    let real: Vec<&str> = output.lines().collect();
    if shown.is_empty() || agrees(shown, &real) {
        return None;
    }
    Some(format!(
        "`{command}` prints something else:\n{}",
        indented(&output)
    ))
}

/// What asks a registry, or packs what may not be built, is not run: its flags must exist all the
/// same. The conformance tests run it.
fn flags_fault(command: &str, args: &[&str]) -> Option<String> {
    let mut help = Command::new(binary());
    let help = help
        .args([command, "--help"])
        .output()
        .expect("landbridge starts");
    if !help.status.success() {
        return Some(format!("there is no `landbridge {command}`"));
    }
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let known: HashSet<&str> = help
        .split(|c: char| c.is_whitespace() || "=,[".contains(c))
        .collect();
    let flags = args.iter().filter(|word| word.starts_with('-'));
    let mut names = flags.map(|word| word.split('=').next().unwrap_or(word));
    let unknown = names.find(|name| !known.contains(name))?;
    Some(format!("`landbridge {command}` has no `{unknown}`"))
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("    {line}\n"))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// The `landbridge` beside this test, built if it is not there.
fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("the path of this test");
        let profile = test
            .parent()
            .and_then(|deps| deps.parent())
            .expect("target/<profile>/deps");
        let binary = profile.join("landbridge");
        if !binary.exists() {
            let target = profile.parent().expect("target");
            let mut cargo = Command::new(env!("CARGO"));
            cargo
                .args(["build", "-p", "landbridge", "--target-dir"])
                .arg(target);
            let status = cargo.current_dir(root()).stdin(Stdio::null()).status();
            assert!(
                status.is_ok_and(|s| s.success()),
                "`cargo build -p landbridge` failed"
            );
        }
        binary
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(command: &str) -> Option<String> {
        fault(&Step {
            line: 1,
            command: command.to_owned(),
            output: Vec::new(),
        })
    }

    #[test]
    fn known_commands_pass() {
        for fine in [
            "# a comment alone",
            "git clone https://example.com/landbridge.git",
            "cd landbridge",
            "cargo xtask test -- -p xtask",
            "cargo xtask bench authz --quick --json out.json",
            "cargo xtask --help",
            "ENVOY=/usr/bin/envoy cargo xtask test",
            "cargo test -p xtask",
            "cargo install --path cli",
            "landbridge push registry.example.com/landbridge:1 --sign-key=cosign.key --plain-http",
            "landbridge pull registry.example.com/a:1 -o authz.wasm --verify --key cosign.pub",
        ] {
            assert_eq!(fault_of(fine), None, "{fine}");
        }
    }

    #[test]
    fn wrong_and_unknown_commands_are_faults() {
        for wrong in [
            "cargo xtask tests",
            "cargo xtask build --fast",
            "cargo xtask",
            "cargo test -p landbridge-nothing",
            "cargo install --path nowhere",
            "cargo run",
            "kubectl apply -f deploy/nothing.yaml",
            "make",
            "landbridge check x | less",
            "landbridge push registry.example.com/landbridge:1 --sign cosign.key",
        ] {
            assert!(fault_of(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn exit_codes_are_stated_in_comments() {
        assert_eq!(exit_code(""), 0);
        assert_eq!(exit_code("exit 1"), 1);
        assert_eq!(exit_code("exit 2: the file is not there"), 2);
        assert_eq!(exit_code("all is well"), 0);
    }
}
