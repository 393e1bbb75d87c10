//! Parts of traffic shaping.

pub mod concurrency;
pub mod deadline;
pub mod fault;
pub mod global;
pub mod limits;
mod ramp;
mod recent;
pub mod retries;
pub mod split;
#[cfg(test)]
mod split_laws;
