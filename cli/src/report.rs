//! Showing findings: to people, with the line they are about, and to programs.

use crate::exit::{Failure, Outcome, print};
use crate::input::Input;
use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};
use landbridge_model::{Diagnostic, Position, Severity};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

/// A line longer than this is not shown: it is a whole document on one line.
const LONGEST_LINE: usize = 1000;

/// Prints findings for people, each with its line, to stderr.
pub(crate) fn findings(input: &Input) {
    let renderer = Renderer::styled();
    let mut lines = Lines::new();
    for finding in &input.findings {
        let source = input
            .sources
            .iter()
            .find(|s| Some(&s.name) == finding.file.as_ref());
        if let Some(source) = source {
            lines
                .entry(&source.name)
                .or_insert_with(|| split(&source.text).collect());
        }
    }
    let mut stderr = anstream::stderr().lock();
    for finding in &input.findings {
        // With stderr gone, the exit code is all that can still be told.
        let _ = writeln!(stderr, "{}\n", render(finding, &lines, &renderer));
    }
}

/// Prints the last line: how many of what in how many files.
pub(crate) fn summary(input: &Input) {
    let count = Count::of(&input.findings);
    let files = counted(input.sources.len(), "file");
    let line = if count.errors > 0 {
        format!("{count} in {files}")
    } else {
        let documents = counted(input.documents.0.len(), "document");
        let warnings = if count.warnings > 0 {
            format!(", {count}")
        } else {
            String::new()
        };
        format!("ok: {documents} in {files}{warnings}")
    };
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Prints findings for programs: one JSON object on stdout.
pub(crate) fn json(input: &Input) -> Result<(), Failure> {
    let count = Count::of(&input.findings);
    let report = Report {
        documents: input.documents.0.len(),
        errors: count.errors,
        warnings: count.warnings,
        diagnostics: input.findings.iter().map(Finding::from).collect(),
    };
    let mut text = serde_json::to_string_pretty(&report)
        .map_err(|e| Failure::new(format!("cannot write JSON: {e}")))?;
    text.push('\n');
    print(&text)
}

/// What findings make of a command's outcome.
pub(crate) fn outcome(input: &Input) -> Outcome {
    if input.has_errors() {
        Outcome::Errors
    } else {
        Outcome::Fine
    }
}

fn render(finding: &Diagnostic, lines: &Lines<'_>, renderer: &Renderer) -> String {
    let level = match finding.code.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut elements: Vec<Element<'_>> = Vec::new();
    if let Some(file) = &finding.file {
        let place = finding.position.zip(lines.get(file.as_str()));
        match place.and_then(|(at, lines)| Some((at, shown(lines, at)?))) {
            Some((at, (line, span))) => elements.push(
                Snippet::source(line)
                    .path(file)
                    .line_start(usize::try_from(at.line).unwrap_or(usize::MAX))
                    .annotation(AnnotationKind::Primary.span(span))
                    .into(),
            ),
            None => elements.push(origin(file, finding.position).into()),
        }
    }
    if let Some(place) = place(finding) {
        elements.push(Level::NOTE.message(place).into());
    }
    if let Some(hint) = &finding.hint {
        elements.push(Level::HELP.message(hint).into());
    }
    let title = level
        .primary_title(&finding.message)
        .id(finding.code.as_str());
    renderer.render(&[title.elements(elements)])
}

fn origin(file: &str, position: Option<Position>) -> Origin<'_> {
    let origin = Origin::path(file);
    match position {
        Some(at) => origin
            .line(usize::try_from(at.line).unwrap_or(usize::MAX))
            .char_column(usize::try_from(at.column).unwrap_or(usize::MAX)),
        None => origin,
    }
}

/// ``at `spec.rules[0].name` of `CrossClusterAuthorization shop/a` ``.
fn place(finding: &Diagnostic) -> Option<String> {
    let path = Some(finding.path.as_str()).filter(|p| !p.is_empty());
    match (path, &finding.document) {
        (Some(path), Some(document)) => Some(format!("at `{path}` of `{document}`")),
        (Some(path), None) => Some(format!("at `{path}`")),
        (None, Some(document)) => Some(format!("in `{document}`")),
        (None, None) => None,
    }
}

/// The line of a position, and the bytes in it that the position covers: what runs on over its
/// end is underlined up to there.
fn shown<'a>(lines: &[&'a str], at: Position) -> Option<(&'a str, Range<usize>)> {
    let line = *lines.get(usize::try_from(at.line).ok()?.checked_sub(1)?)?;
    if line.len() > LONGEST_LINE {
        return None;
    }
    let first = usize::try_from(at.column).ok()?.checked_sub(1)?;
    let end = first.saturating_add(usize::try_from(at.length).ok()?);
    let byte = |column: usize| {
        line.char_indices()
            .nth(column)
            .map_or(line.len(), |(at, _)| at)
    };
    Some((line, byte(first)..byte(end)))
}

/// The lines of the files that findings are about, each split once.
type Lines<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// The lines as YAML counts them: a carriage return alone ends one as well.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.split('\n').flat_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r')
    })
}

#[derive(Clone, Copy)]
struct Count {
    errors: usize,
    warnings: usize,
}

impl Count {
    fn of(findings: &[Diagnostic]) -> Self {
        let errors = findings.iter().filter(|d| d.is_error()).count();
        Self {
            errors,
            warnings: findings.len().saturating_sub(errors),
        }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        for (n, what) in [(self.errors, "error"), (self.warnings, "warning")] {
            if n > 0 {
                parts.push(counted(n, what));
            }
        }
        f.write_str(&parts.join(", "))
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[derive(Serialize)]
struct Report<'a> {
    documents: usize,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Finding<'a>>,
}

/// A finding as programs read it; what is not known is `null`.
#[derive(Serialize)]
struct Finding<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
    document: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    path: &'a str,
}

impl<'a> From<&'a Diagnostic> for Finding<'a> {
    fn from(d: &'a Diagnostic) -> Self {
        Self {
            code: d.code.as_str(),
            severity: d.code.severity().as_str(),
            message: &d.message,
            hint: d.hint.as_deref(),
            document: d.document.as_deref(),
            file: d.file.as_deref(),
            line: d.position.map(|p| p.line),
            column: d.position.map(|p| p.column),
            path: &d.path,
        }
    }
}
