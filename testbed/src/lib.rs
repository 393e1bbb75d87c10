//! Meshes of real Envoys, on one machine, without Docker and without root.
//!
//! A [`Mesh`] is some clusters, each with an address on the loopback network, a
//! root CA, an echo service (the [`Upstream`]), and two Envoys configured in the
//! shapes that istiod gives them: a server sidecar that takes requests in over
//! mTLS, and a client sidecar through which requests leave. A gateway may stand
//! before a server, and the server may have the form of a waypoint. Filters come
//! to them by ECDS from files, so that a test changes policy under load.
//!
//! ```no_run
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! use landbridge_testbed::{Call, Mesh, Side, Workload};
//!
//! let mesh = Mesh::builder("story").config("{}").start().await?;
//! let frontend = Workload::new("euw1-a", "shop", "frontend");
//! let reply = mesh.call(Call::get("/orders").from(frontend).to("use1-a")).await?;
//! assert_eq!(reply.status, 403);
//! let stats = mesh.stats("use1-a", Side::Server).await?;
//! assert_eq!(stats.sum("landbridge_authz_requests_total", &[("decision", "deny")]), 1.0);
//! # Ok(())
//! # }
//! ```
//!
//! What shaped it:
//!
//! - **Nothing is left behind.** Every Envoy dies with the process that started
//!   it, also by SIGKILL. See `landbridge-guard`.
//! - **Ports have meaning, addresses are free.** Every mesh has its own block of
//!   loopback addresses; the service is always on [`SERVICE_PORT`].
//! - **A caller is whoever a test says.** [`Identity`] can be a workload of any
//!   cluster, or a forgery.
//! - **Failures are kept.** The configuration and logs of a mesh whose test
//!   failed, or with `LANDBRIDGE_KEEP` set, stay in `target/testbed`.
//!
//! The upstream answers with JSON: `cluster`, `method`, `path`, `authority` (in
//! HTTP/2), `version`, `headers` (pairs in the order received) and `body_len`; with
//! `x-testbed-size: N`, and spaces behind it up to N bytes. One that [calls on](Mesh::call_on) says as
//! `onward` what came of that.

mod admin;
mod assembly;
mod attentive;
mod builder;
mod call;
mod cluster;
pub mod compose;
mod connect;
mod daemon;
mod delivery;
mod disaster;
mod envoy;
mod error;
mod failover;
mod filter;
mod folder;
mod health;
mod hot;
pub mod istio;
pub mod jwt;
mod kept;
mod load;
mod material;
mod mesh;
mod native;
mod net;
mod observe;
mod pki;
mod pool;
mod port;
pub mod process;
pub mod product;
mod proxy;
pub mod random;
pub mod ratelimit;
mod raw;
pub mod rbac;
mod registry;
mod runtime;
pub mod scene;
pub mod soak;
pub mod solo;
mod stats;
mod tls;
mod tools;
mod upstream;
pub mod wire;

pub use builder::Builder;
pub use call::{Call, CallError, Reply};
pub use cluster::{ClusterAuthority, ClusterSpec, GatewayMode, PeerAuthentication, Side};
pub use daemon::Daemon;
pub use delivery::{Resources, Sent};
pub use envoy::{Service, Telemetry};
pub use error::{Error, failed};
pub use filter::{Filter, Wasm};
pub use health::HealthChecks;
pub use load::{Load, Report, Shot, mix};
pub use mesh::{Mesh, Version};
pub use native::{
    NativeAdaptiveConcurrency, NativeBucket, NativeByHeader, NativeEntry, NativeFailover,
    NativeLocalRateLimit, NativeRateLimit,
};
pub use net::{
    CLIENT_ADMIN_PORT, GATEWAY_ADMIN_PORT, GATEWAY_PORT, OUTBOUND_PORT, SERVER_ADMIN_PORT,
    SERVICE_PORT, UPSTREAM_PORT,
};
pub use observe::{Delivery, eventually};
pub use pki::{Identity, Signer, Workload};
pub use raw::{RawField, RawOutcome, RawReply, RawStream};
pub use registry::{Registry, RegistryBuilder};
pub use stats::{Sample, Stats};
pub use tls::Protocol;
pub use tools::{
    ENVOY_VERSION, envoy as envoy_binary, filter as filter_module, program, workspace,
};
pub use upstream::{Failure, Seen, Tally, Upstream, Work, Workers};
