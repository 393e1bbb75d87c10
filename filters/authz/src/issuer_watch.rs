//! Telling that the proxy does not give what a proof of clusters needs.
//!
//! Without the issuer no caller of such a cluster is known, and every one is refused: safe, and
//! hard to find out from outside.

use landbridge_host::{Host, Level, MetricKind};
use std::cell::Cell;

/// Whether it was logged, under this configuration.
#[derive(Default)]
pub(crate) struct IssuerWatch(Cell<bool>);

impl IssuerWatch {
    /// A caller has a certificate, and nothing says who issued it.
    pub(crate) fn missing(&self, host: &dyn Host) {
        let name = "landbridge.config.filter.=.authz;.issuer_missing_total";
        if let Ok(metric) = host.metric(MetricKind::Counter, name) {
            // What cannot be counted is logged.
            let _ = host.add(metric, 1);
        }
        if !self.0.replace(true) {
            host.log(
                Level::Error,
                "landbridge authz: the mesh proves clusters by the issuer of a certificate, and the \
                 filter state `landbridge.peer_issuer` is not there: is the `set_filter_state` \
                 filter in front of this one?",
            );
        }
    }
}
