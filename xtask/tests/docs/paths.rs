//! Every path of this repository that a page names in code exists.

use crate::markdown::Document;
use crate::root;

/// The directories a path of ours starts with.
const TOP: &[&str] = &[
    ".cargo/",
    ".ci/",
    ".github/",
    "cli/",
    "conformance/",
    "deploy/",
    "docs/",
    "filters/",
    "oci/",
    "policies/",
    "simulator/",
    "testbed/",
    "xtask/",
];

pub(crate) fn check(document: &Document) -> Vec<(usize, String)> {
    let spans = document.code_spans();
    spans
        .into_iter()
        .filter_map(|span| Some((span.line, missing(&span.text)?)))
        .collect()
}

/// What is wrong with `text`, if it looks like a path of ours.
pub(crate) fn missing(text: &str) -> Option<String> {
    let path = text.strip_prefix("./").unwrap_or(text);
    let placeholder = |c: char| c.is_whitespace() || "*<{$…".contains(c);
    if !TOP.iter().any(|top| path.starts_with(top)) || path.contains(placeholder) {
        return None;
    }
    let file = path.split('#').next().unwrap_or(path);
    (!root().join(file).exists()).then(|| format!("the path `{text}` does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_our_path_must_exist() {
        for fine in [
            "xtask/",
            "xtask/src/cli.rs",
            "./.ci/run",
            "docs/<page>.md",
            "filters/*/src",
            "application/json",
            "/etc/envoy",
            "docs",
            "cli/x y",
            "policies/{a,b}",
        ] {
            assert_eq!(missing(fine), None, "{fine}");
        }
        assert!(missing("xtask/src/main.c").is_some());
        assert!(missing("./docs/no-such-page.md#part").is_some());
    }
}
