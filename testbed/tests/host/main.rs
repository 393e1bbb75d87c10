//! What `landbridge-host` promises a filter, in a real Envoy: `testbed/hostcheck` does it, and logs
//! what came of it.

mod clocks;
mod delays;
mod grpc;
mod responder;
mod setup;
