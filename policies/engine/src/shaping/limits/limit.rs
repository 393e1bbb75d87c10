//! One limit, compiled.

use super::allowance::Allowance;
use super::key::{Key, Places, Seed, Values, number};
use crate::compile::path_pattern;
use crate::facts::Facts;
use crate::matcher::{Known, Text};
use crate::shaping::selection::{Selection, Terms};
use crate::text_set::{Case, TextPattern, TextSet};
use landbridge_model::{
    AnyOf, Enforcement, LimitHeaders, LimitScope, OnStoreLoss, PathPattern, Pattern, Percent, Rate,
};
use std::borrow::Cow;
use std::time::Duration;

/// How many values of a key are told apart, where a document does not say.
const KEYS: u32 = 100_000;

/// A rate as it was written, and what it allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) rate: Rate,
    pub(crate) allowance: Allowance,
    /// What displaced traffic may take of it.
    pub(crate) displaced: Option<(Rate, Allowance)>,
}

/// A limit.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    /// Its number among all things that shape.
    pub(crate) item: usize,
    pub(crate) mode: Enforcement,
    pub(crate) selection: Selection,
    pub(crate) key: Key,
    written: Written,
    overrides: Box<[(Values, Written)]>,
    cost: Option<Cost>,
    /// The service that keeps its count, where that is not the proxy.
    pub(crate) service: Option<usize>,
    pub(crate) on_store_loss: OnStoreLoss,
    pub(crate) fraction: Percent,
    pub(crate) keys: usize,
    pub(crate) headers: LimitHeaders,
    /// Where it is shared.
    pub(crate) shared_as: Box<str>,
}

/// What a request counts for.
#[derive(Clone, Debug)]
struct Cost {
    header: Option<Box<str>>,
    paths: Box<[(TextSet, u32)]>,
    most: u32,
}

/// What a limit makes of a request.
pub(crate) struct Counted<'f> {
    pub(crate) key: u64,
    pub(crate) values: Vec<Cow<'f, str>>,
    pub(crate) written: Written,
    pub(crate) cost: u32,
}

impl Written {
    fn new(rate: Rate, burst: Option<u32>, displaced: Option<Percent>) -> Self {
        let allowance = Allowance::new(rate, burst);
        Self {
            rate,
            allowance,
            displaced: displaced.map(|share| {
                let count = u64::from(rate.count).saturating_mul(u64::from(share.0)) / 100;
                let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
                (Rate { count, ..rate }, allowance.share(share))
            }),
        }
    }

    /// How many, in how many whole seconds: what `RateLimit-Policy` tells.
    pub(crate) fn quota(&self) -> (u64, u64) {
        let (count, per) = (u64::from(self.rate.count), self.rate.per);
        match per.as_secs() {
            seconds if seconds > 0 && per == Duration::from_secs(seconds) => (count, seconds),
            _ => (u64::from(self.rate.in_a_second()), 1),
        }
    }
}

impl Limit {
    pub(in crate::shaping) fn new(
        item: usize,
        policy: &str,
        whole: Enforcement,
        limit: &landbridge_model::Limit,
        service: Option<usize>,
        terms: &mut Terms<'_>,
    ) -> Self {
        let selection = Selection::new(limit.requests.as_ref(), terms);
        let key = Key::new(limit.key.as_ref(), limit.paths.as_ref(), terms.plan);
        let share = limit.displaced_share;
        let written = Written::new(limit.rate, limit.burst, share);
        let overrides = limit.overrides.iter().flat_map(AnyOf::iter).map(|other| {
            let pattern = |pattern: &Pattern| TextPattern::new(pattern, Case::Sensitive);
            let values = Values::new(other.values.iter().map(pattern));
            (values, Written::new(other.rate, other.burst, share))
        });
        let cost = limit.cost.as_ref().map(|cost| Cost {
            header: cost.header.as_ref().map(|header| header.as_str().into()),
            paths: cost
                .paths
                .iter()
                .flat_map(AnyOf::iter)
                .map(|priced| (set(&priced.paths), priced.cost.max(1)))
                .collect(),
            most: cost.most.unwrap_or(written.allowance.burst()).max(1),
        });
        let keys = match key.is_empty() {
            // Displaced traffic is counted beside.
            true => 2,
            false => limit.max_keys.unwrap_or(KEYS),
        };
        Self {
            item,
            mode: whole.max(limit.mode),
            selection,
            key,
            written,
            overrides: overrides.collect(),
            cost,
            service: service.filter(|_| limit.scope == LimitScope::Global),
            on_store_loss: limit.on_store_loss,
            fraction: limit.fraction.unwrap_or(Percent(100)),
            keys: usize::try_from(keys).unwrap_or(usize::MAX),
            headers: limit.headers,
            shared_as: format!("landbridge.shaping.limit.{policy}/{}", limit.name).into(),
        }
    }

    /// Whether anything must be known of a request to count it.
    pub(crate) fn asks(&self) -> bool {
        let costs = self.cost.as_ref().is_some_and(|c| !c.paths.is_empty());
        !self.selection.is_all() || !self.key.is_empty() || costs
    }

    /// How a request counts; not at all, if it is none of the limit's.
    pub(crate) fn count<'f>(
        &'f self,
        facts: Option<&'f Facts<'_>>,
        headers: &[(String, Vec<u8>)],
        places: &'f Places,
        seed: Seed,
    ) -> Option<Counted<'f>> {
        if !self.selection.may_have(facts) {
            return None;
        }
        let values = match self.key.is_empty() {
            true => Vec::new(),
            false => self.key.values(facts, places),
        };
        let other = self.overrides.iter().find(|(of, _)| of.match_all(&values));
        let written = other.map_or(self.written, |(_, written)| *written);
        let cost = self.cost.as_ref().map_or(1, |cost| cost.of(facts, headers));
        Some(Counted {
            key: number(seed, &values),
            values,
            // More than the burst could never pass.
            cost: cost.min(written.allowance.burst()),
            written,
        })
    }
}

fn set(paths: &AnyOf<PathPattern>) -> TextSet {
    paths.iter().map(path_pattern).collect()
}

impl Cost {
    fn of(&self, facts: Option<&Facts<'_>>, headers: &[(String, Vec<u8>)]) -> u32 {
        let written = self.header.as_ref().and_then(|name| {
            let mut said = headers.iter().filter(|(header, _)| **header == **name);
            let (_, value) = said.next()?;
            // Two are no number.
            let text = said.next().is_none().then(|| std::str::from_utf8(value));
            let text = text.and_then(Result::ok);
            let number = text.and_then(|text| text.parse::<u32>().ok());
            let number = number.filter(|number| (1..=self.most).contains(number));
            Some(number.unwrap_or(self.most))
        });
        let by_path = || match facts.map(|facts| facts.text(Text::Path)) {
            Some(Known::Text(path)) => {
                let priced = self.paths.iter().find(|(set, _)| set.matches(path));
                priced.map_or(1, |(_, cost)| *cost)
            }
            _ => 1,
        };
        written.unwrap_or_else(by_path)
    }
}

#[cfg(test)]
mod tests {
    use super::Cost;

    #[test]
    fn what_is_no_number_in_range_costs_the_most() {
        let cost = Cost {
            header: Some("x-cost".into()),
            paths: Box::default(),
            most: 5,
        };
        let of = |said: &[&str]| {
            let header = |value: &&str| ("x-cost".to_owned(), value.as_bytes().to_vec());
            let headers: Vec<_> = said.iter().map(header).collect();
            cost.of(None, &headers)
        };
        assert_eq!((of(&[]), of(&["1"]), of(&["5"])), (1, 1, 5));
        for wrong in ["0", "6", "-1", "abc", "99999999999", "", "1, 1", " 1"] {
            assert_eq!(of(&[wrong]), 5, "{wrong}");
        }
        assert_eq!(of(&["1", "1"]), 5);
    }
}
