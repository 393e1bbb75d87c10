//! Limits: that what they count can be within them, and that what is written means something.

use super::super::callers::says;
use super::super::numbers::{positive, within};
use super::super::operation::paths;
use super::super::{Findings, Names};
use super::keys;
use super::parts::parts;
use crate::Code;
use crate::pattern::AnyOf;
use crate::shaping::{Cost, Limit, LimitScope, OnStoreLoss, Rate, Shaping};
use deserr::ValuePointerRef;
use std::time::Duration;

/// The most values of a key that may be told apart at a time: each takes memory.
const MOST_KEYS: u32 = 1_000_000;
/// The longest that a burst may take to come back: past it, its time would not be counted exactly.
const LONGEST_BURST: Duration = Duration::from_secs(366 * 24 * 3600);

pub(super) fn limits(
    policy: &Shaping,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let list = policy.limits.as_ref();
    parts(list, names, at, findings, |limit, place, findings| {
        keys::keys(limit, names, place, findings);
        keys::chosen_by_caller(limit, policy, place.push_key("key"), findings);
        burst(limit.burst, limit.rate, place.push_key("burst"), findings);
        let overrides_at = place.push_key("overrides");
        let overrides = limit.overrides.iter().flat_map(AnyOf::iter);
        for (i, other) in overrides.enumerate() {
            let place = overrides_at.push_index(i);
            burst(other.burst, other.rate, place.push_key("burst"), findings);
        }
        if let Some(asked) = &limit.cost {
            cost(asked, limit, place.push_key("cost"), findings);
        }
        let has_service = policy.rate_limit_service.is_some();
        scope(limit, has_service, place, findings);
        let most_at = place.push_key("maxKeys");
        within(limit.max_keys, (1, MOST_KEYS), most_at, findings);
    });
}

fn burst(burst: Option<u32>, rate: Rate, at: ValuePointerRef<'_>, findings: &mut Findings) {
    positive(burst, at, findings);
    let Some(burst) = burst else { return };
    let whole = u128::from(burst).saturating_mul(rate.per.as_nanos());
    let most = u128::from(rate.count).saturating_mul(LONGEST_BURST.as_nanos());
    if whole > most {
        findings.add_hinted(
            at,
            Code::InvalidValue,
            format!("at `{rate}`, a burst of {burst} would take more than a year to come back"),
            Some("write a smaller burst, or a higher rate".to_owned()),
        );
    }
}

fn cost(cost: &Cost, limit: &Limit, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if cost.header.is_none() && cost.paths.is_none() {
        let hint = Some("write `header` or `paths`".to_owned());
        let message = "by what the cost of a request is known is missing";
        findings.add_hinted(at, Code::MissingField, message, hint);
    }
    says(cost.header.as_ref(), at.push_key("header"), findings);
    if let Some(most) = cost.most {
        let place = at.push_key("most");
        if cost.header.is_none() {
            let message = "only what a `header` says has a most";
            findings.add(place, Code::InvalidValue, message);
        }
        affordable(most, limit, place, findings);
    }
    let paths_at = at.push_key("paths");
    for (i, of_paths) in cost.paths.iter().flat_map(AnyOf::iter).enumerate() {
        let place = paths_at.push_index(i);
        paths(of_paths.paths.iter(), place.push_key("paths"), findings);
        affordable(of_paths.cost, limit, place.push_key("cost"), findings);
    }
}

/// A request that counts for more than a whole burst would be refused for ever.
fn affordable(cost: u32, limit: &Limit, at: ValuePointerRef<'_>, findings: &mut Findings) {
    positive(Some(cost), at, findings);
    let own = (limit.burst, limit.rate);
    let overrides = limit.overrides.iter().flat_map(AnyOf::iter);
    let others = overrides.map(|other| (other.burst, other.rate));
    let bursts = std::iter::once(own).chain(others);
    let least = bursts.map(|(burst, rate)| burst.unwrap_or(rate.in_a_second()).max(1));
    let mut least = least.enumerate();
    let Some((i, burst)) = least.find(|(_, burst)| cost > *burst) else {
        return;
    };
    let whose = match i.checked_sub(1) {
        Some(i) => format!(" of `overrides[{i}]`"),
        None => String::new(),
    };
    findings.add_hinted(
        at,
        Code::InvalidValue,
        format!(
            "a request that counts for {cost} would never be within the burst{whose}, which is {burst}"
        ),
        Some(format!("write a `burst` of at least {cost} there, or a lower cost")),
    );
}

fn scope(limit: &Limit, has_service: bool, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let loss_at = at.push_key("onStoreLoss");
    let fraction_at = at.push_key("fraction");
    match limit.scope {
        LimitScope::Global if !has_service => findings.add_hinted(
            at.push_key("scope"),
            Code::MissingField,
            "`rateLimitService` is missing: it counts for all proxies",
            Some("write it beside `limits`, or `scope: Proxy`".to_owned()),
        ),
        LimitScope::Global => {}
        LimitScope::Proxy => {
            let message = "a limit with `scope: Proxy` asks no service that could be lost";
            if limit.on_store_loss != OnStoreLoss::default() {
                findings.add(loss_at, Code::InvalidValue, message);
            }
            if limit.fraction.is_some() {
                findings.add(fraction_at, Code::InvalidValue, message);
            }
            return;
        }
    }
    let Some(fraction) = limit.fraction else {
        return;
    };
    if limit.on_store_loss != OnStoreLoss::Fraction {
        let message = format!(
            "with `onStoreLoss: {}` there is no share of the rate",
            limit.on_store_loss.as_str()
        );
        findings.add(fraction_at, Code::InvalidValue, message);
    } else if fraction.0 == 0 {
        let hint = Some("to let nothing through, write `onStoreLoss: Closed`".to_owned());
        let message = "a share of nothing";
        findings.add_hinted(fraction_at, Code::InvalidValue, message, hint);
    }
}
