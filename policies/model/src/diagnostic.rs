//! One finding: what, where, and what to do about it.

use crate::{Code, Severity};
use std::fmt;

/// Where in a text a finding points. Lines and columns count from 1; columns and the length count
/// characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many characters it covers; at least 1.
    pub length: u32,
}

/// One finding about one place in one document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// What is wrong: lower case, no final period, user input in backticks.
    pub message: String,
    /// What to do, where that is known.
    pub hint: Option<String>,
    /// The path of the field, e.g. `spec.rules[0].from[0].source.clusters[1]`.
    pub path: String,
    /// Which document: `CrossClusterAuthorization shop/allow-frontend`, where it has a name.
    pub document: Option<String>,
    /// The file it was read from, where there was one.
    pub file: Option<String>,
    /// Where in the file, where that is known.
    pub position: Option<Position>,
}

impl Diagnostic {
    /// A finding at a field, with nothing else known yet.
    pub fn new(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            path: path.into(),
            document: None,
            file: None,
            position: None,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether it refuses the document.
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// One line, as a log shows it.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some(at) = self.position {
                write!(f, "{}:{}:", at.line, at.column)?;
            }
            f.write_str(" ")?;
        }
        write!(f, "{}[{}]", self.code.severity().as_str(), self.code)?;
        if let Some(document) = &self.document {
            write!(f, " {document}")?;
        }
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}
