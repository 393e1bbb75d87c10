//! What may be wrong with a failover policy.

mod behaviour;
mod drains;
mod residency;
mod services;

use super::{Findings, Names};
use crate::Code;
use crate::failover::{Failover, Preference};
use crate::pattern::AnyOf;
use deserr::ValuePointerRef;
use std::collections::BTreeSet;

pub(super) use services::contested;

/// Checks a failover policy of the namespace `own` that stands at `at`.
pub fn failover(
    policy: &Failover,
    own: &str,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    super::target::target(&policy.target, own, names, at.push_key("target"), findings);
    services::services(policy, names, at.push_key("services"), findings);
    preference(policy, names, at.push_key("preference"), findings);
    behaviour::behaviour(policy, at, findings);
    residency::residency(policy, names, at, findings);
    drains::drains(policy, names, at.push_key("drains"), findings);
    budgets(policy, names, at.push_key("transferBudgets"), findings);
}

fn preference(policy: &Failover, names: &Names, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (i, by) in policy.preference.iter().flat_map(AnyOf::iter).enumerate() {
        let place = at.push_index(i);
        let word = by.as_str();
        if !seen.insert(word) {
            findings.add(
                place,
                Code::DuplicateName,
                format!("`{word}` is there already"),
            );
        }
        if matches!(by, Preference::Price | Preference::Rtt) && !names.has_links() {
            findings.add_hinted(
                place,
                Code::NoLinks,
                format!("the mesh has no links, so that `{word}` tells no clusters apart"),
                Some("say in `links` of the `Mesh` what lies between its regions".to_owned()),
            );
        }
    }
}

fn budgets(policy: &Failover, names: &Names, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    let budgets = policy.transfer_budgets.iter().flat_map(AnyOf::iter);
    for (i, budget) in budgets.enumerate() {
        let place = at.push_index(i);
        let (from, to) = (budget.from.as_str(), budget.to.as_str());
        names.known_region(from, place.push_key("from"), findings);
        names.known_region(to, place.push_key("to"), findings);
        if from == to {
            let message = format!("what stays in `{from}` goes over no link");
            findings.add(place.push_key("to"), Code::InvalidValue, message);
        } else if !seen.insert((from.min(to), from.max(to))) {
            let message = format!("there is another budget for `{from}` and `{to}`");
            findings.add(place, Code::DuplicateName, message);
        }
        let cost_at = place.push_key("costPerHour");
        match (budget.gib_per_hour, budget.cost_per_hour) {
            (None, None) => {
                let hint = Some("write `gibPerHour` or `costPerHour`".to_owned());
                findings.add_hinted(
                    place,
                    Code::MissingField,
                    "how much may go over it is missing",
                    hint,
                );
            }
            (Some(_), Some(_)) => {
                let message = "there is `gibPerHour` as well; one of both says how much it is";
                findings.add(cost_at, Code::InvalidValue, message);
            }
            (None, Some(_)) if from != to && !names.has_price(from, to) => {
                findings.add_hinted(
                    cost_at,
                    Code::InvalidValue,
                    format!("the mesh has no price for what goes between `{from}` and `{to}`"),
                    Some(
                        "add `pricePerGib` to that link of the `Mesh`, or write `gibPerHour`"
                            .to_owned(),
                    ),
                );
            }
            _ => {}
        }
        for (key, amount) in [
            ("gibPerHour", budget.gib_per_hour),
            ("costPerHour", budget.cost_per_hour),
        ] {
            if amount.is_some_and(|amount| amount.millionths == 0) {
                let hint =
                    Some("keep requests away by `residency`, or leave the cluster out".to_owned());
                let message = "a budget of nothing";
                findings.add_hinted(place.push_key(key), Code::InvalidValue, message, hint);
            }
        }
    }
}
