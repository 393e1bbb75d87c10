//! A Kubernetes API server that is nobody's cluster: no nodes, no controllers, and Istio's kinds.
//!
//! It judges what is applied, with strict field validation, as any cluster's would: it is the same
//! program. What no controller does here, none of the tests needs.

mod client;
mod helm;
mod server;

pub use client::{Refused, finish, objects};
pub use server::ApiServer;

/// The programs that `KUBEBUILDER_ASSETS` may hold.
pub(crate) const PROGRAMS: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];
