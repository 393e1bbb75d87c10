//! Choosing what a rule is filed under.

use crate::glob::Anchor;
use crate::matcher::{Matcher, Side, Test, Text};
use crate::policy_set::{Clause, Rule};
use crate::text_set::{Shape, TextPattern, TextSet};
use hashbrown::HashMap;
use landbridge_model::IpNet;

/// One value that a rule can be filed under, borrowed from the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Cluster(u16),
    Port(u16),
    Address(Side, IpNet),
    Text(Text, Shape, &'a str),
}

/// How often each value occurs in all rules.
pub(super) struct Anchors<'a>(HashMap<Key<'a>, u64>);

impl<'a> Anchors<'a> {
    pub(super) fn count(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut counts: HashMap<Key<'a>, u64> = HashMap::new();
        for rule in rules {
            let clauses = rule.from.iter().chain(&rule.to).chain([&rule.when]);
            for test in clauses.flat_map(|clause| &clause.0) {
                for key in keys(test).into_iter().flatten() {
                    let count = counts.entry(key).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
        Self(counts)
    }

    /// The values that a rule is best filed under; `None` where there are none that must hold.
    pub(super) fn choose<'r>(&self, rule: &'r Rule) -> Option<Vec<Key<'r>>> {
        let when = rule
            .when
            .0
            .iter()
            .filter_map(keys)
            .map(|keys| (self.cost(&keys), keys));
        let (from, to) = (self.union(&rule.from), self.union(&rule.to));
        let best = when.chain(from).chain(to).min_by_key(|(cost, _)| *cost);
        best.map(|(_, keys)| keys)
    }

    /// For any of several clauses: the best test of each. One clause that has none spoils it.
    fn union<'r>(&self, clauses: &'r [Clause]) -> Option<(u64, Vec<Key<'r>>)> {
        let mut total: u64 = 0;
        let mut all = Vec::new();
        for clause in clauses {
            let tests = clause
                .0
                .iter()
                .filter_map(keys)
                .map(|keys| (self.cost(&keys), keys));
            let (cost, keys) = tests.min_by_key(|(cost, _)| *cost)?;
            total = total.saturating_add(cost);
            all.extend(keys);
        }
        (!clauses.is_empty()).then_some((total, all))
    }

    /// How many rules a request with one of these values would have to walk, roughly: a pattern is
    /// met by more requests than an exact value is, and presence by nearly all.
    fn cost(&self, keys: &[Key<'_>]) -> u64 {
        let cost = |key: &Key<'_>| {
            let count = self.0.get(key).copied().unwrap_or(1);
            let breadth = match key {
                Key::Text(_, Shape::Exact, _) => 1,
                Key::Cluster(_) | Key::Port(_) => 4,
                Key::Address(_, block) => match block.max_prefix_len() == block.prefix_len() {
                    true => 1,
                    false => 8,
                },
                Key::Text(_, Shape::Prefix | Shape::Suffix, value) if value.len() > 3 => 2,
                Key::Text(_, Shape::Prefix | Shape::Suffix, _) => 16,
                Key::Text(_, Shape::Present | Shape::There, _) => 64,
            };
            count.saturating_mul(breadth)
        };
        keys.iter().map(cost).fold(0, u64::saturating_add)
    }
}

/// The values of a test one of which must be there for it to hold; `None` where there are none,
/// as for a negation.
fn keys(test: &Test) -> Option<Vec<Key<'_>>> {
    if test.negated {
        return None;
    }
    let keys: Vec<Key<'_>> = match &test.matcher {
        Matcher::Clusters(_, set) => set.possible().map(Key::Cluster).collect(),
        Matcher::Ports(ports) => ports.iter().copied().map(Key::Port).collect(),
        Matcher::Addresses(side, blocks) => blocks
            .iter()
            .map(|block| Key::Address(*side, *block))
            .collect(),
        Matcher::Text(text, set) => text_keys(*text, set)?,
        // Of each alternative, the test with the fewest.
        Matcher::Any(_, clauses, _) => {
            let mut all = Vec::new();
            for clause in clauses {
                all.extend(clause.0.iter().filter_map(keys).min_by_key(Vec::len)?);
            }
            all
        }
        Matcher::Time(..) => return None,
    };
    (!keys.is_empty()).then_some(keys)
}

fn text_keys(text: Text, set: &TextSet) -> Option<Vec<Key<'_>>> {
    let exact = set.exact().map(|s| Some(Key::Text(text, Shape::Exact, s)));
    let others = set.others().iter().map(|pattern| {
        Some(match pattern {
            TextPattern::Exact(s) => Key::Text(text, Shape::Exact, s),
            TextPattern::Prefix(s) => Key::Text(text, Shape::Prefix, s),
            TextPattern::Suffix(s) => Key::Text(text, Shape::Suffix, s),
            TextPattern::Present | TextPattern::Line => Key::Text(text, Shape::Present, ""),
            TextPattern::There => Key::Text(text, Shape::There, ""),
            TextPattern::Template(template) => Key::Text(text, Shape::Prefix, &template.prefix),
            TextPattern::Glob(glob) => match &glob.anchor {
                Anchor::Suffix(s) => Key::Text(text, Shape::Suffix, s),
                Anchor::Namespace(s) => Key::Text(Text::PeerNamespace, Shape::Exact, s),
                Anchor::NamespacePrefix(s) => Key::Text(Text::PeerNamespace, Shape::Prefix, s),
                Anchor::Nothing => return None,
            },
        })
    });
    exact.chain(others).collect()
}
