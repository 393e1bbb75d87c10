//! The workflows of GitHub Actions, as actionlint reads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use landbridge_conformance::tool;
use landbridge_testbed::workspace;

fn workflows() -> Vec<PathBuf> {
    let folder = workspace().join(".github/workflows");
    let entries = fs::read_dir(&folder).expect("there are workflows");
    let files = entries.flatten().map(|entry| entry.path());
    files
        .filter(|file| {
            file.extension()
                .is_some_and(|end| end == "yml" || end == "yaml")
        })
        .collect()
}

fn lint(file: &Path) -> Output {
    tool("actionlint").arg(file).output().unwrap()
}

#[test]
fn every_workflow_is_sound() {
    let files = workflows();
    assert!(!files.is_empty(), "no workflows");
    for file in files {
        let output = lint(&file);
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{found}");
    }
}

/// The check above can fail.
#[test]
fn a_step_that_needs_what_is_not_there_is_found() {
    let folder = workspace().join("target/conformance");
    fs::create_dir_all(&folder).unwrap();
    let mutant = folder.join(format!("mutant-{}.yml", std::process::id()));
    for file in workflows() {
        let text = fs::read_to_string(&file).unwrap();
        let wrong = text.replacen("runs-on:", "needs: nobody\n    runs-on:", 1);
        assert_ne!(wrong, text, "{}", file.display());
        fs::write(&mutant, wrong).unwrap();
        let output = lint(&mutant);
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{}", file.display());
        assert!(found.contains("nobody"), "{found}");
    }
    fs::remove_file(&mutant).unwrap();
}
