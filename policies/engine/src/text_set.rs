//! Patterns of a text, of which any may match.

use crate::glob::Glob;
use crate::template::Template;
use landbridge_model::Pattern;

/// A set of patterns, of which any may match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextSet {
    /// Sorted.
    exact: Box<[Box<str>]>,
    others: Box<[TextPattern]>,
}

/// One pattern of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextPattern {
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    /// Anything but an empty text.
    Present,
    /// Anything but an empty text, on one line: Istio's `.+`.
    Line,
    /// Anything.
    There,
    Glob(Box<Glob>),
    Template(Box<Template>),
}

impl TextPattern {
    pub(crate) fn new(pattern: &Pattern, case: Case) -> Self {
        let fold = |s: &str| match case {
            Case::Sensitive => s.into(),
            Case::Folded => s.to_ascii_lowercase().into_boxed_str(),
        };
        match pattern {
            Pattern::Exact(s) => Self::Exact(fold(s)),
            Pattern::Prefix(s) => Self::Prefix(fold(s)),
            Pattern::Suffix(s) => Self::Suffix(fold(s)),
            Pattern::Present => Self::Present,
        }
    }

    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(s) => value == &**s,
            Self::Prefix(s) => value.starts_with(&**s),
            Self::Suffix(s) => value.ends_with(&**s),
            Self::Present => !value.is_empty(),
            Self::Line => !value.is_empty() && !value.contains('\n'),
            Self::There => true,
            Self::Glob(glob) => glob.matches(value),
            Self::Template(template) => template.matches(value),
        }
    }
}

/// How a text is matched, as far as it can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Exact,
    Prefix,
    Suffix,
    Present,
    There,
}

/// Whether case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    /// Both sides in lower case.
    Folded,
}

impl FromIterator<TextPattern> for TextSet {
    fn from_iter<I: IntoIterator<Item = TextPattern>>(patterns: I) -> Self {
        let mut exact = Vec::new();
        let mut others = Vec::new();
        for pattern in patterns {
            match pattern {
                TextPattern::Exact(s) => exact.push(s),
                other => others.push(other),
            }
        }
        exact.sort_unstable();
        exact.dedup();
        Self {
            exact: exact.into_boxed_slice(),
            others: others.into_boxed_slice(),
        }
    }
}

impl TextSet {
    /// The exact values, then the others.
    pub(crate) fn exact(&self) -> impl Iterator<Item = &str> {
        self.exact.iter().map(|s| &**s)
    }

    pub(crate) fn others(&self) -> &[TextPattern] {
        &self.others
    }

    /// Each pattern, as documents write it.
    pub(crate) fn to_patterns(&self) -> impl Iterator<Item = String> {
        let others = self.others.iter().map(|pattern| match pattern {
            TextPattern::Exact(s) => s.to_string(),
            TextPattern::Prefix(s) => format!("{s}*"),
            TextPattern::Suffix(s) => format!("*{s}"),
            TextPattern::Present | TextPattern::Line | TextPattern::There => "*".to_owned(),
            TextPattern::Glob(glob) => glob.to_string(),
            TextPattern::Template(template) => template.to_string(),
        });
        self.exact().map(str::to_owned).chain(others)
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        let exact = || self.exact.binary_search_by(|s| (**s).cmp(value)).is_ok();
        exact() || self.others.iter().any(|pattern| pattern.matches(value))
    }
}
