//! Lists the files of the case corpus: a test in Node has no file system to read them from.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a build fails loudly"
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let corpus = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../corpus");
    println!("cargo:rerun-if-changed={}", corpus.display());
    let entries = fs::read_dir(&corpus).expect("policies/corpus is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    let mut listed = "&[\n".to_owned();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let file = file.canonicalize().unwrap();
        writeln!(listed, "    ({name:?}, include_str!({file:?})),").unwrap();
    }
    listed.push(']');
    let to = Path::new(&env::var_os("OUT_DIR").unwrap()).join("corpus.rs");
    fs::write(to, listed).unwrap();
}
