//! How much may come.

#![allow(
    dead_code,
    unused_imports,
    reason = "the worker that drives it comes next"
)]

mod allowance;
mod bucket;
#[cfg(test)]
mod laws;
mod leases;
mod sets;

pub use allowance::{Allowance, Nanos};
pub(crate) use leases::{Leases, Taken};
pub(crate) use sets::{Count, Sets};
