//! Reading files, and the documents in them, as one set.

use crate::exit::Failure;
use landbridge_model::{Code, Diagnostic, Documents, validate, yaml};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file that is read; far above what Kubernetes takes.
const LARGEST: u64 = 64 << 20;

/// A file and what is in it.
#[derive(Debug)]
pub(crate) struct Source {
    /// As it was given, or found below what was given.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Everything read together.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) sources: Vec<Source>,
    pub(crate) documents: Documents,
    /// Everything found, in the order of files and lines.
    pub(crate) findings: Vec<Diagnostic>,
}

impl Input {
    pub(crate) fn has_errors(&self) -> bool {
        self.findings.iter().any(Diagnostic::is_error)
    }

    /// Puts findings in the order of files and lines; what has no place comes last.
    pub(crate) fn sort(&mut self) {
        let order = |d: &Diagnostic| {
            let file = d.file.as_deref();
            let file = self.sources.iter().position(|s| Some(&*s.name) == file);
            let place = d.position.map_or((u32::MAX, 0), |p| (p.line, p.column));
            (file.unwrap_or(usize::MAX), place)
        };
        self.findings.sort_by_cached_key(order);
    }
}

/// Reads files and directories as one set and checks the documents in them.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Input, Failure> {
    let sources = sources(paths)?;
    let mut documents = Documents::default();
    let mut findings = Vec::new();
    for source in &sources {
        match yaml::read(&source.text, Some(&source.name)) {
            Ok(read) => documents.0.extend(read.0),
            Err((read, found)) => {
                documents.0.extend(read.0);
                findings.extend(found);
            }
        }
    }
    let unread = Unread::from(&findings);
    let checked = validate::documents(&documents).into_iter();
    findings.extend(checked.filter(|finding| !unread.explains(finding)));
    let mut input = Input {
        sources,
        documents,
        findings,
    };
    input.sort();
    Ok(input)
}

/// Documents that are there and could not be read. That they are missing from the set is no
/// finding of its own: who mends the one error would find the other gone.
struct Unread {
    /// What could not even be named: it might have been anything.
    anything: bool,
    titles: BTreeSet<String>,
}

impl Unread {
    fn from(findings: &[Diagnostic]) -> Self {
        let unnamed = |d: &Diagnostic| d.document.is_none() && d.code != Code::NoDocument;
        Self {
            anything: findings.iter().any(unnamed),
            titles: findings.iter().filter_map(|d| d.document.clone()).collect(),
        }
    }

    fn explains(&self, finding: &Diagnostic) -> bool {
        match finding.code {
            Code::NoMesh => self.anything || self.titles.iter().any(|t| t.starts_with("Mesh ")),
            Code::UnknownPolicy => {
                self.anything
                    || self.titles.iter().any(|title| {
                        let name = title.split_once(' ').map_or("", |(_, name)| name);
                        finding.message.contains(&format!("`{name}`"))
                    })
            }
            _ => false,
        }
    }
}

/// Reads every file, each once. All that cannot be read is told together.
pub(crate) fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let mut seen = BTreeSet::new();
    let mut failures = Vec::new();
    for path in paths {
        let files = if path.is_dir() {
            match walk(path) {
                Ok(files) if files.is_empty() => {
                    let path = path.display();
                    failures.push(format!("{path}: no *.yaml, *.yml or *.json in it"));
                    continue;
                }
                Ok(files) => files,
                Err(failure) => {
                    failures.push(failure);
                    continue;
                }
            }
        } else {
            vec![path.clone()]
        };
        for file in files {
            // A file that is given twice would be a duplicate of itself.
            let known = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
            if !seen.insert(known) {
                continue;
            }
            match source(&file) {
                Ok(source) => sources.push(source),
                Err(failure) => failures.push(failure),
            }
        }
    }
    if failures.is_empty() {
        Ok(sources)
    } else {
        Err(Failure(failures))
    }
}

/// Reads one file; `-` is stdin.
pub(crate) fn source(path: &Path) -> Result<Source, String> {
    let stdin = path == Path::new("-");
    let name = if stdin {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    };
    let mut bytes = Vec::new();
    let read = if stdin {
        fill(std::io::stdin().lock(), &mut bytes)
    } else {
        File::open(path).and_then(|file| fill(file, &mut bytes))
    };
    read.map_err(|e| format!("{name}: {e}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
        return Err(format!("{name}: larger than {LARGEST} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        format!("{name}: not UTF-8 from byte {valid}")
    })?;
    Ok(Source { name, text })
}

fn fill(from: impl Read, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    from.take(LARGEST.saturating_add(1))
        .read_to_end(bytes)
        .map(|_| ())
}

/// The documents' files below a directory, sorted. Hidden entries are passed over, which is also
/// what makes a mounted ConfigMap, with its `..data`, come out once; links to directories are
/// not followed, so that there is no going round in circles.
fn walk(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let failure = |e: std::io::Error| format!("{}: {e}", directory.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(failure)? {
        entries.push(entry.map_err(failure)?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(failure)?.is_dir() {
            files.extend(walk(&path)?);
        } else if path.is_file() && is_document(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_document(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
}
