//! Which requests something is about.

use crate::Truth;
use crate::compile::{DataClasses, rule};
use crate::facts::Facts;
use crate::mesh_index::MeshIndex;
use crate::plan::Plan;
use crate::policy_set::Rule;
use landbridge_model::AnyOf;

/// What compiling rules takes.
pub(super) struct Terms<'a> {
    pub(super) namespace: &'a str,
    pub(super) mesh: &'a MeshIndex,
    pub(super) classes: &'a DataClasses,
    pub(super) plan: &'a mut Plan,
}

/// The requests of some rules; all, where there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection(Option<Box<[Rule]>>);

impl Selection {
    pub(super) fn new(
        rules: Option<&AnyOf<landbridge_model::Rule>>,
        terms: &mut Terms<'_>,
    ) -> Self {
        Self(rules.map(|rules| {
            let Terms {
                namespace,
                mesh,
                classes,
                plan,
            } = terms;
            let compiled = rules
                .iter()
                .map(|r| rule(r, namespace, mesh, classes, plan));
            compiled.collect()
        }))
    }

    /// Whether it is about all requests, whatever is known of them.
    pub(super) fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a request may be one of them: what restrains holds for whoever cannot be told from
    /// those that it is meant for.
    pub(super) fn may_have(&self, facts: Option<&Facts<'_>>) -> bool {
        self.holds(facts) != Truth::No
    }

    /// Whether a request surely is one of them: what grants takes that.
    pub(super) fn has(&self, facts: Option<&Facts<'_>>) -> bool {
        self.holds(facts) == Truth::Yes
    }

    fn holds(&self, facts: Option<&Facts<'_>>) -> Truth {
        match (&self.0, facts) {
            (None, _) => Truth::Yes,
            (Some(_), None) => Truth::Unknown,
            (Some(rules), Some(facts)) => Truth::any(rules.iter().map(|rule| rule.holds(facts))),
        }
    }
}
