//! What a real Kubernetes API server says of what Landbridge ships.
//!
//! One server serves all of these tests. Those that need the namespace that Istio reads for the
//! whole mesh take turns.

#[path = "api_server/chart.rs"]
mod chart;
#[path = "api_server/cluster.rs"]
mod cluster;
#[path = "api_server/eks.rs"]
mod eks;
#[path = "api_server/judge.rs"]
mod judge;
#[path = "api_server/kustomize.rs"]
mod kustomize;
#[path = "api_server/observability.rs"]
mod observability;
#[path = "api_server/packed.rs"]
mod packed;
#[path = "api_server/rendered.rs"]
mod rendered;
