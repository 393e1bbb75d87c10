//! Proves what failover's scenarios stand on, in real Envoys and without the filter that fails over: clusters that are lost or
//! hang, services that fail in part, endpoints, gateways, and Istio's own failover.
//!
//! One binary, so that it is linked once; each test has a mesh of its own.

mod endpoints;
mod gateways;
mod loss;
mod native;
mod outbound;
mod setup;
mod upstream;
