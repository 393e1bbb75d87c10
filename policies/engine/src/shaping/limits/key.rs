//! What requests have in common that are counted together.

use crate::compile::{JWT, PAYLOAD, path_pattern};
use crate::facts::Facts;
use crate::matcher::{Kept, Known, Text};
use crate::plan::Plan;
use crate::text_set::{TextPattern, TextSet};
use landbridge_model::{AnyOf, LimitKey, PathPattern};
use siphasher::sip::SipHasher13;
use std::borrow::Cow;
use std::hash::Hasher;

/// What there is instead of a value that is not there: no value of a header or claim is it.
const ABSENT: &str = "\u{0}absent";
/// The value of a path that matches none of the patterns.
const OTHER: &str = "other";
/// The value of what cannot be known of the caller.
const UNKNOWN: &str = "unknown";

/// A part of the key.
#[derive(Clone, Debug)]
enum Part {
    Cluster,
    Region,
    Principal,
    Text(Text),
    Path(Box<[(TextSet, Box<str>)]>),
}

/// What makes up a key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    parts: Box<[Part]>,
    names: Box<[Box<str>]>,
}

/// The names of a mesh's clusters and of their regions, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(pub(crate) Box<[(Box<str>, Box<str>)]>);

/// What tells one proxy's hashes from another's: whoever makes up values cannot know which of them
/// fall together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u64, pub(crate) u64);

impl Key {
    pub(crate) fn new(
        key: Option<&AnyOf<LimitKey>>,
        paths: Option<&AnyOf<PathPattern>>,
        plan: &mut Plan,
    ) -> Self {
        let patterns = || {
            let patterns = paths.into_iter().flat_map(AnyOf::iter);
            patterns.map(|pattern| {
                let set = std::iter::once(path_pattern(pattern)).collect();
                (set, pattern.to_string().into())
            })
        };
        let mut part = |key: &LimitKey| match key {
            LimitKey::SourceCluster => Part::Cluster,
            LimitKey::SourceRegion => Part::Region,
            LimitKey::SourcePrincipal => Part::Principal,
            LimitKey::SourceNamespace => Part::Text(Text::Namespace),
            LimitKey::Method => Part::Text(Text::Method),
            LimitKey::Host => Part::Text(Text::Host),
            LimitKey::Path => Part::Path(patterns().collect()),
            LimitKey::Header(name) => Part::Text(Text::Header(plan.header(name))),
            LimitKey::Claim(path) => {
                let path = path.iter().map(String::as_str);
                let slot = plan.metadata(JWT, std::iter::once(PAYLOAD).chain(path));
                Part::Text(Text::Kept(slot, Kept::Either))
            }
        };
        let written = || key.into_iter().flat_map(AnyOf::iter);
        Self {
            parts: written().map(&mut part).collect(),
            names: written().map(|key| key.to_string().into()).collect(),
        }
    }

    /// Whether all requests are counted together.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What the parts are called, as documents write them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// What a request has at each part.
    pub(crate) fn values<'f>(
        &'f self,
        facts: Option<&'f Facts<'_>>,
        places: &'f Places,
    ) -> Vec<Cow<'f, str>> {
        let value = |part: &'f Part| match facts {
            None => Cow::Borrowed(UNKNOWN),
            Some(facts) => part.value(facts, places),
        };
        self.parts.iter().map(value).collect()
    }
}

impl Part {
    fn value<'f>(&'f self, facts: &'f Facts<'_>, places: &'f Places) -> Cow<'f, str> {
        let place = || {
            let cluster = facts.caller().cluster()?;
            places.0.get(usize::from(cluster.0))
        };
        let known = |text: Option<&'f str>| Cow::Borrowed(text.unwrap_or(UNKNOWN));
        match self {
            Self::Cluster => known(place().map(|(cluster, _)| &**cluster)),
            Self::Region => known(place().map(|(_, region)| &**region)),
            Self::Principal => known(facts.caller().principal()),
            Self::Text(text) => match facts.text(*text) {
                Known::Text(value) | Known::Perhaps(value) => Cow::Borrowed(value),
                Known::Several(values) => {
                    Cow::Owned(values.iter().collect::<Vec<_>>().join("\u{0}"))
                }
                Known::Absent => Cow::Borrowed(ABSENT),
                Known::Not => Cow::Borrowed(UNKNOWN),
            },
            Self::Path(patterns) => match facts.text(Text::Path) {
                Known::Text(path) => {
                    let matching = patterns.iter().find(|(set, _)| set.matches(path));
                    Cow::Borrowed(matching.map_or(OTHER, |(_, name)| &**name))
                }
                _ => Cow::Borrowed(UNKNOWN),
            },
        }
    }
}

/// One number for all values, which are told apart also where one of them goes on into the next.
pub(crate) fn number(seed: Seed, values: &[Cow<'_, str>]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(seed.0, seed.1);
    for value in values {
        hasher.write_usize(value.len());
        hasher.write(value.as_bytes());
    }
    hasher.finish()
}

/// Another number of the same values, for a count beside.
pub(crate) fn beside(number: u64) -> u64 {
    crate::draw::mix(number ^ 0x7370_6c61_6365_6421)
}

/// Patterns of each value.
#[derive(Clone, Debug)]
pub(crate) struct Values(Box<[TextSet]>);

impl Values {
    pub(crate) fn new(patterns: impl Iterator<Item = TextPattern>) -> Self {
        Self(patterns.map(|p| std::iter::once(p).collect()).collect())
    }

    pub(crate) fn match_all(&self, values: &[Cow<'_, str>]) -> bool {
        self.0.len() == values.len() && self.0.iter().zip(values).all(|(set, v)| set.matches(v))
    }
}
