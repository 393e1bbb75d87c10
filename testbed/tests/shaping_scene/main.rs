//! Proves what traffic shaping's scenarios stand on, in real Envoys and without the filter that
//! shapes: a rate-limit service and its faults, what Envoy does by itself, services that are full,
//! loads of many callers.
//!
//! One binary, so that it is linked once; each test has a mesh of its own.

mod hops;
mod load;
mod measure;
mod native;
mod protocol;
mod ratelimit;
mod restart;
mod setup;
mod shared;
mod upstream;
