//! The documentation does not lie: links lead somewhere, paths exist, commands do what is shown.
//!
//! Each test collects every fault and reports them together, as `file:line: what is wrong`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/fences.rs"]
mod fences;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/markdown.rs"]
mod markdown;
#[path = "docs/paths.rs"]
mod paths;
#[path = "docs/transcript.rs"]
mod transcript;
#[path = "docs/words.rs"]
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use markdown::Document;

/// What is read besides `docs/**/*.md`. A page that is not written yet cannot be wrong.
const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "deploy/README.md",
];

pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| xtask::root().expect("the tests run in a checkout"))
}

fn documents() -> Vec<Document> {
    let mut files: Vec<PathBuf> = PAGES.iter().map(|page| root().join(page)).collect();
    files.retain(|file| file.is_file());
    collect(&root().join("docs"), &mut files);
    assert!(
        !files.is_empty(),
        "no documentation was found in {}",
        root().display()
    );
    files.sort();
    files.iter().map(|file| Document::read(file)).collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "md") {
            files.push(path);
        }
    }
}

/// Runs a check over every page and fails with all that it found.
fn every_page(check: impl Fn(&Document) -> Vec<(usize, String)>) {
    let mut faults = Vec::new();
    for document in documents() {
        let name = document
            .path
            .strip_prefix(root())
            .unwrap_or(&document.path)
            .display();
        for (line, fault) in check(&document) {
            faults.push(format!("{name}:{line}: {fault}"));
        }
    }
    assert!(
        faults.is_empty(),
        "the documentation is wrong:\n{}\n",
        faults.join("\n")
    );
}

#[test]
fn links_lead_somewhere() {
    every_page(links::check);
}

#[test]
fn paths_exist() {
    every_page(paths::check);
}

#[test]
fn commands_do_what_is_shown() {
    every_page(commands::check);
}
