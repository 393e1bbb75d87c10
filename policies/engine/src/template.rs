//! Paths by their segments.

use landbridge_model::{PathSegment, PathTemplate};
use std::fmt;

/// A template and what its open segments may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    template: PathTemplate,
    open: Open,
    /// What every path that it matches begins with.
    pub(crate) prefix: Box<str>,
}

/// What an open segment may be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// Anything.
    Anything,
    /// What Envoy's URI templates take: RFC 3986's `pchar`.
    Envoy,
}

impl Open {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Anything => true,
            Self::Envoy => c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=:@".contains(c),
        }
    }
}

impl Template {
    pub(crate) fn new(template: &PathTemplate, open: Open) -> Self {
        let mut prefix = String::new();
        for segment in template.segments() {
            prefix.push('/');
            match segment {
                PathSegment::Literal(s) => prefix.push_str(s),
                PathSegment::One | PathSegment::Rest => break,
            }
        }
        Self {
            template: template.clone(),
            open,
            prefix: prefix.into(),
        }
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut rest = path;
        let mut segments = self.template.segments().iter();
        while let Some(segment) = segments.next() {
            let Some(behind) = rest.strip_prefix('/') else {
                return false;
            };
            rest = match segment {
                PathSegment::Literal(s) => match behind.strip_prefix(s.as_str()) {
                    Some(behind) => behind,
                    None => return false,
                },
                PathSegment::One => {
                    let closed = |c: char| c == '/' || !self.open.takes(c);
                    let end = behind.find(closed).unwrap_or(behind.len());
                    match behind.split_at_checked(end) {
                        Some((one, behind)) if !one.is_empty() => behind,
                        _ => return false,
                    }
                }
                // Only literals stand behind it: they are the end of the path.
                PathSegment::Rest => {
                    let mut open = behind;
                    for segment in segments.rev() {
                        let literal = match segment {
                            PathSegment::Literal(s) => s.as_str(),
                            PathSegment::One | PathSegment::Rest => return false,
                        };
                        let cut = open.strip_suffix(literal).and_then(|s| s.strip_suffix('/'));
                        let Some(cut) = cut else { return false };
                        open = cut;
                    }
                    return open.chars().all(|c| c == '/' || self.open.takes(c));
                }
            };
        }
        rest.is_empty()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.template.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Open, Template};
    use landbridge_model::PathTemplate;

    #[test]
    fn segments_are_matched() {
        for (template, path, ours, envoys) in [
            ("/foo/{*}", "/foo/bar", true, true),
            ("/foo/{*}", "/foo/", false, false),
            ("/foo/{*}", "/foo/bar/baz", false, false),
            ("/foo/{*}", "/foo/a=b*", true, true),
            ("/foo/{*}", "/foo/a[b]", true, false),
            ("/foo/{*}", "/foo/a%3Db", true, true),
            ("/{*}/{*}", "/a/b", true, true),
            ("/foo/{**}", "/foo/", true, true),
            ("/foo/{**}", "/foo", false, false),
            ("/foo/{**}", "/foo/a/b", true, true),
            ("/foo/{**}/", "/foo/bar/", true, true),
            ("/foo/{**}/", "/foo//", true, true),
            ("/foo/{**}/", "/foo/bar", false, false),
            ("/foo/{*}/bar/{**}", "/foo/buzz/bar/", true, true),
            ("/foo/{*}/bar/{**}", "/foo/buzz/bar/baz", true, true),
            ("/foo/{**}/bar/baz", "/foo/x/y/bar/baz", true, true),
            ("/foo/{**}/bar", "/foo/bar", false, false),
            ("/{*}x", "/ax", false, false),
        ] {
            let Some(parsed) = PathTemplate::parse(template) else {
                assert!(!ours, "{template}");
                continue;
            };
            for (open, matches) in [(Open::Anything, ours), (Open::Envoy, envoys)] {
                let compiled = Template::new(&parsed, open);
                assert_eq!(
                    compiled.matches(path),
                    matches,
                    "{template} {path} {open:?}"
                );
                assert!(
                    !matches || path.starts_with(&*compiled.prefix),
                    "{template} {path}"
                );
            }
        }
    }
}
