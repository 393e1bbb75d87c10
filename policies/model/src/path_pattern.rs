//! What a path is matched with: a pattern, or a template whose segments may be open.

use crate::pattern::Pattern;
use crate::text_value::text_values;
use std::fmt;

/// A pattern as of any text, or a template: `/orders/{*}/items`, `/files/{**}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// Exact, prefix, suffix or presence.
    Text(Pattern),
    /// By segment.
    Template(PathTemplate),
}

/// A path by its segments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathTemplate(Vec<PathSegment>);

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathSegment {
    /// Just this.
    Literal(String),
    /// `{*}`: anything but a `/`, and not nothing.
    One,
    /// `{**}`: anything, over any number of segments. Only literals stand behind it.
    Rest,
}

impl PathTemplate {
    /// Whether a text is meant as a template.
    pub fn is_meant(s: &str) -> bool {
        s.contains("{*}") || s.contains("{**}")
    }

    /// Reads one; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        let mut segments = Vec::new();
        let mut open = true;
        let mut written = s.strip_prefix('/')?.split('/').peekable();
        while let Some(segment) = written.next() {
            segments.push(match segment {
                "{*}" | "{**}" if !open => return None,
                "{*}" => PathSegment::One,
                "{**}" => {
                    open = false;
                    PathSegment::Rest
                }
                "" if written.peek().is_some() => return None,
                literal if literal.contains(['*', '{', '}']) => return None,
                literal => PathSegment::Literal(literal.to_owned()),
            });
        }
        Some(Self(segments))
    }

    /// The segments, in order.
    pub fn segments(&self) -> &[PathSegment] {
        &self.0
    }
}

impl PathPattern {
    /// Reads one; `None` where a `*` or a brace stands where none can.
    pub fn parse(s: &str) -> Option<Self> {
        match PathTemplate::is_meant(s) {
            true => PathTemplate::parse(s).map(Self::Template),
            false => Pattern::parse(s).map(Self::Text),
        }
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            PathSegment::Literal(s) => write!(f, "/{s}"),
            PathSegment::One => f.write_str("/{*}"),
            PathSegment::Rest => f.write_str("/{**}"),
        })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(pattern) => pattern.fmt(f),
            Self::Template(template) => template.fmt(f),
        }
    }
}

text_values! {
    PathPattern: Self::parse,
        "is neither a pattern nor a template",
        "a `*` stands first, last or alone; `{*}` is one whole segment, and `{**}`, the last of them, any number",
        {
            "description": "`exact`, `prefix*`, `*suffix`, `*`, or a template with `{*}` for one segment and `{**}` for any number.",
            "type": "string",
            "pattern": r"^(\*|\*?[^*]+|[^*]+\*|(/(\{\*\}|\{\*\*\}|[^*{}/]*))+)$"
        };
}

#[cfg(test)]
mod tests {
    use super::PathTemplate;

    #[test]
    fn templates_print_as_they_were_written() {
        for text in [
            "/{*}",
            "/{**}",
            "/a/{*}/b",
            "/a/{*}/{**}",
            "/a/{**}/",
            "/{**}/b/c",
        ] {
            let parsed = PathTemplate::parse(text);
            assert_eq!(parsed.map(|t| t.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_template() {
        for text in [
            "{*}",
            "/a/{*}.txt",
            "/{**}/{*}",
            "/{**}/{**}",
            "/*/{*}",
            "/{a}/{*}",
            "/a//{*}",
        ] {
            assert_eq!(PathTemplate::parse(text), None, "{text}");
        }
    }
}
