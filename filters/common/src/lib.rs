//! What all filters have in common, between the proxy and the engine: what the proxy says of itself,
//! reading a request as the plan asks, telling a fleet which configuration is in force.
//!
//! It is apart from `landbridge-host`, which never sees a policy, and from the engine, which never
//! sees a proxy.

mod answer;
mod config;
mod headers;
mod missing;
mod node;
mod read;
mod store;

pub use answer::{answer, malformed, unconfigured};
pub use config::{Cost, InForce, plugin, refuse};
pub use headers::{header, is_grpc, is_own, remove_own};
pub use missing::Missing;
pub use node::{Node, is_sidecar, random};
pub use read::{Read, read};
pub use store::SharedData;
