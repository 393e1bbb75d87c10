//! Rules by a text: exact, by prefix, by suffix, by presence.
//!
//! Prefixes and suffixes are hashed by their length: a request's text is looked up once for each
//! length that occurs. Policies use few lengths, and a look-up costs what comparing a few bytes
//! does; a trie would walk every byte through memory.

use super::{Lists, Ordinal, push};
use crate::text_set::Shape;
use hashbrown::HashMap;
use std::collections::BTreeMap;

type ByText = HashMap<Box<str>, Vec<Ordinal>>;

#[derive(Debug, Default)]
pub(super) struct TextIndex {
    exact: ByText,
    prefixes: BTreeMap<usize, ByText>,
    suffixes: BTreeMap<usize, ByText>,
    present: Vec<Ordinal>,
    there: Vec<Ordinal>,
    all: Vec<Ordinal>,
}

impl TextIndex {
    pub(super) fn file(&mut self, shape: Shape, text: &str, rule: Ordinal) {
        push(&mut self.all, rule);
        let text = Box::from(text);
        let list = match shape {
            Shape::Exact => self.exact.entry(text).or_default(),
            Shape::Prefix => self
                .prefixes
                .entry(text.len())
                .or_default()
                .entry(text)
                .or_default(),
            Shape::Suffix => self
                .suffixes
                .entry(text.len())
                .or_default()
                .entry(text)
                .or_default(),
            Shape::Present => &mut self.present,
            Shape::There => &mut self.there,
        };
        push(list, rule);
    }

    pub(super) fn all(&self) -> &[Ordinal] {
        &self.all
    }

    pub(super) fn find<'a>(&'a self, value: &str, lists: &mut Lists<'a>) {
        lists.push(&self.there);
        if !value.is_empty() {
            lists.push(&self.present);
        }
        lists.extend(self.exact.get(value));
        // Past the value's own length there is nothing to cut.
        for (length, prefixes) in self.prefixes.range(..=value.len()) {
            let found = value.get(..*length).and_then(|prefix| prefixes.get(prefix));
            lists.extend(found);
        }
        for (length, suffixes) in self.suffixes.range(..=value.len()) {
            let start = value.len().saturating_sub(*length);
            let found = value.get(start..).and_then(|suffix| suffixes.get(suffix));
            lists.extend(found);
        }
    }
}
