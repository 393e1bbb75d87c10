//! Cross-cluster authorization, as an Envoy filter.
//!
//! The engine decides; this crate turns a decision into effects: it answers who may not, removes
//! forged headers, sends on the path that was judged, counts, and says why to those who may know.
//!
//! A key design decision here is that whatever a decision looks like from outside is made once and
//! kept (see `report`): a worker sees few distinct decisions and very many requests, and a metric
//! looked up by name or a line of JSON put together for each would cost more than deciding.

mod answer;
mod configure;
mod denial_log;
mod report;
mod request;

use denial_log::DenialLog;
use landbridge_engine::PolicySet;
use landbridge_filter::Missing;
use landbridge_host::{Filter, Flow, Host};
use report::Reports;
use std::rc::Rc;

/// What metrics and logs call it.
const NAME: &str = "authz";

/// The filter under one configuration.
pub struct Authz {
    set: PolicySet,
    reports: Reports,
    denials: DenialLog,
    missing: Missing,
}

impl Filter for Authz {
    /// What the response is to say of the decision, where the caller may know.
    type Stream = Option<Rc<str>>;

    fn configure(host: &dyn Host, configuration: &[u8]) -> Option<Self> {
        let set = configure::configure(host, configuration)?;
        let denials = DenialLog::new(set.settings().denial_logs_per_second);
        Some(Self {
            set,
            reports: Reports::default(),
            denials,
            missing: Missing::new(NAME),
        })
    }

    fn unconfigured(host: &dyn Host) -> Flow {
        landbridge_filter::unconfigured(NAME, host)
    }

    fn on_request(&self, host: &dyn Host, _: bool) -> (Flow, Self::Stream) {
        request::handle(self, host)
    }

    fn on_response(&self, host: &dyn Host, explanation: &mut Self::Stream, _: bool) -> Flow {
        if let Some(explanation) = explanation.take() {
            // The response is the upstream's; it goes on without the header if need be.
            let _ = host.set_response_header(answer::DECISION_HEADER, explanation.as_bytes());
        }
        Flow::Continue
    }
}

landbridge_host::filter!(Authz);
