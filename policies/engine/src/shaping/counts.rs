//! What is counted of requests between ticks: a metric that is told for each request would cost as
//! much as shaping it.

use super::set::ItemId;
use crate::mesh_index::ClusterId;
use hashbrown::HashMap;
use std::mem;

/// What became of requests at one thing that shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// They went on.
    Allowed,
    /// They were refused.
    Refused,
    /// They would have been refused.
    WouldRefuse,
    /// They were sent to this backend.
    Backend(usize),
}

impl Outcome {
    /// As metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::WouldRefuse => "would_refuse",
            Self::Backend(_) => "sent",
        }
    }
}

/// What came since the last tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// What shaped.
    pub item: ItemId,
    /// The callers' cluster.
    pub source: Option<ClusterId>,
    /// What became of them.
    pub outcome: Outcome,
    /// How many there were.
    pub times: u32,
}

#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<(ItemId, Option<ClusterId>, Outcome), u32>);

impl Counts {
    pub(super) fn add(&mut self, item: ItemId, source: Option<ClusterId>, outcome: Outcome) {
        let times = self.0.entry((item, source, outcome)).or_default();
        *times = times.saturating_add(1);
    }

    /// What was counted since it was asked last.
    pub(super) fn take(&mut self) -> Vec<Count> {
        let counts = mem::take(&mut self.0).into_iter();
        let count = |((item, source, outcome), times)| Count {
            item,
            source,
            outcome,
            times,
        };
        counts.map(count).collect()
    }
}
