//! One request: what is known of it, and what becomes of it.

use super::concurrency::{Ended, Ticket};
use super::fault::Abortion;
use super::limits::Nanos;
use super::set::{ItemId, ShapingSet};
use crate::decision::Reason;
use crate::facts::Facts;
use crate::mesh_index::ClusterId;
use crate::quantity::Millis;
use landbridge_model::CriticalityLevel;
use std::borrow::Cow;
use std::time::Duration;

/// The time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// By a clock that only goes forward, the same one for all workers of a proxy.
    pub steady: Nanos,
    /// In milliseconds since 1970.
    pub wall: Millis,
}

impl Now {
    /// Milliseconds of the clock that only goes forward.
    pub(super) fn millis(self) -> Millis {
        self.steady.div_euclid(1_000_000)
    }
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What is known of it, where anything is asked for.
    pub facts: Option<&'a Facts<'a>>,
    /// Its headers, without those of ours that its caller may not set.
    pub headers: &'a [(String, Vec<u8>)],
    /// Whether its caller is trusted.
    pub trusted: bool,
    /// Whether a failover sent it here, as a trusted caller says.
    pub displaced: bool,
    /// Whether its caller speaks gRPC.
    pub is_grpc: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(header, _)| header == name)?;
        Some(value)
    }

    pub(super) fn source(&self) -> Option<ClusterId> {
        self.facts?.caller().cluster()
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Begun {
    /// It goes on.
    Passed(Box<Pass>),
    /// It is refused.
    Refused(Box<Refusal>),
}

/// A header and its value.
pub type Header = (Cow<'static, str>, String);

/// A request that goes on.
#[derive(Debug, Default)]
pub struct Pass {
    /// Request headers to set.
    pub set: Vec<Header>,
    /// It waits this long first.
    pub delay: Option<Duration>,
    /// And is then answered so.
    pub abort: Option<Abortion>,
    /// Response headers to set, or, of `set-cookie`, to add.
    pub told: Vec<Header>,
    /// What is kept of it until its end.
    pub run: Run,
}

/// A request that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What refuses it.
    pub item: ItemId,
    /// Why.
    pub reason: Reason,
    /// The HTTP status.
    pub status: u16,
    /// The gRPC status.
    pub grpc_status: u32,
    /// Headers of the answer.
    pub headers: Vec<Header>,
    /// What is told of it.
    pub told: Told,
}

/// What would have refused a request, were it in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shadowed {
    /// What would have.
    pub item: ItemId,
    /// Why.
    pub reason: Reason,
}

/// What metrics and logs tell of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Told {
    /// What refused it, and why.
    pub refused: Option<Shadowed>,
    /// The first that would have refused it.
    pub shadow: Option<Shadowed>,
    /// The caller's cluster, where that is known.
    pub source: Option<ClusterId>,
    /// How critical it is, where that matters.
    pub level: Option<CriticalityLevel>,
    /// The split that it is one of, and its backend.
    pub backend: Option<(ItemId, usize)>,
    /// Whether a failover sent it.
    pub displaced: bool,
}

/// A request that is under way.
#[derive(Debug, Default)]
pub struct Run {
    pub(super) tickets: Vec<(usize, Ticket)>,
    /// The retry budgets that it is one of, and its host.
    pub(super) budgets: Vec<usize>,
    pub(super) host: Box<str>,
    /// What is told of it.
    pub told: Told,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// What came of it.
    pub ended: Ended,
    /// How long its answer took, in nanoseconds, where [`Run::measures`].
    pub nanos: Option<u64>,
    /// How often the proxy sent it, where [`Run::counts_attempts`].
    pub attempts: u32,
}

impl Run {
    /// Whether it must be known how often the proxy tried it.
    pub fn counts_attempts(&self) -> bool {
        !self.budgets.is_empty()
    }

    /// Whether it must be known how it ended, and when.
    pub fn measures(&self) -> bool {
        !self.tickets.is_empty()
    }
}

impl Told {
    /// One line of JSON: the access log's value. Names are letters, digits, `-`, `_`, `.` and `/`:
    /// none needs escaping.
    pub fn to_json(&self, set: &ShapingSet) -> String {
        let reason = self.refused.map_or(Reason::WithinLimits, |r| r.reason);
        let mut out = format!(
            "{{\"filter\":\"shaping\",\"verdict\":\"{}\",\"reason\":\"{}\",\"source_cluster\":\"{}\"",
            if self.refused.is_some() {
                "deny"
            } else {
                "allow"
            },
            reason.as_str(),
            set.base.source_name(self.source),
        );
        let named = |id: ItemId| match set.item(id) {
            Some(item) => format!("\"policy\":\"{}\",\"rule\":\"{}\"", item.policy, item.name),
            None => String::new(),
        };
        if let Some(refused) = self.refused {
            out.push_str(&format!(",{}", named(refused.item)));
        }
        if let Some(shadow) = self.shadow {
            let (reason, by) = (shadow.reason.as_str(), named(shadow.item));
            out.push_str(&format!(
                ",\"shadow\":{{\"outcome\":\"would_deny\",\"reason\":\"{reason}\",{by}}}"
            ));
        }
        if let Some(level) = self.level {
            out.push_str(&format!(",\"criticality\":\"{}\"", level.as_str()));
        }
        if let Some(backend) = self.backend.and_then(|(id, i)| set.backend(id, i)) {
            out.push_str(&format!(",\"backend\":\"{backend}\""));
        }
        if self.displaced {
            out.push_str(",\"displaced\":true");
        }
        out.push('}');
        out
    }
}
