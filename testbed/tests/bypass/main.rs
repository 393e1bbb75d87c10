//! Public weaknesses of proxies that judge requests, each tried on Landbridge in a real Envoy.
//!
//! A case is named after the weakness that it prevents. It is sent byte by byte, as HTTP/1.1 and as
//! HTTP/2 where the weakness exists there, and three things must hold: the answer is the one
//! written beside it; what was refused never reached the upstream; and what reached it was what
//! was judged. `docs/bypass.md` has the same cases in prose.

mod addresses;
mod data_classes;
mod framing;
mod grpc;
mod grpc_services;
mod headers;
mod hosts;
mod identity;
mod judge;
mod lookalikes;
mod methods;
mod overrides;
mod paths;
mod request;
mod scene;
mod server_names;
mod templates;
mod tokens;
