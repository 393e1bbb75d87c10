//! Splits: that shares add up to something, and that what is named is a backend.

use super::super::authorization::check_rules;
use super::super::callers::{cookie_time, tells_apart};
use super::super::numbers::some_time;
use super::super::{Findings, Names};
use super::parts::{few, parts};
use crate::Code;
use crate::decode::suggest;
use crate::name::Name;
use crate::pattern::AnyOf;
use crate::quantity::Amount;
use crate::shaping::{Enforcement, Ramp, Shaping, Split, Sticky};
use deserr::ValuePointerRef;
use std::collections::BTreeSet;

/// The most backends of one split.
const MOST_BACKENDS: usize = 64;
/// The most overrides of one split.
const MOST_OVERRIDES: usize = 256;
/// A share of all.
const ALL: Amount = Amount {
    millionths: 100_000_000,
};

pub(super) fn splits(
    policy: &Shaping,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let list = policy.splits.as_ref();
    let mut before: Option<&Name> = None;
    for (i, split) in list.into_iter().flat_map(AnyOf::iter).enumerate() {
        if split.mode != Enforcement::Enforce {
            continue;
        }
        if let Some(before) = before {
            findings.add_hinted(
                at.push_index(i),
                Code::NeverMatches,
                format!("all requests are shared out by `{before}` before"),
                Some("the first split that a request is one of decides: put it last".to_owned()),
            );
        } else if split.requests.is_none() {
            before = Some(&split.name);
        }
    }
    parts(list, names, at, findings, |split, place, findings| {
        let backends_at = place.push_key("backends");
        if few(
            &split.backends,
            MOST_BACKENDS,
            "backends",
            backends_at,
            findings,
        ) {
            backends(split, backends_at, findings);
        }
        if let Some(by) = &split.sticky {
            sticky(by, place.push_key("sticky"), findings);
        }
        if let Some(over_time) = &split.ramp {
            ramp(over_time, split, place.push_key("ramp"), findings);
        }
        let overrides_at = place.push_key("overrides");
        let overrides = split.overrides.as_ref();
        let overrides =
            overrides.filter(|list| few(list, MOST_OVERRIDES, "overrides", overrides_at, findings));
        for (i, other) in overrides.into_iter().flat_map(AnyOf::iter).enumerate() {
            let place = overrides_at.push_index(i);
            let requests_at = place.push_key("requests");
            check_rules(&other.requests, names, requests_at, findings);
            known(&other.backend, split, place.push_key("backend"), findings);
        }
    });
}

fn backends(split: &Split, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let by_ramp = split.ramp.as_ref().map(|ramp| &ramp.backend);
    let (mut seen, mut whole, mut missing) = (BTreeSet::new(), 0_u64, false);
    for (i, backend) in split.backends.iter().enumerate() {
        let place = at.push_index(i);
        let name = &backend.name;
        if !seen.insert(name) {
            let message = format!("there is another backend `{name}`");
            findings.add(place.push_key("name"), Code::DuplicateName, message);
        }
        if by_ramp == Some(name) {
            continue;
        }
        match backend.weight {
            Some(weight) => whole = whole.saturating_add(weight.millionths),
            None => {
                missing = true;
                let hint = Some("with 0 it gets only what `overrides` gives it".to_owned());
                let message = "`weight` is missing";
                findings.add_hinted(place, Code::MissingField, message, hint);
            }
        }
    }
    let alone = by_ramp.is_some() && seen.len() < 2;
    if whole == 0 && !missing && !alone {
        let message = match by_ramp {
            Some(_) => "the weights of those without the ramp are all 0: nobody gets the rest",
            None => "the weights are all 0: nobody gets anything",
        };
        findings.add(at, Code::InvalidValue, message);
    }
}

fn known(name: &Name, split: &Split, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let there = || split.backends.iter().map(|backend| backend.name.as_str());
    if !there().any(|other| other == name.as_str()) {
        let message = format!("no backend is called `{name}`");
        let hint = suggest(name.as_str(), there());
        findings.add_hinted(at, Code::InvalidValue, message, hint);
    }
}

fn sticky(sticky: &Sticky, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let by = [
        ("header", sticky.header.is_some()),
        ("cookie", sticky.cookie.is_some()),
        ("principal", sticky.principal == Some(true)),
    ];
    let mut by = by.into_iter().filter(|(_, is_there)| *is_there);
    let first = by.next();
    if first.is_none() {
        let hint = Some("write `header`, `cookie` or `principal: true`".to_owned());
        let message = "by what a caller is known is missing";
        findings.add_hinted(at, Code::MissingField, message, hint);
    }
    for ((first, _), (key, _)) in first.into_iter().cycle().zip(by) {
        let message =
            format!("there is `{first}` as well; one of these keeps a caller where it is");
        findings.add(at.push_key(key), Code::InvalidValue, message);
    }
    tells_apart(sticky.header.as_ref(), at.push_key("header"), findings);
    let by_cookie = sticky.cookie.is_some();
    cookie_time(sticky.ttl, by_cookie, at.push_key("ttl"), findings);
}

fn ramp(ramp: &Ramp, split: &Split, at: ValuePointerRef<'_>, findings: &mut Findings) {
    known(&ramp.backend, split, at.push_key("backend"), findings);
    if split.backends.iter().count() == 1 {
        let message = "there is no other backend whose share it could take";
        findings.add(at, Code::InvalidValue, message);
    }
    for (key, share) in [("from", ramp.from), ("to", ramp.to)] {
        if share.is_some_and(|share| share > ALL) {
            let message = "expected a share in percent, from 0 to 100";
            findings.add(at.push_key(key), Code::InvalidValue, message);
        }
    }
    if ramp.from.unwrap_or_default() == ramp.to.unwrap_or(ALL) {
        let hint = Some("without a ramp, `weight` says what a backend gets".to_owned());
        let message = "the share stays what it is";
        findings.add_hinted(at, Code::InvalidValue, message, hint);
    }
    some_time(Some(ramp.over), at.push_key("over"), findings);
    if ramp.stop.is_some_and(|stop| stop <= ramp.start) {
        let message = "the ramp would stop before it begins";
        findings.add(at.push_key("stop"), Code::InvalidValue, message);
    }
}
