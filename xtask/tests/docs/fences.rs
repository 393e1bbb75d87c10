//! Fenced blocks, apart from the prose around them.

#[derive(Debug, PartialEq)]
pub(crate) struct Fence {
    /// The first word after the backticks.
    pub(crate) language: String,
    /// The line of the page on which the content starts.
    pub(crate) first_line: usize,
    pub(crate) lines: Vec<String>,
}

/// Splits a page into its prose, with the lines of fences left blank, and its fences.
pub(crate) fn split(text: &str) -> (String, Vec<Fence>) {
    let mut prose = String::with_capacity(text.len());
    let mut fences = Vec::new();
    let mut open: Option<(&str, usize, Fence)> = None;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start();
        match open.take() {
            None => match marker(content) {
                Some(marker) => {
                    let language = content[marker.len()..]
                        .split_whitespace()
                        .next()
                        .unwrap_or("");
                    let fence = Fence {
                        language: language.to_owned(),
                        first_line: index + 2,
                        lines: Vec::new(),
                    };
                    open = Some((marker, line.len() - content.len(), fence));
                }
                None => prose.push_str(line),
            },
            Some((marker, _, fence)) if closes(content, marker) => fences.push(fence),
            Some((marker, indent, mut fence)) => {
                // In a list, the block is as far in as its opening line.
                let own = line.len() - content.len();
                fence.lines.push(line[indent.min(own)..].to_owned());
                open = Some((marker, indent, fence));
            }
        }
        prose.push('\n');
    }
    fences.extend(open.map(|(_, _, fence)| fence));
    (prose, fences)
}

fn marker(line: &str) -> Option<&str> {
    let of = |mark: char| {
        let length = line.len() - line.trim_start_matches(mark).len();
        (length >= 3).then(|| &line[..length])
    };
    // An info string has no backtick: ```` ```x``` ```` on one line is a code span.
    of('`')
        .filter(|m| !line[m.len()..].contains('`'))
        .or_else(|| of('~'))
}

fn closes(line: &str, marker: &str) -> bool {
    let mark = if marker.starts_with('`') { '`' } else { '~' };
    let line = line.trim_end();
    line.len() >= marker.len() && line.chars().all(|c| c == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_has_its_language_line_and_content() {
        let (prose, fences) =
            split("Do:\n\n1. this\n\n   ```sh title\n   cd x\n     y\n   ```\nend");
        assert_eq!(prose, "Do:\n\n1. this\n\n\n\n\n\nend\n");
        assert_eq!(
            fences,
            [Fence {
                language: "sh".to_owned(),
                first_line: 6,
                lines: vec!["cd x".to_owned(), "  y".to_owned()],
            }]
        );
    }

    #[test]
    fn a_longer_fence_holds_a_shorter_one() {
        let (_, fences) = split("````md\n```sh\nx\n```\n````\n");
        assert_eq!(fences.len(), 1);
        assert_eq!(fences[0].lines, ["```sh", "x", "```"]);
    }
}
