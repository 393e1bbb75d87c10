//! The failover state machines on a clock of the test's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    unreachable_pub,
    reason = "a test fails loudly"
)]

mod health;
mod herds;
mod laws;
mod policy;
mod routing;
mod world;
