//! What a test may wish where requests leave: endpoints, their health, failover, gateways.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::{Builder, Filter, HealthChecks, NativeFailover};

/// The wishes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outward {
    endpoints: HashMap<String, u32>,
    pub(crate) health_checks: Option<HealthChecks>,
    pub(crate) outlier_detection: Option<Value>,
    pub(crate) native: Option<NativeFailover>,
    pub(crate) gateway_filters: Vec<Filter>,
    pub(crate) gateway_config: Option<String>,
    pub(crate) gateways_joined: bool,
    pub(crate) without_route: HashSet<String>,
    pub(crate) without_endpoints: HashSet<String>,
}

impl Outward {
    /// How many endpoints a cluster has, if a test said so.
    pub(crate) fn endpoints(&self, cluster: &str) -> Option<u32> {
        self.endpoints.get(cluster).copied()
    }

    /// Whether client sidecars ask endpoints for their health.
    pub(crate) fn checks_health(&self) -> bool {
        let native = self.native.as_ref();
        let native = native.is_some_and(|native| native.health_checks.is_some());
        self.health_checks.is_some() || native
    }
}

impl Builder {
    /// Has the server sidecar of a cluster take requests at `count` addresses, up to 12, each at the
    /// service's port. Clients have all of them as endpoints; the upstream is told by
    /// `x-testbed-endpoint` which one, from 0, took a request. Not for [waypoints](Self::waypoints).
    ///
    /// A filter that comes by ECDS is configured once for each.
    pub fn endpoints(mut self, cluster: &str, count: u32) -> Self {
        self.outward
            .endpoints
            .insert(cluster.to_owned(), count.max(1));
        self
    }

    /// Has client sidecars check the health of each cluster's endpoints.
    pub fn client_health_checks(mut self, checks: HealthChecks) -> Self {
        self.outward.health_checks = Some(checks);
        self
    }

    /// Envoy's `outlier_detection` for the client sidecars' subset of each cluster.
    pub fn client_outlier_detection(mut self, json: Value) -> Self {
        self.outward.outlier_detection = Some(json);
        self
    }

    /// Has the client sidecars' default route fail over as Istio's does. It is taken by calls
    /// [via the sidecar](crate::Call::via_sidecar) that say no cluster.
    pub fn native_failover(mut self, failover: NativeFailover) -> Self {
        self.outward.native = Some(failover);
        self
    }

    /// The filters of every gateway, instead of none.
    pub fn gateway_filters(mut self, filters: impl IntoIterator<Item = Filter>) -> Self {
        self.outward.gateway_filters = filters.into_iter().collect();
        self
    }

    /// `pluginConfig` (JSON) for the gateways of all clusters.
    pub fn gateway_config(mut self, json: impl ToString) -> Self {
        self.outward.gateway_config = Some(json.to_string());
        self
    }

    /// Has a gateway send what is for another cluster to that cluster's gateway, where it has one,
    /// instead of to its server. `x-landbridge-cluster` does not go along: the next gateway may send
    /// it on to where it came from.
    pub fn gateways_joined(mut self) -> Self {
        self.outward.gateways_joined = true;
        self
    }

    /// Leaves the route out that leads to a cluster by `x-landbridge-cluster`, in client sidecars and
    /// gateways: such requests take the default route.
    pub fn without_route(mut self, cluster: &str) -> Self {
        self.outward.without_route.insert(cluster.to_owned());
        self
    }

    /// Leaves the endpoints of a cluster out, in client sidecars and gateways: Envoy has nowhere to
    /// send such requests, and answers 503.
    pub fn without_endpoints(mut self, cluster: &str) -> Self {
        self.outward.without_endpoints.insert(cluster.to_owned());
        self
    }
}
