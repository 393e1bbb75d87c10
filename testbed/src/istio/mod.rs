//! What Istio makes of manifests, so that the testbed runs what a mesh would run.
//!
//! [`Control`] is istiod: from Kubernetes objects, the services that there are and what a proxy is
//! ([`Recipient`]) to that proxy's filters, ECDS resources, clusters and routes ([`Xds`]). It is pure
//! and gives what istiod gives, so that it can be held to a real one's output (`tests/istio`).
//! [`Agent`] is what runs beside each Envoy: it fetches modules from a registry and puts RBAC in the
//! place of those that it cannot get. Only then come the testbed's own ways, in `delivery.rs`: files
//! where Istio has a stream.
//!
//! Only what `landbridge render istio` produces is understood. A field beyond that is an error: what
//! is left out in silence would be tested as if it worked.

mod agent;
mod attach;
mod chain;
mod cluster;
mod control;
mod extension;
mod field;
mod manifest;
mod matching;
mod patch;
mod problem;
mod recipient;
mod route;
mod service;
mod telemetry;

pub use agent::{Agent, Fetched, Source, WasmFailure};
pub use control::{Control, Xds};
pub use extension::{Extension, FailStrategy, Phase};
pub use manifest::{Manifests, Object};
pub use problem::Problem;
pub use recipient::{Kind, Recipient};
pub use service::{Endpoint, ServiceEntry};

pub(crate) use cluster::Cluster;
pub(crate) use telemetry::Logged;
