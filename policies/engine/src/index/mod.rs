//! Finding the rules that can match without looking at the others.
//!
//! Every rule is filed under one *anchor*: a positive match that must hold for the rule to hold,
//! such as its principals or its hosts, and of those the one whose values the fewest other rules
//! share. A request then looks up its own principal, host, path and so on, and walks only the
//! rules filed under them, in the documents' order, until one holds. A rule without an anchor
//! (only negations, say) is walked always.
//!
//! Laws that the tests hold it to: a rule that holds is always found under its anchor, and what is
//! found is decided by the rule itself, so that the index can be slow but never wrong. Where what
//! an anchor asks for is unknown, a search for rules that cannot be ruled out takes all rules
//! filed under that attribute.

mod addresses;
mod anchor;
mod texts;

use crate::Truth;
use crate::decision::RuleRef;
use crate::facts::Facts;
use crate::matcher::{Known, Side, Text};
use crate::policy_set::{Policy, Rule};
use addresses::AddressIndex;
use anchor::{Anchors, Key};
use std::collections::BTreeMap;
use std::sync::Arc;
use texts::TextIndex;

/// The place of a rule in the documents' order.
type Ordinal = u32;

/// Rules of one action, and where to find them.
#[derive(Debug, Default)]
pub(crate) struct RuleIndex {
    rules: Vec<(RuleRef, Arc<Rule>)>,
    texts: Vec<(Text, TextIndex)>,
    clusters: Filed<u16>,
    ports: Filed<u16>,
    addresses: BTreeMap<Side, AddressIndex>,
    /// Rules without an anchor.
    rest: Vec<Ordinal>,
}

/// Rules by a small number.
#[derive(Debug)]
struct Filed<K> {
    by: BTreeMap<K, Vec<Ordinal>>,
    all: Vec<Ordinal>,
}

impl<K> Default for Filed<K> {
    fn default() -> Self {
        Self {
            by: BTreeMap::new(),
            all: Vec::new(),
        }
    }
}

impl<K: Ord> Filed<K> {
    fn find<'a>(&'a self, key: Option<K>, at_least: Truth, lists: &mut Lists<'a>) {
        match key {
            Some(key) => lists.extend(self.by.get(&key)),
            None if at_least == Truth::Unknown => lists.push(&self.all),
            None => {}
        }
    }

    fn file(&mut self, key: K, rule: Ordinal) {
        push(self.by.entry(key).or_default(), rule);
    }
}

/// Lists of rules that may match, each in order, none empty: most look-ups find nothing, and what
/// they find is merged.
#[derive(Default)]
struct Lists<'a>(Vec<&'a [Ordinal]>);

impl<'a> Lists<'a> {
    fn push(&mut self, list: &'a [Ordinal]) {
        if !list.is_empty() {
            self.0.push(list);
        }
    }

    fn extend(&mut self, list: Option<&'a Vec<Ordinal>>) {
        self.push(list.map(Vec::as_slice).unwrap_or_default());
    }
}

/// A rule has at most one place in a list.
fn push(list: &mut Vec<Ordinal>, rule: Ordinal) {
    if list.last() != Some(&rule) {
        list.push(rule);
    }
}

impl RuleIndex {
    /// Files the rules of policies that stand in the documents' order.
    pub(crate) fn new(policies: &mut dyn Iterator<Item = &'_ Policy>) -> Self {
        let mut rules = Vec::new();
        for policy in policies {
            for (rule, r) in (0..).zip(&policy.rules) {
                let place = RuleRef {
                    policy: policy.id,
                    rule,
                };
                rules.push((place, Arc::clone(r)));
            }
        }
        let anchors = Anchors::count(rules.iter().map(|(_, rule)| &**rule));
        let mut index = Self::default();
        for (ordinal, (_, rule)) in (0..).zip(&rules) {
            match anchors.choose(rule) {
                Some(keys) => keys.into_iter().for_each(|key| index.file(key, ordinal)),
                None => push(&mut index.rest, ordinal),
            }
        }
        drop(anchors);
        index.rules = rules;
        index
    }

    fn file(&mut self, key: Key<'_>, rule: Ordinal) {
        match key {
            Key::Cluster(id) => {
                self.clusters.file(id, rule);
                push(&mut self.clusters.all, rule);
            }
            Key::Port(port) => {
                self.ports.file(port, rule);
                push(&mut self.ports.all, rule);
            }
            Key::Address(side, block) => self.addresses.entry(side).or_default().file(block, rule),
            Key::Text(text, shape, value) => {
                let found = self.texts.iter().position(|(t, _)| *t == text);
                let place = found.unwrap_or_else(|| {
                    self.texts.push((text, TextIndex::default()));
                    self.texts.len().saturating_sub(1)
                });
                if let Some((_, texts)) = self.texts.get_mut(place) {
                    texts.file(shape, value, rule);
                }
            }
        }
    }

    /// All rules, in the documents' order.
    pub(crate) fn all(&self) -> &[(RuleRef, Arc<Rule>)] {
        &self.rules
    }

    /// The first rule, in the documents' order, that holds at least as surely as asked.
    pub(crate) fn first(&self, facts: &Facts<'_>, at_least: Truth) -> Option<(RuleRef, Truth)> {
        self.candidates(facts, at_least).find_map(|(rule, r)| {
            let truth = r.holds(facts);
            (truth >= at_least).then_some((*rule, truth))
        })
    }

    /// Of each policy, the first rule that holds.
    pub(crate) fn each(&self, facts: &Facts<'_>) -> Vec<RuleRef> {
        let mut found: Vec<RuleRef> = Vec::new();
        if self.rules.is_empty() {
            return found;
        }
        for (rule, r) in self.candidates(facts, Truth::Yes) {
            let known = found.last().is_some_and(|last| last.policy == rule.policy);
            if !known && r.holds(facts) == Truth::Yes {
                found.push(*rule);
            }
        }
        found
    }

    /// The same as [`Self::first`], by walking every rule.
    #[cfg(feature = "oracle")]
    pub(crate) fn walk_first(
        &self,
        facts: &Facts<'_>,
        at_least: Truth,
    ) -> Option<(RuleRef, Truth)> {
        self.rules.iter().find_map(|(rule, r)| {
            let truth = r.holds(facts);
            (truth >= at_least).then_some((*rule, truth))
        })
    }

    /// The same as [`Self::each`], by walking every rule.
    #[cfg(feature = "oracle")]
    pub(crate) fn walk_each(&self, facts: &Facts<'_>) -> Vec<RuleRef> {
        let mut found: Vec<RuleRef> = self
            .rules
            .iter()
            .filter(|(_, r)| r.holds(facts) == Truth::Yes)
            .map(|(r, _)| *r)
            .collect();
        found.dedup_by_key(|rule| rule.policy);
        found
    }

    fn candidates<'a>(
        &'a self,
        facts: &Facts<'_>,
        at_least: Truth,
    ) -> impl Iterator<Item = &'a (RuleRef, Arc<Rule>)> {
        let mut lists = Lists::default();
        if !self.rules.is_empty() {
            lists.push(&self.rest);
            self.clusters
                .find(facts.caller.cluster().map(|id| id.0), at_least, &mut lists);
            self.ports.find(facts.port, at_least, &mut lists);
            for (side, blocks) in &self.addresses {
                match facts.address(*side) {
                    Some(address) => blocks.find(address, &mut lists),
                    None if at_least == Truth::Unknown => lists.push(blocks.all()),
                    None => {}
                }
            }
            for (text, texts) in &self.texts {
                match facts.text(*text) {
                    Known::Text(value) => texts.find(value, &mut lists),
                    Known::Several(values) => {
                        values
                            .iter()
                            .for_each(|value| texts.find(value, &mut lists));
                    }
                    Known::Perhaps(value) if at_least == Truth::Unknown => {
                        texts.find(value, &mut lists);
                    }
                    Known::Not if at_least == Truth::Unknown => lists.push(texts.all()),
                    Known::Perhaps(_) | Known::Not | Known::Absent => {}
                }
            }
        }
        Merge(lists.0).filter_map(|ordinal| self.rules.get(usize::try_from(ordinal).ok()?))
    }
}

/// The union of ordered lists, in order.
struct Merge<'a>(Vec<&'a [Ordinal]>);

impl Iterator for Merge<'_> {
    type Item = Ordinal;

    fn next(&mut self) -> Option<Ordinal> {
        let least = self
            .0
            .iter()
            .filter_map(|list| list.first().copied())
            .min()?;
        for list in &mut self.0 {
            if let [first, rest @ ..] = list
                && *first == least
            {
                *list = rest;
            }
        }
        Some(least)
    }
}
