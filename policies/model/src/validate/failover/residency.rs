//! Residency: no service may be left with nowhere to go.

use super::super::{Findings, Names};
use crate::Code;
use crate::failover::{Failover, Residency, Service};
use crate::pattern::{AnyOf, Pattern};
use deserr::ValuePointerRef;

pub(super) fn residency(
    policy: &Failover,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let rules_at = at.push_key("residency");
    let rules: Vec<&Residency> = policy.residency.iter().flat_map(AnyOf::iter).collect();
    for (i, rule) in rules.iter().enumerate() {
        let place = rules_at.push_index(i);
        let classes_at = place.push_key("dataClasses");
        for (j, class) in rule.data_classes.iter().flat_map(AnyOf::iter).enumerate() {
            names.data_classes(class, classes_at.push_index(j), findings);
        }
        let laws_at = place.push_key("jurisdictions");
        for (j, law) in rule.jurisdictions.iter().enumerate() {
            let pattern = Pattern::Exact(law.as_str().to_owned());
            names.jurisdictions(&pattern, laws_at.push_index(j), findings);
        }
    }
    let services_at = at.push_key("services");
    for (i, service) in policy.services.iter().enumerate() {
        let clusters_at = services_at.push_index(i);
        let clusters_at = clusters_at.push_key("clusters");
        let of = &service.name;
        match stranded(service, &rules, names) {
            None => {}
            Some(Stranded::All) => findings.add_hinted(
                clusters_at,
                Code::NowhereToGo,
                format!("requests may go to none of the clusters of `{of}`"),
                Some("run it where they may be, or mend the residency".to_owned()),
            ),
            Some(Stranded::Class(class)) => findings.add_hinted(
                clusters_at,
                Code::ClassNowhereToGo,
                format!(
                    "requests of the data class `{class}` may go to none of the clusters of `{of}`"
                ),
                Some(
                    "if it gets any, run it where they may be; else this is as it should be"
                        .to_owned(),
                ),
            ),
        }
    }
}

/// The requests of a service that may go nowhere.
enum Stranded {
    All,
    /// Those of this data class.
    Class(String),
}

fn stranded(service: &Service, rules: &[&Residency], names: &Names) -> Option<Stranded> {
    let law = |cluster: &str| names.law_of(cluster).unwrap_or_default().to_owned();
    let laws: Vec<String> = service.clusters.iter().map(|c| law(c.as_str())).collect();
    let of_all = |law: &String| {
        let mut all = rules.iter().filter(|rule| rule.data_classes.is_none());
        all.all(|rule| allows(rule, law))
    };
    if !laws.iter().any(of_all) {
        return Some(Stranded::All);
    }
    let of_mesh = |class: &str, law: &String| {
        let mut residency = names.residency().filter(|(name, _)| *name == class);
        residency.all(|(_, laws)| laws.contains(law))
    };
    let named = rules.iter().filter_map(|rule| rule.data_classes.as_ref());
    let named = named
        .flat_map(AnyOf::iter)
        .filter_map(|pattern| match pattern {
            Pattern::Exact(name) => Some(name.as_str()),
            _ => None,
        });
    let mut classes = names.residency().map(|(class, _)| class).chain(named);
    let found = classes.find(|class| {
        let of_class = |law: &String| {
            let about = |rule: &&&Residency| {
                let patterns = rule.data_classes.as_ref();
                patterns.is_some_and(|list| list.iter().any(|p| p.matches(class)))
            };
            of_mesh(class, law) && rules.iter().filter(about).all(|rule| allows(rule, law))
        };
        !laws.iter().any(|law| of_all(law) && of_class(law))
    });
    found.map(|class| Stranded::Class(class.to_owned()))
}

fn allows(rule: &Residency, law: &str) -> bool {
    rule.jurisdictions
        .iter()
        .any(|allowed| allowed.as_str() == law)
}
