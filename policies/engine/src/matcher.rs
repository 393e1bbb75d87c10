//! One match against one attribute.

use crate::Truth;
use crate::facts::Facts;
use crate::mesh_index::{ClusterSet, Where};
use landbridge_model::Pattern;
use std::collections::BTreeSet;

/// What of a request is looked at, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Text {
    Principal,
    Namespace,
    /// `<namespace>/sa/<name>`, as in a SPIFFE ID of Istio's form.
    Account,
    Host,
    Method,
    Path,
    /// A header, by its slot in the plan.
    Header(u16),
}

/// A set of patterns, of which any may match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextSet {
    exact: BTreeSet<Box<str>>,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
    present: bool,
}

impl TextSet {
    pub(crate) fn add(&mut self, pattern: &Pattern, case: Case) {
        let fold = |s: &str| match case {
            Case::Sensitive => s.into(),
            Case::Folded => s.to_ascii_lowercase().into_boxed_str(),
        };
        match pattern {
            Pattern::Exact(s) => {
                self.exact.insert(fold(s));
            }
            Pattern::Prefix(s) => self.prefixes.push(fold(s)),
            Pattern::Suffix(s) => self.suffixes.push(fold(s)),
            Pattern::Present => self.present = true,
        }
    }

    pub(crate) fn add_exact(&mut self, value: String) {
        self.exact.insert(value.into());
    }

    /// Each pattern.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = (Shape, &str)> {
        let exact = self.exact.iter().map(|s| (Shape::Exact, &**s));
        let prefixes = self.prefixes.iter().map(|s| (Shape::Prefix, &**s));
        let suffixes = self.suffixes.iter().map(|s| (Shape::Suffix, &**s));
        let present = self.present.then_some((Shape::Present, ""));
        exact.chain(prefixes).chain(suffixes).chain(present)
    }

    /// Each pattern, as documents write it.
    pub(crate) fn to_patterns(&self) -> impl Iterator<Item = String> {
        self.patterns().map(|(shape, text)| match shape {
            Shape::Exact => text.to_owned(),
            Shape::Prefix => format!("{text}*"),
            Shape::Suffix => format!("*{text}"),
            Shape::Present => "*".to_owned(),
        })
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        (self.present && !value.is_empty())
            || self.exact.contains(value)
            || self.prefixes.iter().any(|p| value.starts_with(&**p))
            || self.suffixes.iter().any(|s| value.ends_with(&**s))
    }
}

/// How a text is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Exact,
    Prefix,
    Suffix,
    Present,
}

/// Whether case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    /// Both sides in lower case.
    Folded,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// The caller's cluster is one of these.
    Clusters(Where, ClusterSet),
    /// A text is one of these.
    Text(Text, TextSet),
    /// The port is one of these.
    Ports(BTreeSet<u16>),
}

/// A match, or its `not…` twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) matcher: Matcher,
    pub(crate) negated: bool,
}

impl Test {
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Truth {
        let truth = match &self.matcher {
            Matcher::Clusters(_, set) => set.contains(facts.caller.cluster()),
            Matcher::Text(text, set) => match facts.text(*text) {
                Known::Text(value) => set.matches(value).into(),
                Known::Absent => Truth::No,
                Known::Not => Truth::Unknown,
            },
            Matcher::Ports(set) => match facts.port {
                Some(port) => set.contains(&port).into(),
                None => Truth::Unknown,
            },
        };
        if self.negated { !truth } else { truth }
    }
}

/// What is known of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known<'a> {
    /// This.
    Text(&'a str),
    /// That it is not there, as a header may not be.
    Absent,
    /// Nothing.
    Not,
}
