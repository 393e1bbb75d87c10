//! Every relative link leads to a file of the tree, and every anchor to a heading.

use crate::markdown::Document;

pub(crate) fn check(document: &Document) -> Vec<(usize, String)> {
    let links = document.links();
    links
        .into_iter()
        .filter_map(|l| Some((l.line, fault(document, &l.text)?)))
        .collect()
}

fn fault(document: &Document, link: &str) -> Option<String> {
    // Whether other sites exist is not for a test to ask.
    if ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
    {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    if file.starts_with('/') {
        return Some(format!(
            "the link `{link}` is absolute; write it relative to the page"
        ));
    }
    let path = match file {
        "" => document.path.clone(),
        file => document.path.with_file_name("").join(file),
    };
    if !file.is_empty() && !path.exists() {
        return Some(format!("the link `{link}` leads to no file"));
    }
    if anchor.is_empty() || path.extension().is_none_or(|ext| ext != "md") {
        return None;
    }
    let anchors = if file.is_empty() {
        document.anchors()
    } else {
        Document::read(&path).anchors()
    };
    if anchors.iter().any(|known| known == anchor) {
        return None;
    }
    Some(format!(
        "the link `{link}` leads to no heading; there are: {}",
        anchors.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;

    #[test]
    fn finds_dead_links_and_dead_anchors() {
        let page = Document::parse(
            &root().join("page.md"),
            "# A heading\n[1](Cargo.toml) [2](#a-heading) [3](https://example.com/)\n\
             [4](missing.md)\n[5](#b-heading)\n[6](/Cargo.toml)\n[7](xtask/)\n",
        );
        let lines: Vec<_> = check(&page).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [3, 4, 5]);
    }
}
