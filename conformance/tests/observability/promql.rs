//! As much of PromQL as is needed to see which series a query is about.

/// The selectors of metrics in a query, such as `landbridge_config_info{filter="authz"}`, without
/// ranges and offsets.
pub fn selectors(query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(character) = rest.chars().next() {
        if character == '"' {
            rest = after_string(rest);
        } else if character == '{' {
            // By its name's pattern.
            let matchers = matchers(rest);
            found.push(matchers.to_owned());
            rest = &rest[matchers.len()..];
        } else if is_name(character) {
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            rest = behind;
            let is_metric = ["landbridge", "envoy_", "ALERTS"]
                .iter()
                .any(|start| name.starts_with(start));
            if is_metric {
                let matchers = matchers(rest);
                found.push(format!("{name}{matchers}"));
                rest = &rest[matchers.len()..];
            }
        } else {
            rest = &rest[character.len_utf8()..];
        }
    }
    found
}

/// The name of a selector's metric.
pub fn name(selector: &str) -> &str {
    selector.split('{').next().unwrap_or_default()
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_:".contains(character)
}

/// What stands in braces, with them, if that comes first.
fn matchers(text: &str) -> &str {
    if !text.starts_with('{') {
        return "";
    }
    let mut rest = text;
    loop {
        match rest.chars().next() {
            None => panic!("an open brace: {text}"),
            Some('}') => return &text[..text.len() - rest.len() + 1],
            Some('"') => rest = after_string(rest),
            Some(other) => rest = &rest[other.len_utf8()..],
        }
    }
}

fn after_string(text: &str) -> &str {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return &text[at + 1..],
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    panic!("an open string: {text}")
}

#[test]
fn a_querys_selectors_are_found() {
    let query = r#"label_replace(sum by (a) (landbridge_x{b="}\"",c!="d"} unless landbridge:y offset 5m or {__name__=~"w"}), "input", "landbridge.no", "", "") / rate(envoy_z[5m])"#;
    let found = selectors(query);
    assert_eq!(
        found,
        [
            r#"landbridge_x{b="}\"",c!="d"}"#,
            "landbridge:y",
            r#"{__name__=~"w"}"#,
            "envoy_z"
        ]
    );
    assert_eq!(name(&found[0]), "landbridge_x");
}
