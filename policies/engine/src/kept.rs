//! What is kept of a configuration for the next one.
//!
//! Most changes are to one policy of many. A worker stands still while it loads a configuration, so
//! what is written word for word as before is not read, checked and compiled again: its rules are
//! shared. Nothing is kept across a change of the head (mesh, local, options), since all of it may
//! mean something else under another.

use crate::applies::{Answers, Own};
use crate::compile::Part;
use crate::digest::PartDigest;
use hashbrown::HashMap;
use landbridge_model::Diagnostic;
use std::fmt;
use std::sync::Arc;

/// The policies of a configuration, by how they were written.
#[derive(Default)]
pub struct Kept {
    head: Option<PartDigest>,
    /// What the proxy said of itself, where policies asked.
    pub(crate) answers: Answers,
    policies: HashMap<Box<str>, Arc<KeptPolicy>>,
}

/// A policy that is good by itself.
#[derive(Debug)]
pub(crate) struct KeptPolicy {
    pub(crate) digest: PartDigest,
    /// What no other policy may be called.
    pub(crate) title: Arc<str>,
    pub(crate) istio: bool,
    pub(crate) rules: usize,
    /// What is worth knowing of it, told of its place in the list.
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) index: usize,
    /// What it was compiled to, where it applies here.
    pub(crate) part: Option<Arc<Part>>,
}

impl KeptPolicy {
    /// Its warnings, at another place in the list.
    pub(crate) fn warnings_at(&self, index: usize) -> Vec<Diagnostic> {
        let mut warnings = self.warnings.clone();
        if index != self.index {
            let (old, new) = (
                format!("policies[{}]", self.index),
                format!("policies[{index}]"),
            );
            for warning in &mut warnings {
                if let Some(rest) = warning.path.strip_prefix(&old) {
                    warning.path = format!("{new}{rest}");
                }
            }
        }
        warnings
    }
}

impl Kept {
    pub(crate) fn new(head: PartDigest) -> Self {
        Self {
            head: Some(head),
            answers: Answers::new(),
            policies: HashMap::new(),
        }
    }

    /// What was kept, if it was under this head and the proxy is what it was.
    pub(crate) fn under(&self, head: &PartDigest, own: &Own<'_>) -> Option<&Self> {
        let same = self.head.as_ref() == Some(head);
        let mut answers = self.answers.iter();
        (same && answers.all(|(question, answer)| own.ask(question) == *answer)).then_some(self)
    }

    pub(crate) fn get(&self, text: &str) -> Option<&Arc<KeptPolicy>> {
        self.policies.get(text)
    }

    pub(crate) fn insert(&mut self, text: &str, policy: Arc<KeptPolicy>) {
        self.policies.insert(text.into(), policy);
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({})", self.policies.len())
    }
}
