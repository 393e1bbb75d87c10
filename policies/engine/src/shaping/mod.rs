//! Parts of traffic shaping.

pub mod deadline;
mod ramp;
mod recent;
pub mod retries;
pub mod split;
#[cfg(test)]
mod split_laws;
