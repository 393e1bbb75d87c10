//! What a filter may ask of its proxy, and how a proxy drives a filter.
//!
//! This is the only crate that names proxy-wasm. A filter implements [`Filter`] against the
//! [`Host`] trait and is exported with [`filter!`]; its tests drive it with `mock::MockHost`.
//!
//! A key design decision here is that the trait is small and speaks of effects: read the request,
//! set a header, answer, call, count. It has no getter that unwraps a status or a string, as those
//! of proxy-wasm's own traits do, and what it takes from the network it gives as bytes.

mod call;
mod drive;
mod entry;
mod grpc;
mod grpc_service;
mod host;
#[cfg(feature = "mock")]
pub mod mock;
mod proxy;
mod ticket;

pub use call::{Call, CallAnswer, CallId};
#[doc(hidden)]
pub use drive::{proxy_wasm, register};
pub use entry::{Filter, Flow};
pub use grpc::{GrpcCall, GrpcStatus};
pub use host::{Headers, Host, HostError, Level, MetricId, MetricKind, Reply};
pub use ticket::Ticket;

/// Exports a [`Filter`] to the proxy.
#[macro_export]
macro_rules! filter {
    ($filter:ty) => {
        #[allow(
            missing_docs,
            unreachable_pub,
            reason = "the module's entry point, for the proxy"
        )]
        mod entry {
            use super::*;
            $crate::proxy_wasm::main! {{ $crate::register::<$filter>(); }}
        }
    };
}
