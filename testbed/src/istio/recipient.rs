//! Who a configuration is for.

use std::collections::BTreeMap;

/// What a proxy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Beside a workload.
    Sidecar,
    /// A gateway that Istio's `Gateway` or the Gateway API describes.
    Gateway,
    /// A waypoint, before these services (namespace and name).
    Waypoint(Vec<(String, String)>),
}

/// A proxy, as istiod knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// What it is.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// The labels of its pod.
    pub labels: BTreeMap<String, String>,
}

/// The label by which a proxy of the Gateway API says which `Gateway` it is of.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

impl Recipient {
    /// A proxy with labels.
    pub fn new<'a>(
        kind: Kind,
        namespace: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let labels = labels.into_iter();
        Self {
            kind,
            namespace: namespace.to_owned(),
            labels: labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    /// The `Gateway` (of the Gateway API) that it is of.
    pub(crate) fn gateway(&self) -> Option<&str> {
        self.labels.get(GATEWAY_NAME).map(String::as_str)
    }

    /// Whether it has all of these labels.
    pub(crate) fn has(&self, labels: &BTreeMap<String, String>) -> bool {
        labels
            .iter()
            .all(|(key, value)| self.labels.get(key) == Some(value))
    }
}

/// A listener's place, by which plugins and patches are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Inbound,
    Outbound,
    Gateway,
    Waypoint,
}

impl Class {
    /// Istio's `WorkloadMode`.
    pub(crate) fn mode(self) -> &'static str {
        match self {
            Self::Inbound | Self::Waypoint => "SERVER",
            Self::Outbound | Self::Gateway => "CLIENT",
        }
    }

    /// The `context` of an `EnvoyFilter`.
    pub(crate) fn context(self) -> &'static str {
        match self {
            Self::Inbound => "SIDECAR_INBOUND",
            Self::Outbound => "SIDECAR_OUTBOUND",
            Self::Gateway => "GATEWAY",
            Self::Waypoint => "WAYPOINT",
        }
    }
}
