//! As much of Markdown as our pages use: fences, headings, code spans and links.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fences::{self, Fence};

pub(crate) struct Document {
    pub(crate) path: PathBuf,
    pub(crate) fences: Vec<Fence>,
    /// Everything outside fences, line for line; what is inside is blank.
    prose: String,
}

/// Something found in the prose, with its line.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Document {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path)
            .unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
        Self::parse(path, &text)
    }

    pub(crate) fn parse(path: &Path, text: &str) -> Self {
        let (prose, fences) = fences::split(text);
        Self {
            path: path.to_owned(),
            fences,
            prose,
        }
    }

    pub(crate) fn code_spans(&self) -> Vec<Found> {
        spans(&self.prose)
            .into_iter()
            .map(|span| self.found(span.start, span.code))
            .collect()
    }

    /// The targets of links and images, inline or defined by reference.
    pub(crate) fn links(&self) -> Vec<Found> {
        let prose = without_code(&self.prose);
        let mut links = Vec::new();
        for (at, _) in prose.match_indices("](") {
            let target = &prose[at + 2..];
            let end = target.find([')', '\n']).unwrap_or(target.len());
            links.push(self.found(at, target_of(&target[..end])));
        }
        let mut at = 0;
        for line in prose.split_inclusive('\n') {
            let definition = line
                .trim_start()
                .strip_prefix('[')
                .and_then(|l| l.split_once("]:"));
            if let Some((_, target)) = definition {
                links.push(self.found(at, target_of(target)));
            }
            at += line.len();
        }
        links
    }

    /// The anchors that one can link to: GitHub's slugs of the headings, and explicit ones.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for line in self.prose.lines() {
            let text = line.trim_start_matches('#');
            let level = line.len() - text.len();
            if (1..=6).contains(&level) && text.starts_with(' ') {
                let slug = slug(text);
                let repeated = (0..).map(|n| {
                    if n == 0 {
                        slug.clone()
                    } else {
                        format!("{slug}-{n}")
                    }
                });
                anchors.extend(repeated.into_iter().find(|slug| !anchors.contains(slug)));
            }
            for attribute in ["<a id=\"", "<a name=\""] {
                let explicit = line
                    .split(attribute)
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next());
                anchors.extend(explicit.map(str::to_owned));
            }
        }
        anchors
    }

    fn found(&self, at: usize, text: &str) -> Found {
        let line = self.prose[..at].matches('\n').count() + 1;
        Found {
            line,
            text: text.to_owned(),
        }
    }
}

struct Span<'a> {
    start: usize,
    end: usize,
    code: &'a str,
}

/// Code spans: a run of backticks closed by an equal run within the same paragraph.
fn spans(text: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find('`') {
        let start = at + offset;
        let ticks = run(&text[start..]);
        let inside = start + ticks;
        let paragraph = text[inside..]
            .find("\n\n")
            .map_or(text.len(), |end| inside + end);
        match closing(&text[inside..paragraph], ticks) {
            Some(length) => {
                let end = inside + length + ticks;
                spans.push(Span {
                    start,
                    end,
                    code: text[inside..inside + length].trim(),
                });
                at = end;
            }
            None => at = inside,
        }
    }
    spans
}

fn run(text: &str) -> usize {
    text.len() - text.trim_start_matches('`').len()
}

fn closing(text: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(offset) = text[at..].find('`') {
        let found = run(&text[at + offset..]);
        if found == ticks {
            return Some(at + offset);
        }
        at += offset + found;
    }
    None
}

/// The text with code blanked, so that what looks like a link in code is none. Lines stay.
fn without_code(text: &str) -> String {
    let mut prose = String::with_capacity(text.len());
    let mut at = 0;
    for span in spans(text) {
        prose.push_str(&text[at..span.start]);
        let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
        prose.extend(text[span.start..span.end].bytes().map(blank));
        at = span.end;
    }
    prose + &text[at..]
}

/// A link's target without its title and angle brackets.
fn target_of(link: &str) -> &str {
    let target = link.split_whitespace().next().unwrap_or("");
    target.trim_start_matches('<').trim_end_matches('>')
}

/// GitHub's anchor of a heading: lower case, spaces to hyphens, punctuation dropped.
fn slug(heading: &str) -> String {
    // A link in a heading counts with its text alone.
    let mut text = heading.trim().trim_end_matches('#').trim_end().to_owned();
    while let Some(middle) = text.find("](") {
        let end = text[middle..]
            .find(')')
            .map_or(text.len(), |end| middle + end + 1);
        text.replace_range(middle..end, "");
    }
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    text.to_lowercase()
        .chars()
        .filter(kept)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Document {
        Document::parse(Path::new("page.md"), text)
    }

    fn at(line: usize, text: &str) -> Found {
        Found {
            line,
            text: text.to_owned(),
        }
    }

    #[test]
    fn anchors_are_githubs() {
        let page = page(
            "# What it's for\n## `on_configure` & co.\n### [Links](x.md) too\n## What it's for\n\
             #no heading\n```sh\n# a comment\n```\n<a id=\"lb1203\"></a>\n",
        );
        assert_eq!(
            page.anchors(),
            [
                "what-its-for",
                "on_configure--co",
                "links-too",
                "what-its-for-1",
                "lb1203"
            ]
        );
    }

    #[test]
    fn links_have_lines_and_code_has_none() {
        let page = page(
            "See [the\nmap](ARCHITECTURE.md#map \"Title\") and `[no](link.md)`.\n\n\
             ![picture](<docs/a.svg>) [r][ref]\n\n```text\n[no](x.md)\n```\n[ref]: docs/x.md\n",
        );
        assert_eq!(
            page.links(),
            [
                at(2, "ARCHITECTURE.md#map"),
                at(4, "docs/a.svg"),
                at(9, "docs/x.md")
            ]
        );
    }

    #[test]
    fn code_spans_may_wrap_and_nest_backticks() {
        let page = page("a `one` and `two\nthree` ``fo`ur`` `open\n\nnext `five`\n");
        assert_eq!(
            page.code_spans(),
            [
                at(1, "one"),
                at(1, "two\nthree"),
                at(2, "fo`ur"),
                at(4, "five")
            ]
        );
    }
}
