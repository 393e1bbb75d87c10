//! The mesh of `testbed/compose.yaml`, which `cargo xtask compose` has started: seen from the ports
//! that it publishes, and broken by docker's own commands.
//!
//! They run one after the other: each breaks what the next one needs, and mends it.

mod limits;
mod observed;
mod policies;
mod region;
mod running;
mod smoke;
