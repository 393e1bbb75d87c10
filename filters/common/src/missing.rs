//! Telling that the proxy does not give what the policies need.
//!
//! Without it what is asked for is not known, and callers are refused: safe, and hard to find out
//! from outside.

use landbridge_host::{Host, Level, MetricKind};
use std::cell::Cell;

/// What Envoy's `set_filter_state` filter, which stands before this one, keeps for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// The issuer of the caller's certificate.
    Issuer,
    /// The address that the connection came from.
    SourceIp,
}

impl Given {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Issuer => "landbridge.peer_issuer",
            Self::SourceIp => "landbridge.source_ip",
        }
    }

    fn needed(self) -> &'static str {
        match self {
            Self::Issuer => "the mesh proves clusters by the issuer of a certificate",
            Self::SourceIp => "policies match the address that a connection came from",
        }
    }
}

/// What was logged, under this configuration.
#[derive(Debug)]
pub struct Missing {
    filter: &'static str,
    issuer: Cell<bool>,
    source_ip: Cell<bool>,
}

impl Missing {
    /// Nothing yet, of the filter of this name.
    pub fn new(filter: &'static str) -> Self {
        Self {
            filter,
            issuer: Cell::default(),
            source_ip: Cell::default(),
        }
    }

    /// A request needs it, and it is not there.
    pub(crate) fn tell(&self, host: &dyn Host, what: Given) {
        let (name, told) = match what {
            Given::Issuer => ("issuer", &self.issuer),
            Given::SourceIp => ("source_ip", &self.source_ip),
        };
        let name = format!(
            "landbridge.config.filter=.={};.;{name}_missing_total",
            self.filter
        );
        if let Ok(metric) = host.metric(MetricKind::Counter, &name) {
            // What cannot be counted is logged.
            let _ = host.add(metric, 1);
        }
        if !told.replace(true) {
            let (needed, key) = (what.needed(), what.key());
            let line = format!(
                "landbridge {}: {needed}, and the filter state `{key}` is not there: is the \
                 `set_filter_state` filter in front of this one?",
                self.filter
            );
            host.log(Level::Error, &line);
        }
    }
}
