//! What all parts of a shaping policy have: a name of their own, and the requests they are about.

use super::super::authorization::check_rules;
use super::super::{Findings, Names};
use crate::Code;
use crate::authorization::Rule;
use crate::name::Name;
use crate::pattern::AnyOf;
use crate::shaping::{Concurrency, Deadline, Fault, Limit, RetryBudget, Split};
use deserr::ValuePointerRef;
use std::collections::BTreeSet;

/// A part of a shaping policy.
pub(super) trait Part {
    /// What one is called, and several.
    const WHAT: [&'static str; 2];
    /// The most of them in one policy.
    const MOST: usize;

    fn name(&self) -> &Name;
    fn requests(&self) -> Option<&AnyOf<Rule>>;
}

macro_rules! parts {
    ($($part:ident: $one:literal, $several:literal, $most:literal;)+) => {$(
        impl Part for $part {
            const WHAT: [&'static str; 2] = [$one, $several];
            const MOST: usize = $most;

            fn name(&self) -> &Name {
                &self.name
            }

            fn requests(&self) -> Option<&AnyOf<Rule>> {
                self.requests.as_ref()
            }
        }
    )+};
}

parts! {
    Limit: "limit", "limits", 64;
    Concurrency: "limit of concurrency", "limits of concurrency", 16;
    Split: "split", "splits", 64;
    Deadline: "deadline", "deadlines", 64;
    RetryBudget: "retry budget", "retry budgets", 64;
    Fault: "fault", "faults", 64;
}

/// Checks the parts of one kind that stand at `at`, what is its own of each by `check`.
pub(super) fn parts<T: Part>(
    list: Option<&AnyOf<T>>,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
    mut check: impl FnMut(&T, ValuePointerRef<'_>, &mut Findings),
) {
    let [one, several] = T::WHAT;
    let Some(list) = list.filter(|list| few(list, T::MOST, several, at, findings)) else {
        return;
    };
    let mut seen = BTreeSet::new();
    for (i, part) in list.iter().enumerate() {
        let place = at.push_index(i);
        let name = part.name();
        if !seen.insert(name.as_str()) {
            let message = format!("there is another {one} `{name}`");
            findings.add(place.push_key("name"), Code::DuplicateName, message);
        }
        if let Some(rules) = part.requests() {
            check_rules(rules, names, place.push_key("requests"), findings);
        }
        check(part, place, findings);
    }
}

/// Whether a list is no longer than `most`; what is not is told, and not looked at.
pub(super) fn few<T>(
    list: &AnyOf<T>,
    most: usize,
    several: &str,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) -> bool {
    let few = list.iter().count() <= most;
    if !few {
        findings.add(at, Code::TooMany, format!("more {several} than {most}"));
    }
    few
}
